// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {
  GovernorCountingSimple
} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorSettings} from "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import {
  GovernorTimelockControl
} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {
  GovernorVotesQuorumFraction
} from "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ChorusVoice} from "./ChorusVoice.sol";
import {WrongPlace} from "./IChorus.sol";

/// @title Votes over the timelock
/// @notice OpenZeppelin's governor with two additions: nothing can be proposed before three organisations
/// hold voice, and a quorum never falls below a fixed number of votes.
contract ChorusGovernor is
  GovernorSettings,
  GovernorCountingSimple,
  GovernorVotesQuorumFraction,
  GovernorTimelockControl
{
  /// @notice Organisations that must hold voice before anything can be proposed.
  uint256 public constant LEAST_ORGANISATIONS = 3;
  /// @notice Votes below which no quorum falls, whatever is voted.
  uint256 public immutable minimumQuorum;

  /// Too few organisations hold voice for votes to mean anything.
  error TooFewOrganisations(uint256 organisations, uint256 least);

  /// @param votingDelay_ seconds from a proposal to its vote
  /// @param votingPeriod_ seconds that a vote is open
  /// @param minimumQuorum_ in votes of 10^18
  constructor(
    ChorusVoice voice,
    TimelockController timelock_,
    uint48 votingDelay_,
    uint32 votingPeriod_,
    uint256 minimumQuorum_
  )
    Governor("Chorus Governor")
    GovernorSettings(votingDelay_, votingPeriod_, voice.UNIT())
    GovernorVotes(voice)
    GovernorVotesQuorumFraction(20)
    GovernorTimelockControl(timelock_)
  {
    if (voice.registry().governor() != address(this)) {
      revert WrongPlace(voice.registry().governor(), address(this));
    }
    if (voice.registry().owner() != address(timelock_)) {
      revert WrongPlace(voice.registry().owner(), address(timelock_));
    }
    minimumQuorum = minimumQuorum_;
  }

  /// @notice Proposes calls that the timelock is to make. Needs three organisations with voice.
  function propose(
    address[] memory targets,
    uint256[] memory values,
    bytes[] memory calldatas,
    string memory description
  ) public override returns (uint256) {
    uint256 organisations = ChorusVoice(address(token())).organisations();
    if (organisations < LEAST_ORGANISATIONS) {
      revert TooFewOrganisations(organisations, LEAST_ORGANISATIONS);
    }
    return super.propose(targets, values, calldatas, description);
  }

  /// @notice A fifth of all votes at that time, and at least `minimumQuorum`.
  function quorum(uint256 timepoint)
    public
    view
    override(Governor, GovernorVotesQuorumFraction)
    returns (uint256)
  {
    return Math.max(minimumQuorum, super.quorum(timepoint));
  }

  // --- which of OpenZeppelin's parts answers, where several could -----------------------------------

  /// @inheritdoc GovernorSettings
  function proposalThreshold() public view override(Governor, GovernorSettings) returns (uint256) {
    return super.proposalThreshold();
  }

  /// @inheritdoc GovernorTimelockControl
  function state(uint256 proposalId)
    public
    view
    override(Governor, GovernorTimelockControl)
    returns (ProposalState)
  {
    return super.state(proposalId);
  }

  /// @inheritdoc GovernorTimelockControl
  function proposalNeedsQueuing(uint256 proposalId)
    public
    view
    override(Governor, GovernorTimelockControl)
    returns (bool)
  {
    return super.proposalNeedsQueuing(proposalId);
  }

  function _queueOperations(
    uint256 proposalId,
    address[] memory targets,
    uint256[] memory values,
    bytes[] memory calldatas,
    bytes32 descriptionHash
  ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
    return super._queueOperations(proposalId, targets, values, calldatas, descriptionHash);
  }

  function _executeOperations(
    uint256 proposalId,
    address[] memory targets,
    uint256[] memory values,
    bytes[] memory calldatas,
    bytes32 descriptionHash
  ) internal override(Governor, GovernorTimelockControl) {
    super._executeOperations(proposalId, targets, values, calldatas, descriptionHash);
  }

  function _cancel(
    address[] memory targets,
    uint256[] memory values,
    bytes[] memory calldatas,
    bytes32 descriptionHash
  ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
    return super._cancel(targets, values, calldatas, descriptionHash);
  }

  function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
    return super._executor();
  }
}
