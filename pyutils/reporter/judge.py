"""A verifier's word: it signs what it built again bit for bit, and what its own meter shows too."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from pyutils.chain import Signer
from pyutils.contracts import System
from pyutils.errors import InputError
from pyutils.meter import FleetMeter, LeafFile, SampleSource
from pyutils.models import PowerModel
from pyutils.operations.commitments import ReportTimeError, samples_close_at
from pyutils.operations.report_files import SignatureFile
from pyutils.operations.reports import head_report
from pyutils.reporter import failpoints
from pyutils.reporter.adoption import adopt, rebuild_head
from pyutils.reporter.draft import feed_from_source, restored_meter
from pyutils.reporter.publishing.fetch import Fetcher
from pyutils.reporter.publishing.rebuilding import Rebuilt, rebuild
from pyutils.reporter.settings.config import WatchedFleet
from pyutils.reporter.store.lineage import PUBLISHED
from pyutils.reporter.store.promises import DoubleSignError
from pyutils.reporter.store.store import Store
from pyutils.reporter.view import NO_DIGEST, View, look
from pyutils.reporter.witness.comparison import NotBelievedError, check_believable, check_capacity
from pyutils.reporter.witness.proposal import Proposal
from pyutils.reporter.witness.verifier_service import NotNowError
from pyutils.units import FleetId, UnixSeconds, Watts

_LOG = logging.getLogger(__name__)

OWN = "own"
"""Name of the meter that is fed with the verifier's own samples."""
_ANY_POWER = PowerModel(idle_watts=Watts(0), max_watts=Watts(1))
"""Energy of one's own meter is compared with nothing, and a meter wants a source of it."""


LEAST_INTERVAL_S: Final = 60
"""No two reports are signed whose times are closer: each of them costs a verifier work, and a row for ever."""


class OutOfTurnError(NotBelievedError):
    """A report is as of a time that is not after the head's, or too close to that of another one."""

    remedy = "Let it go; counters are cumulative, and the next one says what it said"


class NotProposerError(InputError):
    """Somebody proposes who may not, or not yet."""

    remedy = "The operator's reporter proposes; verifiers may when no head advanced for 24 hours"


