"""Which contracts of a deployment there were at a block: markets may have been added later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyutils.manifest import CreditMarket, DeployedContract, Manifest

PAYERS = {"lease_book": "LeaseBook", "oracle": "MeterOracle", "bond": "OperatorBond", "router": "RevenueRouter"}
"""Contracts that credit money, by the names under which they are shown; a market's FleetCredit beside them."""


def first_block(manifest: Manifest, names: Iterable[str]) -> int:
    """Return the block from which on all of these contracts were there, as far as the record tells."""
    return max((manifest.contracts[name].block or 0 for name in names if name in manifest.contracts), default=0)


def markets_at(manifest: Manifest, number: int) -> tuple[CreditMarket, ...]:
    """Return the credit markets of which every contract was there at a block."""
    return tuple(market for market in manifest.credit if all(_there(market.contracts.values(), number)))


def coins_at(manifest: Manifest, number: int) -> tuple[str, ...]:
    """Return the coins that a deployment brought along for tests, where they were there at a block."""
    record = manifest.contracts.get("TestStablecoin")
    return (record.address,) if record is not None and all(_there([record], number)) else ()


def payers(manifest: Manifest, markets: tuple[CreditMarket, ...]) -> tuple[tuple[str, str], ...]:
    """Return name and address of every contract that credits money."""
    alone = len(manifest.credit) == 1
    lenders = (
        ("credit" if alone else f"credit in {market.token}", market.address("FleetCredit")) for market in markets
    )
    return (*((shown, manifest.address(name)) for shown, name in PAYERS.items()), *lenders)


def _there(records: Iterable[DeployedContract], number: int) -> Iterator[bool]:
    return (record.block is None or record.block <= number for record in records)
