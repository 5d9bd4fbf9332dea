// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

import {TestStablecoin} from "../../contracts/mocks/TestStablecoin.sol";
import {vm} from "./base/Vm.sol";

contract TestStablecoinTest {
    bytes32 internal constant PERMIT_TYPE_HASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    function test_constructor__decimals__asSaid() public {
        uint8[3] memory decimals = [6, 8, 18];
        for (uint256 i; i < 3; ++i) {
            TestStablecoin coin = new TestStablecoin("Test USD", "tUSD", decimals[i]);
            vm.assertEq(coin.decimals(), decimals[i]);
            vm.assertEq(coin.name(), "Test USD");
            vm.assertEq(coin.symbol(), "tUSD");
        }
    }

    function test_mint__anyone__creates() public {
        TestStablecoin coin = new TestStablecoin("Test USD", "tUSD", 6);
        vm.prank(address(0xCAFE));
        coin.mint(address(0xBEEF), 5);
        vm.assertEq(coin.balanceOf(address(0xBEEF)), 5);
        vm.assertEq(coin.totalSupply(), 5);
    }

    function test_permit__signedByHolder__allows() public {
        TestStablecoin coin = new TestStablecoin("Test USD", "tUSD", 6);
        address holder = vm.addr(0xBEEF);
        bytes32 structHash = keccak256(abi.encode(PERMIT_TYPE_HASH, holder, address(this), 7, 0, block.timestamp));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(0xBEEF, keccak256(abi.encodePacked(hex"1901", coin.DOMAIN_SEPARATOR(), structHash)));

        coin.permit(holder, address(this), 7, block.timestamp, v, r, s);

        vm.assertEq(coin.allowance(holder, address(this)), 7);
        vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
        coin.permit(holder, address(this), 7, block.timestamp, v, r, s);
    }
}
