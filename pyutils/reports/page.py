"""Pages for people: tables, facts and figures in HTML, light and dark, on screens of any width and on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

from pyutils.reports.figures import to_html
from pyutils.reports.table import NOTHING, Cell, Coin, Facts, Link, Table, percent, rate_text, time_text
from pyutils.units import BlockNumber, UnixSeconds

__all__ = [
    "NOTHING",
    "Cell",
    "Coin",
    "Link",
    "Page",
    "Plot",
    "Section",
    "Table",
    "percent",
    "rate_text",
    "render",
    "time_text",
]

_TEMPLATES: Final = Environment(
    loader=PackageLoader("pyutils.reports", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


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
    facts: Facts
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
