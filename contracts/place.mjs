// SPDX-License-Identifier: Apache-2.0
// Tables that programs make, between two lines of a page that name them.
import { readFileSync, writeFileSync } from 'node:fs'

// Writes the table (write: '--write'), or checks that `same` takes the one that stands there for it;
// if not, says so and makes the program fail.
export function place(page, name, table, write, same = old => old === table) {
  const text = readFileSync(page, 'utf8')
  const start = `<!-- ${name}: made by ./dev gas, not by hand -->\n`
  const from = text.indexOf(start) + start.length
  const to = text.indexOf(`\n<!-- /${name} -->`, from - 1)
  if (from < start.length || to < 0) throw new Error(`${page} has no place for the table '${name}'`)
  if (write === '--write') {
    writeFileSync(page, text.slice(0, from) + table + text.slice(to))
  } else if (!same(text.slice(from, to))) {
    console.error(`${page}: the table '${name}' is not true any more: ./dev gas, and look at the change`)
    console.error(table)
    process.exitCode = 1
  }
}
