"""A fleet's record against raw logs and states of single blocks, added up here in a few lines of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pyutils.chain import RevertedError
from pyutils.index import open_index
from pyutils.operations.event_source import NodeEvents
from pyutils.operations.lease_events import lease_ids, read_lease_events
from pyutils.portfolio.block import NoSuchBlockError
from pyutils.portfolio.fleet_record import LEASE_EVENTS, FleetRecord, read_fleet_record
from pyutils.portfolio.incidents import Kind, Outcome
from pyutils.portfolio.indexed import indexed_events
from pyutils.portfolio.origin import Origin
from pyutils.portfolio.sla import Standing
from pyutils.units import BlockNumber, FleetId, UnixSeconds

from .conftest import Played
from .raw_logs import RawLogs, account, label, topic, words

FLEETS = FleetId(1), FleetId(2)
OPEN = "Open(uint256,address,address,uint256,uint256,uint256,uint256,bytes32)"
GRANT = "GrantAccess(uint256,address,uint256,bytes32,bytes)"
SETTLE = "Settle(uint256,uint256,uint256,uint256)"
END_EARLY = "EndEarly(uint256,uint8,uint256,uint256)"
CANCEL = "Cancel(uint256,address,uint256,uint256)"
CLOSE = "Close(uint256,address,uint256,uint256,uint256,uint256)"
RELEASE = "Release(uint256,uint256)"
SLASH = "Slash(uint256,address,uint8,uint256,address,uint256)"
HEAD = "AdvanceHead(uint256,uint256,bytes32,uint256,(uint64,uint40,uint64,uint64,uint64,bytes32,bytes32,bytes32))"
POST = (
    "PostPending(uint256,uint256,bytes32,address,uint256,(uint64,uint40,uint64,uint64,uint64,bytes32,bytes32,bytes32))"
)
DISPUTE = "OpenDispute(uint256,bytes32,address,uint256)"
RULE = "RuleDispute(uint256,bytes32,bool,uint256,uint256)"
LIE = "ProveLie(uint256,address,address,uint256,address,uint256)"
DEFAULT_TIERS = ((990, 20), (950, 50), (900, 100))
"""Thresholds and credits of the terms that a deployment sets, in thousandths."""
DAY = 86_400


@pytest.fixture(scope="module")
def last(played: Played) -> int:
    return int(played.system.web3.eth.block_number)


@pytest.fixture(scope="module")
def raw(played: Played, last: int) -> RawLogs:
    return RawLogs(played.system.web3, last)


@pytest.fixture(scope="module")
def records(played: Played, last: int) -> dict[FleetId, FleetRecord]:
    return {fleet_id: read_fleet_record(played.system, fleet_id, last) for fleet_id in FLEETS}


def told(origin: Origin, name: str, logs: list[Any], last: int, times: tuple[int, int]) -> None:
    """Check that an origin names these logs; `times` are of the last of them and of the block."""
    assert (origin.told_by, origin.events, origin.block) == (name, len(logs), last)
    assert (origin.first, origin.last) == (label(logs[0], name), label(logs[-1], name))
    assert (origin.as_of, origin.age_s) == (times[0], times[1] - times[0])


@pytest.mark.parametrize("fleet_id", FLEETS)
def test_sla__every_closed_lease__is_what_the_logs_of_its_life_come_to(
    raw: RawLogs, records: dict[FleetId, FleetRecord], fleet_id: FleetId
) -> None:
    sla, closes = records[fleet_id].sla, {topic(log, 1): log for log in raw.of_leases(CLOSE, fleet_id)}
    opens = {topic(log, 1): words(log) for log in raw.of_leases(OPEN, fleet_id)}
    granted = {topic(log, 1): (raw.time(log), words(log)[0]) for log in raw.of_leases(GRANT, fleet_id)}
    ended = {topic(log, 1): (topic(log, 2), *words(log)) for log in raw.of_leases(END_EARLY, fleet_id)}
    delivered = {topic(log, 1): words(log)[0] for log in raw.of_leases(SETTLE, fleet_id)}
    assert [one.lease_id for one in sla.leases] == sorted(opens)
    fell = 0
    for one in sla.leases:
        gpus, duration, _, deposit, _ = opens[one.lease_id]
        begin, agreed_end = granted[one.lease_id]
        by, end, fee = ended.get(one.lease_id, (0, agreed_end, 0))
        assert (one.gpus, one.begin, one.agreed_end, one.end) == (gpus, begin, begin + duration, end)
        assert (one.ended_by, one.fee, one.deposit) == (by, fee, deposit)
        assert one.standing is Standing.CLOSED
        wad = delivered[one.lease_id] * 10**18 // (gpus * (end - begin) * 1_000)
        below = [credit for threshold, credit in DEFAULT_TIERS if wad < threshold * 10**15]
        assert (one.availability_wad, one.fell_below) == (wad, len(below))
        credit = deposit * below[-1] // 1_000 if below else 0
        if by == 1:
            credit = credit * (end - begin) // duration
        assert one.sla_credit == credit == words(closes[one.lease_id])[1]
        assert one.compensation == words(closes[one.lease_id])[2]
        assert one.events[0] == label(closes[one.lease_id], "Close")
        fell += bool(below)
    assert fell > 0, "the demo has leases that got less than was promised"
    assert any(not one.fell_below for one in sla.leases)


@pytest.mark.parametrize("fleet_id", FLEETS)
def test_sla__sums__are_what_the_bond_was_slashed_for_lessees(
    raw: RawLogs, records: dict[FleetId, FleetRecord], last: int, fleet_id: FleetId
) -> None:
    record = records[fleet_id]
    slashes = [log for log in raw.of(SLASH, fleet_id) if topic(log, 3) != 2]
    assert record.sla.sla_credits == sum(words(log)[2] for log in slashes if topic(log, 3) == 0) > 0
    assert record.sla.compensation == sum(words(log)[2] for log in slashes if topic(log, 3) == 1)
    closes = raw.of_leases(CLOSE, fleet_id)
    said = [words(log)[3] for log in closes]
    assert record.sla.closed == len(closes)
    assert record.sla.below == tuple(sum(wad < threshold * 10**15 for wad in said) for threshold, _ in DEFAULT_TIERS)
    block = record.view.block
    told(record.origins.sla, "Close", closes, last, (raw.time(closes[-1]), block.at))
    told(record.origins.bond, "Slash", slashes, last, (raw.time(slashes[-1]), block.at))


@pytest.mark.parametrize("fleet_id", FLEETS)
def test_leasing__whole_life__is_what_the_book_said_block_by_block(
    played: Played, records: dict[FleetId, FleetRecord], last: int, fleet_id: FleetId
) -> None:
    """Ask every block how many GPUs were leased and installed, and add up the time until the next."""
    system, record = played.system, records[fleet_id]
    begin = record.view.row.fleet.commissioned_at
    taken, there, by_day = 0, 0, dict[str, list[int]]()
    times = {number: int(system.web3.eth.get_block(number)["timestamp"]) for number in range(1, last + 1)}
    for number in range(system.manifest.first_block, last):
        if times[number] < begin:
            continue
        leased, installed = system.lease_book.leased_gpus(fleet_id, number), system.registry.fleet(fleet_id, number)
        if times[number] < times[number + 1]:
            assert record.leasing.leased.count_at(UnixSeconds(times[number])) == leased
        at = times[number]
        while at < times[number + 1]:
            until = min(times[number + 1], (at // DAY + 1) * DAY)
            day = by_day.setdefault(datetime.fromtimestamp(at, UTC).date().isoformat(), [0, 0])
            day[0] += leased * (until - at) * 1_000
            day[1] += installed.capacity * (until - at) * 1_000
            at = until
        taken += leased * (times[number + 1] - times[number]) * 1_000
        there += installed.capacity * (times[number + 1] - times[number]) * 1_000
    leasing = record.leasing
    assert (leasing.leased_gpu_ms, leasing.installed_gpu_ms) == (taken, there)
    assert leasing.leased_wad == taken * 10**18 // there > 0
    days = {datetime.fromtimestamp(one.begin, UTC).date().isoformat(): one for one in leasing.days}
    found = {day: [one.leased_gpu_ms, one.installed_gpu_ms] for day, one in days.items()}
    assert [one.begin for one in leasing.days[1:]] == [one.end for one in leasing.days[:-1]]
    assert leasing.days[-1].end == record.view.block.at
    assert {day: row for day, row in found.items() if any(row)} == by_day


@pytest.mark.parametrize("fleet_id", FLEETS)
def test_earnings__per_gpu_hour__are_rent_and_fees_over_what_was_delivered_and_there(
    raw: RawLogs, records: dict[FleetId, FleetRecord], fleet_id: FleetId
) -> None:
    record = records[fleet_id]
    settles = raw.of_leases(SETTLE, fleet_id)
    rent = sum(words(log)[2] for log in settles)
    fees = sum(words(log)[1] for log in raw.of_leases(END_EARLY, fleet_id))
    fees += sum(words(log)[1] for log in raw.of_leases(CANCEL, fleet_id))
    delivered = sum({topic(log, 1): words(log)[0] for log in settles}.values())
    available = words(raw.of(HEAD, fleet_id)[-1])[4]
    earnings = record.earnings
    assert earnings.earned == rent + fees
    assert earnings.per_delivered_gpu_hour == (rent + fees) * 3_600_000 // delivered
    assert earnings.per_available_gpu_hour == (rent + fees) * 3_600_000 // available
    assert earnings.per_delivered_gpu_hour is not None
    assert earnings.per_available_gpu_hour is not None
    assert 0 < earnings.per_available_gpu_hour <= earnings.per_delivered_gpu_hour


@pytest.mark.parametrize("fleet_id", FLEETS)
def test_meter__energy_figures__are_joules_over_time_of_the_last_report(
    raw: RawLogs, records: dict[FleetId, FleetRecord], last: int, fleet_id: FleetId
) -> None:
    record, heads = records[fleet_id], raw.of(HEAD, fleet_id)
    _, _, _, as_of, available, _, joules, *_ = words(heads[-1])
    meter, fleet = record.figures.meter, record.view.row.fleet
    assert meter is not None
    seconds = as_of - fleet.commissioned_at
    # watts = joules ÷ seconds of one GPU
    assert meter.milliwatts_per_available_gpu == joules * 1_000 * 1_000 // available
    assert meter.milliwatts_per_installed_gpu == joules * 1_000 // (fleet.capacity * seconds)
    assert meter.board_wh_per_day == joules * DAY // (3_600 * seconds)
    assert 0 < meter.milliwatts_per_available_gpu <= fleet.board_power_watts * 1_100
    told(record.origins.meter, "AdvanceHead", heads, last, (as_of, record.view.block.at))
    assert meter.origin.age_s == record.view.block.at - as_of


def test_incidents__first_fleet__a_report_on_one_word_was_disputed_and_struck(
    played: Played, raw: RawLogs, records: dict[FleetId, FleetRecord]
) -> None:
    (post,), (dispute,), (rule,) = raw.of(POST, 1), raw.of(DISPUTE, 1), raw.of(RULE, 1)
    posted, disputed = records[FLEETS[0]].incidents
    assert (posted.kind, posted.outcome, posted.block) == (Kind.POSTED_ALONE, Outcome.STRUCK, post["blockNumber"])
    assert (posted.who, posted.amount) == ((account(words(post)[1]),), words(post)[2])
    assert (posted.at, posted.decided_at, posted.as_of) == (raw.time(post), raw.time(rule), topic(post, 2))
    assert (disputed.kind, disputed.outcome) == (Kind.DISPUTE, Outcome.STRUCK)
    assert (disputed.who, disputed.amount) == ((account(topic(dispute, 3)),), words(dispute)[0])
    upheld, to_winner, to_loss_fund = words(rule)
    assert not upheld
    assert [(one.to, one.amount) for one in disputed.paid] == [
        (disputed.who[0], to_winner),
        (played.system.loss_fund.address, to_loss_fund),
    ]
    assert disputed.events == (label(dispute, "OpenDispute"), label(rule, "RuleDispute"))


def test_incidents__second_fleet__a_lie_cost_a_stake(raw: RawLogs, records: dict[FleetId, FleetRecord]) -> None:
    (log,) = raw.of(LIE, 2)
    (lie,) = records[FLEETS[1]].incidents
    as_of, _, slashed = words(log)
    assert (lie.kind, lie.outcome, lie.as_of, lie.amount) == (Kind.LIE, Outcome.SLASHED, as_of, slashed)
    assert lie.who == (account(topic(log, 2)),)
    slashes = [one for one in raw.of(SLASH, 2) if topic(one, 3) == 2]
    assert [(one.to, one.amount) for one in lie.paid] == [
        (account(words(slash)[1]), words(slash)[2]) for slash in slashes
    ]
    assert sum(one.amount for one in lie.paid) == slashed > 0


def test_record__earlier_block__knows_nothing_of_later(
    played: Played, raw: RawLogs, records: dict[FleetId, FleetRecord]
) -> None:
    (dispute,) = raw.of(DISPUTE, 1)
    early = read_fleet_record(played.system, FLEETS[0], dispute["blockNumber"])
    posted, disputed = early.incidents
    assert (posted.outcome, disputed.outcome) == (Outcome.OPEN, Outcome.OPEN)
    assert (disputed.decided_at, disputed.paid) == (None, ())
    assert early.sla.closed == 0
    assert early.origins.sla.events == 0
    assert early.origins.sla.age_s is None
    assert {one.standing for one in early.sla.leases} == {Standing.RUNNING}
    for one in early.sla.leases:
        if one.proved_until:
            assert one.deliverable == one.gpus * (one.proved_until - one.begin) * 1_000
            assert one.availability_wad == one.delivered * 10**18 // one.deliverable
    assert early.leasing.leased.steps == tuple(
        step for step in records[FLEETS[0]].leasing.leased.steps if step[0] <= early.view.block.at
    )


def test_record__nothing_there__is_refused(played: Played, last: int) -> None:
    with pytest.raises(RevertedError, match="unknown fleet"):
        read_fleet_record(played.system, FleetId(9))
    with pytest.raises(NoSuchBlockError):
        read_fleet_record(played.system, FLEETS[0], last + 1_000)


def test_record__from_the_index__is_that_from_the_node(
    played: Played, records: dict[FleetId, FleetRecord], last: int, tmp_path: Path
) -> None:
    with open_index(played.indexed(tmp_path), played.manifest) as index:
        for fleet_id in FLEETS:
            found = read_fleet_record(played.system, fleet_id, last, indexed_events(index, played.system.web3))
            assert found == records[fleet_id]


def test_lease_events__of_more_leases_than_are_asked_for__are_the_same(
    played: Played, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = NodeEvents(played.system, BlockNumber(last))
    ids = lease_ids(played.system, source, FLEETS[1])
    asked_for = read_lease_events(source, ids, LEASE_EVENTS)
    monkeypatch.setattr("pyutils.operations.lease_events._ASKED_FOR", 1)
    assert read_lease_events(source, ids, LEASE_EVENTS) == asked_for
    assert all(life[0].name == "Open" for life in asked_for.values())
