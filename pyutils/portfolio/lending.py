"""What an account lent through a vault, took out again, and earned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pyxirr

from pyutils.contracts import CreditSystem, System
from pyutils.operations.history import block_time, events, topic
from pyutils.operations.vaults import lender
from pyutils.units import BlockNumber, TokenUnits, UnixSeconds


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


def read_lending(system: System, account: str, block: BlockNumber) -> tuple[Lending, ...]:
    """Return what an account lent, in each market where it ever did."""
    found = (_lending(system, market, account, block) for market in system.credit_markets())
    return tuple(one for one in found if one.flows or one.worth)


def _lending(system: System, market: CreditSystem, account: str, block: BlockNumber) -> Lending:
    first, vault = system.manifest.first_block, market.vault
    flows = [
        Flow(event.at, -event.arguments["assets"], event.label)
        for event in events(vault, "Deposit", [None, topic(account)], first=first, block=block)
    ]
    flows += [
        Flow(event.at, event.arguments["assets"], event.label)
        for event in events(vault, "Withdraw", [None, None, topic(account)], first=first, block=block)
    ]
    flows.sort(key=lambda flow: flow.at)
    now = lender(market, account, block)
    waiting = market.vault.convert_to_assets(now.pending, block) if now.pending else TokenUnits(0)
    worth = TokenUnits(now.worth + waiting + now.claimable)
    return Lending(market.token.address, tuple(flows), worth, _xirr(flows, worth, block_time(system.web3, block)))


def _xirr(flows: list[Flow], worth: TokenUnits, now: UnixSeconds) -> float | None:
    moments = [datetime.fromtimestamp(flow.at, UTC).date() for flow in flows]
    today = datetime.fromtimestamp(now, UTC).date()
    if not flows or moments[0] == today:
        return None
    return pyxirr.xirr([*moments, today], [*(float(flow.amount) for flow in flows), float(worth)], silent=True)
