"""The root command: one place where errors become one line and an exit status."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from pyutils.cli import root
from pyutils.errors import GpuRwaError, InputError


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Add a command `fail` that raises what it is given."""

    def add(error: BaseException) -> None:
        @click.command("fail")
        def fail() -> None:
            raise error

        monkeypatch.setitem(root.cli.commands, "fail", fail)

    return add


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (GpuRwaError("the chain is down", remedy="Start it"), 1),
        (InputError("the price is 0", remedy="Start it"), 2),
        (KeyboardInterrupt(), 130),
    ],
)
def test_run__error_raised_on_purpose__one_line_and_its_status(
    failing: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str], error: BaseException, status: int
) -> None:
    failing(error)
    assert root.run(["fail"]) == status
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line for line in err.splitlines() if line]
    assert len(lines) == 1
    if isinstance(error, GpuRwaError):
        assert lines[0] == f"gpurwa: {error.message}. Start it"


def test_run__defect__stays_a_traceback(failing: Callable[[BaseException], None]) -> None:
    failing(ZeroDivisionError("a defect"))
    with pytest.raises(ZeroDivisionError):
        root.run(["fail"])


@pytest.mark.parametrize("arguments", [["no-such-command"], ["--no-such-option"]])
def test_run__wrong_usage__one_line_and_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert root.run(arguments) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "see `gpurwa --help`" in err


def test_run__help_and_version__status_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert root.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("gpurwa, version ")
    assert root.run(["--help"]) == 0


def test_gpurwa__installed_command__starts() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "gpurwa", "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_cli__every_command_that_is_listed__loads() -> None:
    context = click.Context(root.cli, info_name="gpurwa")
    for name in root.cli.list_commands(context):
        command = root.cli.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert command.help or command.short_help, f"{name} says nothing of itself"
