// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Create3Factory} from "../../../contracts/Create3Factory.sol";
import {FixedPricing} from "../../../contracts/FixedPricing.sol";
import {FleetRegistry} from "../../../contracts/FleetRegistry.sol";
import {FleetShareFactory} from "../../../contracts/FleetShareFactory.sol";
import {FleetShares} from "../../../contracts/FleetShares.sol";
import {LeaseBook} from "../../../contracts/LeaseBook.sol";
import {LeaseTerms} from "../../../contracts/LeaseTerms.sol";
import {LossFund} from "../../../contracts/LossFund.sol";
import {MeterOracle} from "../../../contracts/MeterOracle.sol";
import {OperatorBond} from "../../../contracts/OperatorBond.sol";
import {RevenueRouter} from "../../../contracts/RevenueRouter.sol";
import {TransferGate} from "../../../contracts/TransferGate.sol";
import {Amount, Properties} from "../../../contracts/interfaces/IERC7578.sol";
import {Enrolment, ShareTerms} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {Delivery, Lease} from "../../../contracts/interfaces/ILeaseBook.sol";
import {Terms, Tier} from "../../../contracts/interfaces/ILeaseTerms.sol";
import {Head, Report, Signature, VerifierSignature} from "../../../contracts/interfaces/IMeterOracle.sol";
import {ISequencerFeed} from "../../../contracts/interfaces/ISequencerFeed.sol";
import {System} from "../../../contracts/interfaces/System.sol";
import {LeafLib} from "../../../contracts/libraries/LeafLib.sol";
import {Roles} from "../../../contracts/libraries/Roles.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";

import {DeliveryTree} from "./DeliveryTree.sol";
import {vm} from "./Vm.sol";

