// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev A token that does what `mode` says when it is told to transfer.
contract OddToken {
  enum Mode {
    Right,
    Silent, // moves, returns nothing
    False, // moves nothing, returns false
    Reverts,
    Fee, // a tenth stays with the token
    Bomb, // reverts with a lot of data
    Burns, // uses up all gas
    Two, // moves nothing, returns the word 2
    Short, // moves nothing, returns 31 bytes
    Enters // calls `target` with `data`, then moves
  }

  Mode public mode;
  address public target;
  bytes public data;
  bool public entered;
  mapping(address => uint256) public balanceOf;

  function mint(address to, uint256 amount) external {
    balanceOf[to] += amount;
  }

  function set(Mode mode_) external {
    mode = mode_;
  }

  function enter(address target_, bytes calldata data_) external {
    (mode, target, data) = (Mode.Enters, target_, data_);
  }

  function transfer(address to, uint256 amount) external returns (bool) {
    return move(msg.sender, to, amount);
  }

  function transferFrom(address from, address to, uint256 amount) external returns (bool) {
    return move(from, to, amount);
  }

  function move(address from, address to, uint256 amount) private returns (bool) {
    Mode m = mode;
    if (m == Mode.False) return false;
    require(m != Mode.Reverts, "not today");
    assembly {
      switch m
      case 5 { revert(0, 100000) }
      case 6 { invalid() }
      case 7 {
        mstore(0, 2)
        return(0, 32)
      }
      case 8 {
        mstore(0, not(0))
        return(0, 31)
      }
    }
    if (m == Mode.Enters) (entered,) = target.call(data);
    balanceOf[from] -= amount;
    if (m == Mode.Fee) {
      balanceOf[address(this)] += amount / 10;
      amount -= amount / 10;
    }
    balanceOf[to] += amount;
    if (m == Mode.Silent) {
      assembly {
        return(0, 0)
      }
    }
    return true;
  }
}
