"""What the AccessManager's events add up to: every role, delay, mapping and announced call, replayed up to a block.

The replay follows OpenZeppelin's rules to the second, pending delays among them, so that it can be held against what
the contract answers: a node that hides an event, or invents one, is found out by `differences`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Self

from pyutils.contracts import AccessManager
from pyutils.contracts.base import Block
from pyutils.errors import ContractError
from pyutils.models import parse_address
from pyutils.operations.history import Event, block_number, block_time, events
from pyutils.units import BlockNumber, UnixSeconds

ADMIN: Final = 0
EVERYBODY: Final = 2**64 - 1
"""The role that everybody has: a function of it is open to all."""
EXPIRES_S: Final = 7 * 86_400
"""An announced call that was not made so long after it could be is void."""

_NEVER: Final = UnixSeconds(0)

_EVENTS: Final = (
    *("RoleGranted", "RoleRevoked", "RoleAdminChanged", "RoleGuardianChanged", "RoleGrantDelayChanged"),
    *("TargetClosed", "TargetFunctionRoleUpdated", "TargetAdminDelayUpdated"),
    *("OperationScheduled", "OperationExecuted", "OperationCanceled"),
)


class RecordDiffersError(ContractError):
    """The events of the AccessManager do not add up to its state."""

    remedy = "Ask another node with --rpc: this one hides events, or its state is of another block"


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds, and what they will be from a time on where they are about to change."""

    before_s: int = 0
    after_s: int = 0
    from_: UnixSeconds = _NEVER

    def at(self, time: int) -> int:
        """Return the seconds at a time."""
        return self.after_s if self.from_ <= time else self.before_s

    def changed(self, to_s: int, from_: int, now: int) -> Delay:
        """Return the delay after a change was decided at `now`, which takes effect at `from_`."""
        return Delay(self.at(now), to_s, UnixSeconds(from_))

    def full(self, time: int) -> tuple[int, int, int]:
        """Return seconds now, seconds later and from when, both zero where nothing is about to change."""
        return (self.after_s, 0, 0) if self.from_ <= time else (self.before_s, self.after_s, self.from_)


@dataclass(frozen=True, slots=True)
class Member:
    """An account in a role."""

    since: UnixSeconds
    """From when on it holds the role; may be still to come."""
    delay: Delay
    """Between announcing and making a call."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A call that was announced and can be made once its delay is over."""

    operation: bytes
    caller: str
    target: str
    data: bytes
    ready_at: UnixSeconds
    announced_at: UnixSeconds

    @property
    def void_at(self) -> UnixSeconds:
        """When it can no more be made."""
        return UnixSeconds(self.ready_at + EXPIRES_S)


