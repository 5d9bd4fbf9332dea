"""Every refusal of a mirror is a custom error of a contract, with the same arguments in the same order."""

from __future__ import annotations

import pytest

import pyutils.credit.book  # defines refusals
import pyutils.credit.vault
import pyutils.leases
import pyutils.revenue  # noqa: F401
from pyutils import artifacts
from pyutils.errors import ContractError
from pyutils.leases.refusals import ProofDeadlineRunningError
from pyutils.refusal import RefusalError


def _errors() -> dict[str, set[tuple[str, ...]]]:
    """Return the arguments of all errors by name; contracts may mean different things by one name."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for name in artifacts.names():
        for entry in artifacts.load(name).abi:
            if entry["type"] == "error":
                found.setdefault(entry["name"], set()).add(tuple(row["name"] for row in entry["inputs"]))
    return found


@pytest.mark.parametrize("refusal", RefusalError.__subclasses__(), ids=lambda one: one.name())
def test_refusal__each__is_a_contracts_custom_error(refusal: type[RefusalError]) -> None:
    assert refusal.fields in _errors()[refusal.name()]


def test_refusal__facts__are_kept_and_shown() -> None:
    error = ProofDeadlineRunningError(5, 10, 604_800)
    assert isinstance(error, ContractError)
    assert error.facts == {"leaseId": 5, "elapsed": 10, "needed": 604_800}
    assert error.line() == (
        "The delivery may still be proved (ProofDeadlineRunning: leaseId 5, elapsed 10, needed 604800)"
    )


def test_refusal__wrong_number_of_facts__is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="zip"):
        ProofDeadlineRunningError(5)
