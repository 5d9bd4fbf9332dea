"""What a report costs, so that people know how long an account's balance lasts."""

from __future__ import annotations

from typing import Final

from web3 import Web3

from pyutils.chain import rpc

SUBMIT_GAS: Final = 110_000
"""Gas of a submission with the reporter's signature alone; a test holds it against real ones."""
SIGNATURE_GAS: Final = 12_000
"""Gas of each verifier's signature."""


def report_gas(quorum: int) -> int:
    """Return the gas that bringing a report with a quorum of signatures to the head takes, rounded up."""
    return SUBMIT_GAS + quorum * SIGNATURE_GAS


def report_cost(web3: Web3, quorum: int) -> int:
    """Return what a report costs at the fees of now, in wei. A rollup's fee for data comes on top."""
    return report_gas(quorum) * int(rpc.request(web3, "eth_gasPrice"), 16)


def balance(web3: Web3, account: str) -> int:
    """Return what an account has for gas, in wei."""
    return int(rpc.request(web3, "eth_getBalance", account, "latest"), 16)


def reports_left(web3: Web3, account: str, quorum: int) -> int:
    """Return how many reports an account can pay for at the fees of now, rounded down."""
    return balance(web3, account) // max(1, report_cost(web3, quorum))
