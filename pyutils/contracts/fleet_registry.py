"""FleetRegistry: what is the asset, and who runs it?"""

from __future__ import annotations

from collections.abc import Sequence

from pyutils.chain import Lane, Receipt
from pyutils.contracts.base import Block, Contract
from pyutils.models import Documents, Fleet, FleetEnrolment
from pyutils.models.fleet import DeclaredValue
from pyutils.units import FleetId


class FleetRegistry(Contract):
    """The register of fleets and their titles."""

    NAME = "FleetRegistry"

    # governance

    def seal(self, lane: Lane, code_hashes: Sequence[bytes]) -> Receipt:
        """Open business once, after the contract compared the code of all right-holders."""
        return self._write(lane, "seal", list(code_hashes))

    def pause(self, lane: Lane) -> Receipt:
        """Stop new business everywhere."""
        return self._write(lane, "pause")

    def list_token(self, lane: Lane, token: str) -> Receipt:
        """Let new fleets settle in `token`."""
        return self._write(lane, "listToken", token)

    def admit_operator(self, lane: Lane, account: str, checked_hash: bytes) -> Receipt:
        """Admit an operator; `checked_hash` is the hash of what was checked."""
        return self._write(lane, "admitOperator", account, checked_hash)

    def admit_lessee(self, lane: Lane, account: str, checked_hash: bytes) -> Receipt:
        """Put a lessee on record."""
        return self._write(lane, "admitLessee", account, checked_hash)

    # fleets

    def enrol(self, lane: Lane, enrolment: FleetEnrolment) -> tuple[FleetId, Receipt]:
        """Enrol a fleet with its shares; the signer becomes its operator."""
        receipt = self._write(lane, "enrol", enrolment.row())
        return FleetId(self.event(receipt, "Enrol")["fleetId"]), receipt

    def request_growth(self, lane: Lane, fleet_id: FleetId, capacity: int, gpu_root: bytes) -> Receipt:
        """Ask for more GPUs under a new root."""
        return self._write(lane, "requestGrowth", fleet_id, capacity, gpu_root)

    def set_documents(self, lane: Lane, fleet_id: FleetId, documents: Documents) -> Receipt:
        """Set the ERC-7578 documents."""
        return self._write(lane, "setDocuments", fleet_id, documents.row())

    # reads

    def is_sealed(self, block: Block = "latest") -> bool:
        """Return whether business was opened."""
        return bool(self._read("isSealed", block=block))

    def is_paused(self, block: Block = "latest") -> bool:
        """Return whether new business is stopped."""
        return bool(self._read("isPaused", block=block))

    def is_token_listed(self, token: str, block: Block = "latest") -> bool:
        """Return whether new fleets may settle in `token`."""
        return bool(self._read("isTokenListed", token, block=block))

    def fleet_count(self, block: Block = "latest") -> int:
        """Return how many fleets were enrolled; their ids are 1 to this number."""
        return int(self._read("fleetCount", block=block))

    def fleet(self, fleet_id: FleetId, block: Block = "latest") -> Fleet:
        """Return the fleet as of `block`. Raises `RevertedError` `UnknownFleet`."""
        return Fleet.from_row(self._read("fleet", fleet_id, block=block))

    def documents(self, fleet_id: FleetId, block: Block = "latest") -> Documents:
        """Return the fleet's ERC-7578 documents."""
        *texts, declared = self._read("getProperties", fleet_id, block=block)
        return Documents.from_row((*texts, DeclaredValue.from_row(declared)))

    def owner_of(self, fleet_id: FleetId, block: Block = "latest") -> str:
        """Return the owner of the fleet's title."""
        return self._read_address("ownerOf", fleet_id, block=block)

    def controller_of(self, fleet_id: FleetId, block: Block = "latest") -> str:
        """Return who sets prices, operator and documents."""
        return self._read_address("controllerOf", fleet_id, block=block)
