"""What accounts have and fleets did, as of one block, read by lenses that travel in the call."""

from pyutils.portfolio.block import PinnedBlock, pin
from pyutils.portfolio.figures import FleetFigures, figures_of
from pyutils.portfolio.fleet import FleetView, read_fleet, read_fleets
from pyutils.portfolio.position import Position, read_position

__all__ = [
    "FleetFigures",
    "FleetView",
    "PinnedBlock",
    "Position",
    "figures_of",
    "pin",
    "read_fleet",
    "read_fleets",
    "read_position",
]
