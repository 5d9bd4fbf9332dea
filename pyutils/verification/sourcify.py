"""Sourcify, by version 2 of its API: verifies by standard JSON, for nothing and without a key.

Our code ends with the compiler's version and no hash of the metadata (`bytecodeHash: none`), so that a comment does not
change a contract's code hash. Sourcify calls what fits then `match`; `exact_match` is for code with that hash.
"""

from __future__ import annotations

from typing import Any, Final

import httpx

from pyutils.verification.connection import Connection
from pyutils.verification.errors import (
    AlreadyVerifiedError,
    ChainNotServedError,
    ExplorerRefusedError,
    MismatchError,
    NotIndexedError,
)
from pyutils.verification.policy import DEFAULT_POLICY, PublishingPolicy
from pyutils.verification.submission import Submission

SOURCIFY_URL: Final = "https://sourcify.dev/server"

_NO_TICKET: Final = ""
"""Somebody sent the contract already, and it is being compiled: how it stands is asked of the contract."""
_UNSEEN: Final = frozenset({"contract_not_deployed", "cannot_fetch_bytecode"})
_MATCHES: Final = frozenset({"match", "exact_match"})


class Sourcify:
    """A Sourcify server.

    Args:
        url: where its API begins.
        policy: pace and patience.

    """

    def __init__(self, url: str = SOURCIFY_URL, policy: PublishingPolicy = DEFAULT_POLICY) -> None:
        self._connection = Connection("Sourcify", url, policy, busy=_busy)

    @property
    def where(self) -> str:
        """Return its name and where it is."""
        return self._connection.where

    @property
    def policy(self) -> PublishingPolicy:
        """Return how patient to be."""
        return self._connection.policy

    def standing(self, one: Submission) -> str | None:
        """Return the kind of match, None where there is none. Raises `VerificationError`."""
        status, body = self._connection.get(f"/v2/contract/{one.chain_id}/{one.record.address}")
        if status == httpx.codes.OK or (status == httpx.codes.NOT_FOUND and "customCode" not in _object(body)):
            return self._match(body)
        raise self._refusal(one, body)

    def submit(self, one: Submission) -> str:
        """Send a contract and return the job's id. Raises `VerificationError`."""
        asked: dict[str, Any] = {
            "stdJsonInput": one.input,
            "compilerVersion": one.compiler,
            "contractIdentifier": one.identifier,
        }
        if one.transaction is not None:
            asked["creationTransactionHash"] = one.transaction
        status, body = self._connection.post(f"/v2/verify/{one.chain_id}/{one.record.address}", json=asked)
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return _NO_TICKET
        if status != httpx.codes.ACCEPTED:
            raise self._refusal(one, body)
        ticket = _object(body).get("verificationId")
        if not isinstance(ticket, str) or not ticket:
            raise self._connection.no_answer(body)
        return ticket

    def outcome(self, one: Submission, ticket: str) -> str | None:
        """Return the kind of match, None while the job runs. Raises `VerificationError`."""
        if ticket == _NO_TICKET:
            return self.standing(one)
        status, body = self._connection.get(f"/v2/verify/{ticket}")
        job = _object(body)
        if status != httpx.codes.OK or not isinstance(job.get("isJobCompleted"), bool):
            raise self._connection.no_answer(body)
        if not job["isJobCompleted"]:
            return None
        if job.get("error") is not None:
            raise self._refusal(one, job["error"])
        match = self._match(job.get("contract"))
        if match is None:
            raise self._connection.no_answer(body)
        return match

    def _match(self, body: Any) -> str | None:
        """Return the kind of match in words."""
        row = _object(body)
        kind, creation = row.get("match"), row.get("creationMatch")
        if kind is None:
            return None
        if kind not in _MATCHES:
            raise self._connection.no_answer(body)
        # Of a contract that another contract created, the server needs a node with traces.
        return f"{kind}" if creation in _MATCHES else f"{kind} of the code on chain, its creation was not compared"

    def _refusal(self, one: Submission, body: Any) -> Exception:
        row = _object(body)
        code, said = row.get("customCode"), self._connection.quoted(row.get("message", ""))
        if code == "already_verified":
            return AlreadyVerifiedError(said)
        if code == "unsupported_chain":
            return ChainNotServedError(f"{self.where} does not serve chain {one.chain_id}")
        if code in _UNSEEN:
            return NotIndexedError(f"{self.where} finds no code of {one.name} at {one.record.address}")
        if isinstance(code, str) and "match" in code:
            return MismatchError(f"{self.where} compiled other code of {one.name} than stands on the chain: {said}")
        if not isinstance(code, str):
            return self._connection.no_answer(body)
        return ExplorerRefusedError(f"{self.where} refuses {one.name}: {said} ({self._connection.quoted(code)})")


def _busy(status: int, body: Any) -> str | None:
    row = _object(body)
    if status == httpx.codes.TOO_MANY_REQUESTS and row.get("customCode") != "duplicate_verification_request":
        return str(row.get("message") or f"HTTP status {status}")
    return None


def _object(body: Any) -> dict[str, Any]:
    return body if isinstance(body, dict) else {}
