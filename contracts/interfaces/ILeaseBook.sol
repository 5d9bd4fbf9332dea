// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC4907} from "./IERC4907.sol";
import {IPayouts} from "./IPayouts.sol";

/// @notice Who ended a lease before its agreed end.
enum EndedBy {
    Nobody,
    Lessee,
    Operator
}

/// @notice A lease as readers see it. Money in token units; `deposit = paid + fee + refunded + held`, always.
struct Lease {
    uint256 fleetId;
    uint32 gpus;
    uint72 pricePerGpuHour;
    uint16 termsId;
    /// @dev Whether its holder was a lessee of record when it opened and at every transfer since.
    bool ofRecord;
    uint40 openedAt;
    /// @dev Zero until access is granted: delivery counts from here.
    uint40 grantedAt;
    /// @dev Agreed seconds.
    uint24 duration;
    /// @dev Effective end; zero until granted.
    uint40 end;
    EndedBy endedBy;
    bool closed;
    /// @dev Whether the capacity was given back before the closing.
    bool released;
    uint64 deliveredGpuMs;
    /// @dev Until when delivery was credited.
    uint40 settledAsOf;
    uint256 deposit;
    /// @dev Rent for what was delivered: `floor(price * delivered / 3,600,000)`.
    uint256 paid;
    /// @dev Notice of a lessee that ended early, or one hour for a cancellation within the first.
    uint256 fee;
    uint256 refunded;
    uint256 held;
}

/// @notice One lease to settle in a batch.
struct Delivery {
    uint256 leaseId;
    uint64 deliveredGpuMs;
}

/// @notice Both sides' word on what a lease got.
struct MutualClosing {
    uint256 leaseId;
    /// @dev Delivery that both sides signed, at least what is proved.
    uint64 agreedGpuMs;
    bytes operatorSignature;
    bytes ownerSignature;
    /// @dev The lease's leaf in the head and its proof; ignored where the head is not later than the grant.
    uint64 provedGpuMs;
    bytes32[] proof;
}

/// @notice An ERC-2612 signature.
struct Permit {
    uint256 value;
    uint256 deadline;
    uint8 v;
    bytes32 r;
    bytes32 s;
}

/// @title LeaseBook: who may use which capacity, at what price, and what was earned?
/// @notice Each lease is an ERC-721 whose whole rent is prepaid. Rent is paid by delivery, as reports prove it, and what was
/// not delivered goes back to the lease's owner. No proof, no pay.
/// @dev Also ERC-721. A lease id is `fleetId << 32 | n`. Ids of closed leases stay with their owner and cannot be transferred.
interface ILeaseBook is IERC4907, IPayouts {
    event Open(
        uint256 indexed leaseId,
        address indexed lessee,
        address indexed payer,
        uint256 gpus,
        uint256 duration,
        uint256 pricePerGpuHour,
        uint256 deposit,
        bytes32 accessKey
    );
    event GrantAccess(
        uint256 indexed leaseId, address indexed operator, uint256 end, bytes32 gpuRoot, bytes connection
    );
    event ReplaceGpus(uint256 indexed leaseId, bytes32 gpuRoot, bytes connection);
    event Rekey(uint256 indexed leaseId, address indexed by, bytes32 accessKey);
    event Settle(uint256 indexed leaseId, uint256 deliveredGpuMs, uint256 asOf, uint256 rent);
    event EndEarly(uint256 indexed leaseId, EndedBy indexed by, uint256 end, uint256 fee);
    event Release(uint256 indexed leaseId, uint256 gpus);
    event Close(
        uint256 indexed leaseId,
        address indexed lessee,
        uint256 refund,
        uint256 slaCredit,
        uint256 compensation,
        uint256 availabilityWad
    );
    event Cancel(uint256 indexed leaseId, address indexed lessee, uint256 refund, uint256 fee);
    event RevokeMutual(uint256 indexed leaseId, address indexed by, uint256 nonce);
    event PayRouter(uint256 indexed fleetId, uint256 amount);

    error NotRouter(address caller);
    error NotLessee(uint256 leaseId, address caller);
    error NotOperator(uint256 fleetId, address caller);
    /// @notice Only a lessee or whom it approved for all its leases may open in its name.
    error NotApprovedBy(address lessee, address caller);
    error UnknownLease(uint256 leaseId);
    error InvalidGpus(uint256 gpus);
    error InvalidDuration(uint256 duration, uint256 least, uint256 most);
    error InvalidAccessKey();
    error InvalidGpuRoot();
    error CapacityExceeded(uint256 fleetId, uint256 asked, uint256 free);
    error PriceAboveMaximum(uint256 price, uint256 maximum);
    error PriceBelowFloor(uint256 price, uint256 floor);
    error LeaseClosed(uint256 leaseId);
    error AlreadyGranted(uint256 leaseId);
    error NotGranted(uint256 leaseId);
    error AlreadyEnding(uint256 leaseId);
    error AlreadyReleased(uint256 leaseId);
    /// @notice The lease ends, or ended, at `end`.
    error LeaseNotEnded(uint256 leaseId, uint256 end);
    error LeaseEnded(uint256 leaseId, uint256 end);
    /// @notice Only the lessee may cancel before `time`.
    error CannotCancelBefore(uint256 leaseId, uint256 time);
    error WrongFleet(uint256 leaseId, uint256 fleetId);
    /// @notice `(leaseId, deliveredGpuMs)` is not in the root of the fleet's head.
    error InvalidProof(uint256 leaseId, uint256 deliveredGpuMs);
    /// @notice The head is not late enough.
    error HeadTooOld(uint256 fleetId, uint256 asOf, uint256 needed);
    error HeadCovers(uint256 leaseId, uint256 asOf);
    /// @notice The proof clock shows `elapsed` of `needed` seconds.
    error ProofDeadlineRunning(uint256 leaseId, uint256 elapsed, uint256 needed);
    error MutualTooEarly(uint256 leaseId, uint256 from);
    error InvalidDelivery(uint256 leaseId, uint256 asked, uint256 least, uint256 most);
    error InvalidSignature(uint256 leaseId, address signer);

