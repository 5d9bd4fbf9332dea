// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CollateralAuction} from "../../../contracts/CollateralAuction.sol";
import {CreditVault} from "../../../contracts/CreditVault.sol";
import {FleetCustody} from "../../../contracts/FleetCustody.sol";
import {Lease} from "../../../contracts/interfaces/ILeaseBook.sol";
import {IFleetCredit, Loan, LoanRequest, LoanState, LoanTerms} from "../../../contracts/interfaces/IFleetCredit.sol";
import {LeafLib} from "../../../contracts/libraries/LeafLib.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {bound} from "../base/Bound.sol";
import {vm} from "../base/Vm.sol";
import {BlocklistToken} from "../tokens/BlocklistToken.sol";
import {CreditLedger} from "./CreditLedger.sol";

/// @dev What borrowers, lenders, bidders, meters, feeds, governance and strangers do to a credit market: two fleets whose titles
/// go to whoever buys them, and BTC that may refuse its owner. An action without an occasion does nothing, one that is refused
/// neither; `calls` counts those that happened.
contract CreditActions is CreditLedger {
    uint256 internal constant MOST_LOANS = 8;

    uint256[] public fleets;
    address[] internal _owners;
    address[] internal _lenders;

    mapping(bytes32 action => uint256) public calls;
    uint256 public deposited;
    uint256 public claimed;
    mapping(address token => mapping(address holder => uint256)) public donated;
    /// @dev What must never be refused was.
    bytes32 public refused;

    /// @dev Begins with both fleets' rent of some days, and a loan of the first, with BTC.
    function setUp() public override {
        super.setUp();
        fleets.push(fleetId);
        address first = owner;
        owner = _actor("second owner");
        fleets.push(_liveFleet());
        _openLease(fleets[1], lessee, CAPACITY, 90 days);
        _owners = [first, owner, bidder];
        owner = first;
        _lenders = [lender, attacker];
        deposited = _coins(3_000_000);
        for (uint256 i; i < 2; ++i) {
            vm.prank(operator);
            book.grantAccess(_leaseOf(fleets[i]), "gpus", "connection");
        }
        address[6] memory all = [first, _owners[1], bidder, lender, attacker, stranger];
        for (uint256 i; i < all.length; ++i) {
            _permit(all[i]);
        }
        vm.recordLogs();
        // So that appraisals find revenue.
        this.rent(0, 10 days);
        this.rent(1, 10 days);
        this.borrow(2 * BTC + 32, 11, 300_000);
    }

    /// @dev Whatever happened is learned.
    modifier told() {
        _;
        _learn();
    }

    /* ---- borrowers ---- */

    function request(uint256 seed, uint256 months, uint256 principal) external told {
        _request(seed, months, principal);
    }

    function approve(uint256 seed, uint256 rate) external told {
        uint256 id = _pick(seed, LoanState.Requested);
        if (id != 0) _approve(id, seed, rate);
    }

    function cancel(uint256 seed) external told {
        uint256 id = _pick(seed, seed % 2 == 0 ? LoanState.Requested : LoanState.Approved);
        if (id == 0 || seed % 3 > 0) return;
        vm.prank(credit.loan(id).borrower);
        credit.cancel(id);
        ++calls["cancel"];
    }

    function draw(uint256 seed, uint256 part) external told {
        uint256 id = _pick(seed, LoanState.Approved);
        if (id != 0) _draw(id, part);
    }

    /// @dev All three, with fresh prices and heads.
    function borrow(uint256 seed, uint256 months, uint256 principal) external told {
        _refreshAll();
        uint256 id = _request(seed, months, principal);
        _learn();
        if (id == 0) return;
        _approve(id, seed, principal);
        _learn();
        _draw(id, 255);
    }

    /// @dev By anybody's money, dust as often as all of it.
    function repay(uint256 seed, uint256 amount) external told {
        uint256 id = _pick(seed, LoanState.Open);
        if (id == 0) return;
        (uint256 principal, uint256 interest) = credit.debt(id);
        uint256 owed = principal + interest;
        if (seed % 4 > 0) amount = seed % 4 == 1 ? bound(amount, 1, 3) : bound(amount, 1, owed);
        else if (amount % 2 == 0) amount = type(uint256).max;
        else amount = bound(amount, 1, interest + 1);
        address payer = seed % 8 > 3 ? stranger : credit.loan(id).borrower;
        coin.mint(payer, amount < owed ? amount : owed);
        vm.prank(payer);
        try credit.repay(id, amount) {
            ++calls["repay"];
        } catch {
            refused = "repay";
            _forget();
        }
    }

    /// @dev A held lot mostly has earned something.
    function service(uint256 seed, uint256 amount) external told {
        uint256 id = _pick(seed, seed % 2 == 0 ? LoanState.Held : LoanState.Open);
        if (id == 0) id = _pick(seed, LoanState.Open);
        if (id == 0) return;
        Loan memory l = credit.loan(id);
        bool held = l.state == LoanState.Held;
        if (held && seed % 8 > 0) {
            _bring(l.fleetId, bound(amount, 1, uint256(l.heldOwed) * 5 / 4));
            _shares(l.fleetId).collect();
            vm.warp((block.timestamp / DAY + 2) * DAY);
        }
        try credit.service(id) {
            ++calls[held ? bytes32("service, held") : bytes32("service")];
        } catch {
            refused = "service";
            _forget();
        }
    }

    function addPledge(uint256 seed, uint256 amount) external told {
        uint256 id = _pick(seed, LoanState.Open);
        if (id == 0) return;
        Loan memory l = credit.loan(id);
        if (seed % 2 == 0) {
            amount = bound(amount, 1, BTC);
            btc.mint(stranger, amount);
            vm.prank(stranger);
            try credit.addCollateral(id, uint96(amount)) {
                ++calls["addCollateral"];
            } catch {
                _forget();
            }
        } else {
            amount = _shares(l.fleetId).balanceOf(l.borrower);
            if (amount == 0) return;
            vm.prank(l.borrower);
            try credit.addShares(id, uint96(bound(seed, 1, amount))) {
                ++calls["addShares"];
            } catch {
                _forget();
            }
        }
    }

    function withdrawPledge(uint256 seed, uint256 amount) external told {
        uint256 id = _pick(seed, LoanState.Open);
        if (id == 0) return;
        if (seed % 3 > 0) _refreshAll();
        Loan memory l = credit.loan(id);
        vm.prank(l.borrower);
        if (seed % 2 == 0) {
            if (l.collateralAmount == 0) amount = 1;
            else amount = bound(amount, 1, l.collateralAmount / 4 + 1);
            try credit.withdrawCollateral(id, uint96(amount), l.borrower) {
                ++calls["withdrawCollateral"];
            } catch {
                _forget();
            }
        } else {
            if (l.shares == 0) amount = 1;
            else amount = bound(amount, 1, l.shares / 4 + 1);
            try credit.withdrawShares(id, uint96(amount), l.borrower) {
                ++calls["withdrawShares"];
            } catch {
                _forget();
            }
        }
    }

    function setSweep(uint256 seed) external told {
        uint256 id = _pick(seed, LoanState.Open);
        if (id == 0) return;
        vm.prank(credit.loan(id).borrower);
        credit.setSweep(id, seed % 2 == 0);
        ++calls["setSweep"];
    }

    function withdrawOwed(uint256 seed) external told {
        address who = [_owners[0], _owners[1], bidder, costs][seed % 4];
        uint256 amount = credit.owed(coin, who);
        if (amount == 0) return;
        vm.prank(who);
        try credit.withdraw(coin, who) {
            due[who] -= amount;
            ++calls["withdrawOwed"];
        } catch {
            refused = "withdraw";
            _forget();
        }
    }

    /// @dev BTC refuses an owner, or takes it again; sometimes just before its loan is paid whole.
    function block_(uint256 seed) external told {
        uint256 id = _pick(seed, LoanState.Open);
        bool isLast = id != 0 && seed % 3 == 0;
        address who = isLast ? credit.loan(id).borrower : _owners[seed % 2];
        if (who == bidder) return;
        BlocklistToken(address(btc)).setBlocked(who, isLast || seed % 8 < 2);
        ++calls["block"];
        if (!isLast) return;
        (uint256 principal, uint256 interest) = credit.debt(id);
        coin.mint(stranger, principal + interest);
        vm.prank(stranger);
        try credit.repay(id, type(uint256).max) {
            ++calls["repay"];
        } catch {
            refused = "repay";
            _forget();
        }
    }

    /// @dev Sent to somebody whom BTC does not refuse.
    function reclaim(uint256 seed) external told {
        uint256 count = credit.loanCount();
        uint256 id;
        for (uint256 i = 1; i <= count && id == 0; ++i) {
            if (credit.saleState(i).state != LoanState.Closed || _reckonings[i].drawn == 0) continue;
            if (_reckonings[i].collateral > 0) id = i;
        }
        if (id == 0 || seed % 4 == 0) return;
        vm.prank(credit.loan(id).borrower);
        try credit.reclaimCollateral(id, stranger) {
            _reckonings[id].collateral = 0;
            ++calls["reclaim"];
        } catch {
            refused = "reclaim";
            _forget();
        }
    }

    /* ---- rent, time, prices and reports ---- */

    /// @dev The lease that fills a fleet got all that it could until now; meters prove it.
    function rent(uint256 seed, uint256 time) external told {
        uint256 id = fleets[seed % 2];
        vm.warp(block.timestamp + bound(time, 1, 20 days));
        uint256 leaseId = _leaseOf(id);
        Lease memory l = book.lease(leaseId);
        uint256 until = block.timestamp < l.end ? block.timestamp : l.end;
        uint256 delivered = uint256(l.gpus) * (until - l.grantedAt) * 1000;
        if (delivered == l.deliveredGpuMs) {
            _bring(id, bound(seed, 1, _coins(60_000)));
        } else {
            _submit(_report(id, block.timestamp, 0, LeafLib.delivery(leaseId, delivered)));
            book.settle(leaseId, uint64(delivered), _noProof());
            ++calls["rent"];
        }
    }

    /// @dev Income that no meter proves.
    function bring(uint256 seed, uint256 amount) external told {
        _bring(fleets[seed % 2], bound(amount, 1, _coins(200_000)));
        ++calls["bring"];
    }

    /// @dev Heads and prices grow old in it.
    function pass(uint256 time) external told {
        vm.warp(block.timestamp + bound(time >> 2, 1, [1 hours, 3 days, 12 days, 40 days][time % 4]));
        ++calls["pass"];
    }

    /// @dev To a due date or a second beside it.
    function passDue(uint256 seed) external told {
        uint256 id = _pick(seed, LoanState.Open);
        if (id == 0) return;
        uint256 time = credit.loan(id).nextDueAt - 1 + seed % 3;
        if (time > block.timestamp) vm.warp(time);
        if (seed % 2 == 0) _refreshAll();
        ++calls["passDue"];
    }

    function refresh() external told {
        _refreshAll();
        ++calls["refresh"];
    }

    function report(uint256 seed) external told {
        _reportOf(fleets[seed % 2]);
        ++calls["report"];
    }

    /// @dev From a tenth to twice of what it was at first; a jump is not believed at once; or an answer that is none.
    function sayBtc(uint256 seed, uint256 price) external told {
        if (seed % 4 == 0) {
            feed.say(0);
            ++calls["sayBtc, dead"];
            return;
        }
        _setBtc(bound(price, 6000, 120_000));
        if (seed % 4 > 1) _setBtc(bound(price, 6000, 120_000));
        ++calls["sayBtc"];
    }

    function setClassPrice(uint256 bps) external told {
        uint256 price = appraisal.priceOf(CLASS).perGpu * bound(bps, 8200, 11_500) / 10_000;
        if (block.timestamp < appraisal.priceOf(CLASS).updatedAt + 1 days || price < _coins(500)) return;
        vm.prank(appraiser);
        appraisal.setPrice(CLASS, uint96(price));
        ++calls["setClassPrice"];
    }

    function setInsuredUntil(uint256 seed, uint256 time) external told {
        uint256 id = _pick(seed, LoanState.Open);
        if (id == 0) return;
        uint256 grace = uint256(credit.loan(id).terms.graceDays) * DAY;
        vm.prank(risk);
        credit.setInsuredUntil(
            id, uint40(block.timestamp + bound(time, grace, grace + (seed % 3 == 0 ? 1 : 400) * DAY))
        );
        ++calls["setInsuredUntil"];
    }

    function pause(uint256 seed) external told {
        if (seed % 4 == 0 && !registry.isPaused()) {
            _pause();
            ++calls["pause"];
        } else {
            _unpause();
        }
    }

    /* ---- breach, cure and sale ---- */

    function mark(uint256 seed) external told {
        uint256 id = _pick(seed, LoanState.Open);
        if (id == 0) return;
        try credit.mark(id) {
            ++calls["mark"];
        } catch {
            _forget();
        }
    }

    function cure(uint256 seed) external told {
        uint256 id = seed % 4 == 1 ? _breachedOrFailed(seed) : _pickBreached(seed);
        if (id == 0) id = _pick(seed, LoanState.Open);
        if (id == 0) return;
        if (seed % 4 > 0) {
            // Somebody puts things right first.
            _refreshAll();
            vm.prank(risk);
            credit.setInsuredUntil(id, uint40(block.timestamp + 100 days));
            Loan memory l = credit.loan(id);
            (uint256 principal, uint256 interest) = credit.debt(id);
            uint256 amount = seed % 4 == 1 ? interest : interest + principal * (seed / 4 % 100) / 100;
            if (amount > 0 && seed % 4 < 3) {
                // Revenue, after which `cure` is somebody's to call.
                _bring(l.fleetId, amount * 2);
                _shares(l.fleetId).collect();
                vm.warp((block.timestamp / DAY + 2) * DAY);
                _refreshAll();
            } else if (amount > 0) {
                coin.mint(stranger, amount);
                vm.prank(stranger);
                credit.repay(id, amount);
            }
            _learn();
            if (l.markedSince > 0 && credit.loan(id).markedSince == 0) {
                ++calls["repay, cures"];
                return;
            }
        }
        try credit.cure(id) {
            ++calls["cure"];
        } catch {
            _forget();
        }
    }

    function stepIn(uint256 seed) external told {
        uint256 id = seed % 2 == 0 ? _pickBreached(seed) : _pick(seed, LoanState.Held);
        if (id == 0) return;
        vm.prank(risk);
        try credit.stepIn(id, seed % 3 == 0 ? address(0) : investor) {
            ++calls["stepIn"];
        } catch {
            _forget();
        }
    }

    function start(uint256 seed) external told {
        uint256 id = _pickBreached(seed);
        if (id != 0) _start(id);
    }

    /// @dev So many hours of a sale, mostly with a live feed.
    function touch(uint256 seed, uint256 hours_) external told {
        uint256 id = _pickBreached(seed);
        if (id != 0) _touch(id, seed, bound(hours_, 1, 30));
    }

    function bidCollateral(uint256 seed, uint256 amount) external told {
        uint256 id = _pickBreached(seed);
        if (id == 0 || credit.loan(id).collateralAmount == 0) return;
        _start(id);
        _freshFeed();
        amount = bound(amount, 1, uint256(credit.loan(id).collateralAmount) * 3 / 2);
        uint256 before = coin.balanceOf(bidder);
        coin.mint(bidder, _coins(1_000_000));
        vm.prank(bidder);
        try auction.bidCollateral(id, uint96(amount), type(uint96).max, stranger) {
            ++calls["bidCollateral"];
        } catch {
            _forget();
        }
        _burnAbove(bidder, before);
    }

    function bidLot(uint256 seed, uint256 hours_) external told {
        uint256 id = _breachedOrFailed(seed);
        if (id == 0) return;
        _start(id);
        if (seed % 3 > 0) _touch(id, 1, 24);
        _touch(id, 1, bound(hours_, 0, 70));
        _pay(address(auction), abi.encodeCall(auction.bidLot, (id, type(uint256).max, _owners[seed % 3])), "bidLot");
    }

    /// @dev Sold collateral is the usual way there; nobody else bids.
    function giveLotToVault(uint256 seed) external told {
        uint256 id = _breachedOrFailed(seed);
        if (id == 0) return;
        _start(id);
        _freshFeed();
        uint256 left = credit.loan(id).collateralAmount;
        if (left > 0 && seed % 4 > 0) {
            uint256 before = coin.balanceOf(bidder);
            coin.mint(bidder, _coins(5_000_000));
            vm.prank(bidder);
            try auction.bidCollateral(id, uint96(left), type(uint96).max, stranger) {
                ++calls["bidCollateral"];
            } catch {
                _forget();
            }
            _burnAbove(bidder, before);
            _learn();
        }
        if (credit.loan(id).breachedSince == 0) return;
        _touch(id, 1, 73);
        try auction.giveLotToVault(id) {
            ++calls["giveLotToVault"];
        } catch {
            _forget();
        }
    }

    function offerLot(uint256 seed, uint256 price) external told {
        uint256 id = _pick(seed, LoanState.Held);
        if (id == 0) return;
        vm.prank(risk);
        try credit.offerLot(id, uint96(bound(price, 1, _coins(700_000)))) {
            ++calls["offerLot"];
        } catch {
            _forget();
        }
    }

    function buyLot(uint256 seed) external told {
        uint256 id = _pick(seed, LoanState.Held);
        if (id == 0) return;
        _pay(address(credit), abi.encodeCall(credit.buyLot, (id, type(uint256).max, _owners[seed % 3])), "buyLot");
    }

    function fillLossFund(uint256 amount) external told {
        _fillLossFund(bound(amount, 1, _coins(20_000)));
        ++calls["fillLossFund"];
    }

    /* ---- lenders and strangers ---- */

    function deposit(uint256 seed, uint256 amount) external told {
        address who = _lenders[seed % 2];
        amount = bound(amount, 1, seed % 3 == 0 ? 1000 : _coins(500_000));
        coin.mint(who, amount);
        vm.prank(who);
        try vault.deposit(amount, who) {
            deposited += amount;
            ++calls["deposit"];
        } catch {
            _forget();
        }
    }

    function requestRedeem(uint256 seed, uint256 part) external told {
        address who = _lenders[seed % 2];
        uint256 amount = vault.balanceOf(who) * (part % 256) / 255 / (seed % 3 == 0 ? 1 : 8);
        if (amount == 0) return;
        vm.prank(who);
        try vault.requestRedeem(amount, who, who) {
            ++calls["requestRedeem"];
        } catch {
            refused = "requestRedeem";
            _forget();
        }
    }

    function serve(uint256 seed) external told {
        if (seed % 2 == 0) vm.warp((block.timestamp / 7 days + 1) * 7 days);
        try vault.serve() {
            ++calls["serve"];
        } catch {
            _forget();
        }
    }

    function claim(uint256 seed) external told {
        address who = _lenders[seed % 2];
        uint256 amount = vault.maxWithdraw(who);
        if (amount == 0) return;
        vm.prank(who);
        try vault.withdraw(amount, who, who) {
            claimed += amount;
            ++calls["claim"];
        } catch {
            refused = "claim";
            _forget();
        }
    }

    function donate(uint256 seed, uint256 amount) external told {
        bool ofBtc = seed % 5 == 4;
        TestStablecoin token = ofBtc ? btc : coin;
        address[4] memory whom = [address(credit), address(vault), address(custody), address(auction)];
        address to = ofBtc ? address(custody) : whom[seed % 5 % 4];
        amount = bound(amount, 1, ofBtc ? BTC : _coins(100));
        token.mint(to, amount);
        donated[address(token)][to] += amount;
        ++calls["donate"];
    }

    /* ---- reads of the invariants ---- */

    function contracts() external view returns (IFleetCredit, CreditVault, FleetCustody, CollateralAuction) {
        return (credit, vault, custody, auction);
    }

    function tokens() external view returns (TestStablecoin, TestStablecoin) {
        return (coin, btc);
    }

    function titleOwner(uint256 id) external view returns (address) {
        return registry.ownerOf(id);
    }

    function sharesIn(address holder, uint256 id) external view returns (uint256) {
        return _shares(id).balanceOf(holder);
    }

    function operatorOf(uint256 id) external view returns (address) {
        return registry.operatorOf(id);
    }

    function creditors() public view returns (address[4] memory) {
        return [_owners[0], _owners[1], bidder, costs];
    }

    /// @dev Coins outside the market.
    function heldByOthers() external view returns (uint256 sum) {
        address[15] memory all = [
            _owners[0],
            _owners[1],
            bidder,
            costs,
            lender,
            attacker,
            stranger,
            lessee,
            operator,
            address(book),
            address(bond),
            address(router),
            address(lossFund),
            address(_shares(fleets[0])),
            address(_shares(fleets[1]))
        ];
        for (uint256 i; i < all.length; ++i) {
            sum += coin.balanceOf(all[i]);
        }
    }

    /* ---- how ---- */

    function _newBtc() internal override returns (TestStablecoin) {
        return new BlocklistToken(8);
    }

    function _isBlocked(address who) internal view override returns (bool) {
        return BlocklistToken(address(btc)).blocked(who);
    }

    function _leaseOf(uint256 id) private pure returns (uint256) {
        return id << 32 | 1;
    }

    function _permit(address who) private {
        _fund(who, 0);
        vm.startPrank(who);
        btc.approve(address(custody), type(uint256).max);
        registry.setApprovalForAll(address(custody), true);
        for (uint256 i; i < 2; ++i) {
            _shares(fleets[i]).approve(address(custody), type(uint256).max);
        }
        vm.stopPrank();
    }

    function _request(uint256 seed, uint256 months, uint256 principal) private returns (uint256 id) {
        uint256 fleet = fleets[seed % 2];
        address who = registry.ownerOf(fleet);
        if (who == address(custody) || credit.loanCount() == MOST_LOANS) return 0;
        LoanRequest memory asked = _request();
        asked.fleetId = uint64(fleet);
        asked.months = uint8(bound(months, 1, 18));
        asked.sweep = seed / 2 % 3 == 0;
        asked.principal = uint96(_coins(bound(principal, 1000, 500_000)));
        asked.shares = uint96(_shares(fleet).balanceOf(who) * (4 - seed / 4 % 4) / 4);
        asked.collateralAmount = _isBlocked(who) ? 0 : uint96(bound(seed, 0, 3 * BTC));
        if (asked.collateralAmount > 0) btc.mint(who, asked.collateralAmount);
        if (asked.collateralAmount == 0 && seed % 3 == 0) asked.collateral = TestStablecoin(address(0));
        vm.prank(who);
        try credit.request(asked) returns (uint256 loanId) {
            id = loanId;
            ++calls["request"];
        } catch {
            _forget();
        }
    }

    function _approve(uint256 id, uint256 seed, uint256 rate) private {
        LoanTerms memory terms = _loanTerms();
        terms.ceiling = credit.loan(id).terms.ceiling;
        terms.months = credit.loan(id).terms.months;
        if (terms.months == 0) terms.months = uint8(bound(seed, 1, 18));
        terms.rateBps = uint16(rate % 3001);
        terms.lateRateBps = uint16(rate / 3001 % 2001);
        terms.reserveMonths = uint8(rate % (terms.months < 3 ? terms.months : 3));
        terms.graceDays = uint8(seed / 8 % 15);
        terms.saleCostBps = uint16(seed / 16 % 500);
        if (seed % 3 > 0) terms.coverageBps = 0;
        if (seed % 5 == 0) terms.insuredUntil = uint40(block.timestamp + 40 days);
        vm.prank(risk);
        try credit.approve(id, terms) {
            ++calls["approve"];
        } catch {
            _forget();
        }
    }

    function _draw(uint256 id, uint256 part) private {
        Loan memory l = credit.loan(id);
        uint256 principal = uint256(l.terms.ceiling) * (part % 256) / 255;
        if (principal > _coins(250_000) && part % 2 == 0) principal = _coins(250_000);
        vm.prank(l.borrower);
        try credit.draw(id, uint96(principal), l.borrower) {
            ++calls["draw"];
        } catch {
            _forget();
        }
    }

    function _bring(uint256 id, uint256 amount) private {
        coin.mint(stranger, amount);
        vm.prank(stranger);
        router.distribute(id, amount);
    }

    function _refreshAll() private {
        _unpause();
        _reportOf(fleets[0]);
        _reportOf(fleets[1]);
        uint96 price = appraisal.priceOf(CLASS).perGpu;
        if (block.timestamp >= appraisal.priceOf(CLASS).updatedAt + 1 days) {
            vm.prank(appraiser);
            appraisal.setPrice(CLASS, price);
        }
        _freshFeed();
    }

    function _unpause() private {
        if (!registry.isPaused()) return;
        vm.prank(parameters);
        registry.unpause();
        ++calls["unpause"];
    }

    function _reportOf(uint256 id) private {
        if (oracle.head(id).asOf < block.timestamp) _submit(_report(id, block.timestamp, 0, 0));
    }

    /// @dev The last positive answer again, or the first one.
    function _freshFeed() private {
        (, int256 answer,,,) = feed.latestRoundData();
        if (answer <= 0) answer = int256(_btcPrice() * 1e8);
        feed.say(answer);
        feed.say(answer);
    }

    function _start(uint256 id) private {
        try auction.start(id) {
            ++calls["start"];
        } catch {
            _forget();
        }
    }

    function _touch(uint256 id, uint256 seed, uint256 hours_) private {
        _start(id);
        for (uint256 i; i < hours_; ++i) {
            vm.warp(block.timestamp + 1 hours);
            if (seed % 4 > 0) _freshFeed();
            try auction.touch(id) {
                ++calls["touch"];
            } catch {
                return;
            }
        }
    }

    /// @dev The bidder pays as much as it takes.
    function _pay(address target, bytes memory data, bytes32 action) private {
        uint256 before = coin.balanceOf(bidder);
        coin.mint(bidder, _coins(5_000_000));
        vm.prank(bidder);
        (bool success,) = target.call(data);
        if (success) ++calls[action];
        else _forget();
        _burnAbove(bidder, before);
    }

    /// @dev Coins that were not needed go where the rest of the world's are.
    function _burnAbove(address who, uint256 left) private {
        uint256 balance = coin.balanceOf(who);
        if (balance <= left) return;
        vm.prank(who);
        require(coin.transfer(lessee, balance - left), "not sent");
    }

    function _pick(uint256 seed, LoanState state) private view returns (uint256) {
        uint256 count = credit.loanCount();
        for (uint256 i; i < count; ++i) {
            uint256 id = 1 + (seed % count + i) % count;
            if (credit.saleState(id).state == state) return id;
        }
        return 0;
    }

    /// @dev A loan in breach; or one that gets there now, since its fleet falls silent.
    function _breachedOrFailed(uint256 seed) private returns (uint256 id) {
        id = _pickBreached(seed);
        if (id != 0 || seed % 2 == 0) return id;
        id = _pick(seed, LoanState.Open);
        if (id == 0) return 0;
        vm.warp(block.timestamp + 3 days);
        credit.mark(id);
        _learn();
        if (!_reckonings[id].breached) id = 0;
    }

    function _pickBreached(uint256 seed) private view returns (uint256) {
        uint256 count = credit.loanCount();
        for (uint256 i; i < count; ++i) {
            uint256 id = 1 + (seed % count + i) % count;
            if (_reckonings[id].breached) return id;
        }
        return 0;
    }
}
