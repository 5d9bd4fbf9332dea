// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {MerkleProofLib} from "solady/utils/MerkleProofLib.sol";
import {SignatureCheckerLib} from "solady/utils/SignatureCheckerLib.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {EIP712} from "solady/utils/EIP712.sol";
import {MerkleProofLib} from "solady/utils/MerkleProofLib.sol";

import {LeaseToken} from "./base/LeaseToken.sol";
import {Payouts} from "./base/Payouts.sol";
import {IFleetRegistry, Opening} from "./interfaces/IFleetRegistry.sol";
import {Delivery, EndedBy, ILeaseBook, Lease, MutualClosing, Permit} from "./interfaces/ILeaseBook.sol";
import {ILeaseTerms} from "./interfaces/ILeaseTerms.sol";
import {IMeterOracle} from "./interfaces/IMeterOracle.sol";
import {IOperatorBond} from "./interfaces/IOperatorBond.sol";
import {IRevenueRouter} from "./interfaces/IRevenueRouter.sol";
import {System} from "./interfaces/System.sol";
import {LeafLib} from "./libraries/LeafLib.sol";
import {RentLib} from "./libraries/RentLib.sol";

/// @title LeaseBook
contract LeaseBook is LeaseToken, Payouts, EIP712, ReentrancyGuardTransient, ILeaseBook {
    using RentLib for uint256;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    uint256 internal constant LEAST_DURATION = 1 hours;
    /// @dev A lessee may cancel for one hour's rent in it, and end without notice in the first after the grant.
    uint256 internal constant GRACE = 1 hours;
    /// @dev Ungranted for longer, anyone may cancel.
    uint256 internal constant GRANT_DEADLINE = 24 hours;
    /// @dev More metered time than this in one settlement is a lump, and counts pro rata as evidence of revenue.
    uint256 internal constant COUNTED_SPAN = 48 hours;
    uint256 internal constant WAD = 1e18;
    bytes32 internal constant MUTUAL_TYPE_HASH =
        keccak256("CloseMutual(uint256 leaseId,uint64 deliveredGpuMs,uint256 nonce)");

    /// @dev One slot, all that `open` writes of a lease. Price in token units, times in seconds.
    struct Record {
        uint72 pricePerGpuHour;
        uint40 openedAt;
        uint40 grantedAt;
        /// Agreed seconds, which the deposit paid for.
        uint24 duration;
        /// Effective seconds from the grant to the end.
        uint24 term;
        uint32 gpus;
        uint16 termsId;
        bool ofRecord;
    }

    /// @dev One slot, written first by the first settlement.
    struct Progress {
        uint64 deliveredGpuMs;
        uint40 settledAsOf;
        uint96 fee;
        bool closed;
        bool released;
        EndedBy endedBy;
    }

    /// @dev One slot. `escrow` is the fleet's counted money here.
    struct FleetAccount {
        uint32 leased;
        uint32 leases;
        uint128 escrow;
    }

    /// @dev Arguments of `open`, together.
    struct Request {
        uint256 fleetId;
        address to;
        uint32 gpus;
        uint24 duration;
        uint256 maxPricePerGpuHour;
        bytes32 accessKey;
    }

    IFleetRegistry internal immutable REGISTRY;
    ILeaseTerms internal immutable TERMS;
    IMeterOracle internal immutable ORACLE;
    IOperatorBond internal immutable BOND;
    IRevenueRouter internal immutable ROUTER;

    mapping(uint256 leaseId => Record) internal _records;
    mapping(uint256 leaseId => Progress) internal _progress;
    mapping(uint256 fleetId => FleetAccount) internal _fleets;
    /// @inheritdoc ILeaseBook
    mapping(uint256 leaseId => bytes32) public gpuRootOf;
    /// @inheritdoc ILeaseBook
    mapping(uint256 leaseId => uint256) public mutualNonce;

    constructor(System memory system) {
        REGISTRY = IFleetRegistry(system.registry);
        TERMS = ILeaseTerms(system.leaseTerms);
        ORACLE = IMeterOracle(system.oracle);
        BOND = IOperatorBond(system.bond);
        ROUTER = IRevenueRouter(system.router);
    }

    /* ---- opening ---- */

    /// @inheritdoc ILeaseBook
    function open(
        uint256 fleetId,
        address to,
        uint32 gpus,
        uint24 duration,
        uint256 maxPricePerGpuHour,
        bytes32 accessKey
    ) external nonReentrant returns (uint256 leaseId) {
        return _open(Request(fleetId, to, gpus, duration, maxPricePerGpuHour, accessKey));
    }

    /// @inheritdoc ILeaseBook
    function openWithPermit(
        uint256 fleetId,
        address to,
        uint32 gpus,
        uint24 duration,
        uint256 maxPricePerGpuHour,
        bytes32 accessKey,
        Permit calldata permit
    ) external nonReentrant returns (uint256 leaseId) {
        // Somebody may have sent the permit first; then the allowance is there and the pull tells.
        try IERC20Permit(address(_token(fleetId)))
            .permit(msg.sender, address(this), permit.value, permit.deadline, permit.v, permit.r, permit.s) {}
            catch {}
        return _open(Request(fleetId, to, gpus, duration, maxPricePerGpuHour, accessKey));
    }

    /// @inheritdoc ILeaseBook
    function grantAccess(uint256 leaseId, bytes32 gpuRoot, bytes calldata connection) external {
        _requireOperator(leaseId);
        (Record storage r,) = _openLease(leaseId);
        require(r.grantedAt == 0, AlreadyGranted(leaseId));
        require(gpuRoot != 0, InvalidGpuRoot());

        r.grantedAt = uint40(block.timestamp);
        gpuRootOf[leaseId] = gpuRoot;

        emit GrantAccess(leaseId, msg.sender, block.timestamp + r.term, gpuRoot, connection);
    }

    /// @inheritdoc ILeaseBook
    function replaceGpus(uint256 leaseId, bytes32 gpuRoot, bytes calldata connection) external {
        _requireOperator(leaseId);
        _grantedLease(leaseId);
        require(gpuRoot != 0, InvalidGpuRoot());
        gpuRootOf[leaseId] = gpuRoot;
        emit ReplaceGpus(leaseId, gpuRoot, connection);
    }

    /// @inheritdoc ILeaseBook
    function rekey(uint256 leaseId, bytes32 accessKey) external {
        _openLease(leaseId);
        require(msg.sender == ownerOf(leaseId) || msg.sender == userOf(leaseId), NotLessee(leaseId, msg.sender));
        require(accessKey != 0, InvalidAccessKey());
        emit Rekey(leaseId, msg.sender, accessKey);
    }

    /* ---- settling ---- */

    /// @inheritdoc ILeaseBook
    function settle(uint256 leaseId, uint64 deliveredGpuMs, bytes32[] calldata proof) external returns (uint256 rent) {
        (bytes32 root, uint256 asOf) = _head(leaseId);
        return _settleProved(leaseId, deliveredGpuMs, root, asOf, proof);
    }

    /// @inheritdoc ILeaseBook
    function settleMany(
        uint256 fleetId,
        Delivery[] calldata deliveries,
        bytes32[] calldata proof,
        bool[] calldata proofFlags
    ) external returns (uint256 rent) {
        (bytes32 root, uint256 asOf) = _head(fleetId << 32);
        bytes32[] memory leaves = new bytes32[](deliveries.length);
        uint256 counted;
        for (uint256 i; i < deliveries.length; ++i) {
            Delivery calldata d = deliveries[i];
            require(_fleetOf(d.leaseId) == fleetId, WrongFleet(d.leaseId, fleetId));
            leaves[i] = LeafLib.delivery(d.leaseId, d.deliveredGpuMs);
            (uint256 rentOne, uint256 countedOne) = _settle(d.leaseId, d.deliveredGpuMs, asOf);
            rent += rentOne;
            counted += countedOne;
        }
        // An empty batch would prove the root with itself.
        require(
            leaves.length > 0 && MerkleProofLib.verifyMultiProof(proof, root, leaves, proofFlags),
            InvalidProof(leaves.length > 0 ? deliveries[0].leaseId : 0, 0)
        );
        _tellRouter(fleetId, rent, counted);
    }

    /* ---- ending ---- */

    /// @inheritdoc ILeaseBook
    function cancel(uint256 leaseId) external {
        (Record storage r, Progress storage p) = _openLease(leaseId);
        require(r.grantedAt == 0, AlreadyGranted(leaseId));
        address lessee = ownerOf(leaseId);
        uint256 anyoneFrom = uint256(r.openedAt) + GRANT_DEADLINE;
        require(msg.sender == lessee || block.timestamp >= anyoneFrom, CannotCancelBefore(leaseId, anyoneFrom));
        uint256 deposit = _deposit(r);
        // One hour's rent is never more than the deposit: no term is shorter.
        uint256 fee = block.timestamp < r.openedAt + GRACE ? uint256(r.pricePerGpuHour) * r.gpus : 0;

        p.closed = true;
        p.fee = fee.toUint96();
        _refund(leaseId, r, p, lessee, deposit - fee);
        _endReservation(leaseId, TERMS.reservationUp(r.termsId, deposit), 0, 0, lessee);
        _tellRouter(_fleetOf(leaseId), fee, 0);

        emit Cancel(leaseId, lessee, deposit - fee, fee);
    }

    /// @inheritdoc ILeaseBook
    function endByLessee(uint256 leaseId) external {
        require(msg.sender == ownerOf(leaseId), NotLessee(leaseId, msg.sender));
        (Record storage r, Progress storage p) = _grantedLease(leaseId);
        (uint256 rentSeconds, uint256 notice) = TERMS.lesseeEnd(r.termsId);
        uint256 end = _shorten(leaseId, r, p, EndedBy.Lessee, notice);
        uint256 fee;
        if (block.timestamp > r.grantedAt + GRACE) {
            uint256 price = r.pricePerGpuHour;
            // What can still be delivered stays held.
            uint256 spare = _deposit(r) - price.depositUp(r.gpus, r.term);
            fee = Math.min(spare, price.rentDown(RentLib.deliverable(r.gpus, rentSeconds)));
        }

        p.fee = fee.toUint96();

        emit EndEarly(leaseId, EndedBy.Lessee, end, fee);
        _tellRouter(_fleetOf(leaseId), fee, 0);
    }

    /// @inheritdoc ILeaseBook
    function endByOperator(uint256 leaseId) external {
        _requireOperator(leaseId);
        (Record storage r, Progress storage p) = _grantedLease(leaseId);
        uint256 end = _shorten(leaseId, r, p, EndedBy.Operator, TERMS.operatorEnd(r.termsId));
        emit EndEarly(leaseId, EndedBy.Operator, end, 0);
    }

    /// @inheritdoc ILeaseBook
    function releaseCapacity(uint256 leaseId) external {
        (Record storage r, Progress storage p) = _grantedLease(leaseId);
        require(!p.released, AlreadyReleased(leaseId));
        require(block.timestamp >= _end(r), LeaseNotEnded(leaseId, _end(r)));

        p.released = true;
        _fleets[_fleetOf(leaseId)].leased -= r.gpus;

        emit Release(leaseId, r.gpus);
    }

    /// @inheritdoc ILeaseBook
    function close(uint256 leaseId, uint64 deliveredGpuMs, bytes32[] calldata proof) external {
        (Record storage r, Progress storage p) = _grantedLease(leaseId);
        (bytes32 root, uint256 asOf) = _head(leaseId);
        require(asOf >= _end(r), HeadTooOld(_fleetOf(leaseId), asOf, _end(r)));
        _settleProved(leaseId, deliveredGpuMs, root, asOf, proof);
        _close(leaseId, r, p);
    }

    /// @inheritdoc ILeaseBook
    function closeUnproved(uint256 leaseId) external {
        (Record storage r, Progress storage p) = _grantedLease(leaseId);
        (uint256 proofDeadline, uint256 maxStandstill,) = TERMS.deadlines(r.termsId);
        uint256 end = _end(r);
        require(block.timestamp >= end, LeaseNotEnded(leaseId, end));
        uint256 standstill = ORACLE.standstillBetween(_fleetOf(leaseId), end, block.timestamp);
        uint256 elapsed = block.timestamp - end - Math.min(standstill, maxStandstill);
        require(elapsed >= proofDeadline, ProofDeadlineRunning(leaseId, elapsed, proofDeadline));
        _close(leaseId, r, p);
    }

    /// @inheritdoc ILeaseBook
    function closeMutual(MutualClosing calldata c) external {
        (Record storage r, Progress storage p) = _grantedLease(c.leaseId);
        (,, uint256 mutualDelay) = TERMS.deadlines(r.termsId);
        uint256 end = _end(r);
        require(block.timestamp >= end + mutualDelay, MutualTooEarly(c.leaseId, end + mutualDelay));
        _requireBothSigned(c);

        (bytes32 root, uint256 asOf) = _head(c.leaseId);
        require(asOf < end, HeadCovers(c.leaseId, asOf));
        if (asOf > r.grantedAt) _settleProved(c.leaseId, c.provedGpuMs, root, asOf, c.proof);
        _creditAgreed(c.leaseId, r, p, c.agreedGpuMs);
        _close(c.leaseId, r, p);
    }

    /// @inheritdoc ILeaseBook
    function revokeMutual(uint256 leaseId) external {
        _openLease(leaseId);
        require(msg.sender == ownerOf(leaseId) || msg.sender == _operator(leaseId), NotLessee(leaseId, msg.sender));
        uint256 nonce = ++mutualNonce[leaseId];
        emit RevokeMutual(leaseId, msg.sender, nonce);
    }

    /// @inheritdoc ILeaseBook
    function payRouter(uint256 fleetId, uint256 amount) external {
        require(msg.sender == address(ROUTER), NotRouter(msg.sender));
        _fleets[fleetId].escrow -= amount.toUint128();
        emit PayRouter(fleetId, amount);
        _token(fleetId).safeTransfer(msg.sender, amount);
    }

    /* ---- reads ---- */

    /// @inheritdoc ILeaseBook
    function lease(uint256 leaseId) public view returns (Lease memory l) {
        Record memory r = _records[leaseId];
        Progress memory p = _progress[leaseId];
        require(r.gpus > 0, UnknownLease(leaseId));
        l.fleetId = _fleetOf(leaseId);
        l.gpus = r.gpus;
        l.pricePerGpuHour = r.pricePerGpuHour;
        l.termsId = r.termsId;
        l.ofRecord = r.ofRecord;
        l.openedAt = r.openedAt;
        l.grantedAt = r.grantedAt;
        l.duration = r.duration;
        l.end = r.grantedAt == 0 ? 0 : r.grantedAt + r.term;
        l.endedBy = p.endedBy;
        l.closed = p.closed;
        l.released = p.released;
        l.deliveredGpuMs = p.deliveredGpuMs;
        l.settledAsOf = p.settledAsOf;
        l.deposit = uint256(r.pricePerGpuHour).depositUp(r.gpus, r.duration);
        l.paid = uint256(r.pricePerGpuHour).rentDown(p.deliveredGpuMs);
        l.fee = p.fee;
        uint256 rest = l.deposit - l.paid - l.fee;
        if (p.closed) l.refunded = rest;
        else l.held = rest;
    }

    /// @inheritdoc ILeaseBook
    function leasedGpus(uint256 fleetId) external view returns (uint256) {
        return _fleets[fleetId].leased;
    }

    /// @inheritdoc ILeaseBook
    function leaseCount(uint256 fleetId) external view returns (uint256) {
        return _fleets[fleetId].leases;
    }

    /// @inheritdoc ILeaseBook
    function escrowOf(uint256 fleetId) external view returns (uint256) {
        return _fleets[fleetId].escrow;
    }

    /// @inheritdoc ILeaseBook
    function mutualDigest(uint256 leaseId, uint64 agreedGpuMs) public view returns (bytes32) {
        return _hashTypedData(keccak256(abi.encode(MUTUAL_TYPE_HASH, leaseId, agreedGpuMs, mutualNonce[leaseId])));
    }

    /// @inheritdoc ILeaseBook
    function stateHash(uint256 leaseId) external view returns (bytes32) {
        return keccak256(abi.encode(lease(leaseId), ownerOf(leaseId), _users[leaseId], gpuRootOf[leaseId]));
    }

    /* ---- internals ---- */

    function _open(Request memory q) internal returns (uint256 leaseId) {
        require(msg.sender == q.to || isApprovedForAll(q.to, msg.sender), NotApprovedBy(q.to, msg.sender));
        require(q.gpus > 0, InvalidGpus(q.gpus));
        require(q.accessKey != 0, InvalidAccessKey());
        Opening memory o = REGISTRY.openingFor(q.fleetId, q.to);
        require(
            q.duration >= LEAST_DURATION && q.duration <= o.maxTerm,
            InvalidDuration(q.duration, LEAST_DURATION, o.maxTerm)
        );
        uint256 price = _price(q, o);
        uint256 deposit = price.depositUp(q.gpus, q.duration);
        // Read only now: a pricing may have cancelled or closed leases while it was asked.
        FleetAccount memory account = _fleets[q.fleetId];

        account.escrow += deposit.toUint128();
        leaseId = (q.fleetId << 32) | ++account.leases;
        _fleets[q.fleetId] = account;
        uint256 reservation = _record(leaseId, q, price, deposit, o.ofRecord);
        BOND.reserve(q.fleetId, reservation, account.escrow);
        _pull(IERC20(o.token), msg.sender, deposit);
    }

    /// @dev Takes the capacity, and returns what it is charged: within the fleet's floor and the lessee's maximum, whatever
    /// the pricing says. While that is asked nobody can shrink the fleet below this lease.
    function _price(Request memory q, Opening memory o) internal returns (uint256 price) {
        FleetAccount storage account = _fleets[q.fleetId];
        uint32 leased = account.leased;
        uint256 free = o.capacity - leased;
        require(q.gpus <= free, CapacityExceeded(q.fleetId, q.gpus, free));

        account.leased = leased + q.gpus;
        price = o.pricing.charge(q.fleetId, q.gpus, q.duration, leased, o.capacity);
        require(price >= o.priceFloor, PriceBelowFloor(price, o.priceFloor));
        require(price <= q.maxPricePerGpuHour, PriceAboveMaximum(price, q.maxPricePerGpuHour));
    }

    /// @dev The receiver is never called: it asked for this lease, or approved who did.
    function _record(uint256 leaseId, Request memory q, uint256 price, uint256 deposit, bool ofRecord)
        internal
        returns (uint256 reservation)
    {
        Record storage r = _records[leaseId];
        r.pricePerGpuHour = price.toUint72();
        (r.termsId, reservation) = TERMS.atOpening(deposit);
        uint24 duration = q.duration;
        uint32 gpus = q.gpus;
        r.openedAt = uint40(block.timestamp);
        r.duration = duration;
        r.term = duration;
        r.gpus = gpus;
        r.ofRecord = ofRecord;
        _mint(q.to, leaseId);
        emit Open(leaseId, q.to, msg.sender, q.gpus, q.duration, price, deposit, q.accessKey);
    }

    /// @dev Credits delivery up to `min(end, asOf)`, never more than the lease's GPUs could give. The caller verified the leaf
    /// and tells the router.
    function _settle(uint256 leaseId, uint256 leafGpuMs, uint256 asOf)
        internal
        returns (uint256 rent, uint256 counted)
    {
        (Record storage r, Progress storage p) = _grantedLease(leaseId);
        uint256 grantedAt = r.grantedAt;
        uint256 until = Math.min(grantedAt + r.term, asOf);
        if (until <= grantedAt) return (0, 0);
        uint256 delivered = Math.min(leafGpuMs, RentLib.deliverable(r.gpus, until - grantedAt));
        uint256 before = p.deliveredGpuMs;
        uint256 from = Math.max(p.settledAsOf, grantedAt);
        if (delivered < before || until <= from) return (0, 0);

        uint256 price = r.pricePerGpuHour;
        rent = price.rentDown(delivered) - price.rentDown(before);
        if (r.ofRecord) counted = until - from > COUNTED_SPAN ? rent * COUNTED_SPAN / (until - from) : rent;
        // Safe: the leaf is a uint64, and times are seconds since 1970.
        p.deliveredGpuMs = uint64(delivered);
        p.settledAsOf = uint40(until);

        emit Settle(leaseId, delivered, asOf, rent);
    }

    function _close(uint256 leaseId, Record storage r, Progress storage p) internal {
        address lessee = ownerOf(leaseId);
        uint256 deposit = _deposit(r);
        uint256 refund = deposit - uint256(r.pricePerGpuHour).rentDown(p.deliveredGpuMs) - p.fee;
        // Delivery that was not proved counts as none.
        uint256 availabilityWad = uint256(p.deliveredGpuMs) * WAD / RentLib.deliverable(r.gpus, r.term);
        (uint256 reservation, uint256 slaCredit, uint256 compensation) = TERMS.atClosing(
            r.termsId, deposit, availabilityWad, uint256(r.pricePerGpuHour) * r.gpus, p.endedBy == EndedBy.Operator
        );
        // Else a lessee could end three hours of a long lease after one bad quarter, for a tenth of the whole deposit.
        if (p.endedBy == EndedBy.Lessee) slaCredit = slaCredit * r.term / r.duration;

        p.closed = true;
        _refund(leaseId, r, p, lessee, refund);
        _endReservation(leaseId, reservation, slaCredit, compensation, lessee);

        emit Close(leaseId, lessee, refund, slaCredit, compensation, availabilityWad);
    }

    function _refund(uint256 leaseId, Record storage r, Progress storage p, address lessee, uint256 amount) internal {
        FleetAccount storage account = _fleets[_fleetOf(leaseId)];
        if (!p.released) account.leased -= r.gpus;
        account.escrow -= amount.toUint128();
        _clearUser(leaseId);
        _credit(_token(_fleetOf(leaseId)), lessee, amount);
    }

    function _shorten(uint256 leaseId, Record storage r, Progress storage p, EndedBy by, uint256 notice)
        internal
        returns (uint256 end)
    {
        require(p.endedBy == EndedBy.Nobody, AlreadyEnding(leaseId));
        end = block.timestamp + notice;
        require(end < _end(r), LeaseEnded(leaseId, _end(r)));
        p.endedBy = by;
        // Safe: shorter than the agreed term.
        r.term = uint24(end - r.grantedAt);
    }

    function _beforeTokenTransfer(address, address, uint256 leaseId) internal view override {
        require(!_progress[leaseId].closed, LeaseClosed(leaseId));
    }

    /// @dev A transfer takes the user's and the key's rights away; the lease stays of record only while
    /// every holder is.
    function _afterTokenTransfer(address from, address to, uint256 leaseId) internal override {
        if (from == address(0)) return;
        // Never rises: nobody asks the receiver, who may be an innocent lessee of record.
        if (REGISTRY.lesseeRecord(to) == 0) _records[leaseId].ofRecord = false;
        _clearUser(leaseId);
        emit Rekey(leaseId, from, 0);
    }

    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("LeaseBook", "1");
    }

    /// @dev Two signatures are no meter: nothing of it is evidence for an appraisal.
    function _creditAgreed(uint256 leaseId, Record storage r, Progress storage p, uint64 agreedGpuMs) internal {
        uint256 delivered = p.deliveredGpuMs;
        uint256 most = RentLib.deliverable(r.gpus, r.term);
        require(agreedGpuMs >= delivered && agreedGpuMs <= most, InvalidDelivery(leaseId, agreedGpuMs, delivered, most));
        uint256 rent = uint256(r.pricePerGpuHour).rentDown(agreedGpuMs) - uint256(r.pricePerGpuHour).rentDown(delivered);

        p.deliveredGpuMs = agreedGpuMs;
        p.settledAsOf = uint40(_end(r));

        emit Settle(leaseId, agreedGpuMs, _end(r), rent);
        _tellRouter(_fleetOf(leaseId), rent, 0);
    }

    function _requireBothSigned(MutualClosing calldata c) internal view {
        bytes32 digest = mutualDigest(c.leaseId, c.agreedGpuMs);
        address operator = _operator(c.leaseId);
        require(
            SignatureCheckerLib.isValidSignatureNowCalldata(operator, digest, c.operatorSignature),
            InvalidSignature(c.leaseId, operator)
        );
        address lessee = ownerOf(c.leaseId);
        require(
            SignatureCheckerLib.isValidSignatureNowCalldata(lessee, digest, c.ownerSignature),
            InvalidSignature(c.leaseId, lessee)
        );
    }

    function _settleProved(uint256 leaseId, uint64 deliveredGpuMs, bytes32 root, uint256 asOf, bytes32[] calldata proof)
        internal
        returns (uint256 rent)
    {
        require(
            root != 0 && MerkleProofLib.verifyCalldata(proof, root, LeafLib.delivery(leaseId, deliveredGpuMs)),
            InvalidProof(leaseId, deliveredGpuMs)
        );
        uint256 counted;
        (rent, counted) = _settle(leaseId, deliveredGpuMs, asOf);
        _tellRouter(_fleetOf(leaseId), rent, counted);
    }

    function _tellRouter(uint256 fleetId, uint256 amount, uint256 counted) internal {
        if (amount > 0) ROUTER.credit(fleetId, amount, counted);
    }

    function _endReservation(
        uint256 leaseId,
        uint256 reservation,
        uint256 slaCredit,
        uint256 compensation,
        address lessee
    ) internal {
        BOND.closeReservation(_fleetOf(leaseId), leaseId, reservation, slaCredit, compensation, lessee);
    }

    function _head(uint256 leaseId) internal returns (bytes32 root, uint256 asOf) {
        return ORACLE.touch(_fleetOf(leaseId));
    }

    function _token(uint256 fleetId) internal view returns (IERC20) {
        return IERC20(REGISTRY.settlementToken(fleetId));
    }

    function _operator(uint256 leaseId) internal view returns (address) {
        return REGISTRY.operatorOf(_fleetOf(leaseId));
    }

    function _requireOperator(uint256 leaseId) internal view {
        require(msg.sender == _operator(leaseId), NotOperator(_fleetOf(leaseId), msg.sender));
    }

    function _openLease(uint256 leaseId) internal view returns (Record storage r, Progress storage p) {
        r = _records[leaseId];
        p = _progress[leaseId];
        require(r.gpus > 0, UnknownLease(leaseId));
        require(!p.closed, LeaseClosed(leaseId));
    }

    function _grantedLease(uint256 leaseId) internal view returns (Record storage r, Progress storage p) {
        (r, p) = _openLease(leaseId);
        require(r.grantedAt > 0, NotGranted(leaseId));
    }

    function _end(Record storage r) internal view returns (uint256) {
        return uint256(r.grantedAt) + r.term;
    }

    function _deposit(Record storage r) internal view returns (uint256) {
        return uint256(r.pricePerGpuHour).depositUp(r.gpus, r.duration);
    }

    function _fleetOf(uint256 leaseId) internal pure returns (uint256) {
        return leaseId >> 32;
    }
}
