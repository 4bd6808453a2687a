// SPDX-License-Identifier: Apache-2.0
// Who may take part in a model's rounds: invited, waiting for approval, admitted, suspended.
import { all, get, may, send, useAct, useData, useSession } from '../core/api.js'
import { list as listed, nameOf, number } from '../core/format.js'
import { t } from '../core/i18n.js'
import { useLive } from '../core/live.js'
import { html, useMemo, useState } from '../core/view.js'
import { Card, Facts, Hash, Loaded, Notice, Page, State, Trouble } from '../parts/basic.js'
import { Confirm } from '../parts/form.js'
import { Invite } from '../parts/invite.js'
import { Table } from '../parts/table.js'
import { byOrganisation, Invites, Organisations, useInvites } from './people.js'

function Waiting ({ rows, admit }) {
  if (!rows.length) return null
  const act = admit
  return html`<${Card} title=${t('admit.waiting.title', { n: rows.length })} id="waiting"
      actions=${may('operator') && rows.length > 1 && html`<button type="button" disabled=${act.busy} onClick=${() => act.run(rows)}>${t('admit.approve.all', { n: rows.length })}</button>`}>
    <p>${t('admit.waiting.lead')}</p>
    <${Trouble} problem=${act.problem} />
    <ul class="rows">${rows.map(row => html`<li key=${row.participant}>
      <span><strong>${nameOf(row)}</strong> <span class="quiet">${t('people.organisation')} </span><${Hash} value=${row.organisation} /></span>
      ${may('operator') && html`<button type="button" class="main" disabled=${act.busy} aria-label=${t('admit.approve.label', { name: nameOf(row) })} onClick=${() => act.run([row])}>${t('admit.approve')}</button>`}</li>`)}</ul>
  </${Card}>`
}

function Suspend ({ model, row, onClose, onDone }) {
  const act = useAct(async () => { await send('POST', `/models/${model}/members/${row.participant}/suspend`, {}); onDone() })
  return html`<${Confirm} title=${t('admit.suspend.title', { name: nameOf(row) })} act=${act} onConfirm=${act.run} onClose=${onClose} submit=${t('admit.suspend')}>
    <p>${t('admit.suspend.lead')}</p></${Confirm}>`
}

const kinds = { admitted: 'done', suspended: 'failed' }
const columns = ({ admit, setSuspended }) => [
  { key: 'name', title: t('people.name'), value: row => row.name ?? '', show: row => html`<a href=${`/participants/${row.participant}`}>${nameOf(row)}</a>` },
  { key: 'status', title: t('admit.state'), value: row => t(`admit.${row.status}`), show: row => html`<${State} kind=${kinds[row.status]}>${t(`admit.${row.status}`)}</${State}>` },
  { key: 'organisation', title: t('people.organisation'), show: row => html`<${Hash} value=${row.organisation} />` },
  { key: 'participant', title: t('people.key'), show: row => html`<${Hash} value=${row.participant} />` },
  ...may('operator')
    ? [{ key: 'acts', title: '', show: row => row.status === 'admitted'
        ? html`<button type="button" aria-label=${t('admit.suspend.label', { name: nameOf(row) })} onClick=${() => setSuspended(row)}>${t('admit.suspend')}</button>`
        : html`<button type="button" aria-label=${t('admit.readmit.label', { name: nameOf(row) })} onClick=${() => admit.run([row])}>${t('admit.readmit')}</button>` }]
    : []
]

// What the page says first: who may take part, who waits, and whether that is enough for a round.
function leadOf (model, cohort, members, waiting, open) {
  const admitted = members.filter(row => row.status === 'admitted')
  const organisations = new Set(admitted.map(row => row.organisation)).size
  const missing = cohort.minimum - organisations
  return [
    t('admit.lead', { n: admitted.length, organisations: t('people.lead.organisations', { n: organisations }) }),
    missing > 0 ? t('admit.lead.missing', { n: missing, least: cohort.minimum }) : t('admit.lead.enough', { least: cohort.minimum }),
    waiting.length ? t('admit.lead.waiting', { n: waiting.length, names: listed(waiting.slice(0, 3).map(nameOf)) }) : '',
    t('people.lead.open', { n: open })
  ].filter(Boolean).join(' ')
}

// Everything that the page shows, in one answer, so that the words and the tables are of one moment.
async function load (slug, signal) {
  const [model, spec, members, people] = await Promise.all([
    get(`/models/${slug}`, { signal }), get(`/models/${slug}/spec`, { signal }),
    all(`/models/${slug}/members`, 'members', { signal }), all('/participants', 'participants', { signal })])
  const here = new Set(members.map(row => row.participant))
  return { model, cohort: spec.cohort, members, waiting: people.filter(row => !here.has(row.participant)) }
}

function Body ({ slug, data, invites, reload }) {
  const { model, cohort, members, waiting } = data
  const [suspended, setSuspended] = useState(null)
  const admit = useAct(async rows => {
    try {
      for (const row of rows) await send('POST', `/models/${slug}/members`, { participant: row.participant })
    } finally { await reload() }
  })
  const organisations = useMemo(() => byOrganisation(members), [members])
  const open = (invites.data ?? []).filter(row => row.model === slug && row.status === 'open').length
  const known = organisations.map(o => ({ organisation: o.organisation, label: listed(o.members.slice(0, 2).map(nameOf)) }))
  return html`<${Page} title=${t('admit.title', { name: model.name })} trail=${[[t('nav.models'), '/'], [model.name, `/models/${slug}`]]}
      lead=${leadOf(model, cohort, members, waiting, open)}>
    <${Facts} items=${[[t('admit.fact.admitted'), number(members.filter(row => row.status === 'admitted').length)], [t('admit.fact.waiting'), number(waiting.length)], [t('admit.fact.open'), number(open)], [t('admit.fact.cohort'), t('admit.cohort', cohort)]]} />
    <${Waiting} rows=${waiting} admit=${admit} />
    ${may('operator') && html`<${Card} title=${t('invite.title')} id="invite"><p>${t('invite.lead')}</p><${Invite} model=${model} organisations=${known} onMade=${invites.reload} /></${Card}>`}
    <${Card} title=${t('admit.table')} id="members">
      ${!waiting.length && html`<${Trouble} problem=${admit.problem} />`}
      ${members.length
        ? html`<${Table} caption=${t('admit.table')} rows=${members} rowKey=${row => row.participant} columns=${columns({ admit, setSuspended })} file=${`members-${slug}`} filter />`
        : html`<${Notice}>${t('admit.none')}</${Notice}>`}
    </${Card}>
    ${members.length > 0 && html`<${Organisations} rows=${organisations} />`}
    <${Invites} list=${invites} withModel=${false} keep=${row => row.model === slug} />
    ${suspended && html`<${Suspend} model=${slug} row=${suspended} onClose=${() => setSuspended(null)} onDone=${() => { setSuspended(null); reload() }} />`}
  </${Page}>`
}

export default function Members ({ model: slug }) {
  useSession()
  const from = useData(signal => load(slug, signal), slug)
  const invites = useInvites()
  const reload = () => Promise.all([from.reload(), invites.reload()])
  useLive({}, { entry: ({ event }) => { if (['enroll', 'admit', 'suspend'].includes(event?.type)) reload() } }, () => from.data && from.data.members.length < 500 && reload())
  if (!from.data) return html`<${Page} title=${t('admit.title', { name: slug })}><${Loaded} from=${from} height=${30}>${() => ''}</${Loaded}></${Page}>`
  return html`<${Body} slug=${slug} data=${from.data} invites=${invites} reload=${reload} />`
}
