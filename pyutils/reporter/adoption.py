"""Going on from a head that others made: verifiers, while the operator was silent; or everybody, before one joined.

Counters are cumulative and samples are chained, so whoever wants to add to a head must stand on the same samples. They
are fetched from whoever published them, built again, and believed where they give the head that the chain has.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from pyutils.contracts import System
from pyutils.errors import GpuRwaError
from pyutils.models import PowerModel
from pyutils.operations.report_files import ReportFile
from pyutils.operations.reports import head_report
from pyutils.reporter.publishing.fetch import Fetcher
from pyutils.reporter.publishing.rebuilding import Rebuilt, rebuild
from pyutils.reporter.store.records import State
from pyutils.reporter.store.store import Store
from pyutils.reporter.view import View
from pyutils.units import EPOCH, UnixSeconds

_LOG = logging.getLogger(__name__)


class NoPublisherError(GpuRwaError):
    """Nobody publishes the samples behind a head."""

    remedy = "Ask the fleet's operator and verifiers to publish them; until then nothing can be added to this head"


def rebuild_head(
    system: System, store: Store, fetchers: Iterable[Fetcher], view: View, power: PowerModel | None
) -> Rebuilt:
    """Build the fleet's head again from the first publisher whose samples give it.

    Raises `NoPublisherError`, naming what each publisher lacked, where there is none.
    """
    report = head_report(system, view.fleet_id, view.block)
    parent = store.record_of(report.previous_digest)
    parent_as_of = EPOCH if parent is None else parent.as_of
    told = ReportFile(chain_id=system.manifest.chain_id, oracle=system.oracle.address, report=report)
    tried = []
    for fetcher in fetchers:
        try:
            return rebuild(system, store, fetcher, told, power, parent_as_of)
        except GpuRwaError as error:
            _LOG.warning("fleet %d: the head cannot be built again: %s", view.fleet_id, error.line())
            tried.append(error.message)
    why = "; ".join(tried) or "no publisher is known"
    raise NoPublisherError(f"fleet {view.fleet_id}: nobody gives the samples of its head as of {report.as_of}: {why}")


def adopt(store: Store, view: View, rebuilt: Rebuilt, checkpoints: Mapping[str, bytes]) -> None:
    """Keep a head that others made, with the meters that go on from it. Nothing is signed."""
    as_of = UnixSeconds(view.head.as_of)
    store.adopt(view.fleet_id, as_of, view.head.digest, rebuilt.report, checkpoints, rebuilt.pages)


def note_fate(store: Store, view: View) -> None:
    """Note, as a verifier, what became of the reports that were signed: a head, once a head, or nothing.

    A verifier carries nothing, so it needs no finality: it goes on from whatever head the chain has.
    """
    signed = [record for record in store.unfinished(view.fleet_id) if record.state is State.SIGNED]
    parents = {record.report.previous_digest for record in signed if record.report is not None}
    for record in signed:
        if record.digest == view.head.digest or record.digest in parents:
            store.mined(view.fleet_id, record.as_of, view.block)
            store.finalized(view.fleet_id, record.as_of)
        elif record.as_of < view.head.as_of:
            store.skip(view.fleet_id, record.as_of, f"the head is as of {view.head.as_of}, and is another")
