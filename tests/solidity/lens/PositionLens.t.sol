// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

import {FleetShares} from "../../../contracts/FleetShares.sol";
import {Bond} from "../../../contracts/interfaces/IOperatorBond.sol";
import {
    CoinRow,
    Cursor,
    LenderRow,
    MarketPlace,
    PositionPage,
    Query
} from "../../../contracts/interfaces/IPositionLens.sol";
import {PositionLens} from "../../../contracts/lens/PositionLens.sol";
import {bound} from "../base/Bound.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev A fleet in custody, three leases, a second fleet, a lender on its way out, and people whom something is owed.
contract PositionLensTest is CreditScene {
    uint256 internal constant LARGE = 1_000_000;
    /// @dev A loan's row and the coin, which the page begins with, fit; little else does.
    uint256 internal constant LEAST = 2000;

    PositionLens internal lens;
    uint256 internal loanId;
    uint256 internal second;
    FleetShares internal secondShares;

    function setUp() public override {
        super.setUp();
        lens = new PositionLens();
        loanId = _drawnLoan();
        second = _liveFleet();
        _openLease(second, lessee, 3, 8 hours);
        _openLease(second, investor, 1, 8 hours);
        _openLease(second, lessee, 2, 9 hours);
        secondShares = _shares(second);
        vm.prank(owner);
        secondShares.transfer(lessee, 100_000e18);
        _bringAndRelease(_coins(1000));
        _grantFirst();
    }

    function test_positions__borrower__hasItsLoanAndItsFreeShares() public view {
        PositionPage memory page = _read(owner);
        vm.assertEq(page.loans.length, 1);
        vm.assertEq(page.loans[0].loanId, loanId);
        vm.assertEq(keccak256(abi.encode(page.loans[0].loan)), keccak256(abi.encode(credit.loan(loanId))));
        (uint256 principal, uint256 interest) = credit.debt(loanId);
        vm.assertEq(page.loans[0].principal, principal);
        vm.assertEq(page.loans[0].interest, interest);
        vm.assertEq(page.loans[0].token, address(coin));
        vm.assertEq(page.shares.length, 1, "those of the first fleet are pledged");
        vm.assertEq(page.shares[0].shares, 800_000e18);
        vm.assertEq(page.shares[0].supply, 1_000_000e18);
        vm.assertEq(page.titles.length, 1, "that of the first fleet is in custody");
        vm.assertEq(page.titles[0].fleetId, second);
        vm.assertEq(page.titles[0].boundShares, 100_000e18);
        vm.assertTrue(page.next.done);
    }

    function test_positions__lessee__hasItsLeasesAndShares() public view {
        PositionPage memory page = _read(lessee);
        vm.assertEq(page.leases.length, 3);
        for (uint256 i; i < 3; ++i) {
            uint256 leaseId = page.leases[i].leaseId;
            vm.assertEq(book.ownerOf(leaseId), lessee);
            vm.assertEq(keccak256(abi.encode(page.leases[i].lease)), keccak256(abi.encode(book.lease(leaseId))));
        }
        vm.assertEq(page.shares[0].claimable, secondShares.claimable(lessee));
        vm.assertEq(page.loans.length + page.bonds.length + page.titles.length + page.lenders.length, 0);
    }

    function test_positions__operator__hasABondForEachFleet() public view {
        PositionPage memory page = _read(operator);
        vm.assertEq(page.bonds.length, 2);
        for (uint256 i; i < 2; ++i) {
            Bond memory b = bond.bond(page.bonds[i].fleetId, operator);
            vm.assertEq(keccak256(abi.encode(page.bonds[i].bond)), keccak256(abi.encode(b)));
        }
    }

    function test_positions__holderWhoSoldAll__keepsWhatItEarned() public {
        // Distributed, collected and released, with 100,000 of 1,000,000 shares at the lessee's.
        _fund(stranger, _coins(1000));
        vm.prank(stranger);
        router.distribute(second, _coins(1000));
        secondShares.collect();
        _goTo((block.timestamp / DAY + 2) * DAY);
        vm.prank(lessee);
        secondShares.transfer(investor, 100_000e18);

        PositionPage memory page = _read(lessee);
        vm.assertEq(page.shares[0].shares, 0);
        vm.assertEq(page.shares[0].claimable, _coins(100));
    }

    function test_positions__lenderOnItsWayOut__hasSharesAndARequest() public {
        uint256 third = vault.balanceOf(lender) / 3;
        vm.prank(lender);
        vault.requestRedeem(third, lender, lender);
        LenderRow memory row = _read(lender).lenders[0];
        vm.assertEq(row.vault, address(vault));
        vm.assertEq(row.shares, vault.balanceOf(lender));
        vm.assertEq(row.worth, vault.convertToAssets(row.shares));
        vm.assertEq(row.pending, third);
        vm.assertEq(row.pendingEpoch, vault.currentEpoch());

        vm.prank(lender);
        vault.cancelRedeemRequest(0, lender);
        row = _read(lender).lenders[0];
        vm.assertEq(row.pending + row.pendingEpoch, 0);
        vm.assertEq(row.cancelled, third);

        vm.startPrank(lender);
        vault.claimCancelRedeemRequest(0, lender, lender);
        vault.requestRedeem(third, lender, lender);
        vm.stopPrank();
        vm.warp((block.timestamp / 7 days + 1) * 7 days);
        vault.serve();
        row = _read(lender).lenders[0];
        vm.assertEq(row.claimableShares, third);
        vm.assertEq(row.claimable, vault.maxWithdraw(lender));
        vm.assertGt(row.claimable, 0);
    }

    function test_positions__moneyThatIsOwed__byEachPayer() public {
        vm.prank(lessee);
        book.cancel(second << 32 | 1);
        CoinRow memory row = _read(lessee).coins[0];
        vm.assertEq(row.token, address(coin));
        vm.assertEq(row.decimals, coin.decimals());
        vm.assertEq(row.balance, coin.balanceOf(lessee));
        vm.assertEq(abi.decode(row.symbol, (string)), coin.symbol());
        vm.assertEq(row.owed[0], book.owed(coin, lessee));
        vm.assertGt(row.owed[0], 0);
        vm.assertEq(row.owed[4], credit.owed(coin, lessee));
    }

    function test_positions__symbolOfAnOldCoin__isHandedOnAsItIs() public {
        vm.mockCall(address(coin), abi.encodeCall(IERC20Metadata.symbol, ()), abi.encode(bytes32("MKR")));
        vm.assertEq(_read(owner).coins[0].symbol, abi.encode(bytes32("MKR")));
        vm.clearMockedCalls();
    }

    function test_positions__stranger__hasNothing() public {
        PositionPage memory page = _read(_actor("nobody"));
        vm.assertEq(page.shares.length + page.titles.length + page.bonds.length + page.leases.length, 0);
        vm.assertEq(page.lenders.length + page.loans.length, 0);
        vm.assertEq(page.coins.length, 1, "the coin itself is told");
    }

    function test_positions__code__isToldFromADelegation() public {
        vm.assertFalse(_read(owner).isContract);
        vm.assertTrue(_read(address(vault)).isContract);
        address delegated = _actor("delegated");
        vm.etch(delegated, abi.encodePacked(hex"ef0100", address(vault)));
        vm.assertFalse(_read(delegated).isContract);
    }

    function test_positions__withoutAMarket__readsTheRest() public view {
        Query memory q = _query(lessee);
        q.markets = new MarketPlace[](0);
        PositionPage memory page = lens.positions(q);
        vm.assertEq(page.leases.length, 3);
        vm.assertTrue(page.next.done);
    }

    function test_positions__smallPages__areTheWholeTogether(uint256 most, uint256 who) public view {
        address[4] memory accounts = [owner, lessee, operator, lender];
        Query memory q = _query(accounts[who % 4]);
        PositionPage memory whole = lens.positions(q);
        q.mostBytes = bound(most, LEAST, 3500);
        uint256 pages = _compare(whole, q, gasleft());
        if (whole.leases.length > 0) vm.assertGt(pages, 1);
    }

    function test_positions__littleGas__goesOnWhereItStopped(uint256 gas_) public view {
        Query memory q = _query(lessee);
        vm.assertGt(_compare(lens.positions(q), q, bound(gas_, 3_100_000, 3_200_000)), 1);
    }

    function test_positions__noGasAtAll__saysThatNothingWasRead() public view {
        Query memory q = _query(lessee);
        q.coins = new address[](0);
        PositionPage memory page = lens.positions{gas: 2_000_000}(q);
        vm.assertFalse(page.next.done);
        vm.assertEq(page.next.fleetId, 1);
        vm.assertEq(page.next.lease, 0);
    }

    /* ---- internals ---- */

    /// @dev Every row of every page is the whole's at its place, and there are as many.
    function _compare(PositionPage memory whole, Query memory q, uint256 gas_) private view returns (uint256 pages) {
        uint256[7] memory n;
        for (; !q.from.done; ++pages) {
            vm.assertLt(pages, 100, "pages come to an end");
            PositionPage memory page = lens.positions{gas: gas_}(q);
            for (uint256 i; i < page.coins.length; ++i) {
                vm.assertEq(_hash(abi.encode(page.coins[i])), _hash(abi.encode(whole.coins[n[0]++])));
                q.known = _with(q.known, page.coins[i].token);
            }
            for (uint256 i; i < page.shares.length; ++i) {
                vm.assertEq(_hash(abi.encode(page.shares[i])), _hash(abi.encode(whole.shares[n[1]++])));
            }
            for (uint256 i; i < page.titles.length; ++i) {
                vm.assertEq(_hash(abi.encode(page.titles[i])), _hash(abi.encode(whole.titles[n[2]++])));
            }
            for (uint256 i; i < page.bonds.length; ++i) {
                vm.assertEq(_hash(abi.encode(page.bonds[i])), _hash(abi.encode(whole.bonds[n[3]++])));
            }
            for (uint256 i; i < page.leases.length; ++i) {
                vm.assertEq(_hash(abi.encode(page.leases[i])), _hash(abi.encode(whole.leases[n[4]++])));
            }
            for (uint256 i; i < page.lenders.length; ++i) {
                vm.assertEq(_hash(abi.encode(page.lenders[i])), _hash(abi.encode(whole.lenders[n[5]++])));
            }
            for (uint256 i; i < page.loans.length; ++i) {
                vm.assertEq(_hash(abi.encode(page.loans[i])), _hash(abi.encode(whole.loans[n[6]++])));
            }
            q.from = page.next;
            q.coins = new address[](0);
        }
        vm.assertEq(n[0] + n[1] + n[2] + n[3], _length(whole), "nothing was left out");
        vm.assertEq(n[4] + n[5] + n[6], whole.leases.length + whole.lenders.length + whole.loans.length);
    }

    function _length(PositionPage memory page) private pure returns (uint256) {
        return page.coins.length + page.shares.length + page.titles.length + page.bonds.length;
    }

    function _read(address account) private view returns (PositionPage memory) {
        return lens.positions(_query(account));
    }

    function _query(address account) private view returns (Query memory q) {
        q.account = account;
        q.registry = address(registry);
        q.shareFactory = address(shareFactory);
        q.leaseBook = address(book);
        q.bond = address(bond);
        q.payers = new address[](5);
        q.payers[0] = address(book);
        q.payers[1] = address(oracle);
        q.payers[2] = address(bond);
        q.payers[3] = address(router);
        q.payers[4] = address(credit);
        q.markets = new MarketPlace[](1);
        q.markets[0] = MarketPlace(address(credit), address(vault));
        q.coins = new address[](1);
        q.coins[0] = address(coin);
        q.mostBytes = LARGE;
    }

    function _with(address[] memory list, address one) private pure returns (address[] memory longer) {
        longer = new address[](list.length + 1);
        for (uint256 i; i < list.length; ++i) {
            longer[i] = list[i];
        }
        longer[list.length] = one;
    }

    function _hash(bytes memory data) private pure returns (bytes32) {
        return keccak256(data);
    }

    /// @dev The lease that fills the first fleet gets access.
    function _grantFirst() private {
        vm.prank(operator);
        book.grantAccess(fleetId << 32 | 1, "gpus", "connection");
    }
}
