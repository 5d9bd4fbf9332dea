"""The journal of samples against killed writers, full disks, damaged files and clocks that step back."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyutils.meter import FleetMeter, Sample, SourceError, to_samples, to_series
from pyutils.meter.journal import JournalError, JournalLockedError, SampleJournal, UnwrittenSamplesError
from pyutils.meter.segment import format_line, parse_line
from pyutils.models import Enrolment
from pyutils.units import MS_PER_HOUR, MS_PER_SECOND, Ms, Ppm, UnixMs, UnixSeconds

CADENCE = Ms(15_000)
START = 1_767_225_600_000
"""The first millisecond of 2026."""
BOARDS = [f"GPU-{number:08x}-1111-2222-3333-444444444444" for number in range(8)]
FOREVER = UnixMs(2**45)

unhurried = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], max_examples=60
)


def tick(number: int, boards: Iterable[str] = BOARDS) -> list[Sample]:
    """Return what eight boards show at a tick; their energy counters fall at every thousandth."""
    dice = random.Random(number)
    return [
        Sample(
            board,
            UnixMs(START + number * CADENCE),
            Ppm(dice.randrange(1_000_001)),
            (number % 1000) * 9_000_000 + dice.randrange(9_000_000),
        )
        for board in boards
    ]


def read_all(journal: SampleJournal, gpu_ids: Iterable[str] = BOARDS) -> list[Sample]:
    return to_samples(one for batch in journal.read(gpu_ids, UnixMs(-1), FOREVER) for one in batch)


def only_file(folder: Path) -> Path:
    (path,) = folder.glob("*.samples")
    return path


def fleet_of(samples: Iterable[Sample]) -> FleetMeter:
    meter = FleetMeter([Enrolment(gpu_id=one, since=UnixSeconds(START // 1000)) for one in BOARDS], CADENCE)
    meter.feed(to_series(samples))
    return meter


# --- lines ---------------------------------------------------------------------------------------------------------

gpu_ids = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","), min_size=1, max_size=128)
samples = st.builds(
    Sample,
    gpu_ids,
    st.integers(0, 2**45).map(UnixMs),
    st.integers(0, 1_000_000).map(Ppm),
    st.none() | st.integers(0, 2**63 - 1),
)


@given(samples)
def test_parse_line__any_sample__gives_it_back(sample: Sample) -> None:
    assert parse_line(format_line(sample)[:-1].encode("ascii")) == sample


@given(samples, st.data())
def test_parse_line__one_byte_changed__is_damage(sample: Sample, data: st.DataObject) -> None:
    line = bytearray(format_line(sample)[:-1].encode("ascii"))
    where = data.draw(st.integers(0, len(line) - 1))
    line[where] ^= data.draw(st.integers(1, 255))
    assert parse_line(bytes(line)) is None


@pytest.mark.parametrize(
    "line", [b"", b" ", b" 00000000", b"00000000", b"\0" * 80, b"GPU-1,2,3", b"GPU-1,2 8d3c0a7f", b"\xff\xfe 12345678"]
)
def test_parse_line__nonsense__is_damage(line: bytes) -> None:
    assert parse_line(line) is None


# --- writing and reading -------------------------------------------------------------------------------------------


def test_read__samples_of_three_hours__come_file_by_file(tmp_path: Path) -> None:
    with SampleJournal(tmp_path) as journal:
        written = [sample for number in range(0, 600, 40) for sample in tick(number)]
        assert journal.append(written) == len(written)
        batches = list(journal.read(BOARDS, UnixMs(-1), FOREVER))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "20260101T00Z.samples",
        "20260101T01Z.samples",
        "20260101T02Z.samples",
    ]
    assert len(batches) == 3
    assert [sample for batch in batches for sample in to_samples(batch)] == written
    for batch in batches:
        assert len({series.at_ms[0] // MS_PER_HOUR for series in batch}) == 1


def test_read__bounds__take_the_later_and_not_the_earlier(tmp_path: Path) -> None:
    with SampleJournal(tmp_path) as journal:
        journal.append([sample for number in range(5) for sample in tick(number)])
        found = journal.read(BOARDS[:1], UnixMs(START + CADENCE), UnixMs(START + 3 * CADENCE))
        assert [list(one.at_ms) for batch in found for one in batch] == [[START + 2 * CADENCE, START + 3 * CADENCE]]
        assert list(journal.read(BOARDS, UnixMs(START + 4 * CADENCE), FOREVER)) == []
        assert list(journal.read([], UnixMs(-1), FOREVER)) == []
        assert list(journal.read(["GPU-other"], UnixMs(-1), FOREVER)) == []


def test_read__names_in_another_form__are_the_names_asked_for(tmp_path: Path) -> None:
    with SampleJournal(tmp_path) as journal:
        journal.append(tick(0))
        asked = f" {BOARDS[3].lower()} "
        ((series,),) = journal.read([asked], UnixMs(-1), FOREVER)
        assert series.gpu_id == asked
        assert series.duty_ppm == [tick(0)[3].duty_ppm]


def test_read__one_gpu_under_two_names__is_refused(tmp_path: Path) -> None:
    with SampleJournal(tmp_path) as journal, pytest.raises(JournalError, match="name one GPU"):
        journal.read([BOARDS[0], BOARDS[0].lower()], UnixMs(-1), FOREVER)


def test_read__some_samples_without_energy__come_as_two_series(tmp_path: Path) -> None:
    with SampleJournal(tmp_path) as journal:
        journal.append([tick(0)[0], tick(1)[0]._replace(energy_mj=None), tick(2)[0]])
        (batch,) = journal.read(BOARDS, UnixMs(-1), FOREVER)
    assert [(list(one.at_ms), one.energy_mj is None) for one in batch] == [
        ([START, START + 2 * CADENCE], False),
        ([START + CADENCE], True),
    ]


def test_read__two_days__take_the_memory_of_an_hour(tmp_path: Path) -> None:
    def peak(hours: int) -> int:
        tracemalloc.start()
        for batch in journal.read(BOARDS, UnixMs(START - 1), UnixMs(START + hours * MS_PER_HOUR - 1)):
            assert sum(map(len, batch)) == 240 * 8
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    with SampleJournal(tmp_path) as journal:
        journal.append(sample for number in range(48 * 240) for sample in tick(number))
        assert peak(48) < 1.6 * peak(1), "an hour in hand while the next is read"


def test_append__each_call__is_fsynced_and_so_is_a_new_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def noted(fd: int) -> None:
        synced.append(Path(f"/proc/self/fd/{fd}").readlink().name)
        fsync(fd)

    monkeypatch.setattr(os, "fsync", noted)
    folder = tmp_path / "samples"
    with SampleJournal(folder) as journal:
        assert synced == [tmp_path.name], "the new folder's own name"
        synced.clear()
        for number in (0, 1, 240):
            journal.append(tick(number))
            synced.append("|")
    assert synced == [
        *("20260101T00Z.samples", "samples", "|"),
        *("20260101T00Z.samples", "|"),
        *("20260101T01Z.samples", "samples", "|"),
    ]


def test_append__nothing__writes_nothing(tmp_path: Path) -> None:
    with SampleJournal(tmp_path) as journal:
        assert journal.append([]) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"gpu_id": "a,b"},
        {"gpu_id": "a b"},
        {"gpu_id": ""},
        {"duty_ppm": 1_000_001},
        {"energy_mj": -1},
        {"energy_mj": 2**63},
    ],
)
def test_append__what_no_line_can_hold__is_refused_and_nothing_written(tmp_path: Path, change: dict[str, Any]) -> None:
    with SampleJournal(tmp_path) as journal:
        with pytest.raises(JournalError, match="no line can hold"):
            journal.append([*tick(0), tick(1)[0]._replace(**change)])
        assert read_all(journal) == []


@unhurried
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 2)), max_size=30), st.sets(st.integers(0, 29)))
def test_append__any_stamps_and_restarts__keeps_those_that_advance(
    tmp_path_factory: pytest.TempPathFactory, stamps: list[tuple[int, int]], restarts: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    kept: list[Sample] = []
    left_out = 0
    journal = SampleJournal(folder)
    for index, (number, board) in enumerate(stamps):
        if index in restarts:
            journal.close()
            journal = SampleJournal(folder)
        (sample,) = tick(number, [BOARDS[board]])
        used = [one.at_ms for one in kept if one.gpu_id == sample.gpu_id]
        advances = all(one.at_ms <= sample.at_ms for one in kept) and sample.at_ms not in used
        assert journal.append([sample]) == advances
        kept += [sample] if advances else []
        left_out += not advances
    assert read_all(journal) == sorted(kept, key=lambda one: (one.at_ms, one.gpu_id))
    assert journal.damaged_lines == 0
    if not restarts:
        assert journal.stamped_back == left_out
    journal.close()


def test_append__two_of_a_gpu_with_one_stamp__keeps_the_first(tmp_path: Path) -> None:
    with SampleJournal(tmp_path) as journal:
        first, *_ = tick(0)
        assert journal.append([first, first._replace(duty_ppm=Ppm(1))]) == 1
        assert read_all(journal) == [first]
        assert journal.stamped_back == 1


def test_last__after_opening__knows_boards_that_left_within_the_newest_two_files(tmp_path: Path) -> None:
    with SampleJournal(tmp_path) as journal:
        journal.append(tick(0, BOARDS[:3]))
        journal.append(tick(240, BOARDS[:2]))
        journal.append(tick(480, BOARDS[:1]))
    with SampleJournal(tmp_path) as journal:
        assert dict(journal.last) == {BOARDS[0]: tick(480)[0], BOARDS[1]: tick(240, BOARDS[:2])[1]}


# --- torn tails and damage -----------------------------------------------------------------------------------------


def test_open__cut_at_every_byte__keeps_every_whole_line(tmp_path: Path) -> None:
    with SampleJournal(tmp_path) as journal:
        journal.append(tick(0, BOARDS[:2]))
        path = only_file(tmp_path)
        before = path.stat().st_size
        journal.append(tick(1, BOARDS[:2]))
    data = path.read_bytes()
    for size in range(before, len(data)):
        path.write_bytes(data[:size])
        with SampleJournal(tmp_path) as journal:
            whole = data[:size].count(b"\n")
            assert journal.torn_tails == (not data[:size].endswith(b"\n"))
            assert len(read_all(journal)) == whole
            assert journal.append(tick(2, BOARDS[:2])) == 2
            assert len(read_all(journal)) == whole + 2
            assert journal.damaged_lines == 0


@pytest.mark.parametrize("length", [1, 100, 70_000, 200_000])
def test_open__tail_of_zeros__is_cut_off(tmp_path: Path, length: int) -> None:
    with SampleJournal(tmp_path) as journal:
        journal.append(tick(0))
    path = only_file(tmp_path)
    with path.open("ab") as file:
        file.write(bytes(length))
    with SampleJournal(tmp_path) as journal:
        assert (journal.torn_tails, journal.damaged_lines) == (1, 0)
        journal.append(tick(1))
        assert read_all(journal) == tick(0) + tick(1)


def test_open__nothing_but_half_a_line__is_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "20260101T00Z.samples"
    path.write_text("GPU-0000")
    with SampleJournal(tmp_path) as journal:
        assert journal.torn_tails == 1
        assert path.read_bytes() == b""
        journal.append(tick(0))
        assert read_all(journal) == tick(0)


@unhurried
@given(
    st.lists(
        st.tuples(st.integers(0, 4_000), st.integers(0, 90), st.binary(max_size=40)),
        min_size=1,
        max_size=6,
    )
)
def test_read__any_bytes_changed_in_the_middle__loses_the_lines_hit_alone(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, int, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    with SampleJournal(folder) as journal:
        journal.append([sample for number in range(6) for sample in tick(number)])
    path = only_file(folder)
    data = path.read_bytes()
    for where, length, filling in edits:
        data = data[:where] + filling + data[where + length :]
    path.write_bytes(data)
    lines = {format_line(sample).encode() for number in range(6) for sample in tick(number)}
    untouched = [line for line in data.splitlines(keepends=True) if line in lines]
    with SampleJournal(folder) as journal:
        found = [format_line(sample).encode() for sample in read_all(journal)]
        assert sorted(found) == sorted(untouched)
        damaged = journal.damaged_lines
        assert damaged == path.read_bytes().count(b"\n") - len(found)
        read_all(journal)
        assert journal.damaged_lines == damaged, "damage is counted once, however often it is read"


def test_read__lines_of_another_hour__are_damage(tmp_path: Path) -> None:
    with SampleJournal(tmp_path) as journal:
        journal.append(tick(0))
    only_file(tmp_path).rename(tmp_path / "20260101T07Z.samples")
    with SampleJournal(tmp_path) as journal:
        assert read_all(journal) == []
        assert journal.damaged_lines == 8


def test_open__files_that_are_not_its_own__are_left_alone(tmp_path: Path) -> None:
    for name in ("notes.txt", "20261301T00Z.samples", "x.samples", "20260101T00Z.samples.bak"):
        (tmp_path / name).write_text("half a line")
    with SampleJournal(tmp_path) as journal:
        journal.append(tick(0))
        assert read_all(journal) == tick(0)
        assert journal.prune(FOREVER) == 0
    assert all(
        path.read_text() == "half a line" for path in tmp_path.iterdir() if path != tmp_path / "20260101T00Z.samples"
    )


# --- one writer ----------------------------------------------------------------------------------------------------


def test_open__a_second_writer__is_told_in_one_line(tmp_path: Path) -> None:
    with SampleJournal(tmp_path), pytest.raises(JournalLockedError) as caught:
        SampleJournal(tmp_path)
    assert caught.value.line() == (
        f"{tmp_path}: another process writes samples there. "
        "Stop the other meter first, or give this one a folder of its own"
    )
    with SampleJournal(tmp_path) as journal:
        assert journal.append(tick(0)) == 8


def test_open__to_read_beside_a_writer__sees_whole_lines_and_mends_nothing(tmp_path: Path) -> None:
    with SampleJournal(tmp_path) as writer:
        writer.append(tick(0))
        path = only_file(tmp_path)
        with path.open("ab") as file:
            file.write(b"GPU-half")
        reader = SampleJournal(tmp_path, read_only=True)
        assert read_all(reader) == tick(0)
        assert (reader.torn_tails, reader.damaged_lines) == (0, 0)
        assert path.read_bytes().endswith(b"GPU-half")
        with pytest.raises(JournalError, match="not open for writing"):
            reader.append(tick(1))
        with pytest.raises(JournalError, match="not open for writing"):
            reader.prune(FOREVER)


def test_open__to_read_where_nothing_is__says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="No such file or directory"):
        SampleJournal(tmp_path / "absent", read_only=True)


def test_open__a_file_in_place_of_the_folder__is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match=r"Not a directory|File exists"):
        SampleJournal(tmp_path / "file")


def test_read__a_file_that_cannot_be_read__is_one_line(tmp_path: Path) -> None:
    with SampleJournal(tmp_path) as journal:
        journal.append(tick(0))
        (tmp_path / "20260101T01Z.samples").mkdir()
        with pytest.raises(JournalError, match=r"20260101T01Z\.samples: Is a directory"):
            read_all(journal)


def test_close__twice__is_harmless(tmp_path: Path) -> None:
    journal = SampleJournal(tmp_path)
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="not open for writing"):
        journal.append(tick(0))


# --- pruning -------------------------------------------------------------------------------------------------------


def test_prune__hours_that_are_over__are_deleted_whole_and_the_newest_stays(tmp_path: Path) -> None:
    with SampleJournal(tmp_path) as journal:
        journal.append([sample for number in (0, 240, 480) for sample in tick(number)])
        assert journal.prune(UnixMs(START + MS_PER_HOUR - 1)) == 0
        assert journal.prune(UnixMs(START + MS_PER_HOUR)) == 1
        assert read_all(journal) == tick(240) + tick(480)
        assert journal.prune(FOREVER) == 1
        assert read_all(journal) == tick(480)
        assert journal.append(tick(479)) == 0, "the newest file says which stamps were used"


def test_trim__more_hours_than_wanted__deletes_the_oldest(tmp_path: Path) -> None:
    with SampleJournal(tmp_path) as journal:
        journal.append([sample for number in (0, 240, 2400) for sample in tick(number)])
        assert journal.trim(3) == 0
        assert journal.trim(2) == 1
        assert read_all(journal) == tick(240) + tick(2400)
        assert journal.trim(0) == 1
        assert read_all(journal) == tick(2400)


@pytest.mark.parametrize("delete", [lambda journal: journal.prune(FOREVER), lambda journal: journal.trim(1)])
def test_prune__a_file_that_cannot_be_deleted__is_one_line(
    tmp_path: Path, delete: Callable[[SampleJournal], int]
) -> None:
    with SampleJournal(tmp_path) as journal:
        journal.append(tick(240))
        (tmp_path / "20260101T00Z.samples").mkdir()
        with pytest.raises(JournalError, match="old samples cannot be deleted: Is a directory"):
            delete(journal)
        assert journal.append(tick(241)) == 8


def test_prune__while_it_is_read__ends_early_without_error(tmp_path: Path) -> None:
    with SampleJournal(tmp_path) as journal:
        journal.append([sample for number in (0, 240, 480) for sample in tick(number)])
        batches = journal.read(BOARDS, UnixMs(-1), FOREVER)
        next(batches)
        journal.prune(FOREVER)
        assert [sample for batch in batches for sample in to_samples(batch)] == tick(480)


# --- full and failing disks ----------------------------------------------------------------------------------------

FULL = """
import sys
from pathlib import Path
from pyutils.meter import SourceError
from pyutils.meter.journal import SampleJournal
sys.path.insert(0, sys.argv[2])
from test_sample_journal import read_all, tick

