// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Policy} from "../src/IChorus.sol";
import {ChorusRegistry, ChorusVault, Said} from "./Chorus.sol";
import {Coordinator} from "./Coordinator.sol";

/// @dev The relayer's key in wrong hands, beside an honest coordinator: it sees every signature of the
/// attestor, also of what was never to be sent, and makes its own.
contract Thief is Coordinator {
  uint256 private constant OWN_KEY = uint256(keccak256("thief"));

  struct Signed {
    Said said;
    bytes[3] signatures; // roster, survivors, result
  }

  Signed[] private signed;
  mapping(bytes32 anchor => bool) private meant;
  uint256 private gained;
  bytes32 private roles;
  bytes32 private policies;
  uint256 public replayed;

  constructor() {
    (roles, policies) = (rolesNow(), policiesNow());
  }

  function note(Said memory s) internal override {
    Signed storage n = signed.push();
    n.said = s;
    n.signatures[0] = rosterOf(s, ATTESTOR_KEY);
    n.signatures[1] = survivorsOf(s, ATTESTOR_KEY);
    n.signatures[2] = resultOf(s, ATTESTOR_KEY);
    meant[keccak256(abi.encode(0, s.model, s.round, s.attempt, s.hash, s.count))] = true;
    meant[keccak256(abi.encode(1, s.model, s.round, s.attempt, s.hash, s.count, s.budget))] = true;
    meant[resultKey(s)] = true;
  }

  function resultKey(Said memory s) private pure returns (bytes32) {
    return keccak256(
      abi.encode(
        2, s.model, s.round, s.attempt, s.hash, s.reward, s.payouts, s.claims, s.logSize, s.logRoot
      )
    );
  }

  function send(Said memory s, uint256 kind, bytes memory signature) private {
    if (kind == 0) sendRoster(s, signature);
    if (kind == 1) sendSurvivors(s, signature);
    if (kind == 2) sendResult(s, signature);
  }

  /// What was signed, whenever it suits him.
  function replay(uint256 seed) external {
    if (signed.length == 0) return;
    Signed memory n = signed[seed / 3 % signed.length];
    send(n.said, seed % 3, n.signatures[seed % 3]);
    ++replayed;
  }

  /// Another value under a signature, or another signature under the values.
  function alter(uint256 seed, uint256 field, uint256 value) external {
    if (signed.length == 0) return;
    Signed memory n = signed[seed / 3 % signed.length];
    uint256 kind = seed % 3;
    Said memory s = n.said;
    field %= 12;
    bytes32 word = bytes32(value);
    if (field == 0) s.model = models[value % 4];
    if (field == 1) s.round = uint64(value);
    if (field == 2) s.attempt = uint64(value);
    if (field == 3) s.hash = word;
    if (field == 4) s.count = uint32(value);
    if (field == 5) s.budget = value;
    if (field == 6) s.privacy = uint64(value);
    if (field == 7) s.reward = value;
    if (field == 8) s.payouts = word;
    if (field == 9) s.claims = word;
    if (field == 10) s.logSize = uint64(value);
    if (field == 11) s.logRoot = word;
    bytes[3] memory right =
      [rosterOf(s, ATTESTOR_KEY), survivorsOf(s, ATTESTOR_KEY), resultOf(s, ATTESTOR_KEY)];
    bytes memory other = n.signatures[kind];
    if (keccak256(right[kind]) == keccak256(other)) {
      other = signed[value % signed.length].signatures[(kind + 1) % 3];
    }
    send(s, kind, other);
    ++gained;
  }

  /// Good values with his own signature.
  function sign(uint256 seed, uint64 round, uint256 reward) external {
    Said memory s = said(models[seed % 4], round);
    (s.reward, s.budget) = (reward % 1000, 1000);
    bytes[3] memory own = [rosterOf(s, OWN_KEY), survivorsOf(s, OWN_KEY), resultOf(s, OWN_KEY)];
    send(s, seed / 4 % 3, own[seed / 4 % 3]);
    ++gained;
  }

  /// What is others' to do.
  function usurp(uint256 seed, address to) external {
    bytes32 model = models[seed % 4];
    Policy memory policy = policyOf(3, 1, 1, 1);
    bytes[10] memory wishes = [
      abi.encodeCall(ChorusRegistry.setPolicy, (model, policy)),
      abi.encodeCall(ChorusRegistry.setSpec, (model, SPEC)),
      abi.encodeCall(ChorusRegistry.setRelayer, (to)),
      abi.encodeCall(ChorusRegistry.setAttestor, (to)),
      abi.encodeCall(ChorusRegistry.setGuardian, (to)),
      abi.encodeCall(ChorusRegistry.revokeResult, (model, last[model])),
      abi.encodeCall(ChorusRegistry.pause, ()),
      abi.encodeCall(ChorusRegistry.unpause, ()),
      abi.encodeCall(ChorusVault.reclaim, (model, 1, to)),
      abi.encodeCall(
        ChorusRegistry.register,
        (keccak256("his"), SPEC, address(0), policy, registrationOf(model, to, policy, OWN_KEY))
      )
    ];
    uint256 i = seed / 4 % wishes.length;
    vm.prank(relayer);
    (bool done,) = (i == 8 ? address(vault) : address(registry)).call(wishes[i]);
    if (done) ++gained;
  }

  function rolesNow() private view returns (bytes32) {
    return keccak256(
      abi.encode(registry.owner(), registry.relayer(), registry.attestor(), registry.guardian())
    );
  }

  function policiesNow() private view returns (bytes32 all) {
    for (uint256 i = 0; i < 4; ++i) {
      (
        bytes32 spec,
        address currency,
        uint32 minimum,
        uint32 most,
        uint64 privacy,
        uint256 cap,,,,
      ) = registry.models(models[i]);
      all = keccak256(abi.encode(all, spec, currency, minimum, most, privacy, cap));
    }
    (,, uint32 his,,,,,,,) = registry.models(keccak256("his"));
    vm.assertEq(his, 0, "the thief has a model");
  }

  function checkNothingGained() external view {
    vm.assertEq(gained, 0, "the thief was let in");
    vm.assertEq(rolesNow(), roles);
    vm.assertEq(policiesNow(), policies);
    for (uint256 i = 0; i < 4; ++i) {
      for (uint64 n = 0; n <= last[models[i]] + 1; ++n) {
        checkRound(models[i], n);
      }
    }
  }

  function checkRound(bytes32 model, uint64 n) private view {
    for (uint64 attempt = 1; attempt <= 2; ++attempt) {
      (bytes32 hash, uint32 count,) = registry.rosters(model, n, attempt);
      bytes32 key = keccak256(abi.encode(0, model, n, attempt, hash, count));
      vm.assertTrue(hash == 0 || meant[key], "a roster that was not signed");
      uint256 budget;
      (hash, count,, budget) = registry.survivors(model, n, attempt);
      key = keccak256(abi.encode(1, model, n, attempt, hash, count, budget));
      vm.assertTrue(hash == 0 || meant[key], "survivors that were not signed");
    }
    Said memory s;
    (s.model, s.round) = (model, n);
    (s.hash, s.attempt, s.reward, s.payouts, s.claims, s.logSize, s.logRoot,,,) =
      registry.results(model, n);
    vm.assertTrue(s.hash == 0 || meant[resultKey(s)], "a result that was not signed");
  }
}
