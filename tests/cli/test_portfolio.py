"""`gpurwa portfolio` by command: tables, JSON, CSV and a page."""

from __future__ import annotations

import csv

from .shell import LiveFleet, Shell, opened


def test_portfolio__operator__files_and_words(sh: Shell, fleet: LiveFleet) -> None:
    lease = opened(sh, fleet)
    said = sh("portfolio", "operator-a", "--html", "page.html", "--csv", "paid.csv")
    assert "Bonds" in said
    assert "written: page.html" in said
    page = (sh.folder / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "Where prepaid money went" in page
    told = sh.json("portfolio", "operator-a")
    with (sh.folder / "paid.csv").open() as text:
        rows = list(csv.DictReader(text))
    assert [int(row["amount"]) for row in rows] == [one["amount"] for one in told["incomes"]]
    assert told["fleets"][0]["waterfall"]["held"] == sh.json("lease", "show", lease)["held"]


def test_portfolio__bad_input__is_one_line_and_no_file(sh: Shell, fleet: LiveFleet) -> None:
    taken = sh.write("taken", "a file")
    assert "taken" in sh.refused("portfolio", "operator-a", "--html", taken / "page.html")
    assert sh.refused("portfolio", "0x12", "--html", "page.html")
    assert not (sh.folder / "page.html").exists()
    assert taken.read_text() == "a file"


def test_portfolio__money_for_the_shares_alone__is_told_apart_from_rent(sh: Shell, fleet: LiveFleet) -> None:
    sh("faucet", "investor-2", "--account", "investor-2")
    sh("shares", "distribute", fleet.fleet_id, "10", "--account", "investor-2")
    flow = sh.json("portfolio", "operator-a")["fleets"][0]["waterfall"]
    assert flow == {
        "deposits": 0,
        "distributed": 10_000_000,
        "refunded": 0,
        "held": 0,
        "unrouted": 0,
        "protocol_fee": 0,
        "operating": 0,
        "shares": 10_000_000,
    }