folder = Path(sys.argv[1])
journal = SampleJournal(folder / "samples")
(folder / "ballast").write_bytes(bytes(65536))
number = 0
while True:
    try:
        journal.append(tick(number))
    except SourceError as error:
        print(error.line())
        break
    number += 1
assert number > 10, number
kept = [sample for one in range(number) for sample in tick(one)]
assert read_all(journal) == kept
for later in range(number + 1, number + 5):
    try:
        journal.append(tick(later))
    except SourceError as error:
        print(error.line())
    else:
        raise SystemExit("a full disk took samples")
assert read_all(journal) == kept
(folder / "ballast").unlink()
journal.append(tick(number + 9))
assert read_all(journal) == kept + tick(number + 9)
journal.close()
journal = SampleJournal(folder / "samples")
assert (journal.torn_tails, journal.damaged_lines) == (0, 0)
assert read_all(journal) == kept + tick(number + 9)
"""


def test_append__a_disk_that_is_full_until_space_is_freed__loses_only_what_it_says(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size=128k none "{disk}"'
    if subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk here")
    (tmp_path / "full.py").write_text(FULL)
    here = Path(__file__)
    inside = ["unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    run = subprocess.run(
        [*inside, sys.executable, str(tmp_path / "full.py"), str(disk), str(here.parent)],
        capture_output=True,
        text=True,
        check=False,
        cwd=here.parent.parent,
    )
    assert (run.returncode, run.stderr) == (0, "")
    lines = set(run.stdout.splitlines())
    assert lines == {
        f"{disk}/samples/20260101T00Z.samples: samples cannot be written: No space left on device. "
        + UnwrittenSamplesError.remedy
    }


def test_append__a_write_cut_short_by_the_kernel__leaves_no_half_line(tmp_path: Path) -> None:
    with SampleJournal(tmp_path) as journal:
        journal.append(tick(0))
        path = only_file(tmp_path)
        size = path.stat().st_size
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))
        try:
            with pytest.raises(UnwrittenSamplesError, match="File too large"):
                journal.append(tick(1))
            assert path.stat().st_size == size
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert read_all(journal) == tick(0)
        assert dict(journal.last) == {sample.gpu_id: sample for sample in tick(0)}
        assert journal.append(tick(1)) == 8, "the samples were not written, so their stamps are free"
        assert read_all(journal) == tick(0) + tick(1)
        assert journal.torn_tails == 0


def test_append__half_a_line_that_cannot_be_taken_back__does_not_hide_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_write = os.write
    calls = 0

    def short_write(fd: int, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(5, "Input/output error")
        return real_write(fd, data[:100])

    def no_truncate(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with SampleJournal(tmp_path) as journal:
        journal.append(tick(0))
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", short_write)
            patch.setattr(os, "ftruncate", no_truncate)
            with pytest.raises(UnwrittenSamplesError, match="Input/output error"):
                journal.append(tick(1))
        path = only_file(tmp_path)
        assert not path.read_bytes().endswith(b"\n"), "half a line stayed behind"
        journal.append(tick(2))
        assert journal.torn_tails == 1
        assert journal.damaged_lines == 0
        found = read_all(journal)
        assert found == tick(0) + tick(1)[:1] + tick(2)


def test_append__fsync_fails__is_not_counted_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_fsync(fd: int) -> None:
        raise OSError(5, "Input/output error")

    with SampleJournal(tmp_path) as journal:
        journal.append(tick(0))
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", no_fsync)
            with pytest.raises(SourceError, match="Input/output error"):
                journal.append(tick(1))
        assert read_all(journal) == tick(0)
        journal.append(tick(2))
        assert read_all(journal) == tick(0) + tick(2)


def test_read__rows_not_fsynced_yet__are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[Sample]] = []
    with SampleJournal(tmp_path) as journal:
        journal.append(tick(0))
        monkeypatch.setattr(os, "fsync", lambda _: seen.extend([read_all(journal)]))
        journal.append(tick(1))
    assert seen == [tick(0)]


# --- kill -9 -------------------------------------------------------------------------------------------------------

WRITER = """
import os, random, signal, sys
from pathlib import Path
from pyutils.meter.journal import SampleJournal
sys.path.insert(0, sys.argv[2])
from test_sample_journal import CADENCE, START, tick

