"""A devnet with the demo's end state: started, refused twice, used, stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyutils.chain import AnvilClock, connect
from pyutils.cli.root import run
from pyutils.contracts import System
from pyutils.demo.conservation import imbalances
from pyutils.demo.ending import InvestorDesk
from pyutils.demo.timeline import Timeline
from pyutils.demo.world import World
from pyutils.devnet import CHAIN_ID, find_devnet, stop_devnet
from pyutils.manifest import load_manifest
from pyutils.meter import Cast, read_leaf_file, synthetic_trace, write_trace
from pyutils.units import FleetId, LeaseId, TokenUnits, UnixSeconds


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in a folder of its own; whatever devnet is left there at the end is stopped."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GPURWA_STATE", str(tmp_path / "state"))
    write_trace(synthetic_trace(5, Cast(steady=4, leaves=1, arrives=0, gappy=0), hours=2), tmp_path / "trace.csv")
    yield tmp_path
    if find_devnet() is not None:
        stop_devnet()


@pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")  # the chain outlives its starter
def test_devnet__started_used_and_stopped__is_there_and_then_gone(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["devnet", "--trace", "trace.csv", "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "export GPURWA_NETWORK=devnet" in said
    assert "operator-a" in said
    running = find_devnet()
    assert running is not None

    # the demo's end state, under the record that commands read
    summary = json.loads((home / "out" / "summary.json").read_text())
    manifest = load_manifest("devnet")
    system = System.at(connect(manifest.rpc_urls, CHAIN_ID), manifest)
    assert manifest.rpc_urls == (running.url,)
    for row in summary["leases"]:
        assert system.lease_book.lease(row["id"]).paid == row["paid"]

    # `conserved` is computed: one coin too many in a contract, and the balances say so
    world = World(system.web3, manifest, Timeline(UnixSeconds(0)))
    fleets = [FleetId(row["id"]) for row in summary["fleets"]]
    assert summary["conserved"] is True
    assert imbalances(world, fleets) == ()
    world.coin.mint(world.lane("investor-1"), world.bond.address, TokenUnits(1))
    (said,) = imbalances(world, fleets)
    assert said.startswith("OperatorBond holds ")
    world.bitcoin.mint(world.lane("investor-1"), world.market.custody.address, TokenUnits(1))
    world.coin.mint(world.lane("investor-1"), world.market.vault.address, TokenUnits(1))
    _, vault, bitcoin = imbalances(world, fleets)
    assert vault.startswith("CreditVault holds ")
    assert bitcoin == "custody holds 1 units of bitcoin, loans pledged 0"

    # a second one is refused, and the first goes on
    assert run(["devnet", "--trace", "trace.csv"]) == 2
    refused = capsys.readouterr()
    assert refused.out == ""
    assert refused.err.count("\n") == 1
    assert "a devnet runs already" in refused.err
    assert find_devnet() == running

    # its clock runs, and the roles' accounts can go on with business
    before = system.web3.eth.get_block("latest")["timestamp"]
    assert run(["lease", "open", "1", "--gpus", "1", "--for", "2h", "--account", "lessee-1", "--yes"]) == 0
    lease_id = 1 << 32 | system.lease_book.lease_count(FleetId(1))
    gpu = summary["fleets"][0]["gpu_ids"][0]
    (home / "connection").write_text("ssh gpu-1")
    granting = ["lease", "grant", str(lease_id), "--gpu", gpu, "--connection", "connection", "--account", "operator-a"]
    assert run([*granting, "--yes"]) == 0
    assert run(["lease", "access", str(lease_id)]) == 0
    assert "ssh gpu-1" in capsys.readouterr().out
    assert before <= system.web3.eth.get_block("latest")["timestamp"] <= before + 600

    # and it is moved on by command
    before = system.web3.eth.get_block("latest")["timestamp"]
    capsys.readouterr()
    assert run(["devnet", "--pass", "2m"]) == 0
    assert system.web3.eth.get_block("latest")["timestamp"] == before + 120
    assert "on the devnet" in capsys.readouterr().out

    # the demo's lists of GPUs are on file: its samples, gone on with, make the fleet's next report
    as_of = system.lease_book.lease(LeaseId(lease_id)).granted_at + 600
    with (home / "trace.csv").open("a") as trace:
        for at in range(before, as_of + 240, 60):
            trace.writelines(f"{at},{one},50\n" for one in summary["fleets"][0]["gpu_ids"])
    AnvilClock(system.web3).travel(UnixSeconds(as_of + 240))
    capsys.readouterr()
    assert run(["report", "build", "1", "--trace", "trace.csv", "--as-of", str(as_of), "--json"]) == 0
    built = json.loads(capsys.readouterr().out)
    delivered = read_leaf_file(Path(built["leaf_file"]), bytes.fromhex(built["data_hash"][2:])).leaves
    assert [(leaf.lease_id, leaf.delivered_gpu_ms) for leaf in delivered] == [(lease_id, 600_000)]

    assert run(["devnet", "--stop"]) == 0
    assert find_devnet() is None
    assert {path.name for path in (home / "deployments").iterdir()} == {"devnet.log"}
    capsys.readouterr()
    for command in (["--stop"], ["--pass", "1h"]):
        assert run(["devnet", *command]) == 2
        assert "Start one with `gpurwa devnet`" in capsys.readouterr().err


def test_devnet__interrupted__no_chain_and_no_record_stay(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: InvestorDesk) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(InvestorDesk, "collect", interrupt)
    assert run(["devnet", "--trace", "trace.csv", "--quiet"]) == 130
    assert find_devnet() is None
    assert not (home / "out").exists()
    assert {path.name for path in (home / "deployments").iterdir()} <= {"devnet.log", "devnet.pid"}


def test_find_devnet__process_or_port_of_somebody_else__is_no_devnet(home: Path) -> None:
    folder = home / "deployments"
    folder.mkdir()
    for text in ("", "x http://127.0.0.1:1", "1 http://127.0.0.1:1", f"{2**80} http://127.0.0.1:1"):
        (folder / "devnet.pid").write_text(text)
        assert find_devnet() is None
