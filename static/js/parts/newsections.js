// SPDX-License-Identifier: Apache-2.0
// The parts of the form of a new model, from what it is for to when rounds open by themselves.
import { t } from '../core/i18n.js'
import { put, slugOf } from '../core/specform.js'
import { html } from '../core/view.js'
import { Card } from './basic.js'
import { Columns } from './columns.js'
import { Means, says } from './consequences.js'
import { Field } from './form.js'
import { AmountIn, Choice, In, PercentIn, SpanIn, useAt, useSheet } from './specfields.js'

const Section = ({ number, name, children }) => html`<${Card} id=${name} title=${html`<span class="step-number" aria-hidden="true">${number}</span> ${t(`new.${name}`)}`}>${children}</${Card}>`
const More = ({ label, children }) => html`<details class="more"><summary>${label}</summary><div class="stack">${children}</div></details>`

export function Purpose ({ number }) {
  const { state, change, touch } = useSheet()
  const follows = !state.model || state.model === slugOf(state.spec.name ?? '')
  const setName = name => { touch('spec.name'); change(old => ({ ...put(old, 'spec.name', name), ...follows ? { model: slugOf(name) } : {} })) }
  return html`<${Section} number=${number} name="purpose">
    <div class="fields">
      <${In} path="spec.name" label=${t('new.name')} hint=${t('new.name.hint')} onValue=${setName} maxlength="200" required />
      <${In} path="model" label=${t('new.slug')} hint=${t('new.slug.hint')} maxlength="63" required />
    </div>
    <${In} path="spec.purpose" kind="area" label=${t('new.for')} hint=${t('new.for.hint')} maxlength="16384" required />
    <${In} path="spec.consent" kind="area" label=${t('new.consent')} hint=${t('new.consent.hint')} maxlength="16384" required />
  </${Section}>`
}

export const Table = ({ number }) => html`<${Section} number=${number} name="table"><${Columns} /></${Section}>`

function Hidden () {
  const [value, set] = useAt('spec.hidden')
  const read = text => text.split(/[\s,;]+/).filter(Boolean).map(word => /^\d+$/.test(word) ? Number(word) : word)
  return html`<${In} path="spec.hidden" label=${t('new.hidden')} hint=${t('new.hidden.hint')} value=${(value ?? []).join(', ')} onValue=${text => set(read(text))} />`
}

const kinds = ['logistic', 'linear', 'mlp', 'vector']

function Server () {
  const [kind] = useAt('spec.server.kind')
  const { change } = useSheet()
  const defaults = { momentum: '0.9', beta1: '0.9', beta2: '0.99', epsilon: '0.001' }
  const choose = k => change(old => ({ ...old, spec: { ...old.spec, server: { ...defaults, ...old.spec.server, kind: k } } }))
  return html`<h3>${t('new.server')}</h3><p class="hint">${t('new.server.hint')}</p><div class="fields">
    <${In} path="spec.server.kind" kind="select" label=${t('new.server.kind')} hint=${t(`new.server.${kind}`)} options=${['fedavg', 'fedavgm', 'fedadam', 'fedyogi'].map(k => [k, k])} onValue=${choose} />
    <${In} path="spec.server.rate" kind="decimal" label=${t('new.server.rate')} />
    ${kind === 'fedavgm' && html`<${In} path="spec.server.momentum" kind="decimal" label=${t('new.server.momentum')} />`}
    ${['fedadam', 'fedyogi'].includes(kind) && html`<${In} path="spec.server.beta1" kind="decimal" label="β₁" /><${In} path="spec.server.beta2" kind="decimal" label="β₂" /><${In} path="spec.server.epsilon" kind="decimal" label="τ" />`}</div>`
}

