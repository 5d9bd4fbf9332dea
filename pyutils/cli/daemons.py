"""What `gpurwa operator` and `gpurwa verifier` have alike: where their files lie, and the options of `init`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from pyutils.chain import KeystoreError
from pyutils.cli.parameters import DURATION, FILE
from pyutils.cli.session import Session, ask_password
from pyutils.errors import InputError
from pyutils.reporter.settings.config import OPERATOR_FILE, VERIFIER_FILE, OperatorConfig, VerifierConfig, read_config
from pyutils.reporter.settings.folders import Folders

Command = TypeVar("Command", bound=Callable[..., Any])

CONFIG = click.option("--config", "file", type=FILE, help="Configuration; the store lies beside it.")
FLEET = click.argument("fleet_id", metavar="[FLEET]", type=click.IntRange(1), required=False)
NEW_FLEET = click.argument("fleet_id", metavar="FLEET", type=click.IntRange(1))

_METERS: Final[Mapping[str, tuple[str, ...]]] = {
    "prometheus": ("prometheus_url", "matchers", "duty_metric", "bearer_token_file"),
    "nvml": (),
    "trace": ("trace",),
}
"""Which options belong to which meter; it needs the first of them."""

_RULES: Final = ("interval_s", "phase_s", "settle_s", "quorum_deadline_s", "post_alone", "gather_s",
                 "max_clock_skew_s", "max_fee_gwei", "budget_gwei", "confirmations", "poll_s")  # fmt: skip
_SERVE: Final = ("public", "public_url", "ops", "alarm_url")


class NoConfigError(InputError):
    """There is no configuration, or it is not clear which is meant."""


class Watts(click.ParamType):
    """Idle and full power of a board, `100,700`."""

    name = "idle,max"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, int]:
        """Return the two."""
        idle, comma, most = str(value).partition(",")
        if not comma or not all(part.strip().isascii() and part.strip().isdigit() for part in (idle, most)):
            self.fail(f"{value!r} is not two numbers of watts; write 100,700", param, ctx)
        return {"idle_watts": int(idle), "max_watts": int(most)}


def meter_options(function: Command) -> Command:
    """Add the options that say where samples come from."""
    return _with(
        function,
        click.option("--meter", type=click.Choice(list(_METERS)), required=True, help="Where samples come from."),
        click.option("--prometheus-url", metavar="URL", help="Prometheus, Thanos or Mimir, without /api/v1."),
        click.option("--matchers", metavar="PROMQL", help='Labels that single the fleet out: cluster="a", job="dcgm".'),
        click.option("--duty-metric", metavar="NAME", help="DCGM_FI_DEV_GPU_UTIL, or DCGM_FI_PROF_SM_ACTIVE."),
        click.option("--bearer-token-file", type=FILE, help="Its first line is sent as a bearer token."),
        click.option("--no-energy", is_flag=True, help="Boards' energy counters are not read; needs --power."),
        click.option("--power", type=Watts(), help="Watts of an idle and of a busy board, to derive energy from."),
        click.option("--trace", type=FILE, help="Recorded samples, for drills."),
    )


def rule_options(function: Command) -> Command:
    """Add the options that say when reports are made, and what they may cost."""
    return _with(
        function,
        click.option("--interval", "interval_s", type=DURATION, help="From one report to the next; 1h unless given."),
        click.option("--phase", "phase_s", type=DURATION, help="How long after each full interval a report is as of."),
        click.option("--settle", "settle_s", type=DURATION, help="Samples get so long to arrive; 30s."),
        click.option("--quorum-deadline", "quorum_deadline_s", type=DURATION, help="Post alone after so long; 15m."),
        click.option("--post-alone/--never-alone", "post_alone", default=None, help="Whether to post alone at all."),
        click.option("--gather", "gather_s", type=DURATION, help="One look waits so long for verifiers; 20s."),
        click.option("--max-clock-skew", "max_clock_skew_s", type=DURATION, help="Of the meter; 5m, 0s for any."),
        click.option("--max-fee-gwei", type=click.IntRange(1), help="Most for a unit of gas; 200."),
        click.option("--budget-gwei", type=click.IntRange(1), help="Most for one report; 20000000, 0.02 ether."),
        click.option("--confirmations", type=click.IntRange(0), help="Depth that is final without a tag; 64."),
        click.option("--poll", "poll_s", type=DURATION, help="From one look at the chain to the next; 10s."),
    )


def serve_options(function: Command) -> Command:
    """Add the options that say where a daemon answers."""
    return _with(
        function,
        click.option("--public", metavar="HOST:PORT", help="Where the public is answered."),
        click.option("--public-url", metavar="URL", help="How the public reaches that, behind a proxy or a name."),
        click.option("--ops", metavar="HOST:PORT", help="Where metrics and health are shown."),
        click.option("--alarm-url", metavar="URL", help="Is told by a POST of JSON what a person must look at."),
    )


def config_fields(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of meter and power, and those of rules and serving, that options of `init` give.

    Raises `InputError` where an option belongs to another meter than the one chosen.
    """
    kind = options["meter"]
    for other, names in _METERS.items():
        for name in names:
            if other != kind and options[name] is not None:
                flag = f"--{name.replace('_', '-')}"
                raise InputError(f"{flag} belongs to --meter {other}", remedy=f"Leave it out with --meter {kind}")
    for name in _METERS[kind][:1]:
        if options[name] is None:
            flag = f"--{name.replace('_', '-')}"
            raise InputError(f"--meter {kind} needs {flag}", remedy=f"Give {flag}")
    meter: dict[str, Any] = {"kind": kind}
    if kind == "prometheus":
        meter |= _given({"url": options["prometheus_url"]} | {name: options[name] for name in _METERS[kind][1:]})
    if kind == "trace":
        meter |= _given({"file": options["trace"]})
    elif options["no_energy"]:
        meter["energy"] = False
    rules = _given({name: options[name] for name in _RULES})
    if kind == "trace":
        # A replayed trace has another time than the chain.
        rules.setdefault("max_clock_skew_s", 0)
    for name in ("bearer_token_file", "file"):
        if name in meter:
            meter[name] = Path(meter[name]).absolute()
    about_meter = {"meter": meter} | _given({"power": options["power"]})
    return about_meter, {"rules": rules, "serve": _given({name: options[name] for name in _SERVE})}


