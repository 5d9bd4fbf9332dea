"""No key and no password shows: not in arguments, output, logs, exceptions, nor in any file but its keystore."""

from __future__ import annotations

import copy
import json
import logging
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from eth_account import Account
from web3 import Web3

from pyutils.anvil import Anvil
from pyutils.chain import KeystoreError, Lane, LocalSigner, RevertedError, open_signer, rpc
from pyutils.chain.account import RawKeyError
from pyutils.cli import root
from pyutils.contracts import System
from pyutils.devnet import CHAIN_ID

KEY = bytes(range(101, 133))
PASSWORD = "correct horse battery staple"
MNEMONIC = "legal winner thank year wave sausage worth useful legal winner thank yellow"


def forms(key: bytes) -> Iterator[str]:
    """Yield how a key may be written."""
    yield from (key.hex(), key.hex().upper(), str(int.from_bytes(key)), repr(key)[2:-1], str(list(key))[1:-1])


def assert_secret(text: str) -> None:
    for form in (*forms(KEY), PASSWORD, MNEMONIC):
        assert form not in text, text


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "me.json"
    path.parent.mkdir()
    path.write_text(json.dumps(Account.encrypt(KEY, PASSWORD, kdf="pbkdf2", iterations=2)))
    return path


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "password"
    path.write_text(PASSWORD + "\n")
    return path


def told(raiser: Callable[[], object]) -> str:
    """Return all that an exception tells, with what it came from; its line for users among it."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 what is raised is told by each case
        raiser()
    error = caught.value
    return "".join(traceback.format_exception(error)) + repr(error) + str(getattr(error, "line", str)())


# exceptions


@pytest.mark.parametrize(
    "transaction",
    [
        {},
        {"nonce": "no number"},
        {"chainId": 1, "nonce": 0, "to": "0x12", "value": 1, "gas": 21_000, "data": b"", "type": 2},
        {"chainId": 1, "nonce": 0, "to": "0x" + "11" * 20, "gas": 1, "type": 9, "data": b""},
        {"chainId": 1, "nonce": 0, "to": "0x" + "11" * 20, "value": -1, "gas": 1, "gasPrice": 1, "data": b""},
    ],
)
def test_local_signer__transaction_that_cannot_be_signed__exception_has_no_key(transaction: dict[str, object]) -> None:
    assert_secret(told(lambda: LocalSigner(KEY).sign_transaction(transaction)))


@pytest.mark.parametrize("key", [KEY + b"\1", KEY * 2, b"\xff" * 32])
def test_local_signer__key_that_is_none__exception_has_no_key(key: bytes) -> None:
    text = told(lambda: LocalSigner(key))
    assert not any(form in text for form in forms(key))


def test_local_signer__shown_copied_or_pickled__keeps_its_key() -> None:
    signer = LocalSigner(KEY)
    for shown in (repr(signer), str(signer), f"{signer}", repr([signer]), repr({"signer": signer})):
        assert_secret(shown)
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        assert_secret(told(lambda take=take: take(signer)))  # type: ignore[misc]
    assert not hasattr(signer, "__dict__")


def test_keystore__wrong_password_or_broken_file__exception_has_neither(keystore: Path, tmp_path: Path) -> None:
    assert_secret(told(lambda: LocalSigner.from_keystore(keystore, prompt=lambda _: PASSWORD + "!")))
    document = json.loads(keystore.read_text())
    document["crypto"]["ciphertext"] = KEY.hex()
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(document))
    assert_secret(told(lambda: LocalSigner.from_keystore(broken, prompt=lambda _: PASSWORD)))
    broken.write_text(KEY.hex())  # a raw key where a keystore belongs
    with pytest.raises(KeystoreError, match="is no keystore v3 file"):
        LocalSigner.from_keystore(broken, prompt=lambda _: PASSWORD)
    assert_secret(told(lambda: LocalSigner.from_keystore(broken, prompt=lambda _: PASSWORD)))


# arguments and output


@pytest.mark.parametrize("text", [KEY.hex(), "0x" + KEY.hex(), KEY.hex().upper()])
def test_open_signer__raw_key__is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(RawKeyError):
        open_signer(text, CHAIN_ID)
    assert_secret(told(lambda: open_signer(text, CHAIN_ID)))


@pytest.mark.parametrize("place", ["--account", "GPURWA_KEYSTORE"])
@pytest.mark.parametrize("secret", ["0x" + KEY.hex(), KEY.hex(), MNEMONIC])
def test_gpurwa__key_or_mnemonic_for_an_account__one_line_that_does_not_repeat_it(
    system: System,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    place: str,
    secret: str,
) -> None:
    (tmp_path / "deployments").mkdir()
    system.manifest.write(tmp_path / "deployments" / "devnet.json")
    monkeypatch.chdir(tmp_path)
    if place == "GPURWA_KEYSTORE":
        monkeypatch.setenv(place, secret)
    named = ["--account", secret] if place == "--account" else []
    assert root.run(["admin", "pause", "--rpc", "http://127.0.0.1:1", *named]) == 2
    out, err = capsys.readouterr()
    assert_secret(out + err)
    assert err.count("\n") == 1
    assert "known to others" in err


def test_gpurwa__transaction_from_a_keystore__nothing_and_no_file_has_the_key(
    system: System, anvil: Anvil, keystore: Path, password_file: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / "deployments").mkdir(parents=True)
    system.manifest.write(home / "deployments" / "devnet.json")
    rpc.request(system.web3, "anvil_setBalance", LocalSigner(KEY).address, hex(10**18))
    command = ["faucet", LocalSigner(KEY).address, "--rpc", anvil.url, "--account", str(keystore)]
    program = Path(sys.executable).parent / "gpurwa"
    environment = os.environ | {"GPURWA_STATE": str(home / "state"), "HOME": str(home), "PYTHONWARNINGS": "default"}
    for arguments in (
        [*command, "--password-file", str(password_file)],  # succeeds
        ["admin", "pause", "--rpc", anvil.url, "--account", str(keystore), "--password-file", str(password_file)],
    ):
        done = subprocess.run(
            [program, *arguments], cwd=home, env=environment, capture_output=True, text=True, check=False
        )
        assert_secret(done.stdout + done.stderr)
        assert done.returncode == (0 if arguments[0] == "faucet" else 1), done.stderr
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()
        assert KEY not in content, path
        assert_secret(content.decode(errors="replace"))


# logs


def test_lane__every_logger_at_debug__no_key_in_any_record(
    web3: Web3, system: System, keystore: Path, password_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        signer = LocalSigner.from_keystore(keystore, password_file)
        rpc.request(web3, "anvil_setBalance", signer.address, hex(10**18))
        lane = Lane(web3, signer)
        lane.transact(signer.address, b"", call="nothing")
        with pytest.raises(RevertedError):
            system.registry.pause(lane)
        signer.sign_preimage(b"statement")
    assert caplog.records, "the libraries say nothing, so this shows nothing"
    for record in caplog.records:
        assert_secret(record.getMessage() + repr(record.args))
