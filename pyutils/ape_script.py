"""The command of every script that ape runs: what is refused on purpose ends in one line, as it does in `gpurwa`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
from ape.cli import ConnectedProviderCommand

from pyutils.ape_system import RECORD_VARIABLE
from pyutils.errors import GpuRwaError

RECORD: Final = click.option(
    "--record",
    type=click.Path(path_type=Path),
    help=f"File of the deployment record; by default the one of the connected chain. [{RECORD_VARIABLE}]",
)


class ScriptCommand(ConnectedProviderCommand):
    """A command on ape's connected chain; anything but our own errors is a defect and stays a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the script. Ends with the error's line on standard error, and with its exit status."""
        try:
            return super().invoke(ctx)
        except GpuRwaError as error:
            click.echo(f"{ctx.info_name}: {error.line()}", err=True)
            ctx.exit(error.exit_status)
