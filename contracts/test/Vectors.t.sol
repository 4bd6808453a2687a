// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {Chorus, ChorusGovernor, ChorusRegistry, ChorusVault, ChorusVoice, Tree} from "./Chorus.sol";

/// @dev The contracts against tests/vectors/chain.json, which the C library is held to as well: they are
/// deployed with its arguments, stand at its addresses, and take every one of its calls.
contract VectorsTest is Chorus {
  string private json;

  function setUp() public override {
    json = vm.readFile("../tests/vectors/chain.json");
    vm.warp(1_800_000_000);
    vm.chainId(number(".deploy.chain_id"));
    deployer = account(".deploy.deployer");
    relayer = account(".deploy.relayer");
    attestor = account(".attestor[0].address");
    vm.setNonceUnsafe(deployer, uint64(number(".deploy.nonce")));
    timelock = TimelockController(payable(make(0, type(TimelockController).creationCode)));
    registry = ChorusRegistry(make(1, type(ChorusRegistry).creationCode));
    vault = ChorusVault(make(2, type(ChorusVault).creationCode));
    voice = ChorusVoice(make(3, type(ChorusVoice).creationCode));
    governor = ChorusGovernor(payable(make(4, type(ChorusGovernor).creationCode)));
  }

  function number(string memory key) private view returns (uint256) {
    return vm.parseJsonUint(json, key);
  }

  function account(string memory key) private view returns (address) {
    return vm.parseJsonAddress(json, key);
  }

  function item(string memory section, uint256 i, string memory key)
    private
    pure
    returns (string memory)
  {
    return string.concat(".", section, "[", vm.toString(i), "].", key);
  }

  function make(uint256 i, bytes memory code) private returns (address made) {
    bytes memory all =
      abi.encodePacked(code, vm.parseJsonBytes(json, item("deploy.contracts", i, "arguments")));
    vm.prank(deployer);
    assembly {
      made := create(0, add(all, 32), mload(all))
    }
    vm.assertEq(made, account(item("deploy.contracts", i, "address")));
    vm.assertTrue(made.code.length > 0);
  }

  function send(address from, address to, string memory key) private {
    bytes memory data = vm.parseJsonBytes(json, key);
    vm.prank(from);
    (bool done, bytes memory said) = to.call(data);
    if (!done) {
      assembly {
        revert(add(said, 32), mload(said))
      }
    }
  }

  function sendAnchors() private {
    uint256 i = 0;
    for (; vm.keyExistsJson(json, item("anchor", i, "call")); ++i) {
      send(relayer, address(registry), item("anchor", i, "call"));
    }
    vm.assertEq(i, 4);
    vm.warp(block.timestamp + registry.delay());
  }

  /// Every anchor, payment, mint and claim of the round is taken.
  function test_round() public {
    vm.deal(address(this), 1 ether);
    sendAnchors();
    (bytes32 hash, uint64 attempt, uint256 reward, bytes32 payouts,,,,,,) =
      registry.results(IRIS, 1);
    vm.assertEq(hash, keccak256("result"));
    vm.assertEq(attempt, 2);
    vm.assertEq(reward, 0.7 ether);
    vm.assertEq(payouts, vm.parseJsonBytes32(json, ".payouts"));
    (hash,,) = registry.rosters(IRIS, 1, 2);
    vm.assertEq(hash, keccak256("roster"));
    (hash,,,) = registry.survivors(IRIS, 1, 2);
    vm.assertEq(hash, keccak256("survivors"));

    (bool done,) = address(vault).call{value: 1 ether}(vm.parseJsonBytes(json, ".call.deposit"));
    vm.assertTrue(done);
    uint256 i = 0;
    for (; vm.keyExistsJson(json, item("batch", i, "call")); ++i) {
      bool mints = vm.keyExistsJson(json, item("batch", i, "voters"));
      send(address(1), mints ? address(voice) : address(vault), item("batch", i, "call"));
    }
    vm.assertEq(i, 6);
    vm.assertEq(account(".batch[1].payees[0].account").balance, 0.3 ether);
    vm.assertEq(voice.totalSupply(), 3e18);
    for (i = 3; i < 6; ++i) {
      uint256 cumulative = number(item("batch", i, "cumulative"));
      vm.assertEq(vault.claimed(IRIS, account(item("batch", i, "account"))), cumulative);
    }
  }

  /// A proposal, with its votes, its queue and its execution.
  function test_vote() public {
    sendAnchors();
    send(address(1), address(voice), ".batch[2].call");
    vm.warp(block.timestamp + 1);
    address first = account(".batch[2].voters[0].account");
    send(first, address(governor), ".call.propose");
    vm.assertEq(uint8(governor.state(uint256(vm.parseJsonBytes32(json, ".call.proposalId")))), 0);
    vm.warp(block.timestamp + 61);
    send(first, address(governor), ".call.castVote");
    send(account(".batch[2].voters[1].account"), address(governor), ".call.castVote");
    vm.warp(block.timestamp + 7201);
    send(address(1), address(governor), ".call.queue");
    vm.warp(block.timestamp + 86400);
    send(address(1), address(governor), ".call.execute");
    (,, uint32 minimum,,,,,,,) = registry.models(IRIS);
    vm.assertEq(minimum, 4);
  }

  /// The tree that the other tests build is the one of the file.
  function test_trees() public view {
    for (uint256 n = 1; n <= 7; ++n) {
      string memory tree = string.concat("tree[", vm.toString(n - 1), "].leaves");
      bytes32[] memory leaves = new bytes32[](n);
      for (uint256 i = 0; i < n; ++i) {
        leaves[i] =
          claimLeaf(account(item(tree, i, "account")), number(item(tree, i, "cumulative")));
        vm.assertEq(leaves[i], vm.parseJsonBytes32(json, item(tree, i, "leaf")));
      }
      bytes32[] memory nodes = Tree.make(leaves);
      vm.assertEq(nodes[0], vm.parseJsonBytes32(json, item("tree", n - 1, "root")));
      for (uint256 i = 0; i < n; ++i) {
        bytes32[] memory proof = Tree.proof(nodes, leaves[i]);
        for (uint256 j = 0; j < proof.length; ++j) {
          string memory key = string.concat("proof[", vm.toString(j), "]");
          vm.assertEq(proof[j], vm.parseJsonBytes32(json, item(tree, i, key)));
        }
      }
    }
  }

  /// The attestor's signature stands under the widest values too: what is refused is their meaning.
  function test_widest() public {
    vm.expectRevert(
      abi.encodeWithSelector(
        ChorusRegistry.NotAToken.selector, account(".widest[0].values.currency")
      )
    );
    send(relayer, address(registry), ".widest[0].call");
    for (uint256 i = 1; i < 4; ++i) {
      vm.expectRevert(
        abi.encodeWithSelector(ChorusRegistry.UnknownModel.selector, keccak256("digits"))
      );
      send(relayer, address(registry), item("widest", i, "call"));
    }
  }

  function test_domain() public view {
    (, string memory name, string memory version, uint256 chain, address where,,) =
      IERC5267(address(registry)).eip712Domain();
    vm.assertEq(bytes(name), "Chorus");
    vm.assertEq(bytes(version), "1");
    vm.assertEq(chain, number(".deploy.chain_id"));
    vm.assertEq(where, address(registry));
  }
}
