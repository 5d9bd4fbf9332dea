"""Asking a server that speaks Prometheus' HTTP API: what it refuses as too much is told apart from what failed.

A question that failed on its way is asked again, a few times. One that is too much for the server is not: whoever asked
it must ask for less. An answer that is no whole answer, because a part of a cluster did not give its share, is none.
"""

from __future__ import annotations

import gc
import re
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import tenacity

from pyutils.chain.provider import shown
from pyutils.errors import InputError
from pyutils.meter.source import SourceError
from pyutils.units import MS_PER_HOUR

_CONNECT_TIMEOUT_S: Final = 10.0
_LONGEST_PAUSE_S: Final = 10.0
_SHOWN_CHARACTERS: Final = 300
_TOO_MUCH: Final = re.compile(r"too many (?:samples|series|chunks)|too (?:large|long)|exceed|limit", re.IGNORECASE)
"""What Prometheus, Thanos and Mimir say when a query loads more than they allow, whatever status they give it."""
_TOO_SLOW: Final = frozenset({"timeout", "canceled"})
_TOKEN: Final = re.compile(r"[!-~]+")


class PrometheusError(SourceError):
    """A Prometheus does not answer, or answers what cannot be used."""

    remedy = "See that the server runs and answers at that URL, then try again; counters are cumulative, none is lost"

    def __init__(self, url: str, reason: str, *, remedy: str | None = None) -> None:
        super().__init__(f"{shown(url)}: {' '.join(reason.split())[:_SHOWN_CHARACTERS]}", remedy=remedy)


class TokenFileError(InputError, SourceError):
    """The file with the bearer token cannot be used; what is in it is never shown."""

    remedy = "Give a file that this process may read, with the token alone in its first line"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"the token file {path} {reason}")


class TooMuchError(Exception):
    """The server does not answer so much at once; `slow` where it merely took too long."""

    def __init__(self, reason: str, *, slow: bool = False) -> None:
        super().__init__(reason)
        self.slow = slow


class _TryAgainError(Exception):
    """The server may answer the same question in a moment."""

    def __init__(self, reason: str, remedy: str | None = None) -> None:
        super().__init__(reason)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class PrometheusPolicy:
    """How much is asked at once, and how long to wait."""

    gpus: int = 500
    """GPUs of one page."""
    window_ms: int = MS_PER_HOUR
    """Time of one page."""
    answer_bytes: int = 2**25
    """What an answer may have at most; a page that has more is halved. A sample has some 25, and takes six times as
    much memory while it is read."""
    timeout_s: float = 60.0
    attempts: int = 4
    """How often a question that fails is asked."""
    pause_s: float = 0.5


