"""What secures loans is worth, step by step, and how much more may be lent."""

from __future__ import annotations

import click

from pyutils.cli.credit_options import COIN, market
from pyutils.cli.output import print_facts, print_table
from pyutils.cli.parameters import format_duration, format_time
from pyutils.cli.session import Session, reads
from pyutils.contracts.base import Block
from pyutils.operations import appraisals, markets
from pyutils.units import FleetId, Wad, format_bps, format_fixed, format_wad_percent

FLEET = click.argument("fleet_id", metavar="FLEET", type=int)


@click.command()
@FLEET
@reads
def appraise(session: Session, block: Block, fleet_id: int) -> None:
    """Say what a fleet's hardware is worth, with every step from its price to its value."""
    found = markets.market_of(session.system, FleetId(fleet_id))
    view = appraisals.appraised(found, FleetId(fleet_id), block)

    def people() -> None:
        value, token = view.value, found.token
        facts = {
            "GPUs": value.capacity,
            "a new one costs": f"{session.coins(value.price_per_gpu, token)}, set {format_time(value.priced_at)}",
            "age": format_duration(value.age_seconds),
            "left of a new price": format_wad_percent(Wad(value.depreciation_wad)),
            "hardware": session.coins(value.hardware, token),
            "history": f"{value.history_days} days",
            "net revenue a day": f"{session.coins(value.mean30, token)} over 30 days,"
            f" {session.coins(value.mean90, token)} over 90",
            "economic life left": f"{value.months_left} months",
            "worth of one a month": format_fixed(value.annuity_wad, 18, 4),
            "revenue cap": session.coins(value.revenue_cap, token),
            "worth": session.coins(value.capped, token),
            **({"nothing is lent on it": view.stale} if view.stale else {}),
        }
        print_facts(f"Appraisal of fleet {fleet_id}", facts)

    session.show(view, people)


@click.command()
@click.argument("token")
@COIN
@reads
def collateral(session: Session, block: Block, token: str, coin: str | None) -> None:
    """Say how a liquid token is priced as collateral, and what one is worth now."""
    found, address = market(session, coin), session.address(token)
    view = appraisals.collateral(session.system, found, address, block)

    def people() -> None:
        feed = view.feed
        facts = {
            "taken for new loans": "yes" if view.listed else "no",
            "one is worth": f"not known: {view.untold}"
            if view.value is None
            else session.coins(view.value, found.token),
            "feed": feed.feed,
            "stale after": format_duration(feed.max_age),
            "believed between": f"{format_fixed(feed.least, feed.feed_decimals)} and"
            f" {format_fixed(feed.most, feed.feed_decimals)}",
            "and from round to round": f"up to {format_bps(feed.most_jump_bps)}",
        }
        print_facts(f"{session.system.token(address).symbol()} at {address}", facts)

    session.show(view, people)


@click.command()
@FLEET
@reads
def caps(session: Session, block: Block, fleet_id: int) -> None:
    """Show the caps in which a loan against a fleet counts, and what is drawn under each."""
    found = markets.market_of(session.system, FleetId(fleet_id))
    views = appraisals.caps(session.system, found, FleetId(fleet_id), block)

    def people() -> None:
        rows = [
            (one.kind, one.whose, *(session.coins(amount, found.token) for amount in (one.outstanding, one.cap)))
            for one in views
        ]
        print_table(f"Caps in {found.token.symbol()}", ("per", "of", "#drawn", "#at most"), rows)

    session.show(views, people)
