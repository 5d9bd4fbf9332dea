"""Who may call what, read from the chain: roles of people, their holders and their delays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyutils.contracts import System
from pyutils.contracts.base import Block, function_shape
from pyutils.deployment.roles import FUNCTIONS, MARKET_FUNCTIONS, Role, functions_of
from pyutils.manifest import Manifest
from pyutils.operations.history import events


@dataclass(frozen=True, slots=True)
class RoleHolding:
    """One account in a role."""

    account: str
    execution_delay_s: int


@dataclass(frozen=True, slots=True)
class RoleView:
    """A role: who holds it, and which functions it may call, as `Contract.function`."""

    role_id: int
    name: str
    holders: tuple[RoleHolding, ...]
    functions: tuple[str, ...]


def roles(system: System, block: Block = "latest") -> tuple[RoleView, ...]:
    """Return every role as of `block`, from the events and state of the AccessManager alone."""
    members: dict[int, set[str]] = {}
    for event in events(system.authority, "RoleGranted", first=system.manifest.first_block, block=block):
        members.setdefault(event.arguments["roleId"], set()).add(event.arguments["account"])
    functions: dict[int, list[str]] = {}
    for label, contract, address in _restricted(system.manifest):
        for group in functions_of(contract).values():
            for function in group:
                role = system.authority.function_role(address, function_shape(contract, function).selector, block)
                functions.setdefault(role, []).append(f"{label}.{function}")
    return tuple(
        RoleView(
            role_id,
            _name(role_id),
            _holders(system, role_id, members.get(role_id, set()), block),
            tuple(sorted(functions.get(role_id, []))),
        )
        for role_id in sorted({*members, *functions})
    )


def _restricted(manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    """Yield label, name and address of the contracts with functions for roles."""
    for name in FUNCTIONS:
        yield name, name, manifest.address(name)
    for market in manifest.credit:
        for name in MARKET_FUNCTIONS:
            yield name if len(manifest.credit) == 1 else f"{name} for {market.token}", name, market.address(name)


def _holders(system: System, role_id: int, accounts: set[str], block: Block) -> tuple[RoleHolding, ...]:
    held = []
    for account in sorted(accounts):
        is_member, delay = system.authority.has_role(role_id, account, block)
        if is_member:
            held.append(RoleHolding(account, delay))
    return tuple(held)


def _name(role_id: int) -> str:
    try:
        return Role(role_id).name.lower().replace("_", "-")
    except ValueError:
        return f"role {role_id}"
