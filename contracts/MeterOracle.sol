// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "solady/utils/ECDSA.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {EIP712} from "solady/utils/EIP712.sol";
import {MerkleProofLib} from "solady/utils/MerkleProofLib.sol";

import {MeterSigners} from "./base/MeterSigners.sol";
import {Payouts} from "./base/Payouts.sol";
import {
    Dispute,
    Head,
    IMeterOracle,
    Pending,
    Report,
    Signature,
    VerifierSignature
} from "./interfaces/IMeterOracle.sol";
import {IOperatorBond} from "./interfaces/IOperatorBond.sol";
import {ISequencerFeed} from "./interfaces/ISequencerFeed.sol";
import {System} from "./interfaces/System.sol";
import {Counters, CountersLib} from "./libraries/CountersLib.sol";
import {LeafLib} from "./libraries/LeafLib.sol";
import {ReportLib} from "./libraries/ReportLib.sol";
import {StandstillLib} from "./libraries/StandstillLib.sol";

/// @title MeterOracle
contract MeterOracle is MeterSigners, Payouts, EIP712, ReentrancyGuardTransient {
    using ReportLib for Report;
    using SafeCast for uint256;
    using StandstillLib for StandstillLib.Clock;

    uint256 public constant OPERATOR_SILENCE = 24 hours;
    uint256 public constant RULING_TIME = 14 days;
    uint256 internal constant LEAST_LIVENESS = 30 minutes;
    uint256 internal constant MOST_LIVENESS = 7 days;
    /// @dev A pending report stops the proof clock only while it could cover leases that end now.
    uint256 internal constant FRESHNESS = 2 hours;
    /// @dev Energy may exceed the boards' rating by a tenth: ratings are rounded and meters err.
    uint256 internal constant POWER_MARGIN_PERCENT = 110;
    /// @dev GPU-milliseconds times watts are millijoules; this many hundredths of one make a joule.
    uint256 internal constant MILLIJOULE_PERCENT = 100_000;
    uint256 internal constant MS_PER_HOUR = 3_600_000;
    uint256 internal constant WAD = 1e18;

    struct PendingReport {
        // slot 0
        address poster;
        uint40 postedAt;
        uint32 liveness;
        bool disputed;
        // slots 1 to 4
        uint96 stake;
        Counters counters;
        bytes32 leaseRoot;
        bytes32 digest;
    }

    struct FleetState {
        // slots 0 to 3: all that a quorum report writes. `last` also says whether a report is pending.
        Counters last;
        Counters previous;
        bytes32 leaseRoot;
        bytes32 digest;
        // slots 4 to 8
        PendingReport pending;
    }

    IOperatorBond internal immutable BOND;
    address internal immutable LOSS_FUND;
    /// @dev Zero on a chain without a sequencer.
    ISequencerFeed internal immutable SEQUENCER_FEED;

    /// @inheritdoc IMeterOracle
    uint32 public liveness;

    mapping(uint256 fleetId => FleetState) internal _states;
    mapping(uint256 fleetId => Dispute) internal _disputes;
    mapping(uint256 fleetId => StandstillLib.Clock) internal _clocks;
    mapping(bytes32 lie => bool) internal _proved;

    /// @param sequencerFeed Chainlink's uptime feed on an L2, zero elsewhere.
    /// @param initialLiveness Seconds; must exceed the chain's forced-inclusion delay.
    constructor(System memory system, ISequencerFeed sequencerFeed, uint32 initialLiveness)
        AccessManaged(system.authority)
        MeterSigners(system.registry)
    {
        BOND = IOperatorBond(system.bond);
        LOSS_FUND = system.lossFund;
        SEQUENCER_FEED = sequencerFeed;
        _setLiveness(initialLiveness);
    }

    /// @inheritdoc IMeterOracle
    function setLiveness(uint32 newLiveness) external restricted {
        _setLiveness(newLiveness);
    }

    /* ---- reports ---- */

    /// @inheritdoc IMeterOracle
    function submit(Report calldata report, Signature calldata reporter, VerifierSignature[] calldata verifiers)
        external
    {
        uint256 fleetId = report.fleetId;
        bytes32 digest = digestOf(report);
        _requireReporter(fleetId, digest, reporter);
        uint256 signers = _requireQuorum(fleetId, digest, verifiers) | REPORTER_BIT;
        _accept(_sync(fleetId), report, digest, signers);
    }

    /// @inheritdoc IMeterOracle
    function submitWithoutOperator(Report calldata report, VerifierSignature[] calldata verifiers) external {
        bytes32 digest = digestOf(report);
        uint256 signers = _requireQuorum(report.fleetId, digest, verifiers);
        FleetState storage state = _sync(report.fleetId);
        // Before the first report, silence counts from the commissioning.
        uint256 acceptedAt = state.digest == 0 ? REGISTRY.fleet(report.fleetId).commissionedAt : state.last.acceptedAt();
        require(
            acceptedAt != 0 && block.timestamp >= acceptedAt + OPERATOR_SILENCE,
            OperatorNotSilent(report.fleetId, acceptedAt, acceptedAt + OPERATOR_SILENCE)
        );
        _accept(state, report, digest, signers);
    }

    /// @inheritdoc IMeterOracle
    function post(Report calldata report, Signature calldata reporter) external nonReentrant {
        uint256 fleetId = report.fleetId;
        bytes32 digest = digestOf(report);
        _requireReporter(fleetId, digest, reporter);
        FleetState storage state = _sync(fleetId);
        require(!state.last.hasPending(), PendingExists(fleetId, state.pending.digest));
        require(_disputes[fleetId].disputer == address(0), DisputeIsOpen(fleetId, _disputes[fleetId].digest));
        Counters last = _check(state, report);
        uint96 stake = BOND.stakeRequirement(fleetId).toUint96();

        state.last = last.withPending(true);
        state.pending = PendingReport({
            poster: msg.sender,
            postedAt: uint40(block.timestamp),
            liveness: liveness,
            disputed: false,
            stake: stake,
            counters: CountersLib.pack(report, 0),
            leaseRoot: report.leaseRoot,
            digest: digest
        });
        if (block.timestamp <= report.asOf + FRESHNESS) _clocks[fleetId].set(true, block.timestamp);

        emit PostPending(fleetId, report.asOf, digest, msg.sender, stake, report);
        _pull(_token(fleetId), msg.sender, stake);
    }

    /// @inheritdoc IMeterOracle
    function touch(uint256 fleetId) external returns (bytes32 root, uint256 asOf) {
        FleetState storage state = _sync(fleetId);
        return (state.leaseRoot, state.last.asOf());
    }

    /// @inheritdoc IMeterOracle
    function dispute(uint256 fleetId) external nonReentrant {
        FleetState storage state = _sync(fleetId);
        require(state.last.hasPending(), NothingPending(fleetId));
        PendingReport storage p = state.pending;
        require(!p.disputed, DisputeIsOpen(fleetId, p.digest));
        uint96 stake = p.stake;

        p.disputed = true;
        _disputes[fleetId] = Dispute({
            digest: p.digest,
            poster: p.poster,
            disputer: msg.sender,
            openedAt: uint40(block.timestamp),
            posterStake: stake,
            disputerStake: stake,
            superseded: false
        });
        _clocks[fleetId].set(true, block.timestamp);

        emit OpenDispute(fleetId, p.digest, msg.sender, stake);
        _pull(_token(fleetId), msg.sender, stake);
    }

    /// @inheritdoc IMeterOracle
    function rule(uint256 fleetId, bool upheld) external restricted {
        Dispute memory d = _takeDispute(fleetId);
        (address winner, uint256 own, uint256 lost) =
            upheld ? (d.poster, d.posterStake, d.disputerStake) : (d.disputer, d.disputerStake, d.posterStake);
        uint256 prize = lost / 2;
        IERC20 token = _token(fleetId);
        _credit(token, winner, own + prize);
        _credit(token, LOSS_FUND, lost - prize);

        emit RuleDispute(fleetId, d.digest, upheld, own + prize, lost - prize);
        if (d.superseded) return;
        if (upheld) _adopt(fleetId, block.timestamp);
        else _drop(fleetId);
    }

    /// @inheritdoc IMeterOracle
    function expireDispute(uint256 fleetId) external {
        Dispute memory d = _takeDispute(fleetId);
        uint256 until = d.openedAt + RULING_TIME;
        require(block.timestamp >= until, RulingStillOpen(fleetId, until));
        IERC20 token = _token(fleetId);
        _credit(token, d.poster, d.posterStake);
        _credit(token, d.disputer, d.disputerStake);

        emit ExpireDispute(fleetId, d.digest);
        if (!d.superseded) _drop(fleetId);
    }

    /// @inheritdoc IMeterOracle
    function restate(Report calldata report, VerifierSignature[] calldata verifiers) external restricted {
        uint256 fleetId = report.fleetId;
        bytes32 digest = digestOf(report);
        uint256 signers = _requireQuorum(fleetId, digest, verifiers);
        FleetState storage state = _sync(fleetId);
        require(state.digest != 0, NoReport(fleetId));
        Counters last = _checkOrder(state, report);
        // Counters may fall, so they are held against all that was possible since enrolment.
        _checkGrowth(fleetId, 0, report.asOf, report.availableGpuMs, report.busyGpuMs, report.energyJoules);

        emit Restate(fleetId, digest);
        _advance(state, last, report, digest, signers);
        // Differences across a restatement mean nothing.
        state.previous = state.last;
    }

    /// @inheritdoc IMeterOracle
    function proveLie(
        Report calldata a,
        Signature calldata signatureA,
        Report calldata b,
        Signature calldata signatureB
    ) external {
        require(a.contradicts(b), NoContradiction());
        uint256 fleetId = a.fleetId;
        address reporter = ECDSA.recover(digestOf(a), signatureA.r, signatureA.vs);
        address other = ECDSA.recover(digestOf(b), signatureB.r, signatureB.vs);
        Key memory key = _keys[fleetId][reporter];
        require(key.operator != address(0), NotReporter(fleetId, reporter));
        require(other == reporter, NotReporter(fleetId, other));
        require(
            key.answersUntil == 0 || block.timestamp <= key.answersUntil,
            KeyNoLongerAnswers(fleetId, reporter, key.answersUntil)
        );
        bytes32 lie = keccak256(abi.encode(fleetId, a.asOf, reporter));
        require(!_proved[lie], LieAlreadyProved(fleetId, a.asOf, reporter));

        _proved[lie] = true;
        uint256 slashed = BOND.slashLie(fleetId, key.operator, a.asOf, msg.sender);

        emit ProveLie(fleetId, key.operator, reporter, a.asOf, msg.sender, slashed);
    }

    /* ---- reads ---- */

    /// @inheritdoc IMeterOracle
    function digestOf(Report calldata report) public view returns (bytes32) {
        return _hashTypedData(report.structHash());
    }

    /// @inheritdoc IMeterOracle
    function head(uint256 fleetId) public view returns (Head memory h) {
        FleetState storage state = _states[fleetId];
        (bool adopted, uint256 end) = _hasLapsed(state);
        (, Counters c) = _interval(fleetId);
        h.asOf = c.asOf();
        h.availableGpuMs = c.availableGpuMs();
        h.busyGpuMs = c.busyGpuMs();
        h.energyJoules = c.energyJoules();
        h.acceptedAt = adopted ? uint40(end) : c.acceptedAt();
        (h.leaseRoot, h.digest) =
            adopted ? (state.pending.leaseRoot, state.pending.digest) : (state.leaseRoot, state.digest);
    }

    /// @inheritdoc IMeterOracle
    function freshHead(uint256 fleetId, uint256 maxAge) external view returns (Head memory h) {
        h = head(fleetId);
        require(h.digest != 0, NoReport(fleetId));
        require(block.timestamp - h.asOf <= maxAge, StaleReport(fleetId, h.asOf, maxAge));
    }

    /// @inheritdoc IMeterOracle
    function leaseRoot(uint256 fleetId) public view returns (bytes32 root, uint256 asOf) {
        FleetState storage state = _states[fleetId];
        (bool adopted,) = _hasLapsed(state);
        return adopted ? (state.pending.leaseRoot, state.pending.counters.asOf()) : (state.leaseRoot, state.last.asOf());
    }

    /// @inheritdoc IMeterOracle
    function verifyLease(uint256 fleetId, uint256 leaseId, uint256 deliveredGpuMs, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        (bytes32 root,) = leaseRoot(fleetId);
        return root != 0 && MerkleProofLib.verifyCalldata(proof, root, LeafLib.delivery(leaseId, deliveredGpuMs));
    }

    /// @inheritdoc IMeterOracle
    function utilizationWad(uint256 fleetId) external view returns (uint256) {
        (Counters from, Counters to) = _interval(fleetId);
        require(to.availableGpuMs() > from.availableGpuMs(), EmptyInterval(fleetId));
        return (to.busyGpuMs() - from.busyGpuMs()) * WAD / (to.availableGpuMs() - from.availableGpuMs());
    }

    /// @inheritdoc IMeterOracle
    function meanPowerWatts(uint256 fleetId) external view returns (uint256) {
        (Counters from, Counters to) = _interval(fleetId);
        require(from.asOf() > 0 && to.asOf() > from.asOf(), EmptyInterval(fleetId));
        return (to.energyJoules() - from.energyJoules()) / (to.asOf() - from.asOf());
    }

    /// @inheritdoc IMeterOracle
    function joulesPerBusyGpuHour(uint256 fleetId) external view returns (uint256) {
        (Counters from, Counters to) = _interval(fleetId);
        require(to.busyGpuMs() > from.busyGpuMs(), EmptyInterval(fleetId));
        return (to.energyJoules() - from.energyJoules()) * MS_PER_HOUR / (to.busyGpuMs() - from.busyGpuMs());
    }

    /// @inheritdoc IMeterOracle
    function pending(uint256 fleetId) external view returns (Pending memory result) {
        FleetState storage state = _states[fleetId];
        PendingReport storage p = state.pending;
        (bool adopted,) = _hasLapsed(state);
        if (adopted || !state.last.hasPending()) return result;
        return Pending(p.digest, p.counters.asOf(), p.poster, p.postedAt, p.liveness, p.stake);
    }

    /// @inheritdoc IMeterOracle
    function openDispute(uint256 fleetId) external view returns (Dispute memory) {
        return _disputes[fleetId];
    }

    /// @inheritdoc IMeterOracle
    function standstillBetween(uint256 fleetId, uint256 from, uint256 to) external view returns (uint256) {
        (bool adopted, uint256 end) = _hasLapsed(_states[fleetId]);
        // A report that became the head by time, and was not written down yet, stopped no clock after that.
        if (adopted) (from, to) = (Math.min(from, end), Math.min(to, end));
        return _clocks[fleetId].between(from, to);
    }

    /// @inheritdoc IMeterOracle
    function sinceHead(uint256 fleetId) external view returns (uint256 acceptedAt, uint256 standstill) {
        FleetState storage state = _states[fleetId];
        (bool adopted, uint256 end) = _hasLapsed(state);
        // What became the head by time, and was not written down yet, stopped no clock after that.
        if (adopted) return (end, 0);
        acceptedAt = state.last.acceptedAt();
        standstill = _clocks[fleetId].between(acceptedAt, block.timestamp);
    }

    /* ---- internals ---- */

    function _setLiveness(uint32 newLiveness) private {
        require(
            newLiveness >= LEAST_LIVENESS && newLiveness <= MOST_LIVENESS,
            InvalidLiveness(newLiveness, LEAST_LIVENESS, MOST_LIVENESS)
        );
        liveness = newLiveness;
        emit SetLiveness(newLiveness);
    }

    /// @dev Adopts a pending report whose liveness has passed. Everything that writes, or pays by the head, begins here.
    function _sync(uint256 fleetId) private returns (FleetState storage state) {
        state = _states[fleetId];
        (bool adopted, uint256 end) = _hasLapsed(state);
        if (!adopted) return state;
        _credit(_token(fleetId), state.pending.poster, state.pending.stake);
        _adopt(fleetId, end);
    }

    /// @dev Liveness counts anew from a restart of the sequencer, and does not pass while it is down.
    function _hasLapsed(FleetState storage state) private view returns (bool, uint256 end) {
        if (!state.last.hasPending()) return (false, 0);
        PendingReport storage p = state.pending;
        if (p.disputed) return (false, 0);
        uint256 from = p.postedAt;
        if (address(SEQUENCER_FEED) != address(0)) {
            try SEQUENCER_FEED.latestRoundData() returns (uint80, int256 answer, uint256 startedAt, uint256, uint80) {
                if (answer != 0) return (false, 0);
                from = Math.max(from, startedAt);
            } catch {
                // A feed that is gone must not lock leases up with a pending report: the head stays what it was.
                return (false, 0);
            }
        }
        end = from + p.liveness;
        return (block.timestamp >= end, end);
    }

    function _adopt(uint256 fleetId, uint256 acceptedAt) private {
        FleetState storage state = _states[fleetId];
        PendingReport memory p = state.pending;
        state.previous = state.last;
        state.last = p.counters.withLag(acceptedAt - p.counters.asOf());
        state.leaseRoot = p.leaseRoot;
        state.digest = p.digest;
        delete state.pending;
        _clocks[fleetId].set(false, acceptedAt);
        emit AdoptPending(fleetId, p.counters.asOf(), p.digest, acceptedAt);
    }

    function _drop(uint256 fleetId) private {
        FleetState storage state = _states[fleetId];
        emit DropPending(fleetId, state.pending.digest);
        delete state.pending;
        state.last = state.last.withPending(false);
        _clocks[fleetId].set(false, block.timestamp);
    }

    function _takeDispute(uint256 fleetId) private returns (Dispute memory d) {
        d = _disputes[fleetId];
        require(d.disputer != address(0), NoDispute(fleetId));
        delete _disputes[fleetId];
    }

    /// @dev A quorum decides what the head is; an open dispute then decides stakes only.
    function _supersede(FleetState storage state, uint256 fleetId) private {
        if (state.pending.disputed) {
            _disputes[fleetId].superseded = true;
            emit SupersedeDispute(fleetId, state.pending.digest);
        } else {
            _credit(_token(fleetId), state.pending.poster, state.pending.stake);
        }
        _drop(fleetId);
    }

    function _accept(FleetState storage state, Report calldata report, bytes32 digest, uint256 signers) private {
        _advance(state, _check(state, report), report, digest, signers);
    }

    function _advance(FleetState storage state, Counters last, Report calldata report, bytes32 digest, uint256 signers)
        private
    {
        if (last.hasPending()) _supersede(state, report.fleetId);
        state.previous = last;
        state.last = CountersLib.pack(report, block.timestamp - report.asOf);
        state.leaseRoot = report.leaseRoot;
        state.digest = digest;

        emit AdvanceHead(report.fleetId, report.asOf, digest, signers, report);
    }

    /// @dev Refuses what cannot be, with the numbers.
    function _check(FleetState storage state, Report calldata report) private view returns (Counters last) {
        last = _checkOrder(state, report);
        uint256 fleetId = report.fleetId;
        _checkGrowth(
            fleetId,
            last.asOf(),
            report.asOf,
            _growth(fleetId, "availableGpuMs", report.availableGpuMs, last.availableGpuMs()),
            _growth(fleetId, "busyGpuMs", report.busyGpuMs, last.busyGpuMs()),
            _growth(fleetId, "energyJoules", report.energyJoules, last.energyJoules())
        );
    }

    function _growth(uint256 fleetId, bytes32 counter, uint256 value, uint256 headValue)
        private
        pure
        returns (uint256)
    {
        require(value >= headValue, CounterFell(fleetId, counter, value, headValue));
        return value - headValue;
    }

    function _checkOrder(FleetState storage state, Report calldata report) private view returns (Counters last) {
        uint256 fleetId = report.fleetId;
        last = state.last;
        bytes32 parent = state.digest;
        uint256 asOf = report.asOf;
        require(report.previousDigest == parent, WrongParent(fleetId, report.previousDigest, parent));
        require(asOf > last.asOf(), NotAdvancing(fleetId, asOf, last.asOf()));
        require(asOf <= block.timestamp, FromTheFuture(fleetId, asOf, block.timestamp));
    }

    function _checkGrowth(uint256 fleetId, uint256 from, uint256 to, uint256 available, uint256 busy, uint256 joules)
        private
        view
    {
        (uint256 capacity, uint256 watts) = REGISTRY.capacityBetween(fleetId, from, to);
        require(available <= capacity, AvailableAboveCapacity(fleetId, available, capacity));
        require(busy <= available, BusyAboveAvailable(fleetId, busy, available));
        uint256 limit = capacity * watts * POWER_MARGIN_PERCENT / MILLIJOULE_PERCENT;
        require(joules <= limit, EnergyAboveBoardPower(fleetId, joules, limit));
    }

    /// @dev Counters before and at the head; the head's are empty before the first report.
    function _interval(uint256 fleetId) private view returns (Counters from, Counters to) {
        FleetState storage state = _states[fleetId];
        (bool adopted,) = _hasLapsed(state);
        (from, to) = adopted ? (state.last, state.pending.counters) : (state.previous, state.last);
    }

    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("MeterOracle", "1");
    }

    function _token(uint256 fleetId) private view returns (IERC20) {
        return IERC20(REGISTRY.settlementToken(fleetId));
    }
}
