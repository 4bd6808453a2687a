// SPDX-License-Identifier: Apache-2.0
// SHA-256 and Ed25519: the browser's own where it has them (older ones lack Ed25519, and none has any of
// it on a page that did not come over https), else those of @noble, which come with these pages.
import { hex, unhex } from './bytes.js'

const subtle = globalThis.crypto?.subtle
const noble = {
  hashes: () => import('@noble/hashes/sha2.js'),
  ed25519: async () => {
    const [curve, { sha512 }] = await Promise.all([import('@noble/ed25519'), noble.hashes()])
    curve.hashes.sha512 = sha512
    return curve
  }
}

export async function sha256 (bytes) {
  if (subtle) return new Uint8Array(await subtle.digest('SHA-256', bytes))
  return (await noble.hashes()).sha256(bytes)
}

// ---- Ed25519 as docs/protocol.md section 1.2 takes it: stricter than most libraries ----

const prime = 2n ** 255n - 19n
const order = 2n ** 252n + 27742317777372353535851937790883648493n
// y of the eight points of small order, whatever the sign of x
const small = [0n, 1n, prime - 1n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd83d3d706a17c7n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n]

const little = bytes => BigInt('0x' + hex(Uint8Array.from(bytes).reverse()))

// Canonical and not of small order.
function soundPoint (bytes) {
  const y = little(bytes) & (2n ** 255n - 1n)
  return y < prime && !small.includes(y)
}

let native // whether the browser knows the curve, once it was asked
async function importKey (key) {
  if (!subtle || native === false) return null
  try {
    const imported = await subtle.importKey('raw', key, { name: 'Ed25519' }, false, ['verify'])
    native = true
    return imported
  } catch (problem) {
    if (problem.name === 'NotSupportedError') native = false
    return null
  }
}

// Whether `signature` over `message` is that of the 32-byte key.
export async function signed (key, message, signature) {
  if (key?.length !== 32 || signature?.length !== 64) return false
  if (!soundPoint(key) || !soundPoint(signature.subarray(0, 32)) || little(signature.subarray(32)) >= order) return false
  const imported = await importKey(key)
  if (imported) return subtle.verify({ name: 'Ed25519' }, imported, signature, message)
  try {
    return (await noble.ed25519()).verify(signature, message, key, { zip215: false })
  } catch {
    return false
  }
}

export const signedHex = (key, message, signature) => signed(unhex(key), message, unhex(signature))
