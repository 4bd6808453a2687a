// SPDX-License-Identifier: Apache-2.0
// One attempt of a round, live: who is awaited, until when, and what happens then.
import { all, call, get, may, query, send, useAct, useData, useSession } from '../core/api.js'
import { bytes, nameOf, number, percent } from '../core/format.js'
import { t } from '../core/i18n.js'
import { serverNow, setServerTime, useLive } from '../core/live.js'
import { ended, since, standing } from '../core/round.js'
import { html, useCallback, useEffect, useMemo, useRef, useState } from '../core/view.js'
import { Bar, Card, Command, Countdown, Facts, Hash, Loaded, Notice, Page, State, Time, Tip } from '../parts/basic.js'
import { Entries } from '../parts/entries.js'
import { Confirm } from '../parts/form.js'
import { OpenRound } from '../parts/manage.js'
import { Announce, awaitText, currencyOf, failureHelp, failureTitle, Member, Money, nodeOption, OnChain, Phase, thenText, useInstance, whoText } from '../parts/public.js'
import { Legend, Ring } from '../parts/ring.js'
import { Table } from '../parts/table.js'
import { Timeline } from '../parts/timeline.js'

const shownEntries = 30
const shownMembers = 100
const large = 60 // members, from which on not everything is read again and again

// ---- what is read, and read again ----

// The members: again after every change of the round, and while bytes arrive.
function useMembers (ctx, state) {
  const [found, setFound] = useState({ members: [], edges: null })
  const busy = useRef(false)
  const again = useRef(false)
  const read = useCallback(async () => {
    if (busy.current) { again.current = true; return }
    busy.current = true
    try {
      const first = await get(`/rounds/${ctx}/members?limit=200`)
      const rest = first.next ? await all(query(`/rounds/${ctx}/members`, { cursor: first.next }), 'members') : []
      setFound({ members: [...first.members, ...rest], edges: first.edges, known: true })
    } catch { // the next change brings it
      setFound(old => ({ ...old, known: true }))
    } finally {
      busy.current = false
      if (again.current) { again.current = false; setTimeout(read, 300) }
    }
  }, [ctx])
  const key = state && `${state.phase} ${state.joined} ${state.shared} ${state.uploaded} ${state.answered}`
  useEffect(() => { if (key) read() }, [key])
  useEffect(() => {
    if (state?.phase !== 'upload') return
    const timer = setInterval(() => !document.hidden && read(), state.joined > large ? 10000 : 2000)
    return () => clearInterval(timer)
  }, [state?.phase])
  return found
}

// Where in the log the newest few hundred entries begin.
async function nearEnd () {
  const note = await (await call('GET', '/log/checkpoint')).text()
  return Math.max(0, Number(note.split('\n')[1]) - 400)
}

// The entries of this round, each once, in their order; of a large one the newest.
function useEntries (ctx, joined) {
  const [entries, setEntries] = useState([])
  const fresh = useRef(new Set())
  const add = useCallback((more, arrived) => setEntries(old => {
    const byLeaf = new Map(old.map(e => [e.leaf, e]))
    for (const e of more) {
      if (arrived && !byLeaf.has(e.leaf)) fresh.current.add(e.leaf)
      byLeaf.set(e.leaf, e)
    }
    return [...byLeaf.values()].sort((a, b) => a.leaf - b.leaf)
  }), [])
  const last = useRef(0)
  last.current = entries.length ? entries.at(-1).leaf + 1 : 0
  const read = useCallback(async () => {
    const from = last.current || (joined > large ? await nearEnd() : 0)
    const page = await all(query('/log/entries', { ctx, cursor: from || null }), 'entries', { most: 1000 })
    add(page, last.current > 0)
  }, [ctx, joined > large])
  useEffect(() => { if (joined !== undefined) read().catch(() => {}) }, [ctx, joined === undefined])
  return { entries, add, read, fresh: fresh.current }
}

function useEvent (ctx, type, when) {
  return useData(when ? () => get(`/rounds/${ctx}/events/${type}`).catch(problem => { if (problem.status === 404) return null; throw problem }) : null, `${ctx} ${type} ${when}`)
}

// ---- parts ----

