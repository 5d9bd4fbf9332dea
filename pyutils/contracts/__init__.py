"""One typed wrapper per contract; reads name their block, writes go through a lane."""

from pyutils.contracts.access_manager import AccessManager, Permission
from pyutils.contracts.base import ArgumentError, Contract, NoContractError, NoEventError
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
from pyutils.contracts.system import System
from pyutils.contracts.transfer_gate import TransferGate

__all__ = [
    "AccessManager",
    "ArgumentError",
    "Contract",
    "FixedPricing",
    "FleetRegistry",
    "FleetShares",
    "LeaseBook",
    "LeaseTerms",
    "LossFund",
    "MeterOracle",
    "NoContractError",
    "NoEventError",
    "OperatorBond",
    "Permission",
    "RevenueRouter",
    "Stablecoin",
    "System",
    "TransferGate",
]
