"""Follows a page word by word: all its blocks in one shell, stopped by the first command that fails."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .snippets import Block, difference

_MARK = re.compile(r"^::block (\d+)::\n", re.MULTILINE)
_OURS = ("GPURWA_", "FOUNDRY_", "SOLCX_", "PYTHON", "PYTEST_", "VIRTUAL_ENV", "APE_", "ETH_RPC")
"""Beginnings of the names of variables that a person who begins does not have."""


@dataclass(frozen=True)
class Followed:
    """What a page's blocks printed, by their order, and how long that took."""

    printed: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        """Return everything that was printed."""
        return "".join(self.printed)


def plain_environment(home: Path, *, without: Path) -> dict[str, str]:
    """Return the environment of a person who begins: a home of its own, and no tool that stands below `without`.

    Packages that were downloaded before are kept: what they are does not depend on the machine, how long it takes does.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    places = [place for place in environment["PATH"].split(os.pathsep) if not Path(place).is_relative_to(without)]
    old = Path(environment.get("HOME", "/"))
    return environment | {
        "HOME": str(home),
        "PATH": os.pathsep.join(places),
        "UV_CACHE_DIR": environment.get("UV_CACHE_DIR", str(old / ".cache" / "uv")),
        "npm_config_cache": environment.get("npm_config_cache", str(old / ".npm")),
    }


def follow(
    page: Sequence[Block], folder: Path, environment: Mapping[str, str], log: Path, *, first: str = "", timeout_s: float
) -> Followed:
    """Run the blocks in `folder`, and hold what they print against what the page shows.

    `first` is run before them, in the same shell. Both streams go into `log`, as a terminal would show them.
    """
    script = ["set -euo pipefail", "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT", first]
    for number, block in enumerate(page):
        script += [f"printf '\\n::block {number}::\\n'", block.script]
    began = time.monotonic()
    with log.open("wb") as stream:
        shell = subprocess.Popen(
            ["bash", "-c", "\n".join(script)],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = shell.wait(timeout_s)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGTERM)
    printed = _MARK.split(log.read_text(errors="replace"))[2::2]
    failed = page[len(printed) - 1].where if printed else "before the first block"
    assert status == 0, f"{failed} ended with status {status}\n{'::'.join(printed[-1:])[-3_000:]}"
    assert len(printed) == len(page)
    wrong = list(_differences(zip(page, printed, strict=True)))
    assert not wrong, "\n\n".join(wrong)
    return Followed(tuple(printed), time.monotonic() - began)


def _differences(pairs: Iterable[tuple[Block, str]]) -> Iterable[str]:
    for block, text in pairs:
        found = difference(block.seen, text) if block.seen is not None else None
        if found is not None:
            yield f"{block.where} shows what is not so:\n{found}"
