"""`gpurwa report verify | proof`: reports held against files, samples and chain, and what they prove to a lessee."""

from __future__ import annotations

from pathlib import Path

import click

from pyutils.cli.output import print_facts
from pyutils.cli.parameters import FILE, HASH, format_time
from pyutils.cli.session import Session, asks
from pyutils.errors import InputError
from pyutils.meter import LeafFile, read_leaf_file, read_trace
from pyutils.models import MeterReport, PowerModel
from pyutils.operations import chain_reports, reports
from pyutils.operations.leases import fleet_of
from pyutils.operations.report_files import ReportFile, SignatureFile
from pyutils.units import EPOCH, FleetId, GpuMs, LeaseId, Ms, format_gpu_hours

FROM = click.option("--from", "publisher", metavar="URL", help="Where the operator or a verifier publishes.")


@click.command()
@click.argument("told", metavar="REPORT|0xDIGEST")
@click.argument("signatures", type=FILE, nargs=-1)
@click.option("--leaf-file", type=FILE, help="What the report commits to; in `leaf_files` beside it by default.")
@click.option("--trace", type=FILE, help="Samples to recompute the counters of a report file from.")
@FROM
@asks
def verify(
    session: Session,
    told: str,
    signatures: tuple[Path, ...],
    leaf_file: Path | None,
    trace: Path | None,
    publisher: str | None,
) -> None:
    """Recompute a report: its counters from the samples, its GPUs and leases from the chain, and who signed it.

    REPORT is a file, before it is on chain. A digest names a report that is: it is held against its leaf file or, with
    --from, built again from the published samples, bit for bit.
    """
    if told.startswith("0x") and not Path(told).exists():
        if signatures or trace is not None:
            raise InputError("signatures and --trace go with a report file", remedy="Leave them out with a digest")
        _verify_on_chain(session, _digest(told), leaf_file, publisher)
        return
    if publisher is not None:
        raise InputError("--from goes with the digest of a report on chain", remedy="Give 0x… instead of a file")
    _verify_file(session, Path(told), signatures, leaf_file, trace)


def _verify_file(
    session: Session, file: Path, signatures: tuple[Path, ...], leaf_file: Path | None, trace: Path | None
) -> None:
    told = ReportFile.read(file)
    data_hash = told.report.data_hash
    leaves = read_leaf_file(leaf_file or file.parent / "leaf_files" / f"0x{data_hash.hex()}.jsonl.gz", data_hash)
    samples = read_trace(trace, Ms(leaves.header.cadence_ms)) if trace is not None else None
    signed = [SignatureFile.read(path) for path in signatures]
    found = reports.verify(session.system, told, leaves, trace=samples, signatures=signed)
    facts = {
        "digest": told.digest,
        "gpus": found.gpus,
        "leases": found.leases,
        "against_samples": found.against_samples,
        "signers": dict(found.signers),
    }

    def people() -> None:
        how = "from the samples" if found.against_samples else "but not from samples; give --trace"
        names = ", ".join(f"{what} {who}" for who, what in found.signers) or "nobody"
        print_report(told.report, leaves.header.power, {"verified": how, "leases": found.leases, "signed by": names})

    session.show(facts, people)


def _verify_on_chain(session: Session, digest: bytes, file: Path | None, publisher: str | None) -> None:
    if (file is None) == (publisher is None):
        raise InputError("what the report commits to is needed", remedy="Give either --from URL or --leaf-file FILE")
    told = chain_reports.find_report(session.system, digest)
    leaf_file = (
        fetch_leaf_file(session, publisher, told.report.data_hash)
        if publisher is not None
        else read_leaf_file(_in_folder(file, told.report), told.report.data_hash)
    )
    found = chain_reports.check(session.system, told, leaf_file)
    if publisher is not None:
        _build_again(session, publisher, told.report_file, leaf_file)
    facts = {
        "digest": digest,
        **dict(told.report),
        "pending": told.is_pending,
        "block": told.block,
        "gpus": found.gpus,
        "leases": found.leases,
        "against_samples": publisher is not None,
        "signers": dict(told.signers),
        "quorum": told.quorum,
    }

    def people() -> None:
        built = "built again from the published samples, bit for bit"
        how = built if publisher is not None else "against its leaf file; give --from to build it from samples"
        names = ", ".join(f"{what} {who}" for who, what in told.signers)
        state = "pending" if told.is_pending else "accepted"
        more = {state: f"in block {told.block}", "verified": how, "leases": found.leases, "signed by": names}
        print_report(told.report, leaf_file.header.power, more)

    session.show(facts, people)


