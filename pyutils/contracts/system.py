"""All contracts of one deployment, ready to be called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from web3 import Web3

from pyutils.chain.fees import LanePolicy
from pyutils.chain.lane import Lane
from pyutils.chain.signer import Signer
from pyutils.contracts.access_manager import AccessManager
from pyutils.contracts.credit_system import CreditSystem
from pyutils.contracts.fixed_pricing import FixedPricing
from pyutils.contracts.fleet_registry import FleetRegistry
from pyutils.contracts.fleet_shares import FleetShares
from pyutils.contracts.lease_book import LeaseBook
from pyutils.contracts.lease_terms import LeaseTerms
from pyutils.contracts.loss_fund import LossFund
from pyutils.contracts.meter_oracle import MeterOracle
from pyutils.contracts.operator_bond import OperatorBond
from pyutils.contracts.revenue_router import RevenueRouter
from pyutils.contracts.stablecoin import Stablecoin
from pyutils.contracts.transfer_gate import TransferGate
from pyutils.manifest import Manifest
from pyutils.units import FleetId


@dataclass(frozen=True, slots=True)
class System:
    """One wrapper for each contract of a deployment."""

    web3: Web3
    manifest: Manifest
    authority: AccessManager
    registry: FleetRegistry
    oracle: MeterOracle
    lease_book: LeaseBook
    lease_terms: LeaseTerms
    bond: OperatorBond
    router: RevenueRouter
    transfer_gate: TransferGate
    loss_fund: LossFund
    pricing: FixedPricing

    @classmethod
    def at(cls, web3: Web3, manifest: Manifest) -> Self:
        """Return the system that a deployment record names. Raises `UnknownContractError` where one is missing."""
        address = manifest.address
        return cls(
            web3,
            manifest,
            AccessManager(web3, address("AccessManager")),
            FleetRegistry(web3, address("FleetRegistry")),
            MeterOracle(web3, address("MeterOracle")),
            LeaseBook(web3, address("LeaseBook")),
            LeaseTerms(web3, address("LeaseTerms")),
            OperatorBond(web3, address("OperatorBond")),
            RevenueRouter(web3, address("RevenueRouter")),
            TransferGate(web3, address("TransferGate")),
            LossFund(web3, address("LossFund")),
            FixedPricing(web3, address("FixedPricing")),
        )

    def token(self, address: str) -> Stablecoin:
        """Return a settlement token."""
        return Stablecoin(self.web3, address)

    def coin(self) -> Stablecoin:
        """Return the first settlement token that the deployment listed."""
        return Stablecoin(self.web3, self.manifest.tokens[0])

    def credit(self, token: str) -> CreditSystem:
        """Return the credit market that lends a settlement token. Raises `NoMarketError`."""
        return CreditSystem.at(self.web3, self.manifest.market(token))

    def credit_markets(self) -> tuple[CreditSystem, ...]:
        """Return all credit markets, in the deployment's order."""
        return tuple(CreditSystem.at(self.web3, market) for market in self.manifest.credit)

    def shares(self, fleet_id: FleetId) -> FleetShares:
        """Return a fleet's shares."""
        return FleetShares(self.web3, self.registry.fleet(fleet_id).shares)

    def lane(self, signer: Signer, policy: LanePolicy | None = None) -> Lane:
        """Return a lane for an account; keep it, one account has one."""
        return Lane(self.web3, signer, policy or LanePolicy())
