"""Deployment records: which contract stands where on a network, and how it came to be.

Records of known networks come with the package in `pyutils/deployments/`; a user's own in
`./deployments/<network>.json` wins over them. Records of an older schema are read as if they were of this one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, ValidationError

from pyutils.durable import write_whole
from pyutils.errors import InputError
from pyutils.models.address import Address, parse_address
from pyutils.models.base import Bytes32, FrozenModel

SCHEMA_VERSION: Final = 2
USER_FOLDER = Path("deployments")
NETWORK_NAME = r"^[a-z0-9][a-z0-9-]*$"


class UnknownNetworkError(InputError):
    """There is no deployment record of this network."""

    def __init__(self, network: str, known: tuple[str, ...]) -> None:
        names = ", ".join(known) or "none yet"
        remedy = f"Known networks: {names}; deploy with `gpurwa deploy`, or start one with `gpurwa devnet`"
        super().__init__(f"there is no deployment record of network {network!r}", remedy=remedy)
        self.network, self.known = network, known


class ManifestError(InputError):
    """A deployment record cannot be used."""

    remedy = "Restore the file, or deploy again: what is on chain is found and recorded"


class UnknownContractError(InputError):
    """A deployment record does not name this contract."""

    remedy = "Deploy again with this version of the package, or use the version that the record was made with"

    def __init__(self, network: str, contract: str) -> None:
        super().__init__(f"the deployment record of {network} has no {contract}")


class NoMarketError(InputError):
    """Nothing is lent in this token."""

    remedy = "Lend and borrow against a fleet that settles in a token with a credit market (`gpurwa doctor`)"

    def __init__(self, network: str, token: str) -> None:
        super().__init__(f"{network} has no credit market in {token}")
        self.network, self.token = network, token


def _plain(value: Any) -> Any:
    """Return constructor arguments as JSON keeps them: bytes as hex, sequences as tuples."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, list | tuple):
        return tuple(_plain(item) for item in value)
    return value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class DeployedContract(FrozenModel):
    """A contract of the system."""

    artifact: str
    """Name of the compiled contract; the record may call it otherwise."""
    address: Address
    code_hash: Bytes32
    """EXTCODEHASH that artifacts and constructor arguments promise, and the chain confirmed."""
    constructor_args: Annotated[tuple[Any, ...], BeforeValidator(_plain)] = ()
    block: int | None = None
    """Block of the deployment; None where it was there before, as a factory may be."""
    transaction: Bytes32 | None = None


class CreditMarket(FrozenModel):
    """The contracts that lend one settlement token against fleets."""

    token: Address
    contracts: Mapping[str, DeployedContract]

    def address(self, contract: str) -> str:
        """Return a contract's address. Raises `UnknownContractError`."""
        if contract not in self.contracts:
            raise UnknownContractError(f"the credit market in {self.token}", contract)
        return self.contracts[contract].address


class RoleHolder(FrozenModel):
    """Who holds a role, and how long its calls must be announced."""

    role: str
    role_id: int
    holder: Address
    execution_delay_s: int


class CompilerSettings(FrozenModel):
    """With what contracts were compiled: whoever compiles the same sources so gets the same code."""

    version: str
    """With its commit, `0.8.37+commit.f401782d`."""
    evm_version: str
    optimizer_runs: int | None
    """None where the optimizer was off."""
    via_ir: bool
    bytecode_hash: str
    """Hash of the metadata that ends the code; `none` where it ends with the compiler's version alone."""


