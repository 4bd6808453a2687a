// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Batch, Chorus, ChorusVault, Said, Tree} from "./Chorus.sol";
import {Bomb, Burner, Choosy, Reentrant} from "./Receivers.sol";
import {OddToken} from "./Tokens.sol";

/// @dev For the invariants: a coordinator that runs rounds at random for four models in two currencies,
/// and everybody who sends payments of them. It keeps its own books.
contract Coordinator is Chorus {
  struct Round {
    Said said;
    bytes32[] tree;
    bytes32[] claims;
    address[] claimants;
    uint256[] sums;
  }

  bytes32[4] internal models = [IRIS, keccak256("digits"), keccak256("coins"), keccak256("beans")];
  OddToken internal token = new OddToken();
  Choosy private choosy = new Choosy();
  address[] internal payees;
  address[] internal outsiders;

  Round[] internal rounds;
  mapping(uint256 round => Batch[2]) internal batches;
  mapping(bytes32 model => uint64) internal last;
  mapping(bytes32 model => mapping(address => uint256)) private cumulative;

  // What was paid, by our own count.
  bytes32[] private payoutIds;
  mapping(bytes32 payoutId => uint256) private payments;
  mapping(bytes32 model => uint256) private outgo;
  mapping(address currency => mapping(address => uint256)) private due;
  mapping(bytes32 model => mapping(address => uint256)) private claimed;
  mapping(bytes32 seat => bool) private seated;
  mapping(bytes16 organisation => bool) private known;
  uint256 private seats;
  uint256 private organisations;
  uint256 internal forged;
  uint256 public paid;
  uint256 public claims;
  uint256 public withdrawals;

  constructor() {
    setUp();
    register(models[1], address(0), policyOf(3, 1000, 1000, 1000));
    register(models[2], address(token), policyOf(3, 1000, 1000, 1000));
    register(models[3], address(token), policyOf(3, 1000, 1000, 1000));
    payees = people(0, 6);
    payees.push(address(choosy));
    payees.push(address(new Burner()));
    payees.push(address(new Bomb()));
    Reentrant reentrant = new Reentrant(address(vault));
    reentrant.set(abi.encodeCall(ChorusVault.withdraw, (address(0))));
    payees.push(address(reentrant));
    outsiders = people(100, 3);
  }

  function currencyOf(bytes32 model) internal view returns (address) {
    return model == models[0] || model == models[1] ? address(0) : address(token);
  }

  /// One of the last rounds, or now and then any.
  function some(uint256 seed) internal view returns (uint256) {
    uint256 n = rounds.length;
    return n < 5 || seed % 8 == 0 ? seed / 8 % n : n - 1 - seed / 8 % 5;
  }

  // --- what the coordinator does --------------------------------------------------------------------

  function fund(uint256 seed, uint256 amount) external {
    bytes32 model = models[seed % 4];
    amount = 1 + amount % 2000;
    if (currencyOf(model) == address(0)) {
      deposit(model, amount);
    } else {
      token.set(OddToken.Mode.Right);
      token.mint(address(this), amount);
      vault.deposit(model, amount);
    }
  }

  /// Two attempts of a round, of which the second has a result; sometimes its batches say more than its
  /// reward, sometimes it stays with the announcement.
  function round(uint256 seed) external {
    bytes32 model = models[seed % 4];
    Said memory s = said(model, last[model] + 1);
    (s.budget, s.reward) = (1000, seed / 8 % 1000);
    for (uint64 i = 0; i < 2; ++i) {
      Batch memory b = batchOf(model, s.round, i, new address[](0), 0);
      uint256 n = 1 + (seed >> (16 + 4 * i)) % 4;
      (b.accounts, b.amounts, b.organisations) =
      (new address[](n), new uint256[](n), new bytes16[](n));
      for (uint256 j = 0; j < n; ++j) {
        uint256 dice = uint256(keccak256(abi.encode(seed, i, j)));
        b.accounts[j] = payees[dice % payees.length];
        b.amounts[j] = dice / 64 % 150;
        b.organisations[j] = bytes16(keccak256(abi.encode("organisation", dice % 5)));
      }
      batches[rounds.length][i] = b;
    }
    Round storage r = rounds.push();
    Batch[] memory both = new Batch[](2);
    (both[0], both[1]) = (batches[rounds.length - 1][0], batches[rounds.length - 1][1]);
    r.tree = treeOf(both);
    bytes32[] memory leaves = new bytes32[](3);
    for (uint256 j = 0; j < 3; ++j) {
      address account = payees[(seed / 7 + j) % 4]; // few, so that they claim again
      cumulative[model][account] += seed / 9 % 60;
      r.claimants.push(account);
      r.sums.push(cumulative[model][account]);
      leaves[j] = claimLeaf(account, cumulative[model][account]);
    }
    r.claims = Tree.make(leaves);
    (s.payouts, s.claims) = (r.tree[0], r.claims[0]);
    r.said = s;
    last[model] = s.round;
    note(s);
    sendSurvivors(s);
    s.attempt = 2;
    note(s);
    if (seed % 7 == 0) return;
    sendSurvivors(s);
    sendResult(s);
  }

  /// Tells the thief what was signed.
  function note(Said memory s) internal virtual {}

  function wait(uint256 time) external {
    vm.warp(block.timestamp + time % (4 * DELAY));
  }

  function pause(uint256 seed) external {
    if (registry.paused()) {
      vm.prank(address(timelock));
      registry.unpause();
    } else if (seed % 4 == 0) {
      vm.prank(guardian);
      registry.pause();
    }
  }

  function revoke(uint256 seed) external {
    if (rounds.length == 0 || seed % 4 != 0) return;
    Said memory s = rounds[some(seed / 4)].said;
    vm.prank(address(timelock));
    registry.revokeResult(s.model, s.round);
  }

  function mood(uint256 seed) external {
    OddToken.Mode[5] memory modes = [
      OddToken.Mode.Right,
      OddToken.Mode.Silent,
      OddToken.Mode.False,
      OddToken.Mode.Reverts,
      OddToken.Mode.Burns
    ];
    token.set(modes[seed % 5]);
    choosy.set(seed % 2 == 0);
  }

  // --- what anybody sends ---------------------------------------------------------------------------

  function pay(uint256 seed) external {
    if (rounds.length == 0) return;
    uint256 i = some(seed / 2);
    Batch memory b = batches[i][seed % 2];
    pay(b, rounds[i].tree);
    ++paid;
    bytes32 payoutId = keccak256(abi.encode(b.model, b.round, b.index));
    if (payments[payoutId]++ == 0) payoutIds.push(payoutId);
    for (uint256 j = 0; j < b.accounts.length; ++j) {
      due[currencyOf(b.model)][b.accounts[j]] += b.amounts[j];
      outgo[b.model] += b.amounts[j];
    }
  }

  function claim(uint256 seed) external {
    if (rounds.length == 0) return;
    Round storage r = rounds[some(seed / 3)];
    (address account, uint256 sum) = (r.claimants[seed % 3], r.sums[seed % 3]);
    bytes32[] memory proof = Tree.proof(r.claims, claimLeaf(account, sum));
    bytes32 model = r.said.model;
    vault.claim(model, r.said.round, account, sum, proof);
    ++claims;
    uint256 amount = sum - claimed[model][account];
    claimed[model][account] = sum;
    due[currencyOf(model)][account] += amount;
    outgo[model] += amount;
  }

  /// Whoever comes first of those who can have something.
  function withdraw(uint256 seed) external {
    token.set(OddToken.Mode.Right);
    choosy.set(true);
    address currency = seed % 2 == 0 ? address(token) : address(0);
    bytes memory data = abi.encodeCall(vault.withdraw, (currency));
    bool done;
    for (uint256 i = 0; i < payees.length && !done; ++i) {
      vm.prank(payees[(seed / 2 + i) % payees.length]);
      (done,) = address(vault).call{gas: 300_000}(data); // one burns all it gets
    }
    if (done) ++withdrawals;
  }

  function mint(uint256 seed) external {
    if (rounds.length == 0) return;
    uint256 i = some(seed / 2);
    Batch memory b = batches[i][seed % 2];
    mint(b, rounds[i].tree);
    for (uint256 j = 0; j < b.accounts.length; ++j) {
      bytes32 seat = keccak256(abi.encode(b.model, b.round, b.organisations[j]));
      if (seated[seat]) continue;
      seated[seat] = true;
      ++seats;
      if (known[b.organisations[j]]) continue;
      known[b.organisations[j]] = true;
      ++organisations;
    }
  }

  /// A batch, a claim or a mint that no tree holds.
  function forge(uint256 seed, uint256 what, uint256 value) external {
    if (rounds.length == 0) return;
    uint256 i = some(seed / 2);
    Batch memory b = batches[i][seed % 2];
    bytes32[] memory payProof = Tree.proof(rounds[i].tree, payLeaf(b));
    bytes32[] memory voiceProof = Tree.proof(rounds[i].tree, voiceLeaf(b));
    bytes32[] memory claimProof =
      Tree.proof(rounds[i].claims, claimLeaf(rounds[i].claimants[0], rounds[i].sums[0]));
    uint256 j = value % b.accounts.length;
    what %= 6;
    if (what == 0) b.accounts[j] = outsiders[value % 3];
    if (what == 1) b.amounts[j] += 1 + value % 1000;
    if (what == 2) b.index = uint64(2 + value % 1000);
    if (what == 3) b.round += uint64(1 + value % 3);
    if (what == 4) b.model = models[(seed % 4 + 1 + value % 3) % 4];
    if (what == 5) (payProof, voiceProof) = (voiceProof, payProof);
    if (what == 4 && b.model == rounds[i].said.model) return;
    (bool done,) = address(vault)
      .call(
        abi.encodeCall(vault.payBatch, (b.model, b.round, b.index, b.accounts, b.amounts, payProof))
      );
    if (done) ++forged;
    if (what == 1) b.organisations[j] = bytes16(keccak256(abi.encode(value)));
    (done,) = address(voice)
      .call(
        abi.encodeCall(
          voice.mint, (b.model, b.round, b.index, b.organisations, b.accounts, voiceProof)
        )
      );
    if (done) ++forged;
    address account = what == 0 ? outsiders[value % 3] : rounds[i].claimants[0];
    (done,) = address(vault)
      .call(
        abi.encodeCall(
          vault.claim, (b.model, b.round, account, rounds[i].sums[0] + 1 + value % 1000, claimProof)
        )
      );
    if (done) ++forged;
  }

  // --- what must hold -------------------------------------------------------------------------------

  function balanceOf(address currency, address account) private view returns (uint256) {
    return currency == address(0) ? account.balance : token.balanceOf(account);
  }

  function checkPaidOnce() external view {
    vm.assertEq(forged, 0, "a forged payment was taken");
    for (uint256 i = 0; i < payoutIds.length; ++i) {
      vm.assertEq(payments[payoutIds[i]], 1, "a batch was paid twice");
    }
    address[2] memory currencies = [address(0), address(token)];
    for (uint256 c = 0; c < 2; ++c) {
      for (uint256 i = 0; i < payees.length; ++i) {
        vm.assertEq(
          balanceOf(currencies[c], payees[i]) + vault.owed(currencies[c], payees[i]),
          due[currencies[c]][payees[i]],
          "what an address got"
        );
      }
      for (uint256 i = 0; i < outsiders.length; ++i) {
        vm.assertEq(
          balanceOf(currencies[c], outsiders[i]) + vault.owed(currencies[c], outsiders[i]),
          0,
          "an outsider got something"
        );
      }
    }
  }

  function checkBudgets() external view {
    for (uint256 i = 0; i < 4; ++i) {
      uint256 rewards;
      for (uint64 n = 1; n <= last[models[i]] + 1; ++n) {
        (,, uint256 reward,,,,,,,) = registry.results(models[i], n);
        rewards += reward;
      }
      (,,,,,,,,, uint256 budgeted) = registry.models(models[i]);
      vm.assertLe(budgeted, rewards, "budgeted beyond the results");
      vm.assertLe(vault.spent(models[i]), budgeted, "spent beyond the budget");
      vm.assertEq(vault.spent(models[i]), outgo[models[i]], "spent");
    }
  }

  function checkWhole() external view {
    address[2] memory currencies = [address(0), address(token)];
    for (uint256 c = 0; c < 2; ++c) {
      uint256 said = vault.funds(models[2 * c]) + vault.funds(models[2 * c + 1]);
      for (uint256 i = 0; i < payees.length; ++i) {
        said += vault.owed(currencies[c], payees[i]);
      }
      vm.assertEq(balanceOf(currencies[c], address(vault)), said, "what the vault holds");
    }
  }

  function checkVoice() external view {
    vm.assertEq(voice.totalSupply(), seats * 1e18, "votes");
    vm.assertEq(voice.organisations(), organisations, "organisations");
    for (uint256 i = 0; i < outsiders.length; ++i) {
      vm.assertEq(voice.balanceOf(outsiders[i]), 0, "an outsider votes");
    }
  }
}
