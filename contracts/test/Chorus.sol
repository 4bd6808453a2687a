// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {ChorusGovernor} from "../src/ChorusGovernor.sol";
import {ChorusRegistry} from "../src/ChorusRegistry.sol";
import {ChorusVault} from "../src/ChorusVault.sol";
import {ChorusVoice} from "../src/ChorusVoice.sol";
import {Policy} from "../src/IChorus.sol";
import {Tree} from "./Tree.sol";
import {Vm} from "./Vm.sol";

/// @dev What the coordinator says about one round.
struct Said {
  bytes32 model;
  uint64 round;
  uint64 attempt;
  bytes32 hash;
  uint32 count;
  bytes32 spec;
  uint256 budget;
  uint64 privacy;
  uint256 reward;
  bytes32 payouts;
  bytes32 claims;
  uint64 logSize;
  bytes32 logRoot;
}

/// @dev A payment batch and a voice batch of one round, to the same accounts.
struct Batch {
  bytes32 model;
  uint64 round;
  uint64 index;
  address[] accounts;
  uint256[] amounts;
  bytes16[] organisations;
}

/// @dev The five contracts as the deployment makes them, and a coordinator that can speak for itself.
abstract contract Chorus {
  Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

  bytes32 internal constant IRIS = keccak256("iris");
  bytes32 internal constant SPEC = keccak256("spec");
  uint64 internal constant DELAY = 1 hours;
  uint256 internal constant MIN_DELAY = 2 days;
  uint256 internal constant ATTESTOR_KEY = uint256(keccak256("attestor"));

  address internal deployer = vm.addr(uint256(keccak256("deployer")));
  address internal relayer = vm.addr(uint256(keccak256("relayer")));
  address internal guardian = vm.addr(uint256(keccak256("guardian")));
  address internal attestor = vm.addr(ATTESTOR_KEY);

  TimelockController internal timelock;
  ChorusRegistry internal registry;
  ChorusVault internal vault;
  ChorusVoice internal voice;
  ChorusGovernor internal governor;

  function setUp() public virtual {
    vm.warp(1_800_000_000);
    deploy();
    register(IRIS, address(0), policyOf(3, 100, 1000, 100 ether));
  }

  // --- deployment -----------------------------------------------------------------------------------

  function deploy() internal {
    uint256 nonce = vm.getNonce(deployer);
    address vault_ = vm.computeCreateAddress(deployer, nonce + 2);
    address voice_ = vm.computeCreateAddress(deployer, nonce + 3);
    address governor_ = vm.computeCreateAddress(deployer, nonce + 4);
    address[] memory proposers = new address[](1);
    proposers[0] = governor_;
    vm.startPrank(deployer);
    timelock = new TimelockController(MIN_DELAY, proposers, new address[](1), address(0));
    registry = new ChorusRegistry(
      address(timelock), relayer, attestor, guardian, DELAY, vault_, voice_, governor_
    );
    vault = new ChorusVault(registry);
    voice = new ChorusVoice(registry);
    governor = new ChorusGovernor(voice, timelock, 1 days, 1 weeks, 2e18);
    vm.stopPrank();
  }

  function policyOf(uint32 minimum, uint32 rounds, uint64 privacy, uint256 cap)
    internal
    pure
    returns (Policy memory)
  {
    return Policy(minimum, rounds, privacy, cap);
  }

  // --- anchors --------------------------------------------------------------------------------------

  function said(bytes32 model, uint64 round) internal pure returns (Said memory s) {
    s.model = model;
    s.round = round;
    s.attempt = 1;
    s.hash = keccak256(abi.encode("event", model, round));
    s.count = 3;
    s.spec = SPEC;
    s.budget = 10 ether;
    s.reward = 10 ether;
    s.logSize = 100 * round;
    s.logRoot = keccak256(abi.encode("log", round));
  }

  function attest(uint256 key, bytes memory values) internal view returns (bytes memory) {
    bytes32 domain = keccak256(
      abi.encode(
        keccak256(
          "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
        ),
        keccak256("Chorus"),
        keccak256("1"),
        block.chainid,
        address(registry)
      )
    );
    (uint8 v, bytes32 r, bytes32 s) =
      vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, keccak256(values))));
    return abi.encodePacked(r, s, v);
  }

  function registrationOf(bytes32 model, address currency, Policy memory policy, uint256 key)
    internal
    view
    returns (bytes memory)
  {
    return attest(
      key,
      abi.encode(
        keccak256(
          "Registration(bytes32 model,bytes32 spec,address currency,uint32 minimum,uint32 maximumRounds,uint64 privacyBudget,uint256 rewardCap)"
        ),
        model,
        SPEC,
        currency,
        policy
      )
    );
  }

  function rosterOf(Said memory s, uint256 key) internal view returns (bytes memory) {
    return attest(
      key,
      abi.encode(
        keccak256("Roster(bytes32 model,uint64 round,uint64 attempt,bytes32 hash,uint32 count)"),
        s.model,
        s.round,
        s.attempt,
        s.hash,
        s.count
      )
    );
  }

  function survivorsOf(Said memory s, uint256 key) internal view returns (bytes memory) {
    return attest(
      key,
      abi.encode(
        keccak256(
          "Survivors(bytes32 model,uint64 round,uint64 attempt,bytes32 hash,uint32 count,bytes32 spec,uint256 budget,uint64 privacy)"
        ),
        s.model,
        s.round,
        s.attempt,
        s.hash,
        s.count,
        s.spec,
        s.budget,
        s.privacy
      )
    );
  }

  function resultOf(Said memory s, uint256 key) internal view returns (bytes memory) {
    return attest(
      key,
      abi.encode(
        keccak256(
          "Result(bytes32 model,uint64 round,uint64 attempt,bytes32 hash,uint256 reward,bytes32 payouts,bytes32 claims,uint64 logSize,bytes32 logRoot)"
        ),
        s.model,
        s.round,
        s.attempt,
        s.hash,
        s.reward,
        s.payouts,
        s.claims,
        s.logSize,
        s.logRoot
      )
    );
  }

  function register(bytes32 model, address currency, Policy memory policy) internal {
    bytes memory signature = registrationOf(model, currency, policy, ATTESTOR_KEY);
    vm.prank(relayer);
    registry.register(model, SPEC, currency, policy, signature);
  }

  function sendRoster(Said memory s, bytes memory signature) internal {
    vm.prank(relayer);
    registry.anchorRoster(s.model, s.round, s.attempt, s.hash, s.count, signature);
  }

  function sendRoster(Said memory s) internal {
    sendRoster(s, rosterOf(s, ATTESTOR_KEY));
  }

  function sendSurvivors(Said memory s, bytes memory signature) internal {
    vm.prank(relayer);
    registry.anchorSurvivors(
      s.model, s.round, s.attempt, s.hash, s.count, s.spec, s.budget, s.privacy, signature
    );
  }

  function sendSurvivors(Said memory s) internal {
    sendSurvivors(s, survivorsOf(s, ATTESTOR_KEY));
  }

  function sendResult(Said memory s, bytes memory signature) internal {
    vm.prank(relayer);
    registry.anchorResult(
      s.model,
      s.round,
      s.attempt,
      s.hash,
      s.reward,
      s.payouts,
      s.claims,
      s.logSize,
      s.logRoot,
      signature
    );
  }

  function sendResult(Said memory s) internal {
    sendResult(s, resultOf(s, ATTESTOR_KEY));
  }

  /// Survivors, result, and the delay.
  function settle(Said memory s) internal {
    sendSurvivors(s);
    sendResult(s);
    vm.warp(block.timestamp + DELAY);
  }

  // --- payouts --------------------------------------------------------------------------------------

  function leafOf(bytes memory values) internal pure returns (bytes32) {
    return keccak256(abi.encode(keccak256(values)));
  }

  function payLeaf(Batch memory b) internal pure returns (bytes32) {
    return leafOf(
      abi.encode(keccak256("chorus/v1/pay"), b.model, b.round, b.index, b.accounts, b.amounts)
    );
  }

  function voiceLeaf(Batch memory b) internal pure returns (bytes32) {
    return leafOf(
      abi.encode(
        keccak256("chorus/v1/voice"), b.model, b.round, b.index, b.organisations, b.accounts
      )
    );
  }

  function claimLeaf(address account, uint256 cumulative) internal pure returns (bytes32) {
    return leafOf(abi.encode(account, cumulative));
  }

  /// The tree over the payments and the voices of some batches.
  function treeOf(Batch[] memory batches) internal pure returns (bytes32[] memory) {
    bytes32[] memory leaves = new bytes32[](2 * batches.length);
    for (uint256 i = 0; i < batches.length; ++i) {
      leaves[2 * i] = payLeaf(batches[i]);
      leaves[2 * i + 1] = voiceLeaf(batches[i]);
    }
    return Tree.make(leaves);
  }

  function treeOf(Batch memory b) internal pure returns (bytes32[] memory) {
    Batch[] memory batches = new Batch[](1);
    batches[0] = b;
    return treeOf(batches);
  }

  function batchOf(
    bytes32 model,
    uint64 round,
    uint64 index,
    address[] memory accounts,
    uint256 each
  ) internal pure returns (Batch memory b) {
    b = Batch(
      model, round, index, accounts, new uint256[](accounts.length), new bytes16[](accounts.length)
    );
    for (uint256 i = 0; i < accounts.length; ++i) {
      b.amounts[i] = each;
      b.organisations[i] = bytes16(keccak256(abi.encode("organisation", accounts[i])));
    }
  }

  /// `n` addresses without code, different for every `from`.
  function people(uint256 from, uint256 n) internal pure returns (address[] memory list) {
    list = new address[](n);
    for (uint256 i = 0; i < n; ++i) {
      list[i] = address(uint160(uint256(keccak256(abi.encode("person", from + i)))));
    }
  }

  function pay(Batch memory b, bytes32[] memory tree) internal {
    vault.payBatch(b.model, b.round, b.index, b.accounts, b.amounts, Tree.proof(tree, payLeaf(b)));
  }

  function mint(Batch memory b, bytes32[] memory tree) internal {
    voice.mint(
      b.model, b.round, b.index, b.organisations, b.accounts, Tree.proof(tree, voiceLeaf(b))
    );
  }

  /// One settled round that owes `each` to everybody in `accounts`.
  function earn(bytes32 model, uint64 round, address[] memory accounts, uint256 each)
    internal
    returns (Batch memory b, bytes32[] memory tree)
  {
    b = batchOf(model, round, 0, accounts, each);
    tree = treeOf(b);
    Said memory s = said(model, round);
    s.budget = s.reward = each * accounts.length;
    s.payouts = tree[0];
    settle(s);
  }

  function deposit(bytes32 model, uint256 amount) internal {
    vm.deal(address(this), address(this).balance + amount);
    vault.deposit{value: amount}(model, amount);
  }
}
