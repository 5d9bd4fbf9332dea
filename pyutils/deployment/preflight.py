"""What must hold before the first transaction: all that would cost gas to find out later, or be found too late."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eth_abi.abi import encode
from web3 import Web3

from pyutils.chain import DEV_CHAINS, RevertedError, RpcError, dev_signer, rpc
from pyutils.contracts import Stablecoin
from pyutils.deployment.plan import DEV_ACCOUNTS, Plan, PlanError
from pyutils.errors import InputError
from pyutils.keccak import keccak256
from pyutils.models import ZERO_ADDRESS

_DELEGATED: Final = bytes.fromhex("ef0100")
"""EIP-7702: an account of a person's that runs some contract's code; its key signs as before."""

_WALLETS: Final = (
    ("a Safe", "getThreshold()", ()),
    ("a timelock", "getMinDelay()", ()),
    ("a wallet by ERC-1271", "isValidSignature(bytes32,bytes)", (b"\0" * 32, b"")),
)
"""Contracts that can make calls, by a view that only they answer."""


class HolderError(PlanError):
    """Somebody who can do nothing, or whose key everybody has, is to hold a right."""

    remedy = "Name an account that can act; a contract of another kind belongs into acting_contracts"


class ThingError(PlanError):
    """A contract that the plan builds on is not what the plan takes it for."""

    remedy = "Mend the address in the plan, or name the endpoint of the right chain"


def check_holders_offline(plan: Plan, deployer: str | None = None) -> None:
    """Raise `HolderError` where a right would be nobody's or everybody's, as far as a plan alone tells."""
    public = set() if plan.chain_id in DEV_CHAINS else _public_accounts()
    for what, holder in _rights(plan):
        if holder == ZERO_ADDRESS:
            raise HolderError(f"{what} is the zero address: nobody can act for it")
        if holder in public:
            raise HolderError(f"{what} is {holder}, whose key is public", remedy="Put your own address in its place")
    if deployer in public:
        raise HolderError(
            f"the deployer is {deployer}, whose key is public", remedy="Deploy from an account of your own"
        )


def check_holders(plan: Plan, web3: Web3) -> None:
    """Raise `HolderError` where a role would go to a contract that cannot act."""
    seen: set[str] = set(plan.acting_contracts)
    for what, holder in _rights(plan):
        if holder in seen:
            continue
        seen.add(holder)
        code = rpc.code_at(web3, holder)
        if code and not code.startswith(_DELEGATED) and not _can_act(web3, holder):
            kinds = ", ".join(kind for kind, _, _ in _WALLETS)
            raise HolderError(f"{what} is {holder}, a contract that is none of {kinds}: it may never be able to act")


def check_things(plan: Plan, web3: Web3) -> None:
    """Raise `ThingError` where tokens and feeds that should be there already are not."""
    for place, token in enumerate(plan.tokens):
        _expect_code(web3, f"tokens.{place}", token)
        try:
            Stablecoin(web3, token).decimals()
        except (InputError, RevertedError, RpcError) as error:
            raise ThingError(f"tokens.{place}: {token} has no decimals: it is no token") from error
    if plan.sequencer_feed != ZERO_ADDRESS:
        _expect_code(web3, "oracle.sequencer_feed", plan.sequencer_feed)
    for number, market in enumerate(plan.credit):
        for place, listing in enumerate(market.collaterals):
            _expect_code(web3, f"credit.{number}.collaterals.{place}.token", listing.token)
            _expect_code(web3, f"credit.{number}.collaterals.{place}.feed", listing.feed)


def balance_of(web3: Web3, account: str) -> int:
    """Return what an account holds, in wei."""
    return int(rpc.request(web3, "eth_getBalance", account, "latest"), 16)


def _rights(plan: Plan) -> Iterator[tuple[str, str]]:
    for grant in plan.grants:
        yield f"the holder of {grant.role.name.lower().replace('_', '-')}", grant.holder
    yield "the fee recipient", plan.fee_recipient


def _public_accounts() -> set[str]:
    return {dev_signer(min(DEV_CHAINS), place).address for place in DEV_ACCOUNTS.values()}


def _expect_code(web3: Web3, entry: str, address: str) -> None:
    if not rpc.code_at(web3, address):
        raise ThingError(f"{entry}: there is no code at {address} on this chain")


def _can_act(web3: Web3, holder: str) -> bool:
    return any(_answers(web3, holder, signature, arguments) for _, signature, arguments in _WALLETS)


def _answers(web3: Web3, contract: str, signature: str, arguments: tuple[bytes, ...]) -> bool:
    """Return whether a contract answers a view with one word, as only one that has it does."""
    types = [kind for kind in signature.partition("(")[2].rstrip(")").split(",") if kind]
    data = keccak256(signature.encode())[:4] + encode(types, arguments)
    try:
        answer = rpc.request(web3, "eth_call", {"to": contract, "data": "0x" + data.hex()}, "latest")
    except RpcError:
        return False  # it has no such view
    return len(answer) == 2 + 64
