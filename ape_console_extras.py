"""What `ape console` has at hand: the package, the deployment on the connected chain, and its contracts.

The record is that of the connected chain; where there are several, `GPURWA_NETWORK` or `GPURWA_RECORD` names it. It is
read whenever something is asked for.
"""

from types import SimpleNamespace

import pyutils
from pyutils import portfolio
from pyutils.ape_signer import ApeSigner
from pyutils.ape_system import ape_contracts, system_on
from pyutils.cli.session import find_address
from pyutils.deployment import DEV_ACCOUNTS


def ape_init_extras(chain, accounts):
    """Return the names that a console begins with."""

    def system():
        """Return the contracts of the deployment, as the package has them: reads, and writes through a lane."""
        return system_on(chain.provider)

    def contracts():
        """Return the contracts of the deployment as ape has contracts: `contracts().LeaseBook.lease(1 << 32 | 1)`."""
        return SimpleNamespace(**ape_contracts(system().manifest))

    def lane(account):
        """Return the lane of an account of ape, through which the package writes: `lane(accounts.load("me"))`."""
        return system().lane(ApeSigner(account, chain.provider.network.ecosystem))

    def role(name):
        """Return the test account of a role on a development chain, such as `lessee-1`."""
        return accounts.test_accounts[DEV_ACCOUNTS[name]]

    def positions(account, block="latest", contract=False):
        """Return what an account, named by address or role, has as of a block."""
        found = system()
        return portfolio.read_position(found, find_address(str(account), found.manifest), block, contract=contract)

    def fleet(fleet_id, block="latest"):
        """Return a fleet as of a block; `figures_of` says what it comes to."""
        return portfolio.read_fleet(system(), fleet_id, block)

    reads = {"system": system, "contracts": contracts, "positions": positions, "fleet": fleet}
    package = {"pyutils": pyutils, "portfolio": portfolio, "figures_of": portfolio.figures_of}
    return {**package, **reads, "lane": lane, "role": role}
