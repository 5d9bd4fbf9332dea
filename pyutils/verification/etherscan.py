"""Etherscan, and whoever speaks its API.

One client serves Etherscan's version 2, where one address and one key serve all chains, and Blockscout, each of whose
servers serves one chain. Blockscout has an API of its own too; by that one a contract that does not match is never
heard of again, by this one the server says so.
"""

from __future__ import annotations

import re
from typing import Any, Final

import httpx
import orjson
from pydantic import SecretStr

from pyutils.verification.connection import Connection
from pyutils.verification.errors import (
    AlreadyVerifiedError,
    ChainNotServedError,
    ExplorerRefusedError,
    MismatchError,
    NotIndexedError,
    VerificationError,
    WrongKeyError,
)
from pyutils.verification.policy import DEFAULT_POLICY, PublishingPolicy
from pyutils.verification.submission import Submission

ETHERSCAN_URL: Final = "https://api.etherscan.io/v2/api"
ETHERSCAN_KEY_VARIABLE: Final = "GPURWA_ETHERSCAN_KEY"
BLOCKSCOUT_KEY_VARIABLE: Final = "GPURWA_BLOCKSCOUT_KEY"

_MIT: Final = "3"
"""The licence of every source, in Etherscan's numbers."""
_DONE: Final = re.compile(r"^pass\b|^already verified", re.IGNORECASE)
_PENDING: Final = re.compile(r"^pending|^in progress", re.IGNORECASE)
_FAILED: Final = re.compile(r"^fail\b", re.IGNORECASE)
_BEFORE: Final = re.compile(r"already verified", re.IGNORECASE)
_KEY: Final = re.compile(r"api ?key", re.IGNORECASE)
_LIMIT: Final = re.compile(r"limit\b.*\breached|too many", re.IGNORECASE)
_UNSEEN: Final = re.compile(r"unable to locate contractcode|not a smart.?contract", re.IGNORECASE)
_CHAIN: Final = re.compile(r"chain ?id|supported for this chain", re.IGNORECASE)


class Etherscan:
    """An explorer that speaks Etherscan's API.

    Args:
        url: the API's one address.
        key: the customer's; None where the server wants none.
        chain_id: sent along where one address serves many chains.
        policy: pace and patience.
        name: the explorer's, for people.
        key_variable: where a key is to be put, for people.

    """

    def __init__(
        self,
        url: str = ETHERSCAN_URL,
        *,
        key: SecretStr | None = None,
        chain_id: int | None = None,
        policy: PublishingPolicy = DEFAULT_POLICY,
        name: str = "Etherscan",
        key_variable: str = ETHERSCAN_KEY_VARIABLE,
    ) -> None:
        self._connection = Connection(name, url, policy, key=key, busy=_busy)
        self._chain = {} if chain_id is None else {"chainid": str(chain_id)}
        self._key_variable = key_variable

    @property
    def where(self) -> str:
        """Return its name and where it is."""
        return self._connection.where

    @property
    def policy(self) -> PublishingPolicy:
        """Return how patient to be."""
        return self._connection.policy

    def standing(self, one: Submission) -> str | None:
        """Return that a contract's sources are there, None where not. Raises `VerificationError`."""
        answer = self._connection.get(params=self._params("getsourcecode", address=one.record.address))
        rows = self._result(one, answer)
        row = rows[0] if isinstance(rows, list) and rows else None
        if not isinstance(row, dict):
            raise self._connection.no_answer(rows)
        # Sources of a like contract, which Etherscan shows beside, are not this one's.
        return "sources are published" if row.get("SourceCode") and not row.get("SimilarMatch") else None

    def submit(self, one: Submission) -> str:
        """Send a contract and return the ticket. Raises `VerificationError`."""
        arguments = one.arguments.hex()
        form = {
            "contractaddress": one.record.address,
            "codeformat": "solidity-standard-json-input",
            "sourceCode": orjson.dumps(one.input).decode(),
            "contractname": one.identifier,
            "compilerversion": f"v{one.compiler}",
            # Etherscan's API long knew but the misspelt name, and its page today has the other.
            "constructorArguements": arguments,
            "constructorArguments": arguments,
            "licenseType": _MIT,
        }
        answer = self._connection.post(params=self._params("verifysourcecode"), form=form)
        ticket = self._result(one, answer)
        if not isinstance(ticket, str) or not ticket:
            raise self._connection.no_answer(ticket)
        return ticket

    def outcome(self, one: Submission, ticket: str) -> str | None:
        """Return that a contract was verified, None while it waits. Raises `VerificationError`."""
        answer = self._connection.get(params=self._params("checkverifystatus", guid=ticket))
        # Its status is 0 while a contract waits, too: only the words count.
        _, said = self._parts(answer)
        if _PENDING.search(said):
            return None
        if _DONE.search(said):
            return "sources are published"
        raise self._refusal(one, said)

    def _params(self, action: str, **more: str) -> dict[str, str]:
        return {**self._chain, "module": "contract", "action": action, **more}

    def _result(self, one: Submission, answer: tuple[int, Any]) -> Any:
        """Return the result of an answer. Raises `VerificationError` where it is a refusal."""
        result, said = self._parts(answer)
        if answer[1].get("status") == "1":
            return result
        raise self._refusal(one, said)

    def _parts(self, answer: tuple[int, Any]) -> tuple[Any, str]:
        """Return an answer's result, and its words: Blockscout has some in its message alone."""
        status, body = answer
        if not isinstance(body, dict) or "status" not in body:
            raise self._connection.no_answer(body if status == httpx.codes.OK else f"HTTP status {status}")
        result = body.get("result")
        return result, str(result if isinstance(result, str) and result else body.get("message", ""))

    def _refusal(self, one: Submission, said: str) -> VerificationError:
        words = self._connection.quoted(said)
        if _BEFORE.search(said):
            return AlreadyVerifiedError(words)
        if _KEY.search(said):
            remedy = f"Put the explorer's own key into {self._key_variable}; a new one may take minutes to work"
            return WrongKeyError(f"{self.where} does not accept the API key: {words}", remedy=remedy)
        if _UNSEEN.search(said):
            return NotIndexedError(f"{self.where} finds no code of {one.name} at {one.record.address}")
        if _FAILED.search(said):
            return MismatchError(f"{self.where} could not match {one.name} with the chain: {words}")
        if _CHAIN.search(said):
            return ChainNotServedError(f"{self.where} does not serve chain {one.chain_id}: {words}")
        return ExplorerRefusedError(f"{self.where} refuses {one.name}: {words}")


def _busy(status: int, body: Any) -> str | None:
    said = " ".join(str(body.get(part) or "") for part in ("message", "result")) if isinstance(body, dict) else ""
    if status == httpx.codes.TOO_MANY_REQUESTS or (_LIMIT.search(said) and len(said) < 1_000):
        return str(body.get("result") or said) if said else f"HTTP status {status}"
    return None
