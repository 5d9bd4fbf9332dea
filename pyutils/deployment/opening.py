"""What a credit market is set to when it is put up: caps, costs of sales, prices of GPU classes, collateral.

The deployer is still the only admin then, and does it in one transaction, so that one look tells all. Later these are
the roles' to set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from web3 import Web3

from pyutils.contracts import AccessManager, Stablecoin
from pyutils.contracts.base import call_view, encode_call
from pyutils.deployment.credit_plan import TEST_FEED_MAX_AGE_S, CollateralListing, TestCollateral
from pyutils.deployment.market import Market
from pyutils.models import parse_address
from pyutils.models.appraisal import PriceFeed
from pyutils.units import to_bytes32_text

_NO_KEY: Final = bytes(32)
"""The cap for whoever has none of its own."""
_BOUND: Final = 1_000
"""A test feed may answer so many times more or less than what it says first."""


@dataclass(frozen=True, slots=True)
class TestPair:
    """A test collateral where it stands, and its feed."""

    __test__ = False

    plan: TestCollateral
    token: str
    feed: str

    @property
    def answer(self) -> int:
        """Return the feed's first answer."""
        unit: int = 10**self.plan.feed_decimals
        return self.plan.price * unit

    @property
    def listing(self) -> CollateralListing:
        """Return how it is listed."""
        return CollateralListing(
            token=self.token,
            feed=self.feed,
            max_age_s=TEST_FEED_MAX_AGE_S,
            least=max(1, self.answer // _BOUND),
            most=self.answer * _BOUND,
        )


@dataclass(frozen=True, slots=True)
class Opening:
    """The first settings of one market."""

    web3: Web3
    authority: AccessManager
    market: Market
    test_pair: TestPair | None

    def is_done(self) -> bool:
        """Return whether the chain has all of them."""
        caps = {kind: self._view("FleetCredit", "capOf", to_bytes32_text(kind), _NO_KEY) for kind in self._caps()}
        listed = [self._view("CollateralPrices", "isListed", one.token) for one in self._listings()]
        recipient: str = self._view("FleetCredit", "costRecipient")
        priced = [self._view("Appraisal", "priceOf", name)[1] > 0 for name in self._prices()]
        is_named = recipient.lower() == self.market.cost_recipient.lower()
        return caps == self._caps() and is_named and all(listed) and all(priced)

    def found(self) -> dict[str, tuple[object, object]]:
        """Return first prices and feeds: on chain, and in the plan. Once there they are not set a second time."""
        prices = {
            f"the first price of {name.rstrip(bytes(1)).decode()}": (self._view("Appraisal", "priceOf", name)[0], price)
            for name, price in self._prices().items()
        }
        feeds = {
            f"the feed of {one.token}": (
                parse_address(self._view("CollateralPrices", "feedOf", one.token)[0]),
                one.feed,
            )
            for one in self._listings()
        }
        return {**prices, **feeds}

    def calls(self) -> list[bytes]:
        """Return what the AccessManager is to be called with, all at once."""
        return [self.authority.call_data("execute", target, data) for target, data in self._settings()]

    @property
    def tokens(self) -> tuple[str, ...]:
        """Return the collateral that is listed."""
        return tuple(one.token for one in self._listings())

    def _settings(self) -> Iterator[tuple[str, bytes]]:
        for kind, cap in self._caps().items():
            yield self._call("FleetCredit", "setCap", to_bytes32_text(kind), _NO_KEY, cap)
        yield self._call("FleetCredit", "setCostRecipient", self.market.cost_recipient)
        for name, price in self._prices().items():
            yield self._call("Appraisal", "setPrice", name, price)
        if self.test_pair is not None:
            yield self.test_pair.feed, encode_call("TestPriceFeed", "say", self.test_pair.answer)
        for one in self._listings():
            feed = PriceFeed(
                feed=one.feed,
                max_age=one.max_age_s,
                feed_decimals=call_view(self.web3, "TestPriceFeed", one.feed, "decimals"),
                token_decimals=Stablecoin(self.web3, one.token).decimals(),
                most_jump_bps=one.most_jump_bps,
                least=one.least,
                most=one.most,
            )
            yield self._call("CollateralPrices", "list", one.token, feed.row())

    def _listings(self) -> tuple[CollateralListing, ...]:
        brought = () if self.test_pair is None else (self.test_pair.listing,)
        return (*self.market.plan.collaterals, *brought)

    def _caps(self) -> dict[str, int]:
        plan = self.market.plan
        by_kind = {"fleet": plan.fleet_cap, "operator": plan.operator_cap, "borrower": plan.borrower_cap}
        return {kind: self._units(cap) for kind, cap in by_kind.items()}

    def _prices(self) -> dict[bytes, int]:
        return {to_bytes32_text(one.gpu_class): self._units(one.coins) for one in self.market.plan.class_prices}

    def _units(self, coins: int) -> int:
        unit: int = 10**self.market.decimals
        return coins * unit

    def _call(self, contract: str, function: str, *arguments: Any) -> tuple[str, bytes]:
        return self.market.parts[contract].address, encode_call(contract, function, *arguments)

    def _view(self, contract: str, function: str, *arguments: Any) -> Any:
        return call_view(self.web3, contract, self.market.parts[contract].address, function, *arguments)
