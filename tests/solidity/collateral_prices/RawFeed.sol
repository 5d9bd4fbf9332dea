// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev Answers each function with the bytes that a test sets for it, of whatever length; reverts where none were set.
contract RawFeed {
    mapping(bytes4 selector => bytes) internal _answers;

    function setAnswer(bytes4 selector, bytes calldata answer) external {
        _answers[selector] = answer;
    }

    fallback() external {
        bytes memory answer = _answers[msg.sig];
        require(answer.length > 0, "silent");
        assembly ("memory-safe") {
            return(add(answer, 32), mload(answer))
        }
    }
}
