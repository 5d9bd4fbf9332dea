"""What users and the world get wrong: one line, exit status 1 or 2, and nothing changed on chain."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from eth_account import Account

from pyutils.anvil import Anvil
from pyutils.chain import rpc
from pyutils.cli import root
from pyutils.contracts.base import encode_call, encode_constructor
from pyutils.devnet import account
from pyutils.keccak import keccak256

from .shell import LiveFleet, Shell, reported, signed

if TYPE_CHECKING:
    from tests.sending import send
else:
    from sending import send

HEADER = "timestamp_s,pod,gpu_duty_cycle_percent\n"


def opened(sh: Shell, fleet: LiveFleet, *more: object) -> tuple[object, ...]:
    return ("lease", "open", fleet.fleet_id, "--gpus", 1, "--for", "8h", "--account", "lessee-1", *more)


def unchanged(sh: Shell, fleet: LiveFleet) -> None:
    """Nothing was sent by anyone since the fleet went live."""
    assert sh.json("fleet", "show", fleet.fleet_id)["leased_gpus"] == 0


def test_open__allowance_too_small__refused(sh: Shell, fleet: LiveFleet) -> None:
    assert "approved 0 to" in sh.refused(*opened(sh, fleet, "--pay", "allowance"))
    unchanged(sh, fleet)
    assert not list((sh.folder / "state").rglob("*.key"))


def test_open__balance_too_small__refused(sh: Shell, fleet: LiveFleet) -> None:
    command = ("lease", "open", fleet.fleet_id, "--gpus", 1, "--for", "8h", "--account", "lessee-2")
    assert "are needed" in sh.refused(*command)
    assert "the deposit is" in sh.refused(*command, "--pay", "permit")


def test_open__dearer_than_accepted__refused(sh: Shell, fleet: LiveFleet) -> None:
    assert "price above maximum" in sh.refused(*opened(sh, fleet, "--max-price", "2"))
    unchanged(sh, fleet)
    assert not list((sh.folder / "state").rglob("*.key"))


def test_open__by_permit__no_allowance_is_left(sh: Shell, fleet: LiveFleet) -> None:
    lease = sh.json(*opened(sh, fleet, "--pay", "permit"))["lease"]
    assert sh.json("lease", "show", lease)["owner"] == account("lessee-1").address


@pytest.mark.parametrize("term", ["30m", "100d"])
def test_open__term_outside_the_fleets__refused(sh: Shell, fleet: LiveFleet, term: str) -> None:
    line = sh.refused("lease", "open", fleet.fleet_id, "--gpus", 1, "--for", term, "--account", "lessee-1")
    assert "invalid duration" in line


def enroll(sh: Shell, *more: object) -> tuple[object, ...]:
    sh.write("more.txt", "gpu-x\n")
    return (
        "fleet", "enroll", "--class", "H200", "--region", "DE-HE", "--gpus", "more.txt", "--cadence", "60s",
        "--insured-until", 2 * 10**9, "--deed", "deed.txt", "--account", "operator-a", *more,
    )  # fmt: skip


def test_enroll__price_of_zero__refused(sh: Shell, fleet: LiveFleet) -> None:
    assert "a price of 0" in sh.refused(*enroll(sh, "--floor", "1", "--price", "0"))
    assert "a price of 0" in sh.refused(*enroll(sh, "--floor", "0"))
    assert "a price of 0" in sh.refused("fleet", "price", fleet.fleet_id, "0", "--account", "operator-a")
    assert len(sh.json("fleet", "list")) == 1


def test_enroll__unlisted_token__refused(sh: Shell, fleet: LiveFleet) -> None:
    registry = sh.chain.manifest.address("FleetShareFactory")
    coin = sh.chain.manifest.address("TestStablecoin")
    sh("admin", "delist-token", coin, "--account", "guardian")
    assert "token not listed" in sh.refused(*enroll(sh, "--floor", "1"))
    assert "TestStablecoin.decimals" in sh.refused(*enroll(sh, "--floor", "1", "--token", registry))


def test_enroll__finer_than_the_coin__refused(sh: Shell, fleet: LiveFleet) -> None:
    assert "finer than" in sh.refused(*enroll(sh, "--floor", "1.0000001"))


def test_anything__unknown_network__refused(sh: Shell) -> None:
    line = sh.refused("fleet", "list", "--network", "nowhere")
    assert "'nowhere'" in line
    assert "devnet" in line
    assert "GPURWA_NETWORK" in sh.refused("fleet", "list", "--network", "No Where")


def test_anything__rpc_down__refused(sh: Shell) -> None:
    assert "no RPC endpoint answered" in sh.refused("fleet", "list", "--rpc", "http://127.0.0.1:9")
    assert "neither an http(s)" in sh.refused("fleet", "list", "--rpc", "ftp://127.0.0.1")


def test_anything__rpc_of_another_chain__refused(sh: Shell) -> None:
    with Anvil.start(sh.folder / "other.log", arguments=("--chain-id", "5")) as other:
        line = sh.refused("fleet", "list", "--rpc", other.url)
    assert "serves chain 5, not 31337" in line


def test_writes__wrong_password__refused(sh: Shell, fleet: LiveFleet) -> None:
    keystore = sh.write("keystore.json", json.dumps(Account.encrypt(b"\x07" * 32, "right", kdf="pbkdf2", iterations=2)))
    sh.write("password.txt", "wrong\n")
    command = ("claim", fleet.fleet_id, "--account", keystore, "--password-file", "password.txt")
    assert "the password is wrong" in sh.refused(*command)
    sh.write("password.txt", "right\n")
    assert "password" not in sh.refused(*command)


def test_writes__nobody_or_no_such_account__refused(sh: Shell, fleet: LiveFleet) -> None:
    assert "no account to sign with" in sh.refused("claim", fleet.fleet_id)
    assert "neither a keystore file nor a role" in sh.refused("claim", fleet.fleet_id, "--account", "operator-z")
    assert "is no address" in sh.refused("positions", "0x12")


def test_admin__by_somebody_without_the_role__refused(sh: Shell) -> None:
    assert "may not call FleetRegistry.pause" in sh.refused("admin", "pause", "--account", "lessee-1")


@pytest.fixture
def built(sh: Shell, fleet: LiveFleet) -> str:
    """Return a report of the fleet's first hour, unsigned."""
    return reported(sh, fleet)


