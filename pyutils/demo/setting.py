"""Before the trace begins: operators and lessees are admitted, fleets enrolled and commissioned, shares sold."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pyutils.admin import RoleCall, execute, schedule
from pyutils.demo.people import FINDER, INVESTORS, LESSEE_OF, LESSEES, OPERATORS, REPORTERS, VERIFIERS, named
from pyutils.demo.plan import FleetPlan, Plan
from pyutils.demo.world import MOST, World
from pyutils.keccak import keccak256
from pyutils.meter import Trace
from pyutils.models import Documents, FleetEnrolment, ShareTerms
from pyutils.operations.gpu_lists import GpuLists
from pyutils.units import MS_PER_SECOND, FleetId, ShareUnits, TokenUnits, UnixSeconds, format_fixed, to_bytes32_text

DAY_S: Final = 86_400
PREPARATION_S: Final = 7 * DAY_S
"""How long before the trace the story begins: time for the delays of the roles."""
_EVE_S: Final = 3_600

MAX_TERM_S: Final = 90 * DAY_S
OPERATING_SHARE_BPS: Final = 2_000
SUPPLY: Final = ShareUnits(10_000 * 10**18)
SOLD: Final = {
    "investor-1": ShareUnits(2_987_654_321_987_654_321_987),
    "investor-2": ShareUnits(1_498_765_432_198_765_432_199),
    "investor-3": ShareUnits(913_580_245_813_580_245_823),
}
"""What each investor buys; a tenth is bound to the title, and the owner keeps the rest. Crooked on purpose: what
accrues between two transfers rounds down, so a holder to whom a whole number of units is due may get one less; were all
of them such, dust would reach one unit per holder.
"""
KEPT: Final = ShareUnits(SUPPLY - SUPPLY // 10 - sum(SOLD.values()))
"""What the owner keeps beside the bound tenth."""
COINS_PER_SHARE: Final = 100
_STAKE_COINS: Final = 5_000
_WORKING_COINS: Final = 5_000


def begin_story(world: World, plan: Plan, trace: Trace, state: Path) -> None:
    """Do all that must be done before the first sample. Leaves the clock shortly before the trace."""
    found_fleets(world, plan, trace, state)
    open_business(world, plan)


def found_fleets(world: World, plan: Plan, trace: Trace, state: Path) -> None:
    """Admit everybody, enrol and commission the fleets: days before the trace."""
    # Deploying took some seconds of the machine's own clock; a whole hour later every run is alike.
    world.arrive(UnixSeconds(plan.first - PREPARATION_S + _EVE_S))
    _admit(world)
    _fund(world, plan)
    for fleet in plan.fleets:
        _enrol(world, fleet, trace, state)
    _commission(world, plan, state)


def open_business(world: World, plan: Plan) -> None:
    """Set prices, stake, name reporters and sell shares: shortly before the trace."""
    world.arrive(UnixSeconds(plan.first - _EVE_S))
    for fleet in plan.fleets:
        _equip(world, plan, fleet)
        _sell_shares(world, fleet)


def price_of(world: World, fleet: FleetPlan) -> TokenUnits:
    """Return a fleet's price per GPU-hour."""
    return world.cents(fleet.kind.price_cents)


