"""A machine that has nothing but a clean clone, and the pages that stand in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pyutils.devnet import find_devnet, stop_devnet
from pyutils.manifest import USER_FOLDER

from .follower import plain_environment


@dataclass(frozen=True)
class Newcomer:
    """A person with a clone and an empty home, whose packages were downloaded before."""

    clone: Path
    environment: dict[str, str]
    before: str
    """What git says of the clone before anything is done in it."""


@pytest.fixture(scope="session")
def newcomer(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    """Clone the checkout as it is, with what is changed in it and not committed yet."""
    folder = tmp_path_factory.mktemp("newcomer")
    clone, home = folder / "gpu-rwa", folder / "home"
    home.mkdir()
    _git(folder, "clone", "--quiet", str(project_root), str(clone))
    changed = _git(project_root, "diff", "--name-only", "--no-renames", "-z", "HEAD")
    new = _git(project_root, "ls-files", "-z", "--others", "--exclude-standard")
    for name in filter(None, (changed + new).split("\0")):
        there = clone / name
        there.unlink(missing_ok=True)
        if (project_root / name).exists():
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project_root / name, there)
    before = _git(clone, "status", "--porcelain", "--untracked-files=all")
    return Newcomer(clone, plain_environment(home, without=project_root), before)


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def devnet_at() -> Iterator[Callable[[Path], Path]]:
    """Return a folder in which a devnet may be started; what still runs there at the end is stopped."""
    folders: list[Path] = []

    def at(folder: Path) -> Path:
        folders.append(folder)
        return folder

    yield at
    for folder in folders:
        if find_devnet(folder / USER_FOLDER) is not None:
            stop_devnet(folder / USER_FOLDER)


def installed_environment(project_root: Path, home: Path) -> dict[str, str]:
    """Return the environment of a person who works in this checkout: its tools, and a home of its own."""
    environment = plain_environment(home, without=project_root)
    tools = project_root / ".venv" / "bin"
    return environment | {
        "PATH": os.pathsep.join([str(tools), environment["PATH"]]),
        "PYTHONPATH": str(project_root),
        "GPURWA_STATE": str(home / "state"),
    }
