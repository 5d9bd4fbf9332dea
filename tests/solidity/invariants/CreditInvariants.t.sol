// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CollateralAuction} from "../../../contracts/CollateralAuction.sol";
import {CreditVault} from "../../../contracts/CreditVault.sol";
import {FleetCustody} from "../../../contracts/FleetCustody.sol";
import {VaultBook} from "../../../contracts/interfaces/ICreditVault.sol";
import {IFleetCredit, Loan, LoanState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {vm} from "../base/Vm.sol";
import {CreditActions} from "./CreditActions.sol";
import {Reckoning} from "./CreditLedger.sol";

struct FuzzSelector {
    address addr;
    bytes4[] selectors;
}

/// @dev What holds of a credit market whatever anybody does, in whatever order: the real contracts, two fleets, and a second book of
/// every loan.
contract CreditInvariants {
    uint256 internal constant SCALE = 10_000 * 365 days;
    /// @dev Ninetieths of a unit, in which write-downs are whole.
    uint256 internal constant PARTS = 90;

    CreditActions internal actions;
    IFleetCredit internal credit;
    CreditVault internal vault;
    FleetCustody internal custody;
    CollateralAuction internal auction;
    TestStablecoin internal coin;
    TestStablecoin internal btc;

    /// @dev What loans owe the vault, each by itself. Interest is scaled, what has fallen is in ninetieths.
    struct Sums {
        uint256 performing;
        uint256 performingScaled;
        uint256 marked;
        uint256 markedScaled;
        uint256 base;
        uint256 fallen;
        uint256 heldOwed;
    }

    /// @dev The market as it stands, read once. Loans by their ids, from one on.
    struct Market {
        Loan[] loans;
        Reckoning[] reckonings;
        VaultBook book;
        uint256 conservative;
        uint256 optimistic;
    }

    function setUp() public {
        actions = _newActions();
        actions.setUp();
        (credit, vault, custody, auction) = actions.contracts();
        (coin, btc) = actions.tokens();
    }

    function _newActions() internal virtual returns (CreditActions) {
        return new CreditActions();
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
        s = new bytes4[](39);
        s[0] = CreditActions.request.selector;
        s[1] = CreditActions.approve.selector;
        s[2] = CreditActions.cancel.selector;
        s[3] = CreditActions.draw.selector;
        s[4] = CreditActions.borrow.selector;
        s[5] = CreditActions.repay.selector;
        s[6] = CreditActions.service.selector;
        s[7] = CreditActions.addPledge.selector;
        s[8] = CreditActions.withdrawPledge.selector;
        s[9] = CreditActions.setSweep.selector;
        s[10] = CreditActions.withdrawOwed.selector;
        s[11] = CreditActions.block_.selector;
        s[12] = CreditActions.reclaim.selector;
        s[13] = CreditActions.rent.selector;
        s[14] = CreditActions.bring.selector;
        s[15] = CreditActions.pass.selector;
        s[16] = CreditActions.passDue.selector;
        s[17] = CreditActions.refresh.selector;
        s[18] = CreditActions.report.selector;
        s[19] = CreditActions.sayBtc.selector;
        s[20] = CreditActions.setClassPrice.selector;
        s[21] = CreditActions.setInsuredUntil.selector;
        s[22] = CreditActions.pause.selector;
        s[23] = CreditActions.mark.selector;
        s[24] = CreditActions.cure.selector;
        s[25] = CreditActions.stepIn.selector;
        s[26] = CreditActions.start.selector;
        s[27] = CreditActions.touch.selector;
        s[28] = CreditActions.bidCollateral.selector;
        s[29] = CreditActions.bidLot.selector;
        s[30] = CreditActions.giveLotToVault.selector;
        s[31] = CreditActions.offerLot.selector;
        s[32] = CreditActions.buyLot.selector;
        s[33] = CreditActions.fillLossFund.selector;
        s[34] = CreditActions.deposit.selector;
        s[35] = CreditActions.requestRedeem.selector;
        s[36] = CreditActions.serve.selector;
        s[37] = CreditActions.claim.selector;
        s[38] = CreditActions.donate.selector;
    }

    /// @dev One campaign for all, since each step walks through the whole market: every rule below is tried after every step.
    function invariant_booksOfTheMarketAgree() public {
        Market memory m;
        uint256 count = credit.loanCount();
        m.loans = new Loan[](count + 1);
        m.reckonings = new Reckoning[](count + 1);
        for (uint256 id = 1; id <= count; ++id) {
            m.loans[id] = credit.loan(id);
            m.reckonings[id] = actions.reckoning(id);
        }
        m.book = vault.book();
        m.conservative = vault.conservativeAssets();
        m.optimistic = vault.optimisticAssets();
        _vaultAssetsAreCashPrincipalInterestMarksAndLots(m);
        _ratesAndInterestAreTheSumsOverLoans(m);
        _conservativeIsNoMoreThanOptimistic(m);
        _cashIsWhatCameLessWhatWent(m);
        _drawnAndChargedIsPaidCoveredLostOrOwed(m);
        _aClosedLoanOwesAndKeepsNothing(m);
        _balanceOfCreditIsSetAsideReservedOrOwed(m);
        _breachReleasesNothingToTheBorrower();
        _capsCountWhatOpenAndHeldLoansDrew(m);
        _whoPaysOrLeavesIsNeverRefused();
        _custodyHoldsWhatLoansPledged(m);
        _everyCoinIsSomebodys(m);
    }

    /* ---- the vault ---- */

    /// @dev Loan by loan, out of FleetCredit's own storage and the marks that it told of.
    function _vaultAssetsAreCashPrincipalInterestMarksAndLots(Market memory m) private view {
        Sums memory sums = _sums(m);
        uint256 certain = m.book.cash + sums.performing;
        uint256 fallen = _up(sums.fallen, PARTS);
        vm.assertEq(m.conservative, certain + sums.performingScaled / SCALE + sums.base - fallen, "conservative");
        vm.assertEq(vault.totalAssets(), m.conservative, "totalAssets");
        vm.assertEq(
            m.optimistic,
            certain + _up(sums.performingScaled, SCALE) + sums.marked + _up(sums.markedScaled, SCALE) + sums.heldOwed,
            "optimistic"
        );
    }

    /// @dev In so many seconds each unit of principal at one basis point a year earns exactly one unit: a sum of principal × rate that
    /// is off by one shows.
    function _ratesAndInterestAreTheSumsOverLoans(Market memory m) private {
        uint256 time = block.timestamp;
        vm.warp(time + SCALE);
        Sums memory sums = _sums(m);
        VaultBook memory b = vault.book();
        vm.warp(time);
        vm.assertEq(b.performingPrincipal, sums.performing, "principal");
        vm.assertEq(b.performingInterest, sums.performingScaled / SCALE, "interest");
        vm.assertEq(b.markedOwed, sums.marked + _up(sums.markedScaled, SCALE), "owed on marked loans");
        vm.assertEq(b.heldOwed, sums.heldOwed, "owed on held lots");
    }

    function _conservativeIsNoMoreThanOptimistic(Market memory m) private pure {
        vm.assertLe(m.conservative, m.optimistic, "conservative <= optimistic");
    }

    /// @dev What lenders brought and loans paid, less what was lent and claimed; and it is there.
    function _cashIsWhatCameLessWhatWent(Market memory m) private view {
        VaultBook memory b = m.book;
        vm.assertEq(
            b.cash + b.setAside + actions.lent() + actions.claimed(),
            actions.deposited() + actions.recovered(),
            "what came is cash, set aside, lent or claimed"
        );
        vm.assertEq(
            coin.balanceOf(address(vault)), b.cash + b.setAside + _donated(coin, address(vault)), "vault's balance"
        );
    }

    /* ---- loans ---- */

    /// @dev Each payment may round up once, and what is owed now too; never down.
    function _drawnAndChargedIsPaidCoveredLostOrOwed(Market memory m) private view {
        uint256 count = m.loans.length;
        for (uint256 id = 1; id < count; ++id) {
            Reckoning memory r = m.reckonings[id];
            if (r.drawn == 0) continue;
            (uint256 principal, uint256 interest) = credit.debt(id);
            uint256 found = (r.paid + r.covered + r.lost + principal + interest) * SCALE;
            uint256 charged = r.drawn * SCALE + r.charged;
            vm.assertGe(found, charged, "nothing is forgiven");
            vm.assertLt(found, charged + (r.payments + 2) * SCALE, "nothing is asked twice");
            if (m.loans[id].state == LoanState.Open) {
                vm.assertEq(principal + r.principalPaid, r.drawn, "drawn = paid + still owed");
            }
        }
    }

    function _aClosedLoanOwesAndKeepsNothing(Market memory m) private view {
        uint256 count = m.loans.length;
        for (uint256 id = 1; id < count; ++id) {
            Loan memory l = m.loans[id];
            if (l.state == LoanState.Held) {
                vm.assertEq(uint256(l.setAside) + l.reserve, 0, "a held loan keeps nothing");
            }
            if (l.state != LoanState.Closed) continue;
            (uint256 principal, uint256 interest) = credit.debt(id);
            vm.assertEq(principal + interest, 0, "owes");
            vm.assertEq(uint256(l.setAside) + l.reserve, 0, "keeps");
            vm.assertEq(uint256(l.markedSince) + l.breachedSince, 0, "mark and breach");
        }
    }

    /// @dev And each creditor is owed what loans released to it, or left over.
    function _balanceOfCreditIsSetAsideReservedOrOwed(Market memory m) private view {
        address[4] memory creditors = actions.creditors();
        uint256 owed;
        for (uint256 i; i < creditors.length; ++i) {
            vm.assertEq(credit.owed(coin, creditors[i]), actions.due(creditors[i]), "owed");
            owed += credit.owed(coin, creditors[i]);
        }
        uint256 donated = _donated(coin, address(credit));
        vm.assertEq(coin.balanceOf(address(credit)), _kept(m) + owed + donated, "credit's balance");
    }

    function _breachReleasesNothingToTheBorrower() private view {
        vm.assertEq(actions.releasedInBreach(), 0, "released");
    }

    function _capsCountWhatOpenAndHeldLoansDrew(Market memory m) private view {
        uint256 count = m.loans.length;
        uint256 operators;
        for (uint256 k; k < 2; ++k) {
            operators += _counted(m, "fleet", bytes32(actions.fleets(k)));
        }
        uint256 borrowers;
        for (uint256 i; i < 3; ++i) {
            borrowers += _counted(m, "borrower", bytes32(uint256(uint160(actions.creditors()[i]))));
        }
        uint256 drawn;
        for (uint256 id = 1; id < count; ++id) {
            Loan memory l = m.loans[id];
            if (l.state == LoanState.Open || l.state == LoanState.Held) drawn += l.drawn;
        }
        vm.assertEq(operators, drawn, "of fleets");
        vm.assertEq(borrowers, drawn, "of borrowers");
        address operator = actions.operatorOf(actions.fleets(0));
        vm.assertEq(credit.outstanding("operator", bytes32(uint256(uint160(operator)))), drawn, "of operators");
    }

    /// @dev Repaying, serving, reclaiming, asking back, claiming and withdrawing, paused or not.
    function _whoPaysOrLeavesIsNeverRefused() private view {
        vm.assertEq(actions.refused(), bytes32(0), "refused");
    }

    /* ---- custody ---- */

    function _custodyHoldsWhatLoansPledged(Market memory m) private view {
        uint256 collateral;
        uint256 count = m.loans.length;
        for (uint256 id = 1; id < count; ++id) {
            Reckoning memory r = m.reckonings[id];
            if (r.drawn == 0) continue;
            vm.assertEq(m.loans[id].collateralAmount, r.collateral, "collateral of the loan");
            vm.assertEq(m.loans[id].shares, r.shares, "shares of the loan");
            collateral += r.collateral;
        }
        vm.assertEq(custody.held(btc), collateral, "collateral that is counted");
        vm.assertEq(btc.balanceOf(address(custody)), collateral + _donated(btc, address(custody)), "collateral");
        for (uint256 k; k < 2; ++k) {
            uint256 fleet = actions.fleets(k);
            uint256 pledgedTo = _pledgedTo(m, fleet);
            vm.assertEq(credit.loanOf(fleet), pledgedTo, "loan of the fleet");
            vm.assertEq(custody.loanOf(fleet), pledgedTo, "loan of the title");
            bool isHere = actions.titleOwner(fleet) == address(custody);
            vm.assertTrue(isHere == (pledgedTo != 0), "title");
            uint256 held = actions.sharesIn(address(custody), fleet);
            vm.assertEq(held, pledgedTo == 0 ? 0 : m.reckonings[pledgedTo].shares, "shares");
            if (pledgedTo == 0) continue;
            Loan memory l = m.loans[pledgedTo];
            bool borrowers = l.state == LoanState.Open && l.steward == address(0);
            vm.assertEq(custody.controllerOf(fleet), borrowers ? l.borrower : l.steward, "controller");
        }
    }

    /* ---- all together ---- */

    /// @dev Borrowers, lenders, bidders, fees and the meters' world: no coin is anywhere else, and none is counted twice.
    function _everyCoinIsSomebodys(Market memory m) private view {
        VaultBook memory b = m.book;
        address[4] memory creditors = actions.creditors();
        uint256 counted = b.cash + b.setAside + _kept(m);
        for (uint256 i; i < creditors.length; ++i) {
            counted += credit.owed(coin, creditors[i]);
        }
        counted += _donated(coin, address(vault)) + _donated(coin, address(credit));
        counted += _donated(coin, address(custody)) + _donated(coin, address(auction));
        vm.assertEq(coin.totalSupply(), counted + actions.heldByOthers(), "every coin");
    }

    /// @dev The invariants above are not vacuous: a long walk comes through every action, and they hold all along.
    function test_handler__anyAction__happens() public {
        bytes4[] memory selectors = _selectors();
        uint256 state = vm.snapshotState();
        string[44] memory names = _names();
        uint256[44] memory happened;
        for (uint256 walk; walk < 20; ++walk) {
            for (uint256 i; i < 100; ++i) {
                bytes32 luck = keccak256(abi.encode("walk", walk, i));
                (bool success,) = address(actions)
                    .call(
                        abi.encodePacked(
                            selectors[uint256(luck) % 39], keccak256(abi.encode(luck)), luck >> 5, luck >> 3
                        )
                    );
                vm.assertTrue(success, "no action fails");
                if (i % 25 == 24) invariant_booksOfTheMarketAgree();
            }
            for (uint256 i; i < names.length; ++i) {
                happened[i] += actions.calls(bytes32(bytes(names[i])));
            }
            vm.revertToState(state);
            state = vm.snapshotState();
        }
        for (uint256 i; i < names.length; ++i) {
            vm.assertGt(happened[i], 0, names[i]);
        }
    }

    function _names() private pure returns (string[44] memory) {
        return [
            "request",
            "approve",
            "cancel",
            "draw",
            "repay",
            "service",
            "service, held",
            "addCollateral",
            "addShares",
            "withdrawCollateral",
            "withdrawShares",
            "setSweep",
            "withdrawOwed",
            "block",
            "reclaim",
            "rent",
            "bring",
            "pass",
            "passDue",
            "refresh",
            "report",
            "sayBtc",
            "sayBtc, dead",
            "setClassPrice",
            "setInsuredUntil",
            "pause",
            "mark",
            "cure",
            "repay, cures",
            "stepIn",
            "start",
            "touch",
            "bidCollateral",
            "bidLot",
            "giveLotToVault",
            "offerLot",
            "buyLot",
            "fillLossFund",
            "deposit",
            "requestRedeem",
            "unpause",
            "serve",
            "claim",
            "donate"
        ];
    }

    function _sums(Market memory m) private view returns (Sums memory sums) {
        uint256 count = m.loans.length;
        for (uint256 id = 1; id < count; ++id) {
            Loan memory l = m.loans[id];
            if (l.state != LoanState.Open && l.state != LoanState.Held) continue;
            Reckoning memory r = m.reckonings[id];
            sums.heldOwed += l.heldOwed;
            if (l.state == LoanState.Open) {
                uint256 elapsed = block.timestamp - l.accruedAt;
                uint256 scaled = l.accruedScaled + uint256(l.principal) * l.accrualBps * elapsed;
                if (l.markedSince == 0) {
                    sums.performing += l.principal;
                    sums.performingScaled += scaled;
                    continue;
                }
                sums.marked += l.principal;
                sums.markedScaled += scaled;
            }
            uint256 fallen = block.timestamp / 1 days - r.firstDay;
            if (fallen > r.span) fallen = r.span;
            sums.base += r.base;
            sums.fallen += (r.base - r.floor) * fallen * (PARTS / r.span);
        }
    }

    function _up(uint256 value, uint256 by) private pure returns (uint256) {
        return (value + by - 1) / by;
    }

    /// @dev Set aside and reserved, of all loans.
    function _kept(Market memory m) private pure returns (uint256 kept) {
        uint256 count = m.loans.length;
        for (uint256 id = 1; id < count; ++id) {
            Loan memory l = m.loans[id];
            kept += uint256(l.setAside) + l.reserve;
        }
    }

    function _donated(TestStablecoin token, address holder) private view returns (uint256) {
        return actions.donated(address(token), holder);
    }

    /// @dev What a cap counts must be what the loans of its key drew.
    function _counted(Market memory m, bytes32 kind, bytes32 key) private view returns (uint256 counted) {
        uint256 count = m.loans.length;
        for (uint256 id = 1; id < count; ++id) {
            Loan memory l = m.loans[id];
            if (l.state != LoanState.Open && l.state != LoanState.Held) continue;
            bytes32 found = kind == "fleet" ? bytes32(uint256(l.fleetId)) : bytes32(uint256(uint160(l.borrower)));
            if (found == key) counted += l.drawn;
        }
        vm.assertEq(credit.outstanding(kind, key), counted, "outstanding");
    }

    /// @dev The one loan whose lot a fleet still is.
    function _pledgedTo(Market memory m, uint256 fleet) private pure returns (uint256 loanId) {
        uint256 count = m.loans.length;
        for (uint256 id = 1; id < count; ++id) {
            Reckoning memory r = m.reckonings[id];
            if (r.fleetId != fleet || !r.lot) continue;
            vm.assertEq(loanId, 0, "one loan for a fleet");
            loanId = id;
        }
    }
}

contract EightDecimalsActions is CreditActions {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract EighteenDecimalsActions is CreditActions {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}

/// @dev The same in other coins: nothing depends on how fine their units are.
/// forge-config: default.invariant.runs = 64
contract EightDecimalsCreditInvariants is CreditInvariants {
    function _newActions() internal override returns (CreditActions) {
        return new EightDecimalsActions();
    }
}

/// forge-config: default.invariant.runs = 64
contract EighteenDecimalsCreditInvariants is CreditInvariants {
    function _newActions() internal override returns (CreditActions) {
        return new EighteenDecimalsActions();
    }
}
