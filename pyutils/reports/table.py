"""What pages and commands show alike: tables, facts with their origin, and how money, ratios and times are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pyutils.units import SECONDS_PER_HOUR, TokenUnits, Wad, format_money, format_wad_percent

NOTHING: Final = "—"
"""Stands where there is no figure."""
_MINUTE_S: Final = 60
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Coin:
    """How a settlement token is written."""

    symbol: str
    decimals: int

    @property
    def unit(self) -> int:
        """Token units of one coin."""
        return int(10**self.decimals)

    def text(self, amount: int) -> str:
        """Return an amount of token units with its symbol; a negative one with its sign."""
        sign = "-" if amount < 0 else ""
        return f"{sign}{format_money(TokenUnits(abs(amount)), self.decimals)} {self.symbol}"


@dataclass(frozen=True, slots=True)
class Link:
    """A cell that leads to another page of a dashboard, and is plain text on a page of its own."""

    text: str
    path: str

    def __str__(self) -> str:
        return self.text


Cell = str | Link


@dataclass(frozen=True, slots=True)
class Table:
    """A table; columns that begin with # are numbers, to the right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure, with what told it and how old that is."""

    text: str
    note: str

    def __str__(self) -> str:
        return f"{self.text} ({self.note})"


Facts = Mapping[str, str | Fact]


def percent(part: int, whole: int) -> str:
    """Return a ratio for people, to a hundredth of a percent."""
    return f"{100 * part / whole:.2f} %" if whole else NOTHING


def wad_percent(ratio: Wad | int | None) -> str:
    """Return a WAD ratio for people, cut to a hundredth of a percent."""
    return NOTHING if ratio is None else format_wad_percent(Wad(ratio))


def rate_text(value: float | None) -> str:
    """Return a ratio as percent; what there is none of as a dash."""
    return NOTHING if value is None else f"{100 * value:,.2f} %"


def time_text(at: int | None) -> str:
    """Return a time for people, to the minute; nothing for a moment that has not come."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC" if at else NOTHING


def age_text(seconds: int) -> str:
    """Return an age for people, in its two largest units: `3 d 4 h`, `12 min`, `40 s`."""
    days, rest = divmod(seconds, _DAY_S)
    hours, rest = divmod(rest, SECONDS_PER_HOUR)
    minutes, seconds = divmod(rest, _MINUTE_S)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((place for place, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count) or "0 s"
