"""Samples from servers that speak Prometheus' HTTP API and scrape dcgm-exporter: Prometheus, Thanos, Mimir.

Raw samples only, by range-vector selectors, with the timestamps that the server keeps: never `rate` or `increase`,
which extrapolate, and never the clock of this machine. One page holds some GPUs and some time, so memory is bounded by
the page and not by the fleet; a page that the server finds too large is halved.
"""

from __future__ import annotations

import gc
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import tenacity

from pyutils.chain.provider import shown
from pyutils.meter.dcgm import DROPPED, DUTY_METRIC, ENERGY_METRIC, EnergyTexts, duty_texts
from pyutils.meter.series import GpuSeries
from pyutils.meter.source import SourceError
from pyutils.models.meter import normalize_gpu_id
from pyutils.units import MS_PER_HOUR, MS_PER_SECOND, Ms, UnixMs

_SHORTEST_WINDOW_MS: Final = 60_000
_MATCHERS: Final = re.compile(r'\s*(?:[a-zA-Z_]\w*\s*(?:=~|!~|!=|=)\s*"(?:[^"\\\n]|\\.)*"\s*(?:,\s*|$))*')
_BIG: Final = frozenset({413, 422, 503})
_TRANSIENT: Final = frozenset({429, 500, 502, 504})


class _TooLargeError(Exception):
    """The server does not answer so much at once."""


class _TryAgainError(Exception):
    """The server may answer the same question in a moment."""


@dataclass(frozen=True, slots=True)
class PrometheusPolicy:
    """How much is asked at once, and how long to wait."""

    gpus: int = 500
    """GPUs of one page."""
    window_ms: int = MS_PER_HOUR
    """Time of one page."""
    timeout_s: float = 60.0
    attempts: int = 4
    pause_s: float = 0.5


