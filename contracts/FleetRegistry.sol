// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";
import {ERC721} from "solady/tokens/ERC721.sol";
import {MerkleProofLib} from "solady/utils/MerkleProofLib.sol";

import {ICustodian} from "./interfaces/ICustodian.sol";
import {IERC7578, Properties} from "./interfaces/IERC7578.sol";
import {Enrolment, Fleet, FleetStatus, Hardware, IFleetRegistry, Opening} from "./interfaces/IFleetRegistry.sol";
import {IFleetShareFactory} from "./interfaces/IFleetShareFactory.sol";
import {IFleetShares} from "./interfaces/IFleetShares.sol";
import {ILeaseBook} from "./interfaces/ILeaseBook.sol";
import {IMeterOracle} from "./interfaces/IMeterOracle.sol";
import {IOperatorBond} from "./interfaces/IOperatorBond.sol";
import {IPricing} from "./interfaces/IPricing.sol";
import {IRevenueRouter} from "./interfaces/IRevenueRouter.sol";
import {System} from "./interfaces/System.sol";
import {CapacityLib} from "./libraries/CapacityLib.sol";
import {LeafLib} from "./libraries/LeafLib.sol";

/// @title FleetRegistry
contract FleetRegistry is ERC721, AccessManaged, IFleetRegistry {
    using CapacityLib for CapacityLib.History;

    /// @dev An operator learns at least this long before that it will be replaced.
    uint256 public constant OPERATOR_NOTICE = 7 days;
    uint256 internal constant MAX_TERM = 180 days;
    uint256 internal constant BPS = 10_000;
    /// @dev One share.
    uint256 internal constant LEAST_SUPPLY = 1e18;

    address internal immutable SEALER;
    address internal immutable ORACLE;
    ILeaseBook internal immutable LEASE_BOOK;
    address internal immutable LEASE_TERMS;
    IOperatorBond internal immutable BOND;
    IRevenueRouter internal immutable ROUTER;
    IFleetShareFactory internal immutable SHARE_FACTORY;
    address internal immutable TRANSFER_GATE;
    address internal immutable LOSS_FUND;

    /// @inheritdoc IFleetRegistry
    bool public isSealed;
    /// @inheritdoc IFleetRegistry
    bool public isPaused;
    uint64 internal _fleetCount;

    /// @inheritdoc IFleetRegistry
    mapping(address token => bool) public isTokenListed;
    /// @inheritdoc IFleetRegistry
    mapping(address account => bytes32) public operatorRecord;
    /// @inheritdoc IFleetRegistry
    mapping(address account => bytes32) public lesseeRecord;

    mapping(uint256 fleetId => Fleet) internal _fleets;
    mapping(uint256 fleetId => CapacityLib.History) internal _capacity;
    mapping(uint256 fleetId => Properties) internal _documents;
    /// @dev Hash of the floor and of the custodian in whose time the consent was given: it does not outlive a custody.
    mapping(uint256 fleetId => bytes32) internal _floorConsent;

    /// @param sealer May seal, once; has no other right.
    constructor(System memory system, address sealer) AccessManaged(system.authority) {
        SEALER = sealer;
        ORACLE = system.oracle;
        LEASE_BOOK = ILeaseBook(system.leaseBook);
        LEASE_TERMS = system.leaseTerms;
        BOND = IOperatorBond(system.bond);
        ROUTER = IRevenueRouter(system.router);
        SHARE_FACTORY = IFleetShareFactory(system.shareFactory);
        TRANSFER_GATE = system.transferGate;
        LOSS_FUND = system.lossFund;
    }

    modifier onlyController(uint256 fleetId) {
        _requireController(fleetId);
        _;
    }

    modifier onlyTitleOwner(uint256 fleetId) {
        _requireTitleOwner(fleetId);
        _;
    }

    /* ---- governance ---- */

    /// @inheritdoc IFleetRegistry
    function seal(bytes32[9] calldata codeHashes) external {
        require(msg.sender == SEALER, NotSealer(msg.sender));
        require(!isSealed, AlreadySealed());
        address[9] memory holders = [
            authority(),
            ORACLE,
            address(LEASE_BOOK),
            LEASE_TERMS,
            address(BOND),
            address(ROUTER),
            address(SHARE_FACTORY),
            TRANSFER_GATE,
            LOSS_FUND
        ];
        for (uint256 i; i < holders.length; ++i) {
            bytes32 found = holders[i].codehash;
            require(found == codeHashes[i], CodeMismatch(holders[i], codeHashes[i], found));
        }

        isSealed = true;

        emit Seal(msg.sender);
    }

    /// @inheritdoc IFleetRegistry
    function pause() external restricted {
        isPaused = true;
        emit Pause(msg.sender);
    }

    /// @inheritdoc IFleetRegistry
    function unpause() external restricted {
        isPaused = false;
        emit Unpause(msg.sender);
    }

    /// @inheritdoc IFleetRegistry
    function listToken(address token) external restricted {
        uint8 decimals = IERC20Metadata(token).decimals();
        require(decimals >= 6 && decimals <= 18, InvalidToken(token));

        isTokenListed[token] = true;

        emit ListToken(token, decimals);
    }

    /// @inheritdoc IFleetRegistry
    function delistToken(address token) external restricted {
        require(isTokenListed[token], TokenNotListed(token));
        isTokenListed[token] = false;
        emit DelistToken(token);
    }

    /// @inheritdoc IFleetRegistry
    function admitOperator(address account, bytes32 checkedHash) external restricted {
        _requireHash(checkedHash);
        operatorRecord[account] = checkedHash;
        emit AdmitOperator(account, checkedHash);
    }

    /// @inheritdoc IFleetRegistry
    function dismissOperator(address account) external restricted {
        require(operatorRecord[account] != 0, NotAdmitted(account));
        operatorRecord[account] = 0;
        emit DismissOperator(account);
    }

    /// @inheritdoc IFleetRegistry
    function admitLessee(address account, bytes32 checkedHash) external restricted {
        _requireHash(checkedHash);
        lesseeRecord[account] = checkedHash;
        emit AdmitLessee(account, checkedHash);
    }

    /// @inheritdoc IFleetRegistry
    function dismissLessee(address account) external restricted {
        require(lesseeRecord[account] != 0, NotAdmitted(account));
        lesseeRecord[account] = 0;
        emit DismissLessee(account);
    }

    /// @inheritdoc IFleetRegistry
    function confirmGrowth(uint256 fleetId, uint32 capacity, bytes32 gpuRoot) external restricted {
        Fleet storage f = _live(fleetId);
        require(f.requestedCapacity != 0, NoGrowthRequested(fleetId));
        require(
            capacity == f.requestedCapacity && gpuRoot == f.requestedGpuRoot,
            GrowthChanged(fleetId, f.requestedCapacity, f.requestedGpuRoot)
        );

        // A request is above the capacity of its time, and only a confirmation raises that: growth is still growth.
        f.requestedCapacity = 0;
        f.requestedGpuRoot = 0;
        if (f.commissionedAt == 0) f.commissionedAt = uint40(block.timestamp);
        _setCapacity(fleetId, f, capacity, gpuRoot);
    }

    /// @inheritdoc IFleetRegistry
    function lowerFloor(uint256 fleetId, uint72 priceFloor) external restricted {
        Fleet storage f = _live(fleetId);
        require(priceFloor > 0 && priceFloor < f.priceFloor, InvalidFloor(fleetId, f.priceFloor, priceFloor));
        if (_isCustodian(ownerOf(fleetId))) {
            require(_floorConsent[fleetId] == _consent(fleetId, priceFloor), NoConsent(fleetId, priceFloor));
        }

        delete _floorConsent[fleetId];
        f.priceFloor = priceFloor;

        emit LowerFloor(fleetId, priceFloor);
    }

    /// @inheritdoc IFleetRegistry
    function consentToFloor(uint256 fleetId, uint72 priceFloor) external restricted {
        _live(fleetId);
        _floorConsent[fleetId] = _consent(fleetId, priceFloor);
        emit ConsentToFloor(fleetId, priceFloor);
    }

    /// @inheritdoc IFleetRegistry
    function clearDoubleEnrolment(uint256 fleetId) external restricted {
        Fleet storage f = _known(fleetId);
        require(f.suspended, NotSuspended(fleetId));
        f.suspended = false;
        emit ClearDoubleEnrolment(fleetId);
    }

    /* ---- fleets ---- */

    /// @inheritdoc IFleetRegistry
    function enrol(Enrolment calldata e) external returns (uint256 fleetId) {
        require(isSealed, NotSealed());
        require(!isPaused, Paused());
        require(operatorRecord[msg.sender] != 0, NotAdmitted(msg.sender));
        require(isTokenListed[e.settlementToken], TokenNotListed(e.settlementToken));
        _checkEnrolment(e);

        fleetId = ++_fleetCount;
        Fleet storage f = _fleets[fleetId];
        f.status = FleetStatus.Live;
        f.settlementToken = e.settlementToken;
        f.tokenDecimals = IERC20Metadata(e.settlementToken).decimals();
        f.maxTerm = e.maxTerm;
        f.operator = msg.sender;
        f.boardPowerWatts = e.boardPowerWatts;
        f.sampleCadence = e.sampleCadence;
        f.pricing = e.pricing;
        f.priceFloor = e.priceFloor;
        f.insuranceExpiry = e.insuranceExpiry;
        f.requestedCapacity = e.capacity;
        f.gpuClass = e.gpuClass;
        f.region = e.region;
        f.requestedGpuRoot = e.gpuRoot;
        f.deedHash = e.deedHash;
        _documents[fleetId] = e.documents;
        _mint(e.owner, fleetId);

        ROUTER.register(fleetId, e.operatingShareBps);
        BOND.seat(fleetId, msg.sender);
        address shares = SHARE_FACTORY.create(fleetId, e.owner, e.settlementToken, e.shares);
        f.shares = shares;

        emit Enrol(fleetId, e.owner, msg.sender, shares, e.gpuClass, e.region);
        emit RequestGrowth(fleetId, e.capacity, e.gpuRoot);
        emit SetPricing(fleetId, e.pricing);
        emit PropertiesSet(fleetId, e.documents);
        emit SetInsurance(fleetId, e.insuranceExpiry, e.deedHash);
    }

    /// @inheritdoc IFleetRegistry
    function requestGrowth(uint256 fleetId, uint32 capacity, bytes32 gpuRoot) external onlyController(fleetId) {
        Fleet storage f = _live(fleetId);
        require(capacity > f.capacity, InvalidCapacity(fleetId, f.capacity, capacity));
        _requireHash(gpuRoot);

        f.requestedCapacity = capacity;
        f.requestedGpuRoot = gpuRoot;

        emit RequestGrowth(fleetId, capacity, gpuRoot);
    }

    /// @inheritdoc IFleetRegistry
    function shrink(uint256 fleetId, uint32 capacity, bytes32 gpuRoot) external onlyTitleOwner(fleetId) {
        Fleet storage f = _live(fleetId);
        require(capacity > 0 && capacity < f.capacity, InvalidCapacity(fleetId, f.capacity, capacity));
        _requireHash(gpuRoot);
        uint256 leased = LEASE_BOOK.leasedGpus(fleetId);
        require(capacity >= leased, CapacityLeased(fleetId, leased, capacity));

        _setCapacity(fleetId, f, capacity, gpuRoot);
    }

    /// @inheritdoc IFleetRegistry
    function setGpuRoot(uint256 fleetId, bytes32 gpuRoot) external onlyTitleOwner(fleetId) {
        Fleet storage f = _live(fleetId);
        _requireHash(gpuRoot);
        require(f.commissionedAt != 0, InvalidCapacity(fleetId, 0, 0));

        f.gpuRoot = gpuRoot;

        emit SetCapacity(fleetId, f.capacity, gpuRoot);
    }

    /// @inheritdoc IFleetRegistry
    function windDown(uint256 fleetId) external onlyTitleOwner(fleetId) {
        Fleet storage f = _live(fleetId);
        uint256 leased = LEASE_BOOK.leasedGpus(fleetId);
        require(leased == 0, CapacityLeased(fleetId, leased, 0));

        f.status = FleetStatus.WoundDown;
        f.requestedCapacity = 0;
        f.requestedGpuRoot = 0;
        _setCapacity(fleetId, f, 0, 0);

        emit WindDown(fleetId);
    }

    /// @inheritdoc IFleetRegistry
    function setPricing(uint256 fleetId, IPricing pricing) external onlyController(fleetId) {
        _require(address(pricing).code.length > 0, "pricing");
        _live(fleetId).pricing = pricing;
        emit SetPricing(fleetId, pricing);
    }

    /// @inheritdoc IFleetRegistry
    function setDocuments(uint256 fleetId, Properties calldata documents) external onlyController(fleetId) {
        _documents[fleetId] = documents;
        emit PropertiesSet(fleetId, documents);
    }

    /// @inheritdoc IFleetRegistry
    function setInsurance(uint256 fleetId, uint40 insuranceExpiry, bytes32 deedHash) external onlyController(fleetId) {
        Fleet storage f = _known(fleetId);
        f.insuranceExpiry = insuranceExpiry;
        f.deedHash = deedHash;
        emit SetInsurance(fleetId, insuranceExpiry, deedHash);
    }

    /// @inheritdoc IFleetRegistry
    function proposeOperator(uint256 fleetId, address operator) external onlyController(fleetId) {
        Fleet storage f = _live(fleetId);
        require(operator == address(0) || operatorRecord[operator] != 0, NotAdmitted(operator));
        _require(operator != f.operator, "operator");
        uint256 effectiveFrom = operator == address(0) ? 0 : block.timestamp + OPERATOR_NOTICE;

        f.incomingOperator = operator;
        f.incomingFrom = uint40(effectiveFrom);

        emit ProposeOperator(fleetId, operator, effectiveFrom);
    }

    /// @inheritdoc IFleetRegistry
    function replaceOperator(uint256 fleetId) external {
        Fleet storage f = _live(fleetId);
        address incoming = f.incomingOperator;
        require(incoming != address(0), NoOperatorProposed(fleetId));
        require(block.timestamp >= f.incomingFrom, NoticeRunning(fleetId, f.incomingFrom));
        require(operatorRecord[incoming] != 0, NotAdmitted(incoming));

        // The old operator's share of what was settled is split while it is still the operator.
        ROUTER.route(fleetId);
        BOND.takeOver(fleetId, incoming);
        IMeterOracle(ORACLE).retireReporter(fleetId);
        emit ReplaceOperator(fleetId, f.operator, incoming);
        f.operator = incoming;
        f.incomingOperator = address(0);
        f.incomingFrom = 0;
    }

    /// @inheritdoc IFleetRegistry
    function proveDoubleEnrolment(
        bytes32 gpuId,
        uint256 fleetA,
        bytes32[] calldata proofA,
        uint256 fleetB,
        bytes32[] calldata proofB
    ) external {
        require(fleetA != fleetB, SameFleet(fleetA));
        bytes32 leaf = LeafLib.gpu(gpuId);
        _suspend(fleetA, gpuId, leaf, proofA);
        _suspend(fleetB, gpuId, leaf, proofB);
        emit ProveDoubleEnrolment(gpuId, fleetA, fleetB);
    }

    /* ---- reads ---- */

    /// @inheritdoc IFleetRegistry
    function fleetCount() external view returns (uint256) {
        return _fleetCount;
    }

    /// @inheritdoc IFleetRegistry
    function fleet(uint256 fleetId) external view returns (Fleet memory) {
        return _known(fleetId);
    }

    /// @inheritdoc IFleetRegistry
    function operatorOf(uint256 fleetId) external view returns (address) {
        return _known(fleetId).operator;
    }

    /// @inheritdoc IFleetRegistry
    function settlementToken(uint256 fleetId) external view returns (address) {
        return _known(fleetId).settlementToken;
    }

    /// @inheritdoc IFleetRegistry
    function controllerOf(uint256 fleetId) public view returns (address) {
        address owner = ownerOf(fleetId);
        return _isCustodian(owner) ? ICustodian(owner).controllerOf(fleetId) : owner;
    }

    /// @inheritdoc IFleetRegistry
    function openingFor(uint256 fleetId, address lessee) external view returns (Opening memory) {
        require(!isPaused, Paused());
        Fleet storage f = _live(fleetId);
        require(!f.suspended, FleetSuspended(fleetId));
        return Opening({
            token: f.settlementToken,
            capacity: f.capacity,
            maxTerm: f.maxTerm,
            pricing: f.pricing,
            priceFloor: f.priceFloor,
            ofRecord: lesseeRecord[lessee] != 0
        });
    }

    /// @inheritdoc IFleetRegistry
    function hardwareOf(uint256 fleetId) external view returns (Hardware memory) {
        Fleet storage f = _known(fleetId);
        return Hardware(f.settlementToken, f.capacity, f.commissionedAt, f.gpuClass);
    }

    /// @inheritdoc IFleetRegistry
    function capacityGpuMs(uint256 fleetId, uint256 time) external view returns (uint256) {
        require(time <= block.timestamp, InvalidTime(time));
        _known(fleetId);
        return _capacity[fleetId].gpuMsAt(time);
    }

    /// @inheritdoc IFleetRegistry
    function capacityBetween(uint256 fleetId, uint256 from, uint256 to)
        external
        view
        returns (uint256 gpuMs, uint256 boardPowerWatts)
    {
        require(from <= to && to <= block.timestamp, InvalidTime(to));
        // Every fleet has board power: one slot tells both.
        boardPowerWatts = _fleets[fleetId].boardPowerWatts;
        require(boardPowerWatts > 0, UnknownFleet(fleetId));
        gpuMs = _capacity[fleetId].gpuMsBetween(from, to);
    }

    /// @inheritdoc IFleetRegistry
    function stateHash(uint256 fleetId) external view returns (bytes32) {
        return keccak256(
            abi.encode(_known(fleetId), _documents[fleetId], ownerOf(fleetId), LEASE_BOOK.leasedGpus(fleetId), isPaused)
        );
    }

    /// @inheritdoc IERC7578
    function getProperties(uint256 tokenId) external view returns (Properties memory) {
        return _documents[tokenId];
    }

    /// @notice ERC-165: ERC-721, its metadata, the reads of ERC-7578.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IERC7578).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @notice Name of the title.
    function name() public pure override returns (string memory) {
        return "GPU fleet title";
    }

    /// @notice Symbol of the title.
    function symbol() public pure override returns (string memory) {
        return "FLEET";
    }

    /// @notice Empty: what a fleet is stands in `fleet` and `getProperties`.
    function tokenURI(uint256) public pure override returns (string memory) {
        return "";
    }

    /* ---- internals ---- */

    /// @dev What the bound shares earned stays with the seller.
    function _afterTokenTransfer(address from, address to, uint256 fleetId) internal override {
        if (from != address(0)) IFleetShares(_fleets[fleetId].shares).moveTitle(from, to);
    }

    function _setCapacity(uint256 fleetId, Fleet storage f, uint32 capacity, bytes32 gpuRoot) internal {
        f.capacity = capacity;
        f.gpuRoot = gpuRoot;
        _capacity[fleetId].push(capacity);
        emit SetCapacity(fleetId, capacity, gpuRoot);
    }

    /// @dev A suspended fleet takes no new business anyway, so it cannot be used to stop another one again.
    function _suspend(uint256 fleetId, bytes32 gpuId, bytes32 leaf, bytes32[] calldata proof) internal {
        Fleet storage f = _live(fleetId);
        require(!f.suspended, FleetSuspended(fleetId));
        require(f.gpuRoot != 0 && MerkleProofLib.verifyCalldata(proof, f.gpuRoot, leaf), InvalidProof(fleetId, gpuId));
        f.suspended = true;
    }

    function _checkEnrolment(Enrolment calldata e) internal view {
        _require(e.gpuClass != 0, "gpuClass");
        _require(e.region != 0, "region");
        _require(e.boardPowerWatts > 0, "boardPowerWatts");
        _require(e.sampleCadence > 0, "sampleCadence");
        _require(e.maxTerm >= 1 hours && e.maxTerm <= MAX_TERM, "maxTerm");
        _require(e.capacity > 0, "capacity");
        _require(e.gpuRoot != 0, "gpuRoot");
        _require(e.priceFloor > 0, "priceFloor");
        _require(address(e.pricing).code.length > 0, "pricing");
        _require(e.operatingShareBps <= BPS, "operatingShareBps");
        _require(e.shares.supply >= LEAST_SUPPLY, "supply");
    }

    function _consent(uint256 fleetId, uint72 priceFloor) internal view returns (bytes32) {
        return keccak256(abi.encode(ownerOf(fleetId), priceFloor));
    }

    function _requireHash(bytes32 hash) internal pure {
        require(hash != 0, InvalidHash());
    }

    function _require(bool valid, bytes32 field) internal pure {
        require(valid, InvalidEnrolment(field));
    }

    function _requireController(uint256 fleetId) internal view {
        require(msg.sender == controllerOf(fleetId), NotController(fleetId, msg.sender));
    }

    function _requireTitleOwner(uint256 fleetId) internal view {
        require(msg.sender == ownerOf(fleetId), NotTitleOwner(fleetId, msg.sender));
    }

    function _known(uint256 fleetId) internal view returns (Fleet storage f) {
        f = _fleets[fleetId];
        require(f.status != FleetStatus.None, UnknownFleet(fleetId));
    }

    function _live(uint256 fleetId) internal view returns (Fleet storage f) {
        f = _known(fleetId);
        require(f.status == FleetStatus.Live, FleetNotLive(fleetId));
    }

    function _isCustodian(address owner) internal view returns (bool) {
        return owner.code.length > 0 && ERC165Checker.supportsInterface(owner, type(ICustodian).interfaceId);
    }
}