def test_build__time_that_goes_back__refused(sh: Shell, fleet: LiveFleet, built: str) -> None:
    begin = sh.json("fleet", "show", fleet.fleet_id)["fleet"]["commissioned_at"]
    sh("report", "submit", built, *signed(sh, built, "reporter-a", "verifier-1", "verifier-2"), "--account", "lessee-1")
    build = ("report", "build", fleet.fleet_id, "--trace", "trace.csv.gz", "--as-of")
    assert "is not after the head" in sh.refused(*build, begin + 3_000)
    assert "are not all there" in sh.refused(*build, begin + 7_199)
    sh.clock.travel(begin + 90_000)
    assert "ends at" in sh.refused(*build, begin + 80_000)
    again = signed(sh, built, "reporter-a", "verifier-1", "verifier-2")
    assert "MeterOracle.submit" in sh.refused("report", "submit", built, *again, "--account", "lessee-1")


def test_submit__signature_of_a_stranger__refused(sh: Shell, fleet: LiveFleet, built: str) -> None:
    signatures = signed(sh, built, "reporter-a", "verifier-1", "lessee-1")
    assert "neither the reporter nor a verifier" in sh.refused(
        "report", "submit", built, *signatures, "--account", "lessee-1"
    )


def test_submit__signature_twice__refused(sh: Shell, fleet: LiveFleet, built: str) -> None:
    signatures = signed(sh, built, "reporter-a", "verifier-1")
    line = sh.refused("report", "submit", built, *signatures, signatures[1], "--account", "lessee-1")
    assert "signed twice" in line


def test_submit__too_few_signatures__refused(sh: Shell, fleet: LiveFleet, built: str) -> None:
    signatures = signed(sh, built, "reporter-a", "verifier-1")
    assert "quorum not reached" in sh.refused("report", "submit", built, *signatures, "--account", "lessee-1")


def test_submit__signature_of_another_report__refused(sh: Shell, fleet: LiveFleet, built: str) -> None:
    (mine,) = signed(sh, built, "reporter-a")
    told = json.loads(Path(built).read_text())
    told["report"]["busy_gpu_ms"] += 1
    other = sh.write("out/other.report.json", json.dumps(told))
    assert "is over 0x" in sh.refused("report", "submit", other, mine, "--account", "lessee-1")
    assert "busy_gpu_ms" in sh.refused("report", "verify", other)
    forged = json.loads(mine.read_text())
    forged["signer"] = account("verifier-1").address
    mine.write_text(json.dumps(forged))
    assert "as its file says" in sh.refused("report", "submit", built, mine, "--account", "lessee-1")


