"""Published pages of samples: one form only, named by what is in them, and nothing else is ever taken for one."""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pyutils.durable import UnwritableFileError
from pyutils.keccak import keccak256
from pyutils.meter import GpuSeries, SamplePage, parse_rows, read_page, write_page
from pyutils.meter.page import MAX_AT_MS, SamplePageError, canonical_rows, page_name
from pyutils.meter.rule import MAX_ENERGY_MJ

ROWS = b"GPU-a,3600000,0\nGPU-a,3615000,1000000\nGPU-b,3600001,333333\n"
MEASURED = b"GPU-a,3600000,0,0\nGPU-a,3615000,1000000,9223372036854775807\nGPU-b,3600001,333333,17\n"
PAGE = SamplePage(1, ROWS, whole=True)

quick = settings(deadline=None, max_examples=300)
deep = settings(deadline=None, max_examples=5_000, suppress_health_check=[HealthCheck.too_slow])


def again(series: tuple[GpuSeries, ...]) -> bytes:
    """Return the canonical rows of samples."""
    return "".join(canonical_rows(one.gpu_id, one.at_ms, one.duty_ppm, one.energy_mj) for one in series).encode()


def assert_canonical_or_refused(rows: bytes) -> None:
    try:
        series = parse_rows(rows)
    except SamplePageError:
        return
    assert again(series) == rows
    assert [one.gpu_id for one in series] == sorted({one.gpu_id for one in series})
    for one in series:
        assert list(one.at_ms) == sorted(set(one.at_ms))
        assert 0 <= min(one.at_ms) <= max(one.at_ms) <= MAX_AT_MS
        assert 0 <= min(one.duty_ppm) <= max(one.duty_ppm) <= 1_000_000
        assert one.energy_mj is None or 0 <= min(one.energy_mj) <= max(one.energy_mj) <= MAX_ENERGY_MJ


# files


def test_write__page__lies_under_its_hash_and_reads_back(tmp_path: Path) -> None:
    path = write_page(PAGE, tmp_path / "new" / "samples")
    assert path.name == page_name(keccak256(ROWS)) == f"0x{PAGE.rows_hash.hex()}.csv.gz"
    assert read_page(path, PAGE.rows_hash) == gzip.decompress(path.read_bytes()) == ROWS
    assert PAGE.ref.rows_hash == PAGE.rows_hash
    assert (PAGE.ref.hour, PAGE.ref.whole) == (1, True)
    assert PAGE.chained(bytes(32)) == keccak256(bytes(32) + keccak256(ROWS))


def test_write__twice__is_one_file_with_the_same_bytes(tmp_path: Path) -> None:
    path = write_page(PAGE, tmp_path)
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    assert write_page(SamplePage(9, ROWS, whole=False), tmp_path) == path
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    other = write_page(PAGE, tmp_path / "other")
    assert other.read_bytes() == path.read_bytes(), "neither time nor name of a file is in it"
    assert list(tmp_path.glob("*.partial")) == []


