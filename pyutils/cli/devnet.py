"""`gpurwa devnet`: a chain that stays, with the demo's end state."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from pyutils.cli.parameters import DURATION, format_time
from pyutils.cli.session import state_folder
from pyutils.deployment import DEV_ACCOUNTS
from pyutils.devnet import NETWORK, Devnet, account, pass_time, stop_devnet
from pyutils.manifest import USER_FOLDER, user_path
from pyutils.settings import load_settings


@click.command()
@click.option("--trace", type=click.Path(path_type=Path), help="As for `gpurwa demo`; a synthetic fleet without one.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for results. [GPURWA_OUT, out]")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, help="Where the chain listens; any free port unless given."
)
@click.option("--pass", "passed_s", type=DURATION, help="Move the clock of the devnet that runs on, such as 8h.")
@click.option("--stop", is_flag=True, help="End the devnet that runs, and forget it.")
@click.option("--quiet", is_flag=True, help="Do not print the demo.")
def devnet(trace: Path | None, out: Path | None, port: int, passed_s: int | None, *, stop: bool, quiet: bool) -> None:
    """Leave a chain running that holds the demo's end state, with its record in deployments/devnet.json.

    Every role has an account of its own, whose key is known to all: name it with --account, as in
    `gpurwa lease open --account lessee-1`.
    """
    if stop:
        stopped = stop_devnet(USER_FOLDER)
        click.echo(f"the devnet at {stopped.url} is gone")
        return
    if passed_s is not None:
        now = pass_time(passed_s, USER_FOLDER)
        click.echo(f"it is {format_time(now)} on the devnet")
        return
    from pyutils.demo import run_devnet

    settings = load_settings(out=out)
    started = run_devnet(trace, settings.out, state_folder(NETWORK), port=port, console=None if quiet else Console())
    _explain(started)


def _explain(started: Devnet) -> None:
    console = Console()
    console.print()
    console.print("[bold]Accounts[/bold], for --account")
    width = max(map(len, DEV_ACCOUNTS))
    for name in DEV_ACCOUNTS:
        console.print(f"  {name:<{width}}  {account(name).address}", highlight=False, soft_wrap=True)
    console.print()
    for line in (
        f"The devnet listens at {started.anvil.url}, its record is {user_path(NETWORK)}.",
        f"Use it with: export GPURWA_NETWORK={NETWORK}",
        "End it with: gpurwa devnet --stop",
    ):
        console.print(line, highlight=False, soft_wrap=True)
