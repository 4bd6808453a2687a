#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// What it costs to use the contracts, measured on a private anvil from the receipts:
//   node contracts/gas.mjs build/contracts docs/chain.md           checks the table there
//   node contracts/gas.mjs build/contracts docs/chain.md --write   writes it anew
// The check fails where a figure is more than 2 % off.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SimpleMerkleTree, StandardMerkleTree } from '@openzeppelin/merkle-tree'
import {
  AbiCoder, Interface, JsonRpcProvider, Wallet, ZeroAddress, ZeroHash, getCreateAddress, id,
  keccak256
} from 'ethers'
import { place } from './place.mjs'

const [folder, page, write] = process.argv.slice(2)
const here = dirname(fileURLToPath(import.meta.url))
const tolerance = 0.02

// --- a chain of our own -----------------------------------------------------------------------------

function freePort() {
  return new Promise(done => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => done(port))
    })
  })
}

async function startChain() {
  const port = await freePort()
  const anvil = join(here, 'node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil')
  const node = spawn(anvil, ['--port', port, '--silent', '--accounts', '1', '--balance', '1000000',
    '--hardfork', 'prague'])
  process.on('exit', () => node.kill())
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))
  const chain = new JsonRpcProvider(`http://127.0.0.1:${port}`, 31337,
    { staticNetwork: true, batchMaxCount: 1 })
  for (let tries = 0; tries < 100; tries++) {
    try {
      await chain.send('eth_blockNumber', [])
      return chain
    } catch {
      await new Promise(done => setTimeout(done, 50))
    }
  }
  throw new Error('anvil does not answer')
}

const chain = await startChain()
const wallets = {}
const wallet = name => (wallets[name] ??= new Wallet(id(`chorus gas key: ${name}`)))
const address = name => wallet(name).address
const nonces = {}

// Sends a transaction, which anvil mines by itself, and gives the gas of its receipt.
async function gasOf(who, to, data, value = 0n) {
  const nonce = nonces[who] ??= 0
  if (nonce === 0) await chain.send('anvil_setBalance', [address(who), '0xd3c21bcecceda1000000'])
  const raw = await wallet(who).signTransaction({ type: 2, chainId: 31337, nonce, to, data, value,
    gasLimit: 2 ** 24, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1 })
  nonces[who]++
  const hash = await chain.send('eth_sendRawTransaction', [raw])
  let receipt
  while (!(receipt = await chain.send('eth_getTransactionReceipt', [hash]))) {
    await new Promise(done => setTimeout(done, 5))
  }
  if (Number(receipt.status) !== 1) throw new Error(`a transaction of ${who} failed: ${data.slice(0, 10)}`)
  return Number(receipt.gasUsed)
}

const rows = []
const row = (what, gas, people = '') =>
  rows.push([what, gas, people && Math.round(gas / people)])

// --- deployment -------------------------------------------------------------------------------------

const attestor = wallet('attestor')
const at = [0, 1, 2, 3, 4, 5].map(nonce => getCreateAddress({ from: address('deployer'), nonce }))
const abi = {}
function deploy(name, ...args) {
  const made = JSON.parse(readFileSync(join(folder, `${name}.json`)))
  abi[name] = new Interface(made.abi)
  return gasOf('deployer', null, made.bytecode + abi[name].encodeDeploy(args).slice(2))
}
const parts = [
  ['TimelockController', 86400, [at[4]], [ZeroAddress], ZeroAddress],
  ['ChorusRegistry', at[0], address('relayer'), attestor.address, ZeroAddress, 0, at[2], at[3], at[4]],
  ['ChorusVault', at[1]],
  ['ChorusVoice', at[1]],
  ['ChorusGovernor', at[3], at[0], 1, 60, 2n * 10n ** 18n]
]
let whole = 0
for (const [name, ...args] of parts) {
  const gas = await deploy(name, ...args)
  row(`deployment: ${name}`, gas)
  whole += gas
}
row('deployment: all five', whole)
await deploy('TestToken')
const names = [...parts.map(([name]) => name), 'TestToken']
const call = (who, contract, name, args, value) =>
  gasOf(who, at[names.indexOf(contract)], abi[contract].encodeFunctionData(name, args), value)

