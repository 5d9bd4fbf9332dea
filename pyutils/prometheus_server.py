"""Starts and stops a Prometheus that scrapes what it is given, for the operator's demo and for tests."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from pyutils import child, toolchain
from pyutils.errors import ToolchainError
from pyutils.ports import free_port

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
_PORTS_TRIED = 3
_TAKEN = "address already in use"


class PrometheusServerError(ToolchainError):
    """Prometheus or promtool ended before its work was done; the message carries the last line that it wrote."""

    remedy = "Read its log; a port that is taken needs another one"


@dataclass(slots=True)
class PrometheusServer:
    """A running Prometheus. Leaving its `with` block stops it; without one it outlives this process."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(
        cls,
        folder: Path,
        targets: Mapping[str, Sequence[str]],
        *,
        port: int = 0,
        scrape_interval_ms: int = 1_000,
        rule_files: Sequence[Path] = (),
        arguments: Sequence[str] = (),
    ) -> Self:
        """Start Prometheus on this machine alone and return once it answers.

        It keeps timestamps that targets give, however old they are, for ever: a trace may be replayed into it.

        Args:
            folder: for configuration, data and log; data of an earlier run in it is gone on with.
            targets: `host:port`, or `host:port/path`, of what is scraped, by the name of its job.
            port: where to listen; 0 chooses a free one.
            scrape_interval_ms: time between two scrapes of a target.
            rule_files: rules to evaluate.
            arguments: further options of Prometheus, such as `("--query.max-samples=1000",)`.

        Raises:
            MissingToolError: there is no Prometheus.
            PrometheusServerError: it ended, or was not ready in time.

        """
        tool = toolchain.prometheus()
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "prometheus.yml"
        config.write_text(json.dumps(_configuration(targets, scrape_interval_ms, rule_files), indent=2))  # JSON is YAML
        command = [
            str(tool),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=100y",
            "--log.level=warn",
            *arguments,
        ]
        for left in reversed(range(1 if port else _PORTS_TRIED)):
            try:
                return cls._begin(command, f"127.0.0.1:{port or free_port()}", folder / "prometheus.log")
            except PrometheusServerError as error:
                # A port that was free a moment ago may be another's by now.
                if left == 0 or _TAKEN not in error.message:
                    raise
        raise AssertionError("one port at least was tried")

    @classmethod
    def _begin(cls, command: Sequence[str], endpoint: str, log: Path) -> Self:
        with log.open("ab") as output:
            # A session of its own: Ctrl-C in the terminal reaches the caller, who decides when it ends.
            process = subprocess.Popen(
                [*command, f"--web.listen-address={endpoint}"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = cls(f"http://{endpoint}", process, log)
        try:
            server._await_ready()
        except BaseException:
            server.stop()
            raise
        return server

    def stop(self) -> None:
        """End it, with its data on disk, and wait until it is gone."""
        child.end(self.process, STOP_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                said = child.last_line(self.log.read_text(errors="replace"))
                raise PrometheusServerError(
                    f"prometheus ended with status {self.process.returncode}: {said} (log: {self.log})"
                )
            try:
                if httpx.get(f"{self.url}/-/ready", timeout=2.0).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass  # it does not listen yet
            time.sleep(0.05)
        raise PrometheusServerError(f"prometheus was not ready within {START_TIMEOUT_S:.0f} s (log: {self.log})")


def import_samples(folder: Path, open_metrics: Iterable[str]) -> None:
    """Put samples into the data of a Prometheus that does not run, as blocks: quicker than any scrape.

    Args:
        folder: that Prometheus' folder, as given to `PrometheusServer.start`; what it holds already stays.
        open_metrics: text in OpenMetrics' format, each sample with its timestamp in seconds, `# EOF` at the end.
            promtool reads it once for every two hours that it spans: cut long spans into several calls.

    Raises:
        MissingToolError: there is no promtool.
        PrometheusServerError: promtool refuses the text.

    """
    tool = toolchain.promtool()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".txt", encoding="ascii") as text:
        text.writelines(open_metrics)
        text.flush()
        command = [str(tool), "tsdb", "create-blocks-from", "openmetrics", "--quiet", text.name, str(folder / "data")]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise PrometheusServerError(f"promtool cannot import samples: {lines[-1]}", remedy="Mend the text")


def _configuration(
    targets: Mapping[str, Sequence[str]], scrape_interval_ms: int, rule_files: Sequence[Path]
) -> dict[str, object]:
    return {
        "global": {"scrape_interval": f"{scrape_interval_ms}ms", "evaluation_interval": "5s"},
        "storage": {"tsdb": {"out_of_order_time_window": "10y"}},
        "rule_files": [str(file) for file in rule_files],
        "scrape_configs": [
            {
                "job_name": job,
                "honor_timestamps": True,
                "scrape_timeout": f"{min(scrape_interval_ms, 10_000)}ms",
                "static_configs": [_static(target) for target in listed],
            }
            for job, listed in targets.items()
        ],
    }


def _static(target: str) -> dict[str, object]:
    address, slash, path = target.partition("/")
    return {"targets": [address]} | ({"labels": {"__metrics_path__": f"/{path}"}} if slash else {})
