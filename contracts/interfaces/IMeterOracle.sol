// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPayouts} from "./IPayouts.sol";

/// @notice What a fleet did from enrolment to `asOf`. Counters are cumulative, so a late report loses nothing.
struct Report {
    uint64 fleetId;
    /// @dev Unix seconds.
    uint40 asOf;
    uint64 availableGpuMs;
    uint64 busyGpuMs;
    uint64 energyJoules;
    /// @dev Root of an OpenZeppelin StandardMerkleTree with leaves `(uint256 leaseId, uint256 deliveredGpuMs)`.
    bytes32 leaseRoot;
    /// @dev Hash of the published leaf file.
    bytes32 dataHash;
    /// @dev Digest of the head on which this report builds; zero for the first.
    bytes32 previousDigest;
}

/// @notice A compact ECDSA signature (EIP-2098).
struct Signature {
    bytes32 r;
    bytes32 vs;
}

/// @notice A verifier's compact signature; `index` is its place in the fleet's set.
struct VerifierSignature {
    uint8 index;
    bytes32 r;
    bytes32 vs;
}

/// @notice A fleet's head. `digest` is zero before the first report.
struct Head {
    uint40 asOf;
    uint64 availableGpuMs;
    uint64 busyGpuMs;
    uint64 energyJoules;
    /// @dev When it became the head, Unix seconds.
    uint40 acceptedAt;
    bytes32 leaseRoot;
    bytes32 digest;
}

/// @notice A report that the operator posted alone.
struct Pending {
    bytes32 digest;
    uint40 asOf;
    address poster;
    uint40 postedAt;
    /// @dev Becomes the head this long after `postedAt`, undisputed.
    uint32 liveness;
    uint96 stake;
}

/// @notice An open dispute.
struct Dispute {
    bytes32 digest;
    address poster;
    address disputer;
    uint40 openedAt;
    uint96 posterStake;
    uint96 disputerStake;
    /// @dev A quorum's report took the head meanwhile: the ruling decides stakes only.
    bool superseded;
}

/// @title MeterOracle: what did the fleet really do?
/// @notice Keeps one head per fleet. The reporter key with a quorum of independent verifiers moves it at once; the operator
/// alone posts a pending report with a stake, which becomes the head when its liveness passes undisputed; verifiers alone
/// report when no head advanced for 24 hours. Nothing here is pausable.
/// @dev GPUs do not sign their own utilization. Reporter and quorum together can lie within what capacity and board power
/// make possible: hence independent verifiers, and a stake on each statement that stands alone.
interface IMeterOracle is IPayouts {
    event SetReporter(uint256 indexed fleetId, address indexed operator, address indexed reporter);
    event RetireReporter(uint256 indexed fleetId, address indexed reporter, uint256 answersUntil);
    event SetVerifiers(uint256 indexed fleetId, address[] verifiers, uint256 quorum);
    event SetLiveness(uint256 liveness);
    /// @notice The fleet has a new head. `signers` has bit i set for verifier i; bit 255 stands for the reporter.
    event AdvanceHead(uint256 indexed fleetId, uint256 indexed asOf, bytes32 digest, uint256 signers, Report report);
    event PostPending(
        uint256 indexed fleetId, uint256 indexed asOf, bytes32 digest, address poster, uint256 stake, Report report
    );
    /// @notice A pending report became the head, at `acceptedAt`; `PostPending` has what it says.
    event AdoptPending(uint256 indexed fleetId, uint256 indexed asOf, bytes32 digest, uint256 acceptedAt);
    event DropPending(uint256 indexed fleetId, bytes32 digest);
    event OpenDispute(uint256 indexed fleetId, bytes32 indexed digest, address indexed disputer, uint256 stake);
    event SupersedeDispute(uint256 indexed fleetId, bytes32 indexed digest);
    event RuleDispute(
        uint256 indexed fleetId, bytes32 indexed digest, bool upheld, uint256 toWinner, uint256 toLossFund
    );
    event ExpireDispute(uint256 indexed fleetId, bytes32 indexed digest);
    event Restate(uint256 indexed fleetId, bytes32 digest);
    event ProveLie(
        uint256 indexed fleetId,
        address indexed operator,
        address indexed reporter,
        uint256 asOf,
        address finder,
        uint256 slashed
    );

    error NotRegistry(address caller);
    error NotOperator(uint256 fleetId, address caller);
    error UnknownFleet(uint256 fleetId);
    error InvalidReporter(address reporter);
    error InvalidVerifiers();
    error InvalidQuorum(uint256 quorum, uint256 verifiers);
    error InvalidLiveness(uint256 liveness, uint256 least, uint256 most);
    error NotReporter(uint256 fleetId, address signer);
    error NotVerifier(uint256 fleetId, uint256 index, address signer);
    error UnknownVerifier(uint256 fleetId, uint256 index);
    /// @notice Indices must strictly increase: nobody counts twice.
    error DuplicateVerifier(uint256 fleetId, uint256 index);
    error QuorumNotReached(uint256 fleetId, uint256 signatures, uint256 quorum);
    error WrongParent(uint256 fleetId, bytes32 previousDigest, bytes32 head);
    error NotAdvancing(uint256 fleetId, uint256 asOf, uint256 headAsOf);
    error FromTheFuture(uint256 fleetId, uint256 asOf, uint256 time);
    error CounterFell(uint256 fleetId, bytes32 counter, uint256 value, uint256 headValue);
    error AvailableAboveCapacity(uint256 fleetId, uint256 grownGpuMs, uint256 capacityGpuMs);
    error BusyAboveAvailable(uint256 fleetId, uint256 busyGpuMs, uint256 availableGpuMs);
    error EnergyAboveBoardPower(uint256 fleetId, uint256 grownJoules, uint256 limitJoules);
    error OperatorNotSilent(uint256 fleetId, uint256 acceptedAt, uint256 from);
    error PendingExists(uint256 fleetId, bytes32 digest);
    error NothingPending(uint256 fleetId);
    error DisputeIsOpen(uint256 fleetId, bytes32 digest);
    error NoDispute(uint256 fleetId);
    error RulingStillOpen(uint256 fleetId, uint256 until);
    error NoContradiction();
    error LieAlreadyProved(uint256 fleetId, uint256 asOf, address reporter);
    error KeyNoLongerAnswers(uint256 fleetId, address reporter, uint256 until);
    error NoReport(uint256 fleetId);
    error StaleReport(uint256 fleetId, uint256 asOf, uint256 maxAge);
    error EmptyInterval(uint256 fleetId);

