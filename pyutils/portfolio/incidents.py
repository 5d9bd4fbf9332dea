"""What went another way than by a quorum's report: reports on one word, disputes, restatements, and proved lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from pyutils.models import Head, MeterReport, parse_address
from pyutils.models.money import SlashReason
from pyutils.operations.chain_reports import MOST_VERIFIERS
from pyutils.operations.history import Event
from pyutils.units import BlockNumber, TokenUnits, UnixSeconds

NAMES: Final = (
    "AdvanceHead",
    "PostPending",
    "AdoptPending",
    "DropPending",
    "OpenDispute",
    "SupersedeDispute",
    "RuleDispute",
    "ExpireDispute",
    "Restate",
    "ProveLie",
)
_COUNTERS: Final = ("available_gpu_ms", "busy_gpu_ms", "energy_joules")
_SLASHES_PER_LIE: Final = 2
"""The finder's part and the loss fund's, told right before the lie itself."""


class Kind(Enum):
    """What happened."""

    POSTED_ALONE = "posted on the reporter's word alone"
    DISPUTE = "dispute"
    RESTATEMENT = "restatement"
    LIE = "two statements of one moment"


class Outcome(Enum):
    """What came of it."""

    OPEN = "open"
    FINAL = "final, undisputed"
    """The report became the head when its liveness passed."""
    UPHELD = "upheld"
    """The arbiter found for the report."""
    STRUCK = "struck"
    """The arbiter found against the report."""
    EXPIRED = "struck, as nobody ruled"
    SIGNED = "signed by a quorum"
    """The same report became the head with a quorum's signatures."""
    SUPERSEDED = "superseded"
    """A quorum's other report took the head."""
    RESTATED = "restated"
    SLASHED = "slashed"


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that somebody was credited by an outcome, own stake included, in token units."""

    to: str
    amount: TokenUnits


@dataclass(frozen=True, slots=True)
class Incident:
    """One of them, with its outcome as of the block that was asked for."""

    kind: Kind
    block: BlockNumber
    at: UnixSeconds
    who: tuple[str, ...]
    """The poster, the disputer, or the operator whose key lied; of a restatement, the verifiers by their place."""
    as_of: UnixSeconds
    """The time of the report that it is about."""
    digest: bytes
    """Of that report; empty for a lie, which is two."""
    amount: TokenUnits
    """Put at stake, or slashed; none for a restatement."""
    outcome: Outcome
    decided_at: UnixSeconds | None
    """When it was decided; None while it is open."""
    paid: tuple[Payment, ...]
    changed: Mapping[str, int]
    """Counters that a restatement changed against the head before, and by how much."""
    events: tuple[str, ...]
    """What told of it, in order."""


def incidents_of(told: Sequence[Event], slashes: Sequence[Event], head: Head, loss_fund: str) -> tuple[Incident, ...]:
    """Return a fleet's incidents, oldest first.

    Args:
        told: all of the oracle's events of the fleet that `NAMES` names, up to a block, in order.
        slashes: the bond's `Slash` events of the fleet up to there.
        head: the fleet's head as of that block.
        loss_fund: who gets what a loser's stake leaves.

    """
    life = _Life(loss_fund, slashes)
    for event in told:
        life.live(event)
    life.lapse(head.digest, UnixSeconds(head.accepted_at))
    return tuple(one.told() for one in life.found)


@dataclass(slots=True)
class _Draft:
    """An incident while the events that follow still tell more of it."""

    kind: Kind
    block: BlockNumber
    at: UnixSeconds
    who: tuple[str, ...]
    as_of: UnixSeconds
    digest: bytes
    amount: TokenUnits
    outcome: Outcome = Outcome.OPEN
    decided_at: UnixSeconds | None = None
    paid: list[Payment] = field(default_factory=list)
    changed: dict[str, int] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)

    def decide(self, outcome: Outcome, at: int, *payments: tuple[str, int]) -> None:
        """Note what came of it, and who was credited what."""
        self.outcome, self.decided_at = outcome, UnixSeconds(at)
        self.paid += [Payment(parse_address(to), TokenUnits(amount)) for to, amount in payments if amount]

    def told(self) -> Incident:
        """Return it as it stands."""
        return Incident(
            self.kind,
            self.block,
            self.at,
            self.who,
            self.as_of,
            self.digest,
            self.amount,
            self.outcome,
            self.decided_at,
            tuple(self.paid),
            self.changed,
            tuple(self.events),
        )


class _Life:
    """Lives through a fleet's events: at most one report is pending, and one dispute open, at a time."""

    def __init__(self, loss_fund: str, slashes: Sequence[Event]) -> None:
        self.found: list[_Draft] = []
        self._loss_fund = loss_fund
        self._lies = [event for event in slashes if event.arguments["reason"] == SlashReason.LIE]
        self._posted: _Draft | None = None
        self._dispute: _Draft | None = None
        self._disputed: _Draft | None = None
        """The report that the open dispute is about; dropped already where a quorum superseded it."""
        self._dropped: _Draft | None = None
        """A report that was dropped by none of its own: the head that follows in the same transaction says by what."""
        self._restated: _Draft | None = None
        self._head: dict[str, int] = dict.fromkeys(_COUNTERS, 0)
        self._pending: dict[str, int] = {}

    def live(self, event: Event) -> None:
        """Live through one event."""
        {
            "AdvanceHead": self._advance,
            "PostPending": self._post,
            "AdoptPending": self._adopt,
            "DropPending": self._drop,
            "OpenDispute": self._open,
            "SupersedeDispute": self._supersede,
            "RuleDispute": self._rule,
            "ExpireDispute": self._expire,
            "Restate": self._restate,
            "ProveLie": self._lie,
        }[event.name](event)

    def lapse(self, head: bytes, accepted_at: UnixSeconds) -> None:
        """Note that a pending report became the head by time, which nobody wrote down yet; its stake waits for that."""
        if self._posted is not None and self._posted.digest == head:
            self._posted.decide(Outcome.FINAL, accepted_at)

    def _note(self, event: Event, kind: Kind, who: str, as_of: int, amount: int) -> _Draft:
        digest = event.arguments.get("digest", b"")
        draft = _Draft(kind, event.block, event.at, (), UnixSeconds(as_of), digest, TokenUnits(amount))
        draft.who = (parse_address(who),) if who else ()
        draft.events.append(event.label)
        self.found.append(draft)
        return draft

    def _post(self, event: Event) -> None:
        said = event.arguments
        self._pending = _counters(event)
        self._posted = self._note(event, Kind.POSTED_ALONE, said["poster"], said["asOf"], said["stake"])

    def _adopt(self, event: Event) -> None:
        posted = _there(self._posted)
        posted.events.append(event.label)
        if posted.outcome is Outcome.OPEN:
            # Nobody disputed it: time alone made it the head, at a moment before the event.
            posted.decide(Outcome.FINAL, event.arguments["acceptedAt"], (posted.who[0], posted.amount))
        self._head, self._posted = self._pending, None

    def _drop(self, event: Event) -> None:
        posted = _there(self._posted)
        posted.events.append(event.label)
        if posted.outcome is Outcome.OPEN:
            self._dropped = posted
        self._posted = None

    def _advance(self, event: Event) -> None:
        said, counters = event.arguments, _counters(event)
        if self._dropped is not None:
            outcome = Outcome.SIGNED if self._dropped.digest == said["digest"] else Outcome.SUPERSEDED
            # The stakes of a disputed one wait for the ruling.
            stake = 0 if self._dropped is self._disputed else self._dropped.amount
            self._dropped.decide(outcome, event.at, (self._dropped.who[0], stake))
            self._dropped.events.append(event.label)
            self._dropped = None
        if self._restated is not None:
            self._restated.events.append(event.label)
            self._restated.as_of = UnixSeconds(said["asOf"])
            self._restated.who = tuple(
                f"verifier {place}" for place in range(MOST_VERIFIERS) if said["signers"] >> place & 1
            )
            grown = {name: counters[name] - self._head[name] for name in _COUNTERS}
            self._restated.changed = {name: change for name, change in grown.items() if change}
            self._restated = None
        self._head = counters

    def _open(self, event: Event) -> None:
        said, self._disputed = event.arguments, _there(self._posted)
        self._disputed.events.append(event.label)
        self._dispute = self._note(event, Kind.DISPUTE, said["disputer"], self._disputed.as_of, said["stake"])

    def _supersede(self, event: Event) -> None:
        _there(self._dispute).events.append(event.label)

    def _rule(self, event: Event) -> None:
        said, poster, disputer = event.arguments, _there(self._disputed).who[0], _there(self._dispute).who[0]
        winner = poster if said["upheld"] else disputer
        outcome = Outcome.UPHELD if said["upheld"] else Outcome.STRUCK
        self._end(event, outcome, (winner, said["toWinner"]), (self._loss_fund, said["toLossFund"]))

    def _expire(self, event: Event) -> None:
        posted, dispute = _there(self._disputed), _there(self._dispute)
        self._end(event, Outcome.EXPIRED, (posted.who[0], posted.amount), (dispute.who[0], dispute.amount))

    def _end(self, event: Event, outcome: Outcome, *payments: tuple[str, int]) -> None:
        """Decide the open dispute, and its report with it unless a quorum decided that."""
        dispute, disputed = _there(self._dispute), _there(self._disputed)
        dispute.decide(outcome, event.at, *payments)
        dispute.events.append(event.label)
        if disputed.outcome is Outcome.OPEN:
            disputed.decide(outcome, event.at)
            disputed.events.append(event.label)
        self._dispute = self._disputed = None

    def _restate(self, event: Event) -> None:
        self._restated = self._note(event, Kind.RESTATEMENT, "", 0, 0)
        self._restated.decide(Outcome.RESTATED, event.at)

    def _lie(self, event: Event) -> None:
        said = event.arguments
        draft = self._note(event, Kind.LIE, said["operator"], said["asOf"], said["slashed"])
        told = [one for one in self._lies if one.transaction == event.transaction and one.index < event.index]
        shares = told[-_SLASHES_PER_LIE:]
        draft.decide(
            Outcome.SLASHED, event.at, *((one.arguments["beneficiary"], one.arguments["amount"]) for one in shares)
        )
        draft.events[:0] = [one.label for one in shares]


def _there(draft: _Draft | None) -> _Draft:
    assert draft is not None, "the oracle refuses what would need it"
    return draft


def _counters(event: Event) -> dict[str, int]:
    report = dict(zip(MeterReport.model_fields, event.arguments["report"], strict=True))
    return {name: report[name] for name in _COUNTERS}
