// SPDX-License-Identifier: Apache-2.0
// The checks of one entry, in order, each with what came out: what a sceptic would do by hand.
import { hex, same, unhex, utf8 } from './bytes.js'
import { canonical, climb, consistent, emptyRoot, eventHash, leafHash, openCheckpoint, signatureFits, signerOf } from './proof.js'

// outcome: 'holds', 'fails', 'skipped' or 'wait'; `why` names what was found, for the catalogue.
const holds = (check, more = {}) => ({ check, outcome: 'holds', ...more })
const fails = (check, why, more = {}) => ({ check, outcome: 'fails', why, ...more })

async function checkInstance (instance, kept) {
  let hash
  try { hash = await eventHash(instance) } catch { return fails('instance', 'form') }
  if (instance.type !== 'instance' || !await signatureFits(instance, instance)) return fails('instance', 'signature')
  if (kept && kept.instance !== hash) return fails('instance', 'other', { hash, known: kept.instance })
  return holds('instance', { hash, why: kept ? 'known' : 'first' })
}

async function checkEvent (event, instance, expected) {
  let text
  try { text = canonical(event) } catch { return [fails('form', 'form')] }
  const hash = await eventHash(event)
  const found = [expected && expected !== hash ? fails('form', 'hash', { hash, expected }) : holds('form', { hash, bytes: text.length })]
  if (event.type !== 'instance' && event.instance !== await eventHash(instance)) found.push(fails('belongs', 'instance'))
  else found.push(holds('belongs'))
  const by = signerOf(event, instance)
  found.push(await signatureFits(event, instance) ? holds('signature', { by }) : fails('signature', 'signature', { by }))
  return found
}

async function checkInclusion (leaf, event, head, proof) {
  const hash = await leafHash(utf8(canonical(event)))
  const path = (proof.path ?? []).map(unhex)
  if (path.some(node => node?.length !== 32)) return fails('inclusion', 'shape')
  const steps = await climb(hash, leaf, head.size, path)
  if (!steps) return fails('inclusion', 'shape', { leafHash: hex(hash) })
  const top = steps.length ? steps.at(-1).hash : hash
  const more = { leafHash: hex(hash), root: hex(head.root), top: hex(top), steps: steps.map(s => ({ left: s.left, sibling: hex(s.sibling), hash: hex(s.hash) })) }
  return same(top, head.root) ? holds('inclusion', more) : fails('inclusion', 'root', more)
}

// Whether the log of `size` leaves with that root is the beginning of `head`.
export async function checkPrefix (check, size, root, head, prove) {
  if (size > head.size) return fails(check, 'smaller', { from: size, to: head.size })
  const bytes = unhex(root)
  if (bytes?.length !== 32) return fails(check, 'shape')
  if (size === 0) return same(bytes, await emptyRoot()) ? holds(check, { from: 0, to: head.size }) : fails(check, 'root')
  const { path = [] } = size === head.size ? {} : await prove(size, head.size)
  const nodes = path.map(unhex)
  if (nodes.some(node => node?.length !== 32)) return fails(check, 'shape')
  return await consistent(size, bytes, head.size, head.root, nodes)
    ? holds(check, { from: size, to: head.size })
    : fails(check, 'root', { from: size, to: head.size })
}

// source: {instance(), checkpoint(), inclusion(leaf, size), consistency(from, to)}, all of them
// promises of what the server says. kept: {instance, size, root} of the last visit, or null.
// Gives {checks, keep}: keep is what to remember, null when anything about the log failed.
export async function checkEntry (leaf, event, source, { kept = null, expected = null, tell = () => {} } = {}) {
  const checks = []
  const add = (...found) => { checks.push(...found); tell([...checks]) }
  const instance = await source.instance()
  const known = await checkInstance(instance, kept)
  add(known)
  add(...await checkEvent(event, instance, expected))
  const head = await openCheckpoint(await source.checkpoint(), instance)
  if (!head) {
    add(fails('checkpoint', 'signature'))
    return { checks, keep: null }
  }
  add(holds('checkpoint', { size: head.size, root: hex(head.root) }))
  if (leaf >= head.size) add({ check: 'inclusion', outcome: 'wait' })
  else if (checks.some(c => c.check === 'form' && c.why === 'form')) add(fails('inclusion', 'shape'))
  else add(await checkInclusion(leaf, event, head, await source.inclusion(leaf, head.size)))
  add(kept ? await checkPrefix('history', kept.size, kept.root, head, source.consistency) : { check: 'history', outcome: 'skipped', size: head.size })
  if (event.seen) add(await checkPrefix('seen', event.seen.size, event.seen.root, head, source.consistency))
  const sound = checks.every(c => !(c.outcome === 'fails' && ['instance', 'checkpoint', 'history'].includes(c.check)))
  return { checks, keep: sound ? { instance: known.hash, size: head.size, root: hex(head.root) } : null }
}
