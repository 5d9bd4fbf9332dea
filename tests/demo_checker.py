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
    "loans": {"id", "fleet", "state", "principal", "interest", "repaid", "surplus", "loss", "marks"},
}  # fmt: skip
NOT_NUMBERS = {"gpu_ids", "address", "head", "closed", "state"}
VAULT = {
    "deposits", "withdrawals", "lent", "received", "loss", "cash", "set_aside", "shares", "conservative", "optimistic",
    "custody", "values", "lenders", "pledges", "flows", "conserved",
}  # fmt: skip
YEAR_SCALE = 10_000 * 365 * 86_400
"""Interest is counted in units × basis points × seconds."""
VIRTUAL_SHARES = 10**6
DAY_S = 86_400


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
        *_loans(told),
        *Ledger(told).replay(),
    ]


def _shape(told: dict[str, Any]) -> list[str]:
    found = []
    if list(told) != ["trace", *KEYS, "vault", "conserved"]:
        found.append(f"top level: {list(told)}")
    for part, keys in KEYS.items():
        for row in told[part]:
            if set(row) != keys:
                found.append(f"{part}: {set(row) ^ keys}")
            found += [f"{part}.{key} is {row[key]!r}" for key in keys - NOT_NUMBERS if type(row[key]) is not int]
    if set(told["vault"]) != VAULT:
        found.append(f"vault: {set(told['vault']) ^ VAULT}")
    if told["conserved"] is not True or told["vault"]["conserved"] is not True:
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


def _loans(told: dict[str, Any]) -> list[str]:
    """Every loan is closed, and all that came in for it is found again."""
    found = []
    pledges = {row["loan"]: row for row in told["vault"]["pledges"]}
    if sorted(pledges) != [row["id"] for row in told["loans"]]:
        found.append(f"loans {[row['id'] for row in told['loans']]} have pledges {sorted(pledges)}")
    for row in told["loans"]:
        pledge = pledges.get(row["id"], dict.fromkeys(("reserve", "revenue", "sold", "costs", "covered"), -1))
        came = pledge["reserve"] + pledge["revenue"] + pledge["sold"] + pledge["covered"]
        truths = {
            "closed": row["state"] == "closed",
            "owed": row["principal"] + row["interest"] == row["repaid"] + row["loss"],
            "money": came == row["repaid"] + row["surplus"] + pledge["costs"],
            "a loss comes with a mark": row["marks"] > 0 or row["loss"] == pledge["covered"] == pledge["sold"] == 0,
            "a surplus comes without a loss": row["surplus"] == 0 or row["loss"] == 0,
            "revenue": pledge["revenue"] == _collected(told, row["fleet"]),
        }
        found += [f"loan {row['id']}: {name}" for name, true in truths.items() if not true]
    return found


def _collected(told: dict[str, Any], fleet: int) -> int:
    """Return what custody claimed from a fleet."""
    custody = told["vault"]["custody"]
    return sum(row["claimed"] for row in told["holders"] if (row["fleet"], row["address"]) == (fleet, custody))


