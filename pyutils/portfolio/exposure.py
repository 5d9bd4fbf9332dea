"""Where an account's money hangs: by class of GPU, region, operator and coin. Money in units of the coin.

- **shares** and **titles**: their part of the appraisal of the fleet's hardware by the last known price, whatever it
  earns, rounded down; nothing where the class was never priced.
- **deposits**: what leases that the account owns still hold.
- **bonds**: what the account has at stake as an operator.
- **lent**: of what its vault shares are worth, the part that open loans have of all that the vault values, loan by
  loan, rounded down. What the vault holds in coins hangs on no fleet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pyutils.models import FrozenModel
from pyutils.portfolio.fleet import FleetView
from pyutils.portfolio.fleet_facts import FleetFacts
from pyutils.portfolio.position import Position
from pyutils.units import FleetId

DIMENSIONS: Final = ("class", "region", "operator")
KINDS: Final = ("shares", "deposits", "bonds", "lent")
"""What money may be in."""


class Exposure(FrozenModel):
    """What hangs on one class, region or operator, in one coin."""

    dimension: str
    name: str
    token: str
    shares: int
    deposits: int
    bonds: int
    lent: int
    total: int
    part: float | None
    """Of the total of its dimension and coin; None where that is nothing."""
    unvalued: tuple[FleetId, ...]
    """Fleets whose shares or titles are there and have no value, as their class was never priced."""


def kinds_of(exposures: Sequence[Exposure]) -> list[str]:
    """Return what money is in at all, so that tables need no empty columns."""
    return [kind for kind in KINDS if any(getattr(one, kind) for one in exposures)]


@dataclass(frozen=True, slots=True)
class _Piece:
    fleet_id: FleetId
    token: str
    what: str
    amount: int | None


def read_exposures(
    position: Position,
    lent: Iterable[tuple[FleetId, str, int]],
    views: Mapping[FleetId, FleetView],
    fleets: Mapping[FleetId, FleetFacts],
) -> tuple[Exposure, ...]:
    """Return where an account's money hangs, each dimension by itself, the largest first.

    Args:
        position: what it has.
        lent: what of its vault shares' worth is lent against fleets: fleet, coin, amount.
        views: the fleets in which it has shares or titles.
        fleets: all fleets.

    """
    pieces = [*_pieces(position, views), *(_Piece(fleet_id, token, "lent", amount) for fleet_id, token, amount in lent)]
    found: list[Exposure] = []
    for dimension in DIMENSIONS:
        groups: dict[tuple[str, str], list[_Piece]] = {}
        for piece in pieces:
            groups.setdefault((_name(fleets[piece.fleet_id], dimension), piece.token), []).append(piece)
        totals: dict[str, int] = {}
        for (_, token), group in groups.items():
            totals[token] = totals.get(token, 0) + sum(piece.amount or 0 for piece in group)
        rows = [_exposure(dimension, *key, group, totals[key[1]]) for key, group in groups.items()]
        found += sorted(rows, key=lambda row: (row.token, -row.total, row.name))
    return tuple(found)


def _pieces(position: Position, views: Mapping[FleetId, FleetView]) -> Iterator[_Piece]:
    for share in position.shares:
        if share.shares:
            yield _valued(FleetId(share.fleet_id), share.token, share.shares, views)
    for title in position.titles:
        yield _valued(FleetId(title.fleet_id), title.token, title.bound_shares, views)
    for lease in position.leases:
        if lease.lease.held:
            yield _Piece(FleetId(lease.lease.fleet_id), lease.token, "deposits", lease.lease.held)
    for one in position.bonds:
        bond = one.bond
        staked = bond.reserved + bond.lie_stake + bond.free + bond.unbonding
        if staked:
            yield _Piece(FleetId(one.fleet_id), one.token, "bonds", staked)


def _valued(fleet_id: FleetId, token: str, units: int, views: Mapping[FleetId, FleetView]) -> _Piece:
    row = views[fleet_id].row
    market = row.market
    value = market.value.hardware * units // row.supply if market is not None and market.value_told else None
    return _Piece(fleet_id, token, "shares", value)


def _name(fleet: FleetFacts, dimension: str) -> str:
    return {"class": fleet.gpu_class, "region": fleet.region, "operator": fleet.operator}[dimension]


def _exposure(dimension: str, name: str, token: str, group: Sequence[_Piece], whole: int) -> Exposure:
    sums = {what: sum(piece.amount or 0 for piece in group if piece.what == what) for what in KINDS}
    total = sum(sums.values())
    unvalued = sorted({piece.fleet_id for piece in group if piece.amount is None})
    return Exposure(
        dimension=dimension,
        name=name,
        token=token,
        total=total,
        part=total / whole if whole else None,
        unvalued=tuple(unvalued),
        **sums,
    )
