"""A store against the real thing: killed processes, full disks, damaged files, older copies, and a second daemon."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from pyutils.errors import GpuRwaError
from pyutils.reporter.failpoints import ENVIRONMENT
from pyutils.reporter.store.errors import (
    DamagedStoreError,
    FullDiskError,
    NoStoreError,
    RolledBackStoreError,
    StoreBusyError,
    StoreError,
    UnwritableStoreError,
)
from pyutils.reporter.store.promises import DoubleSignError
from pyutils.reporter.store.store import State, Store, StoreJournal
from pyutils.toolchain import PROJECT_ROOT
from pyutils.units import UnixSeconds

from .bookkeeping import (
    FLEET,
    GAS,
    OPERATOR,
    SIDES,
    VERIFIER,
    audit,
    built,
    collected,
    copy_files,
    digest,
    hour,
    overwrite,
    pages,
    raw_connection,
    raws,
    report,
    sent,
    signed,
)
from .mortal import Life, number_of

ONE, OTHER = b"\x01" * 32, b"\x02" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.create(path, OPERATOR) as made:
        yield made


def one_line(error: GpuRwaError) -> str:
    """Return what a person would see, which must be one line that says what to do."""
    line = error.line()
    assert "\n" not in line
    assert error.remedy
    return line


# --- kill -9 -------------------------------------------------------------------------------------------------------

BY_OPERATOR = (
    "collected",
    "built",
    "promised",
    "signature_stored",
    "raw_saved",
    "mined",
    "finalized",
    "checkpoint_saved",
)
BY_VERIFIER = ("verifier_promised", "signature_stored")


def mortal(path: Path, *arguments: str, failpoint: str = "") -> subprocess.Popen[str]:
    environment = os.environ | ({ENVIRONMENT: failpoint} if failpoint else {})
    return subprocess.Popen(
        [sys.executable, "-m", "reporter.mortal", str(path), *arguments],
        cwd=PROJECT_ROOT / "tests",
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def by_time(lines: str) -> dict[UnixSeconds, set[bytes]]:
    """Return what was signed as of each time, by lines that got out."""
    found: dict[UnixSeconds, set[bytes]] = defaultdict(set)
    for line in lines.splitlines():
        as_of, text = line.split()
        found[UnixSeconds(int(as_of))].add(bytes.fromhex(text))
    return found


@pytest.mark.parametrize(
    ("role", "failpoint"),
    [*(("operator", name) for name in BY_OPERATOR), *(("verifier", name) for name in BY_VERIFIER)],
)
def test_kill__right_after_each_step__signs_nothing_twice_and_goes_on(path: Path, role: str, failpoint: str) -> None:
    identity = VERIFIER if role == "verifier" else OPERATOR
    Store.create(path, identity).close()
    with mortal(path, role, "1", failpoint=f"{failpoint}:2") as process:
        lines, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    promised = audit(path, identity)
    signed_before = by_time(lines)
    assert {as_of: {promised.get(as_of)} for as_of in signed_before} == signed_before, "what got out was promised first"
    with Store.open(path, identity) as store:
        before = store.newest(FLEET, 1)[0]
        life = Life(store, seed=2)
        for _ in range(20):
            life.step()
        assert store.newest(FLEET, 1)[0].as_of > before.as_of, "it goes on"
    for as_of, one in life.signed:
        signed_before[as_of].add(one)
    assert {as_of: len(digests) for as_of, digests in signed_before.items() if len(digests) > 1} == {}
    after = audit(path, identity)
    assert promised.items() <= after.items()


def test_kill__after_the_promise_and_before_the_signature__the_same_digest_is_signed(path: Path) -> None:
    Store.create(path, OPERATOR).close()
    with mortal(path, "operator", "1", failpoint="promised") as process:
        lines, _ = process.communicate(timeout=60)
    assert lines == ""
    assert audit(path) == {hour(0): digest(report(hour(0), told=1))}
    with Store.open(path, OPERATOR) as store:
        life = Life(store, seed=2)
        life.step()
        assert life.signed == [(hour(0), digest(report(hour(0), told=1)))]
        with pytest.raises(DoubleSignError):
            store.promise(FLEET, hour(0), digest(report(hour(0), told=2)))


def test_kill__after_the_transaction_is_saved__the_same_bytes_are_there_to_send(path: Path) -> None:
    Store.create(path, OPERATOR).close()
    with mortal(path, "operator", "1", failpoint="raw_saved") as process:
        process.communicate(timeout=60)
    with Store.open(path, OPERATOR) as store:
        assert [one.state for one in store.unfinished(FLEET)] == [State.BROADCAST]
        assert raws(StoreJournal(store, GAS.address).sents()) == raws([sent(0)])


@pytest.mark.parametrize("role", ["operator", "verifier"])
def test_kill__at_random_instants_again_and_again__every_invariant_holds(path: Path, role: str) -> None:
    identity = VERIFIER if role == "verifier" else OPERATOR
    Store.create(path, identity).close()
    with mortal(path, role, "1000", "40") as process:
        lines, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    found = by_time(lines)
    promised = audit(path, identity)
    assert {as_of: {promised.get(as_of)} for as_of in found} == found
    assert len(found) > 40, "it lived too short to show anything"
    assert len({one for digests in found.values() for one in digests}) == len(found)


# --- a second daemon -----------------------------------------------------------------------------------------------


def test_open__while_another_process_has_it__is_one_line_and_harms_nothing(path: Path) -> None:
    Store.create(path, OPERATOR).close()
    with mortal(path, "operator", "1") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        link = path.with_name("link.sqlite")
        link.symlink_to(path)
        for name in (path, link):
            with pytest.raises(StoreBusyError) as caught:
                Store.open(name, OPERATOR)
            assert one_line(caught.value).startswith(f"{name}: another process uses this store. Stop the other daemon")
        with pytest.raises(StoreBusyError):
            Store.create(path, OPERATOR)
        process.kill()
    audit(path)


def test_open__twice_in_one_process__is_refused_too(store: Store, path: Path) -> None:
    with pytest.raises(StoreBusyError):
        Store.open(path, OPERATOR)
    store.promise(FLEET, hour(0), ONE)


def test_promise__while_a_person_holds_the_database__waits_and_then_says_so(store: Store, path: Path) -> None:
    with closing(raw_connection(path)) as person:
        person.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError):
            store.promise(FLEET, hour(0), ONE)
        assert store.promised(FLEET, hour(0)) is None
        person.execute("ROLLBACK")
    store.promise(FLEET, hour(0), ONE)


# --- full disks ----------------------------------------------------------------------------------------------------


def collect_on(store: Store) -> None:
    for number in range(1, 1_000):
        collected(store, hour(number))


def test_write__the_database_may_not_grow__nothing_is_half_written_and_it_goes_on(store: Store, path: Path) -> None:
    signed(store, hour(0))
    with store.database.read() as connection:
        size = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {size}")
    with pytest.raises(FullDiskError) as caught:
        collect_on(store)
    newest = store.latest(FLEET)
    assert newest is not None
    number = number_of(newest) + 1
    assert one_line(caught.value).startswith(f"{path}: nothing can be written, the disk is full. Free space")
    assert store.record(FLEET, hour(number)) is None
    assert store.pages_of(FLEET, hour(number)) == ()
    told = report(hour(number), told=3)
    for _ in range(3):
        with pytest.raises(FullDiskError):
            store.attest(FLEET, hour(number), digest(told), told, {"published": bytes(100_000)}, pages(hour(number)))
        assert store.promised(FLEET, hour(number)) is None, "a promise without its report"
    assert store.promised(FLEET, hour(0)) == digest(report(hour(0)))
    with store.database.read() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    signed(store, hour(number))
    store.close()
    assert audit(path).keys() == {hour(0), hour(number)}


FULL = """
import sys
from pathlib import Path
from pyutils.reporter.store.errors import FullDiskError
from pyutils.reporter.store.store import Store
from reporter.bookkeeping import FLEET, OPERATOR, audit, hour, signed
from reporter.mortal import Life

