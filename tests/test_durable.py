"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pyutils.durable import UnwritableFileError, write_whole


def test_write_whole__new_and_there_before__holds_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file"
    assert write_whole(path, b"one") == path
    assert write_whole(path, b"two").read_bytes() == b"two"
    assert [one.name for one in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("step", ["fsync", "fdopen"])
def test_write_whole__disk_full__is_one_line_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = write_whole(tmp_path / "file", b"before")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, full)
    with pytest.raises(UnwritableFileError, match="No space left on device") as error:
        write_whole(path, b"after")
    assert "\n" not in error.value.line()
    monkeypatch.undo()
    assert path.read_bytes() == b"before"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_write_whole__folder_is_a_file__is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnwritableFileError):
        write_whole(tmp_path / "file" / "below", b"")
