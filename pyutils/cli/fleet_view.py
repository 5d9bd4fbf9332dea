"""Looking at fleets: what one is, who runs it, what it really did, and what is owed against it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pyutils.cli.credit_tables import state_of
from pyutils.cli.fleet_history import history_json, intervals_csv, print_history
from pyutils.cli.index import database, events_opened
from pyutils.cli.output import print_facts, print_table
from pyutils.cli.parameters import FILE, format_duration, format_time
from pyutils.cli.positions import shown_block
from pyutils.cli.session import Session, reads
from pyutils.contracts.base import Block
from pyutils.durable import write_whole
from pyutils.errors import InputError
from pyutils.portfolio import FleetFigures, FleetView, figures_of, read_fleet, read_fleet_record, read_fleets
from pyutils.portfolio.fleet import FleetRow
from pyutils.reports.meter import kwh_a_day, watts
from pyutils.reports.origins import note
from pyutils.units import (
    FleetId,
    GpuMs,
    TokenUnits,
    Wad,
    format_bps,
    format_fixed,
    format_gpu_hours,
    format_money,
    format_wad_percent,
)

NONE = "–"


@click.command("list")
@reads
def list_(session: Session, block: Block) -> None:
    """List all fleets, with what each really did until its newest report."""
    views = read_fleets(session.system, block)

    def people() -> None:
        columns = (
            *("#id", "class", "region", "status", "#leased", "#price per GPU-hour", "#available", "#busy"),
            *("#net revenue, 30 days", "head as of"),
        )
        when = f" at {shown_block(views[0].block)}" if views else ""
        print_table(f"Fleets on {session.manifest.network}{when}", columns, [_line(view) for view in views])

    session.show([_json(view) for view in views], people)


@click.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.option("--history", is_flag=True, help="Read its events too: SLA record, disputes, capacity leased, reports.")
@click.option("--csv", "table", type=FILE, help="Write every interval between two reports, read from its events.")
@click.option("--from-index", is_flag=True, help="Read these events from the index; state still comes from the node.")
@database
@reads
def show(
    session: Session,
    block: Block,
    fleet_id: int,
    history: bool,
    table: Path | None,
    from_index: bool,
    database: str | None,
) -> None:
    """Show one fleet: what it is, who runs it, what it really did, its revenue, and what is owed against it."""
    if not history and table is None:
        if from_index:
            raise InputError("no events are asked for", remedy="Give --history or --csv with --from-index")
        view = read_fleet(session.system, FleetId(fleet_id), block)
        session.show(_json(view), lambda: print_fleet(view))
        return
    with events_opened(session, block, database, from_index=from_index) as (source, at):
        record = read_fleet_record(session.system, FleetId(fleet_id), at, source)
    if table is not None:
        write_whole(table, intervals_csv(record))

    def people() -> None:
        print_fleet(record.view)
        if history:
            print_history(record)
        if table is not None:
            click.echo(f"written: {table}")

    session.show({**_json(record.view), **({"history": history_json(record)} if history else {})}, people)


def print_fleet(view: FleetView) -> None:
    """Print a fleet for people; every table says as of when it holds."""
    row, found = view.row, figures_of(view)
    print_facts(f"Fleet {row.fleet_id} at {shown_block(view.block)}", _identity(row, found))
    age = f", {format_duration(found.meter.age_s)} before the block" if found.meter else ""
    print_facts(f"Meters, head as of {format_time(row.head.as_of)}{age}", _meter(row, found))
    print_facts(f"Revenue at block {view.block.number}", _revenue(row, found))
    if row.market is not None:
        print_facts(f"Value and debt at block {view.block.number}", _credit(row, found))


def _json(view: FleetView) -> dict[str, Any]:
    return {**dict(view.row), "block": view.block, "figures": figures_of(view)}


def _line(view: FleetView) -> tuple[object, ...]:
    row, found = view.row, figures_of(view)
    return (
        row.fleet_id,
        row.fleet.gpu_class,
        row.fleet.region,
        row.fleet.status.name.lower(),
        f"{row.leased_gpus} of {row.fleet.capacity}",
        _money(row, row.price_per_gpu_hour) if row.price_per_gpu_hour else NONE,
        _percent(found.meter.availability_wad if found.meter else None),
        _percent(found.meter.utilization_wad if found.meter else None),
        _money(row, row.net_revenue30),
        format_time(row.head.as_of),
    )


def _identity(row: FleetRow, found: FleetFigures) -> dict[str, object]:
    fleet = row.fleet
    return {
        "class, region": f"{fleet.gpu_class}, {fleet.region}",
        "status": fleet.status.name.lower() + (", suspended" if fleet.suspended else ""),
        "GPUs": f"{fleet.capacity}, {row.leased_gpus} of them leased ({_percent(found.leased_wad)})",
        "growth asked for": fleet.requested_capacity or NONE,
        "longest lease": format_duration(fleet.max_term),
        "samples every": format_duration(fleet.sample_cadence),
        "board power": f"{fleet.board_power_watts} W",
        "settles in": f"{row.symbol} {fleet.settlement_token}",
        "price per GPU-hour": _money(row, row.price_per_gpu_hour),
        "floor": _money(row, fleet.price_floor),
        "in escrow": _money(row, row.escrow),
        "title's owner": row.owner,
        "controller": row.controller,
        "operator": fleet.operator,
        "shares": fleet.shares,
        "insured until": format_time(fleet.insurance_expiry),
        "reporter": row.reporter,
        "verifiers": f"{row.quorum} of {', '.join(row.verifiers) or 'none'}",
    }


def _meter(row: FleetRow, found: FleetFigures) -> dict[str, object]:
    if found.meter is None:
        return {"reports": "none yet"}
    head, last = row.head, row.interval
    joules = found.meter.joules_per_busy_gpu_hour
    return {
        "capacity": f"{format_gpu_hours(GpuMs(row.capacity_gpu_ms))} GPU-hours since enrolment",
        "available": f"{format_gpu_hours(GpuMs(head.available_gpu_ms))} GPU-hours, availability"
        f" {_percent(found.meter.availability_wad)}",
        "busy": f"{format_gpu_hours(GpuMs(head.busy_gpu_ms))} GPU-hours, utilization"
        f" {_percent(found.meter.utilization_wad)}",
        "energy": f"{format_fixed(found.meter.energy_wh, 3)} kWh",
        "per busy GPU-hour": NONE if joules is None else f"{joules} J",
        "board power": f"{watts(found.meter.milliwatts_per_available_gpu)} a metered GPU,"
        f" {watts(found.meter.milliwatts_per_installed_gpu)} an installed one",
        "PUE input": kwh_a_day(found.meter.board_wh_per_day),
        "utilization, last interval": _percent(last.utilization_wad if last.utilization_told else None),
        "mean power, last interval": f"{last.mean_power_watts} W" if last.power_told else NONE,
        "per busy GPU-hour, last interval": f"{last.joules_per_busy_gpu_hour} J" if last.joules_told else NONE,
        "accepted": format_time(head.accepted_at),
        "digest": f"0x{head.digest.hex()}",
        "told by": note(found.meter.origin),
    }


def _revenue(row: FleetRow, found: FleetFigures) -> dict[str, object]:
    money = found.revenue
    fee, share = format_bps(row.revenue.protocol_fee_bps), format_bps(row.revenue.operating_share_bps)
    return {
        "earned, not split yet": _money(row, money.pending),
        "split so far": _money(row, money.routed),
        f"1. protocol fee, {fee}": _money(row, money.protocol_fee),
        f"2. operator, {share} of the rest": _money(row, money.operating),
        "3. shares": _money(row, money.shares),
        "of 3., not brought to the shares yet": _money(row, money.uncollected),
        "of 3., released to holders": _money(row, money.collected - money.unreleased),
        "of 3., released later": _money(row, money.unreleased),
        "net, last 30 complete UTC days": _money(row, money.net_revenue30),
        "told by": note(money.origin),
    }


def _credit(row: FleetRow, found: FleetFigures) -> dict[str, object]:
    market, debt = row.markets[0], found.debt
    facts: dict[str, object] = {"hardware": "never priced", "with revenue cap": NONE}
    if market.value_told:
        facts = {
            "hardware": f"{_money(row, market.value.hardware)}, priced {format_time(market.value.priced_at)}",
            "with revenue cap": f"{_money(row, market.value.capped)}, {market.value.history_days} days of history",
        }
    if debt is None or row.loan is None:
        return {**facts, "debt": "none"}
    coverage = NONE
    if debt.coverage_bps is not None:
        coverage = f"{format_fixed(debt.coverage_bps, 4, 2)} ×, by {debt.history_days} days of history"
    return {
        **facts,
        "debt": f"{_money(row, debt.principal + debt.interest)}, loan {debt.loan_id}, {state_of(row.loan.loan)}",
        "of it interest": _money(row, debt.interest),
        "due and not paid": _money(row, debt.arrears),
        "debt over pledge": NONE if debt.ltv_bps is None else format_bps(debt.ltv_bps),
        "breach from": NONE if debt.breach_limit is None else _money(row, debt.breach_limit),
        "pledge's revenue a month": NONE if debt.revenue_per_month is None else _money(row, debt.revenue_per_month),
        "service a month": _money(row, debt.service_per_month),
        "coverage": coverage,
        "told by": note(debt.origin),
    }


def _money(row: FleetRow, amount: int) -> str:
    return f"{format_money(TokenUnits(amount), row.fleet.token_decimals)} {row.symbol}"


def _percent(ratio: int | None) -> str:
    return NONE if ratio is None else format_wad_percent(Wad(ratio))
