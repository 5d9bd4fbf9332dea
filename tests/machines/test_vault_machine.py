"""Hypothesis drives the vault and its mirror together: the contract's sums against every loan by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
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

from pyutils import artifacts
from pyutils.anvil import Anvil
from pyutils.credit.interest import SCALE
from pyutils.credit.redemption import epoch_at
from pyutils.credit.vault import BookedLoan, VaultModel
from pyutils.credit.vault_books import Carrying
from pyutils.deployment import Role
from pyutils.models.address import ZERO_ADDRESS
from pyutils.models.loan import Debt
from pyutils.refusal import RefusalError
from pyutils.units import LoanId, ScaledInterest, TokenUnits, UnixSeconds, VaultShares

from .rpc import Contract, functions
from .size import QUICK, run_machine, thorough
from .stage import ARGUMENTS, Stage

DAY = 86_400
CAP_COINS = 20_000_000
PICK = st.integers(0, 255)
PARTS = st.sampled_from([0, 1, 60, 128, 200, 254, 255, 255, 255, 256])
"""Of 255: 256 asks for more than there is."""
GAP = st.one_of(st.integers(1, 7_200), st.sampled_from([DAY - 1, DAY, DAY + 1, 5 * DAY]))
LEAP = st.sampled_from([DAY, 7 * DAY, 8 * DAY, 29 * DAY, 31 * DAY, 91 * DAY, 400 * DAY])
COINS = st.one_of(st.integers(0, 50), st.integers(1, 10**6).map(lambda thousandths: thousandths * 10**3))
"""Of a coin's thousandth parts, or of its smallest units where small."""


@dataclass(frozen=True, slots=True)
class VaultStage:
    """The system with a vault for each coin, for which an account that anvil signs for is FleetCredit."""

    stage: Stage
    vaults: dict[int, Contract]

    @classmethod
    def build(cls, url: str) -> VaultStage:
        """Deploy everything; the vaults' first account is the admin, the last one the credit account."""
        stage = Stage.build(url)
        admin, *lenders = (person.address for person in stage.people[:7])
        credit = lenders[-1]
        vaults = {}
        peers = {
            "authority": stage.contracts["AccessManager"].address,
            "registry": stage.contracts["FleetRegistry"].address,
            "credit": credit,
        }
        set_cap = functions("CreditVault")["setCap"].selector
        for decimals, coin in stage.coins.items():
            known = peers | {"asset": coin.address}
            system = tuple(known.get(name, ZERO_ADDRESS) for name in _system_fields())
            vault = stage.rpc.deploy(admin, "CreditVault", system, "Fleet Credit", "fc", CAP_COINS * 10**decimals)
            vaults[decimals] = vault
            stage.must(
                admin, stage.contracts["AccessManager"], "setTargetFunctionRole", vault.address, [set_cap], Role.RISK
            )
            for lender in lenders:
                stage.must(lender, coin, "approve", vault.address, 2**256 - 1)
        stage.start = int(stage.rpc.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16) + 1
        stage.snapshot = stage.rpc.ask("evm_snapshot")
        return cls(stage, vaults)


