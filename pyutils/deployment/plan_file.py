"""A plan as people write it: TOML, checked whole before anything is sent, each fault named by file and entry.

What a chain has of its own, its id, its stablecoin or its sequencer's feed, is left out where the package knows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from pyutils.deployment.credit_plan import CreditPlan, TestCollateral
from pyutils.deployment.network import Network, UnknownChainError, load_networks
from pyutils.deployment.plan import (
    DEFAULT_TERMS,
    LIVENESS_S,
    ROLLUP_LIVENESS_S,
    Plan,
    PlanError,
    Region,
    RoleGrant,
    TestCoin,
)
from pyutils.deployment.roles import EXECUTION_DELAYS_S, Role
from pyutils.manifest import NETWORK_NAME, USER_FOLDER
from pyutils.models import ZERO_ADDRESS, Address, FrozenModel, SlaTier, Terms
from pyutils.toml_file import first_fault, parse_toml, read_toml
from pyutils.units import WAD

EXAMPLE_FILE: Final = "example.plan.toml"
_WAD_PER_BPS: Final = WAD // 10_000


class FileError(PlanError):
    """A plan's file cannot be used."""

    remedy = "Mend the entry named; `gpurwa deploy --example` prints a whole plan with what each entry means"


class RoleSection(FrozenModel):
    """Who holds a role."""

    holders: Annotated[tuple[Address, ...], Field(min_length=1)]
    delay_s: int | None = Field(default=None, ge=0, lt=2**32)
    """How long calls must be announced; the design's default where left out."""


class TokenEntry(FrozenModel):
    """A settlement token that is there already."""

    address: Address
    decimals: int | None = Field(default=None, ge=0, le=18)


class FeesSection(FrozenModel):
    """What the protocol takes."""

    recipient: Address
    protocol_bps: int = Field(default=100, ge=0, le=1_000)


class OracleSection(FrozenModel):
    """How meter reports are disputed."""

    liveness_s: int | None = None
    sequencer_feed: Address | None = None


class TierSection(FrozenModel):
    """What an availability below a threshold gives back, in basis points."""

    below_bps: int = Field(ge=0, le=10_000)
    credit_bps: int = Field(ge=0, le=10_000)


