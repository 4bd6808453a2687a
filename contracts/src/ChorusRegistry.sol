// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IChorusRegistry, IChorusVault, NotOwner, Policy} from "./IChorus.sol";

/// @title Models, their policies, and the anchors of their rounds
/// @notice What stands here the coordinator has said once, to everybody, and within the policy that
/// the members voted for. Anchors are signed by the attestor and sent by the relayer: neither can do
/// anything alone. Policies and roles belong to the owner, a timelock that only votes move.
contract ChorusRegistry is IChorusRegistry, EIP712, Pausable {
  /// @dev Of a model. `policy.minimum` is zero where there is none.
  struct Model {
    bytes32 spec;
    Policy policy;
    uint64 results;
    uint64 lastRound;
    uint64 privacySpent;
    address currency;
    uint256 budgeted;
  }

  /// @dev Of an attempt: the organisations between which its graph is drawn.
  struct Roster {
    bytes32 hash;
    uint32 count;
    uint64 blockNumber;
  }

  /// @dev Of an attempt: whose updates will be added up.
  struct Survivors {
    bytes32 hash;
    uint32 count;
    uint64 blockNumber;
    uint256 budget;
  }

  /// @dev Of a round. `time` has 56 bits so that the small ones share a slot.
  struct Result {
    bytes32 hash;
    uint256 reward;
    bytes32 payouts;
    bytes32 claims;
    bytes32 logRoot;
    uint64 attempt;
    uint64 logSize;
    uint64 blockNumber;
    uint56 time;
    bool revoked;
  }

  bytes32 private constant REGISTRATION = keccak256(
    "Registration(bytes32 model,bytes32 spec,address currency,uint32 minimum,uint32 maximumRounds,uint64 privacyBudget,uint256 rewardCap)"
  );
  bytes32 private constant ROSTER =
    keccak256("Roster(bytes32 model,uint64 round,uint64 attempt,bytes32 hash,uint32 count)");
  bytes32 private constant SURVIVORS = keccak256(
    "Survivors(bytes32 model,uint64 round,uint64 attempt,bytes32 hash,uint32 count,bytes32 spec,uint256 budget,uint64 privacy)"
  );
  bytes32 private constant RESULT = keccak256(
    "Result(bytes32 model,uint64 round,uint64 attempt,bytes32 hash,uint256 reward,bytes32 payouts,bytes32 claims,uint64 logSize,bytes32 logRoot)"
  );

  /// @notice The fewest organisations that any policy may ask for: a sum of two shows each the other's.
  uint32 public constant LEAST_MINIMUM = 3;

  /// @notice The timelock.
  address public immutable owner;
  /// @notice Where rewards are kept.
  address public immutable vault;
  /// @notice Where votes are kept.
  address public immutable voice;
  /// @notice What moves the timelock.
  address public immutable governor;
  /// @notice Seconds between an anchored result and its payouts.
  uint64 public immutable delay;

  /// @notice Who sends anchors.
  address public relayer;
  /// @notice Whose signature every anchor needs.
  address public attestor;
  /// @notice Who may pause payouts and minting; zero: nobody.
  address public guardian;

  mapping(bytes32 model => Model) private _models;
  mapping(bytes32 model => mapping(uint64 round => mapping(uint64 attempt => Roster))) public
    rosters;
  mapping(bytes32 model => mapping(uint64 round => mapping(uint64 attempt => Survivors))) public
    survivors;
  mapping(bytes32 model => mapping(uint64 round => Result)) private _results;

  /// @notice A model was registered.
  event Registered(bytes32 indexed model, bytes32 spec, address indexed currency, Policy policy);
  /// @notice The roster of an attempt was fixed.
  event RosterAnchored(
    bytes32 indexed model, uint64 indexed round, uint64 indexed attempt, bytes32 hash, uint32 count
  );
  /// @notice The survivors of an attempt were fixed.
  event SurvivorsAnchored(
    bytes32 indexed model,
    uint64 indexed round,
    uint64 indexed attempt,
    bytes32 hash,
    uint32 count,
    bytes32 spec,
    uint256 budget,
    uint64 privacy
  );
  /// @notice The result of a round was fixed.
  event ResultAnchored(
    bytes32 indexed model,
    uint64 indexed round,
    uint64 indexed attempt,
    bytes32 hash,
    uint256 reward,
    bytes32 payouts,
    bytes32 claims,
    uint64 logSize,
    bytes32 logRoot
  );
  /// @notice A result pays nothing more; `removed` left the model's budget.
  event ResultRevoked(bytes32 indexed model, uint64 indexed round, uint256 removed);
  /// @notice A vote changed a policy.
  event PolicyChanged(bytes32 indexed model, Policy policy);
  /// @notice A vote changed a description.
  event SpecChanged(bytes32 indexed model, bytes32 spec);
  /// @notice A vote changed the relayer.
  event RelayerChanged(address indexed from, address indexed to);
  /// @notice A vote changed the attestor.
  event AttestorChanged(address indexed from, address indexed to);
  /// @notice A vote changed the guardian.
  event GuardianChanged(address indexed from, address indexed to);

  /// Only the relayer sends anchors.
  error NotRelayer(address caller);
  /// Only the guardian pauses.
  error NotGuardian(address caller);
  /// The signature is not the attestor's but `signer`'s; zero: it is no signature at all.
  error NotAttested(address signer, address attestor);
  /// This address must not be zero.
  error ZeroAddress();
  /// A hash of zero means "nothing": it cannot be anchored.
  error ZeroHash();
  /// There is no code at the currency's address.
  error NotAToken(address currency);
  /// No such model is registered.
  error UnknownModel(bytes32 model);
  /// The model is registered already.
  error AlreadyRegistered(bytes32 model);
  /// A policy's minimum below what any policy must ask for.
  error MinimumTooLow(uint32 minimum, uint32 least);
  /// Fewer organisations than the policy asks for.
  error BelowMinimum(uint32 count, uint32 minimum);
  /// The model has a result of this round or of a later one.
  error RoundNotNew(uint64 round, uint64 lastRound);
  /// Something is anchored there already, and stands.
  error AlreadyAnchored(bytes32 hash);
  /// The round follows another description than the model's present one.
  error WrongSpec(bytes32 spec, bytes32 current);
  /// The round may not pay as much as that.
  error OverRewardCap(uint256 budget, uint256 rewardCap);
  /// The model has had all its rounds.
  error RoundsUsedUp(uint64 results, uint32 maximumRounds);
  /// The round would spend more than what is left of the privacy budget.
  error PrivacyUsedUp(uint64 spent, uint64 privacy, uint64 privacyBudget);
  /// A result needs the survivors of its attempt.
  error NoSurvivors(bytes32 model, uint64 round, uint64 attempt);
  /// The rewards are more than what was announced with the survivors.
  error OverBudget(uint256 reward, uint256 budget);
  /// The log was larger when the last result was anchored.
  error LogShrank(uint64 logSize, uint64 last);
  /// There is no result of this round.
  error NoResult(bytes32 model, uint64 round);
  /// The result of this round was revoked.
  error IsRevoked(bytes32 model, uint64 round);
  /// Payouts of this round begin at `from`.
  error TooEarly(uint256 time, uint256 from);

  /// @param owner_ the timelock
  /// @param delay_ seconds between an anchored result and its payouts
  /// @param vault_ the address that the vault will have, likewise voice_ and governor_
  constructor(
    address owner_,
    address relayer_,
    address attestor_,
    address guardian_,
    uint64 delay_,
    address vault_,
    address voice_,
    address governor_
  ) EIP712("Chorus", "1") {
    owner = _present(owner_);
    relayer = _present(relayer_);
    attestor = _present(attestor_);
    guardian = guardian_;
    delay = delay_;
    vault = _present(vault_);
    voice = _present(voice_);
    governor = _present(governor_);
    emit RelayerChanged(address(0), relayer_);
    emit AttestorChanged(address(0), attestor_);
    emit GuardianChanged(address(0), guardian_);
  }

  modifier onlyOwner() {
    if (msg.sender != owner) revert NotOwner(msg.sender);
    _;
  }

  // --- anchors: the relayer, with the attestor's signature ------------------------------------------

  /// @notice Registers a model. Whatever it is called, it can be registered once.
  function register(
    bytes32 model,
    bytes32 spec,
    address currency,
    Policy calldata policy,
    bytes calldata signature
  ) external {
    _checkAttested(REGISTRATION, 7, signature);
    Model storage m = _models[model];
    if (m.policy.minimum != 0) revert AlreadyRegistered(model);
    if (currency != address(0) && currency.code.length == 0) revert NotAToken(currency);
    m.spec = _some(spec);
    m.policy = _sound(policy);
    m.currency = currency;
    emit Registered(model, spec, currency, policy);
  }

  /// @notice Fixes who takes part in an attempt, before its graph is drawn.
  function anchorRoster(
    bytes32 model,
    uint64 round,
    uint64 attempt,
    bytes32 hash,
    uint32 count,
    bytes calldata signature
  ) external {
    _checkAttested(ROSTER, 5, signature);
    _checkCohort(_known(model), round, count);
    Roster storage r = rosters[model][round][attempt];
    if (r.hash != 0) revert AlreadyAnchored(r.hash);
    r.hash = _some(hash);
    r.count = count;
    r.blockNumber = uint64(block.number);
    emit RosterAnchored(model, round, attempt, hash, count);
  }

  /// @notice Fixes whose updates an attempt adds up, before anybody unmasks; from here on its privacy
  /// counts as spent, whatever becomes of the attempt.
  function anchorSurvivors(
    bytes32 model,
    uint64 round,
    uint64 attempt,
    bytes32 hash,
    uint32 count,
    bytes32 spec,
    uint256 budget,
    uint64 privacy,
    bytes calldata signature
  ) external {
    _checkAttested(SURVIVORS, 8, signature);
    _checkPolicy(model, round, count, spec, budget, privacy);
    Survivors storage s = survivors[model][round][attempt];
    if (s.hash != 0) revert AlreadyAnchored(s.hash);
    s.hash = _some(hash);
    s.count = count;
    s.blockNumber = uint64(block.number);
    s.budget = budget;
    emit SurvivorsAnchored(model, round, attempt, hash, count, spec, budget, privacy);
  }

  /// @notice Fixes the result of a round, what it pays, and the log that holds it.
  function anchorResult(
    bytes32 model,
    uint64 round,
    uint64 attempt,
    bytes32 hash,
    uint256 reward,
    bytes32 payouts,
    bytes32 claims,
    uint64 logSize,
    bytes32 logRoot,
    bytes calldata signature
  ) external {
    _checkAttested(RESULT, 9, signature);
    Result storage r = _newResult(model, round, attempt, reward, logSize);
    r.hash = _some(hash);
    r.reward = reward;
    r.payouts = payouts;
    r.claims = claims;
    r.logRoot = logRoot;
    r.attempt = attempt;
    r.logSize = logSize;
    r.blockNumber = uint64(block.number);
    r.time = uint56(block.timestamp);
    emit ResultAnchored(model, round, attempt, hash, reward, payouts, claims, logSize, logRoot);
  }

  // --- by a vote ------------------------------------------------------------------------------------

  /// @notice Changes what a model allows, from the next anchor on.
  function setPolicy(bytes32 model, Policy calldata policy) external onlyOwner {
    _known(model).policy = _sound(policy);
    emit PolicyChanged(model, policy);
  }

  /// @notice Changes the description that rounds must follow.
  function setSpec(bytes32 model, bytes32 spec) external onlyOwner {
    _known(model).spec = _some(spec);
    emit SpecChanged(model, spec);
  }

  /// @notice Lets another address send anchors.
  function setRelayer(address to) external onlyOwner {
    emit RelayerChanged(relayer, to);
    relayer = _present(to);
  }

  /// @notice Lets another key attest them.
  function setAttestor(address to) external onlyOwner {
    emit AttestorChanged(attestor, to);
    attestor = _present(to);
  }

  /// @notice Lets another address pause; zero: nobody.
  function setGuardian(address to) external onlyOwner {
    emit GuardianChanged(guardian, to);
    guardian = to;
  }

  /// @notice Takes a result's payouts back. Its reward leaves the model's budget, but for what is
  /// spent already: later rounds owe nothing for it.
  function revokeResult(bytes32 model, uint64 round) external onlyOwner {
    Result storage r = _standing(model, round);
    Model storage m = _models[model];
    r.revoked = true;
    uint256 removed = Math.min(r.reward, m.budgeted - IChorusVault(vault).spent(model));
    m.budgeted -= removed;
    emit ResultRevoked(model, round, removed);
  }

  /// @notice Ends a pause.
  function unpause() external onlyOwner {
    _unpause();
  }

  /// @notice Stops payouts and minting until a vote ends the pause. The guardian can do nothing else.
  function pause() external {
    if (msg.sender != guardian) revert NotGuardian(msg.sender);
    _pause();
  }

  // --- reading --------------------------------------------------------------------------------------

  /// @notice Everything about a model; `minimum` is zero where there is none.
  function models(bytes32 model)
    external
    view
    returns (
      bytes32 spec,
      address currency,
      uint32 minimum,
      uint32 maximumRounds,
      uint64 privacyBudget,
      uint256 rewardCap,
      uint64 results_,
      uint64 lastRound,
      uint64 privacySpent,
      uint256 budgeted
    )
  {
    Model storage m = _models[model];
    spec = m.spec;
    currency = m.currency;
    minimum = m.policy.minimum;
    maximumRounds = m.policy.maximumRounds;
    privacyBudget = m.policy.privacyBudget;
    rewardCap = m.policy.rewardCap;
    results_ = m.results;
    lastRound = m.lastRound;
    privacySpent = m.privacySpent;
    budgeted = m.budgeted;
  }

  /// @notice The result of a round; `hash` is zero where there is none.
  function results(bytes32 model, uint64 round)
    external
    view
    returns (
      bytes32 hash,
      uint64 attempt,
      uint256 reward,
      bytes32 payouts,
      bytes32 claims,
      uint64 logSize,
      bytes32 logRoot,
      uint64 blockNumber,
      uint64 time,
      bool revoked
    )
  {
    Result storage r = _results[model][round];
    hash = r.hash;
    attempt = r.attempt;
    reward = r.reward;
    payouts = r.payouts;
    claims = r.claims;
    logSize = r.logSize;
    logRoot = r.logRoot;
    blockNumber = r.blockNumber;
    time = r.time;
    revoked = r.revoked;
  }

  /// @notice Whether a round may be paid: it has a result, not revoked, the delay has passed, and
  /// nothing is paused.
  function settled(bytes32 model, uint64 round) external view returns (bool) {
    Result storage r = _results[model][round];
    return r.hash != 0 && !r.revoked && block.timestamp >= _payableFrom(r) && !paused();
  }

  /// @inheritdoc IChorusRegistry
  function settlement(bytes32 model, uint64 round)
    external
    view
    whenNotPaused
    returns (bytes32 payouts, bytes32 claims, address currency, uint256 budgeted)
  {
    Result storage r = _standing(model, round);
    if (block.timestamp < _payableFrom(r)) revert TooEarly(block.timestamp, _payableFrom(r));
    Model storage m = _models[model];
    return (r.payouts, r.claims, m.currency, m.budgeted);
  }

  /// @inheritdoc IChorusRegistry
  function currencyOf(bytes32 model) external view returns (address) {
    return _known(model).currency;
  }

  // --- checks ---------------------------------------------------------------------------------------

  /// @dev Sent by the relayer and signed by the attestor. A function that is attested takes the values
  /// of its EIP-712 type first, one word each and in the same order: they are hashed as they stand in
  /// the call (the decoder has refused words with stray bits).
  function _checkAttested(bytes32 kind, uint256 words, bytes calldata signature) private view {
    if (msg.sender != relayer) revert NotRelayer(msg.sender);
    bytes32 digest = _hashTypedDataV4(keccak256(bytes.concat(kind, msg.data[4:4 + 32 * words])));
    (address signer,,) = ECDSA.tryRecover(digest, signature);
    if (signer != attestor) revert NotAttested(signer, attestor);
  }

  function _checkCohort(Model storage m, uint64 round, uint32 count) private view {
    if (round <= m.lastRound) revert RoundNotNew(round, m.lastRound);
    if (count < m.policy.minimum) revert BelowMinimum(count, m.policy.minimum);
  }

  /// @dev What survivors must keep to; counts the privacy.
  function _checkPolicy(
    bytes32 model,
    uint64 round,
    uint32 count,
    bytes32 spec,
    uint256 budget,
    uint64 privacy
  ) private {
    Model storage m = _known(model);
    _checkCohort(m, round, count);
    _checkRounds(m);
    if (spec != m.spec) revert WrongSpec(spec, m.spec);
    if (budget > m.policy.rewardCap) revert OverRewardCap(budget, m.policy.rewardCap);
    uint256 privacySpent = uint256(m.privacySpent) + privacy;
    if (privacySpent > m.policy.privacyBudget) {
      revert PrivacyUsedUp(m.privacySpent, privacy, m.policy.privacyBudget);
    }
    m.privacySpent = uint64(privacySpent);
  }

  /// @dev What a result must keep to; counts it and its reward. The rounds are counted here too: two
  /// rounds with survivors may wait for one place.
  function _newResult(bytes32 model, uint64 round, uint64 attempt, uint256 reward, uint64 logSize)
    private
    returns (Result storage r)
  {
    Model storage m = _known(model);
    Survivors storage s = survivors[model][round][attempt];
    if (s.hash == 0) revert NoSurvivors(model, round, attempt);
    r = _results[model][round];
    if (r.hash != 0) revert AlreadyAnchored(r.hash);
    _checkRounds(m);
    if (reward > s.budget) revert OverBudget(reward, s.budget);
    uint64 last = _results[model][m.lastRound].logSize;
    if (logSize < last) revert LogShrank(logSize, last);
    ++m.results;
    if (round > m.lastRound) m.lastRound = round;
    m.budgeted += reward;
  }

  function _checkRounds(Model storage m) private view {
    if (m.results >= m.policy.maximumRounds) {
      revert RoundsUsedUp(m.results, m.policy.maximumRounds);
    }
  }

  function _known(bytes32 model) private view returns (Model storage m) {
    m = _models[model];
    if (m.policy.minimum == 0) revert UnknownModel(model);
  }

  function _standing(bytes32 model, uint64 round) private view returns (Result storage r) {
    r = _results[model][round];
    if (r.hash == 0) revert NoResult(model, round);
    if (r.revoked) revert IsRevoked(model, round);
  }

  function _payableFrom(Result storage r) private view returns (uint256) {
    return uint256(r.time) + delay;
  }

  function _sound(Policy calldata policy) private pure returns (Policy calldata) {
    if (policy.minimum < LEAST_MINIMUM) revert MinimumTooLow(policy.minimum, LEAST_MINIMUM);
    return policy;
  }

  function _present(address a) private pure returns (address) {
    if (a == address(0)) revert ZeroAddress();
    return a;
  }

  function _some(bytes32 hash) private pure returns (bytes32) {
    if (hash == 0) revert ZeroHash();
    return hash;
  }
}
