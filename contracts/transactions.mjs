#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Prints N random EIP-1559 transactions as JSON lines, with the bytes that ethers makes of them.
// Everything follows from SEED.
//   node contracts/transactions.mjs SEED N
import { SigningKey, Transaction, computeAddress, dataSlice, id, keccak256 } from 'ethers'

const [seed, n] = process.argv.slice(2)
let drawn = 0
const bytes = (i = drawn++) => id(`${seed} ${i}`)
const below = limit => BigInt(bytes()) % BigInt(limit)
// Of a random length in bits, so that short and long numbers, and zero, are all common; data also of
// every size of length that RLP has.
const number = bits => BigInt(bytes()) >> (256n - below(bits + 1))
const data = () => {
  const words = Array.from({ length: Number(below(12)) }, () => bytes().slice(2)).join('')
    .repeat(below(50) === 0n ? 250 : 1)
  return '0x' + words.slice(0, 2 * Number(below(words.length / 2 + 1)))
}

for (let i = 0; i < Number(n); i++) {
  const key = keccak256(bytes())
  const create = below(10) === 0n
  const values = {
    chainId: number(63), nonce: number(63), gasLimit: number(63), maxFeePerGas: number(256),
    maxPriorityFeePerGas: number(256), value: number(256), data: data()
  }
  if (values.maxPriorityFeePerGas > values.maxFeePerGas) values.maxPriorityFeePerGas = values.maxFeePerGas
  const to = create ? null : computeAddress(keccak256(bytes()))
  const tx = Transaction.from({ type: 2, to, ...values, nonce: Number(values.nonce & 0x1fffffffffffffn) })
  tx.signature = new SigningKey(key).sign(tx.unsignedHash)
  const line = {
    do: 'sign', key: key.slice(2), chain: `${tx.chainId}`, nonce: `${tx.nonce}`, gas: `${tx.gasLimit}`,
    fee: `${tx.maxFeePerGas}`, tip: `${tx.maxPriorityFeePerGas}`, value: `${tx.value}`,
    data: dataSlice(tx.data, 0).slice(2), raw: tx.serialized.slice(2), hash: tx.hash.slice(2)
  }
  console.log(JSON.stringify(to ? { ...line, to } : line))
}
