"""The daemons of the demo, set up and run by the commands that a person would give, each with files of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx

from pyutils.demo.people import SIGNING_VERIFIERS, named
from pyutils.demo.plan import FleetPlan
from pyutils.demo.schedule import SIGNING_S
from pyutils.demo.setting import operator_of, reporter_of
from pyutils.devnet import NETWORK
from pyutils.operator_demo.daemon import Daemon, DaemonError
from pyutils.operator_demo.feed import Feed
from pyutils.ports import free_port
from pyutils.reporter.publishing.fetch import Fetcher
from pyutils.reporter.settings.folders import Folders
from pyutils.units import FleetId, UnixSeconds

OPERATORS: Final = "operators"
VIEWS: Final = (OPERATORS, *SIGNING_VERIFIERS)
"""Who has a view of the samples of its own."""
GAS: Final = ("risk", "enforcer")
"""Accounts that pay for the fleets' reports, in order; nobody else in the demo sends from them."""
PATIENCE_S: Final = 120.0
"""What takes so long, in real time, does not come."""
_LOOK_S: Final = 0.05


class Household:
    """Verifiers, who verify every fleet, and a reporter for each fleet. Nobody runs until told to.

    Args:
        fleets: what is reported.
        feed: where everybody's samples come from.
        home: where commands are given; `deployments/` in it names the contracts.
        phase_s: how long after a full hour reports are as of.
        logs: folder for logs.

    """

    def __init__(self, fleets: Sequence[FleetPlan], feed: Feed, home: Path, phase_s: int, logs: Path) -> None:
        self.fleets, self.feed, self.home, self.phase_s, self.logs = fleets, feed, home, phase_s, logs
        listening = (*SIGNING_VERIFIERS, *(reporter_of(fleet.fleet_id) for fleet in fleets))
        self._urls = {name: f"http://127.0.0.1:{free_port()}" for name in listening}
        self.verifiers = {name: self._daemon(name, name, "verifier", "run") for name in SIGNING_VERIFIERS}
        self.reporters = {fleet.fleet_id: self._reporter(fleet.fleet_id) for fleet in fleets}
        self.publishers = {
            fleet.fleet_id: Fetcher(self._urls[reporter_of(fleet.fleet_id)], home / f"fetched-{fleet.fleet_id}")
            for fleet in fleets
        }

    @property
    def people(self) -> Path:
        """What operators and lessees keep: the lists of GPUs are published from there."""
        return self._state(OPERATORS) / NETWORK

    @property
    def everybody(self) -> list[Daemon]:
        """All daemons."""
        return [*self.verifiers.values(), *self.reporters.values()]

    def store_of(self, fleet_id: FleetId) -> Path:
        """Return the store of a fleet's reporter."""
        return Folders(self.people / f"operator-{fleet_id}").store

    def verifiers_stores(self) -> list[Path]:
        """Return the verifiers' stores."""
        return [Folders(self._verifier_folder(name)).store for name in SIGNING_VERIFIERS]

    # setting up

    def set_up(self) -> None:
        """Let everybody write configuration and store by `init`. Raises `DaemonError` where that fails."""
        commands = [*self._inits()]
        with ExitStack() as running:
            for command in commands:
                command.start()
                running.callback(command.stop)
            for command in commands:
                command.finish(PATIENCE_S)
        for name in SIGNING_VERIFIERS:
            self._add_fleets(name)

    def _inits(self) -> Iterator[Daemon]:
        peers = [word for name in SIGNING_VERIFIERS for word in ("--verifier", f"{name}={self._urls[name]}")]
        for fleet, gas in zip(self.fleets, GAS, strict=False):
            reporter = reporter_of(fleet.fleet_id)
            keys = ("--reporter", reporter, "--gas", gas, *peers)
            yield self._init(OPERATORS, reporter, "operator", fleet, *keys)
        for name in SIGNING_VERIFIERS:
            operator = ("--operator-url", self._urls[reporter_of(self.fleets[0].fleet_id)])
            yield self._init(name, name, "verifier", self.fleets[0], "--key", name, *operator)

    def _init(self, view: str, listener: str, kind: str, fleet: FleetPlan, *words: str) -> Daemon:
        power = fleet.kind.power
        return self._daemon(
            f"gpurwa {kind} init of {listener}", view, kind, "init", str(fleet.fleet_id), *words,
            "--meter", "prometheus", "--prometheus-url", self.feed.server.url, "--matchers", self.feed.matchers(view),
            "--no-energy", "--power", f"{power.idle_watts},{power.max_watts}",
            "--phase", f"{self.phase_s}s", "--settle", f"{SIGNING_S}s", "--max-clock-skew", "0s",
            "--confirmations", "0", "--poll", "1s",
            "--public", self._urls[listener].removeprefix("http://"), "--ops", "127.0.0.1:0",
        )  # fmt: skip

    def _add_fleets(self, name: str) -> None:
        """Add what `init` was not told of to a verifier's configuration, as its heading says."""
        tables = []
        for fleet in self.fleets[1:]:
            power = fleet.kind.power
            tables.append(
                f"\n[[fleets]]\nfleet = {fleet.fleet_id}\n"
                f"operator_url = {json.dumps(self._urls[reporter_of(fleet.fleet_id)])}\n"
                f'[fleets.meter]\nkind = "prometheus"\nurl = {json.dumps(self.feed.server.url)}\n'
                f"matchers = {json.dumps(self.feed.matchers(name))}\nenergy = false\n"
                f"[fleets.power]\nidle_watts = {power.idle_watts}\nmax_watts = {power.max_watts}\n"
            )
        with (self._verifier_folder(name) / "verifier.toml").open("a", encoding="utf-8") as file:
            file.writelines(tables)

    # running

    def start_verifiers(self) -> None:
        """Start them and wait until they answer. Raises `DaemonError`."""
        for daemon in self.verifiers.values():
            daemon.start()
        for name in SIGNING_VERIFIERS:
            self._await_answer(name)

    def start_reporters(self) -> None:
        """Start every fleet's."""
        for daemon in self.reporters.values():
            daemon.start()

    def stop_reporters(self) -> None:
        """Stop every fleet's and wait until they are gone."""
        _stop(self.reporters.values())

    def report_by_hand(self, fleet_id: FleetId, as_of: UnixSeconds) -> None:
        """Make one report as of a time that is no full hour while the reporter does not run, and start that again.

        Raises `DaemonError` where the report does not become the head.
        """
        name = reporter_of(fleet_id)
        words = ("operator", "once", str(fleet_id), "--as-of", str(as_of), "--wait", f"{PATIENCE_S:.0f}s")
        once = self._daemon(f"gpurwa operator once of {name}", OPERATORS, *words)
        once.start()
        try:
            once.finish(2 * PATIENCE_S)
        finally:
            once.stop()
        self.reporters[fleet_id].start()

    def await_publisher(self, fleet_id: FleetId) -> None:
        """Wait until a fleet's reporter publishes. Raises `DaemonError`."""
        self._await_answer(reporter_of(fleet_id))

    def wait(self, what: str, done: Callable[[], bool]) -> None:
        """Wait until something is so, and look after everybody meanwhile, but for those who are to die.

        Raises `DaemonError` where somebody else ends or it takes too long.
        """
        deadline = time.monotonic() + PATIENCE_S
        while not done():
            for daemon in self.everybody:
                # Who is to die may do so while another fleet's report is waited for.
                if daemon.has_ended and not daemon.is_to_die:
                    raise daemon.failure(daemon.look())
            if time.monotonic() >= deadline:
                raise DaemonError(f"waited {PATIENCE_S:.0f} s for {what} (logs: {self.logs})")
            time.sleep(_LOOK_S)

    def stop(self) -> None:
        """End everybody and wait until they are gone."""
        _stop(self.everybody)

    def _await_answer(self, name: str) -> None:
        self.wait(f"{name} to answer at {self._urls[name]}", lambda: _answers(self._urls[name]))

    def _reporter(self, fleet_id: FleetId) -> Daemon:
        name = f"{named(operator_of(fleet_id))}'s reporter"
        return self._daemon(name, OPERATORS, "operator", "run", str(fleet_id), log=reporter_of(fleet_id))

    def _daemon(self, name: str, owner: str, *arguments: str, log: str = "") -> Daemon:
        environment = {"GPURWA_STATE": str(self._state(owner))}
        file = self.logs / f"{(log or name).replace(' ', '-')}.log"
        return Daemon(name, arguments, self.home, environment, file)

    def _verifier_folder(self, name: str) -> Path:
        return self._state(name) / NETWORK / "verifier"

    def _state(self, owner: str) -> Path:
        return self.home / "state" / owner


def _stop(daemons: Collection[Daemon]) -> None:
    with ExitStack() as going:
        for daemon in daemons:
            going.callback(daemon.stop)
        for daemon in daemons:
            daemon.ask_to_stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
