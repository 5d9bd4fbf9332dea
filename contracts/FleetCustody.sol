// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {CreditSystem} from "./interfaces/CreditSystem.sol";
import {ICustodian} from "./interfaces/ICustodian.sol";
import {IFleetCustody} from "./interfaces/IFleetCustody.sol";
import {IFleetRegistry} from "./interfaces/IFleetRegistry.sol";
import {IFleetShareFactory} from "./interfaces/IFleetShareFactory.sol";
import {IFleetShares} from "./interfaces/IFleetShares.sol";

/// @title FleetCustody
contract FleetCustody is AccessManaged, ERC165, IFleetCustody {
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    /// @dev One slot a fleet. When a loan ends only `loanId` is cleared, so that the next loan writes a slot that exists.
    struct Charge {
        address controller;
        /// Zero for none.
        uint64 loanId;
        /// How often a controller was named.
        uint32 namings;
    }

    IFleetRegistry internal immutable REGISTRY;
    IERC721 internal immutable TITLES;
    IFleetShareFactory internal immutable SHARE_FACTORY;
    IERC20 internal immutable ASSET;
    address internal immutable CREDIT;

    /// @inheritdoc IFleetCustody
    mapping(IERC20 token => uint256) public held;
    mapping(uint256 fleetId => Charge) internal _charges;
    /// @dev By fleet, naming and act: a consent does not outlive the controller in whose time it was given.
    mapping(bytes32 key => bool) internal _consents;

    constructor(CreditSystem memory system) AccessManaged(system.authority) {
        REGISTRY = IFleetRegistry(system.registry);
        TITLES = IERC721(system.registry);
        SHARE_FACTORY = IFleetShareFactory(system.shareFactory);
        ASSET = IERC20(system.asset);
        CREDIT = system.credit;
    }

    modifier onlyCredit() {
        require(msg.sender == CREDIT, NotCredit(msg.sender));
        _;
    }

    /// @dev For the controller, with a consent to exactly this call, which is used up.
    modifier consented(uint256 fleetId) {
        require(msg.sender == controllerOf(fleetId), NotController(fleetId, msg.sender));
        bytes32 act = actHash(msg.data);
        bytes32 key = _consentKey(fleetId, act);
        require(_consents[key], NoConsent(act));
        _consents[key] = false;
        _;
    }

    /* ---- for FleetCredit ---- */

    /// @inheritdoc IFleetCustody
    function take(uint256 loanId, uint256 fleetId, address from, uint256 shares, IERC20 collateral, uint256 amount)
        external
        onlyCredit
    {
        _charges[fleetId] = Charge(from, loanId.toUint64(), _charges[fleetId].namings + 1);
        if (amount > 0) held[collateral] += amount;

        emit Take(loanId, fleetId, from, shares, address(collateral), amount);
        emit NameController(fleetId, from);
        // Where the title is here already, `from` does not own it and this reverts.
        TITLES.transferFrom(from, address(this), fleetId);
        if (shares > 0) _pull(_sharesOfFleet(fleetId), from, shares);
        if (amount > 0) _pull(collateral, from, amount);
    }

    /// @inheritdoc IFleetCustody
    function takeCollateral(uint256 loanId, uint256 fleetId, address from, IERC20 collateral, uint256 amount)
        external
        onlyCredit
    {
        held[collateral] += amount;

        emit Take(loanId, fleetId, from, 0, address(collateral), amount);
        _pull(collateral, from, amount);
    }

    /// @inheritdoc IFleetCustody
    function takeShares(uint256 loanId, uint256 fleetId, address from, uint256 shares) external onlyCredit {
        _requireHere(loanId, fleetId);

        emit Take(loanId, fleetId, from, shares, address(0), 0);
        _pull(_sharesOfFleet(fleetId), from, shares);
    }

    /// @inheritdoc IFleetCustody
    function releaseCollateral(uint256 loanId, IERC20 collateral, address to, uint256 amount) external onlyCredit {
        _requireReceiver(to);
        held[collateral] -= amount;

        emit ReleaseCollateral(loanId, address(collateral), to, amount);
        collateral.safeTransfer(to, amount);
    }

    /// @inheritdoc IFleetCustody
    function releaseShares(uint256 loanId, uint256 fleetId, address to, uint256 shares) external onlyCredit {
        _requireReceiver(to);
        _requireHere(loanId, fleetId);

        emit ReleaseShares(loanId, fleetId, to, shares);
        _sharesOfFleet(fleetId).safeTransfer(to, shares);
    }

    /// @inheritdoc IFleetCustody
    function releaseLot(uint256 loanId, uint256 fleetId, address to, uint256 shares) external onlyCredit {
        _requireReceiver(to);
        _requireHere(loanId, fleetId);
        _charges[fleetId].loanId = 0;

        emit ReleaseLot(loanId, fleetId, to, shares);
        TITLES.transferFrom(address(this), to, fleetId);
        if (shares > 0) _sharesOfFleet(fleetId).safeTransfer(to, shares);
    }

    /// @inheritdoc IFleetCustody
    function collectRevenue(uint256 loanId, uint256 fleetId) external onlyCredit returns (uint256 amount) {
        _requireHere(loanId, fleetId);
        IFleetShares shares = IFleetShares(address(_sharesOfFleet(fleetId)));
        uint256 before = ASSET.balanceOf(CREDIT);

        shares.collect();
        if (shares.claimable(address(this)) > 0) shares.claim(CREDIT);
        if (shares.claimableByTitle() > 0) shares.claimTitle(CREDIT);
        // What arrived, not what was said: a coin that began to take fees is not booked whole.
        amount = ASSET.balanceOf(CREDIT) - before;

        emit CollectRevenue(fleetId, amount);
    }

    /// @inheritdoc IFleetCustody
    function nameController(uint256 fleetId, address controller) external onlyCredit {
        Charge storage charge = _charges[fleetId];
        require(charge.loanId != 0, NotHere(fleetId));

        charge.controller = controller;
        ++charge.namings;

        emit NameController(fleetId, controller);
    }

    /* ---- what only an owner may do ---- */

    /// @inheritdoc IFleetCustody
    function consent(uint256 fleetId, bytes32 act) external restricted {
        require(_charges[fleetId].loanId != 0, NotHere(fleetId));
        _consents[_consentKey(fleetId, act)] = true;
        emit Consent(fleetId, act);
    }

    /// @inheritdoc IFleetCustody
    function shrink(uint256 fleetId, uint32 capacity, bytes32 gpuRoot) external consented(fleetId) {
        REGISTRY.shrink(fleetId, capacity, gpuRoot);
    }

    /// @inheritdoc IFleetCustody
    function setGpuRoot(uint256 fleetId, bytes32 gpuRoot) external consented(fleetId) {
        REGISTRY.setGpuRoot(fleetId, gpuRoot);
    }

    /// @inheritdoc IFleetCustody
    function windDown(uint256 fleetId) external consented(fleetId) {
        REGISTRY.windDown(fleetId);
    }

    /* ---- for a title that came without a loan ---- */

    /// @inheritdoc IFleetCustody
    function returnTitle(uint256 fleetId, address to) external restricted {
        _requireReceiver(to);
        uint256 loanId = _charges[fleetId].loanId;
        require(loanId == 0, Pledged(fleetId, loanId));
        emit ReturnTitle(fleetId, to);
        TITLES.transferFrom(address(this), to, fleetId);
    }

    /* ---- reads ---- */

    /// @inheritdoc ICustodian
    /// @dev Nobody, where the title secures no loan.
    function controllerOf(uint256 fleetId) public view returns (address) {
        Charge memory charge = _charges[fleetId];
        return charge.loanId == 0 ? address(0) : charge.controller;
    }

    /// @inheritdoc IFleetCustody
    function actHash(bytes calldata callData) public view returns (bytes32) {
        return keccak256(abi.encodePacked(address(this), callData));
    }

    /// @inheritdoc IFleetCustody
    function loanOf(uint256 fleetId) external view returns (uint256) {
        return _charges[fleetId].loanId;
    }

    /// @inheritdoc ERC165
    /// @dev The registry asks for `ICustodian` before it asks who controls a fleet.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(ICustodian).interfaceId || super.supportsInterface(interfaceId);
    }

    /* ---- internals ---- */

    function _pull(IERC20 token, address from, uint256 amount) internal {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        require(received == amount, TransferFellShort(token, amount, received));
    }

    /// @dev The fleet's title must be here for this loan: one loan's call never moves another's fleet.
    function _requireHere(uint256 loanId, uint256 fleetId) internal view {
        require(loanId != 0 && _charges[fleetId].loanId == loanId, NotHere(fleetId));
    }

    function _sharesOfFleet(uint256 fleetId) internal view returns (IERC20) {
        return IERC20(SHARE_FACTORY.sharesOf(fleetId));
    }

    function _consentKey(uint256 fleetId, bytes32 act) internal view returns (bytes32) {
        return keccak256(abi.encode(fleetId, _charges[fleetId].namings, act));
    }

    function _requireReceiver(address to) internal view {
        require(to != address(0) && to != address(this), InvalidReceiver(to));
    }
}
