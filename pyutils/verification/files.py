"""The files of a verification, for explorers' pages and for whoever compiles for himself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyutils import artifacts
from pyutils.durable import write_whole
from pyutils.verification.submission import Submission

INDEX_NAME = "contracts.json"


def write_submissions(found: Sequence[Submission], folder: Path) -> Path:
    """Write what explorers ask for, a folder for each compiled contract, and a list of all.

    `NAME/standard_input.json` is what the compiler is given, `NAME/metadata.json` what it wrote, byte for byte.
    `contracts.json` has a row for each contract with its address, compiler and constructor's arguments.

    Returns:
        The list's path.

    Raises:
        UnwritableFileError: a file cannot be written.
        ManifestError: recorded constructor arguments do not fit.

    """
    rows = [_row(one) for one in found]
    for contract, one in {one.record.artifact: one for one in found}.items():
        document = json.dumps(one.input, sort_keys=True, indent=2, ensure_ascii=False)
        write_whole(folder / contract / "standard_input.json", document.encode() + b"\n")
        write_whole(folder / contract / "metadata.json", artifacts.metadata(contract).encode())
    return write_whole(folder / INDEX_NAME, json.dumps(rows, indent=2).encode() + b"\n")


def _row(one: Submission) -> dict[str, Any]:
    return {
        "name": one.name,
        "chain_id": one.chain_id,
        "address": one.record.address,
        "contract": one.identifier,
        "compiler": f"v{one.compiler}",
        "standard_input": f"{one.record.artifact}/standard_input.json",
        "metadata": f"{one.record.artifact}/metadata.json",
        "constructor_arguments": one.arguments.hex(),
        "creation_transaction": one.transaction,
    }
