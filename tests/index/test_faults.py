"""Whatever a node, a database or another process does: one clear line, and nothing half written."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy

from pyutils.chain import RpcUnreachableError
from pyutils.chain.rpc import RpcError
from pyutils.errors import GpuRwaError
from pyutils.index import Progress, Store, SyncPolicy, sync
from pyutils.index.contracts import UnknownKindError
from pyutils.index.errors import (
    DatabaseError,
    IndexBusyError,
    LyingNodeError,
    OtherIndexError,
    PrunedHistoryError,
    UnindexableLogError,
)
from pyutils.index.source import AnswerTooLongError, ChangedWhileReadError

from .stage import SHORT, Stage

if TYPE_CHECKING:
    from tests.faulty_rpc import Body, FaultyRpc, Forward, Reply, altered, dropped, error, garbage, said
else:
    from faulty_rpc import Body, FaultyRpc, Forward, Reply, altered, dropped, error, garbage, said


@pytest.fixture
def rpc_(stage: Stage) -> Iterator[FaultyRpc]:
    with FaultyRpc(stage.url) as endpoint:
        yield endpoint


def one_line(raised: pytest.ExceptionInfo[GpuRwaError]) -> str:
    line = raised.value.line()
    assert "\n" not in line
    assert raised.value.remedy
    return line


def too_many(most: int) -> Callable[[Body, Forward], Reply]:
    """Refuse ranges with more logs, as providers do."""

    def fault(body: Body, forward: Forward) -> Reply:
        answer = forward(body)
        if len(answer["result"]) > most:
            return said(body, error={"code": -32005, "message": f"query returned more than {most} results"})
        return said(body, result=answer["result"])

    return fault


def test_sync__node_gives_few_results_at_a_time__ranges_are_halved(
    stage: Stage, rpc_: FaultyRpc, database: str
) -> None:
    stage.play(random.Random(1), 600)
    rpc_.fault("eth_getLogs", too_many(120))
    done = stage.sync(database, stage.source(rpc_.url), policy=SyncPolicy(blocks=500))
    assert done.retries > 0
    stage.assert_same(database)


def test_sync__answers_that_are_long__are_not_read_to_their_end(
    stage: Stage, sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.play(random.Random(1), 600)
    monkeypatch.setattr("pyutils.index.source.LONGEST_ANSWER", 200_000)
    assert stage.sync(sqlite, policy=SyncPolicy(blocks=500)).retries > 0
    stage.assert_same(sqlite)
    stage.play(random.Random(1), 600)
    monkeypatch.setattr("pyutils.index.source.LONGEST_ANSWER", 2_000)
    with pytest.raises(AnswerTooLongError) as raised:
        stage.sync(sqlite)
    one_line(raised)


def test_sync__one_block_has_too_many_results__says_what_the_node_says(
    stage: Stage, rpc_: FaultyRpc, database: str
) -> None:
    stage.play(random.Random(1), 300)
    rpc_.fault("eth_getLogs", too_many(10))
    with pytest.raises(RpcError, match="query returned more than 10 results") as raised:
        stage.sync(database, stage.source(rpc_.url))
    one_line(raised)
    stage.assert_same(database, Store.at(database).state().block or 0)


def test_sync__node_cuts_off_now_and_then__goes_on(stage: Stage, rpc_: FaultyRpc, database: str) -> None:
    stage.play(random.Random(2), 400)
    rpc_.fault("eth_getLogs", dropped, times=1)
    stage.sync(database, stage.source(rpc_.url))
    stage.assert_same(database)


def test_sync__node_is_gone_in_the_middle__what_was_written_stands(
    stage: Stage, rpc_: FaultyRpc, database: str
) -> None:
    stage.play(random.Random(3), 400)
    served = 0

    def dying(body: Body, forward: Forward) -> Reply:
        nonlocal served
        served += 1
        return None if served > 6 else said(body, result=forward(body)["result"])

    rpc_.fault("eth_getLogs", dying)
    with pytest.raises(RpcUnreachableError) as raised:
        stage.sync(database, stage.source(rpc_.url), policy=SyncPolicy(blocks=2, most_blocks=2))
    one_line(raised)
    block = Store.at(database).state().block
    assert block is not None
    assert block < stage.head
    stage.assert_same(database, block)
    rpc_.heal()
    stage.sync(database, stage.source(rpc_.url))
    stage.assert_same(database)


def on_logs(change: Callable[[list[Any]], Any]) -> Callable[[Body, Forward], Reply]:
    return altered(lambda logs: change(logs) if logs else logs)


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda logs: [*logs, {**logs[0], "blockNumber": "0x7fffff"}], LyingNodeError, "gave one of block 8388607"),
        (lambda logs: [*logs, logs[-1]], LyingNodeError, "twice"),
        (lambda logs: [*logs, {**logs[0], "address": "0x" + "99" * 20, "logIndex": "0xfff"}], LyingNodeError, "0x9999"),
        (lambda logs: [{**logs[0], "blockHash": "0x" + "00" * 32}, *logs[1:]], ChangedWhileReadError, "two blocks"),
        (lambda logs: [{**logs[0], "removed": True}, *logs[1:]], ChangedWhileReadError, "taken back"),
        (lambda logs: [{name: logs[0][name] for name in ("address", "topics")}], LyingNodeError, "lacks members"),
        (lambda logs: [{**logs[0], "blockNumber": 7}], LyingNodeError, "none that can be read"),
        (lambda _: ["0x"], LyingNodeError, "none that can be read"),
        (lambda _: "0x", LyingNodeError, "no list"),
        (lambda logs: [{**logs[0], "topics": ["0x" + "07" * 32]}, *logs[1:]], UnindexableLogError, "has no event"),
        (lambda logs: [{**logs[0], "data": logs[0]["data"] + "00"}, *logs[1:]], UnindexableLogError, "of block"),
    ],
)
def test_sync__node_lies_about_logs__is_not_believed(
    stage: Stage, rpc_: FaultyRpc, sqlite: str, change: Any, kind: type[GpuRwaError], words: str
) -> None:
    before = stage.sync(sqlite, to=stage.head - 2).state
    stage.play(random.Random(4), 30)
    rpc_.fault("eth_getLogs", on_logs(change))
    with pytest.raises(kind) as raised:
        stage.sync(sqlite, stage.source(rpc_.url), policy=SyncPolicy(blocks=100))
    assert words in one_line(raised)
    assert Store.at(sqlite).state() == before
    stage.sync(sqlite)
    stage.assert_same(sqlite)


@pytest.mark.parametrize("fault", [garbage(), garbage(b"[1]"), garbage(b"[]"), garbage(b'{"id": 1}')])
def test_sync__node_talks_nonsense__says_so(stage: Stage, rpc_: FaultyRpc, sqlite: str, fault: Any) -> None:
    rpc_.fault("eth_getLogs", fault)
    with pytest.raises(GpuRwaError) as raised:
        stage.sync(sqlite, stage.source(rpc_.url))
    one_line(raised)


def test_sync__node_gives_another_block_than_asked__is_not_believed(stage: Stage, rpc_: FaultyRpc, sqlite: str) -> None:
    stage.sync(sqlite, to=stage.head - 2)
    rpc_.fault("eth_getBlockByNumber", altered(lambda block: {**block, "number": "0x1"} if block else block))
    with pytest.raises(GpuRwaError) as raised:
        stage.sync(sqlite, stage.source(rpc_.url))
    one_line(raised)


def test_sync__node_that_pruned_its_history__says_which_blocks(stage: Stage, rpc_: FaultyRpc, database: str) -> None:
    rpc_.fault("eth_getLogs", error("History has been pruned for this block", code=4444))
    with pytest.raises(PrunedHistoryError, match=r"blocks \d+ to \d+: History has been pruned") as raised:
        stage.sync(database, stage.source(rpc_.url))
    assert "--rpc" in one_line(raised)
    stage.sync(database)
    stage.assert_same(database)


def test_sync__node_that_lags_behind_itself__is_asked_again(stage: Stage, rpc_: FaultyRpc, sqlite: str) -> None:
    stage.play(random.Random(5), 100)
    head = hex(stage.head)
    missing = iter([True, True])

    def lagging(body: Body, forward: Forward) -> Reply:
        if body["params"][0] == head and next(missing, False):
            return said(body, result=None)
        return said(body, result=forward(body)["result"])

    rpc_.fault("eth_getBlockByNumber", lagging)
    done = stage.sync(sqlite, stage.source(rpc_.url))
    assert done.retries > 0
    stage.assert_same(sqlite)


def test_sync__two_at_once__the_second_says_so(stage: Stage, database: str) -> None:
    stage.sync(database, to=stage.head - 3)
    with Store.at(database, writes=True).writing():
        with pytest.raises(IndexBusyError, match="another sync writes to") as raised:
            stage.sync(database)
        one_line(raised)
        with stage.open(database) as index:
            assert index.state.block == stage.head - 3
    stage.sync(database)
    stage.assert_same(database)


MORTAL = """
import sys
from pyutils.chain import connect
from pyutils.index import Store, SyncPolicy, sync
from pyutils.index.source import bulk_source
from pyutils.manifest import read_manifest
from pathlib import Path
url, rpc, manifest = sys.argv[1:]
print("begins", flush=True)
sync(Store.at(url, writes=True), bulk_source([rpc], 31337), read_manifest(Path(manifest)),
     policy=SyncPolicy(blocks=1, most_blocks=1), on_progress=lambda p: print(p.state.block, flush=True))
