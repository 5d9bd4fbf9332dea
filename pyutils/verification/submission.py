"""What an explorer is given of a contract: the sources that it needs, how they are compiled, and how it was created."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pyutils import artifacts
from pyutils.deployment.creation import encoded_arguments
from pyutils.manifest import DeployedContract, Manifest, UnknownContractError
from pyutils.operations.deployments import other_sources
from pyutils.verification.errors import OtherSourcesError

_OUTPUTS: Final = ["abi", "metadata", "evm.bytecode", "evm.deployedBytecode"]


@dataclass(frozen=True, slots=True)
class Submission:
    """One contract to verify."""

    name: str
    """What the record calls it."""
    record: DeployedContract
    chain_id: int

    @property
    def identifier(self) -> str:
        """Return source and name, as explorers and compilers write them: `contracts/LeaseBook.sol:LeaseBook`."""
        return f"{artifacts.load(self.record.artifact).source}:{self.record.artifact}"

    @property
    def compiler(self) -> str:
        """Return the compiler's version with its commit."""
        return artifacts.load(self.record.artifact).compiler

    @property
    def input(self) -> dict[str, Any]:
        """Return the standard JSON input that compiles the contract."""
        return minimal_input(self.record.artifact)

    @property
    def arguments(self) -> bytes:
        """Return the constructor's arguments, ABI-encoded, without a prefix. Raises `ManifestError`."""
        return encoded_arguments(self.record)

    @property
    def transaction(self) -> str | None:
        """Return the hash of the transaction that created the contract, None where it is not recorded."""
        return None if self.record.transaction is None else "0x" + self.record.transaction.hex()


def submissions(manifest: Manifest, names: Sequence[str] = ()) -> tuple[Submission, ...]:
    """Return what is to be sent of a deployment.

    Args:
        manifest: the deployment's record.
        names: contracts as the record calls them, those of credit markets with or without their token; all where empty.

    Raises:
        UnknownContractError: the record has no such contract.
        OtherSourcesError: the deployment was made from other sources, which no explorer could match.

    """
    differs = other_sources(manifest)
    if differs is not None:
        raise OtherSourcesError(differs)
    everything = list(manifest.everything)
    for name in names:
        if not any(_is_named(label, name) for label, _ in everything):
            raise UnknownContractError(manifest.network, name)
    return tuple(
        Submission(label, record, manifest.chain_id)
        for label, record in everything
        if not names or any(_is_named(label, name) for name in names)
    )


def minimal_input(contract: str) -> dict[str, Any]:
    """Return the standard JSON input of one contract: of all shipped sources those alone that it is made from.

    The compiler's metadata names them. An explorer's readers see nothing else then, and it compiles a tenth.
    """
    return deepcopy(_minimal_input(contract))


@cache
def _minimal_input(contract: str) -> dict[str, Any]:
    whole = artifacts.standard_input()
    needed = json.loads(artifacts.metadata(contract))["sources"]
    return {
        "language": whole["language"],
        "sources": {name: whole["sources"][name] for name in sorted(needed)},
        "settings": whole["settings"] | {"outputSelection": {"*": {"*": _OUTPUTS, "": ["ast"]}}},
    }


def _is_named(label: str, name: str) -> bool:
    return label == name or label.startswith(f"{name} for ")
