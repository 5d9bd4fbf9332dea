// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IPayouts} from "./IPayouts.sol";

/// @notice Where a loan stands. `Held` is a lot that nobody bought and the vault took.
enum LoanState {
    None,
    Requested,
    Approved,
    Open,
    Held,
    Closed
}

/// @notice What is wrong with a loan, each provable from the chain alone.
enum Evidence {
    None,
    /// @dev A due date passed and neither revenue nor reserve paid it. Marks, and is no breach yet.
    MissedDue,
    /// @dev The same, with the grace over. From here on a breach.
    PastGrace,
    /// @dev Debt above the breach limit by a fresh appraisal and fresh feeds.
    AboveBreachLimit,
    InsuranceExpired,
    /// @dev No head for 48 hours of the fleet's proof clock.
    NoReport
}

/// @notice What a title's owner asks for.
struct LoanRequest {
    uint64 fleetId;
    uint8 months;
    /// @dev Whether revenue beyond the next instalment prepays principal instead of going to the borrower.
    bool sweep;
    /// @dev In asset units.
    uint96 principal;
    /// @dev Fleet shares beside the bound ones, which go with the title.
    uint96 shares;
    /// @dev Liquid collateral; zero for none.
    IERC20 collateral;
    uint96 collateralAmount;
}

/// @notice What the risk role grants, fixed for the loan's life but for `insuredUntil`. Ratios in basis points.
struct LoanTerms {
    /// @dev The most that may be drawn, in asset units.
    uint96 ceiling;
    uint16 rateBps;
    /// @dev Added to the rate from the first record of a missed due date or breach until it is cured.
    uint16 lateRateBps;
    uint8 months;
    /// @dev Instalments that the reserve holds.
    uint8 reserveMonths;
    uint8 graceDays;
    /// @dev The approval ends, Unix seconds.
    uint40 expiry;
    /// @dev Insurance that the risk role has seen ends, Unix seconds.
    uint40 insuredUntil;
    uint16 hardwareLtvBps;
    uint16 hardwareBreachBps;
    /// @dev In place of `hardwareLtvBps` for a loan drawn before the fleet had 30 days of history, for as long as it is tested
    /// without the revenue cap.
    uint16 youngLtvBps;
    uint16 collateralLtvBps;
    uint16 collateralBreachBps;
    /// @dev Expected net revenue of the pledge over debt service, where the fleet has a history; 13,500 is 1.35.
    uint16 coverageBps;
    /// @dev Of a lot's price, what a sale costs, for the cost recipient.
    uint16 saleCostBps;
}

/// @notice A loan as readers see it. Money in asset units, times in Unix seconds.
struct Loan {
    uint64 fleetId;
    LoanState state;
    address borrower;
    /// @dev The fleet's operator when drawn: whose cap it counts in. Zero until then.
    address operator;
    bool sweep;
    /// @dev Drawn before the fleet had 30 days of history: tested without the revenue cap until day 90.
    bool young;
    LoanTerms terms;
    uint96 drawn;
    uint96 principal;
    /// @dev Asset units × basis points × seconds, as of `accruedAt`.
    uint144 accruedScaled;
    uint40 accruedAt;
    /// @dev Basis points a year that accrue now; `rateBps`, or with the late rate.
    uint16 accrualBps;
    uint40 startedAt;
    /// @dev The first instalment that is not met, 1 to `months`, and its due date.
    uint8 nextDue;
    uint40 nextDueAt;
    /// @dev Revenue kept for the next instalment, and the reserve with its target.
    uint96 setAside;
    uint96 reserve;
    uint96 reserveTarget;
    /// @dev Shares and collateral in custody. Before `draw`, what was asked.
    uint96 shares;
    IERC20 collateral;
    uint96 collateralAmount;
    /// @dev Since when it is written down, and since when in breach; zero where it is not.
    uint40 markedSince;
    uint40 breachedSince;
    /// @dev Who controls the fleet in place of the borrower; zero for nobody.
    address steward;
    /// @dev For a held lot: what it owes, and its asking price; zero where it is not on offer.
    uint96 heldOwed;
    uint96 askingPrice;
}

/// @notice What a sale must know of a loan, for the few reads that a bid can afford.
struct SaleState {
    uint64 fleetId;
    LoanState state;
    uint40 breachedSince;
    /// @dev Whether title and pledged shares are still in custody for it.
    bool hasLot;
    uint96 shares;
    IERC20 collateral;
    uint96 collateralAmount;
    /// @dev Principal and interest now, rounded up, in asset units.
    uint256 owed;
}

/// @notice One line of a schedule. Money in asset units.
struct Instalment {
    /// @dev Unix seconds: the start plus n calendar months.
    uint256 dueAt;
    uint256 principal;
    /// @dev What is to be left after it.
    uint256 balance;
}

