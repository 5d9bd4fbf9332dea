"""What operators and verifiers configure: one TOML file each, checked whole before anything starts.

Secrets are never in it, only the paths and names under which signers find them. Paths are relative to the file.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from pyutils.errors import InputError
from pyutils.models import Address, FrozenModel, PowerModel
from pyutils.units import SECONDS_PER_HOUR

OPERATOR_FILE: Final = "operator.toml"
VERIFIER_FILE: Final = "verifier.toml"

FilePath = Annotated[Path, BeforeValidator(lambda value: Path(value) if isinstance(value, str) else value)]
Url = Annotated[str, Field(pattern=r"^https?://[^/\s]+")]
Endpoint = Annotated[str, Field(pattern=r"^[^\s:]+:\d{1,5}$")]
"""Where a server listens: `127.0.0.1:9464`; port 0 lets the system choose."""
Seconds = Annotated[int, Field(ge=0, lt=2**31)]

_Config = TypeVar("_Config", bound="FrozenModel")


class ConfigError(InputError):
    """A configuration file cannot be used."""

    remedy = "Mend the entry named; `gpurwa operator init` and `gpurwa verifier init` write a whole file"


class SignerConfig(FrozenModel):
    """A key: `signer` is a keystore file, `https://…#0xADDRESS`, `kms:module:function`, or a development role."""

    signer: str
    password_file: FilePath | None = None


class PrometheusConfig(FrozenModel):
    """Samples from a server that speaks Prometheus' HTTP API and holds dcgm-exporter's metrics."""

    kind: Literal["prometheus"]
    url: Url
    matchers: str = ""
    """Label matchers that single the fleet's series out, as PromQL has them: `cluster="a", job="dcgm"`."""
    duty_metric: Literal["DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_PROF_SM_ACTIVE"] = "DCGM_FI_DEV_GPU_UTIL"
    energy: bool = True
    """Whether boards' energy counters are read; without them a power model is needed."""
    bearer_token_file: FilePath | None = None


class NvmlConfig(FrozenModel):
    """Samples of this machine's own boards, taken while the daemon runs."""

    kind: Literal["nvml"]
    energy: bool = True


class TraceConfig(FrozenModel):
    """Samples from a recorded file; for drills and tests."""

    kind: Literal["trace"]
    file: FilePath


MeterConfig = Annotated[PrometheusConfig | NvmlConfig | TraceConfig, Field(discriminator="kind")]


class PeerConfig(FrozenModel):
    """A verifier, and where it answers and publishes."""

    address: Address
    url: Url


class RulesConfig(FrozenModel):
    """When reports are made, and what they may cost."""

    interval_s: Annotated[int, Field(ge=60, le=86_400)] = SECONDS_PER_HOUR
    phase_s: Seconds = 0
    """Reports are as of times that leave this remainder when divided by the interval."""
    settle_s: Seconds = 30
    """Samples get so long to arrive after they were taken; later ones are dropped and counted."""
    quorum_deadline_s: Seconds = 900
    """Without a quorum this long after a report was due, the operator posts it alone, with a stake."""
    post_alone: bool = True
    gather_s: Seconds = 20
    """One look waits so long for verifiers before it goes on with other things; the next asks those again."""
    max_clock_skew_s: Annotated[int, Field(gt=0)] | None = 300
    """The meter's clock and the chain's may differ by so much; nothing bounds it where a trace is replayed."""
    max_fee_gwei: Annotated[int, Field(gt=0)] = 200
    budget_gwei: Annotated[int, Field(gt=0)] = 20_000_000
    """What one report may cost, replacements included: 0.02 ether by default."""
    confirmations: Annotated[int, Field(ge=0, le=1_000)] = 64
    """Depth at which a block counts as final where the chain has no `finalized` tag."""
    poll_s: Annotated[int, Field(ge=1, le=600)] = 10


class ServeConfig(FrozenModel):
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


class OperatorConfig(FrozenModel):
    """A fleet's reporter."""

    network: str
    fleet: Annotated[int, Field(ge=1)]
    reporter: SignerConfig
    gas: SignerConfig
    meter: MeterConfig
    power: PowerModel | None = None
    verifiers: tuple[PeerConfig, ...] = ()
    rules: RulesConfig = RulesConfig()
    serve: ServeConfig = ServeConfig()

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_power(self.meter, self.power)
        if self.reporter.signer == self.gas.signer:
            raise ValueError(
                "reporter and gas are one key; give two, so that the one in use daily is not the one at stake"
            )
        return self


class WatchedFleet(FrozenModel):
    """A fleet that a verifier verifies, with a source of its own."""

    fleet: Annotated[int, Field(ge=1)]
    operator_url: Url
    """Where the operator publishes; proposals name no address, so that nobody can point a verifier elsewhere."""
    meter: MeterConfig
    power: PowerModel | None = None
    peers: tuple[PeerConfig, ...] = ()
    """The fleet's other verifiers, needed to report without the operator."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_power(self.meter, self.power)
        return self


class VerifierConfig(FrozenModel):
    """A verifier of one or more fleets."""

    network: str
    verifier: SignerConfig
    gas: SignerConfig | None = None
    """Pays for reports made without the operator; without it this verifier only signs those of others."""
    fleets: Annotated[tuple[WatchedFleet, ...], Field(min_length=1)]
    rules: RulesConfig = RulesConfig()
    serve: ServeConfig = ServeConfig(public="0.0.0.0:8470", ops="127.0.0.1:9465")

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
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    try:
        return kind.model_validate(_tuples(fields))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigError(f"{path}: {where}: {first['msg'].removeprefix('Value error, ')}") from error


def _check_power(meter: PrometheusConfig | NvmlConfig | TraceConfig, power: PowerModel | None) -> None:
    has_energy = not isinstance(meter, TraceConfig) and meter.energy
    if not has_energy and power is None:
        raise ValueError("the meter reads no energy: give [power] idle_watts and max_watts")


def _tuples(value: object) -> object:
    """Return TOML's lists as tuples, which strict models take."""
    if isinstance(value, dict):
        return {name: _tuples(inner) for name, inner in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
