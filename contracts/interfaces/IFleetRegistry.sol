// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Amount, IERC7578, Properties} from "./IERC7578.sol";
import {IPricing} from "./IPricing.sol";

/// @notice Where a fleet stands. Only a live fleet takes new business.
enum FleetStatus {
    None,
    Live,
    WoundDown
}

/// @notice A fleet as readers see it. Power in watts, times in Unix seconds, prices in token units per GPU-hour.
struct Fleet {
    FleetStatus status;
    /// @dev Two proofs of one GPU id stopped new business until the registrar decides.
    bool suspended;
    address settlementToken;
    uint8 tokenDecimals;
    uint32 capacity;
    uint24 maxTerm;
    address operator;
    uint32 boardPowerWatts;
    /// @dev Seconds between two samples of one GPU; fixed at enrolment.
    uint32 sampleCadence;
    IPricing pricing;
    uint72 priceFloor;
    address incomingOperator;
    uint40 incomingFrom;
    uint40 commissionedAt;
    uint40 insuranceExpiry;
    uint32 requestedCapacity;
    address shares;
    bytes32 gpuClass;
    bytes32 region;
    bytes32 gpuRoot;
    bytes32 requestedGpuRoot;
    bytes32 deedHash;
}

/// @notice The fleet's shares, fixed at creation.
struct ShareTerms {
    string name;
    string symbol;
    /// @dev Whole supply, 18 decimals, between 1e18 and 2^96 - 1. A tenth is bound to the title.
    uint96 supply;
    /// @dev Whether the ERC-7943 gate exists: from creation or never.
    bool gated;
    /// @dev Exempt from the gate as a receiver; may be zero.
    address custodian;
}

/// @notice All that an operator says of a fleet when it enrols it.
struct Enrolment {
    /// @dev Receives title and shares.
    address owner;
    bytes32 gpuClass;
    bytes32 region;
    uint32 boardPowerWatts;
    uint32 sampleCadence;
    uint24 maxTerm;
    /// @dev Requested; nothing can be leased or reported until the registrar confirmed it.
    uint32 capacity;
    /// @dev Root of an OpenZeppelin StandardMerkleTree with leaves `(bytes32 gpuId)`.
    bytes32 gpuRoot;
    address settlementToken;
    IPricing pricing;
    uint72 priceFloor;
    /// @dev The operator's part of rent after the protocol fee, in basis points; may only fall later.
    uint16 operatingShareBps;
    uint40 insuranceExpiry;
    bytes32 deedHash;
    Properties documents;
    ShareTerms shares;
}

/// @notice What LeaseBook needs to know of a fleet to open a lease.
struct Opening {
    address token;
    uint32 capacity;
    uint24 maxTerm;
    IPricing pricing;
    uint72 priceFloor;
    bool ofRecord;
}

/// @notice What an appraisal needs to know of a fleet.
struct Hardware {
    address token;
    uint32 capacity;
    /// @dev Unix seconds; zero before.
    uint40 commissionedAt;
    bytes32 gpuClass;
}

/// @title FleetRegistry: what is the asset, and who runs it?
/// @notice ERC-721 titles of fleets. The title is control; the fleet's shares are its whole economic interest.
/// @dev Business opens by `seal`, once, which checks the code of every contract that holds a right here.
interface IFleetRegistry is IERC7578 {
    event Seal(address indexed by);
    event Pause(address indexed by);
    event Unpause(address indexed by);
    event ListToken(address indexed token, uint8 decimals);
    event DelistToken(address indexed token);
    event AdmitOperator(address indexed account, bytes32 checkedHash);
    event DismissOperator(address indexed account);
    event AdmitLessee(address indexed account, bytes32 checkedHash);
    event DismissLessee(address indexed account);
    event Enrol(
        uint256 indexed fleetId,
        address indexed owner,
        address indexed operator,
        address shares,
        bytes32 gpuClass,
        bytes32 region
    );
    event RequestGrowth(uint256 indexed fleetId, uint256 capacity, bytes32 gpuRoot);
    event SetCapacity(uint256 indexed fleetId, uint256 capacity, bytes32 gpuRoot);
    event SetPricing(uint256 indexed fleetId, IPricing pricing);
    event LowerFloor(uint256 indexed fleetId, uint256 priceFloor);
    event ConsentToFloor(uint256 indexed fleetId, uint256 priceFloor);
    event ProposeOperator(uint256 indexed fleetId, address indexed operator, uint256 effectiveFrom);
    event ReplaceOperator(uint256 indexed fleetId, address indexed from, address indexed to);
    event ProveDoubleEnrolment(bytes32 indexed gpuId, uint256 indexed fleetA, uint256 indexed fleetB);
    event ClearDoubleEnrolment(uint256 indexed fleetId);
    event SetInsurance(uint256 indexed fleetId, uint256 insuranceExpiry, bytes32 deedHash);
    event WindDown(uint256 indexed fleetId);

