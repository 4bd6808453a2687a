// SPDX-License-Identifier: Apache-2.0
// A story's beginning on a private chain, through ethers: the contracts, a model, three rounds'
// worth of results. Run in contracts/:
//   node deploy.mjs URL ARTIFACTS FOLDER  writes keystores into FOLDER and prints what there is
import { createRequire } from 'node:module'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const require = createRequire(process.cwd() + '/')
const ethers = require('ethers')
const { StandardMerkleTree } = require('@openzeppelin/merkle-tree')

const [url, artifacts, folder] = process.argv.slice(2)
const passphrase = 'a passphrase'
const model = 'toy'
const id = ethers.id(model)
const spec = ethers.id('a description')
const ether = ethers.ZeroAddress
const provider = new ethers.JsonRpcProvider(url, undefined, { cacheTimeout: -1 })
provider.pollingInterval = 50
const key = () => ethers.Wallet.createRandom(provider)
const [deployer, relayer, attestor, guardian, payer] = [key(), key(), key(), key(), key()]
const members = [key(), key(), key()]
for (const who of [deployer, relayer, payer, ...members]) {
  await provider.send('anvil_setBalance', [who.address, ethers.toQuantity(ethers.parseEther('100'))])
}

// --- the five contracts ---------------------------------------------------------------------------------

const [timelock, registry, vault, voice, governor] =
  [0, 1, 2, 3, 4].map(nonce => ethers.getCreateAddress({ from: deployer.address, nonce }))
async function create(name, values) {
  const { abi, bytecode } = JSON.parse(readFileSync(join(artifacts, `${name}.json`)))
  const made = await new ethers.ContractFactory(abi, bytecode, deployer).deploy(...values)
  return made.waitForDeployment()
}
const delay = 30
await create('TimelockController', [60, [governor], [ethers.ZeroAddress], ethers.ZeroAddress])
const rules = await create('ChorusRegistry', [
  timelock, relayer.address, attestor.address, guardian.address, delay, vault, voice, governor
])
const purse = await create('ChorusVault', [registry])
const voices = await create('ChorusVoice', [registry])
await create('ChorusGovernor', [voice, timelock, 10, 600, 10n ** 18n])

// --- what the coordinator attests -----------------------------------------------------------------------

const { chainId } = await provider.getNetwork()
const domain = { name: 'Chorus', version: '1', chainId, verifyingContract: registry }
const types = {
  Registration: 'bytes32 model,bytes32 spec,address currency,uint32 minimum,uint32 maximumRounds,' +
    'uint64 privacyBudget,uint256 rewardCap',
  Survivors: 'bytes32 model,uint64 round,uint64 attempt,bytes32 hash,uint32 count,bytes32 spec,' +
    'uint256 budget,uint64 privacy',
  Result: 'bytes32 model,uint64 round,uint64 attempt,bytes32 hash,uint256 reward,bytes32 payouts,' +
    'bytes32 claims,uint64 logSize,bytes32 logRoot'
}
function attest(name, values) {
  const fields = types[name].split(',').map(field => field.split(' '))
    .map(([type, called]) => ({ type, name: called }))
  const message = Object.fromEntries(fields.map((field, i) => [field.name, values[i]]))
  return attestor.signTypedData(domain, { [name]: fields }, message)
}
const sent = async tx => (await tx).wait()
const asRelayer = rules.connect(relayer)

const policy = [5, 100, 0, ethers.parseEther('1')]
await sent(asRelayer.register(id, spec, ether, policy, await attest('Registration', [id, spec, ether, ...policy])))

// --- results with claims and votes ----------------------------------------------------------------------

const coder = ethers.AbiCoder.defaultAbiCoder()
const organisation = i => ethers.id(`organisation ${i}`).slice(0, 34)
function voiceLeaf(round) {
  const who = members.map((m, i) => [organisation(i), m.address]).sort()
  const values = [who.map(w => w[0]), who.map(w => w[1])]
  const encoded = coder.encode(['bytes32', 'bytes32', 'uint64', 'uint64', 'bytes16[]', 'address[]'],
    [ethers.id('chorus/v1/voice'), id, round, 0, ...values])
  return { leaf: ethers.keccak256(ethers.keccak256(encoded)), values }
}

const claims = []
for (let round = 1; round <= 2; round++) {
  const hash = name => ethers.id(`${name} of round ${round}`)
  const budget = ethers.parseEther('0.3')
  const tree = StandardMerkleTree.of(
    members.map((m, i) => [m.address, BigInt(round) * BigInt(i + 1) * ethers.parseEther('0.05')]),
    ['address', 'uint256'])
  const minted = voiceLeaf(round)
  const survivors = [id, round, 1, hash('survivors'), 5, spec, budget, 0]
  const result = [id, round, 1, hash('result'), budget, minted.leaf, tree.root, 10 * round, hash('log')]
  await sent(asRelayer.anchorSurvivors(...survivors, await attest('Survivors', survivors)))
  await sent(asRelayer.anchorResult(...result, await attest('Result', result)))
  claims.push(Object.fromEntries([...tree.entries()].map(([i, [account, cumulative]]) =>
    [account, { model, round, account, cumulative: cumulative.toString(), claimed: '0',
      proof: tree.getProof(i) }])))
  if (round === 2) {
    await provider.send('evm_increaseTime', [delay + 1])
    await provider.send('anvil_mine', ['0x1'])
    await sent(voices.mint(id, 1, 0, ...voiceLeaf(1).values, []))
  }
}
await sent(purse.deposit(id, ethers.parseEther('1'), { value: ethers.parseEther('1') }))

// --- keys, as other programs keep them ------------------------------------------------------------------

async function keystore(name, wallet) {
  const path = join(folder, `${name}.json`)
  writeFileSync(path, ethers.encryptKeystoreJsonSync(
    { address: wallet.address, privateKey: wallet.privateKey }, passphrase, { scrypt: { N: 1024, r: 8, p: 1 } }))
  return { address: wallet.address, keystore: path }
}
console.log(JSON.stringify({
  registry, vault, voice, governor, timelock, spec, passphrase, delay, claims,
  reading: rules.interface.encodeFunctionData('models', [id]),
  payer: await keystore('payer', payer),
  members: await Promise.all(members.map((m, i) => keystore(`member-${i}`, m)))
}))
process.exit(0)
