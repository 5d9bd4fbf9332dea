"""Signatures are gathered from whoever gives them; liars, refusers and the silent are told apart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from pyutils.chain import LocalSigner
from pyutils.eip712 import Signature
from pyutils.errors import InputError, SigningError
from pyutils.operations.report_files import ReportFileError, SignatureFile
from pyutils.reporter.web.answers import web_app
from pyutils.reporter.web.serving import Server
from pyutils.reporter.witness.envelope import NO_REQUEST, Envelope
from pyutils.reporter.witness.peer_client import MAX_ANSWER_BYTES
from pyutils.reporter.witness.peers import (
    Pauses,
    Peer,
    PeerClient,
    PeerLiedError,
    PeerRefusedError,
    PeerTimeouts,
    PeerUnreachableError,
    gather,
)
from pyutils.reporter.witness.proposal import Proposal

from .stage import DOMAIN, FLEET, OPERATOR, QUICK, STRANGER, Verifier, proposal_of, report_file, verifier_key

TOLD = proposal_of(report_file())
KEY = verifier_key(0)
SOON = Pauses(first_s=0.02, longest_s=0.1)

Answer = Callable[[Envelope], Response]


@contextmanager
def answering(answer: Answer) -> Iterator[PeerClient]:
    """Run a server that answers everything by `answer`, told the envelope, in the first verifier's name."""

    async def reply(request: Request) -> Response:
        return answer(Envelope.open(DOMAIN, request.headers, await request.body(), KEY.address))

    with Server(web_app([Route("/{rest:path}", reply, methods=["GET", "POST"])])) as server:
        yield PeerClient(Peer(KEY.address, server.url), DOMAIN, OPERATOR, QUICK)


def sealed(
    request: Envelope,
    body: bytes,
    status: int = 200,
    signer: LocalSigner = KEY,
    audience: str = OPERATOR.address,
    answers: bytes | None = None,
) -> Response:
    told = request.message.struct_hash if answers is None else answers
    return Response(body, status, Envelope.seal(DOMAIN, signer, body, audience, told).headers)


def signature(signer: LocalSigner = KEY, proposal: Proposal = TOLD) -> bytes:
    return orjson.dumps(proposal.report_file.sign(signer).model_dump(mode="json"))


def test_propose__answer_replayed_to_another_request__lie() -> None:
    kept: list[Response] = []

    def replay(request: Envelope) -> Response:
        kept.append(kept[0] if kept else sealed(request, signature()))
        return kept[-1]

    with answering(replay) as client:
        assert client.propose(TOLD) == TOLD.report_file.sign(KEY)
        with pytest.raises(PeerLiedError, match="not signed by"):
            client.propose(TOLD)


OTHER = proposal_of(report_file(busy_gpu_ms=7))
LIES: dict[str, tuple[Answer, str]] = {
    "another digest's signature": (lambda r: sealed(r, signature(proposal=OTHER)), "is over 0x"),
    "another one's signature": (lambda r: sealed(r, signature(STRANGER)), f"a signature of {STRANGER.address}"),
    "a signature under a false name": (
        lambda r: sealed(r, orjson.dumps(orjson.loads(signature()) | {"signer": STRANGER.address})),
        f"is {KEY.address}'s, not {STRANGER.address}'s",
    ),
    "another one's envelope": (lambda r: sealed(r, signature(), signer=STRANGER), f"{STRANGER.address} answers"),
    "an envelope for somebody else": (
        lambda r: sealed(r, signature(), audience=STRANGER.address),
        "the message is for",
    ),
    "an answer to no request": (lambda r: sealed(r, signature(), answers=NO_REQUEST), "not signed by"),
    "no envelope": (lambda _: Response(signature()), "there is no header"),
    "an unsigned refusal": (lambda _: Response(b'{"refused":"no","code":"X"}', 409), "there is no header"),
    "a refusal without a reason": (lambda r: sealed(r, b"{}", 409), "refuses without a reason"),
    "a refusal that is a list": (lambda r: sealed(r, b"[]", 409), "no JSON object"),
    "garbage": (lambda r: sealed(r, b"\xff\x00garbage"), "no signature"),
    "garbage as a refusal": (lambda r: sealed(r, b"\xff\x00garbage", 409), "no JSON"),
    "a huge body": (lambda r: sealed(r, bytes(MAX_ANSWER_BYTES + 1)), "answers more than"),
}


