"""Bringing an index up to the chain: range by range, each written whole, blocks that the chain took back removed.

While a range is written the next one is read. A range that a node finds too long is halved; one that went well lets the
next be twice as long, as long as what is in memory stays small.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pyutils.chain.batch import Source
from pyutils.chain.provider import RpcUnreachableError
from pyutils.chain.rpc import RpcError
from pyutils.index import source as chain
from pyutils.index.contracts import created_in, deployed, with_tokens
from pyutils.index.decode import decode_logs
from pyutils.index.errors import FinalizedReorgError, LyingNodeError
from pyutils.index.source import AnswerTooLongError, ChangedWhileReadError, Range
from pyutils.index.store import Batch, BlockRow, Followed, Identity, Store, SyncState
from pyutils.manifest import Manifest

_TRIES: Final = 4
"""How often a range that changed under the reader is read before the node is not believed."""
_PAUSE_S: Final = 0.5
_YOUNG: Final = 1
_ALL: Final = 2
"""Generations of objects that the collector looks at."""
_LOOK_EVERY: Final = 32
"""After so many batches it looks at all."""
_STEPS_BACK: Final = 64
"""Blocks compared at once while a common one is looked for."""


@dataclass(frozen=True, slots=True)
class SyncPolicy:
    """How much is read at once."""

    blocks: int = 16
    """Length of the first range."""
    most_blocks: int = 100_000
    most_events: int = 20_000
    """A range with more makes the next one shorter; two ranges are in memory at a time."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a sync has done so far."""

    state: SyncState
    target: int
    """The block that it goes up to."""
    blocks: int
    events: int
    """Written since it began; those rolled back are not taken off."""
    rolled_back: int
    """How many blocks deep the chain took blocks back; 0 where it did not."""
    retries: int
    """Ranges that had to be read once more, or in halves."""


@dataclass(frozen=True, slots=True)
class _Read:
    range: Range
    created: list[Followed]


