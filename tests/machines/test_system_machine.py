"""Hypothesis drives contracts and mirrors together and compares everything after every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from pyutils.anvil import Anvil
from pyutils.bond import FINDER_PARTS
from pyutils.leases import Leaf, LeaseModel, deliverable, reservation_up
from pyutils.payouts import Payouts
from pyutils.revenue import TITLE
from pyutils.units import FleetId, GpuMs, ShareUnits, TokenUnits, UnixSeconds

from .size import QUICK, run_machine, thorough
from .stage import ARGUMENTS, COINS, SENDERS, TERMS, Stage
from .world import PAYERS, World

ZERO_KEY = b"key".ljust(32)
PICK = st.integers(0, 255)
PARTS = st.lists(st.sampled_from([0, 1, 77, 200, 240, 250, 255, 256, 256, 256, 300]), min_size=1, max_size=3)
GAP = st.one_of(
    st.just(1),
    st.integers(1, 7_200),
    st.sampled_from([3_599, 3_600, 3_601, 7_199, 7_200, 43_200, 86_399, 86_400, 86_401, 172_800, 7 * 86_400]),
)
LEAP = st.sampled_from([3_600, 86_400, 2 * 86_400, 3 * 86_400, 8 * 86_400, 15 * 86_400, 22 * 86_400, 40 * 86_400])


class SystemMachine(RuleBasedStateMachine):
    """Two fleets in one coin, their leases, reports, bonds, revenue and shares."""

    stage: ClassVar[Stage]
    decimals: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.stage, self.decimals)
        self.proved: set[tuple[FleetId, int, str]] = set()

    # ---- setting up ----

    @initialize(
        capacities=st.tuples(st.integers(4, 64), st.integers(4, 64)),
        units=st.tuples(st.integers(1, 10**4), st.integers(1, 10**4)),
        fine=st.booleans(),
        operating_bps=st.sampled_from([0, 1, 2_000, 3_333, 10_000]),
        supply=st.sampled_from([10**18, 10**18 + 7, 999_983 * 10**18, 10**24, 2**96 - 1]),
        bond=st.sampled_from([1_500, 20_000, 500_000]),
        lessees=st.lists(st.integers(0, 2), min_size=1, max_size=3),
    )
    def begin(
        self,
        capacities: tuple[int, int],
        units: tuple[int, int],
        fine: bool,
        operating_bps: int,
        supply: int,
        bond: int,
        lessees: list[int],
    ) -> None:
        world = self.world
        for admitted in world.lessees[:2]:
            world.sure(world.admin, "FleetRegistry", "admitLessee", admitted, ZERO_KEY)
            world.of_record.add(admitted)
        for capacity, price in zip(capacities, units, strict=True):
            # A price near a coin for rent that counts, or of a few units for rounding that shows.
            shown = price if fine else world.coins(1) * price // 1_000 + price
            world.enrol(
                capacity=capacity,
                price=TokenUnits(shown),
                operating_bps=operating_bps,
                supply=ShareUnits(supply),
                bond=world.coins(bond),
            )
        for n, lessee in enumerate(lessees):
            lease = self._open(FleetId(1 + n % 2), world.lessees[lessee], 1 + n, (7_201, 86_400, 5 * 86_400)[n])
            if lease is not None:
                self._grant(lease)
        world.observe()

    # ---- leases ----

    @rule(
        gap=GAP,
        fleet=PICK,
        lessee=PICK,
        gpus=st.integers(0, 20),
        duration=st.sampled_from([3_599, 3_600, 3_601, 10_000, 86_400, 86_401, 3 * 86_400, 30 * 86_400, 91 * 86_400]),
        cheap=PICK,
    )
    def open(self, gap: int, fleet: int, lessee: int, gpus: int, duration: int, cheap: int) -> None:
        world = self.world
        world.tick(gap)
        self._open(self._fleet(fleet), world.lessees[lessee % 3], gpus, duration, cheap=cheap > 240)

    @precondition(lambda self: self._any(_ungranted))
    @rule(gap=GAP, lease=PICK)
    def grant(self, gap: int, lease: int) -> None:
        self.world.tick(gap)
        self._grant(self._lease(lease, _ungranted))

    @precondition(lambda self: self._any(_ungranted))
    @rule(gap=GAP, lease=PICK, anyone=st.booleans())
    def cancel(self, gap: int, lease: int, anyone: bool) -> None:
        world, one = self.world, self._lease(lease, _ungranted)
        caller, now = world.admin if anyone else one.owner, world.tick(gap)
        self._book(caller, "cancel", one.lease_id, mirror=lambda: world.book.cancel(one.lease_id, caller, now))

    @precondition(lambda self: self._any(_running))
    @rule(gap=GAP, lease=PICK, by_operator=st.booleans())
    def end_early(self, gap: int, lease: int, by_operator: bool) -> None:
        world, one, now = self.world, self._lease(lease, _running), self.world.tick(gap)
        if by_operator:
            operator = world.fleets[one.fleet_id].operator.address
            mirror = lambda: world.book.end_by_operator(one.lease_id, now)  # noqa: E731
            self._book(operator, "endByOperator", one.lease_id, mirror=mirror)
        else:
            mirror = lambda: world.book.end_by_lessee(one.lease_id, now)  # noqa: E731
            self._book(one.owner, "endByLessee", one.lease_id, mirror=mirror)

    @precondition(lambda self: self._any(_running))
    @rule(lease=PICK, late=st.sampled_from([-1, 0, 3_600]))
    def release(self, lease: int, late: int) -> None:
        world, one = self.world, self._lease(lease, _running)
        if _running(one):
            world.tick(max(0, one.end + late - world.now))
        self._release(one)

    @precondition(lambda self: self._any(lambda one: not one.closed))
    @rule(gap=GAP, lease=PICK, to=PICK)
    def hand_on(self, gap: int, lease: int, to: int) -> None:
        world, one = self.world, self._lease(lease, lambda one: not one.closed)
        world.tick(gap)
        receiver = world.lessees[to % 3]
        arguments = (one.owner, receiver, one.lease_id)
        record = receiver in world.of_record
        self._book(
            one.owner,
            "transferFrom",
            *arguments,
            mirror=lambda: world.book.transfer(one.lease_id, receiver, of_record=record),
        )

    @precondition(lambda self: self._any(_running))
    @rule(gap=GAP, lease=PICK, false=PICK)
    def settle(self, gap: int, lease: int, false: int) -> None:
        world, one, now = self.world, self._lease(lease, _running), self.world.tick(gap)
        leaf = self._leaf(one, now, false=false > 240)
        mirror = lambda: world.book.settle(one.lease_id, leaf, now)  # noqa: E731
        self._book(world.admin, "settle", one.lease_id, leaf.delivered, leaf.proof, mirror=mirror)

    @rule(gap=GAP, fleet=PICK, chosen=st.sets(st.integers(0, 7)), astray=PICK)
    def settle_many(self, gap: int, fleet: int, chosen: set[int], astray: int) -> None:
        now = self.world.tick(gap)
        self._settle_many(self._fleet(fleet), chosen, now, astray=astray > 240)

    @precondition(lambda self: self._any(_running))
    @rule(gap=GAP, lease=PICK, parts=PARTS, covering=PICK, released=st.booleans())
    def close(self, gap: int, lease: int, parts: list[int], covering: int, released: bool) -> None:
        world, one = self.world, self._lease(lease, _running)
        world.tick(gap)
        if covering > 100 and one.granted_at and not one.closed:
            world.tick(max(0, one.end - world.now))
            self._submit(one.fleet_id, world.now, parts)
            if released:
                self._release(one)
        now = world.now
        leaf = self._leaf(one, now)
        mirror = lambda: world.book.close(one.lease_id, leaf, now)  # noqa: E731
        self._book(world.admin, "close", one.lease_id, leaf.delivered, leaf.proof, mirror=mirror)

    @precondition(lambda self: self._any(_running))
    @rule(lease=PICK, late=st.sampled_from([-1, 0, 3_600, 7 * 86_400 - 1, 7 * 86_400, 30 * 86_400, 38 * 86_400]))
    def close_unproved(self, lease: int, late: int) -> None:
        world, one = self.world, self._lease(lease, _running)
        if one.granted_at and not one.closed:
            world.tick(max(0, one.end + late - world.now))
        now = world.now
        mirror = lambda: world.book.close_unproved(one.lease_id, now)  # noqa: E731
        self._book(world.admin, "closeUnproved", one.lease_id, mirror=mirror)

    @precondition(lambda self: self._any(_running))
    @rule(lease=PICK, late=st.sampled_from([-1, 0, 3_600]), parts=st.integers(0, 260))
    def close_mutual(self, lease: int, late: int, parts: int) -> None:
        world, one = self.world, self._lease(lease, _running)
        if one.granted_at and not one.closed:
            world.tick(max(0, one.end + TERMS.mutual_delay + late - world.now))
        now = world.now
        agreed = GpuMs(deliverable(one.gpus, one.term_s) * parts // 256)
        proved = self._leaf(one, now)
        operator = world.fleets[one.fleet_id].operator.address
        signatures = [world.mutual_signature(who, one.lease_id, agreed) for who in (operator, one.owner)]
        closing = (one.lease_id, agreed, *signatures, proved.delivered, proved.proof)
        mirror = lambda: world.book.close_mutual(one.lease_id, agreed, proved, now)  # noqa: E731
        self._book(world.admin, "closeMutual", closing, mirror=mirror)

    # ---- reports ----

    @rule(gap=GAP, fleet=PICK, lag=st.sampled_from([0, 0, 1, 600, 7_201, -5]), parts=PARTS, odd=PICK)
    def report(self, gap: int, fleet: int, lag: int, parts: list[int], odd: int) -> None:
        self.world.tick(gap)
        self._submit(self._fleet(fleet), self.world.now - lag, parts, odd=odd)

    @precondition(lambda self: self._any(_running))
    @rule(gap=GAP, fleet=PICK, parts=PARTS, collect=st.booleans())
    def deliver(self, gap: int, fleet: int, parts: list[int], collect: bool) -> None:
        """An hour as most are: a report by all, everything settled, perhaps revenue collected and released."""
        world = self.world
        world.tick(gap)
        fleet_id = self._chosen(lambda one: bool(world.open_leases(one)), fleet)
        self._submit(fleet_id, world.now, parts)
        self._settle_many(fleet_id, set(range(8)), world.now)
        if collect:
            self._collect(fleet_id, collect=True)
            world.wait(86_400 + gap)

    @rule(
        gap=LEAP,
        fleet=PICK,
        parts=PARTS,
        signers=st.sampled_from([(0, 1), (1, 2), (0, 1, 2), (0, 2), (0,), (1, 1), (1, 3)]),
    )
    def report_without_operator(self, gap: int, fleet: int, parts: list[int], signers: tuple[int, ...]) -> None:
        world, fleet_id, now = self.world, self._fleet(fleet), self.world.tick(gap)
        report = world.report(fleet_id, now, parts)
        rows = world.quorum_signatures(report, signers)
        mirror = lambda: world.heads.submit_without_operator(report, world.digest(report), signers, now)  # noqa: E731
        self._oracle(world.admin, "submitWithoutOperator", _row(report), rows, mirror=mirror)

    @rule(gap=GAP, fleet=PICK, lag=st.sampled_from([0, 1, 7_199, 7_200, 7_201]), parts=PARTS, disputed=st.booleans())
    def post(self, gap: int, fleet: int, lag: int, parts: list[int], disputed: bool) -> None:
        world, fleet_id, now = self.world, self._fleet(fleet), self.world.tick(gap)
        facts = world.fleets[fleet_id]
        report = world.report(fleet_id, now - lag, parts)
        stake = world.bond.stake_requirement(fleet_id, world.escrow(fleet_id))
        poster = facts.operator.address
        mirror = lambda: world.heads.post(report, world.digest(report), poster, stake, now)  # noqa: E731
        self._oracle(poster, "post", _row(report), world.reporter_signature(report), mirror=mirror)
        if disputed:
            self._dispute(fleet_id, world.now)

    @precondition(lambda self: self._fleets(self._posted))
    @rule(gap=GAP, fleet=PICK)
    def promote(self, gap: int, fleet: int) -> None:
        """A quorum signs the pending report itself."""
        world, now = self.world, self.world.tick(gap)
        fleet_id = self._chosen(self._posted, fleet)
        posted = world.heads.fleets[fleet_id].posted
        if posted is None:
            return
        report = posted.report
        rows = world.quorum_signatures(report, (0, 2))
        mirror = lambda: world.heads.submit(report, posted.digest, (0, 2), now)  # noqa: E731
        self._oracle(world.admin, "submit", _row(report), world.reporter_signature(report), rows, mirror=mirror)

    @precondition(lambda self: self._fleets(self._posted))
    @rule(gap=st.sampled_from([1, 1, 1, 7_199, 7_200]), fleet=PICK)
    def dispute(self, gap: int, fleet: int) -> None:
        now = self.world.tick(gap)
        self._dispute(self._chosen(self._posted, fleet), now)

    @precondition(lambda self: self._fleets(self._disputed))
    @rule(gap=GAP, fleet=PICK, upheld=st.booleans())
    def rule_dispute(self, gap: int, fleet: int, upheld: bool) -> None:
        world, now = self.world, self.world.tick(gap)
        fleet_id = self._chosen(self._disputed, fleet)
        mirror = lambda: world.heads.rule(fleet_id, upheld=upheld, now=now)  # noqa: E731
        self._oracle(world.admin, "rule", fleet_id, upheld, mirror=mirror)

    @precondition(lambda self: self._fleets(self._disputed))
    @rule(gap=st.sampled_from([1, 14 * 86_400 - 2, 14 * 86_400]), fleet=PICK)
    def expire_dispute(self, gap: int, fleet: int) -> None:
        world, fleet_id = self.world, self._chosen(self._disputed, fleet)
        now = world.tick(gap if world.heads.fleets[fleet_id].dispute.opened_at else 1)
        self._oracle(world.admin, "expireDispute", fleet_id, mirror=lambda: world.heads.expire_dispute(fleet_id, now))

    @rule(gap=GAP, fleet=PICK)
    def touch(self, gap: int, fleet: int) -> None:
        world, fleet_id, now = self.world, self._fleet(fleet), self.world.tick(gap)
        self._oracle(world.admin, "touch", fleet_id, mirror=lambda: world.heads.sync(fleet_id, now))

    @rule(gap=GAP, fleet=PICK, shrunk=st.integers(0, 256))
    def restate(self, gap: int, fleet: int, shrunk: int) -> None:
        """Arbiter and quorum lower the counters, and every leaf by half."""
        world, fleet_id, now = self.world, self._fleet(fleet), self.world.tick(gap)
        report = world.report(fleet_id, now, [256], drop=True)
        head = world.heads.head(fleet_id, now)
        report = report.model_copy(
            update={
                "available_gpu_ms": GpuMs(head.available_gpu_ms * shrunk // 256),
                "busy_gpu_ms": GpuMs(head.busy_gpu_ms * shrunk // 256),
                "energy_joules": head.energy_joules * shrunk // 256,
            }
        )
        rows = world.quorum_signatures(report, (0, 1))
        mirror = lambda: world.heads.restate(report, world.digest(report), (0, 1), now)  # noqa: E731
        self._oracle(world.admin, "restate", _row(report), rows, mirror=mirror)

    @rule(gap=GAP, fleet=PICK, as_of=st.integers(1, 10**6))
    def prove_lie(self, gap: int, fleet: int, as_of: int) -> None:
        world, fleet_id = self.world, self._fleet(fleet)
        world.tick(gap)
        facts = world.fleets[fleet_id]
        if (fleet_id, as_of, facts.reporter.address) in self.proved:
            return
        self.proved.add((fleet_id, as_of, facts.reporter.address))
        a = world.report(fleet_id, world.now, [256]).model_copy(update={"as_of": UnixSeconds(as_of)})
        b = a.model_copy(update={"energy_joules": a.energy_joules + 1})
        finder, operator, escrow = world.lessees[1], facts.operator.address, world.escrow(fleet_id)
        before = world.bond.payouts.owed(world.token, finder)
        slashed: list[int] = []
        self._oracle(
            finder,
            "proveLie",
            _row(a),
            world.reporter_signature(a),
            _row(b),
            world.reporter_signature(b),
            mirror=lambda: slashed.append(world.bond.slash_lie(fleet_id, operator, escrow, finder)),
        )
        assert world.bond.payouts.owed(world.token, finder) - before == slashed[0] // FINDER_PARTS

    # ---- money ----

    @rule(gap=GAP, fleet=PICK, collect=st.booleans())
    def route(self, gap: int, fleet: int, collect: bool) -> None:
        self.world.tick(gap)
        self._collect(self._fleet(fleet), collect=collect)

    @precondition(lambda self: any(facts.shares.collected for facts in self.world.fleets.values()))
    @rule(gap=GAP, fleet=PICK, holder=PICK)
    def claim(self, gap: int, fleet: int, holder: int) -> None:
        world, facts, now = self.world, self.world.fleets[self._fleet(fleet)], self.world.tick(gap)
        ready = [one for one in world.holders if facts.shares.claimable(one, now)] if holder < 240 else []
        who = (ready or world.holders)[holder % len(ready or world.holders)]
        mirror = lambda: facts.shares.claim(who, now)  # noqa: E731
        world.act(who, facts.shares_contract, "claim", who, mirror=mirror)

    @precondition(lambda self: any(facts.shares.collected for facts in self.world.fleets.values()))
    @rule(gap=GAP, fleet=PICK)
    def claim_title(self, gap: int, fleet: int) -> None:
        world, facts, now = self.world, self.world.fleets[self._fleet(fleet)], self.world.tick(gap)
        if facts.shares.claimable(TITLE, now) == 0:
            return
        mirror = lambda: facts.shares.claim(TITLE, now)  # noqa: E731
        world.act(facts.owner, facts.shares_contract, "claimTitle", facts.owner, mirror=mirror)

    @rule(gap=GAP, fleet=PICK, seller=PICK, buyer=PICK, parts=st.integers(0, 257))
    def transfer_shares(self, gap: int, fleet: int, seller: int, buyer: int, parts: int) -> None:
        world, facts, now = self.world, self.world.fleets[self._fleet(fleet)], self.world.tick(gap)
        sender, receiver = (world.holders[n % len(world.holders)] for n in (seller, buyer))
        amount = ShareUnits(facts.shares.holdings[sender].shares * parts // 256)
        mirror = lambda: facts.shares.transfer(sender, receiver, amount, now)  # noqa: E731
        world.act(sender, facts.shares_contract, "transfer", receiver, amount, mirror=mirror)

    @rule(gap=GAP, fleet=PICK, buyer=PICK)
    def sell_title(self, gap: int, fleet: int, buyer: int) -> None:
        world, fleet_id, now = self.world, self._fleet(fleet), self.world.tick(gap)
        facts, receiver = world.fleets[fleet_id], world.holders[buyer % len(world.holders)]
        seller = facts.owner
        mirror = lambda: facts.shares.move_title(seller, now)  # noqa: E731
        world.act(seller, "FleetRegistry", "transferFrom", seller, receiver, fleet_id, mirror=mirror)
        facts.owner = receiver

    @rule(gap=GAP, fleet=PICK, bps=st.integers(0, 10_000))
    def lower_operating_share(self, gap: int, fleet: int, bps: int) -> None:
        world, fleet_id = self.world, self._fleet(fleet)
        world.tick(gap)
        facts = world.fleets[fleet_id]

        def mirror() -> None:
            routed = world.router.lower_operating_share(fleet_id, facts.operator.address, bps)
            world.book.pay_router(fleet_id, routed)

        world.act(facts.owner, "RevenueRouter", "lowerOperatingShare", fleet_id, bps, mirror=mirror)

    @rule(gap=GAP, payer=PICK, account=PICK)
    def withdraw(self, gap: int, payer: int, account: int) -> None:
        world = self.world
        world.tick(gap)
        name = PAYERS[payer % len(PAYERS)]
        payouts: Payouts = world.payouts[name]
        people = [who for who in world.people if payouts.owed(world.token, who)]
        who = people[account % len(people)] if people and account < 240 else world.lessees[0]
        mirror = lambda: payouts.withdraw(world.token, who)  # noqa: E731
        world.act(who, name, "withdraw", world.token, who, mirror=mirror)

    @rule(gap=GAP, fleet=PICK, by_successor=st.booleans(), coins=st.integers(0, 30_000))
    def stake(self, gap: int, fleet: int, by_successor: bool, coins: int) -> None:
        world = self.world
        world.tick(gap)
        world.stake(self._fleet(fleet), world.successor if by_successor else world.operator, world.coins(coins))

    @rule(gap=GAP, fleet=PICK, by_successor=st.booleans(), parts=st.integers(0, 256))
    def unbond(self, gap: int, fleet: int, by_successor: bool, parts: int) -> None:
        world, fleet_id, now = self.world, self._fleet(fleet), self.world.tick(gap)
        who = world.successor if by_successor else world.operator
        escrow = world.escrow(fleet_id)
        amount = TokenUnits(world.bond.accounts[fleet_id, who].staked * parts // 256)
        mirror = lambda: world.bond.unbond(fleet_id, who, amount, escrow, now)  # noqa: E731
        world.act(who, "OperatorBond", "unbond", fleet_id, amount, mirror=mirror)

    @rule(gap=st.sampled_from([1, 20 * 86_400, 21 * 86_400]), fleet=PICK, by_successor=st.booleans())
    def finish_unbonding(self, gap: int, fleet: int, by_successor: bool) -> None:
        world, fleet_id = self.world, self._fleet(fleet)
        who = world.successor if by_successor else world.operator
        now = world.tick(gap if world.bond.accounts[fleet_id, who].unbonding else 1)
        mirror = lambda: world.bond.finish_unbonding(fleet_id, who, now)  # noqa: E731
        world.act(who, "OperatorBond", "finishUnbonding", fleet_id, mirror=mirror)

    # ---- the fleet ----

    @rule(fleet=PICK, coins=st.sampled_from([0, 2_000, 400_000]))
    def replace_operator(self, fleet: int, coins: int) -> None:
        world, fleet_id = self.world, self._fleet(fleet)
        facts = world.fleets[fleet_id]
        if facts.operator.address == world.successor:
            return
        world.sure(facts.owner, "FleetRegistry", "proposeOperator", fleet_id, world.successor)
        world.tick(7 * 86_400)
        world.stake(fleet_id, world.successor, world.coins(coins))

        def mirror() -> None:
            pending = world.router.fleets[fleet_id].pending
            world.bond.take_over(fleet_id, world.successor, TokenUnits(world.escrow(fleet_id) - pending))
            world.book.pay_router(fleet_id, world.router.route(fleet_id, facts.operator.address))

        if world.act(world.admin, "FleetRegistry", "replaceOperator", fleet_id, mirror=mirror):
            facts.operator, facts.reporter = world.people[world.successor], world.reporters[1]
            world.sure(world.successor, "MeterOracle", "setReporter", fleet_id, facts.reporter.address)

    @rule(gap=GAP, fleet=PICK, more=st.integers(-8, 8))
    def change_capacity(self, gap: int, fleet: int, more: int) -> None:
        world, fleet_id, now = self.world, self._fleet(fleet), self.world.tick(gap)
        history, owner = world.heads.fleets[fleet_id].capacity, world.fleets[fleet_id].owner
        capacity = max(1, world.book.fleets[fleet_id].leased_gpus, history.now + more)
        if capacity > history.now:
            world.sure(owner, "FleetRegistry", "requestGrowth", fleet_id, capacity, b"root".ljust(32))
            world.set_capacity(fleet_id, capacity)
        elif capacity < history.now:
            arguments = (fleet_id, capacity, b"root".ljust(32))
            world.act(owner, "FleetRegistry", "shrink", *arguments, mirror=lambda: history.push(capacity, now))

    @rule(seconds=LEAP)
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)

    # ---- what must hold ----

    @invariant()
    def contracts_equal_their_mirrors(self) -> None:
        if self.world.fleets:
            self.world.observe()

    @invariant()
    def every_deposit_is_paid_refunded_or_held(self) -> None:
        for lease_id in self.world.book.leases:
            lease = self.world.book.lease(lease_id)
            assert lease.deposit == lease.paid + lease.fee + lease.refunded + lease.held
            assert min(lease.paid, lease.fee, lease.refunded, lease.held) >= 0
            assert lease.refunded == 0 or lease.held == 0

    @invariant()
    def every_balance_is_the_sum_of_what_its_contract_holds(self) -> None:
        world, balances = self.world, self.world.seen.get("balances")
        if not balances:
            return
        held = [model.holds(world.token) for model in (world.book, world.bond, world.router, world.heads)]
        assert [balances[world.contracts[name].address] for name in PAYERS] == held
        for facts in world.fleets.values():
            assert balances[facts.shares_contract.address] == facts.shares.holds()
        assert sum(balances.values()) == world.seen["supply"] == COINS * world.coins(1) * SENDERS

    @invariant()
    def escrow_is_held_deposits_and_rent_not_handed_on(self) -> None:
        world = self.world
        for fleet_id, account in world.book.fleets.items():
            leases = [world.book.lease(one) for one in world.book.leases if one >> 32 == fleet_id]
            revenue = world.router.fleets[fleet_id]
            assert account.escrow == sum(lease.held for lease in leases) + revenue.pending
            assert revenue.pending + revenue.routed == sum(lease.paid + lease.fee for lease in leases)

    @invariant()
    def leased_gpus_are_those_of_leases_that_hold_them_and_never_exceed_capacity(self) -> None:
        world = self.world
        for fleet_id, account in world.book.fleets.items():
            leases = [one for one in world.book.leases.values() if one.fleet_id == fleet_id]
            assert account.leased_gpus == sum(one.gpus for one in leases if not one.closed and not one.released)
            assert account.leased_gpus <= world.heads.fleets[fleet_id].capacity.now

    @invariant()
    def everything_staked_is_reserved_lie_stake_free_unbonding_slashed_or_withdrawn(self) -> None:
        world = self.world
        for (fleet_id, operator), account in world.bond.accounts.items():
            bond = world.bond.view(fleet_id, operator, world.escrow(fleet_id))
            parts = (bond.reserved, bond.lie_stake, bond.free, bond.unbonding, bond.slashed, bond.withdrawn)
            assert min(parts) >= 0
            assert sum(parts) == account.ever_staked

    @invariant()
    def what_the_seat_reserves_is_what_its_open_leases_reserved(self) -> None:
        world = self.world
        for fleet_id, seat in world.bond.seats.items():
            leases = [one for one in world.book.leases.values() if one.fleet_id == fleet_id and not one.closed]
            reserved = sum(reservation_up(one.terms, one.deposit) for one in leases)
            assert world.bond.accounts[fleet_id, seat.operator].reserved == reserved

    @invariant()
    def legs_sum_to_what_was_routed(self) -> None:
        for fleet in self.world.router.fleets.values():
            assert fleet.routed == fleet.protocol_fee + fleet.operating + fleet.shares

    @invariant()
    def the_shares_leg_is_claimed_claimable_unreleased_or_dust_below_one_unit_per_holder(self) -> None:
        world = self.world
        for fleet_id, facts in world.fleets.items():
            revenue = world.router.fleets[fleet_id]
            assert revenue.shares == facts.shares.collected + revenue.uncollected
            holders = sum(1 for one in facts.shares.holdings.values() if one.shares or one.accrued)
            assert 0 <= facts.shares.dust(world.now) <= holders

    @invariant()
    def evidence_of_revenue_never_exceeds_what_reports_paid(self) -> None:
        world = self.world
        for fleet_id, fleet in world.router.fleets.items():
            paid = sum(one.paid for one in world.book.leases.values() if one.fleet_id == fleet_id)
            assert sum(fleet.net_revenue.values()) <= paid

    # ---- helpers of rules ----

    def _fleet(self, pick: int) -> FleetId:
        return FleetId(1 + pick % len(self.world.fleets))

    def _any(self, fit: Callable[[LeaseModel], bool]) -> bool:
        return any(fit(one) for one in self.world.book.leases.values())

    def _fleets(self, fit: Callable[[FleetId], bool]) -> list[FleetId]:
        return [fleet_id for fleet_id in self.world.fleets if fit(fleet_id)]

    def _chosen(self, fit: Callable[[FleetId], bool], pick: int) -> FleetId:
        """Return a fleet, most often one that fits."""
        fleets = self._fleets(fit) if pick < 240 else []
        return fleets[pick % len(fleets)] if fleets else self._fleet(pick)

    def _posted(self, fleet_id: FleetId) -> bool:
        return self.world.heads.fleets[fleet_id].posted is not None

    def _disputed(self, fleet_id: FleetId) -> bool:
        return self.world.heads.fleets[fleet_id].dispute.opened_at > 0

    def _lease(self, pick: int, fit: Callable[[LeaseModel], bool]) -> LeaseModel:
        """Return a lease, most often one that fits."""
        leases = list(self.world.book.leases.values())
        fitting = [one for one in leases if fit(one)] if pick < 232 else leases
        chosen = fitting or leases
        return chosen[pick % len(chosen)]

    def _leaf(self, lease: LeaseModel, now: UnixSeconds, *, false: bool = False) -> Leaf:
        root = self.world.heads.head(lease.fleet_id, now).lease_root
        delivered, proof = self.world.fleets[lease.fleet_id].leaf(root, lease.lease_id)
        return Leaf(GpuMs(delivered + false), proof)

    def _open(
        self, fleet_id: FleetId, lessee: str, gpus: int, duration: int, *, cheap: bool = False
    ) -> LeaseModel | None:
        world = self.world
        opened: list[LeaseModel] = []
        price = TokenUnits(world.fleets[fleet_id].price - cheap)
        opening, now = world.opening(fleet_id, lessee), world.now

        def mirror() -> None:
            lease = world.book.open(
                fleet_id, opening, lessee=lessee, gpus=gpus, duration_s=duration, max_price=price, now=now
            )
            opened.append(lease)

        self._book(lessee, "open", fleet_id, lessee, gpus, duration, price, ZERO_KEY, mirror=mirror)
        return opened[0] if opened else None

    def _grant(self, lease: LeaseModel) -> None:
        world, now = self.world, self.world.now
        operator = world.fleets[lease.fleet_id].operator.address
        mirror = lambda: world.book.grant_access(lease.lease_id, now)  # noqa: E731
        self._book(operator, "grantAccess", lease.lease_id, ZERO_KEY, b"", mirror=mirror)

    def _release(self, one: LeaseModel) -> None:
        world, now = self.world, self.world.now
        mirror = lambda: world.book.release_capacity(one.lease_id, now)  # noqa: E731
        self._book(world.admin, "releaseCapacity", one.lease_id, mirror=mirror)

    def _submit(self, fleet_id: FleetId, as_of: int, parts: list[int], *, odd: int = 0) -> None:
        world, now = self.world, self.world.now
        report = world.report(fleet_id, as_of, parts, shift_gpu_ms=10**9 if odd > 250 else 0, drop=odd in (1, 2, 3))
        if odd == 255:
            report = report.model_copy(update={"previous_digest": b"other".ljust(32)})
        signers = (1,) if odd == 254 else (0, 1)
        rows = world.quorum_signatures(report, signers)
        mirror = lambda: world.heads.submit(report, world.digest(report), signers, now)  # noqa: E731
        self._oracle(world.admin, "submit", _row(report), world.reporter_signature(report), rows, mirror=mirror)

    def _dispute(self, fleet_id: FleetId, now: UnixSeconds) -> None:
        world, disputer = self.world, self.world.lessees[2]
        mirror = lambda: world.heads.challenge(fleet_id, disputer, now)  # noqa: E731
        self._oracle(disputer, "dispute", fleet_id, mirror=mirror)

    def _settle_many(self, fleet_id: FleetId, chosen: set[int], now: UnixSeconds, *, astray: bool = False) -> None:
        world, facts = self.world, self.world.fleets[fleet_id]
        tree = facts.trees.get(world.heads.head(fleet_id, now).lease_root)
        if tree is None:
            return
        batch = tree.multiproof(sorted({n % len(tree) for n in chosen}))
        target = FleetId(3 - fleet_id) if astray else fleet_id
        rows = (target, list(batch.leaves), list(batch.proof), list(batch.flags))
        self._book(world.admin, "settleMany", *rows, mirror=lambda: world.book.settle_many(target, batch, now))

    def _collect(self, fleet_id: FleetId, *, collect: bool) -> None:
        world, now = self.world, self.world.now
        facts = world.fleets[fleet_id]

        def mirror() -> None:
            world.book.pay_router(fleet_id, world.router.route(fleet_id, facts.operator.address))
            if collect:
                facts.shares.arrive(world.router.collect(fleet_id), now)

        if collect:
            world.act(world.admin, facts.shares_contract, "collect", mirror=mirror)
        else:
            world.act(world.admin, "RevenueRouter", "route", fleet_id, mirror=mirror)

    def _book(self, sender: str, function: str, *arguments: Any, mirror: Callable[[], object]) -> None:
        self.world.act(sender, "LeaseBook", function, *arguments, mirror=mirror)

    def _oracle(self, sender: str, function: str, *arguments: Any, mirror: Callable[[], object]) -> None:
        self.world.act(sender, "MeterOracle", function, *arguments, mirror=mirror)


def _ungranted(lease: LeaseModel) -> bool:
    return not lease.granted_at and not lease.closed


def _running(lease: LeaseModel) -> bool:
    return bool(lease.granted_at) and not lease.closed


def _row(report: Any) -> tuple[Any, ...]:
    return tuple(getattr(report, name) for name in type(report).model_fields)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Deploy on an anvil of this module's own: its time runs years ahead."""
    log = tmp_path_factory.mktemp("machine") / "anvil.log"
    with Anvil.start(log, arguments=ARGUMENTS) as anvil:
        built = Stage.build(anvil.url)
        yield built
        built.rpc.close()


def _run(stage: Stage, decimals: int, size: dict[str, Any]) -> None:
    machine = type(f"SystemMachine{decimals}", (SystemMachine,), {"stage": stage, "decimals": decimals})
    run_machine(machine, size)


@pytest.mark.parametrize("decimals", [6, 8, 18])
def test_system__any_course__contracts_equal_their_mirrors(stage: Stage, decimals: int) -> None:
    _run(stage, decimals, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("decimals", [6, 8, 18])
def test_system__many_long_courses__contracts_equal_their_mirrors(stage: Stage, decimals: int) -> None:
    _run(stage, decimals, thorough(80))
