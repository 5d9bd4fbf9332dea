"""Every error of every ABI has words and a remedy, whoever bubbled it up."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from web3 import Web3

from pyutils import artifacts
from pyutils.chain import RevertedError, UnknownRevertError, decode_revert, rpc
from pyutils.chain.errors import RAISED_IN_ASSEMBLY, revert_data, shapes
from pyutils.chain.remedies import REMEDIES, remedy_of
from pyutils.contracts import System
from pyutils.contracts.base import encode_call
from pyutils.devnet import account
from pyutils.keccak import keccak256
from pyutils.units import FleetId

ALL_ERRORS = sorted(
    {
        (entry["name"], tuple(item["type"] for item in entry["inputs"]))
        for name in artifacts.names()
        for entry in artifacts.load(name).abi
        if entry["type"] == "error"
    }
    | {(shape.name, shape.types) for shape in RAISED_IN_ASSEMBLY}
)


def sample(kind: str) -> Any:
    """Return some value of an ABI type."""
    if kind == "address":
        return "0x" + "ab" * 20
    if kind == "string":
        return "why"
    if kind.startswith("bytes"):
        return b"\x01" * int(kind[5:] or 5)
    return 7


@pytest.mark.parametrize(("name", "types"), ALL_ERRORS, ids=lambda value: value if isinstance(value, str) else "")
def test_decode_revert__every_error_of_every_abi__has_words_and_remedy(name: str, types: tuple[str, ...]) -> None:
    values = [sample(kind) for kind in types]
    signature = f"{name}({','.join(types)})"

    error = decode_revert(keccak256(signature.encode())[:4] + encode(types, values))

    assert error.name == name
    assert list(error.arguments.values()) == values
    assert error.remedy == remedy_of(name, signature)
    assert error.remedy
    assert "\n" not in error.line()
    for value in values:
        assert (value.hex() if isinstance(value, bytes) else str(value)) in error.line()


def test_remedies__every_entry__belongs_to_an_error() -> None:
    known = {shape.name for shape in shapes().values()} | {shape.signature for shape in shapes().values()}
    assert set(REMEDIES) <= known
    assert all(text and not text.endswith(".") for text in REMEDIES.values())


@pytest.mark.parametrize(
    ("code", "words"), [(0x11, "arithmetic overflowed"), (0x32, "an index is out of bounds"), (0x99, "unknown reason")]
)
def test_decode_revert__panic__says_which(code: int, words: str) -> None:
    error = decode_revert(keccak256(b"Panic(uint256)")[:4] + encode(["uint256"], [code]))
    assert words in str(error)
    assert error.name == "Panic"


def test_decode_revert__reason_text__is_shown() -> None:
    error = decode_revert(keccak256(b"Error(string)")[:4] + encode(["string"], ["no\nluck"]))
    assert str(error) == "the contract refused: no luck"


@pytest.mark.parametrize("data", [b"", b"\x01\x02", b"\xde\xad\xbe\xef" * 40])
def test_decode_revert__unknown_data__is_kept(data: bytes) -> None:
    error = decode_revert(data)
    assert isinstance(error, UnknownRevertError)
    assert error.data == data
    assert "\n" not in error.line()


def test_decode_revert__arguments_cut_off__is_unknown() -> None:
    assert isinstance(decode_revert(keccak256(b"UnknownFleet(uint256)")[:4] + b"\0" * 7), UnknownRevertError)


def test_decode_revert__times_and_texts__are_words() -> None:
    late = decode_revert(
        keccak256(b"NotAdvancing(uint256,uint256,uint256)")[:4]
        + encode(["uint256", "uint256", "uint256"], [3, 1_700_000_000, 1_700_000_060])
    )
    assert str(late) == "not advancing (fleet id 3, as of 2023-11-14T22:13:20Z, head as of 2023-11-14T22:14:20Z)"
    field = decode_revert(
        keccak256(b"InvalidTerms(bytes32)")[:4] + encode(["bytes32"], [b"mutualDelay".ljust(32, b"\0")])
    )
    assert str(field) == "invalid terms (field mutualDelay)"


def test_decode_revert__two_errors_of_one_name__are_told_apart() -> None:
    gpu = decode_revert(
        keccak256(b"InvalidProof(uint256,bytes32)")[:4] + encode(["uint256", "bytes32"], [1, b"\1" * 32])
    )
    lease = decode_revert(keccak256(b"InvalidProof(uint256,uint256)")[:4] + encode(["uint256", "uint256"], [1, 2]))
    assert set(gpu.arguments) == {"fleetId", "gpuId"}
    assert set(lease.arguments) == {"leaseId", "deliveredGpuMs"}
    assert gpu.remedy != lease.remedy


@pytest.mark.parametrize(
    "wrapped",
    [
        "0x08c379a0",
        {"data": "0x08c379a0"},
        {"result": {"data": "0x08c379a0"}},
        "Reverted 0x08c379a0",
        b"\x08\xc3\x79\xa0",
    ],
)
def test_revert_data__as_nodes_wrap_it__is_found(wrapped: object) -> None:
    assert revert_data(wrapped) == bytes.fromhex("08c379a0")


@pytest.mark.parametrize("nothing", [None, {}, "execution reverted", 7, {"other": 1}])
def test_revert_data__none_there__is_none(nothing: object) -> None:
    assert revert_data(nothing) is None


def test_read__refused_by_a_contract__is_decoded(system: System) -> None:
    with pytest.raises(RevertedError) as refused:
        system.registry.fleet(FleetId(9))
    assert refused.value.name == "UnknownFleet"
    assert refused.value.arguments == {"fleetId": 9}
    assert str(refused.value) == "FleetRegistry.fleet: unknown fleet (fleet id 9)"


def test_read__refused_by_a_contract_behind_it__is_decoded(system: System, web3: Web3) -> None:
    # The book asks the registry, whose refusal comes through unchanged.
    with pytest.raises(RevertedError) as refused:
        system.lease_book.open(
            system.lane(account("lessee-1")),
            FleetId(9),
            gpus=1,
            duration_s=3_600,
            max_price=system.coin().balance_of(system.registry.address),
            access_key=b"\1" * 32,
        )
    assert refused.value.name == "UnknownFleet"
    # So does the manager's `execute`.
    inner = encode_call("FleetRegistry", "admitOperator", account("operator-a").address, b"\0" * 32)
    with pytest.raises(RevertedError) as refused:
        system.authority.execute(system.lane(account("registrar")), system.registry.address, inner)
    assert refused.value.name == "InvalidHash"
    assert rpc.request(web3, "eth_getTransactionCount", account("registrar").address, "latest") == "0x0"
