"""kill -9 at every step from samples to a final head: never two digests for one moment, at most one report late."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pyutils.reporter.failpoints import ENVIRONMENT, FAILPOINTS
from pyutils.reporter.store.store import Identity, Store
from pyutils.reporter.verifier_daemon import VerifierDaemon
from pyutils.reporter.view import acceptances
from pyutils.units import UnixSeconds

from .fleet_world import FLEET, FleetWorld
from .parties import VERIFIERS

pytestmark = pytest.mark.slow

OPERATORS = tuple(name for name in FAILPOINTS if not name.startswith("verifier_") and name != "checkpoint_saved")
"""Where an operator's process can die; the others are reached by verifiers, and by who adopts a head of others."""


class Lives:
    """An operator that lives in processes of its own, one after the other, beside verifiers who live on."""

    def __init__(self, world: FleetWorld, ticks: int = 30, gather_s: int = 10) -> None:
        self.world, self.ticks = world, ticks
        self.verifiers: dict[str, VerifierDaemon] = {}
        for name in VERIFIERS:
            self.start(name)
        self.folders = world.operator_folders()
        world.create_store(self.folders, "reporter-a", "operator")
        config = world.operator_config(VERIFIERS, rules=world.rules(gather_s=gather_s))
        self.config = json.loads(config.model_dump_json())

    def start(self, name: str) -> None:
        self.verifiers[name] = self.world.verifier(name)
        self.verifiers[name].serve()

    def live(self, as_of: UnixSeconds, die_at: str = "") -> int:
        """Let the operator live until a report is final, or until it dies. Returns how the process ended."""
        world = self.world
        file = world.folder / "life.json"
        told = {
            "config": self.config,
            "root": str(self.folders.root),
            "gpus": str(world.folder / "gpus"),
            "manifest": json.loads(world.manifest.model_dump_json()),
            "urls": list(world.urls),
            "as_of": as_of,
            "ticks": self.ticks,
        }
        file.write_text(json.dumps(told))
        tests = Path(__file__).resolve().parent.parent
        paths = os.pathsep.join([str(tests.parent), str(tests)])
        environment = {**os.environ, ENVIRONMENT: die_at, "PYTHONPATH": paths}
        command = [sys.executable, "-m", "reporter.operator_life", str(file)]
        done = subprocess.run(
            command, env=environment, cwd=tests, capture_output=True, text=True, timeout=90, check=False
        )
        self.said = done.stderr
        return done.returncode

    def promised(self, as_of: UnixSeconds) -> bytes | None:
        """Return what the operator's store promised for a moment."""
        identity = Identity(
            chain_id=self.world.manifest.chain_id,
            oracle=self.world.system.oracle.address,
            signer=self.world.world.address("reporter-a"),
            role="operator",
        )
        with Store.open(self.folders.store, identity) as store:
            return store.promised(FLEET, as_of)

    def digests(self, as_of: UnixSeconds) -> set[bytes]:
        """Return every digest of a moment that anybody holds: the operator, a verifier, the chain."""
        found = {self.promised(as_of)}
        found |= {one.store.promised(FLEET, as_of) for one in self.verifiers.values()}
        block = self.world.system.web3.eth.block_number
        first = self.world.manifest.first_block
        found |= {one.digest for one in acceptances(self.world.system, FLEET, as_of=as_of, first=first, block=block)}
        return {digest for digest in found if digest is not None}


@pytest.mark.parametrize("place", OPERATORS)
def test_operator__killed__finishes_the_same_report(fleet_world: FleetWorld, place: str) -> None:
    lives = Lives(fleet_world)
    first = fleet_world.due(1)
    assert lives.live(first) == 0, lives.said
    as_of = fleet_world.due(2)
    assert lives.live(as_of, place) == -signal.SIGKILL, lives.said
    before = lives.digests(as_of)
    assert lives.live(as_of) == 0, lives.said
    assert fleet_world.head().as_of == as_of
    assert lives.digests(as_of) == {fleet_world.head().digest}
    assert before <= {fleet_world.head().digest}


@pytest.mark.parametrize("place", ["sampled", "promised", "signed", "raw_saved", "broadcast"])
def test_operator__killed_and_an_hour_passes__one_report_is_late_at_most(fleet_world: FleetWorld, place: str) -> None:
    lives = Lives(fleet_world)
    as_of = fleet_world.due(1)
    assert lives.live(as_of, place) == -signal.SIGKILL, lives.said
    later = fleet_world.due(2)
    lives.live(later)
    assert fleet_world.head().as_of == later
    assert len(lives.digests(as_of)) <= 1
    assert lives.digests(later) == {fleet_world.head().digest}


@pytest.mark.parametrize("place", [name for name in FAILPOINTS if name.startswith("verifier_")])
def test_verifier__dies_between_promise_and_answer__signs_the_same_again(fleet_world: FleetWorld, place: str) -> None:
    """A verifier that starts anew finds its promise, and gives the signature that nobody got."""
    world = fleet_world
    operator = world.operator(VERIFIERS)
    operator.serve()
    verifier = world.verifier("verifier-1")
    world.verifier("verifier-2").serve()
    as_of = world.due(1)
    with pytest.MonkeyPatch.context() as patch:
        reached: list[str] = []

        def die(name: str) -> None:
            reached.append(name)
            if name == place:
                raise SystemExit(name)

        for module in ("pyutils.reporter.store.store.reach", "pyutils.reporter.failpoints.reach"):
            patch.setattr(module, die)
        operator.tick()
        record = operator.store.record(FLEET, as_of)
        assert record is not None
        with pytest.raises(SystemExit):
            verifier.judges[FLEET].judge(operator.reporter.proposal(record))
    assert place in reached
    promise = verifier.store.promised(FLEET, as_of)
    assert promise == record.digest
    verifier.close()
    world.daemons.remove(verifier)
    world.verifier("verifier-1").serve()
    world.tick_until(operator, lambda: world.head().digest == promise)
