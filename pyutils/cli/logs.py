"""What a daemon tells while it works: one line for each event on standard error, or one JSON document a line."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.highlighter import NullHighlighter
from rich.logging import RichHandler

_LOGGERS: Final = {"pyutils": logging.INFO, "uvicorn": logging.WARNING}
"""Whose lines are shown. Not httpx's: it would write down URLs with their keys."""


class JsonLines(logging.Formatter):
    """A line of JSON for each event, for programs that collect logs."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


@contextmanager
def terminal_log(*, as_json: bool = False, for_people_only: bool = False) -> Iterator[None]:
    """Write what the package logs to standard error meanwhile: for people where that is a terminal, else plainly.

    `for_people_only` leaves it out where it is no terminal: what is not a daemon says there one line at its end.
    """
    handler = _handler(as_json) if sys.stderr.isatty() or not for_people_only else logging.NullHandler()
    before = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name, level in _LOGGERS.items():
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).addHandler(handler)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).removeHandler(handler)
            logging.getLogger(name).setLevel(level)


def _handler(as_json: bool) -> logging.Handler:
    console = Console(stderr=True)
    if console.is_terminal and not as_json:
        return RichHandler(console=console, show_path=False, markup=False, highlighter=NullHighlighter())
    handler = logging.StreamHandler(sys.stderr)
    # The journal and containers put the time before each line themselves; elsewhere a line without one says little.
    plain = logging.Formatter("%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z")
    handler.setFormatter(JsonLines() if as_json else plain)
    return handler
