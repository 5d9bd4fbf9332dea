"""What accounts have and earned and fleets did: read from one block by lenses, and from the events before it."""

from pyutils.portfolio.block import PinnedBlock, pin
from pyutils.portfolio.figures import FleetFigures, figures_of
from pyutils.portfolio.fleet import FleetView, read_fleet, read_fleets
from pyutils.portfolio.fleet_record import FleetRecord, read_fleet_record
from pyutils.portfolio.position import Position, read_position

__all__ = [
    "FleetFigures",
    "FleetRecord",
    "FleetView",
    "PinnedBlock",
    "Position",
    "figures_of",
    "pin",
    "read_fleet",
    "read_fleet_record",
    "read_fleets",
    "read_position",
]
