"""Transactions that tests send by hand, and their receipts.

`eth_sendTransactionSync` would do, but anvil answers it with a time-out where the block was there before it looked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 60.0


def send(ask: Callable[..., Any], transaction: dict[str, Any]) -> dict[str, Any]:
    """Send a transaction from an account of the node's, and return its receipt.

    Args:
        ask: puts one JSON-RPC question, given its method and parameters.
        transaction: as `eth_sendTransaction` takes it.

    """
    digest = ask("eth_sendTransaction", transaction)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        receipt: dict[str, Any] | None = ask("eth_getTransactionReceipt", digest)
        if receipt is not None:
            return receipt
        time.sleep(0.001)
    raise AssertionError(f"{digest} is in no block after {PATIENCE_S:.0f} s")
