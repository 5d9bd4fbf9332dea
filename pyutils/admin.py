"""Calls of people's roles: at once where the role has no delay, else announced first and made after it.

A delayed call is announced with `schedule`; after the role's delay, and within a week, the same account makes it with
`execute`. Until then the role's guardian may cancel it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyutils.chain import Lane, Receipt
from pyutils.contracts.access_manager import AccessManager
from pyutils.contracts.base import Contract
from pyutils.errors import ContractError


class NotPermittedError(ContractError):
    """The account holds no role that may make the call."""

    remedy = "Sign as a holder of the role that may call this (`gpurwa roles`)"

    def __init__(self, account: str, call: str) -> None:
        super().__init__(f"{account} may not call {call}")
        self.account, self.call = account, call


@dataclass(frozen=True, slots=True)
class RoleCall:
    """A restricted call and the account that makes it."""

    contract: Contract
    function: str
    arguments: tuple[Any, ...]

    @property
    def name(self) -> str:
        """Return what is called, for people."""
        return f"{self.contract.NAME}.{self.function}"

    @property
    def data(self) -> bytes:
        """Return selector and arguments."""
        return self.contract.call_data(self.function, *self.arguments)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A call that was announced."""

    operation: bytes
    ready_at: int
    """Unix time from which it can be made."""
    receipt: Receipt


def call_at_once(authority: AccessManager, lane: Lane, call: RoleCall) -> Receipt | None:
    """Make `call` where the account's role has no delay; None where it must be scheduled.

    Raises `NotPermittedError` where the account holds no role that may make it.
    """
    permission = authority.can_call(lane.address, call.contract.address, call.data[:4])
    if permission.immediate:
        return lane.transact(call.contract.address, call.data, call=call.name)
    if not permission.delay_s:
        raise NotPermittedError(lane.address, call.name)
    return None


def schedule(authority: AccessManager, lane: Lane, call: RoleCall) -> Scheduled:
    """Announce `call` for the earliest time that the role's delay allows."""
    operation, receipt = authority.schedule(lane, call.contract.address, call.data)
    return Scheduled(operation, authority.scheduled_for(operation), receipt)


def execute(authority: AccessManager, lane: Lane, call: RoleCall) -> Receipt:
    """Make a `call` that was announced and whose delay has passed."""
    return authority.execute(lane, call.contract.address, call.data)
