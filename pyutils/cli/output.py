"""What commands print: tables for people, or one JSON document with integers for programs."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Final

import click
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def plain(value: Any) -> Any:
    """Return a value as JSON has it: integers stay integers, bytes become hex, an enum its name."""
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    return value


def print_json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(plain(value), indent=2))


def csv_document(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return a table as CSV with a line of names; integers stay integers.

    Text that a spreadsheet would take for a formula, as anybody may put it on chain, gets an apostrophe in front:
    https://owasp.org/www-community/attacks/CSV_Injection.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_harmless(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; columns that begin with # are numbers, to the right."""
    table = Table(header_style="bold")
    for column in columns:
        number = column.startswith("#")
        table.add_column(column.removeprefix("#"), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    _print(title, table)


def print_facts(title: str, facts: Mapping[str, object]) -> None:
    """Print names and values, one pair a line."""
    table = Table(show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, str(value))
    _print(title, table)


def _print(title: str, table: Table) -> None:
    # Not the table's own title, which would wrap at the width of a narrow table and cut addresses in two.
    console = _console()
    console.print(title, style="italic", soft_wrap=True)
    console.print(table)


def _console() -> Console:
    # Made anew each time, so that it writes where standard output is now; piped output is not cut to 80 columns.
    console = Console(markup=False, highlight=False)
    return console if console.is_terminal else Console(markup=False, highlight=False, width=160)
