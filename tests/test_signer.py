"""Keystores open with the right password only, and keys never show."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from eth_account import Account

from pyutils.chain import KeystoreError, LocalSigner, NotADevChainError, dev_signer

KEY = bytes(range(1, 33))


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    path = tmp_path / "keystore.json"
    path.write_text(json.dumps(Account.encrypt(KEY, "correct horse", kdf="pbkdf2", iterations=2)))
    return path


def test_from_keystore__right_password_from_file__opens(keystore: Path, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("correct horse\nsecond line\n")
    assert LocalSigner.from_keystore(keystore, secret).address == Account.from_key(KEY).address


def test_from_keystore__prompt__is_asked_for_this_file(keystore: Path) -> None:
    asked: list[str] = []

    def prompt(text: str) -> str:
        asked.append(text)
        return "correct horse"

    assert LocalSigner.from_keystore(keystore, prompt=prompt).address == Account.from_key(KEY).address
    assert asked == ["Password of keystore.json: "]


def test_from_keystore__wrong_password__one_line_without_secrets(keystore: Path) -> None:
    with pytest.raises(KeystoreError) as refused:
        LocalSigner.from_keystore(keystore, prompt=lambda _: "wrong horse")
    assert str(refused.value) == f"keystore {keystore}: the password is wrong"
    assert "horse" not in refused.value.line()
    assert refused.value.exit_status == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 3}', "not json"])
def test_from_keystore__another_file__is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.json"
    path.write_text(text)
    with pytest.raises(KeystoreError, match="is no keystore v3 file"):
        LocalSigner.from_keystore(path, prompt=lambda _: "x")


def test_from_keystore__missing_file__is_refused(tmp_path: Path, keystore: Path) -> None:
    with pytest.raises(KeystoreError, match="cannot be read"):
        LocalSigner.from_keystore(tmp_path / "none.json")
    with pytest.raises(KeystoreError, match=r"password file .* cannot be read"):
        LocalSigner.from_keystore(keystore, tmp_path / "none")


def test_local_signer__shown_or_copied__keeps_its_key() -> None:
    signer = LocalSigner(KEY)
    assert repr(signer) == str(signer) == f"LocalSigner({signer.address})"
    with pytest.raises(KeystoreError, match="cannot be copied"):
        pickle.dumps(signer)


def test_sign_transaction__type_2__recovers_to_the_address() -> None:
    signer = LocalSigner(KEY)
    fields = {"chainId": 1, "nonce": 0, "to": signer.address, "value": 1, "gas": 21_000, "data": b"", "type": 2}
    raw = signer.sign_transaction(fields | {"maxFeePerGas": 2, "maxPriorityFeePerGas": 1})
    assert Account.recover_transaction("0x" + raw.hex()) == signer.address


def test_dev_signer__real_chain__is_refused() -> None:
    with pytest.raises(NotADevChainError, match="chain 1 is no development chain"):
        dev_signer(1, 0)
