"""Keystores open with the right password only, and keys never show."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest
from eth_account import Account

from pyutils.ape_signer import ApeSigner
from pyutils.chain import KeystoreError, LocalSigner, NoAccountError, NotADevChainError, dev_signer, open_signer

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


def test_open_signer__file_role_or_nothing__is_who_is_meant(keystore: Path, tmp_path: Path) -> None:
    roles = {"operator-a": 3}
    signer = open_signer(str(keystore), 31337, prompt=lambda _: "correct horse", roles=roles)
    assert signer.address == Account.from_key(KEY).address
    assert open_signer("operator-a", 31337, roles=roles).address == dev_signer(31337, 3).address
    with pytest.raises(NotADevChainError):
        open_signer("operator-a", 1, roles=roles)
    with pytest.raises(NoAccountError, match="'operator-b' is neither a keystore file nor a role"):
        open_signer("operator-b", 31337, roles=roles)


def test_open_signer__folder_named_like_a_role__the_role_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("operator-a", "my-keys"):
        (tmp_path / name).mkdir()
    assert open_signer("operator-a", 31337, roles={"operator-a": 3}).address == dev_signer(31337, 3).address
    with pytest.raises(NoAccountError, match="neither a keystore file nor a role"):
        open_signer("my-keys", 31337)


def test_ape_signer__preimage__is_hashed_before_the_account_signs_it() -> None:
    pytest.importorskip("eth_pydantic_types", reason="ape is not installed")

    class ApeAccount:
        address = Account.from_key(KEY).address

        def sign_raw_msghash(self, msghash: bytes) -> SimpleNamespace:
            signed = Account.unsafe_sign_hash(bytes(msghash), KEY)
            return SimpleNamespace(r=signed.r.to_bytes(32), s=signed.s.to_bytes(32), v=signed.v)

    signer = ApeSigner(ApeAccount(), None)
    assert signer.sign_preimage(b"statement") == LocalSigner(KEY).sign_preimage(b"statement")
