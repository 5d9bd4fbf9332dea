"""Configuration files: every entry, and every refusal in one line that names file, entry and remedy."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from pydantic import BaseModel

from pyutils.chain import LocalSigner
from pyutils.meter import synthetic_trace, write_trace
from pyutils.models import PowerModel
from pyutils.reporter.settings.config import (
    ConfigError,
    NvmlConfig,
    OperatorConfig,
    PeerConfig,
    PrometheusConfig,
    RulesConfig,
    ServeConfig,
    SignerConfig,
    TraceConfig,
    VerifierConfig,
    WatchedFleet,
    check_config,
    read_config,
)
from pyutils.reporter.settings.keys import open_key
from pyutils.reporter.settings.sources import open_source
from pyutils.units import Ms, UnixMs, Watts

ALICE = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
BOB = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"

OPERATOR = f"""
network = "base"
fleet = 7
old_folder = "../old-key"

[reporter]
signer = "keys/reporter.json"
password_file = "keys/reporter.password"

[gas]
signer = "https://signer.internal:9000?token=signer.token#{ALICE}"

[meter]
kind = "prometheus"
url = "http://prometheus:9090/select/0"
matchers = 'cluster="a", job="dcgm"'
duty_metric = "DCGM_FI_PROF_SM_ACTIVE"
energy = false
bearer_token_file = "prometheus.token"

[power]
idle_watts = 70
max_watts = 700

[[verifiers]]
address = "{ALICE}"
url = "https://verifier-1.example"

[[verifiers]]
address = "{BOB.lower()}"
url = "https://verifier-2.example/gpurwa"

[rules]
interval_s = 1_800
phase_s = 60
settle_s = 45
quorum_deadline_s = 600
post_alone = false
gather_s = 15
max_clock_skew_s = 0
max_fee_gwei = 50
budget_gwei = 1_000_000
confirmations = 12
poll_s = 5

[serve]
public = "10.0.0.1:8460"
public_url = "https://fleet.example"
ops = "127.0.0.1:0"
alarm_url = "https://alarms.example/hook?to=me"
"""

VERIFIER = f"""
network = "base"

[verifier]
signer = "kms:my.keys:open"

[gas]
signer = "gas.json"
password_file = "gas.password"

[[fleets]]
fleet = 7
operator_url = "https://fleet.example"

[fleets.meter]
kind = "nvml"

[[fleets.peers]]
address = "{BOB}"
url = "https://verifier-2.example"

[[fleets]]
fleet = 8
operator_url = "https://other.example"

[fleets.meter]
kind = "trace"
file = "traces/day.csv.gz"

