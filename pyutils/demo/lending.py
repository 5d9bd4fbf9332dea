"""Lenders: in before the first loan, out by weekly epochs, and what the vault was worth between."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pyutils.demo.people import KEEPER, LENDERS, named
from pyutils.demo.plan import Plan
from pyutils.demo.world import MOST, World
from pyutils.operations import vaults
from pyutils.units import TokenUnits, UnixSeconds, VaultShares

_PARTS: Final = {"lender-1": 5, "lender-2": 3}
"""What each brings, in fifths of what is lent: the vault is never lent out whole."""
_LEAST_COINS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Worth:
    """What the vault was worth at a time, in token units."""

    at: UnixSeconds
    conservative: TokenUnits
    optimistic: TokenUnits


@dataclass(slots=True)
class LenderDesk:
    """What lenders do."""

    world: World
    plan: Plan
    worths: list[Worth] = field(default_factory=list)

    def deposit(self) -> None:
        """Bring money for the loans that were asked for."""
        world, vault = self.world, self.world.market.vault
        lent = sum(loan.principal_coins for loan in self.plan.loans)
        for lender in LENDERS:
            lane, amount = world.lane(lender), world.coins(_LEAST_COINS + lent * _PARTS[lender] // 5)
            world.coin.mint(world.lane("deployer"), lane.address, amount)
            world.coin.approve(lane, vault.address, MOST)
            vault.deposit(lane, amount, lane.address)
            world.tell(f"{named(lender)} deposits {world.money(amount)} in the vault")
        self.look()

    def leave_early(self) -> None:
        """One lender asks for a third of its money while all is well."""
        lender = LENDERS[1]
        shares = VaultShares(self.world.market.vault.balance_of(self.world.address(lender)) // 3)
        self._ask(lender, shares)
        self._serve()
        self._claim(lender)

    def leave(self) -> None:
        """Everybody asks for all, and is served at the week's end, pro rata, at what is left."""
        vault = self.world.market.vault
        for lender in LENDERS:
            self._ask(lender, vault.balance_of(self.world.address(lender)))
        self._serve()
        for lender in LENDERS:
            self._claim(lender)
        self.look()

    def look(self) -> Worth:
        """Note what the vault is worth now."""
        world, vault = self.world, self.world.market.vault
        worth = Worth(world.now(), vault.conservative_assets(), vault.optimistic_assets())
        self.worths.append(worth)
        enter, leave = world.money(worth.optimistic), world.money(worth.conservative)
        said = enter if enter == leave else f"{enter} to those who enter, {leave} to those who leave"
        world.tell(f"the vault is worth {said}")
        return worth

    def _ask(self, lender: str, shares: VaultShares) -> None:
        world, lane = self.world, self.world.lane(lender)
        vaults.request_redeem(world.market, lane, shares)
        worth = world.money(world.market.vault.convert_to_assets(shares))
        world.tell(f"{named(lender)} asks the vault for {worth}: it waits for the end of the week")

    def _serve(self) -> None:
        """Wait for the end of the week, and for nothing else: what was lent is not called back."""
        world, vault = self.world, self.world.market.vault
        world.arrive(UnixSeconds((world.now() // vaults.EPOCH_S + 1) * vaults.EPOCH_S))
        receipt = vault.serve(world.lane(KEEPER))
        served = vault.event(receipt, "ServeEpoch")
        world.tell(f"the week's epoch is served: {world.money(served['assets'])} are set aside, its shares burned")

    def _claim(self, lender: str) -> None:
        world, lane = self.world, self.world.lane(lender)
        _, amount = vaults.claim(world.market, lane, lane.address)
        world.tell(f"{named(lender)} claims {world.money(amount)}")