/// @notice A loan against its limits, now. Money in asset units, rounded down.
struct Health {
    uint256 debt;
    /// @dev Appraisal × (pledged + bound shares) ÷ supply, with or without the revenue cap as the loan is tested.
    uint256 hardware;
    uint256 collateral;
    uint256 borrowLimit;
    uint256 breachLimit;
}

/// @notice What FleetCredit tells: events and reasons to refuse.
interface ICreditFacts {
    event RequestLoan(uint256 indexed loanId, uint256 indexed fleetId, address indexed borrower, LoanRequest request);
    event CancelLoan(uint256 indexed loanId);
    event ApproveLoan(uint256 indexed loanId, LoanTerms terms);
    event DrawLoan(uint256 indexed loanId, address indexed to, uint256 principal, uint256 reserve);
    event RepayLoan(uint256 indexed loanId, address indexed payer, uint256 principal, uint256 interest);
    /// @notice Where revenue went. `due` and `prepaid` also appear as `RepayLoan`.
    event ServeLoan(
        uint256 indexed loanId, uint256 revenue, uint256 paid, uint256 fromReserve, uint256 setAside, uint256 released
    );
    event MarkLoan(uint256 indexed loanId, Evidence evidence, uint256 since, uint256 floor);
    event BreachLoan(uint256 indexed loanId, Evidence evidence, uint256 since);
    event CureLoan(uint256 indexed loanId);
    event SetSweep(uint256 indexed loanId, bool sweep);
    event SetInsuredUntil(uint256 indexed loanId, uint256 insuredUntil);
    event AddCollateral(uint256 indexed loanId, address indexed from, uint256 amount);
    event AddShares(uint256 indexed loanId, address indexed from, uint256 amount);
    event WithdrawCollateral(uint256 indexed loanId, address indexed to, uint256 amount);
    event WithdrawShares(uint256 indexed loanId, address indexed to, uint256 amount);
    event StepIn(uint256 indexed loanId, address indexed steward);
    event SellCollateral(uint256 indexed loanId, address indexed to, uint256 amount, uint256 price);
    event SellLot(uint256 indexed loanId, address indexed to, uint256 price, uint256 costs);
    event HoldLot(uint256 indexed loanId, uint256 owed, uint256 value);
    event OfferLot(uint256 indexed loanId, uint256 askingPrice);
    /// @notice Nothing is owed any more. `surplus` is what the borrower got beyond it, `covered` what the loss fund paid, `loss` the vault's.
    event CloseLoan(uint256 indexed loanId, uint256 surplus, uint256 covered, uint256 loss);
    /// @notice A closed loan's pledge could not be sent back: the borrower takes it with `reclaimLot` and `reclaimCollateral`.
    event KeepPledge(uint256 indexed loanId, bool lot, bool collateral);
    event SetCap(bytes32 indexed kind, bytes32 indexed key, uint256 cap);
    event SetCostRecipient(address indexed recipient);

    error Paused();
    error UnknownLoan(uint256 loanId);
    error WrongState(uint256 loanId, LoanState state);
    error NotTitleOwner(uint256 fleetId, address caller);
    error NotBorrower(uint256 loanId, address caller);
    error NotAuction(address caller);
    error InvalidRequest(bytes32 field);
    error InvalidTerms(bytes32 field);
    error WrongToken(uint256 fleetId, address token);
    error ApprovalExpired(uint256 loanId, uint256 expiry);
    error FleetInUse(uint256 fleetId, uint256 loanId);
    error AboveCeiling(uint256 loanId, uint256 asked, uint256 ceiling);
    error AboveLimit(uint256 loanId, uint256 debt, uint256 limit);
    error CoverageTooLow(uint256 loanId, uint256 revenuePerMonth, uint256 servicePerMonth, uint256 coverageBps);
    error CapExceeded(bytes32 kind, bytes32 key, uint256 outstanding, uint256 cap);
    error NotInsured(uint256 loanId, uint256 insuredUntil);
    /// @notice A date that is drawn nearer leaves the loan's grace for other papers.
    error InsuranceTooShort(uint256 loanId, uint256 insuredUntil, uint256 least);
    error NoFreshReport(uint256 fleetId, uint256 acceptedAt);
    error NothingToRepay(uint256 loanId);
    error NoEvidence(uint256 loanId);
    error StillWrong(uint256 loanId, Evidence evidence);
    error NotMarked(uint256 loanId);
    error NotBreached(uint256 loanId);
    error InBreach(uint256 loanId);
    error NotOffered(uint256 loanId);
    error PriceTooHigh(uint256 loanId, uint256 price, uint256 limit);
    error PriceTooLow(uint256 loanId, uint256 price, uint256 least);
    error InvalidAmount(uint256 loanId, uint256 amount);
    /// @notice The vault takes a lot only once the liquid collateral, which sells first, is gone.
    error CollateralLeft(uint256 loanId, uint256 amount);
    error NothingToReclaim(uint256 loanId);
    error InsufficientPledge(uint256 loanId, uint256 held, uint256 asked);
}

