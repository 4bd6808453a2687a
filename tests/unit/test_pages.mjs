// SPDX-License-Identifier: Apache-2.0
// What pages compute by themselves, against the golden vectors: events, signatures, trees, notes,
// calls to contracts. node --test tests/unit/test_pages.mjs
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { generateKeyPairSync, sign as ed25519 } from 'node:crypto'
import test from 'node:test'
import { hex, unhex, utf8 } from '../../static/js/core/bytes.js'
import { signed } from '../../static/js/core/crypto.js'
import { checkEntry } from '../../static/js/core/audit.js'
import { compare, curveRows } from '../../static/js/core/figures.js'
import { outlook, standing, stepStates } from '../../static/js/core/round.js'
import { canonical, climb, consistent, cosigned, emptyRoot, eventHash, included, isCanonical, leafHash, nodeHash, openCheckpoint, signedBytes } from '../../static/js/core/proof.js'
import { checksummed, claimProven, encodeClaim, encodeVote, encodeWithdraw, modelId } from '../../static/js/core/wallet.js'

const vectors = name => JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url)))
const core = vectors('core')
const chain = vectors('chain')

test('events', async () => {
  for (const v of core.event) {
    const { sig, ...bare } = v.event
    assert.equal(canonical(bare), v.canonical)
    assert.equal(await eventHash(v.event), v.hash)
    assert.equal(hex(await leafHash(utf8(canonical(v.event)))), v.leaf_hash)
  }
  for (const text of core.refused_event) {
    const bytes = unhex(text)
    assert.equal(isCanonical(Buffer.from(bytes).toString('utf8')), false, Buffer.from(bytes).toString())
  }
})

test('signatures, by either implementation', async () => {
  for (const v of core.signature) {
    assert.equal(await signed(unhex(v.public), signedBytes(v.event), unhex(v.event.sig)), v.valid, v.what)
  }
  const { verify, hashes } = await import('../../static/node_modules/@noble/ed25519/index.js')
  hashes.sha512 = (await import('../../static/node_modules/@noble/hashes/sha2.js')).sha512
  for (const v of core.signature.filter(v => v.valid)) {
    assert.ok(verify(unhex(v.event.sig), signedBytes(v.event), unhex(v.public), { zip215: false }))
  }
})

test('trees', async () => {
  for (const v of core.merkle) {
    const root = unhex(v.root)
    for (const [i, leaf] of v.leaves.entries()) {
      const path = v.paths[i].map(unhex)
      const hash = await leafHash(unhex(leaf))
      assert.ok(await included(hash, i, v.leaves.length, path, root))
      if (path.length) {
        assert.ok(!await included(hash, i, v.leaves.length, path.slice(1), root))
        assert.ok(!await included(hash, i, v.leaves.length, [...path, root], root))
        const wrong = path.map(n => n.slice())
        wrong[0][0] ^= 1
        assert.ok(!await included(hash, i, v.leaves.length, wrong, root))
      }
      assert.equal(await climb(hash, v.leaves.length, v.leaves.length, path), null)
    }
  }
})

// RFC 6962 section 2.1, the slow and plain way.
async function rootOf (hashes) {
  if (!hashes.length) return emptyRoot()
  if (hashes.length === 1) return hashes[0]
  let k = 1
  while (2 * k < hashes.length) k *= 2
  return nodeHash(await rootOf(hashes.slice(0, k)), await rootOf(hashes.slice(k)))
}
async function prefixProof (m, hashes, whole = true) {
  const n = hashes.length
  if (m === n) return whole ? [] : [await rootOf(hashes)]
  let k = 1
  while (2 * k < n) k *= 2
  return m <= k
    ? [...await prefixProof(m, hashes.slice(0, k), whole), await rootOf(hashes.slice(k))]
    : [...await prefixProof(m - k, hashes.slice(k), false), await rootOf(hashes.slice(0, k))]
}
async function pathOf (i, hashes) {
  if (hashes.length === 1) return []
  let k = 1
  while (2 * k < hashes.length) k *= 2
  return i < k
    ? [...await pathOf(i, hashes.slice(0, k)), await rootOf(hashes.slice(k))]
    : [...await pathOf(i - k, hashes.slice(k)), await rootOf(hashes.slice(0, k))]
}

