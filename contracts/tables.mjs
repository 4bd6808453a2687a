#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// For whoever writes an indexer: the events of our contracts and where they keep what.
//   node contracts/tables.mjs build/contracts docs/chain.md [--write]     checks, or writes
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Interface } from 'ethers'
import { place } from './place.mjs'

const [folder, page, write] = process.argv.slice(2)
const names = ['ChorusRegistry', 'ChorusVault', 'ChorusVoice']
const made = names.map(name => JSON.parse(readFileSync(join(folder, `${name}.json`))))

// Not those that never happen: the domain is fixed, and nobody approves a transfer.
const events = made.flatMap(({ abi }, i) => new Interface(abi).fragments
  .filter(f => f.type === 'event' && !['EIP712DomainChanged', 'Approval'].includes(f.name))
  .map(f => `| ${names[i]} | \`${f.format('full').replace(/^event /, '')}\` |`))
place(page, 'events', ['| contract | event |', '|---|---|', ...events].join('\n'), write)

// A contract's variables, and then the members of its structs, at slots from where each begins.
function rows(name, { storage, types }) {
  const row = (where, v) =>
    `| ${where} | ${v.slot} | ${v.offset} | ${v.label} | \`${types[v.type].label}\` |`
  const structs = Object.values(types).filter(type => type.members)
  return [
    ...storage.map(v => row(name, v)),
    ...structs.flatMap(type => type.members.map(v => row(type.label.replace('struct ', ''), v)))
  ]
}
place(page, 'storage', ['| in | slot | byte | name | type |', '|---|--:|--:|---|---|',
  ...made.flatMap(({ storage }, i) => rows(names[i], storage))].join('\n'), write)
