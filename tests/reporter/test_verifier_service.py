"""A verifier signs for proposers that it knows, says why it refuses, and gives strangers nothing."""

from __future__ import annotations

import http.client
import json
import logging
import threading
from urllib.parse import urlsplit

import httpx
import pytest

from pyutils.chain import ChainProtocolError, LocalSigner
from pyutils.errors import InputError, SigningError
from pyutils.operations.report_files import SignatureFile
from pyutils.reporter.store.errors import StoreError
from pyutils.reporter.witness.envelope import AUDIENCE_HEADER, SIGNER_HEADER, Envelope
from pyutils.reporter.witness.peers import PeerRefusedError, PeerUnreachableError
from pyutils.reporter.witness.proposal import MAX_PROPOSAL_BYTES, Proposal
from pyutils.reporter.witness.verifier_service import NotNowError

from .stage import CHAIN_ID, DOMAIN, FLEET, OPERATOR, ORACLE, STRANGER, Verifier, proposal_of, report_file


class WrongCountersError(InputError):
    remedy = "Nobody signs it"


def post(verifier: Verifier, body: bytes, signer: LocalSigner = OPERATOR, **changed: str) -> httpx.Response:
    sealed = Envelope.seal(DOMAIN, signer, body, verifier.key.address)
    headers = sealed.headers | {name.replace("_", "-"): value for name, value in changed.items()}
    return httpx.post(f"{verifier.server.url}/sign", content=body, headers=headers)


def test_sign__a_proposer_that_it_knows__its_signature() -> None:
    told = proposal_of(report_file())
    with Verifier(0) as verifier:
        signature = verifier.client().propose(told)
    assert signature == told.report_file.sign(verifier.key)
    assert verifier.judged == [told]


