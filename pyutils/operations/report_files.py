"""Reports and signatures as files that operator, verifiers and carriers hand to each other. JSON, one value each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, PlainSerializer, ValidationError

from pyutils.chain import Signer
from pyutils.durable import write_whole
from pyutils.eip712 import Signature, meter_oracle_domain, meter_report_hash
from pyutils.errors import InputError
from pyutils.keccak import keccak256
from pyutils.models import Address, Bytes32, FrozenModel, MeterReport

REPORT_SUFFIX: Final = ".report.json"
SIGNATURE_SUFFIX: Final = ".signature.json"


class ReportFileError(InputError):
    """A file is no report or signature, or belongs to another one."""

    remedy = "Build the report again with `gpurwa report build`, and sign that file"


def _unhex(value: object) -> object:
    return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else value


SignatureBytes = Annotated[
    bytes,
    BeforeValidator(_unhex),
    PlainSerializer(lambda data: "0x" + data.hex(), return_type=str, when_used="json"),
]


class _JsonFile(FrozenModel):
    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file. Raises `ReportFileError` where it is none of this kind."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ReportFileError(f"{path} cannot be read: {error.strerror}") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise ReportFileError(f"{path}: {where}: {first['msg']}") from error

    def write(self, path: Path) -> Path:
        """Write the file, whole or not at all, and return its path."""
        return write_whole(path, (json.dumps(self.model_dump(mode="json"), indent=2) + "\n").encode())


class ReportFile(_JsonFile):
    """A report with the contract that it is meant for: all that a signer needs."""

    format: Literal["gpu-rwa-report/1"] = "gpu-rwa-report/1"
    chain_id: int
    oracle: Address
    report: MeterReport

    @property
    def preimage(self) -> bytes:
        """What signers hash and sign: EIP-712's prefix, the oracle's domain and the report."""
        return meter_oracle_domain(self.chain_id, self.oracle).preimage(meter_report_hash(self.report))

    @property
    def digest(self) -> bytes:
        """The EIP-712 digest that signers sign."""
        return keccak256(self.preimage)

    @property
    def file_name(self) -> str:
        """Name of the file: fleet, time, and the begin of the digest."""
        report = self.report
        return f"fleet-{report.fleet_id}-{report.as_of}-{self.digest.hex()[:8]}{REPORT_SUFFIX}"

    def sign(self, signer: Signer) -> SignatureFile:
        """Return the signer's signature."""
        return SignatureFile(
            digest=self.digest, signer=signer.address, signature=signer.sign_preimage(self.preimage).to_bytes()
        )


class SignatureFile(_JsonFile):
    """One signature of one report."""

    format: Literal["gpu-rwa-signature/1"] = "gpu-rwa-signature/1"
    digest: Bytes32
    signer: Address
    signature: SignatureBytes

    @property
    def value(self) -> Signature:
        """The signature itself. Raises `SignatureError` where its bytes are none."""
        return Signature.from_bytes(self.signature)

    def check(self, digest: bytes) -> None:
        """Raise `ReportFileError` where it is not its signer's signature of `digest`."""
        if self.digest != digest:
            raise ReportFileError(
                f"the signature of {self.signer} is over 0x{self.digest.hex()}, not over 0x{digest.hex()}"
            )
        found = self.value.signer(digest)
        if found != self.signer:
            raise ReportFileError(f"the signature is {found}'s, not {self.signer}'s as its file says")


class AgreementFile(_JsonFile):
    """One side's word on what a lease got, for closing it without a report."""

    format: Literal["gpu-rwa-agreement/1"] = "gpu-rwa-agreement/1"
    lease_id: int
    delivered_gpu_ms: int
    digest: Bytes32
    signer: Address
    signature: SignatureBytes

    @property
    def value(self) -> Signature:
        """The signature itself. Raises `SignatureError` where its bytes are none."""
        return Signature.from_bytes(self.signature)
