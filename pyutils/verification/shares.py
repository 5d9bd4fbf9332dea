"""Fleets' shares as submissions: no record names them, the chain alone says how each was created."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pyutils.chain import rpc
from pyutils.contracts import System
from pyutils.contracts.base import Contract, call_view
from pyutils.deployment.addresses import create2_address
from pyutils.deployment.creation import creation_code
from pyutils.deployment.runtime_code import code_hash
from pyutils.errors import ContractError
from pyutils.keccak import keccak256
from pyutils.manifest import DeployedContract
from pyutils.models import ZERO_ADDRESS
from pyutils.operations.history import Event, events, topic
from pyutils.units import FleetId
from pyutils.verification.submission import Submission

GATED: Final = "GatedFleetShares"
PLAIN: Final = "FleetShares"


class UnknownSharesError(ContractError):
    """It is not known how a fleet's shares were created."""

    remedy = "Check the fleet's number, and that the node has all events since the deployment"


class _ShareFactory(Contract):
    """Creates the shares; only its events are of interest here."""

    NAME = "FleetShareFactory"


def shares_of(system: System, fleet_id: FleetId) -> Submission:
    """Return what is to be sent of a fleet's shares.

    The factory's event and the shares' own views say what the constructor was given. That it was that, and this code,
    the address proves, which CREATE2 derives from both.

    Raises `UnknownSharesError`.
    """
    factory = _ShareFactory(system.web3, system.manifest.address("FleetShareFactory"))
    told = events(factory, "CreateShares", [topic(fleet_id)], first=system.manifest.first_block)
    created = next(told, None)
    if created is None:
        raise UnknownSharesError(f"no shares of fleet {fleet_id} were ever created")
    for record in _candidates(system, fleet_id, created):
        hash_ = keccak256(creation_code(record))
        if create2_address(factory.address, fleet_id.to_bytes(32), hash_) == record.address:
            return Submission(f"{record.artifact} of fleet {fleet_id}", record, system.manifest.chain_id)
    raise UnknownSharesError(f"the shares of fleet {fleet_id} were created with other arguments than can be read")


def _candidates(system: System, fleet_id: FleetId, created: Event) -> Iterator[DeployedContract]:
    """Yield records of the shares with what the constructor may have been given."""
    arguments = created.arguments
    address, gated = str(arguments["shares"]), bool(arguments["gated"])
    artifact = GATED if gated else PLAIN

    def view(function: str) -> Any:
        return call_view(system.web3, artifact, address, function)

    code = rpc.code_at(system.web3, address)
    gate = (system.transfer_gate.address,) if gated else ()
    # Plain shares do not keep the custodian that they were given, as they exempt nobody.
    custodies = [market.address("FleetCustody") for market in system.manifest.credit]
    custodians = [view("custodian")] if gated else [ZERO_ADDRESS, *custodies]
    for custodian in custodians:
        terms = (view("name"), view("symbol"), view("totalSupply"), gated, custodian)
        yield DeployedContract(
            artifact=artifact,
            address=address,
            code_hash=code_hash(code),
            constructor_args=(
                system.registry.address,
                system.router.address,
                *gate,
                fleet_id,
                arguments["owner"],
                view("settlementToken"),
                terms,
            ),
            block=created.block,
            transaction=bytes.fromhex(created.transaction[2:]),
        )
