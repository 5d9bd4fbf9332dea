"""A cloud's key service: DER with high `s`, made a signature that chains take; and hooks that will not do."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import coincurve
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyutils.chain import (
    DerError,
    KmsError,
    KmsHookError,
    KmsSigner,
    LocalSigner,
    PublicKeyError,
    open_signer,
)
from pyutils.chain.kms_signer import parse_der
from pyutils.eip712 import CURVE_ORDER, sign_digest

KEY = bytes(range(1, 33))
LOCAL = LocalSigner(KEY)
POINT = coincurve.PrivateKey(KEY).public_key
SPKI = bytes.fromhex("3056301006072a8648ce3d020106052b8104000a034200") + POINT.format(compressed=False)
PEM = b"-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(SPKI) + b"-----END PUBLIC KEY-----\n"


def der(r: int, s: int) -> bytes:
    """Return a signature as a key service encodes it."""

    def integer(value: int) -> bytes:
        data = value.to_bytes(value.bit_length() // 8 + 1)
        return bytes([2, len(data)]) + data

    body = integer(r) + integer(s)
    return bytes([0x30, len(body)]) + body


def service(*, high: bool, key: bytes = KEY) -> Callable[[bytes], bytes]:
    """Return a key service's `sign`, whose `s` is as high or low as the test wants it."""

    def sign(digest: bytes) -> bytes:
        assert len(digest) == 32
        good = sign_digest(key, digest)
        return der(good.r, CURVE_ORDER - good.s if high else good.s)

    return sign


@given(st.binary(max_size=200), st.booleans())
def test_sign_preimage__high_or_low_s__equals_the_local_signature(preimage: bytes, high: bool) -> None:
    assert KmsSigner(LOCAL.address, service(high=high)).sign_preimage(preimage) == LOCAL.sign_preimage(preimage)


@pytest.mark.parametrize(
    "public_key",
    [SPKI, PEM, POINT.format(compressed=False), POINT.format(compressed=False)[1:], POINT.format()],
    ids=["DER", "PEM", "65 bytes", "64 bytes", "compressed"],
)
def test_kms_signer__public_key_as_services_give_it__is_the_account(public_key: bytes) -> None:
    assert KmsSigner(public_key, service(high=True)).address == LOCAL.address


@pytest.mark.parametrize("public_key", [b"", SPKI[:-1], b"\4" + b"\xff" * 64, PEM.replace(b"M", b"!"), SPKI + b"\0"])
def test_kms_signer__bytes_that_are_no_key__are_refused(public_key: bytes) -> None:
    with pytest.raises(PublicKeyError):
        KmsSigner(public_key, service(high=False))


def test_sign_transaction__high_s__equals_the_local_bytes() -> None:
    fields = {"chainId": 1, "nonce": 3, "to": LOCAL.address, "value": 0, "gas": 50_000, "data": b"\1\2", "type": 2}
    fields |= {"maxFeePerGas": 9, "maxPriorityFeePerGas": 0}
    assert KmsSigner(SPKI, service(high=True)).sign_transaction(fields) == LOCAL.sign_transaction(fields)


def test_sign_preimage__another_key__is_never_used() -> None:
    signer = KmsSigner(LOCAL.address, service(high=False, key=b"\5" * 32))
    with pytest.raises(KmsError, match=f"did not sign with the key of {LOCAL.address}"):
        signer.sign_preimage(b"statement")


def test_sign_preimage__service_fails__becomes_one_line() -> None:
    def down(digest: bytes) -> bytes:
        raise ConnectionError("kms is\ndown")

    with pytest.raises(KmsError) as failed:
        KmsSigner(LOCAL.address, down).sign_preimage(b"statement")
    assert failed.value.message == f"the key service did not sign for {LOCAL.address}: ConnectionError: kms is down"


@given(st.integers(1, CURVE_ORDER - 1), st.integers(1, CURVE_ORDER - 1))
def test_parse_der__any_signature__comes_back(r: int, s: int) -> None:
    assert parse_der(der(r, s)) == (r, s)


GOOD = der(2**255, 7)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x30", b"\x30\x00", GOOD[:-1], GOOD + b"\0", b"\x31" + GOOD[1:], bytes([0x30, GOOD[1] + 1]) + GOOD[2:],
        der(0, 1), der(1, 0), der(CURVE_ORDER, 1), der(1, CURVE_ORDER), b"\x30\x06\x02\x01\x80\x02\x01\x01",
        b"\x30\x06\x03\x01\x01\x02\x01\x01", b"\x30\x06\x02\x01\x01\x02\x09\x01",
    ],
)  # fmt: skip
def test_parse_der__anything_else__is_refused(data: bytes) -> None:
    with pytest.raises(DerError):
        parse_der(data)


@given(st.binary(max_size=90))
def test_parse_der__random_bytes__raise_nothing_else(data: bytes) -> None:
    try:
        r, s = parse_der(data)
    except DerError:
        return
    assert parse_der(der(r, s)) == (r, s)


HOOK = f"""
from pyutils.chain import KmsSigner, LocalSigner

def gas_key():
    return KmsSigner("{LOCAL.address}", lambda digest: b"")

def broken():
    raise RuntimeError("no credentials")

def odd():
    return 7
"""


@pytest.fixture
def hooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_key_hooks.py").write_text(HOOK)
    (tmp_path / "my_broken_hooks.py").write_text("def gas_key(:")
    monkeypatch.syspath_prepend(tmp_path)


def test_open_signer__kms_hook__makes_the_signer(hooks: None) -> None:
    signer = open_signer("kms:my_key_hooks:gas_key", 1)
    assert signer.address == LOCAL.address
    assert repr(signer) == f"KmsSigner({LOCAL.address})"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("my_key_hooks:broken", "RuntimeError: no credentials"),
        ("my_key_hooks:odd", "returned int, not a KmsSigner"),
        ("my_key_hooks:missing", "AttributeError"),
        ("my_key_hooks", "AttributeError"),
        ("my_broken_hooks:gas_key", "SyntaxError"),
        ("no_such_hooks:gas_key", "ModuleNotFoundError"),
        ("", "ValueError"),
    ],
)
def test_open_signer__hook_that_will_not_do__is_one_line(hooks: None, entry: str, said: str) -> None:
    with pytest.raises(KmsHookError, match=said) as refused:
        open_signer(f"kms:{entry}", 1)
    assert "\n" not in refused.value.line()
