"""A verifier as its peers know it, and the ways in which it gives no signature."""

from __future__ import annotations

from dataclasses import dataclass

from pyutils.chain.provider import shown
from pyutils.errors import GpuRwaError


@dataclass(frozen=True, slots=True)
class Peer:
    """A verifier, and where it answers."""

    address: str
    """In checksum case."""
    url: str

    def __str__(self) -> str:
        return f"verifier {self.address} at {shown(self.url)}"


class PeerError(GpuRwaError):
    """A verifier gave no signature."""

    def __init__(self, peer: Peer, reason: str) -> None:
        super().__init__(f"{peer}: {reason}")
        self.peer, self.reason = peer, reason


class PeerUnreachableError(PeerError):
    """A verifier gave no signed answer: it is down, slow or busy, or does not know who asks."""

    remedy = "Check its address here, and there that it runs and knows this fleet's reporter key"

    def __init__(self, peer: Peer, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(peer, reason)
        self.retry_after_s = retry_after_s


class PeerRefusedError(PeerError):
    """A verifier refused to sign, and signed its refusal."""

    remedy = "Mend what it names; the report can still be posted alone, with a stake"

    def __init__(self, peer: Peer, reason: str, code: str) -> None:
        super().__init__(peer, f"refused: {reason}")
        self.refusal, self.code = reason, code


class PeerLiedError(PeerError):
    """What answers for a verifier does not have its key, answers something else, or signed another digest."""

    remedy = "Check the verifier's address and URL; if they are right, ask its keeper"