@pytest.mark.parametrize("name", LIES)
def test_propose__lie__found(name: str) -> None:
    answer, reason = LIES[name]
    with answering(answer) as client, pytest.raises(PeerLiedError, match=reason) as lied:
        client.propose(TOLD)
    assert str(lied.value).startswith(f"verifier {KEY.address} at http://127.0.0.1:")


def test_propose__tampered_body__lie() -> None:
    def tamper(request: Envelope) -> Response:
        answer = sealed(request, signature())
        return Response(
            bytes(answer.body) + b" ", 200, dict(answer.headers) | {"content-length": str(len(answer.body) + 1)}
        )

    with answering(tamper) as client, pytest.raises(PeerLiedError, match="not signed by"):
        client.propose(TOLD)


UNSIGNED: dict[str, tuple[Answer, str]] = {
    "an error page": (lambda _: Response("<html>\x1b[2Jno</html>", 502), r"HTTP status 502$"),
    "words": (lambda _: Response(b'{"error":"come\\u001b[2J\\nback"}', 503), r"HTTP status 503: come \[2J back$"),
    "an error that is a number": (lambda _: Response(b'{"error":5}', 500), r"HTTP status 500$"),
    "a redirect": (lambda _: RedirectResponse("http://169.254.169.254/"), r"HTTP status 307$"),
}


@pytest.mark.parametrize("name", UNSIGNED)
def test_propose__unsigned_answer__as_good_as_silence(name: str) -> None:
    answer, reason = UNSIGNED[name]
    with answering(answer) as client, pytest.raises(PeerUnreachableError, match=reason):
        client.propose(TOLD)


def test_propose__refusal_with_control_characters__told_without() -> None:
    refusal = orjson.dumps({"refused": "no\x1b[2J\n" + "x" * 9_000, "code": "X\x07"})
    with answering(lambda r: sealed(r, refusal, 409)) as client, pytest.raises(PeerRefusedError) as refused:
        client.propose(TOLD)
    assert refused.value.line().isprintable()
    assert len(refused.value.refusal) == 500


def test_propose__nobody_there__unreachable() -> None:
    client = PeerClient(Peer(KEY.address, "http://user:secret@127.0.0.1:9/path"), DOMAIN, OPERATOR, QUICK)
    with pytest.raises(PeerUnreachableError) as silent:
        client.propose(TOLD)
    assert "verifier" in silent.value.line()
    assert "secret" not in silent.value.line()


def test_propose__slow_verifier__unreachable_in_time() -> None:
    end = threading.Event()

    def slow(proposal: Proposal) -> SignatureFile:
        end.wait(10)
        return proposal.report_file.sign(KEY)

    with Verifier(0, slow) as verifier:
        begin = time.monotonic()
        with pytest.raises(PeerUnreachableError, match=r"no answer within 0\.3 s"):
            verifier.client(timeouts=PeerTimeouts(answer_s=0.3)).propose(TOLD)
        assert time.monotonic() - begin < 3
        end.set()


@pytest.mark.parametrize("body", [b"{}", b'{"fleet_id":2,"seen":null}', b'{"fleet_id":1}', b"[]", b"x"])
def test_seen__of_another_fleet_or_garbage__lie(body: bytes) -> None:
    with answering(lambda r: sealed(r, body)) as client, pytest.raises(PeerLiedError):
        client.seen(FLEET)


class NoError(InputError):
    remedy = ""


def refuse(_: Proposal) -> SignatureFile:
    raise NoError("no")


def test_gather__many_verifiers__as_many_signatures_as_are_enough() -> None:
    slow = threading.Event()

    def wait(proposal: Proposal) -> SignatureFile:
        slow.wait(20)
        return proposal.report_file.sign(verifier_key(4))

    with ExitStack() as stack:
        verifiers = [stack.enter_context(Verifier(place)) for place in range(3)]
        verifiers += [stack.enter_context(Verifier(3, refuse)), stack.enter_context(Verifier(4, wait))]
        begin = time.monotonic()
        got = gather([one.client() for one in verifiers], TOLD, 3, 15)
        assert time.monotonic() - begin < 8
        slow.set()
    assert {one.signer for one in got.signatures} == {verifier_key(place).address for place in range(3)}
    for one in got.signatures:
        one.check(TOLD.digest)
    assert got.unreachable == {}, "enough were there, so nobody was late"


def test_gather__all_answered__returns_before_the_deadline() -> None:
    with Verifier(0) as first, Verifier(1, refuse) as second:
        begin = time.monotonic()
        got = gather([first.client(), second.client()], TOLD, 2, 60)
        assert time.monotonic() - begin < 10
    assert [one.signer for one in got.signatures] == [first.key.address]
    refusal = got.refusals[second.key.address]
    assert isinstance(refusal, PeerRefusedError)
    assert refusal.code == "NoError"
    assert len(second.judged) == 1, "a refusal is asked again"


