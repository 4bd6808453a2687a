#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Prints tests/vectors/chain.json: what ethers and OpenZeppelin's merkle-tree make of the keys and
// values below. The C library and forge's tests must agree with it (tests/vectors/README.md).
//   node contracts/vectors.mjs build/contracts > tests/vectors/chain.json
import { readFileSync, readdirSync } from 'node:fs'
import { hkdfSync } from 'node:crypto'
import { join } from 'node:path'
import { SimpleMerkleTree, StandardMerkleTree } from '@openzeppelin/merkle-tree'
import {
  AbiCoder, Interface, SigningKey, TypedDataEncoder, ZeroAddress, ZeroHash, computeAddress, concat, getBytes,
  getCreateAddress, hexlify, id, keccak256
} from 'ethers'

const folder = process.argv[2]
const names = readdirSync(folder).map(file => file.replace('.json', ''))
const abi = Object.fromEntries(names.map(name =>
  [name, new Interface(JSON.parse(readFileSync(join(folder, `${name}.json`))).abi)]))
const coder = AbiCoder.defaultAbiCoder()
const text = value => value.toString()
const call = (contract, name, values) => abi[contract].encodeFunctionData(name, values)

const max32 = 2n ** 32n - 1n
const max64 = 2n ** 64n - 1n
const max256 = 2n ** 256n - 1n
const key = name => id(`chorus test key: ${name}`)
const account = i => computeAddress(key(`account ${i}`))
const organisation = i => id(`organisation ${i}`).slice(0, 34)

// --- who --------------------------------------------------------------------------------------------

// The first output is a key here; that it is not happens once in 2^128 times.
function attestor(seed) {
  const info = Buffer.from('chorus/v1/attestor\0')
  const made = hexlify(new Uint8Array(hkdfSync('sha256', getBytes(seed), '', info, 32)))
  return { seed, key: made, address: computeAddress(made) }
}
const attestors = ['first', 'second'].map(name => attestor(id(`chorus test seed: ${name}`)))
const signer = attestors[0]
const deployer = computeAddress(key('deployer'))
const relayer = computeAddress(key('relayer'))
const guardian = computeAddress(key('guardian'))

// --- the five contracts, from the deployer's nonces 7 to 11 ----------------------------------------

const nonce = 7
const chainId = 31337
const [timelock, registry, vault, voice, governor] =
  [0, 1, 2, 3, 4].map(i => getCreateAddress({ from: deployer, nonce: nonce + i }))
const made = [
  ['TimelockController', timelock, [86400, [governor], [ZeroAddress], ZeroAddress]],
  ['ChorusRegistry', registry, [timelock, relayer, signer.address, guardian, 3600, vault, voice, governor]],
  ['ChorusVault', vault, [registry]],
  ['ChorusVoice', voice, [registry]],
  ['ChorusGovernor', governor, [voice, timelock, 60, 7200, 2n * 10n ** 18n]]
]

// --- leaves and trees ---------------------------------------------------------------------------------

const tagged = (tag, types, values) => keccak256(keccak256(coder.encode(
  ['bytes32', 'bytes32', 'uint64', 'uint64', ...types], [id(tag), ...values])))
const payLeaf = (model, round, index, payees) => tagged('chorus/v1/pay', ['address[]', 'uint256[]'],
  [id(model), round, index, payees.map(p => p.account), payees.map(p => p.amount)])
const voiceLeaf = (model, round, index, voters) => tagged('chorus/v1/voice', ['bytes16[]', 'address[]'],
  [id(model), round, index, voters.map(v => v.organisation), voters.map(v => v.account)])
const payees = (from, amounts) => amounts.map((amount, i) => ({ account: account(from + i), amount: text(amount) }))
const voters = (from, n) =>
  Array.from({ length: n }, (_, i) => ({ organisation: organisation(from + i), account: account(from + i) }))

function claimTree(n) {
  const values = Array.from({ length: n }, (_, i) => [account(i), text(10n ** 15n * BigInt(i + 1))])
  const tree = StandardMerkleTree.of(values, ['address', 'uint256'])
  return {
    root: tree.root,
    leaves: values.map(([account, cumulative], i) =>
      ({ account, cumulative, leaf: tree.leafHash(values[i]), proof: tree.getProof(i) }))
  }
}

