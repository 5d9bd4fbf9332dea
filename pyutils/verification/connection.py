"""One explorer over HTTP: paced, patient with faults that pass, and silent about its key."""

from __future__ import annotations

import ipaddress
import time
import urllib.request
import weakref
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import tenacity
from pydantic import SecretStr

from pyutils.chain.provider import shown
from pyutils.speech import printable
from pyutils.verification.errors import ExplorerUnreachableError, ExplorerUrlError, RateLimitedError
from pyutils.verification.policy import PublishingPolicy

Answer = tuple[int, Any]
"""HTTP status, and the JSON in the body; None where it is no JSON."""


class _PassingFaultError(Exception):
    """An explorer is down or busy, and may be up again soon."""

    def __init__(self, said: str, *, is_busy: bool, after_s: float = 0.0) -> None:
        super().__init__(said)
        self.said, self.is_busy, self.after_s = said, is_busy, after_s


class _Keyed(httpx.BaseTransport):
    """Adds the key where the request leaves: what logs and exceptions carry is the request without it."""

    def __init__(self, inner: httpx.BaseTransport, key: SecretStr) -> None:
        self._inner, self._key = inner, key

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url.copy_merge_params({"apikey": self._key.get_secret_value()})
        keyed = httpx.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions
        )
        return self._inner.handle_request(keyed)

    def close(self) -> None:
        self._inner.close()


class Connection:
    """Requests to one explorer.

    Args:
        name: the explorer's, for people.
        url: where its API begins.
        policy: pace and patience.
        key: sent as `apikey`; only over TLS, or to this machine.
        busy: returns the explorer's words where an answer says that it takes no more for now; None elsewhere.

    Raises:
        ExplorerUrlError: the URL cannot be used, or would carry the key in the clear.

    """

    def __init__(
        self,
        name: str,
        url: str,
        policy: PublishingPolicy,
        *,
        key: SecretStr | None = None,
        busy: Callable[[int, Any], str | None] = lambda _status, _body: None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ExplorerUrlError(f"{name}: {shown(url)} is no URL of an API")
        if key is not None and parts.scheme == "http" and not _is_here(parts.hostname):
            raise ExplorerUrlError(f"{name}: {shown(url)} would have the API key sent in the clear")
        self.name, self.policy = name, policy
        self._url, self._key, self._busy = url.rstrip("/"), key, busy
        transport: httpx.BaseTransport = httpx.HTTPTransport(proxy=_proxy(parts.scheme, parts.hostname))
        if key is not None:
            transport = _Keyed(transport, key)
        self._client = httpx.Client(transport=transport, timeout=policy.timeout_s, follow_redirects=False)
        weakref.finalize(self, self._client.close)
        self._next = 0.0

    def __repr__(self) -> str:
        return f"Connection({self.where})"

    @property
    def where(self) -> str:
        """Return the explorer's name and where it is, for messages."""
        return f"{self.name} at {shown(self._url)}"

    def get(self, path: str = "", params: Mapping[str, str] | None = None) -> Answer:
        """Return what the explorer answers. Raises `ExplorerUnreachableError`, `RateLimitedError`."""
        return self._ask("GET", path, params=params)

    def post(
        self,
        path: str = "",
        params: Mapping[str, str] | None = None,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return what the explorer answers to JSON or a form. Raises as `get` does."""
        return self._ask("POST", path, params=params, json=json, data=form)

    def quoted(self, text: object) -> str:
        """Return what the explorer said, fit for a line, and without the key should it have said that."""
        words = str(text)
        if self._key is not None:
            words = words.replace(self._key.get_secret_value(), "…")
        return printable(words).rstrip(".")

    def no_answer(self, said: object) -> ExplorerUnreachableError:
        """Return the error of an answer that cannot be understood."""
        return ExplorerUnreachableError(f"{self.where} gave no answer that can be understood: {self.quoted(said)}")

    def _ask(self, method: str, path: str, **request: Any) -> Answer:
        policy = self.policy
        doubling = tenacity.wait_exponential(multiplier=policy.pause_s, max=policy.longest_pause_s)

        def pause(state: tenacity.RetryCallState) -> float:
            fault = state.outcome.exception() if state.outcome is not None else None
            return max(doubling(state), fault.after_s if isinstance(fault, _PassingFaultError) else 0.0)

        retry = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(policy.attempts),
            wait=pause,
            retry=tenacity.retry_if_exception(self._is_worth_waiting),
            reraise=True,
        )
        try:
            return retry(self._once, method, path, **request)
        except _PassingFaultError as fault:
            if not fault.is_busy:
                raise ExplorerUnreachableError(f"{self.where} does not answer: {fault.said}") from None
            after = f", try again in {fault.after_s:.0f} s" if fault.after_s else ""
            raise RateLimitedError(f"{self.where} takes no more requests for now: {fault.said}{after}") from None

    def _is_worth_waiting(self, error: BaseException) -> bool:
        return isinstance(error, _PassingFaultError) and error.after_s <= self.policy.longest_pause_s

    def _once(self, method: str, path: str, **request: Any) -> Answer:
        time.sleep(max(0.0, self._next - time.monotonic()))
        try:
            response = self._client.request(method, self._url + path, **request)
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise _PassingFaultError(self.quoted(error) or type(error).__name__, is_busy=False) from None
        finally:
            self._next = time.monotonic() + self.policy.interval_s
        status = response.status_code
        try:
            body = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            body = None
        words = self._busy(status, body)
        if words is not None:
            raise _PassingFaultError(self.quoted(words), is_busy=True, after_s=_retry_after_s(response.headers))
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise _PassingFaultError(f"HTTP status {status}", is_busy=False, after_s=_retry_after_s(response.headers))
        if response.is_redirect or body is None:
            raise self.no_answer(f"HTTP status {status}")
        return status, body


def _retry_after_s(headers: httpx.Headers) -> float:
    text = headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0.0


def _proxy(scheme: str, host: str) -> str | None:
    """Return the proxy that the environment has for a host: httpx looks for it only where the transport is its own."""
    return None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(scheme)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
