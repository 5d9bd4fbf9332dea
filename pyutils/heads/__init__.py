"""Exact integer mirror of a fleet's head: the reference against which `MeterOracle` is tested."""

from pyutils.heads.model import NO_DIGEST, NO_HEAD, NO_PENDING, FleetHeads, HeadsModel, Sequencer

__all__ = ["NO_DIGEST", "NO_HEAD", "NO_PENDING", "FleetHeads", "HeadsModel", "Sequencer"]
