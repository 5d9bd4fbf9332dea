"""Whether a role's holder can act: accounts and wallets can, tokens and contracts of the system cannot."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from web3 import Web3

from pyutils import artifacts
from pyutils.chain import rpc
from pyutils.contracts import System
from pyutils.deployment.holders import CannotActError, Verdict, can_act, require_able
from pyutils.keccak import keccak256

HOLDER = "0x" + "c0" * 20
LOGIC = "0x" + "1a" * 20
CALL = bytes.fromhex("5f5f5f5f5f5f5ff1")
DELEGATECALL = bytes.fromhex("5f5f5f5f5f5ff4")
STATICCALL = bytes.fromhex("5f5f5f5f5f5ffa")
STOP = b"\x00"


def selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


def answering(*signatures: str) -> bytes:
    """Return code that answers these calls with a word, and reverts on any other."""
    head = bytes.fromhex("5f3560e01c")
    arms = len(signatures) * 11
    code = head
    for signature in signatures:
        code += b"\x80\x63" + selector(signature) + b"\x14\x61" + (len(head) + arms + 3).to_bytes(2) + b"\x57"
    return code + bytes.fromhex("5f5ffd") + bytes.fromhex("5b60015f5260205ff3") + CALL


SAFE = (
    b"\x63"
    + selector("execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)")
    + DELEGATECALL
)


def put(web3: Web3, code: bytes, address: str = HOLDER, storage: Mapping[int, int] = {}) -> None:
    rpc.request(web3, "anvil_setCode", address, "0x" + code.hex())
    for slot, word in storage.items():
        rpc.request(web3, "anvil_setStorageAt", address, f"0x{slot:064x}", f"0x{word:064x}")


@pytest.mark.parametrize("number", [0, 1, 0x100, 0xDEAD])
def test_can_act__address_without_a_key__cannot(web3: Web3, number: int) -> None:
    assert can_act(web3, f"0x{number:040x}").verdict is Verdict.NO


def test_can_act__account_without_code__can(web3: Web3) -> None:
    found = can_act(web3, HOLDER)
    assert found.verdict is Verdict.YES
    assert found


def test_can_act__account_delegated_by_eip_7702__can(web3: Web3) -> None:
    put(web3, bytes.fromhex("ef0100") + bytes.fromhex(LOGIC[2:]))
    assert can_act(web3, HOLDER).verdict is Verdict.YES


@pytest.mark.parametrize(
    ("code", "verdict", "said"),
    [
        (SAFE, Verdict.YES, "a Safe"),
        (b"\x63" + selector("execute(bytes32,bytes)") + CALL, Verdict.YES, "ERC-7579"),
        (answering("isValidSignature(bytes32,bytes)"), Verdict.YES, "ERC-1271"),
        (answering("getThreshold()"), Verdict.YES, "a Safe, by what it answers"),
        (answering("getMinDelay()"), Verdict.YES, "a timelock, by what it answers"),
        (answering("balanceOf(address)", "totalSupply()"), Verdict.NO, "a token"),
        (answering("balanceOf(address)", "symbol()"), Verdict.NO, "a token"),
        (answering("balanceOf(address)"), Verdict.UNKNOWN, "not known"),
        (CALL, Verdict.UNKNOWN, "not known"),
        (STATICCALL, Verdict.NO, "no instruction that calls"),
        (b"\x60\xf1" + STOP, Verdict.NO, "no instruction that calls"),
        (STOP + bytes.fromhex("a1616101f1") + b"\x00\x05", Verdict.NO, "no instruction that calls"),
        (b"\xfe" + CALL, Verdict.UNKNOWN, "not known"),
    ],
)
def test_can_act__contract__is_told_by_its_code(web3: Web3, code: bytes, verdict: Verdict, said: str) -> None:
    put(web3, code)
    found = can_act(web3, HOLDER)
    assert (found.verdict, said in found.said) == (verdict, True), found


@pytest.mark.parametrize(
    ("code", "storage"),
    [
        (bytes.fromhex(f"363d3d373d3d3d363d73{LOGIC[2:]}5af43d82803e903d91602b57fd5bf3"), {}),
        (DELEGATECALL, {0: int(LOGIC, 16)}),
        (DELEGATECALL, {int.from_bytes(keccak256(b"eip1967.proxy.implementation")) - 1: int(LOGIC, 16)}),
    ],
)
def test_can_act__proxy__is_told_by_the_code_that_it_runs(web3: Web3, code: bytes, storage: Mapping[int, int]) -> None:
    put(web3, code, storage=storage)
    assert can_act(web3, HOLDER).verdict is Verdict.UNKNOWN
    put(web3, SAFE, LOGIC)
    assert can_act(web3, HOLDER).said == "a Safe, by its code"


def test_can_act__every_contract_of_the_system__cannot(system: System) -> None:
    for name, record in system.manifest.everything:
        found = can_act(system.web3, record.address, ours={record.address: name})
        assert found.verdict is Verdict.NO, name
        assert name in found.said


def test_can_act__contract_that_is_still_to_come__cannot(web3: Web3) -> None:
    assert can_act(web3, HOLDER, ours={HOLDER.upper().replace("0X", "0x"): "LeaseBook"}).verdict is Verdict.NO


def test_can_act__contracts_of_another_deployment__are_known_by_their_code(system: System) -> None:
    for name, record in system.manifest.everything:
        verdict = can_act(system.web3, record.address).verdict
        # Another system's AccessManager makes whatever calls its admin announces.
        assert verdict is (Verdict.YES if name == "AccessManager" else Verdict.NO), name


def test_can_act__token_of_somebody_else__cannot(web3: Web3) -> None:
    code = bytearray(artifacts.load("TestStablecoin").deployed_bytecode)
    put(web3, bytes(code) + STOP)
    assert can_act(web3, HOLDER).verdict is Verdict.NO


def test_require_able__holder_that_cannot_act__one_line(web3: Web3, system: System) -> None:
    with pytest.raises(CannotActError, match=r"^guardian cannot be held by 0x\w{40}: it is a RevenueRouter"):
        require_able(web3, "guardian", system.router.address)
    assert require_able(web3, "guardian", HOLDER).verdict is Verdict.YES
