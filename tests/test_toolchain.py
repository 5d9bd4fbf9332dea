"""Tools are found, or the error says how to get them; every file that pins a version pins the same one."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pyutils import toolchain
from pyutils.anvil import Anvil, AnvilError


def test_solc__after_setup__answers_its_version() -> None:
    printed = subprocess.run([toolchain.solc(), "--version"], capture_output=True, text=True, check=True).stdout
    assert f"Version: {toolchain.SOLC_VERSION}+commit." in printed


def test_foundry_tool__nowhere__says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(toolchain.MissingToolError) as caught:
        toolchain.anvil()
    assert "anvil cannot be found" in caught.value.line()
    assert "make setup" in caught.value.line()


def test_solc__nowhere__says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(toolchain, "PROJECT_ROOT", tmp_path)
    monkeypatch.setenv("SOLCX_BINARY_PATH", str(tmp_path))
    monkeypatch.setenv("FOUNDRY_SOLC", str(tmp_path / "solc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(toolchain.MissingToolError, match=r"solc 0\.8\.37 cannot be found"):
        toolchain.solc()


@pytest.mark.parametrize("tool", ["prometheus", "promtool"])
def test_prometheus__nowhere__says_how_to_get_it(tool: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(toolchain, "DEBIAN_FOLDER", str(tmp_path / "debian"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(toolchain.MissingToolError, match=f"{tool} cannot be found") as caught:
        getattr(toolchain, tool)()
    assert "make prometheus" in caught.value.line()


@pytest.mark.parametrize("place", ["environment", "path", "debian"])
def test_prometheus__in_any_of_its_places__is_found(
    place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "environment" / "python"))
    monkeypatch.setattr(toolchain, "DEBIAN_FOLDER", str(tmp_path / "debian"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    command = tmp_path / place / "prometheus"
    command.parent.mkdir()
    command.touch(mode=0o755)
    assert toolchain.prometheus() == command


def test_anvil__started__listens_on_this_machine_alone(anvil: Anvil) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", anvil.url)


def test_anvil__port_taken__is_one_line_with_the_cause(anvil: Anvil, tmp_path: Path) -> None:
    port = int(anvil.url.rsplit(":", 1)[1])
    with pytest.raises(AnvilError, match=r"anvil ended with status \d+: .*in use"):
        Anvil.start(tmp_path / "anvil.log", port=port)


def test_pins__in_every_file__are_the_same(project_root: Path) -> None:
    setup = ast.parse((project_root / "tooling" / "setup.py").read_text())
    constants: dict[str, Any] = {}
    for node in setup.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)):
                constants[name] = value
    npm = json.loads((project_root / "package.json").read_text())
    pip = tomllib.loads((project_root / "pyproject.toml").read_text())
    forge = tomllib.loads((project_root / "foundry.toml").read_text())["profile"]["default"]
    ape = (project_root / "ape-config.yaml").read_text()

    assert constants["SOLC_VERSION"] == npm["devDependencies"]["solc"] == toolchain.SOLC_VERSION
    assert forge["solc"] == f".solc/solc-v{toolchain.SOLC_VERSION}"
    assert f"version: {toolchain.SOLC_VERSION}\n" in ape
    assert {npm["devDependencies"][f"@foundry-rs/{tool}"] for tool in ("anvil", "forge", "cast")} == {
        toolchain.FOUNDRY_VERSION
    }
    assert f"uv=={constants['UV_VERSION']}" in pip["project"]["optional-dependencies"]["dev"]
    assert f"evm_version: {forge['evm_version']}\n" in ape


def test_locks__name_public_registries_only(project_root: Path) -> None:
    assert '"resolved"' not in (project_root / "package-lock.json").read_text()
    hosts = set(re.findall(r"https?://[^/\"]+", (project_root / "uv.lock").read_text()))
    assert hosts <= {"https://pypi.org", "https://files.pythonhosted.org"}
