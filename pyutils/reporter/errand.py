"""One report at somebody's command: made, or gone on with, and seen to the head."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from itertools import count

from pyutils.errors import GpuRwaError
from pyutils.operations.commitments import samples_close_at
from pyutils.reporter.operator_daemon import OperatorDaemon
from pyutils.reporter.reporter import OPEN
from pyutils.reporter.store.lineage import PUBLISHED
from pyutils.reporter.store.records import Record, State
from pyutils.reporter.unsafe import UnsafeToSignError
from pyutils.reporter.view import due_times, look
from pyutils.units import EPOCH, UnixSeconds

_LOG = logging.getLogger(__name__)

_ON_THE_WAY = (*OPEN, State.BROADCAST)
_ARRIVED = (State.MINED, State.FINAL)


class NotAtTheHeadError(GpuRwaError):
    """A report did not become the head while it was waited for."""

    remedy = "Nothing is lost: `gpurwa operator run`, or the same command again, goes on where it stands"


def report_once(
    daemon: OperatorDaemon,
    as_of: UnixSeconds | None,
    wait_s: float,
    pause: Callable[[float], None] = time.sleep,
) -> Record | None:
    """Make one report and see it to the head; the daemon must serve, since verifiers fetch its samples.

    Args:
        daemon: the reporter, which does nothing else meanwhile.
        as_of: the time; the newest report that is due, or the one on its way, unless given.
        wait_s: how long to wait until it is the head.
        pause: waits for so many seconds.

    Returns the report, or None where none is due and none on its way. Raises `ReportTimeError` where none can be made
    as of the time, `NotAtTheHeadError` where it is not the head in time, and what collecting samples raises.

    """
    daemon.check_peers()
    deadline = time.monotonic() + wait_s
    at = _begin(daemon, as_of)
    if at is None:
        return None
    why = ""
    while True:
        try:
            daemon.reporter.go_on(daemon.look(), at)
        except UnsafeToSignError:
            raise
        except GpuRwaError as error:
            _LOG.warning("%s", error.line())
            why = error.message
        record = daemon.store.record(daemon.fleet_id, at)
        assert record is not None, "it was collected"
        if record.state in _ARRIVED:
            return record
        if record.state not in _ON_THE_WAY:
            raise NotAtTheHeadError(f"the report as of {at} was given up: {record.reason}")
        if time.monotonic() >= deadline:
            raise NotAtTheHeadError(f"the report as of {at} waits for {_missing(daemon, record, why)}")
        pause(min(daemon.config.rules.poll_s, max(0.0, deadline - time.monotonic())))


def backfill(
    daemon: OperatorDaemon, to: UnixSeconds | None, told: Callable[[UnixSeconds, int, int], None]
) -> Record | None:
    """Collect samples from the newest checkpoint up to a report's, interval by interval; the next report carries them.

    Args:
        daemon: the reporter.
        to: the report's time; that of the newest report due unless given.
        told: told after each interval its end, how many are done, and how many there are.

    Returns the report, which is collected and neither signed nor sent; None where none is due. Raises as `report_once`.

    """
    reporter, fleet_id = daemon.reporter, daemon.fleet_id
    view = look(daemon.chain.system, fleet_id)
    newest = daemon.store.latest(fleet_id)
    at = reporter.next_due(view, EPOCH if newest is None else newest.as_of) if to is None else to
    if at is None:
        return None
    kept = daemon.store.checkpoint(fleet_id, PUBLISHED)
    begin = view.fleet.commissioned_at if kept is None else kept[0]
    rules = reporter.rules
    steps = 1 + len(due_times(UnixSeconds(begin), UnixSeconds(at - 1), rules.interval_s, rules.phase_s))
    done = count(1)
    return reporter.begin(view, at, lambda step: told(step, next(done), steps))


def _begin(daemon: OperatorDaemon, as_of: UnixSeconds | None) -> UnixSeconds | None:
    """Return the time of the report to work on, once its samples are collected."""
    store, fleet_id, reporter = daemon.store, daemon.fleet_id, daemon.reporter
    view = daemon.look()
    reporter.courier.carry(view)
    newest = store.latest(fleet_id)
    if as_of is None:
        as_of = reporter.next_due(view, EPOCH if newest is None else newest.as_of)
    if as_of is None:
        held = store.latest(fleet_id, *_ON_THE_WAY)
        return held.as_of if held is not None and held.as_of > view.head.as_of else None
    record = store.record(fleet_id, as_of)
    if record is None or record.state not in (*_ON_THE_WAY, *_ARRIVED):
        reporter.begin(view, as_of)
    return as_of


def _missing(daemon: OperatorDaemon, record: Record, why: str) -> str:
    """Return what a report waits for, in words."""
    because = f"; {why}" if why else ""
    if record.state is State.BROADCAST:
        return f"a block: its transaction is sent{because}"
    if record.digest is None or record.state is not State.SIGNED:
        return f"what it is built from{because}"
    view = look(daemon.chain.system, daemon.fleet_id)
    if view.pending.digest == record.digest:
        return f"its liveness: it is posted, and the head at {view.pending.posted_at + view.pending.liveness}{because}"
    signed = sum(one.signer in view.verifiers for one in daemon.store.signatures(record.digest))
    if signed >= view.quorum > 0:
        return f"its transaction{because}"
    rules = daemon.config.rules
    alone_from = samples_close_at(view.fleet, record.as_of) + rules.settle_s + rules.quorum_deadline_s
    alone = f", and is posted alone from {alone_from} on" if rules.post_alone else ""
    return f"{view.quorum - signed} of {view.quorum} verifiers' signatures{alone}{because}"
