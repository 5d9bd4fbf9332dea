"""`gpurwa deploy` as a developer types it: one clear line for each thing that is wrong, and nothing sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from web3 import Web3

from pyutils.anvil import Anvil
from pyutils.chain import Lane, connect, dev_signer, rpc
from pyutils.cli import root
from pyutils.contracts.base import encode_call, encode_constructor
from pyutils.deployment.addresses import CREATE2_DEPLOYER, create2_address
from pyutils.deployment.blueprint import draw
from pyutils.deployment.plan_file import example_plan, find_plan
from pyutils.keccak import keccak256
from pyutils.manifest import read_manifest

from .practice import CHAIN_ID, NETWORK, PASSWORD, Developer, give, key_of, nonce, signer_of

Gpurwa = Callable[..., tuple[int, str, str]]


@pytest.fixture
def gpurwa(developer: Developer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Gpurwa:
    """Run `gpurwa deploy` in the developer's folder, in this process."""
    monkeypatch.chdir(developer.folder)
    for name in ("NETWORK", "RPC_URLS", "KEYSTORE", "MANIFEST", "DEPLOYER_KEY"):
        monkeypatch.delenv(f"GPURWA_{name}", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = root.run(["deploy", *arguments])
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.fixture
def typed(developer: Developer) -> tuple[str, ...]:
    """Return the options of a deployment that would succeed."""
    return tuple(developer.command("--yes")[2:])


def refused(answer: tuple[int, str, str], status: int = 2) -> str:
    """Return the one line with which a command ended."""
    found, _, err = answer
    assert found == status, err
    (line,) = err.splitlines()
    assert line.startswith("gpurwa: ")
    return line


# looking


def test_dry_run__nothing_given__shows_the_shipped_example_and_says_so(gpurwa: Gpurwa, developer: Developer) -> None:
    status, out, err = gpurwa("--dry-run")

    assert (status, err) == (0, "")
    draft = example_plan("base-sepolia")
    assert draft.plan.deployer is not None
    for name, part in draw(draft.plan, draft.plan.deployer, draft.decimals).steps:
        assert name in out
        assert part.address in out
    assert "the shipped example" in out
    assert "the keys of its accounts are public" in out
    assert "not known without an RPC endpoint" in out
    assert "FleetCredit.approve" in out
    assert "cancels what others announced" in out


def test_dry_run__own_plan_without_endpoint__names_steps_addresses_gas_and_roles(
    gpurwa: Gpurwa, developer: Developer
) -> None:
    status, out, _ = gpurwa("--dry-run", "--network", NETWORK, "--json")

    assert status == 0
    shown = json.loads(out)
    draft = find_plan(NETWORK, folder=developer.deployments)
    assert draft is not None
    blueprint = draw(draft.plan, developer.signer.address)
    addresses = {step["name"]: step["address"] for step in shown["steps"]}
    assert addresses["Create3Factory"] == blueprint.factory
    assert {name: addresses[name] for name, _ in blueprint.steps} == {n: part.address for n, part in blueprint.steps}
    assert shown["gas"] == sum(step["gas"] for step in shown["steps"]) > 50_000_000
    assert shown["cost"] is None
    assert {role["role"]: role["holder"] for role in shown["roles"]}["risk"] == signer_of("risk").address


def test_dry_run__with_an_endpoint__adds_cost_and_balance_and_sends_nothing(
    gpurwa: Gpurwa, developer: Developer, chain: Web3
) -> None:
    status, out, err = gpurwa("--dry-run", "--network", NETWORK, "--rpc", developer.url, "--json")

    assert status == 0, err
    shown = json.loads(out)
    assert shown["cost"]["expected"] == shown["gas"] * shown["cost"]["price"]
    assert shown["balance"] == 100 * 10**18
    assert not any(step["done"] for step in shown["steps"])
    assert nonce(chain, developer.signer.address) == 0
    assert developer.left_over() == []


def test_dry_run__example_on_a_chain_that_is_known__adds_what_it_costs_there(
    gpurwa: Gpurwa, web3: Web3, tmp_path: Path
) -> None:
    with Anvil.start(tmp_path / "base.log", arguments=("--chain-id", "84532", "--accounts", "0")) as base:
        lane = Lane(web3, dev_signer(31337, 1))
        coin = encode_constructor("TestStablecoin", ("USD Coin", "USDC", 6))
        lane.transact(CREATE2_DEPLOYER, bytes(32) + coin, call="TestStablecoin")
        code = rpc.code_at(web3, create2_address(CREATE2_DEPLOYER, bytes(32), keccak256(coin)))
        there = connect([base.url], 84532)
        usdc = example_plan("base-sepolia").plan.tokens[0]
        rpc.request(there, "anvil_setCode", usdc, "0x" + code.hex())

        status, out, err = gpurwa("--dry-run", "--rpc", base.url)

    assert (status, err) == (0, "")
    assert "Deployment to Base Sepolia" in out
    assert "gwei per gas" in out
    assert "the node does not say what the rollup's data costs" in out
    assert "the keys of its accounts are public" in out


def test_example__printed__can_be_read_again(gpurwa: Gpurwa, developer: Developer) -> None:
    status, out, _ = gpurwa("--example", "--network", "op-sepolia")
    assert status == 0
    (developer.folder / "mine.toml").write_text(out)
    status, shown, _ = gpurwa("--dry-run", "--plan", "mine.toml", "--json")
    # Its accounts' keys are public, and this copy could be carried out.
    assert status == 2
    assert shown == ""


def test_deploy__over_and_moved_on_by_its_roles__stands_and_nothing_is_sent(
    gpurwa: Gpurwa, developer: Developer, chain: Web3, typed: tuple[str, ...]
) -> None:
    status, _, err = gpurwa(*typed)
    assert (status, developer.left_over()) == (0, []), err
    manifest, guardian = read_manifest(developer.record), signer_of("guardian")
    sent = nonce(chain, developer.signer.address)
    give(chain, guardian.address)
    delist = encode_call("FleetRegistry", "delistToken", manifest.tokens[0])
    Lane(chain, guardian).transact(manifest.address("FleetRegistry"), delist)

    status, out, err = gpurwa(*typed)
    assert (status, err) == (0, "")
    assert out.startswith(manifest.summary())
    assert nonce(chain, developer.signer.address) == sent
    assert read_manifest(developer.record) == manifest

    developer.write_plan({"protocol_bps = 100": "protocol_bps = 101"})
    assert "the protocol fee: 100 on chain, 101 in the plan" in refused(gpurwa(*typed), status=1)


# what is wrong


def test_deploy__no_plan__says_how_to_begin(gpurwa: Gpurwa, developer: Developer, typed: tuple[str, ...]) -> None:
    (developer.deployments / f"{NETWORK}.plan.toml").unlink()
    line = refused(gpurwa(*typed))
    assert f"there is no plan for {NETWORK}: deployments/{NETWORK}.plan.toml is not there" in line
    assert "--example" in line


def test_deploy__endpoint_of_another_chain__is_refused(
    gpurwa: Gpurwa, developer: Developer, anvil: Anvil, typed: tuple[str, ...]
) -> None:
    line = refused(gpurwa(*typed[:3], anvil.url, *typed[4:]), status=1)
    assert f"serves chain 31337, not {CHAIN_ID}" in line


def test_deploy__underfunded__says_what_is_missing(
    gpurwa: Gpurwa, developer: Developer, chain: Web3, typed: tuple[str, ...]
) -> None:
    give(chain, developer.signer.address, 10**15)
    line = refused(gpurwa(*typed))
    assert f"the deployer {developer.signer.address} holds 0.001000 ETH, and needs 0." in line
    assert nonce(chain, developer.signer.address) == 0


def test_deploy__wrong_password__is_refused(gpurwa: Gpurwa, developer: Developer, typed: tuple[str, ...]) -> None:
    (developer.folder / "password").write_text(PASSWORD + "!\n")
    assert "keystore key.json: the password is wrong" in refused(gpurwa(*typed), status=1)


def test_deploy__not_the_plan_s_deployer__is_refused(
    gpurwa: Gpurwa, developer: Developer, typed: tuple[str, ...]
) -> None:
    developer.write_plan({developer.signer.address: signer_of("other").address})
    line = refused(gpurwa(*typed))
    assert f"deployer: the plan is {signer_of('other').address}'s to carry out" in line


def test_deploy__mainnet__only_where_it_is_typed(
    gpurwa: Gpurwa, developer: Developer, chain: Web3, typed: tuple[str, ...]
) -> None:
    developer.write_networks(mainnet=True)
    assert f"{NETWORK} is no testnet" in refused(gpurwa(*typed))
    give(chain, developer.signer.address, 0)
    assert "needs 0." in refused(gpurwa(*typed, "--mainnet"))


def test_deploy__holder_is_a_contract_that_cannot_act__is_refused(
    gpurwa: Gpurwa, developer: Developer, chain: Web3, typed: tuple[str, ...]
) -> None:
    rpc.request(chain, "anvil_setCode", signer_of("arbiter").address, "0x5f5ffd")
    line = refused(gpurwa(*typed))
    assert f"arbiter cannot be held by {signer_of('arbiter').address}: its code has no instruction that calls" in line


def test_deploy__other_code_at_an_address__is_found_before_anything_is_sent(
    gpurwa: Gpurwa, developer: Developer, chain: Web3, typed: tuple[str, ...]
) -> None:
    draft = find_plan(NETWORK, folder=developer.deployments)
    assert draft is not None
    book = draw(draft.plan, developer.signer.address).parts["LeaseBook"].address
    rpc.request(chain, "anvil_setCode", book, "0x6001")
    assert f"LeaseBook at {book} has other code" in refused(gpurwa(*typed), status=1)
    assert nonce(chain, developer.signer.address) == 0


def test_deploy__nobody_said_yes__sends_nothing(
    gpurwa: Gpurwa, developer: Developer, chain: Web3, typed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)
    line = refused(gpurwa(*[word for word in typed if word != "--yes"]))
    assert "Send 30 transactions to Practice for about 0." in line
    assert "not confirmed. Nothing was sent" in line
    assert nonce(chain, developer.signer.address) == 0


# keys


@pytest.mark.parametrize("written", ["0x{}", " 0x{}", "0X{}", "ape:{}", "{}0"])
def test_deploy__key_on_the_command_line__is_refused_and_not_repeated(
    gpurwa: Gpurwa, developer: Developer, typed: tuple[str, ...], written: str
) -> None:
    key = key_of("developer").hex()
    status, out, err = gpurwa(*[written.format(key) if word == "key.json" else word for word in typed])
    assert status == 2
    assert "a private key stands on the command line" in err
    assert key not in out + err


@pytest.mark.parametrize("mainnet", [False, True])
def test_deploy__key_in_the_environment__is_taken_on_testnets_with_a_warning(
    gpurwa: Gpurwa, developer: Developer, chain: Web3, monkeypatch: pytest.MonkeyPatch, mainnet: bool
) -> None:
    key = key_of("developer").hex()
    monkeypatch.setenv("GPURWA_DEPLOYER_KEY", key)
    give(chain, developer.signer.address, 0)
    developer.write_networks(mainnet=mainnet)
    status, out, err = gpurwa("--network", NETWORK, "--rpc", developer.url, "--yes", "--mainnet")

    assert status == 2
    assert key not in out + err
    if mainnet:
        assert "a raw key is for testnets alone" in err
    else:
        warning, line = err.splitlines()
        assert "warning: the deployer's key is taken from GPURWA_DEPLOYER_KEY" in warning
        assert f"the deployer {developer.signer.address} holds 0" in line


@pytest.mark.parametrize("text", ["hunter2", "0x" + "5e" * 31, "00" * 32])
def test_deploy__no_key_in_that_variable__is_refused_and_not_repeated(
    gpurwa: Gpurwa, developer: Developer, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("GPURWA_DEPLOYER_KEY", text)
    status, out, err = gpurwa("--network", NETWORK, "--rpc", developer.url, "--yes")
    assert status == 2
    assert "it holds no private key" in err
    assert text not in out + err


def test_deploy__account_of_ape__is_opened_from_where_ape_keeps_it(
    gpurwa: Gpurwa, developer: Developer, chain: Web3, typed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = developer.folder / "ape" / "accounts"
    accounts.mkdir(parents=True)
    (developer.folder / "key.json").rename(accounts / "me.json")
    monkeypatch.setenv("APE_DATA_FOLDER", str(developer.folder / "ape"))
    give(chain, developer.signer.address, 0)
    line = refused(gpurwa(*["ape:me" if word == "key.json" else word for word in typed]))
    assert f"the deployer {developer.signer.address} holds 0" in line
    line = refused(gpurwa(*["ape:you" if word == "key.json" else word for word in typed]))
    assert f"ape has no account in {accounts / 'you.json'}" in line


# carrying it out


def test_deploy__development_chain__needs_no_plan_and_notes_its_endpoint(
    gpurwa: Gpurwa, developer: Developer, web3: Web3, anvil: Anvil
) -> None:
    status, _, err = gpurwa("--rpc", anvil.url, "--account", "deployer", "--json")

    assert (status, err) == (0, "")
    manifest = read_manifest(developer.deployments / "devnet.json")
    assert (manifest.complete, manifest.rpc_urls) == (True, (anvil.url,))
    assert rpc.code_at(web3, manifest.address("LeaseBook"))


def test_deploy__funded_key_and_yes__is_live_recorded_and_leaves_nothing_over(
    developer: Developer, chain: Web3
) -> None:
    status, out, err = developer.deploy("--json")

    assert (status, err) == (0, "")
    manifest = read_manifest(developer.record)
    assert json.loads(out)["deployer"] == developer.signer.address
    assert manifest.complete
    assert manifest.rpc_urls == ()
    assert all(contract.block is not None for _, contract in manifest.everything)
    assert nonce(chain, developer.signer.address) == 30
    assert developer.left_over() == []

    # Again: nothing to be done, nothing sent, and no question.
    status, _, err = developer.deploy("--json")
    assert (status, err) == (0, "")
    assert nonce(chain, developer.signer.address) == 30
    assert read_manifest(developer.record) == manifest
