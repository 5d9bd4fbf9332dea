"""Numbers as dcgm-exporter writes them: rounded down exactly, sentinels dropped."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyutils.meter.dcgm import DROPPED, DUTY_METRIC, SM_METRIC, duty_texts, energies_mj


@pytest.mark.parametrize(
    ("text", "ppm"),
    [("0", 0), ("100", 1_000_000), ("0.00009", 0), ("33.33333", 333_333), ("1e2", 1_000_000), ("", DROPPED)],
)
def test_duty_texts__percent__rounds_down(text: str, ppm: int) -> None:
    assert duty_texts(DUTY_METRIC)[text] == ppm


@pytest.mark.parametrize(
    ("text", "energy"),
    [
        ("0", 0),
        ("123456789012", 123_456_789_012),
        ("1.5", 1),
        ("140737488355327", 140_737_488_355_327),
        ("140737488355328", DROPPED),
        ("140737488355343", DROPPED),
        ("140737488355344", 140_737_488_355_344),
        ("9223372036854775792", DROPPED),
        ("2147483631", 2_147_483_631),
        ("2147483632", DROPPED),
        ("2147483647", DROPPED),
        ("2147483648", 2_147_483_648),
        ("9223372036854775808", DROPPED),
        ("-5", DROPPED),
        ("-0.5", DROPPED),
        ("NaN", DROPPED),
        ("+Inf", DROPPED),
        ("", DROPPED),
    ],
)
def test_energies_mj__millijoules__sentinels_are_dropped(text: str, energy: int) -> None:
    assert energies_mj([text]) == [energy]
    assert energies_mj(["7", text, "8"]) == [7, energy, 8]


def floor_ppm(text: str, scale: int) -> int:
    value = Decimal(text) * scale
    return int(value.to_integral_value(ROUND_FLOOR)) if 0 <= value <= 1_000_000 else DROPPED


decimals = st.one_of(
    st.integers(0, 1_000_001).map(lambda ppm: f"{ppm // 1_000_000}.{ppm % 1_000_000:06d}"),
    st.integers(0, 1_000_001).map(lambda ppm: f"{ppm / 1_000_000:.6g}"),
    st.floats(0, 1.001).map(repr),
    st.floats(-1, 101).map(lambda value: f"{value:.9f}"),
    st.sampled_from(["0", "1", "1.0", "9e-7", "1e-05", "-0", "0.9999999", "1.0000001", "100", "100.0001"]),
)


@given(st.lists(decimals, min_size=1, max_size=20))
def test_duty_texts__any_decimals__round_down_exactly(texts: list[str]) -> None:
    for metric, scale in ((DUTY_METRIC, 10_000), (SM_METRIC, 1_000_000)):
        assert duty_texts(metric).all_ppm(texts) == [floor_ppm(text, scale) for text in texts]


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-Inf", "", "one", "1,0", "[1]", "true", "140737488355328"])
def test_duty_texts__ratio_that_is_none__is_dropped_alone(text: str) -> None:
    assert duty_texts(SM_METRIC).all_ppm(["0.5", text, "0.25"]) == [500_000, DROPPED, 250_000]
