"""Published samples: one file per UTC hour, named by the hash of its rows, so that anyone can build a report again.

Rows are `gpu_id,at_ms,duty_ppm` and, where energy is measured, `,energy_mj`, sorted by GPU and time, each ended by a
line feed. Hours chain, `chain = keccak(chain ‖ keccak(rows))` from 32 zero bytes, and a report commits to the chain.
The page of an hour that is not over yet ends where the report's samples end. Samples of a GPU count from the UTC hour
on that holds the moment 2 × cadence after it joined: no earlier report can have chained that hour without it.
"""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from pyutils.errors import InputError
from pyutils.keccak import keccak256
from pyutils.meter.series import GpuSeries
from pyutils.models import PageRef

PAGE_SUFFIX: Final = ".csv.gz"
MAX_PAGE_BYTES: Final = 2**30
"""A page may unpack to so many bytes: an hour of a hundred thousand GPUs at 15 s."""


class SamplePageError(InputError):
    """A page of samples is malformed, or is not the one that a report names."""

    remedy = "Fetch the page again from its publisher; if it still differs, do not sign"

    def __init__(self, reason: str) -> None:
        super().__init__(f"page of samples: {reason}")


@dataclass(frozen=True)
class SamplePage:
    """The samples of one UTC hour, `hour` hours after 1970; `whole` where none of it is to come."""

    hour: int
    rows: bytes
    whole: bool

    @cached_property
    def rows_hash(self) -> bytes:
        """Hash of the rows, and on disk the name of the file."""
        return keccak256(self.rows)

    @property
    def ref(self) -> PageRef:
        """How reports and publishers name the page."""
        return PageRef(hour=self.hour, rows_hash=self.rows_hash, whole=self.whole)

    def chained(self, chain: bytes) -> bytes:
        """Return the chain of hashes with this hour at its end."""
        return keccak256(chain + self.rows_hash)


def page_name(rows_hash: bytes) -> str:
    """Return the name of a page's file."""
    return f"0x{rows_hash.hex()}{PAGE_SUFFIX}"


def write_page(page: SamplePage, folder: Path) -> Path:
    """Write a page under its hash, whole or not at all, and return its path. One that is there already stays."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / page_name(page.rows_hash)
    if path.exists():
        return path
    handle, name = tempfile.mkstemp(dir=folder, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as out:
            # Level 1: three times as quick as the default, and a tenth larger.
            out.write(gzip.compress(page.rows, compresslevel=1, mtime=0))
            out.flush()
            os.fsync(out.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def read_page(path: Path, rows_hash: bytes) -> bytes:
    """Return the rows of a page. Raises `SamplePageError` where they have another hash, or cannot be read."""
    try:
        with gzip.open(path) as packed:
            rows = packed.read(MAX_PAGE_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise SamplePageError(f"{path} cannot be read: {error}") from error
    if len(rows) > MAX_PAGE_BYTES:
        raise SamplePageError(f"{path} unpacks to more than {MAX_PAGE_BYTES} bytes")
    found = keccak256(rows)
    if found != rows_hash:
        raise SamplePageError(f"{path} has the hash 0x{found.hex()}, not 0x{rows_hash.hex()}")
    return rows


def parse_rows(rows: bytes) -> tuple[GpuSeries, ...]:
    """Return the samples in a page's rows. Raises `SamplePageError` where a row is none."""
    try:
        cells = [line.split(",") for line in rows.decode("ascii").splitlines()]
        widths = {len(row) for row in cells}
        if not widths <= {3, 4} or len(widths) > 1:
            raise SamplePageError("its rows are not all of three, or all of four, columns")
        columns: dict[str, list[list[int]]] = {}
        for gpu_id, *numbers in cells:
            columns.setdefault(gpu_id, []).append([int(number) for number in numbers])
    except ValueError as error:
        raise SamplePageError("a row is malformed") from error
    return tuple(GpuSeries(gpu_id, *map(list, zip(*numbers, strict=True))) for gpu_id, numbers in columns.items())
