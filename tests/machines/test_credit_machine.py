"""Hypothesis drives loans and their mirror together, through revenue, silence, prices and sales."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from pyutils.anvil import Anvil
from pyutils.credit import loan as loans
from pyutils.credit.account import LoanAccount
from pyutils.credit.ledger import BORROWER, FLEET, OPERATOR, cap_key
from pyutils.credit.terms import default_terms
from pyutils.models.address import ZERO_ADDRESS
from pyutils.models.loan import Evidence, LoanState
from pyutils.units import FleetId, LoanId, ShareUnits, TokenUnits, UnixSeconds, VaultShares, to_bytes32_text

from .credit_stage import COLLATERAL, CreditStage
from .credit_world import CLASS, TOKEN_UNIT, CreditWorld, request_of
from .size import QUICK, run_machine, thorough
from .stage import ARGUMENTS, COINS, SENDERS

DAY = 86_400
PICK = st.integers(0, 255)
PART = st.integers(0, 256)
GAP = st.one_of(st.just(1), st.integers(1, 7_200), st.sampled_from([3_600, DAY - 1, DAY, DAY + 1, 2 * DAY]))
AROUND_DUE = st.sampled_from([-1, 0, 1, 2, DAY, 7 * DAY, 7 * DAY + 1, 7 * DAY + 2, 20 * DAY])
PRICES = st.one_of(st.integers(0, 64), st.integers(0, 300), st.sampled_from([255, 256, 257]))
"""What is paid, in parts of 256 of what is owed."""
RATES = st.sampled_from([0, 1, 1_200, 10_000])
SALES = st.tuples(
    st.sampled_from(["collateral", "collateral", "lot", "unsold"]), st.sampled_from([16, 128, 256]), PRICES
)


class CreditMachine(RuleBasedStateMachine):
    """Two fleets of one owner, loans against them, and everything that can happen to a loan."""

    stage: ClassVar[CreditStage]
    decimals: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        self.world = CreditWorld(self.stage, self.decimals)

    # ---- setting up ----

    @initialize(
        capacities=st.tuples(st.integers(4, 64), st.integers(4, 64)),
        price=st.integers(1, 10**4),
        operating_bps=st.sampled_from([0, 1, 2_000, 3_333]),
        supply=st.sampled_from([10**18, 999_983 * 10**18, 10**24, 2**96 - 1]),
        cash=st.sampled_from([12_001, 20_000, 10**6]),
        costs=st.booleans(),
        covered=st.sampled_from([0, 100, 5_000]),
    )
    def begin(
        self,
        capacities: tuple[int, int],
        price: int,
        operating_bps: int,
        supply: int,
        cash: int,
        costs: bool,
        covered: int,
    ) -> None:
        world = self.world
        world.sure(world.admin, "FleetRegistry", "admitLessee", world.lessee, b"papers".ljust(32))
        world.of_record.add(world.lessee)
        for capacity in capacities:
            fleet_id = world.enrol(
                capacity=capacity,
                price=TokenUnits(world.coins(1) * price // 1_000 + price),
                operating_bps=operating_bps,
                supply=ShareUnits(supply),
                bond=world.coins(500_000),
            )
            world.sure(world.owner, world.fleets[fleet_id].shares_contract, "approve", world.custody, 2**256 - 1)
        if not costs:
            world.sure(world.admin, "FleetCredit", "setCostRecipient", ZERO_ADDRESS)
            world.credit.cost_recipient = None
        if covered:
            world.fill_loss_fund(FleetId(2), world.coins(covered))
        world.price_class(world.coins(25_000))
        world.say_price(60_000 * TOKEN_UNIT)
        world.lend(world.coins(cash))
        self._borrow(FleetId(1), 12_000, 12, 128, with_collateral=True, sweep=False, rate=1_200, reserve=3)
        world.observe()

    # ---- until a loan is drawn ----

    @precondition(lambda self: not self._any(LoanState.REQUESTED))
    @rule(
        gap=GAP,
        fleet=PICK,
        coins=st.integers(0, 60_000),
        months=st.sampled_from([0, 1, 2, 12, 36, 240, 241]),
        part=PART,
        with_collateral=st.booleans(),
        sweep=st.booleans(),
        stranger=PICK,
    )
    def request(
        self,
        gap: int,
        fleet: int,
        coins: int,
        months: int,
        part: int,
        with_collateral: bool,
        sweep: bool,
        stranger: int,
    ) -> None:
        world, fleet_id = self.world, self._fleet(fleet)
        world.tick(gap)
        asked = self._asked(fleet_id, coins, months, part, with_collateral=with_collateral, sweep=sweep)
        world.request(asked, world.bidder if stranger > 240 else world.owner)

    @precondition(lambda self: self._any(LoanState.REQUESTED))
    @rule(
        gap=GAP,
        loan=PICK,
        rate=st.sampled_from([0, 1_200, 10_000, 10_001]),
        reserve=st.sampled_from([0, 1, 3, 12]),
        lives=st.sampled_from([0, 1, DAY, 400 * DAY]),
        insured=st.sampled_from([0, DAY, 40 * DAY, 4_000 * DAY]),
        coverage=st.sampled_from([0, 13_500]),
    )
    def approve(self, gap: int, loan: int, rate: int, reserve: int, lives: int, insured: int, coverage: int) -> None:
        account = self._loan(loan, LoanState.REQUESTED)
        self.world.tick(gap)
        self._approve(account, rate, reserve, lives=lives, insured=insured, coverage=coverage)

    @precondition(lambda self: self._any(LoanState.APPROVED))
    @rule(gap=GAP, loan=PICK, part=st.integers(200, 260), fresh=st.booleans())
    def draw(self, gap: int, loan: int, part: int, fresh: bool) -> None:
        world, account = self.world, self._loan(loan, LoanState.APPROVED)
        world.tick(gap)
        self._draw(account, TokenUnits(account.loan.terms.ceiling * part // 256), fresh=fresh)

    @precondition(lambda self: self._any(LoanState.REQUESTED, LoanState.APPROVED))
    @rule(loan=PICK, gap=GAP, stranger=PICK)
    def cancel(self, loan: int, gap: int, stranger: int) -> None:
        world, account = self.world, self._loan(loan, LoanState.REQUESTED)
        world.tick(gap)
        caller = world.bidder if stranger > 200 else world.owner
        mirror = lambda: world.credit.cancel(account.loan_id, caller)  # noqa: E731
        world.act(caller, "FleetCredit", "cancel", account.loan_id, mirror=mirror)

    @precondition(lambda self: not self._any(LoanState.OPEN))
    @rule(
        fleet=PICK,
        coins=st.sampled_from([1, 500, 12_000, 30_000]),
        months=st.sampled_from([1, 2, 12, 36]),
        part=st.sampled_from([0, 128, 256]),
        with_collateral=st.booleans(),
        sweep=st.booleans(),
        rate=RATES,
        reserve=st.sampled_from([0, 1, 3]),
    )
    def borrow(
        self,
        fleet: int,
        coins: int,
        months: int,
        part: int,
        with_collateral: bool,
        sweep: bool,
        rate: int,
        reserve: int,
    ) -> None:
        """From a request to a loan, as most go."""
        self.world.bring_back(self._fleet(fleet))
        self._borrow(self._fleet(fleet), coins, months, part, with_collateral, sweep, rate, reserve)

    # ---- the pledge ----

    @precondition(lambda self: self._any(LoanState.OPEN))
    @rule(gap=GAP, loan=PICK, part=st.integers(0, 64), of_shares=st.booleans())
    def pledge(self, gap: int, loan: int, part: int, of_shares: bool) -> None:
        world, account = self.world, self._loan(loan, LoanState.OPEN)
        now = world.tick(gap)
        if of_shares:
            facts = world.fleets[FleetId(account.loan.fleet_id)]
            amount = ShareUnits(facts.shares.holdings[world.owner].shares * part // 256)

            def add() -> None:
                world.credit.add_shares(account.loan_id, amount)
                facts.shares.transfer(world.owner, world.custody, amount, now)

            world.act(world.owner, "FleetCredit", "addShares", account.loan_id, amount, mirror=add)
        else:
            units = TokenUnits(TOKEN_UNIT * part // 64)
            mirror = lambda: world.credit.add_collateral(account.loan_id, units)  # noqa: E731
            world.act(world.bidder, "FleetCredit", "addCollateral", account.loan_id, units, mirror=mirror)

    @precondition(lambda self: self._any(LoanState.OPEN))
    @rule(gap=GAP, loan=PICK, part=st.sampled_from([0, 1, 32, 128, 256, 257]), of_shares=st.booleans())
    def take_back(self, gap: int, loan: int, part: int, of_shares: bool) -> None:
        world, account = self.world, self._loan(loan, LoanState.OPEN)
        now = world.tick(gap)
        field, function = ("shares", "withdrawShares") if of_shares else ("collateral_amount", "withdrawCollateral")
        amount = getattr(account.loan, field) * part // 256
        less = {"shares": amount} if of_shares else {"collateral": amount}
        borrower = account.loan.borrower

        def mirror() -> None:
            around, left = world.around(account, now), world.around(account, now, **less)
            world.credit.withdraw(account.loan_id, borrower, field, amount, around, left, now)
            if of_shares:
                shares = world.fleets[FleetId(account.loan.fleet_id)].shares
                shares.transfer(world.custody, borrower, ShareUnits(amount), now)

        world.act(borrower, "FleetCredit", function, account.loan_id, amount, borrower, mirror=mirror)

    @precondition(lambda self: self._any(LoanState.OPEN))
    @rule(loan=PICK, sweep=st.booleans())
    def set_sweep(self, loan: int, sweep: bool) -> None:
        world, account = self.world, self._loan(loan, LoanState.OPEN)
        borrower = account.loan.borrower
        mirror = lambda: world.credit.set_sweep(account.loan_id, borrower, sweep=sweep)  # noqa: E731
        world.act(borrower, "FleetCredit", "setSweep", account.loan_id, sweep, mirror=mirror)

    # ---- paying ----

    @precondition(lambda self: self._any(LoanState.OPEN))
    @rule(gap=GAP, loan=PICK, part=st.sampled_from([0, 1, 8, 64, 128, 255, 256, 300]))
    def repay(self, gap: int, loan: int, part: int) -> None:
        world, account = self.world, self._loan(loan, LoanState.OPEN)
        now = world.tick(gap)
        amount = TokenUnits(account.owed(now).total * part // 256)
        self._repay(account, amount)

    @precondition(lambda self: self._any(LoanState.OPEN, LoanState.HELD))
    @rule(gap=GAP, loan=PICK)
    def service(self, gap: int, loan: int) -> None:
        world, account = self.world, self._loan(loan, LoanState.OPEN, LoanState.HELD)
        world.tick(gap)
        self._service(account)

    @rule(fleet=PICK, coins=st.sampled_from([1, 100, 1_500, 20_000]), waits=st.booleans())
    def give(self, fleet: int, coins: int, waits: bool) -> None:
        """Money for shareholders, most often released before anything else happens."""
        world = self.world
        world.give(self._fleet(fleet), world.coins(coins))
        if waits:
            world.wait(2 * DAY)
            for account in self._loans(LoanState.OPEN, LoanState.HELD):
                self._service(account)

    @rule(fleet=PICK, gpus=st.integers(1, 4), days=st.sampled_from([1, 5, 30]))
    def rent(self, fleet: int, gpus: int, days: int) -> None:
        """Rent that reports prove: revenue, and evidence of it."""
        self.world.rent(self._fleet(fleet), gpus, days * DAY)

    @rule(gap=GAP, fleet=PICK)
    def head(self, gap: int, fleet: int) -> None:
        self.world.tick(gap)
        self.world.head(self._fleet(fleet))

    @precondition(lambda self: self._any(LoanState.OPEN))
    @rule(loan=PICK, off=AROUND_DUE, fresh=st.booleans(), then=st.sampled_from(["service", "mark", "cure", "repay"]))
    def around_a_due_date(self, loan: int, off: int, fresh: bool, then: str) -> None:
        """Let the first due date that is not met come, with or without reports of the fleet."""
        world, account = self.world, self._loan(loan, LoanState.OPEN)
        if account.loan.state is not LoanState.OPEN:
            return
        world.tick(max(1, account.loan.next_due_at + off - world.now))
        if fresh:
            for fleet_id in world.fleets:
                world.head(fleet_id)
            world.say_price(self.world.round.answer)
        if then == "service":
            self._service(account)
        elif then == "mark":
            self._mark(account)
        elif then == "cure":
            self._cure(account)

    # ---- evidence ----

    @precondition(lambda self: self._any(LoanState.OPEN))
    @rule(gap=GAP, loan=PICK)
    def mark(self, gap: int, loan: int) -> None:
        account = self._loan(loan, LoanState.OPEN)
        self.world.tick(gap)
        self._mark(account)

    @precondition(lambda self: self._any(LoanState.OPEN))
    @rule(gap=GAP, loan=PICK, fresh=st.booleans(), pays=st.booleans())
    def cure(self, gap: int, loan: int, fresh: bool, pays: bool) -> None:
        world, account = self.world, self._loan(loan, LoanState.OPEN)
        world.tick(gap)
        if fresh:
            self._refresh()
        if pays and account.loan.state is LoanState.OPEN:
            amount = TokenUnits(loans.needed(account.loan, world.now) + 1)
            self._repay(account, amount)
        self._cure(account)

    @rule(answer=st.sampled_from([0, -1, 1_000, 30_000, 58_000, 60_000, 62_000, 66_001, 120_000]), again=st.booleans())
    def say_price(self, answer: int, again: bool) -> None:
        """A price of the collateral; a jump is believed once a further round confirms it."""
        world = self.world
        world.say_price(answer * TOKEN_UNIT)
        if again:
            world.say_price(answer * TOKEN_UNIT)

    @rule(days=st.sampled_from([0, 7, 8, 30, 36]), bps=st.sampled_from([5_000, 8_000, 9_000, 10_000, 12_000]))
    def price_class(self, days: int, bps: int) -> None:
        world = self.world
        world.tick(days * DAY + 1)
        current = world.appraisal.prices[CLASS].per_gpu
        world.price_class(TokenUnits(current * bps // 10_000))

    @precondition(lambda self: self._any(LoanState.OPEN))
    @rule(gap=GAP, loan=PICK, days=st.sampled_from([-1, 0, 6, 7, 8, 400]))
    def insure(self, gap: int, loan: int, days: int) -> None:
        self.world.tick(gap)
        self._insure(self._loan(loan, LoanState.OPEN), days)

    @precondition(lambda self: self._any(LoanState.OPEN, LoanState.HELD))
    @rule(loan=PICK, back=st.booleans())
    def step_in(self, loan: int, back: bool) -> None:
        world, account = self.world, self._loan(loan, LoanState.OPEN, LoanState.HELD)
        steward = ZERO_ADDRESS if back else world.lender
        mirror = lambda: world.credit.step_in(account.loan_id, steward)  # noqa: E731
        world.act(world.admin, "FleetCredit", "stepIn", account.loan_id, steward, mirror=mirror)

    # ---- sales: the auction's address acts, at any price ----

    @precondition(lambda self: self._any(LoanState.OPEN))
    @rule(
        loan=PICK,
        dies=st.sampled_from(["silence", "insurance", "price", "rate"]),
        then=st.lists(SALES, min_size=1, max_size=4),
    )
    def fail(self, loan: int, dies: str, then: list[tuple[str, int, int]]) -> None:
        """Let a loan fail as loans do, and sell what secures it."""
        world, account = self.world, self._loan(loan, LoanState.OPEN)
        if dies == "silence":
            world.tick(2 * DAY + 1)
        elif dies == "insurance":
            self._insure(account, 1)
            world.tick(DAY + 1)
        elif dies == "price":
            self._refresh()
            world.say_price(1_000 * TOKEN_UNIT)
            world.say_price(1_000 * TOKEN_UNIT)
        else:
            world.tick(40 * DAY)
        self._mark(account)
        for kind, part, paid in then:
            self._sell(account, kind, part, paid)

    @precondition(lambda self: self._breached())
    @rule(gap=GAP, loan=PICK, sale=SALES)
    def sell(self, gap: int, loan: int, sale: tuple[str, int, int]) -> None:
        self.world.tick(gap)
        self._sell(self._loan(loan, LoanState.OPEN, breached=True), *sale)

    @precondition(lambda self: self._any(LoanState.HELD))
    @rule(gap=st.sampled_from([1, DAY, 30 * DAY, 100 * DAY]), loan=PICK, part=PART)
    def offer(self, gap: int, loan: int, part: int) -> None:
        world, account, now = self.world, self._loan(loan, LoanState.HELD), self.world.tick(gap)
        price = TokenUnits(account.loan.held_owed * part // 200)
        mirror = lambda: world.credit.offer_lot(account.loan_id, price, now)  # noqa: E731
        world.act(world.admin, "FleetCredit", "offerLot", account.loan_id, price, mirror=mirror)

    @precondition(lambda self: self._any(LoanState.HELD))
    @rule(gap=GAP, loan=PICK, less=st.integers(0, 1))
    def buy(self, gap: int, loan: int, less: int) -> None:
        world, account = self.world, self._loan(loan, LoanState.HELD)
        world.tick(gap)
        most = TokenUnits(max(0, account.loan.asking_price - less))
        mirror = lambda revenue, at: world.credit.buy_lot(account.loan_id, most, revenue, at)  # noqa: E731
        world.on_pledge(world.bidder, account, "buyLot", most, world.bidder, mirror=mirror, lot_to=world.bidder)

    # ---- the market ----

    @rule(
        gap=GAP,
        kind=st.sampled_from([FLEET, OPERATOR, BORROWER]),
        own=st.booleans(),
        coins=st.sampled_from([0, 20_000, 10**6, 10**6]),
    )
    def cap(self, gap: int, kind: str, own: bool, coins: int) -> None:
        world = self.world
        world.tick(gap)
        keys = {FLEET: cap_key(1), OPERATOR: cap_key(world.operator), BORROWER: cap_key(world.owner)}
        key, cap = keys[kind] if own else bytes(32), world.coins(coins)
        mirror = lambda: world.credit.set_cap(kind, key, cap)  # noqa: E731
        world.act(world.admin, "FleetCredit", "setCap", to_bytes32_text(kind), key, cap, mirror=mirror)

    @rule(gap=GAP, coins=st.sampled_from([1, 10_000, 100_000]))
    def lend(self, gap: int, coins: int) -> None:
        world = self.world
        world.tick(gap)
        world.lend(world.coins(coins))

    @rule(gap=GAP, part=st.sampled_from([0, 1, 64, 256, 257]))
    def ask_to_redeem(self, gap: int, part: int) -> None:
        world = self.world
        world.tick(gap)
        world.ask_to_redeem(VaultShares(world.vault.balances[world.lender] * part // 256))

    @rule(days=st.sampled_from([0, 1, 7]))
    def serve(self, days: int) -> None:
        self.world.tick(days * DAY + 1)
        self.world.serve()

    @rule(days=st.sampled_from([1, 3, 31, 45, 90]))
    def wait(self, days: int) -> None:
        self.world.wait(days * DAY)

    # ---- what must hold ----

    @invariant()
    def contracts_equal_their_mirrors(self) -> None:
        if self.world.fleets:
            self.world.observe()

    @invariant()
    def every_coin_is_somebody_s(self) -> None:
        world, balances = self.world, self.world.seen.get("balances")
        if not balances:
            return
        addresses = {name: world.contracts[name].address for name in world.contracts}
        held = [model.holds(world.token) for model in (world.book, world.bond, world.router, world.heads)]
        names = ("LeaseBook", "OperatorBond", "RevenueRouter", "MeterOracle")
        assert [balances[addresses[name]] for name in names] == held
        assert balances[addresses["FleetCredit"]] == world.credit.holds()
        assert balances[addresses["CreditVault"]] == world.vault.cash + world.vault.set_aside
        covered = world.fund_at_hand - world.credit.loss_fund
        assert balances[addresses["LossFund"]] == world.fund_start - covered
        assert balances[addresses["FleetCustody"]] == balances[addresses["CollateralAuction"]] == 0
        assert sum(balances.values()) == world.seen["supply"] == COINS * world.coins(1) * SENDERS

    @invariant()
    def collateral_in_custody_is_what_open_loans_pledged(self) -> None:
        world = self.world
        if not world.seen:
            return
        open_loans = [one.loan for one in world.credit.accounts.values() if one.loan.state is LoanState.OPEN]
        pledged = sum(one.collateral_amount for one in open_loans)
        custody = world.contracts["FleetCustody"]
        token = self.stage.collateral.address
        assert world.rpc.read(custody, "held", token) == pledged
        assert world.rpc.read(self.stage.collateral, "balanceOf", world.custody) == pledged
        assert pledged <= COLLATERAL * TOKEN_UNIT * SENDERS

    @invariant()
    def nothing_is_owed_or_kept_of_a_closed_loan(self) -> None:
        for account in self.world.credit.accounts.values():
            loan = account.loan
            if loan.state is LoanState.CLOSED:
                left = (loan.principal, loan.accrued_scaled, loan.set_aside, loan.reserve, loan.held_owed)
                assert left == (0, 0, 0, 0, 0)
            assert loan.reserve <= loan.reserve_target
            assert loan.principal <= loan.drawn

    @invariant()
    def a_sold_loan_s_losses_are_the_vault_s(self) -> None:
        world = self.world
        assert world.vault.losses == sum(one.loss for one in world.credit.endings.values())
        covered = sum(one.covered for one in world.credit.endings.values())
        assert covered == world.fund_at_hand - world.credit.loss_fund

    @invariant()
    def caps_count_what_open_and_held_loans_drew(self) -> None:
        world = self.world
        live = [
            one.loan for one in world.credit.accounts.values() if one.loan.state in {LoanState.OPEN, LoanState.HELD}
        ]
        for kind, keys in (
            (FLEET, {cap_key(one.fleet_id) for one in live}),
            (OPERATOR, {cap_key(one.operator) for one in live}),
            (BORROWER, {cap_key(one.borrower) for one in live}),
        ):
            assert sum(world.credit.caps[kind, key].counted for key in keys) == sum(one.drawn for one in live)

    @invariant()
    def who_leaves_gets_no_more_than_who_enters_pays(self) -> None:
        world = self.world
        assert world.vault.conservative(world.stamped) <= world.vault.optimistic(world.stamped)

    @invariant()
    def vault_is_cash_and_what_loans_owe_less_how_far_they_fell(self) -> None:
        world, now = self.world, self.world.stamped
        book = world.vault.book(now)
        live = self._loans(LoanState.OPEN, LoanState.HELD)
        marked = [one for one in live if one.loan.marked_since or one.loan.state is LoanState.HELD]
        assert book.held_owed == sum(one.loan.held_owed for one in live)
        assert book.performing_principal == sum(one.loan.principal for one in live if one not in marked)
        owed = sum(one.owed(now).total for one in marked) - book.held_owed
        # Each loan rounds up by itself, their sum once.
        assert 0 <= owed - book.marked_owed < max(1, len(marked))
        assert 0 <= book.written_down <= book.marked_base
        value = book.cash + book.performing_principal + book.performing_interest + book.marked_base - book.written_down
        assert world.vault.conservative(now) == value

    # ---- helpers of rules ----

    def _fleet(self, pick: int) -> FleetId:
        return FleetId(1 + pick % len(self.world.fleets))

    def _loans(self, *states: LoanState) -> list[LoanAccount]:
        return [one for one in self.world.credit.accounts.values() if one.loan.state in states]

    def _any(self, *states: LoanState) -> bool:
        return bool(self._loans(*states))

    def _breached(self) -> bool:
        return any(one.loan.breached_since for one in self._loans(LoanState.OPEN))

    def _loan(self, pick: int, *states: LoanState, breached: bool = False) -> LoanAccount:
        """Return a loan, most often one in these states."""
        every = list(self.world.credit.accounts.values())
        fitting = [one for one in self._loans(*states) if one.loan.breached_since or not breached]
        chosen = (fitting if pick < 232 else every) or every
        return chosen[pick % len(chosen)]

    def _asked(
        self, fleet_id: FleetId, coins: int, months: int, part: int, *, with_collateral: bool, sweep: bool
    ) -> Any:
        world = self.world
        held = world.fleets[fleet_id].shares.holdings[world.owner].shares
        return request_of(
            fleet_id,
            principal=world.coins(coins) + coins,
            months=months,
            shares=held * part // 256,
            sweep=sweep,
            token=self.stage.collateral.address if with_collateral else None,
            collateral=TOKEN_UNIT // 10,
        )

    def _approve(
        self, account: LoanAccount, rate: int, reserve: int, *, lives: int, insured: int, coverage: int
    ) -> None:
        world, now = self.world, self.world.now
        terms = default_terms(
            TokenUnits(account.loan.terms.ceiling),
            UnixSeconds(now + lives),
            UnixSeconds(now + insured),
            months=account.loan.terms.months,
            rate_bps=rate,
            reserve_months=reserve,
            coverage_bps=coverage,
        )
        mirror = lambda: world.credit.approve(account.loan_id, terms, now)  # noqa: E731
        world.act(world.admin, "FleetCredit", "approve", account.loan_id, terms.row(), mirror=mirror)

    def _draw(self, account: LoanAccount, principal: TokenUnits, *, fresh: bool) -> None:
        world, loan = self.world, account.loan
        facts = world.fleets[FleetId(loan.fleet_id)]
        if facts.shares.holdings[world.owner].shares < loan.shares:
            return
        if fresh:
            self._refresh()
        world.draw(account, principal)

    def _borrow(
        self,
        fleet_id: FleetId,
        coins: int,
        months: int,
        part: int,
        with_collateral: bool,
        sweep: bool,
        rate: int,
        reserve: int,
    ) -> None:
        asked = self._asked(fleet_id, coins, months, part, with_collateral=with_collateral, sweep=sweep)
        loan_id = self.world.request(asked, self.world.owner)
        if loan_id is None:
            return
        account = self.world.credit.accounts[LoanId(loan_id)]
        insured = 4_000 * DAY
        self._approve(account, rate, min(reserve, months - 1), lives=DAY, insured=insured, coverage=0)
        self._draw(account, TokenUnits(account.loan.terms.ceiling), fresh=True)

    def _insure(self, account: LoanAccount, days: int) -> None:
        world, now = self.world, self.world.now
        until = UnixSeconds(now + days * DAY)
        mirror = lambda: world.credit.set_insured_until(account.loan_id, until, now)  # noqa: E731
        world.act(world.admin, "FleetCredit", "setInsuredUntil", account.loan_id, until, mirror=mirror)

    def _sell(self, account: LoanAccount, kind: str, part: int, paid: int) -> None:
        """Sell some of the collateral or the lot for a part of what is owed, or let nobody buy the lot."""
        world = self.world
        owed = account.owed(world.now).total
        if kind == "unsold":
            if part == 256 and self._is_breached(account):
                self._sell_collateral(account, TokenUnits(account.loan.collateral_amount), 1)
            value = TokenUnits(owed * paid // 256)

            def keep(revenue: TokenUnits, at: UnixSeconds) -> None:
                world.credit.lot_unsold(account.loan_id, value, revenue, world.around(account, at), at)

            world.on_pledge(world.auction, account, "lotUnsold", value, mirror=keep)
        elif kind == "lot":
            price = TokenUnits(owed * paid // 128)
            if self._is_breached(account) and not account.lot_gone and self._is_wrong(account) and price:
                self._pay("FleetCredit", price)

            def sell(revenue: TokenUnits, at: UnixSeconds) -> None:
                standing, left = world.around(account, at), world.around(account, at, lot=False)
                world.credit.lot_sold(account.loan_id, price, revenue, standing, left, at)

            world.on_pledge(world.auction, account, "lotSold", price, world.bidder, mirror=sell, lot_to=world.bidder)
        else:
            self._sell_collateral(account, TokenUnits(account.loan.collateral_amount * part // 256), paid)

    def _sell_collateral(self, account: LoanAccount, amount: TokenUnits, paid: int) -> None:
        world = self.world
        if not amount:
            return
        price = TokenUnits(account.owed(world.now).total * paid // 256)
        value = TokenUnits(price * (512 - paid) // 256)
        # Paid a second before it is booked, when a little more is owed.
        most = account.owed(UnixSeconds(world.now + 1)).total
        if self._is_breached(account) and 0 < price <= most:
            self._pay("CreditVault", price)

        def sell(revenue: TokenUnits, at: UnixSeconds) -> None:
            around = world.around(account, at, collateral=amount)
            world.credit.collateral_sold(account.loan_id, amount, price, value, revenue, around, at)

        world.on_pledge(world.auction, account, "collateralSold", amount, price, value, world.bidder, mirror=sell)

    def _pay(self, contract: str, price: TokenUnits) -> None:
        world = self.world
        world.sure(world.bidder, "TestStablecoin", "transfer", world.contracts[contract].address, price)

    def _is_breached(self, account: LoanAccount) -> bool:
        return account.loan.state is LoanState.OPEN and bool(account.loan.breached_since)

    def _is_wrong(self, account: LoanAccount) -> bool:
        """Say whether something will be wrong a second from now, when a lot that is paid now is booked."""
        world, at = self.world, UnixSeconds(self.world.now + 1)
        found = world.credit.still_wrong(account, account.loan, world.around(account, at), at)
        return found.kind is not Evidence.NONE

    def _refresh(self) -> None:
        """Give every fleet a head, and all prices new life."""
        world = self.world
        for fleet_id in world.fleets:
            world.head(fleet_id)
        world.say_price(world.round.answer)
        priced = world.appraisal.prices[CLASS]
        if world.now >= priced.updated_at + world.appraisal.parameters.least_pause:
            world.price_class(TokenUnits(priced.per_gpu))

    def _service(self, account: LoanAccount) -> None:
        mirror = lambda revenue, at: self.world.credit.service(account.loan_id, revenue, at)  # noqa: E731
        self.world.on_pledge(self.world.admin, account, "service", mirror=mirror)

    def _repay(self, account: LoanAccount, amount: TokenUnits) -> None:
        world = self.world

        def mirror(revenue: TokenUnits, at: UnixSeconds) -> None:
            world.credit.repay(account.loan_id, amount, revenue, world.around(account, at), at)

        world.on_pledge(world.bidder, account, "repay", amount, mirror=mirror)

    def _mark(self, account: LoanAccount) -> None:
        self._judge(account, "mark", self.world.credit.mark)

    def _cure(self, account: LoanAccount) -> None:
        self._judge(account, "cure", self.world.credit.cure)

    def _judge(self, account: LoanAccount, function: str, does: Callable[..., object]) -> None:
        world = self.world

        def mirror(revenue: TokenUnits, at: UnixSeconds) -> None:
            does(account.loan_id, revenue, world.around(account, at), at)

        world.on_pledge(world.admin, account, function, mirror=mirror)


@pytest.fixture
def stages(tmp_path: Path) -> Iterator[Callable[[int], CreditStage]]:
    """Return what deploys a market in a coin of so many decimals, on an anvil of its own: its time runs years ahead."""
    running: list[tuple[Anvil, CreditStage]] = []

    def build(decimals: int) -> CreditStage:
        anvil = Anvil.start(tmp_path / "anvil.log", arguments=ARGUMENTS)
        stage = CreditStage.build_market(anvil.url, decimals)
        running.append((anvil, stage))
        return stage

    yield build
    for anvil, stage in running:
        stage.rpc.close()
        anvil.stop()


def _run(stage: CreditStage, decimals: int, size: dict[str, Any]) -> None:
    machine = type(f"CreditMachine{decimals}", (CreditMachine,), {"stage": stage, "decimals": decimals})
    run_machine(machine, size)


@pytest.mark.parametrize("decimals", [6, 8, 18])
def test_credit__any_course__loans_equal_their_mirrors(stages: Callable[[int], CreditStage], decimals: int) -> None:
    _run(stages(decimals), decimals, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("decimals", [6, 8, 18])
def test_credit__many_long_courses__loans_equal_their_mirrors(
    stages: Callable[[int], CreditStage], decimals: int
) -> None:
    _run(stages(decimals), decimals, thorough(30))
