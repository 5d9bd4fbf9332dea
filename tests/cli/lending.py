"""What the tests of credit commands share: a priced fleet with a fresh report, lenders' cash, and a loan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .shell import LiveFleet, Shell, reported, signed, twice

CLASS = "H100-SXM5-80GB"
OWNER = ("--account", "operator-a")
RISK = ("--account", "risk")
LENDER = ("--account", "lender-1")
BIDDER = ("--account", "bidder")
ANYONE = ("--account", "investor-3")
FOREVER = "2040-01-01"


def price_fleet(sh: Shell) -> None:
    """Let the appraiser price the fleet's class: 25,000 coins a GPU."""
    twice(sh, ("credit", "price-class", CLASS, "25000", "--account", "appraiser"))


def lend(sh: Shell, coins: int = 500_000) -> dict[str, Any]:
    """Let lender-1 deposit."""
    sh("faucet", "lender-1", *LENDER)
    done: dict[str, Any] = sh.json("vault", "deposit", coins, *LENDER)
    return done


def ask(sh: Shell, fleet: LiveFleet, *more: object, principal: str = "12000") -> int:
    """Let operator-a ask for a loan over a year, pledging all of its shares."""
    asked = ("credit", "request", fleet.fleet_id, "--principal", principal, "--months", 12, "--shares", 900_000)
    loan: int = sh.json(*asked, *more, *OWNER)["loan"]
    return loan


def approve(sh: Shell, loan: int, *more: object) -> tuple[object, ...]:
    """Return the command by which the risk role grants a loan."""
    return ("credit", "approve", loan, "--expires", FOREVER, "--insured-until", FOREVER, *more, *RISK)


def report(sh: Shell, fleet: LiveFleet) -> None:
    """Give the fleet a head that is fresh: of its first hour, accepted now."""
    file = reported(sh, fleet)
    signatures: list[Path] = signed(sh, file, "reporter-a", "verifier-1", "verifier-2")
    sh("report", "submit", file, *signatures, *OWNER)


def draw(sh: Shell, fleet: LiveFleet, *asked: object, terms: tuple[object, ...] = ()) -> int:
    """Lead a loan from a price and a deposit to where it is drawn, and return its number."""
    report(sh, fleet)
    sh("credit", "test-price", "60000", *ANYONE)
    lend(sh)
    loan = ask(sh, fleet, *asked)
    twice(sh, approve(sh, loan, *terms), ("credit", "price-class", CLASS, "25000", "--account", "appraiser"))
    sh("credit", "test-price", "60000", *ANYONE)
    sh("credit", "draw", loan, *OWNER)
    return loan
