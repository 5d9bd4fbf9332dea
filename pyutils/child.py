"""Ending a process that this one started."""

from __future__ import annotations

import subprocess


def end(process: subprocess.Popen[bytes], timeout_s: float) -> None:
    """Ask a process to end and wait until it is gone; kill it where it does not go in time, or the wait breaks off."""
    process.terminate()
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        pass  # killed below, as after a second Ctrl-C
    finally:
        process.kill()
        process.wait()


def last_line(text: str) -> str:
    """Return the last line of a log, for the error that names it."""
    return (text.strip().splitlines() or ["it wrote nothing"])[-1][:300]
