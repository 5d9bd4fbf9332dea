"""What a deployment costs now, in the currency of its chain. Wei."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import decode, encode
from web3 import Web3

from pyutils.chain import RpcError, rpc
from pyutils.deployment.network import Network
from pyutils.deployment.outline import Kind, Planned
from pyutils.deployment.proxy import PROXY_FUNDS
from pyutils.keccak import keccak256

_GAS_MARGIN_PERCENT: Final = 125
"""The lane's gas limits are so much above what nodes estimate."""

_OP_ORACLE: Final = "0x420000000000000000000000000000000000000F"
"""GasPriceOracle, a predeploy of the OP Stack."""
_ARBITRUM_NODE: Final = "0x00000000000000000000000000000000000000C8"
"""NodeInterface, which Arbitrum's nodes answer for."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What some steps cost at the fees of a moment."""

    gas: int
    price: int
    """Wei per gas."""
    data_fee: int | None
    """What a rollup asks for data on another chain; 0 where a chain asks for none, None where the node did not say."""
    expected: int
    needed: int
    """What the deployer should hold: the same, the largest step at double the base fee, and the proxy's funds."""


def total_gas(steps: Sequence[Planned]) -> int:
    """Return the gas of all steps."""
    return sum(step.gas for step in steps)


def cost_now(web3: Web3, network: Network, steps: Sequence[Planned]) -> Cost:
    """Return what `steps` cost at the fees of the newest block."""
    base, price = _prices(web3)
    data_fee = _data_fee(web3, network, steps)
    gas = total_gas(steps)
    funds = PROXY_FUNDS if any(step.kind is Kind.FUND for step in steps) else 0
    expected = gas * price + (data_fee or 0) + funds
    largest = max((step.gas for step in steps), default=0) * _GAS_MARGIN_PERCENT // 100
    return Cost(gas, price, data_fee, expected, expected + largest * base)


def _prices(web3: Web3) -> tuple[int, int]:
    """Return base fee and price; the price twice on a chain without a base fee."""
    block: dict[str, Any] = rpc.request(web3, "eth_getBlockByNumber", "latest", False)
    if "baseFeePerGas" not in block:
        price = int(rpc.request(web3, "eth_gasPrice"), 16)
        return price, price
    base = int(block["baseFeePerGas"], 16)
    return base, base + int(rpc.request(web3, "eth_maxPriorityFeePerGas"), 16)


def _data_fee(web3: Web3, network: Network, steps: Sequence[Planned]) -> int | None:
    try:
        if network.rollup == "op-stack":
            return sum(_op_fee(web3, step.size) for step in steps if step.size)
        if network.rollup == "arbitrum":
            return _arbitrum_fee(web3, steps)
    except RpcError:
        return None
    return 0


def _op_fee(web3: Web3, size: int) -> int:
    """Return the most that the OP Stack asks for a transaction of `size` bytes."""
    (fee,) = _ask(web3, _OP_ORACLE, "getL1FeeUpperBound(uint256)", (size,), ["uint256"])
    return int(fee)


def _arbitrum_fee(web3: Web3, steps: Sequence[Planned]) -> int:
    """Return what Arbitrum asks for the data of `steps`, by what it asks for the largest."""
    largest = max(steps, key=lambda step: step.size, default=None)
    if largest is None or largest.part is None:
        return 0
    arguments = (largest.part.address, False, largest.part.creation_code)
    signature = "gasEstimateL1Component(address,bool,bytes)"
    gas, base, _ = _ask(web3, _ARBITRUM_NODE, signature, arguments, ["uint64", "uint256", "uint256"])
    return int(gas * base * sum(step.size for step in steps) // largest.size)


def _ask(web3: Web3, contract: str, signature: str, arguments: tuple[Any, ...], outputs: list[str]) -> tuple[Any, ...]:
    """Return what a chain's own contract answers. Raises `RpcError` where there is none."""
    types = signature.partition("(")[2].rstrip(")").split(",")
    data = keccak256(signature.encode())[:4] + encode(types, arguments)
    answer = rpc.request(web3, "eth_call", {"to": contract, "data": "0x" + data.hex()}, "latest")
    if len(answer) < 2 + 64 * len(outputs):
        raise RpcError("eth_call", f"{contract} does not answer {signature}")
    values: tuple[Any, ...] = decode(outputs, bytes.fromhex(answer[2:]))
    return values
