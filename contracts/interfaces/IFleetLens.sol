// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FleetValue} from "./IAppraisal.sol";
import {Evidence, Health, Loan} from "./IFleetCredit.sol";
import {Fleet} from "./IFleetRegistry.sol";
import {Head} from "./IMeterOracle.sol";
import {Revenue} from "./IRevenueRouter.sol";

/// @notice What a credit market is asked about a fleet.
struct LendingPlace {
    address token;
    address credit;
    address appraisal;
}

/// @notice Which fleets, and where to look for what they did.
struct FleetQuery {
    /// @dev The first fleet to read, and the last; those at the end that are not there are left out.
    uint256 first;
    uint256 last;
    address registry;
    address oracle;
    address leaseBook;
    address router;
    /// @dev Whose prices are fixed ones.
    address fixedPricing;
    LendingPlace[] markets;
    /// @dev The page ends once its rows take more bytes than this.
    uint256 mostBytes;
}

/// @notice What the head's last interval says, by the oracle's own reads; each where the oracle can tell it.
struct LastInterval {
    bool utilizationTold;
    uint256 utilizationWad;
    bool powerTold;
    uint256 meanPowerWatts;
    bool joulesTold;
    uint256 joulesPerBusyGpuHour;
}

/// @notice The open or held loan of a fleet. Money in asset units.
struct FleetLoan {
    uint256 loanId;
    Loan loan;
    /// @dev Whether title and pledged shares are still in custody for it.
    bool hasLot;
    uint256 principal;
    uint256 interest;
    /// @dev Due and not paid.
    uint256 arrears;
    Evidence evidence;
    uint256 since;
    /// @dev False where appraisal or feed cannot tell.
    bool healthTold;
    Health health;
}

/// @notice A fleet as its market sees it.
struct FleetMarket {
    address credit;
    /// @dev False where the class was never priced.
    bool valueTold;
    /// @dev By the last known price, however old it is: `value.pricedAt` says.
    FleetValue value;
    /// @dev None, or one.
    FleetLoan[] loans;
}

/// @notice One fleet. Money in units of its settlement token, metered time in GPU-milliseconds.
struct FleetRow {
    uint256 fleetId;
    Fleet fleet;
    /// @dev What the settlement token's `symbol()` returned: a string, or of old coins a `bytes32`.
    bytes symbol;
    address owner;
    /// @dev Zero where a custodian names nobody, or does not answer.
    address controller;
    /// @dev Zero where the fleet has no fixed price.
    uint256 pricePerGpuHour;
    uint256 leasedGpus;
    uint256 escrow;
    Head head;
    address reporter;
    address[] verifiers;
    uint256 quorum;
    /// @dev From enrolment to the head's `asOf`.
    uint256 capacityGpuMs;
    LastInterval interval;
    Revenue revenue;
    /// @dev Recorded as evidence in the last 30 complete UTC days.
    uint256 netRevenue30;
    uint256 supply;
    uint256 boundShares;
    /// @dev What the shares ever brought in, and what of it has not entered the index yet.
    uint256 collected;
    uint256 unreleased;
    /// @dev None, or the one that lends the settlement token.
    FleetMarket[] markets;
}

/// @title FleetLens: what did a fleet really do?
/// @notice Reads only, and keeps nothing: made to travel in an `eth_call`, see `Carrier`. Its amounts are those of the contracts'
/// own views, as of the block that is asked.
interface IFleetLens {
    /// @notice The fleets from `query.first` on, as many as a page holds, one at least. Reverts with `UnknownFleet` where a single
    /// one is asked for and is not there.
    /// @return rows One for each fleet, in their order.
    /// @return next The first fleet that was not read; zero where all were.
    function fleets(FleetQuery calldata query) external view returns (FleetRow[] memory rows, uint256 next);
}
