// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";
import {IChorusRegistry, LengthMismatch, NotInTree, WrongPlace} from "./IChorus.sol";

/// @title Votes of those who contribute
/// @notice One vote for an organisation and round that it contributed to, minted from the anchored
/// result. It can be delegated but neither sold nor given away.
contract ChorusVoice is ERC20Votes {
  bytes32 private constant VOICE = keccak256("chorus/v1/voice");

  /// @notice What an organisation gets for a round.
  uint256 public constant UNIT = 1e18;

  /// @notice Where anchors stand.
  IChorusRegistry public immutable registry;
  /// @notice How many organisations hold voice.
  uint256 public organisations;
  /// @notice Whether an organisation holds voice.
  mapping(bytes16 organisation => bool) public known;
  /// @notice Whether an organisation got its voice for a round.
  mapping(bytes32 model => mapping(uint64 round => mapping(bytes16 organisation => bool))) public
    minted;

  /// @notice An organisation got its voice for a round.
  event VoiceMinted(
    bytes32 indexed model, uint64 indexed round, bytes16 indexed organisation, address account
  );

  /// Voice stays with those who earned it.
  error NotTransferable();
  /// All these organisations have their voice for that round.
  error AlreadyMinted(bytes32 model, uint64 round, uint64 index);

  constructor(IChorusRegistry registry_)
    ERC20("Chorus Voice", "VOICE")
    EIP712("Chorus Voice", "1")
  {
    if (registry_.voice() != address(this)) {
      revert WrongPlace(registry_.voice(), address(this));
    }
    registry = registry_;
  }

  /// @notice Mints the voice of batch `index` of a settled round, as its result says. Who has it for
  /// that round is passed over.
  /// @param proof from the batch's leaf to the result's `payouts`
  function mint(
    bytes32 model,
    uint64 round,
    uint64 index,
    bytes16[] calldata organisations_,
    address[] calldata accounts,
    bytes32[] calldata proof
  ) external {
    if (organisations_.length != accounts.length) {
      revert LengthMismatch(organisations_.length, accounts.length);
    }
    (bytes32 payouts,,,) = registry.settlement(model, round);
    bytes32 leaf = keccak256(
      bytes.concat(keccak256(abi.encode(VOICE, model, round, index, organisations_, accounts)))
    );
    if (!MerkleProof.verifyCalldata(proof, payouts, leaf)) revert NotInTree(leaf, payouts);
    bool any;
    for (uint256 i = 0; i < accounts.length; ++i) {
      any = _give(model, round, organisations_[i], accounts[i]) || any;
    }
    if (!any) revert AlreadyMinted(model, round, index);
  }

  /// @notice Refused: voice is not transferable.
  function approve(address, uint256) public pure override returns (bool) {
    revert NotTransferable();
  }

  /// @notice Seconds, as the governor counts.
  function clock() public view override returns (uint48) {
    return Time.timestamp();
  }

  /// @notice Says that the clock counts seconds.
  function CLOCK_MODE() public pure override returns (string memory) {
    return "mode=timestamp";
  }

  function _give(bytes32 model, uint64 round, bytes16 organisation, address account)
    private
    returns (bool)
  {
    if (minted[model][round][organisation]) return false;
    minted[model][round][organisation] = true;
    if (!known[organisation]) {
      known[organisation] = true;
      ++organisations;
    }
    bool first = balanceOf(account) == 0;
    _mint(account, UNIT);
    if (first && delegates(account) == address(0)) _delegate(account, account);
    emit VoiceMinted(model, round, organisation, account);
    return true;
  }

  function _update(address from, address to, uint256 value) internal override {
    if (from != address(0)) revert NotTransferable();
    super._update(from, to, value);
  }
}
