"""What our HTTP services have in common: small JSON answers, one-line errors, bodies of bounded size and time."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from pyutils.errors import GpuRwaError

_LOG = logging.getLogger(__name__)

BODY_TIMEOUT_S: Final = 30.0
"""A request's body must arrive within so many seconds."""

_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,19}")
_WORD: Final = re.compile(r"0x[0-9a-f]{64}")


def json_answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `content` as JSON; keys are sorted, so that equal content has equal bytes."""
    body = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    return Response(body, status, dict(headers or {}), "application/json")


def problem(status: int, reason: str, headers: Mapping[str, str] | None = None, *, code: str = "") -> Response:
    """Return an error as JSON: `error` in one line and, where there is one, its `code`."""
    return json_answer({"error": reason, **({"code": code} if code else {})}, status, headers)


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body of a request. Raises `HTTPException` 413 beyond `limit` bytes, 408 where it comes too slowly."""
    declared = request.headers.get("content-length", "0")
    if declared.isascii() and declared.isdecimal() and len(declared) < 20 and int(declared) > limit:
        raise HTTPException(413, f"the body is larger than {limit} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise HTTPException(413, f"the body is larger than {limit} bytes")
    except TimeoutError as error:
        raise HTTPException(408, "the body did not arrive in time") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "the body ended early") from error
    return bytes(body)


def path_number(request: Request, name: str) -> int:
    """Return a number in the path. Raises `HTTPException` 404 where it is none below 2**64."""
    text = request.path_params[name]
    if not _NUMBER.fullmatch(text) or int(text) >= 1 << 64:
        raise HTTPException(404, "there is no such thing")
    return int(text)


def path_word(request: Request, name: str) -> bytes:
    """Return the 32 bytes in the path as `0x…` in lower case. Raises `HTTPException` 404 where they are none."""
    text = request.path_params[name]
    if not _WORD.fullmatch(text):
        raise HTTPException(404, "there is no such thing")
    return bytes.fromhex(text[2:])


def query_number(request: Request, name: str, default: int, most: int) -> int:
    """Return a number of the query from 0 to `most`. Raises `HTTPException` 400 where it is none."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text) or int(text) > most:
        raise HTTPException(400, f"{name} is a number from 0 to {most}")
    return int(text)


async def _http_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, error.detail, error.headers)


async def _not_now(request: Request, error: Exception) -> Response:
    assert isinstance(error, GpuRwaError)
    _LOG.error("%s %s: %s", request.method, request.url.path, error.line())
    return problem(503, "not available now", {"Retry-After": "30"}, code=type(error).__name__)


async def _broken(_: Request, __: Exception) -> Response:
    # Starlette raises the error again behind this answer, and the server logs it with its traceback.
    return problem(500, "internal error")


_HANDLERS: Final[Mapping[Any, Callable[[Request, Exception], Awaitable[Response]]]] = {
    HTTPException: _http_problem,
    GpuRwaError: _not_now,
    Exception: _broken,
}


def web_app(routes: Sequence[BaseRoute]) -> Starlette:
    """Return the ASGI application of some routes; of two at the same path the first one counts.

    Errors are small JSON. What is inside us is logged and not told: a `GpuRwaError` that a route raises is 503, any
    other error 500.
    """
    return Starlette(routes=list(routes), exception_handlers=_HANDLERS)
