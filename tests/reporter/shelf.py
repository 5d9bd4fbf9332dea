"""A shelf with one fleet's files and reports, and ways to ask for them that no polite client has."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pyutils.meter import LeafFile, write_leaf_file
from pyutils.meter.leaf_file import Header
from pyutils.meter.page import SamplePage, write_page
from pyutils.models import Allocation, Enrolment, GpuCounters, LeaseLeaf, PageRef
from pyutils.operations.gpu_lists import GpuLists
from pyutils.reporter.publishing.entry import ReportEntry
from pyutils.units import FleetId, GpuMs, Joules, LeaseId, UnixSeconds

from .stage import AS_OF, FLEET, OPERATOR, report_file, verifier_key

LEASES = {(FLEET << 32) + place: 1_000_000 + place for place in range(1, 6)}
GPU_IDS = tuple(f"GPU-{place}" for place in range(5))


def leaf_file_of(as_of: int, leases: dict[int, int] = LEASES) -> LeafFile:
    since = AS_OF - 86_400
    return LeafFile(
        Header(fleet_id=FLEET, as_of=as_of, cadence_ms=15_000, power=None, samples_hash=bytes(32)),
        tuple(Enrolment(gpu_id=gpu_id, since=UnixSeconds(since), until=None) for gpu_id in GPU_IDS),
        tuple(
            GpuCounters(gpu_id=gpu_id, available_ms=GpuMs(9), busy_ms=GpuMs(1), energy_joules=Joules(1), resets=0)
            for gpu_id in GPU_IDS
        ),
        tuple(
            Allocation(lease_id=LeaseId(lease), gpu_id=gpu_id, start=UnixSeconds(since), end=UnixSeconds(as_of))
            for lease, gpu_id in zip(leases, GPU_IDS, strict=True)
        ),
        tuple(LeaseLeaf(lease_id=LeaseId(lease), delivered_gpu_ms=GpuMs(ms)) for lease, ms in leases.items()),
    )


@dataclass
class MemoryShelf:
    """A shelf whose files are on disk and whose reports are in memory, oldest first; the newest is the head."""

    leaf_files: Path
    samples: Path
    gpus: Path
    entries: list[ReportEntry]
    page_refs: list[PageRef]
    leaf_file: Path
    page: Path
    gpu_list: Path
    gpu_root: bytes

    @classmethod
    def filled(cls, root: Path) -> MemoryShelf:
        (root / "secret.txt").write_text("secret words")
        entries, paths = [], []
        for hour in range(3):
            leaf_file = leaf_file_of(AS_OF + 3600 * hour)
            paths.append(write_leaf_file(leaf_file, root / "leaf_files"))
            file = report_file().model_copy(update={"report": leaf_file.report(bytes(32))})
            signatures = (file.sign(OPERATOR), file.sign(verifier_key(0)))
            entries.append(ReportEntry(report_file=file, signatures=signatures, state="MINED"))
        pages = [SamplePage(AS_OF // 3600 + i, f"GPU-0,{AS_OF + 3600 * i}000,5\n".encode(), i < 2) for i in range(3)]
        written = [write_page(page, root / "samples") for page in pages]
        refs = [PageRef(hour=page.hour, rows_hash=page.rows_hash, whole=page.whole) for page in pages]
        gpu_root = GpuLists(root / "gpus").file(GPU_IDS)
        gpu_list = root / "gpus" / f"0x{gpu_root.hex()}.txt"
        folders = (root / "leaf_files", root / "samples", root / "gpus")
        return cls(*folders, entries, refs, paths[-1], written[0], gpu_list, gpu_root)

    def reports(self, fleet_id: FleetId, limit: int) -> Sequence[ReportEntry]:
        return self.entries[::-1][:limit] if fleet_id == FLEET else []

    def report(self, digest: bytes) -> ReportEntry | None:
        return next((entry for entry in self.entries if entry.report_file.digest == digest), None)

    def pages(self, digest: bytes, from_hour: int) -> Sequence[PageRef]:
        known = self.report(digest) is not None
        return [page for page in self.page_refs if known and page.hour >= from_hour]

    def head(self, fleet_id: FleetId) -> ReportEntry | None:
        return self.entries[-1] if fleet_id == FLEET and self.entries else None


def bare_get(port: int, path: str) -> tuple[int, bytes]:
    """Ask for a path exactly as it is written; return status and body."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body
