"""The shipped alerts: Prometheus takes them, they speak of metrics that exist, and they fire when they should."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pyutils.reporter.upkeep.metrics import Metrics

FIRED = Path(__file__).with_name("alerts_test.yml")


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed (Debian's package is prometheus)")
    return found


@pytest.fixture(scope="module")
def rules(project_root: Path) -> Path:
    return project_root / "docs" / "operations" / "alerts.yml"


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_alerts__promtool__finds_no_fault(promtool: str, rules: Path) -> None:
    assert "SUCCESS" in run(promtool, "check", "rules", "--lint-fatal", rules)


def test_alerts__promtool__fire_when_they_should(promtool: str, rules: Path, tmp_path: Path) -> None:
    shutil.copy(rules, tmp_path / "alerts.yml")
    shutil.copy(FIRED, tmp_path / FIRED.name)
    assert "SUCCESS" in run(promtool, "test", "rules", tmp_path / FIRED.name)


def test_alerts__a_rule_that_never_fires__is_found(promtool: str, rules: Path, tmp_path: Path) -> None:
    broken = rules.read_text().replace("gpurwa_reporter_disputes_open > 0", "gpurwa_reporter_disputes_open > 9")
    (tmp_path / "alerts.yml").write_text(broken)
    shutil.copy(FIRED, tmp_path / FIRED.name)
    done = subprocess.run([promtool, "test", "rules", tmp_path / FIRED.name], capture_output=True, check=False)
    assert done.returncode != 0


def test_alerts__metrics__are_those_of_the_reporter(rules: Path) -> None:
    used = set(re.findall(r"gpurwa_reporter_[a-z_]+", rules.read_text()))
    metrics = Metrics(["http://rpc"], ["0xA"])
    metrics.set_states({"BROADCAST": 1})
    exposed = {line.split("{")[0].split(" ")[0] for line in metrics.exposition().decode().splitlines()}
    assert used <= exposed
    assert len(used) >= 15


def test_alerts__metrics__are_all_set_by_running_code(rules: Path, project_root: Path) -> None:
    """A method of `Metrics` that nothing calls leaves its metric as it began, and its alert dead."""
    folder = project_root / "pyutils" / "reporter"
    text = (folder / "upkeep" / "metrics.py").read_text()
    fields = dict(re.findall(r'self\.(_[a-z]+) = self\._(?:gauge|counter)\(\s*"([a-z_]+)"', text))
    fields |= {"_last_success": "last_success_age_seconds", "_head_as_of": "head_age_seconds"}
    setters: dict[str, set[str]] = {name: set() for name in fields.values()}
    (metrics,) = (node for node in ast.parse(text).body if isinstance(node, ast.ClassDef))
    for method in metrics.body:
        if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
            for node in ast.walk(method):
                if isinstance(node, ast.Attribute) and node.attr in fields:
                    setters[fields[node.attr]].add(method.name)
    code = "".join(path.read_text() for path in folder.rglob("*.py") if path.name != "metrics.py")
    used = {
        name.removeprefix("gpurwa_reporter_").removesuffix("_total")
        for name in re.findall(r"gpurwa_reporter_[a-z_]+", rules.read_text())
    } - {"build_info"}
    assert len(used) >= 14
    for name in used:
        called = [method for method in setters[name] if re.search(rf"metrics\.{method}\b", code)]
        assert called, f"nobody calls {setters[name]}, which set {name}"


def test_alerts__each__says_what_to_do(rules: Path) -> None:
    text = rules.read_text()
    count = text.count("- alert: ")
    assert count >= 15
    for part in ("expr: ", "labels: {severity: ", "summary: ", "action: "):
        assert text.count(part) == count, part