[fleets.power]
idle_watts = 0
max_watts = 1_000
"""

KINDS: dict[str, type[OperatorConfig | VerifierConfig]] = {"operator": OperatorConfig, "verifier": VerifierConfig}
TEXTS = {"operator": OPERATOR, "verifier": VERIFIER}


def read(folder: Path, kind: str, text: str | bytes) -> OperatorConfig | VerifierConfig:
    path = folder / f"{kind}.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_config(path, KINDS[kind])


def refusal(folder: Path, kind: str, text: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        read(folder, kind, text)
    line = caught.value.line()
    assert "\n" not in line
    assert line.startswith(str(folder / f"{kind}.toml"))
    assert line.endswith("`gpurwa operator init` and `gpurwa verifier init` write a whole file")
    return line


def test_read__whole_operator_file__is_every_entry_of_it(tmp_path: Path) -> None:
    assert read(tmp_path, "operator", OPERATOR) == OperatorConfig(
        network="base",
        fleet=7,
        old_folder=Path("../old-key"),
        reporter=SignerConfig(signer="keys/reporter.json", password_file=Path("keys/reporter.password")),
        gas=SignerConfig(signer=f"https://signer.internal:9000?token=signer.token#{ALICE}"),
        meter=PrometheusConfig(
            kind="prometheus",
            url="http://prometheus:9090/select/0",
            matchers='cluster="a", job="dcgm"',
            duty_metric="DCGM_FI_PROF_SM_ACTIVE",
            energy=False,
            bearer_token_file=Path("prometheus.token"),
        ),
        power=PowerModel(idle_watts=Watts(70), max_watts=Watts(700)),
        verifiers=(
            PeerConfig(address=ALICE, url="https://verifier-1.example"),
            PeerConfig(address=BOB, url="https://verifier-2.example/gpurwa"),
        ),
        rules=RulesConfig(
            interval_s=1_800,
            phase_s=60,
            settle_s=45,
            quorum_deadline_s=600,
            post_alone=False,
            gather_s=15,
            max_clock_skew_s=None,
            max_fee_gwei=50,
            budget_gwei=1_000_000,
            confirmations=12,
            poll_s=5,
        ),
        serve=ServeConfig(
            public="10.0.0.1:8460",
            public_url="https://fleet.example",
            ops="127.0.0.1:0",
            alarm_url="https://alarms.example/hook?to=me",
        ),
    )


def test_read__whole_verifier_file__is_every_entry_of_it(tmp_path: Path) -> None:
    assert read(tmp_path, "verifier", VERIFIER) == VerifierConfig(
        network="base",
        verifier=SignerConfig(signer="kms:my.keys:open"),
        gas=SignerConfig(signer="gas.json", password_file=Path("gas.password")),
        fleets=(
            WatchedFleet(
                fleet=7,
                operator_url="https://fleet.example",
                meter=NvmlConfig(kind="nvml"),
                peers=(PeerConfig(address=BOB, url="https://verifier-2.example"),),
            ),
            WatchedFleet(
                fleet=8,
                operator_url="https://other.example",
                meter=TraceConfig(kind="trace", file=Path("traces/day.csv.gz")),
                power=PowerModel(idle_watts=Watts(0), max_watts=Watts(1_000)),
            ),
        ),
        rules=RulesConfig(),
        serve=ServeConfig(public="0.0.0.0:8470", ops="127.0.0.1:9465"),
    )


def entries(model: type[BaseModel], told: Any) -> set[tuple[str, str]]:
    """Return which entries of which tables a file has."""
    found = set()
    for name, value in told.items():
        found.add((model.__name__, name))
        field = model.model_fields[name]
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                kinds = [
                    kind
                    for kind in (
                        SignerConfig, PrometheusConfig, NvmlConfig, TraceConfig, PeerConfig, RulesConfig, ServeConfig,
                        WatchedFleet, PowerModel,
                    )
                    if kind.__name__ in str(field.annotation) and set(inner) <= set(kind.model_fields)
                ]  # fmt: skip
                found |= entries(kinds[0], inner)
    return found


def test_examples__together__have_every_entry_that_there_is() -> None:
    """So that an entry that is added is added here, and with it what it is read as."""
    found = entries(OperatorConfig, tomllib.loads(OPERATOR)) | entries(VerifierConfig, tomllib.loads(VERIFIER))
    models = (
        OperatorConfig, VerifierConfig, WatchedFleet, SignerConfig, PrometheusConfig, TraceConfig, PeerConfig,
        RulesConfig, ServeConfig, PowerModel,
    )  # fmt: skip
    wanted = {(model.__name__, name) for model in models for name in model.model_fields}
    assert wanted - found == {("VerifierConfig", "rules"), ("VerifierConfig", "serve")}


def test_read__smallest_files__have_defaults(tmp_path: Path) -> None:
    smallest = 'network = "n"\nfleet = 1\nreporter = {signer = "r"}\ngas = {signer = "g"}\nmeter = {kind = "nvml"}\n'
    config = read(tmp_path, "operator", smallest)
    assert isinstance(config, OperatorConfig)
    assert (config.verifiers, config.power, config.rules.interval_s, config.rules.max_clock_skew_s) == (
        (),
        None,
        3_600,
        300,
    )
    assert config.serve.shown_url == "http://0.0.0.0:8460"
    watched = '[[fleets]]\nfleet = 1\noperator_url = "http://o"\nmeter = {kind = "nvml"}'
    watched = 'network = "n"\nverifier = {signer = "v"}\n' + watched
    assert isinstance(read(tmp_path, "verifier", watched), VerifierConfig)


def test_read__secrets_in_keys__are_in_no_repr(tmp_path: Path) -> None:
    """A file names keys by place alone; there is no entry that a secret fits in."""
    config = read(tmp_path, "operator", OPERATOR)
    assert "password_file" in repr(config)
    assert not {"password", "key", "token", "secret"} & {
        name for model in KINDS.values() for name in model.model_fields
    }
    assert not {"password", "key", "token", "secret"} & set(SignerConfig.model_fields)


CHANGES = [
    # kind, what stands there, what is put in its place, entry, reason
    ("operator", 'network = "base"', "", "network", "Field required"),
    ("operator", 'network = "base"', 'network = ""', "network", "at least 1 character"),
    ("operator", 'network = "base"', "network = 5", "network", "valid string"),
    ("operator", "fleet = 7", "", "fleet", "Field required"),
    ("operator", "fleet = 7", "fleet = 0", "fleet", "greater than or equal to 1"),
    ("operator", "fleet = 7", "fleet = 4_294_967_296", "fleet", "less than 4294967296"),
    ("operator", "fleet = 7", 'fleet = "7"', "fleet", "valid integer"),
    ("operator", "fleet = 7", "fleet = 7.0", "fleet", "valid integer"),
    ("operator", "fleet = 7", "fleet = true", "fleet", "valid integer"),
    ("operator", "fleet = 7", "fleet = 7\nfleat = 8", "fleat", "not permitted"),
    ("operator", '[reporter]\nsigner = "keys/reporter.json"', "[reporter]", "reporter.signer", "Field required"),
    ("operator", 'signer = "keys/reporter.json"', 'signer = ""', "reporter.signer", "at least 1 character"),
    ("operator", 'signer = "keys/reporter.json"', 'signer = "k"\nkey = "0x1"', "reporter.key", "not permitted"),
    ("operator", '"keys/reporter.password"', "3", "reporter.password_file", "in quotes"),
    ("operator", '"keys/reporter.password"', '""', "reporter.password_file", "a path in quotes"),
    (
        "operator",
        'signer = "keys/reporter.json"',
        f'signer = "https://signer.internal:9000?token=signer.token#{ALICE}"',
        "the whole",
        "reporter and gas are one key",
    ),
    ("operator", 'kind = "prometheus"', "", "meter", "Unable to extract tag"),
    ("operator", 'kind = "prometheus"', 'kind = "guess"', "meter", "does not match any of the expected tags"),
    ("operator", 'url = "http://prometheus:9090/select/0"', "", "meter.url", "Field required"),
    ("operator", "http://prometheus:9090/select/0", "ftp://prometheus", "meter.url", "match pattern"),
    ("operator", "http://prometheus:9090/select/0", "http://prometheus:9090/a b", "meter.url", "match pattern"),
    ("operator", "http://prometheus:9090/select/0", "http://", "meter.url", "match pattern"),
    ("operator", "http://prometheus:9090/select/0", "http://me:hunter2@prometheus:9090", "meter.url", "match pattern"),
    ("operator", "DCGM_FI_PROF_SM_ACTIVE", "DCGM_FI_DEV_FB_USED", "meter.duty_metric", "DCGM_FI_DEV_GPU_UTIL"),
    ("operator", "energy = false", "energy = 0", "meter.energy", "valid boolean"),
    ("operator", "energy = false", "energy = true\npower = 1", "meter.power", "not permitted"),
    ("operator", "[power]\nidle_watts = 70\nmax_watts = 700", "", "the whole", "give [power]"),
    ("operator", "idle_watts = 70", "idle_watts = 701", "power", "idle power 701 W exceeds maximum power 700 W"),
    ("operator", "idle_watts = 70", "idle_watts = -1", "power.idle_watts", "greater than or equal to 0"),
    ("operator", f'address = "{ALICE}"', f'address = "{BOB}"', "the whole", "stands in verifiers twice"),
    ("operator", f'address = "{ALICE}"', f'address = "{ALICE[:-1]}9"', "verifiers.0.address", "wrong checksum"),
    ("operator", f'address = "{ALICE}"', 'address = "alice"', "verifiers.0.address", "no address of 20 bytes"),
    ("operator", "https://verifier-2.example/gpurwa", "verifier-2.example", "verifiers.1.url", "match pattern"),
    ("operator", "interval_s = 1_800", "interval_s = 59", "rules.interval_s", "greater than or equal to 60"),
    ("operator", "interval_s = 1_800", "interval_s = 86_401", "rules.interval_s", "less than or equal to 86400"),
    ("operator", "interval_s = 1_800", "interval_s = nan", "rules.interval_s", "valid integer"),
    ("operator", "interval_s = 1_800", "interval_s = 2026-01-01", "rules.interval_s", "valid integer"),
    ("operator", "phase_s = 60", "phase_s = 1_800", "rules", "1800 is no remainder of an interval_s of 1800"),
    ("operator", "phase_s = 60", "phase_s = -1", "rules.phase_s", "greater than or equal to 0"),
    ("operator", "settle_s = 45", "settle_s = 2_147_483_648", "rules.settle_s", "less than 2147483648"),
    ("operator", "quorum_deadline_s = 600", "quorum_deadline_s = -1", "rules.quorum_deadline_s", "or equal to 0"),
    ("operator", "post_alone = false", 'post_alone = "no"', "rules.post_alone", "valid boolean"),
    ("operator", "gather_s = 15", "gather_s = 1.5", "rules.gather_s", "valid integer"),
    ("operator", "max_clock_skew_s = 0", "max_clock_skew_s = -1", "rules.max_clock_skew_s", "greater than 0"),
    ("operator", "max_clock_skew_s = 0", "max_clock_skew_s = 0.0", "rules.max_clock_skew_s", "valid integer"),
    ("operator", "max_clock_skew_s = 0", "max_clock_skew_s = false", "rules.max_clock_skew_s", "valid integer"),
    ("operator", "max_fee_gwei = 50", "max_fee_gwei = 0", "rules.max_fee_gwei", "greater than 0"),
    ("operator", "budget_gwei = 1_000_000", "budget_gwei = 0", "rules.budget_gwei", "greater than 0"),
    ("operator", "confirmations = 12", "confirmations = 1_001", "rules.confirmations", "less than or equal to 1000"),
    ("operator", "poll_s = 5", "poll_s = 0", "rules.poll_s", "greater than or equal to 1"),
    ("operator", "10.0.0.1:8460", "8460", "serve.public", "match pattern"),
    ("operator", "10.0.0.1:8460", "http://10.0.0.1:8460", "serve.public", "match pattern"),
    ("operator", "10.0.0.1:8460", "10.0.0.1:65536", "serve.public", "a port is 0 to 65535"),
    ("operator", "10.0.0.1:8460", "10.0.0.1:\\u0661", "serve.public", "match pattern"),
    ("operator", "10.0.0.1:8460", "10.0.0.1:80\\n", "serve.public", "match pattern"),
    ("operator", "https://fleet.example", "fleet.example", "serve.public_url", "match pattern"),
    ("operator", "127.0.0.1:0", "127.0.0.1", "serve.ops", "match pattern"),
    ("operator", "https://alarms.example/hook?to=me", "mailto:me", "serve.alarm_url", "match pattern"),
    ("verifier", "[[fleets]]\nfleet = 8", "[[fleets]]\nfleet = 7", "the whole", "a fleet stands in it twice"),
    ("verifier", 'signer = "gas.json"', 'signer = "kms:my.keys:open"', "the whole", "verifier and gas are one key"),
    ("verifier", 'kind = "nvml"', 'kind = "nvml"\nenergy = false', "fleets.0", "give [power]"),
    ("verifier", 'kind = "nvml"', 'kind = "nvml"\nfile = "x"', "fleets.0.meter.file", "not permitted"),
    ("verifier", 'file = "traces/day.csv.gz"', "", "fleets.1.meter.file", "Field required"),
    ("verifier", "https://other.example", "other.example", "fleets.1.operator_url", "match pattern"),
    ("verifier", "[fleets.power]\nidle_watts = 0\nmax_watts = 1_000", "", "fleets.1", "give [power]"),
    (
        "verifier",
        f'[[fleets.peers]]\naddress = "{BOB}"',
        f'[[fleets.peers]]\naddress = "{BOB}"\nurl = "http://x"\n[[fleets.peers]]\naddress = "{BOB}"',
        "fleets.0",
        "stands in peers twice",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "old", "new", "entry", "reason"), CHANGES)
def test_read__one_entry_changed__is_refused_by_its_name(
    tmp_path: Path, kind: str, old: str, new: str, entry: str, reason: str
) -> None:
    assert TEXTS[kind].count(old) == 1, old
    line = refusal(tmp_path, kind, TEXTS[kind].replace(old, new))
    assert line.startswith(f"{tmp_path / kind}.toml: {entry}: "), line
    assert reason in line
    assert "hunter2" not in line


@pytest.mark.parametrize("text", ["", 'network = "n"\nverifier = {signer = "v"}\nfleets = []\n'])
def test_read__no_fleet_or_nothing_at_all__is_refused(tmp_path: Path, text: str) -> None:
    assert "network: Field required" in refusal(tmp_path, "operator", "")
    refusal(tmp_path, "verifier", text)


@pytest.mark.parametrize(
    "text",
    [
        "network",
        "network = ",
        'network = "a"\nnetwork = "b"',
        b"network = '\xff'",
        b"\xef\xbb\xbfnetwork = 1",
        "x = " + "[" * 20_000,
        "x = " + "9" * 5_000,
        "\x00",
    ],
)
def test_read__no_toml__is_refused(tmp_path: Path, text: str | bytes) -> None:
    assert f"{tmp_path / 'operator.toml'} is not TOML: " in refusal(tmp_path, "operator", text)


def test_read__no_file_or_a_folder__is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"operator\.toml cannot be read: No such file"):
        read_config(tmp_path / "operator.toml", OperatorConfig)
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_config(tmp_path, OperatorConfig)


def test_check__fields_from_elsewhere__are_refused_under_their_name() -> None:
    with pytest.raises(ConfigError, match=r"^the command line: fleet: Input should be"):
        check_config(tomllib.loads(OPERATOR) | {"fleet": -1}, OperatorConfig, "the command line")


def test_open__relative_paths__are_below_the_files_folder_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    document = Account.encrypt(b"\1" * 32, "open", kdf="pbkdf2", iterations=1)
    (tmp_path / "keys" / "reporter.json").write_text(json.dumps(document))
    (tmp_path / "keys" / "reporter.password").write_text("open\n")
    write_trace(synthetic_trace(1), tmp_path / "day.csv.gz")
    text = OPERATOR[: OPERATOR.index("[meter]")] + '[meter]\nkind = "trace"\nfile = "day.csv.gz"\n\n'
    config = read(tmp_path, "operator", text + OPERATOR[OPERATOR.index("[power]") :])
    assert isinstance(config, OperatorConfig)
    signer = open_key(config.reporter, tmp_path, 1, prompt=lambda _: "nobody is asked")
    assert signer.address == LocalSigner(b"\1" * 32).address
    source = open_source(config.meter, tmp_path, tmp_path / "journal", Ms(15_000))
    assert any(True for _ in source.read(synthetic_trace(1).gpu_ids, UnixMs(0), UnixMs(2**50)))
