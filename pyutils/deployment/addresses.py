"""Where contracts will stand, computed before any of them has code."""

from __future__ import annotations

from typing import Final

from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from pyutils import artifacts
from pyutils.keccak import keccak256
from pyutils.models.address import parse_address

CREATE2_DEPLOYER: Final = parse_address("0x4e59b44847b379578588920cA78FbF26c0B4956C")
"""The deterministic deployment proxy that stands on nearly every chain; takes a salt followed by creation code."""

PROXY_INIT_CODE_HASH: Final = keccak256(bytes.fromhex("73365f5f37365f34f06012573d5f5f3e3d5ffd5b005f526014600cf3"))
"""Hash of the creation code of OpenZeppelin's CREATE3 proxy."""

SALT_NAMESPACE: Final = "gpu-rwa/v1"

FACTORY_SALT: Final = keccak256(f"{SALT_NAMESPACE}/Create3Factory".encode())


def salt_of(contract: str) -> bytes:
    """Return the salt under which a contract is deployed."""
    return keccak256(f"{SALT_NAMESPACE}/{contract}".encode())


def create2_address(deployer: str, salt: bytes, init_code_hash: bytes) -> ChecksumAddress:
    """Return where `deployer` puts a contract by CREATE2."""
    return to_checksum_address(keccak256(b"\xff" + _raw(deployer) + salt + init_code_hash)[12:])


def factory_address() -> ChecksumAddress:
    """Return where our `Create3Factory` stands on every chain."""
    return create2_address(CREATE2_DEPLOYER, FACTORY_SALT, keccak256(artifacts.load("Create3Factory").bytecode))


def create3_address(factory: str, deployer: str, salt: bytes) -> ChecksumAddress:
    """Return where `deployer` gets a contract from the factory, as `Create3Factory.addressOf` has it."""
    bound = keccak256(_raw(deployer).rjust(32, b"\0") + salt)
    proxy = create2_address(factory, bound, PROXY_INIT_CODE_HASH)
    # RLP of (proxy, 1): the first contract that the proxy creates.
    return to_checksum_address(keccak256(b"\xd6\x94" + _raw(proxy) + b"\x01")[12:])


def _raw(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x"))
