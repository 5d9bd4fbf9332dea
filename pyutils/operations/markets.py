"""Credit markets: which one a loan, a fleet or a coin belongs to."""

from __future__ import annotations

from pyutils.contracts import CreditSystem, System
from pyutils.errors import InputError
from pyutils.units import FleetId


class NoCreditError(InputError):
    """The deployment lends nothing."""

    remedy = "Use a network whose deployment has a credit market"


def market(system: System, token: str | None = None) -> CreditSystem:
    """Return the market that lends `token`; the deployment's first one unless named.

    Raises `NoCreditError` where there is none, and `NoMarketError` where none lends that token.
    """
    if token is not None:
        return system.credit(token)
    markets = system.credit_markets()
    if not markets:
        raise NoCreditError(f"the deployment on {system.manifest.network} has no credit market")
    return markets[0]


def market_of(system: System, fleet_id: FleetId) -> CreditSystem:
    """Return the market that lends what a fleet settles in. Raises `NoMarketError`."""
    return system.credit(system.registry.fleet(fleet_id).settlement_token)
