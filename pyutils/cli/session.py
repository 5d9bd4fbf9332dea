"""What every command has: a network, a way to print, and, where it writes, an account."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click

from pyutils.access import AccessKeys
from pyutils.chain import DEV_CHAINS, Lane, NoAccountError, Receipt, Signer, connect, dev_signer, open_signer
from pyutils.chain.account import RawKeyError
from pyutils.chain.proposal import ProposalLane, ProposedCall, Wallet
from pyutils.cli import output
from pyutils.cli.parameters import BLOCK, format_time
from pyutils.contracts import Stablecoin, System
from pyutils.deployment import DEV_ACCOUNTS
from pyutils.errors import InputError
from pyutils.manifest import Manifest, load_manifest, read_manifest
from pyutils.models import parse_address
from pyutils.operations.calls import Outcome
from pyutils.operations.gpu_lists import GpuLists
from pyutils.settings import Settings, load_settings
from pyutils.units import TokenUnits, format_money, parse_money

Command = TypeVar("Command", bound=Callable[..., Any])

STATE_VARIABLE = "GPURWA_STATE"
_MNEMONIC_WORDS: Final = 12
"""The shortest one; no path and no role has so many."""


class UnknownAddressError(InputError):
    """Text names no account or contract."""

    remedy = "Give an address with 0x, a contract of the deployment, or on a development chain a role such as lessee-1"


class OtherNetworkError(InputError):
    """A configuration is for another network than the one that was named."""

    remedy = "Leave --network and GPURWA_NETWORK out, or give the configuration of that network"


class NotConfirmedError(InputError):
    """The user did not agree to move money."""

    remedy = "Nothing was sent; --yes skips the question"


class Session:
    """One command at work."""

    def __init__(
        self,
        settings: Settings,
        *,
        as_json: bool,
        account: str | None = None,
        yes: bool = False,
    ) -> None:
        self.settings, self.as_json, self.account, self.yes = settings, as_json, account, yes

    @cached_property
    def manifest(self) -> Manifest:
        """The deployment record of the network."""
        settings = self.settings
        return load_manifest(settings.network) if settings.manifest is None else read_manifest(settings.manifest)

    @cached_property
    def system(self) -> System:
        """The contracts."""
        return System.at(connect(self.urls, self.manifest.chain_id), self.manifest)

    @property
    def urls(self) -> tuple[str, ...]:
        """RPC endpoints: those of the settings, else the record's."""
        return self.settings.rpc_urls or self.manifest.rpc_urls

    @property
    def is_dev(self) -> bool:
        """Whether money here is worth nothing."""
        return self.manifest.chain_id in DEV_CHAINS

    @cached_property
    def lane(self) -> Lane:
        """The lane of the account that signs; of a wallet that signs elsewhere, one that prints what it has to call."""
        if isinstance(self.signer, Wallet):
            return ProposalLane(self.system.web3, self.signer, self._propose)
        return self.system.lane(self.signer)

    @cached_property
    def signer(self) -> Signer:
        """Who signs: a keystore's account, or on a development chain a role's."""
        return open_account(self.account, self.settings, self.manifest.chain_id)

    @cached_property
    def state(self) -> Path:
        """Folder of what this person keeps for this network: access keys and lists of GPUs."""
        return state_folder(self.manifest.network)

    @property
    def access_keys(self) -> AccessKeys:
        """The person's access keys."""
        return AccessKeys(self.state / "access")

    @property
    def gpu_lists(self) -> GpuLists:
        """The lists of GPUs on file."""
        return GpuLists(self.state / "gpus")

    @property
    def fetched(self) -> Path:
        """Folder for what publishers gave, by hash."""
        return self.state / "fetched"

    @property
    def leaf_files(self) -> Path:
        """Folder of leaf files."""
        return self.settings.out / "leaf_files"

    def address(self, text: str) -> str:
        """Return the address that `text` names. Raises `UnknownAddressError`."""
        return find_address(text, self.manifest)

    def money(self, text: str, token: Stablecoin) -> TokenUnits:
        """Return the units of `token` that `text` coins are."""
        return parse_money(text, token.decimals())

    def on_network(self, network: str, whose: Path) -> Session:
        """Return the session on the network of a file. Raises `OtherNetworkError` where another one was named."""
        settings = self.settings
        if "network" in settings.model_fields_set and settings.network != network:
            raise OtherNetworkError(f"{whose} is for the network {network}, not for {settings.network}")
        return Session(
            settings.model_copy(update={"network": network}), as_json=self.as_json, account=self.account, yes=self.yes
        )

    def confirm(self, what: str) -> None:
        """Ask before money moves on a chain where it is worth something. Raises `NotConfirmedError`."""
        if self.is_dev or self.yes or isinstance(self.signer, Wallet):
            return  # a wallet's call is only printed
        if not click.confirm(f"{what} on {self.manifest.network}?", err=True):
            raise NotConfirmedError(f"{what}: not confirmed")

    def show(self, value: Any, people: Callable[[], None]) -> None:
        """Print `value` as JSON where asked for, else what `people` prints."""
        if self.as_json:
            output.print_json(value)
        else:
            people()

    def done(self, receipt: Receipt, said: str, **facts: Any) -> None:
        """Say what a transaction did."""
        row = {"transaction": receipt.hash, "block": receipt.block_number, "gas_used": receipt.gas_used, **facts}
        self.show(row, lambda: click.echo(f"{said} (block {receipt.block_number}, {receipt.hash})"))

    def acted(self, outcome: Outcome, said: str, **facts: Any) -> None:
        """Say what a role's call did, or from when on it can be made."""
        if outcome.scheduled_for is None:
            self.done(outcome.receipt, said, call=outcome.call, scheduled_for=None, **facts)
            return
        later = f"{outcome.call} is announced; give the same command again from {format_time(outcome.scheduled_for)} on"
        self.done(outcome.receipt, later, call=outcome.call, scheduled_for=outcome.scheduled_for, **facts)

    def _propose(self, call: ProposedCall) -> NoReturn:
        """Print what a wallet has to call, and end: nothing was sent, and what comes next depends on it."""
        row = {
            "call": call.call,
            "chain_id": self.manifest.chain_id,
            "from": call.sender,
            "to": call.to,
            "value": call.value,
            "data": call.data,
        }
        hexed = {**row, "data": f"0x{call.data.hex()}"}
        title = (
            "Nothing was sent: the wallet has to make this call. Once it did, give the command again for what is next"
        )
        self.show(row, lambda: output.print_facts(title, hexed))
        raise click.exceptions.Exit(0)

    def coins(self, amount: int, token: Stablecoin) -> str:
        """Return money for people, with its symbol."""
        return f"{format_money(TokenUnits(amount), token.decimals())} {token.symbol()}"


