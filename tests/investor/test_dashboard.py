"""Pages over HTTP: asked by a program, and gone through in a browser as a person does."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from pyutils.chain import rpc
from pyutils.cli.session import find_address
from pyutils.devnet import account
from pyutils.reporter.web.serving import Server
from pyutils.reports.dashboard import Dashboard

from .conftest import Played

INVESTOR = account("investor-1").address
LEASE = 1 << 32 | 2


@pytest.fixture(scope="module")
def url(played: Played) -> Iterator[str]:
    pages = Dashboard(played.system, lambda text: find_address(text, played.manifest), played.files)
    with Server(pages.app()) as server:
        yield server.url


def get(url: str, path: str, status: int = 200) -> str:
    answer = httpx.get(url + path, timeout=30, follow_redirects=True)
    assert answer.status_code == status, answer.text
    return answer.text


def test_home__lists_fleets_with_links(url: str) -> None:
    page = get(url, "/")
    assert '<a href="/fleet/1">1</a>' in page
    assert '<a href="/fleet/2">2</a>' in page
    assert '<script src="/plotly.js">' in page
    assert "Plotly" in get(url, "/plotly.js")


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("investor-1", f"/address/{INVESTOR}"),
        (INVESTOR.lower(), f"/address/{INVESTOR}"),
        (" 2 ", "/fleet/2"),
        (str(LEASE), f"/lease/{LEASE}"),
    ],
)
def test_search__anything_that_there_is__leads_to_it(url: str, asked: str, path: str) -> None:
    answer = httpx.get(url + "/search", params={"q": asked}, timeout=30)
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    get(url, path)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/search?q=0x12", "0x12"),
        ("/search?q=", "no address"),
        ("/fleet/77", "unknown fleet"),
        ("/lease/77", "there is no lease 77"),
        ("/address/vitalik.eth", "vitalik.eth"),
        ("/nothing", "there is no such page"),
        ("/fleet/1?block=99999999", "block"),
    ],
)
def test_page__nothing_there__says_so_in_a_line(url: str, path: str, said: str) -> None:
    answer = httpx.get(url + path, timeout=30, follow_redirects=True)
    assert answer.status_code in {404, 502}
    assert said in answer.text
    assert "Traceback" not in answer.text


def test_page__as_of_a_block__stays_there(url: str, played: Played) -> None:
    early = played.system.manifest.first_block + 30
    assert f'<span id="block">{early}</span>' in get(url, f"/?block={early}")


def test_fleet__its_record__stands_on_the_page(url: str) -> None:
    page = get(url, "/fleet/1")
    for said in (
        "SLA record",
        "Disputes",
        "Debt and coverage",
        "Share of capacity leased",
        "Where each figure comes from",
    ):
        assert said in page
    assert "RuleDispute in block" in page
    assert f'<a href="/lease/{LEASE}">{LEASE}</a>' in page
    assert "gpurwa fleet show 1 --block" in page


def test_page__name_of_another_host__is_refused(url: str) -> None:
    assert httpx.get(url, headers={"host": "example.com"}, timeout=30).status_code == 400
    assert httpx.post(url, timeout=30).status_code == 405, "nothing can be sent there"


def test_address__script_in_a_name__is_text(url: str) -> None:
    answer = httpx.get(url + "/address/<script>alert(1)<script>", timeout=30)
    assert answer.status_code == 404
    assert "<script>alert" not in answer.text


@pytest.mark.slow
def test_browser__from_search_to_lease_to_fleet__and_told_of_a_newer_block(
    url: str, played: Played, browser: Browser
) -> None:
    said: list[str] = []
    tab = browser.new_page()
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto(url)
    tab.get_by_label("Search").fill("lessee-1")
    tab.get_by_role("button", name="Find").click()
    expect(tab.locator(".account")).to_have_text(account("lessee-1").address)
    tab.get_by_role("link", name=str(1 << 32 | 1)).first.click()
    expect(tab.get_by_role("heading", name="Event by event")).to_be_visible()
    assert tab.locator("td", has_text="wrong").count() == 0
    tab.locator('a[href="/fleet/1"]').first.click()
    expect(tab.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    expect(tab.get_by_role("heading", name="SLA record")).to_be_visible()
    expect(tab.locator("#incidents dd.origin").first).to_contain_text("before block")
    assert not tab.locator("#newer").is_visible()
    rpc.request(played.system.web3, "evm_mine")
    expect(tab.locator("#newer")).to_be_visible(timeout=15_000)
    tab.locator("#newer").click()
    expect(tab.locator("#block")).to_have_text(str(played.system.web3.eth.block_number))
    tab.close()
    assert said == []
