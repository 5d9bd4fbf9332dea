"""What people have in the contracts: bonds, vault shares, requests, and money that waits to be taken."""

from __future__ import annotations

from collections.abc import Iterator

from pyutils.migration.obligation import ANYONE, Kind, Obligation
from pyutils.migration.participants import participants
from pyutils.migration.stage import Stage
from pyutils.portfolio import Position, read_position
from pyutils.portfolio.bond import BondPosition
from pyutils.portfolio.lender import VaultPosition
from pyutils.units import BlockNumber, format_fixed


def holders(stage: Stage) -> Iterator[Obligation]:
    """Yield what everybody has who was ever named by an event."""
    for account in participants(stage.system, BlockNumber(stage.number)):
        position = read_position(stage.system, account, stage.number, contract=True)
        yield from _claims(stage, position)
        for bond in position.bonds:
            yield from _bond(stage, account, bond)
        for vault in position.vaults:
            yield from _lender(stage, account, vault)
    yield from _slashed(stage)


def _claims(stage: Stage, position: Position) -> Iterator[Obligation]:
    by_command: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for one in position.claimables:
        if one.command != "gpurwa vault claim":  # shown with the rest of a lender's position
            by_command.setdefault((one.command, one.token), []).append((one.source, one.amount))
    for (command, token), parts in by_command.items():
        amount = sum(units for _, units in parts)
        sources = ", ".join(source for source, _ in parts)
        yield Obligation(
            kind=Kind.CLAIM,
            what=f"{stage.money(token, amount)} from {sources}",
            token=token,
            amount=amount,
            steps=(stage.step("holder", position.account, command),),
        )


def _bond(stage: Stage, account: str, one: BondPosition) -> Iterator[Obligation]:
    bond, token = one.bond, one.token
    kept = bond.reserved + bond.lie_stake
    if bond.free:
        unbond = f"gpurwa bond unbond {one.fleet_id} {stage.plain(token, bond.free)}"
        yield Obligation(
            kind=Kind.BOND,
            what=f"{stage.money(token, bond.free)} staked for fleet {one.fleet_id} and free",
            token=token,
            amount=bond.free,
            steps=(stage.step("operator", account, unbond, after="all of it is free" if kept else ""),),
        )
    if kept:
        yield Obligation(
            kind=Kind.BOND,
            what=f"{stage.money(token, kept)} staked for fleet {one.fleet_id} and kept for its escrow",
            token=token,
            amount=kept,
            steps=(stage.step("operator", account, "", after="its leases are closed and its rent is collected"),),
        )
    if bond.unbonding:
        yield Obligation(
            kind=Kind.BOND,
            what=f"{stage.money(token, bond.unbonding)} unbonding from fleet {one.fleet_id}",
            token=token,
            amount=bond.unbonding,
            steps=(stage.step("operator", account, f"gpurwa bond withdraw {one.fleet_id}", bond.unbonds_at),),
        )


def _lender(stage: Stage, account: str, one: VaultPosition) -> Iterator[Obligation]:
    option = stage.coin_option(stage.system.credit(one.token))
    epoch = f"epoch {one.pending_epoch} is served"
    for kind, units, said, command, after in (
        (Kind.LENT, one.shares, "lent", "request-redeem all", ""),
        (Kind.REDEMPTION, one.pending, "asked to be redeemed", "claim", epoch),
        (Kind.CLAIM, one.cancelled, "taken back", "cancel", ""),
    ):
        if units:
            yield Obligation(
                kind=kind,
                what=f"{format_fixed(units, one.decimals)} {one.symbol} {said}",
                token=one.vault,
                amount=units,
                steps=(stage.step("lender", account, f"gpurwa vault {command}{option}", after=after),),
            )
    if one.claimable_shares:
        yield Obligation(
            kind=Kind.CLAIM,
            what=f"{stage.money(one.token, one.claimable)} set aside in {one.symbol}",
            token=one.token,
            amount=one.claimable,
            steps=(stage.step("lender", account, f"gpurwa vault claim{option}"),),
        )


def _slashed(stage: Stage) -> Iterator[Obligation]:
    """Yield slashed stakes that did not reach the loss fund."""
    fund = stage.system.loss_fund.address
    for source in (stage.system.oracle, stage.system.bond):
        for token in stage.coins:
            owed = source.owed(token, fund, stage.number)
            if owed:
                command = f"gpurwa bond collect-slashed {source.NAME} {token}"
                yield Obligation(
                    kind=Kind.SLASHED,
                    what=f"{stage.money(token, owed)} that {source.NAME} owes the loss fund",
                    token=token,
                    amount=owed,
                    steps=(stage.step(ANYONE, (), command),),
                )
