"""Recomputes what the demo says from the CSV and `summary.json` alone, slowly and by other means than the package.

It imports nothing of the package: what it knows is the published rule and the shape of the summary.
"""

from __future__ import annotations

import csv
import gzip
import json
from fractions import Fraction
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

Samples = dict[str, list[tuple[int, Fraction]]]

KEYS = {
    "fleets": {"id", "gpu_ids"},
    "reports": {"fleet", "as_of", "available_gpu_ms", "busy_gpu_ms", "energy_joules", "head", "gas_used"},
    "leases": {
        "id", "fleet", "gpu_ids", "gpus", "granted_at", "end", "price_per_gpu_hour", "delivered_gpu_ms", "deposit",
        "paid", "refunded", "held", "sla_credit", "closed",
    },
    "revenue": {"fleet", "routed", "protocol_fee", "operating", "shares", "unreleased"},
    "holders": {"fleet", "address", "shares", "claimed", "claimable"},
}  # fmt: skip
NOT_NUMBERS = {"gpu_ids", "address", "head", "closed"}


def read_samples(path: Path) -> Samples:
    """Return time in seconds and duty in parts of one, by GPU."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as text:
        samples: Samples = {}
        for row in csv.DictReader(text):
            # Parts per million are whole: what is finer counts as idle.
            duty = Fraction(int(Fraction(row["gpu_duty_cycle_percent"]) * 10_000), 1_000_000)
            samples.setdefault(row["pod"], []).append((int(row["timestamp_s"]), duty))
    return samples


def intervals(one: list[tuple[int, Fraction]], cadence_s: Fraction, begin: int, end: int) -> list[tuple[int, Fraction]]:
    """Return length and duty of each available interval, clipped."""
    found = []
    for (at, duty), (after, _) in pairwise(one):
        length = min(after, end) - max(at, begin)
        if after - at <= 2 * cadence_s and length > 0:
            found.append((length, duty))
    return found


def faults(trace: Path, summary: Path) -> list[str]:
    """Return everything that is wrong with a summary, in words."""
    samples, told = read_samples(trace), json.loads(summary.read_text())
    cadence = Fraction(told["trace"]["cadence_ms"], 1_000)
    return [
        *_shape(told),
        *_fleets(samples, told),
        *_reports(samples, told, cadence),
        *_leases(samples, told, cadence),
        *_one_lease_at_a_time(told),
        *_revenue(told),
    ]


def _shape(told: dict[str, Any]) -> list[str]:
    found = []
    if list(told) != ["trace", *KEYS, "conserved"]:
        found.append(f"top level: {list(told)}")
    for part, keys in KEYS.items():
        for row in told[part]:
            if set(row) != keys:
                found.append(f"{part}: {set(row) ^ keys}")
            found += [f"{part}.{key} is {row[key]!r}" for key in keys - NOT_NUMBERS if type(row[key]) is not int]
    if told["conserved"] is not True:
        found.append("not conserved")
    return found


def _fleets(samples: Samples, told: dict[str, Any]) -> list[str]:
    named = [gpu for fleet in told["fleets"] for gpu in fleet["gpu_ids"]]
    if sorted(named) != sorted(samples):
        return ["the fleets' GPUs are not those of the trace"]
    return []


def _counters(
    samples: Samples, told: dict[str, Any], fleet: int, as_of: int, cadence: Fraction
) -> tuple[int, int, int]:
    power = next(one for one in told["trace"]["power"] if one["fleet"] == fleet)
    idle, spread = power["idle_watts"], power["max_watts"] - power["idle_watts"]
    available = busy = joules = 0
    for gpu in next(one["gpu_ids"] for one in told["fleets"] if one["id"] == fleet):
        parts = intervals(samples[gpu], cadence, told["trace"]["counted_from"], as_of)
        worked = sum((length * duty for length, duty in parts), Fraction(0))
        present = sum(length for length, _ in parts)
        available += present * 1_000
        busy += int(worked * 1_000)
        joules += int(idle * present + spread * worked)
    return available, busy, joules


def _reports(samples: Samples, told: dict[str, Any], cadence: Fraction) -> list[str]:
    found = []
    for row in told["reports"]:
        expected = _counters(samples, told, row["fleet"], row["as_of"], cadence)
        said = row["available_gpu_ms"], row["busy_gpu_ms"], row["energy_joules"]
        if row["head"] and said != expected:
            found.append(f"report of fleet {row['fleet']} as of {row['as_of']}: {said}, the samples give {expected}")
        if not row["head"] and said == expected:
            found.append(f"report of fleet {row['fleet']} as of {row['as_of']} says the truth and is no head")
        if row["gas_used"] <= 21_000:
            found.append(f"a report for {row['gas_used']} gas")
    for fleet in told["fleets"]:
        heads = [row["as_of"] for row in told["reports"] if row["fleet"] == fleet["id"] and row["head"]]
        if not heads or heads != sorted(set(heads)):
            found.append(f"heads of fleet {fleet['id']}: {heads}")
    return found


def _leases(samples: Samples, told: dict[str, Any], cadence: Fraction) -> list[str]:
    found = []
    for row in told["leases"]:
        served = 1_000 * sum(
            length
            for gpu in row["gpu_ids"]
            for length, _ in intervals(samples[gpu], cadence, row["granted_at"], row["end"])
        )
        served = min(served, row["gpus"] * (row["end"] - row["granted_at"]) * 1_000)
        truths = {
            "delivered": row["delivered_gpu_ms"] == served,
            "paid": row["paid"] == row["price_per_gpu_hour"] * served // 3_600_000,
            "deposit": row["deposit"] == row["paid"] + row["refunded"] + row["held"],
            "GPUs": row["gpus"] == len(set(row["gpu_ids"])),
            "fleet": set(row["gpu_ids"]) <= set(told["fleets"][row["fleet"] - 1]["gpu_ids"]),
            "closing": row["closed"] and row["held"] == 0,
            "term": told["trace"]["first"] <= row["granted_at"] < row["end"] <= told["trace"]["last"],
        }
        found += [f"lease {row['id']}: {name}" for name, true in truths.items() if not true]
    return found


def _one_lease_at_a_time(told: dict[str, Any]) -> list[str]:
    return [
        f"leases {one['id']} and {other['id']} share a GPU"
        for one, other in combinations(told["leases"], 2)
        if set(one["gpu_ids"]) & set(other["gpu_ids"])
        and one["granted_at"] < other["end"]
        and other["granted_at"] < one["end"]
    ]


def _revenue(told: dict[str, Any]) -> list[str]:
    found = []
    for row in told["revenue"]:
        holders = [one for one in told["holders"] if one["fleet"] == row["fleet"]]
        paid = sum(lease["paid"] for lease in told["leases"] if lease["fleet"] == row["fleet"])
        dust = row["shares"] - row["unreleased"] - sum(one["claimed"] + one["claimable"] for one in holders)
        truths = {
            "routed is what was paid": row["routed"] == paid,
            "legs": row["routed"] == row["protocol_fee"] + row["operating"] + row["shares"],
            "dust": 0 <= dust < len(holders),
            "released": row["unreleased"] == 0,
            "holders": len({one["address"] for one in holders}) == len(holders) >= 4,
        }
        found += [f"revenue of fleet {row['fleet']}: {name}" for name, true in truths.items() if not true]
    return found
