"""A verifier by commands: run as a daemon, looked at, and rebased after its own source lost samples."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pyutils.reporter.judge import OWN
from pyutils.reporter.store.view import look_into
from pyutils.units import FleetId

from .reporting import Reporting, fleet_reporting

reporting = pytest.fixture(fleet_reporting)

VERIFIERS = ("verifier-1", "verifier-2")


@pytest.fixture
def ready(reporting: Reporting) -> Reporting:
    """Return the fleet with a reporter and two verifiers that are set up, and a first report that is due."""
    reporting.sh(*reporting.init((*VERIFIERS, "verifier-3")))
    for name in VERIFIERS:
        reporting.sh(*reporting.init_verifier(name))
    reporting.due(1)
    return reporting


def config(ready: Reporting, name: str = "verifier-1") -> tuple[object, ...]:
    return ("--config", ready.verifier_file(name))


def lose_samples(ready: Reporting, name: str, begin: int, end: int) -> None:
    """Let a verifier's own source have no samples in a span of time."""
    lines = gzip.decompress(ready.trace.read_bytes()).decode().splitlines(keepends=True)
    kept = [line for line in lines[1:] if not begin <= int(line.split(",")[0]) < end]
    own = ready.sh.folder / f"{name}.csv.gz"
    own.write_bytes(gzip.compress("".join([lines[0], *kept]).encode()))
    path = ready.verifier_file(name)
    path.write_text(path.read_text().replace(str(ready.trace), str(own)))


def test_run__until_sigterm__signs_and_ends_with_0(ready: Reporting) -> None:
    command = [str(Path(sys.executable).parent / "gpurwa"), "verifier", "run", "--log-json", *map(str, config(ready))]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        first = json.loads(process.stderr.readline())
        assert first["message"] == f"fleets 1 on devnet: proposals are answered at {ready.url('verifier-1')}"
        assert first["level"] == "info"
        with ready.verifiers("verifier-2"):
            assert ready.sh.json("operator", "once")["as_of"] == ready.hour(1)
            assert "another process uses this store" in ready.sh.refused("verifier", "run", *config(ready))
        with ready.operator():
            found = {one["what"]: one["said"] for one in ready.sh.json("verifier", "doctor", *config(ready))}
        assert found["published port"] == f"{ready.url('verifier-1')} answers, from here"
        assert found["fleet 1: operator"] == f"publishes the head, which is as of {ready.hour(1)}"
        assert found["store of fleet 1"] == f"1 SIGNED; the newest promise is as of {ready.hour(1)}"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out) == (0, "")
    assert "signed 0x" in err


def test_rebase__own_source_lost_samples__signs_again_from_the_head_on(
    ready: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    sh = ready.sh
    lose_samples(ready, "verifier-1", ready.hour(1) + 600, ready.hour(1) + 2_400)
    rebase = ("verifier", "rebase", ready.fleet.fleet_id, *config(ready))
    with ready.verifiers(*VERIFIERS):
        assert sh.json("operator", "once")["made"]
        ready.due(2)
        assert "1 of 2 verifiers' signatures" in sh.refused("operator", "once", "--wait", "0s")
        assert "another process uses this store" in sh.refused(*rebase, "--yes")
    monkeypatch.setattr("pyutils.cli.verifier.click.confirm", lambda *_, **__: False)
    assert "not confirmed" in sh.refused(*rebase)
    assert "nobody gives the samples of its head" in sh.refused(*rebase, "--yes"), "the operator does not publish now"
    with ready.verifiers("verifier-2", "verifier-3"):
        assert sh.json("operator", "once")["as_of"] == ready.hour(2)
    with ready.operator():
        assert sh.json(*rebase, "--yes") == {"fleet": 1, "as_of": ready.hour(2)}
    with look_into(ready.verifier_file("verifier-1").parent / "store.sqlite") as store:
        kept = store.checkpoint(FleetId(1), OWN)
        assert kept is not None
        assert kept[0] == ready.hour(2)
    ready.due(3)
    with ready.verifiers(*VERIFIERS):
        assert sh.json("operator", "once")["as_of"] == ready.hour(3)


def test_rebase__fleet_that_it_does_not_watch__refused(ready: Reporting) -> None:
    assert "is not in the configuration" in ready.sh.refused("verifier", "rebase", 7, "--yes", *config(ready))


def test_rebase__no_head_yet__refused(ready: Reporting) -> None:
    assert "has no report" in ready.sh.refused("verifier", "rebase", 1, "--yes", *config(ready))
