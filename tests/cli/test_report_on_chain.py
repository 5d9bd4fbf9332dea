"""Reports on chain verified by their digest, proofs from a publisher, and what settles by them."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from pyutils.contracts import System
from pyutils.devnet import account
from pyutils.models import Head
from pyutils.units import FleetId

from .reporting import Reporting, fleet_reporting
from .shell import opened

reporting = pytest.fixture(fleet_reporting)

VERIFIERS = ("verifier-1", "verifier-2")
LEASE = 1 << 32 | 1


@pytest.fixture
def ready(reporting: Reporting) -> Reporting:
    """Return the fleet with a lease, a reporter, and reports of two hours at the head."""
    reporting.sh(*reporting.init(VERIFIERS))
    opened(reporting.sh, reporting.fleet)
    with reporting.verifiers(*VERIFIERS):
        for number in (1, 2):
            reporting.due(number)
            reporting.sh("operator", "once")
    return reporting


def head(ready: Reporting) -> Head:
    return System.at(ready.sh.chain.web3, ready.sh.chain.manifest).oracle.head(FleetId(1))


def digest(ready: Reporting) -> str:
    return f"0x{head(ready).digest.hex()}"


def leaf_files(ready: Reporting) -> Path:
    return ready.operator_folder / "leaf_files"


def published(ready: Reporting, what: str) -> Path:
    """Return the newest file that the operator publishes of a kind."""
    return max((ready.operator_folder / what).iterdir(), key=lambda path: path.stat().st_mtime_ns)


def test_verify__digest_and_publisher__built_again_bit_for_bit(ready: Reporting) -> None:
    sh = ready.sh
    with ready.operator():
        told: dict[str, Any] = sh.json("report", "verify", digest(ready), "--from", ready.url("operator"))
        shown = sh("report", "verify", digest(ready), "--from", ready.url("operator"))
    assert told["against_samples"] is True
    assert told["as_of"] == ready.hour(2)
    assert (told["gpus"], told["leases"], told["quorum"]) == (4, 1, 2)
    assert told["signers"].pop(account("reporter-a").address) == "reporter"
    assert set(told["signers"]) == {account(name).address for name in VERIFIERS}
    assert set(told["signers"].values()) <= {"verifier 0", "verifier 1", "verifier 2"}
    assert "bit for bit" in shown
    assert "energy (derived from duty)" in shown


def test_verify__digest_and_leaf_file__says_that_samples_were_not_seen(ready: Reporting) -> None:
    sh, verify = ready.sh, ("report", "verify", digest(ready))
    for place in (leaf_files(ready), published(ready, "leaf_files")):
        told = sh.json(*verify, "--leaf-file", place)
        assert (told["against_samples"], told["pending"]) == (False, False)
    assert "give --from" in sh(*verify, "--leaf-file", leaf_files(ready))
    other = min(leaf_files(ready).iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert "leaf file" in sh.refused(*verify, "--leaf-file", other), "that of another report"
    for more, reason in (
        ((), "Give either --from URL or --leaf-file FILE"),
        (("--from", "http://127.0.0.1:9", "--leaf-file", "x"), "Give either"),
        (("--from", "http://127.0.0.1:9"), "Check that the operator publishes"),
        (("--leaf-file", "no-such-file"), "no-such-file"),
        (("--leaf-file", "x", "--trace", "trace.csv.gz"), "go with a report file"),
    ):
        assert reason in sh.refused(*verify, *more)
    proof = ("report", "proof", LEASE, "--from", "http://127.0.0.1:9")
    assert "Check that the operator publishes" in sh.refused(*proof)


def test_verify__pending_report__signed_by_the_reporter_alone(ready: Reporting) -> None:
    ready.due(3)
    ready.sh.clock.advance(1_000)
    assert "its liveness" in ready.sh.refused("operator", "once", "--wait", "5s")
    pending = System.at(ready.sh.chain.web3, ready.sh.chain.manifest).oracle.pending(FleetId(1))
    told = ready.sh.json("report", "verify", f"0x{pending.digest.hex()}", "--leaf-file", leaf_files(ready))
    assert told["pending"] is True
    assert told["signers"] == {account("reporter-a").address: "reporter"}


def test_verify__samples_that_give_another_report__names_the_field(ready: Reporting) -> None:
    with ready.operator() as daemon:
        record = daemon.store.record_of(head(ready).digest)
        assert record is not None
        pages = daemon.store.pages_of(record.fleet_id, record.as_of)
        assert len(pages) >= 2
        # Pages as they were signed, but one fewer than the report was built from.
        daemon.store.pages_of = lambda *_, **__: pages[:-1]  # type: ignore[method-assign]
        line = ready.sh.refused("report", "verify", digest(ready), "--from", ready.url("operator"))
    assert "the report's available_gpu_ms is" in line


def test_verify__published_page_that_was_changed__refused(ready: Reporting) -> None:
    page = published(ready, "samples")
    page.write_bytes(gzip.compress(gzip.decompress(page.read_bytes()).replace(b",500000", b",500001")))
    with ready.operator():
        line = ready.sh.refused("report", "verify", digest(ready), "--from", ready.url("operator"))
    assert "it has the hash 0x" in line


def test_verify__digest_that_is_none_or_of_no_report__refused(reporting: Reporting) -> None:
    sh = reporting.sh
    assert "is no hash of 32 bytes" in sh.refused("report", "verify", "0x12", "--leaf-file", "x")
    assert "no report on devnet has the digest" in sh.refused("report", "verify", "0x" + "11" * 32, "--leaf-file", "x")
    assert "--from goes with the digest" in sh.refused("report", "verify", "file.report.json", "--from", "http://x")
    assert "cannot be read" in sh.refused("report", "verify", "file.report.json")


def test_proof__from_a_publisher__settles(ready: Reporting) -> None:
    sh, lease = ready.sh, LEASE
    with ready.operator():
        publisher = ("--from", ready.url("operator"))
        fetched = sh.json("report", "proof", lease, *publisher)
        assert fetched == sh.json("report", "proof", lease, "--leaf-files", leaf_files(ready))
        assert fetched["delivered_gpu_ms"] > 3_600_000
        assert "Proof of lease" in sh("report", "proof", lease, *publisher)
        settled = sh.json("settle", lease, *publisher, "--account", "lessee-1")
        assert settled["rent"] > 0
        assert "exclude each other" in sh.refused(
            "settle", lease, *publisher, "--leaf-files", "x", "--account", "lessee-1"
        )
        assert "has no proof" in sh.refused("report", "proof", lease + 1, *publisher)
        assert "LeaseBook.close" in sh.refused("lease", "close", lease, *publisher, "--account", "lessee-1")
    assert (sh.folder / "state" / "devnet" / "fetched" / "leaf_files").is_dir()


def test_proof__publisher_that_lags_behind_the_head__refused(ready: Reporting) -> None:
    with ready.operator() as daemon:
        older = daemon.store.record(FleetId(1), ready.hour(1))  # type: ignore[arg-type]
        assert older is not None
        assert older.digest is not None
        daemon.heads[FleetId(1)] = older.digest
        line = ready.sh.refused("report", "proof", LEASE, "--from", ready.url("operator"))
    assert f"the proof is of the report as of {ready.hour(1)}" in line
    assert "Ask again" in line
