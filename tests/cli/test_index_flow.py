"""The index by commands: brought up to a real life on chain, asked, checked, exported, and refused."""

from __future__ import annotations

import csv
import sqlite3
from pathlib import Path

import pytest

from pyutils.chain import rpc
from pyutils.contracts import System
from pyutils.index import open_index
from pyutils.operations.history import events, topic

from .lending import LENDER, lend
from .shell import LiveFleet, Shell


@pytest.fixture
def lived(sh: Shell, fleet: LiveFleet) -> Shell:
    """Return a shell after some business: shares sent, money lent and partly asked back."""
    lend(sh, 1_000)
    sh("vault", "request-redeem", "400", *LENDER)
    for receiver, amount in (("investor-1", "1000"), ("investor-2", "2.5")):
        sh("shares", "transfer", fleet.fleet_id, receiver, amount, "--account", "operator-a")
    return sh


def test_sync_status_check__after_some_business__all_is_the_chains(lived: Shell) -> None:
    done = lived.json("index", "sync")
    head = int(rpc.request(lived.chain.web3, "eth_blockNumber"), 16)
    assert (done["block"], done["new_events"]) == (head, done["events"])
    assert done["database"] == str(lived.folder / "state" / "devnet" / "index.sqlite")
    status = lived.json("index", "status")
    assert (status["block"], sum(status["events"].values())) == (head, done["events"])
    assert status["events"]["FleetShares.Transfer"] >= 3
    assert "FleetShares.Transfer" in lived("index", "status")
    checked = lived.json("index", "check")
    assert checked["differences"] == []
    assert checked["figures"] >= 8
    assert f"are the chain's at block {head}" in lived("index", "check")
    assert "0 events in 0 blocks were new" in lived("index", "sync", "--agree")


def test_events__of_a_real_life__are_what_the_node_tells(lived: Shell) -> None:
    lived("index", "sync")
    manifest = lived.chain.manifest
    system = System.at(lived.chain.web3, manifest)
    shares, vault = system.shares(1), system.credit_markets()[0].vault  # type: ignore[arg-type]
    url = f"sqlite:///{lived.folder / 'state' / 'devnet' / 'index.sqlite'}"
    with open_index(url, manifest) as index:
        for contract, name in (
            (shares, "Transfer"),
            (vault, "Deposit"),
            (vault, "RedeemRequest"),
            (system.registry, "Enrol"),
            (system.registry, "PropertiesSet"),
            (system.oracle, "SetVerifiers"),
            (system.lease_terms, "SetTerms"),
            (system.authority, "RoleLabel"),
            (system.authority, "OperationScheduled"),
        ):
            told = list(events(contract, name, first=manifest.first_block))
            assert list(index.events(f"{contract.NAME}.{name}", contract=contract.address)) == told
            assert told, name
        mine = list(events(system.registry, "SetCapacity", [topic(1)], first=manifest.first_block))
        assert list(index.events("FleetRegistry.SetCapacity", fleetId=1)) == mine


def test_check__row_that_was_lost__is_found_out(lived: Shell) -> None:
    lived("index", "sync")
    with sqlite3.connect(lived.folder / "state" / "devnet" / "index.sqlite") as connection:
        last = connection.execute("SELECT max(block) FROM fleet_shares_transfer").fetchone()[0]
        connection.execute("DELETE FROM fleet_shares_transfer WHERE block = ?", (last,))
    status, out, err = lived.run("index", "check")
    assert status == 1
    assert "Differences at block" in out
    assert "figures differ: FleetShares 0x" in err
    status, out, _ = lived.run("index", "check", "--json")
    assert (status, '"on_chain"' in out) == (1, True)


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_export__all_events__is_a_file_for_each(lived: Shell, format_: str) -> None:
    lived("index", "sync")
    rows = lived.json("index", "export", "files", "--format", format_)
    assert {Path(row["path"]).suffix for row in rows} == {f".{format_}"}
    assert sum(row["events"] for row in rows) == sum(lived.json("index", "status")["events"].values())
    (transfers,) = (row for row in rows if "fleet_shares_transfer." in row["path"])
    path = lived.folder / transfers["path"]
    if format_ == "csv":
        with path.open(newline="") as file:
            read = list(csv.DictReader(file))
    else:
        from pyarrow import parquet

        read = parquet.read_table(path).to_pylist()
    assert len(read) == transfers["events"]
    assert [int(row["value"]) for row in read][-2:] == [1000 * 10**18, 25 * 10**17]
    assert all(len(row["to"]) == 42 for row in read)
    assert list(path.parent.glob(".partial*")) == []
    before = path.read_bytes()
    assert "beyond" in lived.refused("index", "export", "files", "--block", 10**9).replace("is asked for", "beyond")
    assert path.read_bytes() == before
    lived.write("taken", "")
    assert "cannot be written" in lived.refused("index", "export", "taken")


def test_index__nothing_there_or_nonsense__is_refused_in_one_line(sh: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for command in (("status",), ("check",), ("export", "files")):
        assert "`gpurwa index sync`" in sh.refused("index", *command)
    assert "is neither sqlite nor postgresql+psycopg" in sh.refused("index", "sync", "--database", "mysql://host/name")
    monkeypatch.setenv("GPURWA_DATABASE", f"sqlite:///{sh.folder / 'elsewhere.sqlite'}")
    assert sh.json("index", "sync", "--to", 5)["block"] == 5
    assert (sh.folder / "elsewhere.sqlite").is_file()
    monkeypatch.setenv("GPURWA_RPC_URLS", "http://127.0.0.1:9")
    monkeypatch.setattr("pyutils.chain.provider.RpcPolicy.rounds", 1, raising=False)
    assert "no RPC endpoint answered" in sh.refused("index", "sync")


def test_check__index_that_is_not_on_the_chain__says_so(lived: Shell) -> None:
    snapshot = rpc.request(lived.chain.web3, "evm_snapshot")
    lived("shares", "transfer", 1, "investor-1", "1", "--account", "operator-a")
    lived("index", "sync")
    rpc.request(lived.chain.web3, "evm_revert", snapshot)
    assert "is not the chain's" in lived.refused("index", "check")
    assert "blocks were taken back" in lived("index", "sync")
    assert lived.json("index", "check")["differences"] == []