folder = Path(sys.argv[1])
path = folder / "store.sqlite"
store = Store.create(path, OPERATOR)
(folder / "ballast").write_bytes(bytes(3_000_000))
life, lines = Life(store, 1), set()
for _ in range(4_000):
    try:
        life.step()
    except FullDiskError as error:
        lines.add(error.line())
        break
else:
    raise SystemExit("the disk never got full")
before = store.newest(FLEET, 1000)
promised = {one.as_of: store.promised(FLEET, one.as_of) for one in before}
for _ in range(5):
    try:
        life.step()
    except FullDiskError as error:
        lines.add(error.line())
after = {one.as_of: store.promised(FLEET, one.as_of) for one in before}
assert all(after[as_of] == digest for as_of, digest in promised.items() if digest is not None)
(folder / "ballast").unlink()
for _ in range(500):
    life.step()
newest = store.newest(FLEET, 1)[0]
assert newest.as_of > before[0].as_of, "it goes on when there is space again"
signed = dict(life.signed)
assert len(set(life.signed)) == len(signed)
store.close()
promises = audit(path)
assert all(promises[as_of] == digest for as_of, digest in signed.items())
print(*lines, sep="\\n")
"""


def unshared(*script: str) -> list[str]:
    """Return a command that runs in a name space of its own, so that what it mounts is gone afterwards."""
    return ["unshare", "-m", "sh", "-c", *script]


def small_disk(folder: Path, size: str) -> str:
    folder.mkdir()
    mount = f'mount -t tmpfs -o size={size} none "{folder}"'
    if subprocess.run(unshared(mount), capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk here")
    return mount


def test_write__a_disk_that_is_full_until_space_is_freed__goes_on(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    mount = small_disk(disk, "6m")
    run = subprocess.run(
        [*unshared(f'{mount} && exec "$@"', "sh"), sys.executable, "-c", FULL, str(disk)],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT_ROOT / "tests",
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == [
        f"{disk}/store.sqlite: nothing can be written, the disk is full. {FullDiskError.remedy}"
    ]


# --- disks and folders that cannot be written ----------------------------------------------------------------------

READ_ONLY = """
import subprocess, sys
from pathlib import Path
from pyutils.errors import GpuRwaError
from pyutils.reporter.store.store import Store
from reporter.bookkeeping import FLEET, OPERATOR, hour

