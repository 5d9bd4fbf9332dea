"""Calls of a wallet that signs elsewhere, such as a Safe: tried in its name, and told instead of sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from web3 import Web3

from pyutils.chain import rpc
from pyutils.chain.lane import Lane
from pyutils.chain.receipt import Receipt
from pyutils.eip712 import Signature
from pyutils.errors import InputError, SigningError
from pyutils.models.address import parse_address

PREFIX: Final = "wallet:"


class WalletAddressError(InputError):
    """Text names no wallet."""

    remedy = "Write wallet:0xADDRESS"


class SignsElsewhereError(SigningError):
    """A wallet's signature is wanted here, where nobody has its keys."""

    remedy = "Choose a way without a signature, such as --pay approve, or sign as an account with a key"


@dataclass(frozen=True, slots=True)
class ProposedCall:
    """What a wallet has to call."""

    call: str
    """What it is, such as `FleetRegistry.pause`."""
    sender: str
    to: str
    value: int
    """Wei."""
    data: bytes


class Wallet:
    """A signer of whom only the address is known here."""

    def __init__(self, address: str) -> None:
        self.address: ChecksumAddress = to_checksum_address(parse_address(address))

    def __repr__(self) -> str:
        return f"Wallet({self.address})"

    @classmethod
    def from_text(cls, text: str) -> Wallet:
        """Return the wallet that `wallet:0x…` names. Raises `WalletAddressError`."""
        try:
            return cls(text.removeprefix(PREFIX))
        except ValueError:
            # Not repeated: it may be a key that was mistaken for an address.
            raise WalletAddressError("no address of 20 bytes with a right checksum stands behind wallet:") from None

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:  # noqa: ARG002 as every signer has it
        """Raise `SignsElsewhereError`."""
        raise SignsElsewhereError(f"{self.address} sends its transactions elsewhere")

    def sign_preimage(self, preimage: bytes) -> Signature:  # noqa: ARG002 as every signer has it
        """Raise `SignsElsewhereError`."""
        raise SignsElsewhereError(f"{self.address} signs its statements elsewhere")


class ProposalLane(Lane):
    """A lane that tells the first call and goes no further: what follows depends on its being made.

    Args:
        web3: the chain.
        wallet: who is to make the call.
        tell: takes the call, and ends what was begun.

    """

    def __init__(self, web3: Web3, wallet: Wallet, tell: Callable[[ProposedCall], NoReturn]) -> None:
        super().__init__(web3, wallet)
        self._propose = tell

    def transact(self, to: str, data: bytes, *, value: int = 0, call: str = "transaction") -> Receipt:
        """Try the call as the wallet's and tell it. Raises `RevertedError` where the contract would refuse it."""
        message = {"from": self.address, "to": to, "value": hex(value), "data": "0x" + data.hex()}
        rpc.execution(self.web3, "eth_call", call, message, "latest")
        self._propose(ProposedCall(call, self.address, parse_address(to), value, data))
