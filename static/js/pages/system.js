// SPDX-License-Identifier: Apache-2.0
// Whether the instance works: processes, work that waits, storage, what is erased when, webhooks.
import { get, may, useData, useSession } from '../core/api.js'
import { ago, bytes, duration, number } from '../core/format.js'
import { has, t } from '../core/i18n.js'
import { html, useEffect } from '../core/view.js'
import { Card, Facts, Hash, Loaded, Notice, Page, State, Time } from '../parts/basic.js'
import { moneyText } from '../parts/public.js'
import { Table } from '../parts/table.js'
import { Webhooks } from '../parts/webhooks.js'

const refreshEvery = 10000
const silent = 30 // seconds after which a process counts as gone
const late = 300 // seconds that work may wait

const nameOfJob = kind => has(`system.job.${kind}`) ? t(`system.job.${kind}`) : kind
const alive = (replica, now) => now - replica.seen_at < silent

// The first thing that is wrong, in a sentence, or that all is well.
function judge (s) {
  const living = s.replicas.filter(r => alive(r, s.now_at)).length
  const waiting = s.jobs.reduce((sum, job) => sum + job.waiting, 0)
  const oldest = Math.min(...s.jobs.map(job => job.oldest_at ?? Infinity))
  if (s.read_only) return { kind: 'failed', words: t('system.judge.readonly') }
  if (!living) return { kind: 'wait', words: t('system.judge.silent') }
  if (s.now_at - oldest > late) return { kind: 'wait', words: t('system.judge.late', { n: waiting, since: duration(s.now_at - oldest) }) }
  if (s.connections.open > 0.9 * s.connections.max) return { kind: 'wait', words: t('system.judge.full', { open: s.connections.open, max: s.connections.max }) }
  if (s.chain?.seen_at && s.now_at - s.chain.seen_at > late) return { kind: 'wait', words: t('system.judge.chain', { since: duration(s.now_at - s.chain.seen_at) }) }
  const versions = new Set(s.replicas.filter(r => alive(r, s.now_at)).map(r => r.version))
  if (versions.size > 1) return { kind: 'wait', words: t('system.judge.versions', { versions: [...versions].join(', ') }) }
  return { kind: 'done', words: t('system.judge.well', { n: living }) + ' ' + (waiting ? t('system.judge.busy', { n: waiting }) : t('system.judge.calm')) }
}

const Replicas = ({ system }) => html`<${Card} title=${t('system.replicas')}>
  <${Table} caption=${t('system.replicas')} rows=${system.replicas} rowKey=${row => row.name} columns=${[
    { key: 'name', title: t('system.name') },
    { key: 'state', title: t('system.state'), value: row => alive(row, system.now_at), show: row => html`<${State} kind=${alive(row, system.now_at) ? 'done' : 'idle'}>${alive(row, system.now_at) ? t('system.alive') : t('system.gone')}</${State}>` },
    { key: 'version', title: t('system.version') },
    { key: 'started_at', title: t('system.started'), show: row => html`<${Time} at=${row.started_at} relative />` },
    { key: 'seen_at', title: t('system.seen'), show: row => html`<${Time} at=${row.seen_at} relative />` }]} />
</${Card}>`

const Jobs = ({ system }) => html`<${Card} title=${t('system.jobs')}>
  ${system.jobs.length
    ? html`<${Table} caption=${t('system.jobs')} rows=${system.jobs} rowKey=${row => row.kind} columns=${[
      { key: 'kind', title: t('system.work'), value: row => nameOfJob(row.kind) },
      { key: 'waiting', title: t('system.waiting'), number: true },
      { key: 'running', title: t('system.running'), number: true },
      { key: 'oldest_at', title: t('system.oldest'), value: row => row.oldest_at ?? 0, show: row => html`<${Time} at=${row.oldest_at} relative />` }]} />`
    : html`<p class="quiet">${t('system.jobs.none')}</p>`}
</${Card}>`

