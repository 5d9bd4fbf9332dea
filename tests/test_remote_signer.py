"""A Web3Signer: a local server speaks its interface with a real key, and each way to fail is one line."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import coincurve
import pytest
from web3 import Web3

from pyutils.chain import (
    Lane,
    LanePolicy,
    LocalSigner,
    RemoteAccess,
    RemoteAccountError,
    RemoteSignerError,
    Signer,
    SignerRefusedError,
    SignerUnreachableError,
    UnknownKeyError,
    Web3Signer,
    WrongSignatureError,
    open_signer,
)
from pyutils.devnet import CHAIN_ID
from pyutils.eip712 import CURVE_ORDER, meter_oracle_domain, sign_digest
from pyutils.keccak import keccak256

KEY, OTHER = bytes(range(1, 33)), bytes(range(2, 34))
LOCAL = LocalSigner(KEY)
STATEMENT = meter_oracle_domain(1, "0x" + "a1" * 20).preimage(b"\7" * 32)

Sign = Callable[[bytes], tuple[int, str]]


def public_key(key: bytes) -> str:
    """Return a public key as Web3Signer lists it: 64 bytes, without the leading 4."""
    return "0x" + coincurve.PrivateKey(key).public_key.format(compressed=False)[1:].hex()


def signed_with(key: bytes) -> Sign:
    return lambda data: (200, "0x" + sign_digest(key, keccak256(data)).to_bytes().hex())


class Server:
    """What a test says that the signer holds and answers, and what it was asked."""

    def __init__(self) -> None:
        self.keys: Any = [public_key(OTHER), public_key(KEY)]
        self.sign: Sign = signed_with(KEY)
        self.asked: list[tuple[str, str | None]] = []
        self.url = ""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, str]:
        if (method, path) == ("GET", "/api/v1/eth1/publicKeys"):
            return 200, json.dumps(self.keys)
        if method == "POST" and path == f"/api/v1/eth1/sign/{public_key(KEY)}":
            return self.sign(bytes.fromhex(json.loads(body)["data"][2:]))
        return 404, "Resource not found"


@contextmanager
def serving(server: Server, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.asked.append((f"{self.command} {self.path}", self.headers.get("Authorization")))
            status, text = server.answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        if context is not None:
            http.socket = context.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
        http.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"http{'s' if context else ''}://127.0.0.1:{http.server_port}"
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as running:
        yield running


@pytest.fixture
def signer(server: Server) -> Web3Signer:
    return Web3Signer(server.url, LOCAL.address)


def test_sign_preimage__server_holds_the_key__equals_the_local_signature(signer: Signer, server: Server) -> None:
    assert signer.sign_preimage(STATEMENT) == LOCAL.sign_preimage(STATEMENT)
    assert signer.sign_preimage(b"another") == LOCAL.sign_preimage(b"another")
    assert [what.partition(" ")[0] for what, _ in server.asked] == ["GET", "POST", "POST"]


@pytest.mark.parametrize(
    "fees", [{"gasPrice": 7}, {"type": 2, "maxFeePerGas": 9, "maxPriorityFeePerGas": 2}], ids=["eip-155", "eip-1559"]
)
@pytest.mark.parametrize("nonce", [0, 1, 128, 2**40])
def test_sign_transaction__both_kinds__equal_the_local_bytes(signer: Signer, fees: dict[str, int], nonce: int) -> None:
    fields = {"chainId": 31337, "nonce": nonce, "to": LOCAL.address, "value": 10**18, "gas": 50_000, "data": b"\0ab"}
    assert signer.sign_transaction(fields | fees) == LOCAL.sign_transaction(fields | fees)


def test_lane__remote_key__chain_takes_it(signer: Signer, web3: Web3) -> None:
    web3.provider.make_request("anvil_setBalance", [signer.address, hex(10**18)])  # type: ignore[arg-type]
    receipt = Lane(web3, signer, LanePolicy(timeout_s=5, poll_s=0.05)).transact("0x" + "00" * 19 + "99", b"", value=3)
    assert receipt.succeeded


def test_sign_preimage__high_s_and_any_v__is_normalised(signer: Signer, server: Server) -> None:
    good = LOCAL.sign_preimage(STATEMENT)
    high = good.r.to_bytes(32) + (CURVE_ORDER - good.s).to_bytes(32)
    for tail in (b"", b"\x00", b"\x1b", b"\x1c"):
        server.sign = lambda _, tail=tail: (200, "0x" + (high + tail).hex())  # type: ignore[misc]
        assert signer.sign_preimage(STATEMENT) == good


@pytest.mark.parametrize(
    ("sign", "said"),
    [
        (signed_with(OTHER), "did not sign with the key of"),
        (lambda data: signed_with(KEY)(data + b"!"), "did not sign with the key of"),
        (lambda _: (200, "0x" + "00" * 65), "did not sign with the key of"),
        (lambda _: (200, "0x1234"), "something that is no signature"),
        (lambda _: (200, "<html>"), "something that is no signature"),
    ],
    ids=["another key", "another statement", "zeros", "too short", "no hex"],
)
def test_sign_preimage__wrong_answer__is_never_used(signer: Signer, server: Server, sign: Sign, said: str) -> None:
    server.sign = sign
    with pytest.raises(WrongSignatureError, match=said):
        signer.sign_preimage(STATEMENT)


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (400, SignerRefusedError, "could not read the request"),
        (401, SignerRefusedError, "does not know this client"),
        (403, SignerRefusedError, "does not let this client sign"),
        (404, UnknownKeyError, "no longer holds the key of 0x"),
        (412, SignerRefusedError, "slashing protection"),
        (500, SignerRefusedError, "HTTP status 500"),
    ],
)
def test_sign_preimage__server_refuses__one_line_says_how(
    signer: Signer, server: Server, status: int, error: type[RemoteSignerError], said: str
) -> None:
    server.sign = lambda _: (status, "")
    with pytest.raises(error, match=said) as refused:
        signer.sign_preimage(STATEMENT)
    assert type(refused.value) is error
    assert refused.value.exit_status == 1
    assert server.url in refused.value.line()


def test_sign_preimage__key_was_reloaded__is_looked_up_again(signer: Signer, server: Server) -> None:
    server.sign = lambda _: (404, "")
    with pytest.raises(UnknownKeyError):
        signer.sign_preimage(STATEMENT)
    server.sign = signed_with(KEY)
    assert signer.sign_preimage(STATEMENT) == LOCAL.sign_preimage(STATEMENT)


def test_sign_preimage__key_is_not_listed__is_said(signer: Signer, server: Server) -> None:
    server.keys = [public_key(OTHER), "0x12", "nonsense"]
    with pytest.raises(UnknownKeyError, match=f"holds 3 keys and not that of {LOCAL.address}"):
        signer.sign_preimage(STATEMENT)


@pytest.mark.parametrize("keys", [None, 7])
def test_sign_preimage__no_list_of_keys__is_said(signer: Signer, server: Server, keys: object) -> None:
    server.keys = keys
    with pytest.raises(WrongSignatureError, match="does not list its keys"):
        signer.sign_preimage(STATEMENT)


def test_sign_preimage__nobody_listens__is_said() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(SignerUnreachableError, match=f"{url} does not answer"):
            Web3Signer(url, LOCAL.address, RemoteAccess(timeout_s=0.5)).sign_preimage(STATEMENT)


def test_sign_preimage__too_slow__is_said(server: Server) -> None:
    release = threading.Event()
    server.sign = lambda _: (200, "0x" + "00" * 65 * release.wait(5))
    with pytest.raises(SignerUnreachableError, match="timed out"):
        Web3Signer(server.url, LOCAL.address, RemoteAccess(timeout_s=0.2)).sign_preimage(STATEMENT)
    release.set()


def test_from_text__token_file__is_sent_and_read_anew(server: Server, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first\nsecond line\n")
    signer = open_signer(f"{server.url}/?token={token}#{LOCAL.address}", CHAIN_ID)
    signer.sign_preimage(STATEMENT)
    token.write_text("rotated")
    signer.sign_preimage(STATEMENT)
    assert [bearer for _, bearer in server.asked] == ["Bearer first", "Bearer first", "Bearer rotated"]
    assert "first" not in repr(signer) + str(vars(signer))


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"a\x07b"])
def test_from_text__token_file_without_a_token__is_refused(server: Server, tmp_path: Path, content: bytes) -> None:
    token = tmp_path / "token"
    token.write_bytes(content)
    signer = Web3Signer(server.url, LOCAL.address, RemoteAccess(token=token))
    with pytest.raises(RemoteAccountError, match="holds no token"):
        signer.sign_preimage(STATEMENT)
    assert server.asked == []
    token.unlink()
    with pytest.raises(RemoteAccountError, match="cannot be read"):
        signer.sign_preimage(STATEMENT)


@pytest.mark.parametrize(
    "text", ["https://signer", "https://signer#0x12", "https://#0x12", f"https://signer?passwrd=x#{LOCAL.address}"]
)
def test_from_text__text_that_names_no_signer__is_refused(text: str) -> None:
    with pytest.raises(RemoteAccountError) as refused:
        open_signer(text, CHAIN_ID)
    assert refused.value.exit_status == 2


def test_web3_signer__shown__keeps_user_and_password(server: Server) -> None:
    signer = Web3Signer(server.url.replace("//", "//user:secret@"), LOCAL.address)
    server.sign = lambda _: (500, "")
    with pytest.raises(SignerRefusedError) as refused:
        signer.sign_preimage(STATEMENT)
    assert "secret" not in repr(signer) + refused.value.line()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a certificate of this machine, and one of a client, each of its own making."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make certificates with")
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("server", "client"):
        subprocess.run(
            [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
             "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{name}.key", "-out",
             f"{name}.pem"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    command = [openssl, "ec", "-aes256", "-in", "client.key", "-passout", "pass:secret", "-out", "locked.key"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


def test_tls__both_sides_show_certificates__signs(certificates: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    context.load_verify_locations(certificates / "client.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with serving(Server(), context) as server:
        files = f"ca={certificates}/server.pem&cert={certificates}/client.pem&key={certificates}/client.key"
        signer = open_signer(f"{server.url}?{files}#{LOCAL.address}", CHAIN_ID)
        assert signer.sign_preimage(STATEMENT) == LOCAL.sign_preimage(STATEMENT)

        stranger = Web3Signer(server.url, LOCAL.address, RemoteAccess(ca=certificates / "server.pem"))
        with pytest.raises(SignerUnreachableError):
            stranger.sign_preimage(STATEMENT)
        with pytest.raises(SignerUnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
            Web3Signer(server.url, LOCAL.address).sign_preimage(STATEMENT)


@pytest.mark.parametrize("key", ["none.key", "locked.key", "server.key"])
def test_tls__key_file_will_not_do__is_said_and_never_asked_for(certificates: Path, key: str) -> None:
    with pytest.raises(RemoteAccountError, match="cannot be used"):
        Web3Signer(
            "https://signer", LOCAL.address, RemoteAccess(cert=certificates / "client.pem", key=certificates / key)
        )
