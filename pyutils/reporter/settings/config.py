"""What operators and verifiers configure: one TOML file each, checked whole before anything starts.

Secrets are never in it, only the paths and names under which signers find them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from pyutils.errors import InputError
from pyutils.models import Address, FrozenModel, PowerModel
from pyutils.toml_file import first_fault, read_toml, tuples
from pyutils.units import SECONDS_PER_HOUR

OPERATOR_FILE: Final = "operator.toml"
VERIFIER_FILE: Final = "verifier.toml"
_MAX_PORT: Final = 65_535
_KINDS: Final = frozenset({"prometheus", "nvml", "trace"})


def _check_port(endpoint: str) -> str:
    if int(endpoint.rpartition(":")[2]) > _MAX_PORT:
        raise ValueError(f"a port is 0 to {_MAX_PORT}")
    return endpoint


def _path(value: object) -> Path:
    if isinstance(value, Path) or (isinstance(value, str) and value):
        return Path(value)
    raise ValueError("write a path in quotes")


FilePath = Annotated[Path, BeforeValidator(_path)]
"""A file; whoever opens it looks below the configuration's own folder."""
Url = Annotated[str, Field(pattern=r"^https?://[^/?#@\s]+([/?#]\S*)?$")]
"""An address without a user's name or password, since it is logged and shown."""
Endpoint = Annotated[str, Field(pattern=r"^[^\s:/]+:[0-9]{1,5}$"), AfterValidator(_check_port)]
"""Where a server listens: `127.0.0.1:9464`; port 0 lets the system choose."""
FleetNumber = Annotated[int, Field(ge=1, lt=2**32)]
Seconds = Annotated[int, Field(ge=0, lt=2**31)]
Skew = Annotated[
    Annotated[int, Field(gt=0)] | None,
    # TOML has no word for nothing.
    BeforeValidator(lambda value: None if type(value) is int and value == 0 else value),
    PlainSerializer(lambda value: 0 if value is None else value),
]

_Config = TypeVar("_Config", bound=FrozenModel)


class ConfigError(InputError):
    """A configuration file cannot be used."""

    remedy = "Mend the entry named; `gpurwa operator init` and `gpurwa verifier init` write a whole file"


class Section(FrozenModel):
    """A part of a configuration file. What stands below its fields, stands above them in files that `init` writes."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class SignerConfig(Section):
    """A key, which never stands in this file itself."""

    signer: Annotated[str, Field(min_length=1)]
    """A keystore v3 file, `https://HOST:PORT#0xADDRESS`, `kms:MODULE:FUNCTION`, or a development role."""
    password_file: FilePath | None = None
    """Its first line opens the keystore; without it the password is asked for."""


class PrometheusConfig(Section):
    """Samples from a server that speaks Prometheus' HTTP API and holds dcgm-exporter's metrics."""

    kind: Literal["prometheus"]
    """`prometheus`, `nvml` or `trace`."""
    url: Url
    """Where the server is, without `/api/v1`."""
    matchers: str = ""
    """Label matchers that single the fleet's series out, as PromQL has them: `cluster="a", job="dcgm"`."""
    duty_metric: Literal["DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_PROF_SM_ACTIVE"] = "DCGM_FI_DEV_GPU_UTIL"
    """Which metric says how busy a board is: `DCGM_FI_DEV_GPU_UTIL` or `DCGM_FI_PROF_SM_ACTIVE`."""
    energy: bool = True
    """Whether boards' energy counters are read; without them a power model is needed."""
    bearer_token_file: FilePath | None = None
    """Its first line is sent as a bearer token."""


class NvmlConfig(Section):
    """Samples of this machine's own boards, taken while the daemon runs."""

    kind: Literal["nvml"]
    """`prometheus`, `nvml` or `trace`."""
    energy: bool = True
    """Whether boards' energy counters are read; without them a power model is needed."""


class TraceConfig(Section):
    """Samples from a recorded file; for drills and tests."""

    kind: Literal["trace"]
    """`prometheus`, `nvml` or `trace`."""
    file: FilePath
    """CSV with the columns timestamp_s,pod,gpu_duty_cycle_percent; gzipped where its name ends in .gz."""


MeterConfig = Annotated[PrometheusConfig | NvmlConfig | TraceConfig, Field(discriminator="kind")]


class PeerConfig(Section):
    """A verifier, and where it answers and publishes."""

    address: Address
    """Its account in the fleet's set of verifiers."""
    url: Url
    """Where it answers."""


