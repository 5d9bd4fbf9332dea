"""A verifier's daemon: judges proposals for its fleets, and may report for them while the operator is silent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import orjson

from pyutils.chain import Lane, Signer
from pyutils.errors import GpuRwaError
from pyutils.manifest import Manifest
from pyutils.meter import SampleSource
from pyutils.models import parse_address
from pyutils.operations.report_files import SignatureFile
from pyutils.reporter.adoption import note_fate
from pyutils.reporter.courier import Courier
from pyutils.reporter.judge import Judge
from pyutils.reporter.loop import Loop, stopped_by_signals
from pyutils.reporter.parts import Chain, listen_at, open_key, open_lane
from pyutils.reporter.publishing.fetch import Fetcher
from pyutils.reporter.publishing.publisher import publisher_routes
from pyutils.reporter.publishing.rebuilding import PublishedGpuLists
from pyutils.reporter.publishing.shelf import StoreShelf
from pyutils.reporter.reporter import Reporter
from pyutils.reporter.settings.config import VerifierConfig, WatchedFleet
from pyutils.reporter.settings.folders import Folders
from pyutils.reporter.settings.sources import open_source
from pyutils.reporter.store.identity import Identity
from pyutils.reporter.store.store import Store, StoreJournal
from pyutils.reporter.upkeep.alarms import Alarms
from pyutils.reporter.upkeep.health import Health, ops_app
from pyutils.reporter.upkeep.meter_watch import MeterWatch
from pyutils.reporter.upkeep.metrics import Metrics
from pyutils.reporter.upkeep.purse import Purse
from pyutils.reporter.upkeep.telemetry import Telemetry
from pyutils.reporter.view import NO_DIGEST, View, look
from pyutils.reporter.web.answers import web_app
from pyutils.reporter.web.serving import Server
from pyutils.reporter.witness.envelope import reporter_domain
from pyutils.reporter.witness.peers import Peer, PeerClient
from pyutils.reporter.witness.proposal import Proposal
from pyutils.reporter.witness.verifier_service import VerifierService
from pyutils.units import MS_PER_SECOND, FleetId, Ms, UnixSeconds

_LOG = logging.getLogger(__name__)

TICK_LIMIT_S = 900.0
STAGGER_S = 1_800
"""The fleet's first verifier reports alone as soon as it may, each further one so much later, if none did before."""


