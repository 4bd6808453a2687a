// SPDX-License-Identifier: Apache-2.0
// A model: what it is for, how good it is, under which rules, and how to take part.
import { all, get, may, useData } from '../core/api.js'
import { number, percent } from '../core/format.js'
import { t } from '../core/i18n.js'
import { setServerTime, useLive } from '../core/live.js'
import { ended } from '../core/round.js'
import { html, useEffect, useRef, useState } from '../core/view.js'
import { Card, Command, Countdown, Empty, Facts, Hash, Loaded, Notice, Page, State, Time } from '../parts/basic.js'
import { Curve, hasCurve } from '../parts/curve.js'
import { Fairness } from '../parts/fairness.js'
import { useList } from '../parts/list.js'
import { Manage, OpenRound } from '../parts/manage.js'
import { Announce, currencyOf, failureTitle, Money, nodeOption, Phase, useInstance } from '../parts/public.js'
import { SpecWords } from '../parts/spec.js'
import { More, Table } from '../parts/table.js'
import { nextText } from './home.js'

const base = '/api/v1'

// ---- parts ----

function goodText (results) {
  const last = results?.at(-1)
  if (!last) return ''
  if (Number.isFinite(last.holdout?.accuracy)) return t('model.good.holdout', { share: percent(last.holdout.accuracy), round: last.round })
  if (Number.isFinite(last.accuracy)) return t('model.good.own', { share: percent(last.accuracy), round: last.round })
  return t('model.good.sums', { n: last.count, round: last.round })
}

const Standing = ({ model, round, results }) => html`<div class=${round && !ended(round) ? 'await' : ''}>
  <p class="lead">${goodText(results)} ${nextText(model, round)}</p>
  ${round && !ended(round) && html`<p class="await-clock">${round.deadline_at && html`<${Countdown} until=${round.deadline_at} /> <span class="quiet">${t('await.left')}</span>`}
    <a class="button" href=${`/rounds/${round.ctx}`}>${t('home.watch', { round: round.round })}</a></p>`}
  <${Announce} text=${nextText(model, round)} /></div>`

const Purpose = ({ model }) => html`<${Card} title=${t('model.purpose')}>
  <p class="prose">${model.purpose}</p><h3>${t('model.consent')}</h3><p class="prose">${model.consent}</p>
  ${model.visibility === 'members' && html`<${Notice}>${t('model.membersonly')}</${Notice}>`}</${Card}>`

const unlimited = { maximum_rounds: '4294967295', privacy_budget: '18446744073709551615' }
const spent = (policy, used, most) => String(policy[most]) === unlimited[most]
  ? t('policy.unlimited', { some: number(BigInt(used)) })
  : t('policy.of', { some: number(BigInt(used)), all: number(BigInt(policy[most])) })

function Policy ({ model }) {
  const { policy } = model
  const state = model.chain
  if (!policy && !state) return html`<${Notice}>${t('policy.unchained')}</${Notice}>`
  return html`<section class="stack"><div class="row"><h3>${t('policy.title')}</h3>
      ${state ? html`<${State} kind=${['held', 'refused'].includes(state.state) ? 'failed' : 'wait'}>${t(`tx.${state.state}`)}</${State}>` : html`<${State} kind="done">${t('policy.final')}</${State}>`}</div>
    <p class="quiet">${state ? state.reason ?? t('policy.wait') : t('policy.what')}</p>
    ${policy && html`<${Facts} items=${[
      [t('policy.minimum'), number(policy.minimum)],
      [t('policy.rounds'), spent(policy, policy.results, 'maximum_rounds')],
      [t('policy.privacy'), spent(policy, policy.privacy_spent, 'privacy_budget')],
      [t('policy.reward'), html`<${Money} text=${policy.reward_cap} currency=${policy.currency} />`]
    ]} /><p><a href="/governance">${t('policy.vote')}</a></p>`}</section>`
}