def test_write__disk_fails__leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnwritableFileError, match="No space"):
        write_page(PAGE, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_read__any_bit_flipped_or_cut__is_refused_or_the_same(tmp_path: Path) -> None:
    path = write_page(PAGE, tmp_path)
    packed = path.read_bytes()
    damaged = [packed[:size] for size in range(len(packed))]
    for place in range(len(packed) * 8):
        flipped = bytearray(packed)
        flipped[place // 8] ^= 1 << place % 8
        damaged.append(bytes(flipped))
    refused = 0
    for data in damaged:
        path.write_bytes(data)
        try:
            assert read_page(path, PAGE.rows_hash) == ROWS
        except SamplePageError:
            refused += 1
    assert refused > len(damaged) * 4 // 5


@pytest.mark.parametrize(
    "make",
    [
        lambda _: None,
        lambda path: path.mkdir(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(ROWS),
        lambda path: path.write_bytes(gzip.compress(ROWS)[:-1]),
        lambda path: path.write_bytes(gzip.compress(ROWS) + b"more"),
        lambda path: path.write_bytes(gzip.compress(ROWS + ROWS)),
        lambda path: path.write_bytes(gzip.compress(ROWS) + gzip.compress(b"x")),
    ],
)
def test_read__no_page_or_another__is_refused_in_one_line(tmp_path: Path, make: Callable[[Path], object]) -> None:
    path = tmp_path / "page.csv.gz"
    make(path)
    with pytest.raises(SamplePageError) as caught:
        read_page(path, PAGE.rows_hash)
    assert "\n" not in caught.value.line()
    assert caught.value.line().endswith("do not sign")


def test_read__bomb__is_refused_unpacked_no_further_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyutils.meter.page.MAX_PAGE_BYTES", len(ROWS))
    path = write_page(PAGE, tmp_path)
    assert read_page(path, PAGE.rows_hash) == ROWS
    path.write_bytes(gzip.compress(bytes(10**7)))
    with pytest.raises(SamplePageError, match=f"unpacks to more than {len(ROWS)} bytes"):
        read_page(path, PAGE.rows_hash)


# rows


def test_parse__canonical_rows__are_samples() -> None:
    assert parse_rows(b"") == ()
    assert parse_rows(ROWS) == (
        GpuSeries("GPU-a", [3_600_000, 3_615_000], [0, 1_000_000]),
        GpuSeries("GPU-b", [3_600_001], [333_333]),
    )
    assert parse_rows(MEASURED)[0].energy_mj == [0, 2**63 - 1]
    assert again(parse_rows(MEASURED)) == MEASURED
    limit = f"!,{MAX_AT_MS},1000000,{MAX_ENERGY_MJ}\n{'~' * 128},0,0,0\n".encode()
    assert again(parse_rows(limit)) == limit


@pytest.mark.parametrize(
    "rows",
    [
        b"\n",
        b"a\n",
        b"a,1\n",
        b"a,1,2,3,4\n",
        b"a,1,2",
        b"a,1,2\r\n",
        b"a,1,2\n\n",
        b"\na,1,2\n",
        b"a,1,2\n ",
        b"a,1,2\x00\n",
        b"a,1,2\x0b\n",
        b",1,2\n",
        b"a b,1,2\n",
        b"a\t,1,2\n",
        "é,1,2\n".encode(),
        "a,\u0661,2\n".encode(),
        "a,1,\uff12\n".encode(),
        b"\xef\xbb\xbfa,1,2\n",
        b"\xff,1,2\n",
        b"a" * 129 + b",1,2\n",
        b"a,-1,2\n",
        b"a,1,-2\n",
        b"a,1,2,-3\n",
        b"a,+1,2\n",
        b"a,1,+2\n",
        b"a,01,2\n",
        b"a,1,02\n",
        b"a,1,00\n",
        b"a,1,2,03\n",
        b"a,1_000,2\n",
        b"a,1,1_0\n",
        b"a, 1,2\n",
        b"a,1 ,2\n",
        b"a,1,2 \n",
        b"a,1,\n",
        b"a,,2\n",
        b"a,1,2,\n",
        b"a,1.0,2\n",
        b"a,1e3,2\n",
        b"a,0x1,2\n",
        b"a,1,True\n",
        b"a,1,nan\n",
        b"a,1,1000001\n",
        b"a,1,9999999\n",
        b"a,1,2,9223372036854775808\n",
        b"a,1,2,9223372036854775794000\n",
        b"a,9223372036854775807,2\n",
        b"a," + b"1" * 5_000 + b",2\n",
        f"a,{MAX_AT_MS + 1},2\n".encode(),
        b"a,2,0\na,1,0\n",
        b"a,1,0\na,1,0\n",
        b"a,1,0\na,1,1\n",
        b"a,10,0\na,9,0\n",
        b"b,1,0\na,1,0\n",
        b"a,1,0\nb,1,0\na,2,0\n",
        b"aa,1,0\na,1,0\n",
        b"a,1,0\na,2,0,0\n",
        b"a,1,0,0\na,2,0\n",
        b"a,1,0,0\nb,2,0\n",
        b"a,1,0\nb,2,0,0\n",
        b"a,1,0\nb,2\n",
        b"a,1,0\nA,2,0\n",
        b"a,1,0\x1ca,2,0\n",
        b"a,1,0\ra,2,0\n",
        "a,1,0\u2028a,2,0\n".encode(),
    ],
)
def test_parse__rows_in_another_form__are_refused(rows: bytes) -> None:
    with pytest.raises(SamplePageError) as caught:
        parse_rows(rows)
    assert "\n" not in caught.value.line()


gpu_ids = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=","), min_size=1, max_size=4)
columns = st.dictionaries(
    st.integers(0, 50) | st.integers(0, MAX_AT_MS),
    st.tuples(st.integers(0, 1_000_000), st.integers(0, 100) | st.integers(0, MAX_ENERGY_MJ)),
    min_size=1,
    max_size=4,
)


@st.composite
def canonical_pages(draw: st.DrawFn) -> bytes:
    energy, page = draw(st.booleans()), ""
    for gpu_id, samples in sorted(draw(st.dictionaries(gpu_ids, columns, max_size=4)).items()):
        at = sorted(samples)
        duty, mj = [samples[one][0] for one in at], [samples[one][1] for one in at]
        page += canonical_rows(gpu_id, at, duty, mj if energy else None)
    return page.encode("ascii")


@st.composite
def damaged_pages(draw: st.DrawFn) -> bytes:
    """Pages with a few bytes cut out, doubled, moved or replaced: almost canonical."""
    page = bytearray(draw(canonical_pages()))
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(page)))
        end = min(len(page), begin + draw(st.integers(0, 9)))
        piece = draw(
            st.sampled_from([b"", b"0", b",", b"\n", b"-", b"+", b"_", b" ", b"a", b"1", bytes(page[begin:end])])
        )
        page[begin : draw(st.sampled_from([begin, end]))] = piece
    return bytes(page)


