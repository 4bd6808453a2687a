// SPDX-License-Identifier: Apache-2.0
// A wallet in the browser (EIP-1193, found by EIP-6963) and the few calls of docs/chain.md that people
// send with it. What the chain says comes through the wallet, never through the server.
import { keccak_256 as keccak256 } from '@noble/hashes/sha3.js'
import { hex, join, unhex, utf8 } from './bytes.js'

// ---- ABI ----

const word = n => BigInt(n).toString(16).padStart(64, '0')
const bytes32 = text => text.replace(/^0x/, '').padStart(64, '0')
const selector = signature => hex(keccak256(utf8(signature)).subarray(0, 4))
const call = (signature, ...words) => `0x${selector(signature)}${words.join('')}`

export const modelId = slug => hex(keccak256(utf8(slug)))

// ChorusVault.claim of what GET /models/{model}/claims/{address} gives.
export function encodeClaim ({ model, round, account, cumulative, proof }) {
  const head = [modelId(model), word(round), bytes32(account.toLowerCase()), word(cumulative), word(5 * 32)]
  return call('claim(bytes32,uint64,address,uint256,bytes32[])', ...head, word(proof.length), ...proof.map(bytes32))
}

// support: 0 against, 1 for, 2 abstain.
export const encodeVote = (proposal, support) => call('castVote(uint256,uint8)', bytes32(proposal), word(support))
export const encodeDeposit = (model, amount) => call('deposit(bytes32,uint256)', modelId(model), word(amount))
export const encodeApprove = (spender, amount) => call('approve(address,uint256)', bytes32(spender.toLowerCase()), word(amount))
export const encodeWithdraw = currency => call('withdraw(address)', bytes32((currency ?? '0x').toLowerCase()))

// Whether the claim's proof leads to `root` (OpenZeppelin's StandardMerkleTree).
export function claimProven ({ account, cumulative, proof }, root) {
  const leaf = unhex(bytes32(account.toLowerCase()) + word(cumulative))
  let node = keccak256(keccak256(leaf))
  for (const sibling of proof) {
    const other = unhex(bytes32(sibling))
    node = keccak256(hex(node) < hex(other) ? join(node, other) : join(other, node))
  }
  return hex(node) === bytes32(root)
}

// EIP-55.
export function checksummed (address) {
  const digits = address.slice(2).toLowerCase()
  const hash = hex(keccak256(utf8(digits)))
  return '0x' + Array.from(digits, (c, i) => parseInt(hash[i], 16) >= 8 ? c.toUpperCase() : c).join('')
}

// ---- wallets ----

// [{name, provider}]: those that announce themselves, else the one that older ones inject.
export function findWallets (patience = 300) {
  const found = new Map()
  const hear = ({ detail }) => found.set(detail.info.uuid, { name: detail.info.name, provider: detail.provider })
  addEventListener('eip6963:announceProvider', hear)
  dispatchEvent(new Event('eip6963:requestProvider'))
  return new Promise(resolve => setTimeout(() => {
    removeEventListener('eip6963:announceProvider', hear)
    if (!found.size && globalThis.ethereum) found.set('', { name: '', provider: globalThis.ethereum })
    resolve([...found.values()])
  }, patience))
}

// slug: a word of ours for what went wrong; message: what the wallet says.
export class WalletTrouble extends Error {
  constructor (slug, message = '', more = {}) {
    super(message || slug)
    Object.assign(this, { slug, said: message, ...more })
  }
}

export async function ask (provider, method, params = []) {
  try {
    return await provider.request({ method, params })
  } catch (problem) {
    if (problem.code === 4001) throw new WalletTrouble('refused')
    throw new WalletTrouble('error', String(problem.message ?? problem), { code: problem.code })
  }
}

export async function account (provider) {
  const [address] = await ask(provider, 'eth_requestAccounts')
  if (!address) throw new WalletTrouble('refused')
  return checksummed(address)
}

// The wallet must be on the instance's own chain; it is asked to turn there first.
export async function onChain (provider, id) {
  const there = async () => Number(await ask(provider, 'eth_chainId')) === id
  if (await there()) return
  await ask(provider, 'wallet_switchEthereumChain', [{ chainId: '0x' + id.toString(16) }]).catch(() => {})
  if (!await there()) throw new WalletTrouble('chain', '', { id })
}

export const read = (provider, to, data) => ask(provider, 'eth_call', [{ to, data }, 'latest'])

const addressOf = (answer, what) => {
  if (!/^0x0{24}[0-9a-f]{40}$/.test(answer)) throw new WalletTrouble('contract', what)
  return checksummed('0x' + answer.slice(26))
}

// 'vault', 'voice', 'governor' of the registry that the instance event names.
export const contractOf = async (provider, registry, name) =>
  addressOf(await read(provider, registry, call(`${name}()`)), name)

// The root of all cumulative claims that the result of this round anchored.
export async function claimsRoot (provider, registry, slug, round) {
  const answer = await read(provider, registry, call('results(bytes32,uint64)', modelId(slug), word(round)))
  if (answer.length < 2 + 64 * 5) throw new WalletTrouble('contract', 'results')
  return answer.slice(2 + 64 * 4, 2 + 64 * 5)
}

export const claimedOf = async (provider, vault, model, account) =>
  BigInt(await read(provider, vault, call('claimed(bytes32,address)', modelId(model), bytes32(account.toLowerCase()))))

export const owedOf = async (provider, vault, currency, account) =>
  BigInt(await read(provider, vault, call('owed(address,address)', bytes32((currency ?? '0x').toLowerCase()), bytes32(account.toLowerCase()))))

export const allowanceOf = async (provider, token, owner, spender) =>
  BigInt(await read(provider, token, call('allowance(address,address)', bytes32(owner.toLowerCase()), bytes32(spender.toLowerCase()))))

// What the vault still holds for a model.
export const fundsOf = async (provider, vault, model) =>
  BigInt(await read(provider, vault, call('funds(bytes32)', modelId(model))))

export const votesOf = async (provider, voice, account) =>
  BigInt(await read(provider, voice, call('getVotes(address)', bytes32(account.toLowerCase()))))

export const hasVoted = async (provider, governor, proposal, account) =>
  BigInt(await read(provider, governor, call('hasVoted(uint256,address)', bytes32(proposal), bytes32(account.toLowerCase())))) === 1n

// Sends {from, to, data, value?}, tells the hash by `tell`, and waits for the receipt: true when it succeeded.
export async function sendCall (provider, call, tell = () => {}) {
  const needed = await ask(provider, 'eth_estimateGas', [call]) // what would be refused costs nothing
  const gas = '0x' + (BigInt(needed) * 6n / 5n).toString(16)
  const hash = await ask(provider, 'eth_sendTransaction', [{ ...call, gas }])
  tell(hash)
  for (let i = 0; i < 200; i++) {
    const receipt = await ask(provider, 'eth_getTransactionReceipt', [hash])
    if (receipt) {
      if (Number(receipt.status) !== 1) throw new WalletTrouble('reverted', '', { hash })
      return { hash, block: Number(receipt.blockNumber) }
    }
    await new Promise(resolve => setTimeout(resolve, i < 20 ? 500 : 3000))
  }
  throw new WalletTrouble('late', '', { hash })
}

// EIP-4361: the message as the server wrote it, signed.
export const signMessage = (provider, address, message) =>
  ask(provider, 'personal_sign', ['0x' + hex(utf8(message)), address])
