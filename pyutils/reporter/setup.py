"""Setting a reporter or a verifier up: a configuration file and a store, both or neither."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from pyutils.contracts import System
from pyutils.errors import InputError
from pyutils.reporter.settings.config import (
    ConfigError,
    OperatorConfig,
    Section,
    SignerConfig,
    VerifierConfig,
    read_config,
)
from pyutils.reporter.settings.config_text import render
from pyutils.reporter.settings.folders import Folders
from pyutils.reporter.settings.keys import account_of
from pyutils.reporter.starting import check_never_reported
from pyutils.reporter.store.identity import Identity, Role
from pyutils.reporter.store.store import Store
from pyutils.reporter.view import look
from pyutils.units import FleetId

Prompt = Callable[[str], str]

_OPERATOR_HEADING: Final = (
    "A fleet's reporter, read by `gpurwa operator run`. What is not set here has its default.\n"
    "Paths are relative to this file. Secrets have no place in it: keys and passwords stand in files of their own."
)
_VERIFIER_HEADING: Final = (
    "A verifier of one or more fleets, read by `gpurwa verifier run`. What is not set here has its default.\n"
    "Paths are relative to this file. Secrets have no place in it: keys and passwords stand in files of their own.\n"
    "A further fleet is a further table [[fleets]], with tables [fleets.meter] and [[fleets.peers]] of its own."
)


class ConfigExistsError(InputError):
    """A configuration is where a new one was to be."""

    remedy = "Edit the one that is there, or name another file with --config"


class OneKeyError(InputError):
    """Two keys that should be two are of one account."""

    remedy = "Give two keys, so that the one in use daily is not the one at stake"


def set_up_operator(system: System, path: Path, config: OperatorConfig, prompt: Prompt) -> str:
    """Write the configuration of a fleet's reporter to `path`, and a store beside it; return the reporter's account.

    A store that is there already, such as an imported one, is kept where it is this key's.

    Raises:
        ConfigExistsError: a configuration is there already.
        OtherStoreError: a store is there, of another key.
        BlankStoreError: the chain has reports of this key: their history must come from where they were made.
        OneKeyError: attestation and gas key are of one account.
        RevertedError: there is no such fleet.

    """
    check_no_config(path)
    account = _two_accounts(config.reporter, config.gas, path.parent, system.manifest.chain_id, prompt)
    identity = identity_of(system, account, "operator")
    view = look(system, FleetId(config.fleet))
    if not _has_promised(Folders(path.parent), identity, view.fleet_id):
        check_never_reported(system, view, account)
    _set_up(path, config, _OPERATOR_HEADING, identity)
    return account


def set_up_verifier(system: System, path: Path, config: VerifierConfig, prompt: Prompt) -> str:
    """Write the configuration of a verifier as `set_up_operator` does, and return its account."""
    check_no_config(path)
    account = _two_accounts(config.verifier, config.gas, path.parent, system.manifest.chain_id, prompt)
    for one in config.fleets:
        look(system, FleetId(one.fleet))
    _set_up(path, config, _VERIFIER_HEADING, identity_of(system, account, "verifier"))
    return account


def check_no_config(path: Path) -> None:
    """Raise `ConfigExistsError` where a file is there."""
    if path.exists():
        raise ConfigExistsError(f"{path} is there already")


def identity_of(system: System, account: str, role: Role) -> Identity:
    """Return whose a store is that an account signs for."""
    return Identity(chain_id=system.manifest.chain_id, oracle=system.oracle.address, signer=account, role=role)


def _two_accounts(attests: SignerConfig, pays: SignerConfig | None, folder: Path, chain_id: int, prompt: Prompt) -> str:
    account = account_of(attests, folder, chain_id, prompt)
    if pays is not None and account_of(pays, folder, chain_id, prompt) == account:
        raise OneKeyError(f"{attests.signer} and {pays.signer} are both of {account}")
    return account


def _has_promised(folders: Folders, identity: Identity, fleet_id: FleetId) -> bool:
    if not folders.store.exists():
        return False
    with Store.open(folders.store, identity) as store:
        return store.latest_promise(fleet_id) is not None


def _set_up(path: Path, config: Section, heading: str, identity: Identity) -> None:
    store, partial = Folders(path.parent).store, path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(render(config, heading), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", remedy="Check folder and disk") from error
    try:
        assert read_config(partial, type(config)) == config, "what was written says what was meant"
        # First the store: a configuration without one would not start, and this can be done again.
        (Store.open if store.exists() else Store.create)(store, identity).close()
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