    /// @notice Only the deployer may seal.
    error NotSealer(address caller);
    error AlreadySealed();
    /// @notice A right-holder's code is not the code that was expected.
    error CodeMismatch(address holder, bytes32 expected, bytes32 found);
    error NotSealed();
    error Paused();
    error TokenNotListed(address token);
    error InvalidToken(address token);
    error NotAdmitted(address account);
    error UnknownFleet(uint256 fleetId);
    error FleetNotLive(uint256 fleetId);
    error FleetSuspended(uint256 fleetId);
    error NotController(uint256 fleetId, address caller);
    error NotTitleOwner(uint256 fleetId, address caller);
    /// @notice Class, region, power, cadence, term, capacity, GPU root, floor, supply and hashes must not be zero or out of range.
    error InvalidEnrolment(bytes32 field);
    error InvalidCapacity(uint256 fleetId, uint256 current, uint256 asked);
    error CapacityLeased(uint256 fleetId, uint256 leasedGpus, uint256 asked);
    error NoGrowthRequested(uint256 fleetId);
    /// @notice The registrar confirms what it checked: capacity and root must be those requested.
    error GrowthChanged(uint256 fleetId, uint256 capacity, bytes32 gpuRoot);
    error InvalidFloor(uint256 fleetId, uint256 current, uint256 asked);
    error NoConsent(uint256 fleetId, uint256 asked);
    error NoOperatorProposed(uint256 fleetId);
    error NoticeRunning(uint256 fleetId, uint256 effectiveFrom);
    error InvalidHash();
    error InvalidProof(uint256 fleetId, bytes32 gpuId);
    error SameFleet(uint256 fleetId);
    error NotSuspended(uint256 fleetId);
    /// @notice A time for which capacity is not known: before enrolment, or in the future.
    error InvalidTime(uint256 time);

    /* ---- governance ---- */

    /// @notice Opens business once, after checking the code of all peers.
    /// @param codeHashes Expected `EXTCODEHASH` of authority, oracle, lease book, lease terms, bond, router, share factory, transfer gate
    /// and loss fund, in this order.
    function seal(bytes32[9] calldata codeHashes) external;

    /// @notice Stops new business everywhere. Settlement, refunds, claims, withdrawals and reporting go on.
    function pause() external;

    function unpause() external;

    /// @notice Lets new fleets settle in `token`, an ERC-20 with 6 to 18 decimals.
    /// @dev Assumes no fee on transfer, no rebase, no balance that moves by itself. Pulls check and refuse fees.
    /// Assumes that less than 2^96 units are ever a fleet's revenue, and prices below 2^72 units: 4,722 coins per GPU-hour with
    /// 18 decimals, too few of a currency whose coin is worth next to nothing.
    function listToken(address token) external;

    /// @notice New fleets cannot choose `token` any more. Fleets that have it go on.
    function delistToken(address token) external;

    /// @notice Admits an operator; `checkedHash` is the hash of what was checked.
    function admitOperator(address account, bytes32 checkedHash) external;

    function dismissOperator(address account) external;

    /// @notice Puts a lessee on record; only rent from lessees of record counts in appraisals.
    function admitLessee(address account, bytes32 checkedHash) external;

    function dismissLessee(address account) external;

    /// @notice Makes a requested growth real. The registrar repeats what it checked.
    function confirmGrowth(uint256 fleetId, uint32 capacity, bytes32 gpuRoot) external;

    /// @notice Lowers the floor below which the fleet cannot be leased; in custody only with the risk role's consent.
    function lowerFloor(uint256 fleetId, uint72 priceFloor) external;