// --- one round, whose calls the contracts take in this order -----------------------------------------

const batches = {
  pay: [payees(0, [10n ** 17n, 2n * 10n ** 17n, 1n]), payees(3, [3n * 10n ** 17n])],
  voice: [voters(0, 3)]
}
const round = 1
const leaves = {
  pay: batches.pay.map((list, index) => payLeaf('iris', round, index, list)),
  voice: batches.voice.map((list, index) => voiceLeaf('iris', round, index, list))
}
const payouts = SimpleMerkleTree.of([...leaves.pay, ...leaves.voice])
const claims = claimTree(3)

const types = {
  Registration: [['bytes32', 'model'], ['bytes32', 'spec'], ['address', 'currency'], ['uint32', 'minimum'],
    ['uint32', 'maximumRounds'], ['uint64', 'privacyBudget'], ['uint256', 'rewardCap']],
  Roster: [['bytes32', 'model'], ['uint64', 'round'], ['uint64', 'attempt'], ['bytes32', 'hash'], ['uint32', 'count']],
  Survivors: [['bytes32', 'model'], ['uint64', 'round'], ['uint64', 'attempt'], ['bytes32', 'hash'],
    ['uint32', 'count'], ['bytes32', 'spec'], ['uint256', 'budget'], ['uint64', 'privacy']],
  Result: [['bytes32', 'model'], ['uint64', 'round'], ['uint64', 'attempt'], ['bytes32', 'hash'],
    ['uint256', 'reward'], ['bytes32', 'payouts'], ['bytes32', 'claims'], ['uint64', 'logSize'], ['bytes32', 'logRoot']]
}
const functions = { Registration: 'register', Roster: 'anchorRoster', Survivors: 'anchorSurvivors', Result: 'anchorResult' }

function anchor(type, slug, values) {
  const fields = types[type].map(([type, name]) => ({ type, name }))
  const domain = { name: 'Chorus', version: '1', chainId, verifyingContract: registry }
  const message = { model: id(slug), ...values }
  const digest = TypedDataEncoder.hash(domain, { [type]: fields }, message)
  const signature = new SigningKey(signer.key).sign(digest).serialized
  const words = fields.map(f => message[f.name])
  const args = type === 'Registration' ? [...words.slice(0, 3), words.slice(3), signature] : [...words, signature]
  return {
    type,
    model: slug,
    values: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, text(value)])),
    digest,
    signature,
    call: call('ChorusRegistry', functions[type], args)
  }
}
const spec = id('spec of iris')
const anchors = [
  anchor('Registration', 'iris',
    { spec, currency: ZeroAddress, minimum: 3, maximumRounds: 10, privacyBudget: 5000000, rewardCap: 10n ** 18n }),
  anchor('Roster', 'iris', { round, attempt: 2, hash: id('roster'), count: 4 }),
  anchor('Survivors', 'iris', { round, attempt: 2, hash: id('survivors'), count: 3, spec, budget: 10n ** 18n, privacy: 1 }),
  anchor('Result', 'iris', { round, attempt: 2, hash: id('result'), reward: 7n * 10n ** 17n, payouts: payouts.root,
    claims: claims.root, logSize: 40, logRoot: id('log') })
]
// The widest values that each place can hold; the contracts need not take these.
const widest = [
  anchor('Registration', 'digits', { spec, currency: account(9), minimum: max32, maximumRounds: max32,
    privacyBudget: max64, rewardCap: max256 }),
  anchor('Roster', 'digits', { round: max64, attempt: max64, hash: id('roster'), count: max32 }),
  anchor('Survivors', 'digits', { round: max64, attempt: max64, hash: id('survivors'), count: max32, spec,
    budget: max256, privacy: max64 }),
  anchor('Result', 'digits', { round: max64, attempt: max64, hash: id('result'), reward: max256, payouts: ZeroHash,
    claims: ZeroHash, logSize: max64, logRoot: id('log') })
]

