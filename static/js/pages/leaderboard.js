// SPDX-License-Identifier: Apache-2.0
// Who contributed, how reliably, and what they earned: over all, of a model, of a time.
import { all, query, useData } from '../core/api.js'
import { nameOf, number, percent } from '../core/format.js'
import { t } from '../core/i18n.js'
import { navigate } from '../core/router.js'
import { html } from '../core/view.js'
import { Bar, Card, Command, Empty, Loaded, Page } from '../parts/basic.js'
import { useList } from '../parts/list.js'
import { earnedText, Member } from '../parts/public.js'
import { More, Table } from '../parts/table.js'

const periods = ['all', '30d', '90d', '365d']

const to = (filter, change) => query('/leaderboard', { ...filter, ...change })

function Filter ({ filter }) {
  const models = useData(signal => all('/models', 'models', { signal }), 'models').data ?? []
  const go = change => navigate(to(filter, change), { replace: true })
  return html`<div class="row">
    <label class="row"><span>${t('leader.model')}</span><select class="choice" value=${filter.model ?? ''} onChange=${e => go({ model: e.target.value })}>
      <option value="" selected=${!filter.model}>${t('leader.models')}</option>
      ${models.map(m => html`<option value=${m.model} selected=${m.model === filter.model}>${m.name}</option>`)}</select></label>
    <label class="row"><span>${t('leader.period')}</span><select class="choice" value=${filter.period ?? 'all'} onChange=${e => go({ period: e.target.value === 'all' ? null : e.target.value })}>
      ${periods.map(p => html`<option value=${p} selected=${p === (filter.period ?? 'all')}>${t(`leader.period.${p}`)}</option>`)}</select></label>
    <a class="button" download="leaderboard.csv" href=${`/api/v1${to({ ...filter, format: 'csv' }, {})}`}>${t('leader.csv')}</a></div>`
}

// The share of the most that anybody earned in the same currency.
function shares (rows) {
  const most = {}
  for (const row of rows) for (const e of row.earned ?? []) most[e.currency] = (most[e.currency] ?? 0n) > BigInt(e.amount) ? most[e.currency] : BigInt(e.amount)
  return row => {
    const first = row.earned?.[0]
    return first && most[first.currency] ? Number(BigInt(first.amount) * 1000n / most[first.currency]) / 1000 : 0
  }
}

function Leaders ({ rows, list }) {
  const share = shares(rows)
  const columns = [
    { key: 'rank', title: t('leader.rank'), number: true },
    { key: 'name', title: t('col.member'), value: nameOf, show: l => html`<${Member} member=${l} />` },
    { key: 'rounds', title: t('leader.rounds'), number: true, show: l => number(l.rounds) },
    { key: 'reliability', title: t('leader.reliability'), number: true, show: l => html`<span title=${t('leader.of', { some: l.rounds, all: l.joined })}>${percent(l.reliability, 0)}</span>` },
    ...rows.some(l => l.samples !== null) ? [{ key: 'samples', title: t('leader.samples'), value: l => l.samples ?? 0, show: l => l.samples === null ? '–' : number(l.samples), number: true }] : [],
    ...rows.some(l => l.earned?.length) ? [{ key: 'earned', title: t('leader.earned'), value: share, show: l => html`<span class="reward"><span class="numbers">${earnedText(l.earned)}</span><${Bar} share=${share(l)} label=${earnedText(l.earned)} /></span>` }] : []
  ]
  return html`<${Table} columns=${columns} rows=${rows} rowKey=${l => l.participant} caption=${t('leader.title')} /><${More} list=${list} />`
}

function leadText (rows) {
  const [top] = rows
  const count = rows.filter(l => l.rounds > 0).length
  if (!count) return t('leader.lead.none')
  return t('leader.lead', { n: count, who: nameOf(top), rounds: number(top.rounds) })
}

export default function Leaderboard ({ query: asked }) {
  const filter = Object.fromEntries(['model', 'period'].map(k => [k, asked.get(k)]).filter(([, v]) => v))
  const list = useList(to(filter, {}), 'leaders', 100)
  return html`<${Page} title=${t('leader.title')} lead=${list.data ? leadText(list.data) : t('leader.lead.loading')}>
    <${Card} title=${t('leader.card')}><${Filter} filter=${filter} />
      <${Loaded} from=${list} height=${20}>${rows => rows.length
        ? html`<${Leaders} rows=${rows} list=${list} />`
        : html`<${Empty} title=${t('leader.none')}><p>${t('leader.none.what')}</p><${Command}>${'chorus participate MODEL --data YOUR-ROWS.csv'}</${Command}></${Empty}>`}</${Loaded}>
      <p class="quiet">${t('leader.how')}</p></${Card}>
  </${Page}>`
}