class PrometheusApi:
    """One server. Its credentials appear in no message and no `repr`.

    Args:
        url: the server, with the path under which it serves its API where it has one.
        headers: sent with each request, such as a tenant's `X-Scope-OrgID`.
        bearer_token_file: its first line is sent as a bearer token; read anew for each request, so it may rotate.
        policy: sizes and times.

    """

    def __init__(
        self, url: str, headers: Mapping[str, str], bearer_token_file: Path | None, policy: PrometheusPolicy
    ) -> None:
        self.url, self.policy = url.rstrip("/"), policy
        self._token_file = bearer_token_file
        try:
            known = httpx.URL(self.url)
            # Answers are large, and packing them takes a server seven times as long as making them.
            sent = httpx.Headers({**headers, "Accept-Encoding": "identity"})
        except (httpx.InvalidURL, UnicodeError):
            # What lies behind it holds the headers.
            raise PrometheusError(url, "URL or headers cannot be used", remedy="Write both in ASCII") from None
        if known.scheme not in ("http", "https") or not known.host:
            raise PrometheusError(url, "this is no URL of a server", remedy="Write it as http://HOST:PORT")
        self._client = httpx.Client(
            headers=sent, timeout=httpx.Timeout(policy.timeout_s, connect=min(_CONNECT_TIMEOUT_S, policy.timeout_s))
        )
        weakref.finalize(self, self._client.close)

    def __repr__(self) -> str:
        return f"PrometheusApi({shown(self.url)})"

    def query(self, query: str, time: str | None = None) -> Any:
        """Return the result of an instant query, as of `time` in Unix seconds or of the server's now.

        Raises `TooMuchError` where less may be answered, `PrometheusError` otherwise.
        """
        # Thanos gives what it has unless it is told that a part is none; others ignore that.
        form = {"query": query, "partial_response": "false"} | ({} if time is None else {"time": time})
        retry = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.policy.attempts),
            wait=tenacity.wait_random_exponential(multiplier=self.policy.pause_s, max=_LONGEST_PAUSE_S),
            retry=tenacity.retry_if_exception_type(_TryAgainError),
            reraise=True,
        )
        try:
            return retry(self._ask, form)
        except _TryAgainError as error:
            raise PrometheusError(self.url, str(error), remedy=error.remedy) from None

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _ask(self, form: Mapping[str, str]) -> Any:
        try:
            status, body = self._post(form)
        except httpx.ReadTimeout as error:
            raise TooMuchError(f"it did not answer within {self.policy.timeout_s:g} s", slow=True) from error
        except httpx.RequestError as error:
            raise _TryAgainError(str(error) or type(error).__name__) from error
        try:
            answer = parse(body)
        except orjson.JSONDecodeError:
            answer = None
        told = answer if isinstance(answer, dict) else {}
        if status != httpx.codes.OK or told.get("status") != "success":
            raise self._refusal(status, told)
        if told.get("warnings"):
            raise _TryAgainError(f"it answers in part only: {told['warnings']!s}", "See which of its stores is down")
        try:
            return told["data"]["result"]
        except (KeyError, TypeError):
            raise self.error("it answers without a result") from None

    def _post(self, form: Mapping[str, str]) -> tuple[int, bytes]:
        """Return status and body. Raises `TooMuchError` before a body that is too large is in memory."""
        parts, size = [], 0
        with self._client.stream("POST", f"{self.url}/api/v1/query", data=form, headers=self._token()) as response:
            for part in response.iter_bytes():
                parts.append(part)
                size += len(part)
                if size > self.policy.answer_bytes:
                    raise TooMuchError(f"its answer has more than {self.policy.answer_bytes} bytes")
            return response.status_code, b"".join(parts)

    def _refusal(self, status: int, told: Mapping[str, Any]) -> Exception:
        """Return what to raise for an answer that is no success."""
        said = str(told.get("error", ""))
        reason = f"HTTP status {status}: {said}" if said else f"HTTP status {status}"
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN, httpx.codes.PROXY_AUTHENTICATION_REQUIRED):
            return self.error(reason, "Give a bearer token file, or headers, that this server takes")
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return _TryAgainError(reason, "Let the server answer more requests, or try again later")
        if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
            return TooMuchError(reason)
        if status in (httpx.codes.REQUEST_TIMEOUT, httpx.codes.GATEWAY_TIMEOUT) or told.get("errorType") in _TOO_SLOW:
            return TooMuchError(reason, slow=True)
        if "parse error" in said:
            return self.error(reason, "Mend the matchers")
        if _TOO_MUCH.search(said):
            return TooMuchError(reason)
        # 422 is also what Mimir gives where one of its own parts failed; 503 what a server says while it starts.
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.UNPROCESSABLE_ENTITY:
            return _TryAgainError(reason)
        if status == httpx.codes.OK:
            return _TryAgainError(said or "it answers with something that is no JSON of a Prometheus")
        return self.error(reason, "See that the URL is that of a Prometheus, without /api/v1")

    def _token(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        try:
            with self._token_file.open(encoding="ascii") as file:
                token = file.readline().strip()
        except OSError as error:
            raise TokenFileError(self._token_file, f"cannot be read: {error.strerror}") from error
        except UnicodeDecodeError:
            token = ""
        if not _TOKEN.fullmatch(token):
            raise TokenFileError(self._token_file, "holds no token in its first line")
        return {"Authorization": f"Bearer {token}"}

    def error(self, reason: str, remedy: str | None = None) -> PrometheusError:
        """Return an error about this server."""
        return PrometheusError(self.url, reason, remedy=remedy)


def parse(body: bytes) -> Any:
    """Return an answer's JSON. Raises `orjson.JSONDecodeError`."""
    # A page is a hundred thousand short lists; looking for cycles among them takes as long as making them.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return orjson.loads(body)
    finally:
        if was_enabled:
            gc.enable()
