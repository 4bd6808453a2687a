// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {WrongPlace} from "../src/IChorus.sol";
import {
  Batch,
  ChorusGovernor,
  ChorusRegistry,
  ChorusVault,
  ChorusVoice,
  Chorus
} from "./Chorus.sol";

contract GovernorTest is Chorus {
  address[] private voters;
  address[] private targets = new address[](1);
  uint256[] private values = new uint256[](1);
  bytes[] private calls = new bytes[](1);

  function hold(uint256 n) private {
    voters = people(0, n);
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 1, voters, 0);
    mint(b, tree);
    vm.warp(block.timestamp + 1);
  }

  function propose(address from, address target, bytes memory data) private returns (uint256) {
    (targets[0], calls[0]) = (target, data);
    vm.prank(from);
    return governor.propose(targets, values, calls, "why");
  }

  function newPolicy(uint32 minimum) private pure returns (bytes memory) {
    return abi.encodeCall(ChorusRegistry.setPolicy, (IRIS, policyOf(minimum, 100, 1000, 100 ether)));
  }

  function vote(uint256 id, uint256 yes, uint256 no) private {
    vm.warp(block.timestamp + 1 days + 1);
    for (uint256 i = 0; i < yes + no; ++i) {
      vm.prank(voters[i]);
      governor.castVote(id, i < yes ? 1 : 0);
    }
    vm.warp(block.timestamp + 1 weeks);
  }

  function queue() private {
    governor.queue(targets, values, calls, keccak256("why"));
  }

  function execute() private {
    governor.execute(targets, values, calls, keccak256("why"));
  }

  function assertMinimum(uint32 expected) private view {
    (,, uint32 minimum,,,,,,,) = registry.models(IRIS);
    vm.assertEq(minimum, expected);
  }

  /// A vote, and nothing quicker than a vote, changes a policy: proposed, voted, queued, executed.
  function test_cycle() public {
    hold(5);
    uint256 id = propose(voters[0], address(registry), newPolicy(4));
    vm.expectRevert();
    queue();
    vote(id, 3, 2);
    queue();
    vm.warp(block.timestamp + MIN_DELAY - 1);
    vm.expectRevert();
    execute();
    assertMinimum(3);
    vm.warp(block.timestamp + 1);
    execute();
    assertMinimum(4);
    vm.expectRevert();
    execute();
  }

  function test_defeated() public {
    hold(5);
    uint256 id = propose(voters[0], address(registry), newPolicy(4));
    vote(id, 2, 3);
    vm.assertEq(uint8(governor.state(id)), uint8(IGovernor.ProposalState.Defeated));
    vm.expectRevert();
    queue();
  }

  /// Below the least number of votes nothing passes, however few votes there are.
  function test_minimum_quorum() public {
    hold(3);
    uint256 id = propose(voters[0], address(registry), newPolicy(4));
    vm.assertEq(governor.quorum(block.timestamp - 1), 2e18);
    vote(id, 1, 0);
    vm.assertEq(uint8(governor.state(id)), uint8(IGovernor.ProposalState.Defeated));
  }

  function test_fraction_quorum() public {
    hold(20);
    vm.assertEq(governor.quorum(block.timestamp - 1), 4e18);
    uint256 id = propose(voters[0], address(registry), newPolicy(4));
    vote(id, 3, 0);
    vm.assertEq(uint8(governor.state(id)), uint8(IGovernor.ProposalState.Defeated));
  }

  function test_off_until_three() public {
    vm.expectRevert(abi.encodeWithSelector(ChorusGovernor.TooFewOrganisations.selector, 0, 3));
    propose(address(this), address(registry), newPolicy(4));
    hold(2);
    vm.expectRevert(abi.encodeWithSelector(ChorusGovernor.TooFewOrganisations.selector, 2, 3));
    propose(voters[0], address(registry), newPolicy(4));
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 2, people(2, 1), 0);
    mint(b, tree);
    vm.warp(block.timestamp + 1);
    propose(voters[0], address(registry), newPolicy(4));
  }

  function test_threshold() public {
    hold(3);
    vm.expectRevert(
      abi.encodeWithSelector(
        IGovernor.GovernorInsufficientProposerVotes.selector, deployer, 0, 1e18
      )
    );
    propose(deployer, address(registry), newPolicy(4));
  }

  /// Voice earned after a proposal does not vote on it.
  function test_late_voice() public {
    hold(3);
    uint256 id = propose(voters[0], address(registry), newPolicy(4));
    vm.warp(block.timestamp + 1 days + 1);
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 2, people(10, 5), 0);
    mint(b, tree);
    vm.prank(people(10, 1)[0]);
    governor.castVote(id, 1);
    (, uint256 yes,) = governor.proposalVotes(id);
    vm.assertEq(yes, 0);
  }

  function passes(address target, bytes memory data) private {
    uint256 id = propose(voters[0], target, data);
    vote(id, 3, 0);
    queue();
    vm.warp(block.timestamp + MIN_DELAY);
    execute();
  }

  /// A vote can end a pause, revoke a result, replace keys and take money back.
  function test_everything_by_vote() public {
    hold(3);
    vm.prank(guardian);
    registry.pause();
    passes(address(registry), abi.encodeCall(ChorusRegistry.unpause, ()));
    vm.assertFalse(registry.paused());
    passes(address(registry), abi.encodeCall(ChorusRegistry.revokeResult, (IRIS, 1)));
    vm.assertFalse(registry.settled(IRIS, 1));
    passes(address(registry), abi.encodeCall(ChorusRegistry.setRelayer, (address(8))));
    vm.assertEq(registry.relayer(), address(8));
    deposit(IRIS, 1 ether);
    passes(address(vault), abi.encodeCall(ChorusVault.reclaim, (IRIS, 1 ether, address(77))));
    vm.assertEq(address(77).balance, 1 ether);
  }

  /// The minimum of the quorum is not a vote's to lower.
  function test_quorum_by_vote() public {
    hold(3);
    passes(address(governor), abi.encodeWithSignature("updateQuorumNumerator(uint256)", 0));
    vm.warp(block.timestamp + 1);
    vm.assertEq(governor.quorum(block.timestamp - 1), 2e18);
  }

  function test_wrong_place() public {
    address here = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
    vm.expectRevert(abi.encodeWithSelector(WrongPlace.selector, address(governor), here));
    new ChorusGovernor(voice, timelock, 1, 1, 1);

    TimelockController other =
      new TimelockController(0, new address[](0), new address[](0), address(0));
    uint256 nonce = vm.getNonce(address(this));
    registry = new ChorusRegistry(
      address(timelock),
      relayer,
      attestor,
      guardian,
      0,
      vm.computeCreateAddress(address(this), nonce + 1),
      vm.computeCreateAddress(address(this), nonce + 2),
      vm.computeCreateAddress(address(this), nonce + 3)
    );
    vault = new ChorusVault(registry);
    voice = new ChorusVoice(registry);
    vm.expectRevert(abi.encodeWithSelector(WrongPlace.selector, address(timelock), address(other)));
    new ChorusGovernor(voice, other, 1, 1, 1);
  }

  function test_settings() public view {
    vm.assertEq(governor.votingDelay(), 1 days);
    vm.assertEq(governor.votingPeriod(), 1 weeks);
    vm.assertEq(governor.proposalThreshold(), 1e18);
    vm.assertEq(governor.timelock(), address(timelock));
    vm.assertEq(address(governor.token()), address(voice));
    vm.assertEq(bytes(governor.CLOCK_MODE()), "mode=timestamp");
  }
}
