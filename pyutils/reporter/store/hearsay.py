"""What others said: signatures of reports, and for a verifier the proposals that it answered."""

from __future__ import annotations

import sqlite3

from pyutils.operations.report_files import SignatureFile
from pyutils.units import FleetId, UnixSeconds


def keep_signature(connection: sqlite3.Connection, digest: bytes, signer: str, signature: bytes) -> None:
    """Keep the 65 bytes of a signature, in place of what was kept of the same signer."""
    connection.execute(
        "INSERT INTO signatures VALUES (?, ?, ?)"
        " ON CONFLICT (digest, signer) DO UPDATE SET signature = excluded.signature",
        (digest, signer, signature),
    )


def signatures(connection: sqlite3.Connection, digest: bytes) -> tuple[SignatureFile, ...]:
    """Return the kept signatures of a report, by signer."""
    rows = connection.execute("SELECT signer, signature FROM signatures WHERE digest = ? ORDER BY signer", (digest,))
    return tuple(SignatureFile(digest=digest, signer=row["signer"], signature=row["signature"]) for row in rows)


def keep_proposal(
    connection: sqlite3.Connection, fleet_id: FleetId, proposer: str, as_of: UnixSeconds, body: bytes
) -> None:
    """Keep a proposal, unless one of the same proposer for a later time is kept."""
    connection.execute(
        "INSERT INTO proposals VALUES (?, ?, ?, ?) ON CONFLICT (fleet_id, proposer)"
        " DO UPDATE SET as_of = excluded.as_of, body = excluded.body WHERE excluded.as_of >= as_of",
        (str(fleet_id), proposer, as_of, body),
    )


def newest_proposal(connection: sqlite3.Connection, fleet_id: FleetId, proposer: str | None) -> bytes | None:
    """Return the kept proposal for the latest time, of one proposer or of all."""
    row = connection.execute(
        "SELECT body FROM proposals WHERE fleet_id = ? AND (? IS NULL OR proposer = ?) ORDER BY as_of DESC LIMIT 1",
        (str(fleet_id), proposer, proposer),
    ).fetchone()
    return None if row is None else row["body"]
