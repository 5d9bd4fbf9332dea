"""What people type: durations, times, hashes and blocks."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyutils.cli.parameters import BLOCK, DURATION, HASH, TIME, format_duration, format_time, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("8h", 28_800), ("90m", 5_400), ("1d12h", 129_600), ("3600s", 3_600), ("2W", 1_209_600)]
)
def test_parse_duration__as_people_write_it__seconds(text: str, seconds: int) -> None:
    assert DURATION.convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "8", "8 h", "h", "-1h", "1.5h", "5m8h", "8hours"])
def test_parse_duration__anything_else__refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="no duration"):
        DURATION.convert(text, None, None)


@given(st.integers(min_value=0, max_value=10**9))
def test_format_duration__any_seconds__parsed_back(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    "text", ["1700000000", "2023-11-14T22:13:20Z", "2023-11-14T22:13:20", "2023-11-14T23:13:20+01:00"]
)
def test_time__seconds_or_iso__same_moment(text: str) -> None:
    assert TIME.convert(text, None, None) == 1_700_000_000


@pytest.mark.parametrize("text", ["", "yesterday", "-5", "2023-11-14T22:13:20.5Z", str(2**40)])
def test_time__anything_else__refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        TIME.convert(text, None, None)


def test_format_time__none__a_dash() -> None:
    assert format_time(0) == "–"
    assert format_time(1_700_000_000) == "2023-11-14 22:13:20Z"


def test_hash_and_block__only_what_they_say() -> None:
    assert HASH.convert("0x" + "ab" * 32, None, None) == b"\xab" * 32
    assert BLOCK.convert("12", None, None) == 12
    assert BLOCK.convert("finalized", None, None) == "finalized"
    for kind, text in ((HASH, "ab" * 32), (HASH, "0xab"), (BLOCK, "newest"), (BLOCK, "-1")):
        with pytest.raises(click.BadParameter):
            kind.convert(text, None, None)
