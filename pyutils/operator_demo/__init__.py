"""The operator's side on a trace: real meters, verifiers and reporters, which are killed on the way and lie never."""

from pyutils.operator_demo.outcome import OperatorOutcome
from pyutils.operator_demo.run import NotTheSameError, run_operator_demo

__all__ = ["NotTheSameError", "OperatorOutcome", "run_operator_demo"]