print("ends", flush=True)
"""


@pytest.mark.slow
def test_sync__killed_in_mid_batch_again_and_again__loses_and_doubles_nothing(
    stage: Stage, database: str, tmp_path: Path
) -> None:
    dice = random.Random(6)
    stage.play(dice, 3_000)
    stage.manifest.write(tmp_path / "devnet.json")
    command = [sys.executable, "-c", MORTAL, database, stage.url, str(tmp_path / "devnet.json")]
    kills = 0
    while True:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "begins\n"
            child.stdout.readline()
            time.sleep(dice.random() * 0.4)
            child.send_signal(signal.SIGKILL)
            rest = child.stdout.read()
        if "ends" in rest:
            break
        kills += 1
        store = Store.at(database)
        block = store.state().block
        if block is not None:
            stage.assert_same(database, block)
        if kills == 12:
            stage.sync(database, policy=SyncPolicy())
            break
    assert kills >= 3
    stage.assert_same(database)


def test_sync__database_is_full__nothing_of_the_batch_is_there(stage: Stage, sqlite: str) -> None:
    before = stage.sync(sqlite).state
    stage.play(random.Random(7), 2_000)
    store = Store.at(sqlite, writes=True)

    @sqlalchemy.event.listens_for(store.engine, "connect")
    def fill(connection: Any, record: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    with pytest.raises(DatabaseError, match="database or disk is full") as raised:
        sync(store, stage.source(), stage.manifest, policy=SyncPolicy(blocks=10_000))
    assert sqlite.removeprefix("sqlite:///") in one_line(raised)
    assert Store.at(sqlite).state() == before
    stage.sync(sqlite)
    stage.assert_same(sqlite)


def test_sync__somebody_holds_the_database__says_so(
    stage: Stage, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyutils.index.engine.BUSY_S", 1)
    before = stage.sync(database, to=stage.head - 3).state
    holder = sqlalchemy.create_engine(database)
    with holder.connect() as connection:
        if holder.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN EXCLUSIVE")
        else:
            connection.exec_driver_sql("LOCK TABLE blocks IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseError, match="lock") as raised:
            stage.sync(database)
        one_line(raised)
        connection.rollback()
    holder.dispose()
    assert Store.at(database).state() == before
    stage.sync(database)
    stage.assert_same(database)


@pytest.mark.slow
def test_sync__server_that_drops_everybody__says_so_and_keeps_what_was_whole(stage: Stage, postgres: str) -> None:
    stage.play(random.Random(12), 400)
    url = sqlalchemy.make_url(postgres)
    boss = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with boss.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE dropped")
        told: list[Progress] = []

        database = url.set(database="dropped").render_as_string(hide_password=False)
        store = Store.at(database, writes=True)
        stolen: list[Any] = []

        @sqlalchemy.event.listens_for(store.engine, "begin")
        def drop_once(begun: Any) -> None:
            if len(told) == 4 and not stolen:
                stolen.append(begun)
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'dropped'"
                )

        with pytest.raises(DatabaseError) as raised:
            sync(store, stage.source(), stage.manifest, policy=SHORT, on_progress=told.append)
        one_line(raised)
    boss.dispose()
    block = Store.at(database).state().block
    assert block == told[-1].state.block
    stage.assert_same(database, block)
    stage.sync(database)
    stage.assert_same(database)


def test_sync__file_that_is_no_database__says_so(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    path.write_bytes(b"this is no database, and never was one\n" * 100)
    with pytest.raises(DatabaseError, match="not a database") as raised:
        stage.sync(f"sqlite:///{path}")
    one_line(raised)


def test_sync__folder_that_cannot_be_written__says_so(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError, match="cannot be made") as raised:
        stage.sync(f"sqlite:///{tmp_path / 'file' / 'index.sqlite'}")
    one_line(raised)


def test_sync__server_that_is_not_there__says_so(stage: Stage, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError) as raised:
        stage.sync(f"postgresql+psycopg://nobody:secret@/index?host={tmp_path}")
    assert "secret" not in one_line(raised)


def test_sync__contract_that_nobody_knows__says_so_before_anything_is_made(stage: Stage, sqlite: str) -> None:
    contracts = {**stage.manifest.contracts, "LeaseBank": stage.manifest.contracts["LeaseBook"]}
    other = Stage(stage.url, stage.web3, stage.manifest.model_copy(update={"contracts": contracts}))
    with pytest.raises(UnknownKindError, match="names LeaseBank, which is unknown") as raised:
        other.sync(sqlite)
    one_line(raised)
    assert not Path(sqlite.removeprefix("sqlite:///")).exists()


def test_sync__index_of_another_deployment_or_version__is_left_alone(
    stage: Stage, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.sync(database, policy=SHORT)
    book = stage.manifest.contracts["LeaseBook"]
    contracts = {**stage.manifest.contracts, "FleetRegistry": book}
    other = Stage(stage.url, stage.web3, stage.manifest.model_copy(update={"contracts": contracts}))
    with pytest.raises(OtherIndexError, match="is the index of FleetRegistry 0x") as raised:
        other.sync(database)
    one_line(raised)
    monkeypatch.setattr("pyutils.index.store.fingerprint", lambda: "another")
    with pytest.raises(OtherIndexError, match="was made for other contracts"):
        stage.sync(database)
    monkeypatch.undo()
    stage.assert_same(database)


@pytest.mark.parametrize(
    ("fault", "refused"), [(error("too many requests", -32_005), True), (error("execution reverted", 3), False)]
)
def test_sync__node_does_not_say_in_which_coin_shares_pay__nothing_is_left_out(
    stage: Stage, rpc_: FaultyRpc, sqlite: str, fault: Any, refused: bool
) -> None:
    stage.play(random.Random(1), 600)
    rpc_.fault("eth_call", fault)
    if refused:
        with pytest.raises(RpcError, match="too many requests"):
            stage.sync(sqlite, stage.source(rpc_.url))
        rpc_.heal()
    stage.sync(sqlite, stage.source(rpc_.url))
    stage.assert_same(sqlite)
