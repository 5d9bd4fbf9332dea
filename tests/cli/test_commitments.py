"""What the chain commits a report to, read as of times before, at and after every change; on anvil."""

from __future__ import annotations

import pytest

from pyutils.chain import rpc
from pyutils.cli.session import state_folder
from pyutils.contracts import System
from pyutils.models import Allocation, Enrolment
from pyutils.operations import commitments
from pyutils.operations.commitments import (
    Commitments,
    ReportTimeError,
    final_block_at,
    read_commitments,
    samples_close_at,
)
from pyutils.operations.gpu_lists import GpuLists, UnknownGpuRootError
from pyutils.operations.history import NoBlockError, block_number, block_time
from pyutils.units import FleetId, LeaseId, UnixSeconds

from .shell import LiveFleet, Shell, confirm, listed, opened, reported, signed, twice

OWNER = ("--account", "operator-a")


@pytest.fixture
def system(sh: Shell) -> System:
    return System.at(sh.chain.web3, sh.chain.manifest)


class Chain:
    """A fleet's chain, on which time passes a bit after every change, so that it has a before and an after."""

    def __init__(self, sh: Shell, system: System, fleet: LiveFleet) -> None:
        self.sh, self.system, self.fleet_id = sh, system, FleetId(fleet.fleet_id)
        self.lists = GpuLists(state_folder("devnet") / "gpus")
        self.sh.clock.advance(100)

    def now(self) -> UnixSeconds:
        """Return the time of the newest block, and let time pass."""
        at = block_time(self.system.web3, "latest")
        self.sh.clock.advance(100)
        return at

    def told(self, as_of: int) -> Commitments:
        return read_commitments(self.system, self.lists, self.fleet_id, UnixSeconds(as_of))

    def commissioned(self) -> UnixSeconds:
        return UnixSeconds(self.system.registry.fleet(self.fleet_id).commissioned_at)

    def grant(self, lease: int, *gpu_ids: str) -> UnixSeconds:
        connection = self.sh.write("connection.txt", "ssh gpu@203.0.113.7")
        named = [part for gpu_id in gpu_ids for part in ("--gpu", gpu_id)]
        self.sh("lease", "grant", lease, *named, "--connection", connection, *OWNER)
        return self.now()


@pytest.fixture
def chain(sh: Shell, system: System, fleet: LiveFleet) -> Chain:
    return Chain(sh, system, fleet)


def times(told: Commitments) -> dict[str, tuple[int, int | None]]:
    return {one.gpu_id: (one.since, one.until) for one in told.enrolments}


def served(told: Commitments) -> list[tuple[int, str, int, int]]:
    return sorted((one.lease_id, one.gpu_id, one.start, one.end) for one in told.allocations)


def test_read__fleet_grows_and_gpus_are_replaced__each_is_dated_by_the_chain(
    chain: Chain, sh: Shell, fleet: LiveFleet
) -> None:
    begin, number = chain.commissioned(), fleet.fleet_id
    assert times(chain.told(begin)) == dict.fromkeys(fleet.gpu_ids, (begin, None))

    more = (*fleet.gpu_ids, "gpu-9")
    sh("fleet", "grow", number, "--gpus", listed(sh, more), *OWNER)
    requested = chain.now()
    twice(sh, confirm(sh, number, more))
    grew = chain.now()
    others = (*more[1:], "gpu-7")
    sh("fleet", "replace-boards", number, "--gpus", listed(sh, others), *OWNER)
    replaced = chain.now()
    sh("fleet", "shrink", number, "--gpus", listed(sh, others[:3]), *OWNER)
    shrank = chain.now()

    four = dict.fromkeys(fleet.gpu_ids, (begin, None))
    for as_of in (begin, requested, grew - 1):
        assert times(chain.told(as_of)) == four
        assert chain.told(as_of).fleet.capacity == 4
    five = four | {"gpu-9": (grew, None)}
    for as_of in (grew, replaced - 1):
        assert times(chain.told(as_of)) == five
    swapped = five | {"gpu-0": (begin, replaced), "gpu-7": (replaced, None)}
    for as_of in (replaced, shrank - 1):
        assert times(chain.told(as_of)) == swapped
    left = swapped | {"gpu-7": (replaced, shrank), "gpu-9": (grew, shrank)}
    assert others[:3] == ("gpu-1", "gpu-2", "gpu-3")
    for as_of in (shrank, shrank + 50):
        assert times(chain.told(as_of)) == left
        assert chain.told(as_of).fleet.capacity == 3