class Ledger:
    """The vault's books, kept anew from its flows in order of time."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told, self.vault = told, told["vault"]
        self.now = 0
        self.cash = self.set_aside = self.shares = 0
        self.loans: dict[int, dict[str, int]] = {}
        self.found: list[str] = []

    def replay(self) -> list[str]:
        """Return what is wrong with the flows, the values on the way, and the end."""
        values = list(self.vault["values"])
        for flow in self.vault["flows"]:
            while values and values[0]["at"] < flow["at"]:
                self._look(values.pop(0))
            self._pass(flow["at"])
            getattr(self, f"_{flow['kind']}")(flow)
            # Of values seen in the same second, those that fit what has happened by now.
            while values and values[0]["at"] == flow["at"] and self._fits(values[0]):
                values.pop(0)
        for row in values:
            self._look(row)
        return [*self.found, *self._end()]

    def _end(self) -> list[str]:
        told = {key: self.vault[key] for key in ("cash", "set_aside", "shares", "conservative", "optimistic")}
        self._pass(max(self.now, self.vault["values"][-1]["at"]))
        ours = {
            "cash": self.cash,
            "set_aside": self.set_aside,
            "shares": self.shares,
            "conservative": self._conservative(),
            "optimistic": self._optimistic(),
        }
        found = [f"vault: {key} is {told[key]}, its flows give {ours[key]}" for key in told if told[key] != ours[key]]
        for key, kind, fields in (
            ("deposits", "deposit", ("assets",)),
            ("withdrawals", "claim", ("assets",)),
            ("lent", "lend", ("principal",)),
            ("loss", "settle", ("loss",)),
        ):
            if self.vault[key] != self._sum(kind, *fields):
                found.append(f"vault: {key}")
        if self.vault["received"] != self._sum("receive", "principal", "interest") + self._sum("settle", "recovered"):
            found.append("vault: received")
        for key, field in (("deposits", "deposited"), ("withdrawals", "withdrawn"), ("shares", "shares")):
            if self.vault[key] != sum(row[field] for row in self.vault["lenders"]):
                found.append(f"lenders: {field}")
        return [*found, *self._loan_rows()]

    def _loan_rows(self) -> list[str]:
        found = []
        for row in self.told["loans"]:
            mine = [flow for flow in self.vault["flows"] if flow.get("loan") == row["id"]]

            def total(kind: str, field: str, mine: list[dict[str, Any]] = mine) -> int:
                return sum(flow[field] for flow in mine if flow["kind"] == kind)

            repaid = total("receive", "principal") + total("receive", "interest") + total("settle", "recovered")
            truths = {
                "principal": row["principal"] == total("lend", "principal"),
                "repaid": row["repaid"] == repaid,
                "loss": row["loss"] == total("settle", "loss"),
                "marks": row["marks"] == sum(flow["kind"] == "mark" for flow in mine),
                "interest": row["interest"] == repaid + total("settle", "loss") - total("lend", "principal"),
            }
            found += [f"loan {row['id']}, by the vault's flows: {name}" for name, true in truths.items() if not true]
        return found

    def _sum(self, kind: str, *fields: str) -> int:
        return sum(flow[field] for flow in self.vault["flows"] if flow["kind"] == kind for field in fields)

    def _pass(self, at: int) -> None:
        if at < self.now:
            self.found.append(f"a flow at {at} after one at {self.now}")
        for loan in self.loans.values():
            loan["scaled"] += loan["principal"] * loan["rate_bps"] * (at - self.now)
        self.now = at

    def _look(self, row: dict[str, int]) -> None:
        self._pass(row["at"])
        if not self._fits(row):
            self.found.append(
                f"the vault's values at {row['at']}: {self._conservative()}, {self._optimistic()} by its flows"
            )

    def _fits(self, row: dict[str, int]) -> bool:
        return (row["conservative"], row["optimistic"]) == (self._conservative(), self._optimistic())

    # values

    def _marked(self) -> list[dict[str, int]]:
        return [loan for loan in self.loans.values() if "base" in loan]

    def _optimistic(self) -> int:
        marked = self._marked()
        performing = [loan for loan in self.loans.values() if loan not in marked]
        return self.cash + sum(
            sum(loan["principal"] for loan in loans) - (-sum(loan["scaled"] for loan in loans) // YEAR_SCALE)
            for loans in (performing, marked)
        )

    def _conservative(self) -> int:
        marked = self._marked()
        performing = [loan for loan in self.loans.values() if loan not in marked]
        fallen = sum(
            Fraction(
                (loan["base"] - loan["floor"]) * min(self.now // DAY_S - loan["first_day"], loan["days"]), loan["days"]
            )
            for loan in marked
        )
        worth = self.cash + sum(loan["principal"] for loan in performing) + sum(loan["base"] for loan in marked)
        return worth + sum(loan["scaled"] for loan in performing) // YEAR_SCALE - -(-fallen // 1)

    # flows

    def _expect(self, what: str, said: int, expected: int) -> None:
        if said != expected:
            self.found.append(f"{what} at {self.now}: {said}, expected {expected}")

    def _deposit(self, flow: dict[str, int]) -> None:
        supply = self.shares + VIRTUAL_SHARES
        self._expect("shares", flow["shares"], flow["assets"] * supply // (self._optimistic() + 1))
        self.cash += flow["assets"]
        self.shares += flow["shares"]

    def _serve(self, flow: dict[str, int]) -> None:
        supply = self.shares + VIRTUAL_SHARES
        self._expect("served assets", flow["assets"], flow["shares"] * (self._conservative() + 1) // supply)
        self.cash -= flow["assets"]
        self.set_aside += flow["assets"]
        self.shares -= flow["shares"]

    def _claim(self, flow: dict[str, int]) -> None:
        self.set_aside -= flow["assets"]

    def _lend(self, flow: dict[str, int]) -> None:
        self.cash -= flow["principal"]
        self.loans[flow["loan"]] = {"principal": flow["principal"], "rate_bps": flow["rate_bps"], "scaled": 0}

    def _receive(self, flow: dict[str, int]) -> None:
        loan, paid = self.loans[flow["loan"]], flow["principal"] + flow["interest"]
        owed = -(-loan["scaled"] // YEAR_SCALE)
        # Interest first: principal is paid once no interest is owed.
        self._expect("interest", flow["interest"], owed if flow["principal"] else min(owed, flow["interest"]))
        loan["scaled"] -= min(loan["scaled"], flow["interest"] * YEAR_SCALE)
        loan["principal"] -= flow["principal"]
        if "base" in loan:
            loan["base"] = max(0, loan["base"] - paid)
            loan["floor"] = min(loan["floor"], loan["base"])
        self.cash += paid

    def _reprice(self, flow: dict[str, int]) -> None:
        self.loans[flow["loan"]]["rate_bps"] = flow["rate_bps"]

    def _mark(self, flow: dict[str, int]) -> None:
        loan = self.loans[flow["loan"]]
        if "base" not in loan:
            self._expect("what a mark falls from", flow["base"], loan["principal"] + loan["scaled"] // YEAR_SCALE)
        loan |= {key: flow[key] for key in ("base", "floor", "first_day", "days")}

    def _settle(self, flow: dict[str, int]) -> None:
        loan = self.loans.pop(flow["loan"])
        self._expect("what is owed", flow["owed"], loan["principal"] - (-loan["scaled"] // YEAR_SCALE))
        self._expect("loss", flow["loss"], flow["owed"] - flow["recovered"])
        self.cash += flow["recovered"]
