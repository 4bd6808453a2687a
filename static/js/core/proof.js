// SPDX-License-Identifier: Apache-2.0
// What proves that an entry belongs to the log, recomputed here: docs/protocol.md sections 1.3, 1.5, 2
// and 11.1. Nothing that a server says is taken as true; it only hands over what is checked.
import { hex, join, same, unbase64, unhex, utf8 } from './bytes.js'
import { sha256, signed, signedHex } from './crypto.js'
import { ofParticipants } from './events.js'

// ---- events ----

const mostDepth = 8
const mostBytes = 65535

function plain (value, depth) {
  if (depth > mostDepth) throw new TypeError('too deep')
  if (value === null || typeof value === 'boolean') return JSON.stringify(value)
  if (typeof value === 'string') {
    if (!/^[ -~]*$/.test(value)) throw new TypeError('a character that events do not have')
    return JSON.stringify(value)
  }
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw new TypeError('not an integer')
    return String(value)
  }
  if (Array.isArray(value)) return `[${value.map(v => plain(v, depth + 1)).join(',')}]`
  return `{${Object.keys(value).sort().map(k => `${plain(k, depth)}:${plain(value[k], depth + 1)}`).join(',')}}`
}

// The one way to write an event; throws when it is none.
export function canonical (event) {
  if (event === null || typeof event !== 'object' || Array.isArray(event)) throw new TypeError('not an object')
  const text = plain(event, 1)
  if (text.length > mostBytes) throw new TypeError('too long')
  return text
}

export function isCanonical (text) {
  try { return canonical(JSON.parse(text)) === text } catch { return false }
}

export function signedBytes (event) {
  const { sig, ...rest } = event
  return utf8(`chorus/v1/${event.type}\n${canonical(rest)}`)
}

export const eventHash = async event => hex(await sha256(signedBytes(event)))

// Whose key must have signed it.
export const signerOf = (event, instance) =>
  ofParticipants.includes(event.type) ? event.participant : event.type === 'instance' ? event.coordinator : instance.coordinator

export const signatureFits = (event, instance) => signedHex(signerOf(event, instance), signedBytes(event), event.sig)

// ---- trees (RFC 6962; sizes up to 2^53, so no bit operations) ----

export const leafHash = bytes => sha256(join([0], bytes))
export const nodeHash = (left, right) => sha256(join([1], left, right))
export const emptyRoot = () => sha256(new Uint8Array())
const half = n => Math.floor(n / 2)
const odd = n => n % 2 === 1

// RFC 9162 2.1.3.2. Every step upwards: {sibling, left: whether it stands left, hash: what they
// make}; null when the path has the wrong length.
export async function climb (hash, leaf, size, path) {
  const steps = []
  let [at, last] = [leaf, size - 1]
  if (!(leaf >= 0 && leaf < size)) return null
  for (const sibling of path) {
    if (last === 0) return null
    const left = odd(at) || at === last
    hash = left ? await nodeHash(sibling, hash) : await nodeHash(hash, sibling)
    steps.push({ sibling, left, hash })
    while (left && !odd(at) && at !== 0) [at, last] = [half(at), half(last)]
    ;[at, last] = [half(at), half(last)]
  }
  return last === 0 ? steps : null
}

export async function included (hash, leaf, size, path, root) {
  const steps = await climb(hash, leaf, size, path)
  return steps !== null && same(steps.length ? steps.at(-1).hash : hash, root)
}

// RFC 9162 2.1.4.2: whether the tree of `size` leaves begins with that of `from`.
export async function consistent (from, fromRoot, size, root, path) {
  if (from > size) return false
  if (from === 0) return path.length === 0 && same(fromRoot, await emptyRoot())
  if (from === size) return path.length === 0 && same(fromRoot, root)
  let [at, last] = [from - 1, size - 1]
  while (odd(at)) [at, last] = [half(at), half(last)]
  const nodes = at === 0 ? [fromRoot, ...path] : [...path]
  if (!nodes.length) return false
  let [older, newer] = [nodes[0], nodes[0]]
  for (const node of nodes.slice(1)) {
    if (last === 0) return false
    if (odd(at) || at === last) {
      older = await nodeHash(node, older)
      newer = await nodeHash(node, newer)
      while (!odd(at) && at !== 0) [at, last] = [half(at), half(last)]
    } else {
      newer = await nodeHash(newer, node)
    }
    ;[at, last] = [half(at), half(last)]
  }
  return last === 0 && same(older, fromRoot) && same(newer, root)
}

// ---- checkpoints (C2SP signed-note, tlog-checkpoint) ----

const keyId = async (name, kind, key) => (await sha256(join(utf8(`${name}\n`), [kind], key))).subarray(0, 4)

// {size, root}, signed by this instance's key; null of anything else.
export async function openCheckpoint (note, instance) {
  const end = note.lastIndexOf('\n\n')
  const key = unhex(instance.coordinator)
  if (end < 0 || !key) return null
  const text = note.slice(0, end + 1)
  const [origin, size, root, ...extensions] = text.split('\n')
  const bytes = unbase64(root ?? '')
  if (origin !== instance.origin || !/^(0|[1-9]\d{0,15})$/.test(size) || bytes?.length !== 32 || extensions.join('') !== '') return null
  const id = await keyId(instance.origin, 1, key)
  for (const line of note.slice(end + 2).split('\n')) {
    const [dash, name, blob] = line.split(' ')
    const data = dash === '—' && name === origin && unbase64(blob ?? '')
    if (data && data.length === 68 && same(data.subarray(0, 4), id)) {
      return await signed(key, utf8(text), data.subarray(4)) ? { size: Number(size), root: bytes } : null
    }
  }
  return null
}

// {time} when the witness of VKEY cosigned this note (tlog-cosignature), else null.
export async function cosigned (note, vkey) {
  const [, name, , encoded] = /^(\S+)\+([0-9a-f]{8})\+(\S+)$/.exec(vkey) ?? []
  const blob = encoded && unbase64(encoded)
  const end = note.lastIndexOf('\n\n')
  if (blob?.length !== 33 || blob[0] !== 4 || end < 0) return null
  const key = blob.subarray(1)
  const id = await keyId(name, 4, key)
  for (const line of note.slice(end + 2).split('\n')) {
    const [dash, who, data] = line.split(' ')
    const bytes = dash === '—' && who === name && unbase64(data ?? '')
    if (!bytes || bytes.length !== 76 || !same(bytes.subarray(0, 4), id)) continue
    const time = Number(new DataView(bytes.buffer, 4, 8).getBigUint64(0))
    return await signed(key, utf8(`cosignature/v1\ntime ${time}\n${note.slice(0, end + 1)}`), bytes.subarray(12)) ? { time } : null
  }
  return null
}
