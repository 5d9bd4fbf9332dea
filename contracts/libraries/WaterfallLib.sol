// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The order in which rent is shared: protocol, operator, shareholders.
library WaterfallLib {
    uint256 internal constant BPS = 10_000;

    /// @dev Fee of the whole, operating share of what is left; both round down, for the shareholders, who get the rest.
    function split(uint256 amount, uint256 protocolFeeBps, uint256 operatingShareBps)
        internal
        pure
        returns (uint256 protocolFee, uint256 operating, uint256 shares)
    {
        protocolFee = amount * protocolFeeBps / BPS;
        operating = (amount - protocolFee) * operatingShareBps / BPS;
        shares = amount - protocolFee - operating;
    }
}
