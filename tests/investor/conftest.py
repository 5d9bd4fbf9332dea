"""A demo that was played, and its chain, once for each test process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pyutils.audit import LeafFiles
from pyutils.chain import connect
from pyutils.contracts import System
from pyutils.demo import run_devnet
from pyutils.devnet import CHAIN_ID
from pyutils.index import Store, sync
from pyutils.index.source import bulk_source
from pyutils.manifest import Manifest, read_manifest, user_path
from pyutils.meter import Cast, synthetic_trace, write_trace


@dataclass(frozen=True)
class Played:
    """Where a demo ended."""

    url: str
    manifest: Manifest
    out: Path

    @property
    def files(self) -> LeafFiles:
        return LeafFiles([self.out / "leaf_files"])

    @property
    def system(self) -> System:
        return self.system_at(self.url)

    def indexed(self, folder: Path) -> str:
        """Index the chain's whole life up to now, and return where."""
        url = f"sqlite:///{folder / 'index.sqlite'}"
        sync(Store.at(url, writes=True), bulk_source([self.url], self.manifest.chain_id), self.manifest)
        return url

    def system_at(self, url: str) -> System:
        """Return the system behind an endpoint that is asked once, and believed."""
        return System.at(connect([url], CHAIN_ID), self.manifest)


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Play the demo on a small trace, and leave its chain running."""
    folder = tmp_path_factory.mktemp("investor")
    trace = folder / "small.csv"
    write_trace(synthetic_trace(0, Cast(steady=4, leaves=1, arrives=1, gappy=2), hours=7, cadence_s=60), trace)
    devnet = run_devnet(trace, folder / "out", folder / "state", folder=folder)
    yield Played(devnet.anvil.url, read_manifest(user_path("devnet", folder)), folder / "out")
    devnet.anvil.stop()
