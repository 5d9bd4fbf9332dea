// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Appraisal} from "../../../contracts/Appraisal.sol";
import {CollateralAuction} from "../../../contracts/CollateralAuction.sol";
import {CollateralPrices} from "../../../contracts/CollateralPrices.sol";
import {CreditVault} from "../../../contracts/CreditVault.sol";
import {FleetCustody} from "../../../contracts/FleetCustody.sol";
import {LoanHealth} from "../../../contracts/LoanHealth.sol";
import {IAggregatorV3} from "../../../contracts/interfaces/IAggregatorV3.sol";
import {AppraisalParameters} from "../../../contracts/interfaces/IAppraisal.sol";
import {AuctionParameters} from "../../../contracts/interfaces/ICollateralAuction.sol";
import {PriceFeed} from "../../../contracts/interfaces/ICollateralPrices.sol";
import {CreditSystem} from "../../../contracts/interfaces/CreditSystem.sol";
import {IFleetCredit, Loan, LoanRequest, LoanState, LoanTerms} from "../../../contracts/interfaces/IFleetCredit.sol";
import {HealthParameters} from "../../../contracts/interfaces/ILoanHealth.sol";
import {IPayouts} from "../../../contracts/interfaces/IPayouts.sol";
import {Roles} from "../../../contracts/libraries/Roles.sol";
import {TestPriceFeed} from "../../../contracts/mocks/TestPriceFeed.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";

import {RevenueTest} from "./RevenueTest.sol";
import {vm} from "./Vm.sol";

/// @dev Owes the loss fund all that it holds.
contract SlashedStake {
    function withdraw(IERC20 token, address to) external returns (uint256 amount) {
        amount = token.balanceOf(address(this));
        require(token.transfer(to, amount), "not sent");
    }
}

