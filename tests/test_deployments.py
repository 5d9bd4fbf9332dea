"""Records against the chain: code with immutables masked, creations, and what the records say of their making."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from web3 import Web3

from pyutils import artifacts, devnet
from pyutils.chain import rpc
from pyutils.contracts import System
from pyutils.deployment import Plan, deploy_system
from pyutils.deployment.creation import encoded_arguments
from pyutils.deployment.provenance import compiler_settings, git_revision, sources_hash
from pyutils.deployment.runtime_code import immutables_in, masked
from pyutils.manifest import DeployedContract, ManifestError, read_manifest
from pyutils.operations.deployments import PROVED, CodeCheck, check_contract, check_deployment, other_sources


def changed(record: DeployedContract, **fields: Any) -> DeployedContract:
    return record.model_copy(update=fields)


def test_check_deployment__fresh__all_is_as_compiled_and_created_as_recorded(system: System) -> None:
    found = list(check_deployment(system.web3, system.manifest))

    assert [one.name for one in found] == [name for name, _ in system.manifest.everything]
    assert [one.faults for one in found] == [()] * len(found)
    assert {one.creation for one in found} == {PROVED}
    book = next(one for one in found if one.name == "LeaseBook")
    assert int(book.immutables["BOND"], 16) == int(system.manifest.address("OperatorBond"), 16)
    assert other_sources(system.manifest) is None


def test_check_contract__immutable_changed_on_chain__hash_differs_and_the_masked_code_does_not(system: System) -> None:
    record = system.manifest.contracts["LeaseBook"]
    code = bytearray(rpc.code_at(system.web3, record.address))
    places = artifacts.load("LeaseBook").immutable_references["BOND"]
    for start, length in places:
        code[start : start + length] = (7).to_bytes(length)
    put_code(system.web3, record.address, bytes(code))

    assert check_contract(system.web3, "LeaseBook", record).faults == ("another code hash than recorded",)

    code[places[0].start + 31] ^= 1
    put_code(system.web3, record.address, bytes(code))
    assert "an immutable has several values: BOND" in check_contract(system.web3, "LeaseBook", record).faults


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda _: b"", "there is no code"),
        (lambda code: code + b"\0", "other code than compiled: {more} bytes, not {size}"),
        (lambda code: b"\xfe" + code[1:], "other code than compiled, from byte 0 on"),
        (lambda code: code[:-1] + b"\xfe", "other code than compiled, from byte {last} on"),
    ],
)
def test_check_contract__other_code__is_said(system: System, change: Callable[[bytes], bytes], fault: str) -> None:
    record = system.manifest.contracts["RevenueRouter"]
    code = rpc.code_at(system.web3, record.address)
    put_code(system.web3, record.address, change(code))

    found = check_contract(system.web3, "RevenueRouter", record)

    size = len(code)
    assert found.faults[0] == fault.format(more=size + 1, size=size, last=size - 1)
    assert not found.is_well
    assert found.creation == PROVED


def test_check_contract__record_that_was_tampered_with__is_found_out(system: System) -> None:
    records = system.manifest.contracts
    bond = records["OperatorBond"]

    def look(record: DeployedContract) -> CodeCheck:
        return check_contract(system.web3, "it", record)

    assert look(changed(bond, constructor_args=((*bond.constructor_args[0][:-1], "0x" + "11" * 20),))).faults == (
        "the recorded transaction holds other code or other constructor arguments",
    )
    assert look(changed(bond, transaction=records["LossFund"].transaction, block=None)).faults == (
        "the recorded transaction holds other code or other constructor arguments",
    )
    assert look(changed(bond, block=(bond.block or 0) + 1)).faults == (
        f"created in block {bond.block}, not {(bond.block or 0) + 1}",
    )
    assert look(changed(bond, artifact="Nothing")).faults == ("there is no compiled contract named Nothing",)
    assert look(changed(bond, code_hash=b"\1" * 32)).faults == ("another code hash than recorded",)
    (fault,) = look(changed(bond, constructor_args=(1, 2))).faults
    assert fault.startswith(f"constructor_args of OperatorBond at {bond.address}: 1 arguments are taken, 2 recorded")


def test_check_contract__twin_elsewhere__the_recorded_transaction_did_not_create_it(system: System) -> None:
    # The same code with another recipient in its storage, which no hash shows, beside the honest one's transaction.
    router = system.manifest.contracts["RevenueRouter"]
    twin = "0x" + "77" * 20
    put_code(system.web3, twin, rpc.code_at(system.web3, router.address))

    found = check_contract(system.web3, "RevenueRouter", changed(router, address=twin))

    assert found.faults == ("the recorded transaction put nothing at this address",)


def test_check_contract__transaction_not_recorded_or_not_known__is_no_fault(system: System) -> None:
    bond = system.manifest.contracts["OperatorBond"]
    for transaction, said in (
        (None, "no transaction recorded"),
        (b"\1" * 32, "the node does not know the transaction"),
    ):
        found = check_contract(system.web3, "it", changed(bond, transaction=transaction))
        assert (found.is_well, found.creation) == (True, said)


@pytest.mark.parametrize("value", ["seven", ("0x12",) * 10, -1, None])
def test_encoded_arguments__that_do_not_fit__are_refused(value: object) -> None:
    record = DeployedContract(
        artifact="LossFund", address="0x" + "11" * 20, code_hash=b"\1" * 32, constructor_args=(value,)
    )
    with pytest.raises(ManifestError, match="constructor_args of LossFund"):
        encoded_arguments(record)


def test_masked__code_of_another_length__keeps_its_length() -> None:
    compiled = artifacts.load("LeaseBook").deployed_bytecode
    assert masked("LeaseBook", compiled) == compiled
    assert masked("LeaseBook", compiled[:100]) == compiled[:100]
    assert set(immutables_in("LeaseBook", compiled)["BOND"]) == {bytes(32)}


def test_deploy_system__record__says_of_what_it_was_made(web3: Web3, tmp_path: Path) -> None:
    plan, deployer, path = Plan.default(devnet.CHAIN_ID), devnet.account("deployer"), tmp_path / "record.json"
    manifest = deploy_system(deployer, plan, web3, record=path)

    assert manifest.compiler == compiler_settings()
    assert manifest.compiler is not None
    assert (manifest.compiler.optimizer_runs, manifest.compiler.bytecode_hash) == (100, "none")
    assert manifest.sources_hash == sources_hash()
    assert manifest.git_revision == git_revision()
    assert manifest.contracts["TestCollateral"].artifact == "TestStablecoin"

    # Whoever looks again later did not deploy it.
    manifest.model_copy(update={"git_revision": "of then"}).write(path)
    assert deploy_system(deployer, plan, web3, record=path).git_revision == "of then"
    manifest.model_copy(update={"git_revision": "of then", "sources_hash": b"\1" * 32}).write(path)
    assert deploy_system(deployer, plan, web3, record=path) == read_manifest(path) == manifest


def test_other_sources__record_of_another_version__is_said(system: System) -> None:
    manifest = system.manifest
    other = manifest.model_copy(update={"sources_hash": b"\1" * 32, "git_revision": "a" * 40})
    assert "was deployed from other sources than this package has, by commit aaaa" in (other_sources(other) or "")
    assert manifest.compiler is not None
    compiler = manifest.compiler.model_copy(update={"optimizer_runs": None})
    assert "other settings" in (other_sources(manifest.model_copy(update={"compiler": compiler})) or "")
    silent = {"sources_hash": None, "compiler": None}
    assert other_sources(manifest.model_copy(update=silent)) is None


def test_git_revision__checkout__is_its_commit_and_says_where_files_differ(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        command = ("git", "-c", "user.name=x", "-c", "user.email=x@example.org", *arguments)
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    assert git_revision(tmp_path) is None
    git("init", "--quiet")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "--quiet", "--message", "one")
    git("tag", "v1")
    commit = git("rev-parse", "HEAD")
    git_revision.cache_clear()
    assert git_revision(tmp_path) == commit
    (tmp_path / "file").write_text("two")
    git_revision.cache_clear()
    assert git_revision(tmp_path) == f"{commit}-dirty"


def put_code(web3: Web3, address: str, code: bytes) -> None:
    rpc.request(web3, "anvil_setCode", address, "0x" + code.hex())
