// SPDX-License-Identifier: Apache-2.0
// One entry of the log: what it says, and whether it is true, found out in this browser.
import { get, query, useAct, useData } from '../core/api.js'
import { checkEntry } from '../core/audit.js'
import { dateTime } from '../core/format.js'
import { t } from '../core/i18n.js'
import { forget, recall, remember } from '../core/memory.js'
import { canonical, eventHash } from '../core/proof.js'
import { html, useEffect, useState } from '../core/view.js'
import { Card, Command, Facts, Hash, Loaded, Notice, Page } from '../parts/basic.js'
import { Checks, ProofPath, saveEvidence, serverSource } from '../parts/checks.js'
import { entryText } from '../parts/entries.js'
import { Member, useNames } from '../parts/public.js'

// By number, or by the hash of the event.
async function load (leaf, signal) {
  if (/^[0-9a-f]{64}$/.test(leaf)) return { ...await get(`/log/events/${leaf}`, { signal }), expected: leaf }
  const found = await get(query('/log/entries', { cursor: leaf, limit: 1 }), { signal })
  const entry = found.entries[0]
  return entry && String(entry.leaf) === leaf ? entry : { missing: true }
}

function Event ({ event, names }) {
  const [hash, setHash] = useState('')
  useEffect(() => { eventHash(event).then(setHash, () => setHash('')) }, [event])
  let bytes
  try { bytes = canonical(event) } catch { bytes = JSON.stringify(event) }
  return html`<${Card} title=${t('entry.event')}>
    <${Facts} items=${[
      [t('entry.type'), html`<code>${event.type}</code>`],
      event.participant && [t('entry.by'), html`<${Member} member=${{ participant: event.participant, name: names[event.participant] }} />`],
      event.model && [t('entry.model'), html`<a href=${`/models/${event.model}`}>${event.model}</a>`],
      event.ctx && [t('entry.round'), html`<${Hash} value=${event.ctx} to=${`/rounds/${event.ctx}`} />`],
      event.time && [t('entry.time'), dateTime(event.time)],
      hash && [t('entry.hash'), html`<${Hash} value=${hash} />`]
    ]} />
    <details><summary>${t('entry.members')}</summary><pre class="bytes" tabindex="0">${JSON.stringify(event, null, 2)}</pre></details>
    <details><summary>${t('entry.bytes', { n: bytes.length })}</summary><pre class="bytes wrap" tabindex="0">${bytes}</pre></details></${Card}>`
}

function Verdict ({ checks }) {
  const failed = checks.filter(c => c.outcome === 'fails')
  if (failed.length) return html`<${Notice} kind="failed" title=${t('verdict.fails', { n: failed.length })}>${t('verdict.fails.do')}</${Notice}>`
  if (checks.some(c => c.outcome === 'wait')) return html`<${Notice} kind="wait">${t('verdict.wait')}</${Notice}>`
  return html`<${Notice} kind="done" title=${t('verdict.holds', { n: checks.filter(c => c.outcome === 'holds').length })}>${t('verdict.holds.what')}</${Notice}>`
}

function Proof ({ entry }) {
  const [kept, setKept] = useState(recall)
  const [checks, setChecks] = useState([])
  const [evidence, setEvidence] = useState(null)
  const act = useAct(async () => {
    const before = recall()
    const source = serverSource()
    setKept(before)
    const found = await checkEntry(entry.leaf, entry.event, source, { kept: before, expected: entry.expected, tell: setChecks })
    remember(found.keep)
    setEvidence({ leaf: entry.leaf, event: entry.event, kept: before, ...source.shown, checks: found.checks })
    return found
  })
  const inclusion = checks.find(c => c.check === 'inclusion')
  const other = checks.some(c => c.check === 'instance' && c.why === 'other')
  return html`<${Card} title=${t('proof.title')} id="proof">
    <p>${t('proof.what')}</p>
    <div class="actions"><button type="button" class="main" disabled=${act.busy} onClick=${act.run}>${act.busy ? t('working') : t('proof.do')}</button>
      ${evidence && html`<button type="button" onClick=${() => saveEvidence(`entry-${entry.leaf}`, evidence)}>${t('proof.save')}</button>`}
      ${other && html`<button type="button" onClick=${() => { forget(); act.run() }}>${t('proof.forget')}</button>`}</div>
    <div role="status" class="stack">${evidence && !act.busy && html`<${Verdict} checks=${checks} />`}</div>
    ${act.problem && html`<${Notice} kind="failed" title=${act.problem.title ?? t('proof.broken')}>${act.problem.help ?? act.problem.message}</${Notice}>`}
    ${checks.length > 0 && html`<${Checks} checks=${checks} kept=${kept} />`}
    ${inclusion?.steps && html`<h3>${t('path.title')}</h3><${ProofPath} check=${inclusion} />`}
  </${Card}>`
}

export default function Entry ({ leaf }) {
  const found = useData(signal => load(leaf, signal), leaf)
  const { event, missing } = found.data ?? {}
  const names = useNames()
  const place = found.data?.leaf
  const title = place !== undefined && place !== null ? t('entry.title', { leaf: place }) : t('entry.some')
  return html`<${Page} title=${title} trail=${[[t('nav.log'), '/log']]} lead=${event ? `${entryText(event, names).replace(/\.$/, '')}.` : null}
    actions=${event && place !== null ? html`${place > 0 && html`<a class="button" href=${`/log/${place - 1}`}>${t('entry.before')}</a>`}<a class="button" href=${`/log/${place + 1}`}>${t('entry.after')}</a>` : null}>
    <${Loaded} from=${found} height=${24}>${entry => missing
      ? html`<${Notice} title=${t('entry.missing')}>${t('entry.missing.what')}</${Notice}>`
      : html`${entry.leaf === null ? html`<${Notice} kind="wait">${t('entry.pending')}</${Notice}>` : html`<${Proof} entry=${entry} />`}
        <${Event} event=${event} names=${names} />
        ${entry.leaf !== null && html`<${Card} title=${t('entry.elsewhere')}><p>${t('entry.elsewhere.what')}</p><${Command}>${`chorus log prove ${entry.leaf} --server ${location.origin}`}</${Command}></${Card}>`}`}</${Loaded}>
  </${Page}>`
}