folder = Path(sys.argv[1])
path = folder / "store.sqlite"
with Store.create(path, OPERATOR) as store:
    store.promise(FLEET, hour(0), b"\\1" * 32)
    subprocess.run(["mount", "-o", "remount,ro", folder], check=False)
subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
for attempt in (lambda: Store.open(path, OPERATOR), lambda: Store.create(folder / "new.sqlite", OPERATOR)):
    try:
        attempt()
    except GpuRwaError as error:
        print(error.line())
"""


def test_open__a_read_only_disk__is_one_line(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    mount = small_disk(disk, "4m")
    run = subprocess.run(
        [*unshared(f'{mount} && exec "$@"', "sh"), sys.executable, "-c", READ_ONLY, str(disk)],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT_ROOT / "tests",
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [
        f"{disk}/{name}.sqlite.lock: Read-only file system. {UnwritableStoreError.remedy}" for name in ("store", "new")
    ]


def test_open__a_folder_in_place_of_the_file__is_one_line(path: Path) -> None:
    path.mkdir()
    with pytest.raises(UnwritableStoreError, match="Is a directory") as caught:
        Store.open(path, OPERATOR)
    one_line(caught.value)


def test_open__a_file_in_place_of_the_folder__is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for attempt in (Store.open, Store.create):
        with pytest.raises(UnwritableStoreError, match=r"Not a directory|File exists") as caught:
            attempt(tmp_path / "file" / "store.sqlite", OPERATOR)
        one_line(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_open__no_right_to_write__is_one_line(store: Store, path: Path) -> None:
    store.close()
    for file, mode in ((path, 0o400), (Path(f"{path}.lock"), 0o400)):
        file.chmod(mode)
        with pytest.raises(UnwritableStoreError) as caught:
            Store.open(path, OPERATOR)
        one_line(caught.value)
        file.chmod(0o600)


def test_write__the_disk_fails__is_undone_and_may_be_tried_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        """A connection that cannot commit once."""

        def __init__(self, inner: sqlite3.Connection) -> None:
            self.inner, self.failed = inner, False

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

        def execute(self, sql: str, *values: Any) -> object:
            if sql == "COMMIT" and not self.failed:
                self.failed = True
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
                raise error
            return self.inner.execute(sql, *values)

    monkeypatch.setattr(store.database, "_connection", Failing(store.database._connection))
    with pytest.raises(UnwritableStoreError, match="disk I/O error"):
        store.promise(FLEET, hour(0), ONE)
    assert store.promised(FLEET, hour(0)) is None
    store.promise(FLEET, hour(0), OTHER)
    assert store.promised(FLEET, hour(0)) == OTHER


# --- damaged files -------------------------------------------------------------------------------------------------


def test_open__an_empty_file__is_one_line(path: Path) -> None:
    path.touch()
    with pytest.raises(DamagedStoreError, match="the file is empty") as caught:
        Store.open(path, OPERATOR)
    one_line(caught.value)
    assert path.read_bytes() == b""


@pytest.mark.parametrize("content", [b"x", b"SQLite format 3\0", b"\0" * 4096, b"not a database\n" * 1000])
def test_open__a_file_that_is_no_database__is_not_touched(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(DamagedStoreError, match="the file is no SQLite database") as caught:
        Store.open(path, OPERATOR)
    one_line(caught.value)
    assert path.read_bytes() == content


def test_open__another_programs_database__is_not_touched(path: Path) -> None:
    with closing(raw_connection(path)) as person:
        person.execute("CREATE TABLE bookmarks (url)")
    before = path.read_bytes()
    with pytest.raises(DamagedStoreError, match="is no store of this package"):
        Store.open(path, OPERATOR)
    assert path.read_bytes() == before


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with forty reports, closed."""
    path = tmp_path_factory.mktemp("grown") / "store.sqlite"
    with Store.create(path, OPERATOR) as store:
        life = Life(store, 1)
        while store.counts(FLEET).get(State.FINAL, 0) < 40:
            life.step()
        built(store, hour(60))
    return path


