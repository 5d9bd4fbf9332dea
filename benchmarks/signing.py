"""Signing meter reports: typed data hashed by hand and signed, beside eth-account's general encoder, key for key."""

from __future__ import annotations

import random

from eth_account import Account
from stopwatch import Figure, best_of, show

from pyutils.chain import LocalSigner
from pyutils.eip712 import Domain, meter_oracle_domain, meter_report_hash
from pyutils.models import MeterReport
from pyutils.units import FleetId, GpuMs, Joules, UnixSeconds

KEY = bytes(range(1, 33))
REPORTS = 3_000
BASELINE_REPORTS = 300
"""The general encoder is slow: a tenth of the reports says as much."""
LEAST_PER_SECOND = 3_000

TYPES = {
    "MeterReport": [
        {"name": "fleetId", "type": "uint64"},
        {"name": "asOf", "type": "uint40"},
        {"name": "availableGpuMs", "type": "uint64"},
        {"name": "busyGpuMs", "type": "uint64"},
        {"name": "energyJoules", "type": "uint64"},
        {"name": "leaseRoot", "type": "bytes32"},
        {"name": "dataHash", "type": "bytes32"},
        {"name": "previousDigest", "type": "bytes32"},
    ]
}


def reports() -> list[MeterReport]:
    """Return reports of many hours, each different."""
    rng = random.Random(1)
    return [
        MeterReport(
            fleet_id=FleetId(1),
            as_of=UnixSeconds(1_700_000_000 + 3_600 * hour),
            available_gpu_ms=GpuMs(rng.randrange(2**59)),
            busy_gpu_ms=GpuMs(rng.randrange(2**58)),
            energy_joules=Joules(rng.randrange(2**50)),
            lease_root=rng.randbytes(32),
            data_hash=rng.randbytes(32),
            previous_digest=rng.randbytes(32),
        )
        for hour in range(REPORTS)
    ]


def by_signer(signer: LocalSigner, domain: Domain, found: list[MeterReport]) -> list[bytes]:
    """Return the signatures as operator and verifiers make them."""
    return [signer.sign_preimage(domain.preimage(meter_report_hash(report))).to_bytes() for report in found]


def by_eth_account(domain: Domain, found: list[MeterReport]) -> list[bytes]:
    """Return the same from the general encoder."""
    names = [member["name"] for member in TYPES["MeterReport"]]
    fields = list(MeterReport.model_fields)
    data = {
        "name": domain.name,
        "version": domain.version,
        "chainId": domain.chain_id,
        "verifyingContract": domain.contract,
    }
    signed = []
    for report in found:
        message = {name: getattr(report, field) for name, field in zip(names, fields, strict=True)}
        signed.append(bytes(Account.sign_typed_data(KEY, data, TYPES, message).signature))
    return signed


def main() -> None:
    """Sign some thousand reports both ways."""
    signer, domain, found = LocalSigner(KEY), meter_oracle_domain(1, "0x" + "a1" * 20), reports()
    few = found[:BASELINE_REPORTS]
    if by_signer(signer, domain, few) != by_eth_account(domain, few):
        raise SystemExit("signing: the signer and eth-account disagree")
    seconds = best_of(3, lambda: by_signer(signer, domain, found))
    show(
        f"Signatures of {REPORTS:,} meter reports, digest and domain included",
        [
            Figure("LocalSigner", REPORTS, "reports", seconds),
            Figure("eth-account", BASELINE_REPORTS, "reports", best_of(3, lambda: by_eth_account(domain, few))),
        ],
    )
    if REPORTS / seconds < LEAST_PER_SECOND:
        raise SystemExit(f"signing: {REPORTS / seconds:,.0f} reports in a second, {LEAST_PER_SECOND:,} are wanted")


if __name__ == "__main__":
    main()
