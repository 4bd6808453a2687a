// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {NotOwner, WrongPlace} from "../src/IChorus.sol";
import {ChorusRegistry, ChorusVault, ChorusVoice, Chorus, Policy, Said} from "./Chorus.sol";

contract RegistryTest is Chorus {
  bytes32 private constant DIGITS = keccak256("digits");

  function revertsWith(bytes4 selector, uint256 a, uint256 b) private {
    vm.expectRevert(abi.encodeWithSelector(selector, a, b));
  }

  // --- registration ---------------------------------------------------------------------------------

  function test_register() public {
    Policy memory policy = policyOf(4, 7, 9, 11);
    vm.expectEmit(address(registry));
    emit ChorusRegistry.Registered(DIGITS, SPEC, address(vault), policy);
    register(DIGITS, address(vault), policy);
    (
      bytes32 spec,
      address currency,
      uint32 minimum,
      uint32 rounds,
      uint64 privacy,
      uint256 cap,
      uint64 results,
      uint64 lastRound,
      uint64 spent,
      uint256 budgeted
    ) = registry.models(DIGITS);
    vm.assertEq(spec, SPEC);
    vm.assertEq(currency, address(vault));
    vm.assertEq(minimum, 4);
    vm.assertEq(rounds, 7);
    vm.assertEq(privacy, 9);
    vm.assertEq(cap, 11);
    vm.assertEq(uint256(results) + lastRound + spent + budgeted, 0);
  }

  function test_register_once() public {
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.AlreadyRegistered.selector, IRIS));
    register(IRIS, address(0), policyOf(3, 1, 1, 1));
  }

  function test_register_minimum() public {
    revertsWith(ChorusRegistry.MinimumTooLow.selector, 2, 3);
    register(DIGITS, address(0), policyOf(2, 1, 1, 1));
  }

  function test_register_no_token() public {
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.NotAToken.selector, address(77)));
    register(DIGITS, address(77), policyOf(3, 1, 1, 1));
  }

  function test_constructor_zero() public {
    for (uint256 i = 0; i < 6; ++i) {
      address[6] memory a = [address(1), address(1), address(1), address(1), address(1), address(1)];
      a[i] = address(0);
      vm.expectRevert(ChorusRegistry.ZeroAddress.selector);
      new ChorusRegistry(a[0], a[1], a[2], address(0), 0, a[3], a[4], a[5]);
    }
  }

  /// Vault and voice know where the registry expects them, and stand nowhere else.
  function test_wrong_place() public {
    address here = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
    vm.expectRevert(abi.encodeWithSelector(WrongPlace.selector, address(vault), here));
    new ChorusVault(registry);
    here = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
    vm.expectRevert(abi.encodeWithSelector(WrongPlace.selector, address(voice), here));
    new ChorusVoice(registry);
  }

  // --- who ------------------------------------------------------------------------------------------

  function test_only_relayer() public {
    Said memory s = said(IRIS, 1);
    bytes memory signature = rosterOf(s, ATTESTOR_KEY);
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.NotRelayer.selector, address(this)));
    registry.anchorRoster(s.model, s.round, s.attempt, s.hash, s.count, signature);
  }

  /// A relayer who signs himself, whatever he says, is told whose signature it is.
  function testFuzz_only_attestor(Said memory s, uint256 key) public {
    key = key % 2 ** 128 + 1;
    vm.expectRevert(
      abi.encodeWithSelector(ChorusRegistry.NotAttested.selector, vm.addr(key), attestor)
    );
    sendRoster(s, rosterOf(s, key));
    vm.expectRevert(
      abi.encodeWithSelector(ChorusRegistry.NotAttested.selector, vm.addr(key), attestor)
    );
    sendSurvivors(s, survivorsOf(s, key));
    vm.expectRevert(
      abi.encodeWithSelector(ChorusRegistry.NotAttested.selector, vm.addr(key), attestor)
    );
    sendResult(s, resultOf(s, key));
    Policy memory policy = policyOf(s.count, 1, s.privacy, s.budget);
    bytes memory signature = registrationOf(s.model, address(0), policy, key);
    vm.expectRevert(
      abi.encodeWithSelector(ChorusRegistry.NotAttested.selector, vm.addr(key), attestor)
    );
    vm.prank(relayer);
    registry.register(s.model, SPEC, address(0), policy, signature);
  }

  function test_bad_signature() public {
    Said memory s = said(IRIS, 1);
    bytes memory good = rosterOf(s, ATTESTOR_KEY);
    bytes[4] memory bad =
      [bytes(""), new bytes(65), new bytes(64), abi.encodePacked(good, bytes1(0))];
    for (uint256 i = 0; i < bad.length; ++i) {
      vm.expectRevert(
        abi.encodeWithSelector(ChorusRegistry.NotAttested.selector, address(0), attestor)
      );
      sendRoster(s, bad[i]);
    }
    sendRoster(s, good);
  }

  /// What is hashed is what is read: a word with bits beyond its type is refused, signed or not.
  function test_stray_bits() public {
    vm.assertFalse(takesRoster(2 ** 200));
    vm.assertTrue(takesRoster(0));
  }

  function takesRoster(uint256 stray) private returns (bool done) {
    Said memory s = said(IRIS, 1);
    bytes memory words = abi.encode(s.model, s.round, s.attempt, s.hash, stray + s.count);
    bytes memory signature = attest(
      ATTESTOR_KEY,
      bytes.concat(
        keccak256("Roster(bytes32 model,uint64 round,uint64 attempt,bytes32 hash,uint32 count)"),
        words
      )
    );
    bytes memory data = bytes.concat(
      ChorusRegistry.anchorRoster.selector,
      words,
      bytes32(uint256(6 * 32)), // where the signature is
      bytes32(signature.length),
      signature,
      new bytes(31)
    );
    vm.prank(relayer);
    (done,) = address(registry).call(data);
  }

  /// Neither another chain nor another registry takes a signature.
  function test_domain() public {
    Said memory s = said(IRIS, 1);
    bytes memory signature = rosterOf(s, ATTESTOR_KEY);
    uint256 here = block.chainid;
    vm.chainId(here + 1);
    vm.expectRevert();
    sendRoster(s, signature);
    vm.chainId(here);
    ChorusRegistry first = registry;
    deploy();
    vm.expectRevert();
    sendRoster(s, signature);
    registry = first;
    sendRoster(s, signature);
  }

  // --- roster ---------------------------------------------------------------------------------------

  function test_roster() public {
    Said memory s = said(IRIS, 4);
    vm.roll(55);
    vm.expectEmit(address(registry));
    emit ChorusRegistry.RosterAnchored(IRIS, 4, 1, s.hash, 3);
    sendRoster(s);
    (bytes32 hash, uint32 count, uint64 number) = registry.rosters(IRIS, 4, 1);
    vm.assertEq(hash, s.hash);
    vm.assertEq(count, 3);
    vm.assertEq(number, 55);
  }

  function test_roster_first_stands() public {
    Said memory s = said(IRIS, 1);
    sendRoster(s);
    bytes32 first = s.hash;
    s.hash = keccak256("other");
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.AlreadyAnchored.selector, first));
    sendRoster(s);
    s.attempt = 2;
    sendRoster(s);
  }

  function test_roster_refused() public {
    settle(said(IRIS, 5));
    Said memory s = said(IRIS, 5);
    revertsWith(ChorusRegistry.RoundNotNew.selector, 5, 5);
    sendRoster(s);
    s.round = 4;
    revertsWith(ChorusRegistry.RoundNotNew.selector, 4, 5);
    sendRoster(s);
    s.round = 6;
    s.count = 2;
    revertsWith(ChorusRegistry.BelowMinimum.selector, 2, 3);
    sendRoster(s);
    s.count = 3;
    s.hash = 0;
    vm.expectRevert(ChorusRegistry.ZeroHash.selector);
    sendRoster(s);
    s.model = DIGITS;
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.UnknownModel.selector, DIGITS));
    sendRoster(s);
  }

  // --- survivors ------------------------------------------------------------------------------------

  function test_survivors() public {
    Said memory s = said(IRIS, 1);
    s.privacy = 40;
    vm.roll(56);
    vm.expectEmit(address(registry));
    emit ChorusRegistry.SurvivorsAnchored(IRIS, 1, 1, s.hash, 3, SPEC, 10 ether, 40);
    sendSurvivors(s);
    (bytes32 hash, uint32 count, uint64 number, uint256 budget) = registry.survivors(IRIS, 1, 1);
    vm.assertEq(hash, s.hash);
    vm.assertEq(count, 3);
    vm.assertEq(number, 56);
    vm.assertEq(budget, 10 ether);
    (,,,,,,,, uint64 privacySpent,) = registry.models(IRIS);
    vm.assertEq(privacySpent, 40);
  }

  function test_survivors_first_stands() public {
    Said memory s = said(IRIS, 1);
    sendSurvivors(s);
    bytes32 first = s.hash;
    s.budget = 11 ether;
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.AlreadyAnchored.selector, first));
    sendSurvivors(s);
  }

  function test_survivors_refused() public {
    settle(said(IRIS, 5));
    Said memory s = said(IRIS, 5);
    revertsWith(ChorusRegistry.RoundNotNew.selector, 5, 5);
    sendSurvivors(s);
    s.round = 6;
    s.count = 2;
    revertsWith(ChorusRegistry.BelowMinimum.selector, 2, 3);
    sendSurvivors(s);
    s.count = 3;
    s.spec = keccak256("old");
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.WrongSpec.selector, s.spec, SPEC));
    sendSurvivors(s);
    s.spec = SPEC;
    s.budget = 100 ether + 1;
    revertsWith(ChorusRegistry.OverRewardCap.selector, s.budget, 100 ether);
    sendSurvivors(s);
    s.budget = 100 ether;
    s.privacy = 1001;
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.PrivacyUsedUp.selector, 0, 1001, 1000));
    sendSurvivors(s);
    s.hash = 0;
    s.privacy = 0;
    vm.expectRevert(ChorusRegistry.ZeroHash.selector);
    sendSurvivors(s);
  }

  /// Each attempt spends privacy, also one that comes to nothing; the sum cannot wrap around.
  function test_privacy() public {
    Said memory s = said(IRIS, 1);
    s.privacy = 600;
    sendSurvivors(s);
    s.attempt = 2;
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.PrivacyUsedUp.selector, 600, 600, 1000));
    sendSurvivors(s);
    s.privacy = type(uint64).max;
    vm.expectRevert(
      abi.encodeWithSelector(ChorusRegistry.PrivacyUsedUp.selector, 600, type(uint64).max, 1000)
    );
    sendSurvivors(s);
    s.privacy = 400;
    sendSurvivors(s);
  }

  function test_rounds_used_up() public {
    register(DIGITS, address(0), policyOf(3, 2, 0, 10 ether));
    settle(said(DIGITS, 1));
    sendSurvivors(said(DIGITS, 2));
    sendSurvivors(said(DIGITS, 3));
    sendResult(said(DIGITS, 3));
    revertsWith(ChorusRegistry.RoundsUsedUp.selector, 2, 2);
    sendSurvivors(said(DIGITS, 4));
    revertsWith(ChorusRegistry.RoundsUsedUp.selector, 2, 2);
    sendResult(said(DIGITS, 2));
  }

  // --- result ---------------------------------------------------------------------------------------

  function test_result() public {
    Said memory s = said(IRIS, 1);
    s.payouts = keccak256("payouts");
    s.claims = keccak256("claims");
    sendSurvivors(s);
    vm.roll(57);
    vm.expectEmit(address(registry));
    emit ChorusRegistry.ResultAnchored(
      IRIS, 1, 1, s.hash, s.reward, s.payouts, s.claims, s.logSize, s.logRoot
    );
    sendResult(s);
    (
      bytes32 hash,
      uint64 attempt,
      uint256 reward,
      bytes32 payouts,
      bytes32 claims,
      uint64 logSize,
      bytes32 logRoot,
      uint64 number,
      uint64 time,
      bool revoked
    ) = registry.results(IRIS, 1);
    vm.assertEq(hash, s.hash);
    vm.assertEq(attempt, 1);
    vm.assertEq(reward, 10 ether);
    vm.assertEq(payouts, s.payouts);
    vm.assertEq(claims, s.claims);
    vm.assertEq(logSize, 100);
    vm.assertEq(logRoot, s.logRoot);
    vm.assertEq(number, 57);
    vm.assertEq(time, block.timestamp);
    vm.assertFalse(revoked);
    (,,,,,, uint64 results, uint64 lastRound,, uint256 budgeted) = registry.models(IRIS);
    vm.assertEq(results, 1);
    vm.assertEq(lastRound, 1);
    vm.assertEq(budgeted, 10 ether);
  }

  function test_result_refused() public {
    Said memory s = said(IRIS, 2);
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.NoSurvivors.selector, IRIS, 2, 1));
    sendResult(s);
    sendSurvivors(s);
    s.reward = 10 ether + 1;
    revertsWith(ChorusRegistry.OverBudget.selector, s.reward, 10 ether);
    sendResult(s);
    s.reward = 10 ether;
    s.hash = 0;
    vm.expectRevert(ChorusRegistry.ZeroHash.selector);
    sendResult(s);
    s.hash = keccak256("result");
    sendResult(s);
    s = said(IRIS, 3);
    sendSurvivors(s);
    s.logSize = 199;
    revertsWith(ChorusRegistry.LogShrank.selector, 199, 200);
    sendResult(s);
    s.logSize = 200;
    sendResult(s);
  }

  /// Of several attempts one has a result: the budget is the round's.
  function test_result_of_one_attempt() public {
    Said memory s = said(IRIS, 1);
    sendSurvivors(s);
    s.attempt = 2;
    sendSurvivors(s);
    sendResult(s);
    s.attempt = 1;
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.AlreadyAnchored.selector, s.hash));
    sendResult(s);
    (,,,,,,,,, uint256 budgeted) = registry.models(IRIS);
    vm.assertEq(budgeted, 10 ether);
  }

  /// A result that comes late does not move the last round back.
  function test_result_late() public {
    sendSurvivors(said(IRIS, 1));
    sendSurvivors(said(IRIS, 2));
    sendResult(said(IRIS, 2));
    Said memory s = said(IRIS, 1);
    s.logSize = 300;
    sendResult(s);
    (,,,,,, uint64 results, uint64 lastRound,,) = registry.models(IRIS);
    vm.assertEq(results, 2);
    vm.assertEq(lastRound, 2);
  }

  /// A vote that changes the description or the minimum leaves a round alone that has its survivors.
  function test_policy_changes_between() public {
    sendSurvivors(said(IRIS, 1));
    vm.startPrank(address(timelock));
    registry.setPolicy(IRIS, policyOf(9, 100, 0, 0));
    registry.setSpec(IRIS, keccak256("next"));
    vm.stopPrank();
    sendResult(said(IRIS, 1));
    revertsWith(ChorusRegistry.BelowMinimum.selector, 3, 9);
    sendSurvivors(said(IRIS, 2));
  }

  // --- settled --------------------------------------------------------------------------------------

  function test_settled() public {
    vm.assertFalse(registry.settled(IRIS, 1));
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.NoResult.selector, IRIS, 1));
    registry.settlement(IRIS, 1);
    Said memory s = said(IRIS, 1);
    s.payouts = keccak256("payouts");
    sendSurvivors(s);
    sendResult(s);
    uint256 from = block.timestamp + DELAY;
    vm.warp(from - 1);
    vm.assertFalse(registry.settled(IRIS, 1));
    revertsWith(ChorusRegistry.TooEarly.selector, from - 1, from);
    registry.settlement(IRIS, 1);
    vm.warp(from);
    vm.assertTrue(registry.settled(IRIS, 1));
    (bytes32 payouts, bytes32 claims, address currency, uint256 budgeted) =
      registry.settlement(IRIS, 1);
    vm.assertEq(payouts, s.payouts);
    vm.assertEq(claims, 0);
    vm.assertEq(currency, address(0));
    vm.assertEq(budgeted, 10 ether);

    vm.prank(guardian);
    registry.pause();
    vm.assertTrue(registry.paused());
    vm.assertFalse(registry.settled(IRIS, 1));
    vm.expectRevert(Pausable.EnforcedPause.selector);
    registry.settlement(IRIS, 1);
    vm.prank(address(timelock));
    registry.unpause();
    vm.assertTrue(registry.settled(IRIS, 1));

    vm.expectEmit(address(registry));
    emit ChorusRegistry.ResultRevoked(IRIS, 1, 10 ether);
    vm.prank(address(timelock));
    registry.revokeResult(IRIS, 1);
    vm.assertFalse(registry.settled(IRIS, 1));
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.IsRevoked.selector, IRIS, 1));
    registry.settlement(IRIS, 1);
    (,,,,,, uint64 results,,, uint256 left) = registry.models(IRIS);
    vm.assertEq(results, 1);
    vm.assertEq(left, 0);
  }

  /// A pause stops payouts, not the anchors of rounds that are under way.
  function test_pause_leaves_anchors() public {
    vm.prank(guardian);
    registry.pause();
    sendRoster(said(IRIS, 1));
    settle(said(IRIS, 1));
    vm.assertFalse(registry.settled(IRIS, 1));
  }

  function test_revoke_refused() public {
    vm.startPrank(address(timelock));
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.NoResult.selector, IRIS, 1));
    registry.revokeResult(IRIS, 1);
    vm.stopPrank();
    settle(said(IRIS, 1));
    vm.startPrank(address(timelock));
    registry.revokeResult(IRIS, 1);
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.IsRevoked.selector, IRIS, 1));
    registry.revokeResult(IRIS, 1);
    vm.stopPrank();
    vm.expectRevert(
      abi.encodeWithSelector(ChorusRegistry.AlreadyAnchored.selector, said(IRIS, 1).hash)
    );
    sendResult(said(IRIS, 1));
  }

  // --- the timelock's -------------------------------------------------------------------------------

  function test_setters() public {
    vm.startPrank(address(timelock));
    Policy memory policy = policyOf(5, 6, 7, 8);
    vm.expectEmit(address(registry));
    emit ChorusRegistry.PolicyChanged(IRIS, policy);
    registry.setPolicy(IRIS, policy);
    vm.expectEmit(address(registry));
    emit ChorusRegistry.SpecChanged(IRIS, keccak256("new"));
    registry.setSpec(IRIS, keccak256("new"));
    vm.expectEmit(address(registry));
    emit ChorusRegistry.RelayerChanged(relayer, address(1));
    registry.setRelayer(address(1));
    vm.expectEmit(address(registry));
    emit ChorusRegistry.AttestorChanged(attestor, address(2));
    registry.setAttestor(address(2));
    vm.expectEmit(address(registry));
    emit ChorusRegistry.GuardianChanged(guardian, address(0));
    registry.setGuardian(address(0));
    vm.stopPrank();
    (bytes32 spec,, uint32 minimum, uint32 rounds, uint64 privacy, uint256 cap,,,,) =
      registry.models(IRIS);
    vm.assertEq(spec, keccak256("new"));
    vm.assertEq(abi.encode(minimum, rounds, privacy, cap), abi.encode(policy));
    vm.assertEq(registry.relayer(), address(1));
    vm.assertEq(registry.attestor(), address(2));
    vm.assertEq(registry.guardian(), address(0));
  }

  function test_setters_refuse_nonsense() public {
    vm.startPrank(address(timelock));
    vm.expectRevert(ChorusRegistry.ZeroAddress.selector);
    registry.setRelayer(address(0));
    vm.expectRevert(ChorusRegistry.ZeroAddress.selector);
    registry.setAttestor(address(0));
    vm.expectRevert(ChorusRegistry.ZeroHash.selector);
    registry.setSpec(IRIS, 0);
    revertsWith(ChorusRegistry.MinimumTooLow.selector, 2, 3);
    registry.setPolicy(IRIS, policyOf(2, 1, 1, 1));
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.UnknownModel.selector, DIGITS));
    registry.setPolicy(DIGITS, policyOf(3, 1, 1, 1));
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.UnknownModel.selector, DIGITS));
    registry.setSpec(DIGITS, SPEC);
    vm.stopPrank();
  }

  /// What only a vote can do, nobody else can: not the deployer, the relayer, the attestor, the
  /// guardian, the governor by itself, nor anybody.
  function testFuzz_only_owner(address anybody) public {
    vm.assume(anybody != address(timelock));
    settle(said(IRIS, 1));
    address[6] memory who = [deployer, relayer, attestor, guardian, address(governor), anybody];
    bytes[7] memory what = [
      abi.encodeCall(ChorusRegistry.setPolicy, (IRIS, policyOf(3, 1, 1, 1))),
      abi.encodeCall(ChorusRegistry.setSpec, (IRIS, SPEC)),
      abi.encodeCall(ChorusRegistry.setRelayer, (anybody)),
      abi.encodeCall(ChorusRegistry.setAttestor, (anybody)),
      abi.encodeCall(ChorusRegistry.setGuardian, (anybody)),
      abi.encodeCall(ChorusRegistry.revokeResult, (IRIS, 1)),
      abi.encodeCall(ChorusRegistry.unpause, ())
    ];
    for (uint256 i = 0; i < who.length; ++i) {
      for (uint256 j = 0; j < what.length; ++j) {
        vm.prank(who[i]);
        (bool done, bytes memory why) = address(registry).call(what[j]);
        vm.assertFalse(done);
        vm.assertEq(why, abi.encodeWithSelector(NotOwner.selector, who[i]));
      }
    }
  }

  function testFuzz_only_guardian(address anybody) public {
    vm.assume(anybody != guardian);
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.NotGuardian.selector, anybody));
    vm.prank(anybody);
    registry.pause();
  }
}
