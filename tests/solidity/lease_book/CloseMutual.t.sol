// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ILeaseBook, Lease, MutualClosing} from "../../../contracts/interfaces/ILeaseBook.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";
import {SigningWallet} from "../wallets/SigningWallet.sol";

contract CloseMutualTest is LeaseScene {
    uint256 internal constant END = START + 10 hours;
    uint256 internal leaseId;

    function setUp() public override {
        super.setUp();
        leaseId = _grantedLease(fleetId, lessee, 8, 10 hours);
    }

    function _agree(uint256 id, uint256 agreed) internal view returns (MutualClosing memory c) {
        bytes32 digest = book.mutualDigest(id, uint64(agreed));
        c.leaseId = id;
        c.agreedGpuMs = uint64(agreed);
        c.operatorSignature = _signature(OPERATOR_KEY, digest);
        c.ownerSignature = _signature(LESSEE_KEY, digest);
        c.proof = _noProof();
    }

    function test_closeMutual__noHead__paysWhatBothSay() public {
        MutualClosing memory c = _agree(leaseId, 8 * 6 * HOUR);
        vm.warp(END + 48 hours);
        vm.expectEmit(address(book));
        emit ILeaseBook.Settle(leaseId, 8 * 6 * HOUR, END, _coins(96));
        vm.expectEmit(address(book));
        emit ILeaseBook.Close(leaseId, lessee, _coins(64), _coins(16), 0, 0.6e18);
        vm.prank(stranger);
        book.closeMutual(c);
        Lease memory l = book.lease(leaseId);
        vm.assertTrue(l.closed);
        vm.assertEq(l.paid, _coins(96));
        vm.assertEq(l.settledAsOf, END);
        vm.assertEq(router.revenue(fleetId).pending, _coins(96));
        vm.assertEq(_netRevenueToday(), 0, "two signatures are no meter");
        _checkMoney(leaseId);
    }

    function test_closeMutual__before48Hours__reverts() public {
        MutualClosing memory c = _agree(leaseId, HOUR);
        vm.warp(END + 48 hours - 1);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.MutualTooEarly.selector, leaseId, END + 48 hours));
        book.closeMutual(c);
    }

    function test_closeMutual__headCoversTheEnd__reverts() public {
        MutualClosing memory c = _agree(leaseId, HOUR);
        vm.warp(END + 48 hours);
        _prove(leaseId, 8 * 10 * HOUR, END);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.HeadCovers.selector, leaseId, uint256(END)));
        book.closeMutual(c);
    }

    /// @dev What is proved cannot be signed away from the fleet's owners.
    function test_closeMutual__headAfterTheGrant__settlesFromItFirst() public {
        _prove(leaseId, 8 * 5 * HOUR, START + 5 hours);
        vm.warp(END + 48 hours);
        MutualClosing memory c = _agree(leaseId, 8 * 4 * HOUR);
        c.provedGpuMs = uint64(8 * 5 * HOUR);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILeaseBook.InvalidDelivery.selector, leaseId, 8 * 4 * HOUR, 8 * 5 * HOUR, 8 * 10 * HOUR
            )
        );
        book.closeMutual(c);

        c = _agree(leaseId, 8 * 6 * HOUR);
        c.provedGpuMs = uint64(8 * 5 * HOUR);
        book.closeMutual(c);
        vm.assertEq(book.lease(leaseId).paid, _coins(96));
        vm.assertEq(_netRevenueToday(), _net(_coins(80)), "only what is proved is evidence");
    }

    function test_closeMutual__headAfterTheGrantWithoutProof__reverts() public {
        _prove(leaseId, 8 * 5 * HOUR, START + 5 hours);
        vm.warp(END + 48 hours);
        MutualClosing memory c = _agree(leaseId, 8 * 6 * HOUR);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidProof.selector, leaseId, 0));
        book.closeMutual(c);
    }

    function test_closeMutual__headAtTheGrant__ignored() public {
        vm.warp(START + 1 hours);
        uint256 late = _grantedLease(fleetId, lessee, 1, 10 hours);
        _prove(leaseId, HOUR, START + 1 hours);
        vm.warp(END + 49 hours);
        book.closeMutual(_agree(late, HOUR));
        vm.assertEq(book.lease(late).paid, _coins(2));
    }

    function test_closeMutual__moreThanTheGpusCouldDeliver__reverts() public {
        vm.warp(END + 48 hours);
        MutualClosing memory c = _agree(leaseId, 8 * 10 * HOUR + 1);
        vm.expectRevert(
            abi.encodeWithSelector(ILeaseBook.InvalidDelivery.selector, leaseId, 8 * 10 * HOUR + 1, 0, 8 * 10 * HOUR)
        );
        book.closeMutual(c);
        book.closeMutual(_agree(leaseId, 8 * 10 * HOUR));
        vm.assertEq(book.lease(leaseId).refunded, 0);
    }

    function test_closeMutual__alteredNumber__reverts() public {
        vm.warp(END + 48 hours);
        MutualClosing memory c = _agree(leaseId, HOUR);
        c.agreedGpuMs += 1;
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidSignature.selector, leaseId, operator));
        book.closeMutual(c);
    }

    function test_closeMutual__oneSideAlone__reverts() public {
        vm.warp(END + 48 hours);
        MutualClosing memory c = _agree(leaseId, HOUR);
        bytes memory operators = c.operatorSignature;
        c.operatorSignature = c.ownerSignature;
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidSignature.selector, leaseId, operator));
        book.closeMutual(c);
        c.operatorSignature = operators;
        c.ownerSignature = operators;
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidSignature.selector, leaseId, lessee));
        book.closeMutual(c);
    }

    function test_closeMutual__signedForAnotherLease__reverts() public {
        uint256 other = _grantedLease(fleetId, lessee, 8, 10 hours);
        vm.warp(END + 48 hours);
        MutualClosing memory c = _agree(other, HOUR);
        c.leaseId = leaseId;
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidSignature.selector, leaseId, operator));
        book.closeMutual(c);
    }

    function test_closeMutual__replayed__reverts() public {
        vm.warp(END + 48 hours);
        MutualClosing memory c = _agree(leaseId, HOUR);
        book.closeMutual(c);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseClosed.selector, leaseId));
        book.closeMutual(c);
    }

    function test_closeMutual__soldSince__theOldOwnersWordIsWorthless() public {
        vm.warp(END + 48 hours);
        MutualClosing memory c = _agree(leaseId, 8 * 10 * HOUR);
        vm.prank(lessee);
        book.transferFrom(lessee, investor, leaseId);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidSignature.selector, leaseId, investor));
        book.closeMutual(c);
    }

    function test_closeMutual__ownerIsAWallet__asksIt() public {
        SigningWallet wallet = new SigningWallet(vm.addr(LESSEE_KEY));
        vm.prank(lessee);
        book.transferFrom(lessee, address(wallet), leaseId);
        vm.warp(END + 48 hours);
        MutualClosing memory c = _agree(leaseId, HOUR);
        bytes memory owners = c.ownerSignature;
        c.ownerSignature = c.operatorSignature;
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidSignature.selector, leaseId, address(wallet)));
        book.closeMutual(c);
        c.ownerSignature = owners;
        book.closeMutual(c);
        vm.assertEq(book.owed(coin, address(wallet)), _coins(158));
    }

    function test_closeMutual__ungranted__reverts() public {
        uint256 other = _openLease(fleetId, lessee, 1, 1 hours);
        MutualClosing memory c = _agree(other, 0);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotGranted.selector, other));
        book.closeMutual(c);
    }

    function test_revokeMutual__byOwnerOrOperator__earlierSignaturesAreWorthless() public {
        MutualClosing memory c = _agree(leaseId, HOUR);
        vm.expectEmit(address(book));
        emit ILeaseBook.RevokeMutual(leaseId, lessee, 1);
        vm.prank(lessee);
        book.revokeMutual(leaseId);
        vm.warp(END + 48 hours);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidSignature.selector, leaseId, operator));
        book.closeMutual(c);

        c = _agree(leaseId, HOUR);
        vm.expectEmit(address(book));
        emit ILeaseBook.RevokeMutual(leaseId, operator, 2);
        vm.prank(operator);
        book.revokeMutual(leaseId);
        vm.assertEq(book.mutualNonce(leaseId), 2);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidSignature.selector, leaseId, operator));
        book.closeMutual(c);
        book.closeMutual(_agree(leaseId, HOUR));
    }

    function test_revokeMutual__byStranger__reverts() public {
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotLessee.selector, leaseId, stranger));
        book.revokeMutual(leaseId);
    }

    function test_revokeMutual__closed__reverts() public {
        vm.warp(END + 48 hours);
        book.closeMutual(_agree(leaseId, HOUR));
        vm.prank(lessee);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseClosed.selector, leaseId));
        book.revokeMutual(leaseId);
    }

    function test_mutualDigest__isEip712OfNameVersionChainAndBook() public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("LeaseBook"),
                keccak256("1"),
                block.chainid,
                address(book)
            )
        );
        bytes32 content = keccak256(
            abi.encode(
                keccak256("CloseMutual(uint256 leaseId,uint64 deliveredGpuMs,uint256 nonce)"),
                leaseId,
                uint64(HOUR),
                uint256(0)
            )
        );
        vm.assertEq(book.mutualDigest(leaseId, uint64(HOUR)), keccak256(abi.encodePacked("\x19\x01", domain, content)));
    }
}