def test_gather__a_liar__named_and_not_asked_again() -> None:
    asked: list[Envelope] = []

    def lie(request: Envelope) -> Response:
        asked.append(request)
        return sealed(request, signature(STRANGER))

    with answering(lie) as liar, Verifier(1) as honest:
        got = gather([liar, honest.client()], TOLD, 2, 30)
    assert [one.signer for one in got.signatures] == [honest.key.address]
    assert isinstance(got.refusals[KEY.address], PeerLiedError)
    assert len(asked) == 1


def test_gather__down_at_first__asked_until_it_answers() -> None:
    verifier = Verifier(0)
    with verifier:
        port = verifier.server.port
    verifier.server.port = port
    timer = threading.Timer(0.5, verifier.server.start)
    timer.start()
    try:
        got = gather([verifier.client()], TOLD, 1, 20, pauses=SOON)
    finally:
        timer.join()
        verifier.server.stop()
    assert [one.signer for one in got.signatures] == [verifier.key.address]
    assert got.unreachable == {}


def test_gather__down_to_the_end__unreachable_with_its_reason() -> None:
    down = PeerClient(Peer(KEY.address, "http://127.0.0.1:9"), DOMAIN, OPERATOR, QUICK)
    begin = time.monotonic()
    got = gather([down], TOLD, 1, 0.5, pauses=SOON)
    assert 0.4 < time.monotonic() - begin < 5
    assert got.signatures == ()
    assert "All connection attempts failed" in str(got.unreachable[KEY.address])


def test_gather__slow_to_the_end__unreachable_in_time() -> None:
    end = threading.Event()

    def slow(proposal: Proposal) -> SignatureFile:
        end.wait(20)
        return proposal.report_file.sign(KEY)

    with Verifier(0, slow) as verifier:
        got = gather([verifier.client()], TOLD, 1, 0.5, pauses=SOON)
        end.set()
    assert "no answer in time" in str(got.unreachable[KEY.address])


def test_gather__busy__left_alone_as_long_as_it_asks() -> None:
    asked: list[float] = []

    def busy(request: Envelope) -> Response:
        asked.append(time.monotonic())
        if len(asked) == 1:
            return Response(b'{"error":"busy"}', 503, {"Retry-After": "1"})
        return sealed(request, signature())

    with answering(busy) as client:
        got = gather([client], TOLD, 1, 20, pauses=SOON)
    assert len(got.signatures) == 1
    assert asked[1] - asked[0] >= 1


def test_gather__signatures_held_already__count_and_are_not_asked_for() -> None:
    held = TOLD.report_file.sign(verifier_key(0))
    with Verifier(0) as first, Verifier(1) as second:
        clients = [first.client(), second.client()]
        assert gather(clients, TOLD, 1, 5, have=[held]).signatures == (held,)
        assert first.judged == second.judged == []
        got = gather(clients, TOLD, 2, 20, have=[held])
    assert got.signatures == (held, TOLD.report_file.sign(verifier_key(1)))
    assert first.judged == []


def test_gather__held_signature_of_another_digest__refused() -> None:
    held = OTHER.report_file.sign(verifier_key(0))
    with pytest.raises(ReportFileError, match="is over 0x"):
        gather([], TOLD, 1, 5, have=[held])


def test_gather__nobody_to_ask__nothing_at_once() -> None:
    got = gather([], TOLD, 1, 60)
    assert (got.signatures, got.refusals, got.unreachable) == ((), {}, {})


def test_gather__a_verifier_proposes__the_others_sign() -> None:
    proposer = verifier_key(5)
    told = proposal_of(report_file(), proposer)
    with Verifier(0, proposers=(OPERATOR, proposer)) as verifier:
        got = gather([verifier.client(proposer)], told, 2, 20, have=[told.signature])
    assert [one.signer for one in got.signatures] == [proposer.address, verifier.key.address]


class BrokenSigner(LocalSigner):
    def sign_preimage(self, preimage: bytes) -> Signature:
        raise SigningError(f"the key service is down; it was to sign {len(preimage)} bytes")


def test_gather__own_key_does_not_sign__raised() -> None:
    broken = BrokenSigner(bytes(range(1, 33)))
    with Verifier(0) as verifier, pytest.raises(SigningError, match="the key service is down"):
        gather([verifier.client(broken)], TOLD, 1, 20)
    assert verifier.judged == []
