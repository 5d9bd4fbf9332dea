"""Whose key a configuration names, found without opening it where that can be."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from pyutils.chain import Signer, open_signer
from pyutils.deployment import DEV_ACCOUNTS
from pyutils.models import parse_address
from pyutils.reporter.settings.config import SignerConfig


def open_key(config: SignerConfig, folder: Path, chain_id: int, prompt: Callable[[str], str]) -> Signer:
    """Return the signer that a configuration names. Raises what `open_signer` does.

    Files are relative to `folder`, or to a variable of the environment that they begin with, such as systemd's
    `$CREDENTIALS_DIRECTORY`.
    """
    keystore = _place(folder, config.signer)
    password_file = None if config.password_file is None else _place(folder, str(config.password_file))
    text = str(keystore) if keystore.is_file() else config.signer
    return open_signer(text, chain_id, password_file=password_file, prompt=prompt, roles=DEV_ACCOUNTS)


def account_of(config: SignerConfig, folder: Path, chain_id: int, prompt: Callable[[str], str]) -> ChecksumAddress:
    """Return the account of a key. No password is needed where the keystore says whose it is, as most do.

    What a keystore says is believed: where it is wrong, the key's own signatures show it before they count. Raises
    what `open_signer` does.
    """
    said = _said_by_keystore(_place(folder, config.signer))
    return open_key(config, folder, chain_id, prompt).address if said is None else said


def _place(folder: Path, text: str) -> Path:
    return folder / os.path.expandvars(text)


def _said_by_keystore(path: Path) -> ChecksumAddress | None:
    try:
        text = json.loads(path.read_text(encoding="utf-8"))["address"]
        return to_checksum_address(parse_address(text if text.startswith("0x") else f"0x{text}"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
