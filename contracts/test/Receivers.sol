// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChorusVault} from "../src/ChorusVault.sol";

/// @dev Takes ether only while it is told to.
contract Choosy {
  bool public open;

  function set(bool open_) external {
    open = open_;
  }

  function withdraw(ChorusVault vault, address currency) external {
    vault.withdraw(currency);
  }

  receive() external payable {
    require(open, "closed");
  }
}

/// @dev Uses up whatever gas it gets.
contract Burner {
  receive() external payable {
    while (true) {}
  }
}

/// @dev Reverts with more data than its caller could pay to copy.
contract Bomb {
  receive() external payable {
    assembly {
      revert(0, 60000)
    }
  }
}

/// @dev Calls the vault back when ether arrives, and remembers whether it was let in.
contract Reentrant {
  address public immutable vault;
  bytes public data;
  uint256 public calls;
  uint256 public entered;

  constructor(address vault_) {
    vault = vault_;
  }

  function set(bytes calldata data_) external {
    data = data_;
  }

  function withdraw(address currency) external {
    ChorusVault(vault).withdraw(currency);
  }

  receive() external payable {
    (bool done,) = vault.call(data);
    if (done) ++entered;
    ++calls;
  }
}