function Lead ({ state, terms, graph, anchored }) {
  if (state.phase === 'done') return html`<p class="lead">${t('lead.done', { n: state.uploaded })}</p>`
  if (state.phase === 'failed') return html`<p class="lead">${t('lead.failed')}</p>`
  const then = thenText(state, terms, graph, anchored)
  return html`<div class="await" data-testid="await">
    <p class="lead"><strong>${awaitText(state)}</strong> ${then}</p>
    ${state.deadline_at && html`<p class="await-clock"><${Countdown} until=${state.deadline_at} /> <span class="quiet">${t('await.left')}</span></p>`}
    <${Announce} text=${`${awaitText(state)} ${then}`} /></div>`
}

// To a member who looks on while everybody waits for them.
function You ({ state, chain }) {
  const { participant } = useSession()
  if (!participant || !state.awaited.includes(participant)) return null
  return html`<${Notice} kind="wait" title=${t('you.awaited')}>${t('you.do')}
    <${Command}>${`chorus participate ${state.model} --data YOUR-ROWS.csv${nodeOption(chain)}`}</${Command}></${Notice}>`
}

function Failure ({ state, newest, model }) {
  const { failure } = state
  if (!failure) return null
  const again = newest?.ctx === state.ctx && model?.status === 'active' && may('operator')
  return html`<${Notice} kind="failed" title=${failureTitle(failure)}>
    <span>${failureHelp(failure)} ${t('failure.model')}</span>
    ${newest && newest.ctx !== state.ctx && html` <a href=${`/rounds/${newest.ctx}`}>${t('failure.newest', { round: newest.round, attempt: newest.attempt })}</a>`}</${Notice}>
    ${again && html`<div class="actions"><${OpenRound} model=${model} label=${t('manage.open.again')} /></div>`}`
}

const memberKind = { came: 'done', awaited: 'wait', gone: 'failed', past: 'idle' }

function Arrived ({ member }) {
  if (!member.bytes_due) return html`<span class="quiet">–</span>`
  const words = member.bytes >= member.bytes_due ? bytes(member.bytes) : t('bytes.of', { share: percent(member.bytes / member.bytes_due, 0), all: bytes(member.bytes_due) })
  return html`<span class="arrived"><${Bar} share=${member.bytes / member.bytes_due} kind=${member.bytes >= member.bytes_due ? 'done' : ''} label=${words} /><span class="quiet">${words}</span></span>`
}

function Members ({ found, state }) {
  const columns = [
    { key: 'name', title: t('col.member'), value: nameOf, show: m => html`<${Member} member=${m} />` },
    { key: 'state', title: t('col.state'), value: m => t(`member.${m.state}`), show: m => html`<${State} kind=${memberKind[standing(m, state)]}>${t(`member.${m.state}`)}</${State}>${m.gone_in && html` <span class="quiet">${t('member.gone.in', { phase: t(`phase.${m.gone_in}`) })}</span>`}` },
    { key: 'since', title: t('col.since'), value: m => since(m) ?? 0, show: m => html`<${Time} at=${since(m)} />`, number: true },
    ...state.phase === 'join' || state.phase === 'share' ? [] : [{ key: 'bytes', title: t('col.arrived'), value: m => m.bytes, show: m => html`<${Arrived} member=${m} />` }]
  ]
  const order = useMemo(() => {
    const rank = { awaited: 0, gone: 1, came: 2, past: 3 }
    return [...found.members].sort((a, b) => rank[standing(a, state)] - rank[standing(b, state)] || nameOf(a).localeCompare(nameOf(b)))
  }, [found, state.phase])
  const [whole, setWhole] = useState(false)
  const shown = whole ? order : order.slice(0, shownMembers)
  return html`<${Table} columns=${columns} rows=${shown} rowKey=${m => m.participant} caption=${t('members.caption')} file=${`round-${state.round}-members`} />
    ${shown.length < order.length && html`<div class="actions"><button type="button" onClick=${() => setWhole(true)}>${t('members.all', { n: order.length })}</button></div>`}`
}

function ringLabel (members, state) {
  const count = how => members.filter(m => standing(m, state) === how)
  const late = count('awaited')
  return t('ring.label', { n: members.length, came: count('came').length, awaited: late.length ? whoText(late) : t('ring.nobody'), gone: count('gone').length })
}

