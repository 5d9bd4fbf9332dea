"""Moving a store: all of it comes along, never are there two that may sign, and no archive is believed."""

from __future__ import annotations

import gzip
import io
import json
import os
import resource
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pyutils.errors import GpuRwaError
from pyutils.reporter.settings.folders import Folders
from pyutils.reporter.store import archive as archives
from pyutils.reporter.store import move
from pyutils.reporter.store.archive import ArchiveError, ArchiveExistsError
from pyutils.reporter.store.errors import (
    MovedStoreError,
    OtherStoreError,
    RolledBackStoreError,
    StoreBusyError,
    StoreError,
    UnwritableStoreError,
)
from pyutils.reporter.store.history import ContradictionError, HistoryError
from pyutils.reporter.store.lineage import PUBLISHED
from pyutils.reporter.store.move import export_store, import_archive
from pyutils.reporter.store.promises import BelowWatermarkError, DoubleSignError
from pyutils.reporter.store.records import DamagedRecordError
from pyutils.reporter.store.store import State, Store, StoreJournal

from .bookkeeping import (
    FLEET,
    GAS,
    OPERATOR,
    SIGNER,
    VERIFIER,
    audit,
    built,
    digest,
    form,
    hour,
    pages,
    raws,
    report,
    signature_of,
    signed,
)
from .mortal import Life

NAMES = {
    "leaf_files": f"0x{'ab' * 32}.jsonl.gz",
    "samples": f"0x{'cd' * 32}.csv.gz",
    "gpus": f"0x{'ef' * 32}.txt",
}


@pytest.fixture
def old(tmp_path: Path) -> Folders:
    """Return the folders of a machine that published one file of each kind, and has others beside them."""
    folders = Folders(tmp_path / "old")
    for kind, name in NAMES.items():
        folder = folders.root / kind
        folder.mkdir(parents=True)
        (folder / name).write_bytes(kind.encode() * 1_000)
        (folder / f"{name}.partial").write_bytes(b"half")
        (folder / "notes").mkdir()
    return folders


@pytest.fixture
def new(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "new")


@pytest.fixture
def store(old: Folders) -> Iterator[Store]:
    """Return a store with something of everything."""
    with Store.create(old.store, OPERATOR) as made:
        life = Life(made, 1)
        while made.counts(FLEET).get(State.FINAL, 0) < 12:
            life.step()
        life.journal.about = (FLEET, hour(0), "submit")
        while not made.unfinished(FLEET) or made.unfinished(FLEET)[0].state is not State.BROADCAST:
            life.step()
        made.keep_proposal(FLEET, SIGNER.address, hour(3), b"{}")
        yield made


def dump(store: Store) -> list[str]:
    """Return all that a store holds, but for what a move changes."""
    with store.database.read() as connection:
        lines = [line for line in connection.iterdump() if line.startswith("INSERT")]
    kept = ("watermarks", "moved", "sqlite_")
    return sorted(line for line in lines if not line.startswith(tuple(f'INSERT INTO "{name}' for name in kept)))


def without_transactions(lines: list[str]) -> list[str]:
    return [line for line in lines if 'INTO "transactions"' not in line]


# --- there and back ------------------------------------------------------------------------------------------------


def test_move__to_another_machine__all_comes_along(store: Store, old: Folders, new: Folders, tmp_path: Path) -> None:
    before, records = without_transactions(dump(store)), store.newest(FLEET, 100)
    refs = store.pages_of(FLEET, records[0].as_of)
    on_its_way = raws(StoreJournal(store, GAS.address).sents())
    assert on_its_way
    path = tmp_path / "usb" / "store.tar.gz"
    path.parent.mkdir()
    told = export_store(store, old, path)
    assert (told.archive, told.promises, told.reports, told.files) == (path, 13, len(records), 3)
    assert (told.transactions, stat.S_IMODE(path.stat().st_mode)) == (1, 0o600)
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert import_archive(path, new.store, OPERATOR, new) == told
    with Store.open(new.store, OPERATOR) as moved:
        assert without_transactions(dump(moved)) == before
        assert moved.newest(FLEET, 100) == records
        assert moved.pages_of(FLEET, records[0].as_of) == refs
        assert raws(StoreJournal(moved, GAS.address).sents()) == on_its_way
        assert moved.seen(FLEET) == b"{}"
        life = Life(moved, 2)
        for _ in range(20):
            life.step()
        assert moved.newest(FLEET, 1)[0].as_of > records[0].as_of, "it goes on"
    for kind, name in NAMES.items():
        assert (new.root / kind / name).read_bytes() == kind.encode() * 1_000
        assert [one.name for one in (new.root / kind).iterdir()] == [name]
    audit(new.store)