def promises_of(path: Path) -> dict[int, bytes] | None:
    """Return what a store that can be opened promised; None where opening it is refused in one line."""
    try:
        store = Store.open(path, OPERATOR)
    except GpuRwaError as error:
        one_line(error)
        return None
    with store:
        for ask in (
            lambda: store.newest(FLEET, 1_000),
            lambda: store.unfinished(FLEET),
            lambda: store.pages_of(FLEET, hour(60)),
            lambda: store.checkpoint(FLEET, "published"),
            lambda: store.goes_on_from(digest(report(hour(0), told=1))),
            lambda: store.signatures(digest(report(hour(0), told=1))),
            lambda: StoreJournal(store, GAS.address).sents(),
        ):
            with suppress(GpuRwaError):
                ask()
        with store.database.read() as connection:
            return {row["as_of"]: row["digest"] for row in connection.execute("SELECT as_of, digest FROM promises")}


@pytest.mark.parametrize("width", [1, 16, 4096])
def test_open__any_bytes_overwritten__is_refused_or_promises_the_same(grown: Path, tmp_path: Path, width: int) -> None:
    whole = promises_of(copy_files(grown, tmp_path / "whole"))
    assert whole is not None
    assert len(whole) == 40
    dice = random.Random(width)
    size, refused = grown.stat().st_size, 0
    for attempt in range(150):
        copy = copy_files(grown, tmp_path / "copy")
        offset = dice.randrange(size - width) // width * width
        # One bit, or a stretch of nothing, or noise.
        old = copy.read_bytes()[offset : offset + width]
        new = bytes([old[0] ^ 1 << dice.randrange(8)]) if width == 1 else bytes(width)
        overwrite(copy, offset, dice.randbytes(width) if attempt % 3 == 2 else new)
        found = promises_of(copy)
        refused += found is None
        assert found in (None, whole), f"{width} bytes at {offset}"
        shutil.rmtree(copy.parent)
    assert refused, "nothing that matters was hit"


def test_open__the_file_cut_anywhere__is_refused_or_promises_the_same(grown: Path, tmp_path: Path) -> None:
    whole = promises_of(copy_files(grown, tmp_path / "whole"))
    size, refused, cuts = grown.stat().st_size, 0, 0
    for cut in [*range(1, 120, 17), *range(512, size, 7_919), *range(4096, size, 4096), size - 1]:
        copy = copy_files(grown, tmp_path / "copy")
        os.truncate(copy, cut)
        found = promises_of(copy)
        refused, cuts = refused + (found is None), cuts + 1
        assert found in (None, whole), f"cut to {cut} of {size} bytes"
        shutil.rmtree(copy.parent)
    assert refused > cuts * 0.9, "only the last page may be cut where nothing is in it"


