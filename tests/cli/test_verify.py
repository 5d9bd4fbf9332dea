"""`gpurwa verify`: files for explorers, and contracts sent to one on this machine that really compiles."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyutils import artifacts
from pyutils.chain import rpc
from pyutils.verification import minimal_input

from .shell import LiveFleet, Shell, enroll

if TYPE_CHECKING:
    from tests.explorer_server import KEY, ExplorerServer, exploring, not_ok
else:
    # pytest puts that folder on the path, not the one above it.
    from explorer_server import KEY, ExplorerServer, exploring, not_ok

SMALL = ("Create3Factory", "TestPriceFeed")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def server(sh: Shell, compiled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExplorerServer]:
    """Run explorers, and name them to the commands as a user's environment does."""
    with exploring(sh.chain.web3, compiled) as explorer:
        monkeypatch.setenv("GPURWA_SOURCIFY_URL", explorer.sourcify)
        monkeypatch.setenv("GPURWA_ETHERSCAN_URL", explorer.etherscan)
        monkeypatch.setenv("GPURWA_BLOCKSCOUT_URL", explorer.blockscout)
        monkeypatch.setenv("GPURWA_ETHERSCAN_KEY", KEY)
        yield explorer


def test_verify__nowhere_to_send__writes_what_explorers_ask_for(sh: Shell) -> None:
    index = sh.folder / sh.json("verify")["contracts"]

    assert index == sh.folder / "out" / "verification" / "devnet" / "contracts.json"
    rows = {row["name"]: row for row in json.loads(index.read_text())}
    records = dict(sh.chain.manifest.everything)
    assert set(rows) == set(records)
    for name, row in rows.items():
        artifact = records[name].artifact
        assert row["address"] == records[name].address
        assert json.loads((index.parent / row["standard_input"]).read_text()) == minimal_input(artifact)
        assert (index.parent / row["metadata"]).read_text() == artifacts.metadata(artifact)
        created = rpc.request(sh.chain.web3, "eth_getTransactionByHash", row["creation_transaction"])
        assert artifacts.load(artifact).bytecode.hex() + row["constructor_arguments"] in created["input"]
    assert rows["LeaseBook"]["contract"] == "contracts/LeaseBook.sol:LeaseBook"
    assert rows["LeaseBook"]["compiler"] == "v0.8.37+commit.f401782d"


def test_verify__to_all_explorers__one_line_each_and_nothing_twice(sh: Shell, server: ExplorerServer) -> None:
    everywhere = ("--to", "sourcify", "--to", "etherscan", "--to", "blockscout")

    printed = sh("verify", *SMALL, *everywhere).splitlines()

    assert printed == [
        f"Sourcify at {server.url}: Create3Factory verified: match",
        f"Sourcify at {server.url}: TestPriceFeed verified: match",
        f"Etherscan at {server.url}: Create3Factory verified: sources are published",
        f"Etherscan at {server.url}: TestPriceFeed verified: sources are published",
        f"Blockscout at {server.url}: Create3Factory verified: sources are published",
        f"Blockscout at {server.url}: TestPriceFeed verified: sources are published",
    ]
    sent = len(server.submitted)
    assert sent == 6
    again = sh.json("verify", *SMALL, *everywhere)
    assert {row["standing"] for row in again} == {"verified before"}
    assert len(server.submitted) == sent
    assert not (sh.folder / "out").exists()


def test_verify__one_contract_is_refused__the_others_are_verified_and_the_status_is_1(
    sh: Shell, server: ExplorerServer
) -> None:
    server.fault("checkverifystatus", (200, not_ok("Fail - Unable to verify")))

    status, out, err = sh.run("verify", *SMALL, "--to", "etherscan", "--json")

    assert status == 1
    assert [row["standing"] for row in json.loads(out)] == ["refused", "verified"]
    assert err == "gpurwa: not verified: Create3Factory. Each line above says why\n"


