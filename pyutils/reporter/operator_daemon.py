"""The operator's daemon: one fleet's reporter, its watcher, what it publishes, and how it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from pyutils.manifest import Manifest
from pyutils.meter import SampleSource
from pyutils.models import parse_address
from pyutils.reporter.courier import Courier
from pyutils.reporter.loop import Loop, stopped_by_signals
from pyutils.reporter.parts import Chain, listen_at, open_key, open_lane
from pyutils.reporter.publishing.fetch import Fetcher
from pyutils.reporter.publishing.old_folder import OldFolder
from pyutils.reporter.publishing.publisher import publisher_routes
from pyutils.reporter.publishing.shelf import StoreShelf
from pyutils.reporter.reporter import Reporter
from pyutils.reporter.settings.config import OperatorConfig
from pyutils.reporter.settings.folders import Folders
from pyutils.reporter.settings.sources import open_source
from pyutils.reporter.starting import check_history, check_peers, check_reporter
from pyutils.reporter.store.identity import Identity
from pyutils.reporter.store.store import Store
from pyutils.reporter.upkeep.alarms import Alarms
from pyutils.reporter.upkeep.health import Health, ops_app
from pyutils.reporter.upkeep.meter_watch import MeterWatch
from pyutils.reporter.upkeep.metrics import Metrics
from pyutils.reporter.upkeep.purse import Purse
from pyutils.reporter.upkeep.telemetry import Telemetry
from pyutils.reporter.view import View, look
from pyutils.reporter.watcher import Watcher
from pyutils.reporter.web.answers import web_app
from pyutils.reporter.web.serving import Server
from pyutils.reporter.witness.envelope import reporter_domain
from pyutils.reporter.witness.peers import Peer, PeerClient
from pyutils.units import MS_PER_SECOND, FleetId, Ms

TICK_LIMIT_S = 900.0
"""A tick may take so long: building and gathering for a large fleet take minutes."""


class OperatorDaemon:
    """All that an operator's reporter is made of; leaving its `with` block lets go of it."""

    def __init__(
        self,
        config: OperatorConfig,
        folders: Folders,
        manifest: Manifest,
        urls: Sequence[str],
        prompt: Callable[[str], str],
    ) -> None:
        """Open chain, keys, store and meter, and see that the store knows what its key signed.

        Raises what any of them raises; nothing was signed, and nothing runs.
        """
        self.config, self.folders = config, folders
        self.fleet_id = FleetId(config.fleet)
        self.chain = Chain.over(manifest, urls)
        system, here = self.chain.system, folders.root
        self.metrics = Metrics(urls, [one.address for one in config.verifiers])
        self.health = Health(TICK_LIMIT_S)
        self.telemetry = Telemetry(self.metrics, self.health)
        signer = open_key(config.reporter, here, manifest.chain_id, prompt)
        gas = open_key(config.gas, here, manifest.chain_id, prompt)
        self.health.ready("keys")
        identity = Identity(
            chain_id=manifest.chain_id, oracle=system.oracle.address, signer=signer.address, role="operator"
        )
        self.store = Store.open(folders.store, identity)
        try:
            view = look(system, self.fleet_id)
            check_reporter(view, signer)
            check_history(system, self.store, view, signer)
            domain = reporter_domain(manifest.chain_id, system.oracle.address)
            peers = [Peer(parse_address(one.address), one.url) for one in config.verifiers]
            self.clients = [PeerClient(peer, domain, signer) for peer in peers]
            cadence_ms = Ms(view.fleet.sample_cadence * MS_PER_SECOND)
            self.source: SampleSource = open_source(config.meter, here, folders.journal, cadence_ms)
            self.meters = MeterWatch([self.source], self.metrics, self.health)
            self.purse = Purse(system.web3, gas.address, self.metrics)
            lane, journal = open_lane(self.chain, gas, config.rules, self.store)
            alarms = Alarms(config.serve.alarm_url)
            self.reporter = Reporter(
                fleet_id=self.fleet_id,
                system=system,
                store=self.store,
                folders=folders,
                lists=folders.gpu_lists,
                source=self.source,
                power=config.power,
                signer=signer,
                courier=Courier(self.fleet_id, system, lane, self.store, journal, self.telemetry),
                clients=self.clients,
                publishers=self._publishers(peers),
                rules=config.rules,
                telemetry=self.telemetry,
                alarms=alarms,
            )
            self.watcher = Watcher(
                self.fleet_id,
                system,
                self.store,
                alarms,
                self.metrics,
                f"{config.serve.shown_url}/disputes/",
                signer.address,
                view.block,
            )
        except BaseException:
            self.store.close()
            raise
        self.heads = {self.fleet_id: view.head.digest}
        self._servers: list[Server] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving, and let go of meter and store."""
        for server in self._servers:
            server.stop()
        self.source.close()
        self.store.close()

    def _publishers(self, peers: Sequence[Peer]) -> list[Fetcher]:
        """Return where the samples of a head may be that this store does not have."""
        here, old = self.folders.root, self.config.old_folder
        near = [] if old is None else [OldFolder(here / old, here, self.folders.gpu_lists)]
        return [*near, *(Fetcher(peer.url, here) for peer in peers)]

    def serve(self) -> dict[str, str]:
        """Publish, and show metrics and health. Returns where, by name."""
        manifest = self.chain.manifest
        shelf = StoreShelf(self.store, self.folders, manifest.chain_id, self.chain.system.oracle.address, self.heads)
        apps = {
            "public": (web_app(publisher_routes(shelf)), self.config.serve.public),
            "ops": (ops_app(self.metrics, self.health), self.config.serve.ops),
        }
        found = {}
        for name, (app, endpoint) in apps.items():
            host, port = listen_at(endpoint)
            server = Server(app, host, port)
            found[name] = server.start()
            self._servers.append(server)
        return found

    def check_peers(self) -> None:
        """Ask the verifiers whether they have a signature of ours that the store does not know."""
        check_peers(self.store, self.fleet_id, self.reporter.signer, self.clients)

    def tick(self) -> None:
        """Do what can be done now."""
        self.meters.look()
        try:
            view = self.look()
            self.reporter.tick(view)
        finally:
            self.chain.count_into(self.metrics)

    def look(self) -> View:
        """Return the fleet as it is on chain now, and tell of it. Raises `ForeignReportError`.

        Nothing may be signed, and no report called final, by a view whose events were not watched.
        """
        view = look(self.chain.system, self.fleet_id)
        self.heads[self.fleet_id] = view.head.digest
        self.watcher.watch(view)
        self.telemetry.saw([view], self.store, self.config.rules)
        self.purse.look(view.quorum)
        return view

    def run(self) -> None:
        """Serve, and tick until SIGTERM or Ctrl-C. Raises `UnsafeToSignError` where nothing may be signed any more."""
        self.check_peers()
        loop = Loop(self.tick, self.health, self.config.rules.poll_s)
        with stopped_by_signals(loop):
            loop.run()
