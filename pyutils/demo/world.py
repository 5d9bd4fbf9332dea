"""The chain that the demo lives on: its clock, its contracts, its people."""

from __future__ import annotations

from typing import Final

from web3 import Web3

from pyutils.chain import AnvilClock, rpc
from pyutils.contracts import FleetShares, Stablecoin, System
from pyutils.contracts.price_feed import TestPriceFeed
from pyutils.demo.people import People
from pyutils.demo.timeline import Timeline
from pyutils.deployment.blueprint import TEST_COLLATERAL, TEST_FEED
from pyutils.manifest import Manifest
from pyutils.units import FleetId, TokenUnits, UnixSeconds, format_money

MOST: Final = TokenUnits(2**256 - 1)
"""An allowance without limit."""


class World:
    """One deployment with its clock and people: act as an account, at a time, and tell."""

    def __init__(self, web3: Web3, manifest: Manifest, timeline: Timeline) -> None:
        self.web3, self.manifest, self.timeline = web3, manifest, timeline
        self.clock = AnvilClock(web3)
        self._now = UnixSeconds(self.clock.now())
        self.people = People(web3, manifest.chain_id)
        self.lane = self.people.lane
        self.address = self.people.address
        self.system = System.at(web3, manifest)
        self.registry, self.oracle, self.book = self.system.registry, self.system.oracle, self.system.lease_book
        self.bond, self.router = self.system.bond, self.system.router
        self.coin = self.system.coin()
        self.decimals = self.coin.decimals()
        self._shares: dict[FleetId, FleetShares] = {}
        self.market = self.system.credit(self.coin.address)
        self.people.introduce("custody", self.market.custody.address)
        self.bitcoin = Stablecoin(web3, manifest.address(TEST_COLLATERAL))
        self.bitcoin_feed = TestPriceFeed(web3, manifest.address(TEST_FEED))

    def shares(self, fleet_id: FleetId) -> FleetShares:
        """Return a fleet's shares."""
        if fleet_id not in self._shares:
            self._shares[fleet_id] = self.system.shares(fleet_id)
        return self._shares[fleet_id]

    def now(self) -> UnixSeconds:
        """Return the time, which is the newest block's while it stands still."""
        return self._now

    def arrive(self, at: UnixSeconds) -> None:
        """Let time pass until `at`. Nothing where that is past: what is late happens at once."""
        if at > self._now:
            self.clock.travel(at)
            self._now = at

    def stand_still(self) -> None:
        """Stamp blocks with one time until somebody lets time pass, so that runs are alike to the second."""
        rpc.request(self.web3, "anvil_setBlockTimestampInterval", 0)
        self._now = UnixSeconds(self.clock.now())

    def go_on(self) -> None:
        """Let time pass by itself again."""
        rpc.request(self.web3, "anvil_removeBlockTimestampInterval")

    def tell(self, text: str) -> None:
        """Say what just happened."""
        self.timeline.tell(self.now(), text)

    def coins(self, whole: int) -> TokenUnits:
        """Return whole coins in token units."""
        return TokenUnits(whole * 10**self.decimals)

    def cents(self, cents: int) -> TokenUnits:
        """Return hundredths of a coin in token units; a coin that may be listed has at least 6 decimals."""
        return TokenUnits(cents * 10 ** (self.decimals - 2))

    def money(self, amount: int) -> str:
        """Return money for people."""
        return format_money(TokenUnits(amount), self.decimals, 2)
