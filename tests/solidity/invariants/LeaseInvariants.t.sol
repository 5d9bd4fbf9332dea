// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FleetRegistry} from "../../../contracts/FleetRegistry.sol";
import {LeaseBook} from "../../../contracts/LeaseBook.sol";
import {LeaseTerms} from "../../../contracts/LeaseTerms.sol";
import {OperatorBond} from "../../../contracts/OperatorBond.sol";
import {RevenueRouter} from "../../../contracts/RevenueRouter.sol";
import {Lease} from "../../../contracts/interfaces/ILeaseBook.sol";
import {Bond} from "../../../contracts/interfaces/IOperatorBond.sol";
import {Revenue} from "../../../contracts/interfaces/IRevenueRouter.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {vm} from "../base/Vm.sol";
import {LeaseActions} from "./LeaseActions.sol";

struct FuzzSelector {
    address addr;
    bytes4[] selectors;
}

/// @dev What holds of LeaseBook and OperatorBond whatever anybody does, in whatever order.
contract LeaseInvariants {
    LeaseActions internal actions;
    LeaseBook internal book;
    OperatorBond internal bond;
    FleetRegistry internal registry;
    RevenueRouter internal router;
    LeaseTerms internal terms;

    function setUp() public {
        actions = new LeaseActions();
        actions.setUp();
        (address leaseBook, address operatorBond, address fleetRegistry, address revenueRouter, address leaseTerms) =
            actions.contracts();
        book = LeaseBook(leaseBook);
        bond = OperatorBond(operatorBond);
        registry = FleetRegistry(fleetRegistry);
        router = RevenueRouter(revenueRouter);
        terms = LeaseTerms(leaseTerms);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actions);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(actions), _selectors());
    }

    function _selectors() internal pure returns (bytes4[] memory s) {
        s = new bytes4[](21);
        s[0] = LeaseActions.open.selector;
        s[1] = LeaseActions.cancel.selector;
        s[2] = LeaseActions.endByLessee.selector;
        s[3] = LeaseActions.transfer.selector;
        s[4] = LeaseActions.withdraw.selector;
        s[5] = LeaseActions.grant.selector;
        s[6] = LeaseActions.endByOperator.selector;
        s[7] = LeaseActions.stake.selector;
        s[8] = LeaseActions.unbond.selector;
        s[9] = LeaseActions.finishUnbonding.selector;
        s[10] = LeaseActions.replaceOperator.selector;
        s[11] = LeaseActions.lie.selector;
        s[12] = LeaseActions.report.selector;
        s[13] = LeaseActions.settle.selector;
        s[14] = LeaseActions.settleMany.selector;
        s[15] = LeaseActions.close.selector;
        s[16] = LeaseActions.closeUnproved.selector;
        s[17] = LeaseActions.closeMutual.selector;
        s[18] = LeaseActions.releaseCapacity.selector;
        s[19] = LeaseActions.route.selector;
        s[20] = LeaseActions.donate.selector;
    }

    /// @dev Per lease; and what leases paid, with their fees, is what the router was told of.
    function invariant_depositIsPaidFeeRefundedOrHeld() public view {
        for (uint256 k; k < actions.fleetCount(); ++k) {
            uint256 fleetId = actions.fleets(k);
            uint256 earned;
            for (uint256 i; i < actions.leaseCount(); ++i) {
                uint256 leaseId = actions.leases(i);
                Lease memory l = book.lease(leaseId);
                if (l.fleetId != fleetId) continue;
                earned += l.paid + l.fee;
                vm.assertEq(l.deposit, actions.depositOf(leaseId), "deposit");
                vm.assertEq(l.deposit, l.paid + l.fee + l.refunded + l.held, "paid + fee + refunded + held");
                vm.assertEq(l.closed ? l.held : l.refunded, 0, "held until closed, refunded after");
            }
            Revenue memory revenue = router.revenue(fleetId);
            vm.assertEq(uint256(revenue.pending) + revenue.routed, earned, "earned");
        }
    }

    /// @dev Per fleet, what is held and not routed yet; per token, that and what is owed, and nothing of donations.
    function invariant_countedBalanceIsWhatTheBookHolds() public view {
        for (uint256 k; k < actions.fleetCount(); ++k) {
            uint256 fleetId = actions.fleets(k);
            uint256 held = router.revenue(fleetId).pending;
            for (uint256 i; i < actions.leaseCount(); ++i) {
                Lease memory l = book.lease(actions.leases(i));
                if (l.fleetId == fleetId) held += l.held;
            }
            vm.assertEq(book.escrowOf(fleetId), held, "escrow");
            TestStablecoin token = actions.coinOf(fleetId);
            vm.assertEq(
                token.balanceOf(address(book)) - actions.donated(token, address(book)),
                _sharedEscrow(token) + _owedBy(address(book), token),
                "balance"
            );
        }
    }

    function invariant_stakedIsReservedLieFreeUnbondingSlashedWithdrawn() public view {
        address[2] memory operators = actions.operators();
        for (uint256 k; k < actions.fleetCount(); ++k) {
            uint256 fleetId = actions.fleets(k);
            for (uint256 i; i < 2; ++i) {
                Bond memory b = bond.bond(fleetId, operators[i]);
                vm.assertEq(
                    b.reserved + b.lieStake + b.free + b.unbonding + b.slashed + b.withdrawn,
                    actions.stakedBy(fleetId, operators[i]),
                    "staked"
                );
            }
            TestStablecoin token = actions.coinOf(fleetId);
            vm.assertEq(
                token.balanceOf(address(bond)) - actions.donated(token, address(bond)),
                _sharedStake(token) + _owedBy(address(bond), token),
                "balance"
            );
        }
    }

    function invariant_leasedNeverExceedsCapacity() public view {
        for (uint256 k; k < actions.fleetCount(); ++k) {
            uint256 fleetId = actions.fleets(k);
            uint256 leased;
            for (uint256 i; i < actions.leaseCount(); ++i) {
                Lease memory l = book.lease(actions.leases(i));
                if (l.fleetId == fleetId && !l.closed && !l.released) leased += l.gpus;
            }
            vm.assertEq(book.leasedGpus(fleetId), leased, "leased");
            vm.assertLe(leased, registry.fleet(fleetId).capacity, "capacity");
        }
    }

    /// @dev The seated operator's bond reserves for each open lease what its terms say; nobody else's reserves anything.
    function invariant_reservationsCoverOpenLeases() public view {
        address[2] memory operators = actions.operators();
        for (uint256 k; k < actions.fleetCount(); ++k) {
            uint256 fleetId = actions.fleets(k);
            uint256 needed;
            for (uint256 i; i < actions.leaseCount(); ++i) {
                Lease memory l = book.lease(actions.leases(i));
                if (l.fleetId == fleetId && !l.closed) needed += terms.reservationUp(l.termsId, l.deposit);
            }
            for (uint256 i; i < 2; ++i) {
                uint256 reserved = bond.bond(fleetId, operators[i]).reserved;
                vm.assertEq(reserved, registry.operatorOf(fleetId) == operators[i] ? needed : 0, "reserved");
            }
        }
    }

    /// @dev The invariants above are not vacuous: a long walk comes through every action, and they hold all along.
    function test_actions__longWalk__everythingHappensAndInvariantsHold() public {
        bytes4[] memory selectors = _selectors();
        uint256 reverted;
        for (uint256 i; i < 500; ++i) {
            bytes32 luck = keccak256(abi.encode("walk", i));
            bytes4 selector = selectors[uint256(luck) % 24 < 21 ? uint256(luck) % 24 : 0];
            (bool success,) = address(actions)
                .call(abi.encodePacked(selector, keccak256(abi.encode(luck)), luck >> 5, luck >> 3, luck >> 7));
            if (!success) ++reverted;
            if (i % 30 == 0) _checkAll();
        }
        _checkAll();
        string[21] memory names = [
            "open",
            "cancel",
            "endByLessee",
            "transfer",
            "withdraw",
            "grant",
            "endByOperator",
            "stake",
            "unbond",
            "finishUnbonding",
            "replaceOperator",
            "lie",
            "report",
            "settle",
            "settleMany",
            "close",
            "closeUnproved",
            "closeMutual",
            "releaseCapacity",
            "route",
            "donate"
        ];
        for (uint256 i; i < names.length; ++i) {
            vm.assertGt(actions.calls(bytes32(bytes(names[i]))), 0, names[i]);
        }
        vm.assertGt(actions.calls("withdrawBond"), 0);
        vm.assertEq(reverted, 0, "actions with an occasion succeed");
    }

    function _checkAll() internal view {
        this.invariant_depositIsPaidFeeRefundedOrHeld();
        this.invariant_countedBalanceIsWhatTheBookHolds();
        this.invariant_stakedIsReservedLieFreeUnbondingSlashedWithdrawn();
        this.invariant_leasedNeverExceedsCapacity();
        this.invariant_reservationsCoverOpenLeases();
    }

    function _sharedEscrow(TestStablecoin token) internal view returns (uint256 sum) {
        for (uint256 k; k < actions.fleetCount(); ++k) {
            if (address(actions.coinOf(actions.fleets(k))) == address(token)) sum += book.escrowOf(actions.fleets(k));
        }
    }

    function _sharedStake(TestStablecoin token) internal view returns (uint256 sum) {
        address[2] memory operators = actions.operators();
        for (uint256 k; k < actions.fleetCount(); ++k) {
            uint256 fleetId = actions.fleets(k);
            if (address(actions.coinOf(fleetId)) != address(token)) continue;
            for (uint256 i; i < 2; ++i) {
                Bond memory b = bond.bond(fleetId, operators[i]);
                sum += b.reserved + b.lieStake + b.free + b.unbonding;
            }
        }
    }

    function _owedBy(address payer, TestStablecoin token) internal view returns (uint256 sum) {
        address[6] memory creditors = actions.creditors();
        for (uint256 i; i < creditors.length; ++i) {
            sum += payer == address(book) ? book.owed(token, creditors[i]) : bond.owed(token, creditors[i]);
        }
    }
}
