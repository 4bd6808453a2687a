// SPDX-License-Identifier: Apache-2.0
// Where one is logged in; an administrator sees it of all who run the instance.
import { all, send, session, useAct, useData } from '../core/api.js'
import { t } from '../core/i18n.js'
import { html } from '../core/view.js'
import { Card, Loaded, State, Time, Trouble } from './basic.js'
import { Table } from './table.js'

// What sent the request, from its User-Agent: enough to tell one's own devices apart.
function device (agent) {
  const browser = [['Edg/', 'Edge'], ['OPR/', 'Opera'], ['Firefox/', 'Firefox'], ['Chrome/', 'Chrome'], ['Safari/', 'Safari']].find(([mark]) => agent?.includes(mark))?.[1]
  const system = ['Android', 'iPhone', 'iPad', 'Windows', 'Mac OS X', 'Linux'].find(mark => agent?.includes(mark))
  if (!browser) return agent || t('sessions.unknown')
  return system ? t('sessions.device', { browser, system: system.replace(' OS X', '') }) : browser
}

const columns = end => [
  { key: 'agent', title: t('sessions.agent'), value: row => device(row.agent), show: row => html`<span title=${row.agent}>${device(row.agent)}</span>${row.current && html` <${State} kind="live">${t('sessions.current')}</${State}>`}` },
  ...session.role === 'admin' ? [{ key: 'user', title: t('sessions.user') }] : [],
  { key: 'address', title: t('sessions.address') },
  { key: 'created_at', title: t('sessions.since'), show: row => html`<${Time} at=${row.created_at} />` },
  { key: 'seen_at', title: t('sessions.seen'), show: row => html`<${Time} at=${row.seen_at} relative />` },
  { key: 'acts', title: '', show: row => !row.current && html`<button type="button" aria-label=${t('sessions.end.label', { device: device(row.agent), user: row.user })} onClick=${() => end(row)}>${t('sessions.end')}</button>` }
]

export const useSessions = () => useData(signal => all('/sessions', 'sessions', { signal }), 'sessions')

export function Sessions ({ list }) {
  const act = useAct(async row => { await send('DELETE', `/sessions/${row.id}`); await list.reload() })
  return html`<${Card} title=${t('sessions.title')}>
    <p>${t({ admin: 'sessions.lead.all', participant: 'sessions.lead.member' }[session.role] ?? 'sessions.lead')}</p>
    <${Trouble} problem=${act.problem} />
    <${Loaded} from=${list}>${rows => html`<${Table} caption=${t('sessions.title')} rows=${rows} rowKey=${row => row.id} columns=${columns(act.run)} />`}</${Loaded}>
  </${Card}>`
}
