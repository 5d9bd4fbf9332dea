"""What a majority of several endpoints says: one that lags, lies, hangs or talks nonsense is outvoted and counted.

Of n endpoints n // 2 + 1 must agree: one of one, two of two, two of three. State is read at a block that a majority
has reached, so that lag does not look like a lie. Where no majority agrees, nothing is believed.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

import tenacity
from web3.types import RPCResponse

from pyutils.chain import ballot
from pyutils.chain.ballot import FAULT, NOTHING
from pyutils.chain.panel import Answer, Enough, Panel
from pyutils.chain.provider import NoEndpointError, RpcPolicy, RpcUnreachableError, WrongChainError, shown
from pyutils.chain.rpc import unwrap
from pyutils.errors import ChainError

T = TypeVar("T")

_STEPS_BACK: Final = (0, 1, 2, 4, 8, 16, 32, 64)
"""How far below the newest block a common one is looked for, while endpoints disagree about the tip."""
_JITTER: Final = 16
"""Blocks that an endpoint may be ahead or behind before that counts against it."""


class DisagreementError(ChainError):
    """Endpoints answered, and no majority of them said the same."""

    remedy = "Find out which endpoint is wrong and name another, or wait where they only lag"

    def __init__(self, method: str, said: Sequence[tuple[str, str]]) -> None:
        words = "; ".join(f"{shown(url)}: {text}" for url, text in said)
        super().__init__(f"{method}: no majority of RPC endpoints agrees: {words}")
        self.method, self.said = method, tuple(said)


@dataclass(frozen=True, slots=True)
class AgreedBlock:
    """A block of which a majority has number and hash; time in Unix seconds."""

    number: int
    hash: bytes
    timestamp: int


class Agreement:
    """Reads over several endpoints. May be used from threads.

    Args:
        urls: the endpoints; one that is named twice has one vote.
        chain_id: what each must serve; one that serves another chain is outvoted, or named where no majority is left.
        policy: how long an endpoint is waited for, and how often a question without a majority is put again.

    """

    def __init__(self, urls: Sequence[str], chain_id: int, policy: RpcPolicy | None = None) -> None:
        self.urls = tuple(dict.fromkeys(urls))
        if not self.urls:
            raise NoEndpointError("no RPC endpoint is known")
        self.chain_id = chain_id
        self.policy = policy or RpcPolicy()
        self.majority = len(self.urls) // 2 + 1
        self.disagreements: Counter[str] = Counter(dict.fromkeys(self.urls, 0))
        """How often each endpoint said something else than a majority, by URL."""
        self.failures: Counter[str] = Counter(dict.fromkeys(self.urls, 0))
        """How often each endpoint said nothing that could be used, or was behind, by URL."""
        self._panel = Panel(self.urls, chain_id, self.policy)
        self._lock = threading.Lock()

    def latest(self) -> AgreedBlock:
        """Return the highest block that a majority has reached, and agrees on. Raises as `read` does."""
        return self.patiently(lambda: self.present(self.newest("latest"), "latest"))

    def finalized(self, depth: int) -> AgreedBlock:
        """Return the newest block that cannot be taken back: by the `finalized` tag where a majority serves it.

        Elsewhere the block `depth` below the latest, or the first one. Raises as `read` does.
        """

        def look() -> AgreedBlock:
            final = self.newest("finalized")
            if final is not None:
                return final
            number = max(0, self.present(self.newest("latest"), "latest").number - depth)
            return self.present(self._block(number), hex(number))

        return self.patiently(look)

    def nonce(self, address: str, block: int) -> int:
        """Return how many transactions of an account are in blocks up to `block`. Raises as `read` does."""
        return int(self.read("eth_getTransactionCount", address, hex(block)), 16)

    def read(self, method: str, *params: Any) -> Any:
        """Return what a majority answers, the block being named in `params`.

        Raises:
            RpcError: a majority answers with an error, reverts included.
            DisagreementError: no majority says the same.
            RpcUnreachableError: no majority answers.
            WrongChainError: no majority answers, and an endpoint serves another chain.

        """
        return unwrap(method, self.patiently(lambda: self.ask(method, params)))

    def patiently(self, look: Callable[[], T]) -> T:
        """Return what `look` returns, trying again after a pause while no majority answers or agrees."""
        retry = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.policy.rounds),
            wait=tenacity.wait_random_exponential(multiplier=self.policy.pause_s, max=self.policy.longest_pause_s),
            retry=tenacity.retry_if_exception_type((DisagreementError, RpcUnreachableError)),
            reraise=True,
        )
        return retry(look)

    def ask(self, method: str, params: Sequence[Any]) -> RPCResponse:
        """Return the majority's answer to one question put once, an error among them. Raises as `read` does."""

        def winner(answers: Sequence[Answer]) -> Hashable | None:
            found = Counter(vote for one in answers if (vote := _vote(method, one)) is not None).most_common(1)
            return found[0][0] if found and found[0][1] >= self.majority else None

        won: list[Hashable] = []
        late = lambda one: self._count(method, one, *won)  # noqa: E731
        answers = self._panel.ask(method, params, lambda given: winner(given) is not None, late=late)
        won_by = winner(answers)
        won.append(won_by)
        for one in answers:
            self._count(method, one, won_by)
        if won_by is None:
            raise self._undecided(method, answers)
        chosen = next(one.response for one in answers if _vote(method, one) == won_by)
        assert chosen is not None
        if chosen.get("error") is not None:
            return chosen
        return cast("RPCResponse", {**chosen, "result": ballot.facts(method, chosen["result"])})

    def middle(self, method: str, params: Sequence[Any]) -> RPCResponse:
        """Return the upper median of the endpoints' numbers, where honest ones differ too; or a majority's error.

        No minority moves it out of the range of the others' numbers. Raises as `read` does.
        """

        def numbers(answers: Sequence[Answer]) -> list[int]:
            found = (ballot.quantity(one.response) for one in answers if one.response is not None)
            return sorted(number for number in found if number is not None)

        def refusals(answers: Sequence[Answer]) -> list[Answer]:
            return [one for one in answers if one.response is not None and one.response.get("error") is not None]

        answers = self._gather(method, params, lambda given: len(numbers(given)) >= self.majority)
        found, refused = numbers(answers), refusals(answers)
        if len(found) >= self.majority:
            return cast("RPCResponse", {"jsonrpc": "2.0", "id": 0, "result": hex(found[len(found) // 2])})
        if len(refused) >= self.majority:
            return self.ask(method, params)
        raise self._undecided(method, answers)

    def each(self, method: str, params: Sequence[Any], decided: Enough) -> list[Answer]:
        """Return all endpoints' answers, or those that came until they decide. Nobody is outvoted."""
        return self._panel.ask(method, params, decided, late=self._count_failure)

    def first(self, method: str, params: Sequence[Any]) -> Answer:
        """Return the first endpoint's answer, for what concerns one node alone."""
        return self._panel.endpoints[0].ask(method, params)

    def newest(self, tag: str) -> AgreedBlock | None:
        """Return the highest block that a majority calls `tag` or has below it; None where no majority knows the tag.

        Raises as `read` does, after one round.
        """
        params = (tag, False)
        answers = self._gather("eth_getBlockByNumber", params, lambda given: len(_blocks(given)) >= self.majority)
        blocks = _blocks(answers)
        if len(blocks) < self.majority:
            if sum(one.response is not None for one in answers) >= self.majority:
                return None
            raise self._undecided("eth_getBlockByNumber", answers)
        highest = sorted((block.number for _, block in blocks), reverse=True)[self.majority - 1]
        self._count_jitter(tag, blocks, highest)
        hashes = Counter(block for _, block in blocks if block.number == highest)
        if hashes and hashes.most_common(1)[0][1] >= self.majority:
            return hashes.most_common(1)[0][0]
        for back in _STEPS_BACK:
            block = self._block(highest - back) if highest >= back else None
            if block is not None:
                return block
        raise self._undecided("eth_getBlockByNumber", answers)

    def present(self, block: AgreedBlock | None, what: str) -> AgreedBlock:
        """Return a block. Raises `DisagreementError` where a majority has none."""
        if block is None:
            raise DisagreementError("eth_getBlockByNumber", [(url, f"no agreed block {what}") for url in self.urls])
        return block

    def _block(self, number: int) -> AgreedBlock | None:
        try:
            row = self.ask("eth_getBlockByNumber", (hex(number), False)).get("result")
        except DisagreementError:
            return None
        return _block(row)

    def _gather(self, method: str, params: Sequence[Any], nearly: Enough) -> list[Answer]:
        """Return as many answers as come soon, at least a majority that is of use."""
        everybody = lambda given: len(given) == len(self.urls)  # noqa: E731
        answers = self._panel.ask(method, params, everybody, nearly=nearly, late=self._count_failure)
        for one in answers:
            self._count_failure(one)
        return answers

    def _undecided(self, method: str, answers: Sequence[Answer]) -> ChainError:
        said = [(one.url, _words(one)) for one in answers]
        if sum(_vote(method, one) is not None for one in answers) >= self.majority:
            return DisagreementError(method, said)
        for one in answers:
            if isinstance(one.error, WrongChainError):
                return one.error
        return RpcUnreachableError([(url, text) for (url, text) in said])

    def _count(self, method: str, one: Answer, winner: Hashable | None = None) -> None:
        """Count an answer against its endpoint, where a majority said something else or it said nothing."""
        vote = _vote(method, one)
        behind = vote in (FAULT, NOTHING) and winner not in (None, vote)
        with self._lock:
            if vote is None or behind:
                self.failures[one.url] += 1
            elif winner not in (None, NOTHING, FAULT, vote):
                self.disagreements[one.url] += 1

    def _count_failure(self, one: Answer) -> None:
        if one.response is None:
            with self._lock:
                self.failures[one.url] += 1

    def _count_jitter(self, tag: str, blocks: Sequence[tuple[str, AgreedBlock]], agreed: int) -> None:
        with self._lock:
            for url, block in blocks:
                if block.number < agreed - _JITTER:
                    self.failures[url] += 1
                elif block.number > agreed + _JITTER and tag == "latest":
                    self.disagreements[url] += 1


def _vote(method: str, one: Answer) -> Hashable | None:
    return None if one.response is None else ballot.vote(method, one.response)


def _words(one: Answer) -> str:
    if one.response is None:
        return one.failure
    error: Any = one.response.get("error")
    result = str(one.response.get("result"))
    if error is not None:
        return f"error {error.get('message') if isinstance(error, dict) else error}"
    return result if len(result) <= 100 else f"{result[:100]}…"


def _blocks(answers: Sequence[Answer]) -> list[tuple[str, AgreedBlock]]:
    found = ((one.url, _block(one.response.get("result"))) for one in answers if one.response is not None)
    return [(url, block) for url, block in found if block is not None]


def _block(row: Any) -> AgreedBlock | None:
    """Return the block in a node's answer; None where it is none."""
    try:
        return AgreedBlock(int(row["number"], 16), bytes.fromhex(row["hash"][2:]), int(row["timestamp"], 16))
    except (TypeError, KeyError, ValueError):
        return None
