#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The compiler as forge wants it: a program that answers --version and turns standard JSON
// into standard JSON. The work is done by solc-js, which comes as a package like the rest;
// forge puts every source into its input, so that the folders it allows need no attention.
import { readFileSync } from 'node:fs'
import solc from 'solc'

const known = new Set(['--standard-json', '--allow-paths', '--base-path', '--include-path'])
const words = process.argv.slice(2)
if (words.includes('--version')) {
  console.log(`solc, the solidity compiler\nVersion: ${solc.version()}`)
} else if (words.includes('--standard-json') && words.every(w => !w.startsWith('--') || known.has(w))) {
  process.stdout.write(solc.compile(readFileSync(0, 'utf8')))
} else {
  console.error('solc.mjs takes --version or --standard-json, and standard JSON on its input')
  process.exit(1)
}
