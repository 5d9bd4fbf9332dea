"""`export` and `import` of reporters and verifiers: a store goes to another machine, and only one of the two signs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyutils.cli.output import print_facts
from pyutils.cli.session import NotConfirmedError, Session
from pyutils.reporter.settings.folders import Folders
from pyutils.reporter.store.errors import OtherStoreError
from pyutils.reporter.store.identity import Identity

if TYPE_CHECKING:
    from pyutils.reporter.store.move import Moved

WITHOUT_FILES = click.option("--without-files", is_flag=True, help="Leave published files out: leaf files, samples.")
YES = click.option("--yes", is_flag=True, help="Do not ask first.")


def export_to(
    session: Session, folders: Folders, identity: Identity, archive: Path, *, with_files: bool, yes: bool
) -> None:
    """Write a store's archive once the user agreed, after which the store signs nothing any more."""
    from pyutils.reporter.store.move import export_store
    from pyutils.reporter.store.store import Store

    # Opened before anybody is asked: a daemon that runs is a reason to refuse.
    with Store.open(folders.store, identity, even_if_moved=True) as store:
        what = f"Export {folders.store}, which signs nothing any more afterwards"
        if not yes and not click.confirm(f"{what}?", err=True):
            raise NotConfirmedError(f"{what}: not confirmed", remedy="Nothing was changed; --yes skips the question")
        moved = export_store(store, folders if with_files else None, archive)
    _show(session, "exported", moved, "import it on the other machine, and delete it")


def import_from(
    session: Session, folders: Folders, identity: Identity | None, archive: Path, *, with_files: bool
) -> None:
    """Make a store of an archive, or take it over into the one that is there.

    Without an identity, as where no configuration is there yet, the archive says whose it is; network and oracle must
    be those of the session.
    """
    from pyutils.reporter.store.archive import open_archive
    from pyutils.reporter.store.move import import_archive

    if identity is None:
        with open_archive(archive) as opened:
            told = opened.history().identity
        here = told.model_copy(
            update={"chain_id": session.manifest.chain_id, "oracle": session.manifest.address("MeterOracle")}
        )
        if told != here:
            raise OtherStoreError(archive, told, here)
        identity = told
    moved = import_archive(archive, folders.store, identity, folders if with_files else None)
    _show(session, "imported", moved, f"it signs as {identity.signer}; the machine it came from must not sign any more")


def _show(session: Session, what: str, moved: Moved, following: str) -> None:
    told = {"archive": str(moved.archive), "promises": moved.promises, "reports": moved.reports}
    told |= {"transactions": moved.transactions, "files": moved.files}
    session.show(told, lambda: print_facts(f"Store {what}", {**told, "next": following}))
