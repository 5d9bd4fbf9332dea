// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";

import {FleetShares} from "./FleetShares.sol";
import {IERC7943Fungible} from "./interfaces/IERC7943.sol";
import {IFleetRegistry, ShareTerms} from "./interfaces/IFleetRegistry.sol";
import {IRevenueRouter} from "./interfaces/IRevenueRouter.sol";
import {ITransferGate} from "./interfaces/ITransferGate.sol";

/// @title GatedFleetShares
/// @notice Shares with the ERC-7943 surface: only accounts that the registrar permits send and receive them, parts may be
/// frozen, and a transfer may be forced, through the gate alone. The custodian named at creation is exempt, and what it
/// pays out tests only the receiver.
contract GatedFleetShares is FleetShares, ERC165, IERC7943Fungible {
    ITransferGate public immutable gate;
    address public immutable custodian;

    mapping(address account => uint256) internal _frozen;
    /// @dev Set while a forced transfer runs; every path clears it.
    bool internal _forcing;

    error NotGate(address caller);

    constructor(
        IFleetRegistry registry,
        IRevenueRouter router,
        ITransferGate gate_,
        uint256 fleetId_,
        address owner,
        IERC20 settlementToken_,
        ShareTerms memory terms
    ) FleetShares(registry, router, fleetId_, owner, settlementToken_, terms) {
        gate = gate_;
        custodian = terms.custodian;
    }

    /// @inheritdoc IERC7943Fungible
    /// @dev Moves frozen shares too: what stays frozen is at most what is left. The accrued revenue stays with `from`.
    function forcedTransfer(address from, address to, uint256 amount) external returns (bool) {
        require(msg.sender == address(gate), NotGate(msg.sender));
        // Bound shares move with the title alone.
        require(from != address(this), ERC7943CannotSend(from));
        require(canReceive(to), ERC7943CannotReceive(to));
        uint256 left = balanceOf(from) > amount ? balanceOf(from) - amount : 0;
        if (_frozen[from] > left) {
            _frozen[from] = left;
            emit Frozen(from, left);
        }

        _forcing = true;
        _transfer(from, to, amount);
        _forcing = false;

        emit ForcedTransfer(from, to, amount);
        return true;
    }

    /// @inheritdoc IERC7943Fungible
    function setFrozenTokens(address account, uint256 amount) external returns (bool) {
        require(msg.sender == address(gate), NotGate(msg.sender));
        _frozen[account] = amount;
        emit Frozen(account, amount);
        return true;
    }

    /// @inheritdoc FleetShares
    /// @dev The title of a gated fleet carries shares, so its receiver is tested too.
    function moveTitle(address from, address to) public override {
        require(canReceive(to), ERC7943CannotReceive(to));
        super.moveTitle(from, to);
    }

    /// @inheritdoc IERC7943Fungible
    function canSend(address account) public view returns (bool) {
        return account == custodian || gate.isPermitted(account);
    }

    /// @inheritdoc IERC7943Fungible
    function canReceive(address account) public view returns (bool) {
        return account == custodian || gate.isPermitted(account);
    }

    /// @inheritdoc IERC7943Fungible
    function getFrozenTokens(address account) external view returns (uint256) {
        return _frozen[account];
    }

    /// @inheritdoc IERC7943Fungible
    function canTransfer(address from, address to, uint256 amount) external view returns (bool) {
        return to != address(0) && to != address(this) && canSend(from) && canReceive(to) && amount <= _unfrozen(from);
    }

    /// @inheritdoc ERC165
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IERC7943Fungible).interfaceId || interfaceId == type(IERC20).interfaceId
            || super.supportsInterface(interfaceId);
    }

    function _update(address from, address to, uint256 value) internal override {
        if (!_forcing) {
            require(canSend(from), ERC7943CannotSend(from));
            require(canReceive(to), ERC7943CannotReceive(to));
            uint256 unfrozen = _unfrozen(from);
            require(
                value <= unfrozen || value > balanceOf(from), ERC7943InsufficientUnfrozenBalance(from, value, unfrozen)
            );
        }
        super._update(from, to, value);
    }

    function _unfrozen(address account) internal view returns (uint256) {
        uint256 balance = balanceOf(account);
        uint256 frozen = _frozen[account];
        return balance > frozen ? balance - frozen : 0;
    }
}
