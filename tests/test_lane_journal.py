"""The lane's journal: every form is on disk before a node hears of it, and a killed process goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from web3 import Web3

from pyutils.anvil import Anvil
from pyutils.chain import (
    FeeCapError,
    Form,
    InsufficientFundsError,
    Lane,
    LanePolicy,
    LocalSigner,
    Progress,
    RpcPolicy,
    RpcUnreachableError,
    SavedTransactionError,
    Sent,
    Stage,
    TransactionError,
    UntrackedError,
    connect,
    rpc,
)
from pyutils.chain.pool import is_known
from pyutils.devnet import CHAIN_ID, account

if TYPE_CHECKING:
    from tests import faulty_rpc as faulty
else:
    # pytest puts this folder on the path, not the one above it.
    import faulty_rpc as faulty

QUICK = LanePolicy(timeout_s=5, poll_s=0.05, confirmations=2)
HASTY = LanePolicy(timeout_s=5, poll_s=0.05, replace_after_s=0)
NOWHERE = "0x" + "00" * 19 + "99"


class Journal:
    """Keeps what a restart would find; each form must be new to the chain when it is saved."""

    def __init__(self, web3: Web3) -> None:
        self._web3 = web3
        self.kept: dict[int, list[tuple[str, bytes]]] = {}
        self.broken = False

    def save(self, sent: Sent) -> None:
        if self.broken:
            raise OSError(28, "No space left on device")
        assert not is_known(self._web3, sent.forms[-1].hash)
        self.kept[sent.nonce] = [(form.call, form.raw) for form in sent.forms]

    def forget(self, nonce: int) -> None:
        del self.kept[nonce]

    def restored(self) -> list[Sent]:
        return [Sent.restored(forms) for forms in self.kept.values()]


@pytest.fixture
def sender() -> LocalSigner:
    return account("investor-1")


@pytest.fixture
def journal(web3: Web3) -> Journal:
    return Journal(web3)


@pytest.fixture
def lane(web3: Web3, sender: LocalSigner, journal: Journal) -> Lane:
    return Lane(web3, sender, QUICK, journal)


@pytest.fixture
def by_hand(web3: Web3) -> Iterator[None]:
    """Mine no block unless the test does."""
    rpc.request(web3, "evm_setAutomine", False)
    yield
    rpc.request(web3, "anvil_dropAllTransactions")
    rpc.request(web3, "evm_setAutomine", True)


def mine(web3: Web3, blocks: int = 1) -> None:
    rpc.request(web3, "anvil_mine", hex(blocks))


def balance(web3: Web3, holder: str) -> int:
    return int(rpc.request(web3, "eth_getBalance", holder, "latest"), 16)


def look(lane: Lane, sent: Sent) -> Progress:
    """Step until anvil, which mines a moment after it accepted, has the receipt."""
    progress = lane.step(sent)
    deadline = time.monotonic() + 3
    while progress.stage is Stage.WAITING and time.monotonic() < deadline:
        progress = lane.step(sent)
    return progress


def killed(lane: Lane, journal: Journal, policy: LanePolicy = QUICK) -> tuple[Lane, list[Sent]]:
    """Return the lane of the process that comes after, and what it goes on with."""
    after, saved = Lane(lane.web3, lane.signer, policy, journal), journal.restored()
    after.resume(saved)
    return after, saved


def test_prepare__no_node_heard_of_it__form_is_saved(lane: Lane, journal: Journal, web3: Web3) -> None:
    sent = lane.prepare(NOWHERE, b"", value=1, call="report 7")
    assert journal.kept == {sent.nonce: [("report 7", sent.raw)]}
    assert not is_known(web3, sent.hashes[0])
    assert lane.outstanding == (sent,)
    lane.broadcast(sent)
    assert is_known(web3, sent.hashes[0])


def test_prepare__disk_is_full__nothing_is_offered_and_the_nonce_is_free(
    lane: Lane, journal: Journal, web3: Web3
) -> None:
    journal.broken = True
    with pytest.raises(OSError, match="No space left"):
        lane.prepare(NOWHERE, b"", value=1)
    with pytest.raises(OSError, match="No space left"):
        lane.send(NOWHERE, b"", value=1)
    assert lane.outstanding == ()
    assert rpc.request(web3, "eth_getTransactionCount", lane.address, "pending") == "0x0"
    journal.broken = False
    assert lane.prepare(NOWHERE, b"", value=1).nonce == 0


def test_step__disk_is_full__nothing_is_replaced_until_there_is_room(
    by_hand: None, web3: Web3, sender: LocalSigner, journal: Journal
) -> None:
    lane = Lane(web3, sender, HASTY, journal)
    sent = lane.send(NOWHERE, b"", value=1)
    journal.broken = True
    with pytest.raises(OSError, match="No space left"):
        lane.step(sent)
    assert len(sent.forms) == len(journal.kept[sent.nonce]) == 1
    journal.broken = False
    assert lane.step(sent).stage is Stage.WAITING
    assert len(sent.forms) == len(journal.kept[sent.nonce]) == 2


def test_resume__killed_before_the_broadcast__the_same_bytes_get_in(lane: Lane, journal: Journal, web3: Web3) -> None:
    sent = lane.prepare(NOWHERE, b"", value=1)
    after, (saved,) = killed(lane, journal)
    assert saved.raw == sent.raw
    assert after.step(saved).stage is Stage.WAITING
    progress = look(after, saved)
    assert progress.stage is Stage.INCLUDED
    assert progress.receipt is not None
    assert progress.receipt.hash == sent.hash
    assert balance(web3, NOWHERE) == 1


def test_resume__killed_in_the_broadcast__one_transaction_gets_in(
    anvil: Anvil, web3: Web3, sender: LocalSigner, journal: Journal
) -> None:
    with faulty.FaultyRpc(anvil.url) as endpoint:
        cut_off = connect([endpoint.url], CHAIN_ID, RpcPolicy(timeout_s=1, rounds=1))
        lane = Lane(cut_off, sender, QUICK, journal)
        sent = lane.prepare(NOWHERE, b"", value=1)
        endpoint.fault("eth_sendRawTransaction", faulty.lost)
        with pytest.raises(RpcUnreachableError):
            lane.broadcast(sent)
    after, (saved,) = killed(Lane(web3, sender), journal)
    assert look(after, saved).stage is Stage.INCLUDED
    assert after.prepare(NOWHERE, b"", value=1).nonce == sent.nonce + 1
    assert balance(web3, NOWHERE) == 1


def test_resume__killed_after_replacements__whichever_form_gets_in_is_found(
    by_hand: None, web3: Web3, sender: LocalSigner, journal: Journal
) -> None:
    lane = Lane(web3, sender, HASTY, journal)
    sent = lane.send(NOWHERE, b"", value=1)
    for _ in range(3):
        lane.step(sent)
    after, (saved,) = killed(lane, journal)
    assert saved.hashes == sent.hashes
    assert len(saved.hashes) == 4
    rpc.request(web3, "anvil_dropTransaction", sent.hash)
    rpc.request(web3, "eth_sendRawTransaction", "0x" + sent.forms[1].raw.hex())
    mine(web3, 3)
    progress = after.step(saved)
    assert (progress.stage, progress.settled) == (Stage.FINAL, True)
    assert progress.form is saved.forms[1]


def test_resume__saved_long_ago__what_got_in_meanwhile_is_found(lane: Lane, journal: Journal, web3: Web3) -> None:
    sent = lane.send(NOWHERE, b"", value=1)
    mine(web3, 10)
    after, (saved,) = killed(lane, journal)
    progress = after.step(saved)
    assert (progress.stage, progress.depth) == (Stage.FINAL, 10)
    assert progress.receipt is not None
    assert progress.receipt.hash == sent.hash


def test_resume__new_calls__get_the_nonces_after_it(by_hand: None, lane: Lane, journal: Journal) -> None:
    first = lane.prepare(NOWHERE, b"", value=1)
    after, _ = killed(lane, journal)
    assert after.prepare(NOWHERE, b"", value=1).nonce == first.nonce + 1


def test_resume__another_account_chain_or_nonce__is_refused(lane: Lane, journal: Journal, web3: Web3) -> None:
    sent = lane.prepare(NOWHERE, b"", value=1)
    with pytest.raises(SavedTransactionError, match=f"is of {lane.address}, chain {CHAIN_ID}, nonce 0, not of"):
        Lane(web3, account("investor-2")).resume(journal.restored())
    elsewhere = dict(sent.transaction) | {"chainId": 1}
    foreign = Sent(0, [Form("foreign", elsewhere, lane.signer.sign_transaction(elsewhere))])
    misplaced = Sent(5, [sent.forms[0]])
    for saved in ([foreign], [misplaced], [Sent(0, sent.forms), Sent(0, sent.forms)]):
        fresh = Lane(web3, lane.signer)
        with pytest.raises(SavedTransactionError):
            fresh.resume(saved)
        assert fresh.outstanding == ()
    with pytest.raises(SavedTransactionError, match="one that is on its way"):
        lane.resume(journal.restored())
    with pytest.raises(TransactionError):
        Sent.restored([("report", sent.raw[:-1])])


def test_step__until_it_is_final__then_the_caller_forgets(lane: Lane, journal: Journal, web3: Web3) -> None:
    sent = lane.send(NOWHERE, b"", value=1)
    seen = []
    for _ in range(3):
        progress = look(lane, sent)
        seen.append((progress.stage, progress.depth, progress.settled))
        mine(web3)
    assert seen == [(Stage.INCLUDED, 0, False), (Stage.INCLUDED, 1, False), (Stage.FINAL, 2, True)]
    assert sent.nonce in journal.kept
    lane.forget(sent)
    lane.forget(sent)
    assert journal.kept == {}
    assert lane.outstanding == ()


def test_wait__included__journal_is_empty_again(lane: Lane, journal: Journal, web3: Web3) -> None:
    sent = lane.send(NOWHERE, b"", value=1)
    mine(web3, 2)
    assert lane.wait(sent).succeeded
    assert journal.kept == {}


def test_send__account_cannot_pay__nothing_is_kept(web3: Web3, journal: Journal) -> None:
    with pytest.raises(InsufficientFundsError, match="nsufficient funds") as refused:
        Lane(web3, LocalSigner(b"\x07" * 32), QUICK, journal).send(NOWHERE, b"")
    assert refused.value.remedy.startswith("Send ether")
    assert journal.kept == {}


def test_broadcast__account_cannot_pay_yet__gets_in_when_it_can(web3: Web3, journal: Journal) -> None:
    poor = LocalSigner(b"\x07" * 32)
    lane = Lane(web3, poor, QUICK, journal)
    sent = lane.prepare(NOWHERE, b"")
    with pytest.raises(InsufficientFundsError):
        lane.broadcast(sent)
    progress = lane.step(sent)
    assert progress.stage is Stage.STUCK
    assert "nsufficient funds" in progress.reason
    rpc.request(web3, "anvil_setBalance", poor.address, hex(10**18))
    assert lane.step(sent).stage is Stage.WAITING
    assert look(lane, sent).stage is Stage.INCLUDED
    assert len(sent.forms) == 1


def test_prepare__earlier_one_was_never_sent__its_nonce_is_filled(by_hand: None, lane: Lane) -> None:
    first, second = (lane.prepare(NOWHERE, b"", value=value) for value in (1, 2))
    lane.broadcast(second)
    lane.forget(first)
    assert lane.prepare(NOWHERE, b"", value=3).nonce == first.nonce
    assert lane.prepare(NOWHERE, b"", value=4).nonce == second.nonce + 1


def test_prepare__node_lags__no_nonce_is_given_twice(anvil: Anvil, web3: Web3, sender: LocalSigner) -> None:
    with faulty.FaultyRpc(anvil.url) as endpoint:
        lane = Lane(connect([endpoint.url], CHAIN_ID), sender)
        mine(web3, 5)
        lane.transact(NOWHERE, b"", value=1)
        lane.transact(NOWHERE, b"", value=1)
        endpoint.lag(3)
        assert lane.prepare(NOWHERE, b"", value=1).nonce == 2


# Another call for the nonce of one that is stuck


def test_supersede__stuck_one_gives_way__next_call_gets_in(
    by_hand: None, lane: Lane, journal: Journal, web3: Web3
) -> None:
    sent = lane.send(NOWHERE, b"", value=1, call="report 7")
    assert lane.supersede(sent, NOWHERE, b"\x01", value=2, call="report 8") is sent
    old, new = (form.transaction for form in sent.forms)
    for fee in ("maxFeePerGas", "maxPriorityFeePerGas"):
        assert new[fee] * 8 >= old[fee] * 9
    assert [call for call, _ in journal.kept[sent.nonce]] == ["report 7", "report 8"]
    mine(web3)
    progress = lane.step(sent)
    assert progress.form is not None
    assert progress.form.call == "report 8"
    assert balance(web3, NOWHERE) == 2


def test_supersede__node_includes_the_older__is_found_and_named(
    by_hand: None, lane: Lane, journal: Journal, web3: Web3
) -> None:
    sent = lane.send(NOWHERE, b"", value=1, call="report 7")
    lane.supersede(sent, NOWHERE, b"\x01", value=2, call="report 8")
    rpc.request(web3, "anvil_dropTransaction", sent.hash)
    rpc.request(web3, "eth_sendRawTransaction", "0x" + sent.forms[0].raw.hex())
    mine(web3)
    after, (saved,) = killed(lane, journal)
    for one, kept in ((lane, sent), (after, saved)):
        progress = one.step(kept)
        assert progress.form is not None
        assert (progress.stage, progress.form.call) == (Stage.INCLUDED, "report 7")
    assert balance(web3, NOWHERE) == 1


def test_supersede__no_endpoint_answers__the_next_step_offers_it(
    anvil: Anvil, by_hand: None, web3: Web3, sender: LocalSigner, journal: Journal
) -> None:
    with faulty.FaultyRpc(anvil.url) as endpoint:
        lane = Lane(connect([endpoint.url], CHAIN_ID, RpcPolicy(timeout_s=1, rounds=1)), sender, HASTY, journal)
        sent = lane.send(NOWHERE, b"", value=1)
        endpoint.fault("eth_sendRawTransaction", faulty.dropped, times=1)
        with pytest.raises(RpcUnreachableError):
            lane.supersede(sent, NOWHERE, b"", value=2)
        assert len(sent.forms) == 2
        lane.step(sent)
        assert is_known(web3, sent.forms[1].hash)
    mine(web3)
    assert balance(web3, NOWHERE) == 2


def test_supersede__budgets__one_for_each_call_of_the_nonce(by_hand: None, web3: Web3, sender: LocalSigner) -> None:
    probe = Lane(web3, sender).prepare(NOWHERE, b"", value=1).transaction
    budget = probe["maxFeePerGas"] * probe["gas"]
    lane = Lane(web3, sender, LanePolicy(budget_wei=budget, replace_after_s=0))
    sent = lane.send(NOWHERE, b"", value=1)
    assert lane.step(sent).stage is Stage.STUCK
    lane.supersede(sent, NOWHERE, b"", value=2)
    while lane.step(sent).stage is Stage.WAITING:
        assert len(sent.forms) < 20
    costs = [form.transaction["maxFeePerGas"] * form.transaction["gas"] for form in sent.forms]
    assert costs[0] <= budget < costs[1]
    assert budget * 3 // 2 < costs[-1] <= 2 * budget
    assert costs[-1] * 9 // 8 > 2 * budget


def test_supersede__above_the_cap__nothing_changes(by_hand: None, web3: Web3, sender: LocalSigner) -> None:
    cap = Lane(web3, sender).prepare(NOWHERE, b"", value=1).transaction["maxFeePerGas"]
    lane = Lane(web3, sender, LanePolicy(max_fee_per_gas=cap))
    sent = lane.send(NOWHERE, b"", value=1)
    with pytest.raises(FeeCapError, match="report 8: the chain asks"):
        lane.supersede(sent, NOWHERE, b"", value=2, call="report 8")
    assert len(sent.forms) == 1


def test_supersede__not_tracked__is_refused(lane: Lane) -> None:
    sent = lane.prepare(NOWHERE, b"", value=1)
    lane.forget(sent)
    with pytest.raises(UntrackedError, match="nonce 0 of 0x"):
        lane.supersede(sent, NOWHERE, b"", value=2)


def test_supersede__is_in_a_block_already__is_refused(lane: Lane) -> None:
    sent = lane.send(NOWHERE, b"", value=1)
    assert look(lane, sent).stage is Stage.INCLUDED
    with pytest.raises(UntrackedError, match="is spent"):
        lane.supersede(sent, NOWHERE, b"", value=2)
    assert len(sent.forms) == 1
