"""One typed wrapper per contract; reads name their block, writes go through a lane."""

from pyutils.contracts.access_manager import AccessManager, Permission
from pyutils.contracts.appraisal import Appraisal
from pyutils.contracts.base import ArgumentError, Contract, NoContractError, NoEventError
from pyutils.contracts.collateral_auction import CollateralAuction
from pyutils.contracts.collateral_prices import CollateralPrices
from pyutils.contracts.credit_system import CreditSystem
from pyutils.contracts.credit_vault import CreditVault
from pyutils.contracts.fixed_pricing import FixedPricing
from pyutils.contracts.fleet_credit import FleetCredit
from pyutils.contracts.fleet_custody import FleetCustody
from pyutils.contracts.fleet_registry import FleetRegistry
from pyutils.contracts.fleet_shares import FleetShares
from pyutils.contracts.lease_book import LeaseBook
from pyutils.contracts.lease_terms import LeaseTerms
from pyutils.contracts.loan_health import LoanHealth
from pyutils.contracts.loss_fund import LossFund
from pyutils.contracts.meter_oracle import MeterOracle
from pyutils.contracts.operator_bond import OperatorBond
from pyutils.contracts.revenue_router import RevenueRouter
from pyutils.contracts.stablecoin import Stablecoin
from pyutils.contracts.system import System
from pyutils.contracts.transfer_gate import TransferGate

__all__ = [
    "AccessManager",
    "Appraisal",
    "ArgumentError",
    "CollateralAuction",
    "CollateralPrices",
    "Contract",
    "CreditSystem",
    "CreditVault",
    "FixedPricing",
    "FleetCredit",
    "FleetCustody",
    "FleetRegistry",
    "FleetShares",
    "LeaseBook",
    "LeaseTerms",
    "LoanHealth",
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
