// SPDX-License-Identifier: Apache-2.0
// Bytes, hex and base64.
export const utf8 = text => new TextEncoder().encode(text)

export function join (...parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) { out.set(part, at); at += part.length }
  return out
}

export const hex = bytes => Array.from(bytes, b => b.toString(16).padStart(2, '0')).join('')

// Bytes of an even number of lowercase digits; null of anything else.
export function unhex (text) {
  if (typeof text !== 'string' || text.length % 2 || !/^[0-9a-f]*$/.test(text)) return null
  return Uint8Array.from(text.match(/../g) ?? [], pair => parseInt(pair, 16))
}

export function unbase64 (text) {
  try {
    const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0))
    return btoa(String.fromCharCode(...bytes)) === text ? bytes : null
  } catch {
    return null
  }
}

export const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i])
