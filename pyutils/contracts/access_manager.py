"""AccessManager: people's roles and their delays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import decode

from pyutils.chain import Lane, Receipt
from pyutils.contracts.base import Block, Contract, function_shape

_AT_ONCE: Final = 200
"""Reads in one call: some two million gas, which every node gives."""


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether a call may be made: at once, after a delay in seconds, or not at all."""

    immediate: bool
    delay_s: int


class AccessManager(Contract):
    """OpenZeppelin's AccessManager."""

    NAME = "AccessManager"

    def multicall(self, lane: Lane, calls: Sequence[bytes]) -> Receipt:
        """Make several calls in one transaction, all or none."""
        return self._write(lane, "multicall", list(calls))

    def schedule(self, lane: Lane, target: str, data: bytes, when: int = 0) -> tuple[bytes, Receipt]:
        """Schedule a delayed call for `when`, or for the earliest time; returns the operation's id."""
        receipt = self._write(lane, "schedule", target, data, when)
        return bytes(self.event(receipt, "OperationScheduled")["operationId"]), receipt

    def execute(self, lane: Lane, target: str, data: bytes) -> Receipt:
        """Make a scheduled call whose delay has passed."""
        return self._write(lane, "execute", target, data)

    def cancel(self, lane: Lane, caller: str, target: str, data: bytes) -> Receipt:
        """Cancel a scheduled call of `caller`."""
        return self._write(lane, "cancel", caller, target, data)

    def renounce_role(self, lane: Lane, role: int) -> Receipt:
        """Give up a role of the signer's."""
        return self._write(lane, "renounceRole", role, lane.address)

    def has_role(self, role: int, account: str, block: Block = "latest") -> tuple[bool, int]:
        """Return whether `account` holds the role, and its execution delay."""
        held, delay = self._read("hasRole", role, account, block=block)
        return bool(held), int(delay)

    def can_call(self, caller: str, target: str, selector: bytes, block: Block = "latest") -> Permission:
        """Return whether `caller` may call a function."""
        immediate, delay = self._read("canCall", caller, target, selector, block=block)
        return Permission(bool(immediate), int(delay))

    def function_role(self, target: str, selector: bytes, block: Block = "latest") -> int:
        """Return the role that may call a function."""
        return int(self._read("getTargetFunctionRole", target, selector, block=block))

    def read_many(self, reads: Sequence[tuple[Any, ...]], block: Block = "latest") -> list[tuple[Any, ...]]:
        """Return what many views return, asked by few calls: each read is a function's name and its arguments."""
        found: list[tuple[Any, ...]] = []
        for begin in range(0, len(reads), _AT_ONCE):
            part = reads[begin : begin + _AT_ONCE]
            answers = self._read("multicall", [self.call_data(*read) for read in part], block=block)
            found += [
                decode(function_shape(self.NAME, read[0]).outputs, answer)
                for read, answer in zip(part, answers, strict=True)
            ]
        return found

    def operation(self, caller: str, target: str, data: bytes, block: Block = "latest") -> bytes:
        """Return the id of a delayed call."""
        return bytes(self._read("hashOperation", caller, target, data, block=block))

    def scheduled_for(self, operation: bytes, block: Block = "latest") -> int:
        """Return when a scheduled call may be made; 0 where it is not scheduled or has expired."""
        return int(self._read("getSchedule", operation, block=block))