@click.command()
@click.argument("lease_id", metavar="LEASE", type=int)
@click.option("--leaf-files", type=FILE, help="Leaf file of the fleet's head, or a folder that has it.")
@FROM
@asks
def proof(session: Session, lease_id: int, leaf_files: Path | None, publisher: str | None) -> None:
    """Print what a lease got by the fleet's head, and the Merkle proof that settles it."""
    if publisher is None:
        leaf_file = reports.head_leaf_file(
            session.system, fleet_of(LeaseId(lease_id)), leaf_files or session.leaf_files
        )
        root = leaf_file.tree.root
        delivered, siblings = reports.proof(leaf_file, LeaseId(lease_id))
    else:
        root, delivered, siblings = _published_proof(session, publisher, LeaseId(lease_id))
    rows = {"lease": lease_id, "delivered_gpu_ms": delivered, "root": root, "proof": siblings}

    def people() -> None:
        shown = "\n".join(f"0x{node.hex()}" for node in siblings) or "empty: it is the only lease"
        got = f"{format_gpu_hours(GpuMs(delivered))} GPU-hours ({delivered} GPU-ms)"
        print_facts(f"Proof of lease {lease_id}", {"delivered": got, "root": f"0x{root.hex()}"})
        click.echo(shown)

    session.show(rows, people)


def fetch_leaf_file(session: Session, publisher: str, data_hash: bytes) -> LeafFile:
    """Return a leaf file from a publisher, by its hash. Raises `PublisherError`."""
    from pyutils.reporter.publishing.fetch import Fetcher

    return Fetcher(publisher, session.fetched).leaf_file(data_hash)


def head_leaf_file(session: Session, fleet_id: FleetId, place: Path | None, publisher: str | None) -> LeafFile:
    """Return the leaf file of a fleet's head: from a publisher where one is named, else from file or folder.

    Raises `StaleProofError` and `PublisherError`, and `InputError` where both are named.
    """
    if publisher is None:
        return reports.head_leaf_file(session.system, fleet_id, place or session.leaf_files)
    if place is not None:
        raise InputError("--leaf-files and --from exclude each other", remedy="Give one of them")
    return fetch_leaf_file(session, publisher, reports.head_report(session.system, fleet_id).data_hash)


def print_report(told: MeterReport, power: PowerModel | None, more: dict[str, object]) -> None:
    """Print what a report says to people; `power` is how its energy was derived, None where boards measured it."""
    energy = "energy (measured)" if power is None else "energy (derived from duty)"
    print_facts(
        f"Report of fleet {told.fleet_id} as of {format_time(told.as_of)}",
        {
            "available": f"{format_gpu_hours(told.available_gpu_ms)} GPU-hours",
            "busy": f"{format_gpu_hours(told.busy_gpu_ms)} GPU-hours",
            energy: f"{told.energy_joules} J",
            **more,
        },
    )


def _published_proof(session: Session, publisher: str, lease_id: LeaseId) -> tuple[bytes, int, tuple[bytes, ...]]:
    """Return root, delivery and proof as a publisher gives them, once the head on chain says the same."""
    from pyutils.reporter.publishing.fetch import Fetcher, NotPublishedError

    try:
        found = Fetcher(publisher, session.fetched).lease_proof(lease_id)
    except NotPublishedError as error:
        remedy = "The head lists what was granted and not closed at its time: ask again after the next report"
        raise InputError(f"lease {lease_id} has no proof: {error.message}", remedy=remedy) from error
    head = session.system.oracle.head(fleet_of(lease_id))
    if head.lease_root != found.root:
        raise reports.StaleProofError(
            f"the proof is of the report as of {found.as_of}, the head is as of {head.as_of}",
            remedy="Ask again in a minute, when the publisher knows the head, or ask another publisher",
        )
    if not session.system.oracle.verify_lease(lease_id, found.delivered_gpu_ms, found.proof):
        raise reports.StaleProofError(
            f"the head does not say that lease {lease_id} got {found.delivered_gpu_ms} GPU-ms"
        )
    return found.root, found.delivered_gpu_ms, found.proof


def _build_again(session: Session, publisher: str, told: ReportFile, leaf_file: LeafFile) -> None:
    """Build a report from the published samples. Raises `LeafFileError` where they give another one."""
    from pyutils.reporter.draft import NothingKept
    from pyutils.reporter.publishing.fetch import Fetcher
    from pyutils.reporter.publishing.rebuilding import rebuild

    fetcher = Fetcher(publisher, session.fetched)
    rebuild(session.system, NothingKept(), fetcher, told, leaf_file.header.power, EPOCH)


def _digest(text: str) -> bytes:
    try:
        return HASH.convert(text, None, None)
    except click.BadParameter as error:
        raise InputError(error.message, remedy="Give a digest of 32 bytes in hex, or the path of a report") from error


def _in_folder(place: Path | None, report: MeterReport) -> Path:
    assert place is not None, "one of the two is given"
    return place / f"0x{report.data_hash.hex()}.jsonl.gz" if place.is_dir() else place
