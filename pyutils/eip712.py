"""Typed data as EIP-712 has it, hashed by hand so that digests equal Solidity's and thousands are made in a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import coincurve
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from pyutils.errors import InputError, SigningError
from pyutils.keccak import keccak256
from pyutils.models.meter import MeterReport

DOMAIN_TYPE_HASH: Final = keccak256(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
METER_REPORT_TYPE_HASH: Final = keccak256(
    b"MeterReport(uint64 fleetId,uint40 asOf,uint64 availableGpuMs,uint64 busyGpuMs,uint64 energyJoules,"
    b"bytes32 leaseRoot,bytes32 dataHash,bytes32 previousDigest)"
)
CLOSE_MUTUAL_TYPE_HASH: Final = keccak256(b"CloseMutual(uint256 leaseId,uint64 deliveredGpuMs,uint256 nonce)")
PERMIT_TYPE_HASH: Final = keccak256(
    b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)

CURVE_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_HALF_ORDER: Final = CURVE_ORDER // 2


class SignatureError(SigningError):
    """Bytes are no signature that a contract would take."""

    remedy = "Sign the digest again"


class DigestError(InputError):
    """A value does not fit its type in the typed data."""

    remedy = "Give integers within the range of their Solidity type"


@dataclass(frozen=True, slots=True)
class Signature:
    """An ECDSA signature with low `s`, in the forms that contracts take."""

    r: int
    s: int
    y_parity: int

    def __post_init__(self) -> None:
        if not (0 < self.r < CURVE_ORDER and 0 < self.s <= _HALF_ORDER and self.y_parity in (0, 1)):
            raise SignatureError("a signature needs 0 < r < n, 0 < s ≤ n/2 and a parity of 0 or 1")

    @property
    def v(self) -> int:
        """Return 27 or 28, as `ecrecover` takes it."""
        return 27 + self.y_parity

    @property
    def compact(self) -> tuple[bytes, bytes]:
        """Return `(r, vs)` as EIP-2098 has them."""
        return self.r.to_bytes(32), (self.s | self.y_parity << 255).to_bytes(32)

    def to_bytes(self) -> bytes:
        """Return the 65 bytes `r ‖ s ‖ v`."""
        return self.r.to_bytes(32) + self.s.to_bytes(32) + bytes([self.v])

    @classmethod
    def from_bytes(cls, data: bytes) -> Signature:
        """Return the signature in 64 (EIP-2098) or 65 bytes. Raises `SignatureError`."""
        if len(data) == 64:
            vs = int.from_bytes(data[32:])
            return cls(int.from_bytes(data[:32]), vs & ((1 << 255) - 1), vs >> 255)
        if len(data) == 65 and data[64] in (0, 1, 27, 28):
            return cls(int.from_bytes(data[:32]), int.from_bytes(data[32:64]), data[64] % 27)
        raise SignatureError(f"{len(data)} bytes are no signature; 64 or 65 are, the last of 65 being 27 or 28")

    @classmethod
    def recovered(cls, r: int, s: int, digest: bytes, signer: str) -> Signature:
        """Return the signature that a signer's bare `r` and `s` are: low `s`, and the parity that recovers to `signer`.

        Raises `SignatureError` where they are no signature of `digest` by `signer`.
        """
        low = min(s, CURVE_ORDER - s)
        for y_parity in (0, 1):
            signature = cls(r, low, y_parity)
            try:
                if signature.signer(digest) == signer:
                    return signature
            except SignatureError:
                continue
        raise SignatureError(f"the signature is not {signer}'s")

    def signer(self, digest: bytes) -> ChecksumAddress:
        """Return the account that signed `digest`. Raises `SignatureError` where nobody can have."""
        data = self.r.to_bytes(32) + self.s.to_bytes(32) + bytes([self.y_parity])
        try:
            public = coincurve.PublicKey.from_signature_and_message(data, digest, hasher=None)
        except ValueError as error:
            raise SignatureError("no key can have made this signature") from error
        return to_checksum_address(keccak256(public.format(compressed=False)[1:])[12:])


def sign_digest(key: bytes, digest: bytes) -> Signature:
    """Return the deterministic signature (RFC 6979, low `s`) of a 32-byte digest."""
    if len(digest) != 32:
        raise SignatureError(f"a digest has 32 bytes, not {len(digest)}")
    data = coincurve.PrivateKey(key).sign_recoverable(digest, hasher=None)
    return Signature(int.from_bytes(data[:32]), int.from_bytes(data[32:64]), data[64])


@dataclass(frozen=True, slots=True)
class Domain:
    """Which contract on which chain a statement is for."""

    name: str
    version: str
    chain_id: int
    contract: str

    @property
    def separator(self) -> bytes:
        """Return the domain separator."""
        return keccak256(
            DOMAIN_TYPE_HASH
            + keccak256(self.name.encode())
            + keccak256(self.version.encode())
            + _word(self.chain_id, 256)
            + _address(self.contract)
        )

    def preimage(self, struct_hash: bytes) -> bytes:
        """Return the bytes that a signer hashes and signs for a struct; remote signers take no digest, only these."""
        return b"\x19\x01" + self.separator + struct_hash

    def digest(self, struct_hash: bytes) -> bytes:
        """Return what is signed for a struct: the hash of its preimage."""
        return keccak256(self.preimage(struct_hash))


def meter_oracle_domain(chain_id: int, contract: str) -> Domain:
    """Return the domain of meter reports."""
    return Domain("MeterOracle", "1", chain_id, contract)


def lease_book_domain(chain_id: int, contract: str) -> Domain:
    """Return the domain of mutual closings."""
    return Domain("LeaseBook", "1", chain_id, contract)


def meter_report_hash(report: MeterReport) -> bytes:
    """Return the struct hash of a meter report, as `ReportLib.structHash` makes it."""
    return keccak256(
        METER_REPORT_TYPE_HASH
        + report.fleet_id.to_bytes(32)
        + report.as_of.to_bytes(32)
        + report.available_gpu_ms.to_bytes(32)
        + report.busy_gpu_ms.to_bytes(32)
        + report.energy_joules.to_bytes(32)
        + report.lease_root
        + report.data_hash
        + report.previous_digest
    )


def close_mutual_hash(lease_id: int, delivered_gpu_ms: int, nonce: int) -> bytes:
    """Return the struct hash of a mutual closing."""
    return keccak256(CLOSE_MUTUAL_TYPE_HASH + _word(lease_id, 256) + _word(delivered_gpu_ms, 64) + _word(nonce, 256))


def permit_hash(owner: str, spender: str, value: int, nonce: int, deadline: int) -> bytes:
    """Return the struct hash of an ERC-2612 permit."""
    return keccak256(
        PERMIT_TYPE_HASH
        + _address(owner)
        + _address(spender)
        + _word(value, 256)
        + _word(nonce, 256)
        + _word(deadline, 256)
    )


def _word(value: int, bits: int) -> bytes:
    if not 0 <= value < 1 << bits:
        raise DigestError(f"{value} does not fit uint{bits}")
    return value.to_bytes(32)


def _address(address: str) -> bytes:
    raw = bytes.fromhex(address.removeprefix("0x"))
    if len(raw) != 20:
        raise DigestError(f"{address} is no address")
    return raw.rjust(32, b"\0")
