"""Endpoints asked side by side: each in a thread of its own, so that one that hangs keeps nobody waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from web3.types import RPCEndpoint, RPCResponse

from pyutils.chain.provider import FailoverProvider, RpcPolicy, RpcUnreachableError
from pyutils.errors import GpuRwaError

_MOST_AT_ONCE: Final = 64
"""Questions that one endpoint may have unanswered: more than a busy server asks at once, and no threads without end
where one hangs."""
_PATIENCE_S: Final = 2.0
"""How long the rest are waited for, in seconds, where a majority answered and more answers would still help."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one endpoint said, or why it said nothing that can be used."""

    url: str
    response: RPCResponse | None = None
    error: GpuRwaError | None = None

    @property
    def failure(self) -> str:
        """Return why there is no answer; empty where there is one."""
        if isinstance(self.error, RpcUnreachableError):
            return "; ".join(reason for _, reason in self.error.tried)
        return "" if self.error is None else self.error.message


Enough = Callable[[Sequence[Answer]], bool]
"""Whether what was answered so far decides the question."""
Late = Callable[[Answer], None]
"""What becomes of an answer that came after its question was decided."""


class Poll:
    """One question and the answers to it, in the order in which they came."""

    def __init__(self, asked: int) -> None:
        self._asked = asked
        self._answers: list[Answer] = []
        self._late: Late | None = None
        self._arrived = threading.Condition()

    def receive(self, answer: Answer) -> None:
        """Take an answer."""
        with self._arrived:
            if self._late is None:
                self._answers.append(answer)
            else:
                self._late(answer)
            self._arrived.notify()

    def wait(self, decided: Enough, nearly: Enough | None, late: Late) -> list[Answer]:
        """Return the answers once they decide, or all came, or a while after they nearly decide."""
        give_up: float | None = None
        with self._arrived:
            while True:
                if len(self._answers) == self._asked or decided(self._answers):
                    break
                if give_up is None and nearly is not None and nearly(self._answers):
                    give_up = time.monotonic() + _PATIENCE_S
                left = None if give_up is None else give_up - time.monotonic()
                if left is not None and left <= 0:
                    break
                self._arrived.wait(left)
            self._late = late
            return list(self._answers)


class Endpoint:
    """One URL, asked once per question."""

    def __init__(self, url: str, chain_id: int, policy: RpcPolicy) -> None:
        self.url = url
        self._provider = FailoverProvider([url], chain_id, replace(policy, rounds=1))
        self._free = threading.Semaphore(_MOST_AT_ONCE)

    def ask(self, method: str, params: Sequence[Any]) -> Answer:
        """Return its answer."""
        if not self._free.acquire(blocking=False):
            reason = f"{_MOST_AT_ONCE} earlier questions are unanswered"
            return Answer(self.url, error=RpcUnreachableError([(self.url, reason)]))
        try:
            return Answer(self.url, self._provider.make_request(RPCEndpoint(method), list(params)))
        except GpuRwaError as error:
            return Answer(self.url, error=error)
        finally:
            self._free.release()


class Panel:
    """All endpoints."""

    def __init__(self, urls: Sequence[str], chain_id: int, policy: RpcPolicy) -> None:
        self.endpoints = tuple(Endpoint(url, chain_id, policy) for url in urls)

    def ask(
        self, method: str, params: Sequence[Any], decided: Enough, *, nearly: Enough | None = None, late: Late
    ) -> list[Answer]:
        """Ask all at once and return the answers that came until they decide, with failures among them.

        Args:
            method: the JSON-RPC method.
            params: its parameters.
            decided: the answers suffice, whatever the others would say.
            nearly: they would do, and the others are waited for a little; None waits for all.
            late: gets each answer that comes afterwards, in its own thread.

        """
        if len(self.endpoints) == 1:
            return [self.endpoints[0].ask(method, params)]
        poll = Poll(len(self.endpoints))
        for endpoint in self.endpoints:
            threading.Thread(
                target=_fetch, args=(endpoint, method, params, poll), name="rpc panel", daemon=True
            ).start()
        return poll.wait(decided, nearly, late)


def _fetch(endpoint: Endpoint, method: str, params: Sequence[Any], poll: Poll) -> None:
    # Whatever happens the poll gets its answer: a thread that died in silence would be waited for without end.
    answer = Answer(endpoint.url, error=RpcUnreachableError([(endpoint.url, "asking it failed")]))
    try:
        answer = endpoint.ask(method, params)
    finally:
        poll.receive(answer)
