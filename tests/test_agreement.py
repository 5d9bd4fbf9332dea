"""Majorities over endpoints that lag, lie, hang, answer 429 or talk nonsense, all in front of one real anvil."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from web3 import Web3

from pyutils.anvil import Anvil
from pyutils.chain import (
    Agreement,
    AnvilClock,
    DisagreementError,
    Lane,
    LanePolicy,
    NoEndpointError,
    RevertedError,
    RpcError,
    RpcPolicy,
    RpcUnreachableError,
    WrongChainError,
    agreed_web3,
    rpc,
)
from pyutils.contracts import System
from pyutils.devnet import CHAIN_ID, account
from pyutils.units import TokenUnits

if TYPE_CHECKING:
    from tests import faulty_rpc as faulty
else:
    # pytest puts this folder on the path, not the one above it.
    import faulty_rpc as faulty

QUICK = RpcPolicy(timeout_s=0.5, connect_timeout_s=0.5, rounds=2, pause_s=0.01, longest_pause_s=0.02)
NOWHERE = "0x" + "00" * 19 + "99"

FAULTS: dict[str, faulty.Fault] = {
    "lies": faulty.result("0x1234"),
    "says nothing": faulty.result(None),
    "refuses": faulty.error("header not found"),
    "429": faulty.status(429),
    "503": faulty.status(503),
    "403": faulty.status(403),
    "no JSON": faulty.garbage(),
    "no text": faulty.garbage(b"\xff\xfe\x00"),
    "a list": faulty.garbage(b"[1, 2]"),
    "no result": faulty.garbage(b'{"jsonrpc": "2.0", "id": 1}'),
    "breaks off": faulty.dropped,
    "hangs": faulty.hang(1.5),
}


@pytest.fixture
def endpoints(anvil: Anvil, web3: Web3) -> Iterator[list[faulty.FaultyRpc]]:
    """Return three endpoints of the test process's chain, which has some blocks."""
    rpc.request(web3, "anvil_mine", "0x30")
    with ExitStack() as stack:
        yield [stack.enter_context(faulty.FaultyRpc(anvil.url)) for _ in range(3)]


@pytest.fixture
def agreement(endpoints: list[faulty.FaultyRpc]) -> Agreement:
    return Agreement([one.url for one in endpoints], CHAIN_ID, QUICK)


def head(web3: Web3) -> int:
    return int(rpc.request(web3, "eth_blockNumber"), 16)


def settled(count: Callable[[], int]) -> int:
    """Return a count once answers that come late are counted too."""
    deadline = time.monotonic() + 3
    while not count() and time.monotonic() < deadline:
        time.sleep(0.01)
    return count()


@pytest.mark.parametrize(("endpoints_", "majority"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)])
def test_agreement__so_many_endpoints__need_more_than_half(endpoints_: int, majority: int) -> None:
    assert Agreement([f"http://127.0.0.1:{place}" for place in range(endpoints_)], CHAIN_ID).majority == majority


def test_agreement__one_url_named_twice__has_one_vote(endpoints: list[faulty.FaultyRpc]) -> None:
    twice = Agreement([endpoints[0].url, endpoints[0].url, endpoints[1].url], CHAIN_ID, QUICK)
    assert (len(twice.urls), twice.majority) == (2, 2)
    with pytest.raises(NoEndpointError):
        Agreement([], CHAIN_ID)


@pytest.mark.parametrize("name", FAULTS)
def test_read__one_of_three_is_faulty__majority_answers_and_it_is_counted(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, web3: Web3, name: str
) -> None:
    one = endpoints[1]
    one.fault("eth_getBalance", FAULTS[name])
    operator = account("operator-a").address
    expected = rpc.request(web3, "eth_getBalance", operator, "latest")
    started = time.monotonic()
    assert agreement.read("eth_getBalance", operator, hex(head(web3))) == expected
    assert time.monotonic() - started < 0.4

    count = agreement.disagreements if name == "lies" else agreement.failures
    assert settled(lambda: count[one.url]) == 1
    assert sum(agreement.disagreements.values()) + sum(agreement.failures.values()) == 1


