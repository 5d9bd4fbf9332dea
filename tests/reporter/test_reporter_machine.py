"""Any order of hours, deaths, reorgs and absent verifiers: one digest for one moment, and nothing is missed."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pyutils.chain import rpc
from pyutils.units import UnixSeconds

from .fleet_world import FLEET, FleetWorld
from .parties import VERIFIERS
from .test_kills import OPERATORS, Lives
from .test_reporter import from_all_samples

pytestmark = pytest.mark.slow

HOURS = 6


class ReporterMachine(RuleBasedStateMachine):
    """An operator that dies and lives, two verifiers of whom one comes and goes, and a chain that forgets."""

    enrolled: FleetWorld

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="reporter-machine-"))
        self.web3 = self.enrolled.world.web3
        self.snapshot = rpc.request(self.web3, "evm_snapshot")
        self.hour = 0
        self.seen: dict[UnixSeconds, set[bytes]] = defaultdict(set)

    @initialize()
    def begin(self) -> None:
        self.world = self.enrolled.again(self.folder)
        self.world.set_base_fee(1)
        self.lives = Lives(self.world, ticks=5, gather_s=1)
        self.world.open_leases(self.world.lease_desk())

    @property
    def as_of(self) -> UnixSeconds:
        return self.world.hour(self.hour)

    @precondition(lambda self: self.hour < HOURS)
    @rule()
    def an_hour_passes(self) -> None:
        self.hour += 1
        self.world.due(self.hour)

    @precondition(lambda self: self.hour > 0)
    @rule(place=st.sampled_from(OPERATORS))
    def the_operator_dies(self, place: str) -> None:
        """Where it does not get there, since the report is final or a verifier is away, it lives on to its end."""
        assert self.lives.live(self.as_of, place) in {-signal.SIGKILL, 0, 3}, self.lives.said

    @precondition(lambda self: self.hour > 0)
    @rule()
    def the_operator_lives(self) -> None:
        ended = self.lives.live(self.as_of)
        assert ended in {0, 3}, self.lives.said
        if len(self.lives.verifiers) == len(VERIFIERS):
            # At most one report is late: this one, where the one before got in just now.
            assert self.world.head().as_of >= self.world.hour(self.hour - 1), self.lives.said

    @rule()
    def the_second_verifier_goes_or_comes(self) -> None:
        name = VERIFIERS[1]
        if name in self.lives.verifiers:
            self.world.daemons.remove(self.lives.verifiers[name])
            self.lives.verifiers.pop(name).close()
        else:
            self.lives.start(name)

    @precondition(lambda self: self.hour > 0)
    @rule(depth=st.integers(1, 3))
    def blocks_are_lost(self, depth: int) -> None:
        """Let the newest blocks be mined anew without their transactions."""
        now = self.world.world.now()
        rpc.request(self.web3, "anvil_reorg", depth, [])
        if self.world.world.clock.now() < now:
            self.world.world.clock.travel(now)

    @invariant()
    def nobody_holds_two_digests_of_one_moment(self) -> None:
        for hour in range(1, self.hour + 1):
            moment = self.world.hour(hour)
            self.seen[moment] |= self.lives.digests(moment)
            assert len(self.seen[moment]) <= 1, f"hour {hour}"

    @invariant()
    def the_head_says_what_all_samples_say(self) -> None:
        head = self.world.head()
        if head.as_of:
            expected = from_all_samples(self.world, UnixSeconds(head.as_of))
            assert head.available_gpu_ms == expected.available_gpu_ms
            assert head.lease_root == expected.tree.root

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.close()
        rpc.request(self.web3, "evm_revert", self.snapshot)
        shutil.rmtree(self.folder, ignore_errors=True)


def test_reporter__any_order_of_hours_deaths_and_reorgs__never_lies_twice(enrolled_fleet: FleetWorld) -> None:
    machine: Any = type("Machine", (ReporterMachine,), {"enrolled": enrolled_fleet})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=4,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert FLEET == 1
