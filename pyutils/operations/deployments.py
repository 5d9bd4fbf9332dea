"""Is what stands on a chain what was compiled and recorded? Contract by contract, as anybody can ask a node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from web3 import Web3

from pyutils import artifacts
from pyutils.chain import Receipt, rpc
from pyutils.contracts.base import event_shape
from pyutils.deployment.addresses import CREATE2_DEPLOYER, FACTORY_SALT, create2_address, factory_address
from pyutils.deployment.creation import creation_code
from pyutils.deployment.provenance import compiler_settings, sources_hash
from pyutils.deployment.runtime_code import code_hash, immutables_in, masked
from pyutils.errors import ContractError
from pyutils.keccak import keccak256
from pyutils.manifest import DeployedContract, Manifest, ManifestError
from pyutils.models import parse_address


class OtherCodeError(ContractError):
    """What stands on the chain is not what was compiled and recorded."""

    remedy = "Use the version of the package that deployed; `gpurwa deployments show` names its commit"


@dataclass(frozen=True, slots=True)
class CodeCheck:
    """What was found of one contract."""

    name: str
    """What the record calls it."""
    artifact: str
    address: str
    faults: tuple[str, ...]
    """What does not hold; empty where all is as it should be."""
    creation: str
    """Whether its creation was found as recorded, or why that is not known."""
    immutables: Mapping[str, str]
    """What the code on chain has where its immutables stand, hex by variable."""

    @property
    def is_well(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.faults


PROVED = "as recorded"
"""The recorded transaction put the artifact's code, with the recorded arguments, at the recorded address."""


def other_sources(manifest: Manifest) -> str | None:
    """Return how a record's sources or compiler differ from this package's; None where they do not, or it is silent."""
    if manifest.sources_hash is not None and manifest.sources_hash != sources_hash():
        by = f", by commit {manifest.git_revision}" if manifest.git_revision is not None else ""
        return f"{manifest.network} was deployed from other sources than this package has{by}"
    if manifest.compiler is not None and manifest.compiler != compiler_settings():
        return f"{manifest.network} was deployed with another compiler or other settings than this package"
    return None


def check_deployment(web3: Web3, manifest: Manifest) -> Iterator[CodeCheck]:
    """Yield what is found of each contract of a record."""
    for name, record in manifest.everything:
        yield check_contract(web3, name, record)


def check_contract(web3: Web3, name: str, record: DeployedContract) -> CodeCheck:
    """Compare the code at a contract's address with its artifact, immutables masked, and with the record.

    The masked comparison knows nothing of the record's hash: it holds for a record that was tampered with too.
    """
    code = rpc.code_at(web3, record.address)
    immutables: dict[str, str] = {}
    try:
        faults = list(_code_faults(record, code))
        if code and not faults:
            immutables = {
                variable: " ".join("0x" + value.hex() for value in values)
                for variable, values in immutables_in(record.artifact, code).items()
            }
        creation, wrong = _creation(web3, record)
    except (artifacts.UnknownArtifactError, ManifestError) as error:
        faults, creation, wrong = [error.message], "not known", None
    if wrong is not None:
        faults.append(wrong)
    return CodeCheck(name, record.artifact, record.address, tuple(faults), creation, immutables)


def _code_faults(record: DeployedContract, code: bytes) -> Iterator[str]:
    if not code:
        yield "there is no code"
        return
    compiled = artifacts.load(record.artifact).deployed_bytecode
    bare = masked(record.artifact, code)
    if len(code) != len(compiled):
        yield f"other code than compiled: {len(code)} bytes, not {len(compiled)}"
    elif bare != compiled:
        place = next(index for index, pair in enumerate(zip(bare, compiled, strict=True)) if pair[0] != pair[1])
        yield f"other code than compiled, from byte {place} on"
    else:
        values = immutables_in(record.artifact, code)
        torn = sorted(variable for variable, found in values.items() if len(found) > 1)
        if torn:
            yield f"an immutable has several values: {', '.join(torn)}"
    if code_hash(code) != record.code_hash:
        yield "another code hash than recorded"


def _creation(web3: Web3, record: DeployedContract) -> tuple[str, str | None]:
    """Return whether the recorded transaction created a contract, in words, and what is wrong with it."""
    if record.transaction is None:
        return "no transaction recorded", None
    hash_ = "0x" + record.transaction.hex()
    row = rpc.request(web3, "eth_getTransactionByHash", hash_)
    answer = rpc.request(web3, "eth_getTransactionReceipt", hash_)
    if row is None or answer is None:
        return "the node does not know the transaction", None
    receipt = Receipt.from_row(answer)
    if not receipt.succeeded:
        return "wrong", "the recorded transaction failed"
    if record.block is not None and receipt.block_number != record.block:
        return "wrong", f"created in block {receipt.block_number}, not {record.block}"
    code = creation_code(record)
    if code not in bytes.fromhex(row["input"][2:]):
        return "wrong", "the recorded transaction holds other code or other constructor arguments"
    if record.address not in _put_up(receipt, code):
        return "wrong", "the recorded transaction put nothing at this address"
    return PROVED, None


def _put_up(receipt: Receipt, code: bytes) -> set[str]:
    """Return where a transaction put contracts, as the `Create3Factory` says, and where CREATE2 puts the factory."""
    shape, factory = event_shape("Create3Factory", "Deploy"), factory_address()
    told = {
        parse_address(shape.decode(log)["deployed"])
        for log in receipt.logs
        if log.topics[:1] == (shape.topic,) and parse_address(log.address) == factory
    }
    return told | {create2_address(CREATE2_DEPLOYER, FACTORY_SALT, keccak256(code))}
