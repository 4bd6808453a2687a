// SPDX-License-Identifier: Apache-2.0
// Everybody: members over all models, their organisations, open invites, and who runs the instance.
import { all, useData, useSession } from '../core/api.js'
import { nameOf, number } from '../core/format.js'
import { t } from '../core/i18n.js'
import { html, useMemo } from '../core/view.js'
import { Card, Command, Empty, Facts, Hash, Loaded, Page, State, Time } from '../parts/basic.js'
import { Table } from '../parts/table.js'
import { Users, useUsers } from '../parts/users.js'

const models = row => html`<span class="row">${row.models.map(slug => html`<a href=${`/models/${slug}/members`}>${slug}</a>`)}</span>`

const memberColumns = () => [
  { key: 'name', title: t('people.name'), value: row => row.name ?? '', show: row => html`<a href=${`/participants/${row.participant}`}>${nameOf(row)}</a>` },
  { key: 'models', title: t('people.models'), value: row => row.models.join(' '), show: row => row.models.length ? models(row) : html`<span class="quiet">${t('people.nowhere')}</span>` },
  { key: 'organisation', title: t('people.organisation'), show: row => html`<${Hash} value=${row.organisation} />` },
  { key: 'participant', title: t('people.key'), show: row => html`<${Hash} value=${row.participant} />` }
]

const Members = ({ list }) => html`<${Card} title=${t('people.members.title')} id="members">
  <${Loaded} from=${list}>${rows => rows.length
    ? html`<${Table} caption=${t('people.members.title')} rows=${rows} rowKey=${row => row.participant} columns=${memberColumns()} file="members" filter />`
    : html`<${Empty} title=${t('people.members.empty')}><p>${t('people.members.empty.lead')}</p><a class="button" href="/">${t('missing.home')}</a></${Empty}>`}</${Loaded}>
</${Card}>`

export function byOrganisation (rows) {
  const found = new Map()
  for (const row of rows) found.set(row.organisation, [...found.get(row.organisation) ?? [], row])
  return [...found].map(([organisation, members]) => ({ organisation, members, n: members.length }))
}

const organisationColumns = () => [
  { key: 'members', title: t('people.members'), value: row => row.members.map(nameOf).join(', ') },
  { key: 'n', title: t('people.keys'), number: true, show: row => number(row.n) },
  { key: 'organisation', title: t('people.organisation'), show: row => html`<${Hash} value=${row.organisation} />` }
]

export const Organisations = ({ rows }) => html`<${Card} title=${t('people.organisations.title')} id="organisations">
  <p>${t('people.organisations.lead')}</p>
  ${rows.length
    ? html`<${Table} caption=${t('people.organisations.title')} rows=${rows} rowKey=${row => row.organisation} columns=${organisationColumns()} file="organisations" />`
    : html`<p class="quiet">${t('people.organisations.empty')}</p>`}
</${Card}>`

const kinds = { open: 'wait', used: 'done', expired: 'idle' }
const inviteColumns = withModel => [
  { key: 'status', title: t('invites.state'), value: row => t(`invites.${row.status}`), show: row => html`<${State} kind=${kinds[row.status]}>${t(`invites.${row.status}`)}</${State}>` },
  ...withModel ? [{ key: 'model', title: t('people.models'), show: row => html`<a href=${`/models/${row.model}/members`}>${row.model}</a>` }] : [],
  { key: 'expires_at', title: t('invites.until'), show: row => html`<${Time} at=${row.expires_at} />` },
  { key: 'organisation', title: t('people.organisation'), show: row => html`<${Hash} value=${row.organisation} />` }
]

export const Invites = ({ list, withModel = true, keep = () => true }) => html`<${Card} title=${t('invites.title')} id="invites">
  <p>${t('invites.lead')}</p>
  <${Loaded} from=${list}>${all => {
    const rows = all.filter(keep)
    return rows.length
      ? html`<${Table} caption=${t('invites.title')} rows=${rows.map((row, i) => ({ ...row, i }))} rowKey=${row => row.i} columns=${inviteColumns(withModel)} />`
      : html`<p class="quiet">${t('invites.empty')}</p>`
  }}</${Loaded}>
</${Card}>`

export const useInvites = () => useData(signal => all('/invites', 'invites', { signal }), 'invites')

export default function People () {
  useSession()
  const users = useUsers()
  const members = useData(signal => all('/participants', 'participants', { signal }), 'participants')
  const invites = useInvites()
  const organisations = useMemo(() => byOrganisation(members.data ?? []), [members.data])
  const open = invites.data?.filter(row => row.status === 'open').length
  const there = users.data && members.data && invites.data
  const lead = there ? [t('people.lead.members', { n: members.data.length, organisations: t('people.lead.organisations', { n: organisations.length }) }), t('people.lead.open', { n: open }), t('people.lead.users', { n: users.data.length })].join(' ') : t('loading')
  return html`<${Page} title=${t('people.title')} lead=${lead}>
    <${Facts} items=${there ? [[t('people.fact.members'), number(members.data.length)], [t('people.fact.organisations'), number(organisations.length)], [t('people.fact.open'), number(open)], [t('people.fact.users'), number(users.data.length)]] : []} />
    <${Members} list=${members} />
    ${members.data && html`<${Organisations} rows=${organisations} />`}
    <${Invites} list=${invites} />
    <${Users} list=${users} />
    <${Card} title=${t('people.locked.title')}><p>${t('people.locked')}</p><${Command}>chorusd admin invite NAME</${Command}></${Card}>
  </${Page}>`
}
