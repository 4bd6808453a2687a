// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token without value, of which anybody can make any amount
contract TestToken is ERC20("Chorus Test", "TEST") {
  function mint(address to, uint256 amount) external {
    _mint(to, amount);
  }
}
