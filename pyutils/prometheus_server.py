"""Starts and stops a Prometheus that scrapes what it is given, for the operator's demo and for tests."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from pyutils import toolchain
from pyutils.errors import ToolchainError

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0


class PrometheusServerError(ToolchainError):
    """Prometheus ended before it was ready; the message carries the last line of its log."""

    remedy = "Read its log; a port that is taken needs another --port"


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
    ) -> Self:
        """Start Prometheus on this machine alone and return once it answers.

        It keeps timestamps that targets give, however old they are, for ever: a trace may be replayed into it.

        Args:
            folder: for configuration, data and log; data of an earlier run in it is gone on with.
            targets: `host:port` of what is scraped, by the name of its job.
            port: where to listen; 0 chooses a free one.
            scrape_interval_ms: time between two scrapes of a target.
            rule_files: rules to evaluate.

        Raises:
            MissingToolError: there is no Prometheus.
            PrometheusServerError: it ended, or was not ready in time.

        """
        tool = toolchain.prometheus()
        folder.mkdir(parents=True, exist_ok=True)
        endpoint = f"127.0.0.1:{port or _free_port()}"
        config = folder / "prometheus.yml"
        config.write_text(json.dumps(_configuration(targets, scrape_interval_ms, rule_files), indent=2))  # JSON is YAML
        command = [
            str(tool),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address={endpoint}",
            "--log.level=warn",
        ]
        log = folder / "prometheus.log"
        with log.open("ab") as output:
            # A session of its own: Ctrl-C in the terminal reaches the caller, who decides when it ends.
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
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
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

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
                lines = self.log.read_text(errors="replace").strip().splitlines() or ["it wrote nothing"]
                raise PrometheusServerError(
                    f"prometheus ended with status {self.process.returncode}: {lines[-1]} (log: {self.log})"
                )
            try:
                if httpx.get(f"{self.url}/-/ready", timeout=2.0).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass  # it does not listen yet
            time.sleep(0.05)
        raise PrometheusServerError(f"prometheus was not ready within {START_TIMEOUT_S:.0f} s (log: {self.log})")


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
                "static_configs": [{"targets": list(listed)}],
            }
            for job, listed in targets.items()
        ],
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
