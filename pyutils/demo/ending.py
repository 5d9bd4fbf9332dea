"""Revenue: collected, released over a day, claimed by everybody; and all money owed, withdrawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from pyutils.contracts.payouts import PayoutContract
from pyutils.demo.agenda import Agenda
from pyutils.demo.people import DISPUTER, FINDER, INVESTORS, LESSEES, OPERATORS, TREASURY, named
from pyutils.demo.plan import Plan
from pyutils.demo.setting import DAY_S, operator_of, price_of_shares
from pyutils.demo.world import World
from pyutils.units import FleetId, ShareUnits, UnixSeconds


@dataclass(frozen=True, slots=True)
class InvestorDesk:
    """What shareholders and creditors do."""

    world: World
    plan: Plan

    def put_on(self, agenda: Agenda) -> None:
        """Put down what they do while the trace lasts."""
        span = self.plan.last - self.plan.first
        agenda.put(UnixSeconds(self.plan.first + span // 3), partial(self.trade, "investor-1", "investor-2", 20))
        agenda.put(UnixSeconds(self.plan.first + span // 2), self.collect)

    def settle_up(self) -> None:
        """Bring all revenue to its holders once the trace is over; takes two days of the chain's time."""
        self.collect()
        self.release()
        self.withdraw_all()

    def collect(self) -> None:
        """Bring the revenue of all fleets to their shares; it is released during the next UTC day."""
        for fleet in self.plan.fleets:
            receipt = self.world.shares(fleet.fleet_id).collect(self.world.lane(operator_of(fleet.fleet_id)))
            amount = self.world.shares(fleet.fleet_id).event(receipt, "Collect")["amount"]
            self.world.tell(f"fleet {fleet.fleet_id}: {self.world.money(amount)} of revenue reach the shares")

    def trade(self, seller: str, buyer: str, percent: int) -> None:
        """Move a part of the seller's shares of each fleet against coins; what accrued stays with the seller."""
        world = self.world
        for fleet in self.plan.fleets:
            shares = world.shares(fleet.fleet_id)
            amount = ShareUnits(shares.balance_of(world.address(seller)) * percent // 100)
            accrued = shares.claimable(world.address(seller))
            shares.transfer(world.lane(seller), world.address(buyer), amount)
            world.coin.transfer(world.lane(buyer), world.address(seller), price_of_shares(world, amount))
            world.tell(
                f"{named(seller)} sells {percent} % of its shares of fleet {fleet.fleet_id} to {named(buyer)}"
                + (f" and keeps the {world.money(accrued)} that accrued" if accrued else "")
            )

    def claim(self, fleet_id: FleetId, account: str) -> None:
        """Claim what accrued to an account, if anything did."""
        world, shares = self.world, self.world.shares(fleet_id)
        amount = shares.claimable(world.address(account))
        if amount:
            shares.claim(world.lane(account), world.address(account))
            world.tell(f"{named(account)} claims {world.money(amount)} from fleet {fleet_id}")

    def claim_title(self, fleet_id: FleetId) -> None:
        """Claim what accrued to the shares bound to the title, if anything did and the title is not pledged."""
        world, shares, owner = self.world, self.world.shares(fleet_id), operator_of(fleet_id)
        amount = shares.claimable_by_title()
        if amount and world.registry.owner_of(fleet_id) == world.address(owner):
            shares.claim_title(world.lane(owner), world.address(owner))
            world.tell(f"{named(owner)} claims {world.money(amount)} for the title's tenth of fleet {fleet_id}")

    def release(self) -> None:
        """Trade and claim while revenue is being released, wait until all of it is, and claim the rest."""
        world = self.world
        day = world.now() // DAY_S
        world.arrive(UnixSeconds((day + 1) * DAY_S + DAY_S // 2))
        self.trade("investor-2", "investor-3", 50)
        for fleet in self.plan.fleets:
            self.claim(fleet.fleet_id, "investor-1")
        world.arrive(UnixSeconds((day + 2) * DAY_S))
        for fleet in self.plan.fleets:
            for account in (*INVESTORS, operator_of(fleet.fleet_id)):
                self.claim(fleet.fleet_id, account)
            self.claim_title(fleet.fleet_id)

    def withdraw_all(self) -> None:
        """Everybody takes what the contracts owe it; the loss fund collects."""
        world, coin = self.world, self.world.coin.address
        sources: tuple[tuple[PayoutContract, str], ...] = (
            (world.book, "refunds"),
            (world.bond, "credits from bonds"),
            (world.router, "fees and operating shares"),
            (world.oracle, "stakes and prizes"),
        )
        for source, what in sources:
            parts = []
            for account in sorted({*LESSEES, *OPERATORS, *INVESTORS, TREASURY, DISPUTER, FINDER}):
                amount = source.owed(coin, world.address(account))
                if amount:
                    source.withdraw(world.lane(account), coin, world.address(account))
                    parts.append(f"{named(account)} {world.money(amount)}")
            if parts:
                world.tell(f"withdrawn, {what}: {', '.join(parts)}")
        for source in (world.bond, world.oracle):
            amount = source.owed(coin, world.system.loss_fund.address)
            if amount:
                world.system.loss_fund.collect(world.lane("deployer"), source.address, coin)
                world.tell(f"the loss fund collects {world.money(amount)} from {source.NAME}")
