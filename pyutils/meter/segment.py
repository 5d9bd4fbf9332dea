"""One UTC hour of samples in a text file, in lines that can tell whether they are whole.

A line is a sample in the row of published pages and, after a blank, the CRC-32 of that row in hexadecimal::

    GPU-5a9c0a44-2d1f-7a6e-9a31-0d2f6f0c1b77,1767243600000,425000,81234567 9f3a1c02

What follows the last line feed is a torn tail: the writer died, or is still writing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from zlib import crc32

from pyutils.meter.rule import MAX_ENERGY_MJ
from pyutils.meter.series import Sample
from pyutils.units import MS_PER_HOUR, PPM, Ppm, UnixMs

SUFFIX = ".samples"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME = re.compile(r"[0-9]{8}T[0-9]{2}Z")
_STAMP = "%Y%m%dT%HZ"
_LAST_HOUR = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(hours=1)
_GPU_ID = re.compile(r"[!-+\--~]{1,128}")
_BLOCK = 2**16


@dataclass(frozen=True, order=True, slots=True)
class Segment:
    """The file of the hour `hour` hours after 1970."""

    hour: int
    path: Path

    @classmethod
    def of(cls, folder: Path, hour: int) -> Self:
        """Return the file in which `folder` keeps an hour."""
        return cls(hour, folder / f"{(_EPOCH + timedelta(hours=hour)).strftime(_STAMP)}{SUFFIX}")

    @classmethod
    def all_in(cls, folder: Path) -> list[Self]:
        """Return the files of a folder in order of time; others there are none of ours. May raise `OSError`."""
        segments = []
        for path in folder.iterdir():
            if path.suffix == SUFFIX and _NAME.fullmatch(path.stem):
                with suppress(ValueError):  # a month 13 is none of ours either
                    at = datetime.strptime(path.stem, _STAMP).replace(tzinfo=UTC)
                    segments.append(cls((at - _EPOCH) // timedelta(hours=1), path))
        return sorted(segments)

    def read(self, size: int | None = None, names: Mapping[str, str] | None = None) -> tuple[list[Sample], int]:
        """Return the samples of the file's first `size` bytes, and how many damaged lines among them were skipped.

        With `names`, only samples of the GPUs that are its keys, in the form that `plain_gpu_id` gives them, and
        under the names that are its values. A file that was deleted in the meantime is empty. May raise `OSError`.
        """
        try:
            with self.path.open("rb") as file:
                lines = file.read(size).split(b"\n")[:-1]
        except FileNotFoundError:
            return [], 0
        first_ms, end_ms = self.hour * MS_PER_HOUR, (self.hour + 1) * MS_PER_HOUR
        shown: dict[str, str | None] = {}
        samples, damaged = [], 0
        for line in lines:
            sample = parse_line(line)
            if sample is None or not first_ms <= sample.at_ms < end_ms:
                damaged += 1
            elif names is None:
                samples.append(sample)
            else:
                gpu_id = sample.gpu_id
                if gpu_id not in shown:
                    shown[gpu_id] = names.get(plain_gpu_id(gpu_id))
                name = shown[gpu_id]
                if name is not None:
                    samples.append(sample if name == gpu_id else sample._replace(gpu_id=name))
        return samples, damaged

    def cut_torn_tail(self) -> int:
        """Cut off what follows the last line feed, and return how many bytes that was. May raise `OSError`."""
        with self.path.open("r+b") as file:
            end = size = file.seek(0, os.SEEK_END)
            while end:
                begin = max(0, end - _BLOCK)
                file.seek(begin)
                feed = file.read(end - begin).rfind(b"\n")
                if feed >= 0:
                    end = begin + feed + 1
                    break
                end = begin
            if end < size:
                file.truncate(end)
                os.fsync(file.fileno())
        return size - end


class SegmentWriter:
    """Appends to one file, all of a write or nothing. The file must have no torn tail. May raise `OSError`."""

    def __init__(self, segment: Segment, folder_fd: int) -> None:
        """Open the file, and make it where there is none; the first write puts its name on disk too."""
        self.segment = segment
        self._fd = os.open(segment.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._folder_fd: int | None = folder_fd
        self.size = os.fstat(self._fd).st_size
        """Bytes that are on disk for sure."""

    def write(self, samples: Iterable[Sample]) -> None:
        """Put samples on disk."""
        rest = memoryview("".join(map(format_line, samples)).encode("ascii"))
        size = self.size + len(rest)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
            os.fsync(self._fd)
            if self._folder_fd is not None:
                os.fsync(self._folder_fd)
                self._folder_fd = None
        except OSError:
            with suppress(OSError):  # what then stays behind is a torn tail, which the next opening cuts off
                os.ftruncate(self._fd, self.size)
            raise
        self.size = size

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def plain_gpu_id(text: str) -> str:
    """Return the form in which names of GPUs are compared: drivers and people differ in case and blanks."""
    return text.strip().lower()


def is_writable(sample: Sample) -> bool:
    """Return whether a line can hold a sample."""
    gpu_id, at_ms, duty_ppm, energy_mj = sample
    return (
        _GPU_ID.fullmatch(gpu_id) is not None
        and 0 <= at_ms < _LAST_HOUR * MS_PER_HOUR
        and 0 <= duty_ppm <= PPM
        and (energy_mj is None or 0 <= energy_mj <= MAX_ENERGY_MJ)
    )


def format_line(sample: Sample) -> str:
    """Return a sample as a line."""
    gpu_id, at_ms, duty_ppm, energy_mj = sample
    row = f"{gpu_id},{at_ms},{duty_ppm}" if energy_mj is None else f"{gpu_id},{at_ms},{duty_ppm},{energy_mj}"
    return f"{row} {crc32(row.encode('ascii')):08x}\n"


def parse_line(line: bytes) -> Sample | None:
    """Return the sample in a line without its line feed, or None where it is not what was written."""
    row, _, check = line.rpartition(b" ")
    if b"%08x" % crc32(row) != check:
        return None
    try:
        gpu_id, *numbers = row.decode("ascii").split(",")
        at_ms, duty_ppm, *energy_mj = map(int, numbers)
        sample = Sample(gpu_id, UnixMs(at_ms), Ppm(duty_ppm), *energy_mj)
    except (ValueError, TypeError):
        return None
    return sample if is_writable(sample) else None
