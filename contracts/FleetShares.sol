// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IFleetRegistry, ShareTerms} from "./interfaces/IFleetRegistry.sol";
import {IFleetShares} from "./interfaces/IFleetShares.sol";
import {IRevenueRouter} from "./interfaces/IRevenueRouter.sol";
import {ReleaseLib} from "./libraries/ReleaseLib.sol";

/// @title FleetShares
contract FleetShares is ERC20Permit, IFleetShares {
    using ReleaseLib for ReleaseLib.Stream;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    /// @dev One part of this many is bound to the title.
    uint256 internal constant BOUND_PARTS = 10;
    /// @dev Accrued revenue is kept with 32 more bits, so that dust stays below one unit over four billion transfers.
    uint256 internal constant ACCRUED_BITS = 32;

    /// @dev `index` up to which revenue is in `accrued`, which is in token units times 2^32.
    struct Account {
        uint128 index;
        uint128 accrued;
    }

    /// @inheritdoc IFleetShares
    uint256 public immutable fleetId;
    /// @inheritdoc IFleetShares
    IERC20 public immutable settlementToken;
    /// @inheritdoc IFleetShares
    uint256 public immutable boundShares;
    uint256 internal immutable SUPPLY;
    IFleetRegistry internal immutable REGISTRY;
    IRevenueRouter internal immutable ROUTER;

    ReleaseLib.Stream internal _stream;
    /// @inheritdoc IFleetShares
    uint256 public collected;
    mapping(address account => Account) internal _accounts;

    constructor(
        IFleetRegistry registry,
        IRevenueRouter router,
        uint256 fleetId_,
        address owner,
        IERC20 settlementToken_,
        ShareTerms memory terms
    ) ERC20(terms.name, terms.symbol) ERC20Permit(terms.name) {
        REGISTRY = registry;
        ROUTER = router;
        SUPPLY = terms.supply;
        fleetId = fleetId_;
        settlementToken = settlementToken_;
        boundShares = terms.supply / BOUND_PARTS;
        // Bound shares are the balance of this contract; nobody else can hold shares here.
        super._update(address(0), address(this), boundShares);
        super._update(address(0), owner, terms.supply - boundShares);
    }

    /// @inheritdoc IFleetShares
    function collect() external returns (uint256 amount) {
        ReleaseLib.Stream memory stream = _now();
        // The router is ours and sends exactly what it says; a donation to this contract is not counted.
        amount = ROUTER.collectShares(fleetId);

        stream.arriving = (stream.arriving + amount).toUint96();
        _stream = stream;
        collected += amount;

        emit Collect(amount);
    }

    /// @inheritdoc IFleetShares
    function claim(address to) external returns (uint256 amount) {
        require(msg.sender != address(this), NothingToClaim(msg.sender));
        amount = _take(msg.sender, to);
        emit Claim(msg.sender, to, amount);
        settlementToken.safeTransfer(to, amount);
    }

    /// @inheritdoc IFleetShares
    function claimTitle(address to) external returns (uint256 amount) {
        require(msg.sender == IERC721(address(REGISTRY)).ownerOf(fleetId), NotTitleOwner(msg.sender));
        amount = _take(address(this), to);
        emit ClaimTitle(msg.sender, to, amount);
        settlementToken.safeTransfer(to, amount);
    }

    /// @inheritdoc IFleetShares
    function moveTitle(address from, address to) public virtual {
        require(msg.sender == address(REGISTRY), NotRegistry(msg.sender));
        uint256 index_ = _now().index;
        uint128 settled = _accrue(address(this), index_);
        _accrue(from, index_);

        _accounts[address(this)].accrued = 0;
        _accounts[from].accrued += settled;

        emit MoveTitle(from, to, settled >> ACCRUED_BITS);
    }

    /// @inheritdoc IFleetShares
    function claimable(address account) external view returns (uint256) {
        return account == address(this) ? 0 : _claimable(account);
    }

    /// @inheritdoc IFleetShares
    function claimableByTitle() external view returns (uint256) {
        return _claimable(address(this));
    }

    /// @inheritdoc IFleetShares
    function unreleased() external view returns (uint256) {
        return _now().unreleased();
    }

    /// @inheritdoc IFleetShares
    function index() external view returns (uint256) {
        return _now().index;
    }

    /// @dev A transfer leaves what accrued with the seller. The index follows from what is stored, so nothing global is written.
    function _update(address from, address to, uint256 value) internal virtual override {
        require(to != address(this) && to != address(0), ERC20InvalidReceiver(to));
        uint256 index_ = _now().index;
        _accrue(from, index_);
        if (from != to) _accrue(to, index_);
        super._update(from, to, value);
    }

    function _take(address account, address to) private returns (uint256 amount) {
        require(to != address(0) && to != address(this), InvalidReceiver(to));
        uint128 accrued = _accrue(account, _now().index);
        amount = accrued >> ACCRUED_BITS;
        require(amount > 0, NothingToClaim(account));
        // The fraction of a unit stays the account's.
        _accounts[account].accrued = accrued & uint128((1 << ACCRUED_BITS) - 1);
    }

    /// @dev Rounds down to 2^-32 units, for nobody: the dust stays here.
    function _accrue(address account, uint256 index_) private returns (uint128 accrued) {
        Account storage a = _accounts[account];
        accrued = _accruedAt(account, index_);
        a.index = uint128(index_);
        a.accrued = accrued;
    }

    function _claimable(address account) private view returns (uint256) {
        return _accruedAt(account, _now().index) >> ACCRUED_BITS;
    }

    function _accruedAt(address account, uint256 index_) private view returns (uint128) {
        Account memory a = _accounts[account];
        uint256 gained = (balanceOf(account) * (index_ - a.index)) >> (ReleaseLib.INDEX_BITS - ACCRUED_BITS);
        // Safe: all revenue of one token is below 2^96.
        return a.accrued + uint128(gained);
    }

    function _now() private view returns (ReleaseLib.Stream memory) {
        return _stream.advance(SUPPLY, block.timestamp);
    }
}
