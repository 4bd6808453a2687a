// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Batch, ChorusRegistry, ChorusVault, Chorus, Vm} from "./Chorus.sol";

/// @dev Who can do what after the deployment: the deployer nothing.
contract RolesTest is Chorus {
  bytes32 private constant ADMIN = 0;

  /// The deployment grants these roles of the timelock and no others, as its own events say.
  function test_timelock_roles() public {
    vm.recordLogs();
    deploy();
    Vm.Log[] memory logs = vm.getRecordedLogs();
    uint256 granted;
    for (uint256 i = 0; i < logs.length; ++i) {
      if (logs[i].topics[0] != IAccessControl.RoleGranted.selector) continue;
      vm.assertEq(logs[i].emitter, address(timelock));
      bytes32 role = logs[i].topics[1];
      address holder = address(uint160(uint256(logs[i].topics[2])));
      if (role == ADMIN) vm.assertEq(holder, address(timelock));
      else if (role == timelock.EXECUTOR_ROLE()) vm.assertEq(holder, address(0));
      else vm.assertEq(holder, address(governor));
      ++granted;
    }
    vm.assertEq(granted, 4); // administrator, proposer, canceller, executor
    vm.assertTrue(timelock.hasRole(timelock.PROPOSER_ROLE(), address(governor)));
    vm.assertTrue(timelock.hasRole(timelock.CANCELLER_ROLE(), address(governor)));
    vm.assertTrue(timelock.hasRole(timelock.EXECUTOR_ROLE(), address(0)));
    vm.assertTrue(timelock.hasRole(ADMIN, address(timelock)));
    bytes32[4] memory roles =
      [ADMIN, timelock.PROPOSER_ROLE(), timelock.CANCELLER_ROLE(), timelock.EXECUTOR_ROLE()];
    for (uint256 i = 0; i < roles.length; ++i) {
      vm.assertEq(timelock.getRoleAdmin(roles[i]), ADMIN);
      vm.assertFalse(timelock.hasRole(roles[i], deployer));
    }
  }

  function test_registry_roles() public view {
    vm.assertEq(registry.owner(), address(timelock));
    vm.assertEq(registry.relayer(), relayer);
    vm.assertEq(registry.attestor(), attestor);
    vm.assertEq(registry.guardian(), guardian);
    vm.assertEq(registry.vault(), address(vault));
    vm.assertEq(registry.voice(), address(voice));
    vm.assertEq(registry.governor(), address(governor));
    vm.assertEq(registry.delay(), DELAY);
  }

  function refuses(address from, address target, bytes memory data) private {
    vm.prank(from);
    (bool done,) = target.call(data);
    vm.assertFalse(done);
  }

  /// Every function that is for somebody, tried by the deployer and by the guardian.
  function test_deployer_can_do_nothing() public {
    deposit(IRIS, 5 ether);
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 1, people(0, 3), 1 ether);
    mint(b, tree);
    bytes32 before = everything();
    address[2] memory who = [deployer, guardian];
    for (uint256 i = 0; i < who.length; ++i) {
      address from = who[i];
      bytes[9] memory registrys = [
        abi.encodeCall(ChorusRegistry.setPolicy, (IRIS, policyOf(3, 1, 1, 1))),
        abi.encodeCall(ChorusRegistry.setSpec, (IRIS, SPEC)),
        abi.encodeCall(ChorusRegistry.setRelayer, (from)),
        abi.encodeCall(ChorusRegistry.setAttestor, (from)),
        abi.encodeCall(ChorusRegistry.setGuardian, (from)),
        abi.encodeCall(ChorusRegistry.revokeResult, (IRIS, 1)),
        abi.encodeCall(ChorusRegistry.unpause, ()),
        abi.encodeCall(
          ChorusRegistry.anchorRoster, (IRIS, 2, 1, SPEC, 3, rosterOf(said(IRIS, 2), ATTESTOR_KEY))
        ),
        from == guardian ? bytes("") : abi.encodeCall(ChorusRegistry.pause, ())
      ];
      for (uint256 j = 0; j < registrys.length; ++j) {
        refuses(from, address(registry), registrys[j]);
      }
      refuses(from, address(vault), abi.encodeCall(ChorusVault.reclaim, (IRIS, 1, from)));
      (address[] memory to, uint256[] memory values, bytes[] memory calls) =
        (new address[](1), new uint256[](1), new bytes[](1));
      (to[0], calls[0]) = (address(registry), registrys[6]);
      refuses(from, address(governor), abi.encodeCall(governor.propose, (to, values, calls, "")));
      refuses(from, address(governor), abi.encodeCall(governor.relay, (to[0], 0, calls[0])));
      refuses(from, address(governor), abi.encodeCall(governor.setVotingDelay, (0)));
      refuses(from, address(governor), abi.encodeCall(governor.setVotingPeriod, (1)));
      refuses(from, address(governor), abi.encodeCall(governor.setProposalThreshold, (0)));
      refuses(from, address(governor), abi.encodeCall(governor.updateQuorumNumerator, (0)));
      refuses(from, address(governor), abi.encodeCall(governor.updateTimelock, (timelock)));
      refuses(
        from,
        address(timelock),
        abi.encodeCall(timelock.schedule, (to[0], 0, calls[0], 0, 0, MIN_DELAY))
      );
      refuses(
        from,
        address(timelock),
        abi.encodeCall(timelock.scheduleBatch, (to, values, calls, 0, 0, MIN_DELAY))
      );
      refuses(from, address(timelock), abi.encodeCall(timelock.execute, (to[0], 0, calls[0], 0, 0)));
      refuses(from, address(timelock), abi.encodeCall(timelock.updateDelay, (0)));
      refuses(from, address(timelock), abi.encodeCall(timelock.cancel, (0)));
      bytes32 proposer = timelock.PROPOSER_ROLE();
      refuses(from, address(timelock), abi.encodeCall(timelock.grantRole, (proposer, from)));
      refuses(
        from, address(timelock), abi.encodeCall(timelock.revokeRole, (proposer, address(governor)))
      );
    }
    vm.assertEq(everything(), before);
  }

  /// The guardian pauses, and then can do nothing more: not even end it.
  function test_guardian_only_pauses() public {
    vm.prank(guardian);
    registry.pause();
    refuses(guardian, address(registry), abi.encodeCall(ChorusRegistry.unpause, ()));
    vm.assertTrue(registry.paused());
  }

  function everything() private view returns (bytes32) {
    (bytes32 spec,, uint32 minimum, uint32 rounds,, uint256 cap,,,, uint256 budgeted) =
      registry.models(IRIS);
    return keccak256(
      abi.encode(
        [
          spec, bytes32(cap), bytes32(budgeted), bytes32(uint256(minimum)), bytes32(uint256(rounds))
        ],
        [registry.relayer(), registry.attestor(), registry.guardian()],
        [registry.paused(), registry.settled(IRIS, 1)],
        [vault.funds(IRIS), vault.spent(IRIS), voice.totalSupply(), timelock.getMinDelay()],
        [governor.votingDelay(), governor.votingPeriod(), governor.proposalThreshold()],
        governor.timelock()
      )
    );
  }
}
