"""The code that a contract will have, from its artifact and the values of its immutables alone.

What the registry's `seal` compares is computed here, never read from the chain that is to be checked.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyutils import artifacts
from pyutils.eip712 import Domain
from pyutils.errors import ToolchainError
from pyutils.keccak import keccak256


class ImmutableError(ToolchainError):
    """A contract has an immutable whose value the deployment does not know."""

    remedy = "Teach pyutils.deployment.system the value of the new immutable"


def runtime_code(contract: str, immutables: Mapping[str, int | bytes]) -> bytes:
    """Return the runtime code of a contract, its immutables filled in.

    Args:
        contract: its name.
        immutables: words by variable name: a number, or 32 bytes. Names that the contract lacks are ignored.

    Raises:
        ImmutableError: the contract has one that is not given.

    """
    artifact = artifacts.load(contract)
    code = bytearray(artifact.deployed_bytecode)
    for variable, places in artifact.immutable_references.items():
        if variable not in immutables:
            raise ImmutableError(f"the value of {contract}.{variable} is not known")
        value = immutables[variable]
        word = value.to_bytes(32) if isinstance(value, int) else value
        for start, length in places:
            code[start : start + length] = word.rjust(length, b"\0")
    return bytes(code)


def masked(contract: str, code: bytes) -> bytes:
    """Return runtime code with zeros where a contract's immutables stand, as its artifact has it."""
    bare = bytearray(code)
    for places in artifacts.load(contract).immutable_references.values():
        for start, length in places:
            # A slice past the end is shorter: code of another length stays one of another length.
            bare[start : start + length] = bytes(len(bare[start : start + length]))
    return bytes(bare)


def immutables_in(contract: str, code: bytes) -> dict[str, frozenset[bytes]]:
    """Return what stands in runtime code where a contract's immutables are; more than one value where it is not its."""
    return {
        variable: frozenset(code[start : start + length] for start, length in places)
        for variable, places in artifacts.load(contract).immutable_references.items()
    }


def code_hash(code: bytes) -> bytes:
    """Return EXTCODEHASH of a contract with this code."""
    return keccak256(code)


def domain_immutables(domain: Domain) -> dict[str, int | bytes]:
    """Return what solady's and OpenZeppelin's EIP712 keep of a domain."""
    name_hash, version_hash = keccak256(domain.name.encode()), keccak256(domain.version.encode())
    return {
        "_cachedThis": int(domain.contract, 16),
        "_cachedChainId": domain.chain_id,
        "_cachedDomainSeparator": domain.separator,
        "_cachedNameHash": name_hash,
        "_cachedVersionHash": version_hash,
        "_hashedName": name_hash,
        "_hashedVersion": version_hash,
        "_name": short_string(domain.name),
        "_version": short_string(domain.version),
    }


def short_string(text: str) -> bytes:
    """Return OpenZeppelin's `ShortString`: up to 31 bytes, the length in the last."""
    raw = text.encode()
    if len(raw) > 31:
        raise ImmutableError(f"{text!r} is longer than the 31 bytes of a short string")
    return raw.ljust(31, b"\0") + bytes([len(raw)])
