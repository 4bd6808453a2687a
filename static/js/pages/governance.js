// SPDX-License-Identifier: Apache-2.0
// What is voted on, how the vote stands, until when, and what it would change.
import { all, get, useData } from '../core/api.js'
import { amount, number, percent } from '../core/format.js'
import { t } from '../core/i18n.js'
import { html, useEffect, useState } from '../core/view.js'
import { Card, Command, Countdown, Empty, Hash, Loaded, Notice, Page, State, Time } from '../parts/basic.js'
import { moneyText } from '../parts/public.js'
import { connect, useWalletAct, WalletState } from '../parts/wallet.js'

const kinds = { active: 'live', pending: 'wait', succeeded: 'wait', queued: 'wait', executed: 'done', defeated: 'failed', canceled: 'failed', expired: 'failed' }
const unlimited = ['4294967295', '18446744073709551615']
const plain = text => unlimited.includes(String(text)) ? t('gov.nolimit') : number(BigInt(text))

// ---- what it changes ----

async function modelsById (signal) {
  const [models, { modelId }] = await Promise.all([all('/models', 'models', { signal }), import('../core/wallet.js')])
  return new Map(models.map(m => [modelId(m.model), m]))
}

function policyLines (call, model) {
  const now = model?.policy
  const line = (key, shown) => {
    const after = shown(call[key])
    const before = now ? shown(now[key]) : null
    return { key, after, before, changes: before !== after }
  }
  return [line('minimum', plain), line('maximum_rounds', plain), line('privacy_budget', plain), line('reward_cap', x => moneyText(String(x), now ? now.currency : undefined))]
}

function Call ({ call, models }) {
  const model = models?.get(call.model?.replace(/^0x/, ''))
  const name = model ? html`<a href=${`/models/${model.model}`}>${model.name}</a>` : html`<${Hash} value=${call.model ?? call.target} />`
  if (call.kind === 'policy') {
    const lines = policyLines(call, model)
    const changed = lines.filter(l => l.changes)
    return html`<div><p>${t('gov.policy')} ${name}</p><ul class="changes">${(changed.length ? changed : lines).map(l => html`<li>${t(`gov.${l.key}`)}:
      ${l.before !== null && l.changes && html` <s><span class="unseen">${t('gov.before')} </span>${l.before}</s> →`} <strong>${l.after}</strong></li>`)}</ul></div>`
  }
  if (call.kind === 'spec') return html`<p>${t('gov.spec')} ${name}: <${Hash} value=${call.spec} />${model?.spec === call.spec && html` <span class="quiet">${t('gov.spec.newest')}</span>`}</p>`
  return html`<p>${t('gov.call')} <${Hash} value=${call.target} /> <code class="wrap">${call.data}</code></p>`
}

// ---- how it stands ----

const votes = text => Number(BigInt(text) / 10n ** 12n) / 1e6

function Tally ({ proposal: p }) {
  const [yes, no, abstain, quorum] = [p.for, p.against, p.abstain, p.quorum].map(votes)
  const most = Math.max(yes + abstain, no, quorum, 1e-6)
  const rows = [['for', yes, 'done'], ['against', no, 'failed'], ['abstain', abstain, 'idle']]
  return html`<div class="tally">${rows.map(([key, n, kind]) => html`<div class="group" key=${key}><span>${t(`gov.${key}`)}</span>
      <span class="vote-bar" role="img" aria-label=${t('gov.votes', { n })} ref=${el => { if (el) el.firstElementChild.style.inlineSize = `${100 * n / most}%` }}><span class=${`fill ${kind}`}></span></span><span class="numbers">${amount(p[key], 18)}</span></div>`)}
    <p class="quiet">${yes + abstain >= quorum ? t('gov.quorum.met', { quorum: amount(p.quorum, 18) }) : t('gov.quorum.missing', { quorum: amount(p.quorum, 18), share: percent(quorum ? (yes + abstain) / quorum : 0, 0) })}</p></div>`
}

function Clock ({ proposal: p }) {
  if (p.state === 'pending') return html`<p>${t('gov.begins')} <${Countdown} until=${p.vote_start} /></p>`
  if (p.state === 'active') return html`<p>${t('gov.ends')} <${Time} at=${p.vote_end} /> (<${Countdown} until=${p.vote_end} />)</p>`
  if (p.state === 'queued') return p.eta * 1000 > Date.now() ? html`<p>${t('gov.timelock')} <${Countdown} until=${p.eta} /></p>` : html`<p>${t('gov.executable')}</p>`
  return null
}

// ---- voting ----

