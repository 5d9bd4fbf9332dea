"""The main job on a trace: a chain of its own lives through it, from meters to shareholders."""

from pyutils.demo.outcome import Outcome
from pyutils.demo.run import DEFAULT_SEED, NotConservedError, Script, live_through, run_demo, run_devnet

__all__ = ["DEFAULT_SEED", "NotConservedError", "Outcome", "Script", "live_through", "run_demo", "run_devnet"]
