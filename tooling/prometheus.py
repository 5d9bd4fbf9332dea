"""Puts Prometheus below this folder where the machine has none: Debian's package, unpacked without root's rights."""

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


def main() -> int:
    """Link Prometheus' commands into the environment, unless they are on the path already."""
    if all(shutil.which(name, path=str(BIN)) or shutil.which(name) for name in COMMANDS):
        return 0
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        print("prometheus: there is no apt here; install Prometheus 2.42 or later and put it on PATH", file=sys.stderr)
        return 1
    print("setup: prometheus", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if not _download(Path(folder)):
            print("prometheus: apt-get cannot download it; run `apt-get update` as root and try again", file=sys.stderr)
            return 1
        package = next(Path(folder).glob("*.deb"))
        subprocess.run(["dpkg-deb", "-x", str(package), str(TOOLS / PACKAGE)], check=True)
    for name in COMMANDS:
        link = BIN / name
        link.unlink(missing_ok=True)
        link.symlink_to(TOOLS / PACKAGE / "usr" / "bin" / name)
    return 0


def _download(folder: Path) -> bool:
    command = ["apt-get", "download", "-q", PACKAGE]
    if subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0:
        return True
    # A fresh machine has no lists yet; only root may fetch them.
    if os.geteuid() != 0 or subprocess.run(["apt-get", "update", "-q"], capture_output=True, check=False).returncode:
        return False
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
