// SPDX-License-Identifier: Apache-2.0
// Webhooks: who is told what by HTTP, what was not delivered, and why.
import { all, get, send, useAct, useData } from '../core/api.js'
import { number } from '../core/format.js'
import { has, t } from '../core/i18n.js'
import { html, useState } from '../core/view.js'
import { Once } from './account.js'
import { Card, Empty, Loaded, Notice, State, Time, Trouble } from './basic.js'
import { Confirm, Field, Form } from './form.js'
import { Table } from './table.js'

const events = ['round.opened', 'phase.due', 'round.result', 'round.failed', 'payout.final', 'payout.held']

function NewHook ({ models, onMade }) {
  const [url, setUrl] = useState('')
  const [model, setModel] = useState('')
  const [wanted, setWanted] = useState(new Set(events))
  const turn = event => on => setWanted(old => { const next = new Set(old); next[on ? 'add' : 'delete'](event); return next })
  const act = useAct(async () => {
    onMade(await send('POST', '/webhooks', { url: url.trim(), events: events.filter(event => wanted.has(event)), model: model || null }))
    setUrl('')
  })
  return html`<${Form} act=${act} onSubmit=${() => act.run()} submit=${t('hooks.submit')}>
    <div class="fields">
      <${Field} name="url" kind="url" label=${t('hooks.url')} hint=${t('hooks.url.hint')} value=${url} onValue=${setUrl} problem=${act.problem} required autocomplete="off" spellcheck="false" />
      <${Field} name="model" kind="select" label=${t('tokens.model')} options=${[['', t('tokens.model.all')], ...models.map(m => [m.model, m.name])]} value=${model} onValue=${setModel} problem=${act.problem} />
    </div>
    <fieldset><legend>${t('hooks.events')}</legend><div class="ticks">${events.map(event => html`<${Field} key=${event} name=${event} kind="check" label=${t(`hooks.event.${event}`)} value=${wanted.has(event)} onValue=${turn(event)} />`)}</div></fieldset>
  </${Form}>`
}

const kinds = { waiting: 'wait', delivered: 'done', dead: 'failed' }
// event: a name of ours, or one that a newer server has
const eventName = name => has(`hooks.event.${name}`) ? t(`hooks.event.${name}`) : name
const deliveryColumns = retry => [
  { key: 'event', title: t('hooks.event'), value: row => eventName(row.event) },
  { key: 'state', title: t('payouts.state'), value: row => t(`hooks.state.${row.state}`), show: row => html`<${State} kind=${kinds[row.state]}>${t(`hooks.state.${row.state}`)}</${State}>` },
  { key: 'attempts', title: t('hooks.attempts'), number: true },
  { key: 'reason', title: t('hooks.reason'), value: row => [row.status ? t('hooks.status', { status: row.status }) : '', row.reason ?? ''].filter(Boolean).join(': ') },
  { key: 'created_at', title: t('payouts.changed'), show: row => html`<${Time} at=${row.ended_at ?? row.created_at} relative />` },
  { key: 'next_at', title: t('hooks.next'), value: row => row.next_at ?? 0, show: row => row.state === 'waiting' ? html`<${Time} at=${row.next_at} />` : '' },
  { key: 'acts', title: '', show: row => row.state !== 'delivered' && html`<button type="button" aria-label=${t('hooks.retry.label', { event: eventName(row.event), n: row.n })} onClick=${() => retry(row)}>${t('payouts.retry')}</button>` }
]

function Deliveries ({ hook, start }) {
  const [state, setState] = useState(start)
  const list = useData(signal => all(`/webhooks/${hook.id}/deliveries?state=${state}`, 'deliveries', { signal, most: 200 }), `${hook.id} ${state}`)
  const act = useAct(async row => { await send('POST', `/webhooks/${hook.id}/deliveries/${row.n}/retry`, {}); await list.reload() })
  return html`<div class="stack">
    <${Field} name="state" kind="select" label=${t('hooks.show')} options=${Object.keys(kinds).map(s => [s, t(`hooks.state.${s}`)])} value=${state} onValue=${setState} />
    <${Trouble} problem=${act.problem} />
    <${Loaded} from=${list} height=${4}>${rows => rows.length
      ? html`<${Table} caption=${t('hooks.deliveries')} rows=${rows} rowKey=${row => row.n} columns=${deliveryColumns(act.run)} />`
      : html`<p class="quiet">${t(`hooks.none.${state}`)}</p>`}</${Loaded}></div>`
}

