"""Each test in SQLite and on a real PostgreSQL server, on a chain whose contracts emit what a test wants."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from web3 import Web3

from pyutils import devnet
from pyutils.anvil import Anvil
from pyutils.chain import connect, rpc
from pyutils.deployment import Plan, deploy_system
from pyutils.manifest import Manifest

from .emitter import put_emitters
from .histories import SHARES, addresses_of
from .postgres import NoPostgresError, cluster
from .stage import Stage

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Run a PostgreSQL server for this test process; skip where there is none."""
    try:
        with cluster() as url:
            yield url
    except NoPostgresError as error:
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database that holds nothing."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'index.sqlite'}"
    url = sqlalchemy.make_url(request.getfixturevalue("postgres"))
    name = f"test_{next(_NUMBERS)}"
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """Return the URL of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'index.sqlite'}"


@pytest.fixture(scope="session")
def emitting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Anvil, Web3, Manifest]]:
    """Run a chain with the system on it, whose contracts afterwards emit whatever they are told to."""
    log = tmp_path_factory.mktemp("emitting") / "anvil.log"
    options = ["--accounts", str(devnet.ACCOUNTS), "--auto-impersonate", "--gas-limit", str(10**11)]
    # Nobody asks for the state of an old block, and so many states fill a disk.
    options += ["--prune-history"]
    with Anvil.start(log, arguments=options) as anvil:
        web3 = connect([anvil.url], devnet.CHAIN_ID)
        manifest = deploy_system(devnet.account("deployer"), Plan.default(devnet.CHAIN_ID), web3)
        put_emitters(web3, [*addresses_of(manifest).values(), *SHARES])
        yield anvil, web3, manifest


@pytest.fixture
def stage(emitting: tuple[Anvil, Web3, Manifest]) -> Iterator[Stage]:
    """Return the chain; it is as it was afterwards."""
    anvil, web3, manifest = emitting
    snapshot = rpc.request(web3, "evm_snapshot")
    yield Stage(anvil.url, web3, manifest)
    rpc.request(web3, "evm_revert", snapshot)