@pytest.mark.parametrize("name", FAULTS)
def test_read__one_of_two_is_faulty__nothing_is_believed(
    endpoints: list[faulty.FaultyRpc], web3: Web3, name: str
) -> None:
    endpoints[1].fault("eth_getBalance", FAULTS[name])
    two = Agreement([one.url for one in endpoints[:2]], CHAIN_ID, QUICK)
    wanted = DisagreementError if name in ("lies", "says nothing", "refuses") else RpcUnreachableError
    with pytest.raises(wanted) as refused:
        two.read("eth_getBalance", account("operator-a").address, hex(head(web3)))
    assert type(refused.value) is wanted
    assert endpoints[0].url in str(refused.value)
    assert endpoints[1].url in str(refused.value)
    assert two.failures[endpoints[0].url] == 0


def test_read__three_answers__error_names_who_said_what(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, web3: Web3
) -> None:
    for place, one in enumerate(endpoints):
        one.fault("eth_getCode", faulty.result(f"0x0{place}"))
    with pytest.raises(DisagreementError) as refused:
        agreement.read("eth_getCode", NOWHERE, hex(head(web3)))
    assert sorted(refused.value.said) == sorted((one.url, f"0x0{place}") for place, one in enumerate(endpoints))
    assert refused.value.message.startswith("eth_getCode: no majority of RPC endpoints agrees: ")
    assert all(one.asked.count("eth_getCode") == QUICK.rounds for one in endpoints)
    assert not sum(agreement.disagreements.values())


def test_read__disagreement_passes__is_asked_again(endpoints: list[faulty.FaultyRpc], agreement: Agreement) -> None:
    endpoints[0].fault("eth_getCode", faulty.result("0x01"), times=1)
    endpoints[1].fault("eth_getCode", faulty.result("0x02"), times=1)
    assert agreement.read("eth_getCode", NOWHERE, "0x1") == "0x"


def test_read__spelled_otherwise__is_the_same(
    endpoints: list[faulty.FaultyRpc], system: System, agreement: Agreement
) -> None:
    endpoints[0].fault("eth_getCode", faulty.altered(lambda code: code.upper().replace("X", "x")))
    endpoints[1].fault("eth_getBlockByNumber", faulty.altered(lambda block: {"totalDifficulty": "0x0", **block}))
    for _ in range(5):
        assert len(agreement.read("eth_getCode", system.oracle.address, "latest")) > 100
        assert "totalDifficulty" not in agreement.read("eth_getBlockByNumber", "0x1", False)
    assert not sum(agreement.disagreements.values())


def test_read__majority_is_on_another_chain__is_named(endpoints: list[faulty.FaultyRpc], agreement: Agreement) -> None:
    for one in endpoints[:2]:
        one.fault("eth_chainId", faulty.result("0x5"))
    with pytest.raises(WrongChainError, match=f"serves chain 5, not {CHAIN_ID}"):
        agreement.latest()


def test_read__one_is_on_another_chain__is_outvoted_and_asked_nothing_else(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, web3: Web3
) -> None:
    endpoints[2].fault("eth_chainId", faulty.result("0x5"))
    assert agreement.latest().number == head(web3)
    assert agreement.read("eth_getCode", NOWHERE, "0x1") == "0x"
    assert set(endpoints[2].asked) == {"eth_chainId"}
    assert settled(lambda: agreement.failures[endpoints[2].url])


def test_latest__one_lags__majority_s_block_and_it_is_counted(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, web3: Web3
) -> None:
    endpoints[0].lag(20)
    block = agreement.latest()
    expected = rpc.request(web3, "eth_getBlockByNumber", hex(head(web3)), False)
    assert (block.number, "0x" + block.hash.hex()) == (head(web3), expected["hash"])
    assert block.timestamp == int(expected["timestamp"], 16)
    assert agreement.failures[endpoints[0].url] == 1


def test_latest__two_lag__the_lower_block_is_agreed(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, web3: Web3
) -> None:
    endpoints[0].lag(3)
    endpoints[1].lag(5)
    assert agreement.latest().number == head(web3) - 3