@quick
@given(canonical_pages())
def test_parse__any_canonical_page__gives_back_its_bytes(page: bytes) -> None:
    assert again(parse_rows(page)) == page


anything = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=40).map(str.encode),
    st.text("aab,,\n\n0119_+- ", max_size=40).map(str.encode),
    damaged_pages(),
)


@quick
@given(anything)
@example(b"a,1,0\n\na,2,0\n")
def test_parse__any_bytes__are_canonical_or_refused(rows: bytes) -> None:
    assert_canonical_or_refused(rows)


@pytest.mark.slow
@deep
@given(anything)
def test_parse__tens_of_thousands_of_bytes__are_canonical_or_refused(rows: bytes) -> None:
    assert_canonical_or_refused(rows)


@pytest.mark.parametrize(
    "rows",
    [
        b"a" * 2_000_000,
        b"," * 2_000_000,
        b"a,1,0\n" * 300_000,
        b"".join(b"a,%d,0\n" % at for at in range(200_000)) + b"x",
        b"".join(b"a%06d,1,0\n" % gpu for gpu in range(150_000)) + b"x",
        b"a," + b"1" * 2_000_000 + b",0\n",
        (b"a" * 128 + b",1,0\n" + b"a" * 127 + b",1,0\n") * 5_000,
    ],
    ids=["letters", "commas", "repeats", "one GPU", "many GPUs", "digits", "prefixes"],
)
def test_parse__two_megabytes_made_to_be_slow__are_refused_quickly(rows: bytes) -> None:
    begin = time.process_time()
    with pytest.raises(SamplePageError):
        parse_rows(rows)
    assert time.process_time() - begin < 5


@pytest.mark.slow
def test_parse__a_large_page__takes_no_more_than_two_microseconds_a_row() -> None:
    """Measured 0.8 µs; twice that leaves room for slower machines. Processor time, so that neighbours do not count."""
    gpus, rows = 1_000, 240
    page = b"".join(
        b"GPU-3f2a1b77-%04d-4a5b-9c8d-0123456789ab,%d,%d,%d\n"
        % (gpu, 1_700_000_000_000 + step * 15_000, step * 4_166, 123_456_789_012 + step * 10_500)
        for gpu in range(gpus)
        for step in range(rows)
    )
    seconds = []
    for _ in range(5):
        begin = time.process_time()
        series = parse_rows(page)
        seconds.append(time.process_time() - begin)
    assert sum(map(len, series)) == gpus * rows
    assert min(seconds) < gpus * rows * 2e-6