def price_of_shares(world: World, amount: ShareUnits) -> TokenUnits:
    """Return what shares cost among the demo's people, rounded down."""
    return TokenUnits(world.coins(COINS_PER_SHARE) * amount // 10**18)


def operator_of(fleet_id: FleetId) -> str:
    """Return the account that runs a fleet."""
    return OPERATORS[fleet_id - 1]


def reporter_of(fleet_id: FleetId) -> str:
    """Return the account whose key signs a fleet's reports."""
    return REPORTERS[fleet_id - 1]


def _admit(world: World) -> None:
    registrar = world.lane("registrar")
    for account in OPERATORS:
        world.registry.admit_operator(registrar, world.address(account), _papers(account))
    for account in LESSEES:
        world.registry.admit_lessee(registrar, world.address(account), _papers(account))
    world.tell(f"the registrar admits {len(OPERATORS)} operators and puts {len(LESSEES)} lessees on record")


def _papers(account: str) -> bytes:
    return keccak256(f"what was checked of {account}".encode())


def _fund(world: World, plan: Plan) -> None:
    """Mint what each will need, and let the contracts pull it."""
    mint, approve, lane = world.coin.mint, world.coin.approve, world.lane
    faucet = lane("deployer")
    for account in LESSEES:
        mint(faucet, world.address(account), TokenUnits(_rent(world, plan, account) + world.coins(_WORKING_COINS)))
    for account in OPERATORS:
        # A tenth of every deposit is reserved; twice that leaves room for what is slashed.
        reserved = sum(_rent(world, plan, lessee) for lessee in LESSEES) // 5
        mint(faucet, world.address(account), TokenUnits(world.coins(2 * _STAKE_COINS + _WORKING_COINS) + reserved))
        approve(lane(account), world.bond.address, MOST)
        approve(lane(account), world.oracle.address, MOST)
    for account in VERIFIERS:
        mint(faucet, world.address(account), world.coins(_WORKING_COINS))
        approve(lane(account), world.oracle.address, MOST)
    for account in {*INVESTORS, FINDER}:
        mint(faucet, world.address(account), world.coins(SUPPLY // 10**18 * COINS_PER_SHARE * len(OPERATORS)))


def _rent(world: World, plan: Plan, lessee: str) -> int:
    """Return the deposits of an account's leases, more rather than less."""
    return sum(
        price_of(world, plan.fleet(lease.fleet_id)) * len(lease.gpu_ids) * lease.hours
        for lease in plan.leases
        if LESSEE_OF[lease.scene] == lessee
    )


def _enrol(world: World, fleet: FleetPlan, trace: Trace, state: Path) -> None:
    kind, operator = fleet.kind, operator_of(fleet.fleet_id)
    enrolment = FleetEnrolment(
        owner=world.address(operator),
        gpu_class=to_bytes32_text(kind.gpu_class),
        region=to_bytes32_text(kind.region),
        board_power_watts=kind.power.max_watts,
        sample_cadence=max(1, trace.cadence_ms // MS_PER_SECOND),
        max_term=MAX_TERM_S,
        capacity=len(fleet.gpu_ids),
        gpu_root=GpuLists(state / "gpus").file(fleet.gpu_ids),
        settlement_token=world.coin.address,
        pricing=world.system.pricing.address,
        price_floor=world.cents(kind.floor_cents),
        operating_share_bps=OPERATING_SHARE_BPS,
        insurance_expiry=trace.last + 365 * DAY_S,
        deed_hash=keccak256(f"deed of {kind.share_name}".encode()),
        documents=Documents(token_issuer=named(operator), asset_holder=named(operator), stored_location=kind.region),
        shares=ShareTerms(name=kind.share_name, symbol=kind.share_symbol, supply=SUPPLY),
    )
    fleet_id, _ = world.registry.enrol(world.lane(operator), enrolment)
    assert fleet_id == fleet.fleet_id, "the registry counts fleets from 1"
    world.tell(
        f"{named(operator)} enrols fleet {fleet_id}: {len(fleet.gpu_ids)} × {kind.gpu_class} in {kind.region},"
        f" {world.money(price_of(world, fleet))} a GPU-hour"
    )


def _commission(world: World, plan: Plan, state: Path) -> None:
    """Confirm capacity and appoint verifiers: both are announced first, by delayed roles."""
    verifiers = sorted((world.address(account) for account in VERIFIERS), key=lambda address: int(address, 16))
    calls = []
    for fleet in plan.fleets:
        growth = (fleet.fleet_id, len(fleet.gpu_ids), GpuLists(state / "gpus").file(fleet.gpu_ids))
        calls.append(("registrar", RoleCall(world.registry, "confirmGrowth", growth)))
        calls.append(("verifier-admin", RoleCall(world.oracle, "setVerifiers", (fleet.fleet_id, verifiers, 2))))
    authority = world.system.authority
    ready_at = max(schedule(authority, world.lane(account), call).ready_at for account, call in calls)
    world.tell("registrar and verifier admin announce the capacities and the verifiers")
    world.arrive(UnixSeconds(ready_at))
    for account, call in calls:
        execute(authority, world.lane(account), call)
    world.tell("their delays over, the fleets are commissioned, with three verifiers of whom two must sign")


def _equip(world: World, plan: Plan, fleet: FleetPlan) -> None:
    """Price, bond and reporter key."""
    operator = operator_of(fleet.fleet_id)
    lane = world.lane(operator)
    world.system.pricing.set_price(lane, fleet.fleet_id, price_of(world, fleet))
    stake = TokenUnits(world.coins(_STAKE_COINS) + sum(_rent(world, plan, lessee) for lessee in LESSEES) // 5)
    world.bond.stake(lane, fleet.fleet_id, lane.address, stake)
    world.oracle.set_reporter(lane, fleet.fleet_id, world.address(reporter_of(fleet.fleet_id)))
    world.tell(f"{named(operator)} sets its price, stakes {world.money(stake)} and names its reporter key")


def _sell_shares(world: World, fleet: FleetPlan) -> None:
    operator, shares = operator_of(fleet.fleet_id), world.shares(fleet.fleet_id)
    for investor, amount in SOLD.items():
        shares.transfer(world.lane(operator), world.address(investor), amount)
        world.coin.transfer(world.lane(investor), world.address(operator), price_of_shares(world, amount))
    parts = ", ".join(f"{format_fixed(amount, 18, 2)} to {named(investor)}" for investor, amount in SOLD.items())
    world.tell(
        f"{named(operator)} sells shares of fleet {fleet.fleet_id} at {COINS_PER_SHARE} coins: {parts};"
        f" {format_fixed(shares.bound_shares(), 18, 2)} stay with the title"
    )
