"""The same pages over HTTP, for one person at this machine: read-only, each as of one block, with a search."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from pyutils.audit import LeafFiles, audit_lease
from pyutils.contracts import System
from pyutils.errors import ChainError, GpuRwaError
from pyutils.operations.history import block_number, block_time
from pyutils.operations.leases import LEASE_BITS, fleet_of
from pyutils.portfolio import read_fleet_record, read_fleets
from pyutils.portfolio.statement import read_statement
from pyutils.reports.fleet import fleet_page
from pyutils.reports.lease import lease_page
from pyutils.reports.page import Coin, Link, Page, Section, Table, render
from pyutils.reports.portfolio import portfolio_page
from pyutils.units import EPOCH, BlockNumber, FleetId, LeaseId

HOSTS: Final = ["127.0.0.1", "localhost", "[::1]"]
"""Names under which the pages answer: a web page elsewhere cannot make its own name mean this machine."""
_DAY_S: Final = 86_400

Resolve = Callable[[str], str]
"""Turns what a person typed into an address. Raises `GpuRwaError` where it names none."""


class Dashboard:
    """Pages about one deployment.

    Args:
        system: the contracts.
        resolve: finds addresses by the names that people use.
        files: where leaf files may lie, for what leases were settled with.

    """

    def __init__(self, system: System, resolve: Resolve, files: LeafFiles) -> None:
        self._system, self._resolve, self._files = system, resolve, files
        self._coin = cache(self._read_coin)

    def app(self) -> Starlette:
        """Return the pages as an ASGI application."""
        routes = [
            Route("/", self._home),
            Route("/search", self._search),
            Route("/address/{account}", self._address),
            Route("/fleet/{fleet_id:int}", self._fleet),
            Route("/lease/{lease_id:int}", self._lease),
            Route("/block", self._block),
            Route("/plotly.js", self._script),
        ]
        return Starlette(
            routes=routes,
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)],
            exception_handlers={GpuRwaError: self._refused, HTTPException: self._missing},
        )

    # Plain functions: Starlette runs them in threads, as they wait for a node.

    def _home(self, request: Request) -> Response:
        block = self._asked_block(request)
        fleets = [
            (
                Link(str(row.fleet_id), f"/fleet/{row.fleet_id}"),
                row.fleet.gpu_class,
                row.fleet.region,
                str(row.fleet.capacity),
                str(row.leased_gpus),
                self._coin(row.fleet.settlement_token).text(row.price_per_gpu_hour),
                Link(row.owner, f"/address/{row.owner}"),
            )
            for row in (view.row for view in read_fleets(self._system, block))
        ]
        columns = ("fleet", "class", "region", "#GPUs", "#leased", "#price of a GPU-hour", "owner")
        section = Section("fleets", "Enrolled", {}, tables=[Table("Fleets", columns, fleets)])
        page = Page(
            kind="Fleets",
            subject="",
            network=self._network,
            block=block,
            at=block_time(self._system.web3, block),
            sections=[section] if fleets else [],
            recompute=[f"gpurwa fleet list --block {block} --network {self._network}"],
            empty="No fleet is enrolled as of this block.",
        )
        return HTMLResponse(render(page, live=True))

    def _search(self, request: Request) -> Response:
        """Lead to what a person looks for: a fleet by its number, a lease by its longer one, or an account."""
        text = request.query_params.get("q", "").strip()
        if text.isascii() and text.isdecimal():
            number = int(text)
            return RedirectResponse(f"/lease/{number}" if number >> LEASE_BITS else f"/fleet/{number}", 303)
        return RedirectResponse(f"/address/{self._resolve(text)}", 303)

    def _address(self, request: Request) -> Response:
        account = self._resolve(request.path_params["account"])
        statement = read_statement(self._system, account, self._asked_block(request))
        coins = {one.token: Coin(one.symbol, one.decimals) for one in statement.position.coins}
        return HTMLResponse(render(portfolio_page(statement, self._network, coins), live=True))

    def _fleet(self, request: Request) -> Response:
        block, fleet_id = self._asked_block(request), FleetId(request.path_params["fleet_id"])
        record = read_fleet_record(self._system, fleet_id, block)
        coin = self._coin(record.history.fleet.settlement_token)
        return HTMLResponse(render(fleet_page(record, self._network, coin), live=True))

    def _lease(self, request: Request) -> Response:
        block, lease_id = self._asked_block(request), LeaseId(request.path_params["lease_id"])
        audit = audit_lease(self._system, lease_id, self._files, block)
        fleet_id = fleet_of(lease_id)
        coin = self._coin(self._system.registry.fleet(fleet_id, block).settlement_token)
        page = lease_page(audit, fleet_id, self._network, block_time(self._system.web3, block), coin)
        return HTMLResponse(render(page, live=True))

    def _block(self, _: Request) -> Response:
        return JSONResponse({"block": block_number(self._system.web3, "latest")})

    def _script(self, _: Request) -> Response:
        headers = {"cache-control": f"max-age={_DAY_S}"}
        return Response(get_plotlyjs(), media_type="text/javascript", headers=headers)

    def _refused(self, _: Request, error: Exception) -> Response:
        assert isinstance(error, GpuRwaError), "it is registered for these alone"
        return self._problem(error.line(), 502 if isinstance(error, ChainError) else 404)

    def _missing(self, _: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "it is registered for these alone"
        return self._problem("there is no such page", error.status_code)

    def _problem(self, line: str, status: int) -> Response:
        page = Page("Nothing to see", "", self._network, None, EPOCH, empty=line)
        return HTMLResponse(render(page, live=True), status)

    @property
    def _network(self) -> str:
        return self._system.manifest.network

    def _asked_block(self, request: Request) -> BlockNumber:
        """Return the block that a page is asked for, the newest unless named."""
        text = request.query_params.get("block", "")
        if text.isascii() and text.isdecimal():
            return BlockNumber(int(text))
        return block_number(self._system.web3, "latest")

    def _read_coin(self, token: str) -> Coin:
        coin = self._system.token(token)
        return Coin(coin.symbol(), coin.decimals())
