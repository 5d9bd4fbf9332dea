"""Lives through a plan: puts everything that will happen on an agenda and does it, in order of time."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pyutils.demo.agenda import Agenda
from pyutils.demo.borrowing import LoanDesk
from pyutils.demo.ending import InvestorDesk
from pyutils.demo.failing import FailureDesk
from pyutils.demo.faults import FaultDesk
from pyutils.demo.leasing import LeaseDesk
from pyutils.demo.lending import LenderDesk
from pyutils.demo.metering import MeterDesk, Party
from pyutils.demo.people import SIGNING_VERIFIERS
from pyutils.demo.plan import FleetPlan, Plan, ReportPlan
from pyutils.demo.setting import found_fleets, open_business, operator_of, reporter_of
from pyutils.demo.world import World
from pyutils.meter import Trace
from pyutils.units import GpuMs, UnixSeconds, format_gpu_hours


class Director:
    """One run of the demo."""

    def __init__(self, world: World, plan: Plan, trace: Trace, leaf_files: Path, state: Path) -> None:
        self.world, self.plan, self.trace, self.leaf_files = world, plan, trace, leaf_files
        self.leases = LeaseDesk(world, plan, state)
        self.faults = FaultDesk(world, plan)
        self.investors = InvestorDesk(world, plan)
        self.lenders = LenderDesk(world, plan)
        self.loans = LoanDesk(world, plan)
        self.failure = FailureDesk(world, self.loans, self.lenders, self._report_on)
        self.meters: dict[int, MeterDesk] = {}

    def run(self) -> None:
        """Do it all; the chain is left in the end state."""
        world = self.world
        world.timeline.heading("Before the trace")
        found_fleets(world, self.plan, self.trace, self.leases.state)
        self.loans.announce()
        open_business(world, self.plan)
        self.loans.approve()
        self.lenders.deposit()
        self.meters = {fleet.fleet_id: self._meter(fleet) for fleet in self.plan.fleets}
        world.arrive(self.plan.first)
        world.timeline.heading("The trace")
        for at, action in self._agenda():
            world.arrive(at)
            action()
        world.timeline.heading("After the trace")
        self.investors.settle_up()
        self.loans.repay()
        self.lenders.leave_early()
        self.failure.run()
        self.lenders.leave()

    def _meter(self, fleet: FleetPlan) -> MeterDesk:
        """Set up reporter and verifiers, each with samples of its own."""
        oracle, people = self.world.oracle, self.world.people
        verifiers, _ = oracle.verifiers_of(fleet.fleet_id)
        signing = {verifiers.index(people.address(account)): people.signer(account) for account in SIGNING_VERIFIERS}
        sampled = partial(Party, self.trace, fleet.gpu_ids, fleet.kind.power)
        return MeterDesk(
            fleet.fleet_id,
            oracle.domain(self.world.manifest.chain_id),
            sampled(people.signer(reporter_of(fleet.fleet_id))),
            {place: sampled(signer) for place, signer in sorted(signing.items())},
            self.leaf_files,
        )

    def _agenda(self) -> Agenda:
        agenda, plan = Agenda(), self.plan
        self.leases.put_on(agenda)
        for report in plan.reports:
            agenda.put(report.submit_at, partial(self._report, report))
        if plan.lie is not None:
            desk = self.meters[plan.lie.fleet_id]
            agenda.put(plan.lie.post_at, partial(self.faults.post_lie, plan.lie, desk))
            agenda.put(plan.lie.dispute_at, partial(self.faults.dispute_lie, plan.lie))
            agenda.put(plan.lie.rule_at, partial(self.faults.strike_lie, plan.lie))
        agenda.put(plan.contradiction.prove_at, partial(self.faults.prove_contradiction, plan.contradiction))
        self.loans.put_on(agenda)
        self.investors.put_on(agenda)
        return agenda

    def _report(self, plan: ReportPlan) -> None:
        """Sign, submit and settle by it."""
        world, fleet_id, desk = self.world, plan.fleet_id, self.meters[plan.fleet_id]
        head = world.oracle.head(fleet_id)
        granted = self.leases.granted_at(fleet_id, plan.as_of)
        signed = desk.sign(plan.as_of, head.digest, granted, self.leases.allocations(fleet_id, plan.as_of))
        receipt = world.oracle.submit(
            world.lane(operator_of(fleet_id)), signed.report, signed.by_reporter, signed.by_verifiers
        )
        grown_ms = signed.report.available_gpu_ms - head.available_gpu_ms
        late = ", three hours late: nothing is lost, the counters are cumulative" if plan.late else ""
        world.tell(
            f"fleet {fleet_id} reports {format_gpu_hours(GpuMs(grown_ms), 1)} GPU-hours more,"
            f" signed by the operator and {len(signed.by_verifiers)} verifiers, {receipt.gas_used:,} gas{late}"
        )
        contradiction = self.plan.contradiction
        if (contradiction.fleet_id, contradiction.as_of) == (fleet_id, plan.as_of):
            self.faults.contradict(signed, desk)
        self.leases.settle(signed.leaf_file)

    def _report_on(self, as_of: UnixSeconds) -> None:
        """After the trace no board delivers anything, and the fleets say so."""
        for fleet in self.plan.fleets:
            self._report(ReportPlan(fleet.fleet_id, as_of, self.world.now()))