export function Training ({ number }) {
  const { state, change, check } = useSheet()
  const { kind } = state.spec
  const choose = k => change(old => ({ ...old, spec: { ...old.spec, kind: k, ...k === 'mlp' && !old.spec.hidden ? { hidden: [32] } : {}, ...k === 'vector' && !old.spec.dimension ? { dimension: 100 } : {} } }))
  return html`<${Section} number=${number} name="training">
    <${Choice} path="spec.kind" legend=${t('new.kind')} onValue=${choose} options=${kinds.map(k => [k, t(`new.kind.${k}`), t(`new.kind.${k}.hint`)])} />
    ${kind === 'mlp' && html`<${Hidden} />`}
    ${kind === 'vector' && html`<${In} path="spec.dimension" kind="integer" label=${t('new.dimension')} hint=${t('new.dimension.hint')} />`}
    ${kind !== 'vector' && html`<div class="fields">
      <${In} path="spec.training.epochs" kind="integer" label=${t('new.epochs')} hint=${t('new.epochs.hint')} />
      <${In} path="spec.training.batch" kind="integer" label=${t('new.batch')} hint=${t('new.batch.hint')} />
      <${In} path="spec.training.rate" kind="decimal" label=${t('new.rate')} hint=${t('new.rate.hint')} />
      <${In} path="spec.training.weight" kind="select" label=${t('new.weight')} hint=${t('new.weight.hint')} options=${[['samples', t('new.weight.samples')], ['equal', t('new.weight.equal')]]} value=${state.spec.training?.weight ?? 'samples'} /></div>`}
    <${Means} check=${check} say=${says.size} />
    <${More} label=${t('new.training.more')}>
      ${kind !== 'vector' && html`<div class="fields">
        <${In} path="spec.training.l2" kind="decimal" label=${t('new.l2')} hint=${t('new.l2.hint')} />
        <${In} path="spec.training.optimiser" kind="select" label=${t('new.optimiser')} options=${[['sgd', 'SGD'], ['adam', 'Adam']]} /></div>`}
      <${Server} /></${More}>
    <${In} path="spec.holdout" kind="check" label=${t('new.holdout')} hint=${t('new.holdout.hint')} />
  </${Section}>`
}

export const Cohort = ({ number }) => {
  const { check } = useSheet()
  return html`<${Section} number=${number} name="cohort">
    <div class="fields">
      <${In} path="spec.cohort.minimum" kind="integer" label=${t('new.minimum')} hint=${t('new.minimum.hint')} />
      <${In} path="spec.cohort.maximum" kind="integer" label=${t('new.maximum')} hint=${t('new.maximum.hint')} />
    </div>
    <${Means} check=${check} say=${says.cohort} />
    <h3>${t('new.deadlines')}</h3>
    <p class="hint">${t('new.deadlines.hint')}</p>
    <div class="fields">${['join', 'share', 'upload', 'unmask'].map(phase => html`<${SpanIn} key=${phase} path=${`spec.deadlines.${phase}`} label=${t(`new.deadline.${phase}`)} hint=${t(`new.deadline.${phase}.hint`)} />`)}</div>
    <${Means} check=${check} say=${says.time} />
  </${Section}>`
}

function Audit () {
  const [audit] = useAt('spec.audit')
  const { change } = useSheet()
  const set = on => change(old => put(old, 'spec.audit', on ? { audience: 'public', window: 604800 } : undefined))
  return html`<${Field} name="audit" kind="check" label=${t('new.audit')} hint=${t('new.audit.hint')} value=${audit !== undefined} onValue=${set} />
    ${audit && html`<div class="fields"><${In} path="spec.audit.audience" kind="select" label=${t('new.audience')} options=${[['public', t('new.audience.public')], ['members', t('new.audience.members')]]} />
      <${SpanIn} path="spec.audit.window" label=${t('new.window')} hint=${t('new.window.hint')} /></div>`}`
}

export const Privacy = ({ number }) => {
  const { check } = useSheet()
  return html`<${Section} number=${number} name="privacy">
    <p>${t('new.privacy.lead')}</p>
    <div class="fields">
      <${PercentIn} path="spec.cohort.corrupt_bp" label=${t('new.corrupt')} hint=${t('new.corrupt.hint')} />
      <${PercentIn} path="spec.cohort.dropout_bp" label=${t('new.dropout')} hint=${t('new.dropout.hint')} />
      <${In} path="spec.quantisation.clip" kind="decimal" label=${t('new.clip')} hint=${t('new.clip.hint')} />
      <${In} path="spec.quantisation.weight_cap" kind="integer" label=${t('new.cap')} hint=${t('new.cap.hint')} />
    </div>
    <${Means} check=${check} say=${says.privacy} />
    <${More} label=${t('new.privacy.more')}>
      <div class="fields">
        <${In} path="spec.ring_bits" kind="select" label=${t('new.ring')} hint=${t('new.ring.hint')} options=${['16', '24', '32', '40', '48', '64'].map(n => [n, t('new.bits', { n })])} onValue=${useNumber('spec.ring_bits')} />
        <${In} path="spec.quantisation.bits" kind="integer" label=${t('new.bits.label')} hint=${t('new.bits.hint')} />
        <${In} path="spec.quantisation.range" kind="decimal" label=${t('new.range')} hint=${t('new.range.hint')} />
      </div>
      <${Means} check=${check} say=${c => `${says.arithmetic(c)} ${says.bytes(c)}`} />
      <${Audit} /></${More}>
  </${Section}>`
}

