"""What a reporter does when others fail it: verifiers, nodes, fees, clocks, people."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from pyutils.chain import FeeCapError, Lane, rpc
from pyutils.meter import GpuSeries, Trace
from pyutils.meter.page import page_name
from pyutils.models import Head
from pyutils.operations import commitments, reports
from pyutils.operations.history import block_time
from pyutils.operations.report_files import ReportFile, SignatureFile
from pyutils.reporter.adoption import NoPublisherError
from pyutils.reporter.operator_daemon import OperatorDaemon
from pyutils.reporter.reporter import ClockSkewError
from pyutils.reporter.starting import BlankStoreError, NotTheReporterError, StaleStoreError
from pyutils.reporter.store.errors import StoreBusyError
from pyutils.reporter.store.records import State
from pyutils.reporter.unsafe import UnsafeToSignError
from pyutils.reporter.watcher import ForeignReportError
from pyutils.reporter.witness.peers import PeerRefusedError
from pyutils.units import UnixMs, UnixSeconds

from .fleet_world import FLEET, FleetWorld
from .parties import VERIFIERS, reporting, states


def promised(operator: OperatorDaemon, as_of: UnixSeconds) -> bytes:
    found = operator.store.promised(FLEET, as_of)
    assert found is not None
    return found


def without(trace: Trace, gpu_id: str, begin_s: int, end_s: int) -> Trace:
    """Return a trace in which one GPU has no samples for a while."""
    series = []
    for one in trace.series:
        kept = [
            (at, duty)
            for at, duty in zip(one.at_ms, one.duty_ppm, strict=True)
            if one.gpu_id != gpu_id or not begin_s * 1_000 <= at < end_s * 1_000
        ]
        series.append(GpuSeries(one.gpu_id, [at for at, _ in kept], [duty for _, duty in kept]))
    return Trace(trace.name, tuple(series), trace.cadence_ms)


# verifiers


def test_tick__verifier_down__waits_and_sends_the_same_digest(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator = world.operator(VERIFIERS, rules=world.rules(gather_s=1))
    operator.serve()
    world.verifier("verifier-1").serve()
    world.open_leases(world.lease_desk())
    as_of = world.due(1)
    operator.tick()
    operator.tick()
    assert world.head().as_of == 0
    assert states(operator)[as_of] is State.SIGNED
    digest = promised(operator, as_of)
    world.verifier("verifier-2").serve()
    world.tick_until(operator, lambda: world.head().digest == digest)


def test_tick__verifier_whose_meter_disagrees__refuses_and_says_why(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator = world.operator(VERIFIERS, rules=world.rules(gather_s=3))
    operator.serve()
    world.verifier("verifier-1").serve()
    plans = world.open_leases(world.lease_desk())
    gone = without(world.trace, plans[0].gpu_ids[0], world.hour(0) + 1_200, world.hour(0) + 2_400)
    meter = {"meter": {"kind": "trace", "file": str(world.trace_file("other.csv.gz", gone))}}
    world.verifier("verifier-2", fleet=meter).serve()
    as_of = world.due(1)
    operator.tick()
    assert states(operator)[as_of] is State.SIGNED
    record = operator.store.record(FLEET, as_of)
    assert record is not None
    proposal = operator.reporter.proposal(record)
    with pytest.raises(PeerRefusedError, match="may differ") as refused:
        operator.clients[1].propose(proposal)
    assert refused.value.code == "MetersDifferError"
    assert b'refused_signatures_total{verifier="' in operator.metrics.exposition()


def test_tick__no_quorum_by_the_deadline__posts_alone_then_a_quorum_promotes_it(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator = world.operator(VERIFIERS, rules=world.rules(gather_s=1, quorum_deadline_s=600))
    operator.serve()
    world.verifier("verifier-1").serve()
    world.open_leases(world.lease_desk())
    as_of = world.due(1)
    operator.tick()
    assert world.system.oracle.pending(FLEET).digest == bytes(32)
    world.arrive(1.3)
    digest = promised(operator, as_of)
    world.tick_until(operator, lambda: world.system.oracle.pending(FLEET).digest == digest)
    assert world.head().as_of == 0
    world.verifier("verifier-2").serve()
    world.tick_until(operator, lambda: world.head().digest == digest)
    assert world.system.oracle.pending(FLEET).digest == bytes(32)
    assert world.system.oracle.owed(world.world.coin.address, world.world.address("operator-a")) > 0


def test_tick__posted_alone__becomes_the_head_by_time(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator = world.operator((), rules=world.rules(quorum_deadline_s=60))
    operator.serve()
    as_of = world.due(1)
    operator.tick()
    world.arrive(1.1)
    digest = promised(operator, as_of)
    world.tick_until(operator, lambda: world.system.oracle.pending(FLEET).digest == digest)
    world.arrive(3.5)
    world.tick_until(operator, lambda: world.head().digest == digest)
    world.tick_until(operator, lambda: operator.store.record_of(digest).state in {State.MINED, State.FINAL})  # type: ignore[union-attr]


# the chain


def test_tick__blocks_become_final_late__the_time_for_a_quorum_counts_from_there(
    fleet_world: FleetWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be built before its block is final, nobody's silence is the verifiers' fault by then."""
    monkeypatch.setattr(commitments, "DEV_CHAINS", frozenset())
    world = fleet_world
    web3 = world.world.web3
    operator = world.operator((), rules=world.rules(quorum_deadline_s=600))
    operator.serve()
    as_of = world.due(1)
    operator.tick()
    world.arrive(1.5)
    operator.tick()
    assert states(operator) == {}, "no block after it is final, and the deadline is long past by the newest one"
    while block_time(web3, "finalized") <= as_of:
        rpc.request(web3, "anvil_mine", "0x1")
    operator.tick()
    operator.tick()
    assert states(operator) == {as_of: State.SIGNED}
    assert world.system.oracle.pending(FLEET).digest == bytes(32)
    rpc.request(web3, "anvil_mine", hex(70))
    digest = promised(operator, as_of)
    world.tick_until(operator, lambda: world.system.oracle.pending(FLEET).digest == digest)


