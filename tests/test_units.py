"""Amounts between people and integers, exactly; errors; settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyutils import errors
from pyutils.errors import GpuRwaError, InputError, SettingsError
from pyutils.settings import load_settings
from pyutils.units import (
    MS_PER_HOUR,
    WAD,
    AmountError,
    Bps,
    Bytes32TextError,
    GpuMs,
    TokenUnits,
    Wad,
    format_bps,
    format_gpu_hours,
    format_money,
    format_wad_percent,
    from_bytes32_text,
    parse_bps,
    parse_gpu_hours,
    parse_money,
    parse_wad,
    to_bytes32_text,
)

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Cases are many, and the machine may be busy."""


@unhurried
@given(st.integers(-(2**256), 2**256), st.integers(0, 36))
def test_money__printed_and_read__is_the_same(amount: int, decimals: int) -> None:
    text = format_money(TokenUnits(amount), decimals)
    if amount >= 0:
        assert parse_money(text, decimals) == amount
    else:
        assert text == "-" + format_money(TokenUnits(-amount), decimals)


def test_money__examples__read_as_people_write() -> None:
    assert format_money(TokenUnits(2_350_000), 6) == "2.35"
    assert format_money(TokenUnits(2_359_999), 6, places=2) == "2.35"
    assert format_money(TokenUnits(2_000_000), 6, places=2) == "2.00"
    assert format_money(TokenUnits(7), 0) == "7"
    assert parse_money("1_000.5", 6) == 1_000_500_000
    assert parse_money(" 3 ", 0) == 3


@pytest.mark.parametrize("text", ["", "-1", "1e6", "NaN", "1,5", ".5", "5.", "0x10", "\u0661", "1.0000001"])
def test_parse_money__not_an_exact_amount__is_refused(text: str) -> None:
    with pytest.raises(AmountError):
        parse_money(text, 6)


@pytest.mark.parametrize(
    ("time", "text"), [(MS_PER_HOUR, "1.000"), (MS_PER_HOUR - 1, "0.999"), (0, "0.000"), (39_900_000, "11.083")]
)
def test_format_gpu_hours__cuts__never_rounds_up(time: int, text: str) -> None:
    assert format_gpu_hours(GpuMs(time)) == text


def test_parse_gpu_hours__whole_milliseconds_only__is_exact() -> None:
    assert parse_gpu_hours("0.125") == 450_000
    with pytest.raises(AmountError, match="smallest unit"):
        parse_gpu_hours("0.0000001")


def test_wad__percent_and_ratio__agree() -> None:
    assert parse_wad("5%") == parse_wad("0.05") == WAD // 20
    assert format_wad_percent(Wad(WAD // 8)) == "12.50 %"


@unhurried
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=31))
def test_bytes32_text__there_and_back__is_the_same(text: str) -> None:
    word = to_bytes32_text(text)
    assert len(word) == 32
    assert from_bytes32_text(word) == text


def test_bytes32_text__known_word__is_left_aligned() -> None:
    assert to_bytes32_text("H100-SXM5-80GB") == b"H100-SXM5-80GB" + bytes(18)
    assert from_bytes32_text(bytes(32)) == ""


@pytest.mark.parametrize("text", ["", "x" * 32, "é", "a\n", "a\0"])
def test_to_bytes32_text__no_short_string__is_refused(text: str) -> None:
    with pytest.raises(Bytes32TextError):
        to_bytes32_text(text)


@pytest.mark.parametrize("word", [b"a", b"a\0b".ljust(32, b"\0"), b"\xff" * 32, bytes(31) + b"a"])
def test_from_bytes32_text__other_bytes__are_refused(word: bytes) -> None:
    with pytest.raises(Bytes32TextError):
        from_bytes32_text(word)


@given(bps=st.integers(0, 2**16))
def test_basis_points__printed_and_read_again__are_the_same(bps: int) -> None:
    assert parse_bps(format_bps(Bps(bps))) == bps


@pytest.mark.parametrize(
    ("text", "bps"), [("12%", 1_200), ("0.12", 1_200), ("1.35", 13_500), ("12.5 %", 1_250), ("0", 0)]
)
def test_parse_bps__part_or_percent__is_exact(text: str, bps: int) -> None:
    assert parse_bps(text) == bps


@pytest.mark.parametrize("text", ["0.00001", "0.001%", "-1%", "a tenth", "%"])
def test_parse_bps__finer_than_a_basis_point_or_no_number__is_refused(text: str) -> None:
    with pytest.raises(AmountError):
        parse_bps(text)


def test_errors__every_class__hangs_on_one_root() -> None:
    classes = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, Exception)]
    assert len(classes) > 5
    for one in classes:
        assert issubclass(one, GpuRwaError)
        assert one.exit_status == (2 if issubclass(one, InputError) else 1)
        assert one.__name__ in (errors.__doc__ or "")


def test_errors__message_of_two_lines__becomes_one() -> None:
    error = InputError("first\n  second", remedy="Mend it")
    assert str(error) == "first second"
    assert error.line() == "first second. Mend it"


def test_settings__environment_and_flags__flags_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPURWA_NETWORK", "sepolia")
    monkeypatch.setenv("GPURWA_RPC_URLS", "http://a, https://b,")
    monkeypatch.setenv("GPURWA_KEYSTORE", "")
    found = load_settings(out=Path("elsewhere"), manifest=None)
    assert (found.network, found.rpc_urls, found.out) == ("sepolia", ("http://a", "https://b"), Path("elsewhere"))
    assert found.keystore is None
    assert load_settings(network="devnet").network == "devnet"


@pytest.mark.parametrize(("name", "value"), [("RPC_URLS", "ftp://a"), ("NETWORK", "Not A Name")])
def test_settings__nonsense__names_the_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"GPURWA_{name}", value)
    with pytest.raises(SettingsError, match=f"^GPURWA_{name}: "):
        load_settings()
