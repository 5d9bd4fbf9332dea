"""A deployment as of one block, with what every part of the list of what runs is read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pyutils.contracts import CreditSystem, System
from pyutils.contracts.base import Block
from pyutils.migration.obligation import Step
from pyutils.operations.roles import AccessView, read_access
from pyutils.portfolio import FleetView, PinnedBlock, pin, read_fleets
from pyutils.units import TokenUnits, UnixSeconds, format_money


@dataclass(frozen=True, slots=True)
class Stage:
    """What is known before anything is listed."""

    system: System
    block: PinnedBlock
    access: AccessView
    fleets: tuple[FleetView, ...]
    coins: Mapping[str, tuple[str, int]]
    """Symbol and decimals of each coin in which something settles."""

    @classmethod
    def at(cls, system: System, block: Block = "latest") -> Self:
        """Read a deployment as of `block`."""
        pinned = pin(system.web3, block, first=system.manifest.first_block)
        fleets = read_fleets(system, pinned.number)
        coins = {view.row.fleet.settlement_token: (view.row.symbol, view.row.fleet.token_decimals) for view in fleets}
        for token in (market.token for market in system.credit_markets()):
            coins.setdefault(token.address, (token.symbol(), token.decimals()))
        return cls(system, pinned, read_access(system, pinned.number), fleets, coins)

    @property
    def now(self) -> UnixSeconds:
        """The block's time."""
        return self.block.at

    @property
    def number(self) -> int:
        """The block's number: all is read as of it."""
        return self.block.number

    def money(self, token: str, amount: int) -> str:
        """Return money for people."""
        symbol, decimals = self.coins[token]
        return f"{format_money(TokenUnits(amount), decimals)} {symbol}"

    def plain(self, token: str, amount: int) -> str:
        """Return money as commands take it."""
        return format_money(TokenUnits(amount), self.coins[token][1])

    def step(
        self,
        role: str,
        accounts: str | tuple[str, ...],
        command: str,
        not_before: UnixSeconds | int | None = None,
        *,
        after: str = "",
    ) -> Step:
        """Return a step whose command names the network; where its time has come, it has none."""
        later = not_before is not None and not_before > self.now
        return Step(
            role=role,
            accounts=(accounts,) if isinstance(accounts, str) else accounts,
            command=f"{command} --network {self.system.manifest.network}" if command else "",
            not_before=UnixSeconds(not_before) if later and not_before is not None else None,
            after=after,
        )

    def by_role(self, role: str, command: str, not_before: int | None = None) -> Step:
        """Return a step of a role of people, with who holds it."""
        holders = (one.account for view in self.access.roles if view.name == role for one in view.holders)
        return self.step(role, tuple(holders), command, not_before)

    def coin_option(self, market: CreditSystem) -> str:
        """Return what tells commands which market is meant, where there are several."""
        return f" --coin {market.token.address}" if len(self.system.manifest.credit) > 1 else ""
