"""Stores of made-up signers, the reports that go into them, and what must hold in any store whatever happened to it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pyutils.chain import Form, LocalSigner, Sent, dev_signer
from pyutils.keccak import keccak256
from pyutils.models import MeterReport, PageRef, parse_address
from pyutils.operations.report_files import ReportFile, SignatureFile
from pyutils.reporter.store.identity import Identity
from pyutils.reporter.store.store import Record, State, Store
from pyutils.units import FleetId, GpuMs, Joules, UnixSeconds

CHAIN_ID: Final = 31337
ORACLE: Final = parse_address("0x" + "0a" * 20)
SIGNER: Final[LocalSigner] = dev_signer(CHAIN_ID, 0)
GAS: Final[LocalSigner] = dev_signer(CHAIN_ID, 1)
OPERATOR: Final = Identity(chain_id=CHAIN_ID, oracle=ORACLE, signer=SIGNER.address, role="operator")
VERIFIER: Final = OPERATOR.model_copy(update={"role": "verifier"})
FLEET: Final = FleetId(2**64 - 1)
"""The largest there can be: SQLite's own integers could not hold it."""
FIRST_HOUR: Final = 490_000
SIDES: Final = ("", "-wal", "-shm", ".lock")


def hour(number: int) -> UnixSeconds:
    """Return the time as of which the `number`-th report is made."""
    return UnixSeconds((FIRST_HOUR + number) * 3_600)


def report(as_of: int, parent: bytes = bytes(32), told: int = 0, fleet_id: int = FLEET) -> MeterReport:
    """Return a report; another `told` is another report."""
    return MeterReport(
        fleet_id=FleetId(fleet_id),
        as_of=UnixSeconds(as_of),
        available_gpu_ms=GpuMs(2**64 - 1 - told),
        busy_gpu_ms=GpuMs(told),
        energy_joules=Joules(2**63 + told),
        lease_root=bytes(32),
        data_hash=keccak256(b"%d" % told),
        previous_digest=parent,
    )


def digest(told: MeterReport) -> bytes:
    return ReportFile(chain_id=CHAIN_ID, oracle=ORACLE, report=told).digest


def pages(as_of: int, by: str = "us", first: int | None = None) -> list[PageRef]:
    """Return the hours up to a report's time, the last of them open; only the newest two unless `first` says more."""
    last = as_of // 3_600
    hours = range(last - 1 if first is None else first, last + 1)
    return [PageRef(hour=one, rows_hash=keccak256(f"{by} {one} {as_of}".encode()), whole=one < last) for one in hours]


def collected(store: Store, as_of: UnixSeconds) -> Record:
    return store.collect(FLEET, as_of, b"meter as of %d" % as_of, pages(as_of))


def built(store: Store, as_of: UnixSeconds, parent: bytes = bytes(32), told: int = 0) -> Record:
    collected(store, as_of)
    return store.build(FLEET, as_of, report(as_of, parent, told))


def signed(store: Store, as_of: UnixSeconds, parent: bytes = bytes(32), told: int = 0) -> Record:
    built(store, as_of, parent, told)
    return store.sign_off(FLEET, as_of)


def signature_of(told: MeterReport, signer: LocalSigner = SIGNER) -> SignatureFile:
    return ReportFile(chain_id=CHAIN_ID, oracle=ORACLE, report=told).sign(signer)


def form(nonce: int, data: bytes = b"\x01", fee: int = 10**9, call: str = "MeterOracle.submit") -> Form:
    """Return a signed transaction of the gas account."""
    fields = {"to": ORACLE, "data": data, "value": 0, "gas": 100_000, "chainId": CHAIN_ID, "nonce": nonce, "type": 2}
    fields |= {"maxFeePerGas": fee, "maxPriorityFeePerGas": fee}
    return Form(call, fields, GAS.sign_transaction(fields))


def sent(nonce: int, *forms: Form) -> Sent:
    return Sent(nonce, list(forms or (form(nonce),)))


def raws(found: Sequence[Sent]) -> list[tuple[int, list[tuple[str, bytes]]]]:
    """Return what can be compared of transactions."""
    return [(one.nonce, [(made.call, made.raw) for made in one.forms]) for one in found]


def copy_files(path: Path, folder: Path, sides: Sequence[str] = SIDES) -> Path:
    """Copy a store as its files are on disk now, used or not, and return the copy's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for side in sides:
        source = Path(f"{path}{side}")
        if source.exists():
            shutil.copy(source, folder / source.name)
    return folder / path.name


def audit(path: Path, identity: Identity = OPERATOR) -> dict[UnixSeconds, bytes]:
    """Open a store as after a crash, check what must always hold, and return what is promised for the fleet."""
    with Store.open(path, identity, even_if_moved=True) as store, store.database.read() as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        rows = connection.execute("SELECT as_of, digest FROM promises WHERE fleet_id = ?", (str(FLEET),)).fetchall()
        promised = {UnixSeconds(row["as_of"]): bytes(row["digest"]) for row in rows}
        assert len(promised) == len(rows), "one digest for one moment"
        for record in store.newest(FLEET, 10**6):
            ours = record.digest is not None and promised.get(record.as_of) == record.digest
            if record.state in (State.SIGNED, State.BROADCAST):
                assert ours, f"{record} was never promised"
            if record.state is State.COLLECTED or record.state is State.BUILT:
                kept = store.checkpoint(FLEET, "published", record.as_of)
                assert kept is not None
                assert kept[0] == record.as_of, f"{record} cannot be built any more"
            found = store.pages_of(FLEET, record.as_of)
            assert [page.hour for page in found] == sorted({page.hour for page in found})
        store.signatures(bytes(32))
        store.seen(FLEET)
    return promised


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def raw_connection(path: Path) -> sqlite3.Connection:
    """Open a store's file as a person with another program does."""
    return sqlite3.connect(path, isolation_level=None)
