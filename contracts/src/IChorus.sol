// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What a model allows. Only a vote changes it.
struct Policy {
  /// Organisations that a round must have, at least 3.
  uint32 minimum;
  /// Rounds with a result, over the model's life.
  uint32 maximumRounds;
  /// What all rounds together may spend, in millionths of epsilon.
  uint64 privacyBudget;
  /// What one round may pay, in the smallest unit of the currency.
  uint256 rewardCap;
}

/// @notice What the vault and the voice ask of the registry.
interface IChorusRegistry {
  function owner() external view returns (address);
  function vault() external view returns (address);
  function voice() external view returns (address);
  function governor() external view returns (address);

  /// @notice The currency of a model, zero for ether; reverts for an unknown one.
  function currencyOf(bytes32 model) external view returns (address);

  /// @notice What may be paid and minted for a round; reverts, saying why, unless it is settled.
  function settlement(bytes32 model, uint64 round)
    external
    view
    returns (bytes32 payouts, bytes32 claims, address currency, uint256 budgeted);
}

/// @notice What the registry asks of the vault.
interface IChorusVault {
  function spent(bytes32 model) external view returns (uint256);
}

/// A contract stands elsewhere than the registry was told: `told`, but it is at `actual`.
error WrongPlace(address told, address actual);
/// The proof does not lead from this leaf to the root that was anchored.
error NotInTree(bytes32 leaf, bytes32 root);
/// Two lists that belong together have different lengths.
error LengthMismatch(uint256 left, uint256 right);
/// Only the timelock may do this, by a vote.
error NotOwner(address caller);
