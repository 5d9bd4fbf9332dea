"""Looking after a system on a chain: doctor, faucet, read."""

from __future__ import annotations

import json
from typing import Any

import click

from pyutils import artifacts
from pyutils.cli.findings import show_findings
from pyutils.cli.output import print_facts
from pyutils.cli.session import Session, asks, reads, writes
from pyutils.contracts.base import Block, abi_type
from pyutils.errors import InputError
from pyutils.operations.calls import read as read_view
from pyutils.operations.doctor import doctor as examine
from pyutils.operations.money import faucet as pour
from pyutils.operations.money import test_coin, test_collateral


class ArgumentsError(InputError):
    """Arguments do not fit a function."""

    remedy = "Write numbers plainly, bytes as 0x…, lists and structs as JSON"


@click.command()
@asks
def doctor(session: Session) -> None:
    """Look whether tools, node, deployment record, contracts, roles and clock are in order."""
    show_findings(session, f"Network {session.settings.network}", list(examine(lambda: session.system)))


@click.command()
@click.argument("to")
@click.option("--amount", default="1000000", show_default=True, help="Coins.")
@click.option("--collateral", is_flag=True, help="Test collateral in place of coins.")
@writes
def faucet(session: Session, to: str, amount: str, collateral: bool) -> None:
    """Mint test coins, or test collateral, and on a development chain ether for gas."""
    receiver = session.address(to)
    coin = test_collateral(session.system) if collateral else test_coin(session.system)
    units = session.money(amount, coin or session.system.coin())
    receipt = pour(session.system, session.lane, receiver, units, coin)
    what = "of test collateral" if collateral else "test coins"
    session.done(receipt, f"{amount} {what} for {receiver}", amount=units)


@click.command()
@click.argument("contract", type=click.Choice(artifacts.names()))
@click.argument("function")
@click.argument("arguments", nargs=-1)
@click.option("--at", metavar="ADDRESS", help="Address, where the deployment has several or none, such as FleetShares.")
@reads
def read(
    session: Session, block: Block, contract: str, function: str, arguments: tuple[str, ...], at: str | None
) -> None:
    """Call any view of any contract: `gpurwa read LeaseBook lease 4294967297`."""
    entry = _view(contract, function, len(arguments))
    types = [abi_type(item) for item in entry["inputs"]]
    values = [_argument(session, kind, text) for kind, text in zip(types, arguments, strict=True)]
    address = session.address(at) if at is not None else _address(session, contract)
    signature = f"{entry['name']}({','.join(types)})"
    value = read_view(contract, address, signature, *values, web3=session.system.web3, block=block)
    outputs = entry["outputs"]
    named = _named(outputs[0], value) if len(outputs) == 1 else _named({"type": "tuple", "components": outputs}, value)

    def people() -> None:
        if isinstance(named, dict):
            print_facts(signature, named)
        else:
            click.echo(str(named))

    session.show(named, people)


def _address(session: Session, contract: str) -> str:
    """Return where a contract stands, one of credit markets in the first. Raises `UnknownContractError`."""
    in_market = any(contract in market.contracts for market in session.manifest.credit)
    return session.address(contract) if in_market else session.manifest.address(contract)


def _view(contract: str, function: str, count: int) -> artifacts.AbiEntry:
    views = [
        entry
        for entry in artifacts.load(contract).abi
        if entry["type"] == "function" and entry["stateMutability"] in {"view", "pure"}
    ]
    for entry in views:
        if entry["name"] == function and len(entry["inputs"]) == count:
            return entry
    shapes = [
        f"{v['name']}({','.join(abi_type(item) for item in v['inputs'])})" for v in views if v["name"] == function
    ]
    known = ", ".join(shapes) or ", ".join(sorted({entry["name"] for entry in views}))
    raise ArgumentsError(f"{contract} has no view {function} of {count} arguments", remedy=f"It has {known}")


def _argument(session: Session, kind: str, text: str) -> Any:
    try:
        if kind == "address":
            return session.address(text)
        if kind == "bool":
            return {"true": True, "false": False}[text.lower()]
        if kind.endswith("]") or kind.startswith("("):
            return _bytes_within(json.loads(text))
        if kind.startswith("bytes"):
            return bytes.fromhex(text.removeprefix("0x"))
        return int(text, 0) if kind.startswith(("uint", "int")) else text
    except (ValueError, KeyError) as error:
        raise ArgumentsError(f"{text!r} is no {kind}") from error


def _bytes_within(value: Any) -> Any:
    if isinstance(value, list):
        return [_bytes_within(inner) for inner in value]
    if isinstance(value, str) and value.startswith("0x") and len(value) != 42:
        return bytes.fromhex(value[2:])
    return value


def _named(entry: artifacts.AbiEntry, value: Any) -> Any:
    """Return a decoded value with the names of its struct's members."""
    if entry["type"] == "tuple":
        members = entry["components"]
        return {
            member["name"] or str(place): _named(member, inner)
            for place, (member, inner) in enumerate(zip(members, value, strict=True))
        }
    if entry["type"].endswith("]") and "components" in entry:
        return [_named({**entry, "type": "tuple"}, inner) for inner in value]
    return f"0x{value.hex()}" if isinstance(value, bytes) else value
