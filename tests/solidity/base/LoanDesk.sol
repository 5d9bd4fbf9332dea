// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CreditVault} from "../../../contracts/CreditVault.sol";
import {Carrying} from "../../../contracts/interfaces/ICreditVault.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";

/// @dev In FleetCredit's place towards the vault: loans with their real arithmetic, without what stands behind them. It also reckons what
/// the vault holds loan by loan, from nothing that the vault keeps in sums.
contract LoanDesk {
    uint256 public constant SCALE = 10_000 * 365 days;

    enum State {
        Performing,
        Marked,
        Held,
        Gone
    }

    struct Loan {
        uint256 principal;
        uint256 rateBps;
        uint256 accruedScaled;
        uint256 accruedAt;
        State state;
        uint256 base;
        uint256 floor;
        uint256 firstDay;
        uint256 lotOwed;
    }

    CreditVault public vault;
    TestStablecoin public coin;
    Loan[] internal _loans;

    function open(CreditVault vault_) external {
        vault = vault_;
        coin = TestStablecoin(vault_.asset());
    }

    /* ---- as FleetCredit does ---- */

    function lend(address to, uint256 principal, uint256 rateBps) external returns (uint256 loanId) {
        Loan storage l = _loans.push();
        (l.principal, l.rateBps, l.accruedAt) = (principal, rateBps, block.timestamp);
        loanId = _loans.length;
        vault.lend(loanId, to, principal, uint16(rateBps));
    }

    /// @dev Interest first, then principal; what is more than owed is left out. The money comes from nowhere, as a payer's would.
    function pay(uint256 loanId, uint256 amount) external returns (uint256 principal, uint256 interest) {
        Loan storage l = _accrue(loanId);
        Carrying memory before = carrying(loanId);
        if (l.state == State.Held) {
            principal = amount < l.lotOwed ? amount : l.lotOwed;
            l.lotOwed -= principal;
            if (l.base > l.lotOwed) l.base = l.lotOwed;
            coin.mint(address(vault), principal);
            vault.receivePayment(loanId, before.rateBps, principal, 0, 0);
            return (principal, 0);
        }
        uint256 owedInterest = _up(l.accruedScaled);
        interest = amount < owedInterest ? amount : owedInterest;
        uint256 accruedPaid = interest * SCALE < l.accruedScaled ? interest * SCALE : l.accruedScaled;
        principal = amount - interest < l.principal ? amount - interest : l.principal;
        l.accruedScaled -= accruedPaid;
        l.principal -= principal;
        if (l.state == State.Marked) {
            uint256 paid = principal + interest;
            l.base = l.base > paid ? l.base - paid : 0;
            if (l.floor > l.base) l.floor = l.base;
        }
        coin.mint(address(vault), principal + interest);
        vault.receivePayment(loanId, before.rateBps, principal, interest, accruedPaid);
    }

    function reprice(uint256 loanId, uint256 rateBps) external {
        Loan storage l = _accrue(loanId);
        Carrying memory before = carrying(loanId);
        l.rateBps = rateBps;
        vault.reprice(loanId, before, uint16(rateBps));
    }

    function mark(uint256 loanId, uint256 floor, uint256 since) external {
        Loan storage l = _accrue(loanId);
        if (l.state == State.Performing) {
            l.base = l.principal + l.accruedScaled / SCALE;
            l.firstDay = since / 1 days;
            l.state = State.Marked;
        }
        l.floor = floor < l.base ? floor : l.base;
        vault.markDown(loanId, carrying(loanId), floor, since);
    }

    function unmark(uint256 loanId) external {
        Loan storage l = _accrue(loanId);
        l.state = State.Performing;
        vault.unmark(loanId, carrying(loanId));
    }

    function holdLot(uint256 loanId, uint256 value) external {
        Loan storage l = _accrue(loanId);
        Carrying memory c = carrying(loanId);
        l.lotOwed = l.principal + _up(l.accruedScaled);
        (l.base, l.floor, l.firstDay) = (value < l.lotOwed ? value : l.lotOwed, 0, block.timestamp / 1 days);
        (l.principal, l.rateBps, l.accruedScaled) = (0, 0, 0);
        l.state = State.Held;
        vault.holdLot(loanId, c, value);
    }

    function settle(uint256 loanId, uint256 recovered) external {
        Loan storage l = _accrue(loanId);
        Carrying memory c = carrying(loanId);
        (l.principal, l.rateBps, l.accruedScaled, l.lotOwed) = (0, 0, 0, 0);
        l.state = State.Gone;
        coin.mint(address(vault), recovered);
        vault.settle(loanId, c, recovered);
    }

    /* ---- reads, loan by loan ---- */

    function count() external view returns (uint256) {
        return _loans.length;
    }

    function loan(uint256 loanId) external view returns (Loan memory) {
        return _loans[loanId - 1];
    }

    function owed(uint256 loanId) external view returns (uint256) {
        Loan storage l = _loans[loanId - 1];
        return l.principal + _up(_accrued(l)) + l.lotOwed;
    }

    /// @dev The loan as of now.
    function carrying(uint256 loanId) public view returns (Carrying memory) {
        Loan storage l = _loans[loanId - 1];
        return Carrying(uint96(l.principal), uint16(l.rateBps), uint144(_accrued(l)));
    }

    /// @dev What lenders own beside cash, from each loan and lot by itself: rounded once, at the end.
    function values() external view returns (uint256 conservative, uint256 optimistic) {
        uint256 interest;
        uint256 markedInterest;
        uint256 fallen;
        for (uint256 i; i < _loans.length; ++i) {
            Loan storage l = _loans[i];
            if (l.state == State.Gone) continue;
            optimistic += l.principal + l.lotOwed;
            if (l.state == State.Performing) {
                conservative += l.principal;
                interest += _accrued(l);
            } else {
                uint256 span = l.state == State.Held ? 90 : 30;
                uint256 age = block.timestamp / 1 days - l.firstDay;
                conservative += l.base;
                markedInterest += _accrued(l);
                fallen += (l.base - l.floor) * (age < span ? age : span) * (90 / span);
            }
        }
        conservative = conservative + interest / SCALE - (fallen + 89) / 90;
        optimistic += _up(interest) + _up(markedInterest);
    }

    function _accrue(uint256 loanId) private returns (Loan storage l) {
        l = _loans[loanId - 1];
        (l.accruedScaled, l.accruedAt) = (_accrued(l), block.timestamp);
    }

    function _accrued(Loan storage l) private view returns (uint256) {
        return l.accruedScaled + l.principal * l.rateBps * (block.timestamp - l.accruedAt);
    }

    function _up(uint256 scaled) private pure returns (uint256) {
        return (scaled + SCALE - 1) / SCALE;
    }
}