/// @dev A credit market on the whole system: 3,000,000 coins of a lender, a fleet of 64 GPUs at 25,000 coins each whose `owner`
/// wants to borrow, and a BTC token of 8 decimals at 60,000 coins. What the fleet earns is all its shareholders'.
abstract contract CreditScene is RevenueTest {
    bytes32 internal constant CLASS = "H100-SXM5-80GB";
    uint256 internal constant BTC = 1e8;
    uint256 internal constant SCALE = 10_000 * 365 days;
    /// @dev All shares that are not bound.
    uint96 internal constant FREE_SHARES = 900_000e18;

    address internal lender = _actor("lender");
    address internal appraiser = _actor("appraiser");
    address internal bidder = _actor("bidder");
    address internal costs = _actor("costs");
    address internal attacker = _actor("attacker");

    CreditSystem internal market;
    IFleetCredit internal credit;
    LoanHealth internal health;
    FleetCustody internal custody;
    CreditVault internal vault;
    CollateralAuction internal auction;
    Appraisal internal appraisal;
    CollateralPrices internal prices;
    TestStablecoin internal btc;
    TestPriceFeed internal feed;

    function setUp() public virtual override {
        super.setUp();
        btc = _newBtc();
        feed = new TestPriceFeed(8);
        _deployMarket();
        _assignMarketRoles();
        _openMarket();
        _report();
    }

    /* ---- what a test may change ---- */

    function _newBtc() internal virtual returns (TestStablecoin) {
        return new TestStablecoin("Bitcoin", "BTC", 8);
    }

    /// @dev Whole coins for a whole BTC.
    function _btcPrice() internal pure virtual returns (uint256) {
        return 60_000;
    }

    function _request() internal view virtual returns (LoanRequest memory) {
        return LoanRequest({
            fleetId: uint64(fleetId),
            months: 12,
            sweep: false,
            principal: uint96(_coins(300_000)),
            shares: FREE_SHARES,
            collateral: btc,
            collateralAmount: uint96(2 * BTC)
        });
    }

    /// @dev The defaults of the design, but over 12 months, and with a reserve that is soon empty.
    function _loanTerms() internal view virtual returns (LoanTerms memory) {
        return LoanTerms({
            ceiling: uint96(_coins(500_000)),
            rateBps: 1200,
            lateRateBps: 400,
            months: 12,
            reserveMonths: 1,
            graceDays: 10,
            expiry: uint40(block.timestamp + 30 days),
            insuredUntil: uint40(block.timestamp + 3 * 365 days),
            hardwareLtvBps: 7000,
            hardwareBreachBps: 8500,
            youngLtvBps: 3500,
            collateralLtvBps: 5000,
            collateralBreachBps: 7500,
            coverageBps: 13_500,
            saleCostBps: 300
        });
    }

    /* ---- loans ---- */

    /// @dev Asked for by the title's owner, and granted.
    function _approvedLoan() internal returns (uint256) {
        return _approvedLoan(_request(), _loanTerms());
    }

    function _approvedLoan(LoanRequest memory asked, LoanTerms memory terms) internal returns (uint256 loanId) {
        address who = registry.ownerOf(asked.fleetId);
        if (address(asked.collateral) == address(btc)) btc.mint(who, asked.collateralAmount);
        vm.startPrank(who);
        registry.approve(address(custody), asked.fleetId);
        _shares(asked.fleetId).approve(address(custody), type(uint256).max);
        btc.approve(address(custody), type(uint256).max);
        loanId = credit.request(asked);
        vm.stopPrank();
        vm.prank(risk);
        credit.approve(loanId, terms);
    }

    /// @dev An open loan of 300,000 coins over 12 months at 12 %, against title, all shares and 2 BTC.
    function _drawnLoan() internal returns (uint256) {
        return _drawnLoan(_request(), _loanTerms());
    }

    function _drawnLoan(LoanRequest memory asked, LoanTerms memory terms) internal returns (uint256 loanId) {
        loanId = _approvedLoan(asked, terms);
        address who = registry.ownerOf(asked.fleetId);
        vm.prank(who);
        credit.draw(loanId, asked.principal, who);
    }

    /// @dev Anyone's money pays `amount`, or all.
    function _repay(uint256 loanId, uint256 amount) internal returns (uint256 principal, uint256 interest) {
        (uint256 owedPrincipal, uint256 owedInterest) = credit.debt(loanId);
        uint256 paid = amount < owedPrincipal + owedInterest ? amount : owedPrincipal + owedInterest;
        _fund(stranger, paid);
        vm.prank(stranger);
        return credit.repay(loanId, amount);
    }

    function _owed(uint256 loanId) internal view returns (uint256) {
        (uint256 principal, uint256 interest) = credit.debt(loanId);
        return principal + interest;
    }

    /// @dev Empties the reserve, and passes the first due date that finds neither it nor revenue: nobody recorded that yet.
    function _missDueDate(uint256 loanId) internal returns (uint256 dueAt) {
        while (credit.loan(loanId).reserve > 0) {
            _goTo(credit.loan(loanId).nextDueAt);
            credit.service(loanId);
        }
        dueAt = credit.loan(loanId).nextDueAt;
        if (block.timestamp <= dueAt) _goTo(dueAt + 1);
    }

    /// @dev Missed, marked, past grace, and in breach.
    function _breach(uint256 loanId) internal {
        uint256 dueAt = _missDueDate(loanId);
        _goTo(dueAt + uint256(credit.loan(loanId).terms.graceDays) * DAY + 1);
        credit.mark(loanId);
    }

    /// @dev In breach by an insurance that ends as soon as the risk role may let it, which neither sale nor payment mends.
    function _endInsurance(uint256 loanId) internal {
        uint256 until = block.timestamp + uint256(credit.loan(loanId).terms.graceDays) * DAY;
        vm.prank(risk);
        credit.setInsuredUntil(loanId, uint40(until));
        _goTo(until + 1);
        credit.mark(loanId);
    }

    /// @dev By the feed; nothing where it cannot tell.
    function _btcValue(uint256 amount) internal view returns (uint256) {
        try prices.value(address(btc), amount) returns (uint256 value) {
            return value;
        } catch {
            return 0;
        }
    }

    /// @dev The auction, which has nothing of its own to say, sells: the price has been sent where it belongs.
    function _sellCollateral(uint256 loanId, uint96 amount, uint256 price) internal {
        coin.mint(address(vault), price);
        uint256 value = _btcValue(amount);
        vm.prank(address(auction));
        credit.collateralSold(loanId, amount, price, value, bidder);
    }

    function _sellLot(uint256 loanId, uint256 price) internal {
        coin.mint(address(credit), price);
        vm.prank(address(auction));
        credit.lotSold(loanId, price, bidder);
    }

    /* ---- what happens around loans ---- */

    /// @dev Comes to `time` with a fresh head, a fresh price of the class and a fresh answer of the feed.
    function _goTo(uint256 time) internal {
        vm.warp(time);
        _refresh();
    }

    function _refresh() internal {
        _report();
        if (block.timestamp >= appraisal.priceOf(CLASS).updatedAt + 1 days) _setPrice(25_000);
        _setBtc(_btcPrice());
    }

    /// @dev A head as of now; the counters stand still, for LeaseBook takes leaves from it alone.
    function _report() internal {
        if (oracle.head(fleetId).asOf < block.timestamp) _submit(_report(fleetId, block.timestamp, 0, 0));
    }

    function _setPrice(uint256 wholeCoins) internal {
        vm.prank(appraiser);
        appraisal.setPrice(CLASS, uint96(_coins(wholeCoins)));
    }

    /// @dev In as many daily steps as it takes; BTC's feed says `btcCoins` at the end, twice, as a new level is confirmed.
    function _movePrices(uint256 wholeCoins, uint256 btcCoins) internal {
        uint256 target = _coins(wholeCoins);
        for (uint256 price = appraisal.priceOf(CLASS).perGpu; price != target;) {
            uint256 least = price * 81 / 100;
            uint256 most = price * 119 / 100;
            price = target < least ? least : target > most ? most : target;
            vm.warp(block.timestamp + 1 days);
            vm.prank(appraiser);
            appraisal.setPrice(CLASS, uint96(price));
        }
        _report();
        _setBtc(btcCoins);
        _setBtc(btcCoins);
    }

    function _setBtc(uint256 wholeCoins) internal {
        feed.say(int256(wholeCoins * 1e8));
    }

    /// @dev `net` is recorded as today's evidence, as LeaseBook does when meters prove it, and arrives for the shareholders.
    function _earnToday(uint256 net) internal {
        vm.prank(address(book));
        // Without money, of which there may be more than the fleet's escrow holds; that comes by `distribute`.
        router.credit(fleetId, 0, net);
        _bring(net);
    }

    /// @dev `net` arrives for the shareholders, and is no evidence.
    function _bring(uint256 net) internal {
        _fund(stranger, net);
        vm.prank(stranger);
        router.distribute(fleetId, net);
        shares.collect();
    }

    /// @dev `net` arrives and is released: the next service finds it. Two days pass at most.
    function _bringAndRelease(uint256 net) internal {
        _bring(net);
        _goTo((block.timestamp / DAY + 2) * DAY);
    }

    /// @dev `net` a day for so many complete days from today on.
    function _history(uint256 days_, uint256 netPerDay) internal {
        for (uint256 i; i < days_; ++i) {
            _earnToday(netPerDay);
            _goTo((block.timestamp / DAY + 1) * DAY);
        }
    }

    /// @dev Through the meters: the lease that fills the fleet delivered until `asOf`, a quorum says so, and LeaseBook settles.
    function _earnProved(uint256 asOf, uint256 delivered) internal returns (uint256 rent) {
        uint256 leaseId = (fleetId << 32) | 1;
        if (book.lease(leaseId).grantedAt == 0) {
            vm.prank(operator);
            book.grantAccess(leaseId, "gpus", "connection");
        }
        _reportDelivery(fleetId, asOf, leaseId, delivered);
        return book.settle(leaseId, uint64(delivered), _noProof());
    }

    function _deposit(address who, uint256 amount) internal returns (uint256) {
        _fund(who, amount);
        vm.prank(who);
        return vault.deposit(amount, who);
    }

    /// @dev `who` has so much more, and whoever asks may pull it.
    function _fund(address who, uint256 amount) internal {
        coin.mint(who, amount);
        vm.startPrank(who);
        coin.approve(address(credit), type(uint256).max);
        coin.approve(address(vault), type(uint256).max);
        coin.approve(address(auction), type(uint256).max);
        coin.approve(address(router), type(uint256).max);
        vm.stopPrank();
    }

    /// @dev The loss fund holds `amount`, of which the market may draw all.
    function _fillLossFund(uint256 amount) internal {
        SlashedStake source = new SlashedStake();
        coin.mint(address(source), amount);
        lossFund.collect(IPayouts(address(source)), coin);
        vm.prank(risk);
        lossFund.allow(address(credit), coin, amount);
    }

    function _pause() internal {
        vm.prank(guardian);
        registry.pause();
    }

    /* ---- what must hold after each step ---- */

    /// @dev The market's money is where its books say.
    function _checkMoney(uint256 loanId) internal view {
        Loan memory l = credit.loan(loanId);
        uint256 kept = uint256(l.setAside) + l.reserve + credit.owed(coin, l.borrower) + credit.owed(coin, costs);
        vm.assertEq(coin.balanceOf(address(credit)), kept, "credit keeps set-aside revenue, reserve and what it owes");
        vm.assertEq(coin.balanceOf(address(vault)), vault.book().cash + vault.book().setAside, "vault's cash");
        if (l.state == LoanState.Open && l.markedSince == 0) {
            vm.assertEq(vault.book().performingPrincipal, l.principal, "performing principal");
        }
    }

    /* ---- deployment ---- */

    function _deployMarket() private {
        market = CreditSystem({
            authority: address(authority),
            registry: address(registry),
            oracle: address(oracle),
            router: address(router),
            shareFactory: address(shareFactory),
            lossFund: address(lossFund),
            asset: address(coin),
            credit: _predict("credit"),
            office: _predict("office"),
            health: _predict("health"),
            custody: _predict("custody"),
            auction: _predict("auction"),
            vault: _predict("vault"),
            appraisal: _predict("appraisal"),
            prices: _predict("prices")
        });
        appraisal = Appraisal(
            _put("appraisal", vm.getCode("Appraisal.sol:Appraisal"), abi.encode(market, _appraisalParameters()))
        );
        prices = CollateralPrices(
            _put("prices", vm.getCode("CollateralPrices.sol:CollateralPrices"), abi.encode(market, _sequencerFeed()))
        );
        custody = FleetCustody(_put("custody", vm.getCode("FleetCustody.sol:FleetCustody"), abi.encode(market)));
        health = LoanHealth(
            _put("health", vm.getCode("LoanHealth.sol:LoanHealth"), abi.encode(market, _healthParameters()))
        );
        _put("office", vm.getCode("LoanOffice.sol:LoanOffice"), abi.encode(market));
        credit = IFleetCredit(_put("credit", vm.getCode("FleetCredit.sol:FleetCredit"), abi.encode(market)));
        auction = CollateralAuction(
            _put(
                "auction",
                vm.getCode("CollateralAuction.sol:CollateralAuction"),
                abi.encode(market, _auctionParameters())
            )
        );
        vault = CreditVault(
            _put(
                "vault",
                vm.getCode("CreditVault.sol:CreditVault"),
                abi.encode(market, "Fleet Credit", "fcUSD", _coins(10_000_000))
            )
        );
    }

    function _appraisalParameters() internal pure returns (AppraisalParameters memory) {
        return AppraisalParameters({
            leftBps: [uint16(6500), 4500, 3000, 2000],
            mostStepBps: 2000,
            leastPause: 1 days,
            maxAge: 35 days,
            economicLifeMonths: 72,
            discountBps: 1200
        });
    }

    function _healthParameters() internal pure returns (HealthParameters memory) {
        return HealthParameters({
            hardwareFloorBps: 4000,
            collateralFloorBps: 9000,
            youngDays: 30,
            provenDays: 90,
            reportSilence: 48 hours,
            mostStandstill: 30 days
        });
    }

    function _auctionParameters() internal pure returns (AuctionParameters memory) {
        return AuctionParameters({
            collateralStartBps: 10_500,
            collateralEndBps: 9000,
            collateralFall: 6 hours,
            collateralAlone: 24 hours,
            leastFillBps: 1000,
            lotStartBps: 12_000,
            lotEndBps: 4000,
            lotFall: 72 hours,
            longestGap: 1 hours,
            resumeWindow: 30 days
        });
    }

    function _assignMarketRoles() private {
        _let(Roles.RISK, risk, address(credit), IFleetCredit(address(0)).approve.selector);
        _let(Roles.RISK, risk, address(credit), IFleetCredit(address(0)).setCap.selector);
        _let(Roles.RISK, risk, address(credit), IFleetCredit(address(0)).setInsuredUntil.selector);
        _let(Roles.RISK, risk, address(credit), IFleetCredit(address(0)).stepIn.selector);
        _let(Roles.RISK, risk, address(credit), IFleetCredit(address(0)).offerLot.selector);
        _let(Roles.RISK, risk, address(vault), CreditVault.setCap.selector);
        _let(Roles.RISK, risk, address(custody), FleetCustody.consent.selector);
        _let(Roles.RISK, risk, address(custody), FleetCustody.returnTitle.selector);
        _let(Roles.PARAMETERS, parameters, address(credit), IFleetCredit(address(0)).setCostRecipient.selector);
        _let(Roles.PARAMETERS, parameters, address(prices), CollateralPrices.list.selector);
        _let(Roles.GUARDIAN, guardian, address(prices), CollateralPrices.delist.selector);
        _let(Roles.APPRAISER, appraiser, address(appraisal), Appraisal.setPrice.selector);
    }

    function _openMarket() private {
        _setPrice(25_000);
        _setBtc(_btcPrice());
        vm.startPrank(parameters);
        prices.list(
            address(btc),
            PriceFeed({
                feed: IAggregatorV3(address(feed)),
                maxAge: 1 hours,
                feedDecimals: 8,
                tokenDecimals: 8,
                mostJumpBps: 2000,
                least: 1000e8,
                most: 1_000_000e8
            })
        );
        credit.setCostRecipient(costs);
        vm.stopPrank();
        vm.startPrank(risk);
        credit.setCap("fleet", 0, uint96(_coins(1_000_000)));
        credit.setCap("operator", 0, uint96(_coins(2_000_000)));
        credit.setCap("borrower", 0, uint96(_coins(2_000_000)));
        vm.stopPrank();
        _deposit(lender, _coins(3_000_000));
    }
}
