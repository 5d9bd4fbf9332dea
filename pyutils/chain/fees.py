"""Fees: what the market asks, what a replacement must pay, and the limits that neither ever exceeds. Wei per gas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from web3 import Web3

from pyutils.chain import rpc
from pyutils.errors import ChainError

_FEES: Final = ("gasPrice", "maxFeePerGas", "maxPriorityFeePerGas")


class FeeCapError(ChainError):
    """The chain asks a higher fee than the lane may pay."""

    remedy = "Wait until fees fall, or raise the cap or budget"

    def __init__(self, call: str, asked: str, limit: str) -> None:
        super().__init__(f"{call}: the chain asks {asked}, the limit is {limit}")


@dataclass(frozen=True, slots=True)
class LanePolicy:
    """What a lane may pay, how long it waits, and how deep a receipt must lie."""

    max_fee_per_gas: int = 500 * 10**9
    """Wei per gas that no transaction and no replacement exceeds."""
    budget_wei: int = 10**18
    """Wei that one call may cost at most, replacements included; only one form of it is ever paid for. A call that
    supersedes another may spend both budgets: what it takes the place of will cost nothing."""
    confirmations: int = 0
    """Blocks on top of the receipt's before it is trusted."""
    finality: bool = False
    """Trust a receipt when the chain calls its block final; `confirmations` hold where a chain has no such tag."""
    replace_after_s: float = 30.0
    timeout_s: float = 300.0
    poll_s: float = 2.0
    """Longest pause between two looks; the first ones come sooner."""
    gas_margin_percent: int = 25

    @property
    def trusts_any_block(self) -> bool:
        """Return whether a receipt is trusted wherever it lies."""
        return not self.confirmations and not self.finality


def market_fees(web3: Web3, policy: LanePolicy, call: str, gas: int, budgets: int = 1) -> dict[str, int]:
    """Return what a transaction should offer now, as its fields: twice the base fee as far as the limits allow.

    Args:
        web3: the chain; without a base fee, a legacy transaction's price is returned.
        policy: the limits.
        call: what it is for, for the error.
        gas: the transaction's limit.
        budgets: how many calls' budgets may be spent.

    Raises `FeeCapError` where what gets a transaction in now exceeds a limit.
    """
    block: Mapping[str, Any] = rpc.request(web3, "eth_getBlockByNumber", "latest", False)
    if "baseFeePerGas" not in block:
        price = int(rpc.request(web3, "eth_gasPrice"), 16)
        _check(policy, call, gas, price, budgets)
        return {"gasPrice": price}
    base = int(block["baseFeePerGas"], 16)
    tip = int(rpc.request(web3, "eth_maxPriorityFeePerGas"), 16)
    _check(policy, call, gas, base + tip, budgets)
    # Room for six full blocks, as far as cap and budget allow.
    most = min(2 * base + tip, policy.max_fee_per_gas, policy.budget_wei * budgets // gas)
    return {"maxFeePerGas": most, "maxPriorityFeePerGas": min(tip, most), "type": 2}


def raised_fees(
    old: Mapping[str, Any], market: Mapping[str, int], policy: LanePolicy, call: str, gas: int, budgets: int = 1
) -> dict[str, int]:
    """Return the fees of a replacement: each an eighth higher than `old` has it, rounded up, and at least the market's.

    Nodes want a tenth more on both fees, and more than before, so that zero becomes one. Raises `FeeCapError`.
    """
    fees = {name: max(-(-old[name] * 9 // 8), old[name] + 1, market.get(name, 0)) for name in _FEES if name in old}
    _check(policy, call, gas, max(fees.values()), budgets)
    return fees


def _check(policy: LanePolicy, call: str, gas: int, price: int, budgets: int) -> None:
    if price > policy.max_fee_per_gas:
        raise FeeCapError(call, f"{price} wei per gas", f"{policy.max_fee_per_gas} wei per gas")
    if price * gas > policy.budget_wei * budgets:
        raise FeeCapError(call, f"{price * gas} wei", f"{policy.budget_wei * budgets} wei")
