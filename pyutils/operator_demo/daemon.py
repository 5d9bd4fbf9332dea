"""One command of ours in a process of its own, with its log: started, killed by itself, started again, stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pyutils import child
from pyutils.errors import GpuRwaError, ToolchainError
from pyutils.reporter.failpoints import ENVIRONMENT
from pyutils.settings import ENV_PREFIX

STOP_TIMEOUT_S: Final = 30.0


class DaemonError(GpuRwaError):
    """A process of the demo ended when it should not have, or did not do what it was started for."""

    remedy = "Read the log that is named"


class NoCommandError(ToolchainError):
    """The package is here, its command is not."""

    remedy = "Install the package, or run `make setup` in a checkout"


@dataclass
class Daemon:
    """A command and its processes, one after the other.

    Args:
        name: how the timeline calls it.
        arguments: what follows `gpurwa`.
        folder: where it runs; it finds the deployment's record there.
        environment: variables beside those of this process, of which the package's own are left out.
        log: file to which all its processes write.

    """

    name: str
    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    log: Path
    statuses: list[int] = field(default_factory=list)
    """How its processes ended so far; minus a signal's number where one ended it."""
    is_to_die: bool = False
    """Whether the process that was started last kills itself at a failpoint."""
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self, die_at: str = "") -> None:
        """Start a process; where a failpoint is named, it kills itself when it reaches that."""
        assert self._process is None, f"{self.name} runs already"
        self.is_to_die = bool(die_at)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
        armed = {ENVIRONMENT: die_at} if die_at else {}
        with self.log.open("ab") as output:
            # A session of its own: Ctrl-C in the terminal reaches the conductor, who decides when it ends.
            self._process = subprocess.Popen(
                [str(_gpurwa()), *self.arguments],
                cwd=self.folder,
                env={**inherited, **self.environment, **armed},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def has_ended(self) -> bool:
        """Whether its process ended by itself, and nobody looked at how yet."""
        return self._process is not None and self._process.poll() is not None

    def look(self) -> int:
        """Return how a process ended that ended by itself, and count it."""
        assert self._process is not None, f"{self.name} was never started"
        status = self._process.wait()
        self._process = None
        self.statuses.append(status)
        return status

    def finish(self, limit_s: float) -> None:
        """Wait until it has done its work. Raises `DaemonError` where it fails or takes longer."""
        assert self._process is not None, f"{self.name} was never started"
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired as error:
            raise DaemonError(f"{self.name} took more than {limit_s:.0f} s (log: {self.log})") from error
        status = self.look()
        if status:
            raise self.failure(status)

    def failure(self, status: int) -> DaemonError:
        """Return an error that says how it ended and what it said last."""
        said = child.last_line(self.log.read_text(errors="replace"))
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        return DaemonError(f"{self.name} {how}: {said} (log: {self.log})")

    def ask_to_stop(self) -> None:
        """Ask it to end as a service manager does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Ask it to end and wait until it is gone; nothing where it does not run."""
        if self._process is None:
            return
        try:
            child.end(self._process, STOP_TIMEOUT_S)
        finally:
            self.look()


def _gpurwa() -> Path:
    """Return the command beside the Python that runs. Raises `NoCommandError`."""
    found = shutil.which("gpurwa", path=str(Path(sys.executable).parent)) or shutil.which("gpurwa")
    if found is None:
        raise NoCommandError("the command gpurwa is neither beside this Python nor on PATH")
    return Path(found)