function Rounds ({ model, again }) {
  const rounds = useList(`/models/${model.model}/rounds`, 'rounds', 20)
  useEffect(() => { if (again) rounds.reload() }, [again])
  const columns = [
    { key: 'round', title: t('rounds.round'), value: r => r.round + r.attempt / 100, show: r => html`<a href=${`/rounds/${r.ctx}`}>${r.attempt > 1 ? t('rounds.attempt', { round: r.round, attempt: r.attempt }) : t('rounds.name', { round: r.round })}</a>`, number: false },
    { key: 'phase', title: t('col.state'), value: r => t(`phase.${r.phase}`), show: r => html`<${Phase} phase=${r.phase} />` },
    { key: 'who', title: t('rounds.summed'), value: r => r.uploaded, show: r => r.phase === 'failed' ? html`<span class="quiet">${failureTitle(r.failure)}</span>` : t('policy.of', { some: r.uploaded, all: r.joined }) },
    { key: 'opened', title: t('rounds.opened'), value: r => r.opened_at, show: r => html`<${Time} at=${r.opened_at} />`, number: true }
  ]
  return html`<${Card} title=${t('rounds.title')} id="rounds">
    <${Loaded} from=${rounds} height=${10}>${rows => rows.length
      ? html`<${Table} columns=${columns} rows=${rows} rowKey=${r => r.ctx} caption=${t('rounds.title')} file=${`${model.model}-rounds`} /><${More} list=${rounds} />`
      : html`<${Empty} title=${t('rounds.none')}><p>${t(may('operator') ? 'rounds.none.operator' : 'rounds.none.what')}</p></${Empty}>`}</${Loaded}></${Card}>`
}

const formats = { npy: 'npy', safetensors: 'safetensors', json: 'json', raw: 'bin' }

function Downloads ({ model }) {
  const [round, setRound] = useState(String(model.rounds))
  const name = `${model.model}-${round}`
  const to = format => `${base}/models/${model.model}/weights?round=${round}${format === 'raw' ? '' : `&format=${format}`}`
  const address = `${location.origin}${to('npy')}`
  return html`<${Card} title=${t('down.title')} id="download">
    <p>${t('down.what', { n: model.d })}</p>
    <label class="row"><span>${t('down.round')}</span><select class="choice" value=${round} onChange=${e => setRound(e.target.value)}>
      ${Array.from({ length: model.rounds + 1 }, (_, i) => model.rounds - i).map(r => html`<option value=${String(r)} selected=${String(r) === round}>${r ? t('rounds.name', { round: r }) : t('down.initial')}</option>`)}</select></label>
    <div class="actions">${Object.entries(formats).map(([format, ext]) => html`<a class="button" href=${to(format)} download=${`${name}.${ext}`}>${t(`down.${format}`)}</a>`)}
      <a class="button" href=${`${base}/models/${model.model}/card`} download=${`${model.model}.md`}>${t('down.card')}</a></div>
    <p class="quiet">${t('down.command')}</p>
    <${Command}>${`curl -fo ${name}.npy '${address}'`}</${Command}>
    <p class="quiet">${t('down.checked')}</p>
    <${Command}>${`chorus weights ${model.model} --server ${location.origin} --out ${name}.npy`}</${Command}></${Card}>`
}

