"""Published samples: one file per UTC hour, named by the hash of its rows, so that anyone can build a report again.

Rows are `gpu_id,at_ms,duty_ppm` and, where energy is measured, `,energy_mj`, sorted by GPU and time, each ended by a
line feed. Hours chain, `chain = keccak(chain ‖ keccak(rows))` from 32 zero bytes, and a report commits to the chain.
An hour is chained by the first report as of its end or later; until then its page ends where the report's samples end.
Samples of a GPU count from the UTC hour on in which it joined: no earlier report can have chained that hour without it.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, pairwise
from operator import lt
from pathlib import Path
from typing import Final

from pyutils.durable import write_whole
from pyutils.errors import InputError
from pyutils.keccak import keccak256
from pyutils.meter.rule import MAX_ENERGY_MJ
from pyutils.meter.series import GpuSeries
from pyutils.models import PageRef
from pyutils.units import MS_PER_HOUR

PAGE_SUFFIX: Final = ".csv.gz"
MAX_PAGE_BYTES: Final = 2**30
"""A page may unpack to so many bytes: an hour of a hundred thousand GPUs at 15 s."""
MAX_AT_MS: Final = 2**32 * MS_PER_HOUR - 1
"""The last moment of the last hour that a page can be named for."""

_NUMBER: Final = r"(?:0|[1-9][0-9]{0,18}+)"
_DUTY: Final = r"(?:0|1000000|[1-9][0-9]{0,5}+)"
_ROWS_OF_A_GPU: Final = re.compile(
    rf"([!-+\--~]{{1,128}}+),{_NUMBER},{_DUTY}(,{_NUMBER})?\n(?:\1,{_NUMBER},{_DUTY}(?(2),{_NUMBER})\n)*+"
)
"""Rows with one GPU's id and as many columns as the first of them. Possessive, so that no input makes it walk back."""


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
    path = folder / page_name(page.rows_hash)
    if path.exists():
        return path
    # Level 1: three times as quick as the default, and a tenth larger.
    return write_whole(path, gzip.compress(page.rows, compresslevel=1, mtime=0))


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


def canonical_rows(
    gpu_id: str, at_ms: Sequence[int], duty_ppm: Sequence[int], energy_mj: Sequence[int] | None = None
) -> str:
    """Return the rows of one GPU's samples, which must be in order of time."""
    if energy_mj is None:
        return "".join([f"{gpu_id},{at},{duty}\n" for at, duty in zip(at_ms, duty_ppm, strict=True)])
    return "".join([f"{gpu_id},{at},{duty},{mj}\n" for at, duty, mj in zip(at_ms, duty_ppm, energy_mj, strict=True)])


def parse_rows(rows: bytes) -> tuple[GpuSeries, ...]:
    """Return the samples in a page's rows. Raises `SamplePageError` where these are not the bytes of a page.

    Only canonical rows pass: sorted by GPU and by time, each moment of a GPU once, numbers written as `canonical_rows`
    writes them and within their bounds, energy in all of them or in none.
    """
    try:
        text = rows.decode("ascii")
    except UnicodeDecodeError as error:
        raise SamplePageError("it is not ASCII") from error
    parsed: list[GpuSeries] = []
    place = 0
    while place < len(text):
        block = _ROWS_OF_A_GPU.match(text, place)
        if block is None:
            raise SamplePageError(f"the row at byte {place} is not canonical")
        parsed.append(_series(block))
        place = block.end()
    for one, next_one in pairwise(parsed):
        if one.gpu_id >= next_one.gpu_id:
            raise SamplePageError(f"rows of GPU {next_one.gpu_id} are not sorted by GPU, or some are not canonical")
        if (one.energy_mj is None) != (next_one.energy_mj is None):
            raise SamplePageError(f"only one of the GPUs {one.gpu_id} and {next_one.gpu_id} has energy")
    return tuple(parsed)


def _series(block: re.Match[str]) -> GpuSeries:
    gpu_id, has_energy = block[1], block[2] is not None
    width = 3 if has_energy else 2
    cells = block[0][len(gpu_id) + 1 : -1].replace(f"\n{gpu_id},", ",").split(",")
    numbers = list(map(int, cells))
    at_ms, duty_ppm = numbers[::width], numbers[1::width]
    energy_mj = numbers[2::width] if has_energy else None
    if not all(map(lt, at_ms, islice(at_ms, 1, None))):
        raise SamplePageError(f"rows of GPU {gpu_id} are not sorted by time, or a moment is there twice")
    if at_ms[-1] > MAX_AT_MS or (energy_mj is not None and max(energy_mj) > MAX_ENERGY_MJ):
        raise SamplePageError(f"a number of GPU {gpu_id} is too large")
    return GpuSeries(gpu_id, at_ms, duty_ppm, energy_mj)
