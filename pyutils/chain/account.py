"""Opening the account that text names, whoever holds its key."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from pyutils.chain.kms_signer import open_kms_signer
from pyutils.chain.proposal import PREFIX, Wallet
from pyutils.chain.remote_signer import Web3Signer
from pyutils.chain.signer import LocalSigner, Signer, dev_signer
from pyutils.errors import InputError

_RAW_KEY: Final = re.compile(r"[0-9a-fA-F]{60,}")
"""A key, also one with something before it or a digit lost: no keystore's name and no address has so many in a row."""
_APE: Final = "ape:"


class RawKeyError(InputError):
    """A private key was given where everybody on the machine can read it. It is not repeated."""

    remedy = "Take it for known to others; put another key into a keystore, and name that file"


class NoAccountError(InputError):
    """Something that signs was given nobody to sign."""

    remedy = "Name a keystore file, or on a development chain a role such as operator-a, with --account"


def open_signer(
    text: str,
    chain_id: int,
    *,
    password_file: Path | None = None,
    prompt: Callable[[str], str] = getpass.getpass,
    roles: Mapping[str, int] = {},
) -> Signer:
    """Return the signer that `text` names.

    Args:
        text: a keystore v3 file; `ape:NAME`, an account that ape keeps in one; `https://HOST:PORT#0xADDRESS`, a
            Web3Signer, with the files of its connection before the `#` as `?ca=FILE&cert=FILE&key=FILE&token=FILE`;
            `kms:MODULE:FUNCTION`, a hook of `kms_signer`; `wallet:0xADDRESS`, which signs elsewhere; or a role of
            `roles`. A file that is there wins over a role of its name.
        chain_id: the chain that is signed for; roles are signers on development chains alone.
        password_file: its first line opens the keystore.
        prompt: asks for the password where there is no such file.
        roles: development accounts by role.

    Raises `NoAccountError`, `RawKeyError`, `KeystoreError`, `RemoteAccountError`, `KmsHookError`,
    `WalletAddressError`, `NotADevChainError`. A remote signer is not asked anything yet.
    """
    if text.startswith(PREFIX):
        return Wallet.from_text(text)
    if text.startswith(("http://", "https://")):
        return Web3Signer.from_text(text)
    if text.startswith("kms:"):
        return open_kms_signer(text.removeprefix("kms:"))
    keystore = ape_keystore(text.removeprefix(_APE)) if text.startswith(_APE) else Path(text)
    if _RAW_KEY.search(text) and not keystore.is_file():
        raise RawKeyError("a private key stands on the command line")
    if text in roles and not keystore.is_file():
        return dev_signer(chain_id, roles[text])
    if not keystore.is_file():
        if text.startswith(_APE):
            raise NoAccountError(f"ape has no account in {keystore}", remedy="`ape accounts list` names those it has")
        raise NoAccountError(f"{text!r} is neither a keystore file nor a role")
    return LocalSigner.from_keystore(keystore, password_file, prompt)


def ape_keystore(name: str) -> Path:
    """Return where ape keeps the keystore of one of its accounts."""
    folder = os.environ.get("APE_DATA_FOLDER")
    return (Path(folder) if folder else Path.home() / ".ape") / "accounts" / f"{name}.json"
