// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ECDSA} from "solady/utils/ECDSA.sol";
import {SSTORE2} from "solady/utils/SSTORE2.sol";

import {IFleetRegistry} from "../interfaces/IFleetRegistry.sol";
import {IMeterOracle, Signature, VerifierSignature} from "../interfaces/IMeterOracle.sol";

/// @notice Who may sign a fleet's reports: the operator's reporter key, and verifiers whom a delayed role appoints.
abstract contract MeterSigners is AccessManaged, IMeterOracle {
    uint256 internal constant MOST_VERIFIERS = 32;
    /// @dev As long as a bond needs to leave.
    uint256 public constant KEY_ANSWERS = 21 days;
    /// @dev The reporter's bit in `AdvanceHead.signers`.
    uint256 internal constant REPORTER_BIT = 1 << 255;

    /// @dev The set is contract code, 20 bytes a verifier: one account to load, however many sign.
    struct VerifierSet {
        address pointer;
        uint8 count;
        uint8 quorum;
    }

    /// @dev Whose key it is, and until when it answers for lies; zero while it is in use.
    struct Key {
        address operator;
        uint40 answersUntil;
    }

    IFleetRegistry internal immutable REGISTRY;

    /// @inheritdoc IMeterOracle
    mapping(uint256 fleetId => address) public reporterOf;
    mapping(uint256 fleetId => VerifierSet) internal _verifierSets;
    mapping(uint256 fleetId => mapping(address key => Key)) internal _keys;

    constructor(address registry) {
        REGISTRY = IFleetRegistry(registry);
    }

    /// @inheritdoc IMeterOracle
    function setReporter(uint256 fleetId, address reporter) external {
        require(msg.sender == REGISTRY.operatorOf(fleetId), NotOperator(fleetId, msg.sender));
        require(reporter != address(0) && reporter != reporterOf[fleetId], InvalidReporter(reporter));
        // A key has one owner for ever: an old operator's key cannot become its successor's liability.
        address keyOwner = _keys[fleetId][reporter].operator;
        require(keyOwner == address(0) || keyOwner == msg.sender, InvalidReporter(reporter));
        address[] memory verifiers = _verifiers(_verifierSets[fleetId]);
        for (uint256 i; i < verifiers.length; ++i) {
            require(verifiers[i] != reporter && verifiers[i] != msg.sender, InvalidReporter(reporter));
        }
        _retire(fleetId);

        reporterOf[fleetId] = reporter;
        _keys[fleetId][reporter] = Key(msg.sender, 0);

        emit SetReporter(fleetId, msg.sender, reporter);
    }

    /// @inheritdoc IMeterOracle
    function retireReporter(uint256 fleetId) external {
        require(msg.sender == address(REGISTRY), NotRegistry(msg.sender));
        _retire(fleetId);
    }

    /// @inheritdoc IMeterOracle
    function setVerifiers(uint256 fleetId, address[] calldata verifiers, uint8 quorum) external restricted {
        uint256 n = verifiers.length;
        address operator = REGISTRY.operatorOf(fleetId);
        address reporter = reporterOf[fleetId];
        require(n > 0 && n <= MOST_VERIFIERS, InvalidVerifiers());
        require(quorum > 0 && quorum <= n, InvalidQuorum(quorum, n));
        bytes memory packed = new bytes(0);
        address last;
        for (uint256 i; i < n; ++i) {
            address verifier = verifiers[i];
            require(verifier > last && verifier != operator, InvalidVerifiers());
            // Else an operator could bar any verifier, by claiming its address as a key.
            if (verifier == reporter) _retire(fleetId);
            packed = abi.encodePacked(packed, verifier);
            last = verifier;
        }

        // Safe: n is at most 32.
        _verifierSets[fleetId] = VerifierSet(SSTORE2.write(packed), uint8(n), quorum);

        emit SetVerifiers(fleetId, verifiers, quorum);
    }

    /// @inheritdoc IMeterOracle
    function verifiersOf(uint256 fleetId) external view returns (address[] memory verifiers, uint256 quorum) {
        VerifierSet memory set = _verifierSets[fleetId];
        return (_verifiers(set), set.quorum);
    }

    function _requireReporter(uint256 fleetId, bytes32 digest, Signature calldata signature) internal view {
        address signer = ECDSA.recover(digest, signature.r, signature.vs);
        require(signer == reporterOf[fleetId], NotReporter(fleetId, signer));
    }

    /// @return signers Bit i stands for verifier i.
    function _requireQuorum(uint256 fleetId, bytes32 digest, VerifierSignature[] calldata signatures)
        internal
        view
        returns (uint256 signers)
    {
        VerifierSet memory set = _verifierSets[fleetId];
        require(
            set.quorum > 0 && signatures.length >= set.quorum, QuorumNotReached(fleetId, signatures.length, set.quorum)
        );
        bytes memory packed = SSTORE2.read(set.pointer);
        for (uint256 i; i < signatures.length; ++i) {
            VerifierSignature calldata signature = signatures[i];
            uint256 index = signature.index;
            require(index < set.count, UnknownVerifier(fleetId, index));
            // Strictly increasing: no higher bit may be there yet.
            require(signers >> index == 0, DuplicateVerifier(fleetId, index));
            address signer = ECDSA.recover(digest, signature.r, signature.vs);
            require(signer == _at(packed, index), NotVerifier(fleetId, index, signer));
            signers |= 1 << index;
        }
    }

    function _retire(uint256 fleetId) private {
        address reporter = reporterOf[fleetId];
        if (reporter == address(0)) return;
        uint256 until = block.timestamp + KEY_ANSWERS;
        reporterOf[fleetId] = address(0);
        _keys[fleetId][reporter].answersUntil = uint40(until);
        emit RetireReporter(fleetId, reporter, until);
    }

    function _verifiers(VerifierSet memory set) private view returns (address[] memory verifiers) {
        if (set.count == 0) return verifiers;
        bytes memory packed = SSTORE2.read(set.pointer);
        verifiers = new address[](set.count);
        for (uint256 i; i < set.count; ++i) {
            verifiers[i] = _at(packed, i);
        }
    }

    /// @dev Word `index` of 20 bytes; callers keep `index` below the count.
    function _at(bytes memory packed, uint256 index) private pure returns (address verifier) {
        assembly ("memory-safe") {
            verifier := shr(96, mload(add(add(packed, 32), mul(index, 20))))
        }
    }
}
