"""What people type: durations, times, hashes and lists, each refused in one line where it makes no sense."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pyutils.units import UnixSeconds

_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def parse_duration(text: str) -> int:
    """Return the seconds that `8h`, `90m`, `1d12h` or `3600s` mean. Raises `ValueError`."""
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None or not any(found.groups()):
        raise ValueError(f"{text!r} is no duration; write 8h, 90m, 1d12h or 3600s")
    return sum(
        int(part) * unit for part, unit in zip(found.groups(), _SECONDS.values(), strict=True) if part is not None
    )


def format_duration(seconds: int) -> str:
    """Return seconds as `1d12h`; `0s` for none."""
    parts = []
    for name, unit in list(_SECONDS.items())[1:]:
        count, seconds = divmod(seconds, unit)
        if count:
            parts.append(f"{count}{name}")
    return "".join(parts) or "0s"


def format_time(at: int) -> str:
    """Return a time as `2026-01-31 12:00:00Z`; a dash for none."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if at else "–"


class Duration(click.ParamType):
    """Seconds, written `8h`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return seconds."""
        if isinstance(value, int):
            return value
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Time(click.ParamType):
    """Unix seconds, or ISO 8601; a time without a zone is UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> UnixSeconds:
        """Return Unix seconds."""
        if isinstance(value, int):
            return UnixSeconds(value)
        text = value.strip()
        if text.isascii() and text.isdigit() and int(text) < 2**40:
            return UnixSeconds(int(text))
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{value!r} is no time; write 1700000000 or 2026-01-31T12:00Z", param, ctx)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if moment.microsecond:
            self.fail(f"{value!r} is finer than a second", param, ctx)
        return UnixSeconds(int(moment.timestamp()))


class Hash(click.ParamType):
    """32 bytes in hex, with 0x."""

    name = "0x-hash"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """Return the bytes."""
        if isinstance(value, bytes):
            return value
        if not re.fullmatch(r"0x[0-9a-fA-F]{64}", value):
            self.fail(f"{value!r} is no hash of 32 bytes in hex", param, ctx)
        return bytes.fromhex(value[2:])


class Block(click.ParamType):
    """A block's number, or `latest`, `finalized`, `safe`."""

    name = "block"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Return the number or the word."""
        text = str(value)
        if text in {"latest", "finalized", "safe", "earliest"}:
            return text
        if not (text.isascii() and text.isdigit()):
            self.fail(f"{text!r} is neither a block number nor latest, finalized, safe or earliest", param, ctx)
        return int(text)


DURATION = Duration()
FILE = click.Path(path_type=Path)
TIME = Time()
HASH = Hash()
BLOCK = Block()
