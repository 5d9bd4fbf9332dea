"""What a deployment costs: the figures that a dry run shows, and totals that must not rise."""

from __future__ import annotations

import json

from web3 import Web3

from pyutils.deployment.outline import measured_gas
from tooling.deployment_gas import FIGURES, TOTALS, measure

MOST_GAS = 45_000_000
"""What the system may cost to put up."""


def test_deployment_gas__measured_anew__is_what_is_committed(web3: Web3) -> None:
    """`python -m tooling.deployment_gas` writes both files; a rise is to be seen in the diff."""
    gas, totals = measure(web3)

    assert gas == measured_gas() == type(gas).model_validate_json(FIGURES.read_bytes())
    assert {name: str(total) for name, total in totals.items()} == json.loads(TOTALS.read_text())
    assert totals["the system"] <= MOST_GAS
