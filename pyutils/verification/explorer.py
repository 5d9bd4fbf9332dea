"""Asking an explorer to verify contracts, one by one, so that a run that was cut short is simply given again.

Nothing is kept here: how a contract stands is asked of the explorer before anything is sent.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pyutils.verification.errors import (
    AlreadyVerifiedError,
    ContractRefusedError,
    NotIndexedError,
    StillPendingError,
)
from pyutils.verification.policy import PublishingPolicy
from pyutils.verification.submission import Submission


class Explorer(Protocol):
    """Whoever compiles sources and compares them with a chain."""

    @property
    def where(self) -> str:
        """Return its name and where it is."""

    @property
    def policy(self) -> PublishingPolicy:
        """Return how patient to be."""

    def standing(self, one: Submission) -> str | None:
        """Return how a contract is verified, None where it is not. Raises `VerificationError`."""

    def submit(self, one: Submission) -> str:
        """Send a contract, and return the ticket by which its outcome is asked.

        Raises `AlreadyVerifiedError`, `NotIndexedError` and other `VerificationError`s.
        """

    def outcome(self, one: Submission, ticket: str) -> str | None:
        """Return how a contract was verified, None while it is not decided. Raises `VerificationError`."""


class Standing(StrEnum):
    """How a contract came out."""

    VERIFIED = "verified"
    BEFORE = "verified before"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Publication:
    """One contract at one explorer."""

    explorer: str
    contract: str
    address: str
    standing: Standing
    said: str
    """The kind of match, or why there is none and how to mend it."""

    @property
    def is_done(self) -> bool:
        """Whether the contract is verified."""
        return self.standing is not Standing.REFUSED


def publish(explorer: Explorer, found: Iterable[Submission]) -> Iterator[Publication]:
    """Yield how each contract came out, after it was.

    Raises:
        VerificationError: the explorer does not answer, takes no more requests, or does not accept the key.
        ManifestError: a record's constructor arguments do not fit.

    """
    for one in found:
        try:
            standing, said = _publish(explorer, one)
        except ContractRefusedError as error:
            standing, said = Standing.REFUSED, error.line()
        yield Publication(explorer.where, one.name, one.record.address, standing, said)


def _publish(explorer: Explorer, one: Submission) -> tuple[Standing, str]:
    before = explorer.standing(one)
    if before is not None:
        return Standing.BEFORE, before
    patience = _Patience(explorer.policy)
    while True:
        try:
            return Standing.VERIFIED, _outcome(explorer, one, explorer.submit(one), patience)
        except AlreadyVerifiedError as error:
            return Standing.BEFORE, error.message
        except NotIndexedError:
            # A contract that was deployed just now: the explorer is behind the chain.
            if not patience.lasts():
                raise


def _outcome(explorer: Explorer, one: Submission, ticket: str, patience: _Patience) -> str:
    while True:
        said = explorer.outcome(one, ticket)
        if said is not None:
            return said
        if not patience.lasts():
            waited = f"{explorer.policy.wait_s:g} s"
            raise StillPendingError(f"{explorer.where} has not decided about {one.name} within {waited}")


class _Patience:
    """The wait for one contract, in pauses that grow."""

    def __init__(self, policy: PublishingPolicy) -> None:
        self._policy, self._pause_s = policy, policy.poll_s
        self._deadline = time.monotonic() + policy.wait_s

    def lasts(self) -> bool:
        """Pause, and return whether to ask once more; False at once where the wait would be over by then."""
        if time.monotonic() + self._pause_s > self._deadline:
            return False
        time.sleep(self._pause_s)
        self._pause_s = min(self._pause_s * 2, self._policy.longest_poll_s)
        return True
