"""Reports that stand alone, disputes and lies, by commands; read from the chain afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pyutils.contracts import System
from pyutils.devnet import account
from pyutils.operations.report_files import ReportFile
from pyutils.units import FleetId

from .shell import LiveFleet, Shell, reported, signed

STAKE = 1_000_000_000


@pytest.fixture
def system(sh: Shell) -> System:
    return System.at(sh.chain.web3, sh.chain.manifest)


@pytest.fixture
def posted(sh: Shell, fleet: LiveFleet) -> str:
    """Return a report that the operator posted alone."""
    report = reported(sh, fleet)
    (signature,) = signed(sh, report, "reporter-a")
    sh("faucet", "verifier-3", "--account", "verifier-3")
    assert sh.json("report", "post", report, signature, "--account", "operator-a")["stake"] == STAKE
    return report


def owed(system: System, name: str) -> int:
    return system.oracle.owed(system.coin().address, account(name).address)


def test_touch__pending_undisputed_for_its_liveness__is_the_head(
    sh: Shell, fleet: LiveFleet, posted: str, system: System
) -> None:
    digest = ReportFile.read(Path(posted)).digest
    assert system.oracle.pending(FleetId(fleet.fleet_id)).digest == digest
    sh.clock.advance(system.oracle.liveness() + 1)
    sh("report", "touch", fleet.fleet_id, "--account", "investor-3")
    assert system.oracle.head(FleetId(fleet.fleet_id)).digest == digest
    assert system.oracle.pending(FleetId(fleet.fleet_id)).digest == bytes(32)
    assert sh.json("fleet", "head", fleet.fleet_id)["as_of"] == ReportFile.read(Path(posted)).report.as_of


@pytest.mark.parametrize(("ruling", "winner"), [("--struck", "verifier-3"), ("--upheld", "operator-a")])
def test_dispute__ruled__winner_is_owed_the_stakes(
    sh: Shell, fleet: LiveFleet, posted: str, system: System, ruling: str, winner: str
) -> None:
    number = FleetId(fleet.fleet_id)
    assert sh.json("report", "dispute", number, "--account", "verifier-3")["stake"] == STAKE
    assert system.oracle.open_dispute(number).disputer == account("verifier-3").address
    assert "may not call" in sh.refused("admin", "rule", number, ruling, "--account", "operator-a")
    sh("admin", "rule", number, ruling, "--account", "arbiter")
    assert system.oracle.open_dispute(number).digest == bytes(32)
    assert owed(system, winner) > STAKE
    is_head = system.oracle.head(number).digest == ReportFile.read(Path(posted)).digest
    assert is_head is (ruling == "--upheld")


def test_expire_dispute__never_ruled_on__stakes_go_back(
    sh: Shell, fleet: LiveFleet, posted: str, system: System
) -> None:
    sh("report", "dispute", fleet.fleet_id, "--account", "verifier-3")
    expire = ("report", "expire-dispute", fleet.fleet_id, "--account", "investor-3")
    assert sh.refused(*expire)
    sh.clock.advance(14 * 86_400 + 1)
    sh(*expire)
    assert owed(system, "operator-a") == owed(system, "verifier-3") == STAKE
    assert system.oracle.head(FleetId(fleet.fleet_id)).digest == bytes(32)


def test_prove_lie__two_reports_of_one_time__lie_stake_is_slashed(sh: Shell, fleet: LiveFleet, system: System) -> None:
    first = reported(sh, fleet)
    told = json.loads(Path(first).read_text())
    told["report"]["busy_gpu_ms"] += 1
    second = str(sh.write("out/other.report.json", json.dumps(told)))
    (by_first,), (by_second,) = signed(sh, first, "reporter-a"), signed(sh, second, "reporter-a")
    before = sh.json("bond", "show", fleet.fleet_id)
    proof = ("report", "prove-lie", first, by_first, second, by_second, "--account", "investor-3")
    slashed = sh.json(*proof)["slashed"]
    assert slashed == STAKE
    assert system.bond.owed(system.coin().address, account("investor-3").address) == STAKE // 10
    after = sh.json("bond", "show", fleet.fleet_id)
    assert after["slashed"] - before["slashed"] == slashed
    assert sh.refused(*proof)
