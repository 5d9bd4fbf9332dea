"""Exact mirror of `Payouts`: money is credited to its owner, and withdrawn by its owner."""

from __future__ import annotations

from collections import defaultdict

from pyutils.refusal import RefusalError
from pyutils.units import TokenUnits


class NothingOwedError(RefusalError):
    """The account has nothing to withdraw in this token."""

    fields = ("token", "account")


class Payouts:
    """What one contract owes to whom, per token, in token units. Nothing rounds."""

    def __init__(self) -> None:
        self._owed: defaultdict[tuple[str, str], int] = defaultdict(int)

    def owed(self, token: str, account: str) -> TokenUnits:
        """Return what `account` may withdraw."""
        return TokenUnits(self._owed.get((token, account), 0))

    def total(self, token: str) -> TokenUnits:
        """Return what is owed to all accounts together."""
        return TokenUnits(sum(amount for (its_token, _), amount in self._owed.items() if its_token == token))

    def credit(self, token: str, account: str, amount: int) -> None:
        """Owe `amount` more to `account`."""
        self._owed[token, account] += amount

    def withdraw(self, token: str, account: str) -> TokenUnits:
        """Pay out everything owed to `account`, and return it. Raises `NothingOwedError`."""
        amount = self.owed(token, account)
        if amount == 0:
            raise NothingOwedError(token, account)
        self._owed[token, account] = 0
        return amount
