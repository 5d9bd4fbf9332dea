"""The operator's side on a trace, from exporter to head: everything is started, lived through, compared and ended."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console

from pyutils.demo import DEFAULT_SEED, Script, run_demo
from pyutils.demo.conservation import imbalances
from pyutils.demo.exporter import ReplayExporter
from pyutils.demo.leasing import LeaseDesk
from pyutils.demo.outcome import Outcome
from pyutils.demo.people import SIGNING_VERIFIERS
from pyutils.demo.plan import Plan, ReportPlan
from pyutils.demo.results import OutputError
from pyutils.demo.setting import PREPARATION_S, begin_story
from pyutils.demo.timeline import Timeline
from pyutils.demo.world import World
from pyutils.devnet import start_devnet
from pyutils.durable import write_whole
from pyutils.errors import ContractError
from pyutils.operator_demo.conductor import Conductor
from pyutils.operator_demo.daemons import Household
from pyutils.operator_demo.kills import plan_kills
from pyutils.operator_demo.outcome import OperatorOutcome, read_outcome
from pyutils.operator_demo.tables import show
from pyutils.prometheus_server import PrometheusServer
from pyutils.reporter.fetch import Fetcher
from pyutils.units import SECONDS_PER_HOUR

SUMMARY: Final = "operator-summary.json"
_SCRAPE_MS: Final = 200


class NotTheSameError(ContractError):
    """The reporters' heads, or what leases paid by them, are not what the demo has."""

    remedy = "This is a fault of the reporter; the summary was written, keep it"


def run_operator_demo(
    trace: Path | None,
    out: Path,
    *,
    seed: int = DEFAULT_SEED,
    console: Console | None = None,
) -> OperatorOutcome:
    """Live through a trace with real daemons, kill reporters on the way, and write `operator-summary.json` to `out`.

    Args:
        trace: CSV or CSV.gz of samples; a synthetic fleet without one.
        out: folder for the summary and the daemons' logs.
        seed: of the kills, and of the synthetic fleet.
        console: where the timeline and the tables go; nowhere without one.

    Raises:
        TraceError: the trace cannot be used.
        MissingToolError: there is no Prometheus.
        DaemonError: a daemon ended, or a report did not come; its log is named.
        NotTheSameError: something is not as `make demo` has it.

    """
    script = Script.of(trace, seed=seed)
    plan = replace(script.plan, reports=on_time(script.plan))
    logs = _log_folder(out)
    with tempfile.TemporaryDirectory(prefix="gpurwa-operator-demo-") as name:
        demo = run_demo(trace, Path(name) / "demo", seed=seed)
        outcome = _live_through(script, plan, Path(name), logs, seed, demo, console)
    text = json.dumps(outcome.model_dump(mode="json"), indent=2) + "\n"
    write_whole(out / SUMMARY, text.encode())
    if not outcome.same_as_demo or not outcome.conserved:
        raise NotTheSameError("; ".join(outcome.differences[:3]) or "money is missing")
    return outcome


def on_time(plan: Plan) -> tuple[ReportPlan, ...]:
    """Return a report of every fleet for every time that the first one reports, none of them late."""
    times = [(report.as_of, report.submit_at) for report in plan.reports if report.fleet_id == plan.fleets[0].fleet_id]
    return tuple(ReportPlan(fleet.fleet_id, as_of, at) for as_of, at in times for fleet in plan.fleets)


def _live_through(
    script: Script, plan: Plan, folder: Path, logs: Path, seed: int, demo: Outcome, console: Console | None
) -> OperatorOutcome:
    timeline = Timeline(plan.first, console)
    kills = plan_kills(seed, plan.reports, plan.last)
    with ExitStack() as running:
        devnet = start_devnet(folder, timestamp=plan.first - PREPARATION_S)
        running.callback(devnet.anvil.stop)
        world = World(devnet.web3, devnet.manifest, timeline)
        exporter = running.enter_context(ReplayExporter.of(script.trace))
        server = running.enter_context(
            PrometheusServer.start(folder / "prometheus", {"dcgm": [exporter.target]}, scrape_interval_ms=_SCRAPE_MS)
        )
        timeline.heading("Before the trace")
        world.stand_still()
        people = folder / "people" / devnet.manifest.network
        begin_story(world, plan, script.trace, people)
        phase_s = plan.first % SECONDS_PER_HOUR
        household = Household(world, plan.fleets, server.url, folder, logs, phase_s)
        running.callback(household.stop)
        household.set_up()
        _introduce(world, household, script, kills_told=[f"`{kill.place}`" for kill in kills])
        publisher = Fetcher(f"http://127.0.0.1:{household.ports[SIGNING_VERIFIERS[0]]}", folder / "fetched")
        leases = LeaseDesk(world, plan, people)
        conductor = Conductor(world, plan, exporter, household, leases, kills, publisher)
        timeline.heading("The trace")
        conductor.run()
        household.stop()
        conserved = not imbalances(world, [fleet.fleet_id for fleet in plan.fleets])
        outcome = read_outcome(
            world, plan.fleets, household, conductor.deaths, seed=seed, conserved=conserved, demo=demo
        )
        if console is not None:
            show(outcome, plan.reports, plan.first, world.decimals, console)
    return outcome


def _introduce(world: World, household: Household, script: Script, kills_told: Sequence[str]) -> None:
    world.tell(
        f"an exporter replays {len(script.trace):,} samples of {len(script.trace.gpu_ids)} GPUs to Prometheus;"
        f" {len(household.verifiers)} verifiers and {len(household.operators)} reporters run beside it"
    )
    world.tell(f"the seed kills reporters at {', '.join(kills_told)}")


def _log_folder(out: Path) -> Path:
    logs = out / "logs"
    try:
        if out.exists() and not out.is_dir():
            raise OutputError(f"{out} is there and is no folder")
        logs.mkdir(parents=True, exist_ok=True)
        for old in logs.glob("*.log"):
            old.unlink()
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror}") from error
    return logs