function Result ({ state, result, rewards, terms, currency }) {
  const tail = Object.fromEntries((terms?.tail ?? []).map(([kind, name], i) => [`${kind} ${name}`, Number(result.totals[i])]))
  const accuracy = tail['evaluated '] ? tail['correct '] / tail['evaluated '] : null
  const paid = rewards?.reduce((sum, r) => sum + BigInt(r.amount), 0n)
  return html`<${Card} title=${t('result.title')}>
    <p>${t('result.honest', { n: result.count })}</p>
    <${Facts} items=${[
      [t('result.count'), number(result.count)],
      accuracy !== null && [t('result.accuracy'), percent(accuracy)],
      tail['weight '] && [t('result.weight'), number(tail['weight '])],
      paid ? [t('result.paid'), html`<${Money} text=${String(paid)} currency=${currency} />`] : null,
      [t('result.model'), html`<${Hash} value=${result.model} />`]
    ]} />
    ${result.named.length > 0 && html`<${Notice} kind="failed" title=${t('result.named')}>${result.named.map(n => html`<p><${Member} member=${n} />: ${t(`named.${n.reason}`)}</p>`)}</${Notice}>`}
    <div class="actions"><a class="button" href=${`/models/${state.model}`}>${t('result.to')}</a></div>
  </${Card}>`
}

const anchorOrder = ['roster', 'survivors', 'result', 'pay', 'voice']
const anchorKind = { final: 'done', mined: 'live', held: 'failed', refused: 'failed' }
const Anchors = ({ anchors }) => html`<${Card} title=${t('anchors.title')}>
  <p class="quiet">${t('anchors.lead')}</p>
  <ul class="plain">${anchors.map(a => html`<li class="row"><strong>${t(`anchor.${a.kind}`)}</strong>
    <${State} kind=${anchorKind[a.state] ?? 'wait'}>${t(`tx.${a.state}`)}</${State}>
    ${a.tx && html`<${OnChain} value=${a.tx} />`}${a.block && html`<span class="quiet numbers">${t('anchors.block', { block: number(a.block) })}</span>`}
    ${a.reason && html`<span class="quiet">${a.reason}</span>`}</li>`)}</ul></${Card}>`

const Terms = ({ terms, state }) => html`<${Card} title=${t('terms.title')}>
  <${Facts} items=${[
    [t('terms.cohort'), t('terms.cohort.value', { least: state.minimum, most: state.maximum })],
    [t('terms.length'), bytes((terms.d + terms.tail.length) * terms.ring_bits / 8)],
    [t('terms.version'), number(terms.version)],
    [t('terms.opened'), html`<${Time} at=${state.opened_at} />`],
    [html`<${Tip} word="ctx">${t('terms.ctx.tip')}</${Tip}>`, html`<${Hash} value=${state.ctx} />`]
  ]} /></${Card}>`

function Cancel ({ state }) {
  const [asked, setAsked] = useState(false)
  const act = useAct(() => send('POST', `/rounds/${state.ctx}/cancel`, {}))
  const possible = ['join', 'roster', 'share', 'upload'].includes(state.phase) || (state.phase === 'unmask' && state.deadline_at && serverNow() > state.deadline_at)
  if (!may('operator') || !possible) return null
  const confirm = async () => { if (await act.run()) setAsked(false) }
  return html`<button type="button" onClick=${() => setAsked(true)}>${t('round.cancel')}</button>
    ${asked && html`<${Confirm} title=${t('round.cancel.title', { round: state.round })} submit=${t('round.cancel')} act=${act} onConfirm=${confirm} onClose=${() => setAsked(false)}>
      <p>${t('round.cancel.what')}</p></${Confirm}>`}`
}

// ---- the page ----

const Waiting = ({ title, from }) => html`<${Page} title=${title} trail=${[[t('nav.models'), '/']]}><${Loaded} from=${from} height=${40}>${() => ''}</${Loaded}></${Page}>`

// {list, loading}; again while one of them is not final yet.
function useAnchors (state) {
  const [turn, setTurn] = useState(0)
  const kept = useRef([])
  const { data } = useData(() => get(`/rounds/${state.ctx}/anchors`).then(r => r.anchors).catch(() => []), `${state.ctx} anchors ${state.phase} ${state.chain?.state} ${turn}`)
  if (data) kept.current = [...data].sort((a, b) => anchorOrder.indexOf(a.kind) - anchorOrder.indexOf(b.kind) || a.part - b.part)
  useEffect(() => {
    if (!data?.some(a => !['final', 'refused', 'held'].includes(a.state)) || turn > 100) return
    const timer = setTimeout(() => setTurn(turn + 1), 3000)
    return () => clearTimeout(timer)
  }, [data])
  return { list: kept.current, loading: !data }
}

