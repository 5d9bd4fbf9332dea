"""A store in good times: reports by state, pages, kept meters, transactions; and whose store it is."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from pyutils.chain import Lane, LaneJournal
from pyutils.models import PageRef, parse_address
from pyutils.reporter.failpoints import FAILPOINTS, FailpointError, _parse, reach
from pyutils.reporter.store.errors import (
    NewerStoreError,
    NoStoreError,
    OtherStoreError,
    StoreError,
    StoreExistsError,
)
from pyutils.reporter.store.identity import Identity
from pyutils.reporter.store.lineage import KEPT, KEPT_UNFINISHED
from pyutils.reporter.store.records import TAKEOVERS, TRANSITIONS, DamagedRecordError, RecordError
from pyutils.reporter.store.store import PUBLISHED, Record, State, Store, StoreJournal
from pyutils.units import BlockNumber, FleetId, UnixSeconds

from .bookkeeping import (
    FIRST_HOUR,
    FLEET,
    GAS,
    OPERATOR,
    ORACLE,
    SIGNER,
    VERIFIER,
    audit,
    built,
    collected,
    digest,
    form,
    hour,
    overwrite,
    pages,
    raws,
    report,
    sent,
    signature_of,
    signed,
)

BLOCK = BlockNumber(7)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.create(path, OPERATOR) as made:
        yield made


# --- reports -------------------------------------------------------------------------------------------------------


def test_record__a_whole_life__is_told_at_each_step(store: Store) -> None:
    as_of = hour(0)
    told = report(as_of)
    record = collected(store, as_of)
    assert (record.state, record.report, record.digest) == (State.COLLECTED, None, None)
    record = store.build(FLEET, as_of, told)
    assert (record.state, record.report, record.digest) == (State.BUILT, told, digest(told))
    assert store.sign_off(FLEET, as_of).state is State.SIGNED
    journal = StoreJournal(store, GAS.address)
    journal.about = (FLEET, as_of, "submit")
    journal.save(sent(0))
    found = store.record(FLEET, as_of)
    assert found is not None
    assert found.state is State.BROADCAST
    record = store.mined(FLEET, as_of, BLOCK, b"\x07" * 32, 2**200)
    assert (record.state, record.mined_block, record.mined_hash, record.fee_wei) == (
        State.MINED,
        BLOCK,
        b"\x07" * 32,
        2**200,
    )
    record = store.finalized(FLEET, as_of)
    assert (record.state, record.report, record.mined_block, record.fee_wei) == (State.FINAL, told, BLOCK, 2**200)
    assert store.record_of(digest(told)) == record == store.record(FLEET, as_of)
    assert store.unfinished(FLEET) == ()


def test_record__uint64_at_its_largest__is_exact(store: Store) -> None:
    built(store, hour(0))
    found = store.record(FLEET, hour(0))
    assert found is not None
    assert found.report is not None
    assert (found.fleet_id, found.report.available_gpu_ms) == (2**64 - 1, 2**64 - 1)
    assert found.report.energy_joules == 2**63


def test_build__on_another_parent_before_it_is_signed__replaces_it(store: Store) -> None:
    first = built(store, hour(0))
    again = store.build(FLEET, hour(0), report(hour(0), parent=b"\x05" * 32))
    assert again.digest != first.digest
    assert first.digest is not None
    assert store.record_of(first.digest) is None
    store.sign_off(FLEET, hour(0))
    with pytest.raises(RecordError, match="is SIGNED and cannot become BUILT"):
        store.build(FLEET, hour(0), report(hour(0)))


def test_build__a_report_of_another_time__is_refused(store: Store) -> None:
    collected(store, hour(0))
    with pytest.raises(RecordError, match=f"the report is of fleet {FLEET} as of {hour(1)}"):
        store.build(FLEET, hour(0), report(hour(1)))


def test_mined__a_reorg__goes_back_and_forth(store: Store) -> None:
    signed(store, hour(0))
    journal = StoreJournal(store, GAS.address)
    journal.about = (FLEET, hour(0), "submit")
    journal.save(sent(0))
    store.mined(FLEET, hour(0), BLOCK)
    assert store.mined(FLEET, hour(0), BlockNumber(8)).mined_block == 8
    back = store.reorged(FLEET, hour(0))
    assert (back.state, back.mined_block) == (State.BROADCAST, None)
    assert store.held_back(FLEET, hour(0)).state is State.SIGNED
    assert store.mined(FLEET, hour(0), BLOCK).state is State.MINED, "somebody else carried it"


def test_skip__given_up_and_mined_after_all__is_taken_up(store: Store) -> None:
    signed(store, hour(0))
    skipped = store.skip(FLEET, hour(0), "over budget")
    assert (skipped.state, skipped.reason) == (State.SKIPPED, "over budget")
    assert store.skip(FLEET, hour(0), "for good").reason == "for good"
    mined = store.mined(FLEET, hour(0), BLOCK)
    assert (mined.state, mined.reason) == (State.MINED, "")
    assert store.reorged(FLEET, hour(0)).state is State.BROADCAST


def test_reorged__never_signed_here__is_not_sent(store: Store) -> None:
    built(store, hour(0))
    store.skip(FLEET, hour(0), "late")
    store.mined(FLEET, hour(0), BLOCK)
    assert store.reorged(FLEET, hour(0)).state is State.SKIPPED


def bring(store: Store, state: State) -> None:
    """Bring the first report into a state."""
    as_of, told = hour(0), report(hour(0))
    if state is State.ADOPTED:
        store.adopt(FLEET, as_of, digest(told), told, {}, [])
        return
    collected(store, as_of)
    if state is State.COLLECTED:
        return
    store.build(FLEET, as_of, told)
    if state is State.BUILT:
        return
    store.sign_off(FLEET, as_of)
    if state is State.SKIPPED:
        store.skip(FLEET, as_of, "so")
    if state is State.BROADCAST:
        journal = StoreJournal(store, GAS.address)
        journal.about = (FLEET, as_of, "submit")
        journal.save(sent(0))
    if state in (State.MINED, State.FINAL):
        store.mined(FLEET, as_of, BLOCK)
    if state is State.FINAL:
        store.finalized(FLEET, as_of)


AT = hour(0)
MOVES: dict[str, tuple[set[State], State, Callable[[Store], Record]]] = {
    "build": (
        {State.COLLECTED, State.BUILT},
        State.BUILT,
        lambda store: store.build(FLEET, AT, report(AT, told=1)),
    ),
    "sign_off": ({State.BUILT}, State.SIGNED, lambda store: store.sign_off(FLEET, AT)),
    "held_back": ({State.BROADCAST}, State.SIGNED, lambda store: store.held_back(FLEET, AT)),
    "mined": (
        {State.SIGNED, State.BROADCAST, State.MINED, State.SKIPPED},
        State.MINED,
        lambda store: store.mined(FLEET, AT, BLOCK),
    ),
    "reorged": ({State.MINED}, State.BROADCAST, lambda store: store.reorged(FLEET, AT)),
    "finalized": ({State.MINED}, State.FINAL, lambda store: store.finalized(FLEET, AT)),
    "skip": (
        {State.COLLECTED, State.BUILT, State.SIGNED, State.BROADCAST, State.MINED, State.SKIPPED},
        State.SKIPPED,
        lambda store: store.skip(FLEET, AT, "so"),
    ),
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("state", State)
def test_moves__from_each_state__only_those_that_make_sense(store: Store, state: State, move: str) -> None:
    bring(store, state)
    before = store.record(FLEET, AT)
    assert before is not None
    assert before.state is state
    sources, target, make = MOVES[move]
    if state in sources:
        assert make(store).state is target
        assert target in TRANSITIONS[state]
    else:
        with pytest.raises(RecordError):
            make(store)
        assert store.record(FLEET, AT) == before
        assert set(store.counts(FLEET)) == {state}


def test_moves__without_a_report__are_refused(store: Store) -> None:
    for _, _, make in MOVES.values():
        with pytest.raises(RecordError, match=f"there is no report as of {AT}"):
            make(store)


def test_transitions__the_table__names_every_state_and_ends_in_final() -> None:
    assert set(TRANSITIONS) == {None, *State}
    assert TRANSITIONS[State.FINAL] == frozenset()
    assert not any(State.FINAL in sources for sources in TAKEOVERS.values())


def test_latest__with_states__is_the_newest_of_those(store: Store) -> None:
    assert store.latest(FLEET) is None
    signed(store, hour(0))
    built(store, hour(1))
    collected(store, hour(2))
    store.skip(FLEET, hour(2), "so")
    found = [store.latest(FLEET), store.latest(FLEET, State.SIGNED, State.BUILT), store.latest(FLEET, State.MINED)]
    assert [None if one is None else one.as_of for one in found] == [hour(2), hour(1), None]
    assert [one.as_of for one in store.unfinished(FLEET)] == [hour(0), hour(1)]
    assert [one.as_of for one in store.newest(FLEET, 2)] == [hour(2), hour(1)]
    assert store.counts(FLEET) == {State.SIGNED: 1, State.BUILT: 1, State.SKIPPED: 1}
    assert store.counts(FleetId(1)) == {}
    assert store.latest(FleetId(1)) is None


# --- samples -------------------------------------------------------------------------------------------------------


def test_pages_of__each_report__its_own_open_hour_on_whole_hours_before(store: Store) -> None:
    collected(store, hour(0))
    store.collect(FLEET, hour(1), b"", pages(hour(1)))
    store.collect(FLEET, hour(2), b"", pages(hour(2)))
    first, second, third = pages(hour(0)), pages(hour(1)), pages(hour(2))
    assert store.pages_of(FLEET, hour(0)) == tuple(first)
    assert store.pages_of(FLEET, hour(1)) == (first[0], *second)
    assert store.pages_of(FLEET, hour(2)) == (first[0], second[0], *third)
    assert store.pages_of(FLEET, hour(2), from_hour=FIRST_HOUR + 1) == tuple(third)
    assert store.pages_of(FLEET, hour(2), from_hour=FIRST_HOUR + 2) == (third[1],)
    assert store.pages_of(FLEET, hour(2), from_hour=2**32 - 1) == ()
    assert store.pages_of(FLEET, hour(9)) == ()


def test_pages_of__hours_without_samples__are_left_out(store: Store) -> None:
    collected(store, hour(0))
    store.collect(FLEET, hour(5), b"", [pages(hour(0))[1].model_copy(update={"whole": True}), pages(hour(5))[1]])
    assert [page.hour - FIRST_HOUR for page in store.pages_of(FLEET, hour(5))] == [-1, 0, 5]
    store.collect(FLEET, hour(6), b"", [])
    assert [page.hour - FIRST_HOUR for page in store.pages_of(FLEET, hour(6))] == [-1, 0, 5]
    assert [page.hour - FIRST_HOUR for page in store.pages_of(FLEET, hour(6), from_hour=FIRST_HOUR + 1)] == [5]


def test_collect__up_to_a_time_that_is_collected__is_refused(store: Store) -> None:
    collected(store, hour(1))
    for number in (0, 1):
        with pytest.raises(RecordError, match=f"samples are collected up to {hour(1)}"):
            collected(store, hour(number))
    assert store.record(FLEET, hour(0)) is None


def test_checkpoint__by_time_and_meter__is_the_newest_up_to_it(store: Store) -> None:
    assert store.checkpoint(FLEET, PUBLISHED) is None
    collected(store, hour(0))
    collected(store, hour(2))
    assert store.checkpoint(FLEET, PUBLISHED) == (hour(2), b"meter as of %d" % hour(2))
    assert store.checkpoint(FLEET, PUBLISHED, hour(1)) == (hour(0), b"meter as of %d" % hour(0))
    assert store.checkpoint(FLEET, PUBLISHED, UnixSeconds(hour(0) - 1)) is None
    assert store.checkpoint(FLEET, "own") is None
    assert store.checkpoint(FleetId(1), PUBLISHED) is None


def kept(store: Store, meter: str = PUBLISHED) -> list[int]:
    """Return the numbers of the hours whose checkpoints are kept."""
    with store.database.read() as connection:
        rows = connection.execute("SELECT as_of FROM checkpoints WHERE meter = ? ORDER BY as_of", (meter,)).fetchall()
    return [row["as_of"] // 3_600 - FIRST_HOUR for row in rows]


def test_checkpoint__old_ones__are_dropped_but_for_what_a_report_stands_on(store: Store) -> None:
    signed(store, hour(0))
    for number in range(1, 20):
        signed(store, hour(number))
        if number != 3:
            store.mined(FLEET, hour(number), BLOCK)
            store.finalized(FLEET, hour(number))
    assert kept(store) == [0, 3, *range(20 - KEPT, 20)]
    store.skip(FLEET, hour(3), "so")
    collected(store, hour(20))
    assert kept(store) == [0, *range(21 - KEPT, 21)]
    for number in range(21, 30):
        collected(store, hour(number))
        store.skip(FLEET, hour(number), "so")
    assert kept(store) == [0, 19, 20, *range(30 - KEPT, 30)], "the newest final report's stays, and those not final"


def test_checkpoint__a_verifier_that_hears_of_no_end__keeps_no_more_than_so_many(path: Path) -> None:
    with Store.create(path, VERIFIER) as store:
        parent = bytes(32)
        for number in range(KEPT_UNFINISHED + 20):
            told = report(hour(number), parent)
            parent = digest(told)
            both = {PUBLISHED: b"p", "own": b"o"}
            assert store.attest(FLEET, hour(number), parent, told, both, pages(hour(number))).state is State.SIGNED
        assert len(kept(store)) == len(kept(store, "own")) == KEPT_UNFINISHED
        assert len(store.pages_of(FLEET, hour(number))) == number + 2
        assert store.goes_on_from(parent)


def test_attest__a_parent_whose_meter_is_not_kept__has_all_pages_itself(path: Path) -> None:
    with Store.create(path, VERIFIER) as store:
        one, other = report(hour(0)), report(hour(2), parent=b"\x09" * 32)
        store.attest(FLEET, hour(0), digest(one), one, {PUBLISHED: b""}, pages(hour(0), "them"))
        whole = pages(hour(2), "others", first=FIRST_HOUR + 1)
        store.attest(FLEET, hour(2), digest(other), other, {PUBLISHED: b""}, whole)
        assert store.pages_of(FLEET, hour(2)) == tuple(whole)
        assert store.goes_on_from(digest(other))
        assert not store.goes_on_from(digest(one))


# --- heads of others -----------------------------------------------------------------------------------------------


def test_adopt__a_head_of_others__is_gone_on_from_and_what_stood_beside_it_is_given_up(store: Store) -> None:
    first = signed(store, hour(0))
    assert first.digest is not None
    signed(store, hour(1), first.digest)
    signed(store, hour(2), first.digest)
    collected(store, hour(3))
    theirs = report(hour(1), first.digest, told=5)
    by_them = pages(hour(1), "them")
    adopted = store.adopt(FLEET, hour(1), digest(theirs), theirs, {PUBLISHED: b"theirs"}, by_them)
    assert (adopted.state, adopted.digest) == (State.ADOPTED, digest(theirs))
    assert [one.state for one in reversed(store.newest(FLEET, 9))] == [
        State.SIGNED,
        State.ADOPTED,
        State.SIGNED,
        State.SKIPPED,
    ]
    assert store.checkpoint(FLEET, PUBLISHED) == (hour(1), b"theirs")
    assert store.goes_on_from(digest(theirs))
    assert store.goes_on_from(first.digest)
    assert not store.goes_on_from(digest(report(hour(2), first.digest)))
    assert not store.goes_on_from(b"\x01" * 32)
    # What was promised stays promised, whatever the head is.
    assert store.promised(FLEET, hour(1)) == digest(report(hour(1), first.digest))

    # The hours after the head are collected again; the report that was signed there stays known.
    again = store.collect(FLEET, hour(2), b"", pages(hour(2), "us again"))
    assert again.state is State.SIGNED
    assert store.skip(FLEET, hour(2), "the next says it").digest == digest(report(hour(2), first.digest))
    assert store.collect(FLEET, hour(3), b"", pages(hour(3))).state is State.COLLECTED
    ours = store.pages_of(FLEET, hour(3))
    assert ours == (pages(hour(0))[0], by_them[0], pages(hour(2), "us again")[0], *pages(hour(3)))


def test_adopt__a_head_older_than_all_that_is_kept__has_its_meter_kept(store: Store) -> None:
    for number in range(10, 20):
        collected(store, hour(number))
        store.skip(FLEET, hour(number), "so")
    theirs = report(hour(0))
    store.adopt(FLEET, hour(0), digest(theirs), theirs, {PUBLISHED: b"theirs"}, pages(hour(0), "them"))
    assert store.checkpoint(FLEET, PUBLISHED) == (hour(0), b"theirs")


def test_adopt__pages_of_an_older_line__do_not_show_through(store: Store) -> None:
    collected(store, hour(0))
    store.collect(FLEET, hour(4), b"", pages(hour(4), first=FIRST_HOUR - 1))
    theirs = report(hour(2), parent=b"\x08" * 32)
    store.adopt(FLEET, hour(2), digest(theirs), theirs, {PUBLISHED: b""}, pages(hour(2), "them", first=FIRST_HOUR - 3))
    store.collect(FLEET, hour(5), b"", pages(hour(5), first=FIRST_HOUR + 2))
    expected = pages(hour(2), "them", first=FIRST_HOUR - 3)[:-1] + pages(hour(5), first=FIRST_HOUR + 2)
    assert store.pages_of(FLEET, hour(5)) == tuple(expected)


def test_adopt__one_of_our_own__keeps_how_far_it_got(store: Store) -> None:
    told = report(hour(0))
    for state in (State.SIGNED, State.BROADCAST, State.MINED, State.FINAL):
        if state is State.SIGNED:
            signed(store, hour(0))
        elif state is State.BROADCAST:
            journal = StoreJournal(store, GAS.address)
            journal.about = (FLEET, hour(0), "submit")
            journal.save(sent(0))
        elif state is State.MINED:
            store.mined(FLEET, hour(0), BLOCK)
        else:
            store.finalized(FLEET, hour(0))
        assert store.adopt(FLEET, hour(0), digest(told), told, {PUBLISHED: b"again"}, pages(hour(0))).state is state
    other = report(hour(0), told=1)
    with pytest.raises(RecordError, match="is FINAL and cannot become ADOPTED"):
        store.adopt(FLEET, hour(0), digest(other), other, {}, [])


def test_adopt__given_up_and_the_head_after_all__stays_for_the_courier(store: Store) -> None:
    told = report(hour(0))
    signed(store, hour(0))
    store.skip(FLEET, hour(0), "so")
    assert store.adopt(FLEET, hour(0), digest(told), told, {}, []).state is State.SKIPPED
    assert store.mined(FLEET, hour(0), BLOCK).state is State.MINED


def test_attest__over_what_was_collected_here__is_the_verifiers_word(path: Path) -> None:
    with Store.create(path, VERIFIER) as store:
        collected(store, hour(0))
        told = report(hour(0))
        record = store.attest(FLEET, hour(0), digest(told), told, {PUBLISHED: b"theirs"}, pages(hour(0), "them"))
        assert record.state is State.SIGNED
        assert store.checkpoint(FLEET, PUBLISHED) == (hour(0), b"theirs")
        assert store.attest(FLEET, hour(0), digest(told), told, {}, pages(hour(0), "them")) == record
    assert audit(path, VERIFIER) == {hour(0): digest(told)}


# --- signatures and proposals --------------------------------------------------------------------------------------


def test_signatures__of_several_signers__come_by_signer_once_each(store: Store) -> None:
    told = report(hour(0))
    signatures = sorted([signature_of(told), signature_of(told, GAS)], key=lambda one: one.signer)
    for one in [*signatures, *signatures]:
        store.keep_signature(one)
    assert store.signatures(digest(told)) == tuple(signatures)
    assert store.signatures(bytes(32)) == ()


def test_keep_signature__in_64_bytes__is_kept_in_65(store: Store) -> None:
    whole = signature_of(report(hour(0)))
    r, vs = whole.value.compact
    store.keep_signature(whole.model_copy(update={"signature": r + vs}))
    assert store.signatures(whole.digest) == (whole,)


def test_seen__of_several_proposers__is_the_newest(store: Store) -> None:
    assert store.seen(FLEET) is None
    store.keep_proposal(FLEET, SIGNER.address, hour(1), b"one")
    store.keep_proposal(FLEET, GAS.address, hour(2), b"two")
    store.keep_proposal(FLEET, SIGNER.address, hour(0), b"old")
    assert store.seen(FLEET) == b"two"
    assert store.seen(FLEET, SIGNER.address) == b"one"
    assert store.seen(FLEET, ORACLE) is None
    store.keep_proposal(FLEET, SIGNER.address, hour(3), b"three")
    assert store.seen(FLEET) == b"three"


# --- transactions --------------------------------------------------------------------------------------------------


def test_journal__is_what_a_lane_wants(store: Store) -> None:
    journal: LaneJournal = StoreJournal(store, GAS.address)
    assert callable(journal.save)
    assert Lane.__init__.__annotations__["journal"] == "LaneJournal | None"


def test_sents__forms_of_several_nonces__come_back_in_order(store: Store) -> None:
    journal = StoreJournal(store, GAS.address)
    assert journal.sents() == []
    raised = [form(9, fee=10**9 + step) for step in range(3)]
    for upto in range(1, 4):
        journal.save(sent(9, *raised[:upto]))
    journal.save(sent(10, form(10)))
    journal.save(sent(2, form(2, call="Token.approve")))
    found = journal.sents()
    assert raws(found) == raws([sent(2, form(2, call="Token.approve")), sent(9, *raised), sent(10)])
    for one in found:
        one.check(GAS.address, OPERATOR.chain_id)
    assert StoreJournal(store, SIGNER.address).sents() == []


def test_forget__settled__is_not_resumed_and_stays_as_evidence(store: Store) -> None:
    journal = StoreJournal(store, GAS.address)
    journal.save(sent(0))
    journal.save(sent(1))
    journal.forget(0)
    journal.forget(0)
    journal.forget(77)
    assert raws(journal.sents()) == raws([sent(1)])
    with store.database.read() as connection:
        assert connection.execute("SELECT count(*) FROM transactions").fetchone()[0] == 2
    # A nonce that was never broadcast is used again, perhaps by the same bytes.
    journal.save(sent(0, form(0, b"\x02")))
    assert raws(journal.sents()) == raws([sent(0, form(0, b"\x02")), sent(1)])
    journal.forget(0)
    journal.save(sent(0))
    assert raws(journal.sents()) == raws([sent(0), sent(1)])


def about_of(store: Store) -> list[tuple[int, str | None]]:
    with store.database.read() as connection:
        rows = connection.execute("SELECT as_of, kind FROM transactions ORDER BY nonce, place").fetchall()
    return [(0 if row["as_of"] is None else row["as_of"] // 3_600 - FIRST_HOUR, row["kind"]) for row in rows]


def test_save__a_replacement_at_a_higher_fee__is_for_the_same_report(store: Store) -> None:
    journal = StoreJournal(store, GAS.address)
    signed(store, hour(1))
    first, second, third = form(0), form(0, fee=2 * 10**9), form(0, b"\x02", 3 * 10**9)
    journal.about = (FLEET, hour(1), "submit")
    journal.save(sent(0, first))
    journal.about = None
    journal.save(sent(0, first, second))
    assert about_of(store) == [(1, "submit"), (1, "submit")]
    # Another report takes the nonce.
    signed(store, hour(2))
    journal.about = (FLEET, hour(2), "alone")
    journal.save(sent(0, first, second, third))
    journal.about = None
    fourth = form(0, b"\x02", 4 * 10**9)
    journal.save(sent(0, first, second, third, fourth))
    assert about_of(store) == [(1, "submit"), (1, "submit"), (2, "alone"), (2, "alone")]
    assert [one.state for one in store.newest(FLEET, 2)] == [State.BROADCAST, State.BROADCAST]
    assert raws(journal.sents()) == raws([sent(0, first, second, third, fourth)])


def test_save__about_nothing_or_an_unsigned_report__moves_none(store: Store) -> None:
    journal = StoreJournal(store, GAS.address)
    before = built(store, hour(0))
    journal.save(sent(0))
    journal.about = (FLEET, hour(0), "post")
    journal.save(sent(1))
    journal.about = (FLEET, hour(7), "post")
    journal.save(sent(2))
    assert store.record(FLEET, hour(0)) == before
    assert about_of(store) == [(0, None), (0, "post"), (7, "post")]


def test_save__a_kind_that_is_none__saves_nothing(store: Store) -> None:
    journal = StoreJournal(store, GAS.address)
    journal.about = (FLEET, hour(0), "steal")  # type: ignore[assignment]
    with pytest.raises(StoreError, match="CHECK constraint failed"):
        journal.save(sent(0))
    assert journal.sents() == []


# --- what was altered on disk --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "ask"),
    [
        ("UPDATE reports SET report = replace(report, '1', '2')", lambda store: store.record(FLEET, hour(0))),
        ("UPDATE reports SET report = '{}'", lambda store: store.newest(FLEET, 1)),
        ("UPDATE reports SET digest = x'" + "01" * 32 + "'", lambda store: store.record_of(b"\x01" * 32)),
        ("UPDATE reports SET fee_wei = 'x'", lambda store: store.latest(FLEET)),
        ("UPDATE checkpoints SET data = x'00'", lambda store: store.checkpoint(FLEET, PUBLISHED)),
        ("UPDATE transactions SET raw = x'00'", lambda store: StoreJournal(store, GAS.address).sents()),
    ],
)
def test_read__what_was_altered__is_one_line(store: Store, statement: str, ask: Callable[[Store], object]) -> None:
    built(store, hour(0))
    StoreJournal(store, GAS.address).save(sent(0))
    ask(store)
    with store.database.write() as connection:
        connection.execute(statement)
    with pytest.raises(DamagedRecordError) as caught:
        ask(store)
    assert "restore the newest copy" in caught.value.line()


# --- whose store, and which files ----------------------------------------------------------------------------------


def test_create__files__are_the_owners_alone(store: Store, path: Path) -> None:
    store.promise(FLEET, hour(0), b"\x01" * 32)
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert {one.name for one in path.parent.iterdir()} == {
        f"store.sqlite{side}" for side in ("", "-wal", "-shm", ".lock")
    }


def test_create__in_folders_that_are_not_there__makes_them(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b c" / "sto?re#%41.sqlite"
    Store.create(path, OPERATOR).close()
    Store.open(path, OPERATOR).close()
    assert path.exists()


def test_create__where_one_is__leaves_it_alone(store: Store, path: Path) -> None:
    store.promise(FLEET, hour(0), b"\x01" * 32)
    store.close()
    with pytest.raises(StoreExistsError, match="is there already"):
        Store.create(path, OPERATOR)
    assert audit(path) == {hour(0): b"\x01" * 32}


@pytest.mark.parametrize("side", ["-wal", "-shm", "-journal"])
def test_create__beside_a_log_of_another_store__is_refused(path: Path, side: str) -> None:
    Path(f"{path}{side}").write_bytes(b"rest")
    with pytest.raises(StoreExistsError, match=f"store.sqlite{side} is there already"):
        Store.create(path, OPERATOR)
    assert not path.exists()


def test_create__after_one_that_was_killed_half_way__succeeds(path: Path) -> None:
    Path(f"{path}.new").write_bytes(b"half")
    Path(f"{path}.new-wal").write_bytes(b"half")
    Store.create(path, OPERATOR).close()
    assert {one.name for one in path.parent.iterdir()} == {"store.sqlite", "store.sqlite.lock"}


def test_open__missing__never_makes_one(path: Path) -> None:
    with pytest.raises(NoStoreError) as caught:
        Store.open(path, OPERATOR)
    assert caught.value.line().startswith(f"{path}: there is no store. Check the path; `gpurwa operator init`")
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    "other",
    [
        OPERATOR.model_copy(update={"chain_id": 1}),
        OPERATOR.model_copy(update={"oracle": parse_address("0x" + "0c" * 20)}),
        OPERATOR.model_copy(update={"signer": GAS.address}),
        VERIFIER,
    ],
)
def test_open__of_another_identity__names_both(store: Store, path: Path, other: Identity) -> None:
    store.close()
    with pytest.raises(OtherStoreError) as caught:
        Store.open(path, other)
    assert str(OPERATOR) in caught.value.message
    assert str(other) in caught.value.message
    Store.open(path, OPERATOR).close()


def test_open__made_by_a_newer_release__is_not_touched(store: Store, path: Path) -> None:
    store.close()
    overwrite(path, 60, (2).to_bytes(4))
    before = path.read_bytes()
    with pytest.raises(NewerStoreError, match="the store has version 2, this release knows versions up to 1"):
        Store.open(path, OPERATOR)
    assert path.read_bytes() == before


def test_close__twice_and_then_used__is_one_line(store: Store) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.promise(FLEET, hour(0), b"\x01" * 32)
    with pytest.raises(StoreError, match="closed"):
        store.promised(FLEET, hour(0))


def test_settings__as_promised(store: Store) -> None:
    with store.database.read() as connection:
        found = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "user_version")
        }
        tables = connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "user_version": 1}
    assert all(row["strict"] for row in tables if not row["name"].startswith("sqlite_"))


# --- failpoints ----------------------------------------------------------------------------------------------------


def test_reach__not_asked_to_die__does_nothing() -> None:
    for name in FAILPOINTS:
        reach(name)
    assert len(set(FAILPOINTS)) == len(FAILPOINTS) == 15


def test_reach__an_unknown_name__is_a_bug() -> None:
    with pytest.raises(AssertionError, match="nowhere is no failpoint"):
        reach("nowhere")


@pytest.mark.parametrize(
    "text", ["nowhere", "promised:", "promised:0", "promised:x", "promised:-1", ":1", "promised:1:2"]
)
def test_failpoint__a_place_that_does_not_exist__is_refused(text: str) -> None:
    if text == "promised:":
        assert _parse(text) == ("promised", 1)
        return
    with pytest.raises(FailpointError, match="names no place to die at"):
        _parse(text)


def test_page_refs__are_in_order(store: Store) -> None:
    collected(store, hour(0))
    found = store.pages_of(FLEET, hour(0))
    assert all(isinstance(one, PageRef) for one in found)
    assert all(one.hour < after.hour for one, after in pairwise(found))
