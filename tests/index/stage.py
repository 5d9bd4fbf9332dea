"""A chain to index, and what an index of it must hold."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from web3 import Web3

from pyutils.chain import RpcPolicy, rpc
from pyutils.chain.batch import Source
from pyutils.index import Index, Progress, Store, SyncPolicy, open_index, sync
from pyutils.index.source import BulkProvider
from pyutils.manifest import Manifest
from pyutils.operations.history import Event

from .emitter import MadeLog, emit
from .histories import CREATION, SHAPES, history, naive_events

QUICK = RpcPolicy(timeout_s=10.0, connect_timeout_s=0.5, rounds=2, pause_s=0.01, longest_pause_s=0.02)
SHORT = SyncPolicy(blocks=3, most_events=300)
"""Ranges so short that a test has many of them."""


@dataclass(frozen=True)
class Stage:
    url: str
    web3: Web3
    manifest: Manifest

    @property
    def head(self) -> int:
        return int(rpc.request(self.web3, "eth_blockNumber"), 16)

    def source(self, *urls: str) -> BulkProvider:
        return BulkProvider(urls or (self.url,), self.manifest.chain_id, QUICK)

    def play(self, dice: random.Random, count: int, most: int = 60) -> None:
        """Let a random history happen, some logs a block."""
        self.emit(history(dice, self.manifest, count), dice, most)

    def emit(self, logs: Sequence[MadeLog], dice: random.Random, most: int = 60) -> None:
        sender = rpc.request(self.web3, "eth_accounts")[0]
        rpc.request(self.web3, "evm_setAutomine", False)
        done = 0
        while done < len(logs):
            count = dice.randrange(1, most)
            if logs[done + count : done + count + 1] and logs[done + count].topics[0] == CREATION:
                # Shares and the word of them come in one block, since they come in one transaction.
                count += 1
            emit(self.web3, sender, logs[done : done + count])
            done += count
            self.mine(dice.randrange(1, 3))
        rpc.request(self.web3, "evm_setAutomine", True)

    def mine(self, blocks: int) -> None:
        rpc.request(self.web3, "anvil_mine", hex(blocks))

    def sync(
        self, database: str, source: Source | None = None, *, to: int | None = None, policy: SyncPolicy = SHORT
    ) -> Progress:
        store = Store.at(database, writes=True)
        return sync(store, source or self.source(), self.manifest, to=to, policy=policy)

    def open(self, database: str) -> Index:
        return open_index(database, self.manifest)

    def assert_same(self, database: str, last: int | None = None) -> int:
        """Compare all of an index with the chain, decoded one by one; return how many events there are."""
        expected = naive_events(self.web3, self.manifest, last)
        by_label: dict[str, list[Event]] = {label: [] for label in SHAPES}
        for label, _, event in expected:
            by_label[label].append(event)
        with self.open(database) as index:
            for label, events in by_label.items():
                assert list(index.events(label)) == events, label
            assert index.state.events == len(expected)
        return len(expected)
