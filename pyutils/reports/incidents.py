"""What went another way than by a quorum's report: facts, and a table."""

from __future__ import annotations

from pyutils.portfolio.fleet_record import FleetRecord
from pyutils.portfolio.incidents import Incident, Kind
from pyutils.reports.origins import fact
from pyutils.reports.table import NOTHING, Cell, Coin, Facts, Table, time_text

_NAMES = {
    Kind.POSTED_ALONE: "posted on one word",
    Kind.DISPUTE: "disputes",
    Kind.RESTATEMENT: "restatements",
    Kind.LIE: "lies proved",
}


def incident_facts(record: FleetRecord, coin: Coin) -> Facts:
    """Return how many there were of each kind, and what came of them."""
    facts = {}
    for kind, name in _NAMES.items():
        outcomes = [one.outcome.value for one in record.incidents if one.kind is kind]
        counts = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in dict.fromkeys(outcomes))
        facts[name] = fact(counts or "none", record.origins.incidents)
    slashed = sum(one.amount for one in record.incidents if one.kind is Kind.LIE)
    return {**facts, "slashed for lies": fact(coin.text(slashed), record.origins.incidents)}


def incidents_table(record: FleetRecord, coin: Coin) -> Table:
    """Return them in the order in which they began."""
    columns = ("when", "what", "came to", "#at stake", "on", "report as of", "who", "then got", "#block", "told by")
    return Table("Beside the reports of a quorum", columns, [_row(one, coin) for one in record.incidents])


def _row(one: Incident, coin: Coin) -> tuple[Cell, ...]:
    changed = ", ".join(f"{name} {change:+,}" for name, change in one.changed.items())
    paid = ", ".join(f"{payment.to} {coin.text(payment.amount)}" for payment in one.paid)
    return (
        time_text(one.at),
        one.kind.value,
        f"{one.outcome.value}: {changed}" if changed else one.outcome.value,
        coin.text(one.amount) if one.amount else NOTHING,
        time_text(one.decided_at),
        time_text(one.as_of),
        ", ".join(one.who),
        paid or NOTHING,
        str(one.block),
        "; ".join(one.events),
    )
