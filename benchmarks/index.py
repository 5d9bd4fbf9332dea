"""Events from a real anvil into the index, beside plain web3.py doing the same in the same run.

The chain is the development system whose vault and lease book emit transfers and settlements, a thousand of each a
block. Every figure counts from the first question to the node to the last commit.
"""

from __future__ import annotations

import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from rich.console import Console
from stopwatch import Figure, best_of, show
from web3 import Web3

from pyutils import artifacts, devnet
from pyutils.anvil import Anvil
from pyutils.chain import connect, rpc
from pyutils.deployment import Plan, deploy_system
from pyutils.errors import GpuRwaError
from pyutils.index import Store, sync
from pyutils.index.decode import decode_logs
from pyutils.index.layout import layouts
from pyutils.index.source import bulk_source
from pyutils.manifest import Manifest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from index.emitter import MadeLog, emit, put_emitters
from index.postgres import NoPostgresError, cluster

BLOCKS = 150
OF_EACH = 1_000
EVENTS = BLOCKS * OF_EACH * 2
WEB3_BLOCKS = 10
RUNS = 3
DECODE_AT_LEAST, SQLITE_AT_LEAST, POSTGRES_AT_LEAST = 100_000, 40_000, 20_000
"""Events a second."""


def peak_mib() -> int:
    """Return the most memory that this process had so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def word(number: int) -> bytes:
    """Return a number as a word."""
    return number.to_bytes(32)


def block_of(dice: random.Random, manifest: Manifest, accounts: list[bytes]) -> list[MadeLog]:
    """Return the logs of one block."""
    vault, book = manifest.credit[0].address("CreditVault"), manifest.address("LeaseBook")
    transfer = next(event.topic for event in layouts("CreditVault").values() if event.name == "Transfer")
    settle = next(event.topic for event in layouts("LeaseBook").values() if event.name == "Settle")
    transfers = [
        MadeLog(vault, (transfer, dice.choice(accounts), dice.choice(accounts)), word(dice.randrange(10**24)))
        for _ in range(OF_EACH)
    ]
    settlements = [
        MadeLog(
            book,
            (settle, word((1 << 32) + dice.randrange(10_000))),
            word(dice.randrange(10**12)) + word(1_800_000_000) + word(dice.randrange(10**9)),
        )
        for _ in range(OF_EACH)
    ]
    return transfers + settlements


@contextmanager
def chain(folder: Path) -> Iterator[tuple[str, Web3, Manifest, int]]:
    """Run a chain with `EVENTS` events; give URL, web3, record, and the first block with any."""
    options = ("--accounts", str(devnet.ACCOUNTS), "--auto-impersonate", "--gas-limit", str(10**11))
    with Anvil.start(folder / "anvil.log", arguments=(*options, "--prune-history")) as anvil:
        web3 = connect([anvil.url], devnet.CHAIN_ID)
        manifest = deploy_system(devnet.account("deployer"), Plan.default(devnet.CHAIN_ID), web3)
        put_emitters(web3, [manifest.credit[0].address("CreditVault"), manifest.address("LeaseBook")])
        dice = random.Random(1)
        accounts = [dice.randbytes(20).rjust(32, b"\0") for _ in range(500)]
        sender = rpc.request(web3, "eth_accounts")[0]
        rpc.request(web3, "evm_setAutomine", False)
        first = int(rpc.request(web3, "eth_blockNumber"), 16) + 1
        for _ in range(BLOCKS):
            emit(web3, sender, block_of(dice, manifest, accounts))
            rpc.request(web3, "evm_mine")
        yield anvil.url, web3, manifest, first


def synced(database: str, url: str, manifest: Manifest) -> float:
    """Make an index and return how long it took, in seconds; all must be in it."""
    began = time.perf_counter()
    done = sync(Store.at(database, writes=True), bulk_source([url], manifest.chain_id), manifest)
    seconds = time.perf_counter() - began
    if done.events < EVENTS:
        raise SystemExit(f"index: {EVENTS - done.events} events are missing")
    return seconds


def into_new(server: str, url: str, manifest: Manifest) -> float:
    """Make indexes in new databases of a server and return the shortest time, in seconds."""
    boss = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT")
    times = []
    for run in range(RUNS):
        with boss.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE run_{run}")
        database = boss.url.set(database=f"run_{run}").render_as_string(hide_password=False)
        times.append(synced(database, url, manifest))
    boss.dispose()
    return min(times)


def by_web3(folder: Path, url: str, manifest: Manifest, first: int) -> float:
    """Do the same with web3.py's own event API and a plain table; seconds for `WEB3_BLOCKS` blocks."""
    web3 = Web3(Web3.HTTPProvider(url, request_kwargs={"timeout": 120}))
    vault = web3.eth.contract(
        Web3.to_checksum_address(manifest.credit[0].address("CreditVault")), abi=artifacts.load("CreditVault").abi
    )
    book = web3.eth.contract(
        Web3.to_checksum_address(manifest.address("LeaseBook")), abi=artifacts.load("LeaseBook").abi
    )
    began = time.perf_counter()
    with sqlite3.connect(folder / "web3.sqlite") as connection:
        connection.execute("CREATE TABLE events (block, log_index, contract, transaction_hash, name, arguments)")
        for number in range(first, first + WEB3_BLOCKS):
            for event in (vault.events.Transfer(), book.events.Settle()):
                rows = [
                    (
                        log["blockNumber"],
                        log["logIndex"],
                        log["address"],
                        log["transactionHash"],
                        log["event"],
                        str(dict(log["args"])),
                    )
                    for log in event.get_logs(from_block=number, to_block=number)
                ]
                connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.commit()
        (count,) = connection.execute("SELECT count(*) FROM events").fetchone()
    if count != WEB3_BLOCKS * OF_EACH * 2:
        raise SystemExit(f"index: web3.py has {count} events")
    return time.perf_counter() - began


