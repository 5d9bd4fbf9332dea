"""The store as a state machine beside a plain dictionary, with crashes at any step and moves to other machines.

A crash is what a killed process leaves: the files as they are on disk are copied and the copy is opened, while the old
connection is never closed properly. It falls between steps, or within one right before or after its commit.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from pyutils.models import PageRef
from pyutils.reporter.store.lineage import PUBLISHED
from pyutils.reporter.store.move import export_store, import_archive
from pyutils.reporter.store.promises import BelowWatermarkError, DoubleSignError
from pyutils.reporter.store.records import RecordError
from pyutils.reporter.store.store import State, Store, StoreJournal
from pyutils.units import BlockNumber, UnixSeconds

from .bookkeeping import (
    FIRST_HOUR,
    FLEET,
    GAS,
    OPERATOR,
    audit,
    copy_files,
    digest,
    form,
    hour,
    pages,
    raws,
    report,
    sent,
    signature_of,
)

PICK = st.integers(0, 255)
TOLD = st.integers(0, 2)
OPEN = (State.COLLECTED, State.BUILT, State.SIGNED, State.BROADCAST, State.MINED)
SENDABLE = {State.SIGNED, State.BROADCAST}


@dataclass(frozen=True)
class Book:
    """What a store should hold, in plain words."""

    promised: dict[UnixSeconds, bytes] = field(default_factory=dict)
    states: dict[UnixSeconds, tuple[State, bytes | None]] = field(default_factory=dict)
    checkpoints: dict[UnixSeconds, bytes] = field(default_factory=dict)
    pages: dict[UnixSeconds, tuple[UnixSeconds | None, list[PageRef]]] = field(default_factory=dict)
    """What each report goes on from, and what it adds."""
    sent: dict[int, list[int]] = field(default_factory=dict)
    """Fees of the forms of each nonce that is not settled."""
    signatures: frozenset[bytes] = frozenset()
    watermark: int = -1

    def but(self, **changes: Any) -> Book:
        return replace(self, **changes)

    def with_state(self, as_of: UnixSeconds, state: State, one: bytes | None) -> Book:
        return self.but(states=self.states | {as_of: (state, one)})

    def with_promise(self, as_of: UnixSeconds, one: bytes) -> Book:
        return self.but(promised=self.promised | {as_of: one})

    def refusal(self, as_of: UnixSeconds, one: bytes) -> type[Exception] | None:
        """Return the error with which a promise is refused."""
        if as_of in self.promised:
            return None if self.promised[as_of] == one else DoubleSignError
        return BelowWatermarkError if as_of <= self.watermark else None

    def behind(self, as_of: UnixSeconds | None) -> tuple[PageRef, ...]:
        """Return all pages behind a report."""
        if as_of is None or as_of not in self.pages:
            return ()
        base, new = self.pages[as_of]
        return (*(page for page in self.behind(base) if page.hour < new[0].hour), *new)


class Crash(BaseException):
    """Stands for SIGKILL within a step."""


class Dying:
    """A connection on which the process is killed right before or right after a commit."""

    def __init__(self, inner: sqlite3.Connection, after: bool) -> None:
        self.inner, self.after = inner, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def execute(self, sql: str, *values: Any) -> Any:
        if sql == "ROLLBACK":
            # Whoever is killed rolls nothing back.
            return None
        if sql == "COMMIT":
            if self.after:
                self.inner.execute(sql)
            raise Crash
        return self.inner.execute(sql, *values)


class StoreMachine(RuleBasedStateMachine):
    """Does what a reporter does, in any order, and is killed at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="store-machine-"))
        self.places = count()
        self.abandoned: list[Store] = []
        self.book = Book()
        self.doomed: bool | None = None
        """Whether the next write is killed, and whether that is after its commit."""
        self.ever: dict[UnixSeconds, set[bytes]] = {}
        """All digests that a caller was ever allowed to sign, by time."""

    @initialize()
    def begin(self) -> None:
        self.path = self.new_place()
        self.store = Store.create(self.path, OPERATOR)

    def new_place(self) -> Path:
        return self.folder / str(next(self.places)) / "store.sqlite"

    def journal(self) -> StoreJournal:
        return StoreJournal(self.store, GAS.address)

    def write(self, act: Callable[[], object], after: Book, refusal: type[Exception] | None = None) -> bool:
        """Do one step, which leads to `after`, is refused, or is cut short by a crash. Returns whether it was done."""
        before, doomed, self.doomed = self.book, self.doomed, None
        connection = self.store.database._connection
        if doomed is not None:
            self.store.database._connection = Dying(connection, doomed)  # type: ignore[assignment]
        ended: BaseException | None = None
        try:
            act()
        except (Crash, RecordError, DoubleSignError, BelowWatermarkError) as error:
            ended = error
        self.store.database._connection = connection
        if isinstance(ended, Crash):
            assert refusal is None
            self.book = after if doomed else before
        elif refusal is None:
            assert ended is None
            assert doomed is None
            self.book = after
        else:
            assert isinstance(ended, refusal)
        if doomed is not None:
            self.reopen()
        return ended is None

    def reopen(self) -> None:
        """Go on with a copy of the files as they are on disk; the old connection stays open, as a corpse."""
        self.abandoned.append(self.store)
        self.path = copy_files(self.path, self.new_place().parent)
        self.store = Store.open(self.path, OPERATOR)

    # what a reporter does

    @rule(pick=PICK, told=TOLD, twice=st.booleans())
    def go_on(self, pick: int, told: int, twice: bool) -> None:
        """Take a report the next step to its end, as a reporter does most of the time."""
        for _ in range(1 + twice):
            as_of = self.choose(pick | 1, OPEN)
            state = self.state(as_of)
            if state is None:
                self.collect_at(self.following(1))
            elif state is State.COLLECTED:
                self.build_at(as_of, told)
            elif state is State.BUILT:
                self.sign_off_at(as_of)
            elif state is State.SIGNED:
                self.save_at(as_of, 1 + told)
            elif state is State.BROADCAST:
                self.mined_at(as_of)
            elif state is State.MINED:
                self.finalized_at(as_of)

    @rule(pick=PICK, told=TOLD)
    def promise(self, pick: int, told: int) -> None:
        as_of = self.choose(pick, ())
        one = digest(report(as_of, told=told))
        act = lambda: self.store.promise(FLEET, as_of, one)  # noqa: E731
        if self.write(act, self.book.with_promise(as_of, one), self.book.refusal(as_of, one)):
            self.ever.setdefault(as_of, set()).add(one)

    @rule(pick=PICK)
    def collect(self, pick: int) -> None:
        self.collect_at(self.following(pick))

    def collect_at(self, as_of: UnixSeconds) -> None:
        book, data, new = self.book, b"meter %d" % as_of, pages(as_of)
        base = max(book.checkpoints, default=None)
        state, one = book.states.get(as_of, (None, None))
        keeps = state is not None and as_of in book.promised
        refused = (base is not None and base >= as_of) or (not keeps and state not in (None, State.SKIPPED))
        after = (
            book
            if refused
            else book.but(
                states=book.states | {as_of: (state, one) if keeps else (State.COLLECTED, None)},
                checkpoints=book.checkpoints | {as_of: data},
                pages=book.pages | {as_of: (base, new)},
            )
        )
        act = lambda: self.store.collect(FLEET, as_of, data, new)  # noqa: E731
        self.write(act, self.pruned(after), RecordError if refused else None)

    @rule(pick=PICK, told=TOLD)
    def build(self, pick: int, told: int) -> None:
        self.build_at(self.choose(pick, (State.COLLECTED, State.BUILT)), told)

    def build_at(self, as_of: UnixSeconds, told: int) -> None:
        made = report(as_of, told=told)
        fits = self.state(as_of) in (State.COLLECTED, State.BUILT)
        act = lambda: self.store.build(FLEET, as_of, made)  # noqa: E731
        self.write(act, self.book.with_state(as_of, State.BUILT, digest(made)), None if fits else RecordError)

    @rule(pick=PICK)
    def sign_off(self, pick: int) -> None:
        self.sign_off_at(self.choose(pick, (State.BUILT,)))

    def sign_off_at(self, as_of: UnixSeconds) -> None:
        state, one = self.book.states.get(as_of, (None, None))
        refusal = self.book.refusal(as_of, one) if one is not None else RecordError
        if refusal is None and state is not State.BUILT:
            refusal = RecordError
        after = self.book
        if one is not None:
            after = after.with_promise(as_of, one).with_state(as_of, State.SIGNED, one)
        if self.write(lambda: self.store.sign_off(FLEET, as_of), after, refusal):
            assert one is not None
            self.ever.setdefault(as_of, set()).add(one)

    @rule(pick=PICK, fee=st.integers(1, 3))
    def save(self, pick: int, fee: int) -> None:
        self.save_at(self.choose(pick, (State.SIGNED, State.BROADCAST)), fee)

    def save_at(self, as_of: UnixSeconds, fee: int) -> None:
        nonce = as_of // 3_600 % 3
        fees = [*self.book.sent.get(nonce, []), fee]
        if len(set(fees)) < len(fees):
            return
        state, one = self.book.states.get(as_of, (None, None))
        after = self.book.but(sent=self.book.sent | {nonce: fees})
        if state is State.SIGNED:
            after = after.with_state(as_of, State.BROADCAST, one)
        journal = self.journal()
        journal.about = (FLEET, as_of, "submit")
        self.write(lambda: journal.save(sent(nonce, *(form(nonce, fee=one) for one in fees))), after)

    @rule(nonce=st.integers(0, 2))
    def forget(self, nonce: int) -> None:
        after = self.book.but(sent={one: fees for one, fees in self.book.sent.items() if one != nonce})
        self.write(lambda: self.journal().forget(nonce), after)

    @rule(pick=PICK)
    def mined(self, pick: int) -> None:
        self.mined_at(self.choose(pick, (State.SIGNED, State.BROADCAST, State.MINED, State.SKIPPED)))

    def mined_at(self, as_of: UnixSeconds) -> None:
        sources = (State.SIGNED, State.BROADCAST, State.MINED, State.SKIPPED)
        # The courier finds given-up reports by their digest, so it never asks for one without.
        if self.state(as_of) is State.SKIPPED and self.book.states[as_of][1] is None:
            return
        self.move(as_of, sources, State.MINED, lambda: self.store.mined(FLEET, as_of, BlockNumber(1)))

    @rule(pick=PICK)
    def reorged(self, pick: int) -> None:
        as_of = self.choose(pick, (State.MINED,))
        _, one = self.book.states.get(as_of, (None, None))
        # One that became the head without a signature of ours is not sent by us now.
        target = State.BROADCAST if one is not None and self.book.promised.get(as_of) == one else State.SKIPPED
        self.move(as_of, (State.MINED,), target, lambda: self.store.reorged(FLEET, as_of))

    @rule(pick=PICK)
    def finalized(self, pick: int) -> None:
        self.finalized_at(self.choose(pick, (State.MINED,)))

    def finalized_at(self, as_of: UnixSeconds) -> None:
        self.move(as_of, (State.MINED,), State.FINAL, lambda: self.store.finalized(FLEET, as_of))

    @rule(pick=PICK)
    def held_back(self, pick: int) -> None:
        as_of = self.choose(pick, (State.BROADCAST,))
        self.move(as_of, (State.BROADCAST,), State.SIGNED, lambda: self.store.held_back(FLEET, as_of))

    @rule(pick=PICK)
    def skip(self, pick: int) -> None:
        as_of = self.choose(pick, OPEN)
        sources = tuple(one for one in State if one not in (State.FINAL, State.ADOPTED))
        self.move(as_of, sources, State.SKIPPED, lambda: self.store.skip(FLEET, as_of, "so"))

    @rule(pick=PICK)
    def adopt(self, pick: int) -> None:
        as_of = self.following(pick)
        if pick % 3:
            return
        book, theirs = self.book, report(as_of, told=77)
        one, new = digest(theirs), pages(as_of, "them", first=FIRST_HOUR - 1)
        refused = self.state(as_of) in (State.MINED, State.FINAL)
        gone = {at for at in book.states if at > as_of}
        after = book.but(
            states=book.states
            | {as_of: (State.ADOPTED, one)}
            | {
                at: (State.SKIPPED, book.states[at][1])
                for at in gone
                if book.states[at][0] in (State.COLLECTED, State.BUILT)
            },
            checkpoints={at: data for at, data in book.checkpoints.items() if at <= as_of} | {as_of: b"theirs"},
            pages=book.pages | {as_of: (None, new)},
        )
        act = lambda: self.store.adopt(FLEET, as_of, one, theirs, {PUBLISHED: b"theirs"}, new)  # noqa: E731
        self.write(act, self.pruned(after), RecordError if refused else None)

    @rule(pick=PICK, told=TOLD)
    def keep_signature(self, pick: int, told: int) -> None:
        as_of = self.choose(pick, OPEN)
        one = signature_of(report(as_of, told=told))
        after = self.book.but(signatures=self.book.signatures | {one.digest})
        self.write(lambda: self.store.keep_signature(one), after)

    def choose(self, pick: int, states: tuple[State, ...]) -> UnixSeconds:
        """Return the time of a report in one of the states; now and then, or where there is none, of any hour."""
        fitting = sorted(as_of for as_of, (state, _) in self.book.states.items() if state in states)
        if fitting and pick % 8:
            return fitting[-1 - pick // 8 % len(fitting)]
        return hour(pick // 8 % (self.last_hour + 2))

    def following(self, pick: int) -> UnixSeconds:
        """Return a time after all that is collected; now and then any hour."""
        if pick % 8:
            newest = max(self.book.checkpoints, default=hour(-1))
            return UnixSeconds(newest + 3_600 * (1 + (pick % 8 == 7)))
        return hour(pick // 8 % (self.last_hour + 2))

    @property
    def last_hour(self) -> int:
        """Return the number of the newest hour that anything is about."""
        return max([0, *((as_of // 3_600 - FIRST_HOUR) for as_of in (*self.book.states, *self.book.promised))])

    def state(self, as_of: UnixSeconds) -> State | None:
        return self.book.states.get(as_of, (None, None))[0]

    def move(self, as_of: UnixSeconds, sources: tuple[State, ...], target: State, act: Callable[[], object]) -> None:
        state, one = self.book.states.get(as_of, (None, None))
        after = self.book.with_state(as_of, target, one)
        after = self.pruned(after) if target is State.FINAL else after
        self.write(act, after, None if state in sources else RecordError)

    def pruned(self, book: Book) -> Book:
        """Return the book without the checkpoints that may go: never those of a report on its way."""
        final = max((at for at, (state, _) in book.states.items() if state is State.FINAL), default=None)
        on_their_way = {
            at for at, (state, _) in book.states.items() if state not in (State.FINAL, State.SKIPPED, State.ADOPTED)
        }
        kept = {*sorted(book.checkpoints)[-4:], *on_their_way, final}
        return book.but(checkpoints={at: data for at, data in book.checkpoints.items() if at in kept})

    # what happens to it

    @rule()
    def crash(self) -> None:
        self.reopen()

    @rule(after=st.booleans())
    def crash_within_the_next_write(self, after: bool) -> None:
        self.doomed = after

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = Store.open(self.path, OPERATOR)

    @rule(back=st.booleans())
    def move_to_another_machine(self, back: bool) -> None:
        archive = self.new_place().parent.with_suffix(".tar.gz")
        export_store(self.store, None, archive)
        self.store.close()
        self.path = self.path if back else self.new_place()
        import_archive(archive, self.path, OPERATOR, None)
        self.store = Store.open(self.path, OPERATOR)
        self.book = self.book.but(watermark=max([self.book.watermark, *self.book.promised]))

    # what must hold

    @invariant()
    def what_was_committed_is_there(self) -> None:
        for as_of in map(hour, range(self.last_hour + 2)):
            assert self.store.promised(FLEET, as_of) == self.book.promised.get(as_of)
            record = self.store.record(FLEET, as_of)
            found = (None, None) if record is None else (record.state, record.digest)
            assert found == self.book.states.get(as_of, (None, None))
            assert self.store.pages_of(FLEET, as_of) == self.book.behind(as_of)
            kept = max((at for at in self.book.checkpoints if at <= as_of), default=None)
            told = None if kept is None else (kept, self.book.checkpoints[kept])
            assert self.store.checkpoint(FLEET, PUBLISHED, as_of) == told
        expected = [
            sent(nonce, *(form(nonce, fee=fee) for fee in fees)) for nonce, fees in sorted(self.book.sent.items())
        ]
        assert raws(self.journal().sents()) == raws(expected)

    @invariant()
    def at_most_one_digest_for_one_moment_was_ever_allowed(self) -> None:
        assert all(len(digests) == 1 for digests in self.ever.values())
        assert {as_of: {self.book.promised[as_of]} for as_of in self.ever} == self.ever

    @invariant()
    def what_is_signed_was_promised(self) -> None:
        for as_of, (state, one) in self.book.states.items():
            assert state not in SENDABLE or self.book.promised[as_of] == one

    def teardown(self) -> None:
        try:
            path = copy_files(self.path, self.new_place().parent)
            assert audit(path) == self.book.promised
        finally:
            for store in (self.store, *self.abandoned):
                store.close()
            shutil.rmtree(self.folder)


def test_store__any_order_of_steps_crashes_and_moves__keeps_its_promises() -> None:
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )


@pytest.mark.slow
def test_store__any_order_of_steps_for_long__keeps_its_promises() -> None:
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=150, stateful_step_count=80, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