def test_open__a_log_cut_anywhere__is_what_was_committed_up_to_there_or_refused(path: Path, tmp_path: Path) -> None:
    lived = Store.create(path, OPERATOR)
    life = Life(lived, 1)
    while len(life.signed) < 12:
        life.step()
    source = copy_files(path, tmp_path / "source")
    lived.close()
    everything = [*life.signed]
    order = list(dict.fromkeys(everything))
    wal = Path(f"{source}-wal")
    size = wal.stat().st_size
    found_lengths = set()
    for cut in range(0, size, size // 60):
        # Without the mark, it is a store as it was at some time: a loss of power on a disk that lies about fsync.
        copy = copy_files(source, tmp_path / "unmarked", ("", "-wal"))
        os.truncate(Path(f"{copy}-wal"), cut)
        promised = audit(copy)
        assert list(promised.items()) == order[: len(promised)]
        found_lengths.add(len(promised))
        shutil.rmtree(copy.parent)
        # With it, whoever lost a promise is told.
        copy = copy_files(source, tmp_path / "marked", ("", "-wal", ".lock"))
        os.truncate(Path(f"{copy}-wal"), cut)
        if len(promised) == len(order):
            assert audit(copy) == dict(order)
        else:
            with pytest.raises(RolledBackStoreError, match=f"knows {len(promised)} promises, {len(order)} were made"):
                Store.open(copy, OPERATOR)
        shutil.rmtree(copy.parent)
    assert len(found_lengths) > 4, "no cut lost a promise, so nothing was shown"


def test_open__noise_in_the_log__is_refused_or_promises_what_was_committed(path: Path, tmp_path: Path) -> None:
    lived = Store.create(path, OPERATOR)
    life = Life(lived, 1)
    while len(life.signed) < 12:
        life.step()
    source = copy_files(path, tmp_path / "source")
    lived.close()
    dice = random.Random(7)
    whole = dict(life.signed)
    outcomes = set()
    for _ in range(60):
        copy = copy_files(source, tmp_path / "copy", ("", "-wal", ".lock"))
        wal = Path(f"{copy}-wal")
        overwrite(wal, dice.randrange(wal.stat().st_size - 8), dice.randbytes(8))
        found = promises_of(copy)
        outcomes.add(found is None)
        assert found in (None, whole)
        shutil.rmtree(copy.parent)
    assert True in outcomes


# --- older copies --------------------------------------------------------------------------------------------------


def test_open__the_database_put_back_from_a_backup__is_an_older_copy(store: Store, path: Path, tmp_path: Path) -> None:
    store.promise(FLEET, hour(0), ONE)
    backup = copy_files(path, tmp_path / "backup", ("", "-wal"))
    store.promise(FLEET, hour(1), ONE)
    store.close()
    path.unlink()
    copy_files(backup, tmp_path)
    with pytest.raises(RolledBackStoreError) as caught:
        Store.open(path, OPERATOR)
    assert one_line(caught.value).startswith(f"{path}: the store knows 1 promises, 2 were made with it. Move it away")


def test_open__a_backup_under_a_newer_log__signs_nothing_twice(store: Store, path: Path, tmp_path: Path) -> None:
    life = Life(store, 1)
    while len(life.signed) < 6:
        life.step()
    store.database.flush()
    backup = copy_files(path, tmp_path / "backup", ("",))
    while len(life.signed) < 12:
        life.step()
    mixed = copy_files(path, tmp_path / "mixed")
    shutil.copy(backup, mixed)
    found = promises_of(mixed)
    assert found in (None, dict(life.signed))


def test_open__another_history_of_the_same_length__is_told_apart(store: Store, path: Path, tmp_path: Path) -> None:
    store.promise(FLEET, hour(0), ONE)
    copy = copy_files(path, tmp_path / "copy", ("", "-wal"))
    store.promise(FLEET, hour(1), ONE)
    store.close()
    with Store.open(copy, OPERATOR) as other:
        other.promise(FLEET, hour(1), OTHER)
    path.unlink()
    copy_files(copy, tmp_path, ("",))
    with pytest.raises(RolledBackStoreError, match="promise 2 is another than the one made with this store"):
        Store.open(path, OPERATOR)


def test_open__all_files_put_back_together__is_for_chain_and_verifiers_to_tell(
    store: Store, path: Path, tmp_path: Path
) -> None:
    store.promise(FLEET, hour(0), ONE)
    backup = copy_files(path, tmp_path / "backup")
    store.promise(FLEET, hour(1), ONE)
    store.close()
    for side in SIDES:
        Path(f"{path}{side}").unlink(missing_ok=True)
    copy_files(backup, tmp_path)
    assert audit(path) == {hour(0): ONE}


def test_open__the_log_without_its_database__is_missing(store: Store, path: Path) -> None:
    store.promise(FLEET, hour(0), ONE)
    alone = copy_files(path, path.parent / "copy", ("-wal", "-shm"))
    with pytest.raises(NoStoreError):
        Store.open(alone, OPERATOR)
    with pytest.raises(StoreError, match="-wal is there already"):
        Store.create(alone, OPERATOR)
