"""What goes wrong: a pending report that lies, and a key that signs two statements about one moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyutils.demo.metering import MeterDesk, SignedReport
from pyutils.demo.people import DISPUTER, FINDER, named
from pyutils.demo.plan import ContradictionPlan, LiePlan, Plan
from pyutils.demo.setting import operator_of
from pyutils.demo.world import World
from pyutils.eip712 import Signature
from pyutils.keccak import keccak256
from pyutils.models import MeterReport
from pyutils.units import MS_PER_SECOND, GpuMs, Joules


@dataclass(slots=True)
class FaultDesk:
    """Lies, and those who find them."""

    world: World
    plan: Plan
    _contradiction: list[tuple[MeterReport, Signature]] = field(default_factory=list)

    def post_lie(self, lie: LiePlan, desk: MeterDesk) -> None:
        """The operator claims that all GPUs were there and busy since the head."""
        world, operator = self.world, operator_of(lie.fleet_id)
        head = world.oracle.head(lie.fleet_id)
        fleet = self.plan.fleet(lie.fleet_id)
        grown_ms = len(fleet.gpu_ids) * (lie.as_of - head.as_of) * MS_PER_SECOND
        report = MeterReport(
            fleet_id=lie.fleet_id,
            as_of=lie.as_of,
            available_gpu_ms=GpuMs(head.available_gpu_ms + grown_ms),
            busy_gpu_ms=GpuMs(head.busy_gpu_ms + grown_ms),
            energy_joules=Joules(head.energy_joules + grown_ms * fleet.kind.power.max_watts // MS_PER_SECOND),
            lease_root=head.lease_root,
            data_hash=keccak256(b"no samples say so"),
            previous_digest=head.digest,
        )
        world.oracle.post(world.lane(operator), report, desk.reporter.signer.sign_preimage(desk.preimage(report)))
        stake = world.oracle.pending(lie.fleet_id).stake
        world.tell(
            f"{named(operator)} posts a report of its own, pending: every GPU there and busy all the time,"
            f" with {world.money(stake)} at stake"
        )

    def dispute_lie(self, lie: LiePlan) -> None:
        """A verifier whose samples say otherwise puts an equal stake against it."""
        self.world.oracle.dispute(self.world.lane(DISPUTER), lie.fleet_id)
        self.world.tell(f"{named(DISPUTER)} built it again from its own samples, and disputes it")

    def strike_lie(self, lie: LiePlan) -> None:
        """The arbiter strikes it: the head stays, the stake is gone."""
        world = self.world
        before = world.oracle.head(lie.fleet_id)
        receipt = world.oracle.rule(world.lane("arbiter"), lie.fleet_id, upheld=False)
        ruling = world.oracle.event(receipt, "RuleDispute")
        assert world.oracle.head(lie.fleet_id) == before, "a struck report leaves the head as it was"
        world.tell(
            f"the arbiter strikes it: {world.money(ruling['toWinner'])} to {named(DISPUTER)},"
            f" {world.money(ruling['toLossFund'])} to the loss fund, the head stays"
        )

    def contradict(self, signed: SignedReport, desk: MeterDesk) -> None:
        """The reporter key also signs that an hour more was busy, for somebody's eyes only."""
        fake = signed.report.model_copy(update={"available_gpu_ms": signed.report.available_gpu_ms + 3_600_000})
        signature = desk.reporter.signer.sign_preimage(desk.preimage(fake))
        self._contradiction += [(signed.report, signed.by_reporter), (fake, signature)]

    def prove_contradiction(self, plan: ContradictionPlan) -> None:
        """Somebody who saw both statements proves it, and gets a tenth of what the lie costs."""
        world, operator = self.world, operator_of(plan.fleet_id)
        (first, by_first), (second, by_second) = self._contradiction
        receipt = world.oracle.prove_lie(world.lane(FINDER), first, by_first, second, by_second)
        slashed = world.oracle.event(receipt, "ProveLie")["slashed"]
        world.tell(
            f"{named(FINDER)} proves that {named(operator)}'s key signed two reports as of one moment:"
            f" {world.money(slashed)} of its bond slashed, a tenth to the finder"
        )
        world.bond.stake(world.lane(operator), plan.fleet_id, world.address(operator), slashed)
        world.tell(f"{named(operator)} stakes {world.money(slashed)} anew")
