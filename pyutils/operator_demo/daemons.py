"""Reporters and verifiers as their keepers run them: set up by files, started as commands, ended by signals."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pyutils import child
from pyutils.demo.people import SIGNING_VERIFIERS
from pyutils.demo.plan import FleetPlan
from pyutils.demo.setting import reporter_of
from pyutils.demo.world import World
from pyutils.errors import GpuRwaError
from pyutils.reporter.config import OperatorConfig, VerifierConfig, check_config
from pyutils.reporter.failpoints import ENVIRONMENT
from pyutils.reporter.setup import set_up_operator, set_up_verifier
from pyutils.units import SECONDS_PER_HOUR, FleetId, UnixSeconds

GAS: Final = {FleetId(1): "verifier-3", FleetId(2): "investor-3"}
"""Accounts that pay for reports; nobody else in the demo sends from them."""
_STOP_TIMEOUT_S: Final = 60.0


class DaemonError(GpuRwaError):
    """A daemon ended when it should not have, or did not do what it was started for."""

    remedy = "Read its log, which the message names"


@dataclass(slots=True)
class Daemon:
    """One command that runs until it is stopped, and its log."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self, die_at: str = "") -> None:
        """Start it; it kills itself where it reaches the failpoint."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*_gpurwa(), *self.arguments],
                env={**self.environment, ENVIRONMENT: die_at},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def status(self) -> int | None:
        """How it ended, None while it runs; minus a signal's number where one ended it."""
        return None if self.process is None else self.process.poll()

    def check(self) -> None:
        """Raise `DaemonError` where it ended."""
        if self.status is not None:
            said = child.last_line(self.log.read_text(errors="replace"))
            raise DaemonError(f"{self.name} ended with status {self.status}: {said} (log: {self.log})")

    def stop(self) -> None:
        """End it as a service manager does, and wait until it is gone."""
        if self.process is None or self.process.poll() is not None:
            return
        child.end(self.process, _STOP_TIMEOUT_S)


@dataclass
class Household:
    """All daemons of the demo, with the files that they keep below one folder."""

    world: World
    fleets: Sequence[FleetPlan]
    prometheus_url: str
    state: Path
    logs: Path
    phase_s: int
    ports: dict[str, int] = field(default_factory=dict)
    operators: dict[FleetId, Daemon] = field(default_factory=dict)
    verifiers: list[Daemon] = field(default_factory=list)

    def set_up(self) -> None:
        """Write every configuration, make every store, and start everybody."""
        for name in (*SIGNING_VERIFIERS, *(reporter_of(fleet.fleet_id) for fleet in self.fleets)):
            self.ports[name] = _free_port()
        for name in SIGNING_VERIFIERS:
            path = self.state / name / "verifier.toml"
            set_up_verifier(self.world.system, path, self._verifier(name), _never_asked)
            self.verifiers.append(self._daemon(name, ["verifier", "run", "--config", str(path)]))
        for fleet in self.fleets:
            path = self.path_of(fleet.fleet_id)
            set_up_operator(self.world.system, path, self._operator(fleet), _never_asked)
            command = ["operator", "run", "--config", str(path)]
            self.operators[fleet.fleet_id] = self._daemon(f"reporter of fleet {fleet.fleet_id}", command)
        for daemon in self.everybody:
            daemon.start()

    @property
    def everybody(self) -> list[Daemon]:
        """All daemons."""
        return [*self.verifiers, *self.operators.values()]

    def path_of(self, fleet_id: FleetId) -> Path:
        """Return where an operator's configuration is; its store lies beside it."""
        return self.state / f"operator-{fleet_id}" / "operator.toml"

    def published_at(self, fleet_id: FleetId) -> str:
        """Return where a fleet's reports are published."""
        return f"http://127.0.0.1:{self.ports[reporter_of(fleet_id)]}"

    def report_by_hand(self, fleet_id: FleetId, as_of: UnixSeconds) -> None:
        """Stop a fleet's reporter and make one report as of a time that is no full hour. Raises `DaemonError`."""
        self.operators[fleet_id].stop()
        command = ["operator", "once", "--config", str(self.path_of(fleet_id)), "--as-of", str(as_of)]
        once = self._daemon(f"report of fleet {fleet_id}", command)
        once.start()
        assert once.process is not None, "it was started just now"
        if once.process.wait(_STOP_TIMEOUT_S):
            once.check()

    def stop(self) -> None:
        """End everybody."""
        for daemon in self.everybody:
            daemon.stop()

    def _daemon(self, name: str, command: Sequence[str]) -> Daemon:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GPURWA_")} | {
            "GPURWA_NETWORK": self.world.manifest.network,
            "GPURWA_MANIFEST": str(self.state / "devnet.json"),
            "GPURWA_STATE": str(self.state / "people"),
        }
        return Daemon(name, command, environment, self.logs / f"{name.replace(' ', '-')}.log")

    def _rules(self) -> dict[str, Any]:
        # Time is the trace's, and stands still until the conductor lets it pass.
        return {
            "interval_s": SECONDS_PER_HOUR,
            "phase_s": self.phase_s,
            "settle_s": 0,
            "max_clock_skew_s": 0,
            "confirmations": 0,
            "poll_s": 1,
        }

    def _meter(self, fleet: FleetPlan) -> dict[str, Any]:
        meter = {"kind": "prometheus", "url": self.prometheus_url, "energy": False}
        return {"meter": meter, "power": fleet.kind.power.model_dump()}

    def _serve(self, name: str) -> dict[str, str]:
        return {"public": f"127.0.0.1:{self.ports[name]}", "ops": "127.0.0.1:0"}

    def _operator(self, fleet: FleetPlan) -> OperatorConfig:
        fields = {
            "network": self.world.manifest.network,
            "fleet": fleet.fleet_id,
            "reporter": {"signer": reporter_of(fleet.fleet_id)},
            "gas": {"signer": GAS[fleet.fleet_id]},
            **self._meter(fleet),
            "verifiers": tuple(
                {"address": self.world.address(name), "url": f"http://127.0.0.1:{self.ports[name]}"}
                for name in SIGNING_VERIFIERS
            ),
            "rules": self._rules(),
            "serve": self._serve(reporter_of(fleet.fleet_id)),
        }
        return check_config(fields, OperatorConfig, f"the reporter of fleet {fleet.fleet_id}")

    def _verifier(self, name: str) -> VerifierConfig:
        fields = {
            "network": self.world.manifest.network,
            "verifier": {"signer": name},
            "fleets": tuple(
                {"fleet": fleet.fleet_id, "operator_url": self.published_at(fleet.fleet_id), **self._meter(fleet)}
                for fleet in self.fleets
            ),
            "rules": self._rules(),
            "serve": self._serve(name),
        }
        return check_config(fields, VerifierConfig, name)


def _gpurwa() -> list[str]:
    command = Path(sys.executable).parent / "gpurwa"
    return [str(command)] if command.exists() else [sys.executable, "-c", "from pyutils.cli import main; main()"]


def _never_asked(text: str) -> str:
    raise AssertionError(f"development keys need no password: {text}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
