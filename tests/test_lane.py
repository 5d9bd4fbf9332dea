"""The lane: nonces in order, replacement, resending, reorgs, and refusals that cost nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
from web3 import Web3

from pyutils.chain import (
    FeeCapError,
    Form,
    Lane,
    LanePolicy,
    ReplacedError,
    RevertedError,
    Sent,
    TransactionTimeoutError,
    inclusion,
    rpc,
)
from pyutils.chain.fees import market_fees
from pyutils.chain.signer import LocalSigner
from pyutils.contracts import Stablecoin, System
from pyutils.contracts.base import encode_call
from pyutils.devnet import CHAIN_ID, account
from pyutils.units import TokenUnits

QUICK = LanePolicy(timeout_s=5, poll_s=0.05)
NOWHERE = "0x" + "00" * 19 + "99"


@pytest.fixture
def sender() -> LocalSigner:
    return account("investor-1")


@contextmanager
def mining_stopped(web3: Web3) -> Iterator[None]:
    rpc.request(web3, "evm_setAutomine", False)
    try:
        yield
    finally:
        rpc.request(web3, "anvil_dropAllTransactions")
        rpc.request(web3, "evm_setAutomine", True)


@contextmanager
def meanwhile(seconds: float, action: object) -> Iterator[None]:
    timer = threading.Timer(seconds, action)  # type: ignore[arg-type]
    timer.start()
    try:
        yield
    finally:
        timer.join()


def transaction(web3: Web3, sent: Sent) -> dict[str, str]:
    found: dict[str, str] = rpc.request(web3, "eth_getTransactionByHash", sent.hash)
    return found


def test_transact__plain__is_included_with_1559_fees(web3: Web3, sender: LocalSigner) -> None:
    receipt = Lane(web3, sender, QUICK).transact(NOWHERE, b"", value=7)
    assert receipt.succeeded
    assert int(rpc.request(web3, "eth_getBalance", NOWHERE, "latest"), 16) == 7
    mined = rpc.request(web3, "eth_getTransactionByHash", receipt.hash)
    assert mined["type"] == "0x2"
    assert int(mined["maxFeePerGas"], 16) > int(mined["maxPriorityFeePerGas"], 16)


def test_transact__from_many_threads__every_nonce_once(web3: Web3, sender: LocalSigner) -> None:
    lane = Lane(web3, sender, QUICK)
    first = int(rpc.request(web3, "eth_getTransactionCount", sender.address, "latest"), 16)
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda _: lane.transact(NOWHERE, b"", value=1), range(24)))
    nonces = [int(rpc.request(web3, "eth_getTransactionByHash", receipt.hash)["nonce"], 16) for receipt in receipts]
    assert sorted(nonces) == list(range(first, first + 24))


def test_send__several_before_any_block__get_rising_nonces(web3: Web3, sender: LocalSigner) -> None:
    lane = Lane(web3, sender, QUICK)
    with mining_stopped(web3):
        sent = [lane.send(NOWHERE, b"", value=1) for _ in range(3)]
        assert [item.nonce for item in sent] == [sent[0].nonce + place for place in range(3)]
        rpc.request(web3, "evm_mine")
        assert [lane.wait(item).succeeded for item in reversed(sent)] == [True] * 3


def test_send__node_forgot_the_one_before__nonce_is_not_given_twice(web3: Web3, sender: LocalSigner) -> None:
    lane = Lane(web3, sender, QUICK)
    with mining_stopped(web3):
        first = lane.send(NOWHERE, b"", value=1)
        rpc.request(web3, "anvil_dropTransaction", first.hash)
        second = lane.send(NOWHERE, b"", value=2)
        assert second.nonce == first.nonce + 1
        with meanwhile(0.3, lambda: rpc.request(web3, "evm_mine")):
            assert lane.wait(first).succeeded
        assert lane.wait(second).succeeded


def test_send__contract_refuses__nothing_is_sent(system: System, web3: Web3, sender: LocalSigner) -> None:
    with pytest.raises(RevertedError) as refused:
        system.coin().transfer(Lane(web3, sender, QUICK), NOWHERE, TokenUnits(1))
    assert refused.value.name == "ERC20InsufficientBalance"
    assert refused.value.arguments["needed"] == 1
    assert str(refused.value).startswith("TestStablecoin.transfer: ")
    assert rpc.request(web3, "eth_getTransactionCount", sender.address, "pending") == "0x0"


def test_wait__contract_refuses_only_on_chain__error_is_decoded(
    system: System, web3: Web3, sender: LocalSigner
) -> None:
    coin, lane = system.coin(), Lane(web3, sender, QUICK)
    coin.mint(lane, sender.address, TokenUnits(10))
    drain = encode_call(Stablecoin.NAME, "transfer", NOWHERE, 10)
    with mining_stopped(web3):
        first = lane.send(coin.address, drain, call="first")
        # The lane's own preflight would see the first in the pending state: the second goes round it.
        fields = dict(first.transaction) | {"nonce": first.nonce + 1}
        second = Sent(first.nonce + 1, [Form("second", fields, sender.sign_transaction(fields))])
        lane.broadcast(second)
        rpc.request(web3, "evm_mine")
    assert lane.wait(first).succeeded
    with pytest.raises(RevertedError) as refused:
        lane.wait(second)
    assert refused.value.name == "ERC20InsufficientBalance"


def test_wait__lingering__is_replaced_at_fees_an_eighth_higher(web3: Web3, sender: LocalSigner) -> None:
    lane = Lane(web3, sender, LanePolicy(timeout_s=5, poll_s=0.02, replace_after_s=0.2))
    with mining_stopped(web3):
        sent = lane.send(NOWHERE, b"", value=3)
        before = transaction(web3, sent)
        with meanwhile(0.35, lambda: rpc.request(web3, "evm_mine")):
            receipt = lane.wait(sent)
    after = rpc.request(web3, "eth_getTransactionByHash", receipt.hash)
    assert len(sent.hashes) >= 2
    assert receipt.hash != before["hash"]
    for fee in ("maxFeePerGas", "maxPriorityFeePerGas"):
        assert int(after[fee], 16) * 8 >= int(before[fee], 16) * 9
    assert {name: after[name] for name in ("nonce", "to", "value", "input")} == {
        name: before[name] for name in ("nonce", "to", "value", "input")
    }


@pytest.mark.parametrize("limit", ["max_fee_per_gas", "budget_wei"])
def test_wait__replacement_breaks_the_limit__stays_as_it_is(web3: Web3, sender: LocalSigner, limit: str) -> None:
    fees = market_fees(web3, LanePolicy(), "probe", 26_250)
    most = fees["maxFeePerGas"] + 1
    value = most if limit == "max_fee_per_gas" else most * 26_250
    policy = replace(LanePolicy(timeout_s=0.6, poll_s=0.02, replace_after_s=0.1), **{limit: value})  # type: ignore[arg-type]
    lane = Lane(web3, sender, policy)
    with mining_stopped(web3):
        sent = lane.send(NOWHERE, b"", value=3)
        with pytest.raises(TransactionTimeoutError, match="is in no block"):
            lane.wait(sent)
        assert len(sent.hashes) == 1


def test_send__fees_above_the_cap__nothing_is_sent(web3: Web3, sender: LocalSigner) -> None:
    for policy in (LanePolicy(max_fee_per_gas=1), LanePolicy(budget_wei=1)):
        with pytest.raises(FeeCapError):
            Lane(web3, sender, policy).send(NOWHERE, b"")
    assert rpc.request(web3, "eth_getTransactionCount", sender.address, "pending") == "0x0"


def test_wait__node_forgot_it__the_same_bytes_go_again(web3: Web3, sender: LocalSigner) -> None:
    lane = Lane(web3, sender, QUICK)
    with mining_stopped(web3):
        sent = lane.send(NOWHERE, b"", value=4)
        rpc.request(web3, "anvil_dropTransaction", sent.hash)
        assert transaction(web3, sent) is None
        with meanwhile(0.3, lambda: rpc.request(web3, "evm_mine")):
            assert lane.wait(sent).succeeded
    assert len(sent.hashes) == 1


def test_wait__another_transaction_takes_the_nonce__is_said(web3: Web3, sender: LocalSigner) -> None:
    lane, other = Lane(web3, sender, QUICK), Lane(web3, sender, QUICK)
    with mining_stopped(web3):
        sent = lane.send(NOWHERE, b"", value=5)
        rpc.request(web3, "anvil_dropTransaction", sent.hash)
        rival = other.send(NOWHERE, b"", value=6)
        assert rival.nonce == sent.nonce
        rpc.request(web3, "evm_mine")
        with pytest.raises(ReplacedError, match=f"took nonce {sent.nonce}"):
            lane.wait(sent)
    assert lane.transact(NOWHERE, b"", value=7).succeeded


def test_wait__reorg_takes_it_out__goes_in_again(web3: Web3, sender: LocalSigner) -> None:
    lane = Lane(web3, sender, LanePolicy(timeout_s=5, poll_s=0.05, confirmations=2))
    fork = rpc.request(web3, "evm_snapshot")
    sent = lane.send(NOWHERE, b"", value=8)
    # anvil counts a nonce a moment before it has the receipt.
    found = None
    while found is None:
        found = inclusion.find(web3, sent)
    lost = found[1]
    assert lane.is_canonical(lost)

    def reorg() -> None:
        rpc.request(web3, "evm_revert", fork)
        rpc.request(web3, "evm_mine")

    def go_on() -> None:
        rpc.request(web3, "anvil_mine", "0x5")

    with meanwhile(0.2, reorg), meanwhile(0.8, go_on):
        receipt = lane.wait(sent)

    assert receipt.block_hash != lost.block_hash
    assert lane.is_canonical(receipt)
    assert not lane.is_canonical(lost)
    # A lagging node may still show the lost receipt: it counts for nothing.
    assert inclusion.depth_of(web3, lost) < 0
    assert int(rpc.request(web3, "eth_getBalance", NOWHERE, "latest"), 16) == 8


def test_wait__confirmations__are_waited_for(web3: Web3, sender: LocalSigner) -> None:
    lane = Lane(web3, sender, LanePolicy(timeout_s=0.3, poll_s=0.05, confirmations=3))
    sent = lane.send(NOWHERE, b"", value=1)
    with pytest.raises(TransactionTimeoutError, match="not deep enough"):
        lane.wait(sent)
    rpc.request(web3, "anvil_mine", "0x3")
    assert lane.wait(sent).succeeded


def test_lane__chain_id__is_signed_in(web3: Web3, sender: LocalSigner) -> None:
    sent = Lane(web3, sender, QUICK).send(NOWHERE, b"")
    assert sent.transaction["chainId"] == CHAIN_ID