def test_move__without_folders__leaves_files_where_they_are(store: Store, new: Folders, tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    assert export_store(store, None, path).files == 0
    assert import_archive(path, new.store, OPERATOR, None).files == 0
    assert {one.name for one in new.root.iterdir()} == {"store.sqlite", "store.sqlite.lock"}


def test_import__files_not_wanted__are_read_through(store: Store, old: Folders, new: Folders, tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    export_store(store, old, path)
    import_archive(path, new.store, OPERATOR, None)
    assert not new.samples.exists()


def test_import__a_file_that_is_there__stays(store: Store, old: Folders, new: Folders, tmp_path: Path) -> None:
    new.samples.mkdir(parents=True)
    (new.samples / NAMES["samples"]).write_bytes(b"mine")
    export_store(store, old, tmp_path / "a.tar.gz")
    import_archive(tmp_path / "a.tar.gz", new.store, OPERATOR, new)
    assert (new.samples / NAMES["samples"]).read_bytes() == b"mine"


def test_export__from_then_on__nothing_is_promised_there(store: Store, old: Folders, tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    built(store, hour(90))
    export_store(store, old, path)
    for attempt in (
        lambda: store.promise(FLEET, hour(99), b"\x01" * 32),
        lambda: store.sign_off(FLEET, hour(90)),
    ):
        with pytest.raises(MovedStoreError):
            attempt()
    assert store.promised(FLEET, hour(90)) is None
    store.close()
    with pytest.raises(MovedStoreError) as caught:
        Store.open(old.store, OPERATOR)
    line = caught.value.line()
    assert line.startswith(f"{old.store}: this store was exported to {path}. Use the store that it was imported into")
    assert "`gpurwa operator import`" in line
    assert "\n" not in line


def test_import__back_to_where_it_came_from__takes_it_back_with_what_was_signed_there(
    store: Store, old: Folders, new: Folders, tmp_path: Path
) -> None:
    export_store(store, old, tmp_path / "there.tar.gz")
    store.close()
    import_archive(tmp_path / "there.tar.gz", new.store, OPERATOR, new)
    with Store.open(new.store, OPERATOR) as there:
        life = Life(there, 2)
        for _ in range(30):
            life.step()
        export_store(there, new, tmp_path / "back.tar.gz")
        after = without_transactions(dump(there))
    import_archive(tmp_path / "back.tar.gz", old.store, OPERATOR, old)
    with Store.open(old.store, OPERATOR) as back:
        assert without_transactions(dump(back)) == after
        life = Life(back, 3)
        for _ in range(30):
            life.step()
    with pytest.raises(MovedStoreError):
        Store.open(new.store, OPERATOR)
    audit(old.store)


def test_import__the_same_again__changes_nothing(store: Store, old: Folders, new: Folders, tmp_path: Path) -> None:
    export_store(store, old, tmp_path / "a.tar.gz")
    import_archive(tmp_path / "a.tar.gz", new.store, OPERATOR, new)
    with Store.open(new.store, OPERATOR) as moved:
        before = dump(moved)
    import_archive(tmp_path / "a.tar.gz", new.store, OPERATOR, new)
    with Store.open(new.store, OPERATOR) as moved:
        assert dump(moved) == before


def test_move__a_verifiers_store__comes_along_too(tmp_path: Path) -> None:
    with Store.create(tmp_path / "a.sqlite", VERIFIER) as store:
        life = Life(store, 1)
        for _ in range(9):
            life.step()
        export_store(store, None, tmp_path / "a.tar.gz")
        before = dump(store)
    import_archive(tmp_path / "a.tar.gz", tmp_path / "b.sqlite", VERIFIER, None)
    with Store.open(tmp_path / "b.sqlite", VERIFIER) as moved:
        assert dump(moved) == before
        assert moved.checkpoint(FLEET, "own") == (hour(8), b"ours")


# --- what may be signed afterwards ---------------------------------------------------------------------------------


def test_import__at_or_below_what_was_promised__nothing_new_is(store: Store, new: Folders, tmp_path: Path) -> None:
    newest = store.latest_promise(FLEET)
    assert newest is not None
    export_store(store, None, tmp_path / "a.tar.gz")
    import_archive(tmp_path / "a.tar.gz", new.store, OPERATOR, None)
    with Store.open(new.store, OPERATOR) as moved:
        moved.promise(FLEET, newest.as_of, newest.digest)
        with pytest.raises(DoubleSignError):
            moved.promise(FLEET, newest.as_of, b"\x01" * 32)
        between = newest.as_of - 60
        with pytest.raises(BelowWatermarkError, match=f"the imported history goes up to {newest.as_of}"):
            moved.promise(FLEET, type(newest.as_of)(between), b"\x01" * 32)
        moved.promise(FLEET, type(newest.as_of)(newest.as_of + 60), b"\x01" * 32)
        export_store(moved, None, tmp_path / "b.tar.gz")
    third = tmp_path / "third.sqlite"
    import_archive(tmp_path / "b.tar.gz", third, OPERATOR, None)
    with Store.open(third, OPERATOR) as moved, pytest.raises(BelowWatermarkError):
        moved.promise(FLEET, type(newest.as_of)(between), b"\x01" * 32)


def test_import__a_contradiction__stops_and_changes_nothing(
    store: Store, old: Folders, new: Folders, tmp_path: Path
) -> None:
    export_store(store, old, tmp_path / "a.tar.gz")
    with Store.create(new.store, OPERATOR) as other:
        signed(other, hour(50))
        other.promise(FLEET, hour(2), b"\x02" * 32)
        before = dump(other)
    with pytest.raises(ContradictionError) as caught:
        import_archive(tmp_path / "a.tar.gz", new.store, OPERATOR, new)
    assert caught.value.line().startswith(
        f"fleet {FLEET}: as of {hour(2)} the store promised 0x{'02' * 32},"
        f" the history 0x{digest(report(hour(2), told=1)).hex()}. Sign nothing more with this key"
    )
    with Store.open(new.store, OPERATOR) as other:
        assert dump(other) == before
    assert not new.samples.exists()


def test_import__into_a_store_with_reports_of_its_own__what_was_promised_or_written_later_stays(tmp_path: Path) -> None:
    with Store.create(tmp_path / "a.sqlite", OPERATOR) as one:
        signed(one, hour(0), told=1)
        built(one, hour(1), told=1)
        one.skip(FLEET, hour(1), "theirs")
        one.keep_signature(signature_of(report(hour(0), told=1)))
        export_store(one, None, tmp_path / "a.tar.gz")
    with Store.create(tmp_path / "b.sqlite", OPERATOR) as other:
        built(other, hour(0), told=2)
        signed(other, hour(1), told=2)
        signed(other, hour(2), told=2)
    import_archive(tmp_path / "a.tar.gz", tmp_path / "b.sqlite", OPERATOR, None)
    promised = audit(tmp_path / "b.sqlite")
    with Store.open(tmp_path / "b.sqlite", OPERATOR) as merged:
        found = {one.as_of: (one.state, one.digest) for one in merged.newest(FLEET, 9)}
        assert merged.checkpoint(FLEET, PUBLISHED) == (hour(2), b"meter as of %d" % hour(2)), "ours goes further"
        assert len(merged.signatures(digest(report(hour(0), told=1)))) == 1
    assert found == {
        hour(0): (State.SIGNED, digest(report(hour(0), told=1))),
        hour(1): (State.SIGNED, digest(report(hour(1), told=2))),
        hour(2): (State.SIGNED, digest(report(hour(2), told=2))),
    }
    assert promised == {as_of: one for as_of, (_, one) in found.items()}


def test_import__an_older_archive_where_more_was_promised__is_refused(
    store: Store, old: Folders, tmp_path: Path
) -> None:
    export_store(store, None, tmp_path / "old.tar.gz")
    store.close()
    import_archive(tmp_path / "old.tar.gz", old.store, OPERATOR, None)
    with Store.open(old.store, OPERATOR) as back:
        back.promise(FLEET, hour(500), b"\x01" * 32)
    old.store.unlink()
    with pytest.raises(RolledBackStoreError, match="knows 13 promises, 14 were made with it"):
        import_archive(tmp_path / "old.tar.gz", old.store, OPERATOR, None)
    assert not old.store.exists()


def test_import__in_place_of_a_lost_store__is_fine_with_the_newest(store: Store, old: Folders, tmp_path: Path) -> None:
    export_store(store, None, tmp_path / "a.tar.gz")
    store.close()
    old.store.unlink()
    import_archive(tmp_path / "a.tar.gz", old.store, OPERATOR, None)
    assert len(audit(old.store)) == 13


@pytest.mark.parametrize("identity", [VERIFIER, OPERATOR.model_copy(update={"chain_id": 1})])
def test_import__of_another_signer__changes_nothing(store: Store, tmp_path: Path, identity: Any) -> None:
    export_store(store, None, tmp_path / "a.tar.gz")
    with pytest.raises(OtherStoreError, match="is of the operator"):
        import_archive(tmp_path / "a.tar.gz", tmp_path / "b.sqlite", identity, None)
    assert not (tmp_path / "b.sqlite").exists()
    Store.create(tmp_path / "b.sqlite", identity).close()
    with pytest.raises(OtherStoreError):
        import_archive(tmp_path / "a.tar.gz", tmp_path / "b.sqlite", OPERATOR, None)


def test_import__while_a_daemon_runs__is_refused(store: Store, new: Folders, tmp_path: Path) -> None:
    export_store(store, None, tmp_path / "a.tar.gz")
    with Store.create(new.store, OPERATOR), pytest.raises(StoreBusyError):
        import_archive(tmp_path / "a.tar.gz", new.store, OPERATOR, None)


# --- exports that fail ---------------------------------------------------------------------------------------------


def test_export__where_something_is__does_nothing(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"mine")
    with pytest.raises(ArchiveExistsError, match=r"a\.tar\.gz is there already"):
        export_store(store, None, tmp_path / "a.tar.gz")
    store.promise(FLEET, hour(99), b"\x01" * 32)


def test_export__into_a_folder_that_is_not_there__leaves_the_store_as_it_was(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UnwritableStoreError, match="No such file or directory"):
        export_store(store, None, tmp_path / "usb" / "a.tar.gz")
    store.promise(FLEET, hour(99), b"\x01" * 32)


def test_export__no_room_for_it__leaves_the_store_as_it_was(store: Store, old: Folders, tmp_path: Path) -> None:
    store.database.flush()
    before = dump(store)
    (old.samples / NAMES["samples"]).write_bytes(os.urandom(3_000_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
    try:
        with pytest.raises(StoreError, match="File too large"):
            export_store(store, old, tmp_path / "a.tar.gz")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.glob("a.tar.gz*"))
    assert dump(store) == before
    store.promise(FLEET, hour(99), b"\x01" * 32)


def test_export__killed_before_the_archive_is_there__is_run_again(
    store: Store, old: Folders, new: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Stands for SIGKILL: nothing that runs after it may mend anything."""

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(move, "write_archive", die)
        real = move._mark_moved
        marks: list[str | None] = []

        def mark(one: Store, archive: str | None) -> str | None:
            marks.append(archive)
            return real(one, archive) if len(marks) == 1 else None

        patch.setattr(move, "_mark_moved", mark)
        with pytest.raises(Killed):
            export_store(store, old, tmp_path / "a.tar.gz")
        assert marks == [str(tmp_path / "a.tar.gz"), None]
    store.close()
    with pytest.raises(MovedStoreError) as caught:
        Store.open(old.store, OPERATOR)
    assert caught.value.line().endswith("an export that was cut short is run again")
    with Store.open(old.store, OPERATOR, even_if_moved=True) as again:
        with pytest.raises(MovedStoreError):
            again.promise(FLEET, hour(99), b"\x01" * 32)
        export_store(again, old, tmp_path / "b.tar.gz")
    import_archive(tmp_path / "b.tar.gz", new.store, OPERATOR, new)
    audit(new.store)


def test_export__again_and_in_vain__stays_moved(store: Store, tmp_path: Path) -> None:
    export_store(store, None, tmp_path / "a.tar.gz")
    with pytest.raises(UnwritableStoreError):
        export_store(store, None, tmp_path / "usb" / "b.tar.gz")
    with pytest.raises(MovedStoreError, match=r"a\.tar\.gz"):
        store.promise(FLEET, hour(99), b"\x01" * 32)


def test_export__a_store_that_was_altered__is_refused(store: Store, tmp_path: Path) -> None:
    with store.database.write() as connection:
        connection.execute("UPDATE checkpoints SET data = x'00'")
    with pytest.raises(DamagedRecordError):
        export_store(store, None, tmp_path / "a.tar.gz")
    store.promise(FLEET, hour(99), b"\x01" * 32)


# --- archives that are not believed --------------------------------------------------------------------------------

Members = list[tuple[tarfile.TarInfo, bytes]]


@pytest.fixture
def whole(store: Store, old: Folders, tmp_path: Path) -> Path:
    path = tmp_path / "whole.tar.gz"
    export_store(store, old, path)
    return path


def members_of(path: Path) -> Members:
    with tarfile.open(path) as tar:
        return [(one, content.read()) for one in tar if (content := tar.extractfile(one)) is not None]


def pack(path: Path, members: Members) -> Path:
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        for member, data in members:
            if member.isreg():
                member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def named(
    name: str, data: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member, data


def edited(members: Members, edit: Callable[[dict[str, Any]], object]) -> Members:
    """Return the members with the history changed."""
    history = json.loads(members[0][1])
    edit(history)
    return [(members[0][0], json.dumps(history).encode()), *members[1:]]


LEAF = f"leaf_files/{NAMES['leaf_files']}"
OUTSIDE = f"samples/0x{'00' * 32}.csv.gz"
HOSTILE: dict[str, Callable[[Members], Members]] = {
    "nothing": lambda members: members[:0],
    "no history": lambda members: members[1:],
    "history last": lambda members: [*members[1:], members[0]],
    "a checkpoint less": lambda members: [members[0], *members[2:]],
    "checkpoints swapped": lambda members: [members[0], members[2], members[1], *members[3:]],
    "a checkpoint altered": lambda members: [members[0], (members[1][0], b"other"), *members[2:]],
    "a file less": lambda members: members[:-1],
    "a file more": lambda members: [*members, named(OUTSIDE)],
    "a path out": lambda members: [*members[:-1], named("samples/../../evil.csv.gz")],
    "a path up": lambda members: [*members[:-1], named(f"../{LEAF}")],
    "an absolute path": lambda members: [*members[:-1], named(f"/{LEAF}")],
    "another folder": lambda members: [*members[:-1], named("cron.d/evil")],
    "a folder within": lambda members: [*members[:-1], named(f"samples/x/0x{'00' * 32}.csv.gz")],
    "a name with a line feed": lambda members: [*members[:-1], named(OUTSIDE + "\n")],
    "a link": lambda members: [*members[:-1], named(OUTSIDE, b"", tarfile.SYMTYPE, "/etc/passwd")],
    "a hard link": lambda members: [*members[:-1], named(OUTSIDE, b"", tarfile.LNKTYPE, "/etc/passwd")],
    "a device": lambda members: [*members[:-1], named(OUTSIDE, b"", tarfile.CHRTYPE)],
    "a history that is a link": lambda members: [
        named("history.json", b"", tarfile.SYMTYPE, "/etc/passwd"),
        *members[1:],
    ],
    "no JSON": lambda members: [(members[0][0], b"{"), *members[1:]],
    "another format": lambda members: edited(members, lambda told: told.update(format="gpu-rwa-signing-history/2")),
    "an unknown field": lambda members: edited(members, lambda told: told.update(more=1)),
    "a short digest": lambda members: edited(members, lambda told: told["promises"][0].update(digest="0x01")),
    "a time too large": lambda members: edited(members, lambda told: told["promises"][0].update(as_of=2**40)),
    "a negative fleet": lambda members: edited(members, lambda told: told["promises"][0].update(fleet_id=-1)),
    "a report with another digest": lambda members: edited(
        members, lambda told: told["reports"][0]["record"].update(digest="0x" + "01" * 32)
    ),
    "a report of another time": lambda members: edited(
        members, lambda told: told["reports"][0]["record"].update(as_of=told["reports"][0]["record"]["as_of"] + 1)
    ),
    "a signed report without a promise": lambda members: edited(members, lambda told: told["promises"].pop()),
    "a base that is not there": lambda members: edited(
        members, lambda told: told["reports"][0].update(base=told["reports"][0]["record"]["as_of"] - 7)
    ),
    "a base in the future": lambda members: edited(
        members, lambda told: told["reports"][0].update(base=told["reports"][1]["record"]["as_of"])
    ),
    "one page twice": lambda members: edited(
        members, lambda told: told["reports"][0]["pages"].append(told["reports"][0]["pages"][0])
    ),
    "a checkpoint of no report": lambda members: edited(members, lambda told: told["checkpoints"][0].update(as_of=7)),
    "two promises for one moment": lambda members: edited(
        members, lambda told: told["promises"].append(told["promises"][0] | {"digest": "0x" + "01" * 32})
    ),
    "a transaction about nothing": lambda members: edited(
        members, lambda told: told["transactions"][0].update(about=[1, 2, "steal"])
    ),
    "a transaction that is none": lambda members: edited(
        members, lambda told: told["transactions"][0].update(raw="0x" + "02" * 99)
    ),
    "a transaction of another account": lambda members: edited(
        members, lambda told: told["transactions"][0].update(account=SIGNER.address)
    ),
    "a transaction of another nonce": lambda members: edited(
        members, lambda told: told["transactions"].append(told["transactions"][0] | {"raw": "0x" + form(99).raw.hex()})
    ),
    "a signature of another report": lambda members: edited(
        members, lambda told: told["signatures"][0].update(digest="0x" + "01" * 32)
    ),
    "a signature that is none": lambda members: edited(
        members, lambda told: told["signatures"][0].update(signature="0x" + "00" * 65)
    ),
    "a proposal that is no JSON": lambda members: edited(
        members, lambda told: told["proposals"][0].update(body="0x7b")
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_import__a_hostile_archive__changes_nothing(whole: Path, new: Folders, tmp_path: Path, case: str) -> None:
    path = pack(tmp_path / "hostile.tar.gz", HOSTILE[case](members_of(whole)))
    with pytest.raises((ArchiveError, HistoryError, ContradictionError)) as caught:
        import_archive(path, new.store, OPERATOR, new)
    assert "\n" not in caught.value.line()
    assert not new.store.exists()
    assert [one.name for one in new.root.glob("store*")] == ["store.sqlite.lock"] or not new.root.exists()
    # Into one that is there, neither.
    with Store.create(new.store, OPERATOR) as store:
        signed(store, hour(70))
        before = dump(store)
    with pytest.raises((ArchiveError, HistoryError, ContradictionError)):
        import_archive(path, new.store, OPERATOR, new)
    with Store.open(new.store, OPERATOR) as store:
        assert dump(store) == before
    written = {one.name for one in tmp_path.rglob("*") if "evil" in one.name or one.suffix == ".partial"}
    assert written <= {f"{name}.partial" for name in NAMES.values()}, "only what the old machine had"


def test_import__a_path_that_leads_out__writes_nowhere(whole: Path, new: Folders, tmp_path: Path) -> None:
    members = members_of(whole)
    before = {one for one in tmp_path.rglob("*") if new.root not in one.parents}
    for case in ("a path out", "a path up", "an absolute path", "a link", "another folder"):
        path = pack(tmp_path / "hostile.tar.gz", HOSTILE[case](members))
        with pytest.raises(ArchiveError):
            import_archive(path, new.store, OPERATOR, new)
        path.unlink()
    assert {one for one in tmp_path.rglob("*") if new.root not in one.parents} - {new.root} == before


def test_import__cut_anywhere__changes_nothing(whole: Path, new: Folders, tmp_path: Path) -> None:
    data = whole.read_bytes()
    for cut in [0, 1, 9, *range(100, len(data), len(data) // 40), len(data) - 8, len(data) - 1]:
        path = tmp_path / "cut.tar.gz"
        path.write_bytes(data[:cut])
        with pytest.raises(ArchiveError) as caught:
            import_archive(path, new.store, OPERATOR, None)
        assert "\n" not in caught.value.line()
        assert not new.store.exists(), f"cut to {cut} of {len(data)}"


def test_import__a_byte_altered__changes_nothing_or_is_whole(whole: Path, new: Folders, tmp_path: Path) -> None:
    data = whole.read_bytes()
    refused = 0
    for place in range(0, len(data), len(data) // 60):
        path = tmp_path / "altered.tar.gz"
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        with suppress(GpuRwaError):
            import_archive(path, new.store, OPERATOR, None)
        if not new.store.exists():
            refused += 1
            continue
        assert len(audit(new.store)) == 13
        new.store.unlink()
        Path(f"{new.store}.lock").unlink()
    assert refused > 50


def test_import__a_bomb__is_not_unpacked(whole: Path, new: Folders, tmp_path: Path) -> None:
    limits = {"history.json": archives.MAX_HISTORY_BYTES, LEAF: archives.MAX_FILE_BYTES}
    for name, limit in limits.items():
        member, _ = named(name)
        member.size = limit + 1
        head = [one for one in members_of(whole) if one[0].name != LEAF and name != "history.json"]
        path = pack(tmp_path / "bomb.tar.gz", head)
        data = gzip.decompress(path.read_bytes())[: -2 * 512]
        path.write_bytes(gzip.compress(data.rstrip(b"\0") + bytes(-len(data.rstrip(b"\0")) % 512) + member.tobuf()))
        with pytest.raises(ArchiveError, match=r"no plain file of at most|damaged"):
            import_archive(path, new.store, OPERATOR, new)
    # A header in whose name tar itself would read gigabytes.
    member, _ = named("x", kind=tarfile.XHDTYPE)
    member.size = 2**32
    (tmp_path / "pax.tar.gz").write_bytes(gzip.compress(member.tobuf(tarfile.GNU_FORMAT)))
    with pytest.raises(ArchiveError, match="claims 4294967296 bytes"):
        import_archive(tmp_path / "pax.tar.gz", new.store, OPERATOR, new)
    assert not new.store.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"\x1f\x8b", gzip.compress(b"", mtime=0), gzip.compress(b"x" * 10_000, mtime=0)],
    ids=["empty", "a byte", "cut", "nothing packed", "no archive packed"],
)
def test_import__no_archive_at_all__is_one_line(new: Folders, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(ArchiveError) as caught:
        import_archive(tmp_path / "a.tar.gz", new.store, OPERATOR, new)
    assert caught.value.line().endswith(ArchiveError.remedy)
    assert not new.root.exists()


def test_import__not_there_or_a_folder__is_one_line(new: Folders, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="cannot be read: No such file or directory"):
        import_archive(tmp_path / "none.tar.gz", new.store, OPERATOR, new)
    with pytest.raises(ArchiveError, match="cannot be read: Is a directory"):
        import_archive(tmp_path, new.store, OPERATOR, new)


def test_import__the_disk_is_full__leaves_nothing_behind(whole: Path, new: Folders) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (10_000, 150_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(StoreError) as caught:
                import_archive(whole, new.store, OPERATOR, new)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert "\n" not in caught.value.line()
        assert [one.name for one in new.root.glob("store*")] == ["store.sqlite.lock"]
    import_archive(whole, new.store, OPERATOR, new)
    assert len(audit(new.store)) == 13


def test_history__what_people_may_read__says_whose_it_is_and_what_was_promised(whole: Path) -> None:
    (member, data), *_ = members_of(whole)
    told = json.loads(data)
    assert (member.name, told["format"]) == ("history.json", "gpu-rwa-signing-history/1")
    assert told["identity"] == {
        "chain_id": OPERATOR.chain_id,
        "oracle": OPERATOR.oracle,
        "signer": OPERATOR.signer,
        "role": "operator",
    }
    first = told["promises"][0]
    assert (first["fleet_id"], first["as_of"]) == (FLEET, hour(0))
    assert first["digest"] == "0x" + digest(report(hour(0), told=1)).hex()
    assert [one["hour"] for one in told["reports"][0]["pages"]] == [page.hour for page in pages(hour(0))]
