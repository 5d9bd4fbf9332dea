"""Put Prometheus below this folder where the machine has none: Debian's package, unpacked without installing it.

Run by `make`, with the standard library alone. Where Prometheus is there already, on the path or from an earlier run,
nothing is done.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
TOOLS = ROOT / ".tools"
PACKAGE = "prometheus"
COMMANDS = ("prometheus", "promtool")


class PrometheusSetupError(Exception):
    """Prometheus cannot be had; the message says what a person can do about it."""


def say(text: str) -> None:
    """Print one line of progress at once, also into a pipe."""
    print(f"prometheus: {text}", flush=True)


def succeeds(*command: str, folder: Path) -> bool:
    """Run a command in a folder, silently, and return whether it succeeded."""
    return (
        subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
    )


def is_there() -> bool:
    """Return whether both commands are on the path or in the environment."""
    return all(shutil.which(name) or shutil.which(name, path=str(BIN)) for name in COMMANDS)


def download(folder: Path) -> Path:
    """Return Debian's package, downloaded into a folder. Raises `PrometheusSetupError`."""
    command = ("apt-get", "download", "-q", PACKAGE)
    if not succeeds(*command, folder=folder):
        # A fresh machine has no lists of packages yet, and only root may fetch them.
        if os.geteuid() != 0:
            raise PrometheusSetupError(f"`{' '.join(command)}` fails: run `apt-get update` as root and try again")
        if not succeeds("apt-get", "update", "-q", folder=folder) or not succeeds(*command, folder=folder):
            raise PrometheusSetupError(f"`{' '.join(command)}` fails: see that the package index can be reached")
    return next(folder.glob("*.deb"))


def unpack(package: Path) -> None:
    """Unpack a package, whole or not at all, and link its commands into the environment."""
    TOOLS.mkdir(exist_ok=True)
    target = TOOLS / PACKAGE
    with tempfile.TemporaryDirectory(dir=TOOLS) as name:
        if not succeeds("dpkg-deb", "-x", str(package), name, folder=TOOLS):
            raise PrometheusSetupError(f"`dpkg-deb -x` cannot unpack {package.name}")
        shutil.rmtree(target, ignore_errors=True)
        (Path(name) / "usr" / "bin").rename(target)
    for command in COMMANDS:
        link = BIN / command
        link.unlink(missing_ok=True)
        link.symlink_to(target / command)


def main() -> int:
    """Make Prometheus available and return the exit status."""
    if is_there():
        return 0
    try:
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            raise PrometheusSetupError("there is no apt here: install Prometheus 2.42 or later and put it on PATH")
        if not BIN.is_dir():
            raise PrometheusSetupError("there is no environment yet: run `make setup` first")
        say("Debian's package")
        with tempfile.TemporaryDirectory() as name:
            unpack(download(Path(name)))
        if not succeeds(str(BIN / "prometheus"), "--version", folder=ROOT):
            raise PrometheusSetupError(
                f"{TOOLS / PACKAGE / 'prometheus'} does not run: install Prometheus and put it on PATH"
            )
    except PrometheusSetupError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
