"""The proof that an account, above all the deployer, can do nothing in a system any more.

It is told three times: by a replay of all that the AccessManager ever said, by what the contracts answer as of the
same block, and by the admin's calls made in the account's name, which must be refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from pyutils import artifacts
from pyutils.chain import RevertedError, rpc
from pyutils.contracts import System
from pyutils.contracts.base import Block, abi_type, call_view, encode_call, event_shape, function_shape
from pyutils.deployment.access_record import ADMIN, EVERYBODY, AccessRecord
from pyutils.deployment.entrusted import allowances, titles
from pyutils.deployment.roles import DELAYED_ROLES, Role, functions_of
from pyutils.errors import ContractError
from pyutils.manifest import Manifest
from pyutils.models import parse_address
from pyutils.operations.history import events, logs, topic
from pyutils.units import BlockNumber, UnixSeconds

_REFUSED: Final = "AccessManagerUnauthorizedAccount"
_NO_SELECTOR: Final = b"\0" * 4
_ACTS: Final = {
    "FleetRegistry": ("AdmitOperator", "AdmitLessee", "ListToken"),
    "LeaseTerms": ("SetTerms",),
    "MeterOracle": ("SetVerifiers",),
    "TransferGate": ("SetPermitted",),
    "LossFund": ("Allow",),
    "CollateralPrices": ("ListCollateral",),
}
"""Events of what an admin could do for itself or others that outlasts its role."""


class NotHandedOverError(ContractError):
    """An account that should have given up everything can still do something."""

    remedy = "Let it renounce, or the admin revoke, what is named; then check again (`gpurwa roles --check`)"

    def __init__(self, account: str, left: tuple[str, ...]) -> None:
        super().__init__(f"{account} can still do something: {'; '.join(left)}")
        self.account, self.left = account, left


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of right, how many were looked at, and those that the account still has."""

    what: str
    count: int
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Handover:
    """What an account can still do as of a block."""

    account: str
    block: BlockNumber
    at: UnixSeconds
    checks: tuple[Check, ...]

    @property
    def left(self) -> tuple[str, ...]:
        """All that is left, one line each."""
        return tuple(line for check in self.checks for line in check.left)

    def require_nothing(self) -> None:
        """Raise `NotHandedOverError` where anything is left."""
        if self.left:
            raise NotHandedOverError(self.account, self.left)


