"""Leaving a deployment: nothing is upgraded, so new business stops, what runs runs out, and everybody is told how."""

from pyutils.migration.obligation import Kind, Obligation, Step
from pyutils.migration.remaining import Remaining, read_remaining

__all__ = ["Kind", "Obligation", "Remaining", "Step", "read_remaining"]
