"""Deployment records: written whole or not at all, the user's own first."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pyutils.durable import UnwritableFileError
from pyutils.manifest import (
    CompilerSettings,
    CreditMarket,
    DeployedContract,
    Manifest,
    ManifestError,
    NoMarketError,
    RoleHolder,
    UnknownContractError,
    UnknownNetworkError,
    known_networks,
    load_manifest,
    read_manifest,
    user_path,
)

ONE = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
TWO = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"


@pytest.fixture
def manifest() -> Manifest:
    return Manifest(
        network="testnet",
        chain_id=5,
        deployer=ONE,
        contracts={
            "LeaseBook": DeployedContract(
                artifact="LeaseBook",
                address=ONE,
                code_hash=b"\1" * 32,
                constructor_args=((ONE, ONE), 7, b"\2" * 4, "text"),
                block=12,
                transaction=b"\3" * 32,
            ),
            "Create3Factory": DeployedContract(artifact="Create3Factory", address=ONE, code_hash=b"\4" * 32),
        },
        roles=(RoleHolder(role="guardian", role_id=3, holder=ONE, execution_delay_s=0),),
        tokens=(ONE,),
        credit=(
            CreditMarket(
                token=ONE,
                contracts={"CreditVault": DeployedContract(artifact="CreditVault", address=TWO, code_hash=b"\5" * 32)},
            ),
        ),
        rpc_urls=("http://127.0.0.1:1",),
        compiler=CompilerSettings(
            version="0.8.37+commit.f401782d",
            evm_version="cancun",
            optimizer_runs=100,
            via_ir=False,
            bytecode_hash="none",
        ),
        sources_hash=b"\6" * 32,
        git_revision="a" * 40,
        plan_hash=b"\7" * 32,
        complete=True,
    )


def test_write__read_back__is_the_same(manifest: Manifest, tmp_path: Path) -> None:
    path = user_path("testnet", tmp_path / "deployments")
    manifest.write(path)
    assert read_manifest(path) == load_manifest("testnet", path.parent) == manifest
    assert json.loads(path.read_text())["schema_version"] == 2
    assert manifest.first_block == 12
    assert [file.name for file in path.parent.iterdir()] == ["testnet.json"]


def test_write__killed_before_it_is_whole__old_record_stays(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "testnet.json"
    manifest.write(path)

    def fail(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(KeyboardInterrupt):
        manifest.model_copy(update={"chain_id": 6}).write(path)
    assert read_manifest(path) == manifest
    assert [file.name for file in tmp_path.iterdir()] == ["testnet.json"]


def test_write__no_folder__is_said(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UnwritableFileError, match=r"file/practice\.json cannot be written: "):
        manifest.write(tmp_path / "file" / "practice.json")


def test_load_manifest__unknown_network__names_the_known(manifest: Manifest, tmp_path: Path) -> None:
    manifest.write(user_path("testnet", tmp_path))
    with pytest.raises(UnknownNetworkError) as refused:
        load_manifest("mainnet", tmp_path)
    assert refused.value.network == "mainnet"
    assert "testnet" in refused.value.known
    assert "testnet" in refused.value.line()
    assert refused.value.exit_status == 2


def test_load_manifest__shipped_and_own__own_wins(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped"
    manifest.write(shipped / "testnet.json")
    monkeypatch.setattr("pyutils.manifest.resources.files", lambda _: shipped)
    assert load_manifest("testnet", tmp_path / "own").chain_id == 5
    assert known_networks(tmp_path / "own") == ("testnet",)

    manifest.model_copy(update={"chain_id": 6}).write(user_path("testnet", tmp_path / "own"))

    assert load_manifest("testnet", tmp_path / "own").chain_id == 6


def test_known_networks__files_that_are_no_records__are_none(manifest: Manifest, tmp_path: Path) -> None:
    manifest.write(user_path("testnet", tmp_path))
    for name in ("networks.toml", "example.plan.json", "step_gas.json", ".testnet.json.partial"):
        (tmp_path / name).write_text("{}")
    assert "testnet" in known_networks(tmp_path)
    assert not {"networks", "example.plan", "step_gas", ".testnet"} & set(known_networks(tmp_path))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"schema_version": 3}, "schema_version: it is 3, this version of the package reads up to 2"),
        ({"schema_version": "two"}, "schema_version"),
        ({"deployer": "0x12"}, "deployer"),
        ({"extra": 1}, "extra"),
    ],
)
def test_read_manifest__another_schema__is_refused_by_its_field(
    manifest: Manifest, tmp_path: Path, change: dict[str, object], place: str
) -> None:
    path = tmp_path / "testnet.json"
    path.write_text(json.dumps(json.loads(manifest.model_dump_json()) | change))
    with pytest.raises(ManifestError, match=place):
        read_manifest(path)


def test_read_manifest__no_such_file__is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        read_manifest(tmp_path / "none.json")


def test_address__contract_of_another_version__is_refused(manifest: Manifest) -> None:
    assert manifest.address("LeaseBook") == ONE
    with pytest.raises(UnknownContractError, match="testnet has no CreditVault"):
        manifest.address("CreditVault")


def test_market__by_its_token__names_its_contracts(manifest: Manifest) -> None:
    assert manifest.market(ONE.lower()).address("CreditVault") == TWO
    with pytest.raises(UnknownContractError, match=f"the credit market in {ONE} has no FleetCredit"):
        manifest.market(ONE).address("FleetCredit")


def test_market__token_that_nobody_lends__is_refused(manifest: Manifest) -> None:
    with pytest.raises(NoMarketError, match=f"testnet has no credit market in {TWO}") as refused:
        manifest.market(TWO)
    assert (refused.value.network, refused.value.token) == ("testnet", TWO)


def test_everything__two_markets__each_contract_has_a_name_of_its_own(manifest: Manifest) -> None:
    one = manifest.credit[0]
    both = manifest.model_copy(update={"credit": (one, one.model_copy(update={"token": TWO}))})
    assert [name for name, _ in manifest.everything] == ["LeaseBook", "Create3Factory", "CreditVault"]
    assert [name for name, _ in both.everything][2:] == [f"CreditVault for {ONE}", f"CreditVault for {TWO}"]


def test_read_manifest__record_from_before_there_was_credit__has_no_market(manifest: Manifest, tmp_path: Path) -> None:
    row = json.loads(manifest.model_dump_json())
    del row["credit"]
    path = tmp_path / "testnet.json"
    path.write_text(json.dumps(row))
    assert read_manifest(path).credit == ()


def test_read_manifest__record_of_schema_1__is_read_and_says_what_it_does_not_know(
    manifest: Manifest, tmp_path: Path
) -> None:
    row = json.loads(manifest.model_dump_json())
    row["contracts"]["TestCollateral"] = dict(row["contracts"]["LeaseBook"])
    for contract in [*row["contracts"].values(), *row["credit"][0]["contracts"].values()]:
        del contract["artifact"]
    for unknown in ("compiler", "sources_hash", "git_revision", "plan_hash"):
        del row[unknown]
    path = tmp_path / "testnet.json"
    path.write_text(json.dumps(row | {"schema_version": 1}))

    read = read_manifest(path)

    assert {name: contract.artifact for name, contract in read.everything} == {
        "LeaseBook": "LeaseBook",
        "Create3Factory": "Create3Factory",
        "TestCollateral": "TestStablecoin",
        "CreditVault": "CreditVault",
    }
    assert (read.schema_version, read.compiler, read.sources_hash, read.git_revision) == (2, None, None, None)
    assert read.contracts["LeaseBook"] == manifest.contracts["LeaseBook"]
    read.write(path)
    assert read_manifest(path) == read


@pytest.mark.parametrize(
    "text",
    ["", "[]", "7", '{"schema_version": 1}', '{"schema_version": 1, "contracts": [1], "credit": 7}', '{"credit": [7]}'],
)
def test_read_manifest__no_record_at_all__is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "testnet.json"
    path.write_text(text)
    with pytest.raises(ManifestError):
        read_manifest(path)


def test_summary__contracts__one_a_line(manifest: Manifest) -> None:
    assert manifest.summary().splitlines() == [
        "testnet (chain 5)",
        f"Create3Factory  {ONE}",
        f"CreditVault     {TWO}",
        f"LeaseBook       {ONE}",
    ]
