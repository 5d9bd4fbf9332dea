"""Hypothesis values fleets and collateral by contract and by mirror: the same to the unit, and refused alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from pyutils import artifacts
from pyutils.anvil import Anvil
from pyutils.credit.appraisal import AppraisalModel, Hardware
from pyutils.credit.collateral import Reading, Round, check_sequencer, collateral_value, sequencer_up_since
from pyutils.models.address import ZERO_ADDRESS
from pyutils.models.appraisal import AppraisalParameters, ClassPrice, FleetValue, PriceFeed
from pyutils.units import EPOCH, FleetId, ShareUnits, TokenUnits, UnixSeconds

from .rpc import Contract
from .stage import ARGUMENTS, Stage
from .world import World

DAY = 86_400
CLASS = "H100-SXM5-80GB"
DEFAULT = AppraisalParameters(
    left_bps=(6_500, 4_500, 3_000, 2_000),
    most_step_bps=2_000,
    least_pause=DAY,
    max_age=35 * DAY,
    economic_life_months=72,
    discount_bps=1_200,
)
PARAMETERS = (
    DEFAULT,
    # Falls off cliffs, never discounts, dies young.
    DEFAULT.model_copy(update={"left_bps": (10_000, 10_000, 1, 0), "discount_bps": 0, "economic_life_months": 7}),
    # The longest life at the highest rate, and prices that move by a single basis point.
    DEFAULT.model_copy(
        update={"left_bps": (9_999, 3_333, 3_333, 3_332), "discount_bps": 10_000, "economic_life_months": 600}
        | {"most_step_bps": 1, "least_pause": 0, "max_age": 1}
    ),
)
GAPS = st.one_of(
    st.integers(0, 3 * DAY),
    st.sampled_from([0, 1, DAY - 1, DAY, DAY + 1, 12 * DAY, 30 * DAY, 35 * DAY, 89 * DAY, 400 * DAY]),
)


@dataclass(frozen=True, slots=True)
class Valuers:
    """What values in each coin, by its decimals, and the feeds that all of them ask."""

    stage: Stage
    appraisals: dict[tuple[int, AppraisalParameters], Contract]
    prices: dict[int, Contract]
    feed: Contract
    uptime: Contract


@pytest.fixture(scope="module")
def valuers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valuers]:
    """Deploy on an anvil of this module's own: its time runs years ahead."""
    log = tmp_path_factory.mktemp("valuations") / "anvil.log"
    with Anvil.start(log, arguments=ARGUMENTS) as anvil:
        stage = Stage.build(anvil.url)
        rpc, admin = stage.rpc, stage.people[0].address
        feed, uptime = (rpc.deploy(admin, "TestPriceFeed", decimals) for decimals in (8, 0))
        appraisals, prices = {}, {}
        for decimals, coin in stage.coins.items():
            system = credit_system(stage, coin)
            prices[decimals] = rpc.deploy(admin, "CollateralPrices", system, uptime.address)
            for parameters in PARAMETERS:
                appraisals[decimals, parameters] = rpc.deploy(admin, "Appraisal", system, parameters.row())
        # LeaseBook itself credits rent here, without leases.
        book = stage.contracts["LeaseBook"].address
        rpc.ask("anvil_impersonateAccount", book)
        rpc.ask("anvil_setBalance", book, hex(10**24))
        stage.start = int(rpc.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16) + 1
        stage.snapshot = rpc.ask("evm_snapshot")
        yield Valuers(stage, appraisals, prices, feed, uptime)
        rpc.close()


def credit_system(stage: Stage, coin: Contract) -> tuple[str, ...]:
    """Return the struct with what valuations need; the other addresses are nobody's."""
    at = {name: contract.address for name, contract in stage.contracts.items()}
    known = {"authority": at["AccessManager"], "registry": at["FleetRegistry"], "router": at["RevenueRouter"]}
    known["asset"] = coin.address
    constructor = next(entry for entry in artifacts.load("Appraisal").abi if entry["type"] == "constructor")
    return tuple(known.get(member["name"], ZERO_ADDRESS) for member in constructor["inputs"][0]["components"])


# ---- fleets ----


