"""What a reporter says where it cannot go on: no money, no stake, no fleet, or another in its place. One line, once."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pyutils.chain import rpc
from pyutils.contracts.base import encode_call
from pyutils.reporter.loop import Loop
from pyutils.reporter.operator_daemon import OperatorDaemon
from pyutils.reporter.publishing.shelf import StoreShelf
from pyutils.reporter.store.records import State
from pyutils.reporter.verifier_daemon import VerifierDaemon
from pyutils.reporter.witness.peers import PeerClient
from pyutils.units import SECONDS_PER_HOUR, FleetId

from .fleet_world import FLEET, FleetWorld
from .parties import VERIFIERS, reporting, states

if TYPE_CHECKING:
    from tests.sending import send
else:
    from sending import send


def call_as(world: FleetWorld, account: str, contract: str, address: str, function: str, *arguments: object) -> None:
    """Let any account, such as a contract, call a function."""
    web3 = world.world.web3
    rpc.request(web3, "anvil_impersonateAccount", account)
    rpc.request(web3, "anvil_setBalance", account, hex(10**18))
    data = "0x" + encode_call(contract, function, *arguments).hex()
    receipt = send(partial(rpc.request, web3), {"from": account, "to": address, "data": data})
    rpc.request(web3, "anvil_stopImpersonatingAccount", account)
    assert int(receipt["status"], 16) == 1


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[OperatorDaemon, int], list[str]]:
    """Return a way to tick as `run` does, and what that wrote into the log."""

    def tick(daemon: OperatorDaemon, times: int) -> list[str]:
        loop = Loop(daemon.tick, daemon.health, 1.0)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            for _ in range(times):
                loop.once()
        assert all(record.exc_info is None for record in caplog.records), "a traceback is no line"
        return [record.getMessage() for record in caplog.records]

    return tick


Lines = Callable[[OperatorDaemon, int], list[str]]


def test_tick__gas_account_is_empty__says_so_once_and_goes_on_when_it_is_filled(
    fleet_world: FleetWorld, lines: Lines
) -> None:
    world = fleet_world
    operator = reporting(world)
    payer = world.world.address("operator-a")
    as_of = world.due(1)
    rpc.request(world.world.web3, "anvil_setBalance", payer, "0x0")
    said = [line for line in lines(operator, 4) if "ALARM" not in line]
    assert 1 <= len(said) <= 2, said
    assert "Send ether to the account that pays the gas" in said[0]
    assert b"balance_reports 0.0" in operator.metrics.exposition()
    rpc.request(world.world.web3, "anvil_setBalance", payer, hex(10**19))
    world.tick_until(operator, lambda: world.head().as_of == as_of)
    assert lines(operator, 2) == []


def test_tick__too_few_coins_to_post_alone__says_how_many_and_what_for(fleet_world: FleetWorld, lines: Lines) -> None:
    world = fleet_world
    operator = world.operator((), rules=world.rules(quorum_deadline_s=60))
    operator.serve()
    world.due(1)
    operator.tick()
    coin, payer = world.world.coin, world.world.address("operator-a")
    has = coin.balance_of(payer)
    call_as(world, payer, "TestStablecoin", coin.address, "transfer", world.world.address("investor-1"), has)
    world.arrive(1.1)
    (said,) = lines(operator, 4)
    assert f"the report as of {world.hour(1)} is not posted alone: " in said
    assert "are needed" in said
    assert said.endswith("Send the gas account that much, or set rules.post_alone = false")
    assert states(operator)[world.hour(1)] is State.SIGNED


def test_tick__operator_was_replaced__says_so_once_and_signs_nothing(fleet_world: FleetWorld, lines: Lines) -> None:
    world = fleet_world
    operator = reporting(world)
    world.bring(operator, 1)
    registry, oracle = world.system.registry.address, world.system.oracle.address
    call_as(world, registry, "MeterOracle", oracle, "retireReporter", FLEET)
    as_of = world.due(2)
    (said,) = lines(operator, 4)
    assert f"its reporter is 0x{'0' * 40}, the configured key is {world.world.address('reporter-a')}" in said
    assert operator.store.promised(FLEET, as_of) is None
    assert states(operator)[world.hour(1)] is State.FINAL, "what was on its way is looked after"


def test_tick__fleet_is_wound_down__reports_what_was_delivered_and_then_rests(
    fleet_world: FleetWorld, lines: Lines
) -> None:
    world = fleet_world
    operator = world.operator(VERIFIERS)
    operator.serve()
    for name in VERIFIERS:
        world.verifier(name).serve()
    world.bring(operator, 1)
    world.arrive(1.5)
    registry = world.system.registry
    call_as(world, registry.owner_of(FLEET), "FleetRegistry", registry.address, "windDown", FLEET)
    before = world.head()
    last = world.bring(operator, 2)
    assert world.head().available_gpu_ms > before.available_gpu_ms, "what it was there for is told"
    world.due(3)
    (said,) = lines(operator, 4)
    assert states(operator)[last] is State.FINAL
    assert f"fleet {FLEET} is wound down, and its head as of {last} says it all. Stop this daemon" in said
    world.due(7)
    assert lines(operator, 3)[1:] == []
    assert operator.store.latest(FLEET) == operator.store.record(FLEET, last)
    told = operator.metrics.exposition()
    assert b"reports_behind 0.0" in told, "nobody waits for it, so nothing alarms"


def test_tick__reports_are_due__are_counted_as_behind_until_they_are_at_the_head(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator = world.operator(VERIFIERS, rules=world.rules(gather_s=1))
    operator.serve()
    found = []
    for hour in (0, 1, 3):
        world.due(hour)
        operator.tick()
        found += re.findall(r"reports_behind (\d+)\.0", operator.metrics.exposition().decode())
    begin = world.system.registry.fleet(FLEET).commissioned_at
    since = len(range(world.hour(0), begin, -SECONDS_PER_HOUR))
    assert list(map(int, found)) == [since, since + 1, since + 3]
    assert b"balance_reports nan" not in operator.metrics.exposition().lower()
    for name in VERIFIERS:
        world.verifier(name).serve()
    world.tick_until(operator, lambda: world.head().as_of == world.hour(3))
    operator.tick()
    assert b"reports_behind 0.0" in operator.metrics.exposition()


def test_check_peers__verifier_shows_garbage__is_passed_over_in_one_line(
    fleet_world: FleetWorld, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = fleet_world.operator(VERIFIERS)
    shown: list[Any] = [
        {"format": "gpu-rwa-proposal/1", "\n\x1b[31m": [{}]},
        ["a"] * 3,
        json.loads("[" * 300 + "]" * 300),
    ]
    for garbage in shown:
        caplog.clear()
        monkeypatch.setattr(PeerClient, "seen", lambda *_, garbage=garbage: garbage)
        operator.check_peers()
        said = [record.getMessage() for record in caplog.records]
        assert len(said) == len(VERIFIERS)
        assert all("shows a proposal that is none: " in line and line.isprintable() for line in said), said


@pytest.mark.parametrize("field", ["chain_id", "oracle", "fleet_id"])
def test_check_peers__signature_for_something_else__stops_nobody(
    fleet_world: FleetWorld, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    """One key may report elsewhere too, and a verifier that shows that proves nothing."""
    world = fleet_world
    operator = world.operator(VERIFIERS, rules=world.rules(gather_s=1))
    operator.serve()
    as_of = world.due(1)
    operator.tick()
    operator.tick()
    record = operator.store.record(FLEET, as_of)
    assert record is not None
    proposal = operator.reporter.proposal(record)
    report_file = proposal.report_file
    if field == "fleet_id":
        changed: dict[str, Any] = {"report": report_file.report.model_copy(update={"fleet_id": FleetId(2)})}
    else:
        changed = {field: 5 if field == "chain_id" else world.world.address("arbiter")}
    other = report_file.model_copy(update=changed)
    told = proposal.model_copy(update={"report_file": other, "signature": other.sign(operator.reporter.signer)})
    shown = json.loads(told.to_bytes())
    monkeypatch.setattr(PeerClient, "seen", lambda *_: shown)
    operator.check_peers()
    said = [one.getMessage() for one in caplog.records if "for another chain, oracle or fleet" in one.getMessage()]
    assert len(said) == len(VERIFIERS)


def test_shelf__built_and_not_signed__is_not_published(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator = world.operator(VERIFIERS, rules=world.rules(gather_s=1))
    operator.serve()
    as_of = world.due(1)
    shelf = StoreShelf(operator.store, operator.folders, world.manifest.chain_id, world.system.oracle.address, {})
    view = operator.look()
    operator.reporter.collect(view, as_of)
    built = operator.store.build(FLEET, as_of, operator.reporter.leaf_file(as_of).report(view.head.digest))
    assert built.digest is not None
    assert (shelf.reports(FLEET, 10), shelf.report(built.digest)) == ([], None)
    operator.tick()
    assert [entry.report_file.digest for entry in shelf.reports(FLEET, 10)] == [built.digest]
    assert shelf.report(built.digest) is not None


def test_tick__verifier_without_gas__is_ready_and_tells_what_is_due(fleet_world: FleetWorld) -> None:
    world = fleet_world
    verifier = world.verifier("verifier-1")
    world.due(2)
    verifier.tick()
    assert verifier.health.missing == {}
    assert b"reports_behind 0.0" not in verifier.metrics.exposition()


def test_tick__verifier_signed_the_head__counts_as_its_success(
    fleet_world: FleetWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = fleet_world
    operator = reporting(world)
    verifier = next(one for one in world.daemons if isinstance(one, VerifierDaemon))
    told: list[float] = []
    monkeypatch.setattr(verifier.metrics, "succeeded", told.append)
    verifier.tick()
    assert told == [], "there is no head yet"
    world.bring(operator, 1)
    verifier.tick()
    assert told == [world.head().accepted_at]
