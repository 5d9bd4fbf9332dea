"""All that must run out before a deployment can be left, as of one block."""

from __future__ import annotations

from pyutils.contracts import System
from pyutils.contracts.base import Block
from pyutils.migration.business import business
from pyutils.migration.credit import credit
from pyutils.migration.fleets import fleets
from pyutils.migration.holders import holders
from pyutils.migration.leases import leases
from pyutils.migration.obligation import Kind, Obligation
from pyutils.migration.stage import Stage
from pyutils.models import Address, FrozenModel
from pyutils.portfolio import PinnedBlock

_ORDER = list(Kind)


class FundHolding(FrozenModel):
    """What the loss fund has of a coin: it leaves only for a shortfall of a market that may draw on it."""

    token: Address
    amount: int


class Remaining(FrozenModel):
    """What still runs on a deployment."""

    network: str
    block: PinnedBlock
    is_paused: bool
    """Whether new business is stopped."""
    obligations: tuple[Obligation, ...]
    loss_fund: tuple[FundHolding, ...]
    """Nobody's, and so nobody waits for it."""

    @property
    def ran_out(self) -> bool:
        """Whether nothing runs any more."""
        return not self.obligations

    def of(self, account: str) -> Remaining:
        """Return only what an account has to do, or may as one of a few."""
        mine = tuple(one for one in self.obligations if any(account in step.accounts for step in one.steps))
        return self.model_copy(update={"obligations": mine})

    def count(self) -> dict[Kind, int]:
        """Return how many of each kind there are."""
        kinds = [one.kind for one in self.obligations]
        return {kind: kinds.count(kind) for kind in _ORDER if kind in kinds}


def read_remaining(system: System, block: Block = "latest") -> Remaining:
    """Return all that must run out before a system can be left, from its events and its state as of `block`."""
    stage = Stage.at(system, block)
    found = [*business(stage), *leases(stage), *fleets(stage), *credit(stage), *holders(stage)]
    found.sort(key=lambda one: _ORDER.index(one.kind))
    held = {token: system.loss_fund.held(token, stage.number) for token in stage.coins}
    return Remaining(
        network=system.manifest.network,
        block=stage.block,
        is_paused=system.registry.is_paused(stage.number),
        obligations=tuple(found),
        loss_fund=tuple(FundHolding(token=token, amount=amount) for token, amount in held.items() if amount),
    )
