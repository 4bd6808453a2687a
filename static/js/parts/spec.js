// SPDX-License-Identifier: Apache-2.0
// A model's description in words.
import { bytes, duration, number } from '../core/format.js'
import { t } from '../core/i18n.js'
import { html } from '../core/view.js'
import { Facts, Tip } from './basic.js'
import { bp, moneyText } from './public.js'
import { Table } from './table.js'

const range = c => c.type === 'categorical'
  ? c.values.join(', ')
  : 'minimum' in c ? t('spec.between', { low: c.minimum, high: c.maximum }) : t('spec.around', { mean: c.mean, deviation: c.deviation })

function Columns ({ spec, slug }) {
  const rows = [...spec.features, { ...spec.target, target: true }]
  const columns = [
    { key: 'name', title: t('spec.column'), show: c => c.target ? html`<strong>${c.name}</strong> <span class="quiet">${t('spec.target')}</span>` : c.name },
    { key: 'type', title: t('spec.type'), value: c => t(`spec.${c.type}`) },
    { key: 'range', title: t('spec.range'), value: range }
  ]
  return html`<details><summary>${t('spec.columns', { n: rows.length })}</summary>
    <${Table} columns=${columns} rows=${rows} rowKey=${c => c.name} caption=${t('spec.columns', { n: rows.length })} file=${`${slug}-columns`} /></details>`
}

function learns (spec) {
  if (spec.kind === 'vector') return t('spec.vector', { n: spec.dimension })
  const numeric = spec.features.filter(f => f.type === 'numeric').length
  return t(`spec.learns.${spec.kind}`, { target: spec.target.name, n: spec.features.length, numeric, categorical: spec.features.length - numeric, hidden: spec.hidden?.join(' – ') ?? '' })
}

function trains (spec) {
  const { training } = spec
  return training ? t('spec.trains', { n: training.epochs, batch: training.batch, rate: training.rate, optimiser: training.optimiser === 'adam' ? 'Adam' : 'SGD' }) : t('spec.trains.own')
}

const rewards = (spec, currency) => spec.reward.scheme === 'none'
  ? t('spec.reward.none')
  : t(`spec.reward.${spec.reward.scheme}`, { budget: moneyText(spec.reward.budget, currency) }) + (spec.reward.payout?.mode === 'claim' ? ` ${t('spec.reward.claim')}` : '')

const audit = spec => t(spec.audit?.audience === 'members' ? 'spec.audit.members' : 'spec.audit.public', { window: duration(spec.audit?.window ?? 604800) })

const servers = { fedavg: 'FedAvg', fedavgm: 'FedAvgM', fedadam: 'FedAdam', fedyogi: 'FedYogi' }

export const SpecWords = ({ spec, model, currency }) => {
  const { cohort, deadlines, quantisation: q } = spec
  return html`<div class="stack">
    <dl class="said">
      <div><dt>${t('spec.what')}</dt><dd>${learns(spec)}</dd></div>
      <div><dt>${t('spec.how')}</dt><dd>${trains(spec)}</dd></div>
      <div><dt>${t('spec.privacy')}</dt><dd>${t('spec.privacy.what', { least: cohort.minimum })} ${t('spec.privacy.limits', { corrupt: bp(cohort.corrupt_bp), dropout: bp(cohort.dropout_bp) })}</dd></div>
      <div><dt>${t('spec.cohort')}</dt><dd>${t('spec.cohort.what', { least: cohort.minimum, most: cohort.maximum })}</dd></div>
      <div><dt>${t('spec.deadlines')}</dt><dd>${t('spec.deadlines.what', Object.fromEntries(Object.entries(deadlines).map(([k, v]) => [k, duration(v)])))}</dd></div>
      <div><dt>${t('spec.reward')}</dt><dd>${rewards(spec, currency)}</dd></div>
      <div><dt>${t('spec.audit')}</dt><dd>${audit(spec)}</dd></div>
    </dl>
    <${Facts} items=${[
      [t('spec.numbers'), number(model.d)],
      [t('spec.bytes'), bytes(model.d * spec.ring_bits / 8)],
      [html`<${Tip} word=${t('spec.clip')}>${t('spec.clip.tip')}</${Tip}>`, `${q.clip} / ±${q.range}`],
      [t('spec.ring'), t('spec.ring.value', { ring: spec.ring_bits, bits: q.bits })],
      [t('spec.server'), servers[spec.server.kind]]
    ]} />
    ${spec.features && html`<${Columns} spec=${spec} slug=${model.model} />`}
  </div>`
}
