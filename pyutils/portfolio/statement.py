"""Everything about one account as of one block: what it has, what it was paid, and what stands behind it."""

from __future__ import annotations

from dataclasses import dataclass

from pyutils.contracts import System
from pyutils.contracts.base import Block
from pyutils.portfolio.fleet_history import FleetHistory, read_fleet_history
from pyutils.portfolio.incomes import Income, read_incomes
from pyutils.portfolio.lending import Lending, read_lending
from pyutils.portfolio.loan_tracks import LoanTrack, read_loan_tracks
from pyutils.portfolio.position import Position, read_position
from pyutils.units import FleetId


@dataclass(frozen=True, slots=True)
class Statement:
    """One account, and the fleets and loans that its money hangs on."""

    position: Position
    incomes: tuple[Income, ...]
    fleets: tuple[FleetHistory, ...]
    """Those in which it holds shares, leases, bonds or loans."""
    lending: tuple[Lending, ...]
    loans: tuple[LoanTrack, ...]
    """Its own, and those of markets that it lent in."""


def read_statement(system: System, account: str, block: Block = "latest") -> Statement:
    """Return the statement of `account`; one block for everything, so that it adds up."""
    position = read_position(system, account, block, contract=True)
    number = position.block.number
    lending = read_lending(system, account, number)
    lent = {one.token for one in lending}
    own = {(one.token, one.loan_id) for one in position.loans}
    tracks = tuple(
        track
        for track in read_loan_tracks(system, number)
        if track.token in lent or (track.token, track.loan_id) in own or track.loan.borrower == account
    )
    concerned = {FleetId(one.fleet_id) for one in position.shares}
    concerned |= {FleetId(one.fleet_id) for one in position.titles}
    concerned |= {FleetId(one.fleet_id) for one in position.bonds}
    concerned |= {FleetId(one.lease.fleet_id) for one in position.leases}
    concerned |= {FleetId(track.loan.fleet_id) for track in tracks}
    return Statement(
        position=position,
        incomes=read_incomes(system, account, number),
        fleets=tuple(read_fleet_history(system, fleet_id, number) for fleet_id in sorted(concerned)),
        lending=lending,
        loans=tracks,
    )