class Manifest(FrozenModel):
    """One deployment of the system."""

    schema_version: Literal[2] = SCHEMA_VERSION
    network: str = Field(pattern=NETWORK_NAME)
    chain_id: int
    deployer: Address
    contracts: Mapping[str, DeployedContract]
    roles: Annotated[tuple[RoleHolder, ...], BeforeValidator(_tuple)] = ()
    tokens: Annotated[tuple[Address, ...], BeforeValidator(_tuple)] = ()
    """Settlement tokens listed at deployment."""
    credit: Annotated[tuple[CreditMarket, ...], BeforeValidator(_tuple)] = ()
    """Credit markets, at most one a token."""
    rpc_urls: Annotated[tuple[str, ...], BeforeValidator(_tuple)] = ()
    """Endpoints of a local development chain; empty for public networks."""
    compiler: CompilerSettings | None = None
    """None in records of schema 1, as the next three."""
    sources_hash: Bytes32 | None = None
    """Of all sources, as `provenance.sources_hash` has it."""
    git_revision: str | None = None
    """Commit of the checkout that deployed, with `-dirty` where files differed; None too for an installed package."""
    plan_hash: Bytes32 | None = None
    """Of the plan that was carried out."""
    complete: bool = False
    """Whether every step was done and the deployer gave up its rights."""

    def address(self, contract: str) -> str:
        """Return a contract's address. Raises `UnknownContractError`."""
        if contract not in self.contracts:
            raise UnknownContractError(self.network, contract)
        return self.contracts[contract].address

    def market(self, token: str) -> CreditMarket:
        """Return the credit market that lends a settlement token. Raises `NoMarketError`."""
        wanted = parse_address(token)
        for market in self.credit:
            if market.token == wanted:
                return market
        raise NoMarketError(self.network, wanted)

    @property
    def everything(self) -> Iterator[tuple[str, DeployedContract]]:
        """Yield every contract by a name of its own: where there are several markets, with the token that is lent."""
        yield from self.contracts.items()
        for market in self.credit:
            for name, record in market.contracts.items():
                yield (name if len(self.credit) == 1 else f"{name} for {market.token}"), record

    @property
    def first_block(self) -> int:
        """Return the block before which no event of the system can be."""
        return min((record.block for record in self.contracts.values() if record.block is not None), default=0)

    def summary(self) -> str:
        """Return the addresses, one a line."""
        addresses = {label: record.address for label, record in self.everything}
        width = max(map(len, addresses))
        lines = [f"{label:<{width}}  {address}" for label, address in sorted(addresses.items())]
        return "\n".join([f"{self.network} (chain {self.chain_id})", *lines])

    def write(self, path: Path) -> None:
        """Write the record, whole or not at all, for everybody to read. Raises `UnwritableFileError`."""
        write_whole(path, self.model_dump_json(indent=2).encode() + b"\n").chmod(0o644)


def user_path(network: str, folder: Path = USER_FOLDER) -> Path:
    """Return where a user's own record of a network stands."""
    return folder / f"{network}.json"


def read_manifest(path: Path) -> Manifest:
    """Return the record in a file. Raises `ManifestError`."""
    try:
        text = path.read_text()
    except OSError as error:
        raise ManifestError(f"deployment record {path} cannot be read: {error.strerror}") from error
    return _parse(text, str(path))


def load_manifest(network: str, folder: Path = USER_FOLDER) -> Manifest:
    """Return the record of a network, the user's own before the shipped one. Raises `UnknownNetworkError`."""
    own = user_path(network, folder)
    if own.is_file():
        return read_manifest(own)
    shipped = resources.files("pyutils.deployments").joinpath(f"{network}.json")
    if network in _shipped():
        return _parse(shipped.read_text(), f"shipped {network}.json")
    raise UnknownNetworkError(network, known_networks(folder))


def known_networks(folder: Path = USER_FOLDER) -> tuple[str, ...]:
    """Return the names of all networks with a record."""
    own = _records(path.name for path in folder.iterdir()) if folder.is_dir() else set()
    return tuple(sorted(own | _shipped()))


def _shipped() -> set[str]:
    return _records(file.name for file in resources.files("pyutils.deployments").iterdir())


def _records(names: Iterable[str]) -> set[str]:
    """Return the networks whose records are among files: what else stands beside them has other names."""
    stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
    return {stem for stem in stems if re.fullmatch(NETWORK_NAME, stem)}


def _parse(text: str, source: str) -> Manifest:
    try:
        return Manifest.model_validate_json(_migrated(text, source))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ManifestError(f"deployment record {source}: {place}: {first['msg']}") from error


_ARTIFACTS_OF_SCHEMA_1: Final = {"TestCollateral": "TestStablecoin"}


def _migrated(text: str, source: str) -> str:
    """Return a record of any schema as one of this. Raises `ManifestError` where it is of a later one."""
    try:
        row = json.loads(text)
    except ValueError:
        return text  # said better by whoever reads it next
    version = row.get("schema_version", 1) if isinstance(row, dict) else SCHEMA_VERSION
    if isinstance(version, int) and version > SCHEMA_VERSION:
        known = f"this version of the package reads up to {SCHEMA_VERSION}"
        remedy = "Use the version of the package that wrote it, or a later one"
        raise ManifestError(f"deployment record {source}: schema_version: it is {version}, {known}", remedy=remedy)
    if version != 1:
        return text
    groups = [row.get("contracts"), *(market.get("contracts") for market in _objects(row.get("credit")))]
    for contracts in groups:
        for name, contract in contracts.items() if isinstance(contracts, dict) else ():
            if isinstance(contract, dict):
                contract["artifact"] = _ARTIFACTS_OF_SCHEMA_1.get(name, name)
    return json.dumps(row | {"schema_version": SCHEMA_VERSION})


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
