// SPDX-License-Identifier: Apache-2.0
// A QR code (ISO/IEC 18004) drawn here, so that a secret never leaves this page: bytes, error correction M.
import { html, useMemo } from '../core/view.js'

// By version from 1: check bytes of a block, blocks.
const checkBytes = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26]
const blockCounts = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16]

// ---- GF(256) with x^8+x^4+x^3+x^2+1, Reed-Solomon ----

const power = new Uint8Array(255)
const logarithm = new Uint8Array(256)
for (let i = 0, x = 1; i < 255; i++) {
  power[i] = x
  logarithm[x] = i
  x = (x << 1) ^ (x & 128 ? 0x11d : 0)
}
const times = (a, b) => a && b ? power[(logarithm[a] + logarithm[b]) % 255] : 0

function generator (degree) {
  const g = new Uint8Array(degree)
  g[degree - 1] = 1
  for (let i = 0; i < degree; i++) {
    for (let j = 0; j < degree; j++) g[j] = times(g[j], power[i]) ^ (g[j + 1] ?? 0)
  }
  return g
}

function remainder (data, g) {
  const rest = new Uint8Array(g.length)
  for (const byte of data) {
    const factor = byte ^ rest[0]
    rest.copyWithin(0, 1)
    rest[rest.length - 1] = 0
    for (const [i, coefficient] of g.entries()) rest[i] ^= times(coefficient, factor)
  }
  return rest
}

// ---- codewords ----

function capacity (version) {
  let modules = (16 * version + 128) * version + 64
  if (version >= 2) {
    const n = Math.floor(version / 7) + 2
    modules -= (25 * n - 10) * n - 55 + (version >= 7 ? 36 : 0)
  }
  return Math.floor(modules / 8)
}

const dataBytes = version => capacity(version) - checkBytes[version - 1] * blockCounts[version - 1]

function packed (bytes, version) {
  const bits = []
  const put = (value, count) => { for (let i = count - 1; i >= 0; i--) bits.push((value >> i) & 1) }
  put(4, 4)
  put(bytes.length, version < 10 ? 8 : 16)
  for (const byte of bytes) put(byte, 8)
  const room = dataBytes(version) * 8
  put(0, Math.min(4, room - bits.length))
  put(0, -bits.length & 7)
  for (let pad = 0xec; bits.length < room; pad ^= 0xec ^ 0x11) put(pad, 8)
  return Uint8Array.from({ length: room / 8 }, (_, i) => bits.slice(8 * i, 8 * i + 8).reduce((sum, bit) => 2 * sum + bit, 0))
}

function interleaved (data, version) {
  const [count, check] = [blockCounts[version - 1], checkBytes[version - 1]]
  const g = generator(check)
  const small = count - capacity(version) % count
  const size = Math.floor(capacity(version) / count) - check
  const blocks = []
  for (let i = 0, at = 0; i < count; i++) {
    const part = data.slice(at, at += size + (i < small ? 0 : 1))
    blocks.push([part, remainder(part, g)])
  }
  const out = []
  for (let i = 0; i <= size; i++) for (const [part] of blocks) if (i < part.length) out.push(part[i])
  for (let i = 0; i < check; i++) for (const [, rest] of blocks) out.push(rest[i])
  return out
}

// ---- the field of modules ----

function alignment (version, size) {
  if (version === 1) return []
  const n = Math.floor(version / 7) + 2
  const step = Math.floor((version * 8 + n * 3 + 5) / (n * 4 - 4)) * 2
  const at = [6]
  for (let i = n - 2, p = size - 7; i >= 0; i--, p -= step) at.splice(1, 0, p)
  return at
}

function field (version) {
  const size = 17 + 4 * version
  const dark = Array.from({ length: size }, () => new Uint8Array(size))
  const fixed = Array.from({ length: size }, () => new Uint8Array(size))
  const set = (x, y, on) => { dark[y][x] = on ? 1 : 0; fixed[y][x] = 1 }
  const inside = p => p >= 0 && p < size
  for (let i = 0; i < size; i++) { set(6, i, i % 2 === 0); set(i, 6, i % 2 === 0) }
  for (const [cx, cy] of [[3, 3], [size - 4, 3], [3, size - 4]]) {
    for (let y = -4; y <= 4; y++) for (let x = -4; x <= 4; x++) {
      const ring = Math.max(Math.abs(x), Math.abs(y))
      if (inside(cx + x) && inside(cy + y)) set(cx + x, cy + y, ring !== 2 && ring !== 4)
    }
  }
  const at = alignment(version, size)
  const last = at.length - 1
  for (const [i, cx] of at.entries()) for (const [j, cy] of at.entries()) {
    if ((i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0)) continue
    for (let y = -2; y <= 2; y++) for (let x = -2; x <= 2; x++) set(cx + x, cy + y, Math.max(Math.abs(x), Math.abs(y)) !== 1)
  }
  return { size, dark, fixed, set }
}

