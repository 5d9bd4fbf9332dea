"""Audits of a demo's end: what is so holds, what is missing is unknown, and whatever a node makes up is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pyutils.audit import Check, LeafFiles, Verdict, audit_fleet, audit_lease
from pyutils.audit.checks import MismatchError, raise_for
from pyutils.audit.lease import UnknownLeaseError
from pyutils.chain import RevertedError
from pyutils.contracts.base import event_shape
from pyutils.units import BlockNumber, FleetId, LeaseId

from .conftest import Played

if TYPE_CHECKING:
    from tests import faulty_rpc as faulty
else:
    import faulty_rpc as faulty

FLEETS = FleetId(1), FleetId(2)
EARLY_LEASE = LeaseId(1 << 32 | 1)


@pytest.fixture
def liar(played: Played) -> Iterator[faulty.FaultyRpc]:
    with faulty.FaultyRpc(played.url) as endpoint:
        yield endpoint


def found(checks: tuple[Check, ...], verdict: Verdict) -> list[Check]:
    return [one for one in checks if one.verdict is verdict]


def in_log(contract: str, event: str, word: int, nth: int = 0) -> faulty.Fault:
    """Make a node add one to a word of the data of the nth such event that it tells."""
    topic = "0x" + event_shape(contract, event).topic.hex()

    def change(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        mine = [row for row in rows if row["topics"][0] == topic]
        if nth < len(mine):
            data = bytearray.fromhex(mine[nth]["data"][2:])
            data[32 * word + 31] ^= 1
            mine[nth]["data"] = "0x" + data.hex()
        return rows

    return faulty.altered(change)


@pytest.mark.parametrize("fleet_id", FLEETS)
def test_audit_fleet__honest_demo__everything_holds(played: Played, fleet_id: FleetId) -> None:
    audit = audit_fleet(played.system, fleet_id, played.files)
    assert len(audit.reports) > 5
    assert len(audit.leases) == played.system.lease_book.lease_count(fleet_id)
    assert all(one.verdict is Verdict.HOLDS for one in audit.checks)
    what = {one.what for one in audit.checks}
    assert {"digest", "previous digest", "counters", "leaf file", "commitments", "deliveries", "signatures"} <= what
    raise_for(audit.checks)
    for lease in audit.leases:
        told = played.system.lease_book.lease(lease.lease_id)
        assert (lease.rent, lease.fee, lease.refunded) == (told.paid, told.fee, told.refunded)
        assert lease.deposit == lease.rent + lease.fee + lease.refunded + lease.held


def test_audit_fleet__earlier_block__knows_nothing_of_later(played: Played) -> None:
    whole = audit_fleet(played.system, FLEETS[0], played.files)
    third = whole.reports[2]
    part = audit_fleet(played.system, FLEETS[0], played.files, third.block)
    assert [one.digest for one in part.reports] == [one.digest for one in whole.reports[:3]]
    assert found(part.checks, Verdict.WRONG) == []
    assert sum(one.rent for one in part.leases) < sum(one.rent for one in whole.leases)


def test_audit_fleet__no_leaf_files__says_what_it_could_not_verify(played: Played) -> None:
    audit = audit_fleet(played.system, FLEETS[0], LeafFiles())
    unknown = found(audit.checks, Verdict.UNKNOWN)
    assert {one.what for one in unknown} == {"leaf file", "delivery"}
    assert all("no location is given" in one.said for one in unknown)
    assert found(audit.checks, Verdict.WRONG) == []


def test_audit_fleet__rotten_file__is_not_believed(played: Played, tmp_path: Any) -> None:
    name = next((played.out / "leaf_files").iterdir()).name
    (tmp_path / name).write_bytes(b"no gzip")
    audits = [audit_fleet(played.system, one, LeafFiles([tmp_path])) for one in FLEETS]
    said = [one.said for audit in audits for one in found(audit.checks, Verdict.UNKNOWN) if name in one.said]
    assert any("cannot be read" in one for one in said)


@pytest.mark.parametrize(
    ("event", "word", "what"),
    [
        ("AdvanceHead", 0, "digest"),
        ("AdvanceHead", 1, "signatures"),
        ("AdvanceHead", 4, "leaf file"),
        ("AdvanceHead", 5, "leaf file"),
        ("AdvanceHead", 9, "previous digest"),
    ],
)
def test_audit_fleet__node_alters_a_report__is_named(
    played: Played, liar: faulty.FaultyRpc, event: str, word: int, what: str
) -> None:
    liar.fault("eth_getLogs", in_log("MeterOracle", event, word, nth=2))
    audit = audit_fleet(played.system_at(liar.url), FLEETS[0], played.files)
    wrong = found(audit.checks, Verdict.WRONG)
    assert what in {one.what for one in wrong}
    with pytest.raises(MismatchError, match=rf"{event} in block {audit.reports[2].block}, 0x[0-9a-f]{{64}}: "):
        raise_for(audit.checks)


@pytest.mark.parametrize(
    ("event", "word", "what"),
    [
        ("Open", 3, "deposit"),
        ("GrantAccess", 0, "end"),
        ("Settle", 0, "delivery"),
        ("Settle", 2, "rent"),
        ("EndEarly", 0, "end"),
        ("EndEarly", 1, "fee"),
        ("Close", 0, "refund"),
        ("Close", 1, "SLA credit"),
        ("Close", 2, "compensation"),
        ("Close", 3, "availability"),
    ],
)
def test_audit_lease__node_alters_an_event__is_named(
    played: Played, liar: faulty.FaultyRpc, event: str, word: int, what: str
) -> None:
    leases = [one.lease_id for fleet_id in FLEETS for one in audit_fleet(played.system, fleet_id, LeafFiles()).leases]
    liar.fault("eth_getLogs", in_log("LeaseBook", event, word))
    system, named = played.system_at(liar.url), set()
    for lease_id in leases:
        wrong = found(audit_lease(system, lease_id, played.files).checks, Verdict.WRONG)
        named |= {one.what for one in wrong if one.event.startswith(event)}
    assert what in named


def changed(key: str, change: Callable[[str], str]) -> faulty.Fault:
    return faulty.altered(lambda row: {**row, key: change(row[key])})


def test_audit_fleet__signature_of_another__is_wrong(played: Played, liar: faulty.FaultyRpc) -> None:
    # the last word of a call of `submit` is the last verifier's `vs`
    liar.fault("eth_getTransactionByHash", changed("input", lambda data: f"{data[:-1]}{int(data[-1], 16) ^ 1:x}"))
    audit = audit_fleet(played.system_at(liar.url), FLEETS[0], played.files)
    assert {one.what for one in found(audit.checks, Verdict.WRONG)} == {"signatures"}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (changed("to", lambda _: "0x" + "11" * 20), "another contract carried it"),
        (changed("input", lambda data: data[:12]), "does not decode"),
        (faulty.result(None), "the node does not have the transaction"),
    ],
)
def test_audit_fleet__signatures_out_of_sight__are_unknown(
    played: Played, liar: faulty.FaultyRpc, fault: faulty.Fault, said: str
) -> None:
    liar.fault("eth_getTransactionByHash", fault)
    audit = audit_fleet(played.system_at(liar.url), FLEETS[0], played.files)
    unknown = found(audit.checks, Verdict.UNKNOWN)
    assert len(unknown) == len(audit.reports)
    assert all(one.what == "signatures" and said in one.said for one in unknown)
    assert found(audit.checks, Verdict.WRONG) == []


def test_audit_fleet__node_without_old_states__says_so(played: Played, liar: faulty.FaultyRpc) -> None:
    newest = hex(played.system.web3.eth.block_number)
    pruned = faulty.error("missing trie node")

    def old(body: dict[str, Any], forward: faulty.Forward) -> faulty.Reply:
        healthy = body["params"][1] in (newest, "latest")
        return faulty.altered(lambda answer: answer)(body, forward) if healthy else pruned(body, forward)

    liar.fault("eth_call", old)
    audit = audit_fleet(played.system_at(liar.url), FLEETS[0], played.files, BlockNumber(int(newest, 16)))
    unknown = found(audit.checks, Verdict.UNKNOWN)
    assert {one.what for one in unknown} == {"commitments", "signatures"}
    assert all("missing trie node" in one.said for one in unknown)
    assert found(audit.checks, Verdict.WRONG) == []


def test_audit__nothing_there__is_refused(played: Played) -> None:
    with pytest.raises(UnknownLeaseError, match="there is no lease 77 on devnet"):
        audit_lease(played.system, LeaseId(77), played.files)
    with pytest.raises(RevertedError, match="unknown fleet"):
        audit_fleet(played.system, FleetId(9), played.files)
