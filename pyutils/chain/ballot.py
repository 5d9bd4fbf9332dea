"""When two nodes' answers are the same: the facts count, not spelling, order of members, or extras of one client."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Final

from web3.types import RPCResponse

from pyutils.chain.errors import revert_data

_BLOCK: Final = (
    "number", "hash", "parentHash", "timestamp", "baseFeePerGas", "gasLimit", "gasUsed", "miner", "extraData",
    "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "transactions",
)  # fmt: skip
_LOG: Final = (
    "address", "topics", "data", "blockNumber", "blockHash", "transactionHash", "transactionIndex", "logIndex",
)  # fmt: skip
_RECEIPT: Final = (
    "transactionHash", "transactionIndex", "blockNumber", "blockHash", "from", "to", "contractAddress", "status",
    "gasUsed", "cumulativeGasUsed", "effectiveGasPrice", "logs",
)  # fmt: skip

NOTHING: Final = ("result", None)
"""The vote of a node that has no such block or receipt, or not yet."""
FAULT: Final = ("error",)
"""The vote of a node that answers with an error of its own: each words it differently, so all are one."""


def facts(method: str, result: Any) -> Any:
    """Return what every client tells alike of a result."""
    if result is None:
        return None
    if method in ("eth_getBlockByNumber", "eth_getBlockByHash"):
        return _only(_BLOCK, result)
    if method == "eth_getTransactionReceipt":
        receipt = _only(_RECEIPT, result)
        if isinstance(receipt, dict) and isinstance(receipt.get("logs"), list):
            receipt["logs"] = [_only(_LOG, log) for log in receipt["logs"]]
        return receipt
    if method == "eth_getLogs" and isinstance(result, list):
        return [_only(_LOG, log) for log in result]
    return result


def vote(method: str, response: RPCResponse) -> Hashable | None:
    """Return what an answer stands for, equal for answers that say the same; None where it is no answer at all."""
    error: Any = response.get("error")
    if error is not None:
        data = revert_data(error.get("data")) if isinstance(error, dict) else None
        if data is None and "revert" not in str(error).lower():
            return FAULT
        return "revert", data or b""
    if "result" not in response:
        return None
    result = response["result"]
    return NOTHING if result is None else ("result", _frozen(facts(method, result)))


def quantity(response: RPCResponse) -> int | None:
    """Return the number that an answer is; None where it is none."""
    result = response.get("result")
    if not isinstance(result, str):
        return None
    try:
        return int(result, 16)
    except ValueError:
        return None


def _only(names: tuple[str, ...], row: Any) -> Any:
    return {name: row[name] for name in names if name in row} if isinstance(row, dict) else row


def _frozen(value: Any) -> Hashable:
    if isinstance(value, Mapping):
        return frozenset((name, _frozen(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, str):
        return value.lower()
    return type(value).__name__, value if isinstance(value, Hashable) else repr(value)
