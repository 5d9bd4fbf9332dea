"""Places where a process kills itself when asked to. This exists for tests and drills, and for nothing else.

`GPURWA_FAILPOINT=promised` in the environment kills the process with SIGKILL right after the first promise is on disk,
`promised:3` after the third. What is left is what a loss of power at that instant leaves, so a drill can show at each
step that no digest is signed beside another and that at most one report is late. Without the variable nothing happens.
"""

from __future__ import annotations

import os
import signal
from itertools import count
from typing import Final

from pyutils.errors import SettingsError

ENVIRONMENT: Final = "GPURWA_FAILPOINT"

FAILPOINTS: Final[tuple[str, ...]] = (
    # Samples up to a report's are in memory; nothing of them is on disk.
    "sampled",
    # The meter's checkpoint, the pages and the report, COLLECTED, are on disk.
    "collected",
    # The leaf file is on disk; the report does not know its hash yet.
    "leaf_file_written",
    # The report is BUILT on disk; it has a digest that nobody promised.
    "built",
    # The digest is promised on disk; nothing was signed.
    "promised",
    # The signature is in memory; nobody else has it.
    "signed",
    # Verifiers are about to be asked.
    "asked_verifiers",
    # A signature, one's own or a verifier's, is on disk.
    "signature_stored",
    # The raw transaction is on disk and the report BROADCAST; no node has heard of it.
    "raw_saved",
    # A node took the transaction.
    "broadcast",
    # The report is MINED on disk.
    "mined",
    # The report is FINAL on disk.
    "finalized",
    # A head that others made is on disk, with the checkpoints that go on from it.
    "checkpoint_saved",
    # A verifier's promise, report and checkpoints are on disk; it signed nothing.
    "verifier_promised",
    # A verifier's signature is in memory; nobody has it.
    "verifier_signed",
)


class FailpointError(SettingsError):
    """The environment asks for a place that does not exist: a drill that would show nothing."""

    remedy = f"Set {ENVIRONMENT} to one of {', '.join(FAILPOINTS)}, with :N for the N-th time"


def _parse(text: str) -> tuple[str, int]:
    name, _, times = text.partition(":")
    if name not in FAILPOINTS or not (times or "1").isdecimal() or int(times or "1") < 1:
        raise FailpointError(f"{ENVIRONMENT}={text} names no place to die at")
    return name, int(times or "1")


_NAME, _TIMES = _parse(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else ("", 0)
_reached = count(1)


def reach(name: str) -> None:
    """Kill this process at once where the environment asks for it here; otherwise do nothing."""
    assert name in FAILPOINTS, f"{name} is no failpoint"
    if name == _NAME and next(_reached) == _TIMES:
        os.kill(os.getpid(), signal.SIGKILL)
