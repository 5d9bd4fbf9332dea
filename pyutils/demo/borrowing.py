"""Loans: asked for and approved before the trace, drawn in it, and the good one repaid by its own revenue."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from pyutils.admin import RoleCall, execute, schedule
from pyutils.chain import Receipt
from pyutils.credit.terms import default_terms
from pyutils.demo.agenda import Agenda
from pyutils.demo.people import APPRAISER, KEEPER, named
from pyutils.demo.plan import LoanPlan, Plan, Scene
from pyutils.demo.setting import DAY_S, KEPT, operator_of
from pyutils.demo.sizing import PLEDGED_BPS
from pyutils.demo.world import World
from pyutils.models import ZERO_ADDRESS, LoanRequest
from pyutils.operations import loans
from pyutils.units import LoanId, TokenUnits, UnixSeconds, format_fixed, to_bytes32_text

APPROVAL_S: Final = DAY_S
"""How long after the time that was meant a loan may still be drawn."""
INSURED_S: Final = 365 * DAY_S


@dataclass(slots=True)
class LoanDesk:
    """What borrowers, the appraiser and the risk role do."""

    world: World
    plan: Plan
    ids: dict[Scene, LoanId] = field(default_factory=dict)
    """Loans by their scenes, once they were asked for."""
    _announced: list[tuple[str, RoleCall]] = field(default_factory=list)

    def announce(self) -> None:
        """Owners ask for loans; the appraiser announces prices, the risk role what it will approve."""
        world = self.world
        for fleet in self.plan.fleets:
            price = world.coins(fleet.kind.replacement_coins)
            self._announce(APPRAISER, world.market.appraisal, "setPrice", to_bytes32_text(fleet.kind.gpu_class), price)
            world.tell(
                f"the appraiser announces what a new {fleet.kind.gpu_class} costs, installed: {world.money(price)}"
            )
        for loan in self.plan.loans:
            self._request(loan)

    def approve(self) -> None:
        """Make the announced calls, once their delays are over."""
        world = self.world
        for account, call in self._announced:
            execute(world.system.authority, world.lane(account), call)
        if self.plan.loans:
            count = len(self.plan.loans)
            world.tell(f"the delays over, prices are set and the risk role approves {count} loan{'s'[: count - 1]}")

    def put_on(self, agenda: Agenda) -> None:
        """Put down when loans are drawn."""
        for loan in self.plan.loans:
            agenda.put(loan.draw_at, partial(self.draw, loan))

    def draw(self, loan: LoanPlan) -> None:
        """The owner gives title, shares and collateral into custody, and takes the money."""
        world, account, loan_id = self.world, operator_of(loan.fleet_id), self.ids[loan.scene]
        if loan.collateral_coins:
            self.quote_bitcoin()
        lane, market = world.lane(account), world.market
        principal = world.coins(loan.principal_coins)
        receipt = loans.draw(world.system, market, lane, loan_id, principal, lane.address)
        reserve = market.credit.event(receipt, "DrawLoan")["reserve"]
        bitcoin = f" and {self._bitcoin(loan)} bitcoin" if loan.collateral_coins else ""
        kept = f", {world.money(reserve)} of it kept as a reserve" if reserve else ""
        world.tell(
            f"{named(account)} draws {world.money(principal)} on loan {loan_id}{kept}: fleet {loan.fleet_id}'s title,"
            f" {format_fixed(PLEDGED_BPS, 2)} % of its shares{bitcoin} go into custody, the operator stays in control"
        )

    def repay(self) -> None:
        """Bring the pledged shares' revenue to the good loan, which sweeps it until nothing is owed."""
        loan = self.plan.loan(Scene.REPAID_LOAN)
        if loan is None:
            return
        world, credit, loan_id = self.world, self.world.market.credit, self.ids[Scene.REPAID_LOAN]
        receipt = self.service(loan_id)
        closings = credit.events(receipt, "CloseLoan")
        account = operator_of(loan.fleet_id)
        if closings:
            world.tell(
                f"nothing is owed on loan {loan_id} any more: title and shares go back to {named(account)},"
                f" with a surplus of {world.money(closings[0]['surplus'])}"
            )
        self.withdraw(account)

    def service(self, loan_id: LoanId) -> Receipt:
        """Bring the revenue of a loan's pledge, which pays what it can."""
        world, credit = self.world, self.world.market.credit
        receipt = credit.service(world.lane(KEEPER), loan_id)
        self.tell_service(loan_id, receipt)
        return receipt

    def tell_service(self, loan_id: LoanId, receipt: Receipt) -> None:
        """Say where revenue went in a transaction, if there was any."""
        world, credit = self.world, self.world.market.credit
        for served in (one for one in credit.events(receipt, "ServeLoan") if one["revenue"]):
            paid = sum(one["principal"] + one["interest"] for one in credit.events(receipt, "RepayLoan"))
            is_closed = bool(credit.events(receipt, "CloseLoan"))
            rest = "are left over" if is_closed else "wait for the next instalment"
            world.tell(
                f"loan {loan_id}: its pledge earned {world.money(served['revenue'])}, {world.money(paid)} pay the loan,"
                f" {world.money(served['setAside'])} {rest}"
            )

    def withdraw(self, account: str) -> None:
        """Take what FleetCredit owes an account, if anything."""
        world, credit, coin = self.world, self.world.market.credit, self.world.coin.address
        amount = credit.owed(coin, world.address(account))
        if amount:
            credit.withdraw(world.lane(account), coin, world.address(account))
            world.tell(f"withdrawn, what loans left over: {named(account)} {world.money(amount)}")

    def quote_bitcoin(self) -> None:
        """Let the test feed say again what it said, so that its answer is fresh."""
        feed = self.world.bitcoin_feed
        feed.say(self.world.lane(KEEPER), feed.answer())

    def _announce(self, account: str, contract: Any, function: str, *arguments: Any) -> None:
        call = RoleCall(contract, function, arguments)
        schedule(self.world.system.authority, self.world.lane(account), call)
        self._announced.append((account, call))

    def _request(self, loan: LoanPlan) -> None:
        world, account = self.world, operator_of(loan.fleet_id)
        lane, credit = world.lane(account), world.market.credit
        amount = self._collateral(loan)
        if amount:
            world.bitcoin.mint(world.lane("deployer"), lane.address, amount)
        principal = world.coins(loan.principal_coins)
        asked = LoanRequest(
            fleet_id=loan.fleet_id,
            months=loan.months,
            sweep=loan.sweep,
            principal=principal,
            shares=KEPT,
            collateral=world.bitcoin.address if amount else ZERO_ADDRESS,
            collateral_amount=amount,
        )
        loan_id, _ = credit.request(lane, asked)
        self.ids[loan.scene] = loan_id
        terms = default_terms(
            principal,
            UnixSeconds(loan.draw_at + APPROVAL_S),
            UnixSeconds(self.plan.last + INSURED_S),
            months=loan.months,
            reserve_months=loan.reserve_months,
        )
        self._announce("risk", credit, "approve", loan_id, terms.row())
        reserve = f"a reserve of {terms.reserve_months} months" if terms.reserve_months else "no reserve"
        world.tell(
            f"{named(account)} asks for {world.money(principal)} over {loan.months} months against fleet"
            f" {loan.fleet_id}: loan {loan_id}, {loan.scene}; the risk role announces"
            f" {format_fixed(terms.rate_bps, 2, 0)} % a year and {reserve}"
        )

    def _collateral(self, loan: LoanPlan) -> TokenUnits:
        """Return how many units of bitcoin are worth what the plan says, rounded down."""
        world = self.world
        whole: int = 10 ** (world.bitcoin.decimals() + world.bitcoin_feed.decimals())
        return TokenUnits(loan.collateral_coins * whole // world.bitcoin_feed.answer())

    def _bitcoin(self, loan: LoanPlan) -> str:
        return format_fixed(self._collateral(loan), self.world.bitcoin.decimals())
