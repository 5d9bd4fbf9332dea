"""Every function that a person may call has a command, or a reason why it has none."""

from __future__ import annotations

import click
import pytest

from pyutils import artifacts
from pyutils.cli import root
from pyutils.cli.reach import REACH, REASONS

from .shell import Shell


def changing(contract: str) -> set[str]:
    """Return the functions of a contract that change something."""
    return {
        entry["name"]
        for entry in artifacts.load(contract).abi
        if entry["type"] == "function" and entry["stateMutability"] not in {"view", "pure"}
    }


@pytest.mark.parametrize("contract", artifacts.names())
def test_reach__every_function_that_changes_something__has_a_row(contract: str) -> None:
    assert set(REACH[contract]) == changing(contract)


def test_reach__every_row__names_a_command_or_a_reason() -> None:
    for contract, rows in REACH.items():
        for function, place in rows.items():
            if place in REASONS:
                continue
            command: click.Command | None = root.cli
            for word in place.split():
                assert isinstance(command, click.Group), place
                command = command.get_command(click.Context(command), word)
            assert command is not None, f"{contract}.{function}: no command {place}"
            assert not isinstance(command, click.Group), place


def test_commands__all_of_them__say_what_they_do_and_for_what_their_options_are() -> None:
    def walk(command: click.Command, path: str) -> None:
        assert command.help, path
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{path} {parameter.opts[0]}"
        if isinstance(command, click.Group):
            for name in command.list_commands(click.Context(command)):
                inner = command.get_command(click.Context(command), name)
                assert inner is not None
                walk(inner, f"{path} {name}")

    walk(root.cli, "gpurwa")


def test_read__any_view__is_reached(sh: Shell) -> None:
    assert sh("read", "FleetRegistry", "fleetCount").strip() == "1"
    terms = sh.json("read", "LeaseTerms", "termsOf", 1)
    assert terms["reservationWad"] == 10**17
    assert len(terms["tiers"]) == 3
    assert "has no view" in sh.refused("read", "LeaseBook", "nothing")
    assert "no uint256" in sh.refused("read", "LeaseBook", "lease", "seven")
