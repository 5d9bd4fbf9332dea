"""`gpurwa portfolio` by command: tables, JSON, CSV and a page."""

from __future__ import annotations

import csv

from pyutils.cli.output import csv_document

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


def test_portfolio__tables_from_the_index__are_those_from_the_node(sh: Shell, fleet: LiveFleet) -> None:
    opened(sh, fleet)
    sh("shares", "transfer", fleet.fleet_id, "investor-3", "5", "--account", "operator-a", "--yes")
    assert "there is no index" in sh.refused("portfolio", "operator-a", "--from-index")
    sh("index", "sync")
    sh("portfolio", "operator-a", "--tables", "node")
    said = sh("portfolio", "operator-a", "--tables", "indexed", "--from-index")
    assert "Cost basis and yield of shares" in said
    assert "Exposure" in said
    names = {path.name for path in (sh.folder / "node").iterdir()}
    assert names == {f"{name}.csv" for name in _TABLES}
    for name in names:
        assert (sh.folder / "node" / name).read_text() == (sh.folder / "indexed" / name).read_text()
    with (sh.folder / "node" / "share_moves.csv").open() as text:
        moves = list(csv.DictReader(text))
    assert [(move["how"], move["paid"]) for move in moves] == [("enrolled", "0"), ("sent", "0")]
    with (sh.folder / "node" / "exposure.csv").open() as text:
        rows = list(csv.DictReader(text))
    assert {row["dimension"] for row in rows} == {"class", "region", "operator"}
    assert all(int(row["total"]) == sum(int(row[part]) for part in _PARTS) for row in rows)
    sh("faucet", "investor-3", "--account", "investor-3")
    behind = sh.json("index", "status")["block"] + 1
    assert f"block {behind}" in sh.refused("portfolio", "operator-a", "--from-index", "--block", behind)


_TABLES = (
    "payments", "income_by_month", "share_moves", "share_costs", "share_yields", "exposure", "lending",
)  # fmt: skip
_PARTS = ("shares", "deposits", "bonds", "lent")


def test_csv_document__text_that_looks_like_a_formula__is_text() -> None:
    written = csv_document(("name", "amount"), [("=HYPERLINK(1)", -5), ("@x", 6), ("H100", 7)]).decode()
    assert written.splitlines() == ["name,amount", "'=HYPERLINK(1),-5", "'@x,6", "H100,7"]


def test_positions__from_the_index__needs_no_node(sh: Shell, fleet: LiveFleet) -> None:
    lease = opened(sh, fleet)
    sh("index", "sync")
    dead = ("--rpc", "http://127.0.0.1:9")
    said = sh("positions", "lessee-1", "--from-index", *dead)
    assert str(lease) in said
    told = sh.json("positions", "lessee-1", "--from-index", *dead)
    (leased,) = [one for one in told["leases"] if one["lease_id"] == int(lease)]
    assert leased["deposit"] == sh.json("lease", "show", lease)["deposit"]
    assert leased["origin"]["first"].startswith("Open in block")
    assert "no safe block" in sh.refused("positions", "lessee-1", "--from-index", "--block", "safe", *dead)