async function cast (tell, proposal, support) {
  const { instance } = await get('/instance')
  const { wallet, provider, account } = await connect(tell)
  tell('chain')
  await wallet.onChain(provider, instance.chain.id)
  const registry = instance.chain.contract
  const [governor, voice] = await Promise.all([wallet.contractOf(provider, registry, 'governor'), wallet.contractOf(provider, registry, 'voice')])
  if (await wallet.hasVoted(provider, governor, proposal.id, account)) throw new wallet.WalletTrouble('voted')
  if (await wallet.votesOf(provider, voice, account) === 0n) throw new wallet.WalletTrouble('novoice')
  tell('confirm')
  return wallet.sendCall(provider, { from: account, to: governor, data: wallet.encodeVote(proposal.id, support) }, hash => tell('mining', hash))
}

function Vote ({ proposal, onDone }) {
  const act = useWalletAct(cast)
  const vote = async support => { if (await act.run(proposal, support)) onDone() }
  return html`<div class="stack"><div class="actions" role="group" aria-label=${t('gov.vote')}>
      <button type="button" class="main" disabled=${act.busy} onClick=${() => vote(1)}>${t('gov.vote.for')}</button>
      <button type="button" disabled=${act.busy} onClick=${() => vote(0)}>${t('gov.vote.against')}</button>
      <button type="button" disabled=${act.busy} onClick=${() => vote(2)}>${t('gov.vote.abstain')}</button></div>
    <${WalletState} act=${act} done=${t('gov.voted')} />
    <details><summary>${t('gov.command')}</summary><${Command}>${`chorus vote ${proposal.id} for --key YOUR-KEYSTORE.json`}</${Command}></details></div>`
}

function Proposal ({ proposal: p, models, onDone }) {
  return html`<${Card} title=${p.description || t('gov.untitled')} id=${`p-${p.id.slice(0, 12)}`} actions=${html`<${State} kind=${kinds[p.state]}>${t(`gov.state.${p.state}`)}</${State}>`}>
    <${Clock} proposal=${p} />
    <div class="columns"><div class="stack"><h3>${t('gov.changes')}</h3>${p.calls.map(call => html`<${Call} call=${call} models=${models} />`)}</div>
      <div class="stack"><h3>${t('gov.tally')}</h3><${Tally} proposal=${p} /></div></div>
    ${p.state === 'active' && html`<${Vote} proposal=${p} onDone=${onDone} />`}
    ${p.state === 'succeeded' && html`<p>${t('gov.next.queue')}</p><${Command}>${`chorus queue ${p.id} --key YOUR-KEYSTORE.json`}</${Command}>`}
    ${p.state === 'queued' && html`<p>${t('gov.next.execute')}</p><${Command}>${`chorus execute ${p.id} --key YOUR-KEYSTORE.json`}</${Command}>`}
    <p class="quiet row"><span>${t('gov.by')}</span><${Hash} value=${p.proposer} /><span>${t('gov.id')}</span><${Hash} value=${p.id} /></p></${Card}>`
}

function leadText (list) {
  const open = list.filter(p => p.state === 'active').length
  if (open) return t('gov.lead.open', { n: open })
  const waiting = list.filter(p => ['pending', 'succeeded', 'queued'].includes(p.state)).length
  return waiting ? t('gov.lead.waiting', { n: waiting }) : t('gov.lead.none')
}

const busy = problem => problem?.slug === 'busy'

export default function Governance () {
  const found = useData(signal => get('/governance/proposals', { signal }).then(r => r.proposals), 'proposals')
  const models = useData(modelsById, 'models by id').data
  const [, turn] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => { if (!document.hidden) { found.reload(); turn(n => n + 1) } }, busy(found.problem) ? 2000 : 8000)
    return () => clearInterval(timer)
  }, [busy(found.problem)])
  const nochain = found.problem?.slug === 'no-chain'
  if (nochain && !found.data) {
    return html`<${Page} title=${t('gov.title')} lead=${t('gov.lead.nochain')}><${Empty} title=${t('gov.nochain')}><p>${t('gov.nochain.what')}</p></${Empty}></${Page}>`
  }
  const waiting = busy(found.problem) ? { loading: true } : found
  return html`<${Page} title=${t('gov.title')} lead=${found.data ? leadText(found.data) : t('gov.lead.loading')}>
    <${Loaded} from=${found.data ? found : waiting} height=${16}>${list => list.length
      ? list.map(p => html`<${Proposal} key=${p.id} proposal=${p} models=${models} onDone=${found.reload} />`)
      : html`<${Empty} title=${t('gov.none')}><p>${t('gov.none.what')}</p><${Command}>${'chorus propose policy MODEL --minimum 5 --key YOUR-KEYSTORE.json'}</${Command}></${Empty}>`}</${Loaded}>
    <${Notice}>${t('gov.voice')}</${Notice}>
  </${Page}>`
}