class VaultMachine(RuleBasedStateMachine):
    """Four lenders, a credit account with a dozen loans, and strangers who donate."""

    built: ClassVar[VaultStage]
    decimals: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        stage = self.built.stage
        stage.rewind()
        self.rpc, self.coin, self.vault = stage.rpc, stage.coins[self.decimals], self.built.vaults[self.decimals]
        self.admin, *self.lenders, self.borrower, self.credit = (person.address for person in stage.people[:7])
        self.registry = stage.contracts["FleetRegistry"]
        self.now = UnixSeconds(stage.start)
        self.stamped = self.now
        self.model = VaultModel(self.vault.address, TokenUnits(CAP_COINS * 10**self.decimals))
        self.donated = 0
        self.loan_ids = 0
        self.epochs: set[int] = set()

    # ---- setting up ----

    @initialize(coins=st.lists(st.integers(1, 10**6), min_size=2, max_size=4), lent=PARTS, rate=st.integers(0, 6_000))
    def begin(self, coins: list[int], lent: int, rate: int) -> None:
        for lender, whole in zip(self.lenders, coins, strict=False):
            self._deposit(lender, TokenUnits(whole * 10**self.decimals))
        self._lend(lent, rate)
        self._lend(60, rate // 2 + 7)
        self._observe()

    # ---- lenders ----

    @rule(gap=GAP, who=PICK, coins=COINS)
    def deposit(self, gap: int, who: int, coins: int) -> None:
        self._tick(gap)
        self._deposit(self._lender(who), self._amount(coins))

    @rule(gap=GAP, who=PICK, coins=COINS, more=st.integers(0, 10**6))
    def mint(self, gap: int, who: int, coins: int, more: int) -> None:
        self._tick(gap)
        lender, shares = self._lender(who), VaultShares(self._amount(coins) * 10**6 + more)
        self._act(lender, "mint", shares, lender, mirror=lambda: self.model.mint(shares, lender, self.now))

    @rule(gap=GAP, who=PICK, parts=PARTS, other=PICK, strange=PICK)
    def request(self, gap: int, who: int, parts: int, other: int, strange: int) -> None:
        self._tick(gap)
        caller = self._lender(who)
        owner = self._lender(other) if strange > 230 else caller
        controller = self._lender(other) if strange > 200 else caller
        shares = VaultShares(self.model.balances[owner] * parts // 255)
        mirror = lambda: self.model.request_redeem(caller, shares, controller, owner, self.now)  # noqa: E731
        self._act(caller, "requestRedeem", shares, controller, owner, mirror=mirror)

    @rule(gap=GAP, who=PICK)
    def request_dust(self, gap: int, who: int) -> None:
        self._tick(gap)
        lender = self._lender(who)
        mirror = lambda: self.model.request_redeem(lender, VaultShares(1), lender, lender, self.now)  # noqa: E731
        self._act(lender, "requestRedeem", 1, lender, lender, mirror=mirror)

    @rule(gap=GAP, who=PICK, other=PICK, strange=PICK)
    def cancel(self, gap: int, who: int, other: int, strange: int) -> None:
        self._tick(gap)
        caller = self._lender(who)
        controller = self._lender(other) if strange > 220 else caller
        mirror = lambda: self.model.cancel_redeem_request(caller, controller, self.now)  # noqa: E731
        self._act(caller, "cancelRedeemRequest", 0, controller, mirror=mirror)

    @rule(gap=GAP, who=PICK)
    def claim_cancelled(self, gap: int, who: int) -> None:
        self._tick(gap)
        caller = self._lender(who)
        mirror = lambda: self.model.claim_cancel_redeem_request(caller, caller, caller)  # noqa: E731
        self._act(caller, "claimCancelRedeemRequest", 0, caller, caller, mirror=mirror)

    @rule(gap=GAP, who=PICK, parts=PARTS, other=PICK, strange=PICK)
    def redeem(self, gap: int, who: int, parts: int, other: int, strange: int) -> None:
        self._tick(gap)
        caller = self._lender(who)
        controller = self._lender(other) if strange > 220 else caller
        shares = VaultShares(self.model.claimable_shares(controller) * parts // 255)
        mirror = lambda: self.model.redeem(caller, shares, controller)  # noqa: E731
        self._act(caller, "redeem", shares, caller, controller, mirror=mirror)

    @rule(gap=GAP, who=PICK, parts=PARTS)
    def withdraw(self, gap: int, who: int, parts: int) -> None:
        self._tick(gap)
        caller = self._lender(who)
        assets = TokenUnits(self.model.claimable_assets(caller) * parts // 255)
        mirror = lambda: self.model.withdraw(caller, assets, caller)  # noqa: E731
        self._act(caller, "withdraw", assets, caller, caller, mirror=mirror)

    @rule(gap=GAP, who=PICK, other=PICK, approved=st.booleans())
    def set_operator(self, gap: int, who: int, other: int, approved: bool) -> None:
        self._tick(gap)
        lender, operator = self._lender(who), self._lender(other)
        mirror = lambda: self.model.set_operator(lender, operator, approved)  # noqa: E731
        self._act(lender, "setOperator", operator, approved, mirror=mirror)

    @rule(gap=GAP, who=PICK, other=PICK, shares=st.sampled_from([0, 5, 10**12, 2**256 - 1]))
    def approve(self, gap: int, who: int, other: int, shares: int) -> None:
        self._tick(gap)
        lender, spender = self._lender(who), self._lender(other)
        mirror = lambda: self.model.approve(lender, spender, shares)  # noqa: E731
        self._act(lender, "approve", spender, shares, mirror=mirror)

    @rule(gap=GAP, who=PICK, other=PICK, parts=PARTS)
    def transfer(self, gap: int, who: int, other: int, parts: int) -> None:
        self._tick(gap)
        lender, receiver = self._lender(who), self._lender(other)
        shares = VaultShares(self.model.balances[lender] * parts // 255)
        mirror = lambda: self.model.transfer(lender, receiver, shares)  # noqa: E731
        self._act(lender, "transfer", receiver, shares, mirror=mirror)

    # ---- anyone ----

    @rule(gap=GAP)
    def serve(self, gap: int) -> None:
        self._tick(gap)
        self._act(self.borrower, "serve", mirror=lambda: self.model.serve(self.now))

    @rule(gap=GAP)
    def serve_when_the_week_is_over(self, gap: int) -> None:
        oldest = self.model.oldest
        self._tick(max(gap, (oldest + 1) * 7 * DAY - self.now) if oldest else gap)
        self._act(self.borrower, "serve", mirror=lambda: self.model.serve(self.now))

    @rule(gap=GAP, coins=COINS)
    def donate(self, gap: int, coins: int) -> None:
        self._tick(gap)
        self._send(self.borrower, self._amount(coins))
        self.donated += self._amount(coins)

    @rule(gap=GAP, paused=st.booleans())
    def pause(self, gap: int, paused: bool) -> None:
        self._tick(gap)
        revert = self.rpc.transact(self.admin, self.registry, "pause" if paused else "unpause", time=self.now)
        assert revert is None
        self._stamp()
        self.model.paused = paused

    @rule(gap=GAP, coins=st.integers(0, CAP_COINS))
    def set_cap(self, gap: int, coins: int) -> None:
        self._tick(gap)
        self.model.cap = TokenUnits(coins * 10**self.decimals + coins)
        revert = self.rpc.transact(self.admin, self.vault, "setCap", self.model.cap, time=self.now)
        assert revert is None
        self._stamp()

    @rule(leap=LEAP)
    def wait(self, leap: int) -> None:
        self.rpc.ask("evm_setNextBlockTimestamp", self._tick(leap))
        self.rpc.ask("evm_mine")
        self._stamp()

    # ---- loans ----

    @rule(gap=GAP, parts=PARTS, rate=st.integers(0, 6_000))
    def lend(self, gap: int, parts: int, rate: int) -> None:
        self._tick(gap)
        self._lend(parts, rate)

    @precondition(lambda self: self.model.loans)
    @rule(gap=GAP, loan=PICK, parts=PARTS)
    def pay(self, gap: int, loan: int, parts: int) -> None:
        """Interest first, then principal, as FleetCredit does; a lot's revenue lowers what is owed."""
        self._tick(gap)
        loan_id, booked = self._loan(loan)
        # The money is there a block before it is booked.
        later = UnixSeconds(self.now + 1)
        carrying = _carrying(booked, later)
        owed_interest = -(-carrying.accrued_scaled // SCALE)
        owed = carrying.principal + owed_interest + (booked.lot_owed or 0)
        amount = owed * min(parts, 255) // 255
        interest = 0 if booked.lot_owed is not None else min(amount, owed_interest)
        paid = Debt(TokenUnits(amount - interest), TokenUnits(interest))
        accrued_paid = ScaledInterest(min(interest * SCALE, carrying.accrued_scaled))
        self._send(self.borrower, TokenUnits(amount))
        arguments = (loan_id, carrying.rate_bps, paid.principal, paid.interest, accrued_paid)
        mirror = lambda: self.model.receive_payment(loan_id, carrying, paid, accrued_paid, self.now)  # noqa: E731
        self._act(self.credit, "receivePayment", *arguments, mirror=mirror)

    @precondition(lambda self: any(loan.lot_owed is None for loan in self.model.loans.values()))
    @rule(gap=GAP, loan=PICK, rate=st.integers(0, 6_000))
    def reprice(self, gap: int, loan: int, rate: int) -> None:
        self._tick(gap)
        loan_id, booked = self._loan(loan, lots=False)
        carrying = _carrying(booked, self.now)
        mirror = lambda: self.model.reprice(loan_id, carrying, rate, self.now)  # type: ignore[arg-type]  # noqa: E731
        self._act(self.credit, "reprice", loan_id, _row(carrying), rate, mirror=mirror)

    @precondition(lambda self: self.model.loans)
    @rule(gap=GAP, loan=PICK, parts=st.integers(0, 300), ago=st.integers(-1, 45), seconds=st.integers(0, DAY))
    def mark(self, gap: int, loan: int, parts: int, ago: int, seconds: int) -> None:
        self._tick(gap)
        loan_id, booked = self._loan(loan)
        carrying = _carrying(booked, self.now)
        floor = TokenUnits(carrying.principal * parts // 255)
        since = UnixSeconds(self.now - ago * DAY - seconds)
        mirror = lambda: self.model.mark_down(loan_id, carrying, floor, since, self.now)  # noqa: E731
        self._act(self.credit, "markDown", loan_id, _row(carrying), floor, since, mirror=mirror)

    @precondition(lambda self: self.model.loans)
    @rule(gap=GAP, loan=PICK)
    def unmark(self, gap: int, loan: int) -> None:
        self._tick(gap)
        loan_id, booked = self._loan(loan)
        carrying = _carrying(booked, self.now)
        mirror = lambda: self.model.unmark(loan_id, carrying, self.now)  # noqa: E731
        self._act(self.credit, "unmark", loan_id, _row(carrying), mirror=mirror)

    @precondition(lambda self: self.model.loans)
    @rule(gap=GAP, loan=PICK, parts=st.integers(0, 300))
    def hold_lot(self, gap: int, loan: int, parts: int) -> None:
        self._tick(gap)
        loan_id, booked = self._loan(loan)
        carrying = _carrying(booked, self.now)
        value = TokenUnits(carrying.principal * parts // 255)
        mirror = lambda: self.model.hold_lot(loan_id, carrying, value, self.now)  # noqa: E731
        self._act(self.credit, "holdLot", loan_id, _row(carrying), value, mirror=mirror)

    @precondition(lambda self: self.model.loans)
    @rule(gap=GAP, loan=PICK, parts=PARTS)
    def settle(self, gap: int, loan: int, parts: int) -> None:
        self._tick(gap)
        loan_id, booked = self._loan(loan)
        recovered = TokenUnits((booked.principal + (booked.lot_owed or 0)) * min(parts, 255) // 255)
        self._send(self.borrower, recovered)
        carrying = _carrying(booked, self.now)
        mirror = lambda: self.model.settle(loan_id, carrying, recovered, self.now)  # noqa: E731
        self._act(self.credit, "settle", loan_id, _row(carrying), recovered, mirror=mirror)

    # ---- what must hold ----

    @invariant()
    def contract_equals_mirror(self) -> None:
        self._observe()

    def _observe(self) -> None:
        model, now = self.model, self.stamped
        self.epochs.add(epoch_at(now))
        book = model.book(now)
        expected: dict[tuple[Any, ...], Any] = {
            ("book",): tuple(book.model_dump().values()),
            ("conservativeAssets",): model.conservative(now),
            ("totalAssets",): model.conservative(now),
            ("optimisticAssets",): model.optimistic(now),
            ("totalSupply",): model.supply,
            ("oldestEpoch",): model.oldest,
            ("servingFrom",): model.serving_from(now),
            ("lendable",): model.lendable(now),
            ("maxDeposit", self.admin): model.max_deposit(now),
            ("maxMint", self.admin): model.max_mint(now),
            ("convertToAssets", 10**24): model.convert_to_assets(VaultShares(10**24), now),
            ("cap",): model.cap,
        }
        for who in (*self.lenders, self.vault.address):
            expected |= {
                ("balanceOf", who): model.balances[who],
                ("pendingRedeemRequest", 0, who): model.pending(who),
                ("maxRedeem", who): model.claimable_shares(who),
                ("maxWithdraw", who): model.claimable_assets(who),
                ("claimableCancelRedeemRequest", 0, who): model.positions[who].cancelled,
                ("epochOf", who): model.epoch_of(who),
            }
        for epoch_id in self.epochs:
            expected["epoch", epoch_id] = tuple(model.epoch(epoch_id).model_dump().values())
        answers = self.rpc.read_all([self.vault.read(*call) for call in expected])
        for (call, said), answer in zip(expected.items(), answers, strict=True):
            assert answer == said, (call, answer, said)
        assert model.conservative(now) <= model.optimistic(now)
        balance = self.rpc.read(self.coin, "balanceOf", self.vault.address)
        assert book.cash + book.set_aside + self.donated == balance
        assert sum(model.claimable_assets(who) for who in self.lenders) <= book.set_aside

    # ---- acting ----

    def _act(self, sender: str, function: str, *arguments: Any, mirror: Callable[[], object]) -> bool:
        refusal: RefusalError | None = None
        try:
            mirror()
        except RefusalError as error:
            refusal = error
        revert = self.rpc.transact(sender, self.vault, function, *arguments, time=self.now)
        if refusal is None:
            assert revert is None, f"{function}: the contract refuses {revert}, the mirror does it"
        else:
            assert revert is not None, f"{function}: the mirror refuses {refusal.line()}, the contract does it"
            assert (revert.name, revert.arguments) == (refusal.name(), tuple(refusal.facts.values()))
        self._stamp()
        return refusal is None

    def _deposit(self, lender: str, assets: TokenUnits) -> None:
        self._act(lender, "deposit", assets, lender, mirror=lambda: self.model.deposit(assets, lender, self.now))

    def _lend(self, parts: int, rate: int) -> None:
        self.loan_ids += 1
        loan_id, principal = LoanId(self.loan_ids), TokenUnits(self.model.cash * parts // 255)
        mirror = lambda: self.model.lend(loan_id, principal, rate, self.now)  # type: ignore[arg-type]  # noqa: E731
        self._act(self.credit, "lend", loan_id, self.borrower, principal, rate, mirror=mirror)

    def _send(self, sender: str, amount: TokenUnits) -> None:
        revert = self.rpc.transact(sender, self.coin, "transfer", self.vault.address, amount, time=self.now)
        assert revert is None
        self._stamp()

    def _tick(self, seconds: int) -> UnixSeconds:
        self.now = UnixSeconds(self.now + seconds)
        return self.now

    def _stamp(self) -> None:
        self.stamped = self.now
        self._tick(1)

    def _lender(self, who: int) -> str:
        return self.lenders[who % len(self.lenders)]

    def _amount(self, coins: int) -> TokenUnits:
        return TokenUnits(coins if coins <= 50 else coins * 10**self.decimals // 1_000)

    def _loan(self, pick: int, *, lots: bool = True) -> tuple[LoanId, BookedLoan]:
        found = [(n, loan) for n, loan in self.model.loans.items() if lots or loan.lot_owed is None]
        return found[pick % len(found)]


def _system_fields() -> list[str]:
    """Return the members of `CreditSystem`: the vault keeps four of them."""
    constructor = next(entry for entry in artifacts.load("CreditVault").abi if entry["type"] == "constructor")
    return [row["name"] for row in constructor["inputs"][0]["components"]]


def _carrying(loan: BookedLoan, now: UnixSeconds) -> Carrying:
    return Carrying(TokenUnits(loan.principal), loan.rate_bps, loan.accrued(now))


def _row(carrying: Carrying) -> tuple[int, int, int]:
    return carrying.principal, carrying.rate_bps, carrying.accrued_scaled


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultStage]:
    """Deploy on an anvil of this module's own: its time runs years ahead."""
    log = tmp_path_factory.mktemp("vault") / "anvil.log"
    with Anvil.start(log, arguments=ARGUMENTS) as anvil:
        found = VaultStage.build(anvil.url)
        yield found
        found.stage.rpc.close()


def _run(built: VaultStage, decimals: int, size: dict[str, Any]) -> None:
    machine = type(f"VaultMachine{decimals}", (VaultMachine,), {"built": built, "decimals": decimals})
    run_machine(machine, size)


@pytest.mark.parametrize("decimals", [6, 8, 18])
def test_vault__any_course__contract_equals_its_mirror(built: VaultStage, decimals: int) -> None:
    _run(built, decimals, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("decimals", [6, 8, 18])
def test_vault__many_long_courses__contract_equals_its_mirror(built: VaultStage, decimals: int) -> None:
    _run(built, decimals, thorough(40))