def test_settle__leaf_file_of_an_older_report__refused(sh: Shell, fleet: LiveFleet, built: str) -> None:
    assert "has no report" in sh.refused("settle", "--fleet", fleet.fleet_id, "--account", "lessee-1")
    first = next((sh.folder / "out" / "leaf_files").iterdir())
    sh("report", "submit", built, *signed(sh, built, "reporter-a", "verifier-1", "verifier-2"), "--account", "lessee-1")
    begin = sh.json("fleet", "show", fleet.fleet_id)["fleet"]["commissioned_at"]
    build = ("report", "build", fleet.fleet_id, "--trace", "trace.csv.gz", "--as-of", begin + 5_000, "--out", "later")
    later = sh.json(*build)["report"]
    sh("report", "submit", later, *signed(sh, later, "reporter-a", "verifier-1", "verifier-2"), "--account", "lessee-1")
    settle = ("settle", "--fleet", fleet.fleet_id, "--account", "lessee-1", "--leaf-files")
    assert "is not the leaf file of the head" in sh.refused(*settle, first)
    assert "is not there" in sh.refused(*settle, "out/leaf_files")
    assert "does not list lease" in sh.refused(
        "report", "proof", fleet.fleet_id << 32 | 1, "--leaf-files", "later/leaf_files"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "no such trace"),
        ("", "columns"),
        ("time,gpu,duty\n", "columns are"),
        (HEADER, "the trace is empty"),
        (HEADER + "1700000000,gpu-0,1\n", "has one sample"),
        (HEADER + "1700000060,gpu-0,1\n1700000000,gpu-0,1\n", "unsorted"),
        (HEADER + "1700000000,gpu-0,1\n1700000000,gpu-0,2\n", "a second sample"),
        (HEADER + "1700000000,gpu-0,100.1\n", "not within 0 and 100"),
        (HEADER + "1700000000,gpu-0,NaN\n", "is not a number"),
    ],
)
def test_build__bad_trace__refused(sh: Shell, fleet: LiveFleet, text: str | None, reason: str) -> None:
    path = sh.folder / "bad.csv"
    if text is not None:
        path.write_text(text)
    line = sh.refused("report", "build", fleet.fleet_id, "--trace", path, "--as-of", 1_700_300_000)
    if text != "":
        assert reason in line
    assert not (sh.folder / "out").exists()


def test_doctor__without_anvil_and_solc__says_how_to_get_them(sh: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    monkeypatch.setenv("FOUNDRY_SOLC", "/nonexistent/solc")
    monkeypatch.setenv("SOLCX_BINARY_PATH", "/nonexistent")
    monkeypatch.setattr("pyutils.toolchain.PROJECT_ROOT", Path("/nonexistent"))
    monkeypatch.setenv("HOME", "/nonexistent")
    said = {one["what"]: one for one in sh.json("doctor")}
    for tool in ("anvil", "solc"):
        assert not said[tool]["is_well"]
        assert "Run `make setup`" in said[tool]["said"]


def test_gpurwa__as_a_process__ends_with_the_status(sh: Shell) -> None:
    command = [str(Path(sys.executable).parent / "gpurwa"), "fleet", "show", "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=sh.folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "unknown fleet" in done.stderr


def test_run__keyboard_interrupt_in_a_prompt__130(sh: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    keystore = sh.write("keystore.json", json.dumps(Account.encrypt(b"\x07" * 32, "x", kdf="pbkdf2", iterations=2)))

    def interrupt(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("pyutils.cli.session.click.prompt", interrupt)
    assert root.run(["admin", "pause", "--account", str(keystore)]) == 130


def put(sh: Shell, creation_code: bytes) -> str:
    """Deploy a coin, and return its address."""
    signer = account("deployer")
    row = {"from": signer.address, "data": "0x" + creation_code.hex(), "gas": hex(3_000_000)}
    receipt = send(partial(rpc.request, sh.chain.web3), row)
    address: str = receipt["contractAddress"]
    return address


def test_list_token__wrong_decimals__refused(sh: Shell) -> None:
    coin = put(sh, encode_constructor("TestStablecoin", ("Two", "TWO", 2)))
    assert "TWO has 2 decimals" in sh.refused("admin", "list-token", coin, "--account", "parameters")


def test_stake__token_with_a_transfer_fee__refused(sh: Shell, fleet: LiveFleet, project_root: Path) -> None:
    built = project_root / ".forge-out" / "FeeOnTransferToken.sol" / "FeeOnTransferToken.json"
    if not built.is_file():
        pytest.skip("the coin with a fee is not compiled: run `make compile`")
    code = bytes.fromhex(json.loads(built.read_text())["bytecode"]["object"].removeprefix("0x"))
    coin = put(sh, code + (6).to_bytes(32))
    listing = ("admin", "list-token", coin, "--account", "parameters")
    sh(*listing)
    sh.clock.advance(2 * 86_400)
    sh(*listing)
    enrolled = sh.json(*enroll(sh, "--floor", "1", "--token", coin))["fleet"]
    operator = account("operator-a").address
    mint = encode_call("TestStablecoin", "mint", operator, 10**12)
    for data in (mint, keccak256(b"setFee(uint256)")[:4] + (1).to_bytes(32)):
        rpc.request(sh.chain.web3, "eth_sendTransactionSync", {"from": operator, "to": coin, "data": "0x" + data.hex()})
    line = sh.refused("bond", "stake", enrolled, "1000", "--account", "operator-a")
    assert "transfer fell short" in line
