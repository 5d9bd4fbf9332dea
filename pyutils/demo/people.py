"""Who takes part: accounts that every development chain has, and names by which a reader tells them apart."""

from __future__ import annotations

from typing import Final

from web3 import Web3

from pyutils.chain import Lane, LocalSigner, dev_signer
from pyutils.demo.plan import Scene
from pyutils.deployment import DEV_ACCOUNTS

OPERATORS: Final = ("operator-a", "operator-b")
"""Operator and title owner of each fleet, in order."""
REPORTERS: Final = ("reporter-a", "reporter-b")
VERIFIERS: Final = ("verifier-1", "verifier-2", "verifier-3")
SIGNING_VERIFIERS: Final = VERIFIERS[:2]
DISPUTER: Final = VERIFIERS[2]
"""Rebuilds what others post, and disputes it where it is wrong."""
FINDER: Final = "investor-3"
"""Comes across two statements of one key that contradict each other."""
INVESTORS: Final = ("investor-1", "investor-2", "investor-3")
TREASURY: Final = "treasury"
LENDERS: Final = ("lender-1", "lender-2")
BIDDER: Final = "bidder"
"""Buys what is auctioned."""
KEEPER: Final = "keeper"
"""Anyone who moves what anyone may move."""
APPRAISER: Final = "appraiser"

LESSEE_OF: Final = {
    Scene.STEADY: "lessee-1",
    Scene.LEAVES: "lessee-2",
    Scene.ARRIVES: "lessee-3",
    Scene.ENDS_EARLY: "lessee-4",
    Scene.HANDED_ON: "lessee-5",
    Scene.GAPPY: "lessee-2",
    Scene.SECOND_TURN: "lessee-3",
}
HEIR: Final = "lessee-4"
"""Takes over the lease that is handed on."""
LESSEES: Final = tuple(sorted({*LESSEE_OF.values(), HEIR}))

_NAMES: Final = {
    "operator-a": "Main Compute",
    "operator-b": "Oise Compute",
    "lessee-1": "Aster Labs",
    "lessee-2": "Birch Robotics",
    "lessee-3": "Cedar Imaging",
    "lessee-4": "Dahlia Games",
    "lessee-5": "Elm Genomics",
    "investor-1": "Ines",
    "investor-2": "Jonas",
    "investor-3": "Kira",
    "lender-1": "Lena",
    "lender-2": "Milo",
    "bidder": "Nova Salvage",
}


def named(account: str) -> str:
    """Return how the timeline calls an account."""
    return _NAMES.get(account, account)


class People:
    """Signers and lanes of all accounts, each made once."""

    def __init__(self, web3: Web3, chain_id: int) -> None:
        self._web3, self._chain_id = web3, chain_id
        self._lanes: dict[str, Lane] = {}
        self._contracts: dict[str, str] = {}

    def introduce(self, name: str, address: str) -> None:
        """Let the tables call a contract by a name."""
        self._contracts[address] = name

    def signer(self, account: str) -> LocalSigner:
        """Return the signer of an account."""
        return dev_signer(self._chain_id, DEV_ACCOUNTS[account])

    def lane(self, account: str) -> Lane:
        """Return the lane through which an account sends."""
        if account not in self._lanes:
            self._lanes[account] = Lane(self._web3, self.signer(account))
        return self._lanes[account]

    def address(self, account: str) -> str:
        """Return an account's address."""
        return self.lane(account).address

    def name_at(self, address: str) -> str:
        """Return how the tables call an address; the address itself where it is nobody's."""
        for account in DEV_ACCOUNTS:
            if self.lane(account).address == address:
                return named(account)
        return self._contracts.get(address, address)