@pytest.mark.parametrize("number", ["0x0", "0xffffffff"])
def test_latest__one_lies_about_the_height__is_outvoted(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, web3: Web3, number: str
) -> None:
    endpoints[0].fault("eth_getBlockByNumber", faulty.altered(lambda block: block and {**block, "number": number}))
    assert agreement.latest().number == head(web3)
    assert agreement.failures[endpoints[0].url] + agreement.disagreements[endpoints[0].url] == 1


def test_latest__one_hangs__is_not_waited_for_long(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, web3: Web3
) -> None:
    endpoints[2].fault("*", faulty.hang(1.5))
    started = time.monotonic()
    assert agreement.latest().number == head(web3)
    assert time.monotonic() - started < 1


def test_latest__tip_differs__the_newest_common_block(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, web3: Web3
) -> None:
    tip = head(web3)

    def forked(name: str, since: int) -> Callable[[Any], Any]:
        def change(block: Any) -> Any:
            return {**block, "hash": "0x" + name * 32} if int(block["number"], 16) > tip - since else block

        return change

    for one, name in zip(endpoints, ("aa", "bb", "cc"), strict=True):
        one.fault("eth_getBlockByNumber", faulty.altered(forked(name, 3)))
    block = agreement.latest()
    assert block.number == tip - 4
    assert "0x" + block.hash.hex() == rpc.request(web3, "eth_getBlockByNumber", hex(tip - 4), False)["hash"]


def test_latest__nothing_in_common__is_said(endpoints: list[faulty.FaultyRpc], agreement: Agreement) -> None:
    for place, one in enumerate(endpoints):
        lie = {"hash": f"0x{place:064x}"}
        one.fault("eth_getBlockByNumber", faulty.altered(lambda block, lie=lie: block | lie))  # type: ignore[misc]
    with pytest.raises(DisagreementError):
        agreement.latest()


@pytest.mark.parametrize(
    "answers", [[faulty.status(429)] * 2, [faulty.status(503), faulty.garbage()], [faulty.dropped, faulty.hang(1.5)]]
)
def test_latest__two_of_three_fail__one_alone_is_not_believed(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, answers: list[faulty.Fault]
) -> None:
    for one, fault in zip(endpoints, answers, strict=False):
        one.fault("*", fault)
    with pytest.raises(RpcUnreachableError) as failed:
        agreement.latest()
    assert all(one.url in str(failed.value) for one in endpoints[:2])


def test_finalized__majority_serves_the_tag__is_its_block(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, web3: Web3
) -> None:
    for one, number in zip(endpoints, ("0x5", "0x7", "0x29"), strict=True):
        one.fault("eth_getBlockByNumber", faulty.for_block("finalized", faulty.as_block(number)))
    assert agreement.finalized(4).number == 7


@pytest.mark.parametrize("fault", [faulty.result(None), faulty.error("unknown block tag", -32602)])
def test_finalized__no_majority_has_the_tag__is_by_depth(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, web3: Web3, fault: faulty.Fault
) -> None:
    for one in endpoints[:2]:
        one.fault("eth_getBlockByNumber", faulty.for_block("finalized", fault))
    assert agreement.finalized(4).number == head(web3) - 4
    assert agreement.finalized(10**9).number == 0


def test_finalized__nodes_do_not_answer__is_not_taken_for_a_missing_tag(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement
) -> None:
    for one in endpoints[:2]:
        one.fault("eth_getBlockByNumber", faulty.for_block("finalized", faulty.status(503)))
    with pytest.raises(RpcUnreachableError):
        agreement.finalized(4)


def test_nonce__one_lies__majority_counts(endpoints: list[faulty.FaultyRpc], agreement: Agreement, web3: Web3) -> None:
    sender = account("investor-1")
    Lane(web3, sender).transact(NOWHERE, b"", value=1)
    endpoints[1].fault("eth_getTransactionCount", faulty.result("0x63"))
    assert agreement.nonce(sender.address, head(web3)) == 1
    assert agreement.nonce(sender.address, head(web3) - 1) == 0


def test_read__hanging_endpoint__collects_no_threads(endpoints: list[faulty.FaultyRpc], agreement: Agreement) -> None:
    endpoints[0].fault("*", faulty.hang(1.5))
    for _ in range(150):
        assert agreement.read("eth_getCode", NOWHERE, "0x1") == "0x"
    assert sum(thread.name == "rpc panel" for thread in threading.enumerate()) <= 64 + 2
    assert settled(lambda: agreement.failures[endpoints[0].url]) > 50


