// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {RedemptionQueue} from "./base/RedemptionQueue.sol";
import {CreditSystem} from "./interfaces/CreditSystem.sol";
import {Carrying, ICreditVault, VaultBook} from "./interfaces/ICreditVault.sol";
import {IFleetRegistry} from "./interfaces/IFleetRegistry.sol";
import {EpochLib} from "./libraries/EpochLib.sol";
import {InterestLib} from "./libraries/InterestLib.sol";
import {LoanBookLib} from "./libraries/LoanBookLib.sol";
import {WriteDownLib} from "./libraries/WriteDownLib.sol";

/// @title CreditVault
contract CreditVault is RedemptionQueue, AccessManaged {
    using EpochLib for EpochLib.Queue;
    using LoanBookLib for LoanBookLib.LoanBook;
    using Math for uint256;
    using SafeCast for uint256;
    using WriteDownLib for WriteDownLib.Falls;

    /// @dev Entry is open while the two values differ by no more than one part in so many of the optimistic one: 2 %.
    uint256 internal constant ENTRY_GAP_PARTS = 50;
    uint256 internal constant VIRTUAL_SHARES = 1e6;
    /// @dev So that every share can be asked back: epochs count in 128 bits.
    uint256 internal constant MOST_SHARES = type(uint128).max;

    /// @dev Where nothing is impaired, deposits read none of it: the note beside the performing loans is the cap in thousands of
    /// coins, rounded down and as far as it fits, or zero while anything is impaired.
    struct Limits {
        uint96 cap;
        /// Owed on held lots, in asset units.
        uint96 heldOwed;
    }

    /// @dev What the vault put into its sums for a marked loan or a held lot; a lot is what falls to zero within 90 days.
    struct Mark {
        WriteDownLib.Fall fall;
        /// What is owed on a held lot, in asset units.
        uint96 lotOwed;
    }

    /// @dev A thousand coins.
    uint256 internal immutable EASY_UNIT;
    address internal immutable CREDIT;
    IFleetRegistry internal immutable REGISTRY;

    /// @dev Loans without a mark; beside them, cash, and up to what value a deposit need read no more.
    LoanBookLib.LoanBook internal _performing;
    /// @dev Marked loans; beside them, the base of marked loans and held lots, and how many these are: what is impaired.
    LoanBookLib.LoanBook internal _marked;
    Limits internal _limits;
    WriteDownLib.Falls internal _falls;
    mapping(uint256 loanId => Mark) internal _marks;

    modifier onlyCredit() {
        _requireCredit();
        _;
    }

    /// @param system Peers; the vault calls none of them here, but asks the asset for its decimals.
    constructor(CreditSystem memory system, string memory name_, string memory symbol_, uint256 initialCap)
        ERC20(name_, symbol_)
        ERC4626(IERC20(system.asset))
        AccessManaged(system.authority)
    {
        CREDIT = system.credit;
        REGISTRY = IFleetRegistry(system.registry);
        EASY_UNIT = 10 ** (decimals() - 3);
        _setCap(initialCap);
    }

    /* ---- entry: not guarded, since whoever reenters while `_take` pulls must leave the balance as it was ---- */

    /// @notice Takes `assets` for as many shares as the optimistic value gives, rounded down.
    function deposit(uint256 assets, address receiver) public override returns (uint256 shares) {
        (uint256 optimistic, uint256 easy, uint256 supply) = _entry();
        shares = assets * (supply + VIRTUAL_SHARES) / (optimistic + 1);
        if (shares == 0 && assets > 0) revert ZeroShares();
        _take(assets, shares, receiver, optimistic, easy, supply);
    }

    /// @notice Mints `shares` for what they are worth at the optimistic value, rounded up.
    function mint(uint256 shares, address receiver) public override returns (uint256 assets) {
        (uint256 optimistic, uint256 easy, uint256 supply) = _entry();
        assets = Math.ceilDiv(shares * (optimistic + 1), supply + VIRTUAL_SHARES);
        _take(assets, shares, receiver, optimistic, easy, supply);
    }

    /* ---- for FleetCredit alone ---- */

    /// @inheritdoc ICreditVault
    function lend(uint256 loanId, address to, uint256 principal, uint16 rateBps) external onlyCredit nonReentrant {
        require(!REGISTRY.isPaused(), Paused());
        uint256 waiting = _waiting();
        require(waiting == 0, EpochWaiting(waiting));
        uint256 cash = _performing.beside;
        require(principal <= cash, InsufficientCash(principal, cash));

        // Safe: no more than cash.
        _performing.beside = uint96(cash - principal);
        _performing.change(_nothing(), Carrying(uint96(principal), rateBps, 0));

        emit Lend(loanId, to, principal, rateBps);
        _transferOut(to, principal);
    }

    /// @inheritdoc ICreditVault
    function receivePayment(uint256 loanId, uint256 rateBps, uint256 principal, uint256 interest, uint256 accruedPaid)
        external
        onlyCredit
        nonReentrant
    {
        _receive(loanId, rateBps, principal, interest, accruedPaid, 0);
    }

    /// @inheritdoc ICreditVault
    function receiveProceeds(
        uint256 loanId,
        uint256 rateBps,
        uint256 principal,
        uint256 interest,
        uint256 accruedPaid,
        uint256 worth
    ) external onlyCredit nonReentrant {
        _receive(loanId, rateBps, principal, interest, accruedPaid, worth);
    }

    /// @inheritdoc ICreditVault
    function reprice(uint256 loanId, Carrying calldata before, uint16 rateBps) external onlyCredit {
        _bookOf(_marks[loanId].fall).change(before, Carrying(before.principal, rateBps, before.accruedScaled));

        emit Reprice(loanId, before.rateBps, rateBps);
    }

    /// @inheritdoc ICreditVault
    function markDown(uint256 loanId, Carrying calldata carrying, uint256 floor, uint256 since) external onlyCredit {
        WriteDownLib.Fall memory fall = _marks[loanId].fall;
        require(fall.span != WriteDownLib.LOT_DAYS, AlreadyMarked(loanId));

        if (fall.span == 0) {
            _performing.change(carrying, _nothing());
            uint256 base = carrying.principal + InterestLib.unitsDown(carrying.accruedScaled);
            // Safe: days since 1970.
            fall.firstDay = uint24(Math.min(since / 1 days, WriteDownLib.today()));
            fall.span = uint8(WriteDownLib.MARK_DAYS);
            fall.base = base.toUint96();
            fall.floor = uint96(Math.min(floor, base));
            _marked.change(_nothing(), carrying);
            _marked.beside = (_marked.beside + base).toUint96();
            _impair(_marked.note + 1);
            _falls.begin(fall.firstDay);
            _falls.add(fall);
        } else {
            WriteDownLib.Fall memory before = fall;
            fall = WriteDownLib.Fall(before.base, uint96(Math.min(floor, before.base)), before.firstDay, before.span);
            _falls.replace(before, fall);
        }
        _marks[loanId].fall = fall;

        emit MarkDown(loanId, fall.base, fall.floor, fall.firstDay, fall.span);
    }

    /// @inheritdoc ICreditVault
    function unmark(uint256 loanId, Carrying calldata carrying) external onlyCredit {
        WriteDownLib.Fall memory fall = _marks[loanId].fall;
        require(fall.span == WriteDownLib.MARK_DAYS, NotMarked(loanId));

        _unmark(loanId, carrying, fall);
        _performing.change(_nothing(), carrying);

        emit Unmark(loanId);
    }

    /// @inheritdoc ICreditVault
    function holdLot(uint256 loanId, Carrying calldata carrying, uint256 value) external onlyCredit {
        WriteDownLib.Fall memory fall = _marks[loanId].fall;
        require(fall.span != WriteDownLib.LOT_DAYS, AlreadyMarked(loanId));
        uint256 owed = _owedUp(carrying);
        value = Math.min(value, owed);

        if (fall.span == 0) _performing.change(carrying, _nothing());
        else _unmark(loanId, carrying, fall);
        Mark memory mark;
        mark.lotOwed = owed.toUint96();
        // Safe: no more than what is owed; days since 1970.
        mark.fall = WriteDownLib.Fall(uint96(value), 0, uint24(WriteDownLib.today()), uint8(WriteDownLib.LOT_DAYS));
        _marks[loanId] = mark;
        _marked.beside = (_marked.beside + value).toUint96();
        _limits.heldOwed = (_limits.heldOwed + owed).toUint96();
        _impair(_marked.note + 1);
        _falls.add(mark.fall);

        emit HoldLot(loanId, owed, value);
    }

    /// @inheritdoc ICreditVault
    function settle(uint256 loanId, Carrying calldata carrying, uint256 recovered) external onlyCredit nonReentrant {
        WriteDownLib.Fall memory fall = _fallOf(loanId);
        uint256 owed;
        if (fall.span == WriteDownLib.LOT_DAYS) {
            uint96 lotOwed = _marks[loanId].lotOwed;
            owed = lotOwed;
            _limits.heldOwed -= lotOwed;
            _marks[loanId].lotOwed = 0;
            _drop(loanId, fall);
        } else {
            owed = _owedUp(carrying);
            if (fall.span == 0) _performing.change(carrying, _nothing());
            else _unmark(loanId, carrying, fall);
        }

        emit Settle(loanId, owed, recovered, owed.saturatingSub(recovered));
        _count(recovered);
    }

    /* ---- for anyone ---- */

    /// @inheritdoc ICreditVault
    function serve() external nonReentrant returns (uint256 shares, uint256 assets) {
        uint256 id = oldestEpoch();
        require(id > 0, NothingToServe());
        require(id < EpochLib.current(), EpochStillOpen(id, (id + 1) * EpochLib.LENGTH));
        uint256 until = servingFrom();
        require(block.timestamp >= until, MarkTooYoung(until));
        uint256 cash = _performing.beside;
        uint256 value = conservativeAssets() + 1;
        uint256 supply = totalSupply() + VIRTUAL_SHARES;

        shares = _queue.unserved(id);
        assets = shares.mulDiv(value, supply);
        bool whole = assets <= cash;
        if (!whole) {
            shares = cash.mulDiv(supply, value);
            assets = shares.mulDiv(value, supply);
        }
        // Without cash nothing is burned, not even what is worth less than a unit: it may be worth more once something is
        // recovered.
        require(cash > 0 && shares > 0, NothingToServe());

        // Safe: no more than cash.
        _performing.beside = uint96(cash - assets);
        _queue.serve(id, shares, assets);

        emit ServeEpoch(id, shares, assets, whole);
        _burn(address(this), shares);
    }

    /// @inheritdoc ICreditVault
    function setCap(uint256 newCap) external restricted {
        _setCap(newCap);
    }

    /* ---- reads ---- */

    /// @inheritdoc ICreditVault
    function conservativeAssets() public view returns (uint256 assets) {
        (assets,) = _values();
    }

    /// @inheritdoc ICreditVault
    function optimisticAssets() public view returns (uint256 assets) {
        (, assets) = _values();
    }

    /// @notice The conservative value.
    function totalAssets() public view override returns (uint256) {
        return conservativeAssets();
    }

    /// @notice Shares for `assets` at the optimistic value, rounded down.
    function previewDeposit(uint256 assets) public view override returns (uint256) {
        return assets.mulDiv(totalSupply() + VIRTUAL_SHARES, optimisticAssets() + 1);
    }

    /// @notice Assets for `shares` at the optimistic value, rounded up.
    function previewMint(uint256 shares) public view override returns (uint256) {
        return shares.mulDiv(optimisticAssets() + 1, totalSupply() + VIRTUAL_SHARES, Math.Rounding.Ceil);
    }

    /// @notice What the cap leaves, and nothing while entry is closed or paused.
    function maxDeposit(address) public view override returns (uint256) {
        (uint256 room, uint256 optimistic) = _room();
        // The most assets that do not bring more shares than there is room for, rounded down.
        uint256 shares = MOST_SHARES - totalSupply();
        return Math.min(room, ((shares + 1) * (optimistic + 1) - 1) / (totalSupply() + VIRTUAL_SHARES));
    }

    /// @notice What `maxDeposit` pays for.
    function maxMint(address) public view override returns (uint256) {
        (uint256 room, uint256 optimistic) = _room();
        return Math.min(MOST_SHARES - totalSupply(), room.mulDiv(totalSupply() + VIRTUAL_SHARES, optimistic + 1));
    }

    /// @inheritdoc ICreditVault
    function book() external view returns (VaultBook memory b) {
        b.cash = _performing.beside;
        b.performingPrincipal = _performing.principal;
        b.performingInterest = InterestLib.unitsDown(_performing.accrued());
        b.markedBase = _marked.beside;
        b.writtenDown = _falls.fallenUp();
        b.markedOwed = _marked.principal + InterestLib.unitsUp(_marked.accrued());
        b.heldOwed = _limits.heldOwed;
        b.setAside = _queue.setAside;
    }

    /// @inheritdoc ICreditVault
    function floorOf(uint256 loanId) external view returns (uint256) {
        return _marks[loanId].fall.floor;
    }

    /// @inheritdoc ICreditVault
    function servingFrom() public view returns (uint256) {
        return _marked.note == 0 ? 0 : _falls.youngUntil();
    }

    /// @inheritdoc ICreditVault
    function lendable() external view returns (uint256) {
        return _waiting() > 0 ? 0 : _performing.beside;
    }

    /// @inheritdoc ICreditVault
    function cap() external view returns (uint256) {
        return _limits.cap;
    }

    /* ---- inside ---- */

    function _requireCredit() private view {
        require(msg.sender == CREDIT, NotCredit(msg.sender));
    }

    function _decimalsOffset() internal pure override returns (uint8) {
        return 6;
    }

    function _setCap(uint256 newCap) private {
        _limits.cap = newCap.toUint96();
        _setEasy();
        emit SetCap(newCap);
    }

    /// @dev So many loans and lots are impaired now.
    function _impair(uint256 count) private {
        // Safe: a loan costs its borrower's fleet, and there are fewer.
        _marked.note = uint24(count);
        _setEasy();
    }

    function _setEasy() private {
        uint256 easy = _marked.note > 0 ? 0 : Math.min(_limits.cap / EASY_UNIT, type(uint24).max);
        _performing.note = uint24(easy);
    }

    /// @dev Requires that entry is open. Here and in `_take` errors are built only when they are thrown: this is what lenders
    /// do most.
    /// @return optimistic Value, at which one enters.
    /// @return easy Up to what value no more need be read.
    /// @return supply Of shares.
    function _entry() private view returns (uint256 optimistic, uint256 easy, uint256 supply) {
        if (REGISTRY.isPaused()) revert Paused();
        unchecked {
            // Safe: sums of 96 bits, products of 112 and 40 and of 24 and 90. In one block, so that each slot is read once.
            optimistic = uint256(_performing.beside) + _performing.principal;
            easy = _performing.note * EASY_UNIT;
            uint256 seconds_ = block.timestamp - _performing.updatedAt;
            optimistic += (_performing.accruedScaled + _performing.perSecondScaled * seconds_ + InterestLib.SCALE - 1)
                / InterestLib.SCALE;
        }
        supply = totalSupply();
        if (easy == 0) {
            uint256 conservative;
            (conservative, optimistic) = _values();
            require(_isOpen(conservative, optimistic), EntryClosed(conservative, optimistic));
        }
    }

    /// @dev What the cap leaves now.
    function _room() private view returns (uint256 room, uint256 optimistic) {
        uint256 conservative;
        (conservative, optimistic) = _values();
        if (_isOpen(conservative, optimistic) && !REGISTRY.isPaused()) {
            room = uint256(_limits.cap).saturatingSub(optimistic);
        }
    }

    /// @dev Where nothing is impaired, the two differ by rounding alone.
    function _isOpen(uint256 conservative, uint256 optimistic) private view returns (bool) {
        return _marked.note == 0 || (optimistic - conservative) * ENTRY_GAP_PARTS <= optimistic;
    }

    /// @dev Counts `assets` as cash and mints, then pulls them: all of them, or nothing happened.
    function _take(uint256 assets, uint256 shares, address receiver, uint256 optimistic, uint256 easy, uint256 supply)
        private
    {
        unchecked {
            // Safe: assets were multiplied or came out of a product before, and did not overflow.
            uint256 value = optimistic + assets;
            if (value > easy && value > _limits.cap) revert CapExceeded(value, _limits.cap);
            if (shares > MOST_SHARES - supply) revert ERC4626ExceededMaxMint(receiver, shares, MOST_SHARES - supply);

            // Safe: the cap has 96 bits, and cash is part of what it limits.
            _performing.beside += uint96(assets);
        }
        _mint(receiver, shares);

        emit Deposit(msg.sender, receiver, assets, shares);
        address token = asset();
        uint256 held = SafeTransferLib.balanceOf(token, address(this));
        _transferIn(msg.sender, assets);
        uint256 holds = SafeTransferLib.balanceOf(token, address(this));
        unchecked {
            // Safe: a token that wraps here is refused as well.
            if (holds != held + assets) revert TransferFellShort(assets, holds > held ? holds - held : 0);
        }
    }

    function _receive(
        uint256 loanId,
        uint256 rateBps,
        uint256 principal,
        uint256 interest,
        uint256 accruedPaid,
        uint256 worth
    ) private {
        uint256 amount = principal + interest;
        // While nothing is impaired there is no mark to look for: what payers pay for most is one read cheaper.
        if (_performing.note > 0 || !_payImpaired(loanId, rateBps, principal, amount, accruedPaid, worth)) {
            _performing.pay(principal, rateBps, accruedPaid, amount);
        }

        emit Receive(loanId, principal, interest);
        _requireArrived(amount);
    }

    /// @dev Counts `amount` as cash that was sent here before.
    function _count(uint256 amount) private {
        _performing.beside = (_performing.beside + amount).toUint96();
        _requireArrived(amount);
    }

    /// @dev Requires that `amount`, which was counted, is here beside all that was here before.
    function _requireArrived(uint256 amount) private view {
        uint256 counted = uint256(_performing.beside) + _queue.setAside;
        uint256 holds = SafeTransferLib.balanceOf(asset(), address(this));
        if (holds < counted) revert TransferFellShort(amount, holds.saturatingSub(counted - amount));
    }

    /// @dev Conservative and optimistic value.
    function _values() private view returns (uint256 conservative, uint256 optimistic) {
        uint256 certain = uint256(_performing.beside) + _performing.principal;
        uint256 interest = _performing.accrued();
        conservative = certain + InterestLib.unitsDown(interest);
        optimistic = certain + InterestLib.unitsUp(interest);
        if (_marked.note > 0) {
            conservative = conservative + _marked.beside - _falls.fallenUp();
            optimistic += _marked.principal + InterestLib.unitsUp(_marked.accrued()) + _limits.heldOwed;
        }
    }

    /// @dev The oldest closed epoch that waits; zero where none does.
    function _waiting() private view returns (uint256 id) {
        id = oldestEpoch();
        if (id == EpochLib.current()) id = 0;
    }

    function _nothing() private pure returns (Carrying memory) {}

    function _bookOf(WriteDownLib.Fall memory fall) private view returns (LoanBookLib.LoanBook storage) {
        return fall.span == 0 ? _performing : _marked;
    }

    /// @dev How a loan or a lot falls. While nothing is impaired there is none to look for.
    function _fallOf(uint256 loanId) private view returns (WriteDownLib.Fall memory fall) {
        if (_performing.note == 0) fall = _marks[loanId].fall;
    }

    /// @dev Takes a marked loan out of the books.
    function _unmark(uint256 loanId, Carrying memory carrying, WriteDownLib.Fall memory fall) private {
        _marked.change(carrying, _nothing());
        _falls.end(fall.firstDay);
        _drop(loanId, fall);
    }

    /// @dev Forgets a mark or a lot, taking out what it counted for.
    function _drop(uint256 loanId, WriteDownLib.Fall memory fall) private {
        _marked.beside -= fall.base;
        _impair(_marked.note - 1);
        _falls.remove(fall);
        delete _marks[loanId].fall;
    }

    /// @dev Books a payment on a marked loan or a held lot. A lower loan accrues less; of a lot what is owed falls, and it is worth
    /// what it was, but counts for no more than is owed.
    /// @return impaired Whether it is either; where not, nothing is booked.
    function _payImpaired(
        uint256 loanId,
        uint256 rateBps,
        uint256 principal,
        uint256 amount,
        uint256 accruedPaid,
        uint256 worth
    ) private returns (bool impaired) {
        WriteDownLib.Fall memory fall = _marks[loanId].fall;
        if (fall.span == 0) return false;
        if (fall.span == WriteDownLib.LOT_DAYS) {
            // Both casts are safe where more is not paid than owed, and the first line reverts otherwise.
            uint96 owed = uint96(_marks[loanId].lotOwed - amount);
            _limits.heldOwed -= uint96(amount);
            _marks[loanId].lotOwed = owed;
            _lower(loanId, fall, Math.min(fall.base, owed), fall.floor);
        } else {
            _marked.pay(principal, rateBps, accruedPaid, 0);
            uint256 floor = uint256(fall.floor).saturatingSub(worth);
            _lower(loanId, fall, uint256(fall.base).saturatingSub(amount), floor);
        }
        _performing.beside = (_performing.beside + amount).toUint96();
        return true;
    }

    /// @dev A lower base, falling from the same beginning, to `floor` until the two meet.
    function _lower(uint256 loanId, WriteDownLib.Fall memory fall, uint256 base, uint256 floor) private {
        // Safe: no more than before.
        WriteDownLib.Fall memory lower =
            WriteDownLib.Fall(uint96(base), uint96(Math.min(floor, base)), fall.firstDay, fall.span);
        _marked.beside -= fall.base - lower.base;
        _falls.replace(fall, lower);
        _marks[loanId].fall = lower;
    }

    function _owedUp(Carrying memory carrying) private pure returns (uint256) {
        return carrying.principal + InterestLib.unitsUp(carrying.accruedScaled);
    }
}
