// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {Epoch, ICreditVault} from "../interfaces/ICreditVault.sol";
import {IERC7540Operator, IERC7540Redeem} from "../interfaces/IERC7540.sol";
import {IERC7575} from "../interfaces/IERC7575.sol";
import {IERC7887Redeem} from "../interfaces/IERC7887.sol";
import {EpochLib} from "../libraries/EpochLib.sol";

/// @notice How lenders leave: ERC-7540 requests in weekly epochs, their claims, and ERC-7887 cancellation. All requests of a
/// controller are one position, and its id is zero.
/// @dev Shares wait in the vault's own balance: those of requests until they are burned, those of cancelled ones until they are
/// claimed.
abstract contract RedemptionQueue is
    ERC4626,
    ReentrancyGuardTransient,
    ICreditVault,
    IERC7540Operator,
    IERC7540Redeem,
    IERC7575,
    IERC7887Redeem,
    IERC165
{
    using EpochLib for EpochLib.Queue;

    EpochLib.Queue internal _queue;
    mapping(address controller => EpochLib.Position) internal _positions;
    /// @inheritdoc IERC7540Operator
    mapping(address controller => mapping(address operator => bool)) public isOperator;

    /// @dev For a controller's own, and whom it trusts.
    modifier onlyFor(address controller) {
        _requireFor(controller);
        _;
    }

    constructor() {
        _queue.begin();
    }

    /* ---- requests ---- */

    /// @inheritdoc IERC7540Operator
    function setOperator(address operator, bool approved) external returns (bool) {
        isOperator[msg.sender][operator] = approved;
        emit OperatorSet(msg.sender, operator, approved);
        return true;
    }

    /// @inheritdoc IERC7540Redeem
    /// @dev For the owner, its operator, or whom it gave an allowance. Where the controller has something pending, that moves
    /// to the newest epoch with it, so nobody else may add.
    function requestRedeem(uint256 shares, address controller, address owner)
        external
        nonReentrant
        returns (uint256 requestId)
    {
        require(shares > 0, ZeroShares());
        require(controller != address(0), ERC20InvalidReceiver(controller));
        EpochLib.Position storage position = _positions[controller];
        uint256 joining = shares;
        if (position.shares > 0) {
            _queue.settle(position);
            if (position.shares > 0) {
                _requireFor(controller);
                if (position.epoch != EpochLib.current()) joining += _queue.depart(position);
            }
        }
        if (msg.sender != owner && !isOperator[owner][msg.sender]) _spendAllowance(owner, msg.sender, shares);

        _queue.join(position, joining);

        emit RedeemRequest(controller, owner, 0, msg.sender, shares);
        _transfer(owner, address(this), shares);
        return 0;
    }

    /// @inheritdoc IERC7887Redeem
    /// @dev Until the week of the request is over; what was requested in it is claimable again at once.
    function cancelRedeemRequest(uint256 requestId, address controller) external onlyFor(controller) {
        EpochLib.Position storage position = _positions[controller];
        require(_pending(requestId, controller) > 0, NothingPending(controller));
        uint256 epoch_ = position.epoch;
        require(epoch_ == EpochLib.current(), CutOffPassed(epoch_));

        // Safe: at most what the position holds; an open epoch is not served.
        position.cancelledShares += uint128(_queue.depart(position));

        emit CancelRedeemRequest(controller, requestId, msg.sender);
    }

    /// @inheritdoc IERC7887Redeem
    function claimCancelRedeemRequest(uint256 requestId, address receiver, address controller)
        external
        onlyFor(controller)
    {
        uint256 shares = claimableCancelRedeemRequest(requestId, controller);
        require(shares > 0, NothingPending(controller));

        _positions[controller].cancelledShares = 0;

        emit CancelRedeemClaim(controller, receiver, requestId, msg.sender, shares);
        _transfer(address(this), receiver, shares);
    }

    /* ---- claims ---- */

    /// @notice Claims `shares` that were served, for the assets they were served at, rounded down.
    function redeem(uint256 shares, address receiver, address controller)
        public
        override
        nonReentrant
        onlyFor(controller)
        returns (uint256 assets)
    {
        EpochLib.Position storage position = _positions[controller];
        _queue.settle(position);
        uint256 claimable = position.claimableShares;
        require(shares <= claimable, RequestExceedsClaimable(controller, shares, claimable));
        if (shares > 0) assets = position.claimableAssets * shares / claimable;
        _claim(position, shares, assets, receiver, controller);
    }

    /// @notice Claims `assets` that were set aside, for the shares they were served for, rounded up.
    function withdraw(uint256 assets, address receiver, address controller)
        public
        override
        nonReentrant
        onlyFor(controller)
        returns (uint256 shares)
    {
        EpochLib.Position storage position = _positions[controller];
        _queue.settle(position);
        uint256 claimable = position.claimableAssets;
        require(assets <= claimable, RequestExceedsClaimable(controller, assets, claimable));
        if (assets > 0) shares = Math.ceilDiv(position.claimableShares * assets, claimable);
        _claim(position, shares, assets, receiver, controller);
    }

    /* ---- reads ---- */

    /// @inheritdoc IERC7540Redeem
    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256) {
        return _pending(requestId, controller);
    }

    /// @inheritdoc IERC7540Redeem
    function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256) {
        return requestId == 0 ? maxRedeem(controller) : 0;
    }

    /// @inheritdoc IERC7887Redeem
    /// @dev A cancellation never waits.
    function pendingCancelRedeemRequest(uint256, address) external pure returns (bool) {
        return false;
    }

    /// @inheritdoc IERC7887Redeem
    function claimableCancelRedeemRequest(uint256 requestId, address controller) public view returns (uint256) {
        return requestId == 0 ? _positions[controller].cancelledShares : 0;
    }

    function maxRedeem(address controller) public view override returns (uint256 shares) {
        (shares,) = _queue.claimable(_positions[controller]);
    }

    function maxWithdraw(address controller) public view override returns (uint256 assets) {
        (, assets) = _queue.claimable(_positions[controller]);
    }

    /// @dev Nobody knows before an epoch is served: ERC-7540 wants it to revert. By `require`, since the compiler would find what
    /// OpenZeppelin does with the result unreachable.
    function previewRedeem(uint256) public pure override returns (uint256) {
        require(false, AsynchronousOnly());
        return 0;
    }

    /// @dev As `previewRedeem`.
    function previewWithdraw(uint256) public pure override returns (uint256) {
        require(false, AsynchronousOnly());
        return 0;
    }

    /// @inheritdoc ICreditVault
    function epoch(uint256 id) external view returns (Epoch memory) {
        return _queue.epochs[id];
    }

    /// @inheritdoc ICreditVault
    function currentEpoch() external view returns (uint256) {
        return EpochLib.current();
    }

    /// @inheritdoc ICreditVault
    function oldestEpoch() public view returns (uint256) {
        return _queue.oldest();
    }

    /// @inheritdoc ICreditVault
    function epochOf(address controller) external view returns (uint256) {
        return _pending(0, controller) == 0 ? 0 : _positions[controller].epoch;
    }

    /// @inheritdoc IERC7575
    function share() external view returns (address) {
        return address(this);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC165).interfaceId || id == type(IERC7540Operator).interfaceId // 0xe3bc4e65
            || id == type(IERC7540Redeem).interfaceId // 0x620ee8e4
            || id == type(IERC7887Redeem).interfaceId // 0xe76cffc7
            || 
            // ERC-7575: the whole, then minimal, deposit, mint, redeem and withdraw vaults.
            id == 0x2f0a18c5 || id == 0x50a526d6 || id == 0xc1f329ef || id == 0xe1550342 || id == 0x2fd7d42a
            || id == 0x70dec094;
    }

    /* ---- inside ---- */

    function _claim(
        EpochLib.Position storage position,
        uint256 shares,
        uint256 assets,
        address receiver,
        address controller
    ) private {
        _queue.claim(position, shares, assets);

        emit Withdraw(msg.sender, receiver, controller, assets, shares);
        _transferOut(receiver, assets);
    }

    function _pending(uint256 requestId, address controller) private view returns (uint256) {
        return requestId == 0 ? _queue.pending(_positions[controller]) : 0;
    }

    function _requireFor(address controller) private view {
        require(msg.sender == controller || isOperator[controller][msg.sender], NotOperator(controller, msg.sender));
    }
}
