"""The deterministic deployment proxy, and the transaction that puts it up where a chain lacks it.

That transaction is signed by nobody: its signature is a round number, from which an account follows whose key nobody
has. Whoever sends that account its gas may send the transaction, on any chain that still takes ones without a chain id.
"""

from __future__ import annotations

import time
from typing import Final

from web3 import Web3

from pyutils.chain import Lane, LanePolicy, Receipt, rpc
from pyutils.chain.pool import Verdict, offer
from pyutils.deployment.addresses import CREATE2_DEPLOYER
from pyutils.errors import ContractError
from pyutils.keccak import keccak256
from pyutils.models import parse_address

PROXY_SIGNER: Final = parse_address("0x3fAB184622Dc19b6109349B94811493BF2a45362")
"""The account of the presigned transaction: nonce 0, 100 gwei, 100,000 gas."""

PROXY_FUNDS: Final = 100 * 10**9 * 100_000
"""Wei that the account needs for it: 0.01 ether."""

PROXY_CODE: Final = bytes.fromhex(
    "604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
)
"""Its creation code."""

PROXY_TRANSACTION: Final = (
    bytes.fromhex("f8a58085174876e800830186a08080b853")
    + PROXY_CODE
    + bytes.fromhex("1ba0" + "22" * 32 + "a0" + "22" * 32)
)
"""RLP of nonce, price, gas limit, no receiver, no value, the code, and the signature: 27 and a round number twice."""


class NoCreate2DeployerError(ContractError):
    """A chain lacks the deterministic deployment proxy, and does not let it be put up."""

    remedy = "Ask the chain's operators for it: https://github.com/Arachnid/deterministic-deployment-proxy"


def has_proxy(web3: Web3) -> bool:
    """Return whether the proxy stands."""
    return bool(rpc.code_at(web3, CREATE2_DEPLOYER))


def is_funded(web3: Web3) -> bool:
    """Return whether the presigned transaction can pay for itself."""
    return _missing(web3) == 0


def fund_proxy(lane: Lane) -> Receipt:
    """Send the presigned transaction's account what it lacks."""
    return lane.transact(PROXY_SIGNER, b"", value=_missing(lane.web3), call="fund the CREATE2 deployer's signer")


def put_proxy(web3: Web3, policy: LanePolicy) -> Receipt:
    """Send the presigned transaction and wait until the proxy stands. Raises `NoCreate2DeployerError`."""
    digest = "0x" + keccak256(PROXY_TRANSACTION).hex()
    deadline = time.monotonic() + policy.timeout_s
    while True:
        row = rpc.request(web3, "eth_getTransactionReceipt", digest)
        if row is not None:
            receipt = Receipt.from_row(row)
            if not receipt.succeeded or not has_proxy(web3):
                raise NoCreate2DeployerError(f"{digest} put nothing at {CREATE2_DEPLOYER}")
            return receipt
        answer = offer(web3, PROXY_TRANSACTION)
        if answer.verdict in (Verdict.REFUSED, Verdict.UNFUNDED):
            raise NoCreate2DeployerError(f"the chain does not take the presigned transaction: {answer.reason}")
        if time.monotonic() >= deadline:
            why = answer.reason or "it is in no block"
            raise NoCreate2DeployerError(
                f"there is no code at {CREATE2_DEPLOYER} after {policy.timeout_s:.0f} s: {why}"
            )
        time.sleep(min(policy.poll_s, 0.5))


def _missing(web3: Web3) -> int:
    return max(0, PROXY_FUNDS - int(rpc.request(web3, "eth_getBalance", PROXY_SIGNER, "latest"), 16))
