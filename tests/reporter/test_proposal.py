"""Proposals have one form, are signed by their proposer, and are refused in one line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyutils.models import PageRef
from pyutils.reporter.witness.proposal import MAX_PROPOSAL_BYTES, Proposal, ProposalError

from .stage import OPERATOR, STRANGER, proposal_of, report_file


def changed(**paths: Any) -> bytes:
    fields = json.loads(proposal_of(report_file()).to_bytes())
    for path, value in paths.items():
        *way, last = path.split("__")
        place = fields
        for step in way:
            place = place[step]
        place[last] = value
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def test_parse__its_own_bytes__same_proposal() -> None:
    told = proposal_of(report_file())
    assert Proposal.parse(told.to_bytes()) == told
    assert (told.fleet_id, told.proposer, told.digest) == (1, OPERATOR.address, told.report_file.digest)


@given(hours=st.lists(st.integers(0, 2**32 - 1), unique=True, max_size=20), whole=st.booleans())
def test_parse__any_pages_in_order__same_bytes(hours: list[int], whole: bool) -> None:
    pages = tuple(PageRef(hour=hour, rows_hash=hour.to_bytes(32), whole=whole) for hour in sorted(hours))
    told = proposal_of(report_file()).model_copy(update={"pages": pages})
    assert Proposal.parse(told.to_bytes()) == told


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the body: Invalid JSON"),
        (b"[]", "the body: Input should be an object"),
        (b'{"pages":[]}', "report_file: Field required"),
        (b"[" * 100_000, "the body: Invalid JSON"),
        (b" " * (MAX_PROPOSAL_BYTES + 1), f"{MAX_PROPOSAL_BYTES + 1} bytes are more than {MAX_PROPOSAL_BYTES}"),
        (proposal_of(report_file()).to_bytes() + b"\n", "not in canonical form"),
        (changed(format="gpu-rwa-proposal/2"), "format: Input should be"),
        (changed(url="http://169.254.169.254/"), "url: Extra inputs are not permitted"),
        (changed(report_file__chain_id=-1), "-1 does not fit uint256"),
        (changed(report_file__chain_id=10**4299), "does not fit uint256"),
        (changed(report_file__report__as_of=1_700_000_001), "is over 0x"),
        (changed(signature__signer=STRANGER.address), f"is {OPERATOR.address}'s, not {STRANGER.address}'s"),
        (changed(signature__signature="0x00"), "1 bytes are no signature"),
        (changed(signature__signature="0x" + "ff" * 65), "are no signature"),
        (changed(pages=[]).replace(b'"pages":[]', b'"pages":[],"pages":[]'), "not in canonical form"),
    ],
    ids=range(15),
)
def test_parse__malformed__one_line(data: bytes, reason: str) -> None:
    with pytest.raises(ProposalError) as refused:
        Proposal.parse(data)
    assert reason in str(refused.value)
    assert "\n" not in refused.value.line()


def test_parse__pages_out_of_order__refused() -> None:
    page = {"hour": 5, "rows_hash": "0x" + "00" * 32, "whole": True}
    for pages in ([page, page], [page, {**page, "hour": 4}]):
        with pytest.raises(ProposalError, match="out of order or there twice"):
            Proposal.parse(changed(pages=pages))