class PrometheusSource:
    """A source over a server's HTTP API.

    Args:
        url: the server, with the path under which it serves its API where it has one.
        matchers: label matchers that single the fleet out, as PromQL has them: `cluster="a", job="dcgm"`.
        duty_metric: `DCGM_FI_DEV_GPU_UTIL`, in percent, or `DCGM_FI_PROF_SM_ACTIVE`, a ratio.
        energy: whether the boards' counters, `DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION` in millijoules, are read too.
        bearer_token_file: its first line is sent as a bearer token; read anew for each request, so it may rotate.
        policy: sizes and times.

    """

    def __init__(
        self,
        url: str,
        *,
        matchers: str = "",
        duty_metric: str = DUTY_METRIC,
        energy: bool = True,
        bearer_token_file: Path | None = None,
        policy: PrometheusPolicy = PrometheusPolicy(),
    ) -> None:
        if not _MATCHERS.fullmatch(matchers):
            raise SourceError(
                f"{matchers!r} are no label matchers", remedy='Write them as PromQL does: cluster="a", job="dcgm"'
            )
        self.url = url.rstrip("/")
        self.has_energy = energy
        self.policy = policy
        self.dropped: Counter[str] = Counter(dict.fromkeys(("sentinel", "unpaired", "duplicate"), 0))
        """Samples that were not given on, by reason, since this source was opened."""
        self._matchers = matchers.strip().rstrip(",")
        self._duty_metric = duty_metric
        self._duty = duty_texts(duty_metric)
        self._energy = EnergyTexts()
        self._token_file = bearer_token_file
        self._client = httpx.Client(timeout=httpx.Timeout(policy.timeout_s, connect=10.0))

    def __repr__(self) -> str:
        return f"PrometheusSource({shown(self.url)})"

    def read(self, gpu_ids: Sequence[str], after_ms: UnixMs, until_ms: UnixMs) -> Iterator[Sequence[GpuSeries]]:
        """Yield the samples stamped in `(after_ms, until_ms]` of the GPUs named, page by page.

        GPUs are found by their `UUID` label, in upper case or lower. Of several rows of one GPU and time the first
        counts, and of a GPU that is cut into instances the busiest instance. Raises `SourceError`.
        """
        names = {normalize_gpu_id(gpu_id): gpu_id for gpu_id in gpu_ids}
        keys = list(names)
        for place in range(0, len(keys), self.policy.gpus):
            page = {key: names[key] for key in keys[place : place + self.policy.gpus]}
            begin = after_ms
            while begin < until_ms:
                end = UnixMs(min(begin + self.policy.window_ms, until_ms))
                yield from self._window(page, begin, end)
                begin = end

    def clock_ms(self) -> UnixMs:
        """Return the server's time. Raises `SourceError`."""
        answer = self._ask({"query": "time()"})
        try:
            return UnixMs(int(float(answer["result"][1]) * MS_PER_SECOND))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise self._error("it does not tell its time") from error

    def cadence_ms(self) -> Ms | None:
        """Return None: each of a server's targets has a cadence of its own."""
        return None

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _window(self, names: Mapping[str, str], after_ms: UnixMs, until_ms: UnixMs) -> Iterator[Sequence[GpuSeries]]:
        """Yield one page, or its halves where it is too large: of its time first, and of its GPUs at last."""
        try:
            page = self._page(names, after_ms, until_ms)
        except _TooLargeError as error:
            if until_ms - after_ms > _SHORTEST_WINDOW_MS:
                middle = UnixMs((after_ms + until_ms) // 2)
                yield from self._window(names, after_ms, middle)
                yield from self._window(names, middle, until_ms)
            elif len(names) > 1:
                keys = list(names)
                for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
                    yield from self._window({key: names[key] for key in half}, after_ms, until_ms)
            else:
                raise self._error(f"it does not give one minute of one GPU: {error}") from None
            return
        if page:
            yield page

    def _page(self, names: Mapping[str, str], after_ms: UnixMs, until_ms: UnixMs) -> list[GpuSeries]:
        duty = self._columns(self._duty_metric, names, after_ms, until_ms, self._duty, busiest=True)
        if not self.has_energy:
            return [GpuSeries(names[key], at, values) for key, (at, values) in duty.items()]
        energy = self._columns(ENERGY_METRIC, names, after_ms, until_ms, self._energy, busiest=False)
        found = []
        for key, (at, values) in duty.items():
            counted_at, counted = energy.get(key, ([], []))
            if counted_at == at:
                found.append(GpuSeries(names[key], at, values, counted))
            else:
                found.append(self._paired(names[key], at, values, dict(zip(counted_at, counted, strict=True))))
        return found

    def _paired(self, gpu_id: str, at: Sequence[int], values: Sequence[int], counted: Mapping[int, int]) -> GpuSeries:
        """Return the samples whose energy was scraped with them; energy is never guessed."""
        kept = [(when, value, counted[when]) for when, value in zip(at, values, strict=True) if when in counted]
        self.dropped["unpaired"] += len(at) - len(kept)
        return GpuSeries(gpu_id, [row[0] for row in kept], [row[1] for row in kept], [row[2] for row in kept])

    def _columns(
        self,
        metric: str,
        names: Mapping[str, str],
        after_ms: UnixMs,
        until_ms: UnixMs,
        texts: Mapping[str, int],
        *,
        busiest: bool,
    ) -> dict[str, tuple[list[int], list[int]]]:
        """Return times and values of each GPU, by its normalized name, in order of time."""
        rows: dict[str, list[Sequence[Sequence[Any]]]] = defaultdict(list)
        try:
            for one in self._ask(self._query(metric, names, after_ms, until_ms))["result"]:
                key = normalize_gpu_id(one["metric"]["UUID"])
                if key in names:
                    rows[key].append(one["values"])
            return {key: self._merged(parts, after_ms, texts, busiest=busiest) for key, parts in rows.items()}
        except (KeyError, TypeError, ValueError) as error:
            raise self._error(f"it answers for {metric} with something that are no samples") from error

    def _merged(
        self, parts: Sequence[Sequence[Sequence[Any]]], after_ms: int, texts: Mapping[str, int], *, busiest: bool
    ) -> tuple[list[int], list[int]]:
        columns = [self._parsed(part, after_ms, texts) for part in parts]
        if len(columns) == 1:
            return columns[0]
        merged: dict[int, int] = {}
        for at, values in columns:
            for when, value in zip(at, values, strict=True):
                before = merged.setdefault(when, value)
                if busiest and value > before:
                    merged[when] = value
        self.dropped["duplicate"] += sum(len(at) for at, _ in columns) - len(merged)
        times = sorted(merged)
        return times, [merged[when] for when in times]

    def _parsed(
        self, values: Sequence[Sequence[Any]], after_ms: int, texts: Mapping[str, int]
    ) -> tuple[list[int], list[int]]:
        at, numbers = columns(values, texts)
        # Older servers give the left bound too.
        if at and at[0] <= after_ms:
            del at[0], numbers[0]
        if DROPPED in numbers:
            kept = [(when, number) for when, number in zip(at, numbers, strict=True) if number != DROPPED]
            self.dropped["sentinel"] += len(at) - len(kept)
            return [when for when, _ in kept], [number for _, number in kept]
        return at, numbers

    def _query(self, metric: str, names: Mapping[str, str], after_ms: int, until_ms: int) -> dict[str, str]:
        boards = "|".join(re.escape(key).replace("\\", "\\\\") for key in names)
        more = f"{self._matchers}, " if self._matchers else ""
        selector = f'{metric}{{{more}UUID=~"(?i)(?:{boards})"}}[{until_ms - after_ms}ms]'
        return {"query": selector, "time": f"{until_ms // MS_PER_SECOND}.{until_ms % MS_PER_SECOND:03d}"}

    def _ask(self, form: Mapping[str, str]) -> Any:
        retry = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.policy.attempts),
            wait=tenacity.wait_random_exponential(multiplier=self.policy.pause_s, max=10.0),
            retry=tenacity.retry_if_exception_type(_TryAgainError),
            reraise=True,
        )
        try:
            return retry(self._ask_once, form)
        except _TryAgainError as error:
            raise self._error(str(error)) from None

    def _ask_once(self, form: Mapping[str, str]) -> Any:
        try:
            answer = self._client.post(f"{self.url}/api/v1/query", data=dict(form), headers=self._headers())
        except httpx.ReadTimeout as error:
            raise _TooLargeError("it did not answer in time") from error
        except httpx.TransportError as error:
            raise _TryAgainError(str(error) or type(error).__name__) from error
        except httpx.InvalidURL as error:
            raise self._error(f"it is no URL: {error}") from error
        if answer.status_code in _TRANSIENT:
            raise _TryAgainError(f"HTTP status {answer.status_code}")
        try:
            body = parse(answer.content)
            status, reason = body["status"], str(body.get("error", ""))
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            status, reason, body = "", f"HTTP status {answer.status_code} and no JSON", {}
        if answer.status_code in _BIG:
            raise _TooLargeError(reason)
        if status != "success":
            raise self._error(reason)
        return body["data"]

    def _headers(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        try:
            lines = self._token_file.read_text().splitlines()
        except OSError as error:
            raise SourceError(
                f"the token file {self._token_file} cannot be read: {error.strerror}", remedy="Check path and rights"
            ) from error
        return {"Authorization": f"Bearer {lines[0] if lines else ''}"}

    def _error(self, reason: str) -> SourceError:
        return SourceError(f"{shown(self.url)}: {' '.join(reason.split())[:300]}")


def parse(answer: bytes) -> Any:
    """Return an answer's JSON. Raises `orjson.JSONDecodeError`."""
    # A page is a hundred thousand short lists; looking for cycles among them takes twice as long as making them.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return orjson.loads(answer)
    finally:
        if was_enabled:
            gc.enable()


def columns(values: Sequence[Sequence[Any]], texts: Mapping[str, int]) -> tuple[list[int], list[int]]:
    """Return times in milliseconds and numbers of one series, as an answer has it; `texts` reads the numbers."""
    # Servers write times as decimal seconds; adding half a millisecond undoes what doubles make of them.
    return [int(when * MS_PER_SECOND + 0.5) for when, _ in values], [texts[text] for _, text in values]
