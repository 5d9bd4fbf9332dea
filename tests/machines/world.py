"""Contracts and mirrors side by side: every call goes to both, and both must answer, refuse and hold the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from eth_utils.address import to_checksum_address

from pyutils.bond import BondModel
from pyutils.eip712 import close_mutual_hash, lease_book_domain, meter_oracle_domain, meter_report_hash, sign_digest
from pyutils.heads import FleetHeads, HeadsModel
from pyutils.leases import BookModel, FleetBook, LeaseModel, Opening
from pyutils.merkle import EMPTY_ROOT, StandardMerkleTree, lease_tree
from pyutils.models.address import ZERO_ADDRESS
from pyutils.models.lease import Lease
from pyutils.models.meter import LeaseLeaf, MeterReport
from pyutils.models.money import Bond, Revenue
from pyutils.models.oracle import Dispute, Head, Pending
from pyutils.payouts import Payouts
from pyutils.refusal import Fact, RefusalError
from pyutils.revenue import TITLE, RouterModel, SharesModel
from pyutils.units import FleetId, GpuMs, Joules, LeaseId, ShareUnits, TokenUnits, UnixSeconds, Watts, from_bytes32_text

from .rpc import Call, Contract, Revert
from .stage import CHAIN_ID, LIVENESS_S, PROTOCOL_FEE_BPS, TERMS, Person, Stage

BOARD_POWER = Watts(700)
MAX_TERM_S = 90 * 86_400
QUORUM = 2
PAYERS = ("LeaseBook", "OperatorBond", "RevenueRouter", "MeterOracle")


@dataclass(slots=True)
class FleetFacts:
    """What the machine knows of a fleet beside the mirrors."""

    fleet_id: FleetId
    shares_contract: Contract
    shares: SharesModel
    operator: Person
    reporter: Person
    owner: str
    price: TokenUnits
    floor: TokenUnits
    trees: dict[bytes, StandardMerkleTree] = field(default_factory=dict)
    reports: list[MeterReport] = field(default_factory=list)
    days: set[int] = field(default_factory=set)

    def leaf(self, root: bytes, lease_id: LeaseId) -> tuple[GpuMs, list[bytes]]:
        """Return a lease's leaf below `root` and its proof; nothing where the tree has none."""
        tree = self.trees.get(root)
        for index, (its_id, delivered) in enumerate(tree.values if tree is not None else ()):
            if its_id == lease_id and tree is not None:
                return GpuMs(delivered), list(tree.proof(index))
        return GpuMs(0), []