dice, write, left = random.Random(int(sys.argv[3])), os.write, int(sys.argv[4])

def write_some(fd, data):
    # In several writes, so that a kill can fall between two of them, as it can between two pages.
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return write(fd, data[: dice.choice((7, 50, 100, 400))])

os.write = write_some
journal = SampleJournal(Path(sys.argv[1]))
newest = max((sample.at_ms for sample in journal.last.values()), default=START)
number = (newest - START) // CADENCE
while True:
    journal.append(tick(number))
    write(1, b"%d\\n" % number)
    number += 1
"""


def test_append__writer_killed_again_and_again__loses_no_tick_that_was_appended(tmp_path: Path) -> None:
    dice = random.Random(20260101)
    folder, script = tmp_path / "samples", tmp_path / "writer.py"
    script.write_text(WRITER)
    here = Path(__file__)
    acknowledged, torn = -1, 0
    for seed in range(8):
        from_inside = seed % 2
        dies_at = dice.randrange(50, 2_000) if from_inside else 0
        writer = subprocess.Popen(
            [sys.executable, str(script), str(folder), str(here.parent), str(seed), str(dies_at)],
            stdout=subprocess.PIPE,
            cwd=here.parent.parent,
        )
        assert writer.stdout is not None
        lines = [writer.stdout.readline()]
        if not from_inside:
            time.sleep(dice.uniform(0.02, 0.3))
            writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.read().splitlines()
        writer.stdout.close()
        assert writer.wait() == -signal.SIGKILL
        acknowledged = max([acknowledged, *map(int, lines)])
        with SampleJournal(folder) as journal:
            torn += journal.torn_tails
            found = read_all(journal)
            assert journal.damaged_lines == 0
        whole = [sample for number in range(acknowledged + 1) for sample in tick(number)]
        assert found[: len(whole)] == whole
        assert set(found[len(whole) :]) <= set(tick(acknowledged + 1)), "at most the tick in hand is there in part"
        as_of = UnixSeconds(START // MS_PER_SECOND + acknowledged * CADENCE // MS_PER_SECOND)
        counters = fleet_of(found).counters(as_of)
        assert counters == fleet_of(whole).counters(as_of)
        falls = acknowledged // 1000
        assert {one.available_ms for one in counters} == {(acknowledged - falls) * CADENCE}
        assert {one.resets for one in counters} == {falls}
    assert acknowledged > 100
    assert torn > 0, "no kill fell into a write, so nothing was shown"
