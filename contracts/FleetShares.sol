// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {IFleetRegistry, ShareTerms} from "./interfaces/IFleetRegistry.sol";
import {IFleetShares} from "./interfaces/IFleetShares.sol";
import {IRevenueRouter} from "./interfaces/IRevenueRouter.sol";
import {ReleaseLib} from "./libraries/ReleaseLib.sol";

/// @title FleetShares
contract FleetShares is ERC20Permit, IFleetShares {
    using ReleaseLib for ReleaseLib.Stream;
    using SafeERC20 for IERC20;

    /// @dev One part of this many is bound to the title.
    uint256 internal constant BOUND_PARTS = 10;
    /// @dev Accrued revenue is kept with 32 more bits, so that dust stays below one unit over four billion transfers.
    uint256 internal constant ACCRUED_BITS = 32;

    /// @dev What revenue released until `index` brought is in `accrued`, in token units times 2^32.
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
        // The router is ours and sends exactly what it says; a donation to this contract is not counted.
        amount = ROUTER.collectShares(fleetId);

        _stream.arrive(amount);

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
        uint256 index_ = _stream.released();
        Account memory bound = _accrued(address(this), index_);
        Account memory seller = _accrued(from, index_);
        uint128 settled = bound.accrued;

        bound.accrued = 0;
        seller.accrued += settled;
        _accounts[address(this)] = bound;
        _accounts[from] = seller;

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
        return _stream.arrived() - _stream.released();
    }

    /// @inheritdoc IFleetShares
    function collected() external view returns (uint256) {
        return _stream.arrived();
    }

    /// @inheritdoc IFleetShares
    function index() external view returns (uint256) {
        return _stream.released();
    }

    /// @dev A transfer leaves what accrued with the seller. The index follows from what is stored, so nothing global is written.
    function _update(address from, address to, uint256 value) internal virtual override {
        require(to != address(this) && to != address(0), ERC20InvalidReceiver(to));
        uint256 index_ = _stream.released();
        _accounts[from] = _accrued(from, index_);
        if (from != to) _accounts[to] = _accrued(to, index_);
        super._update(from, to, value);
    }

    function _take(address account, address to) private returns (uint256 amount) {
        require(to != address(0) && to != address(this), InvalidReceiver(to));
        Account memory a = _accrued(account, _stream.released());
        amount = a.accrued >> ACCRUED_BITS;
        require(amount > 0, NothingToClaim(account));
        // The fraction of a unit, `ACCRUED_BITS` of it, stays the account's.
        a.accrued = uint32(a.accrued);
        _accounts[account] = a;
    }

    function _claimable(address account) private view returns (uint256) {
        return _accrued(account, _stream.released()).accrued >> ACCRUED_BITS;
    }

    /// @dev The account as of `index_`. Rounds down to 2^-32 units, for nobody: the dust stays here.
    function _accrued(address account, uint256 index_) private view returns (Account memory a) {
        a = _accounts[account];
        // Safe: all revenue is below 2^96, as `ReleaseLib` checks, so is the supply, and the index never falls.
        unchecked {
            a.accrued += uint128(((balanceOf(account) * (index_ - a.index)) << ACCRUED_BITS) / SUPPLY);
        }
        a.index = uint128(index_);
    }
}
