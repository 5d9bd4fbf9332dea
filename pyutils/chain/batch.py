"""Several questions in one JSON-RPC batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol, cast

from web3 import Web3
from web3.types import RPCEndpoint, RPCResponse

from pyutils.chain.errors import ChainProtocolError
from pyutils.chain.rpc import unwrap

Question = tuple[str, list[Any]]
"""A method and its parameters."""

_AT_ONCE: Final = 100
"""Questions in one batch; nodes limit it."""


class Source(Protocol):
    """Who is asked."""

    def make_batch_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse] | RPCResponse:
        """Return the answers in the order asked."""
        ...


def answered(source: Source, questions: Sequence[Question]) -> list[RPCResponse]:
    """Return the answers of one batch, refusals among them.

    Raises:
        RpcError: the batch was refused as a whole, as some nodes do.
        ChainProtocolError: it was not answered one by one.

    """
    answers = source.make_batch_request([(RPCEndpoint(method), params) for method, params in questions])
    if isinstance(answers, dict):
        unwrap(questions[0][0], answers)
    if not isinstance(answers, list) or len(answers) != len(questions):
        raise ChainProtocolError(f"a batch of {len(questions)} questions was not answered one by one")
    return answers


def ask(source: Source, questions: Sequence[Question]) -> list[Any]:
    """Return the results of one batch. Raises as `answered`, and `RpcError` where one question was refused."""
    answers = answered(source, questions)
    return [unwrap(method, answer) for (method, _), answer in zip(questions, answers, strict=True)]


def ask_all(web3: Web3, questions: Sequence[Question]) -> list[Any]:
    """Return the results of any number of questions, in as many batches as it takes. Raises as `ask`."""
    source = cast("Source", web3.provider)
    parts = (questions[begin : begin + _AT_ONCE] for begin in range(0, len(questions), _AT_ONCE))
    return [result for part in parts for result in ask(source, part)]
