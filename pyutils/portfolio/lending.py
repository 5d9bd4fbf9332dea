"""What an account lent through a vault, took out again, and earned."""

from __future__ import annotations

from dataclasses import dataclass

from pyutils.contracts import CreditSystem, System
from pyutils.operations.event_source import EventSource
from pyutils.operations.history import block_time
from pyutils.operations.vaults import lender
from pyutils.portfolio.yields import xirr
from pyutils.units import TokenUnits, UnixSeconds


@dataclass(frozen=True, slots=True)
class Flow:
    """Money between an account and a vault: positive where it came back, in token units."""

    at: UnixSeconds
    amount: int
    event: str
    """The event that told it."""


@dataclass(frozen=True, slots=True)
class Lending:
    """One account in one vault. Vault shares that came or went without money are no flow and count in `worth` alone."""

    token: str
    flows: tuple[Flow, ...]
    worth: TokenUnits
    """Shares, waiting ones among them, at the conservative value, and what was set aside for the account."""
    yearly: float | None
    """XIRR: the yearly rate at which flows and worth balance; None where there is none, as in the first hours."""

    @property
    def paid_in(self) -> TokenUnits:
        """All deposits."""
        return TokenUnits(-sum(flow.amount for flow in self.flows if flow.amount < 0))

    @property
    def taken_out(self) -> TokenUnits:
        """All that came back."""
        return TokenUnits(sum(flow.amount for flow in self.flows if flow.amount > 0))

    @property
    def gain(self) -> int:
        """What came back and is there still, less what was paid in; negative for a loss."""
        return self.taken_out + self.worth - self.paid_in


def read_lending(system: System, source: EventSource, account: str) -> tuple[Lending, ...]:
    """Return what an account lent up to the source's block, in each market where it ever did."""
    found = (_lending(system, source, market, account) for market in system.credit_markets())
    return tuple(one for one in found if one.flows or one.worth)


def _lending(system: System, source: EventSource, market: CreditSystem, account: str) -> Lending:
    vault, block = market.vault.address, source.block
    told = [
        *source.events("CreditVault.Deposit", owner=account, contract=vault),
        *source.events("CreditVault.Withdraw", owner=account, contract=vault),
    ]
    told.sort(key=lambda event: (event.block, event.index))
    flows = tuple(
        Flow(event.at, event.arguments["assets"] * (-1 if event.name == "Deposit" else 1), event.label)
        for event in told
    )
    now = lender(market, account, block)
    waiting = market.vault.convert_to_assets(now.pending, block) if now.pending else TokenUnits(0)
    worth = TokenUnits(now.worth + waiting + now.claimable)
    yearly = xirr([(flow.at, flow.amount) for flow in flows], worth, block_time(system.web3, block))
    return Lending(market.token.address, flows, worth, yearly)
