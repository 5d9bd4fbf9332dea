"""Reading recorded traces, refusing bad ones in one line, and making synthetic ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pyutils.errors import TraceError
from pyutils.meter import Cast, SampleSource, Trace, TraceSource, read_trace, synthetic_trace, write_trace
from pyutils.meter.series import GpuSeries, Sample, to_series
from pyutils.units import Ms, Ppm, UnixMs

HEADER = "timestamp_s,pod,gpu_duty_cycle_percent\n"
A, B = "aa", "bb"


def write(folder: Path, text: str, name: str = "trace.csv") -> Path:
    path = folder / name
    data = text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["trace.csv", "trace.csv.gz"])
def test_read_trace__good_file__gives_series_and_cadence(tmp_path: Path, name: str) -> None:
    text = HEADER + f"100,{B},0\n100,{A},0.06667\n157,{A},100\n160,{B},37.5\n214,{A},1e1\n"
    trace = read_trace(write(tmp_path, text, name))
    assert trace.gpu_ids == (A, B)
    assert trace.series[0].at_ms == [100_000, 157_000, 214_000]
    assert trace.series[0].duty_ppm == [666, 1_000_000, 100_000]
    assert trace.series[1].duty_ppm == [0, 375_000]
    assert (trace.cadence_ms, trace.first, trace.last, len(trace)) == (57_000, 100, 214, 5)
    assert trace.samples()[0] == Sample(A, UnixMs(100_000), Ppm(666))
    assert to_series(trace.samples()) == trace.series
    assert [one.gpu_id for one in trace.only([B])] == [B]


def test_read_trace__windows_line_ends_and_bom__are_read(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeff" + (HEADER + f"1,{A},0\n2,{A},0\n").replace("\n", "\r\n"))
    assert read_trace(path).cadence_ms == 1_000


def test_read_trace__cadence_given__is_taken(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + f"1,{A},0\n1,{B},0\n")
    assert read_trace(path, Ms(15_000)).cadence_ms == 15_000
    with pytest.raises(TraceError, match="no GPU has two samples"):
        read_trace(path)


BAD = {
    "columns": ("time,pod,duty\n1,aa,0\n", r"line 1: columns are 'time,pod,duty'"),
    "order of columns": ("pod,timestamp_s,gpu_duty_cycle_percent\n", r"line 1: columns are"),
    "too few fields": (HEADER + "1,aa\n", r"line 2: 2 columns, not 3"),
    "too many fields": (HEADER + "1,aa,0\n2,aa,0,0\n", r"line 3: 4 columns, not 3"),
    "blank line": (HEADER + "1,aa,0\n\n", r"line 3: 0 columns, not 3"),
    "unsorted": (HEADER + "5,aa,0\n4,bb,0\n", r"line 3: unsorted, 4 comes after 5"),
    "duplicate": (HEADER + "5,aa,0\n5,bb,0\n5,aa,1\n", r"line 4: a second sample of aa at 5"),
    "duty above 100": (HEADER + "5,aa,0\n6,aa,100.001\n", r"line 3: the duty cycle 100.001 % is not within 0 and 100"),
    "duty below 0": (HEADER + "5,aa,-0.1\n", r"line 2: the duty cycle -0.1 % is not within"),
    "duty not a number": (HEADER + "5,aa,abc\n", r"line 2: the duty cycle 'abc' is not a number"),
    "duty empty": (HEADER + "5,aa,\n", r"line 2: the duty cycle '' is not a number"),
    "duty NaN": (HEADER + "5,aa,NaN\n", r"line 2: the duty cycle 'NaN' is not a number"),
    "duty infinite": (HEADER + "5,aa,inf\n", r"line 2: the duty cycle 'inf' is not a number"),
    "duty sNaN": (HEADER + "5,aa,sNaN\n", r"line 2: the duty cycle 'sNaN' is not a number"),
    "time not a number": (HEADER + "now,aa,0\n", r"line 2: the time 'now' is not a number of Unix seconds"),
    "time fractional": (HEADER + "1.5,aa,0\n", r"line 2: the time '1.5' is not"),
    "time negative": (HEADER + "-1,aa,0\n", r"line 2: the time '-1' is not"),
    "time in ms": (HEADER + "1662858720000,aa,0\n", r"line 2: the time '1662858720000' is not"),
    "pod empty": (HEADER + "1,,0\n", r"line 2: the pod name '' is empty"),
    "pod with a comma": (HEADER + '1,"a,b",0\n', r"line 2: the pod name 'a,b'"),
    "nothing": ("", "the trace is empty"),
    "header alone": (HEADER, "the trace is empty"),
    "one sample": (HEADER + "1,aa,0\n", "the trace has one sample"),
    "open quote": (HEADER + '1,"aa,0\n', "is not CSV"),
}


@pytest.mark.parametrize("case", BAD)
def test_read_trace__bad_text__is_one_line_with_its_line_number(tmp_path: Path, case: str) -> None:
    text, message = BAD[case]
    path = write(tmp_path, text)
    with pytest.raises(TraceError, match=message) as caught:
        read_trace(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in caught.value.line()
    assert caught.value.exit_status == 2
    assert caught.value.remedy


def test_read_trace__no_file__says_so(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="no such trace"):
        read_trace(tmp_path / "none.csv")


def test_read_trace__folder__says_so(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="cannot be read"):
        read_trace(tmp_path)


def test_read_trace__named_gz_but_plain__says_so(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv.gz"
    path.write_text(HEADER)
    with pytest.raises(TraceError, match=r"named \.gz but is not gzip"):
        read_trace(path)


@pytest.mark.parametrize("spoil", ["cut", "damage"])
def test_read_trace__broken_gzip__says_so(tmp_path: Path, spoil: str) -> None:
    path = write(tmp_path, HEADER + "".join(f"{i},aa,{i % 100}\n" for i in range(5000)), "t.csv.gz")
    data = bytearray(path.read_bytes())
    path.write_bytes(data[:-40] if spoil == "cut" else data[:300] + bytes(200) + data[500:])
    with pytest.raises(TraceError):
        read_trace(path)


def test_read_trace__gzip_named_csv__is_not_text(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, "t.csv.gz").rename(tmp_path / "t.csv")
    with pytest.raises(TraceError, match="is not UTF-8 text"):
        read_trace(path)


def test_read_trace__recorded_trace__has_its_known_size(duty_cycle_trace: Path) -> None:
    trace = read_trace(duty_cycle_trace)
    assert (len(trace), len(trace.gpu_ids), trace.cadence_ms) == (83_265, 123, 57_000)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_write_trace__read_again__is_the_same(tmp_path: Path, name: str) -> None:
    trace = synthetic_trace(3, Cast(2, 1, 1, 2), hours=2)
    write_trace(trace, tmp_path / name)
    again = read_trace(tmp_path / name)
    assert again.series == trace.series
    assert again.cadence_ms == trace.cadence_ms
    first = (tmp_path / name).read_bytes()
    write_trace(again, tmp_path / name)
    assert (tmp_path / name).read_bytes() == first


def test_synthetic_trace__seed__decides_everything() -> None:
    assert synthetic_trace(1) == synthetic_trace(1)
    assert synthetic_trace(1).gpu_ids != synthetic_trace(2).gpu_ids


def test_synthetic_trace__each_habit__shows() -> None:
    hour = 3_600_000
    for seed in range(20):
        begin, end = 1_700_000_000_000, 1_700_000_000_000 + 12 * hour
        for one in synthetic_trace(seed, Cast(steady=3, leaves=0, arrives=0, gappy=0)).series:
            gaps = [b - a for a, b in zip(one.at_ms, one.at_ms[1:], strict=False)]
            assert max(gaps) <= 114_000
            assert one.at_ms[0] < begin + 57_000
            assert one.at_ms[-1] > end - 120_000
        for one in synthetic_trace(seed, Cast(steady=0, leaves=3, arrives=0, gappy=0)).series:
            assert begin + 2 * hour < one.at_ms[-1] < end - 2 * hour
        for one in synthetic_trace(seed, Cast(steady=0, leaves=0, arrives=3, gappy=0)).series:
            assert begin + hour < one.at_ms[0] < begin + 8 * hour
            assert one.at_ms[-1] > end - 120_000
        for one in synthetic_trace(seed, Cast(steady=0, leaves=0, arrives=0, gappy=3)).series:
            assert max(b - a for a, b in zip(one.at_ms, one.at_ms[1:], strict=False)) > 114_000
            assert all(0 <= duty <= 1_000_000 for duty in one.duty_ppm)


TWO = Trace(
    "two boards",
    (GpuSeries(A, [1_000, 2_000, 3_000], [1, 2, 3]), GpuSeries(B, [1_500, 4_000], [4, 5])),
    Ms(1_000),
)


@pytest.mark.parametrize(
    ("after_ms", "until_ms", "expected"),
    [
        (0, 9_000, {A: [1_000, 2_000, 3_000], B: [1_500, 4_000]}),
        (1_000, 3_000, {A: [2_000, 3_000], B: [1_500]}),
        (3_000, 3_999, {}),
        (3_000, 4_000, {B: [4_000]}),
        (4_000, 4_000, {}),
        (9_000, 0, {}),
    ],
)
def test_trace_source__bounds__are_open_and_closed(
    after_ms: int, until_ms: int, expected: dict[str, list[int]]
) -> None:
    source: SampleSource = TraceSource(TWO)
    read = [one for batch in source.read([A, B], UnixMs(after_ms), UnixMs(until_ms)) for one in batch]
    assert {one.gpu_id: list(one.at_ms) for one in read} == expected
    assert all(len(one.duty_ppm) == len(one.at_ms) and one.energy_mj is None for one in read)
    source.close()


def test_trace_source__gpus_asked_for__are_given_alone_and_others_ignored() -> None:
    read = TraceSource(TWO).read([B, "cc"], UnixMs(0), UnixMs(9_000))
    assert [one for batch in read for one in batch] == [TWO.series[1]]


def test_trace_source__itself__knows_its_clock_and_cadence_and_has_no_energy() -> None:
    source = TraceSource(TWO)
    assert (source.clock_ms(), source.cadence_ms(), source.has_energy, dict(source.dropped)) == (
        4_000,
        1_000,
        False,
        {},
    )


def test_trace_source__in_any_parts__gives_all_of_a_trace() -> None:
    trace = synthetic_trace(8, Cast(2, 1, 1, 2), hours=2)
    source, parts, begin = TraceSource(trace), [], 0
    while begin < source.clock_ms():
        end = begin + 1_700_000_000_000 if not begin else begin + 777_000
        parts += [one for batch in source.read(trace.gpu_ids, UnixMs(begin), UnixMs(end)) for one in batch]
        begin = end
    columns: dict[str, list[int]] = {gpu_id: [] for gpu_id in trace.gpu_ids}
    for one in parts:
        columns[one.gpu_id] += one.at_ms
    assert columns == {one.gpu_id: list(one.at_ms) for one in trace.series}
