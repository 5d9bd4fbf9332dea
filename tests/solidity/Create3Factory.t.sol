// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Errors} from "@openzeppelin/contracts/utils/Errors.sol";
import {Create3} from "@openzeppelin/contracts/utils/Create3.sol";

import {Create3Factory} from "../../contracts/Create3Factory.sol";
import {ICreate3Factory} from "../../contracts/interfaces/ICreate3Factory.sol";
import {TestStablecoin} from "../../contracts/mocks/TestStablecoin.sol";
import {vm} from "./base/Vm.sol";

/// @dev Takes money at birth, or refuses to be born.
contract Newborn {
    constructor(bool refuses) payable {
        require(!refuses, "refused");
    }
}

contract Create3FactoryTest {
    Create3Factory internal factory = new Create3Factory();
    address internal constant OTHER = address(0x07E8);

    function test_deploy__anyCode__whereItWasPredicted() public {
        address predicted = factory.addressOf(address(this), "salt");

        vm.expectEmit(address(factory));
        emit ICreate3Factory.Deploy(address(this), "salt", predicted);
        address deployed = factory.deploy("salt", _coinCode("One"));

        vm.assertEq(deployed, predicted);
        vm.assertEq(TestStablecoin(deployed).name(), "One");
    }

    function test_addressOf__otherConstructorArguments__sameAddress() public {
        uint256 state = vm.snapshotState();
        address first = factory.deploy("salt", _coinCode("One"));
        vm.revertToState(state);
        vm.assertEq(factory.deploy("salt", _coinCode("Another")), first);
    }

    function test_deploy__addressOfAnotherDeployerTaken__impossible() public {
        address mine = factory.addressOf(address(this), "salt");

        vm.prank(OTHER);
        address theirs = factory.deploy("salt", _coinCode("Squatter"));

        vm.assertTrue(theirs != mine);
        vm.assertEq(theirs, factory.addressOf(OTHER, "salt"));
        vm.assertEq(mine.code.length, 0);
        vm.assertEq(factory.deploy("salt", _coinCode("One")), mine);
    }

    function test_deploy__saltUsed__reverts() public {
        factory.deploy("salt", _coinCode("One"));
        bytes memory code = _coinCode("Two");
        vm.expectRevert(Errors.FailedDeployment.selector);
        factory.deploy("salt", code);
    }

    function test_deploy__noCode__reverts() public {
        vm.expectRevert(Create3.Create3EmptyBytecode.selector);
        factory.deploy("salt", "");
    }

    function test_deploy__withValue__reachesTheNewContract() public {
        vm.deal(address(this), 1 ether);
        address deployed =
            factory.deploy{value: 1 ether}("rich", bytes.concat(type(Newborn).creationCode, abi.encode(false)));
        vm.assertEq(deployed.balance, 1 ether);
        vm.assertEq(address(factory).balance, 0);
    }

    function test_deploy__constructorReverts__revertsAndSaltStaysFree() public {
        bytes memory refusing = bytes.concat(type(Newborn).creationCode, abi.encode(true));
        vm.expectRevert();
        factory.deploy("salt", refusing);
        factory.deploy("salt", _coinCode("One"));
    }

    function _coinCode(string memory name) private pure returns (bytes memory) {
        return bytes.concat(type(TestStablecoin).creationCode, abi.encode(name, "COIN", uint8(6)));
    }
}
