// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {FleetShares} from "./FleetShares.sol";
import {GatedFleetShares} from "./GatedFleetShares.sol";
import {IFleetRegistry, ShareTerms} from "./interfaces/IFleetRegistry.sol";
import {IFleetShareFactory} from "./interfaces/IFleetShareFactory.sol";
import {IRevenueRouter} from "./interfaces/IRevenueRouter.sol";
import {ITransferGate} from "./interfaces/ITransferGate.sol";
import {System} from "./interfaces/System.sol";

/// @title FleetShareFactory
contract FleetShareFactory is IFleetShareFactory {
    IFleetRegistry internal immutable REGISTRY;
    IRevenueRouter internal immutable ROUTER;
    ITransferGate internal immutable GATE;

    /// @inheritdoc IFleetShareFactory
    mapping(uint256 fleetId => address) public sharesOf;

    constructor(System memory system) {
        REGISTRY = IFleetRegistry(system.registry);
        ROUTER = IRevenueRouter(system.router);
        GATE = ITransferGate(system.transferGate);
    }

    /// @inheritdoc IFleetShareFactory
    function create(uint256 fleetId, address owner, address settlementToken, ShareTerms calldata terms)
        external
        returns (address shares)
    {
        require(msg.sender == address(REGISTRY), NotRegistry(msg.sender));
        IERC20 token = IERC20(settlementToken);
        bytes32 salt = bytes32(fleetId);
        shares = terms.gated
            ? address(new GatedFleetShares{salt: salt}(REGISTRY, ROUTER, GATE, fleetId, owner, token, terms))
            : address(new FleetShares{salt: salt}(REGISTRY, ROUTER, fleetId, owner, token, terms));

        sharesOf[fleetId] = shares;

        emit CreateShares(fleetId, shares, owner, terms.gated);
    }
}
