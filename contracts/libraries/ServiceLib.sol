// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Debt, DebtLib, Paid} from "./DebtLib.sol";

/// @dev Revenue on its way, in asset units.
struct Service {
    /// What there is to give out, set-aside revenue included; afterwards what stays aside.
    uint256 pot;
    uint256 reserve;
    uint256 reserveTarget;
    bool breached;
    bool sweep;
    /// Of what was paid, what the reserve gave; and what is the borrower's.
    uint256 fromReserve;
    uint256 released;
}

/// @notice In which order a pledge's revenue serves its loan: what is due, the reserve, the next instalment, then the rest.
library ServiceLib {
    using DebtLib for Debt;

    /// @dev Moves `self` and `debt`, accrued until now, by what is paid, and adds that to `paid`. A second run at the same time moves nothing.
    /// Once all is paid the whole pot stays aside, for the closing.
    function run(Service memory self, Debt memory debt, Paid memory paid) internal view {
        uint256 needed = debt.needed();
        if (needed > self.pot) self.fromReserve = Math.min(needed - self.pot, self.reserve);
        uint256 offered = Math.min(self.pot, self.breached ? debt.total() : needed);
        debt.pay(offered + self.fromReserve, paid);
        self.pot -= offered;
        self.reserve -= self.fromReserve;
        if (debt.total() == 0) return;

        uint256 refill = Math.min(self.pot, self.reserveTarget - self.reserve);
        self.reserve += refill;
        self.pot -= refill;
        uint256 rest = self.pot - Math.min(self.pot, debt.nextInstalment());
        if (rest == 0) return;
        if (self.sweep) {
            uint256 swept = debt.sweep(self.pot);
            debt.pay(swept, paid);
            self.pot -= swept;
        } else {
            self.released = rest;
            self.pot -= rest;
        }
    }
}
