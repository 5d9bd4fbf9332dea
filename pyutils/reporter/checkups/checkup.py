"""Is a reporter or a verifier fit to run? What it needs is looked at, thing by thing, and how to mend each is said.

It goes on where one thing is not well, as far as that makes sense. Nothing is promised, reported or sent to the chain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pyutils.chain import Signer
from pyutils.errors import GpuRwaError
from pyutils.manifest import Manifest
from pyutils.models import parse_address
from pyutils.operations.doctor import Finding, note, well, wrong
from pyutils.reporter.checkups import chain as chain_checkup
from pyutils.reporter.checkups import machine as machine_checkup
from pyutils.reporter.checkups.meter import MeterCheckup
from pyutils.reporter.parts import Chain
from pyutils.reporter.publishing.fetch import Fetcher
from pyutils.reporter.publishing.rebuilding import PublishedGpuLists
from pyutils.reporter.settings.config import OperatorConfig, PeerConfig, SignerConfig, VerifierConfig, WatchedFleet
from pyutils.reporter.settings.folders import Folders
from pyutils.reporter.settings.keys import open_key
from pyutils.reporter.setup import identity_of
from pyutils.reporter.starting import check_never_reported
from pyutils.reporter.store.identity import Role
from pyutils.reporter.store.view import look_into
from pyutils.reporter.view import View, look
from pyutils.reporter.witness.envelope import reporter_domain
from pyutils.reporter.witness.peers import Peer, PeerClient
from pyutils.units import FleetId

Prompt = Callable[[str], str]

PUBLISHER = "gpu-rwa publisher"
VERIFIER = "gpu-rwa verifier"


@dataclass(frozen=True)
class _Checkup:
    """What both kinds of daemon are looked at for."""

    folders: Folders
    chain: Chain
    prompt: Prompt
    is_running: bool

    @classmethod
    def over(cls, folders: Folders, manifest: Manifest, urls: Sequence[str], prompt: Prompt) -> _Checkup:
        running = machine_checkup.is_running(folders.store)
        return cls(folders, Chain.over(manifest, urls), prompt, running)

    def open(self, what: str, config: SignerConfig) -> tuple[Finding, Signer | None]:
        """Return whether a key opens and signs, and the key."""
        try:
            signer = open_key(config, self.folders.root, self.chain.manifest.chain_id, self.prompt)
        except GpuRwaError as error:
            return wrong(what, error.line()), None
        return machine_checkup.key(what, signer), signer

    def view(self, fleet_id: FleetId) -> View | Finding:
        """Return a fleet as it is on chain, or that it cannot be read."""
        try:
            return look(self.chain.system, fleet_id)
        except GpuRwaError as error:
            return wrong(f"fleet {fleet_id}", error.line())

    def store(self, signer: Signer | None, role: Role, fleet_ids: Sequence[FleetId]) -> Iterator[Finding]:
        """Yield what is in the store; without a key only where a daemon uses it."""
        if signer is None and not self.is_running:
            yield note("store", "not looked at, since whose it must be is not known")
            return
        account = "0x" + "00" * 20 if signer is None else signer.address
        identity = identity_of(self.chain.system, account, role)
        yield from machine_checkup.store(self.folders.store, identity, fleet_ids, self.is_running)

    def peers(
        self, fleet_id: FleetId, peers: Sequence[PeerConfig], quorum: int, signer: Signer | None
    ) -> Iterator[Finding]:
        """Yield which verifiers answer; fewer than the quorum is wrong, any other one that does not is worth a note."""
        found = [self._peer(fleet_id, Peer(parse_address(peer.address), peer.url), signer) for peer in peers]
        is_enough = sum(one.is_well for one in found) >= quorum
        for one in found:
            yield one if one.is_well or not is_enough else note(one.what, one.said)

    def _peer(self, fleet_id: FleetId, peer: Peer, signer: Signer | None) -> Finding:
        what, manifest, oracle = f"verifier {peer.address}", self.chain.manifest, self.chain.system.oracle.address
        told = machine_checkup.answer(peer.url)
        if isinstance(told, str):
            return wrong(what, f"does not answer: {told}", "Check its URL, and ask its keeper")
        ours = {"service": VERIFIER, "address": peer.address, "chain_id": manifest.chain_id, "oracle": oracle}
        other = next((name for name, value in ours.items() if told.get(name) != value), None)
        if other is not None:
            return wrong(what, f"what answers is of another {other}: {str(told.get(other))[:60]}", "Check its URL")
        if signer is None:
            return well(what, "answers")
        try:
            PeerClient(peer, reporter_domain(manifest.chain_id, oracle), signer).seen(fleet_id)
        except GpuRwaError as error:
            return wrong(what, error.line())
        return well(what, "answers, and knows this key")


def operator_checkup(
    config: OperatorConfig, folders: Folders, manifest: Manifest, urls: Sequence[str], prompt: Prompt
) -> Iterator[Finding]:
    """Yield what was found of a fleet's reporter.

    Args:
        config: its configuration.
        folders: its files.
        manifest: the deployment.
        urls: RPC endpoints.
        prompt: asks for a password where no file holds it.

    """
    checkup = _Checkup.over(folders, manifest, urls, prompt)
    system, fleet_id = checkup.chain.system, FleetId(config.fleet)
    yield from chain_checkup.endpoints(urls, manifest)
    found, reporter = checkup.open("reporter key", config.reporter)
    yield found
    found, gas = checkup.open("gas key", config.gas)
    yield found
    yield from checkup.store(reporter, "operator", [fleet_id])
    yield machine_checkup.disk(folders.root)
    yield machine_checkup.published(config.serve, PUBLISHER, checkup.is_running)
    view = checkup.view(fleet_id)
    if isinstance(view, Finding):
        yield view
        return
    yield chain_checkup.clock(view, manifest.chain_id)
    yield from chain_checkup.fleet(system, view)
    if reporter is not None:
        yield chain_checkup.reporter(view, reporter.address)
    verifiers = [parse_address(one.address) for one in config.verifiers]
    yield from chain_checkup.verifiers(view, verifiers)
    is_named = reporter is not None and reporter.address == view.reporter
    yield from checkup.peers(fleet_id, config.verifiers, view.quorum, reporter if is_named else None)
    if gas is not None:
        yield chain_checkup.gas(system, gas.address, view.quorum)
        yield chain_checkup.stake_to_post(system, view, gas.address, config.rules.post_alone)
    yield chain_checkup.bond(system, view)
    meter = MeterCheckup(
        system, view, folders.gpu_lists, config.meter, config.power, folders.root, folders.journal,
        config.rules.max_clock_skew_s, checkup.is_running,
    )  # fmt: skip
    yield from meter.look()
    yield from _history(checkup, view, reporter)


def verifier_checkup(
    config: VerifierConfig, folders: Folders, manifest: Manifest, urls: Sequence[str], prompt: Prompt
) -> Iterator[Finding]:
    """Yield what was found of a verifier. Arguments are as `operator_checkup` has them."""
    checkup = _Checkup.over(folders, manifest, urls, prompt)
    yield from chain_checkup.endpoints(urls, manifest)
    found, verifier = checkup.open("verifier key", config.verifier)
    yield found
    gas: Signer | None = None
    if config.gas is not None:
        found, gas = checkup.open("gas key", config.gas)
        yield found
    yield from checkup.store(verifier, "verifier", [FleetId(one.fleet) for one in config.fleets])
    yield machine_checkup.disk(folders.root)
    yield machine_checkup.published(config.serve, VERIFIER, checkup.is_running)
    for fleet in config.fleets:
        yield from _watched(checkup, config, fleet, verifier, gas)


def _watched(
    checkup: _Checkup, config: VerifierConfig, fleet: WatchedFleet, verifier: Signer | None, gas: Signer | None
) -> Iterator[Finding]:
    view, system = checkup.view(FleetId(fleet.fleet)), checkup.chain.system
    if isinstance(view, Finding):
        yield view
        return
    what = f"fleet {fleet.fleet}"
    yield chain_checkup.clock(view, checkup.chain.manifest.chain_id)
    if verifier is not None:
        yield _appointed(what, view, verifier.address)
    fetcher = Fetcher(fleet.operator_url, checkup.folders.root)
    yield _operator(what, view, fleet, fetcher)
    if fleet.peers:
        yield from checkup.peers(view.fleet_id, fleet.peers, max(0, view.quorum - 1), None)
    if gas is not None:
        yield chain_checkup.gas(system, gas.address, view.quorum)
    meter = MeterCheckup(
        system, view, PublishedGpuLists(fetcher), fleet.meter, fleet.power, checkup.folders.root,
        checkup.folders.journal / str(fleet.fleet), config.rules.max_clock_skew_s, checkup.is_running,
        f"meter of fleet {fleet.fleet}",
    )  # fmt: skip
    yield from meter.look()


def _appointed(what: str, view: View, account: str) -> Finding:
    if account in view.verifiers:
        return well(what, f"{account} is verifier {view.verifiers.index(account)}, {view.quorum} must sign")
    mend = f"The verifier admin appoints it: `gpurwa admin verifiers {view.fleet_id} …`"
    return wrong(what, f"{account} is no verifier of it", mend)


def _operator(what: str, view: View, fleet: WatchedFleet, fetcher: Fetcher) -> Finding:
    what = f"{what}: operator"
    told = machine_checkup.answer(fleet.operator_url)
    if isinstance(told, str):
        return wrong(what, f"does not answer: {told}", "Check operator_url, and ask the operator")
    if told.get("service") != PUBLISHER:
        return wrong(what, "what answers is no publisher of reports", "Check operator_url")
    try:
        head = fetcher.head(view.fleet_id)
    except GpuRwaError as error:
        return wrong(what, error.line())
    if head is not None and head.report_file.digest == view.head.digest:
        return well(what, f"publishes the head, which is as of {view.head.as_of}")
    return well(
        what, "publishes, and does not have the head" if any(view.head.digest) else "publishes; there is no head yet"
    )


def _history(checkup: _Checkup, view: View, reporter: Signer | None) -> Iterator[Finding]:
    """Yield where the store is blank and the chain has reports of its key."""
    if reporter is None or not checkup.folders.store.exists():
        return
    try:
        with look_into(checkup.folders.store) as store:
            if store.latest_promise(view.fleet_id) is None:
                check_never_reported(checkup.chain.system, view, reporter.address)
    except GpuRwaError as error:
        yield wrong("history", error.line())
