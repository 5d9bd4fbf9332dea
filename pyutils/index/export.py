"""The index as files for other programs: a file for each event that happened, CSV or Parquet.

Integers of up to 64 bits with sign are integers; wider ones are decimal text in Parquet, whose widest number has fewer
digits. Bytes and addresses are hexadecimal text in both.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import select

from pyutils.durable import UnwritableFileError
from pyutils.errors import InputError
from pyutils.index.layout import FIXED, EventLayout, Kind, all_layouts
from pyutils.index.reader import Index
from pyutils.index.schema import BLOCKS, table_of

Format = Literal["csv", "parquet"]
FORMATS: Final[tuple[Format, ...]] = ("csv", "parquet")
_AT_ONCE: Final = 10_000


class NoParquetError(InputError):
    """Parquet files cannot be written here."""

    remedy = "Install it with its extra: pip install 'gpu-rwa[parquet]'; or export as CSV"


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file and how many events are in it."""

    path: Path
    events: int


def export(index: Index, folder: Path, format_: Format, block: int | None = None) -> list[ExportedFile]:
    """Write the events up to `block` into a folder; files of the same names are replaced once all are whole.

    Raises:
        BehindError: the index does not reach so far.
        NoParquetError: pyarrow is not installed.
        UnwritableFileError: a file cannot be written; those that were there stay as they were.

    """
    write = _csv if format_ == "csv" else _parquet()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder, prefix=".partial-"))
    except OSError as error:
        raise UnwritableFileError(folder, error) from error
    try:
        counts = {layout: write(partial, layout, batches) for layout, batches in _tables(index, block)}
        found = []
        for layout, count in counts.items():
            name = f"{layout.table}.{format_}"
            (partial / name).replace(folder / name)
            found.append(ExportedFile(folder / name, count))
    except OSError as error:
        raise UnwritableFileError(folder, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return found


Batches = Iterable[Sequence[Sequence[Any]]]
_Write = Callable[[Path, EventLayout, Batches], int]


def _tables(index: Index, block: int | None) -> Iterator[tuple[EventLayout, Batches]]:
    """Yield the events that happened, rows in batches: time, fixed columns, arguments, as files have them."""
    with index.snapshot(block) as (connection, last):
        for layout in all_layouts():
            table = table_of(layout)
            query = select(BLOCKS.c.time, table).join(BLOCKS, BLOCKS.c.number == table.c.block)
            query = query.where(table.c.block <= last).order_by(table.c.block, table.c.log_index)
            rows = connection.execute(query, execution_options={"yield_per": _AT_ONCE}).partitions()
            first = next(rows, None)
            if first is not None:
                yield layout, _chained(first, rows)


def _chained(first: Sequence[Sequence[Any]], rest: Iterable[Sequence[Sequence[Any]]]) -> Iterator[Any]:
    yield first
    yield from rest


def _names(layout: EventLayout) -> list[str]:
    return ["time", *FIXED, *(column.name for column in layout.columns)]


def _csv(folder: Path, layout: EventLayout, batches: Batches) -> int:
    count = 0
    with (folder / f"{layout.table}.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_names(layout))
        for batch in batches:
            writer.writerows([_cell(value) for value in row] for row in batch)
            count += len(batch)
    return count


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "0x" + value.hex() if isinstance(value, bytes) else value


def _parquet() -> _Write:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise NoParquetError(f"pyarrow cannot be used: {error}") from error
    types = {Kind.NARROW: pa.int64(), Kind.BOOL: pa.bool_()}

    def write(folder: Path, layout: EventLayout, batches: Batches) -> int:
        kinds = [Kind.NARROW, Kind.NARROW, Kind.NARROW, Kind.BYTES, Kind.BYTES]
        kinds += [column.kind for column in layout.columns]
        names = _names(layout)
        schema = pa.schema([(name, types.get(kind, pa.string())) for name, kind in zip(names, kinds, strict=True)])
        count = 0
        with parquet.ParquetWriter(folder / f"{layout.table}.parquet", schema, compression="zstd") as file:
            for batch in batches:
                columns = [
                    _text(column) if kind in (Kind.WIDE, Kind.BYTES) else list(column)
                    for kind, column in zip(kinds, zip(*batch, strict=True), strict=True)
                ]
                file.write_table(pa.table(columns, schema=schema))
                count += len(batch)
        return count

    return write


def _text(column: Sequence[Any]) -> list[str]:
    return ["0x" + value.hex() if isinstance(value, bytes) else str(value) for value in column]
