"""A reporter's life with its store and without a chain, made to be killed. No two lives say the same of an hour.

Run in `tests/` as `python -m reporter.mortal PATH ROLE SEED` it lives until it is killed; with `KILLS` at the end it
brings up so many lives, one after the other, and kills each at a random instant. What would leave the process as a
signature is written to standard output, a line each.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from pyutils.models import MeterReport
from pyutils.reporter.store.lineage import PUBLISHED
from pyutils.reporter.store.promises import DoubleSignError
from pyutils.reporter.store.store import Record, State, Store, StoreJournal
from pyutils.units import BlockNumber, UnixSeconds

from .bookkeeping import (
    FIRST_HOUR,
    FLEET,
    GAS,
    OPERATOR,
    VERIFIER,
    digest,
    form,
    hour,
    pages,
    report,
    sent,
    signature_of,
)

MOST_STEPS = 30
"""A life that is to be killed takes fewer steps than this before its random instant."""
ADOPTED_EVERY = 4
"""Every so many hours the head is one that others made."""


def number_of(record: Record) -> int:
    return record.as_of // 3_600 - FIRST_HOUR


class Life:
    """One process's steps; `seed` makes its reports differ from those of the lives before."""

    def __init__(self, store: Store, seed: int, out: int | None = None) -> None:
        self.store, self.seed, self.out = store, seed, out
        self.signed: list[tuple[UnixSeconds, bytes]] = []
        self.journal = StoreJournal(store, GAS.address)

    def step(self) -> None:
        """Take the next step of the role, whatever a life before left behind."""
        if self.store.identity.role == "verifier":
            self.witness()
        else:
            self.report()

    def report(self) -> None:
        held = self.store.latest(
            FLEET, *(one for one in State if one not in (State.FINAL, State.SKIPPED, State.ADOPTED))
        )
        if held is None:
            self.begin()
        elif held.state is State.COLLECTED:
            self.store.build(FLEET, held.as_of, self.report_of(held.as_of))
        elif held.state is State.BUILT:
            # Nobody saw the digest, so it may still be another.
            self.store.build(FLEET, held.as_of, self.report_of(held.as_of))
            self.store.sign_off(FLEET, held.as_of)
        elif held.state is State.SIGNED:
            self.sign(held)
            self.journal.about = (FLEET, held.as_of, "submit")
            self.journal.save(sent(number_of(held), form(number_of(held))))
        elif held.state is State.BROADCAST:
            self.sign(held)
            self.store.mined(FLEET, held.as_of, BlockNumber(number_of(held)))
        else:
            self.store.finalized(FLEET, held.as_of)
            self.journal.forget(number_of(held))

    def begin(self) -> None:
        newest = self.store.latest(FLEET)
        number = 0 if newest is None else number_of(newest) + 1
        if number % ADOPTED_EVERY == ADOPTED_EVERY - 1:
            told = report(hour(number), told=10**9 + number)
            self.store.adopt(
                FLEET, hour(number), digest(told), told, {PUBLISHED: b"theirs"}, pages(hour(number), "them")
            )
        else:
            self.store.collect(FLEET, hour(number), b"ours" * 5_000, pages(hour(number)))

    def witness(self) -> None:
        newest = self.store.latest(FLEET)
        number = 0 if newest is None else number_of(newest) + 1
        for one in (number - 1, number):
            if one >= 0:
                self.attest(hour(one))

    def attest(self, as_of: UnixSeconds) -> None:
        told = self.report_of(as_of)
        meters = {PUBLISHED: b"theirs" * 5_000, "own": b"ours"}
        try:
            record = self.store.attest(FLEET, as_of, digest(told), told, meters, pages(as_of))
        except DoubleSignError:
            found = self.store.record(FLEET, as_of)
            assert found is not None, "promise and report are one transaction"
            record = found
        self.sign(record)
        self.store.keep_proposal(FLEET, GAS.address, as_of, b"{}")

    def sign(self, record: Record) -> None:
        """Let a signature leave the process, and keep it."""
        assert record.report is not None
        assert record.digest is not None
        self.signed.append((record.as_of, record.digest))
        if self.out is not None:
            os.write(self.out, b"%d %s\n" % (record.as_of, record.digest.hex().encode()))
        self.store.keep_signature(signature_of(record.report))

    def report_of(self, as_of: int) -> MeterReport:
        return report(as_of, told=self.seed)


def live(path: Path, role: str, seed: int, heart: int | None = None) -> None:
    """Live until killed; each step is a beat, a byte into `heart`."""
    with Store.open(path, VERIFIER if role == "verifier" else OPERATOR) as store:
        life = Life(store, seed, sys.stdout.fileno())
        while True:
            life.step()
            if heart is not None:
                os.write(heart, b".")


def main(path: str, role: str, seed: str, kills: str = "0") -> None:
    """Live once, or as often as told."""
    if not int(kills):
        live(Path(path), role, int(seed))
    dice = random.Random(int(seed))
    for number in range(int(kills)):
        pulse, heart = os.pipe()
        child = os.fork()
        if child == 0:
            live(Path(path), role, int(seed) + number, heart)
        for _ in range(dice.randrange(MOST_STEPS)):
            os.read(pulse, 1)  # by steps, so that a slow machine kills no sooner than a fast one
        time.sleep(dice.uniform(0, 0.01))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "it ended before it was killed"
        os.close(pulse)
        os.close(heart)


if __name__ == "__main__":
    main(*sys.argv[1:])
