// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev The tree of OpenZeppelin's merkle-tree: leaves sorted by hash, 2n-1 nodes with the root first.
library Tree {
  function make(bytes32[] memory leaves) internal pure returns (bytes32[] memory nodes) {
    uint256 n = leaves.length;
    if (n == 0) return new bytes32[](1);
    nodes = new bytes32[](2 * n - 1);
    for (uint256 i = 0; i < n; ++i) {
      uint256 place = 2 * n - 2 - i;
      for (; place < 2 * n - 2 && leaves[i] < nodes[place + 1]; ++place) {
        nodes[place] = nodes[place + 1];
      }
      nodes[place] = leaves[i];
    }
    for (uint256 i = n - 1; i > 0; --i) {
      (bytes32 a, bytes32 b) = (nodes[2 * i - 1], nodes[2 * i]);
      nodes[i - 1] = a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }
  }

  function proof(bytes32[] memory nodes, bytes32 leaf)
    internal
    pure
    returns (bytes32[] memory path)
  {
    uint256 place = nodes.length - 1;
    while (nodes[place] != leaf) {
      --place;
    }
    uint256 length;
    for (uint256 i = place; i > 0; i = (i - 1) / 2) {
      ++length;
    }
    path = new bytes32[](length);
    for (uint256 i = 0; i < length; ++i) {
      path[i] = nodes[place % 2 == 1 ? place + 1 : place - 1];
      place = (place - 1) / 2;
    }
  }
}
