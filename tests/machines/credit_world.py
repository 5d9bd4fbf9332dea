"""FleetCredit and its mirror side by side, over a world of fleets, reports, rent and shares that has mirrors too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyutils.credit import loan as loans
from pyutils.credit.account import LoanAccount
from pyutils.credit.appraisal import AppraisalModel, Hardware
from pyutils.credit.book import CreditModel
from pyutils.credit.collateral import Reading, Round, collateral_value, most_value
from pyutils.credit.evidence import Surroundings, foreseen
from pyutils.credit.ledger import BORROWER, FLEET, OPERATOR, cap_key
from pyutils.credit.limits import NO_LIMITS, draw_limits_of, limits_of, most_limit_of
from pyutils.credit.office import Drawing
from pyutils.leases import Leaf
from pyutils.models.address import ZERO_ADDRESS
from pyutils.models.appraisal import FleetValue
from pyutils.models.loan import Loan, LoanRequest, LoanState
from pyutils.models.meter import MeterReport
from pyutils.models.pledge import Pledge
from pyutils.models.vault import VaultBook
from pyutils.refusal import RefusalError
from pyutils.revenue import TITLE
from pyutils.units import NO_MONEY, FleetId, LoanId, ShareUnits, TokenUnits, UnixSeconds, VaultShares, to_bytes32_text

from .credit_books import ToldVault
from .credit_stage import MARKET, CreditStage
from .rpc import Call
from .world import PAYERS, World

CLASS = "H100-SXM5-80GB"
TOKEN_UNIT = 10**8
"""Of the collateral."""


class CreditWorld(World):
    """One example's loans, beside everything that a `World` has."""

    TILLS = (*PAYERS, "FleetCredit", "CreditVault", "FleetCustody", "CollateralAuction", "LossFund")

    stage: CreditStage

    def __init__(self, stage: CreditStage, decimals: int) -> None:
        super().__init__(stage, decimals)
        assert stage.appraisal is not None
        self.vault = ToldVault(self.contracts["CreditVault"].address, self.coins(MARKET.vault_cap))
        self.credit = CreditModel(self.token, self.vault)
        self.credit.cost_recipient = self.admin
        self.appraisal = AppraisalModel(self.token, stage.appraisal)
        self.custody, self.auction = (self.contracts[name].address for name in ("FleetCustody", "CollateralAuction"))
        self.lender, self.lessee, self.bidder = self.lessees
        self.holders = [*self.holders, self.custody]
        self.round = Round(1, 60_000 * TOKEN_UNIT, self.now, self.now, 1)
        self.earlier: Round | None = None
        self.fund_start = self.fund_at_hand = NO_MONEY
        """What the loss fund got, and what of it FleetCredit might draw."""
        for kind in (FLEET, OPERATOR, BORROWER):
            self.credit.set_cap(kind, bytes(32), self.coins(10**6))

    # ---- what FleetCredit is told by others ----

    def around(
        self, account: LoanAccount, now: UnixSeconds, *, shares: int = 0, collateral: int = 0, lot: bool = True
    ) -> Surroundings:
        """Return what can be told of a loan's pledge, less so many shares, so much collateral, or without its lot."""
        loan = account.loan
        pledge = self._pledge(account, loan.shares - shares, loan.collateral_amount - collateral)
        if not lot:
            pledge = pledge.model_copy(update={"shares": 0})
        value, worth, untold = self._worth(account, pledge, now)
        assert self.stage.health is not None
        limits = limits_of(self.stage.health, pledge, value, worth)
        assert self.stage.feed is not None
        most: TokenUnits | None = None
        if value is not None or not pledge.shares:
            unknown = pledge.collateral_amount if worth is None else 0
            most = most_limit_of(limits, pledge, most_value(self.stage.feed, unknown, self.decimals))
        _, breach_from = self.silence(FleetId(loan.fleet_id), now)
        return Surroundings(limits, most, untold, breach_from)

    def drawing(self, account: LoanAccount, now: UnixSeconds) -> Drawing:
        """Return what is said of a loan that is to be drawn."""
        loan, fleet_id = account.loan, FleetId(account.loan.fleet_id)
        pledge = self._pledge(account, loan.shares, loan.collateral_amount)
        value, worth, untold = self._worth(account, pledge, now)
        assert self.stage.health is not None
        limits = NO_LIMITS if value is None else draw_limits_of(self.stage.health, pledge, value, worth)
        accepted_at, breach_from = self.silence(fleet_id, now)
        facts = self.fleets[fleet_id]
        return Drawing(limits, untold, facts.owner, facts.operator.address, accepted_at, breach_from)

    def silence(self, fleet_id: FleetId, now: UnixSeconds) -> tuple[UnixSeconds, UnixSeconds]:
        """Return when the fleet's head was accepted, and from when on its silence is a breach."""
        health = self.stage.health
        assert health is not None
        accepted = UnixSeconds(self.heads.head(fleet_id, now).accepted_at)
        standstill = self.heads.standstill_between(fleet_id, accepted, now, now)
        return accepted, UnixSeconds(accepted + health.report_silence + min(standstill, health.most_standstill))

    def revenue(self, account: LoanAccount, now: UnixSeconds) -> TokenUnits:
        """Return what custody would bring of a loan's pledge now."""
        if account.lot_gone:
            return TokenUnits(0)
        shares = self.fleets[FleetId(account.loan.fleet_id)].shares
        return TokenUnits(shares.claimable(self.custody, now) + shares.claimable(TITLE, now))

    def _pledge(self, account: LoanAccount, shares: int, collateral: int) -> Pledge:
        loan, terms = account.loan, account.loan.terms
        return Pledge(
            fleet_id=loan.fleet_id,
            shares=0 if account.lot_gone else account.bound + shares,
            supply=account.supply,
            collateral=loan.collateral,
            collateral_amount=collateral,
            young=loan.young,
            hardware_ltv_bps=terms.hardware_ltv_bps,
            hardware_breach_bps=terms.hardware_breach_bps,
            young_ltv_bps=terms.young_ltv_bps,
            collateral_ltv_bps=terms.collateral_ltv_bps,
            collateral_breach_bps=terms.collateral_breach_bps,
        )

    def _worth(
        self, account: LoanAccount, pledge: Pledge, now: UnixSeconds
    ) -> tuple[FleetValue | None, TokenUnits | None, RefusalError | None]:
        value, worth, untold = None, None, None
        fleet_id = FleetId(account.loan.fleet_id)
        if pledge.shares:
            heads = self.heads.fleets[fleet_id]
            hardware = Hardware(self.token, heads.capacity.now, UnixSeconds(heads.commissioned_at), CLASS)
            net_revenue = self.router.fleets[fleet_id].net_revenue
            try:
                value = self.appraisal.appraise(fleet_id, hardware, net_revenue, now)
            except RefusalError as refusal:
                untold = refusal
        if pledge.collateral_amount:
            reading = Reading(self.round, self.earlier, 8)
            assert self.stage.feed is not None
            asked = (pledge.collateral, self.stage.feed, reading, pledge.collateral_amount, self.decimals, now)
            try:
                worth = collateral_value(*asked)
            except RefusalError as refusal:
                untold = untold or refusal
        return value, worth, untold

    # ---- acting ----

    def lend(self, amount: TokenUnits) -> None:
        """Let the lender deposit."""
        now, who = self.now, self.lender
        mirror = lambda: self.vault.deposit(amount, who, now)  # noqa: E731
        self.act(who, "CreditVault", "deposit", amount, who, mirror=mirror)

    def ask_to_redeem(self, shares: VaultShares) -> None:
        """Let the lender ask to leave with so many shares."""
        now, who = self.now, self.lender
        mirror = lambda: self.vault.request_redeem(who, shares, who, who, now)  # noqa: E731
        self.act(who, "CreditVault", "requestRedeem", shares, who, who, mirror=mirror)

    def serve(self) -> None:
        """Serve the oldest epoch, and let the lender claim what is set aside."""
        now, who = self.now, self.lender
        self.act(self.admin, "CreditVault", "serve", mirror=lambda: self.vault.serve(now))
        shares = self.vault.claimable_shares(who)
        if shares:
            mirror = lambda: self.vault.redeem(who, shares, who)  # noqa: E731
            self.act(who, "CreditVault", "redeem", shares, who, who, mirror=mirror)

    def bring_back(self, fleet_id: FleetId) -> None:
        """Let whoever bought a fleet's lot give it back to the first owner."""
        facts, now = self.fleets[fleet_id], self.now
        if facts.owner != self.bidder:
            return
        self.sure(self.bidder, "FleetRegistry", "transferFrom", self.bidder, self.owner, fleet_id)
        facts.shares.move_title(self.bidder, now)
        facts.owner, now = self.owner, self.now
        shares = ShareUnits(facts.shares.holdings[self.bidder].shares)
        give = lambda: facts.shares.transfer(self.bidder, self.owner, shares, now)  # noqa: E731
        self.act(self.bidder, facts.shares_contract, "transfer", self.owner, shares, mirror=give)

    def price_class(self, per_gpu: TokenUnits) -> None:
        """Let the appraiser price the class of all fleets."""
        now = self.now
        mirror = lambda: self.appraisal.set_price(CLASS, per_gpu, now)  # noqa: E731
        self.act(self.admin, "Appraisal", "setPrice", to_bytes32_text(CLASS), per_gpu, mirror=mirror)

    def say_price(self, answer: int) -> None:
        """Let the feed answer."""
        self.sure(self.admin, "TestPriceFeed", "say", answer)
        self.earlier, self.round = self.round, Round(self.round.id + 1, answer, self.stamped, self.stamped, 0)
        self.round = Round(self.round.id, answer, self.stamped, self.stamped, self.round.id)

    def fill_loss_fund(self, fleet_id: FleetId, allowance: TokenUnits) -> None:
        """Bring a liar's stake to the loss fund, of which FleetCredit may draw so much."""
        a = self.report(fleet_id, self.now, [256])
        b = a.model_copy(update={"energy_joules": a.energy_joules + 1})
        operator, escrow = self.fleets[fleet_id].operator.address, self.escrow(fleet_id)
        lie = (_row(a), self.reporter_signature(a), _row(b), self.reporter_signature(b))
        slash = lambda: self.bond.slash_lie(fleet_id, operator, escrow, self.lessee)  # noqa: E731
        self.act(self.lessee, "MeterOracle", "proveLie", *lie, mirror=slash)
        fund, bond = self.contracts["LossFund"].address, self.contracts["OperatorBond"].address
        held: list[TokenUnits] = []
        collect = lambda: held.append(self.bond.payouts.withdraw(self.token, fund))  # noqa: E731
        self.act(self.admin, "LossFund", "collect", bond, self.token, mirror=collect)
        self.sure(self.admin, "LossFund", "allow", self.contracts["FleetCredit"].address, self.token, allowance)
        self.fund_start = held[0]
        self.credit.loss_fund = min(held[0], allowance)
        self.fund_at_hand = self.credit.loss_fund

    def give(self, fleet_id: FleetId, amount: TokenUnits) -> None:
        """Give money to a fleet's shareholders and bring it to the shares, which release it during the next day."""
        self.sure(self.admin, "RevenueRouter", "distribute", fleet_id, amount)
        self.router.distribute(fleet_id, amount)
        facts, now = self.fleets[fleet_id], self.now
        self.act(self.admin, facts.shares_contract, "collect", mirror=lambda: self._collect(fleet_id, now))

    def head(self, fleet_id: FleetId, parts: list[int] | None = None) -> None:
        """Give a fleet a head as of now, signed by all."""
        now = self.now
        report = self.report(fleet_id, now, parts or [256])
        rows = self.quorum_signatures(report, (0, 1))
        mirror = lambda: self.heads.submit(report, self.digest(report), (0, 1), now)  # noqa: E731
        self.act(
            self.admin, "MeterOracle", "submit", _row(report), self.reporter_signature(report), rows, mirror=mirror
        )

    def rent(self, fleet_id: FleetId, gpus: int, seconds: int) -> None:
        """Lease GPUs to a lessee of record for a time, deliver all of it, and settle: evidence of revenue."""
        opening, opened_at = self.opening(fleet_id, self.lessee), self.now
        price = opening.price_per_gpu_hour
        before = set(self.book.leases)

        def open_() -> None:
            self.book.open(
                fleet_id, opening, lessee=self.lessee, gpus=gpus, duration_s=seconds, max_price=price, now=opened_at
            )

        key = b"key".ljust(32)
        asked = (fleet_id, self.lessee, gpus, seconds, price, key)
        if not self.act(self.lessee, "LeaseBook", "open", *asked, mirror=open_):
            return
        (lease_id,) = set(self.book.leases) - before
        operator, granted_at = self.fleets[fleet_id].operator.address, self.now
        grant = lambda: self.book.grant_access(lease_id, granted_at)  # noqa: E731
        self.act(operator, "LeaseBook", "grantAccess", lease_id, key, b"", mirror=grant)
        self.tick(seconds)
        self.head(fleet_id)
        now = self.now
        delivered, proof = self.fleets[fleet_id].leaf(self.heads.head(fleet_id, now).lease_root, lease_id)
        close = lambda: self.book.close(lease_id, Leaf(delivered, proof), now)  # noqa: E731
        self.act(self.admin, "LeaseBook", "close", lease_id, delivered, proof, mirror=close)

    def request(self, asked: LoanRequest, borrower: str) -> LoanId | None:
        """Ask for a loan; None where it is refused."""
        facts = self.fleets[FleetId(asked.fleet_id)]
        bound = ShareUnits(facts.shares.supply // 10)
        made: list[LoanId] = []
        mirror = lambda: made.append(  # noqa: E731
            self.credit.request(asked, borrower, facts.owner, facts.shares.supply, bound)
        )
        self.act(borrower, "FleetCredit", "request", asked.row(), mirror=mirror)
        return made[0] if made else None

    def draw(self, account: LoanAccount, principal: TokenUnits) -> bool:
        """Draw a loan, and give the pledge into custody."""
        loan, now = account.loan, self.now
        facts = self.fleets[FleetId(loan.fleet_id)]

        def mirror() -> None:
            self.credit.draw(account.loan_id, loan.borrower, principal, self.drawing(account, now), now)
            facts.shares.move_title(loan.borrower, now)
            facts.owner = self.custody
            facts.shares.transfer(loan.borrower, self.custody, ShareUnits(loan.shares), now)

        return self.act(loan.borrower, "FleetCredit", "draw", account.loan_id, principal, loan.borrower, mirror=mirror)

    def on_pledge(
        self,
        sender: str,
        account: LoanAccount,
        function: str,
        *arguments: Any,
        mirror: Callable[[TokenUnits, UnixSeconds], object],
        lot_to: str | None = None,
    ) -> bool:
        """Make a call that brings the pledge's revenue, and that may end the loan.

        `mirror` takes the revenue and the time. Where the lot is sold, it goes to `lot_to`.
        """
        now = self.now
        had_lot, before = not account.lot_gone, account.loan

        def both() -> None:
            revenue = self.revenue(account, now)
            mirror(revenue, now)
            brings = lot_to is not None or function in {"service", "mark", "cure", "lotUnsold"}
            closed = account.loan.state is LoanState.CLOSED
            if had_lot and before.state is not LoanState.CLOSED and (brings or closed):
                self._collect(FleetId(before.fleet_id), now, claim=True)
            if had_lot and (lot_to is not None or closed):
                self._release_lot(before, lot_to or before.borrower, now)

        return self.act(sender, "FleetCredit", function, account.loan_id, *arguments, mirror=both)

    def _collect(self, fleet_id: FleetId, now: UnixSeconds, *, claim: bool = False) -> None:
        """Bring a fleet's revenue to its shares, and what custody earned to FleetCredit."""
        facts = self.fleets[fleet_id]
        self.book.pay_router(fleet_id, self.router.route(fleet_id, facts.operator.address))
        facts.shares.arrive(self.router.collect(fleet_id), now)
        for holder in (self.custody, TITLE) if claim else ():
            if facts.shares.claimable(holder, now):
                facts.shares.claim(holder, now)

    def _release_lot(self, before: Loan, to: str, now: UnixSeconds) -> None:
        facts = self.fleets[FleetId(before.fleet_id)]
        facts.shares.move_title(self.custody, now)
        facts.owner = to
        facts.shares.transfer(self.custody, to, ShareUnits(before.shares), now)

    # ---- comparing ----

    def _expected(self, now: UnixSeconds) -> list[tuple[Call, Any, Callable[[Any], Any]]]:
        rows = super()._expected(now)
        credit, vault = (self.contracts[name] for name in ("FleetCredit", "CreditVault"))
        rows.append((credit.read("loanCount"), len(self.credit.accounts), _same))
        for fleet_id, facts in self.fleets.items():
            rows.append((credit.read("loanOf", fleet_id), self.credit.in_use.get(fleet_id, 0), _same))
            rows.append((credit.read("outstanding", _word(FLEET), cap_key(fleet_id)), self._counted(fleet_id), _same))
            operator = facts.operator.address
            counted = self.credit.caps[OPERATOR, cap_key(operator)].counted
            rows.append((credit.read("outstanding", _word(OPERATOR), cap_key(operator)), counted, _same))
        for loan_id, account in self.credit.accounts.items():
            loan = account.loan
            rows.append((credit.read("loan", loan_id), loan, Loan.from_row))
            rows.append((credit.read("debt", loan_id), tuple(account.owed(now)), tuple))
            if loan.state is LoanState.OPEN:
                due = loans.arrears(loans.meet(loan, now), now)
                rows.append((credit.read("arrears", loan_id), tuple(due), tuple))
                found = foreseen(loan, self.around(account, now), now, lot_gone=account.lot_gone)
                rows.append((credit.read("evidence", loan_id), (int(found.kind), found.since), tuple))
        rows += [
            (credit.read("owed", self.token, one), self.credit.payouts.owed(self.token, one), _same)
            for one in (self.admin, self.owner, self.bidder)
        ]
        books = self.vault
        rows += [
            *((vault.read("floorOf", one), books.floor_of(one), _same) for one in books.loans),
            (vault.read("book"), books.book(now), VaultBook.from_row),
            (vault.read("conservativeAssets"), books.conservative(now), _same),
            (vault.read("optimisticAssets"), books.optimistic(now), _same),
            (vault.read("totalSupply"), books.supply, _same),
            (vault.read("balanceOf", self.lender), books.balances[self.lender], _same),
            (vault.read("pendingRedeemRequest", 0, self.lender), books.pending(self.lender), _same),
            (vault.read("oldestEpoch"), books.oldest, _same),
            (vault.read("servingFrom"), books.serving_from(now), _same),
            (vault.read("lendable"), books.lendable(now), _same),
        ]
        return rows

    def _counted(self, fleet_id: FleetId) -> int:
        return self.credit.caps[FLEET, cap_key(fleet_id)].counted


def request_of(
    fleet_id: FleetId, *, principal: int, months: int, shares: int, sweep: bool, token: str | None, collateral: int
) -> LoanRequest:
    """Return a request."""
    return LoanRequest(
        fleet_id=fleet_id,
        months=months,
        sweep=sweep,
        principal=principal,
        shares=shares,
        collateral=token or ZERO_ADDRESS,
        collateral_amount=collateral if token else 0,
    )


def _row(report: MeterReport) -> tuple[Any, ...]:
    return tuple(getattr(report, name) for name in type(report).model_fields)


def _word(text: str) -> bytes:
    return to_bytes32_text(text)


def _same(value: Any) -> Any:
    return value
