"""What must hold before the first transaction: all that would cost gas to find out later, or be found too late."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from web3 import Web3

from pyutils.chain import DEV_CHAINS, RevertedError, RpcError, dev_signer, rpc
from pyutils.contracts import Stablecoin
from pyutils.deployment.handover import role_name
from pyutils.deployment.holders import require_able
from pyutils.deployment.plan import DEV_ACCOUNTS, Plan, PlanError
from pyutils.errors import InputError
from pyutils.models import ZERO_ADDRESS


class HolderError(PlanError):
    """Somebody who can do nothing, or whose key everybody has, is to hold a right."""

    remedy = "Name an account that can act"


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


def check_holders(plan: Plan, web3: Web3, ours: Mapping[str, str] = MappingProxyType({})) -> None:
    """Raise `CannotActError` where a role would go to an address that certainly cannot act.

    Args:
        plan: who is to hold the roles.
        web3: the chain.
        ours: names of the system's contracts by address.

    """
    for grant in {grant.holder: grant for grant in plan.grants}.values():
        require_able(web3, role_name(grant.role), grant.holder, ours=ours)


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
        yield f"the holder of {role_name(grant.role)}", grant.holder
    yield "the fee recipient", plan.fee_recipient
    for number, market in enumerate(plan.credit):
        if market.cost_recipient is not None:
            yield f"credit.{number}.cost_recipient", market.cost_recipient


def _public_accounts() -> set[str]:
    return {dev_signer(min(DEV_CHAINS), place).address for place in DEV_ACCOUNTS.values()}


def _expect_code(web3: Web3, entry: str, address: str) -> None:
    if not rpc.code_at(web3, address):
        raise ThingError(f"{entry}: there is no code at {address} on this chain")
