"""What chains and nodes do to a lane: reorgs of any depth, dropped bytes, fee spikes, rivals, and pools' own words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from web3 import Web3

from pyutils.anvil import Anvil
from pyutils.chain import (
    Agreement,
    FailedOnChainError,
    FeeCapError,
    Form,
    InsufficientFundsError,
    Lane,
    LanePolicy,
    LocalSigner,
    Progress,
    RevertedError,
    RpcError,
    RpcPolicy,
    Sent,
    Stage,
    TransactionTimeoutError,
    agreed_web3,
    connect,
    inclusion,
    rpc,
)
from pyutils.chain.fees import market_fees, raised_fees
from pyutils.chain.pool import Verdict, verdict_of
from pyutils.contracts import Stablecoin, System
from pyutils.contracts.base import encode_call
from pyutils.devnet import ACCOUNTS, CHAIN_ID, account

if TYPE_CHECKING:
    from tests import faulty_rpc as faulty
else:
    # pytest puts this folder on the path, not the one above it.
    import faulty_rpc as faulty

GWEI = 10**9
DEEP = LanePolicy(timeout_s=5, poll_s=0.05, confirmations=100)
HASTY = LanePolicy(timeout_s=5, poll_s=0.05, replace_after_s=0)
NOWHERE = "0x" + "00" * 19 + "99"


@pytest.fixture
def sender() -> LocalSigner:
    return account("investor-1")


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web3]:
    """Return a chain of the test's own, with more blocks than any reorg here is deep."""
    with Anvil.start(tmp_path_factory.mktemp("fresh") / "anvil.log", arguments=("--accounts", str(ACCOUNTS))) as chain:
        web3 = connect([chain.url], CHAIN_ID)
        mine(web3, 80)
        yield web3


@pytest.fixture
def by_hand(web3: Web3) -> Iterator[None]:
    """Mine no block unless the test does."""
    rpc.request(web3, "evm_setAutomine", False)
    yield
    rpc.request(web3, "anvil_dropAllTransactions")
    rpc.request(web3, "evm_setAutomine", True)


@pytest.fixture
def endpoint(anvil: Anvil, web3: Web3) -> Iterator[faulty.FaultyRpc]:
    with faulty.FaultyRpc(anvil.url) as running:
        yield running


def mine(web3: Web3, blocks: int = 1) -> None:
    rpc.request(web3, "anvil_mine", hex(blocks))


def balance(web3: Web3, holder: str = NOWHERE) -> int:
    return int(rpc.request(web3, "eth_getBalance", holder, "latest"), 16)


