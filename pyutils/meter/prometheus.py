"""Samples from servers that speak Prometheus' HTTP API and scrape dcgm-exporter: Prometheus, Thanos, Mimir.

Raw samples only, by range-vector selectors, with the timestamps that the server keeps: never `rate` or `increase`,
which extrapolate, and never the clock of this machine. One page holds some GPUs and some time, so memory is bounded by
the page and not by the fleet; a page that the server finds too large is halved.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pyutils.chain.provider import shown
from pyutils.meter.dcgm import DUTY_METRIC, ENERGY_METRIC
from pyutils.meter.dcgm_rows import NOT_ROWS, Columns, DcgmRows, Row
from pyutils.meter.page_size import PageSize
from pyutils.meter.prometheus_api import PrometheusApi, PrometheusError, PrometheusPolicy, TokenFileError, TooMuchError
from pyutils.meter.series import GpuSeries
from pyutils.meter.source import SourceError
from pyutils.models.meter import normalize_gpu_id
from pyutils.units import MS_PER_SECOND, Ms, UnixMs

__all__ = ["MatchersError", "PrometheusError", "PrometheusPolicy", "PrometheusSource", "TokenFileError"]

_MATCHERS: Final = re.compile(r'\s*(?:[a-zA-Z_]\w*\s*(?:=~|!~|!=|=)\s*"(?:[^"\\\n]|\\.)*"\s*(?:,\s*|$))*')
_REGEX_CHARACTERS: Final = re.compile(r"[\\.+*?()|\[\]{}^$]")
_SLOW_ANSWERS: Final = 3
"""After so many pages in a row that took too long, smaller ones do not help."""

_USUAL: Final = PrometheusPolicy()

_Read = Callable[[Iterable[Row], Mapping[str, str], int, int], dict[str, Columns]]


class MatchersError(SourceError):
    """Label matchers are not written as PromQL has them."""

    remedy = 'Write them as PromQL does: cluster="a", job="dcgm"'

    def __init__(self, matchers: str) -> None:
        super().__init__(f"{matchers!r} are no label matchers")


class PrometheusSource:
    """A source over a server's HTTP API. Its matchers must leave one exporter for each GPU at a time.

    Args:
        url: the server, with the path under which it serves its API where it has one.
        matchers: label matchers that single the fleet out, as PromQL has them: `cluster="a", job="dcgm"`.
        duty_metric: `DCGM_FI_DEV_GPU_UTIL`, in percent, or `DCGM_FI_PROF_SM_ACTIVE`, a ratio.
        energy: whether the boards' counters, `DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION` in millijoules, are read too.
        bearer_token_file: its first line is sent as a bearer token; read anew for each request, so it may rotate.
        headers: sent with each request, such as a tenant's `X-Scope-OrgID`; never shown.
        cadence_ms: how far apart the server scrapes, where that is known.
        policy: sizes and times.

    Raises:
        MatchersError: the matchers are none.
        PrometheusError: URL or headers cannot be used.
        UnknownDutyMetricError: the duty metric is none.

    """

    def __init__(
        self,
        url: str,
        *,
        matchers: str = "",
        duty_metric: str = DUTY_METRIC,
        energy: bool = True,
        bearer_token_file: Path | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        cadence_ms: Ms | None = None,
        policy: PrometheusPolicy = _USUAL,
    ) -> None:
        if not _MATCHERS.fullmatch(matchers):
            raise MatchersError(matchers)
        self.has_energy = energy
        self.policy = policy
        self._matchers = matchers.strip().rstrip(",")
        self._duty_metric = duty_metric
        self._rows = DcgmRows(duty_metric)
        self._cadence_ms = cadence_ms
        self._size = PageSize(policy.gpus, policy.window_ms)
        self._api = PrometheusApi(url, headers, bearer_token_file, policy)

    @property
    def url(self) -> str:
        """Where the server is."""
        return self._api.url

    @property
    def dropped(self) -> Counter[str]:
        """Samples that were not given on, by reason, since this source was opened; those read twice count twice."""
        return self._rows.dropped

    def __repr__(self) -> str:
        return f"PrometheusSource({shown(self.url)})"

    def read(self, gpu_ids: Sequence[str], after_ms: UnixMs, until_ms: UnixMs) -> Iterator[Sequence[GpuSeries]]:
        """Yield the samples stamped in `(after_ms, until_ms]` of the GPUs named, page by page, in order of time.

        GPUs are found by their `UUID` label, in upper case or lower; `DcgmRows` says what counts where one has several
        rows. Samples without energy are dropped where energy is read, and so are values that are no measurements.

        Raises `SourceError`, at once where one GPU is asked for twice.
        """
        names: dict[str, str] = {}
        for gpu_id in gpu_ids:
            other = names.setdefault(normalize_gpu_id(gpu_id), gpu_id)
            if other != gpu_id:
                raise SourceError(f"{other!r} and {gpu_id!r} name one GPU", remedy="Enrol each GPU once")
        return self._read(names, after_ms, until_ms)

    def check(self) -> None:
        """Raise `SourceError` where the server does not tell its time; whether it has samples is not asked."""
        self.clock_ms()

    def clock_ms(self) -> UnixMs:
        """Return the server's time. Raises `SourceError`."""
        try:
            return UnixMs(round(float(self._api.query("time()")[1]) * MS_PER_SECOND))
        except TooMuchError as error:
            raise self._api.error(str(error)) from None
        except (*NOT_ROWS, IndexError) as error:
            raise self._api.error("it does not tell its time") from error

    def cadence_ms(self) -> Ms | None:
        """Return what was given: each of a server's targets may have a cadence of its own."""
        return self._cadence_ms

    def close(self) -> None:
        """Let go of the connection."""
        self._api.close()

    def _read(self, names: Mapping[str, str], after_ms: int, until_ms: int) -> Iterator[Sequence[GpuSeries]]:
        size, slow = self._size, 0
        todo = [(list(names), after_ms, until_ms)]
        while todo:
            keys, begin, end = todo.pop()
            if begin >= end or not keys:
                continue
            if end - begin > size.window_ms:
                middle = begin + size.window_ms
                todo += [(keys, middle, end), (keys, begin, middle)]
                continue
            if len(keys) > size.gpus:
                parts = [keys[place : place + size.gpus] for place in range(0, len(keys), size.gpus)]
                todo += [(part, begin, end) for part in reversed(parts)]
                continue
            try:
                page = self._page({key: names[key] for key in keys}, begin, end)
            except TooMuchError as error:
                slow = slow + 1 if error.slow else 0
                if slow == _SLOW_ANSWERS:
                    raise self._api.error(f"{error}, {slow} times for ever less") from None
                if not size.refused(len(keys), end - begin):
                    raise self._api.error(f"it does not give one minute of one GPU: {error}") from None
                todo.append((keys, begin, end))
                continue
            slow = 0
            size.answered()
            if page:
                yield page

    def _page(self, names: Mapping[str, str], after_ms: int, until_ms: int) -> list[GpuSeries]:
        duty = self._columns(self._duty_metric, self._rows.duties, names, after_ms, until_ms)
        if not self.has_energy:
            return [GpuSeries(names[key], at, values) for key, (at, values) in duty.items()]
        # Asked second: of a scrape that came in between, energy may then lack its duty, but no duty its energy.
        energy = self._columns(ENERGY_METRIC, self._rows.energies, names, after_ms, until_ms)
        paired = [self._rows.paired(names[key], columns, energy.get(key, ([], []))) for key, columns in duty.items()]
        return [one for one in paired if one.at_ms]

    def _columns(
        self, metric: str, read: _Read, names: Mapping[str, str], after_ms: int, until_ms: int
    ) -> dict[str, Columns]:
        time = f"{until_ms // MS_PER_SECOND}.{until_ms % MS_PER_SECOND:03d}"
        rows = self._api.query(self._selector(metric, names, until_ms - after_ms), time)
        try:
            return read(rows, names, after_ms, until_ms)
        except NOT_ROWS as error:
            raise self._api.error(f"it answers for {metric} with something that are no samples") from error

    def _selector(self, metric: str, names: Mapping[str, str], range_ms: int) -> str:
        boards = "|".join(_REGEX_CHARACTERS.sub(r"\\\g<0>", key) for key in names)
        quoted = boards.replace("\\", "\\\\").replace('"', '\\"')
        more = f"{self._matchers}, " if self._matchers else ""
        return f'{metric}{{{more}UUID=~"(?i)(?:{quoted})"}}[{range_ms}ms]'
