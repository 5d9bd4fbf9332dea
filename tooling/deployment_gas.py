"""Measure what a deployment costs: each step's gas for `gpurwa deploy --dry-run`, and the totals that must not rise.

`python -m tooling.deployment_gas` writes `pyutils/deployment/gas.json` and `snapshots/deploy.json` anew; a test says
whether they still hold.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from web3 import Web3

from pyutils.anvil import Anvil
from pyutils.chain import LanePolicy, connect, dev_signer, rpc
from pyutils.deployment import Plan
from pyutils.deployment.blueprint import TEST_COLLATERAL, TEST_FEED
from pyutils.deployment.credit_plan import ClassPrice, CreditPlan
from pyutils.deployment.outline import GAS_FILE, Gas, Kind
from pyutils.deployment.run import Run
from pyutils.deployment.system import Deployment
from pyutils.toolchain import PROJECT_ROOT

CHAIN_ID: Final = 31337
FIGURES: Final = PROJECT_ROOT / "pyutils" / "deployment" / GAS_FILE
TOTALS: Final = PROJECT_ROOT / "snapshots" / "deploy.json"
TEST_CONTRACTS: Final = ("TestStablecoin", TEST_COLLATERAL, TEST_FEED)


def measure(web3: Web3) -> tuple[Gas, dict[str, int]]:
    """Return the figures of all steps, and the totals. Puts the chain back as it was."""
    without, _ = _steps(web3, credit=(), test_collateral=None)
    bare, _ = _steps(web3, credit=(CreditPlan(),), test_collateral=None)
    priced, _ = _steps(
        web3, credit=(CreditPlan(class_prices=(ClassPrice(gpu_class="H100", coins=25_000),)),), test_collateral=None
    )
    whole, kinds = _steps(web3)
    by_kind = {kind: whole[name] for name, kind in kinds.items() if kind is not Kind.CONTRACT}
    opening = {
        what: next(gas for name, gas in steps.items() if name.startswith("first settings"))
        for what, steps in (("bare", bare), ("priced", priced), ("whole", whole))
    }
    grants = len(Plan.default(CHAIN_ID).grants)
    gas = Gas(
        contracts={name: whole[name] for name, kind in kinds.items() if kind is Kind.CONTRACT},
        factory=by_kind[Kind.FACTORY],
        token=by_kind[Kind.TOKEN],
        terms=by_kind[Kind.TERMS],
        opening=opening["bare"],
        opening_class=opening["priced"] - opening["bare"],
        opening_collateral=opening["whole"] - opening["bare"],
        seal=by_kind[Kind.SEAL],
        functions=without["function roles"],
        functions_market=whole["function roles"] - without["function roles"],
        holder=-(-by_kind[Kind.HOLDERS] // grants),
        renounce=by_kind[Kind.RENOUNCE],
    )
    brought = sum(gas.contracts[name] for name in TEST_CONTRACTS)
    totals = {
        "the system": sum(without.values()) - gas.contracts["TestStablecoin"],
        "the system with a credit market": sum(bare.values()) - gas.contracts["TestStablecoin"],
        "a development chain: with a market, a test coin and a test collateral": sum(whole.values()),
        "of that, coins and feed for tests": brought,
    }
    return gas, totals


def write(gas: Gas, totals: Mapping[str, int], figures: Path = FIGURES, snapshot: Path = TOTALS) -> None:
    """Write figures and totals, each number as text, as forge's snapshots have them."""
    figures.write_text(gas.model_dump_json(indent=2) + "\n")
    snapshot.write_text(json.dumps({name: str(total) for name, total in totals.items()}, indent=2) + "\n")


def _steps(web3: Web3, **changes: object) -> tuple[dict[str, int], dict[str, Kind]]:
    """Deploy, and return the gas and the kind of every step. The chain is put back."""
    plan = Plan.default(CHAIN_ID).model_copy(update=changes)
    snapshot = rpc.request(web3, "evm_snapshot")
    deployment = Deployment(dev_signer(CHAIN_ID, 0), plan, web3, LanePolicy())
    names = {planned.name: planned for planned in deployment.remaining()}
    Run(deployment, None).finish()
    gas = {}
    for name, planned in names.items():
        receipt = deployment.receipt_of(name)
        assert receipt is not None, f"{name} was done without a transaction"
        gas[planned.part.name if planned.part is not None else name] = receipt.gas_used
    rpc.request(web3, "evm_revert", snapshot)
    return gas, {planned.part.name if planned.part else name: planned.kind for name, planned in names.items()}


def main() -> None:
    """Measure and write."""
    with tempfile.TemporaryDirectory() as folder, Anvil.start(Path(folder) / "anvil.log") as anvil:
        gas, totals = measure(connect([anvil.url], CHAIN_ID))
    write(gas, totals)
    for name, total in totals.items():
        print(f"{total:>12,}  {name}")


if __name__ == "__main__":
    main()
