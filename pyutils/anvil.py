"""Starts and stops anvil, the development chain behind tests, demo and devnet."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from pyutils import child, toolchain
from pyutils.errors import ToolchainError

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
_LISTENING = re.compile(r"Listening on (127\.0\.0\.1:\d+)")


class AnvilError(ToolchainError):
    """Anvil ended before it listened; the message carries the last line of its log."""

    remedy = "Read its log; a port that is taken needs another --port"


def states_folder(log: Path) -> Path:
    """Return where an anvil with this log keeps the states of old blocks: gigabytes that it never deletes itself."""
    return log.with_suffix(".states")


@dataclass(slots=True)
class Anvil:
    """A running anvil. Leaving its `with` block stops it; without one it outlives this process."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, log: Path, *, port: int = 0, arguments: Sequence[str] = ()) -> Self:
        """Start anvil on this machine alone and return once it listens.

        Args:
            log: file for its output; a pipe that nobody drains would hang it.
            port: where to listen; 0 lets the system choose.
            arguments: further options of anvil, such as `("--timestamp", "1700000000")`.

        Raises:
            MissingToolError: there is no anvil.
            AnvilError: it ended, or did not listen in time.

        """
        states = states_folder(log)
        command = [str(toolchain.anvil()), "--host", "127.0.0.1", "--port", str(port), "--cache-path", str(states)]
        command += arguments
        log.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(states, ignore_errors=True)
        with log.open("wb") as output:
            # A session of its own: Ctrl-C in the terminal reaches the caller, who decides when the chain ends.
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            found = _LISTENING.search(log.read_text(errors="replace"))
            if found is not None:
                return cls(f"http://{found.group(1)}", process, log)
            if process.poll() is not None:
                said = child.last_line(log.read_text(errors="replace"))
                raise AnvilError(f"anvil ended with status {process.returncode}: {said} (log: {log})")
            time.sleep(0.01)
        process.kill()
        process.wait()
        raise AnvilError(f"anvil did not listen within {START_TIMEOUT_S:.0f} s (log: {log})")

    def stop(self) -> None:
        """End the chain, wait until it is gone, and delete its old states."""
        child.end(self.process, STOP_TIMEOUT_S)
        shutil.rmtree(states_folder(self.log), ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
