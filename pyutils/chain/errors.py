"""Turns revert data into one line: which error of which contract, its arguments in words, and what to do.

Errors bubble up unchanged from contract to contract, so the data is looked up among the errors of all our ABIs at once,
OpenZeppelin's and solady's included, beside Solidity's own `Error(string)` and `Panic(uint256)`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from functools import cache
from typing import Any, Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from pyutils import artifacts
from pyutils.chain.remedies import remedy_of
from pyutils.errors import ChainError, ContractError
from pyutils.keccak import keccak256
from pyutils.models.loan import Evidence, LoanState
from pyutils.units import Bytes32TextError, from_bytes32_text

PANICS: Final[Mapping[int, str]] = {
    0x01: "an assertion failed",
    0x11: "arithmetic overflowed",
    0x12: "division by zero",
    0x21: "a number is no member of its enum",
    0x22: "a stored byte array is malformed",
    0x31: "pop from an empty array",
    0x32: "an index is out of bounds",
    0x41: "too much memory was asked for",
    0x51: "an uninitialised function was called",
}

_TIMES: Final = frozenset(
    {
        *("asOf", "headAsOf", "until", "unbondsAt", "effectiveFrom", "end", "time", "acceptedAt", "from"),
        *("updatedAt", "since", "upSince", "expiry", "insuredUntil"),
    }
)
"""Arguments that are Unix seconds, printed as UTC."""

_EARLIEST_TIME = 1_000_000_000

_WORDS: Final[Mapping[str, type[IntEnum]]] = {"state": LoanState, "evidence": Evidence}
"""Arguments that are members of an enum, printed as its words."""


class ChainProtocolError(ChainError):
    """A node answered what it should never answer."""

    remedy = "Try another RPC endpoint"


class RevertedError(ContractError):
    """A contract refused the call with one of its errors."""

    def __init__(self, name: str, arguments: Mapping[str, Any], remedy: str, message: str, call: str = "") -> None:
        super().__init__(f"{call}: {message}" if call else message, remedy=remedy)
        self.name, self.arguments, self.reason = name, dict(arguments), message

    def during(self, call: str) -> RevertedError:
        """Return the same error, naming the call that met it."""
        return RevertedError(self.name, self.arguments, self.remedy, self.reason, call)


class UnknownRevertError(RevertedError):
    """A call reverted with data that no known error explains, or with none."""

    def __init__(self, data: bytes, call: str = "") -> None:
        shown = f"unknown revert data 0x{data[:36].hex()}" + ("…" if len(data) > 36 else "") if data else "no reason"
        remedy = "Check that the address holds the contract that is meant, and its version"
        super().__init__("", {}, remedy, f"the contract refused with {shown}", call)
        self.data = data

    def during(self, call: str) -> RevertedError:
        """Return the same error, naming the call that met it."""
        return UnknownRevertError(self.data, call)


@dataclass(frozen=True, slots=True)
class ErrorShape:
    """A custom error as an ABI declares it."""

    name: str
    types: tuple[str, ...]
    arguments: tuple[str, ...]
    contracts: tuple[str, ...]

    @property
    def signature(self) -> str:
        """Return what the selector is the hash of."""
        return f"{self.name}({','.join(self.types)})"


RAISED_IN_ASSEMBLY: Final = (
    ErrorShape("InvalidSignature", (), (), ("MeterOracle",)),
    ErrorShape("DeploymentFailed", (), (), ("MeterOracle",)),
)
"""Errors of solady's libraries, which no ABI lists because only assembly raises them."""


@cache
def shapes() -> Mapping[bytes, ErrorShape]:
    """Return all errors of all ABIs, Solidity's own two, and those that only assembly raises, by selector."""
    found: dict[bytes, ErrorShape] = {}
    for contract in artifacts.names():
        for entry in artifacts.load(contract).abi:
            if entry["type"] != "error":
                continue
            shape = ErrorShape(
                entry["name"],
                tuple(item["type"] for item in entry["inputs"]),
                tuple(item["name"] for item in entry["inputs"]),
                (contract,),
            )
            selector = keccak256(shape.signature.encode())[:4]
            known = found.get(selector)
            contracts = (*known.contracts, contract) if known else (contract,)
            found[selector] = ErrorShape(shape.name, shape.types, shape.arguments, contracts)
    solidity = (ErrorShape("Error", ("string",), ("reason",), ()), ErrorShape("Panic", ("uint256",), ("code",), ()))
    for shape in (*solidity, *RAISED_IN_ASSEMBLY):
        found[keccak256(shape.signature.encode())[:4]] = shape
    return found


def decode_revert(data: bytes) -> RevertedError:
    """Return the error that `data` stands for; `UnknownRevertError` where nothing explains it."""
    shape = shapes().get(data[:4])
    if shape is None:
        return UnknownRevertError(data)
    try:
        values = decode(shape.types, data[4:])
    except DecodingError:
        return UnknownRevertError(data)
    arguments = dict(zip(shape.arguments, values, strict=True))
    remedy = remedy_of(shape.name, shape.signature) or ""
    return RevertedError(shape.name, arguments, remedy, _message(shape, arguments))


def revert_data(value: object) -> bytes | None:
    """Return the revert data in an RPC error's `data` member, however the node wraps it; None where there is none."""
    if isinstance(value, dict):
        for key in ("data", "result", "output"):
            if key in value:
                return revert_data(value[key])
        return None
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        hexed = re.search(r"0x([0-9a-fA-F]*)$", value.strip())
        if hexed is not None and len(hexed.group(1)) % 2 == 0:
            return bytes.fromhex(hexed.group(1))
    return None


def _message(shape: ErrorShape, arguments: Mapping[str, Any]) -> str:
    if shape.name == "Error":
        return f"the contract refused: {arguments['reason']}"
    if shape.name == "Panic":
        code = arguments["code"]
        return f"the contract panicked: {PANICS.get(code, 'for an unknown reason')} (0x{code:02x})"
    words = ", ".join(f"{_words(name)} {_value(name, value)}" for name, value in arguments.items())
    return f"{_words(shape.name)} ({words})" if words else _words(shape.name)


def _words(name: str) -> str:
    """Return `headAsOf` as `head as of`; acronyms and ERC numbers stay together."""
    parts = re.findall(r"ERC\d+|[A-Z]+(?=[A-Z][a-z]|$|\d)|[A-Z]?[a-z]+|\d+", name)
    text = " ".join(part if part.isupper() or part.startswith("ERC") else part.lower() for part in parts)
    return text.replace("gpu ms", "GPU-ms").replace("gpu", "GPU")


def _value(name: str, value: Any) -> str:
    if isinstance(value, bytes):
        if len(value) != 32:
            return "0x" + value.hex()
        try:
            text = from_bytes32_text(value)
        except Bytes32TextError:
            text = ""
        return text or "0x" + value.hex()
    if name in _WORDS and value in set(_WORDS[name]):
        return _WORDS[name](value).name.lower().replace("_", " ")
    if name in _TIMES and isinstance(value, int) and _EARLIEST_TIME <= value < 2**40:
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if value < 2**37 else str(value)
    return str(value)
