"""What others entrusted to an account: titles, and rights over what they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pyutils.contracts import System
from pyutils.contracts.base import Contract, call_view, event_shape
from pyutils.models import parse_address
from pyutils.operations.history import events, logs, topic
from pyutils.units import BlockNumber, FleetId

_VIEWS: Final = {"Approval": "allowance", "ApprovalForAll": "isApprovedForAll", "OperatorSet": "isOperator"}
"""What tells whether that which an event gave is still given."""


def titles(system: System, account: str, block: BlockNumber) -> tuple[int, tuple[str, ...]]:
    """Return how many titles there are, and which of them an account owns or may hand on."""
    registry = system.registry
    fleets = [FleetId(number) for number in range(1, registry.fleet_count(block) + 1)]
    left = []
    for fleet_id in fleets:
        if registry.owner_of(fleet_id, block) == account:
            left.append(f"it owns the title of fleet {fleet_id}")
        approved = call_view(system.web3, registry.NAME, registry.address, "getApproved", fleet_id, block=block)
        if parse_address(approved) == account:
            left.append(f"it may hand on the title of fleet {fleet_id}")
    return len(fleets), tuple(left)


def allowances(system: System, account: str, block: BlockNumber) -> tuple[int, tuple[str, ...]]:
    """Return how many rights over coins, shares, titles, leases and claims others ever gave, and those that last."""
    registers: list[Contract] = [system.registry, system.lease_book]
    purses: list[Contract] = [system.token(token) for token in system.manifest.tokens]
    purses += [market.vault for market in system.credit_markets()]
    fleets = range(1, system.registry.fleet_count(block) + 1)
    purses += [system.shares(FleetId(number)) for number in fleets]
    given = _given(system, account, block, {"ApprovalForAll": "LeaseBook"}, registers)
    given |= _given(system, account, block, {"Approval": "FleetShares", "OperatorSet": "CreditVault"}, purses)
    left = []
    for contract, event, owner in sorted(given, key=lambda one: (one[0].address, *one[1:])):
        if call_view(system.web3, contract.NAME, contract.address, _VIEWS[event], owner, account, block=block):
            left.append(f"{owner} lets it act for what it has in {contract.NAME} {contract.address}")
    first, fund = system.manifest.first_block, system.loss_fund
    allowed = events(fund, "Allow", [topic(account)], first=first, block=block)
    tokens = sorted({parse_address(one.arguments["token"]) for one in allowed})
    left += [
        f"it may draw {token} from the loss fund"
        for token in tokens
        if call_view(system.web3, fund.NAME, fund.address, "allowance", account, token, block=block)
    ]
    return len(given) + len(tokens), tuple(left)


def _given(
    system: System, account: str, block: BlockNumber, shapes: Mapping[str, str], contracts: Sequence[Contract]
) -> set[tuple[Contract, str, str]]:
    """Return contract, event and owner of whatever was ever let go to an account: one search for all contracts.

    Args:
        system: where.
        account: second indexed argument of the events.
        block: up to which.
        shapes: events, with a contract whose ABI has each.
        contracts: whose.

    """
    by_address = {contract.address.lower(): contract for contract in contracts}
    found = logs(
        system.web3,
        [event_shape(contract, event) for event, contract in shapes.items()],
        [contract.address for contract in contracts],
        [None, (topic(account),)],
        first=system.manifest.first_block,
        last=block,
    )
    # The first argument is whose what is let go is, whatever its contract calls them.
    return {(by_address[one.contract], one.name, parse_address(next(iter(one.arguments.values())))) for one in found}
