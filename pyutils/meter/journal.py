"""Samples on disk: what a meter has seen, kept through a killed process and a lost power supply.

A folder with one text file per UTC hour, `20260101T05Z.samples`; `pyutils.meter.segment` says what is in it.

- One `append` is one write and one fsync to a file, and one fsync of the folder where the file was just opened. What
  it returned from is on disk.
- A process that dies within an append leaves a torn tail, which the next opening cuts off and counts. Damage anywhere
  else costs the lines that it hit; they are skipped and counted.
- Stamps never go back: a sample stamped before the newest one, or not after its own GPU's newest, is not written and
  is counted. So rows are in order of time, and no moment is metered twice.
- One process writes, under a lock on the folder; any number may read.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Self

from pyutils.meter.segment import Segment, SegmentWriter, is_writable, plain_gpu_id
from pyutils.meter.series import GpuSeries, Sample, to_series
from pyutils.meter.source import SourceError
from pyutils.units import MS_PER_HOUR, UnixMs

_LOG = logging.getLogger(__name__)
_FILES_OF_LAST = 2
"""How many files with samples an opening looks through for each GPU's newest sample."""


class JournalError(SourceError):
    """A folder of samples cannot be written or read."""

    remedy = "Check the folder, its disk and its permissions; what was written stands"


class JournalLockedError(JournalError):
    """Another process writes the journal."""

    remedy = "Stop the other meter first, or give this one a folder of its own"

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder}: another process writes samples there")


class UnwrittenSamplesError(JournalError):
    """Samples did not get onto the disk; earlier ones stand."""

    remedy = "Free space on the disk, or mend it; metering goes on by itself, and time without samples is unavailable"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: samples cannot be written: {reason}")


