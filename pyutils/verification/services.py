"""Which explorers there are, and how each is opened."""

from __future__ import annotations

import os
from enum import StrEnum

from pydantic import SecretStr

from pyutils.settings import Settings
from pyutils.verification.errors import ExplorerUrlError, NoKeyError
from pyutils.verification.etherscan import (
    BLOCKSCOUT_KEY_VARIABLE,
    ETHERSCAN_KEY_VARIABLE,
    ETHERSCAN_URL,
    Etherscan,
)
from pyutils.verification.explorer import Explorer
from pyutils.verification.policy import DEFAULT_POLICY, PublishingPolicy
from pyutils.verification.sourcify import SOURCIFY_URL, Sourcify


class Service(StrEnum):
    """Whoever verifies contracts."""

    SOURCIFY = "sourcify"
    ETHERSCAN = "etherscan"
    BLOCKSCOUT = "blockscout"


def open_explorer(
    service: Service,
    chain_id: int,
    settings: Settings,
    *,
    url: str | None = None,
    policy: PublishingPolicy = DEFAULT_POLICY,
) -> Explorer:
    """Return an explorer that verifies contracts of a chain.

    Args:
        service: which.
        chain_id: the chain.
        settings: where explorers are.
        url: where this one is, before what the settings say.
        policy: pace and patience.

    Raises:
        NoKeyError: Etherscan's key is not in the environment. Keys are read from nowhere else.
        ExplorerUrlError: it is not known where a Blockscout is, or a URL cannot be used.

    """
    if service is Service.SOURCIFY:
        return Sourcify(url or settings.sourcify_url or SOURCIFY_URL, policy)
    if service is Service.ETHERSCAN:
        key = _key(ETHERSCAN_KEY_VARIABLE)
        if key is None:
            remedy = f"Put the key into {ETHERSCAN_KEY_VARIABLE}; one key from etherscan.io serves all its chains"
            raise NoKeyError("Etherscan asks for an API key, and there is none", remedy=remedy)
        return Etherscan(url or settings.etherscan_url or ETHERSCAN_URL, key=key, chain_id=chain_id, policy=policy)
    where = url or settings.blockscout_url
    if where is None:
        remedy = "Name its API with --server or GPURWA_BLOCKSCOUT_URL, such as https://eth.blockscout.com/api"
        raise ExplorerUrlError("each Blockscout serves one chain, and none is named", remedy=remedy)
    return Etherscan(
        where, key=_key(BLOCKSCOUT_KEY_VARIABLE), policy=policy, name="Blockscout", key_variable=BLOCKSCOUT_KEY_VARIABLE
    )


def _key(variable: str) -> SecretStr | None:
    text = os.environ.get(variable, "").strip()
    return SecretStr(text) if text else None
