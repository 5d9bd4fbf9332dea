// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";

import {FleetRegistry} from "../../../contracts/FleetRegistry.sol";
import {ICustodian} from "../../../contracts/interfaces/ICustodian.sol";

/// @dev Holds titles and shares as a lender would, names one controller, and does what only an owner may when told to.
contract Custodian is ERC165, ICustodian {
    FleetRegistry internal immutable REGISTRY;
    mapping(uint256 fleetId => address) public controllerOf;

    constructor(FleetRegistry registry) {
        REGISTRY = registry;
    }

    function name(uint256 fleetId, address controller) external {
        controllerOf[fleetId] = controller;
    }

    function payOut(IERC20 shares, address to, uint256 amount) external {
        require(shares.transfer(to, amount), "not sent");
    }

    function giveBack(uint256 fleetId, address to) external {
        IERC721(address(REGISTRY)).transferFrom(address(this), to, fleetId);
    }

    function shrink(uint256 fleetId, uint32 capacity, bytes32 gpuRoot) external {
        REGISTRY.shrink(fleetId, capacity, gpuRoot);
    }

    function setGpuRoot(uint256 fleetId, bytes32 gpuRoot) external {
        REGISTRY.setGpuRoot(fleetId, gpuRoot);
    }

    function windDown(uint256 fleetId) external {
        REGISTRY.windDown(fleetId);
    }

    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(ICustodian).interfaceId || super.supportsInterface(interfaceId);
    }
}
