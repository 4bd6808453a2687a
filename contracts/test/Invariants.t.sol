// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Thief} from "./Thief.sol";
import {Vm} from "./Vm.sol";

/// @dev What holds whatever anybody does: the coordinator settles, revokes and pauses at random, anybody
/// sends payments, right and forged ones, and a thief with the relayer's key sends what he likes.
contract InvariantsTest {
  struct FuzzSelector {
    address addr;
    bytes4[] selectors;
  }

  Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
  Thief internal actors;

  function setUp() public {
    actors = new Thief();
  }

  function targetContracts() public view returns (address[] memory list) {
    list = new address[](1);
    list[0] = address(actors);
  }

  /// Rounds and payments more often than the rest, so that there is something to protect.
  function targetSelectors() public view returns (FuzzSelector[] memory list) {
    bytes4[18] memory often = [
      actors.fund.selector,
      actors.fund.selector,
      actors.round.selector,
      actors.round.selector,
      actors.round.selector,
      actors.wait.selector,
      actors.wait.selector,
      actors.pause.selector,
      actors.revoke.selector,
      actors.mood.selector,
      bytes4(keccak256("pay(uint256)")),
      bytes4(keccak256("pay(uint256)")),
      actors.claim.selector,
      actors.withdraw.selector,
      bytes4(keccak256("mint(uint256)")),
      actors.forge.selector,
      actors.replay.selector,
      actors.alter.selector
    ];
    list = new FuzzSelector[](1);
    list[0] = FuzzSelector(address(actors), new bytes4[](20));
    for (uint256 i = 0; i < 18; ++i) {
      list[0].selectors[i] = often[i];
    }
    (list[0].selectors[18], list[0].selectors[19]) = (actors.sign.selector, actors.usurp.selector);
  }

  /// No batch is paid twice, no address gets more than the leaves that were paid say, nobody gets
  /// anything who is in no tree; no model pays more than its results earned, whatever its attempts
  /// announced; the vault holds what it says it has and owes; there is one vote for an organisation and
  /// round of a tree and none else; no anchor says what the attestor did not sign, and no policy and no
  /// role has moved.
  function invariant_all() public view {
    actors.checkPaidOnce();
    actors.checkBudgets();
    actors.checkWhole();
    actors.checkVoice();
    actors.checkNothingGained();
  }

  /// The actors really do what they are there for: without this, nothing above would mean anything.
  function test_actors_act() public {
    bytes4[] memory all = targetSelectors()[0].selectors;
    for (uint256 i = 0; i < 600; ++i) {
      bytes4 selector = all[uint256(keccak256(abi.encode(i, "selector"))) % all.length];
      bytes memory values = abi.encode(keccak256(abi.encode(i, 0)), keccak256(abi.encode(i, 1)));
      (bool done,) = address(actors).call(abi.encodePacked(selector, values, i));
      done; // many are refused, and rightly so
    }
    invariant_all();
    vm.assertLt(20, actors.paid(), "payments");
    vm.assertLt(3, actors.claims(), "claims");
    vm.assertLt(5, actors.withdrawals(), "withdrawals");
    vm.assertLt(0, actors.replayed(), "replays");
  }
}