/// @title LoanOffice: who may borrow how much?
/// @notice Loans until they are drawn, what secures them, limits on their sum, and how readers see them.
interface ILoanOffice is ICreditFacts {
    /* ---- borrowing ---- */

    /// @notice Asks for a loan. For the owner of the fleet's title.
    function request(LoanRequest calldata asked) external returns (uint256 loanId);

    /// @notice Takes back a request or an approval. For the borrower.
    function cancel(uint256 loanId) external;

    /// @notice Grants a request. Restricted to the risk role.
    function approve(uint256 loanId, LoanTerms calldata terms) external;

    /// @notice Takes title, shares and collateral into custody, pays out `principal` less the reserve. For the borrower, who
    /// approved FleetCustody for each of them.
    /// @dev Reverts while paused, with the approval over, insurance over, no head for 48 hours, a stale appraisal or feed, above
    /// ceiling, limit or caps, with coverage too low where the fleet has 30 days of history, and where the vault lacks cash.
    function draw(uint256 loanId, uint96 principal, address to) external;

    /// @notice Pledges more of the loan's collateral token. For anyone.
    function addCollateral(uint256 loanId, uint96 amount) external;

    /// @notice Pledges more of the fleet's shares. For anyone.
    function addShares(uint256 loanId, uint96 amount) external;

    /// @notice Takes back collateral while nothing is wrong, recorded or not, and as long as what is left would carry the debt if
    /// it were drawn now: borrow limit, and coverage where there is history. For the borrower.
    function withdrawCollateral(uint256 loanId, uint96 amount, address to) external;

    /// @notice Takes back shares, not those bound to the title, on the same terms. For the borrower.
    function withdrawShares(uint256 loanId, uint96 amount, address to) external;

    /// @notice Whether excess revenue prepays. For the borrower.
    function setSweep(uint256 loanId, bool sweep) external;

    /* ---- governance ---- */

    /// @notice Caps drawn principal of open loans; `kind` is "fleet", "operator" or "borrower", a zero `key` is the default
    /// for those without a cap of their own. Restricted to the risk role.
    function setCap(bytes32 kind, bytes32 key, uint96 cap) external;

    /// @notice Restricted to the risk role, which has seen the papers. The date is not in the past; where it is sooner than the one
    /// on record, not before the loan's grace days from now are over: a policy that ends early leaves time for another.
    function setInsuredUntil(uint256 loanId, uint40 insuredUntil) external;

    /* ---- reads ---- */

    function loanCount() external view returns (uint256);
    /// @notice The open or held loan of a fleet; zero where there is none.
    function loanOf(uint256 fleetId) external view returns (uint256);
    function loan(uint256 loanId) external view returns (Loan memory);
    /// @notice Instalment `n` of `months` as drawn.
    function instalment(uint256 loanId, uint256 n) external view returns (Instalment memory);
    /// @notice The loan against its limits. Reverts where appraisal or feed cannot tell.
    function health(uint256 loanId) external view returns (Health memory);
    function capOf(bytes32 kind, bytes32 key) external view returns (uint256);
    /// @notice Drawn principal of open loans counted in a cap.
    function outstanding(bytes32 kind, bytes32 key) external view returns (uint256);
}

/// @title LoanServicer: how are loans served, and how do they end?
interface ILoanServicer is IPayouts, ICreditFacts {
    /* ---- paying: never paused ---- */

    /// @notice Pays `amount`, or all that is owed where that is less. For anyone. The last payment closes the loan: title,
    /// shares and collateral go back to the borrower, reserve and set-aside revenue are credited to it. Any other that puts a
    /// marked loan right cures it.
    /// @return principal Paid, in asset units.
    /// @return interest Paid, in asset units.
    function repay(uint256 loanId, uint256 amount) external returns (uint256 principal, uint256 interest);

    /// @notice Brings the pledge's revenue and pays with it what it can, the reserve helping what is due. For anyone; for a held
    /// lot its revenue reduces what is owed.
    function service(uint256 loanId) external;

    /// @notice Takes title and shares that a closed loan could not send back, for instance because the gate of the shares refused
    /// the borrower: nobody's refusal keeps a loan from being paid. What they earned meanwhile is credited. For the borrower.
    function reclaimLot(uint256 loanId, address to) external;

