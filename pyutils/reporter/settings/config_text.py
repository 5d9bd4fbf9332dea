"""A configuration as the text of a TOML file: every entry with its value and what it means, defaults among them.

What is not set stands there as a comment, so that a file shows all that could be in it.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_WIDTH: Final = 110


def render(config: BaseModel, heading: str) -> str:
    """Return the text of a configuration; reading it gives an equal one.

    Args:
        config: the configuration.
        heading: what the file is, for its first lines.

    """
    return "\n".join([*_comment(heading), *_table(config, ())]) + "\n"


def _table(section: BaseModel, path: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of a table: first its plain entries, since TOML counts all after another table to that."""
    fields = type(section).model_fields
    plain = section.model_dump()
    tables = [name for name, field in fields.items() if _model_of(field) is not None]
    for name in fields:
        if name not in tables:
            yield from ("", *_comment(fields[name].description), _entry(name, plain[name]))
    for name in tables:
        yield from _tables(fields[name], getattr(section, name), (*path, name))


def _tables(field: FieldInfo, value: object, path: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of one table, of a list of them, or of the comment that stands for none."""
    name = ".".join(path)
    if isinstance(value, BaseModel):
        yield from ("", "", *_comment(field.description), f"[{name}]", *_table(value, path))
    elif isinstance(value, tuple) and value:
        for place, one in enumerate(value):
            yield from ("", "", *(_comment(field.description) if place == 0 else ()), f"[[{name}]]")
            yield from _table(one, path)
    else:
        model = _model_of(field)
        assert model is not None, "only tables come here"
        header = f"[{name}]" if value is None else f"[[{name}]]"
        yield from ("", "", *_comment(field.description), f"# {header}")
        yield from (f"# {inner} = …" for inner in model.model_fields)


def _entry(name: str, value: object) -> str:
    return f"# {name} = …" if value is None else f"{name} = {_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:_}" if value >= 100_000 else str(value)
    assert isinstance(value, str | Path), f"{type(value).__name__} has no place in a configuration"
    # A JSON string is a TOML string, but for the one control character that JSON leaves alone.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str | None) -> Iterator[str]:
    for paragraph in (text or "").splitlines():
        yield from (f"# {line}" for line in textwrap.wrap(paragraph, _WIDTH) or [""])


def _model_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the kind of table that a field takes; the first one where it takes several, None where it takes none."""
    return next(_models(field.annotation), None)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
