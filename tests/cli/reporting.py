"""An operator's reporter and its verifiers as their keepers set them up, by commands, for tests of these commands."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pyutils.cli.daemons import ask_on_terminal
from pyutils.cli.session import STATE_VARIABLE
from pyutils.ports import free_port
from pyutils.reporter.operator_daemon import OperatorDaemon
from pyutils.reporter.settings.config import OperatorConfig, VerifierConfig, read_config
from pyutils.reporter.settings.folders import Folders
from pyutils.reporter.verifier_daemon import VerifierDaemon

from .shell import LiveFleet, Shell, metered

HOUR = 3_600
DUE_S = 2 * 60 + 1
"""Samples of a report are all there so long after its time."""


@dataclass
class Reporting:
    """A fleet with a recorded future of eight hours, a reporter, and verifiers who answer while they are wanted."""

    sh: Shell
    fleet: LiveFleet
    begin: int
    trace: Path
    ports: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, sh: Shell, fleet: LiveFleet) -> Reporting:
        """Write the trace, which begins at the full minute before the fleet was commissioned."""
        commissioned = sh.json("fleet", "show", fleet.fleet_id)["fleet"]["commissioned_at"]
        begin = commissioned - commissioned % 60
        return cls(sh, fleet, begin, metered(sh, fleet, begin, 8))

    def endpoint(self, name: str) -> str:
        return f"127.0.0.1:{self.ports.setdefault(name, free_port())}"

    def url(self, name: str) -> str:
        return f"http://{self.endpoint(name)}"

    def hour(self, number: int) -> int:
        """Return the time of a report, so many hours after the beginning."""
        return self.begin + number * HOUR

    def due(self, number: int) -> int:
        """Let time pass until the report of an hour can be made, and return its time."""
        self.sh.clock.travel(self.hour(number) + DUE_S)
        return self.hour(number)

    def init(self, verifiers: Sequence[str] = (), *more: object) -> tuple[object, ...]:
        """Return the command by which the operator sets its reporter up."""
        return (
            "operator", "init", self.fleet.fleet_id, "--reporter", "reporter-a", "--gas", "operator-a",
            "--meter", "trace", "--trace", self.trace, "--power", "100,700", "--phase", f"{self.begin % HOUR}s",
            "--settle", "0s", "--confirmations", 0, "--poll", "1s", "--gather", "3s",
            "--public", self.endpoint("operator"), "--ops", self.endpoint("ops"),
            *(word for name in verifiers for word in ("--verifier", f"{name}={self.url(name)}")), *more,
        )  # fmt: skip

    def init_verifier(self, name: str, *more: object) -> tuple[object, ...]:
        """Return the command by which a verifier sets itself up, in a folder of its own."""
        return (
            "verifier", "init", self.fleet.fleet_id, "--key", name, "--operator-url", self.url("operator"),
            "--meter", "trace", "--trace", self.trace, "--power", "100,700",
            "--public", self.endpoint(name), "--ops", self.endpoint(f"{name} ops"),
            "--config", self.verifier_file(name), *more,
        )  # fmt: skip

    def verifier_file(self, name: str) -> Path:
        return self.sh.folder / f"home-of-{name}" / "verifier.toml"

    @contextmanager
    def verifiers(self, *names: str) -> Iterator[dict[str, VerifierDaemon]]:
        """Let verifiers answer meanwhile."""
        with ExitStack() as stack:
            daemons = {}
            for name in names:
                path = self.verifier_file(name)
                if not path.exists():
                    self.sh(*self.init_verifier(name))
                config = read_config(path, VerifierConfig)
                manifest = self.sh.chain.manifest
                daemon = VerifierDaemon(
                    config, Folders(path.parent), manifest, (self.sh.chain.anvil.url,), ask_on_terminal
                )
                daemons[name] = stack.enter_context(daemon)
                daemon.serve()
            yield daemons

    @contextmanager
    def operator(self) -> Iterator[OperatorDaemon]:
        """Let the operator publish meanwhile, and do nothing else."""
        config = read_config(self.operator_folder / "operator.toml", OperatorConfig)
        folders = Folders(self.operator_folder, self.operator_folder.parent / "gpus")
        manifest = self.sh.chain.manifest
        with OperatorDaemon(config, folders, manifest, (self.sh.chain.anvil.url,), ask_on_terminal) as daemon:
            daemon.serve()
            daemon.tick()
            yield daemon

    @property
    def operator_folder(self) -> Path:
        return Path(os.environ[STATE_VARIABLE]) / "devnet" / f"operator-{self.fleet.fleet_id}"


def fleet_reporting(sh: Shell, fleet: LiveFleet) -> Reporting:
    """Return the fleet of every shell with its recorded future; a fixture wherever it is asked for."""
    return Reporting.of(sh, fleet)
