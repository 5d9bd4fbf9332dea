"""How long the machines run: each takes the quick run with every change, the thorough one at night."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

QUICK: dict[str, Any] = {
    "max_examples": 12,
    "stateful_step_count": 32,
    # Shrinking takes minutes: the slow run does it, the quick one shows the course that failed as it was found.
    "phases": (Phase.explicit, Phase.reuse, Phase.generate),
}


def thorough(max_examples: int) -> dict[str, Any]:
    """Return the size of a slow run over so many courses."""
    return {"max_examples": max_examples, "stateful_step_count": 60}


def run_machine(machine: type[RuleBasedStateMachine], size: dict[str, Any]) -> None:
    """Run a machine, whose checks may take as long as they need."""
    run_state_machine_as_test(
        machine,
        settings=settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, **size),
    )
