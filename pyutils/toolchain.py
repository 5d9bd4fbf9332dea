"""Finds the tools that are no Python packages: anvil, forge and solc.

`make setup` puts Foundry's commands beside the environment's Python and the compiler into `.solc/`; elsewhere they are
looked for on `PATH` and where py-solc-x keeps its compilers. What cannot be found is an error that says how to get it.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Literal

from pyutils.errors import ToolchainError

FoundryTool = Literal["anvil", "forge", "cast"]

SOLC_VERSION = "0.8.37"
"""The compiler of every contract and artifact; 0.8.28 to 0.8.33 have a published bug and must not be used."""

FOUNDRY_VERSION = "1.7.1"

DEBIAN_FOLDER = "/usr/bin"
"""Where Debian's packages put commands, whatever `PATH` a service manager gives."""

PROJECT_ROOT = Path(__file__).resolve().parent.parent
"""The checkout, where there is one: an installed wheel has neither `contracts/` nor `foundry.toml` there."""


class MissingToolError(ToolchainError):
    """A tool is neither where the environment says nor on `PATH`."""

    def __init__(self, tool: str, looked_in: list[str], remedy: str) -> None:
        super().__init__(f"{tool} cannot be found, looked in {', '.join(looked_in)}", remedy=remedy)
        self.tool, self.looked_in = tool, looked_in


def foundry_tool(tool: FoundryTool) -> Path:
    """Return the path of one of Foundry's commands.

    Raises:
        MissingToolError: it is neither beside the running Python nor on `PATH`.

    """
    folder = str(Path(sys.executable).parent)
    found = shutil.which(tool, path=folder) or shutil.which(tool)
    if found is None:
        remedy = f"Run `make setup` in a checkout, or install Foundry {FOUNDRY_VERSION} and add its folder to PATH"
        raise MissingToolError(tool, [folder, "PATH"], remedy)
    return Path(found)


def anvil() -> Path:
    """Return the path of anvil, the development chain. Raises `MissingToolError`."""
    return foundry_tool("anvil")


def forge() -> Path:
    """Return the path of forge, which builds and tests the contracts. Raises `MissingToolError`."""
    return foundry_tool("forge")


def prometheus() -> Path:
    """Return the path of Prometheus, which the operator's demo and slow tests run. Raises `MissingToolError`."""
    return _prometheus_tool("prometheus")


def promtool() -> Path:
    """Return the path of promtool, which comes with Prometheus. Raises `MissingToolError`."""
    return _prometheus_tool("promtool")


def _prometheus_tool(tool: str) -> Path:
    folder = str(Path(sys.executable).parent)
    found = shutil.which(tool, path=folder) or shutil.which(tool) or shutil.which(tool, path=DEBIAN_FOLDER)
    if found is None:
        remedy = "Run `make prometheus` in a checkout, or install Debian's package prometheus"
        raise MissingToolError(tool, [folder, "PATH", DEBIAN_FOLDER], remedy)
    return Path(found)


def solc() -> Path:
    """Return the path of the compiler, native or npm's behind the same interface. Raises `MissingToolError`."""
    name = f"solc-v{SOLC_VERSION}"
    named = os.environ.get("FOUNDRY_SOLC")
    folders = [
        Path(os.environ.get("SOLCX_BINARY_PATH", PROJECT_ROOT / ".solc")),
        PROJECT_ROOT / ".solc",
        Path.home() / ".solcx",
    ]
    candidates = ([Path(named)] if named else []) + [folder / name for folder in dict.fromkeys(folders)]
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    raise MissingToolError(
        f"solc {SOLC_VERSION}",
        [str(candidate) for candidate in candidates],
        "Run `make setup` in a checkout; an installed package needs no compiler, its artifacts come with it",
    )
