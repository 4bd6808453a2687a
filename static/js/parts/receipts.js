// SPDX-License-Identifier: Apache-2.0
// Receipts that the program keeps: whether the server kept what it promised, found out here.
import { get } from '../core/api.js'
import { checkEntry } from '../core/audit.js'
import { dateTime, short } from '../core/format.js'
import { t } from '../core/i18n.js'
import { recall, remember } from '../core/memory.js'
import { eventHash, signatureFits } from '../core/proof.js'
import { html, useId, useState } from '../core/view.js'
import { Card, Hash, Notice, State } from './basic.js'
import { serverSource } from './checks.js'

// Every receipt in a text of JSON, however deep.
function receiptsIn (value, found = []) {
  if (Array.isArray(value)) for (const v of value) receiptsIn(v, found)
  else if (value && typeof value === 'object') {
    if (value.type === 'receipt') found.push(value)
    else for (const v of Object.values(value)) receiptsIn(v, found)
  }
  return found
}

function parse (text) {
  const found = []
  for (const part of [text, ...text.split('\n')]) {
    try { receiptsIn(JSON.parse(part), found) } catch { /* not JSON by itself */ }
  }
  return [...new Map(found.map(r => [r.sig, r])).values()]
}

// {receipt, outcome, leaf}: 'kept', 'forged', 'elsewhere', 'waiting', 'broken' or 'false'.
async function judge (receipt) {
  const source = serverSource()
  const instance = await source.instance()
  try {
    if (!await signatureFits(receipt, instance)) return { receipt, outcome: 'forged' }
  } catch { return { receipt, outcome: 'forged' } }
  if (receipt.instance !== await eventHash(instance)) return { receipt, outcome: 'elsewhere' }
  const late = Date.now() / 1000 > receipt.by + 10
  const entry = await get(`/log/events/${receipt.of}`).catch(problem => { if (problem.status === 404) return null; throw problem })
  if (!entry || entry.leaf === null) return { receipt, outcome: late ? 'broken' : 'waiting' }
  const { checks, keep } = await checkEntry(entry.leaf, entry.event, source, { kept: recall(), expected: receipt.of })
  remember(keep)
  return { receipt, leaf: entry.leaf, outcome: checks.some(c => c.outcome === 'fails') ? 'false' : checks.some(c => c.outcome === 'wait') ? 'waiting' : 'kept' }
}

const kinds = { kept: 'done', waiting: 'wait', elsewhere: 'idle' }

export function Receipts () {
  const [found, setFound] = useState(null)
  const [trouble, setTrouble] = useState(null)
  const id = useId()
  const take = async text => {
    setTrouble(null)
    const receipts = parse(text)
    if (!receipts.length) { setFound(null); setTrouble(t('receipt.none')); return }
    try { setFound(await Promise.all(receipts.map(judge))) } catch (problem) { setTrouble(problem.title ?? problem.message) }
  }
  const files = async event => take((await Promise.all([...event.target.files].map(f => f.text()))).join('\n'))
  return html`<${Card} title=${t('receipt.title')}>
    <p>${t('receipt.what')}</p>
    <div class="field file"><label for=${id}>${t('receipt.files')}</label><input id=${id} type="file" multiple onChange=${files} aria-describedby=${`${id}-hint`} /><p class="hint" id=${`${id}-hint`}>${t('receipt.hint')}</p></div>
    <div role="status" class="stack">${trouble && html`<${Notice} kind="failed">${trouble}</${Notice}>`}
      ${found && html`<ul class="plain">${found.map(f => html`<li class="row" key=${f.receipt.sig}><${State} kind=${kinds[f.outcome] ?? 'failed'}>${t(`receipt.is.${f.outcome}`)}</${State}>
        <span>${t(`receipt.${f.outcome}`, { by: dateTime(f.receipt.by), of: short(f.receipt.of) })}</span>${f.leaf !== undefined ? html`<a href=${`/log/${f.leaf}`}>${t('entry.number', { leaf: f.leaf })}</a>` : html`<${Hash} value=${f.receipt.of} />`}</li>`)}</ul>`}</div></${Card}>`
}
