"""What a deployment was made from: compiler, sources, and the commit of the checkout."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path

from pyutils import artifacts
from pyutils.keccak import keccak256
from pyutils.manifest import CompilerSettings
from pyutils.toolchain import PROJECT_ROOT


@cache
def compiler_settings() -> CompilerSettings:
    """Return with what the package's artifacts were compiled."""
    settings = artifacts.standard_input()["settings"]
    optimizer = settings["optimizer"]
    return CompilerSettings(
        version=artifacts.load("Create3Factory").compiler,
        evm_version=settings["evmVersion"],
        optimizer_runs=optimizer["runs"] if optimizer["enabled"] else None,
        via_ir=settings["viaIR"],
        bytecode_hash=settings["metadata"]["bytecodeHash"],
    )


@cache
def sources_hash() -> bytes:
    """Return a hash of all sources from which the package's artifacts were compiled, and of their names."""
    sources = artifacts.standard_input()["sources"]
    return keccak256(json.dumps(sources, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


@cache
def git_revision(root: Path = PROJECT_ROOT) -> str | None:
    """Return the commit of the checkout at `root`, with `-dirty` where files differ from it.

    None outside a checkout, as in an installed wheel, and where git cannot be asked: `sources_hash` says there too
    what was deployed.
    """
    if not (root / ".git").exists():
        return None
    command = ("git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")
    # Only looking: whoever works in the checkout must not find its index locked.
    variables = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(command, cwd=root, env=variables, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
