"""`gpurwa operator init` and `gpurwa verifier init`: a whole file and a store, or one line and nothing."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from eth_account import Account

from pyutils.devnet import account
from pyutils.reporter.settings.config import NvmlConfig, OperatorConfig, VerifierConfig, read_config
from pyutils.reporter.store.identity import Identity
from pyutils.reporter.store.store import Store
from pyutils.units import FleetId

from .reporting import Reporting, fleet_reporting
from .shell import LiveFleet, Shell, reported, signed

reporting = pytest.fixture(fleet_reporting)

SECTIONS = ("[reporter]", "[gas]", "[meter]", "[power]", "[[verifiers]]", "[rules]", "[serve]")


def identity(sh: Shell, name: str, role: str) -> Identity:
    manifest = sh.chain.manifest
    told = {"chain_id": manifest.chain_id, "oracle": manifest.address("MeterOracle"), "signer": account(name).address}
    return Identity.model_validate(told | {"role": role})


def keystore(sh: Shell, name: str, key: bytes, **fields: object) -> Path:
    document = Account.encrypt(key, "secret", kdf="pbkdf2", iterations=2)
    return sh.write(name, json.dumps({one: value for one, value in (document | fields).items() if value is not None}))


def test_init__operator__writes_every_entry_and_makes_a_store(reporting: Reporting) -> None:
    sh, folder = reporting.sh, reporting.operator_folder
    said = sh.json(
        *reporting.init(("verifier-1",), "--interval", "30m", "--phase", "0s", "--max-fee-gwei", 300, "--never-alone")
    )
    assert said["reporter"] == account("reporter-a").address
    text = (folder / "operator.toml").read_text()
    for section in SECTIONS:
        assert section in text
    for entry in OperatorConfig.model_fields.values():
        assert entry.description is not None
        assert f"# {entry.description[:40]}" in text
    config = read_config(folder / "operator.toml", OperatorConfig)
    assert (config.network, config.fleet) == ("devnet", reporting.fleet.fleet_id)
    assert config.verifiers[0].address == account("verifier-1").address
    assert (config.rules.interval_s, config.rules.max_fee_gwei, config.rules.post_alone) == (1_800, 300, False)
    assert config.rules.max_clock_skew_s is None, "a trace has another time than the chain"
    assert config.rules.budget_gwei == 20_000_000
    with Store.open(folder / "store.sqlite", identity(sh, "reporter-a", "operator")) as store:
        assert store.latest(FleetId(config.fleet)) is None
    assert sorted(path.name for path in folder.iterdir()) == ["operator.toml", "store.sqlite", "store.sqlite.lock"]


def test_init__reporter_not_named_on_chain__says_how(reporting: Reporting) -> None:
    said = reporting.sh(*reporting.init(), "--reporter", "reporter-b")
    assert f"gpurwa fleet reporter {reporting.fleet.fleet_id} {account('reporter-b').address}" in said


def test_init__file_is_there__refused(reporting: Reporting) -> None:
    reporting.sh(*reporting.init())
    before = (reporting.operator_folder / "operator.toml").read_text()
    assert "is there already" in reporting.sh.refused(*reporting.init((), "--interval", "2h"))
    assert (reporting.operator_folder / "operator.toml").read_text() == before


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (("--meter", "nvml"), "--trace belongs to --meter trace"),
        (("--meter", "prometheus"), "--trace belongs to --meter trace"),
        (("--prometheus-url", "http://127.0.0.1:9"), "--prometheus-url belongs to --meter prometheus"),
        (("--power", "700"), "is not two numbers of watts"),
        (("--power", "700,100"), "exceeds maximum power"),
        (("--gas", "reporter-a"), "reporter and gas are one key"),
        (("--gas", "nobody"), "neither a keystore file nor a role"),
        (("--gas", "kms:no_such_module:f"), "made no signer"),
        (("--gas", "https://127.0.0.1:9"), "no account is named after #"),
        (("--verifier", "verifier-1"), "is no verifier"),
        (("--verifier", "0x12=http://127.0.0.1:9"), "is no address"),
        (("--verifier", "verifier-1=ftp://127.0.0.1"), "verifiers.0.url"),
        (("--interval", "1s"), "rules.interval_s"),
        (("--interval", "often"), "is no duration"),
        (("--public", "8460"), "serve.public"),
        (("--alarm-url", "mailto:me"), "serve.alarm_url"),
    ],
)
def test_init__nonsense__refused_and_nothing_is_written(
    reporting: Reporting, more: tuple[object, ...], reason: str
) -> None:
    assert reason in reporting.sh.refused(*reporting.init((), *more))
    assert not reporting.operator_folder.exists()


def test_init__meter_without_energy_and_power__refused(sh: Shell, fleet: LiveFleet) -> None:
    init = ("operator", "init", fleet.fleet_id, "--reporter", "reporter-a", "--gas", "operator-a")
    assert "give [power]" in sh.refused(*init, "--meter", "nvml", "--no-energy")
    assert "--meter prometheus needs --prometheus-url" in sh.refused(*init, "--meter", "prometheus")
    assert "--meter trace needs --trace" in sh.refused(*init, "--meter", "trace", "--power", "1,2")
    assert "unknown fleet" in sh.refused("operator", "init", 99, *init[3:], "--meter", "nvml")
    assert not (sh.folder / "state" / "devnet" / f"operator-{fleet.fleet_id}").exists()
    sh(*init, "--meter", "nvml")
    config = read_config(sh.folder / "state" / "devnet" / "operator-1" / "operator.toml", OperatorConfig)
    assert config.meter == NvmlConfig(kind="nvml", energy=True)


def test_init__prometheus__is_told_whole(sh: Shell, fleet: LiveFleet) -> None:
    token = sh.write("token.txt", "secret-token\n")
    sh(
        "operator", "init", fleet.fleet_id, "--reporter", "reporter-a", "--gas", "operator-a", "--meter", "prometheus",
        "--prometheus-url", "https://prom.example/api", "--matchers", 'cluster="a", job="dcgm"', "--duty-metric",
        "DCGM_FI_PROF_SM_ACTIVE", "--bearer-token-file", token.name, "--config", "here/reporter.toml",
    )  # fmt: skip
    text = (sh.folder / "here" / "reporter.toml").read_text()
    assert "secret-token" not in text
    meter = tomllib.loads(text)["meter"]
    assert meter == {
        "kind": "prometheus", "url": "https://prom.example/api", "matchers": 'cluster="a", job="dcgm"',
        "duty_metric": "DCGM_FI_PROF_SM_ACTIVE", "energy": True, "bearer_token_file": str(token),
    }  # fmt: skip
    assert (sh.folder / "here" / "store.sqlite").exists()


def test_init__keystores__their_account_is_found_without_a_password(reporting: Reporting) -> None:
    sh = reporting.sh
    keystore(sh, "reporter.json", b"\x07" * 32)
    keystore(sh, "gas.json", b"\x08" * 32)
    said = sh.json(*reporting.init((), "--reporter", "reporter.json", "--gas", "gas.json"))
    assert said["reporter"] == Account.from_key(b"\x07" * 32).address
    config = read_config(reporting.operator_folder / "operator.toml", OperatorConfig)
    assert config.reporter.signer == str(sh.folder / "reporter.json"), "found from any folder"
    assert "nobody is here to type it" in sh.refused("operator", "run")


def test_init__keystore_that_hides_its_account__opened_by_its_password(reporting: Reporting) -> None:
    sh = reporting.sh
    keystore(sh, "reporter.json", b"\x07" * 32, address=None)
    init = reporting.init((), "--reporter", "reporter.json")
    assert "nobody is here to type it" in sh.refused(*init)
    sh.write("password.txt", "wrong\n")
    assert "the password is wrong" in sh.refused(*init, "--reporter-password-file", "password.txt")
    sh.write("password.txt", "secret\n")
    said = sh.json(*init, "--reporter-password-file", "password.txt")
    assert said["reporter"] == Account.from_key(b"\x07" * 32).address


def test_init__password_file_among_credentials__is_found_where_the_service_has_it(
    reporting: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    sh = reporting.sh
    keystore(sh, "reporter.json", b"\x07" * 32)
    sh.write("reporter-password", "secret\n")
    where = "$CREDENTIALS_DIRECTORY/reporter-password"
    sh(*reporting.init((), "--reporter", "reporter.json", "--reporter-password-file", where))
    config = read_config(reporting.operator_folder / "operator.toml", OperatorConfig)
    assert str(config.reporter.password_file) == where
    assert "cannot be read" in sh.refused("operator", "once"), "no service has started it"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(sh.folder))
    assert "its reporter is" in sh.refused("operator", "once"), "the key opened"


def test_init__two_keystores_of_one_account__refused(reporting: Reporting) -> None:
    keystore(reporting.sh, "reporter.json", b"\x07" * 32)
    keystore(reporting.sh, "gas.json", b"\x07" * 32)
    line = reporting.sh.refused(*reporting.init((), "--reporter", "reporter.json", "--gas", "gas.json"))
    assert "are both of" in line


def test_init__chain_has_reports_of_the_key__says_to_import(sh: Shell, fleet: LiveFleet) -> None:
    built = reported(sh, fleet)
    sh("report", "submit", built, *signed(sh, built, "reporter-a", "verifier-1", "verifier-2"), "--account", "lessee-1")
    line = sh.refused(*Reporting.of(sh, fleet).init())
    assert "this store is blank" in line
    assert "gpurwa operator import" in line
    assert not list((sh.folder / "state" / "devnet").glob("operator-*"))


def test_init__folder_that_cannot_be__refused(reporting: Reporting) -> None:
    reporting.sh.write("file", "")
    assert "cannot be written" in reporting.sh.refused(*reporting.init((), "--config", "file/operator.toml"))


def test_anything__no_configuration_or_several__refused(reporting: Reporting) -> None:
    sh = reporting.sh
    for command in ("run", "once", "dry-run", "doctor", "backfill", "replay"):
        assert "`gpurwa operator init FLEET` writes it" in sh.refused("operator", command)
    assert "`gpurwa verifier init FLEET` writes it" in sh.refused("verifier", "run")
    sh(*reporting.init())
    other = sh.folder / "state" / "devnet" / "operator-2"
    other.mkdir()
    (other / "operator.toml").write_text((reporting.operator_folder / "operator.toml").read_text())
    assert "reporters of the fleets 1, 2" in sh.refused("operator", "doctor")
    assert "is of fleet 1, not of 2" in sh.refused("operator", "doctor", 2)


def test_anything__configuration_that_cannot_be_used__names_the_entry(reporting: Reporting) -> None:
    sh = reporting.sh
    sh(*reporting.init())
    path = reporting.operator_folder / "operator.toml"
    text = path.read_text()
    for old, new, reason in (
        ("poll_s = 1", "poll_s = 0", "rules.poll_s"),
        ("poll_s = 1", "pol_s = 1", "rules.pol_s"),
        ("[rules]", "[rules", "is not TOML"),
        ('network = "devnet"', 'network = "nowhere"', "'nowhere'"),
    ):
        path.write_text(text.replace(old, new))
        assert reason in sh.refused("operator", "doctor")
    path.write_text(text)
    assert "is for the network devnet, not for sepolia" in sh.refused(
        "operator", "doctor", "--config", path, "--network", "sepolia"
    )


def test_init__verifier__writes_every_entry_and_makes_a_store(reporting: Reporting) -> None:
    sh, path = reporting.sh, reporting.verifier_file("verifier-1")
    peer = f"verifier-2={reporting.url('verifier-2')}"
    said = sh.json(*reporting.init_verifier("verifier-1", "--gas", "investor-1", "--peer", peer))
    assert said["verifier"] == account("verifier-1").address
    config = read_config(path, VerifierConfig)
    assert config.gas is not None
    (watched,) = config.fleets
    assert watched.operator_url == reporting.url("operator")
    assert watched.peers[0].address == account("verifier-2").address
    assert "[[fleets]]" in path.read_text()
    with Store.open(path.parent / "store.sqlite", identity(sh, "verifier-1", "verifier")) as store:
        assert store.seen(FleetId(watched.fleet)) is None
    assert "is there already" in sh.refused(*reporting.init_verifier("verifier-1"))


def test_init__verifier_that_is_not_appointed__says_who_appoints(reporting: Reporting) -> None:
    said = reporting.sh(*reporting.init_verifier("investor-2"))
    assert "gpurwa admin verifiers" in said
    line = reporting.sh.refused(*reporting.init_verifier("investor-3", "--gas", "investor-3"))
    assert "verifier and gas are one key" in line
    assert not reporting.verifier_file("investor-3").exists()
