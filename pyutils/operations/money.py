"""Paying and being paid: allowances before a pull, what is owed anywhere, the faucet of development chains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pyutils.chain import DEV_CHAINS, Lane, Receipt, rpc
from pyutils.contracts import Stablecoin, System
from pyutils.contracts.payouts import PayoutContract
from pyutils.errors import InputError
from pyutils.operations.fleets import fleet_ids
from pyutils.units import TokenUnits, format_money

Pay: TypeAlias = Literal["approve", "allowance"]
"""How a coin is let go: by an approval of exactly the amount, or by what was approved before."""

ETHER_FOR_GAS = 10**19


class AllowanceTooSmallError(InputError):
    """The payer approved less than the call pulls."""

    remedy = "Approve more, or leave out `--pay allowance`"


class BalanceTooSmallError(InputError):
    """The payer holds less than the call pulls."""

    remedy = "Get more of the coin; on a development chain with `gpurwa faucet`"


class NoFaucetError(InputError):
    """There is no test coin to mint."""

    remedy = "Use a development chain or a testnet whose deployment has a test coin"


@dataclass(frozen=True, slots=True)
class Owed:
    """Money that a contract owes an account, until the account withdraws it."""

    contract: str
    token: str
    amount: TokenUnits


def make_payable(lane: Lane, token: Stablecoin, spender: str, amount: TokenUnits, pay: Pay) -> Receipt | None:
    """Let `spender` pull exactly `amount` from the lane's account, where it could not already.

    Raises `BalanceTooSmallError` and, where `pay` is `allowance`, `AllowanceTooSmallError`; nothing was sent then.
    """
    balance, allowance = token.balance_of(lane.address), token.allowance(lane.address, spender)
    decimals, symbol = token.decimals(), token.symbol()
    if balance < amount:
        raise BalanceTooSmallError(
            f"{format_money(amount, decimals)} {symbol} are needed, {lane.address} holds"
            f" {format_money(balance, decimals)}"
        )
    if allowance >= amount:
        return None
    if pay == "allowance":
        raise AllowanceTooSmallError(
            f"{format_money(amount, decimals)} {symbol} are needed, {lane.address} approved"
            f" {format_money(allowance, decimals)} to {spender}"
        )
    return token.approve(lane, spender, amount)


def payers(system: System) -> Iterator[tuple[str, PayoutContract]]:
    """Yield every contract that credits money, by name."""
    yield "lease_book", system.lease_book
    yield "oracle", system.oracle
    yield "bond", system.bond
    yield "router", system.router
    markets = system.credit_markets()
    for market in markets:
        yield "credit" if len(markets) == 1 else f"credit in {market.token.address}", market.credit


def tokens(system: System, block: rpc.Block = "latest") -> tuple[str, ...]:
    """Return every settlement token of a fleet, and the test coin."""
    coin = test_coin(system)
    found: set[str] = {coin.address} if coin else set()
    for fleet_id in fleet_ids(system, block):
        found.add(system.registry.fleet(fleet_id, block).settlement_token)
    return tuple(sorted(found))


def owed(system: System, account: str, block: rpc.Block = "latest") -> tuple[Owed, ...]:
    """Return all that is owed to an account, anywhere, as of a block."""
    found = []
    for token in tokens(system, block):
        for name, payer in payers(system):
            amount = payer.owed(token, account, block)
            if amount:
                found.append(Owed(name, token, amount))
    return tuple(found)


def withdraw(system: System, lane: Lane, to: str) -> tuple[Owed, ...]:
    """Send all that is owed to the lane's account to `to`, and return what was sent."""
    sent = owed(system, lane.address)
    by_name = dict(payers(system))
    for one in sent:
        by_name[one.contract].withdraw(lane, one.token, to)
    return sent


def test_coin(system: System) -> Stablecoin | None:
    """Return the coin that anyone may mint, where the deployment brought one along."""
    record = system.manifest.contracts.get("TestStablecoin")
    return system.token(record.address) if record else None


def test_collateral(system: System) -> Stablecoin:
    """Return the test collateral, which anyone may mint. Raises `NoFaucetError` where the deployment has none."""
    record = system.manifest.contracts.get("TestCollateral")
    if record is None:
        raise NoFaucetError(f"the deployment on {system.manifest.network} has no test collateral")
    return system.token(record.address)


def faucet(system: System, lane: Lane, to: str, amount: TokenUnits, coin: Stablecoin | None = None) -> Receipt:
    """Mint test coins, or units of another test token, to `to`; on a development chain, see that it can pay for gas.

    Raises `NoFaucetError` where the deployment has no test coin.
    """
    coin = coin or test_coin(system)
    if coin is None:
        raise NoFaucetError(f"the deployment on {system.manifest.network} has no test coin")
    is_dev = system.manifest.chain_id in DEV_CHAINS
    if is_dev and int(rpc.request(system.web3, "eth_getBalance", to, "latest"), 16) < ETHER_FOR_GAS:
        rpc.request(system.web3, "anvil_setBalance", to, hex(ETHER_FOR_GAS))
    return coin.mint(lane, to, amount)
