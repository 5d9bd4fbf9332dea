"""An index is what an independent reader makes of the raw logs, however it came to be."""

from __future__ import annotations

import random

import pytest

from pyutils.chain import rpc
from pyutils.chain.rpc import RpcError
from pyutils.index import Store, SyncPolicy
from pyutils.index.errors import BehindError, FinalizedReorgError, IndexingError
from pyutils.index.store import Identity
from pyutils.manifest import CreditMarket
from pyutils.operations.history import Event

from .histories import ACCOUNTS, SHARES, addresses_of, log_of, naive_events
from .stage import Stage


def naive_balances(events: list[tuple[str, str, Event]], kind: str, address: str) -> dict[str, int]:
    """Add transfers up, one by one, from events that were decoded one by one."""
    held: dict[str, int] = {}
    for label, contract, event in events:
        if label == f"{kind}.Transfer" and contract == address.lower():
            arguments = event.arguments
            held[arguments["from"]] = held.get(arguments["from"], 0) - arguments["value"]
            held[arguments["to"]] = held.get(arguments["to"], 0) + arguments["value"]
    held.pop(ACCOUNTS[0], None)
    return {holder: amount for holder, amount in held.items() if amount}


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_sync__random_history_with_reorgs__equals_a_naive_recomputation(stage: Stage, database: str, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(4):
        stage.play(dice, 2_500)
        stage.mine(70)  # what is below is final now, and cannot be taken back
        stage.sync(database)
        snapshot = rpc.request(stage.web3, "evm_snapshot")
        stage.play(dice, 200)
        stage.sync(database)
        rpc.request(stage.web3, "evm_revert", snapshot)
        stage.play(dice, dice.choice([150, 250]))
        done = stage.sync(database)
        assert done.rolled_back > 0
        assert done.state.block == stage.head
    assert stage.assert_same(database) > 10_000
    events = naive_events(stage.web3, stage.manifest)
    with stage.open(database) as index:
        tokens = [("FleetShares", address) for address in SHARES]
        for kind, address in [*tokens, ("CreditVault", addresses_of(stage.manifest)["CreditVault"])]:
            held = {holder.lower(): amount for holder, amount in index.balances(kind, address).items()}
            assert held == naive_balances(events, kind, address)
            assert held


def test_sync__chain_that_became_shorter__forgets_what_is_gone(stage: Stage, database: str) -> None:
    snapshot = rpc.request(stage.web3, "evm_snapshot")
    before = stage.head
    stage.play(random.Random(4), 500)
    stage.sync(database)
    rpc.request(stage.web3, "evm_revert", snapshot)
    done = stage.sync(database)
    assert (done.state.block, stage.head) == (before, before)
    stage.assert_same(database)
    with stage.open(database) as index:
        assert index.contracts("FleetShares") == []


def test_sync__reorg_to_a_chain_of_empty_blocks__forgets_what_is_gone(stage: Stage, database: str) -> None:
    snapshot = rpc.request(stage.web3, "evm_snapshot")
    stage.play(random.Random(5), 500)
    stage.sync(database)
    head = stage.head
    rpc.request(stage.web3, "evm_revert", snapshot)
    stage.mine(head + 10 - stage.head)
    stage.sync(database)
    stage.assert_same(database)


def test_sync__piece_by_piece_and_again__equals_all_at_once(stage: Stage, database: str, sqlite: str) -> None:
    dice = random.Random(6)
    stage.play(dice, 800)
    first = stage.manifest.first_block
    for to in sorted(dice.sample(range(first, stage.head), 5)):
        assert stage.sync(database, to=to).state.block == to
        stage.assert_same(database, to)
    stage.sync(database)
    again = stage.sync(database)
    assert (again.blocks, again.events, again.rolled_back) == (0, 0, 0)
    stage.assert_same(database)
    stage.sync(sqlite.replace("index", "other"), policy=SyncPolicy())
    stage.assert_same(sqlite.replace("index", "other"))


def test_sync__before_anything_happened__is_empty_and_says_so(stage: Stage, sqlite: str) -> None:
    done = stage.sync(sqlite, to=0)
    assert (done.state.block, done.state.events) == (None, 0)
    with stage.open(sqlite) as index, pytest.raises(BehindError, match="is empty"):
        list(index.events("LeaseBook.Settle"))


def test_sync__shares_that_come_into_being__are_followed_from_their_first_log(stage: Stage, database: str) -> None:
    dice = random.Random(7)
    factory = addresses_of(stage.manifest)["FleetShareFactory"]
    early = log_of(dice, "FleetShares.Transfer", SHARES[0])
    creation = log_of(dice, "FleetShareFactory.CreateShares", factory, shares=SHARES[0])
    stage.emit([early, creation], dice, most=3)
    stage.mine(5)
    late = [log_of(dice, "FleetShares.Claim", SHARES[0]) for _ in range(3)]
    stage.emit(late, dice)
    stage.sync(database)
    with stage.open(database) as index:
        (shares,) = index.contracts("FleetShares")
        assert (shares.address.hex(), shares.created) == (SHARES[0][2:], True)
        assert len(list(index.events("FleetShares.Claim", contract=SHARES[0]))) == 3
    stage.assert_same(database)


def test_sync__market_that_was_added_to_the_record__is_read_from_its_beginning(stage: Stage, database: str) -> None:
    stage.play(random.Random(8), 400)
    without = stage.manifest.model_copy(update={"credit": ()})
    Stage(stage.url, stage.web3, without).sync(database)
    Stage(stage.url, stage.web3, without).assert_same(database)
    stage.sync(database)
    stage.assert_same(database)
    (market,) = stage.manifest.credit
    later = CreditMarket(token=market.token, contracts=dict(market.contracts))
    again = Stage(stage.url, stage.web3, stage.manifest.model_copy(update={"credit": (later,)}))
    assert again.sync(database).blocks == 0


def test_sync__final_blocks__are_told_and_never_taken_back(stage: Stage, database: str) -> None:
    snapshot = rpc.request(stage.web3, "evm_snapshot")
    stage.play(random.Random(9), 300)
    stage.mine(100)
    state = stage.sync(database).state
    final = rpc.request(stage.web3, "eth_getBlockByNumber", "finalized", False)
    assert state.finalized_block == int(final["number"], 16)
    assert state.finalized_hash == bytes.fromhex(final["hash"][2:])
    rpc.request(stage.web3, "evm_revert", snapshot)
    with pytest.raises(FinalizedReorgError, match="its newest block is"):
        stage.sync(database)
    stage.mine(200)
    with pytest.raises(FinalizedReorgError, match="is another one"):
        stage.sync(database)
    with stage.open(database) as index:
        assert index.state == state


def test_sync__ranges__grow_and_shrink_with_what_is_in_them(stage: Stage, sqlite: str) -> None:
    asked: list[tuple[int, int]] = []
    source = stage.source()
    post = source.make_batch_request

    def watched(requests: object) -> object:
        for method, params in requests:  # type: ignore[attr-defined]
            if method == "eth_getLogs":
                asked.append((int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)))
        return post(requests)  # type: ignore[arg-type]

    source.make_batch_request = watched  # type: ignore[method-assign, assignment]
    stage.sync(sqlite)
    stage.mine(130)
    stage.play(random.Random(10), 4_000, most=40)
    stage.sync(sqlite, source, policy=SyncPolicy(blocks=4, most_events=100))
    lengths = [last - first + 1 for first, last in dict.fromkeys(asked)]
    assert lengths[:4] == [4, 8, 16, 32]
    assert max(lengths) >= 64
    assert min(lengths[lengths.index(max(lengths)) : -1]) <= 16
    stage.assert_same(sqlite)


def test_store__state_that_is_not_the_writers__is_not_written(stage: Stage, database: str) -> None:
    stage.play(random.Random(11), 100)
    stale = stage.sync(database, to=stage.head - 3).state
    stage.sync(database)
    store = Store.at(database, writes=True)
    with pytest.raises(IndexingError, match="another sync wrote"):
        store.roll_back(stale, None)
    stage.assert_same(database)
    with pytest.raises(IndexingError, match="another sync wrote"):
        store.roll_back(stale, None)
    assert store.state(Identity(stage.manifest.chain_id, stale.identity.registry)).block == stage.head


def test_sync__node_without_finality__has_no_watermark(stage: Stage, sqlite: str) -> None:
    source = stage.source()
    post = source.make_batch_request

    def without(requests: object) -> object:
        if requests[0][1][:1] == ["finalized"]:  # type: ignore[index]
            raise RpcError("eth_getBlockByNumber", "unknown tag")
        return post(requests)  # type: ignore[arg-type]

    source.make_batch_request = without  # type: ignore[method-assign, assignment]
    assert stage.sync(sqlite, source).state.finalized_block is None
