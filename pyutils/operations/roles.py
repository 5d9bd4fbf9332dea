"""Who may call what, read from the chain: roles of people, who holds them, with which delays, and what is announced.

It is what the AccessManager's events add up to, held against the contract's own answers as of the same block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from pyutils import artifacts
from pyutils.contracts import System
from pyutils.contracts.base import Block, abi_type
from pyutils.deployment.access_record import ADMIN, EVERYBODY, AccessRecord, Announced, Delay
from pyutils.deployment.handover import changing, managed, record_of, restricted_functions, role_name
from pyutils.keccak import keccak256
from pyutils.manifest import Manifest
from pyutils.units import BlockNumber, UnixSeconds

_FOR_ADMIN: Final = (
    *("labelRole", "setRoleAdmin", "setRoleGuardian", "setGrantDelay", "setTargetAdminDelay"),
    *("setTargetClosed", "setTargetFunctionRole", "updateAuthority"),
)
"""The AccessManager's calls that are the admin's; giving and taking a role is for the role's own admin."""


@dataclass(frozen=True, slots=True)
class DelayView:
    """A delay in seconds, and its next value where it is about to change."""

    seconds: int
    next_seconds: int | None
    next_from: UnixSeconds | None

    @classmethod
    def of(cls, delay: Delay, at: int) -> DelayView:
        """Return a delay as of a time."""
        now, later, from_ = delay.full(at)
        return cls(now, later if from_ else None, UnixSeconds(from_) if from_ else None)


@dataclass(frozen=True, slots=True)
class RoleHolding:
    """One account in a role."""

    account: str
    since: UnixSeconds
    """May be still to come: until then it may call nothing."""
    execution_delay: DelayView


@dataclass(frozen=True, slots=True)
class RoleView:
    """A role: who holds it, and which functions it may call, as `Contract.function`."""

    role_id: int
    name: str
    holders: tuple[RoleHolding, ...]
    functions: tuple[str, ...]
    admin: str
    """The role that gives and takes it."""
    guardian: str
    """The role that may cancel its announced calls."""
    grant_delay: DelayView
    """A new holder waits so long before it holds the role."""


@dataclass(frozen=True, slots=True)
class TargetView:
    """A contract that obeys the AccessManager."""

    name: str
    address: str
    is_closed: bool
    """Whether no role may call anything of it."""
    admin_delay: DelayView
    """Changing whose its functions are waits so long."""


@dataclass(frozen=True, slots=True)
class CallView:
    """A call that was announced, and neither made nor cancelled nor void."""

    operation: bytes
    call: str
    """With its arguments."""
    role: str
    caller: str
    ready_at: UnixSeconds
    void_at: UnixSeconds
    may_cancel: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccessView:
    """Who may call what, as of a block."""

    block: BlockNumber
    at: UnixSeconds
    roles: tuple[RoleView, ...]
    targets: tuple[TargetView, ...]
    announced: tuple[CallView, ...]


def read_access(system: System, block: Block = "latest") -> AccessView:
    """Return who may call what as of `block`. Raises `RecordDiffersError` where events and state tell two stories."""
    record = record_of(system, block)
    record.check(system.authority)
    functions = _functions(system.manifest, record)
    return AccessView(
        record.block,
        record.at,
        tuple(_role(record, role, functions.get(role, [])) for role in sorted({*record.role_ids, *functions})),
        tuple(_targets(system, record)),
        tuple(_call(system, record, call) for call in record.pending()),
    )


def _functions(manifest: Manifest, record: AccessRecord) -> dict[int, list[str]]:
    """Return what each role may call: restricted functions, mapped or not, and whatever else was ever mapped."""
    named = {(address, selector): name for name, address, selector in restricted_functions(manifest)}
    known = {
        (address, selector): f"{label}.{function}"
        for label, contract, address in managed(manifest)
        for function, selector in changing(contract)
    }
    for place in record.functions:
        named.setdefault(place, known.get(place, f"{_label(manifest, place[0])}.0x{place[1].hex()}"))
    found: dict[int, list[str]] = {ADMIN: [f"AccessManager.{name}" for name in _FOR_ADMIN]}
    for place, name in named.items():
        found.setdefault(record.functions.get(place, ADMIN), []).append(name)
    for role in record.role_ids:
        if role != EVERYBODY:
            found.setdefault(record.admin_of(role), []).append(f"give and take {role_name(role)}")
    return found