    /// @notice Takes collateral that a closed loan could not send back, by itself: a token that refuses still keeps no title here.
    /// For the borrower.
    function reclaimCollateral(uint256 loanId, address to) external;

    /* ---- evidence ---- */

    /// @notice Services the loan, then writes it down on evidence, and declares a breach where the evidence is one. For anyone.
    /// A loan with a mark gets its floor anew, which stays at least what it was while a part of the pledge cannot be told.
    function mark(uint256 loanId) external;

    /// @notice Ends mark and breach once nothing is wrong any more. For anyone.
    function cure(uint256 loanId) external;

    /// @notice During a breach, names who controls the fleet for the lenders until it is cured; zero for the borrower.
    /// Restricted to the risk role.
    function stepIn(uint256 loanId, address steward) external;

    /* ---- sale: for the auction ---- */

    /// @notice `price`, at most what is owed, was sent to the vault for `amount` of collateral, whose `value` in the asset's units its
    /// feed tells. Cures the loan where nothing is wrong any more, closes it where all is paid, and else lets its mark count no more
    /// for what was sold.
    function collateralSold(uint256 loanId, uint96 amount, uint256 price, uint256 value, address to) external;

    /// @notice `price` was sent here for title and pledged shares. Costs, then the vault, then the borrower; set-aside revenue
    /// and reserve pay before a shortfall is booked. With a shortfall and collateral left the loan stays open and in breach,
    /// without its lot, until the collateral is sold: it is written down at once to what a mark's floor counts of the collateral,
    /// nothing where that cannot be told, and the sale of its last unit books what is missing then. Reverts with `NoEvidence`
    /// where nothing is wrong any more.
    function lotSold(uint256 loanId, uint256 price, address to) external;

    /// @notice Nobody bought the lot: the vault takes it for the debt alone, less reserve and set-aside revenue. Reverts while
    /// collateral is left, which sells first, and with `NoEvidence` where nothing is wrong any more.
    /// @param value Floor price, of which the vault books at most what is owed.
    function lotUnsold(uint256 loanId, uint256 value) external;

    /// @notice Offers a held lot, not below what the vault carries it at. Restricted to the risk role.
    function offerLot(uint256 loanId, uint96 askingPrice) external;

    /// @notice Buys a held lot at its asking price. For anyone.
    function buyLot(uint256 loanId, uint256 maxPrice, address to) external;

    /// @notice Who is credited with the costs of sales. Restricted.
    function setCostRecipient(address recipient) external;

    /* ---- reads ---- */

    /// @notice What is owed now: principal, and interest rounded up.
    function debt(uint256 loanId) external view returns (uint256 principal, uint256 interest);
    /// @notice What is due now and not paid: principal, and interest until the last due date with all of the late rate's,
    /// rounded up. A payment pays interest first: where principal is due, what meets it pays all interest until now too.
    function arrears(uint256 loanId) external view returns (uint256 principal, uint256 interest);
    /// @notice What is wrong with it now, as `mark` would find after servicing with `reserve` and set-aside revenue alone: the
    /// first breach in the order of `Evidence`, else a missed due date; and since when the first of all that is wrong has been so.
    /// @dev Both evidences of lateness are since the due date, which is missed from the second after it on.
    function evidence(uint256 loanId) external view returns (Evidence found, uint256 since);
    /// @notice The loan as the auction sees it.
    function saleState(uint256 loanId) external view returns (SaleState memory);
    function costRecipient() external view returns (address);
}

/// @title FleetCredit: what can be borrowed against a fleet?
/// @notice Term loans with equal monthly principal and interest on what is left, served by the revenue of the pledged shares.
///
/// Due date n is the start plus n calendar months, counted from the start; a day that a month lacks is its last. Interest accrues per second
/// of a 365-day year on outstanding principal, exactly, and rounds up for the vault when paid. A payment pays interest first, then
/// principal. Instalment n asks that no more than `drawn - floor(drawn × n ÷ months)` is left and that interest until its
/// due date is paid; prepaid principal counts.
///
/// Revenue of the pledge: what is due, then the reserve up to its target, then the next instalment in full; of the rest
/// the sweep prepays, or the borrower is credited. The sweep takes what was set aside with it, all but the interest until the next
/// due date: prepaid principal is not asked for again. In a breach all of it pays the loan. When a due date finds too little, the reserve pays.
/// @dev Money is pulled straight to the vault, or kept here: set-aside revenue, reserves, and what is owed to borrowers.
///
/// One contract for whoever calls it, in two pieces of code, as one would not fit the size limit: `ILoanServicer` is its own;
/// for `ILoanOffice` it runs LoanOffice's on its own storage. Both are immutable.
interface IFleetCredit is ILoanOffice, ILoanServicer {}