def base_fee(web3: Web3) -> int:
    return int(rpc.request(web3, "eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)


def is_included(lane: Lane, sent: Sent) -> Progress:
    progress = lane.step(sent)
    deadline = time.monotonic() + 3
    while progress.stage is Stage.WAITING and time.monotonic() < deadline:
        # anvil mines a moment after it accepted, and counts a nonce a moment before it has the receipt.
        progress = lane.step(sent)
    assert progress.stage is Stage.INCLUDED
    assert progress.receipt is not None
    return progress


# Reorgs


@pytest.mark.parametrize("depth", [1, 2, 5, 17, 64])
def test_step__reorg__goes_in_again_and_counts_once(fresh: Web3, sender: LocalSigner, depth: int) -> None:
    lane = Lane(fresh, sender, DEEP)
    sent = lane.send(NOWHERE, b"", value=7)
    mine(fresh, depth - 1)
    before = is_included(lane, sent)
    assert before.depth == depth - 1

    rpc.request(fresh, "anvil_reorg", depth, [])
    assert balance(fresh) == 0
    assert lane.step(sent).stage is Stage.WAITING
    after = is_included(lane, sent)
    assert before.receipt is not None
    assert after.receipt is not None
    assert after.receipt.block_hash != before.receipt.block_hash
    assert after.receipt.transaction_hash == before.receipt.transaction_hash
    assert inclusion.depth_of(fresh, before.receipt) == -1
    mine(fresh, 100)
    assert lane.step(sent).settled
    assert balance(fresh) == 7


@pytest.mark.parametrize("depth", [1, 2, 5, 17, 64])
def test_step__chain_is_taken_back_to_a_snapshot__goes_in_again(web3: Web3, sender: LocalSigner, depth: int) -> None:
    fork = rpc.request(web3, "evm_snapshot")
    lane = Lane(web3, sender, DEEP)
    sent = lane.send(NOWHERE, b"", value=7)
    mine(web3, depth - 1)
    is_included(lane, sent)
    rpc.request(web3, "evm_revert", fork)
    mine(web3, depth + 1)
    assert lane.step(sent).stage is Stage.WAITING
    is_included(lane, sent)
    assert balance(web3) == 7


def test_step__reorg_below_two_nonces__both_go_in_again_in_order(fresh: Web3, sender: LocalSigner) -> None:
    lane = Lane(fresh, sender, DEEP)
    both = [lane.send(NOWHERE, b"", value=value) for value in (1, 2)]
    for sent in both:
        is_included(lane, sent)
    rpc.request(fresh, "anvil_reorg", 5, [])
    for sent in reversed(both):
        assert lane.step(sent).stage is Stage.WAITING
    assert [is_included(lane, sent).stage for sent in both] == [Stage.INCLUDED] * 2
    assert balance(fresh) == 3


def test_step__reorg_takes_out_the_older_form__the_newest_goes_in(fresh: Web3, sender: LocalSigner) -> None:
    lane = Lane(fresh, sender, LanePolicy(confirmations=100, replace_after_s=0))
    rpc.request(fresh, "evm_setAutomine", False)
    sent = lane.send(NOWHERE, b"", value=7)
    lane.step(sent)
    rpc.request(fresh, "anvil_dropTransaction", sent.hash)
    rpc.request(fresh, "eth_sendRawTransaction", "0x" + sent.forms[0].raw.hex())
    mine(fresh)
    assert is_included(lane, sent).form is sent.forms[0]
    rpc.request(fresh, "anvil_reorg", 1, [])
    lane.step(sent)
    mine(fresh)
    assert is_included(lane, sent).form is sent.forms[-1]
    assert balance(fresh) == 7


@pytest.mark.parametrize("depth", [1, 17, 63])
def test_step__finality_by_tag__waits_for_the_final_block(fresh: Web3, sender: LocalSigner, depth: int) -> None:
    lane = Lane(fresh, sender, LanePolicy(finality=True))
    sent = lane.send(NOWHERE, b"", value=7)
    mine(fresh, depth)
    assert not is_included(lane, sent).settled
    mine(fresh, 64 - depth)
    progress = lane.step(sent)
    assert (progress.stage, progress.depth, progress.settled) == (Stage.FINAL, 64, True)


@pytest.mark.parametrize("answer", [faulty.result(None), faulty.error("invalid block tag", -32602)])
def test_step__no_final_tag__is_final_by_depth(
    endpoint: faulty.FaultyRpc, sender: LocalSigner, answer: faulty.Fault
) -> None:
    endpoint.fault("eth_getBlockByNumber", faulty.for_block("finalized", answer))
    web3 = connect([endpoint.url], CHAIN_ID)
    lane = Lane(web3, sender, LanePolicy(finality=True, confirmations=3))
    sent = lane.send(NOWHERE, b"", value=7)
    mine(web3, 2)
    is_included(lane, sent)
    mine(web3)
    assert lane.step(sent).settled


# Pools that forget, and fees


def test_step__pool_dropped_it__the_same_bytes_go_again(by_hand: None, web3: Web3, sender: LocalSigner) -> None:
    lane = Lane(web3, sender, DEEP)
    sent = lane.send(NOWHERE, b"", value=7)
    for _ in range(3):
        rpc.request(web3, "anvil_dropTransaction", sent.hash)
        assert lane.step(sent).stage is Stage.WAITING
    mine(web3)
    is_included(lane, sent)
    assert len(sent.forms) == 1


def test_step__base_fee_spikes__fees_follow_and_it_gets_in(fresh: Web3, sender: LocalSigner) -> None:
    rpc.request(fresh, "evm_setAutomine", False)
    lane = Lane(fresh, sender, HASTY)
    sent = lane.send(NOWHERE, b"", value=7)
    spike = 40 * sent.transaction["maxFeePerGas"]
    rpc.request(fresh, "anvil_setNextBlockBaseFeePerGas", hex(spike))
    mine(fresh)
    assert balance(fresh) == 0
    assert lane.step(sent).stage is Stage.WAITING
    assert sent.transaction["maxFeePerGas"] >= 2 * base_fee(fresh) == 2 * spike
    mine(fresh)
    assert lane.step(sent).settled
    assert len(sent.forms) == 2
    assert balance(fresh) == 7


def test_step__base_fee_above_the_cap__is_stuck_with_its_nonce_until_fees_fall(
    fresh: Web3, sender: LocalSigner
) -> None:
    rpc.request(fresh, "evm_setAutomine", False)
    lane = Lane(fresh, sender, LanePolicy(max_fee_per_gas=20 * GWEI, replace_after_s=0))
    sent = lane.send(NOWHERE, b"", value=7)
    rpc.request(fresh, "anvil_setNextBlockBaseFeePerGas", hex(30 * GWEI))
    mine(fresh)
    for _ in range(3):
        progress = lane.step(sent)
        assert progress.stage is Stage.STUCK
        assert (
            progress.reason
            == f"transaction: the chain asks {31 * GWEI} wei per gas, the limit is {20 * GWEI} wei per gas"
        )
    assert len(sent.forms) == 1
    with pytest.raises(FeeCapError):
        lane.prepare(NOWHERE, b"", value=8)
    assert lane.outstanding == (sent,)

    rpc.request(fresh, "anvil_setNextBlockBaseFeePerGas", hex(15 * GWEI))
    mine(fresh)
    assert lane.step(sent).stage is Stage.WAITING
    assert sent.transaction["maxFeePerGas"] == 20 * GWEI
    mine(fresh)
    assert lane.step(sent).settled
    assert balance(fresh) == 7


def test_step__replaced_again_and_again__no_form_exceeds_the_budget(
    by_hand: None, web3: Web3, sender: LocalSigner
) -> None:
    budget = 200_000 * GWEI
    lane = Lane(web3, sender, LanePolicy(budget_wei=budget, replace_after_s=0))
    sent = lane.send(NOWHERE, b"", value=7)
    while (progress := lane.step(sent)).stage is Stage.WAITING:
        assert len(sent.forms) < 30
    assert progress.stage is Stage.STUCK
    assert f"the limit is {budget} wei" in progress.reason
    costs = [form.transaction["maxFeePerGas"] * form.transaction["gas"] for form in sent.forms]
    assert budget * 8 // 9 < costs[-1] <= budget
    for old, new in pairwise(costs):
        assert new * 8 >= old * 9
    # The last form is still good: a block takes it.
    mine(web3)
    assert lane.step(sent).settled
    assert lane.step(sent).receipt is not None


def test_wait__stuck__timeout_says_why(fresh: Web3, sender: LocalSigner) -> None:
    rpc.request(fresh, "evm_setAutomine", False)
    lane = Lane(fresh, sender, LanePolicy(max_fee_per_gas=20 * GWEI, replace_after_s=0, timeout_s=0.2, poll_s=0.05))
    sent = lane.send(NOWHERE, b"", value=7)
    rpc.request(fresh, "anvil_setNextBlockBaseFeePerGas", hex(30 * GWEI))
    mine(fresh)
    with pytest.raises(TransactionTimeoutError, match="is in no block after 0 s: transaction: the chain asks"):
        lane.wait(sent)
    assert lane.outstanding == (sent,)


def test_step__an_earlier_nonce_is_missing__fees_are_not_raised(by_hand: None, web3: Web3, sender: LocalSigner) -> None:
    lane = Lane(web3, sender, HASTY)
    first = lane.prepare(NOWHERE, b"", value=1)
    second = lane.send(NOWHERE, b"", value=2)
    progress = lane.step(second)
    assert (progress.stage, progress.reason) == (Stage.WAITING, f"nonce {first.nonce} comes first")
    assert len(second.forms) == 1


@pytest.mark.parametrize(
    ("old", "market", "new"),
    [
        ({"gasPrice": 8}, {}, {"gasPrice": 9}),
        ({"gasPrice": 9}, {"gasPrice": 30}, {"gasPrice": 30}),
        ({"maxFeePerGas": 9, "maxPriorityFeePerGas": 0}, {}, {"maxFeePerGas": 11, "maxPriorityFeePerGas": 1}),
        (
            {"maxFeePerGas": 100, "maxPriorityFeePerGas": 1},
            {"maxFeePerGas": 50, "maxPriorityFeePerGas": 7},
            {"maxFeePerGas": 113, "maxPriorityFeePerGas": 7},
        ),
    ],
)
def test_raised_fees__any__an_eighth_more_and_the_market(
    old: dict[str, int], market: dict[str, int], new: dict[str, int]
) -> None:
    assert raised_fees(old, market, LanePolicy(), "call", 21_000) == new


def test_market_fees__chain_without_base_fee__one_price(endpoint: faulty.FaultyRpc, sender: LocalSigner) -> None:
    def legacy(block: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in block.items() if name != "baseFeePerGas"}

    endpoint.fault("eth_getBlockByNumber", faulty.altered(legacy))
    web3 = connect([endpoint.url], CHAIN_ID)
    price = int(rpc.request(web3, "eth_gasPrice"), 16)
    assert market_fees(web3, LanePolicy(), "call", 21_000) == {"gasPrice": price}
    with pytest.raises(FeeCapError):
        market_fees(web3, LanePolicy(max_fee_per_gas=price - 1), "call", 21_000)
    assert Lane(web3, sender, HASTY).transact(NOWHERE, b"", value=7).succeeded


# Rivals


def test_step__another_process_took_the_nonce__is_said_and_a_reorg_takes_it_back(
    fresh: Web3, sender: LocalSigner
) -> None:
    lane, rival = (Lane(fresh, sender, LanePolicy(confirmations=3, poll_s=0)) for _ in range(2))
    rpc.request(fresh, "evm_setAutomine", False)
    sent = lane.send(NOWHERE, b"", value=7)
    rpc.request(fresh, "anvil_dropTransaction", sent.hash)
    rival.send(NOWHERE, b"", value=100)
    mine(fresh)
    stages = [lane.step(sent).stage for _ in range(3)]
    assert stages == [Stage.WAITING, Stage.WAITING, Stage.REPLACED]
    assert not lane.step(sent).settled

    rpc.request(fresh, "anvil_reorg", 1, [])
    rpc.request(fresh, "anvil_dropAllTransactions")
    assert lane.step(sent).stage is Stage.WAITING
    mine(fresh)
    is_included(lane, sent)
    assert balance(fresh) == 7


def test_step__another_process_took_the_nonce_for_good__is_settled(web3: Web3, sender: LocalSigner) -> None:
    lane, rival = (Lane(web3, sender, LanePolicy(confirmations=3, poll_s=0)) for _ in range(2))
    sent = lane.prepare(NOWHERE, b"", value=7)
    rival.send(NOWHERE, b"", value=100)
    mine(web3, 2)
    for _ in range(2):
        lane.step(sent)
    assert (lane.step(sent).stage, lane.step(sent).settled) == (Stage.REPLACED, False)
    mine(web3)
    assert lane.step(sent).settled


def test_step__nonce_is_counted_before_the_receipt_is_there__is_not_called_replaced(
    endpoint: faulty.FaultyRpc, sender: LocalSigner
) -> None:
    lane = Lane(connect([endpoint.url], CHAIN_ID), sender, LanePolicy(poll_s=0.3))
    sent = lane.send(NOWHERE, b"", value=7)
    endpoint.fault("eth_getTransactionReceipt", faulty.result(None))
    started = time.monotonic()
    while time.monotonic() - started < 0.25:
        assert lane.step(sent).stage is Stage.WAITING
    endpoint.heal()
    assert lane.step(sent).settled


# Nodes that lag, lie, and lose connections


def test_send__answer_is_lost__is_sent_once(endpoint: faulty.FaultyRpc, sender: LocalSigner) -> None:
    web3 = connect([endpoint.url], CHAIN_ID, RpcPolicy(timeout_s=1, pause_s=0.01))
    endpoint.fault("eth_sendRawTransaction", faulty.lost, times=1)
    assert Lane(web3, sender, HASTY).transact(NOWHERE, b"", value=7).succeeded
    assert endpoint.asked.count("eth_sendRawTransaction") == 2
    assert balance(web3) == 7


@pytest.mark.parametrize("fault", [faulty.status(429), faulty.dropped, faulty.garbage(), faulty.hang(1)])
def test_wait__endpoint_fails_for_a_while__goes_on(
    endpoint: faulty.FaultyRpc, sender: LocalSigner, fault: faulty.Fault
) -> None:
    web3 = connect([endpoint.url], CHAIN_ID, RpcPolicy(timeout_s=0.2, pause_s=0.01, rounds=4))
    lane = Lane(web3, sender, DEEP)
    sent = lane.send(NOWHERE, b"", value=7)
    endpoint.fault("*", fault, times=3)
    is_included(lane, sent)


def test_step__over_a_majority__liar_and_laggard_change_nothing(anvil: Anvil, web3: Web3, sender: LocalSigner) -> None:
    with (
        faulty.FaultyRpc(anvil.url) as liar,
        faulty.FaultyRpc(anvil.url) as other,
        faulty.FaultyRpc(anvil.url) as third,
    ):
        quick = RpcPolicy(timeout_s=1, rounds=3, pause_s=0.01)
        agreed = agreed_web3(Agreement([liar.url, other.url, third.url], CHAIN_ID, quick))
        lane = Lane(agreed, sender, LanePolicy(confirmations=2, replace_after_s=0))
        liar.fault("eth_getTransactionCount", faulty.result("0x7"))
        liar.fault("eth_getTransactionByHash", faulty.result(None))
        liar.fault(
            "eth_getBlockByNumber", faulty.altered(lambda block: block and block | {"baseFeePerGas": "0xffffffffffff"})
        )
        rpc.request(web3, "evm_setAutomine", False)
        sent = lane.send(NOWHERE, b"", value=7)
        assert sent.nonce == 0
        assert sent.transaction["maxFeePerGas"] < 100 * GWEI
        true = {"transactionHash": sent.hash, "blockNumber": "0x1", "blockHash": "0x" + "11" * 32, "gasUsed": "0x5208"}
        liar.fault("eth_getTransactionReceipt", faulty.result(true | {"status": "0x1", "logs": []}))
        assert lane.step(sent).stage is Stage.WAITING
        mine(web3)
        rpc.request(web3, "evm_setAutomine", True)
        assert is_included(lane, sent).depth == 0
        mine(web3, 2)
        other.lag(1)
        liar.heal()
        liar.lag(1)
        assert is_included(lane, sent).depth == 1
        other.heal()
        assert lane.step(sent).settled


# What was included and failed


@pytest.mark.parametrize(("gas", "error"), [(None, RevertedError), (30_000, FailedOnChainError)])
def test_failure__included_and_failed__says_why(
    system: System, by_hand: None, sender: LocalSigner, gas: int | None, error: type[Exception]
) -> None:
    web3, coin, lane = system.web3, system.coin(), Lane(system.web3, sender, DEEP)
    minted = lane.send(coin.address, encode_call(Stablecoin.NAME, "mint", sender.address, 10))
    mine(web3)
    assert lane.step(minted).stage is Stage.INCLUDED
    drain = encode_call(Stablecoin.NAME, "transfer", NOWHERE, 10)
    # Whoever is drained by an earlier nonce in the same block is refused; so is who has too little gas.
    first = lane.prepare(coin.address, drain, call="first")
    fields = dict(first.transaction) | {"nonce": first.nonce + (gas is None), "gas": gas or first.transaction["gas"]}
    second = Sent(fields["nonce"], [Form("second", fields, sender.sign_transaction(fields))])
    if gas is None:
        lane.broadcast(first)
    lane.broadcast(second)
    mine(web3)
    progress = lane.step(second)
    assert progress.receipt is not None
    assert progress.form is second.forms[0]
    assert not progress.receipt.succeeded
    why = inclusion.failure(web3, sender.address, progress.form, progress.receipt)
    assert isinstance(why, error)
    assert str(why).startswith("second: ")


# The words of pools


WORDS = {
    Verdict.ACCEPTED: {
        "geth": "already known",
        "nethermind": "AlreadyKnown",
        "erigon": "ALREADY_EXISTS: already known",
        "erigon, duplicate": "INTERNAL_ERROR: existing txn with same hash",
        "anvil": "transaction already imported",
        "besu": "Known transaction",
        "parity": "Transaction with the same hash was already imported.",
    },
    Verdict.SPENT: {
        "geth": "nonce too low: next nonce 5, tx nonce 4",
        "nethermind": "OldNonce, Current nonce: 5, nonce of rejected tx: 4",
        "erigon": "INTERNAL_ERROR: nonce too low",
        "anvil": "nonce too low",
        "parity": "Transaction nonce is too low. Try incrementing the nonce.",
    },
    Verdict.UNDERPRICED: {
        "geth": "replacement transaction underpriced",
        "geth, pool": "transaction underpriced: gas tip cap 0, minimum needed 1000000",
        "geth, base fee": "max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1, baseFee: 7",
        "nethermind": "ReplacementNotAllowed",
        "nethermind, pool": "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 7",
        "nethermind, full": "FeeTooLowToCompete",
        "erigon": "INTERNAL_ERROR: could not replace existing tx",
        "erigon, pool": "FEE_TOO_LOW: fee too low",
        "anvil": "replacement transaction underpriced",
        "anvil, base fee": "max fee per gas less than block base fee",
        "besu": "Transaction gas price below minimum",
    },
    Verdict.UNFUNDED: {
        "geth": "insufficient funds for gas * price + value: balance 0, tx cost 5, overshot 5",
        "nethermind": "InsufficientFunds, Account balance: 0, cumulative cost: 5",
        "erigon": "INTERNAL_ERROR: insufficient funds",
        "anvil": "Insufficient funds for gas * price + value",
    },
    Verdict.REFUSED: {"geth": "txpool is full", "anvil": "intrinsic gas too low", "anyone": ""},
}
ALL_WORDS = [
    pytest.param(verdict, text, id=f"{verdict}-{client}")
    for verdict, clients in WORDS.items()
    for client, text in clients.items()
]
Broadcast = Callable[[Lane, Sent], None]


@pytest.mark.parametrize(("verdict", "text"), ALL_WORDS)
def test_verdict_of__words_of_every_client__mean_one_thing(verdict: Verdict, text: str) -> None:
    assert verdict_of(text) is verdict


@pytest.mark.parametrize(("verdict", "text"), ALL_WORDS)
def test_send__first_offer_is_refused__nonce_is_free_unless_it_is_known(
    endpoint: faulty.FaultyRpc, sender: LocalSigner, verdict: Verdict, text: str
) -> None:
    web3 = connect([endpoint.url], CHAIN_ID)
    lane = Lane(web3, sender)
    nonce = int(rpc.request(web3, "eth_getTransactionCount", sender.address, "latest"), 16)
    endpoint.fault("eth_sendRawTransaction", faulty.error(text), times=1)
    if verdict is Verdict.ACCEPTED:
        sent = lane.send(NOWHERE, b"", value=7)
        assert lane.outstanding == (sent,)
        return
    with pytest.raises(InsufficientFundsError if verdict is Verdict.UNFUNDED else RpcError, match="eth_sendRaw"):
        lane.send(NOWHERE, b"", value=7)
    assert lane.outstanding == ()
    assert lane.send(NOWHERE, b"", value=7).nonce == nonce


@pytest.mark.parametrize(("verdict", "text"), ALL_WORDS)
def test_step__offer_is_refused__nothing_is_lost(
    by_hand: None, endpoint: faulty.FaultyRpc, web3: Web3, sender: LocalSigner, verdict: Verdict, text: str
) -> None:
    lane = Lane(connect([endpoint.url], CHAIN_ID), sender)
    sent = lane.prepare(NOWHERE, b"", value=7)
    endpoint.fault("eth_sendRawTransaction", faulty.error(text), times=1)
    progress = lane.step(sent)
    stuck = verdict in (Verdict.UNFUNDED, Verdict.REFUSED)
    assert progress.stage is (Stage.STUCK if stuck else Stage.WAITING)
    if verdict not in (Verdict.ACCEPTED, Verdict.SPENT):
        assert progress.reason == text
    lane.step(sent)
    mine(web3)
    assert lane.step(sent).settled
    assert len(sent.forms) == 1


@pytest.mark.parametrize(("verdict", "text"), ALL_WORDS)
def test_step__replacement_is_refused__older_form_still_gets_in(
    by_hand: None, endpoint: faulty.FaultyRpc, web3: Web3, sender: LocalSigner, verdict: Verdict, text: str
) -> None:
    lane = Lane(connect([endpoint.url], CHAIN_ID), sender, HASTY)
    sent = lane.send(NOWHERE, b"", value=7)
    endpoint.fault("eth_sendRawTransaction", faulty.error(text), times=1)
    progress = lane.step(sent)
    stuck = verdict in (Verdict.UNFUNDED, Verdict.REFUSED)
    assert progress.stage is (Stage.STUCK if stuck else Stage.WAITING)
    assert len(sent.forms) == 2
    mine(web3)
    progress = lane.step(sent)
    assert progress.settled
    assert progress.form is sent.forms[0]


def test_step__replacement_is_refused_as_too_cheap__the_next_pays_more(
    by_hand: None, endpoint: faulty.FaultyRpc, web3: Web3, sender: LocalSigner
) -> None:
    lane = Lane(connect([endpoint.url], CHAIN_ID), sender, HASTY)
    sent = lane.send(NOWHERE, b"", value=7)
    endpoint.fault("eth_sendRawTransaction", faulty.error("replacement transaction underpriced"), times=3)
    for _ in range(3):
        assert lane.step(sent).stage is Stage.WAITING
    mine(web3)
    progress = lane.step(sent)
    assert progress.form is sent.forms[-1]
    fees = [form.transaction["maxFeePerGas"] for form in sent.forms]
    assert fees == sorted(set(fees))


def test_step__refused_not_yet_lingering__waits_before_it_pays_more(
    by_hand: None, endpoint: faulty.FaultyRpc, sender: LocalSigner
) -> None:
    lane = Lane(connect([endpoint.url], CHAIN_ID), sender, LanePolicy(replace_after_s=0.3))
    sent = lane.prepare(NOWHERE, b"", value=7)
    endpoint.fault("eth_sendRawTransaction", faulty.error("transaction underpriced"))
    assert lane.step(sent).stage is Stage.WAITING
    assert len(sent.forms) == 1
    time.sleep(0.3)
    assert lane.step(sent).stage is Stage.WAITING
    assert len(sent.forms) == 2
    lane.step(sent)
    assert len(sent.forms) == 2
