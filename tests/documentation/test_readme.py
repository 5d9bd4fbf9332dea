"""The README is true: its shell and Python blocks are run in order, and what it names is there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pyutils.chain import connect
from pyutils.contracts import System
from pyutils.devnet import CHAIN_ID
from pyutils.manifest import load_manifest

from .conftest import installed_environment
from .follower import follow
from .snippets import DRAWN, Block, blocks

MOST_LINES = 200


@pytest.fixture(scope="module")
def page(project_root: Path) -> Path:
    return project_root / "README.md"


@pytest.fixture(scope="module")
def readme(page: Path) -> str:
    return page.read_text()


@pytest.fixture(scope="module")
def steps(page: Path) -> list[Block]:
    """Return what the README tells a reader to type."""
    return [block for block in blocks(page) if block.language not in DRAWN]


def test_readme__length__fits_a_reader(readme: str) -> None:
    assert len(readme.splitlines()) <= MOST_LINES


def test_readme__make_targets__are_there(readme: str, project_root: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (project_root / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", readme, re.MULTILINE))
    assert {"demo", "test", "devnet", "shell"} <= named
    assert named <= targets


def test_readme__links__lead_to_files(readme: str, project_root: Path) -> None:
    named = re.findall(r"\]\(([^)#:]+)\)", readme)
    assert len(named) >= 10
    assert [name for name in named if not (project_root / name).is_file()] == []


def test_readme__known_issues__are_numbered(readme: str) -> None:
    issues = readme.split("## Known issues")[1].split("## ", maxsplit=1)[0]
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", issues, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers


def test_readme__blocks__are_run_but_for_the_two_commands(steps: list[Block]) -> None:
    assert [block.text for block in steps if not block.runs] == [steps[0].text]
    assert steps[0].text.splitlines()[-1] == "make test"


@pytest.mark.slow
def test_readme__first_steps__run_in_order_where_the_demo_ended(
    steps: list[Block], project_root: Path, tmp_path: Path, devnet_at: Callable[[Path], Path]
) -> None:
    devnet_at(tmp_path)
    environment = installed_environment(project_root, tmp_path)
    run = [block for block in steps if block.runs]
    done = follow(run, tmp_path, environment, tmp_path / "readme.log", first="gpurwa devnet --quiet", timeout_s=300)
    manifest = load_manifest("devnet", tmp_path / "deployments")
    system = System.at(connect(manifest.rpc_urls, CHAIN_ID), manifest)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    demo = [row["id"] for row in summary["leases"]]
    assert system.registry.fleet_count() == len(summary["fleets"]) + 1
    printed = str(done)
    assert f"Lease {demo[0]}" in printed
    assert '"host": "fleet-1.example"' in printed
    assert "ssh gpu@203.0.113.7" in printed
    assert "is closed" in printed
    assert "kept as reserve" in printed
    assert "wait in epoch" in printed
    assert "sent to" in printed