class RulesConfig(Section):
    """When reports are made, and what they may cost."""

    interval_s: Annotated[int, Field(ge=60, le=86_400)] = SECONDS_PER_HOUR
    """From one report to the next."""
    phase_s: Seconds = 0
    """Reports are as of times that leave this remainder when divided by the interval."""
    settle_s: Seconds = 30
    """Samples get so long to arrive after they were taken; later ones are dropped and counted."""
    quorum_deadline_s: Seconds = 900
    """Without a quorum this long after a report was due, counted in final blocks, it is posted alone, with a stake."""
    post_alone: bool = True
    """Whether reports are posted alone at all; the stake is the gas account's, which gets it back if it stands."""
    gather_s: Seconds = 20
    """One look waits so long for verifiers before it goes on with other things; the next asks those again."""
    max_clock_skew_s: Skew = 300
    """The meter's clock and the chain's may differ by so much; 0 where nothing bounds it, as for a replayed trace."""
    max_fee_gwei: Annotated[int, Field(gt=0)] = 200
    """What a unit of gas may cost at most."""
    budget_gwei: Annotated[int, Field(gt=0)] = 20_000_000
    """What one report may cost, replacements included: 0.02 ether by default."""
    confirmations: Annotated[int, Field(ge=0, le=1_000)] = 64
    """Depth at which a block counts as final where the chain has no `finalized` tag."""
    poll_s: Annotated[int, Field(ge=1, le=600)] = 10
    """From one look at the chain to the next."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.phase_s >= self.interval_s:
            raise ValueError(f"a phase_s of {self.phase_s} is no remainder of an interval_s of {self.interval_s}")
        return self


class ServeConfig(Section):
    """Where this daemon answers."""

    public: Endpoint = "0.0.0.0:8460"
    """Published files and, for a verifier, requests to sign."""
    public_url: Url | None = None
    """How others reach `public`, where that is not its own address."""
    ops: Endpoint = "127.0.0.1:9464"
    """Metrics and health; keep it from the public."""
    alarm_url: Url | None = None
    """Told by a POST of JSON when somebody disputes, or reports what this daemon did not make."""

    @property
    def shown_url(self) -> str:
        """Where others find what is published."""
        return self.public_url or f"http://{self.public}"


class OperatorConfig(Section):
    """A fleet's reporter."""

    network: Annotated[str, Field(min_length=1)]
    """The network, by the name of its deployment record."""
    fleet: FleetNumber
    """The fleet's number."""
    reporter: SignerConfig
    """The attestation key: the chain names it as the fleet's reporter."""
    gas: SignerConfig
    """Pays for transactions and stakes; another key than the reporter's."""
    meter: MeterConfig
    """Where samples come from."""
    power: PowerModel | None = None
    """How energy is derived from duty, in watts of one board, where the meter does not read it."""
    old_folder: FilePath | None = None
    """Folder of the key that this one replaced: the samples behind its last head are looked for there first."""
    verifiers: tuple[PeerConfig, ...] = ()
    """Those who are asked to sign; the chain says how many must."""
    rules: RulesConfig = RulesConfig()
    """When reports are made, and what they may cost."""
    serve: ServeConfig = ServeConfig()
    """Where this daemon answers."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_power(self.meter, self.power)
        _check_peers("verifiers", self.verifiers)
        if self.reporter.signer == self.gas.signer:
            raise ValueError(
                "reporter and gas are one key; give two, so that the one in use daily is not the one at stake"
            )
        return self


class WatchedFleet(Section):
    """A fleet that a verifier verifies, with a source of its own."""

    fleet: FleetNumber
    """The fleet's number."""
    operator_url: Url
    """Where the operator publishes; proposals name no address, so that nobody can point a verifier elsewhere."""
    meter: MeterConfig
    """This verifier's own samples, which the published ones are compared with."""
    power: PowerModel | None = None
    """How the operator derives energy, in watts of one board; left out where its boards measure it."""
    peers: tuple[PeerConfig, ...] = ()
    """The fleet's other verifiers, needed to report without the operator."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_power(self.meter, self.power)
        _check_peers("peers", self.peers)
        return self


class VerifierConfig(Section):
    """A verifier of one or more fleets."""

    network: Annotated[str, Field(min_length=1)]
    """The network, by the name of its deployment record."""
    verifier: SignerConfig
    """The verifier's key: the chain names it in the fleets' sets of verifiers."""
    gas: SignerConfig | None = None
    """Pays for reports made without the operator; without it this verifier only signs those of others."""
    fleets: Annotated[tuple[WatchedFleet, ...], Field(min_length=1)]
    """The fleets that it verifies."""
    rules: RulesConfig = RulesConfig()
    """When it reports alone, and what that may cost."""
    serve: ServeConfig = ServeConfig(public="0.0.0.0:8470", ops="127.0.0.1:9465")
    """Where this daemon answers."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        ids = [one.fleet for one in self.fleets]
        if len(set(ids)) < len(ids):
            raise ValueError("a fleet stands in it twice")
        if self.gas is not None and self.gas.signer == self.verifier.signer:
            raise ValueError("verifier and gas are one key; give two")
        return self


def read_config(path: Path, kind: type[_Config]) -> _Config:
    """Read a configuration file. Raises `ConfigError`, naming the entry, where it cannot be used."""
    return check_config(read_toml(path, ConfigError), kind, str(path))


def check_config(fields: Mapping[str, object], kind: type[_Config], name: str) -> _Config:
    """Return a configuration of these fields. Raises `ConfigError`, naming the entry, where it cannot be used."""
    try:
        return kind.model_validate(tuples(fields))
    except ValidationError as error:
        place, reason = first_fault(error)
        raise ConfigError(f"{name}: {'.'.join(_entries(place)) or 'the whole'}: {reason}") from error


def _entries(place: Sequence[int | str]) -> Iterator[str]:
    """Yield a place in a model as the file has it: which kind a meter is stands behind it, and is no entry."""
    for before, part in pairwise(("", *place)):
        if not (before == "meter" and part in _KINDS):
            yield str(part)


def _check_peers(name: str, peers: Sequence[PeerConfig]) -> None:
    addresses = [one.address for one in peers]
    if len(set(addresses)) < len(addresses):
        raise ValueError(f"an address stands in {name} twice")


def _check_power(meter: PrometheusConfig | NvmlConfig | TraceConfig, power: PowerModel | None) -> None:
    has_energy = not isinstance(meter, TraceConfig) and meter.energy
    if not has_energy and power is None:
        raise ValueError("the meter reads no energy: give [power] idle_watts and max_watts")