function useNumber (path) {
  const [, set] = useAt(path)
  return text => set(Number(text))
}

export const Rules = ({ number, digits }) => html`<${Section} number=${number} name="rules">
  <p>${t('new.rules.lead')}</p>
  <div class="fields">
    <${In} path="policy.minimum" kind="integer" label=${t('new.policy.minimum')} hint=${t('new.policy.minimum.hint')} />
    <${In} path="policy.maximum_rounds" kind="integer" label=${t('new.policy.rounds')} hint=${t('new.policy.none')} />
    <${In} path="policy.privacy_budget" label=${t('new.policy.privacy')} hint=${t('new.policy.privacy.hint')} inputmode="numeric" />
    <${In} path="policy.currency" label=${t('new.policy.currency')} hint=${t('new.policy.currency.hint')} />
    <${AmountIn} path="policy.reward_cap" digits=${digits} label=${t(digits ? 'new.policy.cap.ether' : 'new.policy.cap')} hint=${t('new.policy.cap.hint')} />
  </div></${Section}>`

function Payout ({ digits }) {
  const [payout] = useAt('spec.reward.payout')
  const { change } = useSheet()
  const set = on => change(old => put(old, 'spec.reward.payout', on ? { mode: 'push', threshold: '0', every: 1 } : undefined))
  return html`<${Field} name="payout" kind="check" label=${t('new.payout')} hint=${t('new.payout.hint')} value=${payout !== undefined} onValue=${set} />
    ${payout && html`<div class="fields"><${In} path="spec.reward.payout.mode" kind="select" label=${t('new.payout.mode')} hint=${t(`new.payout.${payout.mode}.hint`)} options=${[['push', t('new.payout.push')], ['claim', t('new.payout.claim')]]} />
      <${AmountIn} path="spec.reward.payout.threshold" digits=${digits} label=${t('new.payout.threshold')} hint=${t('new.payout.threshold.hint')} />
      <${In} path="spec.reward.payout.every" kind="integer" label=${t('new.payout.every')} hint=${t('new.payout.every.hint')} /></div>`}`
}

export function Reward ({ number, digits, chain, currency }) {
  const { state, check, change } = useSheet()
  const scheme = state.spec.reward?.scheme
  const choose = s => change(old => {
    const next = put(old, 'spec.reward.scheme', s)
    return s === 'none' ? put(put(next, 'spec.reward.budget', '0'), 'spec.reward.payout', undefined) : next
  })
  return html`<${Section} number=${number} name="reward">
    <${Choice} path="spec.reward.scheme" legend=${t('new.scheme')} onValue=${choose} options=${['none', 'equal', 'samples'].map(s => [s, t(`new.scheme.${s}`), t(`new.scheme.${s}.hint`)])} />
    ${scheme !== 'none' && html`<div class="fields"><${AmountIn} path="spec.reward.budget" digits=${digits} label=${t(digits ? 'new.budget.ether' : 'new.budget')} hint=${chain ? t('new.budget.chain') : t('new.budget.hint')} /></div>`}
    ${scheme !== 'none' && chain && html`<${Payout} digits=${digits} />`}
    <${Means} check=${check} say=${says.reward(currency)} />
    ${check.consequences?.gas && html`<${Means} check=${check} say=${says.gas} />`}
  </${Section}>`
}

export function Schedule ({ number }) {
  const { state, change } = useSheet()
  const set = on => change(old => put(old, 'schedule', on ? { every: 86400, rounds: 20 } : undefined))
  return html`<${Section} number=${number} name="schedule">
    <${Field} name="scheduled" kind="check" label=${t('new.scheduled')} hint=${t('new.scheduled.hint')} value=${state.schedule !== undefined} onValue=${set} />
    ${state.schedule && html`<div class="fields"><${SpanIn} path="schedule.every" label=${t('new.every')} hint=${t('new.every.hint')} />
      <${In} path="schedule.rounds" kind="integer" label=${t('new.rounds')} hint=${t('new.rounds.hint')} />
      <${In} path="schedule.target" kind="decimal" label=${t('new.target')} hint=${t('new.target.hint')} /></div>`}
  </${Section}>`
}