def signer_fields(signer: str, password_file: Path | None) -> dict[str, Any]:
    """Return the fields of a key; files are named so that they are found from anywhere.

    One that begins with a variable, `$CREDENTIALS_DIRECTORY/password`, stays as it is, for where the daemon runs.
    """
    fields: dict[str, Any] = {"signer": str(Path(signer).absolute()) if Path(signer).is_file() else signer}
    if password_file is None:
        return fields
    is_elsewhere = str(password_file).startswith("$")
    return fields | {"password_file": password_file if is_elsewhere else password_file.absolute()}


def peer_fields(session: Session, text: str) -> dict[str, str]:
    """Return the fields of a verifier, `ADDRESS=URL`. Raises `InputError`, `UnknownAddressError`."""
    address, equals, url = text.partition("=")
    if not equals:
        raise InputError(f"{text!r} is no verifier", remedy="Write its account and where it answers: 0x…=https://…")
    return {"address": session.address(address), "url": url}


def operator_path(session: Session, fleet_id: int, file: Path | None) -> Path:
    """Return where the configuration of a fleet's reporter lies."""
    return file or session.state / f"operator-{fleet_id}" / OPERATOR_FILE


def verifier_path(session: Session, file: Path | None) -> Path:
    """Return where a verifier's configuration lies."""
    return file or session.state / "verifier" / VERIFIER_FILE


def open_operator(session: Session, fleet_id: int | None, file: Path | None) -> tuple[Session, OperatorConfig, Folders]:
    """Read the configuration of a reporter, and return it with the session on its network and its folders.

    Raises `NoConfigError` where there is none, or several and no fleet is named, and `ConfigError`.
    """
    path = file
    if path is None and fleet_id is not None:
        path = operator_path(session, fleet_id, None)
    if path is None:
        found = sorted(session.state.glob(f"operator-*/{OPERATOR_FILE}"))
        if len(found) > 1:
            names = ", ".join(one.parent.name.removeprefix("operator-") for one in found)
            raise NoConfigError(f"there are reporters of the fleets {names}", remedy="Name the fleet")
        path = found[0] if found else session.state / f"operator-FLEET/{OPERATOR_FILE}"
    if not path.exists():
        raise NoConfigError(f"{path} is not there", remedy="`gpurwa operator init FLEET` writes it")
    config = read_config(path, OperatorConfig)
    if fleet_id not in (None, config.fleet):
        raise NoConfigError(f"{path} is of fleet {config.fleet}, not of {fleet_id}", remedy="Leave the fleet out")
    there = session.on_network(config.network, path)
    return there, config, Folders(path.parent, there.gpu_lists.folder)


def open_verifier(session: Session, file: Path | None) -> tuple[Session, VerifierConfig, Folders]:
    """Read a verifier's configuration, and return it with the session on its network and its folders.

    Raises `NoConfigError` where there is none, and `ConfigError`.
    """
    path = verifier_path(session, file)
    if not path.exists():
        raise NoConfigError(f"{path} is not there", remedy="`gpurwa verifier init FLEET` writes it")
    config = read_config(path, VerifierConfig)
    return session.on_network(config.network, path), config, Folders(path.parent)


def ask_on_terminal(text: str) -> str:
    """Ask for a password. Raises `KeystoreError` where nobody can be asked, as in a service."""
    if not sys.stdin.isatty():
        what = text.rstrip(": ")
        raise KeystoreError(f"{what}: nobody is here to type it", remedy="Name a password_file in the configuration")
    return ask_password(text)


def _with(function: Command, *options: Callable[[Command], Command]) -> Command:
    for option in reversed(options):
        function = option(function)
    return function


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
