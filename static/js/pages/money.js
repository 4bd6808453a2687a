// SPDX-License-Identifier: Apache-2.0
// What is paid to whom, what waits, and what needs a decision: the outbox and the books.
import { all, get, may, send, useAct, useData, useSession } from '../core/api.js'
import { number, short } from '../core/format.js'
import { t } from '../core/i18n.js'
import { html, useState } from '../core/view.js'
import { Card, Empty, Facts, Hash, Loaded, Notice, Page, State, Tip, Time, Trouble } from '../parts/basic.js'
import { Deposit } from '../parts/deposit.js'
import { Confirm, Field } from '../parts/form.js'
import { moneyText } from '../parts/public.js'
import { Table } from '../parts/table.js'

const kinds = { waiting: 'idle', planned: 'wait', signed: 'wait', mined: 'live', final: 'done', refused: 'failed', held: 'failed' }
const PayoutState = ({ state }) => html`<${State} kind=${kinds[state]}>${t(`payouts.state.${state}`)}</${State}>`
const stuck = row => row.state === 'held' || row.state === 'refused'

// "Round 3 of German Credit: pay 5 people"
function whatOf (row) {
  const vars = { model: row.model, round: row.round, n: row.payments?.length ?? 0 }
  return t(`payouts.kind.${row.kind}`, vars)
}

// ---- what needs somebody ----

function Settle ({ row, onClose, onDone }) {
  const [hash, setHash] = useState('')
  const act = useAct(async () => { await send('POST', `/payouts/${row.id}/settle`, { hash: hash.trim() }); onDone() })
  return html`<${Confirm} title=${t('payouts.settle.title')} act=${act} onConfirm=${act.run} onClose=${onClose} submit=${t('payouts.settle')}>
    <p>${t('payouts.settle.lead')}</p>
    <${Field} name="hash" label=${t('payouts.settle.hash')} hint=${t('payouts.settle.hint')} value=${hash} onValue=${setHash} problem=${act.problem} required spellcheck="false" autocomplete="off" /></${Confirm}>`
}

// What a reason means for the one who has to decide, from words of it that we know.
function adviceOf (reason = '') {
  const known = [['InsufficientFunds', 'funds'], ['insufficient', 'gas'], ['Paused', 'paused'], ['nonce', 'nonce'], ['refuses', 'refuses']]
  const found = known.find(([mark]) => reason.includes(mark))
  return t(`payouts.advice.${found ? found[1] : 'other'}`)
}

function Stuck ({ row, onDone }) {
  const [settling, setSettling] = useState(false)
  const retry = useAct(async () => { await send('POST', `/payouts/${row.id}/retry`, {}); onDone() })
  return html`<li class="stuck" id=${`payout-${row.id}`}>
    <div class="row"><${PayoutState} state=${row.state} /><strong>${whatOf(row)}</strong> <span class="quiet">${t('payouts.since')} <${Time} at=${row.changed_at} relative /></span></div>
    <p>${t('payouts.reason', { reason: row.reason ?? t('payouts.reason.none') })}</p>
    <p>${adviceOf(row.reason ?? '')}</p>
    <${Trouble} problem=${retry.problem} />
    ${may('operator') && html`<div class="actions">
      <button type="button" class="main" disabled=${retry.busy} aria-label=${t('payouts.retry.label', { what: whatOf(row) })} onClick=${() => retry.run()}>${t('payouts.retry')}</button>
      <button type="button" aria-label=${t('payouts.settle.label', { what: whatOf(row) })} onClick=${() => setSettling(true)}>${t('payouts.settle')}</button></div>`}
    ${settling && html`<${Settle} row=${row} onClose=${() => setSettling(false)} onDone=${onDone} />`}
  </li>`
}

// ---- what is sent ----

const columns = models => [
  { key: 'id', title: t('payouts.number'), number: true, show: row => number(row.id) },
  { key: 'what', title: t('payouts.what'), value: whatOf, show: row => html`<a href=${`/models/${row.model}`}>${whatOf(row)}</a>` },
  { key: 'state', title: t('payouts.state'), value: row => t(`payouts.state.${row.state}`), show: row => html`<${PayoutState} state=${row.state} />` },
  { key: 'sum', title: t('payouts.sum'), number: true, value: row => sumOf(row), show: row => row.payments?.length ? moneyText(sumOf(row), models.get(row.model)?.policy?.currency ?? null) : '–' },
  { key: 'fee', title: t('payouts.fee'), number: true, value: row => row.fee ?? '', show: row => row.fee ? moneyText(row.fee, null) : '–' },
  { key: 'tx', title: t('payouts.tx'), show: row => html`<${Hash} value=${row.tx} />` },
  { key: 'changed_at', title: t('payouts.changed'), show: row => html`<${Time} at=${row.changed_at} relative />` }
]

