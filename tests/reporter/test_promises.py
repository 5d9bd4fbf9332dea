"""One digest for one moment: whatever is asked, by whomever, in SQL or in Python."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from pyutils.reporter.store.errors import (
    DamagedStoreError,
    MovedStoreError,
    RolledBackStoreError,
    UnwritableStoreError,
)
from pyutils.reporter.store.lock import StoreLock
from pyutils.reporter.store.promises import BelowWatermarkError, DoubleSignError, Watermark, raise_watermarks
from pyutils.reporter.store.records import RecordError, State
from pyutils.reporter.store.store import Store
from pyutils.units import FleetId

from .bookkeeping import (
    CHAIN_ID,
    FLEET,
    OPERATOR,
    ORACLE,
    VERIFIER,
    audit,
    built,
    collected,
    copy_files,
    digest,
    hour,
    pages,
    raw_connection,
    report,
    signed,
)

ONE, OTHER = b"\x01" * 32, b"\x02" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.create(path, OPERATOR) as made:
        yield made


def test_promise__the_same_again__is_fine(store: Store) -> None:
    assert store.promised(FLEET, hour(0)) is None
    assert store.latest_promise(FLEET) is None
    for _ in range(3):
        store.promise(FLEET, hour(0), ONE)
    assert store.promised(FLEET, hour(0)) == ONE
    assert audit_open(store) == 1


def audit_open(store: Store) -> int:
    with store.database.read() as connection:
        return int(connection.execute("SELECT count(*) FROM promises").fetchone()[0])


def test_promise__another_digest__names_both(store: Store) -> None:
    store.promise(FLEET, hour(0), ONE)
    with pytest.raises(DoubleSignError) as caught:
        store.promise(FLEET, hour(0), OTHER)
    line = caught.value.line()
    assert line.startswith(
        f"fleet {FLEET}: as of {hour(0)} 0x{ONE.hex()} is promised, so 0x{OTHER.hex()} is not signed"
    )
    assert "\n" not in line
    assert store.promised(FLEET, hour(0)) == ONE


def test_promise__other_moments_and_fleets__are_keys_of_their_own(store: Store) -> None:
    store.promise(FLEET, hour(1), ONE)
    store.promise(FLEET, hour(0), OTHER)
    store.promise(FleetId(1), hour(0), ONE)
    assert store.promised(FLEET, hour(0)) == OTHER
    assert store.promised(FleetId(1), hour(0)) == ONE
    assert store.promised(FleetId(1), hour(1)) is None
    newest = store.latest_promise(FLEET)
    assert newest is not None
    assert (newest.fleet_id, newest.as_of, newest.digest) == (FLEET, hour(1), ONE)


def test_promise__after_reopening__stands(store: Store, path: Path) -> None:
    store.promise(FLEET, hour(0), ONE)
    store.close()
    with Store.open(path, OPERATOR) as again, pytest.raises(DoubleSignError):
        again.promise(FLEET, hour(0), OTHER)
    assert audit(path) == {hour(0): ONE}


def test_promise__committed_before_it_returns__is_in_a_copy_of_the_files(store: Store, path: Path) -> None:
    store.promise(FLEET, hour(0), ONE)
    assert audit(copy_files(path, path.parent / "copy")) == {hour(0): ONE}


def test_promise__many_threads_with_a_digest_each__one_wins(store: Store) -> None:
    def ask(number: int) -> bool:
        try:
            store.promise(FLEET, hour(0), bytes([number]) * 32)
        except DoubleSignError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(ask, range(64)))
    assert sum(won) == 1
    assert store.promised(FLEET, hour(0)) == bytes([won.index(True)]) * 32


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE promises SET digest = x'" + "03" * 32 + "'",
        "UPDATE promises SET as_of = as_of + 1",
        "DELETE FROM promises",
        "INSERT OR REPLACE INTO promises SELECT number, chain_id, oracle, fleet_id, as_of, link, 0, link FROM promises",
        "REPLACE INTO promises SELECT number + 9, chain_id, oracle, fleet_id, as_of, link, 0, link FROM promises",
        "REPLACE INTO promises SELECT number, chain_id, oracle, fleet_id, as_of + 1, link, 0, link FROM promises",
        "UPDATE watermarks SET as_of = as_of - 1",
        "DELETE FROM watermarks",
        "UPDATE reports SET state = 'SIGNED'",
        "UPDATE reports SET state = 'BROADCAST'",
        "INSERT INTO reports SELECT fleet_id, as_of + 1, 'SIGNED', report, x'00', 1, 1, NULL, NULL, '', 0 FROM reports",
    ],
)
def test_schema__statements_that_would_break_a_promise__are_refused(store: Store, path: Path, statement: str) -> None:
    store.promise(FLEET, hour(0), ONE)
    built(store, hour(1))
    with store.database.write() as connection:
        raise_watermarks(connection, [Watermark(fleet_id=FLEET, as_of=hour(0))])
    with store.database.read() as connection:
        before = list(connection.iterdump())
    # As somebody would with another program, whose settings are its own.
    with closing(raw_connection(path)) as person, pytest.raises(sqlite3.IntegrityError):
        person.execute(statement)
    with store.database.read() as connection:
        assert list(connection.iterdump()) == before


def test_sign_off__a_built_report__is_promised_and_signed_at_once(store: Store) -> None:
    record = signed(store, hour(0))
    assert record.state is State.SIGNED
    assert record.digest == digest(report(hour(0))) == store.promised(FLEET, hour(0))


def test_sign_off__another_digest_was_promised__changes_nothing(store: Store) -> None:
    store.promise(FLEET, hour(0), ONE)
    before = built(store, hour(0))
    with pytest.raises(DoubleSignError):
        store.sign_off(FLEET, hour(0))
    assert store.record(FLEET, hour(0)) == before
    assert store.promised(FLEET, hour(0)) == ONE


def test_sign_off__not_built_or_not_there__promises_nothing(store: Store) -> None:
    collected(store, hour(0))
    with pytest.raises(RecordError, match="has no digest to sign"):
        store.sign_off(FLEET, hour(0))
    with pytest.raises(RecordError, match=f"there is no report as of {hour(1)}"):
        store.sign_off(FLEET, hour(1))
    signed(store, hour(2))
    with pytest.raises(RecordError, match="is SIGNED and cannot become SIGNED"):
        store.sign_off(FLEET, hour(2))
    assert audit_open(store) == 1


def test_attest__another_digest_was_promised__changes_nothing(path: Path) -> None:
    with Store.create(path, VERIFIER) as store:
        told = report(hour(0))
        store.attest(FLEET, hour(0), digest(told), told, {"published": b"a", "own": b"b"}, pages(hour(0)))
        before = store.record(FLEET, hour(0))
        other = report(hour(0), told=1)
        with pytest.raises(DoubleSignError):
            store.attest(FLEET, hour(0), digest(other), other, {"published": b"c"}, [])
        assert store.record(FLEET, hour(0)) == before
        assert store.checkpoint(FLEET, "published") == (hour(0), b"a")
        assert store.pages_of(FLEET, hour(0)) == tuple(pages(hour(0)))
    assert audit(path, VERIFIER) == {hour(0): digest(told)}


def test_attest__a_digest_of_another_report__promises_nothing(path: Path) -> None:
    with Store.create(path, VERIFIER) as store:
        for as_of, claimed in ((hour(0), ONE), (hour(1), digest(report(hour(0))))):
            with pytest.raises(RecordError, match="with the digest 0x"):
                store.attest(FLEET, as_of, claimed, report(hour(0)), {}, [])
        assert store.promised(FLEET, hour(0)) is None


# --- watermarks ----------------------------------------------------------------------------------------------------


def test_promise__at_or_below_a_watermark__only_what_was_promised_before(store: Store) -> None:
    store.promise(FLEET, hour(0), ONE)
    with store.database.write() as connection:
        raise_watermarks(connection, [Watermark(fleet_id=FLEET, as_of=hour(2))])
        raise_watermarks(connection, [Watermark(fleet_id=FLEET, as_of=hour(1))])
    store.promise(FLEET, hour(0), ONE)
    for number in (1, 2):
        with pytest.raises(
            BelowWatermarkError, match=f"as of {hour(number)}, the imported history goes up to {hour(2)}"
        ):
            store.promise(FLEET, hour(number), ONE)
    with pytest.raises(DoubleSignError):
        store.promise(FLEET, hour(0), OTHER)
    store.promise(FLEET, hour(3), ONE)
    store.promise(FleetId(1), hour(1), ONE)


# --- what was altered, and older copies ----------------------------------------------------------------------------


def without_triggers(path: Path, *statements: str) -> None:
    """Alter a store as a disk or a determined person does."""
    with closing(raw_connection(path)) as person:
        for (name,) in person.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            person.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            person.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE promises SET digest = x'" + "03" * 32 + "' WHERE number = 2",
        "UPDATE promises SET as_of = as_of + 60 WHERE number = 2",
        "UPDATE promises SET fleet_id = 'x' WHERE number = 1",
        "UPDATE promises SET fleet_id = '-1' WHERE number = 1",
        "UPDATE promises SET oracle = '0x' WHERE number = 1",
        "UPDATE promises SET promised_at = 0 WHERE number = 3",
        "UPDATE promises SET link = digest WHERE number = 3",
        "DELETE FROM promises WHERE number = 2",
        "UPDATE promises SET number = 9 WHERE number = 3",
        "UPDATE watermarks SET as_of = 0",
    ],
)
def test_open__a_promise_was_altered__is_one_line(path: Path, statement: str) -> None:
    with Store.create(path, OPERATOR) as store:
        for number in range(3):
            store.promise(FLEET, hour(number), bytes([number]) * 32)
        with store.database.write() as connection:
            raise_watermarks(connection, [Watermark(fleet_id=FLEET, as_of=hour(0))])
    without_triggers(path, statement)
    with pytest.raises(DamagedStoreError, match=r"is not what was written") as caught:
        Store.open(path, OPERATOR)
    assert "import the newest export" in caught.value.line()


def test_open__the_newest_promise_is_missing__is_an_older_copy(path: Path) -> None:
    with Store.create(path, OPERATOR) as store:
        for number in range(3):
            store.promise(FLEET, hour(number), ONE)
    without_triggers(path, "DELETE FROM promises WHERE number = 3")
    with pytest.raises(RolledBackStoreError, match="knows 2 promises, 3 were made with it"):
        Store.open(path, OPERATOR)


def test_create__where_promises_were_made_and_the_store_is_gone__refuses_a_blank_one(path: Path) -> None:
    with Store.create(path, OPERATOR) as store:
        store.promise(FLEET, hour(0), ONE)
    path.unlink()
    with pytest.raises(RolledBackStoreError, match="knows 0 promises, 1 were made"):
        Store.create(path, OPERATOR)
    assert sorted(one.name for one in path.parent.iterdir()) == ["store.sqlite.lock"]
    other = OPERATOR.model_copy(update={"signer": ORACLE})
    Store.create(path, other).close()


def test_mark__torn_by_a_loss_of_power__is_written_anew(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Store.create(path, OPERATOR) as store:
        store.promise(FLEET, hour(0), ONE)
    lock = Path(f"{path}.lock")
    whole = lock.read_bytes()
    lock.write_bytes(whole[:40] + bytes(20) + whole[60:])
    Store.open(path, OPERATOR).close()
    assert "the mark is torn" in caplog.text
    assert lock.read_bytes() == whole


def test_mark__behind_by_one_after_a_crash__is_brought_up(path: Path) -> None:
    with Store.create(path, OPERATOR) as store:
        store.promise(FLEET, hour(0), ONE)
        behind = Path(f"{path}.lock").read_bytes()
        store.promise(FLEET, hour(1), ONE)
        newest = Path(f"{path}.lock").read_bytes()
    Path(f"{path}.lock").write_bytes(behind)
    Store.open(path, OPERATOR).close()
    assert Path(f"{path}.lock").read_bytes() == newest != behind


def test_promise__the_mark_cannot_be_written__is_promised_and_says_so(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_write(*_: object) -> int:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("os.pwrite", no_write)
        with pytest.raises(UnwritableStoreError, match="Input/output error"):
            store.promise(FLEET, hour(0), ONE)
    # Nothing was signed by whoever got the error, and the same digest may be promised again.
    store.promise(FLEET, hour(0), ONE)
    with pytest.raises(DoubleSignError):
        store.promise(FLEET, hour(0), OTHER)
    store.close()
    with StoreLock(path) as lock:
        marked = lock.marked(OPERATOR)
    assert marked is not None
    assert marked[0] == 1


def test_promise__after_a_move__is_refused_by_the_database_itself(store: Store, path: Path) -> None:
    with store.database.write() as connection:
        connection.execute("INSERT INTO moved VALUES (1, '/archive', 0)")
    with pytest.raises(MovedStoreError, match="was exported to /archive"):
        store.promise(FLEET, hour(0), ONE)
    store.close()
    with pytest.raises(MovedStoreError, match="was exported to /archive"):
        Store.open(path, OPERATOR)


def test_identity__chain_of_256_bits__is_kept_exactly(path: Path) -> None:
    large = OPERATOR.model_copy(update={"chain_id": 2**256 - 1})
    assert large.chain_id != CHAIN_ID
    with Store.create(path, large) as store:
        store.promise(FLEET, hour(0), ONE)
    with Store.open(path, large) as store:
        assert store.promised(FLEET, hour(0)) == ONE
