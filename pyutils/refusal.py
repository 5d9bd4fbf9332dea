"""Errors of the mirrors: each bears the name of the contract's custom error, and its facts in the same order."""

from __future__ import annotations

from typing import ClassVar

from pyutils.errors import ContractError

Fact = int | str | bytes
"""An argument of a custom error: numbers, addresses, short strings and hashes."""


class RefusalError(ContractError):
    """The contract would refuse this call.

    A subclass `LeaseClosedError` stands for the custom error `LeaseClosed`; `fields` are its arguments' names.
    """

    fields: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *facts: Fact) -> None:
        named = dict(zip(self.fields, facts, strict=True))
        shown = ", ".join(f"{name} {_show(fact)}" for name, fact in named.items())
        what = (self.__doc__ or "").strip().removesuffix(".") or self.name()
        super().__init__(f"{what} ({self.name()}{': ' if shown else ''}{shown})")
        self.facts = named

    @classmethod
    def name(cls) -> str:
        """Return the name of the contract's custom error."""
        return cls.__name__.removesuffix("Error")


def _show(fact: Fact) -> str:
    return "0x" + fact.hex() if isinstance(fact, bytes) else str(fact)
