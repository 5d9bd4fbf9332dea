"""What every wrapper shares: an address, a chain, and the ABI that comes with the package.

Calls are encoded and decoded by the ABI's types alone; a refusal is raised as its decoded error, naming the function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from web3 import Web3

from pyutils import artifacts
from pyutils.chain import rpc
from pyutils.chain.lane import Lane
from pyutils.chain.receipt import Log, Receipt
from pyutils.errors import ContractError, InputError
from pyutils.keccak import keccak256
from pyutils.models.address import parse_address

Block = rpc.Block


class NoContractError(ContractError):
    """There is no such contract at the address."""

    remedy = "Check network and address; the deployment record may be of another chain"

    def __init__(self, contract: str, address: str, function: str) -> None:
        super().__init__(f"{contract}.{function}: {address} answers like no {contract}")


class ArgumentError(InputError):
    """An argument does not fit its Solidity type."""

    remedy = "Give values within the range of their type"


class NoEventError(ContractError):
    """A receipt lacks the event that the call always emits."""

    remedy = "Check that the address holds the contract that is meant, and its version"


def abi_type(entry: Mapping[str, Any]) -> str:
    """Return an ABI parameter's canonical type; a struct's is its members' in brackets."""
    kind: str = entry["type"]
    if kind.startswith("tuple"):
        return f"({','.join(abi_type(item) for item in entry['components'])}){kind.removeprefix('tuple')}"
    return kind


@dataclass(frozen=True, slots=True)
class FunctionShape:
    """A function as an ABI declares it."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def selector(self) -> bytes:
        """Return the first four bytes of the signature's hash."""
        return keccak256(f"{self.name}({','.join(self.inputs)})".encode())[:4]


@dataclass(frozen=True, slots=True)
class EventShape:
    """An event as an ABI declares it."""

    name: str
    types: tuple[str, ...]
    arguments: tuple[str, ...]
    indexed: tuple[bool, ...]

    @property
    def topic(self) -> bytes:
        """Return the hash of the signature, an event's first topic."""
        return keccak256(f"{self.name}({','.join(self.types)})".encode())

    def decode(self, log: Log) -> dict[str, Any]:
        """Return the event's arguments by name; of an indexed value without a fixed size, its hash."""
        topics = iter(log.topics[1:])
        data = iter(decode([kind for kind, flag in zip(self.types, self.indexed, strict=True) if not flag], log.data))
        values: dict[str, Any] = {}
        for name, kind, flag in zip(self.arguments, self.types, self.indexed, strict=True):
            if not flag:
                values[name] = next(data)
            elif kind in ("string", "bytes") or kind.endswith("]") or kind.startswith("("):
                values[name] = next(topics)
            else:
                values[name] = decode([kind], next(topics))[0]
        return values


@cache
def function_shape(contract: str, function: str) -> FunctionShape:
    """Return a function of one of our contracts by its name; an overloaded one by its whole signature."""
    for entry in artifacts.load(contract).abi:
        if entry["type"] != "function":
            continue
        inputs = tuple(abi_type(item) for item in entry["inputs"])
        if function in (entry["name"], f"{entry['name']}({','.join(inputs)})"):
            return FunctionShape(entry["name"], inputs, tuple(abi_type(item) for item in entry["outputs"]))
    raise NoContractError(contract, "the ABI", function)


@cache
def event_shape(contract: str, event: str) -> EventShape:
    """Return an event of one of our contracts."""
    for entry in artifacts.load(contract).abi:
        if entry["type"] == "event" and entry["name"] == event:
            inputs = entry["inputs"]
            return EventShape(
                event,
                tuple(abi_type(item) for item in inputs),
                tuple(item["name"] for item in inputs),
                tuple(bool(item["indexed"]) for item in inputs),
            )
    raise NoContractError(contract, "the ABI", event)


def encode_call(contract: str, function: str, *arguments: Any) -> bytes:
    """Return selector and arguments. Raises `ArgumentError` where one does not fit its type."""
    shape = function_shape(contract, function)
    try:
        return shape.selector + encode(shape.inputs, arguments)
    except (EncodingError, OverflowError) as error:
        raise ArgumentError(f"{contract}.{function}: {error}") from error


def encode_constructor(contract: str, arguments: Sequence[Any]) -> bytes:
    """Return a contract's creation code with its constructor's arguments."""
    artifact = artifacts.load(contract)
    entry = next((entry for entry in artifact.abi if entry["type"] == "constructor"), None)
    types = [abi_type(item) for item in entry["inputs"]] if entry else []
    return artifact.bytecode + encode(types, arguments)


def call_view(web3: Web3, contract: str, address: str, function: str, *arguments: Any, block: Block = "latest") -> Any:
    """Return what a view of one of our contracts returns: the value, or a tuple where there are several."""
    shape = function_shape(contract, function)
    message = {"to": address, "data": "0x" + encode_call(contract, function, *arguments).hex()}
    answer = rpc.execution(web3, "eth_call", f"{contract}.{shape.name}", message, rpc.block_parameter(block))
    try:
        values = decode(shape.outputs, bytes.fromhex(answer[2:]))
    except DecodingError:
        raise NoContractError(contract, address, shape.name) from None
    return values[0] if len(values) == 1 else values


class Contract:
    """A deployed contract. Reads name their block; writes go through the lane of the account that signs."""

    NAME: ClassVar[str]

    def __init__(self, web3: Web3, address: str) -> None:
        self.web3 = web3
        self.address = parse_address(address)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address})"

    def call_data(self, function: str, *arguments: Any) -> bytes:
        """Return the data of a call, for schedules and batches."""
        return encode_call(self.NAME, function, *arguments)

    def _read(self, function: str, *arguments: Any, block: Block = "latest") -> Any:
        """Return what a view returns: the value, or a tuple where there are several."""
        return call_view(self.web3, self.NAME, self.address, function, *arguments, block=block)

    def _read_address(self, function: str, *arguments: Any, block: Block = "latest") -> str:
        """Return the address that a view returns, in checksum case."""
        return parse_address(self._read(function, *arguments, block=block))

    def _write(self, lane: Lane, function: str, *arguments: Any) -> Receipt:
        """Send a call and return its receipt. Raises `RevertedError`, before anything is sent where it can be known."""
        data = self.call_data(function, *arguments)
        return lane.transact(self.address, data, call=f"{self.NAME}.{function.partition('(')[0]}")

    def events(self, receipt: Receipt, event: str) -> list[dict[str, Any]]:
        """Return the arguments of every such event that this contract emitted in a transaction."""
        shape = event_shape(self.NAME, event)
        topic, address = shape.topic, self.address.lower()
        return [
            shape.decode(log)
            for log in receipt.logs
            if log.topics and log.topics[0] == topic and log.address.lower() == address
        ]

    def event(self, receipt: Receipt, event: str) -> dict[str, Any]:
        """Return the arguments of the first such event. Raises `NoEventError` where there is none."""
        found = self.events(receipt, event)
        if not found:
            raise NoEventError(f"{receipt.hash} emitted no {self.NAME}.{event}")
        return found[0]
