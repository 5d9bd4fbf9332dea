"""What a proposer asks verifiers to sign: a report, the proposer's own signature, and the pages of samples behind it.

A proposal names hashes only. Where their files are fetched stands in each verifier's own configuration, so that nobody
can make a verifier ask an address of his choice.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Final, Literal, Self

from pydantic import ValidationError, field_validator

from pyutils.errors import GpuRwaError, InputError
from pyutils.models import FrozenModel, PageRef
from pyutils.operations.report_files import ReportFile, SignatureFile
from pyutils.units import FleetId

MAX_PROPOSAL_BYTES: Final = 2**22
"""A proposal may have so many bytes; four years of hourly pages take them."""


class ProposalError(InputError):
    """Bytes are no proposal, or one whose signature is not its proposer's."""

    remedy = "Propose again with the same release as the verifier's"

    def __init__(self, reason: str) -> None:
        super().__init__(f"proposal: {reason}")
        self.reason = reason


class Proposal(FrozenModel):
    """A report that its proposer signed and asks others to sign: the operator's, or, without it, a verifier's."""

    format: Literal["gpu-rwa-proposal/1"] = "gpu-rwa-proposal/1"
    report_file: ReportFile
    signature: SignatureFile
    """The proposer's own signature of the report."""
    pages: tuple[PageRef, ...]
    """Pages that are new, or newly whole, since the report before, by hour; the publisher lists all older ones."""

    @field_validator("pages")
    @classmethod
    def _check_order(cls, pages: tuple[PageRef, ...]) -> tuple[PageRef, ...]:
        for one, next_one in pairwise(pages):
            if next_one.hour <= one.hour:
                raise ValueError(f"hour {next_one.hour} is out of order or there twice")
        return pages

    @property
    def digest(self) -> bytes:
        """What is to be signed."""
        return self.report_file.digest

    @property
    def fleet_id(self) -> FleetId:
        """The fleet that the report is about."""
        return self.report_file.report.fleet_id

    @property
    def proposer(self) -> str:
        """The account that proposes."""
        return self.signature.signer

    def to_bytes(self) -> bytes:
        """Return the canonical bytes: JSON with sorted keys and no blanks."""
        fields = self.model_dump(mode="json")
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Return the proposal in `data`, its proposer's signature checked.

        Raises `ProposalError` where it is too large, malformed, not canonical, or not signed by its proposer.
        """
        if len(data) > MAX_PROPOSAL_BYTES:
            raise ProposalError(f"{len(data)} bytes are more than {MAX_PROPOSAL_BYTES}")
        try:
            proposal = cls.model_validate_json(data)
            proposal.signature.check(proposal.digest)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the body"
            raise ProposalError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from error
        except GpuRwaError as error:
            raise ProposalError(error.message) from error
        if proposal.to_bytes() != data:
            raise ProposalError("its bytes are not in canonical form")
        return proposal
