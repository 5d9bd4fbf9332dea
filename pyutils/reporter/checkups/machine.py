"""Is the machine side of a daemon in order? Keys, store, disk, ports, and what others reach."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import httpx

from pyutils.chain import Signer
from pyutils.chain.provider import shown
from pyutils.errors import GpuRwaError
from pyutils.operations.doctor import Finding, note, well, wrong
from pyutils.reporter.parts import listen_at
from pyutils.reporter.settings.config import ServeConfig
from pyutils.reporter.store.errors import StoreBusyError
from pyutils.reporter.store.identity import Identity
from pyutils.reporter.store.lock import StoreLock
from pyutils.reporter.store.reader import StoreReader
from pyutils.reporter.store.store import Store
from pyutils.reporter.store.view import look_into
from pyutils.reporter.web.serving import PortError, check_port
from pyutils.units import FleetId

_GIB: Final = 2**30
_LEAST_FREE: Final = 1 * _GIB
_SOON_FULL: Final = 10 * _GIB
_TIMEOUT_S: Final = 10.0
_HARMLESS: Final = b"gpurwa doctor"
"""Signed to see that a key signs. It begins like no transaction and no typed data, so it can be used for nothing."""


def key(what: str, signer: Signer) -> Finding:
    """Return whether a key signs."""
    try:
        signer.sign_preimage(_HARMLESS)
    except GpuRwaError as error:
        return wrong(what, error.line())
    return well(what, f"{signer.address} signs")


def is_running(store: Path) -> bool:
    """Return whether a process uses a store."""
    if not store.exists():
        return False
    try:
        StoreLock(store).close()
    except StoreBusyError:
        return True
    return False


def store(path: Path, identity: Identity, fleet_ids: Sequence[FleetId], is_used: bool) -> Iterator[Finding]:
    """Yield whether a store opens, and what is in it; one that a daemon uses is only looked into."""
    try:
        with look_into(path) if is_used else Store.open(path, identity) as opened:
            for fleet_id in fleet_ids:
                yield well(f"store of fleet {fleet_id}", _contents(opened, fleet_id))
    except GpuRwaError as error:
        yield wrong("store", error.line())


def disk(folder: Path) -> Finding:
    """Return whether there is room for samples and reports."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    said = f"{free / _GIB:.1f} GiB are free at {there}"
    if free < _LEAST_FREE:
        return wrong("disk", said, "Free space; old pages of samples may be moved to another disk, and linked")
    return well("disk", said) if free >= _SOON_FULL else note("disk", said, "Plan for more")


def published(serve: ServeConfig, service: str, is_used: bool) -> Finding:
    """Return whether the public is answered where it will ask, or can be once the daemon runs."""
    what = "published port"
    if not is_used:
        host, port = listen_at(serve.public)
        try:
            check_port(host, port)
        except PortError as error:
            return wrong(what, error.line())
        return well(what, f"{serve.public} is free; the daemon does not run")
    found = answer(serve.shown_url)
    if isinstance(found, str):
        return wrong(
            what, f"{shown(serve.shown_url)}: {found}", "Open it in firewall and proxy, or set serve.public_url"
        )
    if not str(found.get("service", "")).startswith(service):
        return wrong(what, f"something else than a {service} answers at {shown(serve.shown_url)}", "Check public_url")
    return well(what, f"{shown(serve.shown_url)} answers, from here")


def answer(url: str) -> dict[str, Any] | str:
    """Return what a service says of itself at its root, or in words why it does not."""
    try:
        response = httpx.get(url.rstrip("/") + "/", timeout=_TIMEOUT_S, follow_redirects=False)
        response.raise_for_status()
        told = response.json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return str(error).splitlines()[0] if str(error) else type(error).__name__
    except ValueError:
        return "what answers speaks no JSON"
    return told if isinstance(told, dict) else "what answers speaks no JSON object"


def _contents(reader: StoreReader, fleet_id: FleetId) -> str:
    counts = ", ".join(f"{count} {state.value}" for state, count in sorted(reader.counts(fleet_id).items()))
    newest = reader.latest_promise(fleet_id)
    promised = "nothing is promised" if newest is None else f"the newest promise is as of {newest.as_of}"
    return f"{counts or 'no reports'}; {promised}"