@dataclass(slots=True)
class Valued:
    """One fleet, and who values it."""

    world: World
    contract: Contract
    model: AppraisalModel
    fleet_id: FleetId
    hardware: Hardware

    @classmethod
    def begin(cls, valuers: Valuers, decimals: int, parameters: AppraisalParameters, capacity: int) -> Valued:
        """Enrol a fleet that leaves its operator a third."""
        world = World(valuers.stage, decimals)
        fleet_id = world.enrol(
            capacity=capacity,
            price=world.coins(2),
            operating_bps=3_333,
            supply=ShareUnits(10**24),
            bond=world.coins(10_000),
        )
        commissioned = UnixSeconds(world.rpc.read(world.contracts["FleetRegistry"], "hardwareOf", fleet_id)[2])
        model = AppraisalModel(world.token, parameters)
        contract = valuers.appraisals[decimals, parameters]
        return cls(world, contract, model, fleet_id, Hardware(world.token, capacity, commissioned, CLASS))

    def credit(self, amount: int, counted: int) -> None:
        """Have LeaseBook credit rent."""
        world, now = self.world, self.world.now
        arguments = (self.fleet_id, TokenUnits(amount), TokenUnits(min(amount, counted)))
        mirror = lambda: world.router.credit(*arguments, now)  # noqa: E731
        world.act(world.contracts["LeaseBook"].address, "RevenueRouter", "credit", *arguments, mirror=mirror)

    def set_price(self, per_gpu: int) -> None:
        """Have the appraiser set the class's price."""
        now = self.world.now
        mirror = lambda: self.model.set_price(CLASS, TokenUnits(per_gpu), now)  # noqa: E731
        self.world.act(self.world.admin, self.contract, "setPrice", word(CLASS), per_gpu, mirror=mirror)

    def compare(self) -> None:
        """Value it: the same, or refused alike."""
        world, revenue = self.world, self.world.router.fleets[self.fleet_id].net_revenue
        for function, mirror in (("appraise", self.model.appraise), ("lastKnown", self.model.last_known)):
            call = partial(mirror, self.fleet_id, self.hardware, revenue, world.now)
            if world.act(world.admin, self.contract, function, self.fleet_id, mirror=call):
                found = FleetValue.from_row(world.rpc.read(self.contract, function, self.fleet_id))
                assert found == call()
        found_price = ClassPrice.from_row(world.rpc.read(self.contract, "priceOf", word(CLASS)))
        assert found_price == self.model.prices.get(CLASS, ClassPrice(per_gpu=0, updated_at=0))


def word(text: str) -> bytes:
    """Return a short string as a `bytes32`."""
    return text.encode().ljust(32, b"\0")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["credit", "credit", "credit", "price", "look"]),
        GAPS,
        st.one_of(st.integers(0, 10**7), st.integers(0, 10**24)),
        st.integers(0, 10**24),
    ),
    min_size=1,
    max_size=14,
)
FIRST_PRICES = st.one_of(st.integers(0, 100), st.integers(1, 2**96 - 1))


