// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Carrier: how is code run that is nowhere deployed?
/// @notice `eth_call` without a receiver runs this constructor: it creates `code`, asks it `question`, and reverts with what it
/// answered. Nothing needs to be deployed before, and nothing is left behind.
/// @dev The answer travels as an error, since what a constructor returns is taken for code: no more than 24,576 bytes (EIP-170), at 200
/// gas each. Revert data has neither limit, and every node hands it on with the error. A question that is refused reverts with the
/// refusal itself. Creation code and question together must fit into 49,152 bytes (EIP-3860).
contract Carrier {
    error Answer(bytes answer);
    error NotCreated();

    constructor(bytes memory code, bytes memory question) {
        address asked;
        assembly ("memory-safe") {
            asked := create(0, add(code, 0x20), mload(code))
        }
        require(asked != address(0), NotCreated());
        (bool done, bytes memory answer) = asked.staticcall(question);
        if (done) revert Answer(answer);
        assembly ("memory-safe") {
            revert(add(answer, 0x20), mload(answer))
        }
    }
}
