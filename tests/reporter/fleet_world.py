"""A fleet on a chain of its own with a recorded future: operator and verifier daemons live through it as real ones do.

Everything is real but the passing of time: contracts on anvil, stores on disk, HTTP on loopback, keys that sign. The
samples lie in a trace whose rows a source shows only up to the time that is asked for.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyutils import devnet
from pyutils.anvil import Anvil
from pyutils.chain import connect, rpc
from pyutils.contracts import System
from pyutils.demo.leasing import LeaseDesk
from pyutils.demo.plan import LeasePlan, Plan, Scene
from pyutils.demo.schedule import make_plan
from pyutils.demo.setting import begin_story
from pyutils.demo.timeline import Timeline
from pyutils.demo.world import World
from pyutils.deployment import Plan as DeploymentPlan
from pyutils.deployment import deploy_system
from pyutils.manifest import Manifest
from pyutils.meter import Trace, synthetic_trace, write_trace
from pyutils.meter.synthetic import Cast
from pyutils.models import Head
from pyutils.ports import free_port
from pyutils.reporter.operator_daemon import OperatorDaemon
from pyutils.reporter.settings.config import OperatorConfig, VerifierConfig
from pyutils.reporter.settings.folders import Folders
from pyutils.reporter.store.identity import Identity, Role
from pyutils.reporter.store.store import Store
from pyutils.reporter.verifier_daemon import VerifierDaemon
from pyutils.units import SECONDS_PER_HOUR, FleetId, UnixSeconds

FLEET = FleetId(1)
HOURS = 8
SEED = 7
PATIENCE_S = 30.0
"""What is to come about on a slow machine has so long, in seconds."""


def small_trace() -> Trace:
    """Return eight hours of six GPUs, steady and not."""
    return synthetic_trace(SEED, Cast(steady=3, leaves=1, arrives=1, gappy=1), hours=HOURS)


def no_prompt(text: str) -> str:
    raise AssertionError(f"nobody is asked: {text}")


@contextmanager
def heard() -> Iterator[list[str]]:
    """Keep what daemons say, so that a test that fails can tell it."""
    lines: list[str] = []
    keeper, package = logging.Handler(), logging.getLogger("pyutils")
    keeper.emit = lambda record: lines.append(f"{record.levelname} {record.name}: {record.getMessage()}")  # type: ignore[method-assign]
    before = package.level
    package.addHandler(keeper)
    package.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        package.removeHandler(keeper)
        package.setLevel(before)


@dataclass
class FleetWorld:
    """A commissioned fleet just before its trace, leases that will be opened, and folders for daemons."""

    anvil: Anvil
    world: World
    plan: Plan
    trace: Trace
    folder: Path
    urls: tuple[str, ...]
    daemons: list[Any] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)

    @classmethod
    def begin(cls, anvil: Anvil, folder: Path) -> FleetWorld:
        """Deploy, enrol the trace's fleets and stop before the first sample."""
        trace = small_trace()
        plan = make_plan(trace)
        web3 = connect([anvil.url], devnet.CHAIN_ID)
        manifest = deploy_system(devnet.account("deployer"), DeploymentPlan.default(devnet.CHAIN_ID), web3)
        world = World(web3, manifest, Timeline(plan.first))
        world.stand_still()
        begin_story(world, plan, trace, folder)
        return cls(anvil, world, plan, trace, folder, (anvil.url,))

    def again(self, folder: Path) -> FleetWorld:
        """Return the same world with a memory and a folder of its own, for a test that the chain forgets."""
        shutil.copytree(self.folder / "gpus", folder / "gpus")
        world = World(self.world.web3, self.manifest, Timeline(self.plan.first))
        return FleetWorld(self.anvil, world, self.plan, self.trace, folder, self.urls)

    @property
    def system(self) -> System:
        return self.world.system

    @property
    def manifest(self) -> Manifest:
        return self.world.manifest

    @property
    def first(self) -> UnixSeconds:
        return self.plan.first

    def hour(self, number: int) -> UnixSeconds:
        """Return the time of a full hour after the first sample."""
        return UnixSeconds(self.plan.first + number * SECONDS_PER_HOUR)

    def arrive(self, hour: float) -> None:
        """Let the chain's time come so many hours after the first sample."""
        self.world.arrive(UnixSeconds(int(self.plan.first + hour * SECONDS_PER_HOUR)))

    def due(self, hour: int) -> UnixSeconds:
        """Let time pass until a report as of a full hour can be made, and return that hour."""
        at = self.hour(hour)
        self.world.arrive(UnixSeconds(at + 2 * self.cadence_s + 1))
        return at

    def set_base_fee(self, gwei: int) -> None:
        """Let the chain ask so much per gas from the next block on, and mine it."""
        web3 = self.world.web3
        rpc.request(web3, "anvil_setNextBlockBaseFeePerGas", hex(gwei * 10**9))
        rpc.request(web3, "evm_mine")

    def bring(self, operator: OperatorDaemon, hour: int) -> UnixSeconds:
        """Let a full hour's report become due, and tick until it is the head."""
        as_of = self.due(hour)
        self.tick_until(operator, lambda: self.head().as_of == as_of)
        return as_of

    @staticmethod
    def tick_until(daemon: OperatorDaemon | VerifierDaemon, done: Callable[[], bool]) -> None:
        """Tick until something is so; a node needs a moment to put a transaction into a block."""
        until, ticks = time.monotonic() + PATIENCE_S, 0
        with heard() as lines:
            while ticks < 20 or time.monotonic() < until:
                daemon.tick()
                ticks += 1
                for _ in range(20):
                    if done():
                        return
                    time.sleep(0.01)
        raise AssertionError("\n".join([f"it did not come about in {ticks} ticks:", *lines[-40:]]))

    @property
    def cadence_s(self) -> int:
        return self.trace.cadence_ms // 1_000

    def head(self, fleet_id: FleetId = FLEET) -> Head:
        return self.system.oracle.head(fleet_id)

    # leases

    def lease_desk(self) -> LeaseDesk:
        return LeaseDesk(self.world, self.plan, self.folder)

    def open_leases(self, desk: LeaseDesk) -> list[LeasePlan]:
        """Open and grant every planned lease of the fleet that begins with the trace, at its time."""
        plans = [one for one in self.plan.leases if one.fleet_id == FLEET and one.scene is not Scene.SECOND_TURN]
        for plan in sorted(plans, key=lambda one: one.open_at):
            self.world.arrive(plan.open_at)
            desk.open(plan)
            self.world.arrive(plan.grant_at)
            desk.grant(plan)
        return plans

    # daemons

    def endpoint(self, name: str) -> str:
        """Return where a party listens; it stays the same when the party starts again."""
        return f"127.0.0.1:{self.ports.setdefault(name, free_port())}"

    def url(self, name: str) -> str:
        return f"http://{self.endpoint(name)}"

    def trace_file(self, name: str = "trace.csv.gz", trace: Trace | None = None) -> Path:
        path = self.folder / name
        write_trace(self.trace if trace is None else trace, path)
        return path

    def rules(self, **changes: Any) -> dict[str, Any]:
        told = {
            "interval_s": SECONDS_PER_HOUR,
            "phase_s": self.first % SECONDS_PER_HOUR,
            "settle_s": 0,
            "max_clock_skew_s": None,
            "confirmations": 0,
            "gather_s": 10,
            "poll_s": 1,
        }
        return told | changes

    def power(self, fleet_id: FleetId = FLEET) -> dict[str, int]:
        return self.plan.fleet(fleet_id).kind.power.model_dump()

    def operator_config(self, verifiers: Sequence[str] = (), **changes: Any) -> OperatorConfig:
        fields = {
            "network": "devnet",
            "fleet": FLEET,
            "reporter": {"signer": "reporter-a"},
            "gas": {"signer": "operator-a"},
            "meter": {"kind": "trace", "file": str(self.trace_file())},
            "power": self.power(),
            "verifiers": tuple(map(self.peer, verifiers)),
            "rules": self.rules(),
            "serve": {"public": self.endpoint("operator"), "ops": "127.0.0.1:0"},
        }
        return OperatorConfig.model_validate(fields | changes)

    def operator_folders(self) -> Folders:
        return Folders(self.folder / "operator", self.folder / "gpus")

    def create_store(self, folders: Folders, account: str, role: Role) -> None:
        address, oracle = self.world.address(account), self.system.oracle.address
        Store.create(
            folders.store, Identity(chain_id=self.manifest.chain_id, oracle=oracle, signer=address, role=role)
        ).close()

    def peer(self, name: str) -> dict[str, str]:
        return {"address": self.world.address(name), "url": self.url(name)}

    def operator(self, verifiers: Sequence[str] = (), **changes: Any) -> OperatorDaemon:
        """Open the operator's daemon, with the store that it had before."""
        folders = self.operator_folders()
        if not folders.store.exists():
            self.create_store(folders, "reporter-a", "operator")
        config = self.operator_config(verifiers, **changes)
        daemon = OperatorDaemon(config, folders, self.manifest, self.urls, no_prompt)
        self.daemons.append(daemon)
        return daemon

    def verifier(self, name: str, peers: Sequence[str] = (), **changes: Any) -> VerifierDaemon:
        """Open a verifier's daemon with samples of its own."""
        folders = Folders(self.folder / name, self.folder / name / "gpus")
        if not folders.store.exists():
            self.create_store(folders, name, "verifier")
        watched = {
            "fleet": FLEET,
            "operator_url": self.url("operator"),
            "meter": {"kind": "trace", "file": str(self.trace_file())},
            "power": self.power(),
            "peers": tuple(map(self.peer, peers)),
        }
        fields = {
            "network": "devnet",
            "verifier": {"signer": name},
            "fleets": (watched | changes.pop("fleet", {}),),
            "rules": self.rules(),
            "serve": {"public": self.endpoint(name), "ops": "127.0.0.1:0"},
        }
        config = VerifierConfig.model_validate(fields | changes)
        daemon = VerifierDaemon(config, folders, self.manifest, self.urls, no_prompt)
        self.daemons.append(daemon)
        return daemon

    def close(self) -> None:
        for daemon in self.daemons:
            daemon.close()