def sync(
    store: Store,
    source: Source,
    manifest: Manifest,
    *,
    to: int | None = None,
    policy: SyncPolicy = SyncPolicy(),
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Progress:
    """Bring the index up to block `to`, or to the newest.

    Raises:
        IndexBusyError: another sync writes to it.
        OtherIndexError: it is of another deployment.
        FinalizedReorgError: the chain is not the one that the index was made from.
        PrunedHistoryError, RpcError, RpcUnreachableError: the node does not give what is needed.
        LyingNodeError, UnindexableLogError: what it gives cannot be.
        DatabaseError: the database refuses; what was written before stands.

    """
    with store.writing(), _rare_collection():
        return _Sync(store, source, manifest, policy, on_progress).run(to)


class _Sync:
    def __init__(
        self, store: Store, source: Source, manifest: Manifest, policy: SyncPolicy, tell: Callable[[Progress], None]
    ) -> None:
        self.store, self.source, self.policy, self.tell = store, source, policy, tell
        self.identity = Identity(manifest.chain_id, bytes.fromhex(manifest.address("FleetRegistry")[2:]))
        self.named = deployed(manifest)
        self.state = store.prepare(self.identity, manifest.first_block)
        self.length = policy.blocks
        self.kinds: dict[str, str] = {}
        self.blocks = self.events = self.batches = self.rolled_back = self.retries = 0

    def run(self, to: int | None) -> Progress:
        """Go up to a block, or to the newest."""
        head = self._header("latest")
        target = head.number if to is None else min(to, head.number)
        self._follow_named()
        for _ in range(_TRIES):
            self._leave_what_is_gone(head)
            if self._advance(target):
                break
            head = self._header("latest")
            target = head.number if to is None else min(to, head.number)
        else:
            raise LyingNodeError(
                "the chain takes blocks back faster than they are read, or endpoints are of two chains"
            )
        return self._progress(target)

    def _advance(self, target: int) -> bool:
        """Read and write up to `target`; False where the chain no longer fits the index."""
        final = chain.finalized(self.source)
        with self.store.transaction() as connection:
            self.kinds = {"0x" + one.address.hex(): one.kind for one in self.store.contracts(connection)}
        self.tell(self._progress(target))
        for read in self._ranges(target):
            before = self.state
            if before.block_hash is not None and read.range.first.parent != before.block_hash:
                return False
            last = read.range.last.block
            self.state = self.store.append(before, self._batch(read, final))
            self.blocks += last.number - read.range.first.block.number + 1
            self.events += self.state.events - before.events
            self.batches += 1
            gc.collect(_YOUNG if self.batches % _LOOK_EVERY else _ALL)
            self.tell(self._progress(target))
        return True

    def _ranges(self, target: int) -> Iterator[_Read]:
        """Yield what is read up to `target`, the next being read while one is used."""
        first = self._next(self.state)
        with ThreadPoolExecutor(1, "gpurwa-index-reader") as reader:
            ahead: Future[_Read] | None = reader.submit(self._read, first, target) if first <= target else None
            while ahead is not None:
                read = ahead.result()
                first = read.range.last.block.number + 1
                ahead = reader.submit(self._read, first, target) if first <= target else None
                yield read

    def _read(self, first: int, target: int) -> _Read:
        """Read a range that begins at `first`, as long as the node lets it be."""
        tries = 0
        while True:
            last = min(first + self.length - 1, target)
            try:
                found = chain.read_range(self.source, list(self.kinds), first, last)
                created = created_in(found.logs, self.kinds)
                if created:
                    # They may have emitted events in the range that tells of them, even before it does.
                    more = chain.read_range(self.source, ["0x" + one.address.hex() for one in created], first, last)
                    found = chain.merged(found, more)
                    created = with_tokens(self.source, created)
            except ChangedWhileReadError:
                self.retries += 1
                tries += 1
                if tries == _TRIES:
                    raise
                time.sleep(_PAUSE_S)
            except (RpcError, RpcUnreachableError, AnswerTooLongError) as error:
                if first == last or not _is_about_length(error):
                    raise
                self.retries += 1
                self.length = max(1, (last - first + 1) // 2)
            else:
                self.kinds.update({"0x" + one.address.hex(): one.kind for one in created})
                self._adapt(last - first + 1, len(found.logs))
                return _Read(found, created)

    def _adapt(self, blocks: int, events: int) -> None:
        """Choose the length of the next range by how many events this one had."""
        fitting = blocks * self.policy.most_events // max(1, events)
        self.length = max(1, min(2 * max(self.length, blocks), fitting, self.policy.most_blocks))

    def _batch(self, read: _Read, final: BlockRow | None) -> Batch:
        last = read.range.last.block
        rows = decode_logs(read.range.logs, self.kinds)
        blocks = read.range.blocks if read.range.blocks[-1:] == [last] else [*read.range.blocks, last]
        safe = None if final is None else (final if final.number < last.number else last)
        return Batch(rows, blocks, read.created, last, safe)

    def _follow_named(self) -> None:
        """Follow what the deployment record names; where something is new in it and old on the chain, read again."""
        with self.store.transaction() as connection:
            followed = {one.address for one in self.store.contracts(connection)}
        new = [one for one in self.named if one.address not in followed]
        if not new:
            return
        oldest = min(one.first_block for one in new)
        if self.state.block is not None and oldest <= self.state.block:
            with self.store.transaction() as connection:
                below = self.store.blocks_below(connection, oldest - 1, 1)
            self.state = self.store.roll_back(self.state, below[0] if below else None)
        self.store.follow(new)

    def _leave_what_is_gone(self, head: BlockRow) -> None:
        """Forget blocks that the chain took back. Raises `FinalizedReorgError` where one of them was final."""
        state = self.state
        if state.block is None or self._stands(state, head):
            return
        shared = self._shared(state.block, head.number)
        final = state.finalized_block
        if final is not None and (shared is None or shared.number < final):
            height = f"its newest block is {head.number}" if head.number < final else f"block {final} is another one"
            raise FinalizedReorgError(f"the index holds the final block {final}, and on the node {height}")
        self.rolled_back = max(
            self.rolled_back, state.block - (state.first_block - 1 if shared is None else shared.number)
        )
        self.state = self.store.roll_back(state, shared)

    def _stands(self, state: SyncState, head: BlockRow) -> bool:
        if head.number < (state.block or 0):
            return False
        header = chain.headers(self.source, [state.block or 0])[0]
        return header is not None and header.block.hash == state.block_hash

    def _shared(self, block: int, head: int) -> BlockRow | None:
        """Return the newest block that is both in the index and on the chain; None where there is none."""
        top = min(block, head)
        while True:
            with self.store.transaction() as connection:
                rows = self.store.blocks_below(connection, top, _STEPS_BACK)
            if not rows:
                return None
            found = chain.headers(self.source, [row.number for row in rows])
            for row, header in zip(rows, found, strict=True):
                if header is not None and header.block.hash == row.hash:
                    return row
            top = rows[-1].number - 1

    def _header(self, block: int | str) -> BlockRow:
        header = chain.headers(self.source, [block])[0]
        if header is None:
            raise LyingNodeError(f"the node has no block {block}")
        return header.block

    def _progress(self, target: int) -> Progress:
        return Progress(self.state, target, self.blocks, self.events, self.rolled_back, self.retries)

    @staticmethod
    def _next(state: SyncState) -> int:
        return state.first_block if state.block is None else state.block + 1


@contextmanager
def _rare_collection() -> Iterator[None]:
    """Let the garbage collector rest but for one look after each batch, mostly at young objects.

    Logs by the ten thousand make it go through all of them again and again, a third of all time; they have no cycles
    and are freed without it.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _is_about_length(error: RpcError | RpcUnreachableError | AnswerTooLongError) -> bool:
    """Return whether a shorter range may go well: a node's refusal, or an answer that was not there in time."""
    return not isinstance(error, RpcUnreachableError) or any("timed out" in reason for _, reason in error.tried)
