"""The loan that fails: a due date passes unpaid, it is written down, and its collateral and then its fleet are sold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pyutils.admin import RoleCall, execute, schedule
from pyutils.demo.borrowing import LoanDesk
from pyutils.demo.lending import LenderDesk
from pyutils.demo.people import APPRAISER, BIDDER, KEEPER, TREASURY, named
from pyutils.demo.plan import LoanPlan, Scene
from pyutils.demo.setting import DAY_S, operator_of
from pyutils.demo.world import MOST, World
from pyutils.models import Evidence
from pyutils.units import BPS, SECONDS_PER_HOUR, LoanId, TokenUnits, UnixSeconds, format_fixed, to_bytes32_text

WEEK_S: Final = 7 * DAY_S
_CHEAPER_UPDATES: Final = 4
"""So often the appraiser lowers the price of the fleet's boards, a week or more apart."""
_CHEAPER_BPS: Final = 2_000
"""By how much: as far as one update may go."""
_DAYS_DOWN: Final = 30
"""A mark falls for so long."""
_BITCOIN_HOURS: Final = 3
"""So long the bidder waits for the price of the bitcoin to fall."""
_WORTH_BPS: Final = 9_000
"""Of what is owed, what the bidder thinks the fleet is worth: less, so that something is lost."""
_FUNDS_COINS: Final = 2_000_000