def test_read__leases_are_granted_moved_and_closed__as_of_the_block(chain: Chain, sh: Shell, fleet: LiveFleet) -> None:
    first = LeaseId(opened(sh, fleet))
    granted = chain.now()
    second = LeaseId(
        sh.json("lease", "open", fleet.fleet_id, "--gpus", 2, "--for", "8h", "--account", "lessee-1")["lease"]
    )
    asked = chain.now()
    began = chain.grant(second, "gpu-2", "gpu-3")
    moved = chain.grant(first, "gpu-1")
    back = chain.grant(first, "gpu-0")
    end, second_end = granted + 8 * 3_600, began + 8 * 3_600

    assert chain.told(granted - 1).leases == ()
    assert chain.told(granted - 1).allocations == ()
    for as_of in (granted, asked, began - 1):
        assert chain.told(as_of).leases == (first,), "what is not granted is in no report"
        assert served(chain.told(as_of)) == [(first, "gpu-0", granted, end)]
    both = [(second, "gpu-2", began, second_end), (second, "gpu-3", began, second_end)]
    for as_of in (began, moved - 1):
        assert chain.told(as_of).leases == (first, second)
        assert served(chain.told(as_of)) == [(first, "gpu-0", granted, end), *both]
    one_move = [(first, "gpu-0", granted, moved), (first, "gpu-1", moved, end), *both]
    for as_of in (moved, back - 1):
        assert served(chain.told(as_of)) == one_move
    two_moves = [
        (first, "gpu-0", granted, moved),
        (first, "gpu-0", back, end),
        (first, "gpu-1", moved, back),
        *both,
    ]
    assert served(chain.told(back)) == two_moves
    before_end = chain.told(back)

    sh("lease", "end", second, "--account", "lessee-1")
    ended = chain.now()
    early = sh.json("lease", "show", second)["end"]
    assert early < second_end
    assert {one.end for one in chain.told(ended).allocations if one.lease_id == second} == {early}
    assert {one.end for one in chain.told(ended - 1).allocations if one.lease_id == second} == {second_end}

    for who, out in (("operator-a", "a.json"), ("lessee-1", "b.json")):
        sh("lease", "agree", second, "--delivered", "1", "--out", out, "--account", who)
    sh.clock.travel(early + 2 * 86_400)
    sh("lease", "close", second, "--agreed", "a.json", "--agreed", "b.json", "--account", "investor-3")
    closed = chain.now()
    assert chain.told(closed - 1).leases == (first, second)
    assert chain.told(closed).leases == (first,)
    assert {one.lease_id for one in chain.told(closed).allocations} == {first}
    assert chain.told(back) == before_end, "what was true then is true for ever"


def test_read__any_time__has_all_values_of_its_block(chain: Chain, sh: Shell, fleet: LiveFleet, system: System) -> None:
    lease = opened(sh, fleet)
    at = chain.now()
    told = chain.told(at + 50)
    assert told.block == block_number(system.web3, "latest") - 1
    assert block_time(system.web3, told.block) == at
    assert told.fleet == system.registry.fleet(told.fleet_id, told.block)
    assert told.cadence_ms == 60_000
    assert samples_close_at(told.fleet, told.as_of) == told.as_of + 120
    assert told.leases == (lease,)
    assert all(isinstance(one, Enrolment) for one in told.enrolments)
    assert all(isinstance(one, Allocation) for one in told.allocations)
    seen: list[tuple[int, int]] = []
    read_commitments(system, chain.lists, told.fleet_id, told.as_of, lambda done, of: seen.append((done, of)))
    assert seen == [(1, 1)]


