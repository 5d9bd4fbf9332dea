// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SaleState} from "../../../contracts/interfaces/IFleetCredit.sol";

/// @dev Stands where FleetCredit does: says of loans what a test tells it to, and keeps what the auction says.
contract SaleBook {
    struct Sold {
        uint256 amount;
        uint256 price;
        address to;
    }

    mapping(uint256 loanId => SaleState) internal _states;
    mapping(uint256 loanId => Sold) public collateral;
    mapping(uint256 loanId => Sold) public lot;
    /// @dev What the vault was told to book, plus one.
    mapping(uint256 loanId => uint256) public unsold;

    function say(uint256 loanId, SaleState calldata state) external {
        _states[loanId] = state;
    }

    function saleState(uint256 loanId) external view returns (SaleState memory) {
        return _states[loanId];
    }

    function collateralSold(uint256 loanId, uint96 amount, uint256 price, uint256, address to) external {
        _states[loanId].collateralAmount -= amount;
        _states[loanId].owed -= price;
        collateral[loanId] = Sold(amount, price, to);
    }

    function lotSold(uint256 loanId, uint256 price, address to) external {
        _states[loanId].hasLot = false;
        lot[loanId] = Sold(0, price, to);
    }

    function lotUnsold(uint256 loanId, uint256 value) external {
        unsold[loanId] = value + 1;
    }
}