// --- anchors ----------------------------------------------------------------------------------------

const fields = {
  register: ['Registration', 'bytes32 model,bytes32 spec,address currency,uint32 minimum,uint32 maximumRounds,uint64 privacyBudget,uint256 rewardCap'],
  anchorRoster: ['Roster', 'bytes32 model,uint64 round,uint64 attempt,bytes32 hash,uint32 count'],
  anchorSurvivors: ['Survivors', 'bytes32 model,uint64 round,uint64 attempt,bytes32 hash,uint32 count,bytes32 spec,uint256 budget,uint64 privacy'],
  anchorResult: ['Result', 'bytes32 model,uint64 round,uint64 attempt,bytes32 hash,uint256 reward,bytes32 payouts,bytes32 claims,uint64 logSize,bytes32 logRoot']
}
async function anchor(name, ...values) {
  const [type, list] = fields[name]
  const typed = list.split(',').map(field => ({ type: field.split(' ')[0], name: field.split(' ')[1] }))
  const domain = { name: 'Chorus', version: '1', chainId: 31337, verifyingContract: at[1] }
  const signature = await attestor.signTypedData(domain, { [type]: typed },
    Object.fromEntries(typed.map((field, i) => [field.name, values[i]])))
  const args = name === 'register' ? [...values.slice(0, 3), values.slice(3)] : values
  return call('relayer', 'ChorusRegistry', name, [...args, signature])
}
const cap = 10n ** 21n
const spec = id('spec')
const ether = id('ether')
const tokens = id('tokens')
row('register a model', await anchor('register', ether, spec, ZeroAddress, 3, 1000, 1000, cap))
await anchor('register', tokens, spec, at[5], 3, 1000, 1000, cap)

const round = { [ether]: 0, [tokens]: 0 }
async function settle(model, payouts, claims) {
  const n = ++round[model]
  const gas = [
    await anchor('anchorRoster', model, n, 1, id(`roster ${n}`), 100),
    await anchor('anchorSurvivors', model, n, 1, id(`survivors ${n}`), 100, spec, cap, 0),
    await anchor('anchorResult', model, n, 1, id(`result ${n}`), 10n ** 18n, payouts, claims, 100 * n, id(`log ${n}`))
  ]
  return { n, gas }
}
await settle(ether, ZeroHash, ZeroHash)
const plain = await settle(ether, ZeroHash, ZeroHash)
const paying = await settle(ether, id('payouts'), id('claims'))
row('anchor: roster', plain.gas[0])
row('anchor: survivors', plain.gas[1])
row('anchor: result that pays nothing yet', plain.gas[2])
row('anchor: result with payouts and claims', paying.gas[2])

// --- money ------------------------------------------------------------------------------------------

await call('rich', 'TestToken', 'mint', [address('rich'), 10n * cap])
await call('rich', 'TestToken', 'approve', [at[2], 10n * cap])
for (const [model, name, value] of [[ether, 'ether', cap], [tokens, 'ERC-20', 0n]]) {
  await call('rich', 'ChorusVault', 'deposit', [model, cap], value)
  row(`deposit, ${name}`, await call('rich', 'ChorusVault', 'deposit', [model, cap], value))
}

const coder = AbiCoder.defaultAbiCoder()
const leaf = (tag, types, values) => keccak256(keccak256(
  coder.encode(['bytes32', 'bytes32', 'uint64', 'uint64', ...types], [id(tag), ...values])))
const people = n => Array.from({ length: n }, (_, i) => address(`person ${i}`))
const amount = 12345678901234n // eight wei of nineteen: as a real amount has

