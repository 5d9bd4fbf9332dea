"""`gpurwa demo`: the main job on a trace."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from pyutils.demo import DEFAULT_SEED, run_demo
from pyutils.units import MS_PER_SECOND, Ms


@click.command()
@click.option(
    "--trace",
    type=click.Path(path_type=Path),
    help="CSV or CSV.gz with timestamp_s,pod,gpu_duty_cycle_percent. A synthetic fleet without one.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("out"), show_default=True, help="Folder for results."
)
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True, help="Of the synthetic fleet.")
@click.option(
    "--cadence", type=click.IntRange(min=1), help="Seconds between two samples of a GPU; detected unless given."
)
@click.option("--lease-hours", type=int, help="Length of the longest lease; as long as the trace allows unless given.")
@click.option("--quiet", is_flag=True, help="Print nothing.")
def demo(
    trace: Path | None, out: Path, seed: int, cadence: int | None, lease_hours: int | None, *, quiet: bool
) -> None:
    """Live through a trace on a chain of its own, and write OUT/summary.json and OUT/leaf_files.

    The chain starts a week before the trace, and ends when all revenue is claimed, all loans are closed and their
    lenders have left.
    """
    console = None if quiet else Console()
    run_demo(
        trace,
        out,
        seed=seed,
        cadence_ms=None if cadence is None else Ms(cadence * MS_PER_SECOND),
        lease_hours=lease_hours,
        console=console,
    )
    if console is not None:
        console.print(f"written: {out / 'summary.json'}, {out / 'leaf_files'}", highlight=False)
