"""Looking into a store: beside the daemon that uses it, without its key, and without leaving a trace."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pyutils.reporter.store.errors import DamagedStoreError, NoStoreError, UnwritableStoreError
from pyutils.reporter.store.identity import Identity
from pyutils.reporter.store.store import Store
from pyutils.reporter.store.view import look_into
from pyutils.units import FleetId, UnixSeconds

from .stage import AS_OF, CHAIN_ID, FLEET, OPERATOR, ORACLE

OWNER = Identity(chain_id=CHAIN_ID, oracle=ORACLE, signer=OPERATOR.address, role="operator")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


def test_look_into__beside_an_open_store__sees_what_was_written_last(path: Path) -> None:
    with Store.create(path, OWNER) as store:
        store.promise(FLEET, UnixSeconds(AS_OF), b"\x01" * 32)
        with look_into(path) as reader:
            assert reader.identity == OWNER
            newest = reader.latest_promise(FLEET)
            assert newest is not None
            assert newest.as_of == AS_OF
            store.promise(FLEET, UnixSeconds(AS_OF + 3_600), b"\x02" * 32)
            assert reader.promised(FLEET, UnixSeconds(AS_OF + 3_600)) == b"\x02" * 32


def test_look_into__closed_store__leaves_no_trace(path: Path) -> None:
    with Store.create(path, OWNER) as store:
        store.promise(FLEET, UnixSeconds(AS_OF), b"\x01" * 32)
    before = {one.name: one.read_bytes() for one in path.parent.iterdir()}
    with look_into(path) as reader:
        assert reader.latest(FleetId(2)) is None
        with pytest.raises(UnwritableStoreError), reader.database.read() as connection:
            connection.execute("DELETE FROM promises")
    assert {one.name: one.read_bytes() for one in path.parent.iterdir()} == before


def test_look_into__no_store__refused(path: Path) -> None:
    with pytest.raises(NoStoreError), look_into(path):
        pass
    path.write_bytes(b"something else that is no database at all")
    with pytest.raises(DamagedStoreError), look_into(path):
        pass
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE identity (name TEXT)")
    connection.close()
    with pytest.raises(DamagedStoreError), look_into(path):
        pass
