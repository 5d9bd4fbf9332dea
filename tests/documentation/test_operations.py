"""What is shipped for people who run daemons is true: pages, units, containers and Prometheus' configuration."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pyutils.cli import root
from pyutils.reporter.settings.config import ServeConfig, VerifierConfig
from pyutils.reporter.upkeep.alarms import Alarm

from .commands import check_options, commands, known, leaves

PAGES = {"operator.md": 200, "verifier.md": 100, "credit.md": 160}
UNITS = ("gpurwa-operator.service", "gpurwa-verifier.service")
MOST_EXPOSED = 2.0
"""systemd's own score: 0 is shut, 10 is open to the world."""


@pytest.fixture(scope="module")
def docs(project_root: Path) -> Path:
    return project_root / "docs"


@pytest.fixture(scope="module")
def operations(docs: Path) -> Path:
    return docs / "operations"


@pytest.fixture(scope="module")
def compose(operations: Path) -> Any:
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((operations / "compose.yaml").read_text())


@pytest.mark.parametrize("page", PAGES)
def test_pages__commands__are_all_there_with_their_options(docs: Path, page: str) -> None:
    found = commands((docs / page).read_text())
    assert len(found) >= 8
    for words in found:
        check_options(words)


@pytest.mark.parametrize("group", ["credit", "vault"])
def test_credit_page__every_command__is_told(docs: Path, group: str) -> None:
    told = {id(known(words)[0]) for words in commands((docs / "credit.md").read_text())}
    assert [name for name, command in leaves(root.cli, group) if id(command) not in told] == []


def test_commands__a_page_that_is_wrong__is_found() -> None:
    (wrong,) = commands("say `gpurwa operator fly`")
    with pytest.raises(AssertionError, match="no command operator fly"):
        known(wrong)
    assert commands("```sh\nA=1 gpurwa operator \\\n  run\n```") == [["operator", "run"]]
    assert commands("```sh\nID=$(gpurwa fleet list --json | head) # what it is\n```") == [["fleet", "list", "--json"]]
    with pytest.raises(AssertionError, match="--loop"):
        check_options(["operator", "run", "--loop"])


@pytest.mark.parametrize(("page", "most"), PAGES.items())
def test_pages__length__fits_a_reader(docs: Path, page: str, most: int) -> None:
    assert len((docs / page).read_text().splitlines()) <= most


def test_operator_page__every_alarm_and_alert__is_explained(docs: Path, operations: Path) -> None:
    page = (docs / "operator.md").read_text()
    alerts = re.findall(r"- alert: (\w+)", (operations / "alerts.yml").read_text())
    assert len(alerts) >= 15
    for name in (*alerts, *(f"`{alarm.value}`" for alarm in Alarm)):
        assert name in page, name


@pytest.mark.parametrize("page", PAGES)
def test_pages__files_that_they_name__are_there(docs: Path, project_root: Path, page: str) -> None:
    named = set(re.findall(r"`((?:docs|pyutils)/[\w./-]+)`", (docs / page).read_text()))
    assert named
    assert [name for name in named if not (project_root / name).exists()] == []


@pytest.mark.parametrize("unit", UNITS)
def test_units__systemd__finds_no_fault_and_little_exposure(operations: Path, tmp_path: Path, unit: str) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    text = (operations / unit).read_text()
    installed = Path(sys.executable).parent / "gpurwa"
    here = tmp_path / unit
    here.write_text(text.replace("/opt/gpurwa/bin/gpurwa", str(installed)))
    checked = subprocess.run([analyze, "verify", here], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    scored = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", here], capture_output=True, text=True, check=False
    )
    score = re.search(r"exposure level for \S+: ([\d.]+)", scored.stdout)
    assert score is not None, scored.stdout + scored.stderr
    assert float(score[1]) <= MOST_EXPOSED
    here.write_text(here.read_text().replace("DynamicUser=yes", "DynamicUser=perhaps"))
    broken = subprocess.run([analyze, "verify", here], capture_output=True, text=True, check=False)
    assert broken.returncode or broken.stderr, "a unit that is wrong is found"


@pytest.mark.parametrize("unit", UNITS)
def test_units__what_they_start__is_a_command(operations: Path, unit: str) -> None:
    text = (operations / unit).read_text()
    (started,) = re.findall(r"^ExecStart=\S+/gpurwa (.*)$", text, re.MULTILINE)
    command, rest = known(started.split())
    assert (command.name, rest) == ("run", [])
    assert "Restart=on-failure" in text


def test_compose__services__start_commands_and_mount_what_is_there(compose: Any, operations: Path) -> None:
    services = compose["services"]
    assert set(services) == {"operator", "verifier", "prometheus"}
    for name in ("operator", "verifier"):
        one = services[name]
        assert one["command"] == [name, "run"]
        assert known(one["command"])[1] == []
        build = one["build"]
        assert (operations / build["context"] / build["dockerfile"]).resolve() == operations / "Dockerfile"
        assert set(one["secrets"]) <= set(compose["secrets"])
    mounted = [volume.split(":") for one in services.values() for volume in one["volumes"]]
    for source, *_ in mounted:
        if source.startswith("./") and source != "./keys":
            assert (operations / source).is_file(), source
        elif not source.startswith("./"):
            assert source in compose["volumes"], source
    used = {secret for one in services.values() for secret in one.get("secrets", ())}
    assert used == set(compose["secrets"]), "every secret has a service"


def test_compose__ports__are_those_that_daemons_listen_at(compose: Any, operations: Path) -> None:
    verifier = VerifierConfig.model_fields["serve"].default
    scraped = (operations / "prometheus.yml").read_text()
    for name, serve in (("operator", ServeConfig()), ("verifier", verifier)):
        port, ops = serve.public.rpartition(":")[2], serve.ops.rpartition(":")[2]
        assert compose["services"][name]["ports"] == [f"{port}:{port}"]
        assert f"targets: [{name}:{ops}]" in scraped
        assert f"127.0.0.1:{ops}/healthz" in compose["services"][name]["healthcheck"]["test"][-1]


def test_compose__head__names_commands_that_are_there(operations: Path) -> None:
    head = (operations / "compose.yaml").read_text().split("\nname:")[0]
    lines = re.sub(r"\\\n#\s+", " ", head).splitlines()
    inits = [shlex.split(line.lstrip("# "))[5:] for line in lines if "compose run" in line]
    assert [words[:2] for words in inits] == [["operator", "init"], ["verifier", "init"]]
    for words in inits:
        command, rest = known(words)
        options = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options


def test_dockerfile__tools_and_paths__are_those_of_the_project(operations: Path, project_root: Path) -> None:
    text = (operations / "Dockerfile").read_text()
    project = tomllib.loads((project_root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    (uv,) = re.findall(r"uv==([\d.]+)", text)
    assert f"uv=={uv}" in extras["dev"]
    assert set(re.findall(r"--extra (\w+)", text)) <= set(extras)
    assert set(re.findall(r"^FROM python:(\d+\.\d+)", text, re.MULTILINE)) == {"3.11"}
    assert project["requires-python"] == ">=3.11,<3.13"
    copied = [word for line in re.findall(r"^COPY (?!--)(.*)$", text, re.MULTILINE) for word in line.split()[:-1]]
    assert [name for name in copied if not (project_root / name).exists()] == []
    assert "USER gpurwa" in text
    assert 'ENTRYPOINT ["gpurwa"]' in text


def test_prometheus__configuration__is_one(operations: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian's package is prometheus)")
    done = subprocess.run(
        [promtool, "check", "config", operations / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
