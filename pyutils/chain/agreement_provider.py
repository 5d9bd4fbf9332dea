"""A web3 over an agreement: code that reads one node reads a majority of several, unchanged.

`latest` in a question becomes the newest block that a majority has. What each node knows for itself alone, its pool
and its advice on gas, is a median. A transaction goes to all, and one that accepts it is enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, cast

from web3 import Web3
from web3.middleware import AttributeDictMiddleware
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from pyutils.chain.agreement import AgreedBlock, Agreement, DisagreementError
from pyutils.chain.panel import Answer
from pyutils.chain.pool import Verdict, verdict_of
from pyutils.chain.provider import RpcUnreachableError
from pyutils.keccak import keccak256

_BLOCK_AT: Final = {
    "eth_getBlockByNumber": 0,
    "eth_getBalance": 1,
    "eth_getCode": 1,
    "eth_getTransactionCount": 1,
    "eth_call": 1,
    "eth_getStorageAt": 2,
}
"""Which parameter names the block."""
_MEDIANS: Final = frozenset({"eth_estimateGas", "eth_gasPrice", "eth_maxPriorityFeePerGas"})
_OF_ONE_NODE: Final = ("anvil_", "evm_")
"""Methods of a development node, whose time is set once however many names it has."""


def agreed_web3(agreement: Agreement) -> Web3:
    """Return a web3 that answers by majority."""
    return Web3(AgreementProvider(agreement), middleware=[AttributeDictMiddleware])


class AgreementProvider(JSONBaseProvider):
    """Answers by majority. Raises as `Agreement.read` does."""

    def __init__(self, agreement: Agreement) -> None:
        super().__init__()
        self.agreement = agreement

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Return the majority's answer."""
        if method == "eth_sendRawTransaction":
            return self._send(params)
        return self.agreement.patiently(lambda: self._ask(method, list(params)))

    def make_batch_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse] | RPCResponse:
        """Return the majority's answers, one question after the other."""
        return [self.make_request(method, params) for method, params in requests]

    def _ask(self, method: str, params: list[Any]) -> RPCResponse:
        if method.startswith(_OF_ONE_NODE):
            return self._answer(self.agreement.first(method, params))
        if method == "eth_blockNumber":
            return _result(hex(self._at("latest").number))
        if method in _MEDIANS or (method == "eth_getTransactionCount" and params[1:] == ["pending"]):
            return self.agreement.middle(method, params)
        if method == "eth_getTransactionReceipt":
            return self._receipt(params)
        if method == "eth_getTransactionByHash":
            return self._transaction(params)
        pinned = self._pinned(method, params)
        if pinned is None:
            # The chain has no such block, by this tag: what a node says of a number that it does not have.
            return _result(None) if method == "eth_getBlockByNumber" else _refusal("the chain names no such block")
        return self.agreement.ask(method, pinned)

    def _pinned(self, method: str, params: list[Any]) -> list[Any] | None:
        """Return the parameters with blocks by number for their tags; None where a tag names no block."""
        if method == "eth_getLogs":
            wanted = dict(params[0])
            if "blockHash" not in wanted:
                for end in ("fromBlock", "toBlock"):
                    number = self._number(wanted.get(end, "latest"))
                    if number is None:
                        return None
                    wanted[end] = number
            return [wanted]
        place = _BLOCK_AT.get(method)
        if place is None:
            return params
        number = self._number(params[place] if place < len(params) else "latest")
        return None if number is None else [*params[:place], number, *params[place + 1 :]]

    def _number(self, block: Any) -> Any:
        if block in ("latest", "pending"):
            return hex(self._at("latest").number)
        if block in ("finalized", "safe"):
            found = self.agreement.newest(block)
            return None if found is None else hex(found.number)
        return block

    def _at(self, tag: str) -> AgreedBlock:
        return self.agreement.present(self.agreement.newest(tag), tag)

    def _receipt(self, params: list[Any]) -> RPCResponse:
        """Return the receipt that a majority has; none where they differ, which while some lag is not yet."""
        try:
            return self.agreement.ask("eth_getTransactionReceipt", params)
        except DisagreementError:
            return _result(None)

    def _transaction(self, params: list[Any]) -> RPCResponse:
        """Return a transaction that a majority has, in whatever state, as the first of them has it."""
        majority = self.agreement.majority

        def having(given: Sequence[Answer]) -> list[RPCResponse]:
            return [one.response for one in given if one.response is not None and one.response.get("result")]

        answers = self.agreement.each("eth_getTransactionByHash", params, lambda given: len(having(given)) >= majority)
        if sum(one.response is not None for one in answers) < majority:
            raise _unreachable(answers)
        found = having(answers)
        return found[0] if len(found) >= majority else _result(None)

    def _send(self, params: list[Any]) -> RPCResponse:
        """Give a raw transaction to all; what most say of it where none accepts it."""

        def accepted(given: Sequence[Answer]) -> bool:
            return any(_verdict(one) is Verdict.ACCEPTED for one in given)

        answers = self.agreement.each("eth_sendRawTransaction", params, accepted)
        if accepted(answers):
            return _result("0x" + keccak256(bytes.fromhex(params[0].removeprefix("0x"))).hex())
        refusals = [one for one in answers if one.response is not None]
        if not refusals:
            raise _unreachable(answers)
        usual = Counter(_verdict(one) for one in refusals).most_common(1)[0][0]
        return self._answer(next(one for one in refusals if _verdict(one) is usual))

    def _answer(self, one: Answer) -> RPCResponse:
        if one.error is not None:
            raise one.error
        return cast("RPCResponse", one.response)


def _verdict(one: Answer) -> Verdict | None:
    """Return what a node says of a transaction; None where it says nothing."""
    if one.response is None:
        return None
    error: Any = one.response.get("error")
    if error is None:
        return Verdict.ACCEPTED
    return verdict_of(str(error.get("message", "") if isinstance(error, dict) else error))


def _unreachable(answers: Sequence[Answer]) -> RpcUnreachableError:
    return RpcUnreachableError([(one.url, one.failure or "answered too little") for one in answers])


def _result(value: Any) -> RPCResponse:
    return cast("RPCResponse", {"jsonrpc": "2.0", "id": 0, "result": value})


def _refusal(message: str) -> RPCResponse:
    return cast("RPCResponse", {"jsonrpc": "2.0", "id": 0, "error": {"code": -32001, "message": message}})