def _role(record: AccessRecord, role: int, functions: Sequence[str]) -> RoleView:
    held = sorted(record.members.get(role, {}).items())
    return RoleView(
        role,
        role_name(role),
        tuple(RoleHolding(who, one.since, DelayView.of(one.delay, record.at)) for who, one in held),
        tuple(sorted(functions)),
        role_name(record.admin_of(role)),
        role_name(record.guardian_of(role)),
        DelayView.of(record.grant_delays.get(role, Delay()), record.at),
    )


def _targets(system: System, record: AccessRecord) -> Iterator[TargetView]:
    rows = {address: label for label, _, address in managed(system.manifest)}
    rows[system.authority.address] = "AccessManager"
    others = {*record.closed, *record.target_delays, *(target for target, _ in record.functions)}
    for address in sorted({*rows, *others}, key=lambda one: (rows.get(one, "~"), one)):
        delay = record.target_delays.get(address, Delay())
        closed = record.closed.get(address, False)
        yield TargetView(rows.get(address, address), address, closed, DelayView.of(delay, record.at))


def _call(system: System, record: AccessRecord, call: Announced) -> CallView:
    role, cancellers = _of_call(system, record, call)
    accounts = {call.caller} | {
        account for one in cancellers for account in record.members.get(one, {}) if record.has_role(one, account)
    }
    return CallView(
        call.operation,
        _text(system.manifest, call),
        role_name(role),
        call.caller,
        call.ready_at,
        call.void_at,
        tuple(sorted(accounts)),
    )


def _of_call(system: System, record: AccessRecord, call: Announced) -> tuple[int, set[int]]:
    """Return the role that an announced call needs, and those that may cancel it."""
    selector = call.data[:4]
    role = record.functions.get((call.target, selector), ADMIN)
    cancellers = {ADMIN, record.guardian_of(role)}
    if call.target == system.authority.address:
        name = next((name for name, one in changing("AccessManager") if one == selector), "")
        if name in {"grantRole", "revokeRole"}:
            role = record.admin_of(int.from_bytes(call.data[4:36]))
            cancellers.add(role)
        elif name in _FOR_ADMIN:
            role = ADMIN
    return role, cancellers


def _text(manifest: Manifest, call: Announced) -> str:
    """Return an announced call as people write it, with its arguments by name where its contract is known."""
    names = {record.address: name for name, record in _contracts(manifest)}
    contract, label = names.get(call.target, ""), _label(manifest, call.target)
    for entry in artifacts.load(contract).abi if contract in artifacts.names() else ():
        if entry["type"] != "function":
            continue
        types = [abi_type(item) for item in entry["inputs"]]
        if keccak256(f"{entry['name']}({','.join(types)})".encode())[:4] != call.data[:4]:
            continue
        try:
            values = decode(types, call.data[4:])
        except DecodingError:
            break
        pairs = zip(entry["inputs"], values, strict=True)
        shown = ", ".join(f"{item['name']}={_value(value)}" for item, value in pairs)
        return f"{label}.{entry['name']}({shown})"
    return f"{label}.0x{call.data.hex()}"


def _value(value: Any) -> str:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(_value(inner) for inner in value)}]"
    return str(value)


def _label(manifest: Manifest, address: str) -> str:
    """Return what the record calls a contract; its address where it knows none."""
    return next((label for label, record in manifest.everything if record.address == address), address)


def _contracts(manifest: Manifest) -> Iterator[tuple[str, Any]]:
    """Yield every contract's record with the name of its artifact."""
    yield from manifest.contracts.items()
    for market in manifest.credit:
        yield from market.contracts.items()
