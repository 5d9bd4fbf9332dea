"""Reading TOML, which people write by hand: every way in which a file cannot be read is one line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pyutils.errors import InputError


def read_toml(path: Path, error: type[InputError]) -> Mapping[str, Any]:
    """Return what a TOML file holds, lists as tuples. Raises `error`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as failure:
        raise error(f"{path} cannot be read: {failure.strerror}") from failure
    except ValueError as failure:
        raise error(f"{path} is not TOML: {failure}") from failure
    return parse_toml(text, str(path), error)


def parse_toml(text: str, name: str, error: type[InputError]) -> Mapping[str, Any]:
    """Return what TOML text holds, lists as tuples, which strict models take. Raises `error`."""
    try:
        fields: Mapping[str, Any] = tuples(tomllib.loads(text))
    except (ValueError, RecursionError) as failure:
        # Beside what is no TOML: numbers and nesting beyond what Python reads.
        raise error(f"{name} is not TOML: {failure}") from failure
    return fields


def first_fault(failure: ValidationError) -> tuple[tuple[int | str, ...], str]:
    """Return where a model refused its input first, and why."""
    first = failure.errors()[0]
    return first["loc"], first["msg"].removeprefix("Value error, ")


def tuples(value: Any) -> Any:
    """Return TOML's lists as tuples, which strict models take."""
    if isinstance(value, Mapping):
        return {key: tuples(inner) for key, inner in value.items()}
    return tuple(map(tuples, value)) if isinstance(value, list) else value
