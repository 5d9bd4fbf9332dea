"""Calls by name: whatever an ABI has, with the delays that people's roles carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyutils import admin
from pyutils.admin import RoleCall
from pyutils.chain import Lane, Receipt, rpc
from pyutils.contracts.access_manager import AccessManager
from pyutils.contracts.base import Contract, call_view
from pyutils.units import UnixSeconds


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call: made, or scheduled for later because the caller's role has a delay."""

    call: str
    receipt: Receipt
    scheduled_for: UnixSeconds | None = None


def read(contract: str, address: str, function: str, *arguments: Any, web3: Any, block: rpc.Block = "latest") -> Any:
    """Return what any view of any of our contracts returns: a value, or a tuple where there are several."""
    return call_view(web3, contract, address, function, *arguments, block=block)


def send(lane: Lane, contract: Contract, function: str, *arguments: Any) -> Receipt:
    """Make a call that no role restricts."""
    return lane.transact(contract.address, contract.call_data(function, *arguments), call=_label(contract, function))


def act(authority: AccessManager, lane: Lane, contract: Contract, function: str, *arguments: Any) -> Outcome:
    """Make a call as the holder of a role; where the role has a delay, schedule it, and make it when asked again.

    Raises `NotPermittedError` where none of the account's roles allows it, and `RevertedError` while the delay runs.
    """
    call = RoleCall(contract, function, arguments)
    receipt = admin.call_at_once(authority, lane, call)
    if receipt is not None:
        return Outcome(call.name, receipt)
    if authority.scheduled_for(authority.operation(lane.address, contract.address, call.data)):
        return Outcome(call.name, admin.execute(authority, lane, call))
    scheduled = admin.schedule(authority, lane, call)
    return Outcome(call.name, scheduled.receipt, UnixSeconds(scheduled.ready_at))


def _label(contract: Contract, function: str) -> str:
    return f"{contract.NAME}.{function.partition('(')[0]}"