function Hook ({ hook, reload }) {
  const [open, setOpen] = useState(false)
  const [removing, setRemoving] = useState(false)
  const [tested, setTested] = useState(null)
  const turn = useAct(async () => { await send('PUT', `/webhooks/${hook.id}`, { active: !hook.active }); await reload() })
  const remove = useAct(async () => { await send('DELETE', `/webhooks/${hook.id}`); reload() })
  const test = useAct(async () => { setTested(null); setTested(await send('POST', `/webhooks/${hook.id}/test`, {})); setOpen(true) })
  return html`<li class="hook">
    <div><span class="row"><strong class="address">${hook.url}</strong> <${State} kind=${hook.active ? 'done' : 'idle'}>${hook.active ? t('hooks.active') : t('hooks.paused')}</${State}></span><p class="quiet">${hook.model ?? t('tokens.model.all')}: ${hook.events.map(event => t(`hooks.event.${event}`)).join(', ')}</p></div>
    <${Trouble} problem=${test.problem ?? turn.problem} />
    ${tested && html`<${Notice} kind="done">${t('hooks.tested')}</${Notice}>`}
    <div class="actions">
      <button type="button" aria-label=${t('hooks.test.label', { url: hook.url })} disabled=${test.busy} onClick=${() => test.run()}>${t('hooks.test')}</button>
      <button type="button" aria-expanded=${String(open)} aria-label=${t('hooks.deliveries.label', { url: hook.url })} onClick=${() => setOpen(!open)}>${t('hooks.deliveries')}${hook.dead ? ` (${number(hook.dead)})` : ''}</button>
      <button type="button" disabled=${turn.busy} aria-label=${t(hook.active ? 'hooks.pause.label' : 'hooks.resume.label', { url: hook.url })} onClick=${() => turn.run()}>${hook.active ? t('hooks.pause') : t('hooks.resume')}</button>
      <button type="button" aria-label=${t('hooks.remove.label', { url: hook.url })} onClick=${() => setRemoving(true)}>${t('hooks.remove')}</button></div>
    ${open && html`<${Deliveries} key=${tested?.n ?? 0} hook=${hook} start=${tested ? 'waiting' : 'dead'} />`}
    ${removing && html`<${Confirm} title=${t('hooks.remove.title')} act=${remove} onConfirm=${remove.run} onClose=${() => setRemoving(false)} submit=${t('hooks.remove')}><p>${t('hooks.remove.lead', { url: hook.url })}</p></${Confirm}>`}
  </li>`
}

export function Webhooks () {
  const list = useData(signal => all('/webhooks', 'webhooks', { signal }), 'webhooks')
  const models = useData(signal => get('/models?limit=200', { signal }), 'models')
  const [made, setMade] = useState(null)
  return html`<${Card} title=${t('hooks.title')} id="webhooks">
    <p>${t('hooks.lead')}</p>
    ${made && html`<${Once} title=${t('hooks.made')} hint=${t('hooks.made.hint')} text=${made.secret}><button type="button" onClick=${() => setMade(null)}>${t('once.done')}</button></${Once}>`}
    <${Loaded} from=${list} height=${4}>${rows => rows.length
      ? html`<ul class="rows">${rows.map(hook => html`<${Hook} key=${hook.id} hook=${hook} reload=${list.reload} />`)}</ul>`
      : html`<${Empty} title=${t('hooks.empty')}><p>${t('hooks.empty.lead')}</p></${Empty}>`}</${Loaded}>
    <h3>${t('hooks.new')}</h3>
    <${NewHook} models=${models.data?.models ?? []} onMade=${hook => { setMade(hook); list.reload() }} />
  </${Card}>`
}
