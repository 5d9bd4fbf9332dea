"""Pages for people: tables, facts and figures in HTML, light and dark, on screens of any width and on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

from pyutils.reports.figures import to_html
from pyutils.units import BlockNumber, TokenUnits, UnixSeconds, format_money

_TEMPLATES: Final = Environment(
    loader=PackageLoader("pyutils.reports", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
NOTHING: Final = "—"
"""Stands where there is no figure."""


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
class Plot:
    """A figure with what it shows."""

    title: str
    html: Markup
    note: str

    @classmethod
    def of(cls, title: str, figure: Any, name: str, note: str) -> Plot:
        """Return a Plotly figure as a part of a page; `name` is its own on that page."""
        return cls(title, Markup(to_html(figure, name)), note)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page."""

    name: str
    title: str
    facts: Mapping[str, str]
    plots: Sequence[Plot] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """All that a page says."""

    kind: str
    subject: str
    network: str
    block: BlockNumber | None
    """As of which everything is; None for a page that only says why there is none."""
    at: UnixSeconds
    tables: Sequence[Table] = ()
    sections: Sequence[Section] = ()
    recompute: Sequence[str] = ()
    """Commands that give the same figures."""
    empty: str = "There is nothing here as of this block."


def render(page: Page, *, live: bool = False) -> str:
    """Return a page as HTML: one that asks nobody for anything, or where `live` one of a dashboard."""
    tables = [table for table in page.tables if table.rows]
    script = None if live else Markup(get_plotlyjs())
    template = _TEMPLATES.get_template("page.html.j2")
    return template.render(page=page, tables=tables, at=time_text(page.at), plotly=script, live=live)


def percent(part: int, whole: int) -> str:
    """Return a ratio for people, to a hundredth of a percent."""
    return f"{100 * part / whole:.2f} %" if whole else NOTHING


def rate_text(value: float | None) -> str:
    """Return a ratio as percent; what there is none of as a dash."""
    return NOTHING if value is None else f"{100 * value:,.2f} %"


def time_text(at: int) -> str:
    """Return a time for people, to the minute; nothing for a moment that has not come."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC" if at else NOTHING
