// SPDX-License-Identifier: Apache-2.0
// How the model treats each group of the description: bars with the gap between groups marked.
import { compare, fairMeasures } from '../core/figures.js'
import { list, number, percent } from '../core/format.js'
import { t } from '../core/i18n.js'
import { html, useEffect, useRef } from '../core/view.js'

function GroupBar ({ share, least, most, label }) {
  const holder = useRef()
  useEffect(() => {
    const [fill, gap] = holder.current.children
    fill.style.inlineSize = `${share * 100}%`
    gap.style.insetInlineStart = `${least * 100}%`
    gap.style.inlineSize = `${(most - least) * 100}%`
  })
  return html`<span class="group-bar" role="img" aria-label=${label} ref=${holder}><span class="fill"></span><span class="gap"></span></span>`
}

function Measure ({ found, positive }) {
  const points = number(found.gap * 100, { maximumFractionDigits: 1 })
  return html`<div class="measure"><h3>${t(`fair.${found.measure}`, { positive })}</h3>
    ${found.rows.map(r => html`<div class="group" key=${r.name}><span>${r.name}</span>
      <${GroupBar} ...${r} least=${found.least} most=${found.most} label=${`${r.name}: ${percent(r.share)}`} /><span class="numbers">${percent(r.share)}</span></div>`)}
    ${found.rows.length > 1 && html`<p class="gap-words"><span aria-hidden="true" class="gap-sign"></span>${t('fair.gap', { points })}</p>`}</div>`
}

export function fairText (result, positive) {
  const { rows, gap } = compare(result.groups, 'positive')
  if (rows.length < 2) return null
  return t('fair.lead', { positive, groups: list(rows.map(r => `${r.name} ${percent(r.share, 0)}`)), points: number(gap * 100, { maximumFractionDigits: 0 }) })
}

export const Fairness = ({ result, positive }) => html`<div class="stack">
  <p>${fairText(result, positive) ?? t('fair.few')}</p>
  <div class="columns">${fairMeasures.map(m => compare(result.groups, m)).filter(f => f.rows.length).map(f => html`<${Measure} key=${f.measure} found=${f} positive=${positive} />`)}</div>
  <p class="quiet">${t('fair.honest', { round: result.round })}</p></div>`
