"""One JSON-RPC provider over several endpoints: the first that answers, answers.

An endpoint that cannot be reached, is overloaded (429) or broken (5xx) is passed over for the next; when all were tried
the round begins again after a pause, a few times. What an endpoint says counts: an error inside a valid answer, such as
a revert, is never retried elsewhere. Before an endpoint's first answer is used, its chain id is checked once.
"""

from __future__ import annotations

import itertools
import json
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit

import httpx
import tenacity
from web3 import Web3
from web3.middleware import AttributeDictMiddleware
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from pyutils.chain.errors import ChainProtocolError
from pyutils.errors import ChainError, InputError

JSON_HEADERS: Final = {"Content-Type": "application/json"}
_MOST_NESTED: Final = 32
"""No method that is called nests its answer deeper; what reads answers goes down by recursion."""


def shown(url: str) -> str:
    """Return `url` without path, query and user, where providers put their customers' keys."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class RpcUnreachableError(ChainError):
    """No endpoint answered."""

    remedy = "Check that the node runs and the URL is right, or name another with --rpc or GPURWA_RPC_URLS"

    def __init__(self, tried: Sequence[tuple[str, str]]) -> None:
        super().__init__("no RPC endpoint answered: " + "; ".join(f"{shown(url)}: {reason}" for url, reason in tried))
        self.tried = tuple(tried)


class WrongChainError(ChainError):
    """An endpoint serves another chain than the one that is meant."""

    remedy = "Name an endpoint of the right chain, or the network that it serves"

    def __init__(self, url: str, expected: int, found: int) -> None:
        super().__init__(f"{shown(url)} serves chain {found}, not {expected}")
        self.url, self.expected, self.found = url, expected, found


class NoEndpointError(InputError):
    """There is no RPC URL to use."""

    remedy = "Name one with --rpc or GPURWA_RPC_URLS"


@dataclass(frozen=True, slots=True)
class RpcPolicy:
    """How long to wait for an endpoint, and how often to go round all of them."""

    timeout_s: float = 20.0
    connect_timeout_s: float = 5.0
    rounds: int = 3
    pause_s: float = 0.5
    longest_pause_s: float = 8.0


class _RoundFailedError(Exception):
    def __init__(self, tried: list[tuple[str, str]]) -> None:
        super().__init__()
        self.tried = tried


class FailoverProvider(JSONBaseProvider):
    """A web3 provider over HTTP endpoints in order of preference.

    Args:
        urls: endpoints; the one that answered last is asked first.
        chain_id: what each must serve; None takes the first answer as the truth for all.
        policy: timeouts and retries.

    """

    def __init__(self, urls: Sequence[str], chain_id: int | None = None, policy: RpcPolicy = RpcPolicy()) -> None:
        super().__init__()
        if not urls:
            raise NoEndpointError("no RPC endpoint is known")
        self.urls = tuple(urls)
        self.expected_chain_id = chain_id
        self.policy = policy
        self.client = httpx.Client(timeout=httpx.Timeout(policy.timeout_s, connect=policy.connect_timeout_s))
        weakref.finalize(self, self.client.close)
        self._checked: set[str] = set()
        self._preferred = 0
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Return the first endpoint's answer. Raises `RpcUnreachableError`, `WrongChainError`."""
        body = self._ask(lambda: self.encode_rpc_request(method, params))
        if not isinstance(body, dict):
            raise ChainProtocolError(f"{shown(self.url)} answered {method} with something that is no JSON-RPC object")
        return cast("RPCResponse", body)

    def make_batch_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse] | RPCResponse:
        """Return the answers to a JSON-RPC list in the order asked. Raises as `make_request` does."""
        body = self._ask(lambda: self.encode_batch_rpc_request(requests))
        if isinstance(body, list):
            try:
                return cast("list[RPCResponse]", sorted(body, key=lambda answer: cast("int", answer["id"])))
            except (TypeError, KeyError) as error:
                raise ChainProtocolError(f"{shown(self.url)} answered a list with other things than answers") from error
        return cast("RPCResponse", body)

    @property
    def url(self) -> str:
        """Return the endpoint that is asked first."""
        return self.urls[self._preferred]

    def _ask(self, encode: Callable[[], bytes]) -> Any:
        retry = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.policy.rounds),
            wait=tenacity.wait_random_exponential(multiplier=self.policy.pause_s, max=self.policy.longest_pause_s),
            retry=tenacity.retry_if_exception_type(_RoundFailedError),
            reraise=True,
        )
        try:
            return retry(self._round, encode())
        except _RoundFailedError as failed:
            raise RpcUnreachableError(failed.tried) from None

    def _round(self, payload: bytes) -> Any:
        tried: list[tuple[str, str]] = []
        first = self._preferred
        for offset in range(len(self.urls)):
            place = (first + offset) % len(self.urls)
            url = self.urls[place]
            try:
                self._check_chain(url)
                answer = self._post(url, payload)
            except httpx.HTTPStatusError as error:
                status = error.response.status_code
                if status != httpx.codes.TOO_MANY_REQUESTS and status < httpx.codes.INTERNAL_SERVER_ERROR:
                    raise ChainProtocolError(f"{shown(url)} answered with HTTP status {status}") from error
                tried.append((url, f"HTTP status {status}"))
            except httpx.InvalidURL as error:
                raise NoEndpointError(f"an RPC endpoint is no URL: {error}") from error
            except (httpx.RequestError, ValueError, RecursionError) as error:
                # Whatever cannot be read, as text, as compressed bytes or as JSON, is no answer.
                tried.append((url, str(error) or type(error).__name__))
            else:
                self._preferred = place
                return answer
        raise _RoundFailedError(tried)

    def _post(self, url: str, payload: bytes) -> Any:
        return self.parse(self.post(url, payload))

    def post(self, url: str, payload: bytes) -> bytes:
        """Return what an endpoint answers with a good status. Raises httpx's errors."""
        response = self.client.post(url, content=payload, headers=JSON_HEADERS)
        response.raise_for_status()
        return response.content

    def parse(self, content: bytes) -> Any:
        """Return what an endpoint's answer holds. Raises `ValueError`, `RecursionError` where it is no answer."""
        answer = json.loads(content)
        if _is_deeper(answer, _MOST_NESTED):
            raise ValueError(f"an answer nested more than {_MOST_NESTED} deep")
        return answer

    def _check_chain(self, url: str) -> None:
        if url in self._checked:
            return
        answer = self._post(url, self.encode_rpc_request(RPCEndpoint("eth_chainId"), []))
        try:
            found = int(answer["result"], 16)
        except (TypeError, KeyError, ValueError) as error:
            raise ChainProtocolError(f"{shown(url)} does not say which chain it serves") from error
        with self._lock:
            if self.expected_chain_id is None:
                self.expected_chain_id = found
            if found != self.expected_chain_id:
                raise WrongChainError(url, self.expected_chain_id, found)
            self._checked.add(url)


def _is_deeper(value: Any, most: int) -> bool:
    """Return whether lists and objects lie in one another more than so deep, without going down by recursion."""
    level = [value]
    for _ in range(most + 1):
        rows = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        if not rows:
            return False
        level = list(itertools.chain.from_iterable(rows))
    return True


def connect(urls: Sequence[str], chain_id: int | None = None, policy: RpcPolicy = RpcPolicy()) -> Web3:
    """Return a web3 over `urls`; nothing is asked yet.

    Only the middleware that makes answers readable is kept: the lane fills transactions in, and a name never stands
    where an address belongs.
    """
    return Web3(FailoverProvider(urls, chain_id, policy), middleware=[AttributeDictMiddleware])
