"""`gpurwa index`: the contracts' events in a database, kept up to the chain."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pyutils.chain import RpcUnreachableError
from pyutils.cli.output import print_facts, print_table
from pyutils.cli.parameters import FILE, format_time
from pyutils.cli.session import Command, Session, asks
from pyutils.contracts.base import Block

if TYPE_CHECKING:
    from pyutils.chain.batch import Source
    from pyutils.index import Index
    from pyutils.index import Progress as SyncProgress
    from pyutils.portfolio.sources import OpenSource

_LINE_EVERY_S = 10.0
"""How often a line is written where no bar can be drawn."""
_POLL_S = 2.0
_AGAIN_S = 10.0


def database(function: Command) -> Command:
    """Add the option that says where the index is."""
    return click.option(
        "--database", metavar="URL", help="sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME. [GPURWA_DATABASE]"
    )(function)


@click.group()
def index() -> None:
    """Keep the contracts' events in a database, and ask it."""


@index.command()
@click.option("--to", "to", type=click.IntRange(min=0), metavar="BLOCK", help="Stop there; at the newest by default.")
@click.option("--follow", is_flag=True, help="Go on as blocks come, until Ctrl-C; wait where no node answers.")
@click.option("--agree", is_flag=True, help="Believe only what a majority of the RPC endpoints says.")
@database
@asks
def sync(session: Session, database: str | None, to: int | None, follow: bool, agree: bool) -> None:
    """Bring the index up to the chain."""
    from pyutils.index import Store
    from pyutils.index import sync as bring_up

    store = Store.at(index_url(session, database), writes=True)
    source = _source(session, agree)
    done: SyncProgress | None = None
    while True:
        try:
            with _shown(session) as tell:
                done = bring_up(store, source, session.manifest, to=to, on_progress=tell)
        except RpcUnreachableError as error:
            if not follow:
                raise
            click.echo(f"gpurwa: {error.line()}; asked again in {_AGAIN_S:.0f} s", err=True)
            time.sleep(_AGAIN_S)
            continue
        if not follow or (to is not None and (done.state.block or 0) >= to):
            break
        time.sleep(_POLL_S)
    session.show(
        {"database": store.name, **_facts(done)},
        lambda: click.echo(
            f"{store.name}: {done.state.events:,} events up to block {done.state.block};"
            f" {done.events:,} events in {done.blocks:,} blocks were new"
            + (f", {done.rolled_back} blocks were taken back by the chain" if done.rolled_back else "")
        ),
    )


@index.command()
@database
@asks
def status(session: Session, database: str | None) -> None:
    """Say how far the index is and how much is in it."""
    from pyutils.index.status import status as read_status

    with open_indexed(session, database) as opened:
        found = read_status(opened)
        name = opened.store.name

    def people() -> None:
        print_facts(
            f"Index of {session.manifest.network}",
            {
                "database": name,
                "last block": "none yet" if found.block is None else f"{found.block}, {format_time(found.at or 0)}",
                "final up to": "unknown" if found.finalized_block is None else found.finalized_block,
                "contracts": found.contracts,
                "events": f"{sum(found.events.values()):,}",
            },
        )
        rows = [(event, f"{count:,}") for event, count in found.events.items()]
        print_table("Events", ("event", "#how many"), rows)

    session.show({"database": name, **_plain(found)}, people)


@index.command()
@click.option("--agree", is_flag=True, help="Believe only what a majority of the RPC endpoints says.")
@database
@asks
def check(session: Session, database: str | None, agree: bool) -> None:
    """Recompute balances and owners from events and compare them with the chain; exit status 1 where one differs."""
    from pyutils.index.check import check as compare

    with open_indexed(session, database) as opened:
        found = compare(opened, _source(session, agree))

    def people() -> None:
        if found.differences:
            rows = [(one.what, one.indexed, one.on_chain) for one in found.differences]
            print_table(f"Differences at block {found.block}", ("what", "by events", "on chain"), rows)
        else:
            click.echo(f"{found.figures:,} balances, supplies and owners are the chain's at block {found.block}")

    session.show(found, people)
    found.raise_for_differences()


