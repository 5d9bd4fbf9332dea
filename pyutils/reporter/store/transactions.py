"""Raw transactions, on disk before a node hears of them, and the journal by which a lane goes on after a crash."""

from __future__ import annotations

import sqlite3
import time
from itertools import groupby
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from pyutils.chain import Sent
from pyutils.keccak import keccak256
from pyutils.models import Address, FrozenModel, Uint64
from pyutils.models.base import IN_UINT40, IN_UINT64, HexBytes
from pyutils.reporter.store.records import DamagedRecordError
from pyutils.units import FleetId, UnixSeconds

Kind: TypeAlias = Literal["submit", "post", "alone"]
"""How a report goes to the chain: with a quorum, on the operator's word alone, or by verifiers alone."""

About: TypeAlias = tuple[FleetId, UnixSeconds, Kind]
"""Which report a transaction is for, and how it brings it."""


class SavedForm(FrozenModel):
    """One signed form of a transaction that is not settled."""

    account: Address
    nonce: Uint64
    place: Annotated[int, Field(ge=0)]
    """Its place among the forms of its nonce, oldest first."""
    call: str
    raw: HexBytes
    about: tuple[Annotated[FleetId, IN_UINT64], Annotated[UnixSeconds, IN_UINT40], Kind] | None = None


def save(connection: sqlite3.Connection, account: str, sent: Sent, about: About | None) -> About | None:
    """Save all forms of a nonce. Returns what the newest is about: `about`, or else what an equal call was about."""
    rows = connection.execute("SELECT * FROM transactions WHERE account = ? AND nonce = ?", (account, str(sent.nonce)))
    known = {row["hash"]: _about(row) for row in rows}
    newest = sent.forms[-1]
    if about is None:
        equals = (known.get(form.hash) for form in sent.forms if form.says == newest.says)
        about = next((one for one in equals if one is not None), None)
    for place, form in enumerate(sent.forms):
        told = about if form is newest else known.get(form.hash)
        connection.execute(
            "INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)"
            " ON CONFLICT (hash) DO UPDATE SET place = excluded.place, settled = 0",
            (form.hash, account, str(sent.nonce), place, form.call, form.raw, *_columns(told), int(time.time())),
        )
    return about


def settle(connection: sqlite3.Connection, account: str, nonce: int) -> None:
    """Say that a nonce is settled; its forms stay as evidence, and no lane takes them up again."""
    connection.execute("UPDATE transactions SET settled = 1 WHERE account = ? AND nonce = ?", (account, str(nonce)))


def unsettled(connection: sqlite3.Connection, account: str | None = None) -> list[SavedForm]:
    """Return the forms of what is not settled, by account, nonce and place. Raises `DamagedRecordError`."""
    found = []
    for row in connection.execute("SELECT * FROM transactions WHERE settled = 0"):
        if account is not None and row["account"] != account:
            continue
        if keccak256(row["raw"]) != row["hash"]:
            raise DamagedRecordError(f"the transaction 0x{row['hash'].hex()} is not what was written")
        found.append(
            SavedForm(
                account=row["account"],
                nonce=int(row["nonce"]),
                place=row["place"],
                call=row["call"],
                raw=row["raw"],
                about=_about(row),
            )
        )
    return sorted(found, key=lambda one: (one.account, one.nonce, one.place))


def restore(connection: sqlite3.Connection, one: SavedForm) -> None:
    """Save a form that another store had. One that is known here stays as it is."""
    connection.execute(
        "INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?) ON CONFLICT (hash) DO NOTHING",
        (
            keccak256(one.raw),
            one.account,
            str(one.nonce),
            one.place,
            one.call,
            one.raw,
            *_columns(one.about),
            int(time.time()),
        ),
    )


def to_sents(forms: list[SavedForm]) -> list[Sent]:
    """Return one account's forms as a lane takes them up. Raises `TransactionError` where bytes are none."""
    by_nonce = groupby(forms, key=lambda one: one.nonce)
    return [Sent.restored([(form.call, form.raw) for form in group]) for _, group in by_nonce]


def _about(row: sqlite3.Row) -> About | None:
    if row["kind"] is None:
        return None
    return FleetId(int(row["fleet_id"])), UnixSeconds(row["as_of"]), row["kind"]


def _columns(about: About | None) -> tuple[str | None, int | None, str | None]:
    return (None, None, None) if about is None else (str(about[0]), about[1], about[2])
