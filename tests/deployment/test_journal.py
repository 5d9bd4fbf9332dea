"""The journal of a deployment: what it belongs to, who holds it, and what it keeps."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from web3 import Web3

from pyutils.chain import Lane
from pyutils.deployment.addresses import CREATE2_DEPLOYER
from pyutils.deployment.journal import DeploymentBusyError, DeploymentJournal, JournalError, Origin
from pyutils.durable import UnwritableFileError

from .practice import CHAIN_ID, give, key_of, signer_of

DEPLOYER = signer_of("developer")
ORIGIN = Origin(chain_id=CHAIN_ID, genesis=b"\1" * 32, deployer=DEPLOYER.address, plan_hash=b"\2" * 32)


def test_journal__second_process__is_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "practice.journal"
    said = f"practice is being deployed already, by process {os.getpid()}"
    with DeploymentJournal(ORIGIN, path), pytest.raises(DeploymentBusyError, match=said):
        DeploymentJournal(ORIGIN, path)
    with DeploymentJournal(ORIGIN, path) as again:
        again.finish()
    assert list(tmp_path.iterdir()) == []


def test_journal__sent_and_killed__is_read_back_whole(tmp_path: Path, chain: Web3) -> None:
    path = tmp_path / "practice.journal"
    give(chain, DEPLOYER.address)
    with DeploymentJournal(ORIGIN, path) as journal:
        lane = Lane(chain, DEPLOYER, journal=journal)
        journal.step = "first"
        first = lane.send(CREATE2_DEPLOYER, bytes(33), call="a")
        journal.step = "second"
        lane.forget(first)
        second = lane.prepare(CREATE2_DEPLOYER, bytes(34), call="b")

    with DeploymentJournal(ORIGIN, path) as again:
        (step, sent), *others = again.sents().items()
        assert (step, sent.nonce, sent.raw, others) == ("second", second.nonce, second.raw, [])
        assert again.step_of(second.nonce) == "second"
        assert again.transactions("first") == tuple(first.hashes)
        assert again.transactions("second") == tuple(second.hashes)
        assert again.transactions("third") == ()
        # The first one was given up, not settled: no node need ever have seen it.
        assert again.settled == 0
        again.spend(second.nonce)
        again.forget(second.nonce)
        assert again.settled == second.nonce + 1
    assert key_of("developer").hex().encode() not in path.read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"plan_hash": b"\3" * 32}, "was begun with another plan"),
        ({"genesis": b"\3" * 32}, "is of another chain with this id"),
        ({"chain_id": 5}, "is of chain 777001"),
        ({"deployer": signer_of("x").address}, f"is of the deployer {DEPLOYER.address}, not of"),
    ],
)
def test_journal__of_something_else__is_refused_and_let_go(
    tmp_path: Path, chain: Web3, change: dict[str, object], said: str
) -> None:
    path = tmp_path / "practice.journal"
    give(chain, DEPLOYER.address)
    with DeploymentJournal(ORIGIN, path) as journal:
        journal.step = "first"
        Lane(chain, DEPLOYER, journal=journal).prepare(CREATE2_DEPLOYER, bytes(33))

    with pytest.raises(JournalError, match=said):
        DeploymentJournal(ORIGIN.model_copy(update=change), path)
    DeploymentJournal(ORIGIN, path).close()


def test_journal__damaged__names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "practice.journal"
    path.write_text('{"origin": 5}')
    with pytest.raises(JournalError, match=r"practice\.journal: origin: "):
        DeploymentJournal(ORIGIN, path)


def test_journal__folder_that_cannot_be_written__is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UnwritableFileError, match=r"file/practice\.lock cannot be written: "):
        DeploymentJournal(ORIGIN, tmp_path / "file" / "practice.journal")