class VerifierDaemon:
    """All that a verifier is made of; leaving its `with` block lets go of it."""

    def __init__(
        self,
        config: VerifierConfig,
        folders: Folders,
        manifest: Manifest,
        urls: Sequence[str],
        prompt: Callable[[str], str],
    ) -> None:
        """Open chain, keys, store and meters. Raises what any of them raises; nothing was signed, and nothing runs."""
        self.config, self.folders = config, folders
        self.chain = Chain.over(manifest, urls)
        self.metrics = Metrics(urls)
        self.health = Health(TICK_LIMIT_S)
        self.telemetry = Telemetry(self.metrics, self.health)
        here, oracle = folders.root, self.chain.system.oracle.address
        self.signer = open_key(config.verifier, here, manifest.chain_id, prompt)
        self.domain = reporter_domain(manifest.chain_id, oracle)
        gas = None if config.gas is None else open_key(config.gas, here, manifest.chain_id, prompt)
        self.health.ready("keys")
        identity = Identity(chain_id=manifest.chain_id, oracle=oracle, signer=self.signer.address, role="verifier")
        self.store = Store.open(folders.store, identity)
        self.heads: dict[FleetId, bytes] = {}
        self.sources: dict[FleetId, SampleSource] = {}
        self._servers: list[Server] = []
        try:
            self.judges = {FleetId(one.fleet): self._judge(one) for one in config.fleets}
            self.meters = MeterWatch(list(self.sources.values()), self.metrics, self.health)
            self.purse = None if gas is None else Purse(self.chain.system.web3, gas.address, self.metrics)
            self.reporters = [] if gas is None else self._open_reporters(gas)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def serve(self) -> dict[str, str]:
        """Answer proposals, publish, and show metrics and health. Returns where, by name."""
        service = VerifierService(self.domain, self.signer, self._may_propose, self._sign, self._seen)
        shelf = StoreShelf(self.store, self.folders, self.chain.manifest.chain_id, self.domain.contract, self.heads)
        apps = {
            "public": (web_app([*service.routes, *publisher_routes(shelf)]), self.config.serve.public),
            "ops": (ops_app(self.metrics, self.health), self.config.serve.ops),
        }
        found = {}
        for name, (app, endpoint) in apps.items():
            server = Server(app, *listen_at(endpoint))
            found[name] = server.start()
            self._servers.append(server)
        return found

    def tick(self) -> None:
        """See how each fleet stands, and report alone where the operator has been silent for long enough."""
        trouble: list[GpuRwaError] = []
        self.meters.look()
        try:
            views = {fleet_id: look(self.chain.system, fleet_id) for fleet_id in self.judges}
            for fleet_id, view in views.items():
                self.heads[fleet_id] = view.head.digest
                note_fate(self.store, view)
            self.telemetry.saw(list(views.values()), self.store, self.config.rules)
            self._tell_success(list(views.values()))
            if self.purse is not None:
                self.purse.look(max(view.quorum for view in views.values()))
            for reporter in self.reporters:
                try:
                    reporter.tick(views[reporter.fleet_id])
                except GpuRwaError as error:
                    trouble.append(error)
        finally:
            self.chain.count_into(self.metrics)
        if trouble:
            raise trouble[0]

    def _tell_success(self, views: Sequence[View]) -> None:
        """Tell when the oldest of the fleets' heads was accepted, where this verifier signed them all."""
        heads = [(view.fleet_id, view.head) for view in views if view.head.digest != NO_DIGEST]
        signed = [
            head.accepted_at
            for fleet_id, head in heads
            if self.store.promised(fleet_id, UnixSeconds(head.as_of)) == head.digest
        ]
        if len(signed) == len(views):
            self.metrics.succeeded(min(signed))

    def run(self) -> None:
        """Tick until SIGTERM or Ctrl-C. Raises `UnsafeToSignError` where nothing may be signed any more."""
        loop = Loop(self.tick, self.health, self.config.rules.poll_s)
        with stopped_by_signals(loop):
            loop.run()

    def _judge(self, fleet: WatchedFleet) -> Judge:
        fleet_id, here, system = FleetId(fleet.fleet), self.folders.root, self.chain.system
        cadence_ms = Ms(system.registry.fleet(fleet_id).sample_cadence * MS_PER_SECOND)
        journal = self.folders.journal / str(fleet_id)
        source = self.sources[fleet_id] = open_source(fleet.meter, here, journal, cadence_ms)
        fetchers = {"": Fetcher(fleet.operator_url, here)}
        fetchers |= {str(parse_address(peer.address)): Fetcher(peer.url, here) for peer in fleet.peers}
        return Judge(system, self.store, self.signer, fleet, source, fetchers)

    def _open_reporters(self, gas: Signer) -> list[Reporter]:
        # One account has one lane, whichever fleets it pays for.
        lane, journal = open_lane(self.chain, gas, self.config.rules, self.store)
        return [self._reporter(one, lane, journal) for one in self.config.fleets]

    def _reporter(self, fleet: WatchedFleet, lane: Lane, journal: StoreJournal) -> Reporter:
        fleet_id, system = FleetId(fleet.fleet), self.chain.system
        judge = self.judges[fleet_id]
        peers = [Peer(parse_address(one.address), one.url) for one in fleet.peers]
        before = sum(int(peer.address, 16) < int(self.signer.address, 16) for peer in peers)
        return Reporter(
            fleet_id=fleet_id,
            system=system,
            store=self.store,
            folders=self.folders,
            lists=PublishedGpuLists(judge.fetchers[""]),
            source=judge.source,
            power=fleet.power,
            signer=self.signer,
            courier=Courier(fleet_id, system, lane, self.store, journal, self.telemetry),
            clients=[PeerClient(peer, self.domain, self.signer) for peer in peers],
            publishers=list(judge.fetchers.values()),
            rules=self.config.rules,
            telemetry=self.telemetry,
            alarms=Alarms(self.config.serve.alarm_url),
            silence_s=STAGGER_S * before,
        )

    def _may_propose(self, fleet_id: FleetId, account: str) -> bool:
        judge = self.judges.get(fleet_id)
        return judge is not None and judge.may_propose(account)

    def _seen(self, fleet_id: FleetId, proposer: str) -> Any:
        body = self.store.seen(fleet_id, proposer)
        return None if body is None else orjson.loads(body)

    def _sign(self, proposal: Proposal) -> SignatureFile:
        return self.judges[proposal.fleet_id].judge(proposal)

    def close(self) -> None:
        """Stop serving, and let go of meters and store."""
        for server in self._servers:
            server.stop()
        for source in self.sources.values():
            source.close()
        self.store.close()
