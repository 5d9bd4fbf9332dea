"""Whom an index follows: the deployment record's contracts, and shares that the factory creates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from web3.types import RPCResponse

from pyutils.chain.batch import Source, answered
from pyutils.chain.errors import revert_data
from pyutils.chain.rpc import RpcError, unwrap
from pyutils.contracts.base import encode_call
from pyutils.index.decode import Log, decode_logs
from pyutils.index.errors import OtherIndexError
from pyutils.index.layout import SHARED, kinds, layouts
from pyutils.index.store import Followed
from pyutils.manifest import Manifest
from pyutils.operations.event_source import SHARES

_FACTORY: Final = "FleetShareFactory"
_CREATION: Final = next(event for event in layouts(_FACTORY).values() if event.name == "CreateShares")

_WORD_DIGITS: Final = 64
_ADDRESS_DIGITS: Final = 40


class UnknownKindError(OtherIndexError):
    """A deployment record names a contract that this package does not know."""

    remedy = "Use the version of the package that wrote the record"


def deployed(manifest: Manifest) -> list[Followed]:
    """Return the contracts of a deployment record that have events of ours. Raises `UnknownKindError`."""
    return list(_deployed(manifest))


def created_in(logs: Iterable[Log], followed: Mapping[str, str]) -> list[Followed]:
    """Return the shares that the factory created and nobody follows yet."""
    topic = "0x" + _CREATION.topic.hex()
    told = [log for log in logs if followed[log["address"].lower()] == _FACTORY and log["topics"][:1] == [topic]]
    place = 4 + next(n for n, column in enumerate(_CREATION.columns) if column.name == "shares")
    found = (
        Followed(address, SHARES, block, created=True)
        for rows in decode_logs(told, followed)
        for address, block in zip(rows.columns[place], rows.columns[0], strict=True)
    )
    return [one for one in found if "0x" + one.address.hex() not in followed]


def with_tokens(source: Source, created: Sequence[Followed]) -> list[Followed]:
    """Return shares with the coin that they pay, which cannot change; without it where what stands there tells none.

    Raises `RpcError` where the node does not answer: what is not asked again must not be left out.
    """
    call = "0x" + encode_call(SHARES, "settlementToken").hex()
    asked = [("eth_call", [{"to": "0x" + one.address.hex(), "data": call}, "latest"]) for one in created]
    told = answered(source, asked)
    return [replace(one, settlement_token=_token(answer)) for one, answer in zip(created, told, strict=True)]


def _token(answer: RPCResponse) -> bytes | None:
    try:
        word = str(unwrap("eth_call", answer) or "").removeprefix("0x")
    except RpcError as error:
        # A node that is busy, or behind, says nothing of what stands there.
        if revert_data(error.data) is None and "revert" not in error.reason.lower():
            raise
        return None
    return bytes.fromhex(word[-_ADDRESS_DIGITS:]) if len(word) == _WORD_DIGITS else None


def _deployed(manifest: Manifest) -> Iterator[Followed]:
    known, silent = set(kinds()), _silent()
    records = [manifest.contracts.items(), *(market.contracts.items() for market in manifest.credit)]
    for items in records:
        for name, record in items:
            if name in silent:
                continue
            if name not in known:
                raise UnknownKindError(f"the deployment record of {manifest.network} names {name}, which is unknown")
            first = manifest.first_block if record.block is None else record.block
            yield Followed(bytes.fromhex(record.address[2:]), name, first, created=False)


def _silent() -> set[str]:
    """Return contracts without events, or with events that are not ours."""
    from pyutils import artifacts

    return {*SHARED, *artifacts.names()} - set(kinds())
