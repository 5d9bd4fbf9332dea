// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {CreditSystem} from "./interfaces/CreditSystem.sol";
import {FleetValue, IAppraisal} from "./interfaces/IAppraisal.sol";
import {ICollateralPrices} from "./interfaces/ICollateralPrices.sol";
import {Evidence} from "./interfaces/IFleetCredit.sol";
import {Finding, HealthParameters, ILoanHealth, Limits, Pledge, Suspect} from "./interfaces/ILoanHealth.sol";
import {IMeterOracle} from "./interfaces/IMeterOracle.sol";

/// @title LoanHealth
contract LoanHealth is ILoanHealth {
    using Math for uint256;

    uint256 internal constant BPS = 10_000;

    IAppraisal internal immutable APPRAISAL;
    ICollateralPrices internal immutable PRICES;
    IMeterOracle internal immutable ORACLE;
    uint256 internal immutable HARDWARE_FLOOR_BPS;
    uint256 internal immutable COLLATERAL_FLOOR_BPS;
    uint256 internal immutable YOUNG_DAYS;
    uint256 internal immutable PROVEN_DAYS;
    uint256 internal immutable REPORT_SILENCE;
    uint256 internal immutable MOST_STANDSTILL;

    constructor(CreditSystem memory system, HealthParameters memory p) {
        require(p.hardwareFloorBps <= BPS, InvalidParameter("hardwareFloorBps"));
        require(p.collateralFloorBps <= BPS, InvalidParameter("collateralFloorBps"));
        require(p.provenDays >= p.youngDays, InvalidParameter("provenDays"));
        require(p.reportSilence > 0, InvalidParameter("reportSilence"));
        APPRAISAL = IAppraisal(system.appraisal);
        PRICES = ICollateralPrices(system.prices);
        ORACLE = IMeterOracle(system.oracle);
        HARDWARE_FLOOR_BPS = p.hardwareFloorBps;
        COLLATERAL_FLOOR_BPS = p.collateralFloorBps;
        YOUNG_DAYS = p.youngDays;
        PROVEN_DAYS = p.provenDays;
        REPORT_SILENCE = p.reportSilence;
        MOST_STANDSTILL = p.mostStandstill;
    }

    /// @inheritdoc ILoanHealth
    function limits(Pledge calldata p) external view returns (Limits memory l) {
        if (p.shares > 0) _addHardware(l, p, APPRAISAL.appraise(p.fleetId), p.young);
        if (p.collateralAmount > 0) {
            uint256 worth = PRICES.value(address(p.collateral), p.collateralAmount);
            _addCollateral(l, p, worth);
        }
    }

    /// @inheritdoc ILoanHealth
    function drawLimits(Pledge calldata p) external view returns (Limits memory l, uint256 acceptedAt, bool silent) {
        uint256 breachFrom;
        (acceptedAt, breachFrom) = silence(p.fleetId);
        silent = block.timestamp >= breachFrom;
        FleetValue memory value = APPRAISAL.appraise(p.fleetId);
        _addHardware(l, p, value, value.historyDays < YOUNG_DAYS);
        if (p.collateralAmount > 0) {
            uint256 worth = PRICES.value(address(p.collateral), p.collateralAmount);
            _addCollateral(l, p, worth);
        }
    }

    /// @inheritdoc ILoanHealth
    function find(Suspect calldata s) external view returns (Finding memory f) {
        (Limits memory l, bool known, uint256 mostLimit) = _knownLimits(s.pledge);
        f.floor = Math.min(l.floor, s.owed);
        f.breachLimit = l.breachLimit;
        f.known = known;
        // A due date is missed from the second after it on: whoever pays in its own block is on time.
        if (block.timestamp > s.nextDueAt) {
            f.kind = Evidence.MissedDue;
            f.since = s.nextDueAt;
            uint256 graceEnd = s.nextDueAt + s.graceDays * 1 days;
            if (block.timestamp > graceEnd) _addBreach(f, Evidence.PastGrace, graceEnd);
        }
        if (s.lotGone) {
            _addBreach(f, Evidence.AboveBreachLimit, s.breachedSince);
            return f;
        }
        if (s.owed > mostLimit) {
            f.exceeded = true;
            _addBreach(f, Evidence.AboveBreachLimit, block.timestamp);
        }
        if (block.timestamp >= s.insuredUntil) _addBreach(f, Evidence.InsuranceExpired, s.insuredUntil);
        (, uint256 breachFrom) = silence(s.pledge.fleetId);
        if (block.timestamp >= breachFrom) _addBreach(f, Evidence.NoReport, breachFrom);
    }

    /// @inheritdoc ILoanHealth
    function silence(uint256 fleetId) public view returns (uint256 acceptedAt, uint256 breachFrom) {
        uint256 standstill;
        (acceptedAt, standstill) = ORACLE.sinceHead(fleetId);
        breachFrom = acceptedAt + REPORT_SILENCE + Math.min(standstill, MOST_STANDSTILL);
    }

    function _addBreach(Finding memory f, Evidence kind, uint256 since) private pure {
        if (f.breachSince == 0) f.kind = kind;
        if (f.since == 0 || since < f.since) f.since = since;
        if (f.breachSince == 0 || since < f.breachSince) f.breachSince = since;
    }

    /// @dev What cannot be told counts zero; for `mostLimit`, the breach limit at most, as much as it can be worth. Whoever calls with
    /// too little gas cannot pass a live price off as a dead one: what is left after a call ran out of gas, a sixty-fourth, is too
    /// little for what FleetCredit writes afterwards.
    function _knownLimits(Pledge calldata p) private view returns (Limits memory l, bool known, uint256 mostLimit) {
        known = true;
        bool bounded = true;
        if (p.shares > 0) {
            try APPRAISAL.appraise(p.fleetId) returns (FleetValue memory value) {
                _addHardware(l, p, value, p.young);
            } catch {
                (known, bounded) = (false, false);
            }
        }
        if (p.collateralAmount > 0) {
            try PRICES.value(address(p.collateral), p.collateralAmount) returns (uint256 value) {
                _addCollateral(l, p, value);
            } catch {
                known = false;
                mostLimit = _mostOfCollateral(p);
            }
        }
        mostLimit = bounded ? mostLimit.saturatingAdd(l.breachLimit) : type(uint256).max;
    }

    /// @dev What collateral carries at most, whose price cannot be told. Rounds up; a sum that does not fit has no bound.
    function _mostOfCollateral(Pledge calldata p) private view returns (uint256) {
        try PRICES.mostValue(address(p.collateral), p.collateralAmount) returns (uint256 value) {
            return Math.ceilDiv(value.saturatingMul(p.collateralBreachBps), BPS);
        } catch {
            return type(uint256).max;
        }
    }

    /// @dev A young loan is tested without the revenue cap until there is enough revenue to tell one, at its own lower LTV; the
    /// floor of a mark is capped always.
    function _addHardware(Limits memory l, Pledge calldata p, FleetValue memory value, bool young) private view {
        l.young = value.historyDays < YOUNG_DAYS;
        bool uncapped = young && value.historyDays < PROVEN_DAYS;
        l.hardware = (uncapped ? value.hardware : value.capped) * p.shares / p.supply;
        l.borrowLimit = l.hardware * (uncapped ? p.youngLtvBps : p.hardwareLtvBps) / BPS;
        l.breachLimit = l.hardware * p.hardwareBreachBps / BPS;
        l.floor = value.capped * p.shares / p.supply * HARDWARE_FLOOR_BPS / BPS;
        l.revenuePerMonth = Math.min(value.mean30, value.mean90) * 365 * p.shares / (12 * p.supply);
    }

    function _addCollateral(Limits memory l, Pledge calldata p, uint256 value) private view {
        l.collateral = value;
        l.borrowLimit += value * p.collateralLtvBps / BPS;
        l.breachLimit += value * p.collateralBreachBps / BPS;
        l.floor += value * COLLATERAL_FLOOR_BPS / BPS;
    }
}