def test_read__many_at_once__all_are_answered(endpoints: list[faulty.FaultyRpc]) -> None:
    agreement = Agreement([one.url for one in endpoints], CHAIN_ID, RpcPolicy(timeout_s=20, rounds=1))
    with ThreadPoolExecutor(40) as pool:
        codes = list(pool.map(lambda _: agreement.read("eth_getCode", NOWHERE, "0x1"), range(200)))
    assert codes == ["0x"] * 200


# The contracts' wrappers over a majority


def test_web3__system_over_it__one_liar_changes_nothing(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, system: System
) -> None:
    agreed = System.at(agreed_web3(agreement), system.manifest)
    endpoints[0].fault("eth_call", faulty.result("0x" + "00" * 31 + "63"))
    endpoints[0].fault("eth_getLogs", faulty.result([]))
    assert agreed.coin().decimals() == system.coin().decimals() == 6
    assert agreed.registry.fleet_count() == 0
    asked = {"address": system.authority.address, "fromBlock": "0x0", "toBlock": "latest"}
    over = agreed_web3(agreement)
    logs = [[row["data"] for row in rpc.request(one, "eth_getLogs", asked)] for one in (over, system.web3)]
    assert logs[0] == logs[1] != []
    assert settled(lambda: agreement.disagreements[endpoints[0].url])
    assert AnvilClock(agreed_web3(agreement)).now() == AnvilClock(system.web3).now()


def test_web3__one_lags__latest_is_what_a_majority_has(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, system: System
) -> None:
    coin, lane = (
        System.at(agreed_web3(agreement), system.manifest).coin(),
        Lane(agreed_web3(agreement), account("investor-1")),
    )
    coin.mint(lane, NOWHERE, TokenUnits(5))
    endpoints[2].lag(2)
    assert coin.balance_of(NOWHERE) == 5
    endpoints[1].lag(2)
    assert coin.balance_of(NOWHERE) == 0
    assert not sum(agreement.disagreements.values())


def test_web3__a_call_reverts__majority_s_revert_is_decoded(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, system: System
) -> None:
    coin = System.at(agreed_web3(agreement), system.manifest).coin()
    endpoints[0].fault("eth_estimateGas", faulty.result("0x5208"))
    with pytest.raises(RevertedError) as refused:
        coin.transfer(Lane(agreed_web3(agreement), account("investor-1")), NOWHERE, TokenUnits(1))
    assert refused.value.name == "ERC20InsufficientBalance"


def test_web3__one_of_three_reverts_alone__is_outvoted(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, system: System
) -> None:
    endpoints[0].fault("eth_call", faulty.error("execution reverted", 3, "0xdeadbeef"))
    assert System.at(agreed_web3(agreement), system.manifest).coin().decimals() == 6
    endpoints[1].fault("eth_call", faulty.error("execution reverted", 3, "0xdeadbeef"))
    with pytest.raises(RevertedError, match="0xdeadbeef"):
        System.at(agreed_web3(agreement), system.manifest).coin().decimals()


@pytest.mark.parametrize("number", ["0x0", "0xffffffffffff"])
def test_web3__one_lies_about_gas_and_fees__transaction_is_as_usual(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, system: System, number: str
) -> None:
    for method in ("eth_estimateGas", "eth_maxPriorityFeePerGas", "eth_getTransactionCount"):
        endpoints[1].fault(method, faulty.result(number))
    lane = Lane(agreed_web3(agreement), account("investor-1"), LanePolicy(timeout_s=5, poll_s=0.05))
    sent = lane.send(NOWHERE, b"", value=1)
    assert sent.nonce == 0
    assert 21_000 <= sent.transaction["gas"] < 30_000
    assert sent.transaction["maxPriorityFeePerGas"] == 10**9
    assert lane.wait(sent).succeeded