    /* ---- opening ---- */

    /// @notice Leases `gpus` of a fleet for `duration` seconds from the grant on, and pulls the whole deposit, rounded up.
    /// @param to Receives the lease; the caller, or one that approved the caller for all.
    /// @param maxPricePerGpuHour The most that is accepted, in token units per GPU-hour.
    /// @param accessKey X25519 public key to which the operator encrypts connection data.
    function open(
        uint256 fleetId,
        address to,
        uint32 gpus,
        uint24 duration,
        uint256 maxPricePerGpuHour,
        bytes32 accessKey
    ) external returns (uint256 leaseId);

    /// @notice As `open`, with an ERC-2612 permit. A permit that somebody else already used does no harm.
    function openWithPermit(
        uint256 fleetId,
        address to,
        uint32 gpus,
        uint24 duration,
        uint256 maxPricePerGpuHour,
        bytes32 accessKey,
        Permit calldata permit
    ) external returns (uint256 leaseId);

    /// @notice Starts delivery and commits to the GPUs that serve the lease. For the fleet's operator.
    /// @param gpuRoot Root of the ids of the GPUs, a GPU serves one lease at a time.
    /// @param connection Connection data, encrypted to the access key.
    function grantAccess(uint256 leaseId, bytes32 gpuRoot, bytes calldata connection) external;

    /// @notice A new, dated commitment to other GPUs. For the fleet's operator.
    function replaceGpus(uint256 leaseId, bytes32 gpuRoot, bytes calldata connection) external;

    /// @notice Publishes a new access key. For the lease's owner or user.
    function rekey(uint256 leaseId, bytes32 accessKey) external;

    /* ---- settling ---- */

    /// @notice Pays rent for delivery that the fleet's head proves. For anyone.
    /// @dev Settling twice equals settling once, and a leaf below what is already credited pays nothing.
    /// @return rent Token units credited to the fleet.
    function settle(uint256 leaseId, uint64 deliveredGpuMs, bytes32[] calldata proof) external returns (uint256 rent);

    /// @notice Settles leases of one fleet with one multiproof, leaves in the tree's order.
    function settleMany(
        uint256 fleetId,
        Delivery[] calldata deliveries,
        bytes32[] calldata proof,
        bool[] calldata proofFlags
    ) external returns (uint256 rent);

    /* ---- ending ---- */

    /// @notice Gives up a lease that was never granted: within an hour of `open` for one hour's rent, later for nothing; after
    /// 24 hours anyone may.
    function cancel(uint256 leaseId) external;

    /// @notice Ends a granted lease two report intervals from now. In the first hour after the grant free, later for
    /// 24 hours of rent, never more than is held beyond the rent until the end. For the lease's owner.
    function endByLessee(uint256 leaseId) external;

    /// @notice Ends a granted lease after the notice in its terms; compensation follows at closing. For the fleet's operator.
    function endByOperator(uint256 leaseId) external;

    /// @notice After the end, frees the GPUs for others. For anyone.
    function releaseCapacity(uint256 leaseId) external;

    /// @notice Settles from a head at or after the end, refunds the rest, credits SLA and compensation. For anyone.
    /// @dev Where the lessee ended early, the SLA credit is `term / duration` of the terms', rounded down.
    function close(uint256 leaseId, uint64 deliveredGpuMs, bytes32[] calldata proof) external;

    /// @notice Refunds what no report proved before the deadline. For anyone.
    function closeUnproved(uint256 leaseId) external;

    /// @notice Closes on both sides' word, while no head covers the end. Where the head is later than the grant, it settles
    /// from it first.
    function closeMutual(MutualClosing calldata closing) external;

    /// @notice Makes earlier mutual-closing signatures worthless. For the operator or the lease's owner.
    function revokeMutual(uint256 leaseId) external;

    /* ---- rights of others ---- */

    /// @notice Hands `amount` of a fleet's earned rent to the router, which alone may call.
    function payRouter(uint256 fleetId, uint256 amount) external;

    /* ---- reads ---- */

    /// @notice The lease. Reverts with `UnknownLease`.
    function lease(uint256 leaseId) external view returns (Lease memory);
    function leasedGpus(uint256 fleetId) external view returns (uint256);
    function leaseCount(uint256 fleetId) external view returns (uint256);
    /// @notice Counted money of a fleet here: held deposits, and rent that the router has not pulled.
    function escrowOf(uint256 fleetId) external view returns (uint256);
    /// @notice The GPUs that serve the lease now.
    function gpuRootOf(uint256 leaseId) external view returns (bytes32);
    /// @notice The nonce that mutual-closing signatures must carry.
    function mutualNonce(uint256 leaseId) external view returns (uint256);
    /// @notice EIP-712 digest of a mutual closing.
    function mutualDigest(uint256 leaseId, uint64 agreedGpuMs) external view returns (bytes32);
    /// @notice Hash of all that a buyer of the lease relies on.
    function stateHash(uint256 leaseId) external view returns (bytes32);
}
