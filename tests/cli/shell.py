"""A shell in which every command runs as its users run it, and what the tests of commands share."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from web3 import Web3

from pyutils.anvil import Anvil
from pyutils.chain import AnvilClock
from pyutils.cli import root
from pyutils.manifest import Manifest

START = 1_700_000_000


@dataclass(frozen=True)
class DeployedChain:
    """A development chain of this test process."""

    anvil: Anvil
    web3: Web3
    manifest: Manifest
    folder: Path


@dataclass
class Shell:
    """Runs commands against the devnet, each as a process of its own would, and reads what they print."""

    chain: DeployedChain
    folder: Path

    def __call__(self, *arguments: object) -> str:
        """Run a command that must succeed, and return what it printed."""
        status, out, err = self.run(*arguments)
        assert status == 0, f"{arguments}: {err}"
        return out

    def json(self, *arguments: object) -> Any:
        """Run a command that must succeed, and return the JSON that it printed."""
        return json.loads(self(*arguments, "--json"))

    def refused(self, *arguments: object) -> str:
        """Run a command that must fail as the user's or the world's mistake, and return its one line."""
        status, out, err = self.run(*arguments)
        assert status in {1, 2}, f"{arguments}: status {status}, {out}{err}"
        lines = [line for line in err.splitlines() if line.strip()]
        assert len(lines) == 1, err
        assert lines[0].startswith("gpurwa: ")
        return lines[0]

    def run(self, *arguments: object) -> tuple[int, str, str]:
        """Run a command and return its exit status and what it printed."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = root.run([str(argument) for argument in arguments])
        return status, out.getvalue(), err.getvalue()

    @property
    def clock(self) -> AnvilClock:
        """The devnet's clock."""
        return AnvilClock(self.chain.web3)

    def write(self, name: str, text: str) -> Path:
        """Write a file in the shell's folder."""
        path = self.folder / name
        path.write_text(text)
        return path


@dataclass(frozen=True)
class LiveFleet:
    """A commissioned fleet with a price, a bond, a reporter and three verifiers of whom two must sign."""

    fleet_id: int
    gpu_ids: tuple[str, ...]


def twice(sh: Shell, *commands: tuple[object, ...]) -> None:
    """Announce calls of delayed roles, wait until all can be made, and make them."""
    announced = [sh.json(*command)["scheduled_for"] for command in commands]
    assert None not in announced
    sh.clock.travel(max(announced))
    for command in commands:
        assert sh.json(*command)["scheduled_for"] is None


def enroll(sh: Shell, gpu_ids: tuple[str, ...], *more: object) -> int:
    """Let operator-a enrol a fleet, as the README's operator does it."""
    enrolled: int = sh.json(
        "fleet", "enroll", "--class", "H100-SXM5-80GB", "--region", "DE-HE", "--gpus", listed(sh, gpu_ids),
        "--cadence", "60s", "--floor", "1", "--price", "2.5", "--insured-until", START + 10**8, "--deed", "deed.txt",
        "--account", "operator-a", *more,
    )["fleet"]  # fmt: skip
    return enrolled


def confirm(sh: Shell, fleet_id: int, gpu_ids: tuple[str, ...]) -> tuple[object, ...]:
    """Return the command by which the registrar makes GPUs real."""
    return ("admin", "confirm", fleet_id, "--gpus", listed(sh, gpu_ids), "--account", "registrar")


def listed(sh: Shell, gpu_ids: tuple[str, ...]) -> Path:
    """Write a list of GPUs."""
    return sh.write("gpus.txt", "".join(f"{gpu_id}\n" for gpu_id in gpu_ids))


def signed(sh: Shell, report: str, *signers: str) -> list[Path]:
    """Let signers sign a report, and return their signature files."""
    return [Path(sh.json("report", "sign", report, "--account", signer)["file"]) for signer in signers]


def metered(sh: Shell, fleet: LiveFleet, start: int, hours: int, name: str = "trace.csv.gz") -> Path:
    """Write a trace of the fleet's GPUs, all of them there and busy by halves."""
    path = sh.folder / name
    lines = ["timestamp_s,pod,gpu_duty_cycle_percent\n"]
    for at in range(start, start + hours * 3_600 + 1, 60):
        lines += [f"{at},{gpu_id},50\n" for gpu_id in fleet.gpu_ids]

    path.write_bytes(gzip.compress("".join(lines).encode()))
    return path


def opened(sh: Shell, fleet: LiveFleet, *more: object) -> int:
    """Let lessee-1 lease one GPU for eight hours, and operator-a grant it the first one."""
    lease: int = sh.json(
        "lease", "open", fleet.fleet_id, "--gpus", 1, "--for", "8h", "--account", "lessee-1", *more
    )["lease"]  # fmt: skip
    connection = sh.write("connection.txt", "ssh gpu@203.0.113.7")
    grant = ("lease", "grant", lease, "--gpu", fleet.gpu_ids[0], "--connection", connection)
    sh(*grant, "--account", "operator-a")
    return lease


def reported(sh: Shell, fleet: LiveFleet) -> str:
    """Build a report of the fleet's first hour, and let an hour more pass."""
    begin = sh.json("fleet", "show", fleet.fleet_id)["fleet"]["commissioned_at"]
    trace = metered(sh, fleet, begin - begin % 60, 2)
    sh.clock.travel(begin + 7_200)
    path: str = sh.json("report", "build", fleet.fleet_id, "--trace", trace, "--as-of", begin + 3_600)["report"]
    return path