function Join ({ model, spec, chain }) {
  const columns = spec?.features ? [...spec.features, spec.target].map(c => /[",\n]/.test(c.name) ? `"${c.name.replaceAll('"', '""')}"` : c.name).join(',') : null
  const rpc = nodeOption(chain)
  return html`<${Card} title=${t('join.title')} id="join">
    <ol class="numbered">
      <li>${t('join.ask')}</li>
      <li>${t('join.enroll')}<${Command}>${"chorus enroll 'LINK' --name 'YOUR ORGANISATION'"}</${Command}></li>
      ${columns && html`<li>${t('join.columns')}<${Command}>${columns}</${Command}></li>`}
      <li>${t('join.participate')}<${Command}>${columns ? `chorus participate ${model.model} --data YOUR-ROWS.csv${rpc}` : `chorus submit ${model.model} --update YOUR-UPDATE.npy --weight 1${rpc}`}</${Command}>
        ${rpc && html`<p class="quiet">${t('join.node')}</p>`}</li>
      <li>${t('join.verify')}<${Command}>${`chorus verify ${model.model} --server ${location.origin}${rpc}`}</${Command}></li>
    </ol></${Card}>`
}

// ---- the page ----

const Waiting = ({ title }) => html`<${Page} title=${title} trail=${[[t('nav.models'), '/']]}><${Loaded} from=${{}} height=${40}>${() => ''}</${Loaded}></${Page}>`

// What was there stays until the next is: nothing jumps when a round ends.
function useLatest (found) {
  const kept = useRef(found)
  if (!found.loading) kept.current = found
  return kept.current
}

function Shown ({ model, round, again, reload }) {
  const described = useLatest(useData(`/models/${model.model}/spec`, `${model.model} ${model.spec}`))
  const measured = useLatest(useData(signal => all(`/models/${model.model}/results`, 'results', { signal }), `${model.model} ${model.rounds}`))
  const [spec, results] = [described.data, measured.data]
  const instance = useInstance()
  const curve = results && ['accuracy', 'loss'].some(m => hasCurve(results, m))
  const grouped = results?.findLast(r => r.groups && Object.keys(r.groups).length)
  const idle = !round || ended(round)
  if (described.loading || measured.loading || (model.current && !round)) return html`<${Waiting} title=${model.name} />`
  return html`<${Page} title=${model.name} trail=${[[t('nav.models'), '/']]}
    actions=${html`${model.status === 'retired' && html`<${State} kind="idle">${t('home.retired')}</${State}>`}
      ${may('operator') && model.status === 'active' && idle && html`<${OpenRound} model=${model} />`}`}>
    <${Standing} model=${model} round=${round} results=${results} />
    <${Facts} items=${[
      [t('home.card.members'), number(model.members)],
      [t('home.card.rounds'), number(model.rounds)],
      [t('terms.version'), number(model.version)],
      [t('model.hash'), html`<${Hash} value=${model.spec} />`]
    ]} />
    <div class="columns">
      <${Purpose} model=${model} />
      <${Card} title=${t('curve.title')}>${curve
        ? html`<${Curve} results=${results} slug=${model.model} />`
        : html`<${Empty} title=${t('curve.none')}><p>${t(spec?.kind === 'vector' ? 'curve.vector' : 'curve.none.what')}</p></${Empty}>`}</${Card}>
    </div>
    ${grouped && spec && html`<${Card} title=${t('fair.title')} id="fairness"><${Fairness} result=${grouped} positive=${spec.positive} /></${Card}>`}
    <${Card} title=${t('spec.title')} id="rules">
      ${spec ? html`<${SpecWords} spec=${spec} model=${model} currency=${currencyOf(model)} />` : null}
      <${Policy} model=${model} /></${Card}>
    <${Rounds} model=${model} again=${again} />
    <div class="columns"><${Join} model=${model} spec=${spec} chain=${instance?.chain} /><${Downloads} key=${model.rounds} model=${model} /></div>
    ${may('operator') && html`<${Manage} model=${model} spec=${spec} onChange=${reload} />`}
  </${Page}>`
}

export default function Model ({ model: slug }) {
  const found = useData(`/models/${slug}`)
  const [model, setModel] = useState(null)
  const [round, setRound] = useState(null)
  const [again, setAgain] = useState(0)
  const takeRound = next => {
    setServerTime(next.now_at)
    setRound(old => {
      if (old?.ctx !== next.ctx || old?.phase !== next.phase) setAgain(n => n + 1)
      return next
    })
  }
  const reload = async () => {
    found.reload()
    get(`/models/${slug}/round`).then(takeRound, () => {})
  }
  useEffect(() => { if (found.data) setModel(found.data) }, [found.data])
  useEffect(() => { if (model?.current && model.current !== round?.ctx) get(`/rounds/${model.current}`).then(takeRound, () => {}) }, [model?.current])
  useLive(found.data ? { model: slug } : null, { round: takeRound, model: setModel }, reload)
  if (!model && !found.problem) return html`<${Waiting} title=${slug} />`
  if (!model) return html`<${Page} title=${found.problem.status === 404 ? t('model.missing') : slug}><${Loaded} from=${found} height=${24}>${() => ''}</${Loaded}></${Page}>`
  return html`<${Shown} model=${model} round=${round} again=${again} reload=${reload} />`
}
