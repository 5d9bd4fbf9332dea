"""Operator and verifiers with real keys, and the reports that they sign, for tests of what they say to each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from eth_utils.address import to_checksum_address

from pyutils.chain import LocalSigner, dev_signer
from pyutils.models import MeterReport, PageRef
from pyutils.operations.report_files import ReportFile, SignatureFile
from pyutils.reporter.web.answers import web_app
from pyutils.reporter.web.serving import Server
from pyutils.reporter.witness.envelope import reporter_domain
from pyutils.reporter.witness.peers import Peer, PeerClient, PeerTimeouts
from pyutils.reporter.witness.proposal import Proposal
from pyutils.reporter.witness.verifier_service import VerifierService
from pyutils.units import FleetId

CHAIN_ID = 31337
ORACLE = to_checksum_address("0x" + "0a" * 20)
DOMAIN = reporter_domain(CHAIN_ID, ORACLE)
OPERATOR = dev_signer(CHAIN_ID, 0)
STRANGER = dev_signer(CHAIN_ID, 9)
FLEET = FleetId(1)
AS_OF = 1_700_000_000
QUICK = PeerTimeouts(connect_s=2, answer_s=10)


def verifier_key(place: int) -> LocalSigner:
    return dev_signer(CHAIN_ID, 1 + place)


def report_file(fleet_id: int = FLEET, as_of: int = AS_OF, oracle: str = ORACLE, **fields: Any) -> ReportFile:
    told = {
        "fleet_id": fleet_id,
        "as_of": as_of,
        "available_gpu_ms": 3_600_000,
        "busy_gpu_ms": 1_800_000,
        "energy_joules": 2_000_000,
        "lease_root": bytes(32),
        "data_hash": b"\x01" * 32,
        "previous_digest": bytes(32),
    }
    return ReportFile(chain_id=CHAIN_ID, oracle=oracle, report=MeterReport.model_validate(told | fields))


def proposal_of(file: ReportFile, signer: LocalSigner = OPERATOR) -> Proposal:
    hour = file.report.as_of // 3600
    pages = tuple(PageRef(hour=hour + i, rows_hash=bytes([i + 1]) * 32, whole=i == 0) for i in range(2))
    return Proposal(report_file=file, signature=file.sign(signer), pages=pages)


class Verifier:
    """A verifier on a port of this machine. Its judge signs whatever comes, unless it is given another."""

    def __init__(
        self,
        place: int,
        judge: Callable[[Proposal], SignatureFile] | None = None,
        proposers: tuple[LocalSigner, ...] = (OPERATOR,),
    ) -> None:
        self.key = verifier_key(place)
        self.proposers = {one.address for one in proposers}
        self.judged: list[Proposal] = []
        self.newest: dict[int, Any] = {}
        self._answer = judge
        self.service = VerifierService(DOMAIN, self.key, self.is_proposer, self.judge, self.seen)
        self.server = Server(web_app(self.service.routes))

    def is_proposer(self, fleet_id: FleetId, account: str) -> bool:
        return fleet_id > 0 and account in self.proposers

    def seen(self, fleet_id: FleetId, proposer: str) -> Any:
        return self.newest.get(fleet_id) if proposer in self.proposers else None

    def judge(self, proposal: Proposal) -> SignatureFile:
        self.judged.append(proposal)
        if self._answer is not None:
            return self._answer(proposal)
        return proposal.report_file.sign(self.key)

    def peer(self) -> Peer:
        return Peer(self.key.address, self.server.url)

    def client(self, signer: LocalSigner = OPERATOR, timeouts: PeerTimeouts = QUICK) -> PeerClient:
        return PeerClient(self.peer(), DOMAIN, signer, timeouts)

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