@index.command()
@click.argument("folder", type=FILE)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    show_default=True,
    help="Of the files; Parquet needs gpu-rwa[parquet].",
)
@click.option("--block", type=click.IntRange(min=0), help="Up to this block; the index's last by default.")
@database
@asks
def export(session: Session, folder: Path, database: str | None, format_: Any, block: int | None) -> None:
    """Write the events into a folder, a file for each event that happened."""
    from pyutils.index.export import export as write

    with open_indexed(session, database) as opened:
        files = write(opened, folder, format_, block)

    def people() -> None:
        print_table(f"Exported to {folder}", ("file", "#events"), [(one.path.name, one.events) for one in files])

    session.show([{"path": str(one.path), "events": one.events} for one in files], people)


def index_url(session: Session, database: str | None) -> str:
    """Return where the index is: as named, or a file in the person's folder of the network."""
    return database or session.settings.database or f"sqlite:///{session.state / 'index.sqlite'}"


def open_indexed(session: Session, database: str | None) -> Index:
    """Open the index of the session's network for reading. Raises as `open_index`."""
    from pyutils.index import open_index

    return open_index(index_url(session, database), session.manifest)


@contextmanager
def events_opened(
    session: Session, block: Block, database: str | None, *, from_index: bool
) -> Iterator[tuple[OpenSource | None, Block]]:
    """Yield what opens events up to a block, None for the node, and the block: its number where it is the index's.

    Raises as `open_index` and `indexed_block`.
    """
    if not from_index:
        yield None, block
        return
    from pyutils.portfolio.indexed import indexed_block, indexed_events

    with open_indexed(session, database) as opened:
        yield indexed_events(opened, session.system.web3), indexed_block(opened, block)


def _source(session: Session, agree: bool) -> Source:
    from pyutils.chain import Agreement
    from pyutils.chain.agreement_provider import AgreementProvider
    from pyutils.index.source import bulk_source

    if agree:
        return AgreementProvider(Agreement(session.urls, session.manifest.chain_id))
    return bulk_source(session.urls, session.manifest.chain_id)


@contextmanager
def _shown(session: Session) -> Iterator[Callable[[SyncProgress], None]]:
    """Show how a sync gets on: a bar on a terminal, else a line now and then."""
    console = Console(stderr=True)
    if session.as_json:
        yield lambda _: None
    elif console.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
        )
        with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
            task = bar.add_task("blocks", total=None, rate="")
            began = time.monotonic()

            def draw(progress: SyncProgress) -> None:
                done, left = progress.blocks, _blocks_left(progress)
                rate = progress.events / max(time.monotonic() - began, 0.001)
                bar.update(task, completed=done, total=done + left, rate=f"{rate:,.0f} events/s")

            yield draw
    else:
        yield _lines()


def _lines() -> Callable[[SyncProgress], None]:
    began = said = time.monotonic()

    def say(progress: SyncProgress) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said < _LINE_EVERY_S:
            return
        said = now
        left = _blocks_left(progress)
        rate, speed = progress.events / (now - began), progress.blocks / (now - began)
        rest = f"{left / speed:,.0f} s left" if speed else "time left unknown"
        click.echo(f"block {progress.state.block} of {progress.target}, {rate:,.0f} events/s, {rest}", err=True)

    return say


def _blocks_left(progress: SyncProgress) -> int:
    state = progress.state
    return progress.target - (state.first_block - 1 if state.block is None else state.block)


def _facts(progress: SyncProgress) -> dict[str, Any]:
    state = progress.state
    return {
        "block": state.block,
        "block_hash": state.block_hash,
        "finalized_block": state.finalized_block,
        "events": state.events,
        "new_blocks": progress.blocks,
        "new_events": progress.events,
        "rolled_back": progress.rolled_back,
        "retries": progress.retries,
    }


def _plain(found: Any) -> dict[str, Any]:
    from pyutils.cli.output import plain

    row: dict[str, Any] = plain(found)
    return row
