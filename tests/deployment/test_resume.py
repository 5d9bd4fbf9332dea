"""A deployment that is killed, reorganized, starved and shadowed: the same command finishes it, each step once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from web3 import Web3

from pyutils.chain import InsufficientFundsError, LanePolicy, rpc
from pyutils.chain.pool import Verdict, offer
from pyutils.deployment import AnotherDeployerError, DeploymentError, JournalError, deploy_system
from pyutils.deployment.blueprint import draw
from pyutils.deployment.credit_plan import ClassPrice
from pyutils.deployment.journal import DeploymentJournal
from pyutils.deployment.outline import Kind
from pyutils.deployment.plan_file import Draft, find_plan
from pyutils.deployment.run import LaggingNodeError, Run
from pyutils.deployment.system import Deployment, origin_of
from pyutils.manifest import read_manifest

from .practice import NETWORK, Developer, give, nonce, reach, start_testnet

if TYPE_CHECKING:
    from tests.faulty_rpc import Body, FaultyRpc, Forward, Reply, altered, dropped, error, lost
else:
    from faulty_rpc import Body, FaultyRpc, Forward, Reply, altered, dropped, error, lost

TRANSACTIONS = 30
"""Of a deployment to a chain that has the CREATE2 deployer."""


def plan_of(developer: Developer) -> Draft:
    draft = find_plan(NETWORK, folder=developer.deployments)
    assert draft is not None
    return draft


def check_whole(developer: Developer, web3: Web3, transactions: int = TRANSACTIONS) -> None:
    """Check that all stands where it was predicted, was recorded, was sent once, and that nothing is left over."""
    manifest = read_manifest(developer.record)
    blueprint = draw(plan_of(developer).plan, developer.signer.address)
    assert manifest.complete
    assert {record.address for _, record in manifest.everything} == {
        blueprint.factory,
        *(part.address for _, part in blueprint.steps),
    }
    assert all(record.block is not None and record.transaction for _, record in manifest.everything)
    for _, record in manifest.everything:
        digest = "0x" + (record.transaction or b"").hex()
        receipt = rpc.request(web3, "eth_getTransactionReceipt", digest)
        assert (int(receipt["blockNumber"], 16), receipt["status"]) == (record.block, "0x1")
    assert nonce(web3, developer.signer.address) == transactions
    pending = rpc.request(web3, "eth_getTransactionCount", developer.signer.address, "pending")
    assert int(pending, 16) == transactions
    assert developer.left_over() == []


class Killer:
    """Kills a process as it sends a transaction: before the node hears of it, or after."""

    def __init__(self, endpoint: FaultyRpc) -> None:
        self.endpoint = endpoint
        self.process: subprocess.Popen[str] | None = None
        self.hears = True

    def arm(self, *, hears: bool) -> None:
        self.hears = hears
        self.endpoint.fault("eth_sendRawTransaction", self, times=1)

    def __call__(self, body: Body, forward: Forward) -> Reply:
        if self.hears:
            forward(body)
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        return None


@pytest.mark.slow
def test_deploy__killed_at_every_transaction__is_finished_with_each_step_once(tmp_path: Path) -> None:
    with (
        start_testnet(tmp_path / "anvil.log", "--disable-default-create2-deployer", block_time=0.1) as chain,
        FaultyRpc(chain.url) as endpoint,
    ):
        web3, developer = reach(chain.url), Developer(tmp_path / "developer", endpoint.url)
        give(web3, developer.signer.address)
        killer, deaths = Killer(endpoint), 0
        while True:
            # Every fourth time the transaction is signed and on disk, and no node has heard of it.
            killer.arm(hears=deaths % 4 != 3)
            killer.process = developer.start()
            _, err = killer.process.communicate(timeout=240)
            if killer.process.returncode == 0:
                break
            assert killer.process.returncode == -signal.SIGKILL, err
            deaths += 1
            assert developer.journal.exists()
        # The last transaction is sent by a run that is killed, so each of them was; some were killed twice.
        assert deaths > TRANSACTIONS + 1
        # The signer of the CREATE2 deployer was sent its ether by one more.
        check_whole(developer, web3, TRANSACTIONS + 1)


@pytest.fixture
def draft(developer: Developer) -> Draft:
    return plan_of(developer)


@pytest.mark.parametrize("hears", [True, False])
def test_deploy__killed_once__goes_on_where_it_was(developer: Developer, chain: Web3, hears: bool) -> None:
    with FaultyRpc(developer.url) as endpoint:
        killer = Killer(endpoint)
        killer.arm(hears=hears)
        killer.process = developer.start(url=endpoint.url)
        killer.process.communicate(timeout=60)
        assert killer.process.returncode == -signal.SIGKILL
    # The node makes the block a moment after it took the transaction.
    wait_until(lambda: nonce(chain, developer.signer.address) == int(hears))
    assert developer.left_over() == [developer.journal.name, developer.lock.name]

    assert developer.deploy()[0] == 0
    check_whole(developer, chain)


def test_deploy__answers_get_lost__every_step_is_sent_once(developer: Developer, chain: Web3, draft: Draft) -> None:
    with FaultyRpc(developer.url) as endpoint:

        def trouble(name: str, skipped: bool) -> None:
            endpoint.fault("eth_sendRawTransaction", random.Random(name).choice([lost, dropped]), times=1)

        deploy_system(developer.signer, draft.plan, reach(endpoint.url), record=developer.record, on_step=trouble)
    check_whole(developer, chain)


def test_deploy__node_refuses_a_transaction__the_next_run_goes_on_at_once(
    developer: Developer, chain: Web3, draft: Draft
) -> None:
    cut_at(developer, draft, reach(developer.url), "LeaseBook")
    with FaultyRpc(developer.url) as endpoint:
        endpoint.fault("eth_sendRawTransaction", error("insufficient funds for gas * price + value"), times=1)
        with pytest.raises(InsufficientFundsError):
            deploy_system(developer.signer, draft.plan, reach(endpoint.url), record=developer.record)
    started = time.monotonic()
    deploy_system(developer.signer, draft.plan, reach(developer.url), record=developer.record)
    assert time.monotonic() - started < 60
    check_whole(developer, chain)


def test_deploy__fees_rise_between_signing_and_sending__pays_more_at_once(
    developer: Developer, chain: Web3, draft: Draft
) -> None:
    with FaultyRpc(developer.url) as endpoint:
        endpoint.fault("eth_sendRawTransaction", error("max fee per gas less than block base fee"), times=1)
        started = time.monotonic()
        cut_at(developer, draft, reach(endpoint.url), "AccessManager")
        assert time.monotonic() - started < LanePolicy().replace_after_s
        assert list(endpoint.asked).count("eth_sendRawTransaction") == 2
    assert developer.deploy()[0] == 0
    check_whole(developer, chain)


def test_deploy__plan_changed_half_way__is_refused_until_it_is_the_old_one(
    developer: Developer, chain: Web3, draft: Draft
) -> None:
    cut_at(developer, draft, reach(developer.url), "lease terms")
    developer.write_plan({"protocol_bps = 100": "protocol_bps = 101"})
    sent = nonce(chain, developer.signer.address)

    with pytest.raises(JournalError, match="was begun with another plan"):
        deploy_system(developer.signer, plan_of(developer).plan, reach(developer.url), record=developer.record)
    # Without the journal the chain itself says so.
    developer.journal.unlink()
    status, _, err = developer.deploy()
    (line,) = err.splitlines()
    assert (status, nonce(chain, developer.signer.address)) == (1, sent)
    assert "the protocol fee: 100 on chain, 101 in the plan" in line
    developer.write_plan()
    assert developer.deploy()[0] == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"vault_cap": 7}, r"the cap of the vault of 0x\w+: 10000000000000 on chain, 7000000 in the plan"),
        ({"vault_name": "Other"}, r"the name of the vault of 0x\w+: Fleet Credit on chain, Other in the plan"),
        (
            {"terms": {"compensation": 7}},
            "the first lease terms: .*compensation=86400.* on chain, .*compensation=7.* in",
        ),
        (
            {"class_prices": (ClassPrice(gpu_class="H100-SXM5-80GB", coins=7),)},
            "the first price of H100-SXM5-80GB: 25000000000 on chain, 7000000 in the plan",
        ),
        ({"vault_symbol": "OTH"}, r"the symbol of the vault of 0x\w+: FLC on chain, OTH in the plan"),
    ],
)
def test_deploy__another_plan_and_journal_lost__is_refused_while_the_deployer_has_its_rights(
    developer: Developer, chain: Web3, draft: Draft, change: dict[str, Any], said: str
) -> None:
    cut_at(developer, draft, reach(developer.url), "seal")
    developer.journal.unlink()
    market = draft.plan.credit[0].model_copy(update={name: of for name, of in change.items() if name != "terms"})
    terms = draft.plan.terms.model_copy(update=change.get("terms", {}))
    plan = draft.plan.model_copy(update={"credit": (market,), "terms": terms})

    with pytest.raises(DeploymentError, match=said):
        deploy_system(developer.signer, plan, reach(developer.url), record=developer.record)

    assert not Deployment(developer.signer, plan, chain, LanePolicy()).rights.renounced()


class CutError(Exception):
    """Stands for whatever ends a process."""


def cut_at(developer: Developer, draft: Draft, web3: Web3, step: str) -> None:
    """Deploy until the turn of a step has come."""

    def stop(name: str, skipped: bool) -> None:
        if name == step:
            raise CutError

    with pytest.raises(CutError):
        deploy_system(developer.signer, draft.plan, web3, record=developer.record, on_step=stop)


def test_deploy__journal_lost__is_found_on_chain(developer: Developer, chain: Web3, draft: Draft) -> None:
    cut_at(developer, draft, reach(developer.url), "lease terms")
    developer.journal.unlink()
    developer.record.unlink()

    deploy_system(developer.signer, draft.plan, reach(developer.url), record=developer.record)

    manifest = read_manifest(developer.record)
    assert manifest.complete
    assert nonce(chain, developer.signer.address) == TRANSACTIONS
    assert developer.left_over() == []


def test_deploy__node_lags_behind_the_journal__is_waited_for(developer: Developer, chain: Web3, draft: Draft) -> None:
    cut_at(developer, draft, reach(developer.url), "seal")
    with FaultyRpc(developer.url) as endpoint:
        endpoint.lag(3)
        healing = threading.Timer(2, endpoint.heal)
        healing.start()
        deploy_system(developer.signer, draft.plan, reach(endpoint.url), record=developer.record)
        healing.join()
    check_whole(developer, chain)


def test_deploy__node_stays_behind_the_journal__is_named(
    developer: Developer, chain: Web3, draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_at(developer, draft, reach(developer.url), "seal")
    monkeypatch.setattr("pyutils.deployment.run._PATIENCE_S", 0.1)
    with FaultyRpc(developer.url) as endpoint:
        endpoint.lag(3)
        with pytest.raises(LaggingNodeError, match=r"the node has 23 transactions of .*, the journal 26"):
            deploy_system(developer.signer, draft.plan, reach(endpoint.url), record=developer.record)


# two at once


def test_deploy__second_process_of_the_folder__is_told_and_nothing_breaks(developer: Developer, chain: Web3) -> None:
    with FaultyRpc(developer.url) as endpoint:
        released = threading.Event()

        def held(body: Body, forward: Forward) -> Reply:
            released.wait(60)
            return lost(body, forward)

        endpoint.fault("eth_sendRawTransaction", held, times=1)
        first = developer.start(url=endpoint.url)
        wait_until(developer.journal.exists)
        status, _, err = developer.deploy()
        released.set()
        assert status == 1
        (line,) = err.splitlines()
        assert line.startswith(f"gpurwa: {NETWORK} is being deployed already, by process {first.pid} on ")
        _, err = first.communicate(timeout=120)
        assert first.returncode == 0, err
    check_whole(developer, chain)


@pytest.mark.parametrize(
    "question", ["eth_sendRawTransaction", pytest.param("eth_estimateGas", marks=pytest.mark.slow)]
)
def test_deploy__same_key_elsewhere__who_comes_second_is_told_and_nothing_breaks(
    developer: Developer, chain: Web3, tmp_path: Path, question: str
) -> None:
    other = Developer(tmp_path / "other", developer.url)
    with FaultyRpc(developer.url) as endpoint:

        def overtaken(body: Body, forward: Forward) -> Reply:
            # Else both would sign the very same transaction, and neither could tell whose it is.
            rpc.request(chain, "anvil_setNextBlockBaseFeePerGas", hex(3 * 10**9))
            rpc.request(chain, "evm_mine")
            status, _, err = other.deploy()
            assert status == 0, err
            return altered(lambda result: result)(body, forward)

        endpoint.fault(question, overtaken, times=1)
        status, _, err = developer.deploy(url=endpoint.url)

    assert status == 1
    (line,) = err.splitlines()
    assert f"the deployer {developer.signer.address} is used elsewhere: Create3Factory: " in line
    check_whole(other, chain)
    # The first one finds all done, and ends up with the same record, but for a factory that left no event behind.
    assert developer.deploy()[0] == 0
    mine, theirs = (dict(read_manifest(one.record).everything) for one in (developer, other))
    assert mine.pop("Create3Factory").address == theirs.pop("Create3Factory").address
    assert mine == theirs
    assert nonce(chain, developer.signer.address) == TRANSACTIONS
    assert developer.left_over() == []


def test_deploy__transactions_wait_that_the_journal_does_not_know__is_told(
    developer: Developer, chain: Web3, draft: Draft
) -> None:
    rpc.request(chain, "evm_setAutomine", False)
    try:
        fields: dict[str, Any] = {"nonce": 0, "to": developer.signer.address, "value": 0, "data": b"", "gas": 21_000}
        fields |= {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9, "chainId": draft.plan.chain_id, "type": 2}
        raw = developer.signer.sign_transaction(fields)
        rpc.request(chain, "eth_sendRawTransaction", "0x" + raw.hex())
        with pytest.raises(AnotherDeployerError, match=r"not sent from here \(nonces 0\)"):
            deploy_system(developer.signer, draft.plan, reach(developer.url), record=developer.record)
    finally:
        rpc.request(chain, "evm_setAutomine", True)


# reorgs


@pytest.mark.parametrize(
    "returns", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["dropped", "kept in the pool"]
)
@pytest.mark.parametrize("at", ["LeaseTerms", "seal", "renounce", "the end"])
def test_deploy__reorg_after_steps__redoes_them(tmp_path: Path, at: str, returns: bool) -> None:
    """The last blocks are replaced by empty ones; what was in them is gone, or comes back from the pool later."""
    with start_testnet(tmp_path / "anvil.log", block_time=0.05) as node:
        web3 = reach(node.url)
        developer = Developer(tmp_path / "developer", node.url)
        give(web3, developer.signer.address)
        draft = plan_of(developer)
        policy, end = LanePolicy(poll_s=0.05), LanePolicy(poll_s=0.05, confirmations=12, timeout_s=60)
        reorgs = iter([5])

        def shake() -> None:
            depth = next(reorgs, None)
            if depth is not None:
                reorganize(web3, depth, returns=returns)

        def on_step(name: str, skipped: bool) -> None:
            if name == at and not skipped:
                shake()

        with DeploymentJournal(origin_of(web3, draft.plan, developer.signer.address), developer.journal) as journal:
            deployment = Deployment(developer.signer, draft.plan, web3, policy, end_policy=end, journal=journal)
            run = Run(deployment, developer.record, on_step)
            if at == "the end":
                shaken(run, shake)
            run.finish()
            journal.finish()
        assert next(reorgs, None) is None
        check_whole(developer, web3)


def shaken(run: Run, shake: Callable[[], None]) -> None:
    """Shake the chain when a deployment begins to wait for the end."""
    settle = run._settle

    def after() -> bool:
        shake()
        return settle()

    run._settle = after  # type: ignore[method-assign]


def reorganize(web3: Web3, depth: int, *, returns: bool) -> None:
    """Replace the last blocks by as many empty ones."""
    head = int(rpc.request(web3, "eth_blockNumber"), 16)
    blocks = [rpc.request(web3, "eth_getBlockByNumber", hex(head - back), False) for back in reversed(range(depth))]
    raws = [
        rpc.request(web3, "eth_getRawTransactionByHash", digest) for one in blocks for digest in one["transactions"]
    ]
    rpc.request(web3, "anvil_reorg", depth, [])
    rpc.request(web3, "anvil_dropAllTransactions")
    for raw in raws if returns else ():
        assert offer(web3, bytes.fromhex(raw[2:])).verdict in (Verdict.ACCEPTED, Verdict.SPENT)


# everything at once


@pytest.fixture
def moving(tmp_path: Path) -> Iterator[tuple[Web3, FaultyRpc]]:
    """Run a chain with blocks every two seconds whose base fee jumps, behind an endpoint that answers ten a second."""
    with start_testnet(tmp_path / "anvil.log", "--disable-default-create2-deployer", block_time=2) as node:
        web3, ended = reach(node.url), threading.Event()

        def jump() -> None:
            fees = random.Random(1)
            while not ended.wait(1.5):
                rpc.request(reach(node.url), "anvil_setNextBlockBaseFeePerGas", hex(fees.randint(10**9, 40 * 10**9)))

        thread = threading.Thread(target=jump)
        thread.start()
        with FaultyRpc(node.url) as endpoint:
            endpoint.limit(10)
            yield web3, endpoint
        ended.set()
        thread.join()


@pytest.mark.slow
def test_deploy__testnet_with_slow_blocks_jumping_fees_and_a_limited_endpoint__is_finished(
    moving: tuple[Web3, FaultyRpc], tmp_path: Path
) -> None:
    web3, endpoint = moving
    developer = Developer(tmp_path / "developer", endpoint.url)
    developer.write_networks(step_depth=1, depth=4)
    give(web3, developer.signer.address)
    count = 0

    def forgotten(body: Body, forward: Forward) -> Reply:
        """Every third transaction falls out of the pool as soon as it is in."""
        nonlocal count
        count += 1
        answer = forward(body)
        if count % 3 == 0 and "result" in answer:
            rpc.request(web3, "anvil_dropTransaction", answer["result"])
        return altered(lambda _: answer.get("result"))(body, lambda _: answer)

    endpoint.fault("eth_sendRawTransaction", forgotten)
    process = developer.start()
    _, err = process.communicate(timeout=560)

    assert process.returncode == 0, err
    assert count > TRANSACTIONS + 2
    check_whole(developer, web3, TRANSACTIONS + 1)


def test_deploy__chain_without_a_base_fee__sends_legacy_transactions(
    developer: Developer, chain: Web3, draft: Draft
) -> None:
    def without_base_fee(block: Any) -> Any:
        return {name: value for name, value in block.items() if name != "baseFeePerGas"}

    with FaultyRpc(developer.url) as endpoint:
        endpoint.fault("eth_getBlockByNumber", altered(without_base_fee))
        manifest = deploy_system(developer.signer, draft.plan, reach(endpoint.url))
    kinds = {
        rpc.request(chain, "eth_getTransactionByHash", "0x" + (record.transaction or b"").hex())["type"]
        for _, record in manifest.everything
    }
    assert kinds == {"0x0"}


def test_deployment_steps__kinds__come_in_an_order_that_leaves_rights_to_the_end(
    developer: Developer, chain: Web3, draft: Draft
) -> None:
    deployment = Deployment(developer.signer, draft.plan, reach(developer.url), LanePolicy())
    kinds = [step.planned.kind for step in deployment.steps()]
    assert kinds[0] is Kind.FACTORY
    assert kinds[-4:] == [Kind.SEAL, Kind.FUNCTIONS, Kind.HOLDERS, Kind.RENOUNCE]
    assert len(kinds) == len(deployment.remaining()) == TRANSACTIONS


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until, "it did not come so"
        time.sleep(0.01)
