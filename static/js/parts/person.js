// SPDX-License-Identifier: Apache-2.0
// What a participant has done and earned: on their own page, and as everybody sees it.
import { all, get, query, useData } from '../core/api.js'
import { dateTime, number, percent } from '../core/format.js'
import { t } from '../core/i18n.js'
import { html } from '../core/view.js'
import { Bar, Card, Command, Empty, Facts, Hash, Loaded, Notice, State, Time } from './basic.js'
import { useList } from './list.js'
import { currencyOf, earnedText, Money, OnChain } from './public.js'
import { More, Table } from './table.js'

// Standing with each model: {model, standing or null}.
export async function standings (id, models, signal) {
  const found = await Promise.all(models.map(async slug => {
    const [model, standing] = await Promise.all([
      get(`/models/${slug}`, { signal }).catch(() => null),
      get(`/models/${slug}/balances/${id}`, { signal }).catch(() => null)])
    return model && { model, standing }
  }))
  return found.filter(Boolean)
}

// The line of the leaderboard, or null for who has not joined a round yet.
export async function lineOf (id, signal) {
  let cursor = null
  for (let i = 0; i < 10; i++) {
    const page = await get(query('/leaderboard', { limit: 200, cursor }), { signal })
    const line = page.leaders.find(l => l.participant === id)
    if (line || !page.next) return line ?? null
    cursor = page.next
  }
  return null
}

export const personLead = (line, mine) => line
  ? t(mine ? 'me.lead' : 'person.lead', { n: line.rounds, rank: number(line.rank), earned: earnedText(line.earned) })
  : t(mine ? 'me.lead.new' : 'person.lead.new')

export const Line = ({ line }) => html`<${Facts} items=${[
  [t('leader.rank'), number(line.rank)],
  [t('leader.rounds'), number(line.rounds)],
  [t('leader.reliability'), html`${percent(line.reliability, 0)} <${Bar} share=${line.reliability} label=${t('leader.reliability.label', { share: percent(line.reliability, 0) })} />`],
  line.samples !== null && [t('leader.samples'), number(line.samples)],
  [t('leader.earned'), earnedText(line.earned)]
]} />`

const kinds = ['due', 'paying', 'paid', 'claimable', 'claimed']

export const Balances = ({ rows, acts }) => html`<div class="stack">${rows.map(({ model, standing }) => html`<section class="balance" key=${model.model}>
  <div class="row"><h3><a href=${`/models/${model.model}`}>${model.name}</a></h3>${model.status === 'retired' && html`<${State} kind="idle">${t('home.retired')}</${State}>`}</div>
  ${standing
    ? html`<${Facts} items=${[[t('balance.earned'), html`<${Money} text=${standing.earned} currency=${currencyOf(model)} />`],
        ...kinds.filter(k => standing[k] !== '0').map(k => [t(`balance.${k}`), html`<${Money} text=${standing[k]} currency=${currencyOf(model)} />`])]} />`
    : html`<p class="quiet">${t('balance.none')}</p>`}
  ${acts?.(model, standing)}</section>`)}</div>`

export function Statement ({ id, models }) {
  const list = useList(`/participants/${id}/statement`, 'statement', 50)
  const currency = slug => currencyOf(models?.find(m => m.model.model === slug)?.model)
  const columns = [
    { key: 'made_at', title: t('statement.when'), show: l => html`<${Time} at=${l.made_at} />` },
    { key: 'kind', title: t('statement.what'), value: l => t(`statement.${l.kind}`) },
    { key: 'model', title: t('statement.model'), show: l => html`<a href=${`/models/${l.model}`}>${l.model}</a>` },
    { key: 'round', title: t('rounds.round'), value: l => l.round ?? '', number: true },
    { key: 'amount', title: t('statement.amount'), show: l => html`<${Money} text=${l.amount} currency=${currency(l.model)} />`, number: true },
    { key: 'tx', title: t('statement.tx'), value: l => l.tx ?? '', show: l => l.tx ? html`<${OnChain} value=${l.tx} /> <span class="quiet">${t(`tx.${l.state}`)}</span>` : '–' }
  ]
  return html`<${Card} title=${t('statement.title')}>
    <${Loaded} from=${list} height=${8}>${rows => rows.length
      ? html`<${Table} columns=${columns} rows=${rows} rowKey=${l => `${l.entry} ${l.kind}`} caption=${t('statement.title')} file="statement" sort=${{ key: 'made_at', down: true }} /><${More} list=${list} />`
      : html`<${Empty} title=${t('statement.none')}><p>${t('statement.none.what')}</p></${Empty}>`}</${Loaded}></${Card}>`
}

// What the log says of their membership: signed by themselves and by the coordinator.
// Where they were paid before.
export function formerAddresses (found) {
  const all = [found.enroll.payout, ...found.changes.filter(c => c.adopt).map(c => c.event.payout)]
  return [...new Set(all.filter(Boolean).map(a => a.toLowerCase()))].filter(a => a !== found.payout?.toLowerCase())
}

const address = text => text ? html`<${Hash} value=${text} />` : t('membership.payout.none')

export function Membership ({ found, mine = false }) {
  const last = found.changes.at(-1)
  const next = last?.adopt === null ? last : null
  return html`<${Card} title=${t('membership.title')}>
  <${Facts} items=${[
    [t('membership.key'), html`<${Hash} value=${found.participant} />`],
    [t('membership.organisation'), html`<${Hash} value=${found.enroll.organisation} />`],
    [t('membership.payout'), address(found.payout)],
    next && [t('membership.payout.next'), address(next.event.payout)]
  ]} />
  ${next && html`<${Notice} kind="wait">${t(next.from ? 'membership.payout.soon' : 'membership.payout.waits', { time: next.from && dateTime(next.from) })}</${Notice}>`}
  ${mine && found.payout && html`<p class="quiet">${t('membership.payout.change')}</p><${Command}>chorus payout 0x…</${Command}>`}
  <ul class="plain">${found.admissions.map(e => html`<li class="row"><${State} kind=${e.type === 'admit' ? 'done' : 'failed'}>${t(`membership.${e.type}`)}</${State}><a href=${`/models/${e.model}`}>${e.model}</a></li>`)}</ul>
  ${!found.admissions.length && html`<${Notice} kind="wait">${t('membership.waiting')}</${Notice}>`}</${Card}>`
}

export const modelsOf = found => [...new Set(found.admissions.map(e => e.model))]

// Their newest messages, each with its place in the log.
export async function messages (id, models, signal, rounds = 4) {
  const found = []
  for (const slug of models.slice(0, 5)) {
    const page = await get(`/models/${slug}/rounds?limit=${rounds}`, { signal }).catch(() => ({ rounds: [] }))
    for (const r of page.rounds) {
      const entries = await all(`/log/entries?ctx=${r.ctx}`, 'entries', { most: 3000, signal })
      found.push(...entries.filter(e => e.event.participant === id).map(e => ({ ...e, model: slug, round: r.round, ctx: r.ctx })))
    }
  }
  return found.sort((a, b) => b.leaf - a.leaf)
}

export const useStandings = (id, models) => useData(models ? signal => standings(id, models, signal) : null, `${id} ${models?.join()}`)