def decoding(web3: Web3, manifest: Manifest, first: int) -> float:
    """Return how long decoding the logs of `WEB3_BLOCKS` blocks takes, in seconds."""
    kinds = {
        manifest.credit[0].address("CreditVault").lower(): "CreditVault",
        manifest.address("LeaseBook").lower(): "LeaseBook",
    }
    wanted = {"address": list(kinds), "fromBlock": hex(first), "toBlock": hex(first + WEB3_BLOCKS - 1)}
    logs = rpc.request(web3, "eth_getLogs", wanted)
    return best_of(RUNS, lambda: decode_logs(logs, kinds))


def main() -> None:
    """Make the chain, then index it in each database, and by web3.py."""
    figures = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with chain(folder) as (url, web3, manifest, first):
            seconds = decoding(web3, manifest, first)
            figures.append(Figure("decoding alone", WEB3_BLOCKS * OF_EACH * 2, "events", seconds))
            times, peaks = [], [peak_mib()]
            for run in range(RUNS):
                times.append(synced(f"sqlite:///{folder / f'{run}.sqlite'}", url, manifest))
                peaks.append(peak_mib())
            figures.append(Figure("anvil into SQLite", EVENTS, "events", min(times)))
            try:
                with cluster() as database:
                    figures.append(Figure("anvil into PostgreSQL", EVENTS, "events", into_new(database, url, manifest)))
            except NoPostgresError as error:
                Console().print(f"index: {error}")
            plain = by_web3(folder, url, manifest, first)
            figures.append(Figure("web3.py into SQLite", WEB3_BLOCKS * OF_EACH * 2, "events", plain))
    show(f"{EVENTS:,} events, two kinds, {2 * OF_EACH:,} a block", figures)
    said = ", ".join(f"{peak:,}" for peak in peaks)
    Console().print(f"peak memory in MiB before any sync into SQLite, and after each of {RUNS}: {said}")
    least = {"decoding alone": DECODE_AT_LEAST, "anvil into SQLite": SQLITE_AT_LEAST}
    least["anvil into PostgreSQL"] = POSTGRES_AT_LEAST
    for figure in figures:
        rate = figure.amount / figure.seconds
        if rate < least.get(figure.name, 0):
            raise SystemExit(f"index: {figure.name}: {rate:,.0f} events a second, {least[figure.name]:,} are wanted")


if __name__ == "__main__":
    try:
        main()
    except GpuRwaError as error:
        raise SystemExit(f"index: {error.line()}") from None
