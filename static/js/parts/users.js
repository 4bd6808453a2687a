// SPDX-License-Identifier: Apache-2.0
// The people who run the instance: their roles, links for new ones and for new passwords.
import { all, send, session, useAct, useData } from '../core/api.js'
import { ago, date } from '../core/format.js'
import { t } from '../core/i18n.js'
import { html, useState } from '../core/view.js'
import { Once } from './account.js'
import { Card, Loaded, State, Time, Trouble } from './basic.js'
import { Confirm, Field, Form } from './form.js'
import { Table } from './table.js'

const roles = ['viewer', 'operator', 'admin']
const path = user => `/users/${encodeURIComponent(user.name)}`

// The link with the words around it, ready to be sent.
const message = made => t('users.message', { name: made.user.name, link: made.link, until: date(made.expires_at) })

function NewUser ({ onMade }) {
  const [name, setName] = useState('')
  const [role, setRole] = useState('viewer')
  const act = useAct(async () => { onMade(await send('POST', '/users', { name: name.trim(), role })); setName('') })
  return html`<${Form} act=${act} onSubmit=${() => act.run()} submit=${t('users.submit')}>
    <div class="fields">
      <${Field} name="name" label=${t('users.name')} hint=${t('users.name.hint')} value=${name} onValue=${setName} problem=${act.problem} required maxlength="64" autocomplete="off" />
      <${Field} name="role" kind="select" label=${t('users.role')} hint=${t(`role.may.${role}`)} options=${roles.map(r => [r, t(`role.${r}`)])} value=${role} onValue=${setRole} problem=${act.problem} />
    </div></${Form}>`
}

function Disable ({ user, onClose, onDone }) {
  const act = useAct(async () => { await send('PUT', path(user), { disabled: true }); onDone() })
  return html`<${Confirm} title=${t('users.disable.title', { name: user.name })} name=${user.name} act=${act} onConfirm=${act.run} onClose=${onClose} submit=${t('users.disable')}>
    <p>${t('users.disable.lead')}</p></${Confirm}>`
}

function Reset ({ user, onClose, onMade }) {
  const [totp, setTotp] = useState(false)
  const act = useAct(async () => onMade(await send('POST', `${path(user)}/reset`, { totp })))
  return html`<${Confirm} title=${t('users.reset.title', { name: user.name })} act=${act} onConfirm=${act.run} onClose=${onClose} submit=${t('users.reset')}>
    <p>${t('users.reset.lead')}</p>
    ${user.totp && html`<${Field} name="totp" kind="check" label=${t('users.reset.totp')} value=${totp} onValue=${setTotp} />`}</${Confirm}>`
}

function standing (user) {
  if (user.disabled) return html`<${State} kind="failed">${t('users.disabled')}</${State}>`
  if (!user.password) return html`<${State} kind="wait">${t('users.invited')}</${State}>`
  return html`<${State} kind="done">${user.totp ? t('users.totp') : t('users.password')}</${State}>`
}

const columns = ({ change, setDialog }) => [
  { key: 'name', title: t('users.name'), show: row => html`<strong>${row.name}</strong>${row.name === session.name ? html` <span class="quiet">${t('users.you')}</span>` : ''}` },
  { key: 'role', title: t('users.role'), value: row => t(`role.${row.role}`), show: row => session.role === 'admin'
    ? html`<select aria-label=${t('users.role.label', { name: row.name })} value=${row.role} onChange=${e => change(row, { role: e.target.value })}>${roles.map(r => html`<option value=${r} selected=${r === row.role}>${t(`role.${r}`)}</option>`)}</select>`
    : t(`role.${row.role}`) },
  { key: 'state', title: t('users.state'), value: row => row.disabled ? t('users.disabled') : row.password ? (row.totp ? t('users.totp') : t('users.password')) : t('users.invited'), show: standing },
  { key: 'seen_at', title: t('users.seen'), show: row => row.seen_at ? html`<${Time} at=${row.seen_at} relative />` : html`<span class="quiet">${t('users.never')}</span>` },
  ...session.role === 'admin'
    ? [{ key: 'acts', title: '', show: row => html`<span class="actions">
        <button type="button" onClick=${() => setDialog({ kind: 'reset', user: row })}>${t('users.reset')}</button>
        ${row.disabled
          ? html`<button type="button" onClick=${() => change(row, { disabled: false })}>${t('users.enable')}</button>`
          : html`<button type="button" onClick=${() => setDialog({ kind: 'disable', user: row })}>${t('users.disable')}</button>`}</span>` }]
    : []
]

// Shows when the pages' own role was lost by the change, too: the server says so.
export function Users ({ list }) {
  const [made, setMade] = useState(null)
  const [dialog, setDialog] = useState(null)
  const act = useAct(async (user, fields) => {
    try { await send('PUT', path(user), fields) } finally { await list.reload() }
  })
  const close = () => setDialog(null)
  return html`<${Card} title=${t('users.title')} id="users">
    <p>${t('users.lead')}</p>
    <${Trouble} problem=${act.problem} />
    ${made && html`<${Once} title=${t('users.made', { name: made.user.name })} hint=${t('users.made.hint', { until: ago(made.expires_at) })} text=${message(made)}>
      <button type="button" onClick=${() => setMade(null)}>${t('once.done')}</button></${Once}>`}
    <${Loaded} from=${list}>${rows => html`<${Table} caption=${t('users.title')} rows=${rows} rowKey=${row => row.name} columns=${columns({ change: act.run, setDialog })} />`}</${Loaded}>
    ${session.role === 'admin' && html`<h3>${t('users.new')}</h3><${NewUser} onMade=${user => { setMade(user); list.reload() }} />`}
    ${dialog?.kind === 'disable' && html`<${Disable} user=${dialog.user} onClose=${close} onDone=${() => { close(); list.reload() }} />`}
    ${dialog?.kind === 'reset' && html`<${Reset} user=${dialog.user} onClose=${close} onMade=${user => { close(); setMade(user); list.reload() }} />`}
  </${Card}>`
}

export const useUsers = () => useData(signal => all('/users', 'users', { signal }), 'users')