// Twice: the second payment goes to accounts that the chain, or the token, knows already.
async function pays(model, name, n) {
  for (const known of [false, true]) {
    const accounts = people(n).map(a => known ? a : keccak256(coder.encode(['address', 'string'], [a, name + n])).slice(0, 42))
    const amounts = accounts.map(() => amount)
    const r = round[model] + 1
    const batch = leaf('chorus/v1/pay', ['address[]', 'uint256[]'], [model, r, 0, accounts, amounts])
    const tree = SimpleMerkleTree.of([batch, ...[1, 2, 3, 4, 5, 6, 7].map(i => id(`leaf ${i}`))])
    await settle(model, tree.root, ZeroHash)
    const gas = await call('relayer', 'ChorusVault', 'payBatch',
      [model, r, 0, accounts, amounts, tree.getProof(batch)])
    row(`push ${name}, batch of ${n}, ${known ? 'known' : 'new'} accounts`, gas, n)
  }
}
for (const a of people(100)) {
  await chain.send('anvil_setBalance', [a, '0x1'])
  await call('rich', 'TestToken', 'mint', [a, 1])
}
for (const n of [1, 10, 100]) await pays(ether, 'ether', n)
for (const n of [1, 10, 100]) await pays(tokens, 'ERC-20', n)

async function claims(model, name) {
  for (const [i, again] of [[1n, 'first'], [2n, 'later']]) {
    const list = people(100).map(a => [a, i * amount])
    const tree = StandardMerkleTree.of(list, ['address', 'uint256'])
    const { n } = await settle(model, ZeroHash, tree.root)
    row(`claim ${name} among 100, ${again}`, await call('relayer', 'ChorusVault', 'claim',
      [model, n, ...list[0], tree.getProof(0)]), 1)
  }
}
await claims(ether, 'ether')
await claims(tokens, 'ERC-20')

// --- votes ------------------------------------------------------------------------------------------

async function later(seconds) {
  await chain.send('evm_increaseTime', [seconds])
  await chain.send('evm_mine', [])
}
async function mint(n) {
  await later(5) // a checkpoint of its own
  const accounts = [...[0, 1, 2, 3, 4].map(i => address(`voter ${i}`)), ...people(100)].slice(0, n)
  const organisations = accounts.map(a => id(a).slice(0, 34))
  const r = round[ether] + 1
  const batch = leaf('chorus/v1/voice', ['bytes16[]', 'address[]'], [ether, r, 0, organisations, accounts])
  const tree = SimpleMerkleTree.of([batch, id('a'), id('b'), id('c')])
  await settle(ether, tree.root, ZeroHash)
  return call('relayer', 'ChorusVoice', 'mint', [ether, r, 0, organisations, accounts, tree.getProof(batch)])
}
row('mint 50 votes, first', await mint(50), 50)
row('mint 50 votes, later', await mint(50), 50)
for (let i = 0; i < 5; i++) await mint(5) // five voters who can carry a proposal

const change = abi.ChorusRegistry.encodeFunctionData('setPolicy', [ether, [4, 1000, 1000, cap]])
const proposal = [[at[1]], [0], [change]]
const described = [...proposal, id('four at least')]
const number = keccak256(coder.encode(['address[]', 'uint256[]', 'bytes[]', 'bytes32'], described))
await later(5)
const vote = (i, name, args) => call(`voter ${i}`, 'ChorusGovernor', name, args)
const proposed = await vote(0, 'propose', [...proposal, 'four at least'])
await later(5)
let voted = 0
for (let i = 0; i < 5; i++) voted += await vote(i, 'castVote', [number, 1])
await later(61)
const queued = await vote(0, 'queue', described)
await later(86400)
const executed = await vote(0, 'execute', described)
row('vote: propose', proposed)
row('vote: each vote', Math.round(voted / 5))
row('vote: queue', queued)
row('vote: execute', executed)
row('vote: a cycle with five votes', proposed + voted + queued + executed)

// --- the table --------------------------------------------------------------------------------------

const figure = gas => String(gas).replace(/\B(?=(\d{3})+$)/g, ',')
const cells = line => line.split('|').map(cell => cell.trim())
// Rows of the same names, with figures that are near.
function near(old) {
  const stood = old.split('\n').slice(2).map(cells)
  return stood.length === rows.length && rows.every(([what, gas], i) =>
    stood[i][1] === what && Math.abs(stood[i][2].replaceAll(',', '') - gas) <= tolerance * gas)
}
place(page, 'gas', ['| what | gas | for each participant |', '|---|--:|--:|',
  ...rows.map(([what, gas, each]) => `| ${what} | ${figure(gas)} | ${each && figure(each)} |`)
].join('\n'), write, near)
chain.destroy()
process.exit()