// The page opens where the awaited stands: the round as it is, then as it turns.
function Live ({ state, link, log }) {
  const { ctx } = state
  const found = useMembers(ctx, state)
  const opened = useEvent(ctx, 'open', true)
  const terms = opened.data
  const graph = useEvent(ctx, 'graph', !['join', 'roster'].includes(state.phase)).data
  const result = useEvent(ctx, 'result', state.phase === 'done')
  const failed = useEvent(ctx, 'failed', state.phase === 'failed')
  const rewards = useData(state.phase === 'done' ? () => get(`/rounds/${ctx}/rewards`).then(r => r.rewards).catch(() => []) : null, `${ctx} rewards ${state.phase}`)
  const newest = useData(state.phase === 'failed' ? `/models/${state.model}/round` : null, `${ctx} newest ${state.phase}`).data
  const described = useData(`/models/${state.model}`)
  const model = described.data
  const anchors = useAnchors(state)
  const instance = useInstance()
  const anchored = instance?.chain !== null
  const names = useMemo(() => Object.fromEntries(found.members.map(m => [m.participant, m.name])), [found])
  const drawn = found.members.length > 0
  const first = useRef(true)
  const shown = [opened, described, result, failed, rewards, anchors]
  if (first.current && (!found.known || shown.some(part => part.loading))) return html`<${Waiting} title=${t('round.some')} from=${{}} />`
  first.current = false
  return html`<${Page} title=${t('round.title', { round: state.round, model: model?.name ?? state.model })}
    trail=${[[t('nav.models'), '/'], [model?.name ?? state.model, `/models/${state.model}`]]}
    actions=${html`<${Phase} phase=${state.phase} />${link !== 'live' && !ended(state) ? html`<${State} kind="wait">${t(`link.${link}`)}</${State}>` : ''}<${Cancel} state=${state} />`}>
    <${Lead} state=${state} terms=${terms} graph=${graph} anchored=${anchored} />
    <${You} state=${state} chain=${instance?.chain} />
    ${state.attempt > 1 && html`<p class="quiet">${t('round.attempt', { attempt: state.attempt })}</p>`}
    ${state.phase === 'failed' && html`<${Failure} state=${state} newest=${newest} model=${model} />`}
    ${state.chain && html`<${Notice} kind="wait" title=${t(`tx.${state.chain.state}`)}>${state.chain.reason ?? t('chain.wait')}</${Notice}>`}
    <${Timeline} state=${state} members=${found.members} terms=${terms} failedIn=${failed.data?.phase} />
    ${result.data && html`<${Result} state=${state} result=${result.data} rewards=${rewards.data} terms=${terms} currency=${currencyOf(model)} />`}
    ${drawn && html`<div class="columns round-people">
      <${Card} title=${t('ring.title')}><${Ring} members=${found.members} edges=${found.edges} state=${state} label=${ringLabel(found.members, state)} />
        <${Legend} members=${found.members} state=${state} />
        <p class="quiet">${found.edges ? t('ring.edges', { n: found.edges.length }) : t('ring.later')}</p></${Card}>
      <${Card} title=${t('members.title')}><${Members} found=${found} state=${state} /></${Card}></div>`}
    ${!drawn && found.known && html`<${Card} title=${t('members.title')}><p>${t('members.none')}</p></${Card}>`}
    ${anchors.list.length > 0 && html`<${Anchors} anchors=${anchors.list} />`}
    <div class="columns">
      <${Card} title=${t('entries.title')} actions=${html`<a href=${`/log?ctx=${ctx}`}>${t('entries.all')}</a>`}>
        <p class="quiet">${t('entries.lead')}</p>
        <${Entries} entries=${log.entries.slice(-shownEntries).reverse()} names=${names} fresh=${log.fresh} /></${Card}>
      ${terms && html`<${Terms} terms=${terms} state=${state} />`}
    </div>
  </${Page}>`
}

export default function Round ({ ctx }) {
  const first = useData(`/rounds/${ctx}`)
  const [state, setState] = useState(null)
  const log = useEntries(ctx, first.data?.joined)
  const take = next => {
    if (next.ctx !== ctx) return
    setServerTime(next.now_at)
    setState(old => old && ended(old) && !ended(next) ? old : next)
  }
  useEffect(() => { if (first.data) take(first.data) }, [first.data])
  const poll = () => {
    get(`/rounds/${ctx}`).then(take, () => {})
    log.read().catch(() => {})
  }
  const link = useLive(first.data ? { ctx } : null, { round: take, entry: entry => log.add([entry], true) }, poll)
  if (!state) return html`<${Waiting} title=${t('round.some')} from=${first.data ? {} : first} />`
  return html`<${Live} state=${state} link=${link} log=${log} />`
}