@dataclass(slots=True)
class AccessRecord:
    """The AccessManager as its events tell it, as of a block."""

    block: BlockNumber
    at: UnixSeconds
    count: int = 0
    """Of events."""
    members: dict[int, dict[str, Member]] = field(default_factory=dict)
    """By role; those who lost it again stand in `seen` alone."""
    seen: set[tuple[int, str]] = field(default_factory=set)
    """Every role with every account that it was ever granted to."""
    admins: dict[int, int] = field(default_factory=dict)
    guardians: dict[int, int] = field(default_factory=dict)
    grant_delays: dict[int, Delay] = field(default_factory=dict)
    functions: dict[tuple[str, bytes], int] = field(default_factory=dict)
    """Role by contract and selector, of what is known to be for a role and whatever was ever mapped."""
    closed: dict[str, bool] = field(default_factory=dict)
    target_delays: dict[str, Delay] = field(default_factory=dict)
    announced: dict[bytes, Announced] = field(default_factory=dict)
    """Neither made nor cancelled; void ones among them."""

    @classmethod
    def read(
        cls,
        authority: AccessManager,
        *,
        first: int,
        block: Block = "latest",
        roles: Iterable[int] = (),
        functions: Iterable[tuple[str, bytes]] = (),
    ) -> Self:
        """Replay the events from `first`, where the contract came to be, up to `block`.

        Roles and functions that are named here are part of the record, and so of `differences`, where no event tells
        of them.
        """
        number = block_number(authority.web3, block)
        record = cls(number, block_time(authority.web3, number))
        record.functions = dict.fromkeys(functions, ADMIN)
        record.grant_delays = dict.fromkeys(roles, Delay())
        targets = sorted({target for target, _ in record.functions})
        record.closed, record.target_delays = dict.fromkeys(targets, False), dict.fromkeys(targets, Delay())
        for event in events(authority, _EVENTS, first=first, block=number):
            record.add(event)
        return record

    def add(self, event: Event) -> None:
        """Take a further event in."""
        self.count += 1
        values = event.arguments
        if event.name.startswith("Role"):
            self._role(event.name, values, event.at)
        elif event.name.startswith("Target"):
            self._target(event.name, values, event.at)
        elif event.name == "OperationScheduled":
            self.announced[values["operationId"]] = Announced(
                values["operationId"],
                parse_address(values["caller"]),
                parse_address(values["target"]),
                values["data"],
                UnixSeconds(values["schedule"]),
                event.at,
            )
        else:
            self.announced.pop(values["operationId"], None)

    @property
    def role_ids(self) -> tuple[int, ...]:
        """Every role that is spoken of anywhere."""
        named = {role for role, _ in self.seen} | {*self.admins, *self.guardians, *self.grant_delays}
        return tuple(sorted(named | {*self.admins.values(), *self.guardians.values(), *self.functions.values()}))

    def admin_of(self, role: int) -> int:
        """Return the role that grants a role and takes it."""
        return self.admins.get(role, ADMIN)

    def guardian_of(self, role: int) -> int:
        """Return the role that may cancel a role's announced calls."""
        return self.guardians.get(role, ADMIN)

    def has_role(self, role: int, account: str) -> bool:
        """Return whether an account holds a role as of the block."""
        member = self.members.get(role, {}).get(account)
        return role == EVERYBODY or (member is not None and member.since <= self.at)

    def pending(self) -> tuple[Announced, ...]:
        """Return the announced calls that are not void, the next first."""
        return tuple(sorted((one for one in self.announced.values() if one.void_at > self.at), key=_order))

    def differences(self, authority: AccessManager) -> tuple[str, ...]:
        """Return where the contract's state as of the block is not what its events add up to; one line each."""
        claims = list(self._claims())
        answers = authority.read_many([read for read, _ in claims], self.block)
        return tuple(
            f"{read[0]}({', '.join(_shown(value) for value in read[1:])}) is {answer}, by the events {expected}"
            for (read, expected), answer in zip(claims, answers, strict=True)
            if answer != expected
        )

    def check(self, authority: AccessManager) -> None:
        """Raise `RecordDiffersError` where state and events differ."""
        found = self.differences(authority)
        if found:
            raise RecordDiffersError(f"AccessManager at block {self.block}: {found[0]}")

    def _role(self, name: str, values: dict[str, Any], now: UnixSeconds) -> None:
        role = values["roleId"]
        if name == "RoleAdminChanged":
            self.admins[role] = values["admin"]
        elif name == "RoleGuardianChanged":
            self.guardians[role] = values["guardian"]
        elif name == "RoleGrantDelayChanged":
            old = self.grant_delays.get(role, Delay())
            self.grant_delays[role] = old.changed(values["delay"], values["since"], now)
        else:
            self._member(name, role, values, now)

    def _member(self, name: str, role: int, values: dict[str, Any], now: UnixSeconds) -> None:
        account, members = parse_address(values["account"]), self.members.setdefault(role, {})
        self.seen.add((role, account))
        if name == "RoleRevoked":
            members.pop(account, None)
        elif values["newMember"] or account not in members:
            members[account] = Member(UnixSeconds(values["since"]), Delay(after_s=values["delay"]))
        else:
            old = members[account]
            members[account] = Member(old.since, old.delay.changed(values["delay"], values["since"], now))

    def _target(self, name: str, values: dict[str, Any], now: UnixSeconds) -> None:
        target = parse_address(values["target"])
        if name == "TargetClosed":
            self.closed[target] = values["closed"]
        elif name == "TargetFunctionRoleUpdated":
            self.functions[target, values["selector"]] = values["roleId"]
        else:
            old = self.target_delays.get(target, Delay())
            self.target_delays[target] = old.changed(values["delay"], values["since"], now)

    def _claims(self) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """Yield reads of the contract with what they must return."""
        for role, account in sorted(self.seen):
            member = self.members.get(role, {}).get(account)
            expected = (0, 0, 0, 0) if member is None else (member.since, *member.delay.full(self.at))
            yield ("getAccess", role, account), expected
        for role in self.role_ids:
            if role != EVERYBODY:
                yield ("getRoleAdmin", role), (self.admin_of(role),)
                yield ("getRoleGuardian", role), (self.guardian_of(role),)
                yield ("getRoleGrantDelay", role), (self.grant_delays.get(role, Delay()).at(self.at),)
        for (target, selector), role in sorted(self.functions.items()):
            yield ("getTargetFunctionRole", target, selector), (role,)
        for target, closed in sorted(self.closed.items()):
            yield ("isTargetClosed", target), (closed,)
        for target, delay in sorted(self.target_delays.items()):
            yield ("getTargetAdminDelay", target), (delay.at(self.at),)
        for operation, call in sorted(self.announced.items()):
            yield ("getSchedule", operation), (call.ready_at if call.void_at > self.at else 0,)


def _order(call: Announced) -> tuple[int, bytes]:
    return call.ready_at, call.operation


def _shown(value: object) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