    /* ---- signers ---- */

    /// @notice Sets the operator's reporter key; the old one answers for its signatures for 21 days more. Neither the key nor
    /// the operator may be one of the fleet's verifiers.
    function setReporter(uint256 fleetId, address reporter) external;

    /// @notice Retires the reporter key when the operator changes. Only for the registry.
    function retireReporter(uint256 fleetId) external;

    /// @notice Sets 1 to 32 independent verifiers, strictly increasing addresses, and how many must sign. A reporter key
    /// among them is retired; the operator cannot be among them.
    function setVerifiers(uint256 fleetId, address[] calldata verifiers, uint8 quorum) external;

    /// @notice Sets the liveness of reports posted from now on, in seconds.
    function setLiveness(uint32 newLiveness) external;

    /* ---- reports ---- */

    /// @notice Moves the head at once, by the reporter and a quorum. For anyone who carries the signatures.
    function submit(Report calldata report, Signature calldata reporter, VerifierSignature[] calldata verifiers)
        external;

    /// @notice Moves the head by verifiers alone, when none advanced for 24 hours.
    function submitWithoutOperator(Report calldata report, VerifierSignature[] calldata verifiers) external;

    /// @notice Posts a pending report on the reporter's word alone; the caller pays the stake.
    function post(Report calldata report, Signature calldata reporter) external;

    /// @notice Writes down a head that became one by time, so that no later restart of a sequencer unmakes it. For anyone.
    /// @return root The head's lease root; zero before the first report.
    /// @return asOf The head's time.
    function touch(uint256 fleetId) external returns (bytes32 root, uint256 asOf);

    /// @notice Disputes the pending report; the caller pays an equal stake.
    function dispute(uint256 fleetId) external;

    /// @notice The arbiter decides. Upheld, the report becomes the head unless superseded; struck, it is dropped and the
    /// head stays. The winner gets its stake and half of the loser's, rounded down; the loss fund the rest.
    function rule(uint256 fleetId, bool upheld) external;

    /// @notice After 14 days without a ruling: strikes the report and returns both stakes. For anyone.
    function expireDispute(uint256 fleetId) external;

    /// @notice Lets arbiter and a quorum lower counters, without the operator. Money paid stands.
    function restate(Report calldata report, VerifierSignature[] calldata verifiers) external;

    /// @notice Proves that one reporter key signed two different statements about one fleet and moment, and slashes it.
    /// @dev Different counters or lease roots contradict each other; a different parent or data hash does not.
    function proveLie(
        Report calldata a,
        Signature calldata signatureA,
        Report calldata b,
        Signature calldata signatureB
    ) external;

    /* ---- reads ---- */

    /// @notice EIP-712 digest of a report, which signers sign.
    function digestOf(Report calldata report) external view returns (bytes32);
    /// @notice The head, with a pending report whose liveness has passed.
    function head(uint256 fleetId) external view returns (Head memory);
    /// @notice The head, or a revert where its `asOf` is more than `maxAge` seconds ago.
    function freshHead(uint256 fleetId, uint256 maxAge) external view returns (Head memory);
    /// @notice The head's lease root and time; zeros before the first report.
    function leaseRoot(uint256 fleetId) external view returns (bytes32 root, uint256 asOf);
    /// @notice Whether the head says that `leaseId` got `deliveredGpuMs`.
    function verifyLease(uint256 fleetId, uint256 leaseId, uint256 deliveredGpuMs, bytes32[] calldata proof)
        external
        view
        returns (bool);
    /// @notice Busy over available GPU time of the head's last interval, WAD, rounded down.
    function utilizationWad(uint256 fleetId) external view returns (uint256);
    /// @notice Mean power over the head's last interval, watts, rounded down.
    function meanPowerWatts(uint256 fleetId) external view returns (uint256);
    /// @notice Joules per busy GPU-hour over the head's last interval, rounded down.
    function joulesPerBusyGpuHour(uint256 fleetId) external view returns (uint256);
    /// @notice The pending report; empty where there is none, or where it has become the head.
    function pending(uint256 fleetId) external view returns (Pending memory);
    function openDispute(uint256 fleetId) external view returns (Dispute memory);
    function reporterOf(uint256 fleetId) external view returns (address);
    function verifiersOf(uint256 fleetId) external view returns (address[] memory verifiers, uint256 quorum);
    /// @notice Seconds between two times during which a report of the fleet was pending and fresh, or disputed.
    function standstillBetween(uint256 fleetId, uint256 from, uint256 to) external view returns (uint256);
    /// @notice When the head was accepted, Unix seconds, and the standstill since then: `head` and `standstillBetween` for the
    /// few slots that tell them. Zero and the whole standstill where there never was a head.
    function sinceHead(uint256 fleetId) external view returns (uint256 acceptedAt, uint256 standstill);
    function liveness() external view returns (uint32);
}
