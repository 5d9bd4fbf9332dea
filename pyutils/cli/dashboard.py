"""`gpurwa dashboard`: portfolios, fleets and leases as web pages on this machine."""

from __future__ import annotations

import threading
from pathlib import Path

import click

from pyutils.cli.extras import extra
from pyutils.cli.parameters import FILE
from pyutils.cli.session import Session, asks


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=8_400, show_default=True, help="0 for any free port.")
@click.option("--leaf-files", "folders", type=FILE, multiple=True, help="Folder of leaf files; repeatable.")
@asks
def dashboard(session: Session, port: int, folders: tuple[Path, ...]) -> None:
    """Serve portfolios, fleets and leases to this machine's browser, until Ctrl-C. Nothing can be changed there."""
    with extra("reports"):
        from pyutils.audit import LeafFiles
        from pyutils.reporter.web.serving import Server
        from pyutils.reports.dashboard import Dashboard
    pages = Dashboard(session.system, session.address, LeafFiles(folders or [session.leaf_files]))
    with Server(pages.app(), "127.0.0.1", port) as server:
        session.show({"url": server.url}, lambda: click.echo(f"{server.url}  (Ctrl-C ends it)"))
        threading.Event().wait()