function putFormat ({ size, set }, mask) {
  let rest = mask // M is 00
  for (let i = 0; i < 10; i++) rest = (rest << 1) ^ ((rest >> 9) * 0x537)
  const bits = ((mask << 10) | rest) ^ 0x5412
  const bit = i => (bits >> i) & 1
  for (let i = 0; i < 6; i++) set(8, i, bit(i))
  set(8, 7, bit(6)); set(8, 8, bit(7)); set(7, 8, bit(8))
  for (let i = 9; i < 15; i++) set(14 - i, 8, bit(i))
  for (let i = 0; i < 8; i++) set(size - 1 - i, 8, bit(i))
  for (let i = 8; i < 15; i++) set(8, size - 15 + i, bit(i))
  set(8, size - 8, 1)
}

function putVersion ({ size, set }, version) {
  if (version < 7) return
  let rest = version
  for (let i = 0; i < 12; i++) rest = (rest << 1) ^ ((rest >> 11) * 0x1f25)
  const bits = (version << 12) | rest
  for (let i = 0; i < 18; i++) {
    const [a, b] = [size - 11 + i % 3, Math.floor(i / 3)]
    set(a, b, (bits >> i) & 1)
    set(b, a, (bits >> i) & 1)
  }
}

function putData ({ size, dark, fixed }, codewords) {
  let i = 0
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5
    for (let step = 0; step < size; step++) {
      for (const x of [right, right - 1]) {
        const y = ((right + 1) & 2) === 0 ? size - 1 - step : step
        if (fixed[y][x] || i >= codewords.length * 8) continue
        dark[y][x] = (codewords[i >> 3] >> (7 - (i & 7))) & 1
        i++
      }
    }
  }
}

const masks = [
  (x, y) => (x + y) % 2, (x, y) => y % 2, x => x % 3, (x, y) => (x + y) % 3,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2, (x, y) => x * y % 2 + x * y % 3,
  (x, y) => (x * y % 2 + x * y % 3) % 2, (x, y) => ((x + y) % 2 + x * y % 3) % 2
]

function putMask ({ size, dark, fixed }, mask) {
  for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) if (!fixed[y][x] && masks[mask](x, y) === 0) dark[y][x] ^= 1
}

// How hard it is to read, by the rules of the standard.
function penalty ({ size, dark }) {
  let sum = 0
  const lines = [...dark.map(row => [...row]), ...Array.from({ length: size }, (_, x) => dark.map(row => row[x]))].map(line => line.join(''))
  for (const line of lines) {
    for (const run of line.match(/0{5,}|1{5,}/g) ?? []) sum += run.length - 2
    for (let i = 0; i + 11 <= size; i++) if (['10111010000', '00001011101'].includes(line.slice(i, i + 11))) sum += 40
  }
  for (let y = 1; y < size; y++) for (let x = 1; x < size; x++) {
    if (dark[y][x] === dark[y - 1][x] && dark[y][x] === dark[y][x - 1] && dark[y][x] === dark[y - 1][x - 1]) sum += 3
  }
  const share = dark.flatMap(row => [...row]).reduce((a, b) => a + b, 0) / size / size
  return sum + 10 * Math.floor(Math.abs(share - 0.5) * 20)
}

// Rows of 0 and 1.
export function qr (text) {
  const bytes = new TextEncoder().encode(text)
  const version = checkBytes.findIndex((_, i) => bytes.length + (i < 9 ? 2 : 3) <= dataBytes(i + 1)) + 1
  if (!version) throw new RangeError('too long for a QR code')
  const codewords = interleaved(packed(bytes, version), version)
  let best
  for (let mask = 0; mask < 8; mask++) {
    const made = field(version)
    putVersion(made, version)
    putFormat(made, mask)
    putData(made, codewords)
    putMask(made, mask)
    const hard = penalty(made)
    if (!best || hard < best.hard) best = { hard, dark: made.dark }
  }
  return best.dark
}

export function QrCode ({ text, label }) {
  const rows = useMemo(() => qr(text), [text])
  const side = rows.length + 8
  const path = rows.flatMap((row, y) => [...row].map((on, x) => on ? `M${x + 4} ${y + 4}h1v1h-1z` : '')).join('')
  return html`<svg class="qr" viewBox=${`0 0 ${side} ${side}`} role="img" aria-label=${label} shape-rendering="crispEdges">
    <rect width=${side} height=${side} fill="#fff" /><path d=${path} fill="#000" /></svg>`
}