class Judge:
    """Judges the reports of one fleet."""

    def __init__(
        self,
        system: System,
        store: Store,
        signer: Signer,
        fleet: WatchedFleet,
        source: SampleSource,
        fetchers: Mapping[str, Fetcher],
    ) -> None:
        """Judge with a source of one's own.

        Args:
            system: the contracts, over endpoints that must agree.
            store: promises and meters.
            signer: the verifier's key.
            fleet: which fleet, and how its operator derives energy.
            source: this verifier's own samples.
            fetchers: publishers by proposer; the operator's under the empty name.

        """
        self.system, self.store, self.signer = system, store, signer
        self.fleet_id, self.power = FleetId(fleet.fleet), fleet.power
        self.source, self.fetchers = source, fetchers
        self._own_power = fleet.power or (None if source.has_energy else _ANY_POWER)

    def may_propose(self, account: str) -> bool:
        """Return whether an account's proposals are judged: the reporter's, and those of verifiers that publish."""
        view = look(self.system, self.fleet_id)
        return account == view.reporter or (account in view.verifiers and account in self.fetchers)

    def judge(self, proposal: Proposal) -> SignatureFile:
        """Return this verifier's signature of a report.

        Raises `NotNowError` where it cannot be said yet, `NotBelievedError` where the meters differ, `LeafFileError`
        where the samples give another report, `DoubleSignError` where another one was signed as of the time.
        """
        report, digest = proposal.report_file.report, proposal.digest
        as_of = UnixSeconds(report.as_of)
        promised = self.store.promised(self.fleet_id, as_of)
        if promised == digest:
            return self._sign(proposal)
        view = look(self.system, self.fleet_id)
        fetcher = self._fetcher(view, proposal)
        if report.previous_digest != view.head.digest:
            raise NotNowError(f"fleet {self.fleet_id}: the head here is 0x{view.head.digest.hex()}, not the parent")
        if promised is not None:
            raise DoubleSignError(self.fleet_id, as_of, promised, digest)
        self._check_turn(view, as_of)
        if view.now < samples_close_at(view.fleet, as_of):
            raise NotNowError(f"fleet {self.fleet_id}: at {view.now} not all samples of {as_of} can be there")
        try:
            self._stand_on_head(view)
            rebuilt = self._rebuild(fetcher, proposal, view)
        except ReportTimeError as error:
            raise NotNowError(error.message) from error
        own = self._own_meter(rebuilt)
        try:
            check_believable(rebuilt.draft.leaf_file, rebuilt.meter, own, rebuilt.draft.told.allocations)
            check_capacity(rebuilt.draft.leaf_file, self._head_file(view, fetcher))
        except NotBelievedError:
            rebuilt.errand.let_go()
            raise
        own.seal(as_of)
        kept = {PUBLISHED: rebuilt.draft.checkpoint, OWN: own.checkpoint()}
        self.store.attest(self.fleet_id, as_of, digest, report, kept, rebuilt.pages)
        return self._sign(proposal)

    def _check_turn(self, view: View, as_of: UnixSeconds) -> None:
        """Raise `OutOfTurnError` before anything is fetched for a report that nobody needs."""
        if as_of < view.head.as_of + LEAST_INTERVAL_S:
            raise OutOfTurnError(
                f"fleet {self.fleet_id}: {as_of} is not {LEAST_INTERVAL_S} s after the head, as of {view.head.as_of}"
            )
        first, last = UnixSeconds(as_of - LEAST_INTERVAL_S + 1), UnixSeconds(as_of + LEAST_INTERVAL_S - 1)
        near = self.store.promised_between(self.fleet_id, first, last)
        if near is not None:
            raise OutOfTurnError(
                f"fleet {self.fleet_id}: {as_of} is not {LEAST_INTERVAL_S} s from {near.as_of}, which is signed"
            )

    def _sign(self, proposal: Proposal) -> SignatureFile:
        """Sign what is promised, and remember who asked for it."""
        as_of = UnixSeconds(proposal.report_file.report.as_of)
        self.store.keep_proposal(self.fleet_id, proposal.proposer, as_of, proposal.to_bytes())
        signature = proposal.report_file.sign(self.signer)
        failpoints.reach("verifier_signed")
        self.store.keep_signature(signature)
        _LOG.info("fleet %d: signed 0x%s as of %d", self.fleet_id, proposal.digest.hex(), as_of)
        return signature

    def _fetcher(self, view: View, proposal: Proposal) -> Fetcher:
        """Return the proposer's publisher, where it may propose now."""
        account = proposal.proposer
        if account == view.reporter:
            return self.fetchers[""]
        if account not in view.verifiers:
            raise NotProposerError(f"fleet {self.fleet_id}: {account} is neither its reporter nor a verifier")
        if view.now < view.silent_from:
            raise NotProposerError(f"fleet {self.fleet_id}: verifiers may report alone from {view.silent_from} on")
        return self.fetchers[account]

    def _stand_on_head(self, view: View) -> None:
        """Bring both meters to the head, where this verifier did not sign it; its own begins there."""
        if view.head.digest == NO_DIGEST or self.store.record_of(view.head.digest) is not None:
            return
        rebuilt = rebuild_head(self.system, self.store, self.fetchers.values(), view, self.power)
        kept = {PUBLISHED: rebuilt.draft.checkpoint}
        if self.store.checkpoint(self.fleet_id, OWN) is None:
            kept[OWN] = FleetMeter.restored(rebuilt.draft.checkpoint, self._own_power).checkpoint()
        adopt(self.store, view, rebuilt, kept)

    def _rebuild(self, fetcher: Fetcher, proposal: Proposal, view: View) -> Rebuilt:
        parent_as_of = UnixSeconds(view.head.as_of)
        told = proposal.report_file
        return rebuild(self.system, self.store, fetcher, told, self.power, parent_as_of, proposal.pages)

    def _own_meter(self, rebuilt: Rebuilt) -> FleetMeter:
        told = rebuilt.draft.told
        own = restored_meter(self.store, OWN, told, self._own_power)
        feed_from_source(own, self.source, told.as_of)
        return own

    def _head_file(self, view: View, fetcher: Fetcher) -> LeafFile | None:
        if view.head.digest == NO_DIGEST:
            return None
        return fetcher.leaf_file(head_report(self.system, self.fleet_id, view.block).data_hash)

    def rebase(self) -> UnixSeconds:
        """Let the own meter go on from what the head says, as if it had seen the published samples, and say from when.

        For a source that lost samples: until then its meter differs from every report by what it lost. Raises
        `NoPublisherError`, and `StaleProofError` where the fleet has no head.
        """
        view = look(self.system, self.fleet_id)
        rebuilt = rebuild_head(self.system, self.store, self.fetchers.values(), view, self.power)
        own = FleetMeter.restored(rebuilt.draft.checkpoint, self._own_power).checkpoint()
        adopt(self.store, view, rebuilt, {PUBLISHED: rebuilt.draft.checkpoint, OWN: own})
        return UnixSeconds(view.head.as_of)
