"""The root of all commands, and the one place where errors become lines and exit statuses."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from typing import Any, NoReturn

import click

from pyutils.errors import GpuRwaError

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it: 128 + SIGINT."""

_COMMANDS: dict[str, str] = {
    "admin": "pyutils.cli.admin:admin",
    "audit": "pyutils.cli.audit:audit",
    "bond": "pyutils.cli.bond:bond",
    "claim": "pyutils.cli.money:claim",
    "credit": "pyutils.cli.credit:credit",
    "demo": "pyutils.cli.demo:demo",
    "dashboard": "pyutils.cli.dashboard:dashboard",
    "deploy": "pyutils.cli.deploy:deploy",
    "deployments": "pyutils.cli.deployments:deployments",
    "devnet": "pyutils.cli.devnet:devnet",
    "doctor": "pyutils.cli.tools:doctor",
    "faucet": "pyutils.cli.tools:faucet",
    "fleet": "pyutils.cli.fleet:fleet",
    "index": "pyutils.cli.index:index",
    "lease": "pyutils.cli.lease:lease",
    "migrate": "pyutils.cli.migrate:migrate",
    "operator-demo": "pyutils.cli.operator_demo:operator_demo",
    "operator": "pyutils.cli.operator:operator",
    "portfolio": "pyutils.cli.portfolio:portfolio",
    "positions": "pyutils.cli.positions:positions",
    "read": "pyutils.cli.tools:read",
    "report": "pyutils.cli.report:report",
    "roles": "pyutils.cli.roles:roles",
    "settle": "pyutils.cli.money:settle",
    "shares": "pyutils.cli.money:shares",
    "vault": "pyutils.cli.vault:vault",
    "verify": "pyutils.cli.verify:verify",
    "verifier": "pyutils.cli.verifier:verifier",
    "withdraw": "pyutils.cli.money:withdraw",
}
"""Where each command is defined, `module:attribute`; modules load when their command is asked for."""


class LazyGroup(click.Group):
    """A group that imports a command's module when it is asked for, so that `gpurwa --version` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in alphabetical order."""
        return sorted({*_COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None where there is none of that name."""
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = place.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command), place
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(metadata.version("gpu-rwa"), prog_name="gpurwa")
def cli() -> None:
    """GPU compute as a real-world asset: from meter to lease, revenue, shares and credit."""


def run(arguments: Sequence[str] | None = None, **extra: Any) -> int:
    """Run a command line and return its exit status.

    What the package raises on purpose becomes one line on standard error, remedy included. Anything else is a defect
    and stays a traceback.
    """
    try:
        result = cli.main(None if arguments is None else list(arguments), "gpurwa", standalone_mode=False, **extra)
    except GpuRwaError as error:
        click.echo(f"gpurwa: {error.line()}", err=True)
        return error.exit_status
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        # What click makes of Ctrl-C, and of a prompt whose input ended.
        click.echo("gpurwa: interrupted", err=True)
        return INTERRUPTED
    except KeyboardInterrupt:
        click.echo("gpurwa: interrupted", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # click 8.2 and later: the message is the help itself
            error.show()
            return error.exit_code
        where: click.Context | None = getattr(error, "ctx", None)
        hint = f" (see `{where.command_path} --help`)" if where is not None else ""
        click.echo(f"gpurwa: {' '.join(error.format_message().split())}{hint}", err=True)
        return error.exit_code
    return result if isinstance(result, int) else 0


def main() -> NoReturn:
    """Entry point of `gpurwa`."""
    sys.exit(run())
