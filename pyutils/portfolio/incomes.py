"""What was paid out to an account, from which contract and why, payment by payment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pyutils.contracts import System
from pyutils.contracts.base import Contract
from pyutils.models import parse_address
from pyutils.operations.fleets import fleet_ids
from pyutils.operations.history import Event, events, topic
from pyutils.units import BlockNumber, FleetId, TokenUnits, UnixSeconds

SOURCES: Final = {
    "FleetShares.Claim": "shares",
    "FleetShares.ClaimTitle": "title",
    "RevenueRouter.Withdraw": "operating share and fees",
    "LeaseBook.Withdraw": "refunds",
    "OperatorBond.Withdraw": "bond, SLA credits and compensation",
    "MeterOracle.Withdraw": "stakes and rewards",
    "FleetCredit.Withdraw": "revenue and surplus of loans",
}
"""What each event pays for."""


@dataclass(frozen=True, slots=True)
class Income:
    """One payment to an account, in token units."""

    at: UnixSeconds
    block: BlockNumber
    source: str
    fleet_id: FleetId | None
    """Whose revenue it is; None where the contract pays for several."""
    token: str
    amount: TokenUnits
    event: str
    """The event that told it."""


def read_incomes(system: System, account: str, block: BlockNumber) -> tuple[Income, ...]:
    """Return what `account` was paid up to a block, oldest first. What it is owed still is no income."""
    found = [*_from_fleets(system, account, block), *_from_payouts(system, account, block)]
    return tuple(sorted(found, key=lambda one: one.block))


def _from_fleets(system: System, account: str, block: BlockNumber) -> Iterator[Income]:
    for fleet_id in fleet_ids(system, block):
        shares, token = system.shares(fleet_id), system.registry.fleet(fleet_id, block).settlement_token
        for event in _events(system, shares, "Claim", [topic(account)], block):
            yield _income("FleetShares.Claim", event, token, fleet_id)
        for event in _events(system, shares, "ClaimTitle", [topic(account)], block):
            yield _income("FleetShares.ClaimTitle", event, token, fleet_id)


def _from_payouts(system: System, account: str, block: BlockNumber) -> Iterator[Income]:
    payers: list[Contract] = [system.router, system.lease_book, system.bond, system.oracle]
    payers += [market.credit for market in system.credit_markets()]
    for payer in payers:
        for event in _events(system, payer, "Withdraw", [None, topic(account)], block):
            yield _income(f"{payer.NAME}.Withdraw", event, parse_address(event.arguments["token"]), None)


def _events(
    system: System, contract: Contract, name: str, indexed: Sequence[str | None], block: BlockNumber
) -> Iterator[Event]:
    return events(contract, name, indexed, first=system.manifest.first_block, block=block)


def _income(what: str, event: Event, token: str, fleet_id: FleetId | None) -> Income:
    amount = TokenUnits(event.arguments["amount"])
    return Income(event.at, event.block, SOURCES[what], fleet_id, token, amount, event.label)