def managed(manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    """Yield label, contract and address of everything that asks the AccessManager whom it may obey."""
    records = [(name, name, record.address) for name, record in manifest.contracts.items()]
    for market in manifest.credit:
        for name, record in market.contracts.items():
            records.append((name if len(manifest.credit) == 1 else f"{name} for {market.token}", name, record.address))
    known = set(artifacts.names())
    return (row for row in records if row[1] in known and _has(row[1], "authority"))


def restricted_functions(manifest: Manifest) -> Iterator[tuple[str, str, bytes]]:
    """Yield name, address and selector of every function that is for a role."""
    for label, contract, address in managed(manifest):
        for names in functions_of(contract).values():
            for name in names:
                yield f"{label}.{name}", address, function_shape(contract, name).selector


def record_of(system: System, block: Block = "latest") -> AccessRecord:
    """Return the replay of a system's AccessManager up to `block`."""
    # Where the record does not know the block, everything is read: an event that is missed would be a wrong answer.
    born = system.manifest.contracts["AccessManager"].block or 0
    functions = [(address, selector) for _, address, selector in restricted_functions(system.manifest)]
    return AccessRecord.read(system.authority, first=born, block=block, roles=Role, functions=functions)


def read_handover(system: System, account: str, block: Block = "latest") -> Handover:
    """Return what `account` can still do in a system as of `block`."""
    record, who = record_of(system, block), parse_address(account)
    checks = (
        Check("events that the AccessManager's state contradicts", record.count, record.differences(system.authority)),
        _roles(system, who, record),
        _functions(system, who, record),
        _authorities(system, record),
        _admin_calls(system, who, record),
        _announced(system, who, record),
        _seal(system, record),
        Check("titles", *titles(system, who, record.block)),
        Check("allowances that it was given", *allowances(system, who, record.block)),
    )
    return Handover(who, record.block, record.at, checks)


def unplanned(record: AccessRecord, holders: Collection[tuple[int, str]]) -> tuple[str, ...]:
    """Return what a deployer may have arranged beside the plan: holders, other admins and guardians, what is closed.

    Args:
        record: the replay, of a deployment that was just done.
        holders: every role with every account that is to hold it, or may have held it.

    """
    # Whoever gave a role up again may have used it in between.
    left = [
        f"{account} {'holds' if account in record.members.get(role, {}) else 'held'} {role_name(role)}"
        for role, account in sorted(record.seen)
        if (role, account) not in holders
    ]
    for role in record.role_ids:
        guardian = Role.GUARDIAN if role in DELAYED_ROLES else ADMIN
        if record.admin_of(role) != ADMIN:
            left.append(f"{role_name(role)} is given by {role_name(record.admin_of(role))}")
        if record.guardian_of(role) != guardian:
            left.append(f"calls of {role_name(role)} are cancelled by {role_name(record.guardian_of(role))}")
    left += [f"{target} is closed" for target, closed in sorted(record.closed.items()) if closed]
    left += [f"{call.caller} announced 0x{call.operation.hex()}" for call in record.pending()]
    return tuple(left)


def arranged(system: System, deployer: str, planned: Collection[tuple[str, object]]) -> tuple[str, ...]:
    """Return what a deployer did in the place of roles while it was admin, beside the plan.

    Later the holders of the roles may do the same: only what came before its renunciation counts.

    Args:
        system: a deployment whose deployer gave up its rights.
        deployer: who did.
        planned: event and first argument of what the plan has.

    Raises `NotHandedOverError` where the node knows of no renunciation.
    """
    rows = [(label, contract, address) for label, contract, address in managed(system.manifest) if contract in _ACTS]
    labels = {address.lower(): label for label, _, address in rows}
    shapes = {name: event_shape(contract, name) for _, contract, _ in rows for name in _ACTS[contract]}
    born = system.manifest.contracts["AccessManager"].block or 0
    given_up = next(events(system.authority, "RoleRevoked", [topic(ADMIN), topic(deployer)], first=born), None)
    if given_up is None:
        raise NotHandedOverError(deployer, ("no event says that it gave its rights up",))
    told = [
        (labels[one.contract], one.name, _first_of(one.arguments))
        for one in logs(system.web3, [*shapes.values()], [*labels], [], first=born, last=given_up.block)
        if (one.block, one.index) < (given_up.block, given_up.index)
    ]
    acts = [(label, name, parse_address(of) if isinstance(of, str) else of) for label, name, of in told]
    return tuple(f"{label} {name} {of}" for label, name, of in acts if (name, of) not in planned)


def _roles(system: System, account: str, record: AccessRecord) -> Check:
    """Look for roles that it holds, or will hold, by state and by replay."""
    roles = sorted({*record.role_ids, *Role})
    answers = system.authority.read_many([("getAccess", role, account) for role in roles], record.block)
    held = {role for role, access in zip(roles, answers, strict=True) if access[0]}
    held |= {role for role, members in record.members.items() if account in members}
    return Check("roles held, or to be held", len(roles), tuple(f"it holds {role_name(role)}" for role in sorted(held)))


def _functions(system: System, account: str, record: AccessRecord) -> Check:
    """Ask `canCall` for every function that changes something, of every contract that obeys the AccessManager."""
    places = [
        (f"{label}.{function}", address, selector)
        for label, contract, address in (*managed(system.manifest), _manager(system))
        for function, selector in changing(contract)
    ]
    reads = [("canCall", account, address, selector) for _, address, selector in places]
    answers = system.authority.read_many(reads, record.block)
    # Of what is open to all, or another contract's alone, the answer says no more than that it is an admin.
    left = [
        f"it may call {name}" + ("" if at_once else f" {delay} s after announcing it")
        for (name, *place), (at_once, delay) in zip(places, answers, strict=True)
        if (at_once or delay) and tuple(place) in record.functions
    ]
    others = sum(bool(at_once or delay) for at_once, delay in answers) - len(left)
    if others:
        left.append(f"it is let through to {others} functions that nobody was given")
    return Check("functions that it may call", len(places), tuple(left))


def _authorities(system: System, record: AccessRecord) -> Check:
    """Look whether every contract obeys this AccessManager and no other."""
    rows = list(managed(system.manifest))
    found = [parse_address(call_view(system.web3, name, at, "authority", block=record.block)) for _, name, at in rows]
    left = tuple(
        f"{label} obeys {authority}, not the AccessManager"
        for (label, _, _), authority in zip(rows, found, strict=True)
        if authority != system.authority.address
    )
    return Check("contracts that obey another AccessManager", len(rows), left)


def _admin_calls(system: System, account: str, record: AccessRecord) -> Check:
    """Make the admin's calls in the account's name, as a node can without sending anything."""
    target, authority = system.registry.address, system.authority
    calls: list[tuple[object, ...]] = [
        ("labelRole", 1, "x"),
        ("setRoleAdmin", 1, 1),
        ("setRoleGuardian", 1, 1),
        ("setGrantDelay", 1, 0),
        ("setTargetAdminDelay", target, 0),
        ("updateAuthority", target, account),
        ("setTargetClosed", target, True),
        ("setTargetFunctionRole", target, [_NO_SELECTOR], 1),
        *(("grantRole", role, account, 0) for role in Role),
        *(("revokeRole", role, account) for role in Role),
    ]
    left = []
    for name, *arguments in calls:
        message = {"from": account, "to": authority.address}
        message["data"] = "0x" + encode_call("AccessManager", str(name), *arguments).hex()
        try:
            rpc.execution(system.web3, "eth_call", f"AccessManager.{name}", message, rpc.block_parameter(record.block))
        except RevertedError as error:
            if error.name == _REFUSED:
                continue
        left.append(f"AccessManager.{name} does not refuse it")
    return Check("calls of the admin that it is refused", len(calls), tuple(dict.fromkeys(left)))


def _announced(system: System, account: str, record: AccessRecord) -> Check:
    """Look for announced calls of the account, and for those that would give it a role."""
    pending = record.pending()
    grant = function_shape("AccessManager", "grantRole").selector
    word = bytes.fromhex(account[2:]).rjust(32, b"\0")
    left = [f"it announced 0x{call.operation.hex()}" for call in pending if call.caller == account]
    left += [
        f"0x{call.operation.hex()}, announced by {call.caller}, would give it a role"
        for call in pending
        if call.target == system.authority.address and call.data[:4] == grant and call.data[36:68] == word
    ]
    return Check("announced calls", len(pending), tuple(left))


def _seal(system: System, record: AccessRecord) -> Check:
    left = () if system.registry.is_sealed(record.block) else ("the registry's right to seal is not spent",)
    return Check("right to open business", 1, left)


def _first_of(arguments: dict[str, Any]) -> Any:
    """Return an event's first argument: whom or what it is about, whatever its contract calls them."""
    return next(iter(arguments.values()))


def role_name(role: int) -> str:
    """Return what a role is called where it is spoken of."""
    if role == EVERYBODY:
        return "everybody"
    try:
        return Role(role).name.lower().replace("_", "-")
    except ValueError:
        return f"role {role}"


def changing(contract: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and selector of a contract's functions that change something."""
    for entry in artifacts.load(contract).abi:
        if entry["type"] == "function" and entry["stateMutability"] not in {"view", "pure"}:
            signature = f"{entry['name']}({','.join(abi_type(item) for item in entry['inputs'])})"
            yield entry["name"], function_shape(contract, signature).selector


def _manager(system: System) -> tuple[str, str, str]:
    return "AccessManager", "AccessManager", system.authority.address


def _has(contract: str, function: str) -> bool:
    return any(entry["type"] == "function" and entry["name"] == function for entry in artifacts.load(contract).abi)
