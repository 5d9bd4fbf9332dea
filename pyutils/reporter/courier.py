"""Takes signed reports to the chain and sees how they fare: sent, in a block, final, taken back, or lost.

What a report has come to is read from the oracle's events, not from our transactions: anybody may carry a report that
is signed, and a transaction in a block may have failed. Transactions are the lane's business; it keeps them going until
each nonce is settled.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pyutils.chain import Lane, Sent
from pyutils.chain.inclusion import failure, trusted_block
from pyutils.contracts import System
from pyutils.contracts.meter_oracle import report_row, verifier_rows
from pyutils.operations.history import events, last_block_at, topic
from pyutils.operations.money import BalanceTooSmallError
from pyutils.operations.report_files import SignatureFile
from pyutils.operations.reports import make_stake_payable
from pyutils.reporter import failpoints
from pyutils.reporter.store.journal import StoreJournal
from pyutils.reporter.store.records import Record, State
from pyutils.reporter.store.store import Store
from pyutils.reporter.upkeep.telemetry import Telemetry
from pyutils.reporter.view import View
from pyutils.units import BlockNumber, FleetId

_LOG = logging.getLogger(__name__)

Kind = Literal["submit", "alone", "post"]
FUNCTIONS: Final[Mapping[Kind, str]] = {"submit": "submit", "alone": "submitWithoutOperator", "post": "post"}

_TRAVELLING: Final = (State.BROADCAST, State.MINED)
_ACCEPTING: Final = ("AdvanceHead", "AdoptPending")


@dataclass(frozen=True, slots=True)
class Courier:
    """Carries the reports of one fleet, with the transactions of one account."""

    fleet_id: FleetId
    system: System
    lane: Lane
    store: Store
    journal: StoreJournal
    telemetry: Telemetry

    def carry(self, view: View) -> None:
        """Keep transactions going, and note what each report on its way has come to."""
        for sent in self.lane.outstanding:
            self._step(sent)
        head = self.store.record_of(view.head.digest)
        if head is not None and head.state in (State.SIGNED, State.SKIPPED):
            # Somebody else carried it, or a transaction that was given up got in after all.
            _LOG.info("fleet %d: the report as of %d is the head, by another way", self.fleet_id, head.as_of)
            self.store.mined(self.fleet_id, head.as_of, view.block)
        for record in self.store.unfinished(self.fleet_id):
            if record.state in _TRAVELLING:
                self._follow(record, view)

    def expects(self, digest: bytes) -> bool:
        """Return whether a report that is not the head was sent and may be the head again, as after a reorg."""
        record = self.store.record_of(digest)
        return record is not None and record.state in _TRAVELLING

    def has_underway(self, view: View) -> bool:
        """Return whether a report that stands on the head was sent and is in no block yet."""
        underway = self.store.latest(self.fleet_id, State.BROADCAST)
        return (
            underway is not None
            and underway.report is not None
            and (underway.report.previous_digest == view.head.digest)
        )

    def send(
        self, record: Record, view: View, own: SignatureFile | None, by_verifiers: Sequence[SignatureFile]
    ) -> None:
        """Send a report with a quorum: with the reporter's signature, or without it as verifiers alone.

        Raises `RevertedError` where the oracle would refuse, `FeeCapError` where it costs too much now; nothing was
        sent then.
        """
        assert record.report is not None, "only a built report is sent"
        places = {verifier: place for place, verifier in enumerate(view.verifiers)}
        rows = verifier_rows({places[one.signer]: one.value for one in by_verifiers})
        if own is None:
            self._send(record, "alone", report_row(record.report), rows)
        else:
            self._send(record, "submit", report_row(record.report), own.value.compact, rows)

    def post(self, record: Record, own: SignatureFile) -> None:
        """Post a report on the operator's word alone; its stake is approved first, and comes from the gas account."""
        assert record.report is not None, "only a built report is sent"
        self.journal.about = None
        try:
            make_stake_payable(self.system, self.lane, self.fleet_id, "approve")
        except BalanceTooSmallError as error:
            raise BalanceTooSmallError(
                f"fleet {self.fleet_id}: the report as of {record.as_of} is not posted alone: {error.message}",
                remedy="Send the gas account that much, or set rules.post_alone = false",
            ) from error
        self._send(record, "post", report_row(record.report), own.value.compact)

    def _send(self, record: Record, kind: Kind, *arguments: object) -> None:
        oracle, lane = self.system.oracle, self.lane
        function = FUNCTIONS[kind]
        data = oracle.call_data(function, *arguments)
        call = f"MeterOracle.{function} of fleet {self.fleet_id} as of {record.as_of}"
        self.journal.about = (self.fleet_id, record.as_of, kind)
        try:
            ours = f" of fleet {self.fleet_id} as of "  # one account may send for several fleets
            waiting = next((sent for sent in lane.outstanding if sent.seen is None and ours in sent.call), None)
            if waiting is None:
                sent = lane.prepare(oracle.address, data, call=call)
                lane.broadcast(sent)
            else:
                # It stands on the same head and did not get in: this one says what it said, in its place.
                sent = lane.supersede(waiting, oracle.address, data, call=call)
        finally:
            self.journal.about = None
        failpoints.reach("broadcast")
        _LOG.info("%s: sent as %s", call, sent.hash)

    def _step(self, sent: Sent) -> None:
        # The lane itself says why one is stuck, once.
        progress = self.lane.step(sent)
        if not progress.settled:
            return
        receipt, form = progress.receipt, progress.form
        if receipt is not None and form is not None:
            self.telemetry.metrics.paid(receipt.gas_used * receipt.effective_gas_price)
            if not receipt.succeeded:
                error = failure(self.system.web3, self.lane.address, form, receipt)
                _LOG.warning("%s failed in block %d: %s", form.call, receipt.block_number, error.line())
        else:
            _LOG.error("%s: another transaction took nonce %d of %s", sent.call, sent.nonce, self.lane.address)
        self.lane.forget(sent)

    def _follow(self, record: Record, view: View) -> None:
        block = self._accepted_in(record, view)
        if block is not None:
            if record.state is State.BROADCAST:
                self.store.mined(self.fleet_id, record.as_of, block)
                _LOG.info("fleet %d: the report as of %d is the head", self.fleet_id, record.as_of)
            if block <= trusted_block(self.system.web3, self.lane.policy):
                self.store.finalized(self.fleet_id, record.as_of)
                self.telemetry.metrics.succeeded(view.now)
        elif record.state is State.MINED:
            _LOG.warning("fleet %d: a reorg took back the report as of %d", self.fleet_id, record.as_of)
            self.store.reorged(self.fleet_id, record.as_of)
        elif view.head.as_of >= record.as_of:
            self.store.skip(self.fleet_id, record.as_of, f"the head is as of {view.head.as_of} already")
        elif not self.lane.outstanding:
            # Its transaction failed, or posted it; it may still be sent with a quorum.
            self.store.held_back(self.fleet_id, record.as_of)

    def _accepted_in(self, record: Record, view: View) -> BlockNumber | None:
        """Return the block in which a report became a head of this chain, None where it did not."""
        first = last_block_at(self.system.web3, record.as_of, first=self.system.manifest.first_block)
        indexed = [topic(self.fleet_id), topic(record.as_of)]
        for name in _ACCEPTING:
            for event in events(self.system.oracle, name, indexed, first=first, block=view.block):
                if event.arguments["digest"] == record.digest:
                    return event.block
        # A posted report becomes the head by time, and nothing may have written that down yet.
        return view.block if view.head.digest == record.digest else None
