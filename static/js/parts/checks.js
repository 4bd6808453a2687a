// SPDX-License-Identifier: Apache-2.0
// What was checked in this browser and what came out, in words; the path to the root, drawn.
import { call, get, query } from '../core/api.js'
import { date, number, short } from '../core/format.js'
import { t } from '../core/i18n.js'
import { html } from '../core/view.js'
import { State } from './basic.js'
import { download } from './table.js'

// What the server says, kept as it came so that it can be shown to others.
export function serverSource () {
  const shown = {}
  const keep = (name, what) => async (...args) => { shown[name] = await what(...args); return shown[name] }
  return {
    shown,
    instance: keep('instance', async () => (await get('/instance')).instance),
    checkpoint: keep('checkpoint', async () => (await call('GET', '/log/checkpoint', { headers: { Accept: 'text/plain' }, cache: 'no-store' })).text()),
    inclusion: keep('inclusion', (leaf, size) => get(query('/log/proofs/inclusion', { leaf, size }))),
    consistency: keep('consistency', (from, to) => get(query('/log/proofs/consistency', { from, to })))
  }
}

const kinds = { holds: 'done', fails: 'failed', skipped: 'idle', wait: 'wait' }
const wordOf = c => ['check', c.check, c.outcome, c.outcome === 'fails' || (c.check === 'instance' && c.why) ? c.why : null].filter(Boolean).join('.')

export const checkText = (c, kept) => t(wordOf(c), {
  ...c,
  n: c.steps?.length ?? 0,
  hash: short(c.hash ?? ''),
  by: short(c.by ?? ''),
  size: number(c.size ?? 0),
  from: number(c.from ?? 0),
  to: number(c.to ?? 0),
  date: kept?.time ? date(kept.time) : ''
})

export const Checks = ({ checks, kept }) => html`<ol class="checks">${checks.map(c => html`<li key=${c.check} data-check=${c.check} data-outcome=${c.outcome}>
  <${State} kind=${kinds[c.outcome]}>${t(`outcome.${c.outcome}`)}</${State}>
  <div><strong>${t(`check.${c.check}`)}</strong><p>${checkText(c, kept)}</p></div></li>`)}</ol>`

export const saveEvidence = (name, evidence) => download(`${name}.json`, 'application/json', JSON.stringify(evidence, null, 2))

// ---- the path ----

const row = 76
const width = 360
const box = 132

const Node = ({ x, y, hash, kind }) => html`<g class=${`node ${kind}`}><rect x=${x - box / 2} y=${y - 16} width=${box} height="32" rx="6" />
  <text x=${x} y=${y + 5} text-anchor="middle">${short(hash)}</text></g>`

// From the entry below to the signed root above; where a neighbour stands left or right is where it is hashed.
export function ProofPath ({ check }) {
  const { steps, leafHash, root, outcome } = check
  const height = (steps.length + 1) * row + 8
  const y = i => height - 32 - i * row
  const middle = width / 2
  const at = steps.map(s => s.left ? [width - box / 2 - 4, box / 2 + 4] : [box / 2 + 4, width - box / 2 - 4])
  const x = i => i < steps.length ? at[i][0] : middle
  const nodes = [leafHash, ...steps.map(s => s.hash)]
  return html`<figure class="path">
    <svg viewBox=${`0 0 ${width} ${height}`} role="img" aria-label=${t('path.label', { n: steps.length })}>
      ${steps.map((s, i) => html`<line x1=${x(i)} y1=${y(i)} x2=${x(i + 1)} y2=${y(i + 1)} /><line x1=${at[i][1]} y1=${y(i)} x2=${x(i + 1)} y2=${y(i + 1)} />`)}
      ${steps.map((s, i) => html`<${Node} x=${at[i][1]} y=${y(i)} hash=${s.sibling} kind="sibling" />`)}
      ${nodes.map((hash, i) => html`<${Node} x=${x(i)} y=${y(i)} hash=${hash} kind=${i === 0 ? 'leaf' : i === steps.length ? (outcome === 'holds' ? 'root' : 'wrong') : 'own'} />`)}
    </svg>
    <figcaption><ul class="legend"><li><span class="chip leaf"></span>${t('path.leaf')}</li><li><span class="chip own"></span>${t('path.own')}</li><li><span class="chip sibling"></span>${t('path.sibling')}</li><li><span class=${`chip ${outcome === 'holds' ? 'root' : 'wrong'}`}></span>${t(outcome === 'holds' ? 'path.root' : 'path.wrong', { root: short(root) })}</li></ul>
      <details><summary>${t('path.list')}</summary><ol class="hashes">
        <li>${t('path.leaf')}: <code>${leafHash}</code></li>
        ${steps.map(s => html`<li>${t(s.left ? 'path.left' : 'path.right')}: <code>${s.sibling}</code><br />→ <code>${s.hash}</code></li>`)}
        <li>${t('path.signed')}: <code>${root}</code></li></ol></details></figcaption>
  </figure>`
}
