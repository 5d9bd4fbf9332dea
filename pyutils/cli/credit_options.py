"""Options that commands of loans share: which market, what is asked for, and on which terms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from pydantic import ValidationError

from pyutils.cli.parameters import TIME
from pyutils.cli.session import Session
from pyutils.contracts import CreditSystem
from pyutils.credit import terms as defaults
from pyutils.credit.schedule import MOST_MONTHS
from pyutils.errors import InputError
from pyutils.models import ZERO_ADDRESS, LoanRequest, LoanTerms, StructModel
from pyutils.operations import markets
from pyutils.operations.fleets import settlement_token
from pyutils.units import SHARE_DECIMALS, AmountError, Bps, FleetId, TokenUnits, format_bps, parse_bps, parse_money

Command = TypeVar("Command", bound=Callable[..., Any])
Model = TypeVar("Model", bound=StructModel)


class Ratio(click.ParamType):
    """Basis points, written `12.5%` or `0.125`."""

    name = "ratio"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Bps:
        """Return basis points."""
        if isinstance(value, int):
            return Bps(value)
        try:
            ratio = parse_bps(value)
        except AmountError as error:
            self.fail(error.message, param, ctx)
        if ratio >= 2**16:
            self.fail(f"{value!r} is more than 655.35 %", param, ctx)
        return ratio


RATIO = Ratio()

MONTHS = click.IntRange(1, MOST_MONTHS)

LOAN = click.argument("loan_id", metavar="LOAN", type=int)

PAY = click.option(
    "--pay",
    type=click.Choice(["approve", "allowance"]),
    default="approve",
    show_default=True,
    help="Approve exactly the most that is paid first, or use what was approved before.",
)

COIN = click.option("--coin", help="Coin of the credit market; the deployment's first market by default.")

_ASKED = (
    click.option("--principal", required=True, help="Coins to borrow."),
    click.option("--months", type=MONTHS, default=defaults.MONTHS, show_default=True, help="Term."),
    click.option("--shares", default="0", show_default=True, help="Shares to pledge beside those bound to the title."),
    click.option("--collateral", help="Liquid token to pledge too: an address, or a contract of the deployment."),
    click.option("--collateral-amount", help="How much of it."),
    click.option("--sweep", is_flag=True, help="Let revenue beyond the next instalment prepay."),
)


def _ratio(name: str, default: int, text: str) -> Callable[[Command], Command]:
    said = f"{text} [{format_bps(default)}]"
    return click.option(name, type=RATIO, default=default, metavar="RATIO", help=said)


_TERMS = (
    _ratio("--rate", defaults.RATE_BPS, "Interest a year."),
    _ratio("--late-rate", defaults.LATE_RATE_BPS, "Added from a missed due date or breach until its cure."),
    click.option(
        "--reserve-months",
        type=click.IntRange(0, MOST_MONTHS - 1),
        default=defaults.RESERVE_MONTHS,
        show_default=True,
        help="Instalments that the reserve holds.",
    ),
    click.option(
        "--grace-days",
        type=click.IntRange(0, 255),
        default=defaults.GRACE_DAYS,
        show_default=True,
        help="From a missed due date to a breach.",
    ),
    _ratio("--hardware-ltv", defaults.HARDWARE_LTV_BPS, "Principal on title and shares."),
    _ratio("--hardware-breach", defaults.HARDWARE_BREACH_BPS, "Debt on them that is a breach."),
    _ratio("--young-ltv", defaults.YOUNG_LTV_BPS, "Principal on a fleet with less than 30 days of history."),
    _ratio("--collateral-ltv", defaults.COLLATERAL_LTV_BPS, "Principal on liquid collateral."),
    _ratio("--collateral-breach", defaults.COLLATERAL_BREACH_BPS, "Debt on it that is a breach."),
    _ratio("--coverage", defaults.COVERAGE_BPS, "Expected revenue of the pledge over debt service, at least."),
    _ratio("--sale-cost", defaults.SALE_COST_BPS, "Of a lot's price, what a sale costs."),
)


def asked_options(function: Command) -> Command:
    """Add the options that say what is asked for."""
    for option in reversed(_ASKED):
        function = option(function)
    return function


def terms_options(function: Command) -> Command:
    """Add the options that say on which terms, with the defaults of the design."""
    for option in reversed(_TERMS):
        function = option(function)
    return function


def take_asked(session: Session, fleet_id: int, arguments: dict[str, Any]) -> LoanRequest:
    """Return the request that the options mean, and take them out of `arguments`."""
    token = settlement_token(session.system, FleetId(fleet_id))
    collateral, amount = arguments.pop("collateral"), arguments.pop("collateral_amount")
    if (collateral is None) != (amount is None):
        raise InputError("collateral without its amount, or the reverse", remedy="Give both or neither")
    address = session.address(collateral) if collateral is not None else ZERO_ADDRESS
    units = session.money(amount, session.system.token(address)) if amount is not None else TokenUnits(0)
    return _checked(
        LoanRequest,
        fleet_id=fleet_id,
        months=arguments.pop("months"),
        sweep=arguments.pop("sweep"),
        principal=session.money(arguments.pop("principal"), token),
        shares=parse_money(arguments.pop("shares"), SHARE_DECIMALS),
        collateral=address,
        collateral_amount=units,
    )


def terms_of(arguments: dict[str, Any], *, ceiling: int, months: int, expiry: int, insured_until: int) -> LoanTerms:
    """Return the terms that the options mean."""
    return _checked(
        LoanTerms,
        ceiling=ceiling,
        rate_bps=arguments["rate"],
        late_rate_bps=arguments["late_rate"],
        months=months,
        reserve_months=arguments["reserve_months"],
        grace_days=arguments["grace_days"],
        expiry=expiry,
        insured_until=insured_until,
        hardware_ltv_bps=arguments["hardware_ltv"],
        hardware_breach_bps=arguments["hardware_breach"],
        young_ltv_bps=arguments["young_ltv"],
        collateral_ltv_bps=arguments["collateral_ltv"],
        collateral_breach_bps=arguments["collateral_breach"],
        coverage_bps=arguments["coverage"],
        sale_cost_bps=arguments["sale_cost"],
    )


def _checked(model: type[Model], **fields: Any) -> Model:
    """Return a model of what was typed. Raises `InputError` where a number does not fit its field."""
    try:
        return model(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", " ")
        raise InputError(f"{name} {first['input']}: {first['msg']}", remedy="Give a smaller number") from error


def market(session: Session, coin: str | None) -> CreditSystem:
    """Return the market that `coin` names, or the deployment's first."""
    return markets.market(session.system, session.address(coin) if coin is not None else None)


EXPIRES = click.option("--expires", type=TIME, required=True, help="End of the approval.")