def test_read__before_the_fleet_was_commissioned__is_refused(chain: Chain, system: System) -> None:
    begin = chain.commissioned()
    chain.told(begin)
    with pytest.raises(ReportTimeError, match=f"fleet 1 was not commissioned yet at {begin - 1}"):
        chain.told(begin - 1)
    first = block_time(system.web3, system.manifest.first_block)
    with pytest.raises(NoBlockError):
        chain.told(first - 1)


def test_read__list_of_gpus_is_not_on_file__is_refused(chain: Chain) -> None:
    for file in chain.lists.folder.iterdir():
        file.unlink()
    with pytest.raises(UnknownGpuRootError) as caught:
        chain.told(chain.commissioned())
    assert "gpurwa fleet gpus" in caught.value.line()
    assert "\n" not in caught.value.line()


def test_build__report_of_a_lease__commits_to_what_was_read(sh: Shell, fleet: LiveFleet, chain: Chain) -> None:
    """The command builds a report from these, and one that was closed by then is in none."""
    report = reported(sh, fleet)
    signatures = signed(sh, report, "reporter-a", "verifier-1", "verifier-2")
    sh("report", "submit", report, *signatures, "--account", "operator-a")
    as_of = sh.json("fleet", "head", fleet.fleet_id)["as_of"]
    told = chain.told(as_of)
    assert told.leases == ()
    assert [one.gpu_id for one in told.enrolments] == list(fleet.gpu_ids)


# when a block is the last one of a time for good


def test_final_block__newest_block_of_a_devnet__may_be_followed_by_one_of_its_time(sh: Shell, system: System) -> None:
    web3 = system.web3
    newest = block_number(web3, "latest")
    at = block_time(web3, newest)
    for as_of in (at, at + 1_000):
        with pytest.raises(ReportTimeError, match=f"block {newest} need not be the last one at {as_of}"):
            final_block_at(system, UnixSeconds(as_of))
    sh.clock.travel(at + 1_000)
    assert final_block_at(system, UnixSeconds(at)) == final_block_at(system, UnixSeconds(at + 999)) == newest
    with pytest.raises(ReportTimeError):
        final_block_at(system, UnixSeconds(at + 1_000))


def test_final_block__on_a_real_chain__waits_until_a_later_one_is_final(
    sh: Shell, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last block of a time being final is not enough: one of the same time may still come behind it."""
    monkeypatch.setattr(commitments, "DEV_CHAINS", frozenset())
    web3 = system.web3
    newest = block_number(web3, "latest")
    at = block_time(web3, newest)
    sh.clock.travel(at + 12)
    with pytest.raises(ReportTimeError, match="no later one is final yet") as caught:
        final_block_at(system, at)
    assert "\n" not in caught.value.line()
    while block_number(web3, "finalized") < newest:
        sh.clock.mine()
    assert block_number(web3, "finalized") == newest
    with pytest.raises(ReportTimeError, match="no later one is final yet"):
        final_block_at(system, at)
    sh.clock.mine()
    assert final_block_at(system, at) == final_block_at(system, UnixSeconds(at + 11)) == newest


def test_final_block__chain_without_finality__is_deep_enough(
    sh: Shell, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commitments, "DEV_CHAINS", frozenset())
    web3 = system.web3
    newest = block_number(web3, "latest")
    at = block_time(web3, newest)
    sh.clock.advance(1)
    rpc.request(web3, "anvil_mine", hex(commitments.FINALITY.confirmations + 1))
    assert final_block_at(system, at) == newest