def test_verify__explorer_stops_midway__what_was_done_is_said_and_the_next_run_goes_on(
    sh: Shell, server: ExplorerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sh("verify", "Create3Factory", "--to", "etherscan")
    monkeypatch.setenv("GPURWA_ETHERSCAN_KEY", "of-somebody-else")

    refused = sh.refused("verify", *SMALL, "--to", "etherscan")

    assert "does not accept the API key" in refused
    assert "of-somebody-else" not in refused
    monkeypatch.setenv("GPURWA_ETHERSCAN_KEY", KEY)
    rows = sh.json("verify", *SMALL, "--to", "etherscan")
    assert [row["standing"] for row in rows] == ["verified before", "verified"]


def test_verify__other_code_on_chain__is_refused_before_anything_is_sent(sh: Shell, server: ExplorerServer) -> None:
    rpc.request(sh.chain.web3, "anvil_setCode", sh.chain.manifest.address("TestPriceFeed"), "0x00")
    refused = sh.refused("verify", *SMALL, "--to", "sourcify")
    assert "TestPriceFeed at 0x" in refused
    assert "other code than compiled: 1 bytes" in refused
    assert server.seen == []


def test_verify__what_cannot_be_meant__is_refused_in_one_line(sh: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPURWA_ETHERSCAN_KEY", raising=False)
    monkeypatch.delenv("GPURWA_BLOCKSCOUT_URL", raising=False)
    assert "there is none" in sh.refused("verify", "--to", "etherscan")
    assert "none is named" in sh.refused("verify", "--to", "blockscout")
    assert "has no Nothing" in sh.refused("verify", "Nothing")
    assert "--server is for one explorer" in sh.refused("verify", "--server", "http://127.0.0.1:1")
    assert "is no URL of an API" in sh.refused("verify", "--to", "sourcify", "--server", "sourcify.dev")


def test_verify__server_and_folder__are_used(sh: Shell, server: ExplorerServer, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    sh("verify", "Create3Factory", "--to", "blockscout", "--server", server.blockscout, "--out", folder)
    assert (folder / "Create3Factory" / "metadata.json").is_file()
    assert {one.path for one in server.seen} == {"/api"}


def test_verify__shares_of_a_fleet__are_proved_by_their_address_and_verified(
    sh: Shell, server: ExplorerServer, fleet: LiveFleet
) -> None:
    shares = sh.json("fleet", "show", fleet.fleet_id)["fleet"]["shares"]

    (row,) = sh.json("verify", "--fleet", fleet.fleet_id, "--to", "etherscan")

    assert (row["contract"], row["address"].lower()) == ("FleetShares of fleet 1", shares.lower())
    assert row["standing"] == "verified"
    (row,) = sh.json("verify", "--fleet", fleet.fleet_id, "--to", "sourcify")
    assert row["said"] == "match"
    assert "no shares of fleet 99 were ever created" in sh.refused("verify", "--fleet", 99)


def test_verify__gated_shares_and_plain_ones_with_a_custodian__are_found(sh: Shell) -> None:
    custody = sh.chain.manifest.credit[0].address("FleetCustody")
    plain = enroll(sh, ("gpu-x",), "--custodian", custody)
    gated = enroll(sh, ("gpu-y",), "--gated", "--custodian", custody, "--name", "Gated")

    index = sh.folder / sh.json("verify", "LeaseBook", "--fleet", plain, "--fleet", gated)["contracts"]

    rows = {row["name"]: row for row in json.loads(index.read_text())}
    assert list(rows) == ["LeaseBook", f"FleetShares of fleet {plain}", f"GatedFleetShares of fleet {gated}"]
    for row in list(rows.values())[1:]:
        assert custody[2:].lower() in row["constructor_arguments"]
        created = rpc.request(sh.chain.web3, "trace_transaction", row["creation_transaction"])
        codes = [trace["action"]["init"] for trace in created if trace["type"] == "create"]
        contract = row["contract"].split(":")[1]
        assert ["0x" + artifacts.load(contract).bytecode.hex() + row["constructor_arguments"]] == codes


def test_verify__shares_created_with_what_nobody_can_read__are_refused(sh: Shell) -> None:
    stranger = enroll(sh, ("gpu-z",), "--custodian", "0x" + "11" * 20)
    assert "were created with other arguments than can be read" in sh.refused("verify", "--fleet", stranger)


def test_page__its_blocks__run_in_order(
    sh: Shell, server: ExplorerServer, project_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (project_root / "docs" / "verification.md").read_text()
    blocks = BLOCK.findall(page)
    assert len(page.splitlines()) <= 130
    assert [kind for kind, _ in blocks].count("python") == 1
    printed = ""
    for kind, text in blocks:
        if kind == "python":
            exec(compile(text, "docs/verification.md", "exec"), {})
            continue
        assert kind == "sh"
        for line in text.splitlines():
            command, *arguments = shlex.split(line)
            assert command == "gpurwa"
            printed += sh(*arguments)

    for explorer, count in (("Sourcify", 3), ("Etherscan", 2), ("Blockscout", 2)):
        assert len(re.findall(rf"^{explorer} at \S+: .+ verified: ", printed, re.MULTILINE)) == count
    assert capsys.readouterr().out == "Create3Factory verified before match\n"
    assert (sh.folder / "out" / "verification" / "devnet" / "contracts.json").is_file()
