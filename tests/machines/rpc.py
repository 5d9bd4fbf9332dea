"""A narrow, quick way to anvil: raw calls by ABI, JSON-RPC lists for reads, one block for each transaction."""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
from eth_abi.abi import decode, encode
from eth_utils.abi import collapse_if_tuple
from eth_utils.address import to_checksum_address

from pyutils import artifacts
from pyutils.keccak import keccak256

if TYPE_CHECKING:
    from tests.sending import send
else:
    from sending import send

GAS = 8_000_000


@dataclass(frozen=True, slots=True)
class Revert:
    """A custom error with its arguments, in the order of its ABI."""

    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """How to call one function, and to read what it returns."""

    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def _selector(entry: Any) -> bytes:
    inputs = ",".join(collapse_if_tuple(row) for row in entry["inputs"])
    return keccak256(f"{entry['name']}({inputs})".encode())[:4]


@cache
def functions(name: str) -> dict[str, Function]:
    """Return the functions of a compiled contract by name; overloads by name and types."""
    found: dict[str, Function] = {}
    for entry in artifacts.load(name).abi:
        if entry["type"] != "function":
            continue
        inputs = tuple(collapse_if_tuple(row) for row in entry["inputs"])
        outputs = tuple(collapse_if_tuple(row) for row in entry["outputs"])
        found[entry["name"]] = Function(_selector(entry), inputs, outputs)
    return found


@cache
def _errors() -> dict[bytes, tuple[str, tuple[str, ...]]]:
    return {
        _selector(entry): (entry["name"], tuple(collapse_if_tuple(row) for row in entry["inputs"]))
        for name in artifacts.names()
        for entry in artifacts.load(name).abi
        if entry["type"] == "error"
    }


def decode_revert(data: bytes) -> Revert:
    """Return the custom error in `data`; the raw bytes where it is none of ours."""
    if data[:4] not in _errors():
        return Revert("unknown", (data,))
    name, types = _errors()[data[:4]]
    values = decode(types, data[4:])
    return Revert(
        name,
        tuple(to_checksum_address(v) if t == "address" else v for t, v in zip(types, values, strict=True)),
    )


@dataclass(frozen=True, slots=True)
class Call:
    """A read: which function of which contract, with which arguments."""

    contract: Contract
    function: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Contract:
    """A deployed contract by its artifact's name."""

    name: str
    address: str

    def data(self, function: str, *arguments: Any) -> str:
        """Return calldata."""
        entry = functions(self.name)[function]
        return "0x" + (entry.selector + encode(entry.inputs, arguments)).hex()

    def read(self, function: str, *arguments: Any) -> Call:
        """Return a read, to be made in a list."""
        return Call(self, function, arguments)


# Most of what is read after a step is what was read before it.
@lru_cache(100_000)
def _request_data(call: Call) -> str:
    return call.contract.data(call.function, *call.arguments)


@lru_cache(100_000)
def _result(name: str, function: str, data: str) -> Any:
    """Return what the function returned: the value itself where it is one."""
    values = decode(functions(name)[function].outputs, bytes.fromhex(data[2:]))
    return values[0] if len(values) == 1 else values


class Rpc:
    """One kept connection to anvil."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)
        self._id = 0

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def ask(self, method: str, *parameters: Any) -> Any:
        """Return the result of one request. Raises `AssertionError` with the node's error."""
        answer = self._post(self._request(method, parameters))
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def read_all(self, calls: Sequence[Call]) -> list[Any]:
        """Return the results of many reads, asked in one list, at the latest block."""
        requests = [
            self._request(
                "eth_call",
                ({"to": call.contract.address, "data": _request_data(call)}, "latest"),
            )
            for call in calls
        ]
        answers = {answer["id"]: answer for answer in self._post(requests)}
        results = []
        for request, call in zip(requests, calls, strict=True):
            answer = answers[request["id"]]
            assert "error" not in answer, (call.contract.name, call.function, call.arguments, answer)
            results.append(_result(call.contract.name, call.function, answer["result"]))
        return results

    def read(self, contract: Contract, function: str, *arguments: Any) -> Any:
        """Return the result of one read."""
        return self.read_all([contract.read(function, *arguments)])[0]

    def transact(
        self, sender: str, contract: Contract, function: str, *arguments: Any, time: int | None = None
    ) -> Revert | None:
        """Send a transaction in a block of its own, stamped `time`; return the error with which it reverted."""
        data = contract.data(function, *arguments)
        if time is not None:
            self.ask("evm_setNextBlockTimestamp", time)
        row = {"from": sender, "to": contract.address, "data": data}
        receipt = send(self.ask, row | {"gas": hex(GAS)})
        if receipt["status"] == "0x1":
            return None
        # The state is what it was, and so is the time.
        answer = self._post(self._request("eth_call", (row, "latest")))
        assert "error" in answer, (contract.name, function, "reverted only as a transaction", receipt)
        return decode_revert(bytes.fromhex((answer["error"].get("data") or "0x")[2:]))

    def deploy(self, sender: str, name: str, *arguments: Any) -> Contract:
        """Deploy a compiled contract."""
        artifact = artifacts.load(name)
        constructor = next((entry for entry in artifact.abi if entry["type"] == "constructor"), {"inputs": ()})
        types = [collapse_if_tuple(row) for row in constructor["inputs"]]
        code = artifact.bytecode + encode(types, arguments)
        receipt = send(self.ask, {"from": sender, "data": "0x" + code.hex(), "gas": hex(2 * GAS)})
        assert receipt["status"] == "0x1", name
        return Contract(name, to_checksum_address(receipt["contractAddress"]))

    def _request(self, method: str, parameters: Sequence[Any]) -> dict[str, Any]:
        self._id += 1
        return {"jsonrpc": "2.0", "id": self._id, "method": method, "params": list(parameters)}

    def _post(self, body: Any) -> Any:
        self._connection.request("POST", "/", orjson.dumps(body), {"Content-Type": "application/json"})
        return orjson.loads(self._connection.getresponse().read())