const batchCalls = [
  ...batches.pay.map((list, index) => ({ kind: 'pay', model: 'iris', round, index, payees: list,
    leaf: leaves.pay[index], proof: payouts.getProof(leaves.pay[index]),
    call: call('ChorusVault', 'payBatch', [id('iris'), round, index, list.map(p => p.account),
      list.map(p => p.amount), payouts.getProof(leaves.pay[index])]) })),
  ...batches.voice.map((list, index) => ({ kind: 'voice', model: 'iris', round, index, voters: list,
    leaf: leaves.voice[index], proof: payouts.getProof(leaves.voice[index]),
    call: call('ChorusVoice', 'mint', [id('iris'), round, index, list.map(v => v.organisation),
      list.map(v => v.account), payouts.getProof(leaves.voice[index])]) })),
  ...claims.leaves.map(c => ({ kind: 'claim', model: 'iris', round, ...c,
    call: call('ChorusVault', 'claim', [id('iris'), round, c.account, c.cumulative, c.proof]) }))
]

// A vote for another policy, and what people send to the vault.
const policy = call('ChorusRegistry', 'setPolicy', [id('iris'), [4, 10, 5000000, 10n ** 18n]])
const proposal = [[registry], [0], [policy]]
const described = [...proposal, id('four at least')]
const proposalId = keccak256(coder.encode(['address[]', 'uint256[]', 'bytes[]', 'bytes32'], described))
const otherCalls = {
  deposit: call('ChorusVault', 'deposit', [id('iris'), 10n ** 18n]),
  withdraw: call('ChorusVault', 'withdraw', [ZeroAddress]),
  setPolicy: policy,
  setSpec: call('ChorusRegistry', 'setSpec', [id('iris'), id('another spec')]),
  propose: call('ChorusGovernor', 'propose', [...proposal, 'four at least']),
  castVote: call('ChorusGovernor', 'castVote', [proposalId, 1]),
  queue: call('ChorusGovernor', 'queue', described),
  execute: call('ChorusGovernor', 'execute', described)
}

// --- every error of every contract, with numbers in it ----------------------------------------------

function argument(type, i) {
  if (type === 'address') return account(i)
  if (type === 'bool') return true
  const [, kind, size] = /^(u?int|bytes)([0-9]+)$/.exec(type)
  return kind === 'bytes' ? id(`argument ${i}`).slice(0, 2 + 2 * size) : BigInt(4 + i) * (size > 64 ? 10n ** 18n : 1n)
}
const errors = new Map()
for (const contract of names.filter(name => name !== 'TestToken').map(name => abi[name])) {
  contract.forEachError(error => {
    if (error.inputs.some(input => input.type === 'string' || input.type === 'bytes')) return
    const values = error.inputs.map((input, i) => argument(input.type, i))
    // Words of bytes are shown whole, as the chain holds them.
    const shown = values.map((value, i) => error.inputs[i].type.startsWith('bytes') || value === true
      ? coder.encode([error.inputs[i].type], [value]) : text(value))
    errors.set(error.format(), { signature: error.format(), data: contract.encodeErrorResult(error, values),
      text: `${error.name}(${shown.join(', ')})` })
  })
}
const reverts = [
  ...[...errors.values()].sort((a, b) => (a.signature < b.signature ? -1 : 1)),
  { signature: 'Error(string)', data: concat([id('Error(string)').slice(0, 10), coder.encode(['string'], ['not today'])]),
    text: 'not today' }
]

const out = {
  model: ['iris', 'digits', 'a'].map(slug => ({ slug, id: id(slug) })),
  address: [0, 1, 2, 3].map(i => ({ key: key(`account ${i}`), address: account(i) })),
  attestor: attestors,
  deploy: {
    chain_id: chainId, deployer, nonce, relayer, guardian,
    contracts: made.map(([name, address, args]) => ({ name, address, arguments: abi[name].encodeDeploy(args) }))
  },
  anchor: anchors,
  widest,
  payouts: payouts.root,
  batch: batchCalls,
  call: { ...otherCalls, proposalId },
  tree: [1, 2, 3, 4, 5, 6, 7].map(claimTree),
  revert: reverts
}
console.log(JSON.stringify(out, null, 1))
