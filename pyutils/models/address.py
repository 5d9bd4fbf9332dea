"""Addresses of accounts and contracts, always in checksum case."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, TypeAlias

from eth_typing import ChecksumAddress
from eth_utils.address import is_hex_address, to_checksum_address
from pydantic import AfterValidator

ZERO_ADDRESS = to_checksum_address("0x" + "00" * 20)


@lru_cache(maxsize=4_096)
def _checksummed(text: str) -> str:
    if not is_hex_address(text):
        raise ValueError(f"{text!r} is no address of 20 bytes")
    checksummed = to_checksum_address(text)
    digits = text.removeprefix("0x")
    if digits not in (digits.lower(), digits.upper()) and digits != checksummed[2:]:
        raise ValueError(f"{text} has a wrong checksum, a digit was mistyped")
    return checksummed


Address: TypeAlias = Annotated[str, AfterValidator(_checksummed)]
"""An account or contract in checksum case; text in mixed case must carry the right checksum."""


def parse_address(text: str) -> ChecksumAddress:
    """Return `text` in checksum case. Raises `ValueError` where it is no address or has a digit wrong."""
    return to_checksum_address(_checksummed(text))
