"""The main job: a chain of its own lives through a trace, from meters to shareholders."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from web3 import Web3

from pyutils.demo.director import Director
from pyutils.demo.outcome import Outcome, read_outcome
from pyutils.demo.plan import Plan
from pyutils.demo.results import Results
from pyutils.demo.schedule import make_plan
from pyutils.demo.setting import PREPARATION_S
from pyutils.demo.tables import show
from pyutils.demo.timeline import Timeline
from pyutils.demo.world import World
from pyutils.devnet import NETWORK, Devnet, refuse_second, start_devnet
from pyutils.errors import ContractError, TraceError
from pyutils.manifest import USER_FOLDER, Manifest, user_path
from pyutils.meter import Trace, read_trace, synthetic_trace
from pyutils.units import Ms

DEFAULT_SEED: Final = 1


class NotConservedError(ContractError):
    """Balances on chain and what the contracts count differ."""

    remedy = "This is a fault of the contracts; the summary was written, keep it"


@dataclass(frozen=True, slots=True)
class Script:
    """A trace and what is made of it; `seed` where the trace is synthetic."""

    trace: Trace
    plan: Plan
    seed: int | None

    @classmethod
    def of(
        cls,
        trace: Path | None,
        *,
        seed: int = DEFAULT_SEED,
        cadence_ms: Ms | None = None,
        lease_hours: int | None = None,
    ) -> Script:
        """Read a trace, or make one, and plan. Raises `TraceError`, `LeaseTooLongError`: nothing was done yet."""
        samples = synthetic_trace(seed) if trace is None else read_trace(trace, cadence_ms)
        name = samples.name if trace is None else str(trace)
        if samples.first < 2 * PREPARATION_S:
            raise TraceError(name, f"begins at {samples.first}, which is no time in Unix seconds of this century")
        return cls(samples, make_plan(samples, lease_hours), seed if trace is None else None)


def run_demo(
    trace: Path | None,
    out: Path,
    *,
    seed: int = DEFAULT_SEED,
    cadence_ms: Ms | None = None,
    lease_hours: int | None = None,
    console: Console | None = None,
) -> Outcome:
    """Live through a trace on a chain that is gone afterwards, and write `summary.json` and the leaf files to `out`.

    Args:
        trace: CSV or CSV.gz of samples; without one a synthetic fleet is made, and kept in `out`.
        out: folder for results, written whole or not at all.
        seed: of the synthetic fleet.
        cadence_ms: time between two samples of a GPU; detected unless given.
        lease_hours: length of the longest lease; as long as the trace allows unless given.
        console: where the timeline and the tables go; nowhere without one.

    Raises:
        TraceError: the trace cannot be used.
        LeaseTooLongError: the trace cannot hold a lease of `lease_hours`.
        OutputError: `out` cannot be written.
        NotConservedError: money is missing at the end.

    """
    script = Script.of(trace, seed=seed, cadence_ms=cadence_ms, lease_hours=lease_hours)
    with tempfile.TemporaryDirectory(prefix="gpurwa-demo-") as folder:
        devnet, outcome = _play(script, out, Path(folder), Path(folder), 0, console)
        devnet.anvil.stop()
    return _conserved(outcome)


def run_devnet(
    trace: Path | None,
    out: Path,
    state: Path,
    *,
    folder: Path = USER_FOLDER,
    port: int = 0,
    seed: int = DEFAULT_SEED,
    cadence_ms: Ms | None = None,
    console: Console | None = None,
) -> Devnet:
    """Do what `run_demo` does and leave the chain running, with its record, for commands to go on with.

    Args:
        trace: as for `run_demo`.
        out: as for `run_demo`; commands look for leaf files here.
        state: where commands look for access keys and lists of GPUs.
        folder: where the record of network `devnet` goes.
        port: where the chain listens; 0 lets the system choose.
        seed: as for `run_demo`.
        cadence_ms: as for `run_demo`.
        console: as for `run_demo`.

    Raises:
        DevnetRunningError: one runs already; it goes on.

    """
    refuse_second(folder)
    devnet, outcome = _play(Script.of(trace, seed=seed, cadence_ms=cadence_ms), out, folder, state, port, console)
    _conserved(outcome)
    return devnet


def _play(
    script: Script, out: Path, folder: Path, state: Path, port: int, console: Console | None
) -> tuple[Devnet, Outcome]:
    """Start a chain, live through the script, and put the results in place; the chain ends where that fails."""
    with Results.folder(out) as results:
        devnet = start_devnet(folder, timestamp=script.plan.first - PREPARATION_S, port=port)
        try:
            outcome = live_through(script, devnet.web3, devnet.manifest, results.leaf_files, state, console)
            results.put(outcome, script.trace if script.seed is not None else None)
        except BaseException:
            devnet.anvil.stop()
            user_path(NETWORK, folder).unlink(missing_ok=True)
            raise
    return devnet, outcome


def _conserved(outcome: Outcome) -> Outcome:
    if not outcome.conserved:
        raise NotConservedError("; ".join(outcome.imbalances))
    return outcome


def live_through(
    script: Script, web3: Web3, manifest: Manifest, leaf_files: Path, state: Path, console: Console | None = None
) -> Outcome:
    """Play a script on a freshly deployed system and return what came of it.

    The chain is left in the end state, its clock running again.

    Args:
        script: what to play.
        web3: the chain, which stands `PREPARATION_S` before the trace.
        manifest: the deployment.
        leaf_files: folder for what the reports commit to.
        state: folder for access keys and lists of GPUs.
        console: where the timeline and the tables go; nowhere without one.

    """
    timeline = Timeline(script.plan.first, console)
    timeline.heading(_title(script))
    world = World(web3, manifest, timeline)
    world.stand_still()
    director = Director(world, script.plan, script.trace, leaf_files, state)
    director.run()
    world.go_on()
    gpus_of = {live.lease_id: live.plan.gpu_ids for live in director.leases.leases}
    worths = director.lenders.worths
    outcome = read_outcome(world, script.plan, script.trace, gpus_of, script.seed, worths)
    if console is not None:
        show(outcome, world.people, console)
    return outcome


def _title(script: Script) -> str:
    trace = script.trace
    hours = (trace.last - trace.first) / 3_600
    cadence = f"one sample every {trace.cadence_ms / 1_000:g} s"
    what = f"{len(trace.gpu_ids)} GPUs, {len(trace):,} samples, {hours:.1f} h, {cadence}"
    if script.seed is not None:
        return f"A synthetic fleet, made from seed {script.seed} for want of a trace: {what}"
    return f"{trace.name}: {what}"
