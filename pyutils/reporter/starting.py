"""What must hold before a reporter signs: its key is a live fleet's, and its store knows all that the key signed."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import orjson

from pyutils.chain import Signer
from pyutils.contracts import System
from pyutils.errors import GpuRwaError, InputError
from pyutils.reporter.key_reports import check_known, reports_by
from pyutils.reporter.store.store import Store
from pyutils.reporter.unsafe import UnsafeToSignError
from pyutils.reporter.view import View
from pyutils.reporter.witness.peers import PeerClient, PeerError
from pyutils.reporter.witness.proposal import Proposal, ProposalError
from pyutils.speech import printable
from pyutils.units import FleetId, UnixSeconds

_LOG = logging.getLogger(__name__)


class NotTheReporterError(InputError):
    """The key is not the fleet's reporter."""

    remedy = "Name the key on chain with `gpurwa fleet reporter`, or configure the key that is named there"


class FleetOverError(GpuRwaError):
    """The fleet was wound down, and its last report is made."""

    remedy = "Stop this daemon, and keep its folder while the key answers for what it signed: three weeks"


class BlankStoreError(UnsafeToSignError):
    """The store knows nothing, and the chain has reports of this key."""

    remedy = "Bring the old store's history with `gpurwa operator import`; a blank one could sign the same moment twice"


class StaleStoreError(UnsafeToSignError):
    """The store does not know a report that its key signed."""

    remedy = "It is an old copy: restore the newest, or import the history of the machine that reported last"


def check_reporter(view: View, signer: Signer) -> None:
    """Raise `NotTheReporterError` where the key is not the fleet's reporter."""
    if view.reporter != signer.address:
        raise NotTheReporterError(
            f"fleet {view.fleet_id}: its reporter is {view.reporter}, the configured key is {signer.address}"
        )


def check_history(system: System, store: Store, view: View, signer: Signer) -> None:
    """See that the store knows all that the chain has of the key.

    Raises `BlankStoreError` where nothing was promised here and the chain has reports of the key, `ForeignReportError`
    where it has one that was not promised here.
    """
    if store.latest_promise(view.fleet_id) is None:
        check_never_reported(system, view, signer.address)
    else:
        check_known(system, store, view, signer.address)


def check_never_reported(system: System, view: View, account: str) -> None:
    """Raise `BlankStoreError` where the chain has a report that an account signed as the fleet's reporter."""
    for event in reports_by(system, view, account, system.manifest.first_block):
        raise BlankStoreError(
            f"fleet {view.fleet_id}: block {event.block} has a report of {account}"
            f" as of {event.arguments['asOf']}, and this store is blank"
        )


def check_peers(store: Store, fleet_id: FleetId, signer: Signer, clients: Sequence[PeerClient]) -> None:
    """Ask verifiers what they saw of our key. Raises `StaleStoreError` where the store does not know of it.

    What counts is our own signature, so no verifier can make it up. One that does not answer is passed over.
    """
    for client in clients:
        try:
            told = client.seen(fleet_id)
        except PeerError as error:
            _LOG.warning("%s", error.line())
            continue
        if told is None:
            continue
        try:
            proposal = Proposal.parse(orjson.dumps(told, option=orjson.OPT_SORT_KEYS))
        except (ProposalError, orjson.JSONEncodeError) as error:
            _LOG.warning("%s shows a proposal that is none: %s", client.peer, printable(str(error)))
            continue
        told = proposal.report_file
        about = (told.chain_id, told.oracle, told.report.fleet_id)
        if about != (store.identity.chain_id, store.identity.oracle, fleet_id):
            _LOG.warning("%s shows what was signed for another chain, oracle or fleet", client.peer)
            continue
        as_of = UnixSeconds(told.report.as_of)
        if proposal.proposer == signer.address and store.promised(fleet_id, as_of) != proposal.digest:
            raise StaleStoreError(
                f"fleet {fleet_id}: {client.peer} has our signature of 0x{proposal.digest.hex()} as of {as_of},"
                " and this store does not know it"
            )
