"""A nonce on its way: every signed form that was ever offered for it, how far it got, and where forms are kept."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol, Self

from eth_typing import ChecksumAddress

from pyutils.chain import transaction as transactions
from pyutils.chain.receipt import Receipt
from pyutils.errors import ChainError
from pyutils.keccak import keccak256

_MISSES: Final = 3
"""Looks that must agree, over a while, that another transaction took a nonce: nodes behind one URL may lag, and a node
counts a nonce before it has the receipt."""


class SavedTransactionError(ChainError):
    """Saved transactions are not of the account, chain or nonce that they are to go on for."""

    remedy = "Use the journal of this account on this chain"


class TransactionTimeoutError(ChainError):
    """A transaction was sent and did not get into a block, or not deep enough, in time."""

    remedy = "It may still get in: look the hash up before sending anything again"


class ReplacedError(ChainError):
    """Another transaction of the account, not sent by this lane, took the nonce."""

    remedy = "Use the account from one process only, check what it sent, and try again"


class UntrackedError(ChainError):
    """A nonce is not free for another call any more."""

    remedy = "Look how far it got, and prepare the call anew"


@dataclass(frozen=True, slots=True)
class Form:
    """One signed transaction.

    Args:
        call: what it is, for errors, logs and whoever wants to find it again.
        transaction: its fields.
        raw: its bytes.

    """

    call: str
    transaction: Mapping[str, Any]
    raw: bytes = field(repr=False)

    @property
    def hash(self) -> bytes:
        """Return its hash."""
        return keccak256(self.raw)

    @property
    def says(self) -> tuple[Any, ...]:
        """Return what it does, whatever it pays: equal for a form and its replacement, not for what supersedes it."""
        return self.transaction["to"].lower(), self.transaction["data"], self.transaction["value"]


@dataclass(slots=True, eq=False)
class Sent:
    """A nonce with its forms, oldest first. Any of them may get into a block; at most one does."""

    nonce: int
    forms: list[Form]
    placed_at: float = field(default_factory=time.monotonic, repr=False)
    """When the newest form was made, on the process's clock; after a restart, when it was restored."""
    misses: int = field(default=0, repr=False)
    """Looks in a row that found the nonce spent and no form in a block."""
    missed_at: float = field(default=0.0, repr=False)
    """When the first of them was, on the process's clock."""
    seen: Receipt | None = field(default=None, repr=False)
    """The receipt at the last look."""
    told: str = field(default="", repr=False)
    """Why it was not taken, as it was last logged."""

    @property
    def call(self) -> str:
        """Return what the newest form is."""
        return self.forms[-1].call

    @property
    def transaction(self) -> Mapping[str, Any]:
        """Return the newest form's fields."""
        return self.forms[-1].transaction

    @property
    def raw(self) -> bytes:
        """Return the newest form's bytes."""
        return self.forms[-1].raw

    @property
    def hashes(self) -> list[bytes]:
        """Return the hashes of all forms, oldest first."""
        return [form.hash for form in self.forms]

    @property
    def hash(self) -> str:
        """Return the newest form's hash, as text."""
        return "0x" + self.forms[-1].hash.hex()

    @property
    def calls(self) -> int:
        """Return how many different calls its forms are."""
        return len({form.says for form in self.forms})

    def miss(self, patience_s: float) -> bool:
        """Note a look that found the nonce spent and no form in a block; return whether enough of them agree."""
        now = time.monotonic()
        self.missed_at = self.missed_at if self.misses else now
        self.misses += 1
        return self.misses >= _MISSES and now - self.missed_at >= patience_s

    @classmethod
    def restored(cls, forms: Sequence[tuple[str, bytes]]) -> Self:
        """Return what a journal saved: call and raw bytes of each form, oldest first. Raises `TransactionError`."""
        read = [Form(call, transactions.parse(raw)[1], raw) for call, raw in forms]
        return cls(read[0].transaction["nonce"], read)

    def check(self, account: ChecksumAddress, chain_id: int) -> None:
        """Raise `SavedTransactionError` where a form is not this account's, for this chain and nonce."""
        for form in self.forms:
            sender, transaction = transactions.parse(form.raw)
            found = sender, transaction["chainId"], transaction["nonce"]
            if found != (account, chain_id, self.nonce):
                raise SavedTransactionError(
                    f"{form.call}: the saved transaction is of {sender}, chain {found[1]}, nonce {found[2]},"
                    f" not of {account}, chain {chain_id}, nonce {self.nonce}"
                )


class LaneJournal(Protocol):
    """Where a lane's forms survive a crash: one journal for one account on one chain."""

    def save(self, sent: Sent) -> None:
        """Put all forms of `sent.nonce` on disk; durable when it returns.

        Called before a form is offered for the first time, the newest being the one that is new. Where it raises,
        the form is dropped and never offered.
        """

    def forget(self, nonce: int) -> None:
        """Drop all forms of a nonce."""


class Stage(StrEnum):
    """How far a nonce got."""

    WAITING = "waiting"
    """In no block; nothing is wrong."""
    STUCK = "stuck"
    """In no block, and nothing that the lane may do now gets it in: fees above the limits, or no node takes it."""
    INCLUDED = "included"
    """In a block that may still be taken back."""
    FINAL = "final"
    """In a block as deep as the policy wants."""
    REPLACED = "replaced"
    """A transaction that the lane does not know took the nonce."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What one look found."""

    stage: Stage
    receipt: Receipt | None = None
    """Of the form that is in a block. That it is there does not mean that it succeeded."""
    form: Form | None = None
    """The form that is in a block: not always the newest, and after a supersession not always its call."""
    depth: int = 0
    """Blocks on top of the receipt's."""
    settled: bool = False
    """Nothing can change any more: FINAL, or REPLACED by what is final."""
    reason: str = ""
    """Why it is stuck, or what it waits for."""
