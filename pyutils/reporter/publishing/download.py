"""Bytes from an operator's publisher, bounded in size and time, and onto the disk whole or not at all."""

from __future__ import annotations

import copy
import math
import os
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import httpx

from pyutils.chain.provider import shown
from pyutils.errors import GpuRwaError
from pyutils.meter.leaf_file import MAX_BYTES
from pyutils.meter.page import MAX_PAGE_BYTES

Take = Callable[[bytes], object]
"""Told each chunk as it comes."""


class PublisherError(GpuRwaError):
    """What a publisher gives is not what it should be."""

    remedy = "Do not sign or settle by it; ask the operator to publish it again"

    def __init__(self, url: str, what: str, reason: str) -> None:
        super().__init__(f"publisher {shown(url)}: {what}: {reason}")
        self.what, self.reason = what, reason


class PublisherUnreachableError(PublisherError):
    """A publisher does not answer, or not in time."""

    remedy = "Check that the operator publishes at this address, then ask again"


class NotPublishedError(PublisherError):
    """A publisher does not have what was asked for."""

    remedy = "Ask the operator to publish it, or ask again later"


class CacheError(GpuRwaError):
    """Fetched files cannot be kept on this machine."""

    remedy = "Make room on the disk, and see that the folder may be written"


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How much a publisher may send, in bytes, and how long it may take, in seconds."""

    packed_bytes: int = 2**29
    leaf_file_bytes: int = MAX_BYTES
    page_bytes: int = MAX_PAGE_BYTES
    gpu_list_bytes: int = 2**26
    gpu_list_lines: int = 2**20
    json_bytes: int = 2**24
    connect_s: float = 5.0
    read_s: float = 30.0
    whole_s: float = 600.0
    """For one file; a publisher that sends a byte now and then is given up."""


DEFAULT_LIMITS: Final = FetchLimits()


class Downloads:
    """A client of one publisher. Redirects are not followed: the address stands in our configuration alone."""

    def __init__(self, base_url: str, limits: FetchLimits) -> None:
        self.base_url, self.limits = base_url.rstrip("/"), limits
        self._client = httpx.Client(
            timeout=httpx.Timeout(limits.read_s, connect=limits.connect_s),
            headers={"Accept-Encoding": "identity"},
            follow_redirects=False,
        )
        self._until = math.inf
        self._whole: Downloads | None = None
        weakref.finalize(self, self._client.close)

    def within(self, seconds: float) -> Self:
        """Return the same client, for an errand that is given up after so long, whatever files it takes."""
        one = copy.copy(self)
        one._until, one._whole = time.monotonic() + seconds, self
        return one

    def refused(self, what: str, reason: str) -> PublisherError:
        """Return the error that says what is wrong with an answer."""
        return PublisherError(self.base_url, what, reason)

    def stream(self, what: str, limit: int, take: Take) -> None:
        """Give `take` what stands at a path below the publisher's address, chunk by chunk.

        Raises `PublisherUnreachableError` where it does not answer or takes too long, `NotPublishedError` where there
        is no such thing, and `PublisherError` beyond `limit` bytes; chunks taken before that are to be thrown away.
        """
        deadline = min(self._until, time.monotonic() + self.limits.whole_s)
        size = 0
        if deadline < time.monotonic():
            raise PublisherUnreachableError(self.base_url, what, "all files together take too long")
        try:
            with self._client.stream("GET", f"{self.base_url}/{what}") as response:
                self._check_status(what, response.status_code)
                # Raw: an encoding that we did not ask for would unpack without a limit.
                for chunk in response.iter_raw():
                    size += len(chunk)
                    if size > limit:
                        raise self.refused(what, f"it is larger than {limit} bytes")
                    if time.monotonic() > deadline:
                        slow = f"takes over {self.limits.whole_s:.0f} s, or all files together take too long"
                        raise PublisherUnreachableError(self.base_url, what, slow)
                    take(chunk)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise PublisherUnreachableError(self.base_url, what, reason) from error
        except httpx.InvalidURL as error:
            raise self.refused(what, f"the publisher's address is no URL: {error}") from error

    def to_file(self, what: str, limit: int, file: Path, watch: Take = lambda _: None) -> None:
        """Write what stands at a path to a file, through to the disk; `watch` sees each chunk before it is written."""
        with file.open("wb") as out:

            def take(chunk: bytes) -> None:
                watch(chunk)
                out.write(chunk)

            self.stream(what, limit, take)
            out.flush()
            os.fsync(out.fileno())

    def _check_status(self, what: str, status: int) -> None:
        if status == httpx.codes.OK:
            return
        if status == httpx.codes.NOT_FOUND:
            raise NotPublishedError(self.base_url, what, "it is not there")
        if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise PublisherUnreachableError(self.base_url, what, f"HTTP status {status}")
        raise self.refused(what, f"HTTP status {status}")


@contextmanager
def partial_file(folder: Path) -> Iterator[Path]:
    """Give an empty file in `folder` that is gone afterwards unless it was moved. Raises `CacheError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".partial")
        os.close(handle)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise CacheError(f"{folder} cannot be written: {error.strerror or error}") from error


def put_in_place(partial: Path, path: Path) -> None:
    """Give a file that is on the disk its name, and see that the name is on the disk too."""
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
