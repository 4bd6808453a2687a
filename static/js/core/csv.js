// SPDX-License-Identifier: Apache-2.0
// CSV (RFC 4180) as people have it: commas, semicolons or tabs, quoted cells, with or without a byte order
// mark. Of a large file only the first part is read; nothing of it leaves the browser.

const sliceBytes = 4 << 20

// The separator that cuts the first line into the most cells.
function separatorOf (text) {
  const line = text.slice(0, text.search(/[\r\n]/) + 1 || undefined)
  const count = mark => line.split(mark).length
  return [',', ';', '\t'].sort((a, b) => count(b) - count(a))[0]
}

// {rows: cells of each line, separator}. `cut`: the last line may be half a line and is left out.
export function parseCsv (text, cut = false) {
  if (text.charCodeAt(0) === 0xfeff) text = text.slice(1)
  const separator = separatorOf(text)
  const rows = []
  let row = []
  let cell = ''
  let quoted = false
  const endCell = () => { row.push(cell); cell = '' }
  const endRow = () => { endCell(); if (row.length > 1 || row[0] !== '') rows.push(row); row = [] }
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (quoted) {
      if (c !== '"') cell += c
      else if (text[i + 1] === '"') { cell += '"'; i++ } else quoted = false
    } else if (c === '"' && cell === '') quoted = true
    else if (c === separator) endCell()
    else if (c === '\n' || c === '\r') { if (c === '\r' && text[i + 1] === '\n') i++; endRow() } else cell += c
  }
  if (!cut && (cell !== '' || row.length)) endRow()
  return { rows, separator }
}

// {rows, whole, separator} of a File: its first part, and whether that is all.
export async function readStart (file) {
  const whole = file.size <= sliceBytes
  const text = new TextDecoder().decode(await file.slice(0, sliceBytes).arrayBuffer())
  return { ...parseCsv(text, !whole), whole }
}

// ---- what the columns are ----

const numeric = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
const manyValues = 50
const missingMarks = ['', '?', 'NA', 'N/A', 'na', 'n/a', 'NaN', 'nan', 'null', 'NULL', '-']

// 1, 2, 2.5 or 5 times a power of ten, at or beyond |x|: says little about anybody's row.
function roundUp (x) {
  if (x === 0) return 0
  const size = Math.abs(x)
  const ten = 10 ** Math.floor(Math.log10(size))
  const step = [1, 2, 2.5, 5, 10].find(s => s * ten >= size * (1 - 1e-12)) * ten
  return x < 0 ? -step : step
}

export const decimal = x => {
  const text = Number(x.toPrecision(4)).toFixed(12).replace(/\.?0+$/, '')
  return text === '-0' || text === '' ? '0' : text
}

function boundsOf (values) {
  let least = Infinity
  let greatest = -Infinity
  for (const v of values) { if (v < least) least = v; if (v > greatest) greatest = v }
  const from = least >= 0 ? 0 : roundUp(least)
  const to = greatest <= 0 ? 0 : roundUp(greatest)
  return { minimum: decimal(from), maximum: decimal(to > from ? to : from + 1) }
}

// A column of the description: numeric with round bounds, or categorical with its values.
function columnOf (name, cells, missing) {
  const held = cells.filter(cell => cell !== missing)
  const distinct = [...new Set(held)]
  if (held.length && held.every(cell => numeric.test(cell)) && !(distinct.length <= 2 && distinct.every(v => v === '0' || v === '1'))) {
    return { name, type: 'numeric', ...boundsOf(held.map(Number)) }
  }
  return { name, type: 'categorical', values: distinct.sort(new Intl.Collator('en', { numeric: true }).compare) }
}

// {columns, missing, skipped: names of columns that tell everybody apart, rows}
export function inferColumns (rows) {
  const [head, ...body] = rows
  const lines = body.filter(row => row.length === head.length)
  const marks = missingMarks.filter(mark => lines.some(row => row.includes(mark)))
  const missing = marks.length ? marks.sort((a, b) => lines.filter(r => r.includes(b)).length - lines.filter(r => r.includes(a)).length)[0] : undefined
  const columns = head.map((name, i) => columnOf(name.trim(), lines.map(row => row[i].trim()), missing))
  const useless = columns.filter(c => c.type === 'categorical' && (c.values.length > manyValues || c.values.length < 2))
  return { columns: columns.filter(c => c.name && !useless.includes(c)), missing, skipped: useless.map(c => c.name), rows: lines.length }
}
