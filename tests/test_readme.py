"""The README is true: its shell and Python blocks are run in order, and what it names is there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pyutils.chain import connect
from pyutils.contracts import System
from pyutils.devnet import CHAIN_ID, find_devnet, stop_devnet
from pyutils.manifest import load_manifest

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MOST_LINES = 200


@pytest.fixture(scope="module")
def readme(project_root: Path) -> str:
    return (project_root / "README.md").read_text()


def test_readme__length__fits_a_reader(readme: str) -> None:
    assert len(readme.splitlines()) <= MOST_LINES


def test_readme__make_targets__are_there(readme: str, project_root: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (project_root / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", readme, re.MULTILINE))
    assert {"demo", "test", "devnet", "shell"} <= named
    assert named <= targets


def test_readme__known_issues__are_numbered(readme: str) -> None:
    issues = readme.split("## Known issues")[1].split("## ", maxsplit=1)[0]
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", issues, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers


def test_readme__blocks__are_of_kinds_that_are_run(readme: str) -> None:
    assert {kind for kind, _ in BLOCK.findall(readme)} == {"mermaid", "sh", "python"}


@pytest.mark.slow
def test_readme__first_steps__run_in_order_where_the_demo_ended(
    readme: str, project_root: Path, tmp_path: Path
) -> None:
    steps = readme.split("## First steps")[1]
    script = ["set -euo pipefail", "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT", "gpurwa devnet --quiet"]
    for kind, text in BLOCK.findall(steps):
        script.append(text if kind == "sh" else f"python - <<'END'\n{text}END")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GPURWA_")}
    environment |= {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(project_root),
        "GPURWA_STATE": str(tmp_path / "state"),
    }
    deployments = tmp_path / "deployments"
    try:
        done = subprocess.run(
            ["bash", "-c", "\n".join(script)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{done.stdout[-2_000:]}\n{done.stderr[-2_000:]}"
        manifest = load_manifest("devnet", deployments)
        system = System.at(connect(manifest.rpc_urls, CHAIN_ID), manifest)
        summary = json.loads((tmp_path / "out" / "summary.json").read_text())
        demo = [row["id"] for row in summary["leases"]]
        assert system.registry.fleet_count() == len(summary["fleets"]) + 1
    finally:
        if find_devnet(deployments) is not None:
            stop_devnet(deployments)
    assert f"Lease {demo[0]}" in done.stdout
    assert '"host": "fleet-1.example"' in done.stdout
    assert "ssh gpu@203.0.113.7" in done.stdout
    assert "is closed" in done.stdout
    assert "kept as reserve" in done.stdout
    assert "wait in epoch" in done.stdout
    assert "sent to" in done.stdout
