"""OperatorBond: what does the operator lose by breaking its word?"""

from __future__ import annotations

from pyutils.chain import Lane, Receipt
from pyutils.contracts.base import Block
from pyutils.contracts.payouts import PayoutContract
from pyutils.models import Bond
from pyutils.units import FleetId, TokenUnits


class OperatorBond(PayoutContract):
    """The operators' stakes."""

    NAME = "OperatorBond"

    def stake(self, lane: Lane, fleet_id: FleetId, operator: str, amount: TokenUnits) -> Receipt:
        """Stake `amount` for `operator`, paid by the signer."""
        return self._write(lane, "stake", fleet_id, operator, amount)

    def unbond(self, lane: Lane, fleet_id: FleetId, amount: TokenUnits) -> Receipt:
        """Start to take out free stake."""
        return self._write(lane, "unbond", fleet_id, amount)

    def finish_unbonding(self, lane: Lane, fleet_id: FleetId) -> Receipt:
        """Credit what has unbonded to the signer, to be withdrawn."""
        return self._write(lane, "finishUnbonding", fleet_id)

    def bond(self, fleet_id: FleetId, operator: str, block: Block = "latest") -> Bond:
        """Return an operator's bond for a fleet."""
        return Bond.from_row(self._read("bond", fleet_id, operator, block=block))

    def stake_requirement(self, fleet_id: FleetId, block: Block = "latest") -> TokenUnits:
        """Return what a lie, a pending report or a dispute puts at stake now."""
        return TokenUnits(self._read("stakeRequirement", fleet_id, block=block))