class SampleJournal:
    """Samples in order of time, in a folder. Its methods may be called from several threads.

    Attributes:
        torn_tails: interrupted writes whose halves were cut off.
        stamped_back: samples that were not written because their stamps did not advance.

    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        """Open a folder to write and read, and make it where there is none; with `read_only`, take no lock.

        Raises `JournalLockedError` where another process writes, `JournalError` where the folder cannot be used.
        """
        self.folder = folder
        self.torn_tails = 0
        self.stamped_back = 0
        self._damage: dict[int, int] = {}
        self._last: dict[str, Sample] = {}
        self._newest_ms = -1
        self._mutex = threading.RLock()
        self._folder_fd: int | None = None
        self._writer: SegmentWriter | None = None
        if read_only:
            self._segments()
            return
        try:
            self._folder_fd = _locked(folder)
            for segment in Segment.all_in(folder):
                self._mend(segment)
            self._load_last()
        except OSError as error:
            self.close()
            raise JournalError(f"{folder}: {_reason(error)}") from error

    @property
    def damaged_lines(self) -> int:
        """Lines that are not what was written, in all files read so far."""
        with self._mutex:
            return sum(self._damage.values())

    @property
    def last(self) -> Mapping[str, Sample]:
        """The newest sample of each GPU; on opening, of the GPUs in the newest two files with samples."""
        with self._mutex:
            return dict(self._last)

    def append(self, samples: Iterable[Sample]) -> int:
        """Put samples on disk and return how many; those that do not advance are left out and counted.

        Raises `UnwrittenSamplesError` on a full or failing disk; then an hour's samples are left out altogether.
        """
        kept = 0
        with self._mutex:
            folder_fd = self._to_write()
            for hour, group in groupby(sorted(samples, key=attrgetter("at_ms")), lambda one: one.at_ms // MS_PER_HOUR):
                rows = self._advancing(group)
                if rows:
                    self._write(Segment.of(self.folder, hour), rows, folder_fd)
                    self._note(rows)
                    kept += len(rows)
        return kept

    def read(self, gpu_ids: Iterable[str], after_ms: UnixMs, until_ms: UnixMs) -> Iterator[Sequence[GpuSeries]]:
        """Yield the samples stamped in `(after_ms, until_ms]` of the GPUs named, file by file, in order of time.

        Names are compared without regard to case and blanks around them, and series bear those asked for. A GPU has
        two series in a file where only some of its samples there carry energy. Memory is that of one file.

        Raises `JournalError` where one GPU is asked for twice, or a file cannot be read.
        """
        names: dict[str, str] = {}
        for gpu_id in gpu_ids:
            other = names.setdefault(plain_gpu_id(gpu_id), gpu_id)
            if other != gpu_id:
                raise JournalError(f"{other!r} and {gpu_id!r} name one GPU", remedy="Enrol each GPU once")
        return self._read(names, after_ms, until_ms)

    def prune(self, before_ms: UnixMs) -> int:
        """Delete the files whose hours were over by `before_ms`, the newest excepted, and return how many.

        The newest stays because it says which stamps have been used. Raises `JournalError`.
        """
        return self._delete([one for one in self._segments()[:-1] if (one.hour + 1) * MS_PER_HOUR <= before_ms])

    def trim(self, hours: int) -> int:
        """Delete the oldest files until so many hours with samples are left, and return how many files that was.

        A clock that went astray does not matter to it, as it would to `prune`. Raises `JournalError`.
        """
        return self._delete(self._segments()[: -max(1, hours)])

    def close(self) -> None:
        """Let go of the lock; all that was appended is on disk already."""
        with self._mutex:
            self._close_writer()
            if self._folder_fd is not None:
                os.close(self._folder_fd)
                self._folder_fd = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _to_write(self) -> int:
        if self._folder_fd is None:
            raise JournalError(f"{self.folder}: the journal is not open for writing", remedy="Open it to write")
        return self._folder_fd

    def _delete(self, segments: Sequence[Segment]) -> int:
        with self._mutex:
            folder_fd = self._to_write()
            try:
                for segment in segments:
                    segment.path.unlink()
                if segments:
                    os.fsync(folder_fd)
            except OSError as error:
                raise JournalError(f"{self.folder}: old samples cannot be deleted: {_reason(error)}") from error
        return len(segments)

    def _advancing(self, samples: Iterable[Sample]) -> list[Sample]:
        """Return the samples that advance, in order of time."""
        rows = []
        newest: dict[str, int] = {}
        for sample in samples:
            if not is_writable(sample):
                raise JournalError(f"{self.folder}: no line can hold {sample!r}", remedy="Report this as a bug")
            last = self._last.get(sample.gpu_id)
            used_ms = newest.get(sample.gpu_id, -1 if last is None else last.at_ms)
            if sample.at_ms < self._newest_ms or sample.at_ms <= used_ms:
                self.stamped_back += 1
                continue
            newest[sample.gpu_id] = sample.at_ms
            rows.append(sample)
        return rows

    def _note(self, rows: Iterable[Sample]) -> None:
        for sample in rows:
            self._last[sample.gpu_id] = sample
            self._newest_ms = max(self._newest_ms, sample.at_ms)

    def _write(self, segment: Segment, rows: list[Sample], folder_fd: int) -> None:
        try:
            if self._writer is None or self._writer.segment != segment:
                self._close_writer()
                if segment.path.exists():
                    self._mend(segment)
                self._writer = SegmentWriter(segment, folder_fd)
            self._writer.write(rows)
        except OSError as error:
            self._close_writer()
            raise UnwrittenSamplesError(segment.path, _reason(error)) from error

    def _close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _mend(self, segment: Segment) -> None:
        cut = segment.cut_torn_tail()
        if cut:
            self.torn_tails += 1
            _LOG.warning("%s: cut off %d bytes of an interrupted write", segment.path, cut)

    def _load_last(self) -> None:
        """Read the newest files until enough of them had samples."""
        found = 0
        for segment in reversed(Segment.all_in(self.folder)):
            rows, self._damage[segment.hour] = segment.read()
            newer = self._last
            self._last = {}
            self._note(rows)
            self._last |= newer
            found += bool(rows)
            if found == _FILES_OF_LAST:
                return

    def _read(self, names: Mapping[str, str], after_ms: UnixMs, until_ms: UnixMs) -> Iterator[Sequence[GpuSeries]]:
        for segment in self._segments():
            if (segment.hour + 1) * MS_PER_HOUR > after_ms and segment.hour * MS_PER_HOUR <= until_ms:
                series = self._series(segment, names, after_ms, until_ms)
                if series:
                    yield series

    def _series(
        self, segment: Segment, names: Mapping[str, str], after_ms: UnixMs, until_ms: UnixMs
    ) -> Sequence[GpuSeries]:
        with self._mutex:
            # Only what is on disk for sure may be counted: the rest may be gone after a loss of power.
            writer = self._writer
            size = writer.size if writer is not None and writer.segment == segment else None
        try:
            rows, damaged = segment.read(size, names)
        except OSError as error:
            raise JournalError(f"{segment.path}: {_reason(error)}") from error
        with self._mutex:
            self._damage[segment.hour] = damaged
        wanted = [row for row in rows if after_ms < row.at_ms <= until_ms]
        measured = [row for row in wanted if row.energy_mj is not None]
        unmeasured = [row for row in wanted if row.energy_mj is None]
        return to_series(measured) + to_series(unmeasured)

    def _segments(self) -> list[Segment]:
        try:
            return Segment.all_in(self.folder)
        except OSError as error:
            raise JournalError(f"{self.folder}: {_reason(error)}") from error


def _locked(folder: Path) -> int:
    """Return a descriptor of a folder, locked until it is closed. May raise `OSError`."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        _sync(folder.absolute().parent)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise JournalLockedError(folder) from error
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
