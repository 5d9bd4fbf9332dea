"""The page in a real browser, from disk, without a network: both themes, a desk and a telephone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from pyutils.devnet import account
from pyutils.operations.history import events
from pyutils.portfolio.fleet_record import read_fleet_record
from pyutils.portfolio.statement import read_statement
from pyutils.reports.fleet import fleet_page
from pyutils.reports.page import Coin, render
from pyutils.reports.portfolio import portfolio_page
from pyutils.units import FleetId, LoanId

from .conftest import Played

PEOPLE = ("investor-1", "operator-a", "lessee-1", "lender-1")
FLEETS = ("fleet 1", "fleet 2")

pytestmark = pytest.mark.slow


def page_of(played: Played, who: str, folder: Path) -> Path:
    statement = read_statement(played.system, account(who).address)
    coins = {one.token: Coin(one.symbol, one.decimals) for one in statement.position.coins}
    path = folder / f"{who}.html"
    path.write_text(render(portfolio_page(statement, "devnet", coins)))
    return path


def fleet_page_of(played: Played, fleet_id: int, folder: Path, block: int | str = "latest") -> Path:
    record = read_fleet_record(played.system, FleetId(fleet_id), block)
    path = folder / f"fleet-{fleet_id}.html"
    path.write_text(render(fleet_page(record, "devnet", Coin("TUSD", 6))))
    return path


@pytest.mark.parametrize("who", [*PEOPLE, *FLEETS])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1_280, 390])
def test_page__any_theme_and_width__draws_everything_and_asks_nobody(
    played: Played, browser: Browser, tmp_path: Path, who: str, scheme: Any, width: int
) -> None:
    fleet = who.removeprefix("fleet ")
    path = fleet_page_of(played, int(fleet), tmp_path) if fleet != who else page_of(played, who, tmp_path)
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(path.as_uri())
    tab.wait_for_function("document.querySelectorAll('.js-plotly-plot').length > 0")
    plots = tab.locator(".js-plotly-plot")
    tab.wait_for_function("[...document.querySelectorAll('.js-plotly-plot')].every(p => p.querySelector('.main-svg'))")
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    # nothing is wider than the window, and no figure leaves its card
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    overflows = tab.evaluate(
        "[...document.querySelectorAll('figure.card')].filter(c => {"
        " const svg = c.querySelector('.main-svg').getBoundingClientRect(), box = c.getBoundingClientRect();"
        " return svg.width < 80 || svg.right > box.right + 1 || svg.left < box.left - 1; })"
        ".map(c => c.querySelector('h3').textContent)"
    )
    assert overflows == []
    assert plots.count() == tab.locator("figure.card").count() > 0
    # words are legible on the paper that they stand on
    ink, paper = tab.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert contrast(ink, paper) > 7
    context.close()


def facts_of(tab: Page, section: str) -> dict[str, tuple[str, str]]:
    """Return the figures of a section with the notes under them, as the browser shows them."""
    rows: list[list[str]] = tab.evaluate(
        "name => [...document.querySelectorAll(`#${name} dl > div`)].map(row => ["
        "row.querySelector('dt').textContent, row.querySelector('dd').textContent,"
        "row.querySelector('dd.origin')?.textContent ?? ''])",
        section,
    )
    return {name: (value, note) for name, value, note in rows}


def test_fleet_page__loan_open__tells_debt_and_the_block_and_events_of_every_figure(
    played: Played, browser: Browser, tmp_path: Path
) -> None:
    (market,) = played.system.credit_markets()
    marked = next(events(market.credit, "MarkLoan", first=0))
    loan = market.credit.loan(LoanId(marked.arguments["loanId"]), marked.block)
    debt = market.credit.debt(LoanId(marked.arguments["loanId"]), marked.block)
    tab = browser.new_page()
    tab.goto(fleet_page_of(played, loan.fleet_id, tmp_path, marked.block).as_uri())
    owed = facts_of(tab, "debt")
    total = debt.principal + debt.interest
    # exact, without the zeros at its end
    assert owed["debt"][0] == f"{total // 10**6}.{total % 10**6:06d}".rstrip("0").rstrip(".") + " TUSD"
    assert owed["loan"][0].startswith(str(marked.arguments["loanId"]))
    assert "coverage" in owed
    assert owed["debt"][1].endswith(f"DrawLoan, ServeLoan, RepayLoan, MarkLoan; as of block {marked.block}")
    for section in (f"fleet-{loan.fleet_id}", "sla", "incidents", "debt"):
        for name, (value, note) in facts_of(tab, section).items():
            assert value, name
            assert note.endswith(f"block {marked.block}"), name
    sources = tab.locator("#origins tbody tr").all_inner_texts()
    assert len(sources) == 8
    assert any("MarkLoan in block" in row for row in sources)
    tab.close()


def contrast(first: str, second: str) -> float:
    """Return the contrast of two CSS colours as WCAG defines it."""
    low, high = sorted(luminance(color) for color in (first, second))
    return (high + 0.05) / (low + 0.05)


def luminance(color: str) -> float:
    parts = [int(part) / 255 for part in color.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_page__nobody__says_so(played: Played, browser: Browser, tmp_path: Path) -> None:
    statement = read_statement(played.system, "0x" + "00" * 19 + "99")
    path = tmp_path / "nobody.html"
    path.write_text(render(portfolio_page(statement, "<b>devnet</b>", {})))
    tab = browser.new_page()
    tab.goto(path.as_uri())
    assert tab.get_by_text("This account has nothing here as of this block.").is_visible()
    assert tab.get_by_text("<b>devnet</b>").first.is_visible(), "text is text, whatever stands in it"
    tab.close()


def test_page__printed__is_a_document(played: Played, browser: Browser, tmp_path: Path) -> None:
    tab = browser.new_page()
    tab.goto(page_of(played, "operator-a", tmp_path).as_uri())
    tab.wait_for_function("document.querySelectorAll('.js-plotly-plot .main-svg').length > 0")
    assert len(tab.pdf(format="A4")) > 50_000
    tab.close()
