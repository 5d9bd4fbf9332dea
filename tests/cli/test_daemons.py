"""What daemons' commands have alike: their log, and what they say where a part of the package is not installed."""

from __future__ import annotations

import builtins
import io
import json
import logging
import sys
from typing import Any

import pytest

from pyutils.cli.logs import terminal_log

from .shell import Shell


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def logged(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, **options: bool) -> str:
    """Return what a terminal shows of some events."""
    monkeypatch.setattr(sys, "stderr", stream)
    with terminal_log(**options):
        logging.getLogger("pyutils.reporter.loop").info("fleet %d: [bold] is no markup", 1)
        logging.getLogger("uvicorn.error").warning("a service says something")
        logging.getLogger("uvicorn.error").info("a service chats")
        logging.getLogger("httpx").info("HTTP Request: POST https://rpc.example/v2/secret-key")
        try:
            raise ValueError("inside")
        except ValueError:
            logging.getLogger("pyutils.reporter.loop").exception("a defect")
    logging.getLogger("pyutils").error("after the end")
    return stream.getvalue()


def test_terminal_log__no_terminal__plain_lines_and_no_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    said = logged(monkeypatch, io.StringIO())
    lines = said.splitlines()
    assert lines[0].endswith("INFO fleet 1: [bold] is no markup")
    assert lines[1].endswith("WARNING a service says something")
    assert "secret-key" not in said
    assert "chats" not in said
    assert "after the end" not in said
    assert logging.getLogger("pyutils").level == logging.NOTSET


def test_terminal_log__as_json__one_document_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [json.loads(line) for line in logged(monkeypatch, io.StringIO(), as_json=True).splitlines()]
    assert [(one["level"], one["message"]) for one in told] == [
        ("info", "fleet 1: [bold] is no markup"), ("warning", "a service says something"), ("error", "a defect"),
    ]  # fmt: skip
    assert told[0]["logger"] == "pyutils.reporter.loop"
    assert told[2]["traceback"].endswith("ValueError: inside")
    assert told[0]["time"].endswith("+00:00")


def test_terminal_log__for_people_only__silent_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert logged(monkeypatch, io.StringIO(), for_people_only=True) == ""
    assert "[bold] is no markup" in logged(monkeypatch, Terminal(), for_people_only=True)


@pytest.mark.parametrize("command", [("operator", "run"), ("operator", "once"), ("verifier", "doctor")])
def test_anything__extra_not_installed__says_what_to_install(
    sh: Shell, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    real = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name.startswith("pyutils.reporter.") and any(word in name for word in ("daemon", "checkup", "errand")):
            raise ModuleNotFoundError("No module named 'starlette'", name="starlette")
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    line = sh.refused(*command)
    assert "starlette is not installed" in line
    assert "pip install 'gpu-rwa[operator]'" in line