@pytest.mark.parametrize("depth", [1, 5, 64])
def test_tick__reorg_takes_the_report_back__the_same_bytes_go_again(fleet_world: FleetWorld, depth: int) -> None:
    world = fleet_world
    operator = reporting(world, rules=fleet_world.rules(confirmations=80))
    web3 = world.world.web3
    before = rpc.request(web3, "evm_snapshot")
    as_of = world.due(1)
    rpc.request(web3, "evm_revert", before)
    before = rpc.request(web3, "evm_snapshot")
    world.world.clock.travel(as_of + 2 * world.cadence_s + 1)
    world.tick_until(operator, lambda: world.head().as_of == as_of)
    world.tick_until(operator, lambda: states(operator)[as_of] is State.MINED)
    digest, sent = world.head().digest, operator.reporter.courier.lane.outstanding
    hashes = [one.hash for one in sent]
    if depth > 1:
        rpc.request(web3, "anvil_mine", hex(depth - 1), "0x0")
    rpc.request(web3, "evm_revert", before)
    world.world.clock.travel(as_of + 2 * world.cadence_s + 1)
    rpc.request(web3, "anvil_mine", "0x2", "0x0")
    assert world.head().as_of == 0
    world.tick_until(operator, lambda: world.head().digest == digest)
    assert promised(operator, as_of) == digest
    assert [one.hash for one in operator.reporter.courier.lane.outstanding] == hashes
    world.tick_until(operator, lambda: states(operator)[as_of] is State.MINED)


