// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {LengthMismatch, NotInTree} from "../src/IChorus.sol";
import {Batch, ChorusRegistry, ChorusVoice, Chorus, Said, Tree} from "./Chorus.sol";

contract VoiceTest is Chorus {
  function test_mint() public {
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 1, people(0, 3), 1 ether);
    vm.expectEmit(address(voice));
    emit ChorusVoice.VoiceMinted(IRIS, 1, b.organisations[0], b.accounts[0]);
    mint(b, tree);
    vm.assertEq(voice.totalSupply(), 3e18);
    vm.assertEq(voice.organisations(), 3);
    for (uint256 i = 0; i < 3; ++i) {
      vm.assertEq(voice.balanceOf(b.accounts[i]), 1e18);
      vm.assertEq(voice.delegates(b.accounts[i]), b.accounts[i]);
      vm.assertEq(voice.getVotes(b.accounts[i]), 1e18);
      vm.assertTrue(voice.known(b.organisations[i]));
    }
    vm.expectRevert(
      abi.encodeWithSelector(ChorusVoice.AlreadyMinted.selector, IRIS, uint64(1), uint64(0))
    );
    mint(b, tree);
  }

  function test_clock() public view {
    vm.assertEq(voice.clock(), block.timestamp);
    vm.assertEq(bytes(voice.CLOCK_MODE()), "mode=timestamp");
  }

  /// Rounds add up, organisations are counted once.
  function test_rounds() public {
    for (uint64 round = 1; round <= 3; ++round) {
      (Batch memory b, bytes32[] memory tree) = earn(IRIS, round, people(0, 3), 1 ether);
      mint(b, tree);
    }
    vm.assertEq(voice.organisations(), 3);
    vm.assertEq(voice.getVotes(people(0, 1)[0]), 3e18);
  }

  /// One unit for an organisation and round, in however many batches and to however many accounts it
  /// stands; the others of such a batch get theirs.
  function test_cap() public {
    Batch[] memory batches = new Batch[](2);
    batches[0] = batchOf(IRIS, 1, 0, people(0, 3), 0);
    batches[1] = batchOf(IRIS, 1, 1, people(3, 3), 0);
    batches[0].organisations[1] = batches[0].organisations[0];
    batches[1].organisations[0] = batches[0].organisations[0];
    bytes32[] memory tree = treeOf(batches);
    Said memory s = said(IRIS, 1);
    s.payouts = tree[0];
    settle(s);
    mint(batches[0], tree);
    vm.assertEq(voice.totalSupply(), 2e18);
    mint(batches[1], tree);
    vm.assertEq(voice.totalSupply(), 4e18);
    vm.assertEq(voice.organisations(), 4);
    vm.assertEq(voice.balanceOf(batches[0].accounts[1]), 0);
    vm.assertEq(voice.balanceOf(batches[1].accounts[0]), 0);
  }

  function test_needs_settlement() public {
    Batch memory b = batchOf(IRIS, 1, 0, people(0, 3), 0);
    bytes32[] memory tree = treeOf(b);
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.NoResult.selector, IRIS, 1));
    mint(b, tree);
    Said memory s = said(IRIS, 1);
    s.payouts = tree[0];
    sendSurvivors(s);
    sendResult(s);
    uint256 from = block.timestamp + DELAY;
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.TooEarly.selector, block.timestamp, from));
    mint(b, tree);
    vm.warp(from);
    vm.prank(guardian);
    registry.pause();
    vm.expectRevert(Pausable.EnforcedPause.selector);
    mint(b, tree);
  }

  function testFuzz_tampered(uint256 what, address account, bytes16 organisation) public {
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 1, people(0, 3), 1 ether);
    bytes32[] memory proof = Tree.proof(tree, voiceLeaf(b));
    vm.assume(account != b.accounts[1] && organisation != b.organisations[1]);
    what %= 4;
    if (what == 0) b.accounts[1] = account;
    if (what == 1) b.organisations[1] = organisation;
    if (what == 2) b.index = 1;
    if (what == 3) proof = Tree.proof(tree, payLeaf(b));
    vm.expectRevert(abi.encodeWithSelector(NotInTree.selector, voiceLeaf(b), tree[0]));
    voice.mint(b.model, b.round, b.index, b.organisations, b.accounts, proof);
  }

  function test_lengths() public {
    vm.expectRevert(abi.encodeWithSelector(LengthMismatch.selector, 2, 3));
    voice.mint(IRIS, 1, 0, new bytes16[](2), new address[](3), new bytes32[](0));
  }

  /// Votes stay where they were earned, also of 0 and also to oneself; only their use can be lent.
  function testFuzz_not_transferable(address to, uint256 amount) public {
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 1, people(0, 3), 1 ether);
    mint(b, tree);
    vm.assume(to != address(0));
    amount %= 1e18 + 1;
    vm.startPrank(b.accounts[0]);
    vm.expectRevert(ChorusVoice.NotTransferable.selector);
    voice.transfer(to, amount);
    vm.expectRevert(ChorusVoice.NotTransferable.selector);
    voice.approve(to, amount);
    vm.expectRevert();
    voice.transferFrom(b.accounts[0], to, amount);
    vm.stopPrank();
    vm.prank(to);
    vm.expectRevert();
    voice.transferFrom(b.accounts[0], to, amount);
    vm.assertEq(voice.balanceOf(b.accounts[0]), 1e18);
  }

  function test_delegation() public {
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 1, people(0, 3), 1 ether);
    address[3] memory a = [b.accounts[0], b.accounts[1], b.accounts[2]];
    vm.prank(a[1]); // before it holds anything
    voice.delegate(a[2]);
    mint(b, tree);
    vm.assertEq(voice.getVotes(a[1]), 0);
    vm.assertEq(voice.getVotes(a[2]), 2e18);
    vm.prank(a[0]); // to nobody, and so it stays
    voice.delegate(address(0));
    (b, tree) = earn(IRIS, 2, people(0, 3), 1 ether);
    mint(b, tree);
    vm.assertEq(voice.getVotes(a[0]), 0);
    vm.assertEq(voice.getVotes(a[2]), 4e18);
  }
}