class World:
    """One example's contracts and mirrors, in one settlement token."""

    TILLS: ClassVar[tuple[str, ...]] = PAYERS
    """Contracts that hold coins."""

    def __init__(self, stage: Stage, decimals: int) -> None:
        stage.rewind()
        self.stage, self.rpc, self.decimals = stage, stage.rpc, decimals
        self.coin, self.contracts = stage.coins[decimals], stage.contracts
        self.token = self.coin.address
        self.now = UnixSeconds(stage.start)
        self.stamped = UnixSeconds(0)
        self.people = {one.address: one for one in stage.people}
        self.admin, self.operator, self.successor, self.owner, *self.lessees = [p.address for p in stage.people[:7]]
        self.holders = [self.owner, *self.lessees]
        self.reporters = stage.people[7:9]
        self.verifiers = sorted(stage.people[9:12], key=lambda one: int(one.address, 16))
        loss_fund = self.contracts["LossFund"].address
        self.bond = BondModel(loss_fund)
        self.router = RouterModel(self.admin, PROTOCOL_FEE_BPS)
        self.heads = HeadsModel(loss_fund, LIVENESS_S)
        self.book = BookModel(self.bond, self.router, self.heads)
        self.book.terms = (1, TERMS)
        self.fleets: dict[FleetId, FleetFacts] = {}
        self.of_record: set[str] = set()
        self.accounts = [*(p.address for p in stage.people), loss_fund]
        self._oracle_domain = meter_oracle_domain(CHAIN_ID, self.contracts["MeterOracle"].address)
        self._book_domain = lease_book_domain(CHAIN_ID, self.contracts["LeaseBook"].address)
        self.seen: dict[str, Any] = {}

    @property
    def payouts(self) -> dict[str, Payouts]:
        """What each contract owes, by the mirrors."""
        return dict(zip(PAYERS, (m.payouts for m in (self.book, self.bond, self.router, self.heads)), strict=True))

    def coins(self, whole: int) -> TokenUnits:
        """Return whole coins in token units."""
        return TokenUnits(whole * 10**self.decimals)

    # ---- acting ----

    def tick(self, seconds: int) -> UnixSeconds:
        """Let time pass until the next transaction, which is later than the last in any case."""
        self.now = UnixSeconds(self.now + seconds)
        return self.now

    def wait(self, seconds: int) -> None:
        """Let time pass with nothing but an empty block at its end."""
        self.rpc.ask("evm_setNextBlockTimestamp", self.tick(seconds))
        self.rpc.ask("evm_mine")
        self._stamp()

    def act(
        self, sender: str, contract: str | Contract, function: str, *arguments: Any, mirror: Callable[[], object]
    ) -> bool:
        """Do the same with the mirror and the contract; return whether they did it, or refused alike."""
        target = self.contracts[contract] if isinstance(contract, str) else contract
        refusal: RefusalError | None = None
        try:
            mirror()
        except RefusalError as error:
            refusal = error
        revert = self.rpc.transact(sender, target, function, *arguments, time=self.now)
        if refusal is None:
            assert revert is None, f"{function}: the contract refuses {revert}, the mirror does it"
        else:
            assert revert is not None, f"{function}: the mirror refuses {refusal.line()}, the contract does it"
            assert (revert.name, _facts(revert, refusal)) == (refusal.name(), tuple(refusal.facts.values()))
        self._stamp()
        return refusal is None

    def sure(self, sender: str, contract: str | Contract, function: str, *arguments: Any) -> None:
        """Do what the mirrors know nothing of, and what cannot fail."""
        assert self.act(sender, contract, function, *arguments, mirror=lambda: None)

    def _stamp(self) -> None:
        """Remember the time of the latest block, at which everything is read."""
        self.stamped = self.now
        self.tick(1)

    # ---- fleets ----

    def enrol(
        self, *, capacity: int, price: TokenUnits, operating_bps: int, supply: ShareUnits, bond: TokenUnits
    ) -> FleetId:
        """Enrol, commission, price, bond and staff a fleet."""
        fleet_id = FleetId(len(self.fleets) + 1)
        pricing = self.contracts["FixedPricing"]
        floor = TokenUnits(max(1, price // 2))
        if not self.fleets:
            for account in (self.operator, self.successor):
                self.sure(self.admin, "FleetRegistry", "admitOperator", account, b"papers".ljust(32))
        enrolment = (
            *(self.owner, b"H100-SXM5-80GB".ljust(32, b"\0"), b"DE-HE".ljust(32, b"\0"), BOARD_POWER, 60),
            *(MAX_TERM_S, capacity, b"root".ljust(32), self.token, pricing.address, floor, operating_bps, 0),
            *(bytes(32), ("", "", "", "", "", ("", 0)), ("Fleet", "FLT", supply, False, ZERO_ADDRESS)),
        )
        self.sure(self.operator, "FleetRegistry", "enrol", enrolment)
        row = self.rpc.read(self.contracts["FleetShareFactory"], "sharesOf", fleet_id)
        shares = Contract("FleetShares", to_checksum_address(row))
        self.fleets[fleet_id] = FleetFacts(
            fleet_id,
            shares,
            SharesModel(supply, self.owner),
            self.people[self.operator],
            self.reporters[0],
            self.owner,
            price,
            floor,
        )
        self.router.register(fleet_id, self.token, operating_bps)
        self.bond.seat(fleet_id, self.operator, self.token, self.decimals)
        self.book.fleets[fleet_id] = FleetBook(self.token)
        heads = FleetHeads(self.token, BOARD_POWER, len(self.verifiers), QUORUM)
        self.heads.fleets[fleet_id] = heads
        heads.commissioned_at = self.now
        self.set_capacity(fleet_id, capacity)
        self.sure(self.owner, "FixedPricing", "setPrice", fleet_id, price)
        self.sure(self.operator, "MeterOracle", "setReporter", fleet_id, self.reporters[0].address)
        verifiers = [one.address for one in self.verifiers]
        self.sure(self.admin, "MeterOracle", "setVerifiers", fleet_id, verifiers, QUORUM)
        self.stake(fleet_id, self.operator, bond)
        return fleet_id

    def set_capacity(self, fleet_id: FleetId, capacity: int) -> None:
        """Have the registrar confirm what was requested."""
        history, now = self.heads.fleets[fleet_id].capacity, self.now
        arguments = (fleet_id, capacity, b"root".ljust(32))
        mirror = lambda: history.push(capacity, now)  # noqa: E731
        self.act(self.admin, "FleetRegistry", "confirmGrowth", *arguments, mirror=mirror)

    def stake(self, fleet_id: FleetId, operator: str, amount: TokenUnits) -> None:
        """Stake for an operator, at its own cost."""
        mirror = lambda: self.bond.stake(fleet_id, operator, amount)  # noqa: E731
        self.act(operator, "OperatorBond", "stake", fleet_id, operator, amount, mirror=mirror)

    def opening(self, fleet_id: FleetId, lessee: str) -> Opening:
        """Return what registry and pricing say of a fleet."""
        facts = self.fleets[fleet_id]
        capacity = self.heads.fleets[fleet_id].capacity.now
        return Opening(capacity, MAX_TERM_S, facts.price, facts.floor, lessee in self.of_record)

    def escrow(self, fleet_id: FleetId) -> TokenUnits:
        """Return the fleet's escrow by the mirror."""
        return self.book.fleets[fleet_id].escrow

    # ---- reports ----

    def open_leases(self, fleet_id: FleetId) -> list[LeaseModel]:
        """Return the fleet's leases that are granted and not closed."""
        leases = self.book.leases.values()
        return [one for one in leases if one.fleet_id == fleet_id and one.granted_at and not one.closed]

    def report(
        self, fleet_id: FleetId, as_of: int, shares_of_256: Sequence[int], *, shift_gpu_ms: int = 0, drop: bool = False
    ) -> MeterReport:
        """Return a report whose leases got parts of what was possible since the head, and keep its tree.

        Above 256 parts a leaf says more than is possible; with `drop` one says less than before.
        """
        facts, heads = self.fleets[fleet_id], self.heads.fleets[fleet_id]
        head = self.heads.head(fleet_id, self.now)
        leaves = []
        for n, lease in enumerate(one for one in self.open_leases(fleet_id) if one.granted_at <= as_of):
            before, _ = facts.leaf(head.lease_root, lease.lease_id)
            span = max(0, min(lease.end, as_of) - max(lease.granted_at, head.as_of))
            grown = lease.gpus * span * 1_000 * shares_of_256[n % len(shares_of_256)] // 256
            delivered = before // 2 if drop else before + grown
            leaves.append(LeaseLeaf(lease_id=lease.lease_id, delivered_gpu_ms=GpuMs(delivered)))
        capacity = heads.capacity.between(UnixSeconds(head.as_of), UnixSeconds(as_of)) if as_of > head.as_of else 0
        available = max(0, capacity * min(256, max(shares_of_256)) // 256 + shift_gpu_ms)
        report = MeterReport(
            fleet_id=fleet_id,
            as_of=UnixSeconds(as_of),
            available_gpu_ms=GpuMs(head.available_gpu_ms + available),
            busy_gpu_ms=GpuMs(head.busy_gpu_ms + available // 2),
            energy_joules=Joules(head.energy_joules + available * BOARD_POWER // 2_000),
            lease_root=EMPTY_ROOT,
            data_hash=b"leaf file".ljust(32),
            previous_digest=head.digest,
        )
        return self.with_leaves(report, leaves)

    def with_leaves(self, report: MeterReport, leaves: Sequence[LeaseLeaf]) -> MeterReport:
        """Return the report over these leaves, and keep their tree and the report."""
        facts = self.fleets[report.fleet_id]
        if leaves:
            tree = lease_tree(leaves)
            facts.trees[tree.root] = tree
            report = report.model_copy(update={"lease_root": tree.root})
        facts.reports.append(report)
        return report

    def digest(self, report: MeterReport) -> bytes:
        """Return what signers of a report sign."""
        return self._oracle_domain.digest(meter_report_hash(report))

    def reporter_signature(self, report: MeterReport) -> tuple[bytes, bytes]:
        """Return the compact signature of the fleet's reporter."""
        return sign_digest(self.fleets[report.fleet_id].reporter.key, self.digest(report)).compact

    def quorum_signatures(self, report: MeterReport, signers: Sequence[int]) -> list[tuple[int, bytes, bytes]]:
        """Return compact signatures of the verifiers at these places."""
        digest = self.digest(report)
        rows = []
        for index in signers:
            key = self.verifiers[min(index, len(self.verifiers) - 1)].key
            rows.append((index, *sign_digest(key, digest).compact))
        return rows

    def mutual_signature(self, account: str, lease_id: LeaseId, agreed: GpuMs) -> bytes:
        """Return one side's signature of a mutual closing; nothing here revokes, so the nonce is zero."""
        digest = self._book_domain.digest(close_mutual_hash(lease_id, agreed, 0))
        return sign_digest(self.people[account].key, digest).to_bytes()

    # ---- comparing ----

    def observe(self) -> None:
        """Read everything that the mirrors say too, at the latest block, and compare."""
        now = self.stamped
        expected = self._expected(now)
        values = self.rpc.read_all([call for call, _, _ in expected])
        for (call, want, parse), value in zip(expected, values, strict=True):
            got = parse(value)
            assert got == want, f"{call.contract.name}.{call.function}{call.arguments}: {got} but mirrored {want}"
        shares = [facts.shares_contract.address for facts in self.fleets.values()]
        places = [*(self.contracts[name].address for name in self.TILLS), *shares, *self.accounts]
        amounts = self.rpc.read_all([self.coin.read("balanceOf", place) for place in places])
        supply = self.rpc.read(self.coin, "totalSupply")
        self.seen = {"balances": dict(zip(places, amounts, strict=True)), "supply": supply, "now": now}

    def _expected(self, now: UnixSeconds) -> list[tuple[Call, Any, Callable[[Any], Any]]]:
        c = self.contracts
        rows: list[tuple[Call, Any, Callable[[Any], Any]]] = []
        for fleet_id, facts in self.fleets.items():
            account, escrow = self.book.fleets[fleet_id], self.escrow(fleet_id)
            heads, shares, at = self.heads, facts.shares, facts.shares_contract
            rows += [
                (c["LeaseBook"].read("escrowOf", fleet_id), escrow, _same),
                (c["LeaseBook"].read("leasedGpus", fleet_id), account.leased_gpus, _same),
                (c["LeaseBook"].read("leaseCount", fleet_id), account.leases, _same),
                (c["MeterOracle"].read("head", fleet_id), heads.head(fleet_id, now), Head.from_row),
                (c["MeterOracle"].read("pending", fleet_id), heads.pending(fleet_id, now), Pending.from_row),
                (c["MeterOracle"].read("openDispute", fleet_id), heads.fleets[fleet_id].dispute, Dispute.from_row),
                (
                    c["MeterOracle"].read("standstillBetween", fleet_id, self.stage.start, now),
                    heads.standstill_between(fleet_id, UnixSeconds(self.stage.start), now, now),
                    _same,
                ),
                (c["RevenueRouter"].read("revenue", fleet_id), self.router.fleets[fleet_id].view(), Revenue.from_row),
                (
                    c["OperatorBond"].read("stakeRequirement", fleet_id),
                    self.bond.stake_requirement(fleet_id, escrow),
                    _same,
                ),
                (at.read("collected"), shares.collected, _same),
                (at.read("index"), shares.index(now), _same),
                (at.read("unreleased"), shares.unreleased(now), _same),
                (at.read("claimableByTitle"), shares.claimable(TITLE, now), _same),
                (at.read("balanceOf", at.address), shares.holdings[TITLE].shares, _same),
                (c["FleetRegistry"].read("ownerOf", fleet_id), facts.owner, to_checksum_address),
            ]
            for operator in (self.operator, self.successor):
                bond = self.bond.view(fleet_id, operator, escrow)
                rows.append((c["OperatorBond"].read("bond", fleet_id, operator), bond, Bond.from_row))
            for day in facts.days | {now // 86_400}:
                net = self.router.fleets[fleet_id].net_revenue[day]
                rows.append((c["RevenueRouter"].read("netRevenueOn", fleet_id, day), net, _same))
            for holder in self.holders:
                rows.append((at.read("balanceOf", holder), shares.holdings[holder].shares, _same))
                rows.append((at.read("claimable", holder), shares.claimable(holder, now), _same))
            facts.days = {day for day, net in self.router.fleets[fleet_id].net_revenue.items() if net}
        for lease_id, lease in self.book.leases.items():
            rows.append((c["LeaseBook"].read("lease", lease_id), self.book.lease(lease_id), Lease.from_row))
            rows.append((c["LeaseBook"].read("ownerOf", lease_id), lease.owner, to_checksum_address))
        for name, payouts in self.payouts.items():
            rows += [
                (c[name].read("owed", self.token, account), payouts.owed(self.token, account), _same)
                for account in self.accounts
            ]
        return rows


def _same(value: Any) -> Any:
    return value


def _facts(revert: Revert, refusal: RefusalError) -> tuple[Fact, ...]:
    """Return the contract's arguments as the mirror writes them: short strings as text."""
    assert len(revert.arguments) == len(refusal.facts), (revert, refusal.facts)
    return tuple(
        from_bytes32_text(ours) if isinstance(ours, bytes) and isinstance(theirs, str) else ours
        for ours, theirs in zip(revert.arguments, refusal.facts.values(), strict=True)
    )
