// SPDX-License-Identifier: Apache-2.0
// What several of the pages for everybody show: members, money, the state of a round in words.
import { get, useData } from '../core/api.js'
import { amount, list, nameOf, number, short, untilClock } from '../core/format.js'
import { has, t } from '../core/i18n.js'
import { here, open, outlook } from '../core/round.js'
import { html, useEffect, useRef, useState } from '../core/view.js'
import { Copy, State } from './basic.js'

export const Member = ({ member, plain }) => plain
  ? nameOf(member)
  : html`<a class="member" href=${`/participants/${member.participant}`} title=${member.participant}>${nameOf(member)}</a>`

// The instance event, read once; what is anchored, and where.
let asked
const instance = () => (asked ??= get('/instance').catch(problem => { asked = undefined; throw problem }))
export const useInstance = () => useData(instance, 'instance').data?.instance

// The names that members show, as far as the leaderboard's first page has them.
const names = () => get('/leaderboard?limit=200').then(page => Object.fromEntries(page.leaders.map(l => [l.participant, l.name])), () => ({}))
export const useNames = () => useData(names, 'names').data ?? {}

// ---- money ----

// Small amounts in small units, so that nobody counts zeros.
function etherText (text) {
  const digits = text.replace('-', '').length
  if (text === '0' || digits > 14) return t('money.ether', { amount: amount(text, 18) })
  return digits > 9 ? t('money.gwei', { amount: amount(text, 9) }) : t('money.wei', { amount: amount(text, 0) })
}

// Whether what is paid is a token; null or zero is ether.
export const isToken = currency => Boolean(currency) && !/^0x0+$/.test(currency)
// currency: null or zero ether, an address a token; undefined: units of an instance without a chain.
export function moneyText (text, currency) {
  if (currency === undefined) return t('money.units', { amount: number(BigInt(text)), n: text.length > 15 ? 2 : Number(text) })
  if (!isToken(currency)) return etherText(text)
  return t('money.token', { amount: number(BigInt(text)), token: short(currency) })
}
export const Money = ({ text, currency }) => html`<span class="numbers">${moneyText(text, currency)}</span>`
export const earnedText = earned => earned?.length ? list(earned.map(e => moneyText(e.amount, e.currency))) : '–'
export const currencyOf = model => model?.policy ? model.policy.currency : undefined

// ---- rounds ----

const kinds = { done: 'done', failed: 'failed' }
export const phaseKind = phase => kinds[phase] ?? 'live'
export const Phase = ({ phase }) => html`<${State} kind=${phaseKind(phase)}>${t(`phase.${phase}`)}</${State}>`

// Three names, and how many more.
export function whoText (people, count = people.length) {
  const shown = people.slice(0, count > 4 ? 3 : 4).map(nameOf)
  return count > shown.length ? t('who.more', { names: shown.join(', '), n: count - shown.length }) : list(shown)
}

// Why an attempt failed: in our words where we have them, else in the server's.
export const failureTitle = failure => has(`failure.${failure.reason}`) ? t(`failure.${failure.reason}`) : failure.title
export const failureHelp = failure => has(`failure.${failure.reason}.do`) ? t(`failure.${failure.reason}.do`) : failure.help

// One sentence on who is awaited, until when, and a second on what happens then.
export function awaitText (state) {
  const until = state.deadline_at ? untilClock(state.deadline_at) : null
  if (state.chain) return t(`await.chain.${state.chain.waiting_for}`)
  if (!here(state)) return t(`await.${state.phase}`)
  if (!state.awaited_count) return t('await.nobody')
  if (state.awaited_count > 4 && !here(state).here) return t('await.all', { n: state.awaited_count, until })
  return t('await.who', { who: whoText(state.waiting ?? state.awaited.map(participant => ({ participant })), state.awaited_count), until })
}

export function thenText (state, terms, graph, anchored) {
  const next = outlook(state, terms, graph, anchored)
  if (!next) return ''
  const vars = { here: next.here, of: next.of, least: next.least, more: next.least - next.here, n: state.awaited_count, until: state.deadline_at ? untilClock(state.deadline_at) : '' }
  if (next.kind === 'open') return next.least && next.here < next.least ? t('then.open.least', { ...vars, n: vars.more }) : t('then.open', vars)
  return t(`then.${state.phase === 'join' ? 'join.' : ''}${next.kind}`, vars)
}

export function roundText (state) {
  if (state.phase === 'done') return t('round.done', { round: state.round })
  if (state.phase === 'failed') return t('round.failed', { round: state.round, why: state.failure ? failureTitle(state.failure) : '' })
  return t('round.open', { round: state.round, phase: t(`phase.${state.phase}`) })
}
export const isOpen = open

// ---- small things ----

// Where the rules stand on a chain, commands need a node of one's own.
export const nodeOption = chain => chain?.id ? ' --rpc YOUR-ETHEREUM-NODE' : ''

// Says `text` to those who listen, when it has stood still for two seconds: it does not chatter.
export function Announce ({ text }) {
  const [said, setSaid] = useState('')
  const first = useRef(true)
  useEffect(() => {
    if (first.current) { first.current = false; return }
    const timer = setTimeout(() => setSaid(text), 2000)
    return () => clearTimeout(timer)
  }, [text])
  return html`<p class="unseen" role="status">${said}</p>`
}

// A transaction or an address: there is no explorer that everybody trusts, so it is copied.
export const OnChain = ({ value }) => html`<span class="hash"><code title=${value}>${short(value)}</code><${Copy} text=${value} /></span>`

export const bp = n => number(n / 10000, { style: 'percent', maximumFractionDigits: 2 })