@pytest.mark.parametrize(
    "fault", [faulty.dropped, faulty.status(429), faulty.error("txpool is full"), faulty.hang(1.5), faulty.garbage()]
)
def test_send__only_one_takes_it__is_sent(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, web3: Web3, fault: faulty.Fault
) -> None:
    for one in endpoints[:2]:
        one.fault("eth_sendRawTransaction", fault)
    lane = Lane(agreed_web3(agreement), account("investor-1"), LanePolicy(timeout_s=5, poll_s=0.05))
    assert lane.transact(NOWHERE, b"", value=1).succeeded


def test_send__goes_to_all__already_known_is_success(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, web3: Web3
) -> None:
    rpc.request(web3, "evm_setAutomine", False)
    try:
        lane = Lane(agreed_web3(agreement), account("investor-1"))
        sent = lane.send(NOWHERE, b"", value=1)
        assert settled(lambda: all("eth_sendRawTransaction" in one.asked for one in endpoints))
        answer = rpc.request(agreed_web3(agreement), "eth_sendRawTransaction", "0x" + sent.raw.hex())
        assert answer == sent.hash
    finally:
        rpc.request(web3, "evm_setAutomine", True)


def test_send__all_refuse__what_most_say_is_the_error(endpoints: list[faulty.FaultyRpc], agreement: Agreement) -> None:
    endpoints[0].fault("eth_sendRawTransaction", faulty.error("header not found"))
    for one in endpoints[1:]:
        one.fault("eth_sendRawTransaction", faulty.error("insufficient funds for gas * price + value"))
    with pytest.raises(RpcError, match="insufficient funds"):
        rpc.request(agreed_web3(agreement), "eth_sendRawTransaction", "0x00")
    for one in endpoints:
        one.fault("eth_sendRawTransaction", faulty.lost)
    with pytest.raises(RpcUnreachableError):
        rpc.request(agreed_web3(agreement), "eth_sendRawTransaction", "0x00")


def test_receipt__one_invents_it__is_not_believed(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, web3: Web3
) -> None:
    receipt = Lane(web3, account("investor-1")).transact(NOWHERE, b"", value=1)
    missing = "0x" + "12" * 32
    true = rpc.request(web3, "eth_getTransactionReceipt", receipt.hash)
    endpoints[0].fault("eth_getTransactionReceipt", faulty.result(true))
    assert rpc.request(agreed_web3(agreement), "eth_getTransactionReceipt", missing) is None
    endpoints[0].fault("eth_getTransactionReceipt", faulty.result({**true, "status": "0x0"}))
    assert rpc.request(agreed_web3(agreement), "eth_getTransactionReceipt", receipt.hash)["status"] == "0x1"
    endpoints[0].fault("eth_getTransactionReceipt", faulty.result(None))
    assert rpc.request(agreed_web3(agreement), "eth_getTransactionReceipt", receipt.hash)["status"] == "0x1"


def test_receipt__two_endpoints_and_one_lags__not_yet(endpoints: list[faulty.FaultyRpc], web3: Web3) -> None:
    two = Agreement([one.url for one in endpoints[:2]], CHAIN_ID, QUICK)
    lane = Lane(agreed_web3(two), account("investor-1"), LanePolicy(timeout_s=5, poll_s=0.05))
    endpoints[1].lag(2)
    sent = lane.send(NOWHERE, b"", value=1)
    assert lane.step(sent).receipt is None
    endpoints[1].heal()
    assert lane.wait(sent).succeeded


def test_web3__clock_of_a_development_node__is_set_once(
    endpoints: list[faulty.FaultyRpc], agreement: Agreement, web3: Web3
) -> None:
    clock, before = AnvilClock(agreed_web3(agreement)), head(web3)
    clock.advance(100)
    assert head(web3) == before + 1
    assert "evm_mine" not in {*endpoints[1].asked, *endpoints[2].asked}


def test_web3__one_endpoint__works_as_before(anvil: Anvil, web3: Web3, system: System) -> None:
    alone = Agreement([anvil.url], CHAIN_ID, QUICK)
    coin = System.at(agreed_web3(alone), system.manifest).coin()
    coin.mint(Lane(agreed_web3(alone), account("investor-1")), NOWHERE, TokenUnits(5))
    assert coin.balance_of(NOWHERE) == 5
    with pytest.raises(RpcError):
        rpc.request(agreed_web3(alone), "no_such_method")
