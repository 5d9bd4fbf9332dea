"""The nonces of one account that are on their way, in memory and in the journal that survives a crash."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from pyutils.chain.sent import Form, LaneJournal, SavedTransactionError, Sent


class Nonces:
    """What a lane tracks. Callers that choose a nonce and then use it hold `lock` in between."""

    def __init__(self, journal: LaneJournal | None = None) -> None:
        self.lock = threading.RLock()
        self._journal = journal
        self._tracked: dict[int, Sent] = {}
        self._spent = 0
        """Nonces below are in blocks that are trusted, whatever a node that lags says."""

    def in_order(self) -> tuple[Sent, ...]:
        """Return what is tracked, by rising nonce."""
        with self.lock:
            return tuple(self._tracked[nonce] for nonce in sorted(self._tracked))

    def tracks(self, sent: Sent) -> bool:
        """Return whether exactly this is tracked."""
        return self._tracked.get(sent.nonce) is sent

    def next(self, pending: int) -> int:
        """Return the lowest nonce that is free, `pending` being the first that the chain's pool has none for."""
        nonce = max(pending, self._spent)
        while nonce in self._tracked:
            nonce += 1
        return nonce

    def restore(self, saved: Sequence[Sent]) -> None:
        """Track what a journal kept. Raises `SavedTransactionError` where a nonce is there twice."""
        with self.lock:
            nonces = [*self._tracked, *(sent.nonce for sent in saved)]
            if len(set(nonces)) < len(nonces):
                raise SavedTransactionError("two saved transactions have one nonce, or one that is on its way")
            self._tracked |= {sent.nonce: sent for sent in saved}

    def add(self, sent: Sent, form: Form) -> None:
        """Make `form` the newest of `sent`, on disk first. What the journal raises passes through; then it is none."""
        with self.lock:
            sent.forms.append(form)
            try:
                if self._journal is not None:
                    self._journal.save(sent)
            except BaseException:
                sent.forms.pop()
                raise
            sent.placed_at = time.monotonic()
            self._tracked[sent.nonce] = sent

    def forget(self, sent: Sent) -> None:
        """Track `sent` no longer; nothing where it is not tracked."""
        with self.lock:
            if not self.tracks(sent):
                return
            if self._journal is not None:
                self._journal.forget(sent.nonce)
            del self._tracked[sent.nonce]
            if sent.seen is not None or sent.misses:
                self._spent = max(self._spent, sent.nonce + 1)
