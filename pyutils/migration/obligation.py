"""One thing that still runs on a deployment, and who ends it by which command from when on."""

from __future__ import annotations

from enum import StrEnum

from pyutils.models import Address, FrozenModel
from pyutils.units import UnixSeconds

ANYONE = "anyone"


class Kind(StrEnum):
    """What it is that runs, in the order in which it runs out."""

    BUSINESS = "new business"
    ANNOUNCED = "announced call"
    LEASE = "lease"
    REPORT = "pending report"
    DISPUTE = "dispute"
    REVENUE = "revenue"
    LOAN = "loan"
    LOT = "lot"
    PLEDGE = "pledge"
    FLEET = "fleet"
    BOND = "bond"
    LENT = "vault shares"
    REDEMPTION = "redemption request"
    CLAIM = "claim"
    SLASHED = "slashed stake"


class Step(FrozenModel):
    """What somebody does; where an obligation has several steps, the first that can be made is the next."""

    role: str
    """Who: `lessee`, `operator`, a role of people, or `anyone`."""
    accounts: tuple[Address, ...]
    """Whose it is; nobody in particular where anyone may."""
    command: str
    """Empty where time alone does it."""
    not_before: UnixSeconds | None = None
    """Until then the contract refuses it."""
    after: str = ""
    """What has to be over before it works; empty for nothing."""


class Obligation(FrozenModel):
    """One thing that still runs. Money in units of `token`."""

    kind: Kind
    what: str
    token: Address | None = None
    amount: int = 0
    """Money that is held until then; shares of the vault where that is what waits."""
    ends_at: UnixSeconds | None = None
    """When it ends by itself, as far as that is known."""
    steps: tuple[Step, ...]
