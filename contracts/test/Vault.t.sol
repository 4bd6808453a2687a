// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {LengthMismatch, NotInTree, NotOwner} from "../src/IChorus.sol";
import {Batch, ChorusRegistry, ChorusVault, Chorus, Said, Tree} from "./Chorus.sol";
import {Bomb, Burner, Choosy, Reentrant} from "./Receivers.sol";
import {OddToken} from "./Tokens.sol";

contract VaultTest is Chorus {
  bytes32 private constant COINS = keccak256("coins");
  OddToken private token;

  function setUp() public override {
    super.setUp();
    token = new OddToken();
    register(COINS, address(token), policyOf(3, 100, 0, 100 ether));
  }

  function one(address account) private pure returns (address[] memory list) {
    list = new address[](1);
    list[0] = account;
  }

  function fill(uint256 amount) private {
    token.mint(address(this), amount);
    vault.deposit(COINS, amount);
  }

  /// What the vault has of a currency is what it can account for.
  function assertWhole(address currency, bytes32 model, address account) private view {
    uint256 held = currency == address(0) ? address(vault).balance : token.balanceOf(address(vault));
    vm.assertEq(held, vault.funds(model) + vault.owed(currency, account));
  }

  // --- deposits -------------------------------------------------------------------------------------

  function test_deposit_ether() public {
    vm.deal(address(this), 3 ether);
    vm.expectEmit(address(vault));
    emit ChorusVault.Deposited(IRIS, address(this), address(0), 2 ether);
    vault.deposit{value: 2 ether}(IRIS, 2 ether);
    vault.deposit{value: 1 ether}(IRIS, 1 ether);
    vm.assertEq(vault.funds(IRIS), 3 ether);
    vm.assertEq(address(vault).balance, 3 ether);
  }

  function test_deposit_token() public {
    token.mint(address(this), 5);
    vm.expectEmit(address(vault));
    emit ChorusVault.Deposited(COINS, address(this), address(token), 5);
    vault.deposit(COINS, 5);
    vm.assertEq(vault.funds(COINS), 5);
    vm.assertEq(vault.funds(IRIS), 0);
  }

  function test_deposit_token_silent() public {
    token.set(OddToken.Mode.Silent);
    fill(7);
    vm.assertEq(vault.funds(COINS), 7);
  }

  function test_deposit_token_with_fee() public {
    token.set(OddToken.Mode.Fee);
    fill(100);
    vm.assertEq(vault.funds(COINS), 90);
    assertWhole(address(token), COINS, address(0));
  }

  function test_deposit_refused() public {
    vm.deal(address(this), 9 ether);
    vm.expectRevert(abi.encodeWithSelector(ChorusVault.WrongValue.selector, 1, 2));
    vault.deposit{value: 1}(IRIS, 2);
    vm.expectRevert(abi.encodeWithSelector(ChorusVault.WrongValue.selector, 1, 0));
    vault.deposit{value: 1}(COINS, 1);
    vm.expectRevert(ChorusVault.NothingArrived.selector);
    vault.deposit(IRIS, 0);
    vm.expectRevert(ChorusVault.NothingArrived.selector);
    vault.deposit(COINS, 0);
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.UnknownModel.selector, keccak256("x")));
    vault.deposit{value: 1}(keccak256("x"), 1);
    token.set(OddToken.Mode.False);
    vm.expectRevert(
      abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(token))
    );
    vault.deposit(COINS, 1);
    (bool done,) = address(vault).call{value: 1}("");
    vm.assertFalse(done);
  }

  // --- batches --------------------------------------------------------------------------------------

  function test_pay() public {
    deposit(IRIS, 10 ether);
    address[] memory accounts = people(0, 3);
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 1, accounts, 2 ether);
    bytes32 payoutId = keccak256(abi.encode(IRIS, uint64(1), uint64(0)));
    vm.assertFalse(vault.paid(payoutId));
    vm.expectEmit(address(vault));
    emit ChorusVault.Paid(payoutId, IRIS, 1, 0, 3, 6 ether);
    pay(b, tree);
    for (uint256 i = 0; i < 3; ++i) {
      vm.assertEq(accounts[i].balance, 2 ether);
    }
    vm.assertTrue(vault.paid(payoutId));
    vm.assertEq(vault.spent(IRIS), 6 ether);
    vm.assertEq(vault.funds(IRIS), 4 ether);

    vm.expectRevert(abi.encodeWithSelector(ChorusVault.AlreadyPaid.selector, payoutId));
    pay(b, tree);
  }

  function test_pay_tokens() public {
    OddToken.Mode[3] memory modes = [OddToken.Mode.Right, OddToken.Mode.Silent, OddToken.Mode.Fee];
    fill(1000);
    for (uint64 i = 0; i < 3; ++i) {
      token.set(modes[i]);
      address[] memory accounts = people(10 * i, 3);
      (Batch memory b, bytes32[] memory tree) = earn(COINS, i + 1, accounts, 100);
      pay(b, tree);
      vm.assertEq(token.balanceOf(accounts[2]), modes[i] == OddToken.Mode.Fee ? 90 : 100);
      vm.assertEq(vault.owed(address(token), accounts[2]), 0);
      assertWhole(address(token), COINS, accounts[2]);
    }
    vm.assertEq(vault.funds(COINS), 100);
  }

  /// Whatever a token does instead of moving: the receiver can still get it later.
  function test_pay_broken_tokens() public {
    OddToken.Mode[6] memory modes = [
      OddToken.Mode.False,
      OddToken.Mode.Reverts,
      OddToken.Mode.Bomb,
      OddToken.Mode.Burns,
      OddToken.Mode.Two,
      OddToken.Mode.Short
    ];
    fill(600);
    for (uint64 i = 0; i < 6; ++i) {
      address account = people(i, 1)[0];
      (Batch memory b, bytes32[] memory tree) = earn(COINS, i + 1, one(account), 100);
      token.set(modes[i]);
      vm.expectEmit(address(vault));
      emit ChorusVault.Owed(address(token), account, 100);
      pay(b, tree);
      vm.assertEq(vault.owed(address(token), account), 100);
      vm.prank(account);
      vm.expectRevert();
      vault.withdraw(address(token));

      token.set(OddToken.Mode.Silent);
      vm.expectEmit(address(vault));
      emit ChorusVault.Withdrawn(address(token), account, 100);
      vm.prank(account);
      vault.withdraw(address(token));
      vm.assertEq(token.balanceOf(account), 100);
      assertWhole(address(token), COINS, account);
    }
  }

  /// A token that is gone takes no transfer, though a call to an empty address succeeds.
  function test_pay_vanished_token() public {
    fill(100);
    address account = people(0, 1)[0];
    (Batch memory b, bytes32[] memory tree) = earn(COINS, 1, one(account), 100);
    vm.etch(address(token), "");
    pay(b, tree);
    vm.assertEq(vault.owed(address(token), account), 100);
  }

  function test_pay_malicious_receivers() public {
    deposit(IRIS, 6 ether);
    address[] memory accounts = new address[](5);
    Choosy choosy = new Choosy();
    Reentrant reentrant = new Reentrant(address(vault));
    accounts[0] = address(choosy);
    accounts[1] = address(new Burner());
    accounts[2] = address(new Bomb());
    accounts[3] = address(reentrant);
    accounts[4] = people(0, 1)[0];
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 1, accounts, 1 ether);
    reentrant.set(abi.encodeCall(ChorusVault.withdraw, (address(0))));
    pay(b, tree);
    for (uint256 i = 0; i < 3; ++i) {
      vm.assertEq(accounts[i].balance, 0);
      vm.assertEq(vault.owed(address(0), accounts[i]), 1 ether);
    }
    vm.assertEq(accounts[4].balance, 1 ether);
    vm.assertEq(vault.funds(IRIS), 1 ether);
    uint256 late = vault.owed(address(0), address(reentrant));
    vm.assertEq(address(reentrant).balance + late, 1 ether);
    vm.assertEq(reentrant.entered(), 0);

    vm.expectRevert(abi.encodeWithSelector(ChorusVault.NotTaken.selector, address(choosy), 1 ether));
    choosy.withdraw(vault, address(0));
    choosy.set(true);
    choosy.withdraw(vault, address(0));
    vm.assertEq(address(choosy).balance, 1 ether);
    vm.expectRevert(
      abi.encodeWithSelector(ChorusVault.NothingOwed.selector, address(0), address(choosy))
    );
    choosy.withdraw(vault, address(0));
  }

  /// Nobody is let in while a payment is under way, through no door: from ether with all gas, and from a
  /// token.
  function test_reentrance() public {
    deposit(IRIS, 4 ether);
    fill(10);
    Reentrant reentrant = new Reentrant(address(vault));
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 1, one(address(reentrant)), 1 ether);
    (Batch memory coins, bytes32[] memory coinsTree) = earn(COINS, 1, people(0, 1), 1);
    bytes[4] memory doors = [
      abi.encodeCall(
        ChorusVault.payBatch, (IRIS, 1, 0, b.accounts, b.amounts, Tree.proof(tree, payLeaf(b)))
      ),
      abi.encodeCall(ChorusVault.claim, (IRIS, 1, address(reentrant), 1, new bytes32[](0))),
      abi.encodeCall(ChorusVault.withdraw, (address(0))),
      abi.encodeCall(ChorusVault.deposit, (IRIS, 0))
    ];
    reentrant.set(doors[0]);
    pay(b, tree);
    vm.assertEq(reentrant.entered(), 0);
    vm.assertEq(vault.funds(IRIS), 3 ether);

    // Owed first, then taken with all gas: what comes back finds each door shut.
    for (uint256 i = 0; i < doors.length; ++i) {
      Choosy choosy = new Choosy();
      uint64 round = uint64(2 + i);
      (b, tree) = earn(IRIS, round, one(address(choosy)), 0.1 ether);
      pay(b, tree);
      vm.etch(address(choosy), address(reentrant).code);
      Reentrant now_ = Reentrant(payable(address(choosy)));
      now_.set(doors[i]);
      uint256 before = address(vault).balance;
      now_.withdraw(address(0));
      vm.assertEq(now_.calls(), 1);
      vm.assertEq(now_.entered(), 0);
      vm.assertEq(before - address(vault).balance, 0.1 ether);
    }

    token.enter(address(vault), doors[0]);
    pay(coins, coinsTree);
    vm.assertFalse(token.entered());
    token.mint(address(this), 1);
    vault.deposit(COINS, 1);
    vm.assertFalse(token.entered());
  }

  function test_pay_needs_settlement() public {
    deposit(IRIS, 10 ether);
    Batch memory b = batchOf(IRIS, 1, 0, people(0, 3), 1 ether);
    bytes32[] memory tree = treeOf(b);
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.NoResult.selector, IRIS, 1));
    pay(b, tree);
    Said memory s = said(IRIS, 1);
    s.payouts = tree[0];
    sendSurvivors(s);
    sendResult(s);
    uint256 from = block.timestamp + DELAY;
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.TooEarly.selector, block.timestamp, from));
    pay(b, tree);
    vm.warp(from);
    vm.prank(guardian);
    registry.pause();
    vm.expectRevert(Pausable.EnforcedPause.selector);
    pay(b, tree);
    vm.prank(address(timelock));
    registry.unpause();
    vm.prank(address(timelock));
    registry.revokeResult(IRIS, 1);
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.IsRevoked.selector, IRIS, 1));
    pay(b, tree);
  }

  /// Whatever is changed in a batch, it is not in the tree any more.
  function testFuzz_pay_tampered(uint256 what, address account, uint256 amount) public {
    deposit(IRIS, 10 ether);
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 1, people(0, 3), 1 ether);
    bytes32[] memory proof = Tree.proof(tree, payLeaf(b));
    (Batch memory other,) = earn(IRIS, 2, people(3, 3), 1 ether);
    what %= 6;
    if (what == 0) b.accounts[1] = account;
    if (what == 1) b.amounts[1] = amount;
    if (what == 2) b.index = 1;
    if (what == 3) b.round = 2;
    if (what == 4) (b.accounts, b.amounts) = (people(0, 2), new uint256[](2));
    if (what == 5) (b.accounts[0], b.accounts[1]) = (b.accounts[1], b.accounts[0]);
    vm.assume(account != people(1, 1)[0] && amount != 1 ether && amount < 2 ** 255);
    bytes32 root = what == 3 ? treeOf(other)[0] : tree[0];
    vm.expectRevert(abi.encodeWithSelector(NotInTree.selector, payLeaf(b), root));
    vault.payBatch(b.model, b.round, b.index, b.accounts, b.amounts, proof);
  }

  function test_pay_lengths() public {
    vm.expectRevert(abi.encodeWithSelector(LengthMismatch.selector, 2, 3));
    vault.payBatch(IRIS, 1, 0, new address[](2), new uint256[](3), new bytes32[](0));
  }

  /// A leaf of another kind with the same words is not a payment, and a voice pays nothing.
  function test_pay_kinds() public {
    deposit(IRIS, 10 ether);
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 1, people(0, 3), 1 ether);
    bytes32[] memory proof = Tree.proof(tree, voiceLeaf(b));
    vm.expectRevert(abi.encodeWithSelector(NotInTree.selector, payLeaf(b), tree[0]));
    vault.payBatch(b.model, b.round, b.index, b.accounts, b.amounts, proof);
  }

  // --- limits ---------------------------------------------------------------------------------------

  function test_pay_within_budget() public {
    deposit(IRIS, 100 ether);
    Batch memory b = batchOf(IRIS, 1, 0, people(0, 3), 4 ether);
    bytes32[] memory tree = treeOf(b);
    Said memory s = said(IRIS, 1);
    s.payouts = tree[0];
    settle(s);
    vm.expectRevert(abi.encodeWithSelector(ChorusVault.OverBudget.selector, 0, 12 ether, 10 ether));
    pay(b, tree);
    // Another round's rewards leave room: what accounts gathered is paid when they are settled.
    s = said(IRIS, 2);
    s.budget = s.reward = 2 ether;
    settle(s);
    pay(b, tree);
    vm.assertEq(vault.spent(IRIS), 12 ether);
  }

  function test_pay_within_funds() public {
    deposit(IRIS, 2 ether);
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 1, people(0, 3), 1 ether);
    vm.expectRevert(abi.encodeWithSelector(ChorusVault.NotEnoughFunds.selector, 3 ether, 2 ether));
    pay(b, tree);
    deposit(IRIS, 1 ether);
    pay(b, tree);
  }

  /// One model never pays with another's deposit.
  function test_pay_own_funds() public {
    bytes32 digits = keccak256("digits");
    register(digits, address(0), policyOf(3, 100, 0, 100 ether));
    deposit(digits, 50 ether);
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 1, people(0, 3), 1 ether);
    vm.expectRevert(abi.encodeWithSelector(ChorusVault.NotEnoughFunds.selector, 3 ether, 0));
    pay(b, tree);
  }

  /// What was paid before a result was revoked stays covered: later rounds owe nothing for it.
  function test_revoked_after_payment() public {
    deposit(IRIS, 100 ether);
    Batch[] memory batches = new Batch[](2);
    batches[0] = batchOf(IRIS, 1, 0, people(0, 3), 1 ether);
    batches[1] = batchOf(IRIS, 1, 1, people(3, 3), 2 ether);
    bytes32[] memory tree = treeOf(batches);
    Said memory s = said(IRIS, 1);
    s.budget = s.reward = 9 ether;
    s.payouts = tree[0];
    settle(s);
    pay(batches[0], tree);
    vm.expectEmit(address(registry));
    emit ChorusRegistry.ResultRevoked(IRIS, 1, 6 ether);
    vm.prank(address(timelock));
    registry.revokeResult(IRIS, 1);
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.IsRevoked.selector, IRIS, 1));
    pay(batches[1], tree);
    (Batch memory next, bytes32[] memory nextTree) = earn(IRIS, 2, people(0, 3), 1 ether);
    pay(next, nextTree);
    vm.assertEq(vault.spent(IRIS), 6 ether);
  }

  /// Amounts whose sum passes 2^256 are no payment.
  function test_pay_overflow() public {
    Batch memory b = batchOf(IRIS, 1, 0, people(0, 2), 2 ** 255);
    bytes32[] memory tree = treeOf(b);
    Said memory s = said(IRIS, 1);
    s.payouts = tree[0];
    settle(s);
    vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
    pay(b, tree);
  }

  // --- gas ------------------------------------------------------------------------------------------

  /// A sender cannot make a push fail by giving the payment too little gas: with any amount it is paid
  /// whole or not at all.
  function testFuzz_gas(uint256 gas_) public {
    gas_ = 30_000 + gas_ % 400_000;
    deposit(IRIS, 3 ether);
    address[] memory accounts = new address[](3);
    for (uint256 i = 0; i < 3; ++i) {
      Choosy choosy = new Choosy();
      choosy.set(true);
      accounts[i] = address(choosy);
    }
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 1, accounts, 1 ether);
    bytes memory data = abi.encodeCall(
      ChorusVault.payBatch, (IRIS, 1, 0, b.accounts, b.amounts, Tree.proof(tree, payLeaf(b)))
    );
    (bool done,) = address(vault).call{gas: gas_}(data);
    for (uint256 i = 0; i < 3; ++i) {
      vm.assertEq(accounts[i].balance, done ? 1 ether : 0);
      vm.assertEq(vault.owed(address(0), accounts[i]), 0);
    }
    vm.assertTrue(done || gas_ < 250_000);
  }

  function testFuzz_gas_of_tokens(uint256 gas_) public {
    gas_ = 30_000 + gas_ % 500_000;
    fill(3);
    (Batch memory b, bytes32[] memory tree) = earn(COINS, 1, people(0, 3), 1);
    bytes memory data = abi.encodeCall(
      ChorusVault.payBatch, (COINS, 1, 0, b.accounts, b.amounts, Tree.proof(tree, payLeaf(b)))
    );
    (bool done,) = address(vault).call{gas: gas_}(data);
    for (uint256 i = 0; i < 3; ++i) {
      vm.assertEq(token.balanceOf(b.accounts[i]), done ? 1 : 0);
      vm.assertEq(vault.owed(address(token), b.accounts[i]), 0);
    }
    vm.assertTrue(done || gas_ < 350_000);
  }

  /// The worst receivers cannot make a batch dearer than their share each.
  function test_gas_of_malicious_batch() public {
    deposit(IRIS, 10 ether);
    address[] memory accounts = people(0, 50);
    for (uint256 i = 0; i < 50; ++i) {
      accounts[i] = i % 2 == 0 ? address(new Burner()) : address(new Bomb());
    }
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 1, accounts, 0.1 ether);
    bytes32[] memory proof = Tree.proof(tree, payLeaf(b));
    uint256 before = gasleft();
    vault.payBatch(b.model, b.round, b.index, b.accounts, b.amounts, proof);
    vm.assertLt(before - gasleft(), 50 * 80_000, "gas of a malicious batch");
  }

  // --- claims ---------------------------------------------------------------------------------------

  function claims(uint64 round, address[] memory accounts, uint256[] memory sums)
    private
    returns (bytes32[] memory tree)
  {
    bytes32[] memory leaves = new bytes32[](accounts.length);
    for (uint256 i = 0; i < accounts.length; ++i) {
      leaves[i] = claimLeaf(accounts[i], sums[i]);
    }
    tree = Tree.make(leaves);
    Said memory s = said(IRIS, round);
    s.claims = tree[0];
    settle(s);
  }

  function claim(uint64 round, address account, uint256 sum, bytes32[] memory tree) private {
    vault.claim(IRIS, round, account, sum, Tree.proof(tree, claimLeaf(account, sum)));
  }

  function test_claim() public {
    deposit(IRIS, 20 ether);
    address[] memory accounts = people(0, 3);
    uint256[] memory sums = new uint256[](3);
    (sums[0], sums[1], sums[2]) = (1 ether, 2 ether, 3 ether);
    bytes32[] memory first = claims(1, accounts, sums);
    vm.expectEmit(address(vault));
    emit ChorusVault.Claimed(IRIS, accounts[1], 2 ether);
    claim(1, accounts[1], 2 ether, first);
    vm.assertEq(accounts[1].balance, 2 ether);
    vm.expectRevert(abi.encodeWithSelector(ChorusVault.NothingToClaim.selector, 2 ether, 2 ether));
    claim(1, accounts[1], 2 ether, first);

    uint256[] memory later = new uint256[](3);
    (later[0], later[1], later[2]) = (1 ether, 2.5 ether, 4 ether);
    bytes32[] memory second = claims(2, accounts, later);
    claim(2, accounts[1], 2.5 ether, second);
    vm.assertEq(accounts[1].balance, 2.5 ether);
    // The older sum is still good for who has claimed nothing, and then the rest of the newer one.
    claim(1, accounts[2], 3 ether, first);
    claim(2, accounts[2], 4 ether, second);
    vm.assertEq(accounts[2].balance, 4 ether);
    vm.expectRevert(abi.encodeWithSelector(ChorusVault.NothingToClaim.selector, 3 ether, 4 ether));
    claim(1, accounts[2], 3 ether, first);
    vm.assertEq(vault.claimed(IRIS, accounts[2]), 4 ether);
    vm.assertEq(vault.spent(IRIS), 6.5 ether);
    vm.assertEq(vault.funds(IRIS), 13.5 ether);
  }

  function test_claim_refused() public {
    deposit(IRIS, 5 ether);
    address[] memory accounts = people(0, 2);
    uint256[] memory sums = new uint256[](2);
    (sums[0], sums[1]) = (6 ether, 11 ether);
    bytes32[] memory tree = claims(1, accounts, sums);
    bytes32[] memory proof = Tree.proof(tree, claimLeaf(accounts[0], 6 ether));
    vm.expectRevert(
      abi.encodeWithSelector(NotInTree.selector, claimLeaf(accounts[0], 7 ether), tree[0])
    );
    vault.claim(IRIS, 1, accounts[0], 7 ether, proof);
    vm.expectRevert(
      abi.encodeWithSelector(NotInTree.selector, claimLeaf(address(9), 6 ether), tree[0])
    );
    vault.claim(IRIS, 1, address(9), 6 ether, proof);
    vm.expectRevert(abi.encodeWithSelector(ChorusVault.OverBudget.selector, 0, 11 ether, 10 ether));
    claim(1, accounts[1], 11 ether, tree);
    vm.expectRevert(abi.encodeWithSelector(ChorusVault.NotEnoughFunds.selector, 6 ether, 5 ether));
    claim(1, accounts[0], 6 ether, tree);
    vm.expectRevert(abi.encodeWithSelector(ChorusRegistry.NoResult.selector, IRIS, 2));
    vault.claim(IRIS, 2, accounts[0], 6 ether, proof);
  }

  /// A round without claims has no root that a proof could lead to.
  function test_claim_no_root() public {
    deposit(IRIS, 5 ether);
    settle(said(IRIS, 1));
    vm.expectRevert(abi.encodeWithSelector(NotInTree.selector, claimLeaf(address(9), 1), 0));
    vault.claim(IRIS, 1, address(9), 1, new bytes32[](0));
  }

  function test_claim_owed() public {
    deposit(IRIS, 5 ether);
    Choosy choosy = new Choosy();
    uint256[] memory sums = new uint256[](1);
    sums[0] = 1 ether;
    bytes32[] memory tree = claims(1, one(address(choosy)), sums);
    claim(1, address(choosy), 1 ether, tree);
    vm.assertEq(vault.owed(address(0), address(choosy)), 1 ether);
    vm.assertEq(vault.claimed(IRIS, address(choosy)), 1 ether);
    assertWhole(address(0), IRIS, address(choosy));
  }

  /// Claims and batches of a model share its budget and its deposit.
  function test_claims_and_batches() public {
    deposit(IRIS, 100 ether);
    uint256[] memory sums = new uint256[](1);
    sums[0] = 6 ether;
    Batch memory b = batchOf(IRIS, 1, 0, people(5, 1), 5 ether);
    bytes32[] memory leaves = new bytes32[](1);
    leaves[0] = claimLeaf(people(0, 1)[0], 6 ether);
    Said memory s = said(IRIS, 1);
    (s.payouts, s.claims) = (treeOf(b)[0], leaves[0]);
    settle(s);
    pay(b, treeOf(b));
    vm.expectRevert(
      abi.encodeWithSelector(ChorusVault.OverBudget.selector, 5 ether, 6 ether, 10 ether)
    );
    claim(1, people(0, 1)[0], 6 ether, leaves);
  }

  // --- reclaim --------------------------------------------------------------------------------------

  function test_reclaim() public {
    deposit(IRIS, 5 ether);
    fill(50);
    vm.startPrank(address(timelock));
    vm.expectEmit(address(vault));
    emit ChorusVault.Reclaimed(IRIS, address(77), 2 ether);
    vault.reclaim(IRIS, 2 ether, address(77));
    vault.reclaim(COINS, 20, address(77));
    vm.expectRevert(abi.encodeWithSelector(ChorusVault.NotEnoughFunds.selector, 4 ether, 3 ether));
    vault.reclaim(IRIS, 4 ether, address(77));
    vm.stopPrank();
    vm.assertEq(address(77).balance, 2 ether);
    vm.assertEq(token.balanceOf(address(77)), 20);
    vm.assertEq(vault.funds(IRIS), 3 ether);
    vm.assertEq(vault.funds(COINS), 30);
  }

  function testFuzz_reclaim_only_owner(address anybody) public {
    deposit(IRIS, 5 ether);
    vm.assume(anybody != address(timelock));
    address[5] memory who = [anybody, deployer, relayer, guardian, attestor];
    for (uint256 i = 0; i < who.length; ++i) {
      vm.expectRevert(abi.encodeWithSelector(NotOwner.selector, who[i]));
      vm.prank(who[i]);
      vault.reclaim(IRIS, 1, who[i]);
    }
  }

  /// Ether that is forced upon the vault belongs to no model.
  function test_surplus() public {
    vm.deal(address(vault), 5 ether);
    (Batch memory b, bytes32[] memory tree) = earn(IRIS, 1, people(0, 3), 1 ether);
    vm.expectRevert(abi.encodeWithSelector(ChorusVault.NotEnoughFunds.selector, 3 ether, 0));
    pay(b, tree);
  }
}
