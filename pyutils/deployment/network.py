"""Chains that the system may be put on: what is known of them, and who says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from pyutils.chain.fees import LanePolicy
from pyutils.errors import InputError
from pyutils.manifest import NETWORK_NAME, USER_FOLDER
from pyutils.models import Address, FrozenModel
from pyutils.toml_file import first_fault, parse_toml, read_toml

NETWORKS_FILE: Final = "networks.toml"

Url = Annotated[str, Field(pattern=r"^https://[^\s]+$")]


class NetworkError(InputError):
    """What is known of chains cannot be used."""

    remedy = f"Mend the entry named, or remove your own {USER_FOLDER}/{NETWORKS_FILE}"


class UnknownChainError(InputError):
    """Nothing is known of a chain."""

    def __init__(self, network: str, known: tuple[str, ...]) -> None:
        remedy = f"Known are {', '.join(known)}; describe others in {USER_FOLDER}/{NETWORKS_FILE}"
        super().__init__(f"nothing is known of a network {network!r}", remedy=remedy)
        self.network = network


class MainnetError(InputError):
    """Somebody is about to deploy where money is worth something, and did not say so."""

    remedy = "Type --mainnet where that is meant"

    def __init__(self, network: str) -> None:
        super().__init__(f"{network} is no testnet: deploying there costs real money")


class KnownContract(FrozenModel):
    """A contract of somebody else's."""

    address: Address
    decimals: int = Field(ge=0, le=18)
    sources: Annotated[tuple[Url, ...], Field(min_length=2)]
    """At least two that do not copy each other."""


class Network(FrozenModel):
    """What is known of a chain."""

    title: str
    chain_id: int = Field(gt=0)
    mainnet: bool
    """Whether money there is worth something."""
    currency: str
    """What gas is paid in."""
    rollup: Literal["op-stack", "arbitrum"] | None = None
    explorer: Url | None = None
    step_depth: int = Field(ge=0, le=1_000)
    """Blocks on top of a step's before the next one is sent."""
    depth: int = Field(ge=0, le=100_000)
    """Blocks on top of the last step's before a deployment is done."""
    finalized: bool = False
    """Whether to wait for what the chain itself calls final, where it says so."""
    max_fee_gwei: int = Field(default=500, gt=0)
    """What a unit of gas may cost at most."""
    step_budget: int = Field(default=1, gt=0)
    """Whole coins of the currency that one step may cost at most, replacements included."""
    tokens: Mapping[str, KnownContract] = {}
    """Settlement tokens and collateral, by symbol."""
    feeds: Mapping[str, KnownContract] = {}
    """Chainlink-style feeds of prices in dollars, by what they price."""
    sequencer_feed: KnownContract | None = None
    sources: tuple[Url, ...] = ()

    @property
    def step_policy(self) -> LanePolicy:
        """Return when a step is in deep enough for the next one to be sent."""
        return self._policy(LanePolicy(confirmations=self.step_depth, timeout_s=1_800.0))

    @property
    def end_policy(self) -> LanePolicy:
        """Return when a step is in for good."""
        return self._policy(LanePolicy(confirmations=self.depth, finality=self.finalized, timeout_s=7_200.0))

    def _policy(self, policy: LanePolicy) -> LanePolicy:
        return replace(policy, max_fee_per_gas=self.max_fee_gwei * 10**9, budget_wei=self.step_budget * 10**18)

    def check_allowed(self, network: str, *, mainnet: bool) -> None:
        """Raise `MainnetError` where money is worth something and nobody said that this is meant."""
        if self.mainnet and not mainnet:
            raise MainnetError(network)


DEVELOPMENT_NETWORK: Final = "devnet"
DEVELOPMENT: Final = Network(
    title="development chain", chain_id=31337, mainnet=False, currency="ETH", step_depth=0, depth=0
)


def load_networks(folder: Path = USER_FOLDER) -> Mapping[str, Network]:
    """Return what is known of chains, the user's own before the shipped ones. Raises `NetworkError`."""
    own = folder / NETWORKS_FILE
    mine = dict(_networks(read_toml(own, NetworkError), str(own))) if own.is_file() else {}
    return {DEVELOPMENT_NETWORK: DEVELOPMENT, **shipped_networks(), **mine}


@cache
def shipped_networks() -> Mapping[str, Network]:
    """Return what the package knows of chains."""
    text = resources.files("pyutils.deployments").joinpath(NETWORKS_FILE).read_text(encoding="utf-8")
    return dict(_networks(parse_toml(text, f"shipped {NETWORKS_FILE}", NetworkError), f"shipped {NETWORKS_FILE}"))


def load_network(name: str, folder: Path = USER_FOLDER) -> Network:
    """Return what is known of a chain. Raises `UnknownChainError`, `NetworkError`."""
    networks = load_networks(folder)
    if name not in networks:
        raise UnknownChainError(name, tuple(sorted(networks)))
    return networks[name]


def name_of(chain_id: int, folder: Path = USER_FOLDER) -> str | None:
    """Return what the chain with this id is called. Raises `NetworkError`."""
    return next((name for name, one in load_networks(folder).items() if one.chain_id == chain_id), None)


def network_of(chain_id: int) -> Network | None:
    """Return what the package knows of the chain with this id."""
    return next((one for one in shipped_networks().values() if one.chain_id == chain_id), None)


def _networks(fields: Mapping[str, Any], file: str) -> Iterator[tuple[str, Network]]:
    for name, entry in fields.items():
        try:
            yield _Name(name=name).name, Network.model_validate(entry)
        except ValidationError as error:
            place, reason = first_fault(error)
            raise NetworkError(f"{file}: {'.'.join(map(str, (name, *place)))}: {reason}") from error


class _Name(FrozenModel):
    name: str = Field(pattern=NETWORK_NAME)
