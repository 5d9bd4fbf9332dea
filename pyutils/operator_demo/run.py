"""The operator's side on a trace, from exporter to head: everything is started, lived through, compared and ended."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Final

from rich.console import Console

from pyutils.demo import DEFAULT_SEED, Script, run_demo
from pyutils.demo.outcome import Outcome
from pyutils.demo.outcome import read_outcome as read_money
from pyutils.demo.people import named
from pyutils.demo.results import OutputError
from pyutils.demo.setting import PREPARATION_S, begin_story, operator_of
from pyutils.demo.timeline import Timeline
from pyutils.demo.world import World
from pyutils.devnet import NETWORK, start_devnet
from pyutils.durable import write_whole
from pyutils.errors import ContractError, TraceError
from pyutils.manifest import USER_FOLDER
from pyutils.operator_demo.conductor import Conductor
from pyutils.operator_demo.feed import Feed
from pyutils.operator_demo.household import VIEWS, Household
from pyutils.operator_demo.kills import Kill, plan_kills
from pyutils.operator_demo.outcome import OperatorOutcome, read_outcome
from pyutils.operator_demo.tables import show
from pyutils.operator_demo.timetable import hour_label, on_time
from pyutils.reporter.judge import LEAST_INTERVAL_S
from pyutils.toolchain import prometheus
from pyutils.units import SECONDS_PER_HOUR

SUMMARY: Final = "operator-summary.json"
LOGS: Final = "logs"
_ENDED_BY_SIGNAL: Final = 128


class NotTheSameError(ContractError):
    """Heads, promises or money are not what they must be after kills."""

    remedy = "This is a fault of the reporter; the summary was written, keep it and the logs"


def run_operator_demo(
    trace: Path | None,
    out: Path,
    *,
    seed: int = DEFAULT_SEED,
    console: Console | None = None,
) -> OperatorOutcome:
    """Live through a trace with real daemons, kill reporters on the way, and write `operator-summary.json` to `out`.

    No process stays behind, however it ends.

    Args:
        trace: CSV or CSV.gz of samples; a synthetic fleet without one.
        out: folder for the summary, and for the logs of all processes.
        seed: of the kills, and of the synthetic fleet.
        console: where the timeline and the tables go; nowhere without one.

    Raises:
        TraceError: the trace cannot be used.
        MissingToolError: there is no Prometheus.
        OutputError: `out` cannot be written.
        DaemonError: a daemon ended, or a report did not come; its log is named.
        NotTheSameError: something is not as `make demo` has it, or not as reporters promise it.

    """
    script = Script.of(trace, seed=seed)
    if script.trace.last < script.trace.first + LEAST_INTERVAL_S:
        raise TraceError(script.trace.name, f"it is shorter than {LEAST_INTERVAL_S} s, and no two reports are closer")
    prometheus()
    logs = _log_folder(out)
    with tempfile.TemporaryDirectory(prefix="gpurwa-operator-demo-") as name, _ended_by_sigterm():
        outcome = _live_through(script, Path(name), logs, seed, trace, console)
    text = json.dumps(outcome.model_dump(mode="json"), indent=2) + "\n"
    write_whole(out / SUMMARY, text.encode())
    wrong = [*outcome.faults, *outcome.differences, *([] if outcome.conserved else ["money is missing"])]
    if wrong:
        raise NotTheSameError("; ".join(wrong[:3]))
    return outcome


def _live_through(
    script: Script, home: Path, logs: Path, seed: int, trace: Path | None, console: Console | None
) -> OperatorOutcome:
    plan = replace(script.plan, reports=on_time(script.plan, script.trace))
    timeline = Timeline(plan.first, console)
    kills = plan_kills(seed, plan.reports, plan.first)
    with ExitStack() as running:
        running.callback(_keep_logs, home, logs)
        devnet = start_devnet(home / USER_FOLDER, timestamp=plan.first - PREPARATION_S)
        running.callback(devnet.anvil.stop)
        feed = running.enter_context(Feed.start(script.trace, home / "prometheus", VIEWS))
        world = World(devnet.web3, devnet.manifest, timeline)
        timeline.heading("Before the trace")
        world.stand_still()
        household = Household(plan.fleets, feed, home, plan.first % SECONDS_PER_HOUR, logs)
        begin_story(world, plan, script.trace, household.people)
        running.callback(household.stop)
        household.set_up()
        household.start_verifiers()
        household.wait("Prometheus to find the exporter", lambda: feed.is_scraped)
        world.arrive(plan.first)
        _introduce(world, household, script, kills)
        conductor = Conductor(world, plan, household, kills)
        conductor.run()
        gpus_of = {live.lease_id: live.plan.gpu_ids for live in conductor.leases.leases}
        money = read_money(world, plan, script.trace, gpus_of, script.seed)
        timeline.heading("For comparison")
        demo = _live_through_demo(world, trace, home, seed)
        outcome = read_outcome(world, household, plan.reports, conductor.deaths, money, demo, seed)
        if console is not None:
            show(outcome, money, conductor.deaths, world.people, console)
    return outcome


def _live_through_demo(world: World, trace: Path | None, home: Path, seed: int) -> Outcome:
    demo = run_demo(trace, home / "demo", seed=seed)
    heads = sum(row.head for row in demo.reports)
    world.tell(f"make demo on the same trace has {heads} heads and {len(demo.leases)} leases")
    return demo


def _introduce(world: World, household: Household, script: Script, kills: Sequence[Kill]) -> None:
    trace, plan = script.trace, script.plan
    world.tell(
        f"an exporter is ready to replay {len(trace):,} samples of {len(trace.gpu_ids)} GPUs to Prometheus,"
        f" which scrapes it once for each of {', '.join(VIEWS)}"
    )
    world.tell(f"{' and '.join(household.verifiers)} run, and verify every fleet with samples of their own")
    for kill in kills:
        reporter = f"{named(operator_of(kill.fleet_id))}'s reporter"
        label = hour_label(kill.as_of, plan.first)
        world.tell(
            f"the seed has {reporter} killed at `{kill.place}`, on its way with {label} of fleet {kill.fleet_id}"
        )


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end this process as Ctrl-C does, so that everybody is stopped first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: FrameType | None) -> None:
        sys.exit(_ENDED_BY_SIGNAL + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _log_folder(out: Path) -> Path:
    """Return the folder for logs, empty; the summary of an earlier run is gone. Raises `OutputError`."""
    logs = out / LOGS
    try:
        if out.exists() and not out.is_dir():
            raise OutputError(f"{out} is there and is no folder")
        logs.mkdir(parents=True, exist_ok=True)
        for old in (*logs.glob("*.log"), out / SUMMARY):
            old.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror}") from error
    return logs


def _keep_logs(home: Path, logs: Path) -> None:
    """Keep what chain and Prometheus said beside the daemons' logs."""
    for log, name in (
        (home / USER_FOLDER / f"{NETWORK}.log", "anvil.log"),
        (home / "prometheus" / "prometheus.log", "prometheus.log"),
    ):
        if log.exists():
            shutil.copy(log, logs / name)
