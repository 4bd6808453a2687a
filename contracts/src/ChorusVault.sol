// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {
  IChorusRegistry,
  IChorusVault,
  LengthMismatch,
  NotInTree,
  NotOwner,
  WrongPlace
} from "./IChorus.sol";

/// @title The money
/// @notice Holds what was deposited for each model and pays what anchored results say: a batch once, an
/// address never more than its sum, a model never more than its results earned. Anybody may send a
/// payment; the proof decides. A push that fails waits for its owner in `owed`.
/// @dev Ether and ERC-20 tokens, also such that return nothing or keep a fee of a transfer. Tokens
/// whose balances shrink by themselves, or that take more from the sender than they were told, are not
/// for this vault: they would pay one model's rewards with another's deposits in the same token.
contract ChorusVault is IChorusVault, ReentrancyGuardTransient {
  using SafeERC20 for IERC20;

  bytes32 private constant PAY = keccak256("chorus/v1/pay");

  /// @notice What a receiver of ether may spend of the sender's gas.
  uint256 public constant ETHER_GAS = 30_000;
  /// @notice What a token may spend on one transfer.
  uint256 public constant TOKEN_GAS = 100_000;
  /// @dev What the EVM may take for a call with value to a new account, before it hands on gas.
  uint256 private constant CALL_GAS = 40_000;

  /// @notice Where policies and anchors stand.
  IChorusRegistry public immutable registry;

  /// @notice What a model can still pay from.
  mapping(bytes32 model => uint256) public funds;
  /// @notice What a model has paid or owes, in all.
  mapping(bytes32 model => uint256) public spent;
  /// @notice What an address has got of a model by claims.
  mapping(bytes32 model => mapping(address account => uint256)) public claimed;
  /// @notice What an address can withdraw, after a push that failed.
  mapping(address currency => mapping(address account => uint256)) public owed;
  /// @notice Whether a batch was paid, by keccak256(abi.encode(model, round, index)).
  mapping(bytes32 payoutId => bool) public paid;

  /// @notice `amount` arrived for a model.
  event Deposited(
    bytes32 indexed model, address indexed from, address indexed currency, uint256 amount
  );
  /// @notice A batch was paid: `total`, to `count` addresses.
  event Paid(
    bytes32 indexed payoutId,
    bytes32 indexed model,
    uint64 indexed round,
    uint64 index,
    uint256 count,
    uint256 total
  );
  /// @notice A claim was paid.
  event Claimed(bytes32 indexed model, address indexed account, uint256 amount);
  /// @notice A push to `account` failed; the amount can be withdrawn.
  event Owed(address indexed currency, address indexed account, uint256 amount);
  /// @notice What was owed was withdrawn.
  event Withdrawn(address indexed currency, address indexed account, uint256 amount);
  /// @notice A vote took money of a model back.
  event Reclaimed(bytes32 indexed model, address indexed to, uint256 amount);

  /// Ether must be sent exactly as announced, and none along with a token.
  error WrongValue(uint256 sent, uint256 needed);
  /// A deposit of nothing.
  error NothingArrived();
  /// The batch was paid already.
  error AlreadyPaid(bytes32 payoutId);
  /// The model's results have not earned as much as that.
  error OverBudget(uint256 spent, uint256 amount, uint256 budgeted);
  /// The model's deposits do not suffice.
  error NotEnoughFunds(uint256 amount, uint256 funds);
  /// The address has got its sum already.
  error NothingToClaim(uint256 cumulative, uint256 claimed);
  /// Nothing is owed to the caller.
  error NothingOwed(address currency, address account);
  /// The transaction has too little gas left to give each receiver its share.
  error NotEnoughGas(uint256 left, uint256 needed);
  /// The ether could not be handed over.
  error NotTaken(address to, uint256 amount);

  constructor(IChorusRegistry registry_) {
    if (registry_.vault() != address(this)) revert WrongPlace(registry_.vault(), address(this));
    registry = registry_;
  }

  /// @notice Adds to what a model can pay from. Of a token that keeps a fee, what arrives counts.
  /// @param amount in the model's currency; of ether, exactly what is sent along
  function deposit(bytes32 model, uint256 amount) external payable nonReentrant {
    address currency = registry.currencyOf(model);
    uint256 value = currency == address(0) ? amount : 0;
    if (msg.value != value) revert WrongValue(msg.value, value);
    if (currency != address(0)) {
      uint256 before = IERC20(currency).balanceOf(address(this));
      IERC20(currency).safeTransferFrom(msg.sender, address(this), amount);
      amount = IERC20(currency).balanceOf(address(this)) - before;
    }
    if (amount == 0) revert NothingArrived();
    funds[model] += amount;
    emit Deposited(model, msg.sender, currency, amount);
  }

  /// @notice Pays batch `index` of a settled round, as its result says.
  /// @param proof from the batch's leaf to the result's `payouts`
  function payBatch(
    bytes32 model,
    uint64 round,
    uint64 index,
    address[] calldata accounts,
    uint256[] calldata amounts,
    bytes32[] calldata proof
  ) external nonReentrant {
    if (accounts.length != amounts.length) {
      revert LengthMismatch(accounts.length, amounts.length);
    }
    bytes32 inner = keccak256(abi.encode(PAY, model, round, index, accounts, amounts));
    bytes32 payoutId = keccak256(abi.encode(model, round, index));
    if (paid[payoutId]) revert AlreadyPaid(payoutId);

    paid[payoutId] = true;
    uint256 total = _sum(amounts);
    address currency = _spend(model, round, false, inner, proof, total);
    emit Paid(payoutId, model, round, index, accounts.length, total);
    for (uint256 i = 0; i < accounts.length; ++i) {
      _push(currency, accounts[i], amounts[i]);
    }
  }

  /// @notice Pays what is new in the cumulative sum of `account`, to it.
  /// @param round any settled one; its result's `claims` is where the proof leads
  function claim(
    bytes32 model,
    uint64 round,
    address account,
    uint256 cumulative,
    bytes32[] calldata proof
  ) external nonReentrant {
    uint256 before = claimed[model][account];
    if (cumulative <= before) revert NothingToClaim(cumulative, before);

    claimed[model][account] = cumulative;
    uint256 amount = cumulative - before;
    bytes32 inner = keccak256(abi.encode(account, cumulative));
    address currency = _spend(model, round, true, inner, proof, amount);
    emit Claimed(model, account, amount);
    _push(currency, account, amount);
  }

  /// @notice Hands the caller what is owed to it.
  function withdraw(address currency) external nonReentrant {
    uint256 amount = owed[currency][msg.sender];
    if (amount == 0) revert NothingOwed(currency, msg.sender);
    owed[currency][msg.sender] = 0;
    emit Withdrawn(currency, msg.sender, amount);
    _hand(currency, msg.sender, amount);
  }

  /// @notice Takes back what a model has no use for. Only by a vote.
  function reclaim(bytes32 model, uint256 amount, address to) external nonReentrant {
    if (msg.sender != registry.owner()) revert NotOwner(msg.sender);
    address currency = registry.currencyOf(model);
    _take(model, amount);
    emit Reclaimed(model, to, amount);
    _hand(currency, to, amount);
  }

  /// @dev Takes `amount` from the model, if the round is settled and the proof leads from the leaf
  /// whose inner hash is `inner` to one of its roots.
  function _spend(
    bytes32 model,
    uint64 round,
    bool byClaim,
    bytes32 inner,
    bytes32[] calldata proof,
    uint256 amount
  ) private returns (address currency) {
    uint256 budgeted;
    (currency, budgeted) = _prove(model, round, byClaim, inner, proof);
    uint256 before = spent[model];
    if (amount > budgeted || before > budgeted - amount) {
      revert OverBudget(before, amount, budgeted);
    }
    spent[model] = before + amount;
    _take(model, amount);
  }

  function _prove(
    bytes32 model,
    uint64 round,
    bool byClaim,
    bytes32 inner,
    bytes32[] calldata proof
  ) private view returns (address currency, uint256 budgeted) {
    bytes32 payouts;
    bytes32 claims;
    (payouts, claims, currency, budgeted) = registry.settlement(model, round);
    bytes32 root = byClaim ? claims : payouts;
    bytes32 leaf = keccak256(bytes.concat(inner));
    if (!MerkleProof.verifyCalldata(proof, root, leaf)) revert NotInTree(leaf, root);
  }

  function _take(bytes32 model, uint256 amount) private {
    uint256 held = funds[model];
    if (amount > held) revert NotEnoughFunds(amount, held);
    funds[model] = held - amount;
  }

  /// @dev Pays with a fixed amount of gas, which is there: who sends a payment with too little cannot
  /// make it fail for the receiver. Nothing of what is returned is copied but one word of a token.
  function _push(address currency, address to, uint256 amount) private {
    uint256 share = currency == address(0) ? ETHER_GAS : TOKEN_GAS;
    uint256 needed = share + share / 63 + CALL_GAS;
    if (gasleft() < needed) revert NotEnoughGas(gasleft(), needed);
    bool done;
    if (currency == address(0)) {
      assembly ("memory-safe") {
        done := call(share, to, amount, 0, 0, 0, 0)
      }
    } else {
      bytes memory data = abi.encodeCall(IERC20.transfer, (to, amount));
      assembly ("memory-safe") {
        done := call(share, currency, 0, add(data, 32), mload(data), 0, 32)
        switch returndatasize()
        case 0 { done := and(done, gt(extcodesize(currency), 0)) }
        default { done := and(done, and(gt(returndatasize(), 31), eq(mload(0), 1))) }
      }
    }
    if (!done) {
      owed[currency][to] += amount;
      emit Owed(currency, to, amount);
    }
  }

  /// @dev Pays with all gas; reverts when it fails.
  function _hand(address currency, address to, uint256 amount) private {
    if (currency != address(0)) {
      IERC20(currency).safeTransfer(to, amount);
      return;
    }
    bool done;
    assembly ("memory-safe") {
      done := call(gas(), to, amount, 0, 0, 0, 0)
    }
    if (!done) revert NotTaken(to, amount);
  }

  function _sum(uint256[] calldata amounts) private pure returns (uint256 total) {
    for (uint256 i = 0; i < amounts.length; ++i) {
      total += amounts[i];
    }
  }
}