def state_folder(network: str) -> Path:
    """Return the folder of what a person keeps for a network."""
    own = os.environ.get(STATE_VARIABLE)
    data = os.environ.get("XDG_DATA_HOME")
    root = Path(own) if own else (Path(data) if data else Path.home() / ".local" / "share") / "gpurwa"
    return root / network


def open_account(account: str | None, settings: Settings, chain_id: int) -> Signer:
    """Return the signer that `account` names, as `open_signer` reads it, or else the keystore of the settings.

    Raises `RawKeyError` for a key or a mnemonic, without repeating it.
    """
    named = account if account is not None else settings.keystore
    if named is None:
        raise NoAccountError("no account to sign with")
    text = str(named)
    if len(text.split()) >= _MNEMONIC_WORDS:
        raise RawKeyError("a mnemonic was given in place of an account")
    return open_signer(
        text,
        chain_id,
        password_file=settings.password_file,
        prompt=ask_password,
        roles={} if account is None else DEV_ACCOUNTS,
    )


def find_address(text: str, manifest: Manifest) -> str:
    """Return the address that `text` names: 0x…, a contract of the deployment, or on development chains a role.

    A contract of credit markets is that of the first one.
    """
    if text in DEV_ACCOUNTS and manifest.chain_id in DEV_CHAINS:
        return dev_signer(manifest.chain_id, DEV_ACCOUNTS[text]).address
    if text in manifest.contracts:
        return manifest.address(text)
    for market in manifest.credit:
        if text in market.contracts:
            return market.address(text)
    if "." in text:
        remedy = "Names are not looked up: give the address with 0x that the name stands for"
        raise UnknownAddressError(f"{text!r} is no address, but a name as ENS has them", remedy=remedy)
    try:
        return parse_address(text)
    except ValueError as error:
        raise UnknownAddressError(str(error)) from error


def network_options(function: Command) -> Command:
    """Add the options that say which network."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document; amounts are integers."),
        click.option("--rpc", multiple=True, metavar="URL", help="RPC endpoint, or several. [GPURWA_RPC_URLS]"),
        click.option("--network", metavar="NAME", help="Network. [GPURWA_NETWORK, devnet]"),
    ):
        function = option(function)
    return function


def asks(function: Callable[..., None]) -> Callable[..., None]:
    """Make a command one that only looks: `session` first, and the network's options."""

    @network_options
    @functools.wraps(function)
    def command(network: str | None, rpc: tuple[str, ...], as_json: bool, **arguments: Any) -> None:
        settings = load_settings(network=network, rpc_urls=rpc or None)
        function(Session(settings, as_json=as_json), **arguments)

    return command


def reads(function: Callable[..., None]) -> Callable[..., None]:
    """Make a command one that reads the state of a block: as `asks`, and the block."""
    return click.option("--block", type=BLOCK, default="latest", show_default=True, help="Read as of this block.")(
        asks(function)
    )


def writes(function: Callable[..., None]) -> Callable[..., None]:
    """Make a command one that signs: `session` first, the network's options and the account's."""

    @click.option("--yes", is_flag=True, help="Do not ask before money moves.")
    @click.option("--password-file", type=click.Path(path_type=Path), help="File whose first line opens the keystore.")
    @click.option(
        "--account",
        metavar="KEYSTORE|ROLE",
        help="Who signs: a keystore file, ape:NAME, a remote signer's URL, kms:MODULE:FUNCTION, wallet:0xADDRESS"
        " to print the call that a Safe has to make, or on a development chain a role. [GPURWA_KEYSTORE]",
    )
    @network_options
    @functools.wraps(function)
    def command(
        network: str | None,
        rpc: tuple[str, ...],
        as_json: bool,
        account: str | None,
        password_file: Path | None,
        yes: bool,
        **arguments: Any,
    ) -> None:
        settings = load_settings(network=network, rpc_urls=rpc or None, password_file=password_file)
        function(Session(settings, as_json=as_json, account=account, yes=yes), **arguments)

    return command


def ask_password(text: str) -> str:
    """Ask for a password, which is not shown; an empty one where nothing is typed."""
    answer: str = click.prompt(text.rstrip(": "), hide_input=True, err=True, default="", show_default=False)
    return answer
