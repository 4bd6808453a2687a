#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Compiles the contracts: node build.mjs FOLDER writes FOLDER/NAME.json with {abi, bytecode, storage}
// for each of them, and for the token that tests and trials use.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import solc from 'solc'

const here = dirname(fileURLToPath(import.meta.url))

// As in foundry.toml. Without a hash of the sources the same code gives the same bytes anywhere.
export const settings = {
  optimizer: { enabled: true, runs: 1000 },
  evmVersion: 'cancun',
  metadata: { bytecodeHash: 'none', appendCBOR: false }
}

const names = {
  'src/ChorusRegistry.sol': 'ChorusRegistry',
  'src/ChorusVault.sol': 'ChorusVault',
  'src/ChorusVoice.sol': 'ChorusVoice',
  'src/ChorusGovernor.sol': 'ChorusGovernor',
  '@openzeppelin/contracts/governance/TimelockController.sol': 'TimelockController',
  'test/TestToken.sol': 'TestToken'
}

function read(path) {
  const file = join(here, path.startsWith('@') ? 'node_modules' : '.', path)
  return existsSync(file) ? { contents: readFileSync(file, 'utf8') } : { error: `no file ${file}` }
}

// Gives {file: {contract: output}} for the files asked for. A warning about our own code is an
// error too.
export function compile(files, outputs) {
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries(files.map(f => [f, { content: read(f).contents }])),
    settings: { ...settings, outputSelection: { '*': { '*': outputs } } }
  }
  const out = JSON.parse(solc.compile(JSON.stringify(input), { import: read }))
  const said = (out.errors ?? []).filter(
    e => e.severity === 'error' || !e.sourceLocation?.file.startsWith('@')
  )
  if (said.length) throw new Error(said.map(e => e.formattedMessage).join('\n'))
  return out.contracts
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2]
  if (!folder) {
    console.error('usage: node build.mjs FOLDER')
    process.exit(2)
  }
  const files = Object.keys(names)
  const contracts = compile(files, ['abi', 'evm.bytecode.object', 'storageLayout'])
  mkdirSync(folder, { recursive: true })
  for (const file of files) {
    const { abi, evm, storageLayout: storage } = contracts[file][names[file]]
    const path = join(folder, `${names[file]}.json`)
    const artifact = { abi, bytecode: `0x${evm.bytecode.object}`, storage }
    writeFileSync(`${path}.new`, JSON.stringify(artifact) + '\n')
    renameSync(`${path}.new`, path)
  }
}
