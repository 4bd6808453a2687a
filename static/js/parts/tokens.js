// SPDX-License-Identifier: Apache-2.0
// API tokens: what programs log in with. A new one is shown this once.
import { all, send, session, useAct, useData } from '../core/api.js'
import { t } from '../core/i18n.js'
import { html, useState } from '../core/view.js'
import { Once } from './account.js'
import { Card, Empty, Loaded, Time } from './basic.js'
import { Confirm, Field, Form } from './form.js'
import { Table } from './table.js'

const ranks = ['viewer', 'operator', 'admin']
const day = 86400
const spans = [30 * day, 90 * day, 365 * day, null]

function NewToken ({ models, onMade }) {
  const [form, setForm] = useState({ name: '', role: 'viewer', model: '', span: 0 })
  const set = key => value => setForm(old => ({ ...old, [key]: value }))
  const act = useAct(async () => {
    onMade(await send('POST', '/tokens', { name: form.name.trim(), role: form.role, model: form.model || null, expires_in: spans[form.span] }))
    setForm(old => ({ ...old, name: '' }))
  })
  const roles = ranks.slice(0, ranks.indexOf(session.role) + 1)
  return html`<${Form} act=${act} onSubmit=${() => act.run()} submit=${t('tokens.submit')}>
    <div class="fields">
      <${Field} name="name" label=${t('tokens.name')} hint=${t('tokens.name.hint')} value=${form.name} onValue=${set('name')} problem=${act.problem} required maxlength="64" autocomplete="off" />
      <${Field} name="role" kind="select" label=${t('tokens.role')} hint=${t(`role.may.${form.role}`)} options=${roles.map(role => [role, t(`role.${role}`)])} value=${form.role} onValue=${set('role')} problem=${act.problem} />
      <${Field} name="model" kind="select" label=${t('tokens.model')} hint=${t('tokens.model.hint')} options=${[['', t('tokens.model.all')], ...models.map(m => [m.model, m.name])]} value=${form.model} onValue=${set('model')} problem=${act.problem} />
      <${Field} name="expires_in" kind="select" label=${t('tokens.span')} options=${spans.map((span, i) => [String(i), span ? t('tokens.days', { n: span / day }) : t('tokens.never')])} value=${String(form.span)} onValue=${i => set('span')(Number(i))} problem=${act.problem} />
    </div></${Form}>`
}

function Removal ({ token, onClose, onDone }) {
  const act = useAct(async () => { await send('DELETE', `/tokens/${token.id}`); onDone() })
  return html`<${Confirm} title=${t('tokens.end.title', { name: token.name })} act=${act} onConfirm=${act.run} onClose=${onClose} submit=${t('tokens.end')}>
    <p>${t('tokens.end.lead')}</p></${Confirm}>`
}

const columns = onEnd => [
  { key: 'name', title: t('tokens.name') },
  ...session.role === 'admin' ? [{ key: 'user', title: t('tokens.owner'), show: row => row.user ?? html`<span class="quiet">${t('tokens.nobody')}</span>` }] : [],
  { key: 'role', title: t('tokens.role'), value: row => t(`role.${row.role}`) },
  { key: 'model', title: t('tokens.model'), value: row => row.model ?? t('tokens.model.all') },
  { key: 'used_at', title: t('tokens.used'), show: row => row.used_at ? html`<${Time} at=${row.used_at} relative />` : t('tokens.unused') },
  { key: 'expires_at', title: t('tokens.until'), show: row => row.expires_at ? html`<${Time} at=${row.expires_at} />` : t('tokens.never') },
  { key: 'acts', title: '', show: row => html`<button type="button" aria-label=${t('tokens.end.label', { name: row.name })} onClick=${() => onEnd(row)}>${t('tokens.end')}</button>` }
]

export function Tokens () {
  const list = useData(signal => all('/tokens', 'tokens', { signal }), 'tokens')
  const models = useData(signal => all('/models', 'models', { signal }), 'models')
  const [made, setMade] = useState(null)
  const [ending, setEnding] = useState(null)
  return html`<${Card} title=${t('tokens.title')}>
    <p>${t('tokens.lead')} <a href="/api">${t('tokens.docs')}</a></p>
    ${made && html`<${Once} title=${t('tokens.made')} hint=${t('tokens.made.hint')} text=${made.token}><button type="button" onClick=${() => setMade(null)}>${t('once.done')}</button></${Once}>`}
    <${Loaded} from=${list}>${rows => rows.length
      ? html`<${Table} caption=${t('tokens.title')} rows=${rows} rowKey=${row => row.id} columns=${columns(setEnding)} />`
      : html`<${Empty} title=${t('tokens.empty')}><p>${t('tokens.empty.lead')}</p></${Empty}>`}</${Loaded}>
    <h3>${t('tokens.new')}</h3>
    <${NewToken} models=${models.data ?? []} onMade=${token => { setMade(token); list.reload() }} />
    ${ending && html`<${Removal} token=${ending} onClose=${() => setEnding(null)} onDone=${() => { setEnding(null); list.reload() }} />`}
  </${Card}>`
}
