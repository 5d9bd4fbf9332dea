"""What `ape console` has at hand: the package, the system of a deployment record, accounts' positions and fleets.

`GPURWA_RECORD` names the record, `deployments/devnet.json` by default; it is read whenever something is asked for.
"""

import os
from pathlib import Path

import pyutils
from pyutils import portfolio
from pyutils.cli.session import find_address
from pyutils.contracts import System
from pyutils.manifest import read_manifest

RECORD = "GPURWA_RECORD"


def ape_init_extras(chain):
    """Return the names that a console begins with."""

    def system():
        """Return the contracts of the deployment record, on the connected chain."""
        record = Path(os.environ.get(RECORD, "deployments/devnet.json"))
        return System.at(chain.provider.web3, read_manifest(record))

    def positions(account, block="latest", contract=False):
        """Return what an account, named by address or role, has as of a block."""
        found = system()
        return portfolio.read_position(found, find_address(str(account), found.manifest), block, contract=contract)

    def fleet(fleet_id, block="latest"):
        """Return a fleet as of a block; `figures_of` says what it comes to."""
        return portfolio.read_fleet(system(), fleet_id, block)

    names = {"pyutils": pyutils, "portfolio": portfolio, "figures_of": portfolio.figures_of}
    return {**names, "system": system, "positions": positions, "fleet": fleet}