const sumOf = row => (row.payments ?? []).reduce((sum, payment) => sum + BigInt(payment.amount), 0n).toString()

function Outbox ({ list, models }) {
  const [state, setState] = useState('')
  return html`<${Card} title=${t('payouts.outbox')} id="outbox">
    <p>${t('payouts.outbox.lead')}</p>
    <${Loaded} from=${list}>${rows => {
      const shown = rows.filter(row => !state || row.state === state).reverse()
      return rows.length
        ? html`<${Field} name="state" kind="select" label=${t('payouts.filter')} options=${[['', t('payouts.filter.all')], ...Object.keys(kinds).map(s => [s, t(`payouts.state.${s}`)])]} value=${state} onValue=${setState} />
          <${Table} caption=${t('payouts.outbox')} rows=${shown} rowKey=${row => row.id} columns=${columns(models)} file="payouts" filter />`
        : html`<${Empty} title=${t('payouts.empty')}><p>${t('payouts.empty.lead')}</p></${Empty}>`
    }}</${Loaded}></${Card}>`
}

// ---- the books ----

function Ledger ({ model, chain }) {
  const books = useData(`/models/${model.model}/ledger`)
  const balance = (rows, kind) => rows.find(row => row.kind === kind)?.balance ?? '0'
  const currency = chain ? model.policy?.currency ?? null : undefined
  const money = text => moneyText(text, currency)
  return html`<${Card} title=${model.name} actions=${html`<a class="button" href=${`/models/${model.model}`}>${t('payouts.model')}</a>`}>
    <${Loaded} from=${books} height=${6}>${({ ledger }) => ledger.length
      ? html`<${Facts} items=${[
          [html`<${Tip} word=${t('payouts.budget')}>${t('payouts.budget.tip')}</${Tip}>`, money(balance(ledger, 'budget').replace(/^-/, ''))],
          ...['due', 'paying', 'claimable', 'paid', 'claimed'].map(kind => [html`<${Tip} word=${t(`payouts.book.${kind}`)}>${t(`payouts.book.${kind}.tip`)}</${Tip}>`, money(balance(ledger, kind))]),
          ...balance(ledger, 'gas') !== '0' ? [[t('payouts.book.gas'), moneyText(balance(ledger, 'gas'), null)]] : []]} />`
      : html`<p class="quiet">${t('payouts.ledger.empty')}</p>`}</${Loaded}>
    ${model.policy && html`<${Deposit} model=${model} />`}
  </${Card}>`
}

async function load (signal) {
  const [{ instance }, models, payouts] = await Promise.all([get('/instance', { signal }), all('/models', 'models', { signal }), all('/payouts', 'payouts', { signal })])
  return { chain: instance.chain, models, payouts }
}

function leadOf ({ chain, payouts }) {
  if (!chain) return t('payouts.lead.nochain')
  const held = payouts.filter(stuck).length
  const running = payouts.filter(row => ['planned', 'signed', 'mined'].includes(row.state)).length
  return `${held ? t('payouts.lead.held', { n: held }) : t('payouts.lead.fine')} ${running ? t('payouts.lead.running', { n: running }) : t('payouts.lead.idle')}`
}

export default function Money () {
  useSession()
  const from = useData(load, 'money')
  const data = from.data
  const held = data?.payouts.filter(stuck) ?? []
  const models = new Map((data?.models ?? []).map(model => [model.model, model]))
  return html`<${Page} title=${t('payouts.title')} lead=${data ? leadOf(data) : t('loading')}>
    <${Loaded} from=${from} height=${30}>${({ chain }) => html`
      ${held.length > 0 && html`<${Card} title=${t('payouts.stuck')} id="held"><ul class="rows">${held.map(row => html`<${Stuck} key=${row.id} row=${row} onDone=${from.reload} />`)}</ul></${Card}>`}
      ${chain && html`<${Notice}>${t('payouts.chain', { id: chain.id, contract: short(chain.contract) })}</${Notice}>`}
      <h2>${t('payouts.books')}</h2>
      ${data.models.length ? html`<div class="columns">${data.models.map(model => html`<${Ledger} key=${model.model} model=${model} chain=${chain} />`)}</div>` : html`<${Empty} title=${t('payouts.nomodels')}><p>${t('payouts.nomodels.lead')}</p>${may('operator') && html`<a class="button" href="/new">${t('new.title')}</a>`}</${Empty}>`}
      ${chain && html`<${Outbox} list=${{ data: data.payouts }} models=${models} />`}`}</${Loaded}>
  </${Page}>`
}
