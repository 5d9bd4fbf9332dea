"""What Prometheus may know of a reporter. `docs/operations/alerts.yml` has the alerts for these names."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from pyutils.chain.provider import shown

PREFIX: Final = "gpurwa_reporter"
CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4


class Metrics:
    """Counters since this process started, and gauges of how things stand. Safe to use from all threads.

    Args:
        endpoints: RPC endpoints. Their counters stand at 0 from the start, else `increase` would not see the first one.
        verifiers: verifiers' addresses, for the same reason.
        clock: the time in Unix seconds, from which ages are computed whenever Prometheus asks.

    Endpoints are shown without path, query and user, where providers put their customers' keys.
    """

    def __init__(
        self,
        endpoints: Iterable[str] = (),
        verifiers: Iterable[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.registry = CollectorRegistry()
        self._clock = clock
        self._last_success = self._head_as_of = clock()
        self._gauge(
            "last_success_age_seconds", "Since a report that was made or signed here last became final."
        ).set_function(lambda: self._age(self._last_success))
        self._gauge("head_age_seconds", "Since the time that the fleet's head is as of.").set_function(
            lambda: self._age(self._head_as_of)
        )
        self._behind = self._gauge("reports_behind", "Reports that are due and not at the head.")
        self._balance = self._gauge("balance_reports", "Reports that the gas account's balance pays for.")
        self._disputes = self._gauge("disputes_open", "Disputes over the fleet's pending report.")
        self._skew = self._gauge("clock_skew_seconds", "The meter's clock less the chain's.")
        self._states = self._gauge("report_state", "Reports kept in each state.", "state")
        self._build = self._gauge("build_info", "Always 1; its label is the release that runs.", "version")
        self._fees = self._counter("fee_wei", "Paid for transactions that were mined.")
        self._gaps = self._counter("sample_gaps", "Intervals between samples that were too long to count.")
        self._resets = self._counter("counter_resets", "Energy counters that fell.")
        self._foreign = self._counter("foreign_submissions", "Reports on chain that this reporter did not make.")
        self._dropped = self._counter("samples_dropped", "Samples that were not counted.", "reason")
        self._disagreements = self._counter("rpc_disagreements", "Answers that the majority contradicts.", "endpoint")
        self._failures = self._counter("rpc_failures", "Requests that an endpoint did not answer.", "endpoint")
        self._refusals = self._counter("refused_signatures", "Signed refusals, and answers that lie.", "verifier")
        self._unreachable = self._counter("unreachable", "Reports for which a verifier did not answer.", "verifier")
        # Zero would be an alarm; of what nobody looked at yet there is no number.
        for unknown in (self._balance, self._skew):
            unknown.set(math.nan)
        self._build.labels(version=metadata.version("gpu-rwa")).set(1)
        for reason in ("late", "duplicate", "sentinel"):
            self._dropped.labels(reason=reason)
        for endpoint in endpoints:
            self._disagreements.labels(endpoint=shown(endpoint))
            self._failures.labels(endpoint=shown(endpoint))
        for verifier in verifiers:
            self._refusals.labels(verifier=verifier)
            self._unreachable.labels(verifier=verifier)

    def succeeded(self, at: float) -> None:
        """Tell when a report that was made or signed here last became final, in Unix seconds.

        Until then the age counts from the start.
        """
        self._last_success = at

    def set_head(self, as_of: int) -> None:
        """Tell the time that the fleet's head is as of, in Unix seconds."""
        self._head_as_of = as_of

    def set_behind(self, reports: int) -> None:
        """Tell how many reports are due and not at the head."""
        self._behind.set(reports)

    def set_balance(self, reports: int) -> None:
        """Tell how many reports the gas account's balance pays for, rounded down."""
        self._balance.set(reports)

    def set_disputes(self, count: int) -> None:
        """Tell how many disputes are open."""
        self._disputes.set(count)

    def set_clock_skew(self, seconds: float) -> None:
        """Tell by how much the meter's clock is ahead of the chain's; negative where it is behind."""
        self._skew.set(seconds)

    def set_states(self, counts: Mapping[str, int]) -> None:
        """Tell how many reports are in each state; states that are not named have none."""
        for known in {sample.labels["state"] for family in self._states.collect() for sample in family.samples}:
            self._states.labels(state=known).set(counts.get(known, 0))
        for state, count in counts.items():
            self._states.labels(state=state).set(count)

    def paid(self, wei: int) -> None:
        """Add the fee of a transaction that was mined."""
        self._fees.inc(wei)

    def gaps(self, count: int) -> None:
        """Add gaps found in samples."""
        self._gaps.inc(count)

    def resets(self, count: int) -> None:
        """Add falls of energy counters."""
        self._resets.inc(count)

    def dropped(self, reason: str, count: int) -> None:
        """Add samples that were dropped: `late`, `duplicate`, `sentinel` or another word."""
        self._dropped.labels(reason=reason).inc(count)

    def disagreed(self, endpoint: str) -> None:
        """Count an endpoint's answer that the majority contradicts."""
        self._disagreements.labels(endpoint=shown(endpoint)).inc()

    def failed(self, endpoint: str) -> None:
        """Count a request that an endpoint did not answer."""
        self._failures.labels(endpoint=shown(endpoint)).inc()

    def refused(self, verifier: str) -> None:
        """Count a verifier's refusal, or its lie."""
        self._refusals.labels(verifier=verifier).inc()

    def unreached(self, verifier: str) -> None:
        """Count a report for which a verifier gave no signed answer by the deadline."""
        self._unreachable.labels(verifier=verifier).inc()

    def saw_foreign_submission(self) -> None:
        """Count a report on chain that this reporter did not make."""
        self._foreign.inc()

    def exposition(self) -> bytes:
        """Return all of it in Prometheus' text format, ages as of now."""
        return generate_latest(self.registry)

    def _age(self, since: float) -> float:
        return max(0.0, self._clock() - since)

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", words, labels, registry=self.registry)

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", words, labels, registry=self.registry)
