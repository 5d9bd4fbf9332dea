"""Where a daemon keeps what: one folder for each network and part, its store, and the files that it publishes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pyutils.operations.gpu_lists import GpuLists


@dataclass(frozen=True, slots=True)
class Folders:
    """The files of one daemon, below `root`; lists of GPUs may lie elsewhere, where other commands file them."""

    root: Path
    gpus: Path | None = None

    @property
    def store(self) -> Path:
        """The database."""
        return self.root / "store.sqlite"

    @property
    def leaf_files(self) -> Path:
        """Published leaf files."""
        return self.root / "leaf_files"

    @property
    def samples(self) -> Path:
        """Published pages of samples."""
        return self.root / "samples"

    @property
    def journal(self) -> Path:
        """Samples that NVML took here."""
        return self.root / "journal"

    @property
    def gpu_lists(self) -> GpuLists:
        """Published lists of GPUs, under the roots that the chain holds."""
        return GpuLists(self.root / "gpus" if self.gpus is None else self.gpus)