    /// @notice The risk role agrees that the floor of a fleet in custody be lowered to `priceFloor`, once and by its present
    /// custodian's time.
    function consentToFloor(uint256 fleetId, uint72 priceFloor) external;

    /// @notice Ends a suspension for double enrolment.
    function clearDoubleEnrolment(uint256 fleetId) external;

    /* ---- fleets ---- */

    /// @notice Enrols a fleet with its shares. The caller, an admitted operator, becomes its operator.
    /// @return fleetId Also the id of the title.
    function enrol(Enrolment calldata enrolment) external returns (uint256 fleetId);

    /// @notice Asks for more GPUs under a new root. For the controller; the registrar confirms.
    function requestGrowth(uint256 fleetId, uint32 capacity, bytes32 gpuRoot) external;

    /// @notice Takes GPUs out, never below what is leased. For the title's owner alone.
    function shrink(uint256 fleetId, uint32 capacity, bytes32 gpuRoot) external;

    /// @notice Replaces boards without changing their number. For the title's owner alone.
    function setGpuRoot(uint256 fleetId, bytes32 gpuRoot) external;

    /// @notice Ends a fleet with nothing leased. For the title's owner alone.
    function windDown(uint256 fleetId) external;

    /// @notice Chooses who quotes the next lease. For the controller.
    function setPricing(uint256 fleetId, IPricing pricing) external;

    /// @notice Sets the ERC-7578 documents. For the controller.
    function setDocuments(uint256 fleetId, Properties calldata documents) external;

    /// @notice Sets insurance expiry and the hash of the deed that ties title to lien register. For the controller.
    function setInsurance(uint256 fleetId, uint40 insuranceExpiry, bytes32 deedHash) external;

    /// @notice Gives at least 7 days' notice to the operator. Proposing the zero address withdraws a proposal.
    function proposeOperator(uint256 fleetId, address operator) external;

    /// @notice After the notice, anyone may complete it; the new bond must cover every reservation. What was settled before
    /// is split first and is the old operator's.
    function replaceOperator(uint256 fleetId) external;

    /// @notice Two proofs of one GPU id in two live fleets stop new business in both. For anyone.
    function proveDoubleEnrolment(
        bytes32 gpuId,
        uint256 fleetA,
        bytes32[] calldata proofA,
        uint256 fleetB,
        bytes32[] calldata proofB
    ) external;

    /* ---- reads ---- */

    function isSealed() external view returns (bool);
    function isPaused() external view returns (bool);
    function isTokenListed(address token) external view returns (bool);
    /// @notice Hash of what was checked of an operator; zero where it is not admitted.
    function operatorRecord(address account) external view returns (bytes32);
    /// @notice Hash of what was checked of a lessee; zero where it is not on record.
    function lesseeRecord(address account) external view returns (bytes32);
    function fleetCount() external view returns (uint256);
    /// @notice The fleet. Reverts with `UnknownFleet`.
    function fleet(uint256 fleetId) external view returns (Fleet memory);
    function operatorOf(uint256 fleetId) external view returns (address);
    function settlementToken(uint256 fleetId) external view returns (address);
    /// @notice The title's owner or, where that is a custodian, whom it names.
    function controllerOf(uint256 fleetId) external view returns (address);
    /// @notice All that opening a lease depends on. Reverts where no new business is taken.
    function openingFor(uint256 fleetId, address lessee) external view returns (Opening memory);
    /// @notice All that an appraisal depends on, in three slots. Reverts with `UnknownFleet`.
    function hardwareOf(uint256 fleetId) external view returns (Hardware memory);
    /// @notice GPU-milliseconds of capacity from enrolment to `time`, exact across changes.
    function capacityGpuMs(uint256 fleetId, uint256 time) external view returns (uint256);
    /// @notice Capacity between two times, in GPU-milliseconds, and the board power in watts.
    function capacityBetween(uint256 fleetId, uint256 from, uint256 to)
        external
        view
        returns (uint256 gpuMs, uint256 boardPowerWatts);
    /// @notice Hash of all that a buyer of the title relies on.
    function stateHash(uint256 fleetId) external view returns (bytes32);
}