def test_sign__the_same_request_again__the_same_signature() -> None:
    told = proposal_of(report_file())
    body = told.to_bytes()
    with Verifier(0) as verifier:
        sealed = Envelope.seal(DOMAIN, OPERATOR, body, verifier.key.address)
        answers = [httpx.post(f"{verifier.server.url}/sign", content=body, headers=sealed.headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    for answer in answers:
        opened = Envelope.open(
            DOMAIN, answer.headers, answer.content, OPERATOR.address, answers=sealed.message.struct_hash
        )
        assert opened.signer == verifier.key.address


def test_sign__a_stranger__forbidden_and_not_judged() -> None:
    told = proposal_of(report_file(), STRANGER)
    with Verifier(0) as verifier:
        answer = post(verifier, told.to_bytes(), STRANGER)
        with pytest.raises(PeerUnreachableError, match=r"HTTP status 403: .* may not propose for fleet 1"):
            verifier.client(STRANGER).propose(told)
    assert answer.status_code == 403
    assert answer.json() == {"error": f"{STRANGER.address} may not propose for fleet 1"}
    assert SIGNER_HEADER not in answer.headers
    assert verifier.judged == []


def test_sign__another_ones_proposal__forbidden() -> None:
    with Verifier(0) as verifier:
        answer = post(verifier, proposal_of(report_file(), STRANGER).to_bytes())
    assert answer.status_code == 403
    assert f"{STRANGER.address} signed the report, {OPERATOR.address} the request" in answer.text
    assert verifier.judged == []


def test_sign__for_another_verifier__forbidden() -> None:
    with Verifier(0) as verifier, Verifier(1) as other:
        body = proposal_of(report_file()).to_bytes()
        sealed = Envelope.seal(DOMAIN, OPERATOR, body, other.key.address)
        answer = httpx.post(f"{verifier.server.url}/sign", content=body, headers=sealed.headers)
        readdressed = post(verifier, body, GPURWA_Audience=other.key.address)
    assert answer.status_code == readdressed.status_code == 403
    assert "the message is for" in answer.text
    assert verifier.judged == other.judged == []


def test_sign__tampered_body__forbidden() -> None:
    body = proposal_of(report_file()).to_bytes()
    with Verifier(0) as verifier:
        sealed = Envelope.seal(DOMAIN, OPERATOR, body, verifier.key.address)
        other = proposal_of(report_file(busy_gpu_ms=1)).to_bytes()
        answer = httpx.post(f"{verifier.server.url}/sign", content=other, headers=sealed.headers)
    assert answer.status_code == 403
    assert verifier.judged == []


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff\x00", b'{"format":"gpu-rwa-proposal/1"}'])
def test_sign__malformed_body__bad_request(body: bytes) -> None:
    with Verifier(0) as verifier:
        answer = post(verifier, body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("proposal: ")
    assert verifier.judged == []


def test_sign__no_envelope__bad_request() -> None:
    body = proposal_of(report_file()).to_bytes()
    with Verifier(0) as verifier:
        bare = httpx.post(f"{verifier.server.url}/sign", content=body)
        garbage = post(verifier, body, GPURWA_Nonce="zz")
    assert bare.status_code == garbage.status_code == 400
    assert bare.json() == {"error": "envelope: there is no header GPURWA-Signer"}


def test_sign__report_for_another_oracle__bad_request() -> None:
    with Verifier(0) as verifier:
        answer = post(verifier, proposal_of(report_file(oracle=STRANGER.address)).to_bytes())
    assert answer.status_code == 400
    assert answer.json() == {"error": f"the report is for {STRANGER.address} on chain {CHAIN_ID}"}


def test_sign__refused__signed_with_its_reason() -> None:
    def refuse(_: Proposal) -> SignatureFile:
        raise WrongCountersError("lease 7 got less")

    with Verifier(0, refuse) as verifier, pytest.raises(PeerRefusedError) as refused:
        verifier.client().propose(proposal_of(report_file()))
    assert refused.value.code == "WrongCountersError"
    assert refused.value.refusal == "lease 7 got less. Nobody signs it"
    assert str(refused.value) == f"{verifier.peer()}: refused: lease 7 got less. Nobody signs it"


@pytest.mark.parametrize(
    "error",
    [
        NotNowError("block 9 is not final"),
        ChainProtocolError("http://u:key@x answered"),
        SigningError("no key service"),
        StoreError("/srv/store.sqlite: the disk is full"),
    ],
)
def test_sign__cannot_tell_now__ask_again(error: Exception) -> None:
    def fail(_: Proposal) -> SignatureFile:
        raise error

    with Verifier(0, fail) as verifier:
        answer = post(verifier, proposal_of(report_file()).to_bytes())
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "15"
    assert answer.json() == {"error": "what judging needs does not answer", "code": type(error).__name__}


def test_sign__a_bug__internal_error_without_internals(caplog: pytest.LogCaptureFixture) -> None:
    def stumble(_: Proposal) -> SignatureFile:
        raise ZeroDivisionError("secret detail")

    with caplog.at_level(logging.ERROR), Verifier(0, stumble) as verifier:
        answer = post(verifier, proposal_of(report_file()).to_bytes())
        again = post(verifier, proposal_of(report_file()).to_bytes())
    assert (answer.status_code, answer.json()) == (500, {"error": "internal error"})
    assert again.status_code == 500, "the fleet is still judged"
    assert "ZeroDivisionError: secret detail" in caplog.text


def test_sign__same_fleet_twice_at_once__the_second_is_asked_to_come_again() -> None:
    begun, end = threading.Event(), threading.Event()
    verifier = Verifier(0)

    def slow(proposal: Proposal) -> SignatureFile:
        begun.set()
        assert end.wait(10)
        return proposal.report_file.sign(verifier.key)

    verifier = Verifier(0, slow)
    told = proposal_of(report_file())
    first: list[httpx.Response] = []
    with verifier:
        thread = threading.Thread(target=lambda: first.append(post(verifier, told.to_bytes())))
        thread.start()
        assert begun.wait(10)
        second = post(verifier, told.to_bytes())
        end.set()
        thread.join()
        third = post(verifier, told.to_bytes())
    assert second.status_code == 503
    assert second.headers["Retry-After"] == "5"
    assert [one.status_code for one in (*first, third)] == [200, 200]


def test_sign__two_fleets_at_once__both_judged() -> None:
    together = threading.Barrier(2, timeout=10)
    verifier = Verifier(0)

    def meet(proposal: Proposal) -> SignatureFile:
        together.wait()
        return proposal.report_file.sign(verifier.key)

    verifier = Verifier(0, meet)
    answers: list[httpx.Response] = []
    with verifier:
        bodies = [proposal_of(report_file(fleet_id)).to_bytes() for fleet_id in (1, 2)]
        threads = [threading.Thread(target=lambda body=body: answers.append(post(verifier, body))) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [answer.status_code for answer in answers] == [200, 200]


def test_sign__huge_body_declared__refused_before_it_is_read() -> None:
    with Verifier(0) as verifier:
        where = urlsplit(verifier.server.url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
        connection.putrequest("POST", "/sign")
        connection.putheader("Content-Length", str(MAX_PROPOSAL_BYTES + 1))
        connection.endheaders()
        answer = connection.getresponse()
        told = json.loads(answer.read())
        connection.close()
    assert (answer.status, told) == (413, {"error": f"the body is larger than {MAX_PROPOSAL_BYTES} bytes"})


def test_sign__huge_body_undeclared__cut_off() -> None:
    with Verifier(0) as verifier:
        where = urlsplit(verifier.server.url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
        connection.putrequest("POST", "/sign")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        piece = b"10000\r\n" + bytes(2**16) + b"\r\n"
        for _ in range(MAX_PROPOSAL_BYTES // 2**16):
            connection.send(piece)
        connection.send(b"1\r\n\0\r\n")
        answer = connection.getresponse()
        connection.close()
    assert answer.status == 413


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/sign", 405), ("POST", "/", 405), ("GET", "/x", 404)])
def test_service__no_such_thing__small_json(method: str, path: str, status: int) -> None:
    with Verifier(0) as verifier:
        answer = httpx.request(method, verifier.server.url + path)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]


def test_seen__a_proposer__what_the_verifier_answered_last() -> None:
    with Verifier(0) as verifier:
        assert verifier.client().seen(FLEET) is None
        verifier.newest[FLEET] = json.loads(proposal_of(report_file()).to_bytes())
        seen = verifier.client().seen(FLEET)
    assert Proposal.parse(json.dumps(seen, sort_keys=True, separators=(",", ":")).encode()) == proposal_of(
        report_file()
    )


def test_seen__a_stranger__forbidden() -> None:
    with Verifier(0) as verifier:
        bare = httpx.get(f"{verifier.server.url}/fleets/1/seen")
        with pytest.raises(PeerUnreachableError, match="HTTP status 403"):
            verifier.client(STRANGER).seen(FLEET)
    assert bare.status_code == 400


@pytest.mark.parametrize("fleet", ["-1", "1e3", "18446744073709551616", "9" * 5000, "01", "x", "%2e%2e"], ids=range(7))
def test_seen__no_fleet__not_found(fleet: str) -> None:
    with Verifier(0) as verifier:
        assert httpx.get(f"{verifier.server.url}/fleets/{fleet}/seen").status_code == 404


def test_show__anybody__who_answers_here() -> None:
    with Verifier(0) as verifier:
        told = httpx.get(verifier.server.url).json()
    assert told.pop("version")
    assert told == {
        "service": "gpu-rwa verifier",
        "address": verifier.key.address,
        "chain_id": CHAIN_ID,
        "oracle": ORACLE,
    }


def test_sign__audience_header_in_lower_case__taken() -> None:
    body = proposal_of(report_file()).to_bytes()
    with Verifier(0) as verifier:
        sealed = Envelope.seal(DOMAIN, OPERATOR, body, verifier.key.address)
        headers = sealed.headers | {AUDIENCE_HEADER: verifier.key.address.lower()}
        assert httpx.post(f"{verifier.server.url}/sign", content=body, headers=headers).status_code == 200
