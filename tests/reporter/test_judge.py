"""A verifier against an operator that means it ill: reports out of turn, too many, more than a disk or a day takes."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from pyutils.models import MeterReport, PageRef
from pyutils.operations.report_files import ReportFile
from pyutils.reporter.operator_daemon import OperatorDaemon
from pyutils.reporter.publishing import rebuilding
from pyutils.reporter.publishing.fetch import Fetcher, PublisherError
from pyutils.reporter.store.promises import DoubleSignError
from pyutils.reporter.store.store import Store
from pyutils.reporter.witness.peers import PeerClient, PeerRefusedError, PeerUnreachableError
from pyutils.reporter.witness.proposal import Proposal
from pyutils.units import UnixSeconds

from .fleet_world import FLEET, FleetWorld


class Crook:
    """An operator that reported once, and a verifier that it now asks for what it should not ask for."""

    def __init__(self, world: FleetWorld) -> None:
        self.world = world
        self.operator: OperatorDaemon = world.operator(("verifier-1", "verifier-2"), rules=world.rules(gather_s=1))
        self.operator.serve()
        self.verifier = world.verifier("verifier-1")
        self.verifier.serve()
        world.verifier("verifier-2").serve()
        self.head = world.bring(self.operator, 1)
        self.kept = set(self.verifier.folders.samples.iterdir())
        self.key = world.world.people.signer("reporter-a")

    @property
    def client(self) -> PeerClient:
        return self.operator.clients[0]

    @property
    def store(self) -> Store:
        return self.verifier.store

    def due(self, hour: int) -> Proposal:
        """Return the honest proposal as of an hour, which the verifier has not seen."""
        as_of = self.world.due(hour)
        view = self.operator.look()
        record = self.operator.reporter.begin(view, as_of)
        told = self.operator.reporter.leaf_file(as_of).report(view.head.digest)
        self.operator.store.build(FLEET, record.as_of, told)
        return self.operator.reporter.proposal(self.operator.store.sign_off(FLEET, as_of))

    def fetched_pages(self) -> set[Path]:
        """Return the pages that the verifier has and did not have at the head."""
        return set(self.verifier.folders.samples.iterdir()) - self.kept

    def saying(self, proposal: Proposal, pages: tuple[PageRef, ...] | None = None, **changes: object) -> Proposal:
        """Return a proposal changed and signed anew; to its key nothing is sacred."""
        told = MeterReport.model_validate(dict(proposal.report_file.report) | changes)
        file = ReportFile(chain_id=self.world.manifest.chain_id, oracle=self.world.system.oracle.address, report=told)
        refs = proposal.pages if pages is None else pages
        return Proposal(report_file=file, signature=file.sign(self.key), pages=refs)

    def refused(self, proposal: Proposal) -> PeerRefusedError:
        with pytest.raises(PeerRefusedError) as refused:
            self.client.propose(proposal)
        assert "\n" not in str(refused.value)
        return refused.value


@pytest.fixture
def crook(fleet_world: FleetWorld) -> Crook:
    return Crook(fleet_world)


@pytest.fixture
def fetched(crook: Crook, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of all that the verifier asks the publisher for from here on."""
    asked: list[str] = []
    stream = httpx.Client.stream

    def watched(client: httpx.Client, method: str, url: str, **more: object) -> object:
        if url.startswith(crook.world.url("operator")):
            asked.append(url.removeprefix(crook.world.url("operator")))
        return stream(client, method, url, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(httpx.Client, "stream", watched)
    return asked


def test_judge__as_of_the_head_or_before__is_refused_before_anything_is_fetched(
    crook: Crook, fetched: list[str]
) -> None:
    honest, head = crook.due(2), crook.head
    fetched.clear()
    for as_of in (head - 3_600, head + 1, head + 59):
        refused = crook.refused(crook.saying(honest, as_of=as_of))
        assert refused.code == "OutOfTurnError"
        assert f"{as_of} is not 60 s after the head, as of {head}" in refused.refusal
        assert crook.store.promised(FLEET, UnixSeconds(as_of)) is None
    assert crook.refused(crook.saying(honest, as_of=head)).code == DoubleSignError.__name__
    assert fetched == []
    crook.client.propose(honest)


def test_judge__as_of_the_future__is_asked_to_come_again(crook: Crook, fetched: list[str]) -> None:
    honest = crook.due(2)
    fetched.clear()
    for later in (1, 3_600, 2**39):
        as_of = honest.report_file.report.as_of + 2 * crook.world.cadence_s + later
        with pytest.raises(PeerUnreachableError, match="HTTP status 503"):
            crook.client.propose(crook.saying(honest, as_of=as_of))
        assert crook.store.promised(FLEET, UnixSeconds(as_of)) is None
    assert fetched == []


def test_judge__a_report_for_every_second__signs_one_a_minute(crook: Crook, fetched: list[str]) -> None:
    honest = crook.due(2)
    crook.client.propose(honest)
    fetched.clear()
    as_of = honest.report_file.report.as_of
    for other in (as_of - 59, as_of - 1, as_of + 1):
        assert crook.refused(crook.saying(honest, as_of=other)).code == "OutOfTurnError"
    assert crook.refused(crook.saying(honest, busy_gpu_ms=0)).code == DoubleSignError.__name__
    assert fetched == []
    assert crook.client.propose(honest).signer == crook.verifier.signer.address, "the same again is the same answer"
    assert len(crook.store.newest(FLEET, 10)) == 2, "the head and this one"


def test_judge__another_fleet_or_another_one__is_no_proposer(crook: Crook, fetched: list[str]) -> None:
    world = crook.world
    honest = crook.due(2)
    with pytest.raises(PeerUnreachableError, match="may not propose for fleet 2"):
        crook.client.propose(crook.saying(honest, fleet_id=2))
    fetched.clear()
    crook.key = world.world.people.signer("investor-1")
    stranger = PeerClient(crook.client.peer, crook.verifier.domain, crook.key)
    with pytest.raises(PeerUnreachableError, match="may not propose for fleet 1"):
        stranger.propose(crook.saying(honest))
    assert fetched == []


def test_judge__pages_of_hours_to_come__refused_in_one_line(crook: Crook, fetched: list[str]) -> None:
    honest = crook.due(2)
    last = honest.pages[-1].hour
    more = tuple(PageRef(hour=last + 1 + i, rows_hash=i.to_bytes(32), whole=True) for i in range(20_000))
    fetched.clear()
    refused = crook.refused(crook.saying(honest, (*honest.pages, *more)))
    assert refused.code == "LeafFileError"
    assert f"a page of hour {last + 20_000} is behind it" in refused.refusal
    assert [name for name in fetched if name.startswith("/samples")] == []


def test_judge__page_larger_than_the_fleet_can_fill__refused_and_not_kept(
    crook: Crook, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = crook.due(2)
    monkeypatch.setattr(rebuilding, "page_limit", lambda _: 1_000)
    refused = crook.refused(honest)
    assert refused.code == "PublisherError"
    assert "it unpacks to more than 1000 bytes" in refused.refusal or "larger than" in refused.refusal
    assert crook.fetched_pages() == set()


def test_judge__pages_that_give_another_report__are_not_kept(crook: Crook) -> None:
    honest = crook.due(2)
    refused = crook.refused(crook.saying(honest, busy_gpu_ms=0))
    assert refused.code == "LeafFileError"
    assert crook.fetched_pages() == set()
    crook.client.propose(honest)
    assert len(crook.fetched_pages()) == len(honest.pages)


def test_judge__publisher_that_takes_its_time__is_given_up(crook: Crook, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = crook.due(2)
    monkeypatch.setattr(rebuilding, "_PATIENCE_S", -1e9)
    with pytest.raises(PeerUnreachableError, match="HTTP status 503"):
        crook.client.propose(honest)
    assert crook.store.promised(FLEET, UnixSeconds(honest.report_file.report.as_of)) is None
    monkeypatch.undo()
    crook.client.propose(honest)


def test_page_limit__a_fleet__has_room_for_two_samples_a_second_and_no_more() -> None:
    row = len("gpu-1,1767225600000,1000000,9223372036854775807\n")
    assert rebuilding.page_limit(["gpu-1"]) >= 7_200 * row
    assert rebuilding.page_limit(["gpu-1"] * 10) == 10 * rebuilding.page_limit(["gpu-1"])
    assert rebuilding.page_limit([]) == 0


def test_gpu_list__more_lines_than_any_fleet_has__refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetcher = Fetcher("http://127.0.0.1:9", tmp_path)

    def stream(_what: str, _limit: int, take: object) -> None:
        for _ in range(2**21):
            take(b"a\nb\r")  # type: ignore[operator]

    monkeypatch.setattr(fetcher._downloads, "stream", stream)
    with pytest.raises(PublisherError, match="it has more than 1048576 lines"):
        fetcher.gpu_list(bytes(32))
    assert list((tmp_path / "gpus").iterdir()) == []
