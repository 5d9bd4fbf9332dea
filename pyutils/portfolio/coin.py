"""Coins: what an account holds and is owed. Amounts in the coin's units."""

from __future__ import annotations

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from pyutils.models import Address, FrozenModel


class Coin(FrozenModel):
    """A coin that an account holds, or could."""

    token: Address
    symbol: str
    decimals: int
    amount: int


class OwedAmount(FrozenModel):
    """Money that a contract owes an account, until the account withdraws it."""

    contract: str
    token: Address
    amount: int


def read_symbol(returned: bytes) -> str:
    """Return the ticker that `symbol()` returned: a string or, of old coins, a `bytes32`; `?` where it is neither."""
    try:
        text = returned.rstrip(b"\0").decode() if len(returned) == 32 else str(decode(("string",), returned)[0])
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return "?"
    return text if text.isprintable() and text else "?"
