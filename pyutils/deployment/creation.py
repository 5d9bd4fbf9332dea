"""The code that created a recorded contract: what its artifact begins with, and its constructor's arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eth_abi.exceptions import EncodingError

from pyutils import artifacts
from pyutils.contracts.base import encode_constructor
from pyutils.manifest import DeployedContract, ManifestError


def encoded_arguments(record: DeployedContract) -> bytes:
    """Return a contract's constructor arguments as the ABI encodes them, empty where it takes none.

    Raises:
        ManifestError: the record's arguments do not fit the constructor.
        UnknownArtifactError: this version of the package has no such contract.

    """
    artifact = artifacts.load(record.artifact)
    constructor = next((entry for entry in artifact.abi if entry["type"] == "constructor"), None)
    inputs = constructor["inputs"] if constructor else []
    try:
        if len(inputs) != len(record.constructor_args):
            raise ValueError(f"{len(inputs)} arguments are taken, {len(record.constructor_args)} recorded")
        values = [_from_record(entry, value) for entry, value in zip(inputs, record.constructor_args, strict=True)]
        return encode_constructor(record.artifact, values)[len(artifact.bytecode) :]
    except (EncodingError, ValueError, TypeError) as error:
        raise ManifestError(f"constructor_args of {record.artifact} at {record.address}: {error}") from error


def creation_code(record: DeployedContract) -> bytes:
    """Return the code that created a contract. Raises as `encoded_arguments` does."""
    return artifacts.load(record.artifact).bytecode + encoded_arguments(record)


def _from_record(entry: Mapping[str, Any], value: Any) -> Any:
    """Return a recorded argument as the ABI takes it: bytes are hex in a record."""
    kind: str = entry["type"]
    if kind.endswith("]"):
        item = {**entry, "type": kind[: kind.rindex("[")]}
        return [_from_record(item, one) for one in value]
    if kind == "tuple":
        return tuple(_from_record(member, one) for member, one in zip(entry["components"], value, strict=True))
    if kind.startswith("bytes") and isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    return value
