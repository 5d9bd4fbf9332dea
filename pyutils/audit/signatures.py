"""Who signed a report, recovered from the transaction that carried it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from pyutils.audit.checks import Checks
from pyutils.chain import rpc
from pyutils.contracts import System
from pyutils.contracts.base import function_shape
from pyutils.eip712 import Signature, SignatureError
from pyutils.errors import ChainError, InputError
from pyutils.operations.chain_reports import REPORTER_BIT
from pyutils.operations.head_events import HeadEvent
from pyutils.units import BlockNumber, FleetId

_CARRIERS: Final = {
    function_shape("MeterOracle", name).selector: name
    for name in ("submit", "submitWithoutOperator", "post", "restate")
}
_EXECUTE: Final = function_shape("AccessManager", "execute")


class UnseenSignaturesError(InputError):
    """A report's signatures are not where they can be seen."""

    remedy = "The oracle checked them when it accepted the report; to see them again, ask the operator for their files"


@dataclass(frozen=True, slots=True)
class Signed:
    """Signatures over one report: the reporter's, and verifiers' by their place in the fleet's set."""

    reporter: str | None
    verifiers: dict[int, str]


def check_signatures(system: System, head: HeadEvent, checks: Checks) -> None:
    """Recover a report's signers from its transaction and hold them against the set and quorum of then."""
    event, what = head.told.label, "signatures"
    try:
        signed = _recovered(system, head)
    except UnseenSignaturesError as error:
        checks.unknown(event, what, error.message)
        return
    except SignatureError as error:
        checks.wrong(event, what, error.message)
        return
    try:
        # A set that was changed later in the same block shows as it was before that block.
        faults = [_faults(system, head, signed, BlockNumber(block)) for block in (head.told.block, head.told.block - 1)]
    except ChainError as error:
        checks.unknown(event, what, f"the node does not tell the fleet's signers of then: {error.message}")
        return
    if all(faults):
        checks.wrong(event, what, faults[0])
    else:
        names = [
            *(["reporter"] if signed.reporter else []),
            *(f"verifier {place}" for place in sorted(signed.verifiers)),
        ]
        checks.holds(event, what, ", ".join(names))


def _recovered(system: System, head: HeadEvent) -> Signed:
    """Return who signed. Raises `UnseenSignaturesError`, and `SignatureError` where one cannot be anybody's."""
    name, arguments = _call(system, head.told.transaction)
    digest = head.report_file.digest
    reporter, verifiers = None, {}
    if name in ("submit", "post"):
        reporter = _signer(arguments[1], digest)
    if name != "post":
        rows = arguments[-1]
        verifiers = {row[0]: _signer(row[1:], digest) for row in rows}
    return Signed(reporter, verifiers)


def _call(system: System, transaction: str) -> tuple[str, tuple[Any, ...]]:
    """Return function and arguments of a transaction's call of the oracle."""
    row = rpc.request(system.web3, "eth_getTransactionByHash", transaction)
    if row is None:
        raise UnseenSignaturesError(f"the node does not have the transaction {transaction}")
    to, data = (row["to"] or "").lower(), bytes.fromhex(row["input"][2:])
    try:
        if to == system.authority.address.lower() and data[:4] == _EXECUTE.selector:
            to, data = decode(_EXECUTE.inputs, data[4:])
        name = _CARRIERS.get(data[:4])
        if to.lower() != system.oracle.address.lower() or name is None:
            raise UnseenSignaturesError("another contract carried it to the oracle")
        return name, decode(function_shape("MeterOracle", name).inputs, data[4:])
    except DecodingError as error:
        raise UnseenSignaturesError(f"its call does not decode: {error}") from error


def _signer(row: tuple[bytes, bytes], digest: bytes) -> str:
    return str(Signature.from_bytes(row[0] + row[1]).signer(digest))


def _faults(system: System, head: HeadEvent, signed: Signed, block: BlockNumber) -> str:
    """Return what speaks against the signatures by the fleet's set as of a block; empty where nothing does."""
    fleet_id = FleetId(head.report.fleet_id)
    verifiers, quorum = system.oracle.verifiers_of(fleet_id, block)
    reporter = system.oracle.reporter_of(fleet_id, block)
    if signed.reporter is not None and signed.reporter != reporter:
        return f"the reporter's is {signed.reporter}'s, the reporter was {reporter}"
    for place, signer in signed.verifiers.items():
        if place >= len(verifiers) or signer != verifiers[place]:
            return f"that of verifier {place} is {signer}'s, who is not"
    if head.is_optimistic:
        return "" if signed.reporter else "nobody signed it"
    bits = sum(1 << place for place in signed.verifiers) | (REPORTER_BIT if signed.reporter else 0)
    if bits != head.told.arguments["signers"]:
        return f"the event names others than signed: {head.told.arguments['signers']:#x}, not {bits:#x}"
    if len(signed.verifiers) < quorum:
        return f"{len(signed.verifiers)} verifiers signed, the quorum was {quorum}"
    return ""