test('one log is the beginning of another', async () => {
  const hashes = await Promise.all(Array.from({ length: 17 }, (_, i) => leafHash(utf8(`${i}`))))
  for (let n = 1; n <= hashes.length; n++) {
    const root = await rootOf(hashes.slice(0, n))
    for (let m = 1; m <= n; m++) {
      const from = await rootOf(hashes.slice(0, m))
      const path = await prefixProof(m, hashes.slice(0, n))
      assert.ok(await consistent(m, from, n, root, path), `${m} ${n}`)
      if (m === n) continue
      assert.ok(!await consistent(m, await leafHash(utf8('x')), n, root, path))
      assert.ok(!await consistent(m, from, n, await leafHash(utf8('x')), path))
      assert.ok(!await consistent(m, from, n, root, path.slice(1)))
      assert.ok(!await consistent(m, from, n, root, [...path, root]))
    }
  }
  assert.ok(!await consistent(3, await emptyRoot(), 2, await emptyRoot(), []))
})

// ---- a small log of its own, and every way to lie about it ----

function newKey () {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return { id: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex'), sign: bytes => ed25519(null, bytes, privateKey) }
}
const seal = (event, key) => ({ ...event, sig: key.sign(signedBytes(event)).toString('hex') })

async function note (origin, key, size, root, kind = 1) {
  const text = `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`
  const { createHash } = await import('node:crypto')
  const id = createHash('sha256').update(origin).update('\n').update(Buffer.from([kind])).update(Buffer.from(key.id, 'hex')).digest().subarray(0, 4)
  return `${text}\n— ${origin} ${Buffer.concat([id, key.sign(Buffer.from(text))]).toString('base64')}\n`
}

async function smallLog () {
  const key = newKey()
  const member = newKey()
  const instance = seal({ type: 'instance', origin: 'log.test/one', coordinator: key.id, chain: null }, key)
  const id = await eventHash(instance)
  const events = [instance]
  for (let i = 0; i < 9; i++) {
    const hashes = await Promise.all(events.map(e => leafHash(utf8(canonical(e)))))
    const seen = { root: hex(await rootOf(hashes.slice(0, i))), size: i }
    events.push(seal({ type: 'unmask', instance: id, ctx: 'ab'.repeat(32), participant: member.id, seen, survivors: 'cd'.repeat(32), shares: [] }, member))
  }
  const hashes = await Promise.all(events.map(e => leafHash(utf8(canonical(e)))))
  const size = hashes.length
  const root = await rootOf(hashes)
  const source = {
    instance: async () => instance,
    checkpoint: async () => note('log.test/one', key, size, root),
    inclusion: async leaf => ({ path: (await pathOf(leaf, hashes)).map(hex) }),
    consistency: async from => ({ path: (await prefixProof(from, hashes)).map(hex) })
  }
  const kept = { instance: id, size: 4, root: hex(await rootOf(hashes.slice(0, 4))) }
  return { key, member, instance, events, hashes, size, root, source, kept, id }
}

const outcomes = ({ checks }) => Object.fromEntries(checks.map(c => [c.check, c.outcome === 'fails' ? c.why : c.outcome]))
const all = { instance: 'holds', form: 'holds', belongs: 'holds', signature: 'holds', checkpoint: 'holds', inclusion: 'holds', history: 'holds', seen: 'holds' }

test('an honest log holds, and is remembered', async () => {
  const log = await smallLog()
  for (let leaf = 1; leaf < log.size; leaf++) {
    const found = await checkEntry(leaf, log.events[leaf], log.source, { kept: log.kept })
    assert.deepEqual(outcomes(found), all)
    assert.deepEqual(found.keep, { instance: log.id, size: log.size, root: hex(log.root) })
  }
  const first = await checkEntry(0, log.events[0], log.source)
  assert.equal(outcomes(first).history, 'skipped')
  assert.equal(outcomes(await checkEntry(log.size, log.events[3], log.source)).inclusion, 'wait')
})

test('every lie is named', async () => {
  const log = await smallLog()
  const see = (event, source = {}, options = {}) => checkEntry(6, event, { ...log.source, ...source }, { kept: log.kept, ...options })
  const lie = async (wanted, ...how) => {
    const found = await see(...how)
    assert.deepEqual(outcomes(found), { ...all, ...wanted })
    return found
  }
  const event = log.events[6]
  await lie({ signature: 'signature', inclusion: 'root' }, { ...event, survivors: 'ee'.repeat(32) })
  await lie({ inclusion: 'root' }, log.events[5]) // one of another place
  await lie({ form: 'hash' }, event, {}, { expected: 'ff'.repeat(32) })
  const other = seal({ ...event, instance: '12'.repeat(32) }, log.member)
  await lie({ belongs: 'instance', inclusion: 'root' }, other)
  await lie({ inclusion: 'shape' }, event, { inclusion: async () => ({ path: [] }) })
  await lie({ inclusion: 'shape' }, event, { inclusion: async () => ({ path: ['zz'] }) })
  const lying = seal({ ...event, seen: { root: 'ab'.repeat(32), size: 3 } }, log.member)
  await lie({ seen: 'root', inclusion: 'root' }, lying)
  const forked = await lie({ history: 'root' }, event, {}, { kept: { ...log.kept, root: 'ab'.repeat(32) } })
  assert.equal(forked.keep, null)
  const shorter = await lie({ history: 'smaller' }, event, {}, { kept: { ...log.kept, size: 99 } })
  assert.equal(shorter.keep, null)
  const stranger = newKey()
  const unsigned = await see(event, { checkpoint: () => note('log.test/one', stranger, log.size, log.root) })
  assert.equal(outcomes(unsigned).checkpoint, 'signature')
  assert.equal(unsigned.keep, null)
  const moved = await see(event, {}, { kept: { ...log.kept, instance: 'ab'.repeat(32) } })
  assert.equal(outcomes(moved).instance, 'other')
  assert.equal(moved.keep, null)
  const patched = await see(event, { instance: async () => ({ ...log.instance, origin: 'log.test/two' }) })
  assert.equal(outcomes(patched).instance, 'signature')
})

test('notes', async () => {
  const log = await smallLog()
  const good = await log.source.checkpoint()
  assert.equal((await openCheckpoint(good, log.instance)).size, log.size)
  for (const bad of ['', 'x', good.replace('\n10\n', '\n11\n'), good.replace('— log', '— lag'), good.split('\n\n')[0] + '\n\n']) {
    assert.equal(await openCheckpoint(bad, log.instance), null)
  }
  assert.equal(await cosigned(good, 'nonsense'), null)
})

test('calls to the contracts', () => {
  for (const v of chain.model) assert.equal('0x' + modelId(v.slug), v.id)
  for (const v of chain.address) assert.equal(checksummed(v.address.toLowerCase()), v.address)
  const claims = chain.batch.filter(b => b.kind === 'claim')
  assert.ok(claims.length)
  for (const v of claims) assert.equal(encodeClaim(v), v.call)
  for (const tree of chain.tree) {
    for (const leaf of tree.leaves) {
      assert.ok(claimProven(leaf, tree.root))
      assert.ok(!claimProven({ ...leaf, cumulative: `${leaf.cumulative}0` }, tree.root))
    }
  }
  assert.equal(encodeWithdraw(null), chain.call.withdraw)
  assert.equal(encodeVote('0x' + chain.call.castVote.slice(10, 74), Number(chain.call.castVote.slice(-1))), chain.call.castVote)
})

// ---- rounds in words ----

const threshold = (n, anchored) => Math.max(2, anchored ? Math.floor((n - 1) / 2) + 1 : Math.floor(2 * (n - 1) / 3) + 1)
const round = (phase, n, come, more = {}) => ({
  phase, minimum: 3, joined: n, shared: phase === 'share' ? come : n, uploaded: phase === 'upload' ? come : n, answered: phase === 'unmask' ? come : 0, awaited_count: n - come, awaited: [], ...more
})

test('what happens when somebody does not come, as docs/protocol.md section 12 says', () => {
  const tolerated = { 3: [0, 0], 4: [1, 0], 5: [1, 1], 6: [2, 1], 10: [4, 2] }
  for (const [n, both] of Object.entries(tolerated).map(([n, b]) => [Number(n), b])) {
    for (const anchored of [true, false]) {
      const most = both[anchored ? 0 : 1]
      const graph = { k: n - 1, t: threshold(n, anchored) }
      for (const phase of ['share', 'upload']) {
        if (most) assert.equal(outlook(round(phase, n, n - most), {}, graph, anchored).kind, 'on', `${phase} ${n} ${anchored}`)
        assert.equal(outlook(round(phase, n, n - most - 1), {}, graph, anchored).kind, 'fails', `${phase} ${n} ${anchored}`)
      }
    }
  }
  assert.deepEqual(outlook(round('join', 2, 0, { joined: 2, awaited_count: 3 }), {}, null, true), { kind: 'fails', here: 2, of: 5, least: 3 })
  assert.equal(outlook(round('join', 4, 0, { joined: 4, awaited_count: 1 }), {}, null, true).kind, 'on')
  assert.deepEqual(outlook(round('unmask', 10, 3), {}, { k: 9, t: 7 }, false), { kind: 'open', here: 3, of: 10, least: 8 })
  assert.equal(outlook(round('final', 10, 10), {}, { k: 9, t: 7 }, false), null)
  const sparse = { k: 22, t: 11 } // a tenth may vanish of a hundred
  assert.equal(outlook(round('upload', 100, 90), { dropout_bp: 1000 }, sparse, true).kind, 'on')
  assert.equal(outlook(round('upload', 100, 89), { dropout_bp: 1000 }, sparse, true).kind, 'fails')
})

test('where a round and its members stand', () => {
  assert.deepEqual(stepStates({ phase: 'upload' }), { join: 'over', share: 'over', upload: 'now', unmask: 'later', final: 'later' })
  assert.deepEqual(stepStates({ phase: 'failed' }, 'share'), { join: 'over', share: 'failed', upload: 'never', unmask: 'never', final: 'never' })
  assert.deepEqual(new Set(Object.values(stepStates({ phase: 'done' }))), new Set(['over']))
  const standings = phase => ['invited', 'joined', 'shared', 'uploading', 'uploaded', 'answered', 'gone'].map(state => standing({ state }, { phase })).join(' ')
  assert.equal(standings('join'), 'awaited came came came came came gone')
  assert.equal(standings('upload'), 'awaited awaited awaited awaited came came gone')
  assert.equal(standings('done'), 'came came came came came came gone')
})

test('curves and groups', () => {
  const results = [{ round: 1, accuracy: 0.3, holdout: { accuracy: 0.7 } }, { round: 2, accuracy: 0.71, holdout: null }, { round: 4, accuracy: null }]
  assert.deepEqual(curveRows(results, 'accuracy'), [{ after: 0, own: 0.3, holdout: null }, { after: 1, own: 0.71, holdout: 0.7 }])
  assert.deepEqual(curveRows(results, 'loss'), [])
  const groups = { a: { evaluated: 10, true_positive: 4, false_positive: 1, true_negative: 3, false_negative: 2 }, b: { evaluated: 4, true_positive: 3, false_positive: 0, true_negative: 0, false_negative: 1 }, none: { evaluated: 0, true_positive: 0, false_positive: 0, true_negative: 0, false_negative: 0 } }
  const found = compare(groups, 'positive')
  assert.deepEqual(found.rows, [{ name: 'a', share: 0.5 }, { name: 'b', share: 0.75 }])
  assert.equal(found.gap, 0.25)
  assert.deepEqual(compare(groups, 'wrongly').rows.map(r => r.name), ['a'])
})
