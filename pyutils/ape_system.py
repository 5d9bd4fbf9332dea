"""The deployment that is meant on the chain to which ape is connected, as our wrappers and as ape's own contracts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pyutils import artifacts
from pyutils.chain import rpc
from pyutils.contracts import System
from pyutils.errors import InputError
from pyutils.manifest import Manifest, known_networks, load_manifest, read_manifest
from pyutils.settings import load_settings

if TYPE_CHECKING:
    from ape.api import ProviderAPI
    from ape.contracts import ContractInstance

RECORD_VARIABLE: Final = "GPURWA_RECORD"
"""Names a file of a deployment record for scripts and consoles."""


class NoRecordError(InputError):
    """No deployment record, or more than one, is of the chain to which ape is connected."""

    remedy = f"Name the record's file with --record or {RECORD_VARIABLE}, or its network with GPURWA_NETWORK"


def system_on(provider: ProviderAPI, record: Path | None = None) -> System:
    """Return the system on the connected chain, by a record's file or by the one record that is of this chain.

    Raises `NoRecordError` where there is none or the choice is not clear, and `ManifestError`.
    """
    return System.at(provider.web3, manifest_on(rpc.chain_id(provider.web3), record))


def manifest_on(chain_id: int, record: Path | None = None) -> Manifest:
    """Return the record that is meant on a chain. Raises `NoRecordError` and `ManifestError`."""
    settings = load_settings()
    named = record or settings.manifest or os.environ.get(RECORD_VARIABLE)
    if named:
        return _of_chain(read_manifest(Path(named)), chain_id)
    if "network" in settings.model_fields_set:
        return _of_chain(load_manifest(settings.network), chain_id)
    found = [one for one in map(load_manifest, known_networks()) if one.chain_id == chain_id]
    if len(found) != 1:
        names = f"the records of {', '.join(one.network for one in found)} are" if found else "no deployment record is"
        raise NoRecordError(f"{names} of chain {chain_id}")
    return found[0]


def ape_contracts(manifest: Manifest) -> Mapping[str, ContractInstance]:
    """Return the contracts of a deployment as ape has contracts, by name; of several markets, the first one's."""
    from ape import Contract

    found = {name: record.address for market in manifest.credit[:1] for name, record in market.contracts.items()}
    found |= {name: record.address for name, record in manifest.contracts.items()}
    known = {"TestCollateral": "TestStablecoin"}
    return {
        name: Contract(address, abi=list(artifacts.load(known.get(name, name)).abi), fetch_from_explorer=False)
        for name, address in found.items()
        if known.get(name, name) in artifacts.names()
    }


def _of_chain(manifest: Manifest, chain_id: int) -> Manifest:
    if manifest.chain_id != chain_id:
        what = f"the record of {manifest.network} is of chain {manifest.chain_id}, ape is connected to chain {chain_id}"
        raise NoRecordError(what)
    return manifest
