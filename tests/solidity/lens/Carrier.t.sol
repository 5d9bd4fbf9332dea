// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Carrier} from "../../../contracts/lens/Carrier.sol";
import {vm} from "../base/Vm.sol";

/// @dev Answers, refuses, or says nothing.
contract Witness {
    error Refused(uint256 asked);

    function double(uint256 asked) external pure returns (uint256) {
        return 2 * asked;
    }

    function refuse(uint256 asked) external pure {
        revert Refused(asked);
    }

    function bytesOf(uint256 length) external pure returns (bytes memory) {
        return new bytes(length);
    }

    function nothing() external pure {}
}

contract CarrierTest {
    function test_carrier__question__answerComesAsAnError(uint128 asked) public {
        bytes memory found = _ask(abi.encodeCall(Witness.double, (asked)));
        vm.assertEq(abi.decode(found, (uint256)), 2 * uint256(asked));
    }

    function test_carrier__answerLargerThanCodeMayBe__comesWhole() public {
        bytes memory found = _ask(abi.encodeCall(Witness.bytesOf, (100_000)));
        vm.assertEq(abi.decode(found, (bytes)).length, 100_000);
    }

    function test_carrier__noAnswer__isEmpty() public {
        vm.assertEq(_ask(abi.encodeCall(Witness.nothing, ())).length, 0);
    }

    function test_carrier__refusal__isHandedOn() public {
        vm.expectRevert(abi.encodeWithSelector(Witness.Refused.selector, 7));
        new Carrier(type(Witness).creationCode, abi.encodeCall(Witness.refuse, (7)));
    }

    function test_carrier__codeThatCannotBeCreated__isRefused() public {
        vm.expectRevert(Carrier.NotCreated.selector);
        new Carrier(hex"fe", "");
    }

    function _ask(bytes memory question) private returns (bytes memory) {
        try new Carrier(type(Witness).creationCode, question) {
            revert("a carrier stayed");
        } catch (bytes memory data) {
            vm.assertEq(bytes32(bytes4(data)), bytes32(Carrier.Answer.selector));
            bytes memory encoded = new bytes(data.length - 4);
            for (uint256 i; i < encoded.length; ++i) {
                encoded[i] = data[i + 4];
            }
            return abi.decode(encoded, (bytes));
        }
    }
}
