"""`gpurwa operator-demo`: the operator's main job on a trace."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from pyutils.cli.extras import extra
from pyutils.demo import DEFAULT_SEED


@click.command("operator-demo")
@click.option("--trace", type=click.Path(path_type=Path), help="As for `gpurwa demo`; a synthetic fleet without one.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("out"), show_default=True, help="Folder for results."
)
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True, help="Of the kills, and a synthetic fleet.")
@click.option("--quiet", is_flag=True, help="Print nothing.")
def operator_demo(trace: Path | None, out: Path, seed: int, *, quiet: bool) -> None:
    """Attest a trace by real daemons: Prometheus, two verifiers, and reporters that are killed three times on the way.

    Ends well where every hour is at the head, with the counters of `gpurwa demo` on the same trace. Writes
    OUT/operator-summary.json and OUT/logs.
    """
    with extra("operator"):
        from pyutils.operator_demo import run_operator_demo
    console = None if quiet else Console()
    run_operator_demo(trace, out, seed=seed, console=console)
    if console is not None:
        console.print(f"written: {out / 'operator-summary.json'}, {out / 'logs'}", highlight=False)