const Storage = ({ system }) => html`<${Card} title=${t('system.storage')}>
  <${Facts} items=${[[t('system.database'), bytes(system.storage.database)], [t('system.vectors'), bytes(system.storage.vectors)], [t('system.entries'), number(system.storage.log_entries)], [t('system.tiles'), number(system.storage.log_tiles)]]} />
  <h3>${t('system.retention')}</h3>
  <p>${t('system.retention.lead')}</p>
  ${system.retention.length
    ? html`<${Table} caption=${t('system.retention')} rows=${system.retention} rowKey=${row => row.ctx} columns=${[
      { key: 'model', title: t('people.models'), show: row => html`<a href=${`/rounds/${row.ctx}`}>${t('system.round', { model: row.model, round: row.round })}</a>` },
      { key: 'vectors_until', title: t('system.until'), show: row => html`<${Time} at=${row.vectors_until} />` }]} />`
    : html`<p class="quiet">${t('system.retention.none')}</p>`}
</${Card}>`

const blockOf = n => n === null ? '–' : number(n)
const Chain = ({ chain, now }) => html`<${Card} title=${t('system.chain')}>
  <${Facts} items=${[[t('system.chain.id'), String(chain.id)], [t('system.chain.head'), blockOf(chain.head)], [t('system.chain.final'), blockOf(chain.final)], [t('system.chain.seen'), chain.seen_at ? ago(chain.seen_at, now) : t('system.chain.never')], [t('system.chain.balance'), chain.balance === null ? '–' : moneyText(String(chain.balance), null)]]} />
  <p>${t('system.chain.relayer')} <${Hash} value=${chain.relayer} /></p>
</${Card}>`

// ---- figures for machines, at a glance ----

// The samples of a Prometheus text: [{name, labels, value}].
function samples (text) {
  return text.split('\n').map(line => /^([a-z_:][\w:]*)(?:\{(.*)\})? (\S+)/i.exec(line)).filter(Boolean)
    .map(([, name, labels = '', value]) => ({ name, labels, value: Number(value) })).filter(row => !row.name.endsWith('_bucket'))
}

async function loadMetrics (signal) {
  const reply = await fetch('/metrics', { signal })
  return reply.ok && !(reply.headers.get('content-type') ?? '').includes('html') ? samples(await reply.text()) : []
}

function Metrics () {
  const from = useData(loadMetrics, 'metrics')
  return html`<${Card} title=${t('system.metrics')}>
    <p>${t('system.metrics.lead')} <code>/metrics</code></p>
    <details><summary>${t('system.metrics.show')}</summary>
      <${Loaded} from=${from} height=${4}>${rows => rows.length
        ? html`<${Table} caption=${t('system.metrics')} rows=${rows} rowKey=${row => row.name + row.labels} filter columns=${[
          { key: 'name', title: t('system.metrics.name'), show: row => html`<code>${row.name}</code>` },
          { key: 'labels', title: t('system.metrics.labels'), show: row => html`<code>${row.labels}</code>` },
          { key: 'value', title: t('system.metrics.value'), number: true, show: row => number(row.value) }]} />`
        : html`<p class="quiet">${t('system.metrics.none')}</p>`}</${Loaded}></details>
  </${Card}>`
}

export default function System () {
  useSession()
  const from = useData('/system')
  useEffect(() => {
    const timer = setInterval(() => document.hidden || from.reload(), refreshEvery)
    return () => clearInterval(timer)
  }, [])
  const verdict = from.data && judge(from.data)
  return html`<${Page} title=${t('system.title')} lead=${verdict ? verdict.words : from.problem ? null : t('loading')}>
    <${Loaded} from=${from} height=${30}>${system => html`
      <${Facts} items=${[[t('system.health'), html`<${State} kind=${verdict.kind}>${t(`system.health.${verdict.kind}`)}</${State}>`], [t('system.version'), system.version], [t('system.schema'), number(system.schema)], [t('system.streams'), number(system.streams)], [t('system.connections'), t('system.of', { n: number(system.connections.open), max: number(system.connections.max) })]]} />
      ${system.read_only && html`<${Notice} kind="failed" title=${t('system.readonly.title')}>${t('system.readonly')}</${Notice}>`}
      <${Replicas} system=${system} />
      <div class="columns"><${Jobs} system=${system} />${system.chain && html`<${Chain} chain=${system.chain} now=${system.now_at} />`}</div>
      <${Storage} system=${system} />
      <${Metrics} />`}</${Loaded}>
    ${may('admin') && html`<${Webhooks} />`}
    <${Card} title=${t('system.programs')}><p>${t('system.programs.lead')} <a href="/api">${t('nav.api')}</a> · <a href="/account">${t('system.programs.tokens')}</a></p></${Card}>
  </${Page}>`
}
