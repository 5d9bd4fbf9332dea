"""The access handshake: only the lessee reads, keys are private files, and what cannot be read says so."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from nacl.public import PrivateKey

from pyutils.access import AccessKeyError, AccessKeys, ConnectionDataError, encrypt


@pytest.fixture
def keys(tmp_path: Path) -> AccessKeys:
    return AccessKeys(tmp_path / "access")


def test_create__private_key__only_its_owner_may_read(keys: AccessKeys) -> None:
    public = keys.create()
    (file,) = keys.folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(keys.folder.stat().st_mode) == 0o700
    assert public.hex() in file.name
    assert public.hex() not in file.read_text()


def test_decrypt__own_connection_data__comes_back(keys: AccessKeys) -> None:
    public = keys.create()
    sealed = encrypt("ssh gpu@203.0.113.7 -p 2222, key in the post: ✓", public)
    assert b"ssh" not in sealed
    assert keys.decrypt(sealed, [public]) == "ssh gpu@203.0.113.7 -p 2222, key in the post: ✓"


def test_decrypt__after_a_new_key__the_old_one_still_opens_old_data(keys: AccessKeys) -> None:
    old = keys.create()
    sealed = encrypt("old", old)
    new = keys.create()
    assert keys.decrypt(sealed, [new, old]) == "old"


def test_decrypt__somebody_elses_data__refused(keys: AccessKeys) -> None:
    public = keys.create()
    theirs = bytes(PrivateKey.generate().public_key)
    sealed = encrypt("secret", theirs)
    with pytest.raises(AccessKeyError, match=theirs.hex()):
        keys.decrypt(sealed, [theirs])
    with pytest.raises(AccessKeyError):
        keys.decrypt(sealed, [public])


def test_decrypt__file_of_another_key__refused(keys: AccessKeys) -> None:
    one, other = keys.create(), keys.create()
    (keys.folder / f"0x{one.hex()}.key").write_bytes((keys.folder / f"0x{other.hex()}.key").read_bytes())
    with pytest.raises(AccessKeyError, match="another public key"):
        keys.decrypt(encrypt("x", one), [one])


def test_discard__unpublished_key__gone(keys: AccessKeys) -> None:
    public = keys.create()
    keys.discard(public)
    assert not keys.holds(public)


@pytest.mark.parametrize("connection", ["", "x" * 4_097])
def test_encrypt__nothing_or_too_much__refused(connection: str) -> None:
    with pytest.raises(ConnectionDataError):
        encrypt(connection, bytes(PrivateKey.generate().public_key))


@pytest.mark.parametrize("public", [bytes(32), b"short"])
def test_encrypt__no_key__refused(public: bytes) -> None:
    with pytest.raises(AccessKeyError):
        encrypt("x", public)
