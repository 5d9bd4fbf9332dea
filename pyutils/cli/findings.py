"""What a doctor found, as people and programs read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pyutils.cli.output import print_table
from pyutils.cli.session import Session
from pyutils.operations.doctor import Finding, UnhealthyError

_MARKS: Final = {(True, True): "well", (True, False): "well", (False, True): "WRONG", (False, False): "note"}


def show_findings(session: Session, title: str, findings: Sequence[Finding]) -> None:
    """Print findings. Raises `UnhealthyError` where something that is needed is wrong."""

    def people() -> None:
        rows = [(one.what, _MARKS[one.is_well, one.is_needed], one.said) for one in findings]
        print_table(title, ("what", "is", "because"), rows)

    session.show(findings, people)
    wrong = [one.what for one in findings if not one.is_well and one.is_needed]
    if wrong:
        raise UnhealthyError(f"not in order: {', '.join(wrong)}")
