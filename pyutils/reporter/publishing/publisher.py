"""What an operator, or a verifier that reported alone, shows to everybody: files by their hash, reports and proofs.

Nothing here is secret and nothing is signed anew: files are named by hashes that the chain holds, reports carry their
signatures, and a proof leads to a root on chain. A file never changes, so anything may keep it for ever.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Protocol

from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from pyutils.errors import UnknownLeafError
from pyutils.meter.page import PAGE_SUFFIX, page_name
from pyutils.models import PageRef
from pyutils.operations.leases import fleet_of
from pyutils.reporter.publishing.entry import ReportEntries, ReportEntry
from pyutils.reporter.publishing.lease_proofs import LeaseProofs
from pyutils.reporter.web.answers import json_answer, path_number, path_word, query_number
from pyutils.units import FleetId, LeaseId

DEFAULT_REPORTS: Final = 24
MOST_REPORTS: Final = 1_000
"""Reports listed at once."""
LAST_HOUR: Final = 2**32 - 1

_FOR_EVER: Final = "public, max-age=31536000, immutable"


class Shelf(Protocol):
    """What is published. Methods are called in threads and answer from what is on this machine."""

    @property
    def leaf_files(self) -> Path:
        """Folder of leaf files, `0x….jsonl.gz`."""

    @property
    def samples(self) -> Path:
        """Folder of pages of samples, `0x….csv.gz`."""

    @property
    def gpus(self) -> Path:
        """Folder of lists of GPUs, `0x….txt`."""

    def reports(self, fleet_id: FleetId, limit: int) -> Sequence[ReportEntry]:
        """Return a fleet's newest reports, newest first, none of them unsigned, without pages."""

    def report(self, digest: bytes) -> ReportEntry | None:
        """Return a signed report without its pages; None where it is not known."""

    def pages(self, digest: bytes, from_hour: int) -> Sequence[PageRef]:
        """Return the pages that a report is built from, by hour, from a UTC hour since 1970 on; `()` for none."""

    def head(self, fleet_id: FleetId) -> ReportEntry | None:
        """Return the report that is the fleet's head on chain; None where there is none or it is not known."""


def publisher_routes(shelf: Shelf) -> list[Route]:
    """Return what publishes a shelf; `answers.web_app` makes an application of it, alone or beside other routes."""
    shown = _Publisher(shelf)
    return [
        Route("/", shown.about),
        Route("/leaf_files/{name}", shown.leaf_file),
        Route("/samples/{name}", shown.page),
        Route("/gpus/{name}", shown.gpu_list),
        Route("/fleets/{fleet_id}/reports", shown.reports),
        Route("/fleets/{fleet_id}/reports/{digest}", shown.report),
        Route("/fleets/{fleet_id}/head", shown.head),
        Route("/leases/{lease_id}/proof", shown.lease_proof),
        Route("/disputes/{digest}", shown.dossier),
    ]


class _Publisher:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._proofs = LeaseProofs(shelf.leaf_files)

    async def about(self, _: Request) -> Response:
        return json_answer({"service": "gpu-rwa publisher", "version": metadata.version("gpu-rwa")})

    async def leaf_file(self, request: Request) -> Response:
        return await run_sync(_file, request, self._shelf.leaf_files, ".jsonl.gz", "application/gzip")

    async def page(self, request: Request) -> Response:
        return await run_sync(_file, request, self._shelf.samples, PAGE_SUFFIX, "application/gzip")

    async def gpu_list(self, request: Request) -> Response:
        return await run_sync(_file, request, self._shelf.gpus, ".txt", "text/plain")

    async def reports(self, request: Request) -> Response:
        fleet_id = FleetId(path_number(request, "fleet_id"))
        limit = query_number(request, "limit", DEFAULT_REPORTS, MOST_REPORTS)
        found = await run_sync(self._shelf.reports, fleet_id, limit)
        return json_answer(ReportEntries(reports=tuple(found)).model_dump(mode="json"))

    async def report(self, request: Request) -> Response:
        fleet_id = FleetId(path_number(request, "fleet_id"))
        entry = await self._entry(request)
        if entry.report_file.report.fleet_id != fleet_id:
            raise HTTPException(404, f"fleet {fleet_id} has no such report")
        pages = await self._pages(request, entry)
        return json_answer(entry.model_copy(update={"pages": pages}).model_dump(mode="json"))

    async def head(self, request: Request) -> Response:
        return json_answer((await self._head(FleetId(path_number(request, "fleet_id")))).model_dump(mode="json"))

    async def lease_proof(self, request: Request) -> Response:
        lease_id = LeaseId(path_number(request, "lease_id"))
        entry = await self._head(fleet_of(lease_id))
        try:
            proof = await run_sync(self._proofs.of, entry.report_file, lease_id)
        except UnknownLeafError as error:
            raise HTTPException(404, f"the head does not list lease {lease_id}") from error
        return json_answer(proof.model_dump(mode="json"))

    async def dossier(self, request: Request) -> Response:
        entry = await self._entry(request)
        told: dict[str, Any] = entry.model_dump(mode="json", exclude={"pages", "format"})
        return json_answer(
            {
                "format": "gpu-rwa-dossier/1",
                **told,
                "digest": f"0x{entry.report_file.digest.hex()}",
                "leaf_file": f"leaf_files/0x{entry.report_file.report.data_hash.hex()}.jsonl.gz",
                "pages": [
                    {"hour": page.hour, "whole": page.whole, "file": f"samples/{page_name(page.rows_hash)}"}
                    for page in await self._pages(request, entry)
                ],
            }
        )

    async def _head(self, fleet_id: FleetId) -> ReportEntry:
        entry = await run_sync(self._shelf.head, fleet_id)
        if entry is None:
            raise HTTPException(404, f"fleet {fleet_id} has no head here")
        return entry

    async def _entry(self, request: Request) -> ReportEntry:
        entry = await run_sync(self._shelf.report, path_word(request, "digest"))
        if entry is None:
            raise HTTPException(404, "there is no such report here")
        return entry

    async def _pages(self, request: Request, entry: ReportEntry) -> tuple[PageRef, ...]:
        from_hour = query_number(request, "from_hour", 0, LAST_HOUR)
        return tuple(await run_sync(self._shelf.pages, entry.report_file.digest, from_hour))


def _file(request: Request, folder: Path, suffix: str, media_type: str) -> Response:
    name = request.path_params["name"]
    # Nothing but a hash passes, so no name leads out of the folder.
    if not re.fullmatch(r"0x[0-9a-f]{64}" + re.escape(suffix), name):
        raise HTTPException(404, "there is no such file")
    path = folder / name
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise HTTPException(404, "there is no such file") from error
    tag = f'"{name.removesuffix(suffix)}"'
    headers = {"ETag": tag, "Cache-Control": _FOR_EVER}
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return FileResponse(path, headers=headers, media_type=media_type, stat_result=found)
