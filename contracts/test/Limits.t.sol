// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Batch, Chorus, Tree} from "./Chorus.sol";
import {OddToken} from "./Tokens.sol";

/// @dev What a chain allows one contract (EIP-170) and one transaction (EIP-7825).
contract LimitsTest is Chorus {
  uint256 private constant CODE = 24_576;
  uint256 private constant GAS = 2 ** 24;
  /// What a transaction pays before it runs; a word of calldata costs 512 at most.
  uint256 private constant START = 21_000;

  function test_code_size() public view {
    address[5] memory all =
      [address(timelock), address(registry), address(vault), address(voice), address(governor)];
    for (uint256 i = 0; i < all.length; ++i) {
      vm.assertTrue(all[i].code.length > 0);
      vm.assertLe(all[i].code.length, CODE, "EIP-170");
    }
  }

  /// Each deployment is one transaction.
  function test_deployment_gas() public {
    uint256 before = gasleft();
    deploy();
    // All five together pass the limit of one only little: the largest is well below.
    vm.assertLt(before - gasleft(), 2 * GAS, "deployment");
  }

  function payGas(bytes32 model, address[] memory accounts, uint256 each)
    private
    returns (uint256)
  {
    (Batch memory b, bytes32[] memory tree) = earn(model, 1, accounts, each);
    bytes32[] memory proof = Tree.proof(tree, payLeaf(b));
    uint256 before = gasleft();
    vault.payBatch(b.model, b.round, b.index, b.accounts, b.amounts, proof);
    return before - gasleft() + START + (10 + 2 * accounts.length) * 512;
  }

  /// The largest batch, to accounts that are new on the chain.
  function test_pay_batch() public {
    deposit(IRIS, 1 ether);
    vm.assertLt(payGas(IRIS, people(0, 100), 0.001 ether), GAS, "EIP-7825");
  }

  /// The largest batch of which every push fails at its dearest.
  function test_pay_batch_that_fails() public {
    bytes32 coins = keccak256("coins");
    OddToken token = new OddToken();
    register(coins, address(token), policyOf(3, 10, 0, 1 ether));
    token.mint(address(this), 100);
    vault.deposit(coins, 100);
    token.set(OddToken.Mode.Burns);
    vm.assertLt(payGas(coins, people(0, 100), 1), GAS, "EIP-7825");
    vm.assertEq(vault.owed(address(token), people(99, 1)[0]), 1);
  }

  /// The largest batch of votes, all of new organisations.
  function test_mint() public {
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 1, people(0, 50), 1);
    bytes32[] memory proof = Tree.proof(tree, voiceLeaf(b));
    uint256 before = gasleft();
    voice.mint(b.model, b.round, b.index, b.organisations, b.accounts, proof);
    vm.assertLt(before - gasleft() + START + 110 * 512, GAS, "EIP-7825");
  }
}
