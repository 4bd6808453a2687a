// SPDX-License-Identifier: Apache-2.0
// What this browser keeps of the log between visits: {instance, size, root, time} of the newest checkpoint
// that it checked. A server that rewrites its history is caught by whoever remembers.
const key = 'chorus.log'

export function recall () {
  try {
    const kept = JSON.parse(localStorage.getItem(key))
    return kept && typeof kept.root === 'string' && Number.isSafeInteger(kept.size) ? kept : null
  } catch {
    return null
  }
}

// Never from a larger to a smaller one.
export function remember (keep) {
  const kept = recall()
  if (!keep || (kept && (kept.instance !== keep.instance || kept.size > keep.size))) return
  try { localStorage.setItem(key, JSON.stringify({ ...keep, time: Math.floor(Date.now() / 1000) })) } catch { /* then the next visit knows nothing */ }
}

export function forget () {
  try { localStorage.removeItem(key) } catch { /* nothing was kept */ }
}