/// @dev The whole system, sealed, with one person in every role and no delays on the roles: delays are AccessManager's, and
/// a test of their own. `decimals` and `gated` may be overridden before `setUp`.
abstract contract SystemTest {
    using DeliveryTree for DeliveryTree.Tree;

    uint256 internal constant START = 1_700_000_000;
    uint256 internal constant HOUR = 3_600_000;
    uint256 internal constant REPORTER_KEY = 0xA11CE;
    uint256 internal constant OPERATOR_KEY = 0x0DE12A;
    uint256 internal constant LESSEE_KEY = 0x1E55EE;
    uint32 internal constant CAPACITY = 64;
    uint32 internal constant WATTS = 700;

    address internal admin = _actor("admin");
    address internal registrar = _actor("registrar");
    address internal guardian = _actor("guardian");
    address internal parameters = _actor("parameters");
    address internal arbiter = _actor("arbiter");
    address internal verifierAdmin = _actor("verifierAdmin");
    address internal risk = _actor("risk");
    address internal enforcer = _actor("enforcer");
    address internal feeRecipient = _actor("feeRecipient");
    address internal owner = _actor("owner");
    address internal investor = _actor("investor");
    address internal stranger = _actor("stranger");
    address internal operator = vm.addr(OPERATOR_KEY);
    address internal lessee = vm.addr(LESSEE_KEY);
    address internal reporter = vm.addr(REPORTER_KEY);

    AccessManager internal authority;
    Create3Factory internal create3;
    FleetRegistry internal registry;
    MeterOracle internal oracle;
    LeaseBook internal book;
    LeaseTerms internal leaseTerms;
    OperatorBond internal bond;
    RevenueRouter internal router;
    FleetShareFactory internal shareFactory;
    TransferGate internal gate;
    LossFund internal lossFund;
    FixedPricing internal pricing;
    TestStablecoin internal coin;
    System internal system;
    /// @dev Private keys of the verifiers, by rising address: index i signs as verifier i.
    uint256[] internal verifierKeys;

    function setUp() public virtual {
        vm.warp(START);
        _deploy();
        _assignRoles();
        coin = _newCoin();
        vm.prank(parameters);
        registry.listToken(address(coin));
        vm.prank(parameters);
        leaseTerms.setTerms(_terms());
        vm.prank(registrar);
        registry.admitOperator(operator, "operator papers");
        vm.prank(registrar);
        registry.admitLessee(lessee, "lessee papers");
        registry.seal(_codeHashes());
    }

    /* ---- what a test may change ---- */

    function _decimals() internal pure virtual returns (uint8) {
        return 6;
    }

    function _sequencerFeed() internal virtual returns (ISequencerFeed) {
        return ISequencerFeed(address(0));
    }

    function _newCoin() internal virtual returns (TestStablecoin) {
        return new TestStablecoin("Test USD", "tUSD", _decimals());
    }

    /// @dev The defaults of the design.
    function _terms() internal pure virtual returns (Terms memory terms) {
        terms.tiers = [Tier(0.99e18, 0.02e18), Tier(0.95e18, 0.05e18), Tier(0.9e18, 0.1e18)];
        terms.reservationWad = 0.1e18;
        terms.lesseeNotice = 24 hours;
        terms.operatorNotice = 24 hours;
        terms.compensation = 24 hours;
        terms.reportInterval = 1 hours;
        terms.proofDeadline = 7 days;
        terms.maxStandstill = 30 days;
        terms.mutualDelay = 48 hours;
    }

    function _enrolment() internal view virtual returns (Enrolment memory e) {
        e.owner = owner;
        e.gpuClass = "H100-SXM5-80GB";
        e.region = "DE-HE";
        e.boardPowerWatts = WATTS;
        e.sampleCadence = 60;
        e.maxTerm = 90 days;
        e.capacity = CAPACITY;
        e.gpuRoot = _gpuRoot();
        e.settlementToken = address(coin);
        e.pricing = pricing;
        e.priceFloor = uint72(_coins(1));
        e.operatingShareBps = 2000;
        e.insuranceExpiry = uint40(START + 365 days);
        e.deedHash = "deed";
        e.documents = Properties("issuer", "holder", "Frankfurt", "ipfs://terms", "DE", Amount("EUR", 1_000_000));
        e.shares = ShareTerms("Fleet One", "FLT1", 1_000_000e18, false, address(0));
    }

    function _gpuRoot() internal pure virtual returns (bytes32) {
        return LeafLib.gpu("gpu-0");
    }

    /* ---- steps that most tests need ---- */

    /// @dev A commissioned fleet with a price of 2 coins, a bond of 100,000 coins, a reporter and three verifiers, two of
    /// whom must sign.
    function _liveFleet() internal returns (uint256 fleetId) {
        return _liveFleet(_enrolment());
    }

    function _liveFleet(Enrolment memory e) internal returns (uint256 fleetId) {
        vm.prank(operator);
        fleetId = registry.enrol(e);
        vm.prank(registrar);
        registry.confirmGrowth(fleetId, e.capacity, e.gpuRoot);
        vm.prank(owner);
        pricing.setPrice(fleetId, uint72(_coins(2)));
        _stake(fleetId, operator, _coins(100_000));
        vm.prank(operator);
        oracle.setReporter(fleetId, reporter);
        vm.prank(verifierAdmin);
        oracle.setVerifiers(fleetId, _verifiers(), 2);
    }

    function _stake(uint256 fleetId, address who, uint256 amount) internal {
        coin.mint(who, amount);
        vm.startPrank(who);
        coin.approve(address(bond), type(uint256).max);
        bond.stake(fleetId, who, amount);
        vm.stopPrank();
    }

    /// @dev `who` leases and pays; money is minted as needed.
    function _openLease(uint256 fleetId, address who, uint32 gpus, uint24 duration) internal returns (uint256 leaseId) {
        coin.mint(who, _coins(1_000_000));
        vm.startPrank(who);
        coin.approve(address(book), type(uint256).max);
        leaseId = book.open(fleetId, who, gpus, duration, type(uint256).max, "access key");
        vm.stopPrank();
    }

    function _grantedLease(uint256 fleetId, address who, uint32 gpus, uint24 duration)
        internal
        returns (uint256 leaseId)
    {
        leaseId = _openLease(fleetId, who, gpus, duration);
        vm.prank(operator);
        book.grantAccess(leaseId, "gpus", "connection");
    }

    /* ---- reports ---- */

    /// @dev A report on the head, `available` GPU-milliseconds more, half of them busy, at half of the board's power.
    function _report(uint256 fleetId, uint256 asOf, uint256 available, bytes32 root)
        internal
        view
        returns (Report memory)
    {
        Head memory head = oracle.head(fleetId);
        return Report({
            fleetId: uint64(fleetId),
            asOf: uint40(asOf),
            availableGpuMs: uint64(head.availableGpuMs + available),
            busyGpuMs: uint64(head.busyGpuMs + available / 2),
            energyJoules: uint64(head.energyJoules + available * WATTS / 2000),
            leaseRoot: root,
            dataHash: "leaf file",
            previousDigest: head.digest
        });
    }

    function _sign(uint256 key, Report memory report) internal view returns (Signature memory) {
        (bytes32 r, bytes32 vs) = vm.signCompact(key, oracle.digestOf(report));
        return Signature(r, vs);
    }

    /// @dev Signatures of the first `n` verifiers.
    function _quorum(Report memory report, uint256 n) internal view returns (VerifierSignature[] memory signatures) {
        bytes32 digest = oracle.digestOf(report);
        signatures = new VerifierSignature[](n);
        for (uint256 i; i < n; ++i) {
            (bytes32 r, bytes32 vs) = vm.signCompact(verifierKeys[i], digest);
            signatures[i] = VerifierSignature(uint8(i), r, vs);
        }
    }

    function _submit(Report memory report) internal {
        oracle.submit(report, _sign(REPORTER_KEY, report), _quorum(report, 2));
    }

    /// @dev Warps to `asOf` and makes a quorum say that `leaseId` got `delivered`; the tree has this leaf alone, so the
    /// proof is empty.
    function _reportDelivery(uint256 fleetId, uint256 asOf, uint256 leaseId, uint256 delivered) internal {
        if (block.timestamp < asOf) vm.warp(asOf);
        uint256 done = leaseId == 0 ? 0 : book.lease(leaseId).deliveredGpuMs;
        uint256 grown = delivered > done ? delivered - done : 0;
        bytes32 root = leaseId == 0 ? bytes32(0) : LeafLib.delivery(leaseId, delivered);
        _submit(_report(fleetId, asOf, grown, root));
    }

    function _noProof() internal pure returns (bytes32[] memory) {
        return new bytes32[](0);
    }

    /* ---- words ---- */

    function _coins(uint256 whole) internal pure returns (uint256) {
        return whole * 10 ** _decimals();
    }

    function _verifiers() internal view returns (address[] memory verifiers) {
        verifiers = new address[](verifierKeys.length);
        for (uint256 i; i < verifiers.length; ++i) {
            verifiers[i] = vm.addr(verifierKeys[i]);
        }
    }

    function _shares(uint256 fleetId) internal view returns (FleetShares) {
        return FleetShares(registry.fleet(fleetId).shares);
    }

    function _actor(string memory name) internal returns (address account) {
        account = address(uint160(uint256(keccak256(bytes(name)))));
        vm.label(account, name);
    }

    function _codeHashes() internal view returns (bytes32[9] memory) {
        return [
            address(authority).codehash,
            address(oracle).codehash,
            address(book).codehash,
            address(leaseTerms).codehash,
            address(bond).codehash,
            address(router).codehash,
            address(shareFactory).codehash,
            address(gate).codehash,
            address(lossFund).codehash
        ];
    }

    /* ---- deployment, as the tool does it ---- */

    function _deploy() private {
        verifierKeys = [uint256(11), 12, 13];
        for (uint256 i; i < verifierKeys.length; ++i) {
            for (uint256 j = i; j > 0 && vm.addr(verifierKeys[j]) < vm.addr(verifierKeys[j - 1]); --j) {
                (verifierKeys[j], verifierKeys[j - 1]) = (verifierKeys[j - 1], verifierKeys[j]);
            }
        }
        create3 = new Create3Factory();
        system = System({
            authority: _predict("authority"),
            registry: _predict("registry"),
            oracle: _predict("oracle"),
            leaseBook: _predict("leaseBook"),
            leaseTerms: _predict("leaseTerms"),
            bond: _predict("bond"),
            router: _predict("router"),
            shareFactory: _predict("shareFactory"),
            transferGate: _predict("transferGate"),
            lossFund: _predict("lossFund")
        });
        authority =
            AccessManager(_put("authority", vm.getCode("AccessManager.sol:AccessManager"), abi.encode(address(this))));
        registry = FleetRegistry(
            _put("registry", vm.getCode("FleetRegistry.sol:FleetRegistry"), abi.encode(system, address(this)))
        );
        oracle = MeterOracle(
            _put(
                "oracle",
                vm.getCode("MeterOracle.sol:MeterOracle"),
                abi.encode(system, _sequencerFeed(), uint32(2 hours))
            )
        );
        book = LeaseBook(_put("leaseBook", vm.getCode("LeaseBook.sol:LeaseBook"), abi.encode(system)));
        leaseTerms =
            LeaseTerms(_put("leaseTerms", vm.getCode("LeaseTerms.sol:LeaseTerms"), abi.encode(system.authority)));
        bond = OperatorBond(_put("bond", vm.getCode("OperatorBond.sol:OperatorBond"), abi.encode(system)));
        router = RevenueRouter(
            _put("router", vm.getCode("RevenueRouter.sol:RevenueRouter"), abi.encode(system, feeRecipient, uint16(200)))
        );
        shareFactory = FleetShareFactory(
            _put("shareFactory", vm.getCode("FleetShareFactory.sol:FleetShareFactory"), abi.encode(system))
        );
        gate = TransferGate(
            _put("transferGate", vm.getCode("TransferGate.sol:TransferGate"), abi.encode(system.authority))
        );
        lossFund = LossFund(_put("lossFund", vm.getCode("LossFund.sol:LossFund"), abi.encode(system.authority)));
        pricing =
            FixedPricing(_put("pricing", vm.getCode("FixedPricing.sol:FixedPricing"), abi.encode(system.registry)));
    }

    function _predict(bytes32 salt) internal view returns (address) {
        return create3.addressOf(address(this), salt);
    }

    function _put(bytes32 salt, bytes memory code, bytes memory arguments) internal returns (address deployed) {
        deployed = create3.deploy(salt, bytes.concat(code, arguments));
        require(deployed == _predict(salt), "not where predicted");
    }

    function _assignRoles() private {
        _let(Roles.GUARDIAN, guardian, address(registry), FleetRegistry.pause.selector);
        _let(Roles.GUARDIAN, guardian, address(registry), FleetRegistry.delistToken.selector);
        _let(Roles.PARAMETERS, parameters, address(registry), FleetRegistry.unpause.selector);
        _let(Roles.PARAMETERS, parameters, address(registry), FleetRegistry.listToken.selector);
        _let(Roles.REGISTRAR, registrar, address(registry), FleetRegistry.admitOperator.selector);
        _let(Roles.REGISTRAR, registrar, address(registry), FleetRegistry.dismissOperator.selector);
        _let(Roles.REGISTRAR, registrar, address(registry), FleetRegistry.admitLessee.selector);
        _let(Roles.REGISTRAR, registrar, address(registry), FleetRegistry.dismissLessee.selector);
        _let(Roles.REGISTRAR, registrar, address(registry), FleetRegistry.clearDoubleEnrolment.selector);
        _let(Roles.REGISTRAR_DELAYED, registrar, address(registry), FleetRegistry.confirmGrowth.selector);
        _let(Roles.REGISTRAR_DELAYED, registrar, address(registry), FleetRegistry.lowerFloor.selector);
        _let(Roles.RISK, risk, address(registry), FleetRegistry.consentToFloor.selector);
        _let(Roles.PARAMETERS, parameters, address(leaseTerms), LeaseTerms.setTerms.selector);
        _let(Roles.PARAMETERS, parameters, address(router), RevenueRouter.setProtocolFee.selector);
        _let(Roles.PARAMETERS, parameters, address(router), RevenueRouter.setFeeRecipient.selector);
        _let(Roles.PARAMETERS, parameters, address(oracle), MeterOracle.setLiveness.selector);
        _let(Roles.VERIFIER_ADMIN, verifierAdmin, address(oracle), oracle.setVerifiers.selector);
        _let(Roles.ARBITER, arbiter, address(oracle), MeterOracle.rule.selector);
        _let(Roles.ARBITER, arbiter, address(oracle), MeterOracle.restate.selector);
        _let(Roles.REGISTRAR, registrar, address(gate), TransferGate.setPermitted.selector);
        _let(Roles.REGISTRAR, registrar, address(gate), TransferGate.freeze.selector);
        _let(Roles.REGISTRAR_DELAYED, registrar, address(gate), TransferGate.forceTransfer.selector);
        _let(Roles.ENFORCER, enforcer, address(gate), TransferGate.approveForcedTransfer.selector);
        _let(Roles.RISK, risk, address(lossFund), LossFund.allow.selector);
        authority.grantRole(0, admin, 0);
    }

    function _let(uint64 role, address who, address target, bytes4 selector) internal {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = selector;
        authority.setTargetFunctionRole(target, selectors, role);
        authority.grantRole(role, who, 0);
    }
}
