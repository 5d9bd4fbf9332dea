"""How ages and ratios are written for people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyutils.reports.table import age_text, wad_percent

SECONDS = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3_600, "1 h"),
        (3_601, "1 h"),
        (7_260, "2 h 1 min"),
        (86_400 + 59 * 60, "1 d"),
        (3 * 86_400 + 4 * 3_600 + 5, "3 d 4 h"),
    ],
)
def test_age_text__any_age__is_its_two_largest_units(seconds: int, said: str) -> None:
    assert age_text(seconds) == said


@given(st.integers(0, 10**9))
def test_age_text__read_back__is_the_age_cut_to_what_was_said(seconds: int) -> None:
    words = age_text(seconds).split()
    units = words[1::2]
    read = sum(int(count) * SECONDS[unit] for count, unit in zip(words[::2], units, strict=True))
    coarse = SECONDS[units[0]]
    assert 0 <= seconds - read < max(1, coarse)


def test_wad_percent__nothing_to_divide__is_a_dash() -> None:
    assert (wad_percent(None), wad_percent(99 * 10**16), wad_percent(0)) == ("—", "99.00 %", "0.00 %")
