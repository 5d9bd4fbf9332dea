"""Exact mirror of `MeterOracle`'s heads: quorum, pending reports, disputes, stakes, liveness, proof clock, restatement.

Signatures are the caller's to check: a model is told which verifiers signed, by their place in the set. The proof clock
is `StandstillLib`'s. Times in Unix seconds, stakes in token units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pyutils.capacity import CapacityHistory
from pyutils.heads import refusals as no
from pyutils.models.meter import MeterReport
from pyutils.models.oracle import Dispute, Head, Pending
from pyutils.payouts import Payouts
from pyutils.standstill import StandstillClock
from pyutils.units import EPOCH, FleetId, TokenUnits, UnixSeconds, Watts

OPERATOR_SILENCE_S = 24 * 3_600
RULING_TIME_S = 14 * 86_400
FRESHNESS_S = 2 * 3_600
"""A pending report stops the proof clock only while it could cover leases that end now."""
POWER_MARGIN_PERCENT = 110
MOST_LAG_S = 2**24 - 1
NO_DIGEST = bytes(32)
NOBODY = "0x" + "00" * 20

NO_HEAD = Head(
    as_of=0,
    available_gpu_ms=0,
    busy_gpu_ms=0,
    energy_joules=0,
    accepted_at=0,
    lease_root=bytes(32),
    digest=NO_DIGEST,
)
NO_DISPUTE = Dispute(
    digest=NO_DIGEST, poster=NOBODY, disputer=NOBODY, opened_at=0, poster_stake=0, disputer_stake=0, superseded=False
)
NO_PENDING = Pending(digest=NO_DIGEST, as_of=0, poster=NOBODY, posted_at=0, liveness=0, stake=0)


@dataclass(frozen=True, slots=True)
class Sequencer:
    """What a rollup's uptime feed says: down or not, since when."""

    down: bool
    since: UnixSeconds


@dataclass(frozen=True, slots=True)
class Posted:
    """A pending report as it is kept."""

    report: MeterReport
    digest: bytes
    poster: str
    posted_at: UnixSeconds
    liveness_s: int
    stake: TokenUnits
    disputed: bool = False


@dataclass(slots=True)
class FleetHeads:
    """One fleet's head, and what may become it."""

    token: str
    board_power: Watts
    verifiers: int
    quorum: int
    capacity: CapacityHistory = field(default_factory=CapacityHistory)
    commissioned_at: UnixSeconds = EPOCH
    head: Head = NO_HEAD
    posted: Posted | None = None
    dispute: Dispute = NO_DISPUTE
    clock: StandstillClock = field(default_factory=StandstillClock)