class TermsSection(FrozenModel):
    """What a lease locks when it opens. Ratios in basis points."""

    tiers: tuple[TierSection, TierSection, TierSection] | None = None
    reservation_bps: int = Field(default=DEFAULT_TERMS.reservation_wad // _WAD_PER_BPS, ge=0, le=10_000)
    lessee_notice_s: int = Field(default=DEFAULT_TERMS.lessee_notice, ge=0, lt=2**32)
    operator_notice_s: int = Field(default=DEFAULT_TERMS.operator_notice, ge=0, lt=2**32)
    compensation_s: int = Field(default=DEFAULT_TERMS.compensation, ge=0, lt=2**32)
    report_interval_s: int = Field(default=DEFAULT_TERMS.report_interval, gt=0, lt=2**32)
    proof_deadline_s: int = Field(default=DEFAULT_TERMS.proof_deadline, gt=0, lt=2**32)
    max_standstill_s: int = Field(default=DEFAULT_TERMS.max_standstill, ge=0, lt=2**32)
    mutual_delay_s: int = Field(default=DEFAULT_TERMS.mutual_delay, ge=0, lt=2**32)

    def terms(self) -> Terms:
        """Return them as contracts take them."""
        tiers = DEFAULT_TERMS.tiers
        if self.tiers is not None:
            first, second, third = (
                SlaTier(below_wad=one.below_bps * _WAD_PER_BPS, credit_wad=one.credit_bps * _WAD_PER_BPS)
                for one in self.tiers
            )
            tiers = first, second, third
        return Terms(
            tiers=tiers,
            reservation_wad=self.reservation_bps * _WAD_PER_BPS,
            lessee_notice=self.lessee_notice_s,
            operator_notice=self.operator_notice_s,
            compensation=self.compensation_s,
            report_interval=self.report_interval_s,
            proof_deadline=self.proof_deadline_s,
            max_standstill=self.max_standstill_s,
            mutual_delay=self.mutual_delay_s,
        )


class PlanFile(FrozenModel):
    """The entries of a plan's file, symbols replaced by what they stand for."""

    network: str = Field(pattern=NETWORK_NAME)
    deployer: Address | None = None
    regions: tuple[Region, ...] = ()
    tokens: tuple[TokenEntry, ...] = ()
    test_coin: TestCoin | None = None
    test_collateral: TestCollateral | None = None
    fees: FeesSection
    oracle: OracleSection = OracleSection()
    roles: Mapping[str, RoleSection]
    terms: TermsSection = TermsSection()
    credit: tuple[CreditPlan, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan with what was read beside it."""

    plan: Plan
    network: Network
    decimals: Mapping[str, int]
    """Of settlement tokens that are there already, as far as the file or the package says."""
    source: str
    """Where the plan was read."""
    is_example: bool = False


def plan_path(network: str, folder: Path = USER_FOLDER) -> Path:
    """Return where a user's own plan for a network stands."""
    return folder / f"{network}.plan.toml"


def find_plan(network: str, file: Path | None = None, folder: Path = USER_FOLDER) -> Draft | None:
    """Return the plan in `file`, else the user's own for a network, else the shipped one; None where there is none.

    Raises `FileError`, `UnknownChainError`, `NetworkError`.
    """
    own = plan_path(network, folder)
    if file is not None or own.is_file():
        path = file or own
        return _draft(read_toml(path, FileError), str(path), folder)
    shipped = resources.files("pyutils.deployments").joinpath(own.name)
    if not shipped.is_file():
        return None
    name = f"shipped {own.name}"
    return _draft(parse_toml(shipped.read_text(encoding="utf-8"), name, FileError), name, folder)


def example_text(network: str) -> str:
    """Return the shipped example plan, written for `network`."""
    text = resources.files("pyutils.deployments").joinpath(EXAMPLE_FILE).read_text(encoding="utf-8")
    return text.replace('network = "base-sepolia"', f'network = "{network}"', 1)


def example_plan(network: str, folder: Path = USER_FOLDER) -> Draft:
    """Return the shipped example for `network`; its role holders' keys are public, so it can only be looked at."""
    name = f"the shipped example ({EXAMPLE_FILE})"
    return _draft(parse_toml(example_text(network), name, FileError), name, folder, is_example=True)


def _draft(fields: Mapping[str, Any], name: str, folder: Path, *, is_example: bool = False) -> Draft:
    network = _network(fields, name, folder)
    try:
        file = PlanFile.model_validate(_spelled_out(fields, network, name))
        plan = _plan(file, network, name)
    except ValidationError as error:
        place, reason = first_fault(error)
        raise FileError(f"{name}: {'.'.join(map(str, place)) or 'the whole'}: {reason}") from error
    decimals = {one.address: one.decimals for one in file.tokens if one.decimals is not None}
    return Draft(plan, network, decimals, name, is_example)


def _network(fields: Mapping[str, Any], name: str, folder: Path) -> Network:
    known = load_networks(folder)
    network = fields.get("network")
    if not isinstance(network, str):
        raise FileError(f"{name}: network: name the chain, such as base-sepolia")
    if network not in known:
        raise UnknownChainError(network, tuple(sorted(known)))
    return known[network]


def _spelled_out(fields: Mapping[str, Any], network: Network, name: str) -> dict[str, Any]:
    """Return the entries with every symbol replaced by what the package knows under it."""
    whole = dict(fields)
    tokens = whole.get("tokens")
    if isinstance(tokens, tuple):
        whole["tokens"] = tuple(_token(one, f"tokens.{n}", network, name) for n, one in enumerate(tokens))
    markets = whole.get("credit")
    if isinstance(markets, tuple):
        whole["credit"] = tuple(_market(one, f"credit.{n}", network, name) for n, one in enumerate(markets))
    return whole


def _token(entry: Any, place: str, network: Network, name: str) -> Any:
    if not isinstance(entry, str):
        return entry
    if entry.startswith("0x"):
        return {"address": entry}
    known = network.tokens.get(entry)
    if known is None:
        listed = ", ".join(network.tokens) or "no token"
        raise FileError(f"{name}: {place}: {entry!r} is not known on {network.title}, which has {listed}")
    return {"address": known.address, "decimals": known.decimals}


def _market(entry: Any, place: str, network: Network, name: str) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    whole = dict(entry)
    token = whole.get("token")
    if isinstance(token, str):
        whole["token"] = _token(token, f"{place}.token", network, name)["address"]
    listings = whole.get("collaterals")
    if isinstance(listings, tuple):
        whole["collaterals"] = tuple(
            _collateral(one, f"{place}.collaterals.{n}", network, name) for n, one in enumerate(listings)
        )
    prices = whole.get("class_prices")
    if isinstance(prices, Mapping):
        whole["class_prices"] = tuple({"gpu_class": key, "coins": coins} for key, coins in prices.items())
    return whole


def _collateral(entry: Any, place: str, network: Network, name: str) -> Any:
    """Return a collateral with its token and its feed by address."""
    if not isinstance(entry, Mapping):
        return entry
    whole = dict(entry)
    for field, known in (("token", network.tokens), ("feed", network.feeds)):
        symbol = whole.get(field)
        if isinstance(symbol, str) and not symbol.startswith("0x"):
            if symbol not in known:
                lack = f"no {field} of {symbol!r} is confirmed for {network.title}; give an address"
                raise FileError(f"{name}: {place}.{field}: {lack}")
            whole[field] = known[symbol].address
    return whole


def _plan(file: PlanFile, network: Network, name: str) -> Plan:
    known = {role.name.lower().replace("_", "-"): role for role in Role}
    unknown = [role for role in file.roles if role not in known]
    if unknown:
        raise FileError(f"{name}: roles.{unknown[0]}: there is no such role, only {', '.join(known)}")
    missing = [role for role in known if role not in file.roles]
    if missing:
        raise FileError(f"{name}: roles.{missing[0]}: nobody holds it")
    for role, section in file.roles.items():
        if ZERO_ADDRESS in section.holders:
            raise FileError(f"{name}: roles.{role}.holders: nobody can act for the zero address")
    return Plan(
        chain_id=network.chain_id,
        network=file.network,
        deployer=file.deployer,
        regions=file.regions,
        grants=tuple(
            RoleGrant(role=known[role], holder=holder, execution_delay_s=_delay(known[role], section))
            for role, section in file.roles.items()
            for holder in section.holders
        ),
        fee_recipient=file.fees.recipient,
        protocol_fee_bps=file.fees.protocol_bps,
        liveness_s=_liveness(file, network),
        sequencer_feed=_sequencer_feed(file, network, name),
        tokens=tuple(one.address for one in file.tokens),
        test_coin=file.test_coin,
        terms=file.terms.terms(),
        credit=file.credit,
        test_collateral=file.test_collateral,
    )


def _delay(role: Role, section: RoleSection) -> int:
    return EXECUTION_DELAYS_S[role] if section.delay_s is None else section.delay_s


def _liveness(file: PlanFile, network: Network) -> int:
    if file.oracle.liveness_s is not None:
        return file.oracle.liveness_s
    return ROLLUP_LIVENESS_S if network.rollup else LIVENESS_S


def _sequencer_feed(file: PlanFile, network: Network, name: str) -> str:
    if file.oracle.sequencer_feed is not None:
        return file.oracle.sequencer_feed
    if network.sequencer_feed is not None:
        return network.sequencer_feed.address
    if network.rollup and network.mainnet:
        raise FileError(
            f"{name}: oracle.sequencer_feed: name the uptime feed of {network.title}; none is confirmed here"
        )
    return ZERO_ADDRESS