@pytest.mark.parametrize("decimals", [6, 8, 18])
@pytest.mark.parametrize("parameters", PARAMETERS, ids=["usual", "cliffs", "extremes"])
def test_appraise__any_history__contract_equals_its_mirror(
    valuers: Valuers, parameters: AppraisalParameters, decimals: int
) -> None:
    @settings(
        deadline=None,
        max_examples=12,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
    )
    @given(capacity=st.integers(1, 2**32 - 1), first=FIRST_PRICES, step_bps=st.integers(7_900, 12_100), steps=STEPS)
    def course(capacity: int, first: int, step_bps: int, steps: list[tuple[str, int, int, int]]) -> None:
        valued = Valued.begin(valuers, decimals, parameters, capacity)
        assert AppraisalParameters.from_row(valued.world.rpc.read(valued.contract, "parameters")) == parameters
        valued.compare()
        valued.set_price(first)
        valued.compare()
        for act, gap, amount, counted in steps:
            valued.world.tick(gap)
            if act == "credit":
                valued.credit(amount, counted)
            elif act == "price":
                current = valued.model.prices.get(CLASS)
                valued.set_price(first if current is None else min(2**96 - 1, current.per_gpu * step_bps // 10_000))
            valued.compare()

    course()


# ---- collateral ----


@dataclass(slots=True)
class Priced:
    """One collateral token, its feed, the sequencer's feed, and who prices it."""

    world: World
    contract: Contract
    token: str
    listing: PriceFeed
    feed: Contract
    uptime: Contract
    rounds: dict[int, Round]
    decimals: int
    latest: int = 0
    up: Round | None = None

    @classmethod
    def begin(
        cls, valuers: Valuers, decimals: int, token_decimals: int, feed_decimals: int, most_jump_bps: int, max_age: int
    ) -> Priced:
        """List the token at 60,000 coins."""
        world = World(valuers.stage, decimals)
        unit = 10**feed_decimals
        listing = PriceFeed(
            feed=valuers.feed.address,
            max_age=max_age,
            feed_decimals=feed_decimals,
            token_decimals=token_decimals,
            most_jump_bps=most_jump_bps,
            least=unit,
            most=10**6 * unit,
        )
        token = world.stage.coins[token_decimals].address
        contract = valuers.prices[decimals]
        priced = cls(world, contract, token, listing, valuers.feed, valuers.uptime, {}, feed_decimals)
        world.tick(7_200)
        priced.set_decimals(feed_decimals)
        priced.say(Round(1, 60_000 * unit, world.now, world.now, 1))
        priced.say_uptime(0, UnixSeconds(world.now - 3_600))
        world.sure(world.admin, contract, "list", token, listing.row())
        return priced

    def say(self, said: Round) -> None:
        """Set a round of the feed, and make it the newest."""
        row = (said.id, said.answer, said.started_at, said.updated_at, said.answered_in)
        self.world.sure(self.world.admin, self.feed, "sayRound", *row)
        self.rounds[said.id], self.latest = said, said.id

    def say_uptime(self, answer: int, since: UnixSeconds) -> None:
        """Say of the sequencer that it has been up (0) or down since then."""
        self.world.sure(self.world.admin, self.uptime, "sayRound", 1, answer, since, since, 1)
        self.up = None if since == EPOCH else Round(1, answer, since, since, 1)

    def set_decimals(self, decimals: int) -> None:
        """Have the feed answer in another unit."""
        self.world.sure(self.world.admin, self.feed, "setDecimals", decimals)
        self.decimals = decimals

    def compare(self, amount: int) -> None:
        """Value it: the same, or refused alike."""
        world = self.world
        reading = Reading(self._round(self.latest), self._round(self.latest - 1), self.decimals)

        def value(now: UnixSeconds) -> TokenUnits:
            check_sequencer(self.up, now)
            return collateral_value(self.token, self.listing, reading, amount, world.decimals, now)

        now = world.now
        if world.act(world.admin, self.contract, "value", self.token, amount, mirror=lambda: value(now)):
            assert world.rpc.read(self.contract, "value", self.token, amount) == value(world.stamped)
        now = world.now
        if world.act(world.admin, self.contract, "sequencerUpSince", mirror=lambda: sequencer_up_since(self.up, now)):
            assert world.rpc.read(self.contract, "sequencerUpSince") == sequencer_up_since(self.up, world.stamped)

    def _round(self, round_id: int) -> Round | None:
        found = self.rounds.get(round_id)
        return None if found is None or not (found.started_at or found.updated_at) else found


SAYINGS = st.lists(
    st.tuples(
        st.sampled_from(["next", "next", "next", "any", "decimals", "uptime", "wait"]),
        st.integers(0, 7_200),
        st.one_of(
            st.integers(4_000, 25_000),  # of the answer before, in basis points
            st.sampled_from([-1, 0, 9_000, 10_000, 10_500, 11_000, 100_000]),
        ),
        st.integers(-5, 5),
        st.integers(0, 2**96 - 1),
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize("decimals", [6, 8, 18])
def test_value__any_feed__contract_equals_its_mirror(valuers: Valuers, decimals: int) -> None:
    @settings(
        deadline=None,
        max_examples=25,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
    )
    @given(
        token_decimals=st.sampled_from([6, 8, 18]),
        feed_decimals=st.sampled_from([0, 8, 18]),
        most_jump_bps=st.sampled_from([1, 1_000, 5_000, 2**16 - 1]),
        max_age=st.sampled_from([60, 3_600, DAY]),
        sayings=SAYINGS,
    )
    # A round that never was complete, and twice the price after it.
    @example(
        token_decimals=8,
        feed_decimals=8,
        most_jump_bps=1,
        max_age=60,
        sayings=[("any", 0, 0, 1, 1), ("next", 0, 20_000, 0, 10**8)],
    )
    def course(
        token_decimals: int, feed_decimals: int, most_jump_bps: int, max_age: int, sayings: list[tuple[Any, ...]]
    ) -> None:
        priced = Priced.begin(valuers, decimals, token_decimals, feed_decimals, most_jump_bps, max_age)
        priced.compare(10**token_decimals)
        for act, gap, part, odd, amount in sayings:
            now = priced.world.tick(gap)
            before = max(1, priced.rounds[priced.latest].answer)
            if act == "next":
                priced.say(Round(priced.latest + 1, before * part // 10_000, now, now, priced.latest + 1))
            elif act == "any":
                newest = max(0, priced.latest + odd)
                stamp = UnixSeconds(0 if part == 0 else now + 300 * odd)
                priced.say(Round(newest, before, now, stamp, max(0, newest - (part % 7 == 0))))
            elif act == "decimals":
                priced.set_decimals(max(0, feed_decimals + odd % 2))
            elif act == "uptime":
                priced.say_uptime(odd % 3 // 2, UnixSeconds(EPOCH if part == 0 else now + 900 * odd))
            priced.compare(amount)

    course()