class HeadsModel:
    """Heads of all fleets, and what the oracle owes."""

    def __init__(self, loss_fund: str, liveness_s: int) -> None:
        self.payouts = Payouts()
        self.fleets: dict[FleetId, FleetHeads] = {}
        self.liveness_s = liveness_s
        self.sequencer: Sequencer | None = None
        """None on a chain without one."""
        self._loss_fund = loss_fund

    def submit(self, report: MeterReport, digest: bytes, signers: Sequence[int], now: UnixSeconds) -> None:
        """Move the head at once, by the reporter and the verifiers at the places `signers`."""
        self._require_quorum(report.fleet_id, signers)
        self._check(report, now)
        self._move(report, digest, now)

    def submit_without_operator(
        self, report: MeterReport, digest: bytes, signers: Sequence[int], now: UnixSeconds
    ) -> None:
        """Move the head by verifiers alone, when none advanced for 24 hours; before the first, since commissioning."""
        self._require_quorum(report.fleet_id, signers)
        head = self.head(report.fleet_id, now)
        accepted_at = head.accepted_at
        if head.digest == NO_DIGEST:
            accepted_at = self.fleets[report.fleet_id].commissioned_at
        if accepted_at == 0 or now < accepted_at + OPERATOR_SILENCE_S:
            raise no.OperatorNotSilentError(report.fleet_id, accepted_at, accepted_at + OPERATOR_SILENCE_S)
        self._check(report, now)
        self._move(report, digest, now)

    def post(self, report: MeterReport, digest: bytes, poster: str, stake: TokenUnits, now: UnixSeconds) -> None:
        """Keep a report on the reporter's word alone, with a stake that the poster pays."""
        fleet = self.fleets[report.fleet_id]
        if fleet.posted is not None and not self._lapsed(fleet, now)[0]:
            raise no.PendingExistsError(report.fleet_id, fleet.posted.digest)
        if fleet.dispute.disputer != NOBODY:
            raise no.DisputeIsOpenError(report.fleet_id, fleet.dispute.digest)
        self._check(report, now)
        self.sync(report.fleet_id, now)
        fleet.posted = Posted(report, digest, poster, now, self.liveness_s, stake)
        if now <= report.as_of + FRESHNESS_S:
            fleet.clock.set(now, standing=True)

    def challenge(self, fleet_id: FleetId, disputer: str, now: UnixSeconds) -> TokenUnits:
        """Dispute the pending report with an equal stake, and return it."""
        fleet = self.fleets[fleet_id]
        posted = fleet.posted
        if posted is None or self._lapsed(fleet, now)[0]:
            raise no.NothingPendingError(fleet_id)
        if posted.disputed:
            raise no.DisputeIsOpenError(fleet_id, posted.digest)
        fleet.posted = Posted(
            posted.report, posted.digest, posted.poster, posted.posted_at, posted.liveness_s, posted.stake, True
        )
        fleet.dispute = Dispute(
            digest=posted.digest,
            poster=posted.poster,
            disputer=disputer,
            opened_at=now,
            poster_stake=posted.stake,
            disputer_stake=posted.stake,
            superseded=False,
        )
        fleet.clock.set(now, standing=True)
        return posted.stake

    def rule(self, fleet_id: FleetId, *, upheld: bool, now: UnixSeconds) -> None:
        """Decide. The winner gets its stake and half of the loser's, rounded down; the loss fund the rest."""
        fleet = self.fleets[fleet_id]
        dispute = self._take_dispute(fleet_id, fleet)
        winner, own, lost = dispute.poster, dispute.poster_stake, dispute.disputer_stake
        if not upheld:
            winner, own, lost = dispute.disputer, dispute.disputer_stake, dispute.poster_stake
        prize = lost // 2
        self.payouts.credit(fleet.token, winner, own + prize)
        self.payouts.credit(fleet.token, self._loss_fund, lost - prize)
        if dispute.superseded:
            return
        if upheld:
            self._adopt(fleet, now)
        else:
            self._drop(fleet, now)

    def expire_dispute(self, fleet_id: FleetId, now: UnixSeconds) -> None:
        """After 14 days without a ruling, strike the report and return both stakes."""
        fleet = self.fleets[fleet_id]
        until = fleet.dispute.opened_at + RULING_TIME_S
        if fleet.dispute.disputer != NOBODY and now < until:
            raise no.RulingStillOpenError(fleet_id, until)
        dispute = self._take_dispute(fleet_id, fleet)
        self.payouts.credit(fleet.token, dispute.poster, dispute.poster_stake)
        self.payouts.credit(fleet.token, dispute.disputer, dispute.disputer_stake)
        if not dispute.superseded:
            self._drop(fleet, now)

    def restate(self, report: MeterReport, digest: bytes, signers: Sequence[int], now: UnixSeconds) -> None:
        """Let arbiter and quorum lower counters, within all that was possible since enrolment."""
        self._require_quorum(report.fleet_id, signers)
        head = self.head(report.fleet_id, now)
        if head.digest == NO_DIGEST:
            raise no.NoReportError(report.fleet_id)
        self._check_order(report, head, now)
        self._check_growth(report, NO_HEAD)
        self._move(report, digest, now)

    def head(self, fleet_id: FleetId, now: UnixSeconds) -> Head:
        """Return the head, with a pending report whose liveness has passed."""
        fleet = self.fleets[fleet_id]
        lapsed, accepted_at = self._lapsed(fleet, now)
        if lapsed and fleet.posted is not None:
            return _head_of(fleet.posted.report, fleet.posted.digest, accepted_at)
        return fleet.head

    def pending(self, fleet_id: FleetId, now: UnixSeconds) -> Pending:
        """Return the pending report as `MeterOracle.pending` does: empty where it has become the head."""
        fleet = self.fleets[fleet_id]
        posted = fleet.posted
        if posted is None or self._lapsed(fleet, now)[0]:
            return NO_PENDING
        return Pending(
            digest=posted.digest,
            as_of=posted.report.as_of,
            poster=posted.poster,
            posted_at=posted.posted_at,
            liveness=posted.liveness_s,
            stake=posted.stake,
        )

    def sync(self, fleet_id: FleetId, now: UnixSeconds) -> None:
        """Write down a head that became one by time, and give its poster the stake back."""
        fleet = self.fleets[fleet_id]
        lapsed, accepted_at = self._lapsed(fleet, now)
        if lapsed and fleet.posted is not None:
            self.payouts.credit(fleet.token, fleet.posted.poster, fleet.posted.stake)
            self._adopt(fleet, accepted_at)

    def standstill_between(self, fleet_id: FleetId, start: UnixSeconds, end: UnixSeconds, now: UnixSeconds) -> int:
        """Return the seconds of two times, `start <= end`, during which the fleet's proof clock stood still."""
        fleet = self.fleets[fleet_id]
        lapsed, accepted_at = self._lapsed(fleet, now)
        if lapsed:
            start, end = min(start, accepted_at), min(end, accepted_at)
        return fleet.clock.between(start, end)

    def holds(self, token: str) -> TokenUnits:
        """Return the contract's counted balance: stakes of pending and disputed reports, and what it owes."""
        stakes = 0
        for fleet in self.fleets.values():
            if fleet.token != token:
                continue
            if fleet.posted is not None and not fleet.posted.disputed:
                stakes += fleet.posted.stake
            stakes += fleet.dispute.poster_stake + fleet.dispute.disputer_stake
        return TokenUnits(stakes + self.payouts.total(token))

    def _lapsed(self, fleet: FleetHeads, now: UnixSeconds) -> tuple[bool, UnixSeconds]:
        """Return whether the pending report became the head, and when; liveness starts anew with the sequencer."""
        posted = fleet.posted
        if posted is None or posted.disputed:
            return False, EPOCH
        start = posted.posted_at
        if self.sequencer is not None:
            if self.sequencer.down:
                return False, EPOCH
            start = max(start, self.sequencer.since)
        end = UnixSeconds(start + posted.liveness_s)
        return now >= end, end

    def _move(self, report: MeterReport, digest: bytes, now: UnixSeconds) -> None:
        """Make `report` the head; a dispute that is open decides stakes only from now on."""
        fleet = self.fleets[report.fleet_id]
        self.sync(report.fleet_id, now)
        if fleet.posted is not None:
            if fleet.posted.disputed:
                fleet.dispute = fleet.dispute.model_copy(update={"superseded": True})
            else:
                self.payouts.credit(fleet.token, fleet.posted.poster, fleet.posted.stake)
            self._drop(fleet, now)
        fleet.head = _head_of(report, digest, now)

    def _adopt(self, fleet: FleetHeads, accepted_at: UnixSeconds) -> None:
        if fleet.posted is None:
            raise AssertionError("there is nothing to adopt")
        fleet.head = _head_of(fleet.posted.report, fleet.posted.digest, accepted_at)
        fleet.posted = None
        fleet.clock.set(accepted_at, standing=False)

    @staticmethod
    def _drop(fleet: FleetHeads, now: UnixSeconds) -> None:
        fleet.posted = None
        fleet.clock.set(now, standing=False)

    @staticmethod
    def _take_dispute(fleet_id: FleetId, fleet: FleetHeads) -> Dispute:
        dispute, fleet.dispute = fleet.dispute, NO_DISPUTE
        if dispute.disputer == NOBODY:
            raise no.NoDisputeError(fleet_id)
        return dispute

    def _require_quorum(self, fleet_id: FleetId, signers: Sequence[int]) -> None:
        fleet = self.fleets[fleet_id]
        if fleet.quorum == 0 or len(signers) < fleet.quorum:
            raise no.QuorumNotReachedError(fleet_id, len(signers), fleet.quorum)
        last = -1
        for index in signers:
            if index >= fleet.verifiers:
                raise no.UnknownVerifierError(fleet_id, index)
            if index <= last:
                raise no.DuplicateVerifierError(fleet_id, index)
            last = index

    def _check(self, report: MeterReport, now: UnixSeconds) -> None:
        """Raise where the report cannot be, with the numbers."""
        head = self.head(report.fleet_id, now)
        self._check_order(report, head, now)
        for name, value, before in (
            ("availableGpuMs", report.available_gpu_ms, head.available_gpu_ms),
            ("busyGpuMs", report.busy_gpu_ms, head.busy_gpu_ms),
            ("energyJoules", report.energy_joules, head.energy_joules),
        ):
            if value < before:
                raise no.CounterFellError(report.fleet_id, name, value, before)
        self._check_growth(report, head)

    @staticmethod
    def _check_order(report: MeterReport, head: Head, now: UnixSeconds) -> None:
        if report.previous_digest != head.digest:
            raise no.WrongParentError(report.fleet_id, report.previous_digest, head.digest)
        if report.as_of <= head.as_of:
            raise no.NotAdvancingError(report.fleet_id, report.as_of, head.as_of)
        if report.as_of > now:
            raise no.FromTheFutureError(report.fleet_id, report.as_of, now)

    def _check_growth(self, report: MeterReport, since: Head) -> None:
        fleet = self.fleets[report.fleet_id]
        capacity = fleet.capacity.between(UnixSeconds(since.as_of), report.as_of)
        available = report.available_gpu_ms - since.available_gpu_ms
        busy, joules = report.busy_gpu_ms - since.busy_gpu_ms, report.energy_joules - since.energy_joules
        if available > capacity:
            raise no.AvailableAboveCapacityError(report.fleet_id, available, capacity)
        if busy > available:
            raise no.BusyAboveAvailableError(report.fleet_id, busy, available)
        # GPU-milliseconds times watts are millijoules.
        limit = capacity * fleet.board_power * POWER_MARGIN_PERCENT // 100 // 1_000
        if joules > limit:
            raise no.EnergyAboveBoardPowerError(report.fleet_id, joules, limit)


def _head_of(report: MeterReport, digest: bytes, accepted_at: UnixSeconds) -> Head:
    return Head(
        as_of=report.as_of,
        available_gpu_ms=report.available_gpu_ms,
        busy_gpu_ms=report.busy_gpu_ms,
        energy_joules=report.energy_joules,
        accepted_at=report.as_of + min(accepted_at - report.as_of, MOST_LAG_S),
        lease_root=report.lease_root,
        digest=digest,
    )