@dataclass(slots=True)
class FailureDesk:
    """What happens to a loan that nobody serves, and who moves it on."""

    world: World
    loans: LoanDesk
    lenders: LenderDesk
    report: Callable[[UnixSeconds], None]
    """Lets both fleets report as of a time, so that nothing but the missed payment is wrong."""
    _cheaper_updates: int = _CHEAPER_UPDATES
    """How often the appraiser will still lower the price."""

    def run(self) -> None:
        """Go through it all, where the plan has such a loan."""
        loan = self.loans.plan.loan(Scene.FAILED_LOAN)
        if loan is None:
            return
        loan_id = self.loans.ids[Scene.FAILED_LOAN]
        self._allow_losses()
        due = self.world.market.credit.loan(loan_id).next_due_at
        self._cheaper_boards(loan, until=due - DAY_S)
        self._miss(loan, loan_id)
        self._breach(loan_id)
        since = self.world.market.credit.loan(loan_id).marked_since
        self._fall(since + _DAYS_DOWN * DAY_S // 2)
        self._cheaper_boards(loan, until=since + _DAYS_DOWN * DAY_S)
        self._fall(since + _DAYS_DOWN * DAY_S)
        self._sell(loan, loan_id)

    def _allow_losses(self) -> None:
        """The risk role lets losses of this market be drawn from what was slashed."""
        world = self.world
        coin, fund = world.coin.address, world.system.loss_fund
        held = fund.held(coin)
        self._delayed("risk", RoleCall(fund, "allow", (world.market.credit.address, coin, held)))
        world.tell(f"the risk role, a day after announcing it, lets loans draw {world.money(held)} from the loss fund")

    def _cheaper_boards(self, loan: LoanPlan, *, until: int) -> None:
        """A new generation of boards comes out: what is pledged loses value."""
        world, fleet = self.world, self.loans.plan.fleet(loan.fleet_id)
        gpu_class = to_bytes32_text(fleet.kind.gpu_class)
        while self._cheaper_updates and world.now() + WEEK_S <= until:
            self._cheaper_updates -= 1
            price = world.market.appraisal.price_of(gpu_class).per_gpu
            cheaper = TokenUnits(price * (BPS - _CHEAPER_BPS) // BPS)
            world.arrive(UnixSeconds(world.now() + WEEK_S - DAY_S))
            self._delayed(APPRAISER, RoleCall(world.market.appraisal, "setPrice", (gpu_class, cheaper)))
            world.tell(f"a new {fleet.kind.gpu_class} costs {world.money(cheaper)} now, {_CHEAPER_BPS // 100} % less")

    def _miss(self, loan: LoanPlan, loan_id: LoanId) -> None:
        """The first instalment falls due and is not paid."""
        world, credit = self.world, self.world.market.credit
        due = credit.loan(loan_id).next_due_at
        world.arrive(UnixSeconds(due - SECONDS_PER_HOUR))
        self.report(UnixSeconds(due - SECONDS_PER_HOUR))
        world.arrive(UnixSeconds(due + SECONDS_PER_HOUR))
        asked = credit.arrears(loan_id)
        world.tell(
            f"{named(operator_of(loan.fleet_id))} owes {world.money(asked.total)} since an hour, and does not pay"
        )
        self._mark(loan_id)

    def _breach(self, loan_id: LoanId) -> None:
        """The grace ends."""
        world, loan = self.world, self.world.market.credit.loan(loan_id)
        world.arrive(UnixSeconds(loan.next_due_at + loan.terms.grace_days * DAY_S + SECONDS_PER_HOUR))
        self._mark(loan_id)

    def _fall(self, until: int) -> None:
        """A mark falls at every midnight."""
        self.world.arrive(UnixSeconds(until // DAY_S * DAY_S))
        self.lenders.look()

    def _mark(self, loan_id: LoanId) -> None:
        world, credit = self.world, self.world.market.credit
        self.loans.quote_bitcoin()
        receipt = credit.mark(world.lane(KEEPER), loan_id)
        self.loans.tell_service(loan_id, receipt)
        marked = credit.event(receipt, "MarkLoan")
        evidence = Evidence(marked["evidence"]).name.lower().replace("_", " ")
        breach = ", a breach" if credit.events(receipt, "BreachLoan") else ""
        world.tell(
            f"the keeper marks loan {loan_id}: {evidence}{breach}; to those who leave the vault it counts for less"
            f" every day, for {world.money(marked['floor'])} after {_DAYS_DOWN}"
        )
        self.lenders.look()

    def _sell(self, loan: LoanPlan, loan_id: LoanId) -> None:
        """Bitcoin first, then title and shares as one lot; what is missing meets the loss fund, then the lenders."""
        world, auction = self.world, self.world.market.auction
        lane, keeper = world.lane(BIDDER), world.lane(KEEPER)
        world.coin.mint(world.lane("deployer"), lane.address, world.coins(_FUNDS_COINS))
        world.coin.approve(lane, auction.address, MOST)
        self.loans.quote_bitcoin()
        auction.start(keeper, loan_id)
        world.tell(f"the sale of what secures loan {loan_id} begins, bitcoin first")
        for _ in range(_BITCOIN_HOURS):
            self._wait_an_hour(loan_id)
        self._buy_bitcoin(loan_id)
        self._buy_lot(loan_id)
        for account in (operator_of(loan.fleet_id), TREASURY):
            self.loans.withdraw(account)
        self.lenders.look()

    def _buy_bitcoin(self, loan_id: LoanId) -> None:
        world, auction = self.world, self.world.market.auction
        lane, amount = world.lane(BIDDER), world.market.credit.loan(loan_id).collateral_amount
        receipt = auction.bid_collateral(lane, loan_id, TokenUnits(amount), MOST, lane.address)
        bid = auction.event(receipt, "BidCollateral")
        bitcoin = format_fixed(bid["amount"], world.bitcoin.decimals())
        world.tell(f"{named(BIDDER)} buys {bitcoin} bitcoin for {world.money(bid['price'])}, which pay the loan")

    def _buy_lot(self, loan_id: LoanId) -> None:
        """Hour after hour the price falls, until somebody takes it."""
        world, auction, credit = self.world, self.world.market.auction, self.world.market.credit
        lane, hours = world.lane(BIDDER), 0
        worth = credit.debt(loan_id).total * _WORTH_BPS // BPS
        asked = first = auction.asking(loan_id).lot_price
        while asked > worth:
            self._wait_an_hour(loan_id)
            hours += 1
            before, asked = asked, auction.asking(loan_id).lot_price
            if asked == before:
                break
        receipt = auction.bid_lot(lane, loan_id, TokenUnits(asked), lane.address)
        sold, closed = credit.event(receipt, "SellLot"), credit.event(receipt, "CloseLoan")
        world.tell(
            f"title and shares are offered for {world.money(first)}; {hours} hours later {named(BIDDER)} takes them for"
            f" {world.money(sold['price'])}, of which {world.money(sold['costs'])} are costs"
        )
        if closed["surplus"]:
            world.tell(f"loan {loan_id} is paid whole, {world.money(closed['surplus'])} are its borrower's")
        else:
            world.tell(
                f"loan {loan_id} is closed: {world.money(closed['covered'])} come from the loss fund, and"
                f" {world.money(closed['loss'])} are missing: the lenders' loss, booked at once"
            )

    def _wait_an_hour(self, loan_id: LoanId) -> None:
        """Let the price fall: a sale's clock only runs where somebody touches it within the hour."""
        world = self.world
        world.arrive(UnixSeconds(world.now() + SECONDS_PER_HOUR))
        world.market.auction.touch(world.lane(KEEPER), loan_id)

    def _delayed(self, account: str, call: RoleCall) -> None:
        world = self.world
        scheduled = schedule(world.system.authority, world.lane(account), call)
        world.arrive(UnixSeconds(scheduled.ready_at))
        execute(world.system.authority, world.lane(account), call)