def test_tick__fees_above_the_budget__report_is_skipped_and_the_next_carries_it(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator = reporting(world, rules=fleet_world.rules(max_fee_gwei=50))
    as_of = world.due(1)
    world.set_base_fee(500)
    with pytest.raises(FeeCapError):
        operator.tick()
    assert world.head().as_of == 0
    assert states(operator)[as_of] is State.SIGNED
    later = world.due(2)
    world.set_base_fee(1)
    world.tick_until(operator, lambda: world.head().as_of == later)
    given_up = operator.store.record(FLEET, as_of)
    assert given_up is not None
    assert given_up.state is State.SKIPPED


def test_tick__somebody_else_carries_the_report__counts_as_done(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator = reporting(world, rules=fleet_world.rules(max_fee_gwei=50))
    web3 = world.world.web3
    as_of = world.due(1)
    world.set_base_fee(500)
    with pytest.raises(FeeCapError):
        operator.tick()
    record = operator.store.record(FLEET, as_of)
    assert record is not None
    assert record.digest is not None
    world.set_base_fee(1)
    carrier = Lane(web3, world.world.people.signer("investor-1"))
    signatures = operator.store.signatures(record.digest)
    reports.submit(world.system, carrier, operator.reporter.report_file(record), signatures)
    operator.tick()
    assert states(operator)[as_of] is State.FINAL


# clocks and people


def test_tick__meter_clock_an_hour_off__nothing_is_reported(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator = reporting(world, rules=fleet_world.rules(max_clock_skew_s=300))
    as_of = world.due(1)
    for skew_s in (3_600, -3_600):
        operator.source.clock_ms = lambda skew_s=skew_s: UnixMs((world.world.now() + skew_s) * 1_000)  # type: ignore[method-assign, misc]
        with pytest.raises(ClockSkewError, match=f"{skew_s} s ahead"):
            operator.tick()
    assert states(operator) == {}
    operator.source.clock_ms = lambda: UnixMs((world.world.now() + 200) * 1_000)  # type: ignore[method-assign]
    world.tick_until(operator, lambda: world.head().as_of == as_of)


def test_operator__second_daemon_on_the_store__is_told(fleet_world: FleetWorld) -> None:
    reporting(fleet_world)
    with pytest.raises(StoreBusyError):
        fleet_world.operator(VERIFIERS)


def test_operator__blank_store_where_the_chain_has_reports__refuses(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator = reporting(world)
    world.bring(operator, 1)
    operator.close()
    world.daemons.remove(operator)
    shutil.rmtree(world.operator_folders().root)
    with pytest.raises(BlankStoreError, match="this store is blank"):
        world.operator(VERIFIERS)


def test_operator__restored_backup__is_found_out_by_the_verifiers(fleet_world: FleetWorld) -> None:
    """Backup and its lock file both are old: nothing on this machine tells, but verifiers have a later signature."""
    world = fleet_world
    operator = reporting(world, rules=fleet_world.rules(max_fee_gwei=50))
    world.bring(operator, 1)
    world.tick_until(operator, lambda: states(operator)[world.hour(1)] is State.FINAL)
    operator.close()
    world.daemons.remove(operator)
    root = world.operator_folders().root
    shutil.copytree(root, world.folder / "backup")
    operator = world.operator(VERIFIERS, rules=world.rules(max_fee_gwei=50))
    operator.serve()
    world.due(2)
    world.set_base_fee(500)
    with pytest.raises(FeeCapError):
        operator.tick()
    operator.close()
    world.daemons.remove(operator)
    shutil.rmtree(root)
    shutil.copytree(world.folder / "backup", root)
    restored = world.operator(VERIFIERS)
    with pytest.raises(StaleStoreError, match="this store does not know it"):
        restored.check_peers()


def test_tick__key_used_elsewhere__stops(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator = reporting(world)
    world.bring(operator, 1)
    signed_elsewhere(world, operator)
    with pytest.raises(ForeignReportError, match="not in this store"):
        operator.tick()
    assert issubclass(ForeignReportError, UnsafeToSignError)


def restarted(world: FleetWorld, operator: OperatorDaemon, **changes: object) -> OperatorDaemon:
    operator.close()
    world.daemons.remove(operator)
    return world.operator(VERIFIERS, **changes)


def test_operator__key_used_elsewhere_long_ago__refuses_every_start(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator = reporting(world)
    world.bring(operator, 1)
    world.tick_until(operator, lambda: states(operator)[world.hour(1)] is State.FINAL)
    theirs = signed_elsewhere(world, operator)
    rpc.request(world.world.web3, "anvil_mine", "0xc8", "0x0")
    told = f"0x{theirs.digest.hex()}, is signed by our reporter key"
    with pytest.raises(ForeignReportError, match=told):
        restarted(world, operator)
    with pytest.raises(ForeignReportError, match=told):
        world.operator(VERIFIERS)


def test_operator__posted_elsewhere__refuses_to_start(fleet_world: FleetWorld) -> None:
    """Not the head, and it may never be: it is signed by our key all the same."""
    world = fleet_world
    operator = reporting(world)
    world.bring(operator, 1)
    file, signature = made_elsewhere(world, operator)
    reports.post(world.system, world.world.lane("operator-a"), file, signature, "approve")
    rpc.request(world.world.web3, "anvil_mine", "0xc8", "0x0")
    with pytest.raises(ForeignReportError, match="not in this store"):
        restarted(world, operator)


def test_operator__all_was_carried_by_others__starts(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator = reporting(world, rules=fleet_world.rules(max_fee_gwei=50))
    world.due(1)
    world.set_base_fee(500)
    with pytest.raises(FeeCapError):
        operator.tick()
    held = operator.store.latest(FLEET, State.SIGNED)
    assert held is not None
    assert held.digest is not None
    world.set_base_fee(1)
    carrier = Lane(world.world.web3, world.world.people.signer("investor-1"))
    reports.submit(world.system, carrier, operator.reporter.report_file(held), operator.store.signatures(held.digest))
    rpc.request(world.world.web3, "anvil_mine", "0xc8", "0x0")
    again = restarted(world, operator)
    again.serve()
    assert world.bring(again, 2) == world.hour(2)


def signed_elsewhere(world: FleetWorld, operator: OperatorDaemon) -> Head:
    """Let somebody with reporter and verifiers' keys make a report that the operator does not know."""
    file, by_reporter = made_elsewhere(world, operator)
    signers = [world.world.people.signer(name) for name in VERIFIERS]
    signatures = [by_reporter, *(file.sign(signer) for signer in signers)]
    reports.submit(world.system, world.world.lane("investor-1"), file, signatures)
    return world.head()


def made_elsewhere(world: FleetWorld, operator: OperatorDaemon) -> tuple[ReportFile, SignatureFile]:
    as_of = world.due(2)
    known = operator.store.latest(FLEET, State.BROADCAST, State.MINED, State.FINAL)
    assert known is not None
    assert known.report is not None
    told = known.report.model_copy(update={"as_of": as_of, "previous_digest": world.head().digest})
    file = ReportFile(chain_id=world.manifest.chain_id, oracle=world.system.oracle.address, report=told)
    return file, file.sign(world.world.people.signer("reporter-a"))


def test_operator__key_rotated__goes_on_with_the_new_key(fleet_world: FleetWorld) -> None:
    """In mid-epoch: the old key signed the report in flight; the new one builds the same and signs it too."""
    world = fleet_world
    operator = reporting(world, rules=fleet_world.rules(max_fee_gwei=50))
    world.bring(operator, 1)
    as_of = world.due(2)
    world.set_base_fee(500)
    with pytest.raises(FeeCapError):
        operator.tick()
    old = promised(operator, as_of)
    world.set_base_fee(1)
    world.system.oracle.set_reporter(world.world.lane("operator-a"), FLEET, world.world.address("investor-2"))
    operator.close()
    world.daemons.remove(operator)
    with pytest.raises(NotTheReporterError):
        world.operator(VERIFIERS)
    # The new key has a history of its own; samples before the head come from who published them.
    set_aside(world.operator_folders().store)
    world.create_store(world.operator_folders(), "investor-2", "operator")
    fresh = world.operator(VERIFIERS, reporter={"signer": "investor-2"})
    fresh.serve()
    world.tick_until(fresh, lambda: world.head().as_of == as_of)
    assert promised(fresh, as_of) == world.head().digest == old
    later = world.bring(fresh, 3)
    assert world.head().as_of == later
    # Neither what the old key signed, before the new one was named and after, nor its own reports are foreign.
    rpc.request(world.world.web3, "anvil_mine", "0xc8", "0x0")
    again = restarted(world, fresh, reporter={"signer": "investor-2"})
    again.serve()
    assert world.bring(again, 4) == world.hour(4)


def test_operator__key_rotated_and_no_verifier_publishes__goes_on_from_its_old_folder(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator = reporting(world)
    world.bring(operator, 1)
    head = world.bring(operator, 2)
    world.system.oracle.set_reporter(world.world.lane("operator-a"), FLEET, world.world.address("investor-2"))
    world.close()
    world.daemons.clear()
    old, root = world.folder / "old-key", world.operator_folders().root
    root.rename(old)
    root.mkdir()
    world.create_store(world.operator_folders(), "investor-2", "operator")
    alone = {"reporter": {"signer": "investor-2"}, "rules": world.rules(gather_s=1)}
    lost = world.operator((), **alone)
    world.due(3)
    with pytest.raises(NoPublisherError, match="no publisher is known"):
        lost.tick()
    lost.close()
    world.daemons.remove(lost)
    fresh = world.operator((), **alone, old_folder="../old-key")
    fresh.tick()
    adopted = fresh.store.record(FLEET, head)
    assert adopted is not None
    assert (adopted.state, adopted.digest) == (State.ADOPTED, world.head().digest)
    assert states(fresh)[world.hour(3)] is State.SIGNED
    names = {path.name for path in (root / "samples").iterdir()}
    assert names >= {page_name(page.rows_hash) for page in fresh.store.pages_of(FLEET, head)}, "it publishes them too"


def test_operator__old_folder_that_is_none__is_one_line(fleet_world: FleetWorld) -> None:
    world = fleet_world
    first = reporting(world)
    world.bring(first, 1)
    world.system.oracle.set_reporter(world.world.lane("operator-a"), FLEET, world.world.address("investor-2"))
    world.close()
    world.daemons.clear()
    set_aside(world.operator_folders().store)
    world.create_store(world.operator_folders(), "investor-2", "operator")
    fresh = world.operator((), reporter={"signer": "investor-2"}, old_folder="nowhere")
    world.due(2)
    with pytest.raises(NoPublisherError, match=r"nowhere/store\.sqlite") as caught:
        fresh.tick()
    assert "\n" not in caught.value.line()


def set_aside(store: Path) -> None:
    """Move a store away, with all that lies beside it."""
    for file in store.parent.glob(f"{store.name}*"):
        file.rename(file.with_name(f"old-{file.name}"))


@contextmanager
def alarm_bell() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Listen for alarms; yields where, and what came."""
    heard: list[dict[str, Any]] = []

    class Bell(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Bell)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_tick__dispute__alarm_names_the_dossier(fleet_world: FleetWorld) -> None:
    world = fleet_world
    with alarm_bell() as (url, heard):
        serve = {"public": world.endpoint("operator"), "ops": "127.0.0.1:0", "alarm_url": url}
        operator = world.operator((), rules=world.rules(quorum_deadline_s=60), serve=serve)
        operator.serve()
        as_of = world.due(1)
        operator.tick()
        world.arrive(1.1)
        digest = promised(operator, as_of)
        world.tick_until(operator, lambda: world.system.oracle.pending(FLEET).digest == digest)
        world.system.oracle.dispute(world.world.lane("verifier-3"), FLEET)
        operator.tick()
        operator.tick()
    assert [one["alarm"] for one in heard] == ["dispute"]
    assert heard[0]["dossier"] == f"http://{world.endpoint('operator')}/disputes/0x{digest.hex()}"


def test_tick__posted_report_was_struck__no_stake_is_risked_again_on_this_head(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator = world.operator(VERIFIERS, rules=world.rules(gather_s=1, quorum_deadline_s=60))
    operator.serve()
    as_of = world.due(1)
    operator.tick()
    world.arrive(1.1)
    digest = promised(operator, as_of)
    world.tick_until(operator, lambda: world.system.oracle.pending(FLEET).digest == digest)
    world.system.oracle.dispute(world.world.lane("verifier-3"), FLEET)
    world.system.oracle.rule(world.world.lane("arbiter"), FLEET, upheld=False)
    for hour in (2, 3):
        world.due(hour)
        world.arrive(hour + 0.2)
        operator.tick()
        operator.tick()
        assert world.system.oracle.pending(FLEET).digest == bytes(32)
    for name in VERIFIERS:
        world.verifier(name).serve()
    world.bring(operator, 4)
