// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Those of forge's cheat codes that the tests use.
interface Vm {
  struct Log {
    bytes32[] topics;
    bytes data;
    address emitter;
  }

  function addr(uint256 key) external pure returns (address);
  function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
  function computeCreateAddress(address from, uint256 nonce) external pure returns (address);
  function setNonceUnsafe(address account, uint64 nonce) external;
  function getNonce(address account) external view returns (uint64);
  function deal(address account, uint256 value) external;
  function etch(address account, bytes calldata code) external;
  function prank(address caller) external;
  function startPrank(address caller) external;
  function stopPrank() external;
  function warp(uint256 time) external;
  function roll(uint256 number) external;
  function chainId(uint256 id) external;
  function assume(bool condition) external pure;
  function expectRevert() external;
  function expectRevert(bytes calldata data) external;
  function expectRevert(bytes4 selector) external;
  function expectEmit(address emitter) external;
  function recordLogs() external;
  function getRecordedLogs() external returns (Log[] memory);
  function readFile(string calldata path) external view returns (string memory);
  function parseJsonBytes(string calldata json, string calldata key)
    external
    pure
    returns (bytes memory);
  function parseJsonBytes32(string calldata json, string calldata key)
    external
    pure
    returns (bytes32);
  function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
  function parseJsonAddress(string calldata json, string calldata key)
    external
    pure
    returns (address);
  function keyExistsJson(string calldata json, string calldata key) external view returns (bool);
  function toString(uint256 value) external pure returns (string memory);
  function assertTrue(bool condition) external pure;
  function assertTrue(bool condition, string calldata why) external pure;
  function assertFalse(bool condition) external pure;
  function assertEq(uint256 left, uint256 right) external pure;
  function assertEq(uint256 left, uint256 right, string calldata why) external pure;
  function assertEq(address left, address right) external pure;
  function assertEq(bytes32 left, bytes32 right) external pure;
  function assertEq(bytes calldata left, bytes calldata right) external pure;
  function assertLe(uint256 left, uint256 right, string calldata why) external pure;
  function assertLt(uint256 left, uint256 right, string calldata why) external pure;
}
