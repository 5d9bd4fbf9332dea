"""Raw JSON-RPC over a web3 provider: results as the node wrote them, errors with their data."""

from __future__ import annotations

from typing import Any, TypeAlias

from web3 import Web3
from web3.types import RPCEndpoint, RPCResponse

from pyutils.chain.errors import decode_revert, revert_data
from pyutils.errors import ChainError

Block: TypeAlias = int | str
"""A block number, or `latest`, `pending`, `safe`, `finalized`, `earliest`."""


class RpcError(ChainError):
    """A node answered with an error."""

    remedy = "Read the node's message; another endpoint may know better"

    def __init__(self, method: str, message: str, code: int = 0, data: object = None) -> None:
        super().__init__(f"{method}: {message}")
        self.method, self.reason, self.code, self.data = method, message, code, data


def request(web3: Web3, method: str, *params: Any) -> Any:
    """Return the node's result, hex as it came. Raises `RpcError` where it answers with an error."""
    return unwrap(method, web3.provider.make_request(RPCEndpoint(method), list(params)))


def unwrap(method: str, answer: RPCResponse) -> Any:
    """Return the result in a node's answer. Raises `RpcError` where it is an error."""
    error = answer.get("error")
    if error is not None:
        if isinstance(error, dict):
            code: object = error.get("code")
            number = code if isinstance(code, int) else 0
            raise RpcError(method, str(error.get("message", "")), number, error.get("data"))
        raise RpcError(method, str(error))
    return answer.get("result")


def execution(web3: Web3, method: str, call: str, *params: Any) -> Any:
    """Return the result of `eth_call` or `eth_estimateGas`; a revert raises its decoded `RevertedError`.

    Args:
        web3: the chain.
        method: `eth_call` or `eth_estimateGas`.
        call: what is called, for the error: `LeaseBook.open`.
        params: the method's.

    """
    try:
        return request(web3, method, *params)
    except RpcError as error:
        data = revert_data(error.data)
        if data is None and "revert" not in error.reason.lower():
            raise
        raise decode_revert(data or b"").during(call) from None


def block_parameter(block: Block) -> str:
    """Return a block as nodes take it."""
    return hex(block) if isinstance(block, int) else block


def chain_id(web3: Web3) -> int:
    """Return the chain's id."""
    return int(request(web3, "eth_chainId"), 16)


def code_at(web3: Web3, address: str, block: Block = "latest") -> bytes:
    """Return the code at `address`; empty where there is none."""
    return bytes.fromhex(request(web3, "eth_getCode", address, block_parameter(block))[2:])
