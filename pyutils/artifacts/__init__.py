"""The compiled contracts that come with the package: ABI, code, storage layout, and what they were compiled from.

Written by `python -m pyutils.compile` (`make artifacts`) and committed; a test proves that they are what the sources
compile to. Reading them needs no compiler, no ape and no Node.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from pyutils.errors import ToolchainError

STANDARD_INPUT_NAME = "standard_input.json.gz"
METADATA_NAME = "metadata.json.gz"

RUNS: Mapping[str, tuple[str, ...]] = {"FleetCredit": ("LoanOffice",)}
"""Contracts whose code another one runs on its own storage: its ABI is that of all together."""

AbiEntry = Mapping[str, Any]
"""One function, event, error or constructor of a contract, as the compiler writes it."""

__all__ = [
    "METADATA_NAME",
    "RUNS",
    "STANDARD_INPUT_NAME",
    "AbiEntry",
    "Artifact",
    "CodeRange",
    "UnknownArtifactError",
    "load",
    "metadata",
    "names",
    "standard_input",
]


class UnknownArtifactError(ToolchainError):
    """No contract of this name was compiled into the package."""

    remedy = "Ask for one of `pyutils.artifacts.names()`, or run `make artifacts` after adding a contract"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no compiled contract named {name}")
        self.name = name


class CodeRange(NamedTuple):
    """Where an immutable value stands in the runtime code, in bytes."""

    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Artifact:
    """One concrete contract as the compiler made it."""

    name: str
    source: str
    """Name of the source unit in the standard JSON input, such as `contracts/LeaseBook.sol`."""
    compiler: str
    """Version of the compiler with its commit, as `solc --version` says it."""
    abi: tuple[AbiEntry, ...]
    """With that of the code that it runs on its own storage."""
    bytecode: bytes
    """Creation code; constructor arguments are appended to it."""
    deployed_bytecode: bytes
    """Runtime code with zeros where immutables stand."""
    immutable_references: Mapping[str, tuple[CodeRange, ...]]
    """Where each immutable stands in the runtime code, by the name of its variable."""
    storage_layout: Mapping[str, Any]


@cache
def names() -> tuple[str, ...]:
    """Return the names of all compiled contracts, in alphabetical order."""
    suffix = ".json"
    files = (file.name for file in resources.files(__name__).iterdir())
    return tuple(sorted(file.removesuffix(suffix) for file in files if file.endswith(suffix)))


@cache
def load(name: str) -> Artifact:
    """Return the compiled contract `name`. Raises `UnknownArtifactError` where there is none."""
    if name not in names():
        raise UnknownArtifactError(name)
    row = _row(name)
    return Artifact(
        name=name,
        source=row["source"],
        compiler=row["compiler"],
        abi=_together(row["abi"], [_row(part)["abi"] for part in RUNS.get(name, ())]),
        bytecode=bytes.fromhex(row["bytecode"]),
        deployed_bytecode=bytes.fromhex(row["deployed_bytecode"]),
        immutable_references={
            variable: tuple(CodeRange(*place) for place in places)
            for variable, places in row["immutable_references"].items()
        },
        storage_layout=row["storage_layout"],
    )


def standard_input() -> dict[str, Any]:
    """Return the compiler's standard JSON input of all artifacts."""
    document: dict[str, Any] = json.loads(gzip.decompress(_packed(STANDARD_INPUT_NAME)))
    return document


def metadata(name: str) -> str:
    """Return a contract's metadata, byte for byte as the compiler wrote it: settings, sources by hash, ABI, NatSpec.

    Raises `UnknownArtifactError` where there is no contract of this name.
    """
    written = _all_metadata()
    if name not in written:
        raise UnknownArtifactError(name)
    return written[name]


@cache
def _all_metadata() -> Mapping[str, str]:
    found: dict[str, str] = json.loads(gzip.decompress(_packed(METADATA_NAME)))
    return found


def _packed(file: str) -> bytes:
    return resources.files(__name__).joinpath(file).read_bytes()


def _row(name: str) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(resources.files(__name__).joinpath(f"{name}.json").read_bytes())
    return row


def _together(own: list[AbiEntry], others: list[list[AbiEntry]]) -> tuple[AbiEntry, ...]:
    """Return the entries of all ABIs, each once; only `own` has the constructor."""
    found = list(own)
    for other in others:
        found += [entry for entry in other if entry["type"] != "constructor" and entry not in found]
    return tuple(found)
