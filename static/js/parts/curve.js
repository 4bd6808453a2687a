// SPDX-License-Identifier: Apache-2.0
// The learning curve: how good the model is after each round, on the hold-out and on the participants'
// own rows. uPlot draws it and is fetched only here; the same numbers stand in a table.
import { curveRows } from '../core/figures.js'
import { number, percent } from '../core/format.js'
import { t } from '../core/i18n.js'
import { html, useEffect, useRef, useState } from '../core/view.js'
import { Table } from './table.js'

export const hasCurve = (results, measure) => curveRows(results, measure).length > 0

const show = (measure, x) => x === null || x === undefined ? '–' : measure === 'accuracy' ? percent(x) : number(x, { maximumSignificantDigits: 4 })
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
// light-dark() is resolved by an element that uses it
function resolved (element, name) {
  element.style.color = `var(${name})`
  const found = getComputedStyle(element).color
  element.style.color = ''
  return found || colour(name)
}

function options (element, rows, measure) {
  const [ink, line, own, holdout] = ['--quiet', '--line', '--wait', '--accent'].map(name => resolved(element, name))
  const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: '13px system-ui, sans-serif' }
  const point = { show: true, size: 7 }
  return {
    width: element.clientWidth,
    height: 300,
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    scales: { x: { time: false }, ...measure === 'accuracy' ? { y: { range: (u, low, high) => [Math.max(0, Math.floor(low * 10 - 0.5) / 10), Math.min(1, Math.ceil(high * 10 + 0.5) / 10)] } } : {} },
    axes: [
      { ...axis, label: t('curve.x'), labelFont: axis.font, labelSize: 24, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000], values: (u, all) => all.map(v => Number.isInteger(v) ? number(v) : '') },
      { ...axis, size: 64, values: (u, all) => all.map(v => measure === 'accuracy' ? percent(v, 0) : number(v, { maximumSignificantDigits: 3 })) }
    ],
    series: [{}, { stroke: holdout, width: 2.5, points: { ...point, fill: holdout }, spanGaps: true }, { stroke: own, width: 2, dash: [6, 4], points: { ...point, fill: own }, spanGaps: true }]
  }
}

function usePlot (holder, rows, measure) {
  useEffect(() => {
    let plot
    let stopped = false
    const draw = async () => {
      const { default: Plot } = await import('uplot')
      if (stopped || !holder.current) return
      plot?.destroy()
      plot = new Plot(options(holder.current, rows, measure), [rows.map(r => r.after), rows.map(r => r.holdout), rows.map(r => r.own)], holder.current)
    }
    draw()
    const sizes = new ResizeObserver(() => { if (plot && holder.current) plot.setSize({ width: holder.current.clientWidth, height: 300 }) })
    sizes.observe(holder.current)
    const theme = new MutationObserver(draw)
    theme.observe(document.documentElement, { attributeFilter: ['data-theme'] })
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', draw)
    return () => { stopped = true; plot?.destroy(); sizes.disconnect(); theme.disconnect(); dark.removeEventListener('change', draw) }
  }, [JSON.stringify(rows), measure])
}

function Plot ({ rows, measure }) {
  const holder = useRef()
  usePlot(holder, rows, measure)
  const last = rows.findLast(r => r.holdout !== null) ?? rows.at(-1)
  return html`<div class="plot" ref=${holder} role="img" aria-label=${t('curve.label', { n: rows.length, last: show(measure, last.holdout ?? last.own) })}></div>`
}

export function Curve ({ results, slug }) {
  const measures = ['accuracy', 'loss'].filter(m => hasCurve(results, m))
  const [measure, setMeasure] = useState(measures[0])
  const rows = curveRows(results, measure)
  const columns = [
    { key: 'after', title: t('curve.x'), number: true },
    { key: 'holdout', title: t('curve.holdout'), value: r => r.holdout ?? '', show: r => show(measure, r.holdout), number: true },
    { key: 'own', title: t('curve.own'), value: r => r.own ?? '', show: r => show(measure, r.own), number: true }
  ]
  return html`<div class="stack">
    <div class="row"><ul class="legend"><li><span class="stroke holdout"></span>${t('curve.holdout')}</li><li><span class="stroke own"></span>${t('curve.own')}</li></ul>
      ${measures.length > 1 && html`<label class="row"><span>${t('curve.measure')}</span><select class="choice" value=${measure} onChange=${e => setMeasure(e.target.value)}>
        ${measures.map(m => html`<option value=${m} selected=${m === measure}>${t(`curve.${m}`)}</option>`)}</select></label>`}</div>
    <${Plot} rows=${rows} measure=${measure} />
    <details><summary>${t('curve.table')}</summary><${Table} columns=${columns} rows=${rows} rowKey=${r => r.after} caption=${t('curve.table')} file=${`${slug}-curve`} /></details></div>`
}
