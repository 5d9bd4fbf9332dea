"""The demo's folder: written beside it first, put in place at the end, so that nothing is ever half written."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pyutils.demo.outcome import Outcome
from pyutils.errors import InputError
from pyutils.meter import Trace, write_trace

SUMMARY: Final = "summary.json"
LEAF_FILES: Final = "leaf_files"
TRACE: Final = "trace.csv.gz"


class OutputError(InputError):
    """The folder for results cannot be written."""

    remedy = "Name a folder that can be written with --out"


class Results:
    """Results in the making."""

    def __init__(self, out: Path, partial: Path) -> None:
        self.out, self.partial = out, partial
        self.leaf_files = partial / LEAF_FILES
        self.leaf_files.mkdir()

    @classmethod
    @contextmanager
    def folder(cls, out: Path) -> Iterator[Results]:
        """Make results for `out`; what was not put in place is gone afterwards. Raises `OutputError`."""
        try:
            if out.exists() and not out.is_dir():
                raise OutputError(f"{out} is there and is no folder")
            out.parent.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
        except OSError as error:
            raise OutputError(f"{out} cannot be written: {error.strerror}") from error
        try:
            yield cls(out, partial)
        finally:
            shutil.rmtree(partial)

    def put(self, outcome: Outcome, synthetic: Trace | None) -> None:
        """Replace what an earlier run left; the summary comes last. Other files in the folder stay.

        Args:
            outcome: becomes `summary.json`.
            synthetic: a trace that exists nowhere else, to be kept beside the summary.

        """
        text = json.dumps(outcome.model_dump(mode="json"), indent=2) + "\n"
        (self.partial / SUMMARY).write_text(text, encoding="utf-8")
        if synthetic is not None:
            write_trace(synthetic, self.partial / TRACE)
        try:
            self.out.mkdir(exist_ok=True)
            (self.out / SUMMARY).unlink(missing_ok=True)
            for name in (LEAF_FILES, TRACE, SUMMARY):
                self._replace(name)
        except OSError as error:
            raise OutputError(f"{self.out} cannot be written: {error.strerror}") from error

    def _replace(self, name: str) -> None:
        fresh, old = self.partial / name, self.out / name
        if old.is_dir():
            shutil.rmtree(old)
        else:
            old.unlink(missing_ok=True)
        if fresh.exists():
            fresh.rename(old)
