// SPDX-License-Identifier: Apache-2.0
// The members of a round as a ring of dots, with lines between those who share secrets. Every state has a
// shape of its own, so that colour is never alone; the same in words stands beside it.
import { nameOf } from '../core/format.js'
import { t } from '../core/i18n.js'
import { standing } from '../core/round.js'
import { html, useMemo } from '../core/view.js'

const size = 320
const middle = size / 2
const mostDots = 400

function places (n) {
  const radius = middle - 24
  return Array.from({ length: n }, (_, i) => {
    const angle = 2 * Math.PI * i / n - Math.PI / 2
    return [middle + radius * Math.cos(angle), middle + radius * Math.sin(angle)].map(x => Math.round(x * 10) / 10)
  })
}

// Half full while it uploads, full when it came, hollow while it is awaited, a cross when it is gone.
function Dot ({ at: [x, y], how, share, r, title }) {
  const tick = html`<path d=${`M${x - r * 0.45} ${y}l${r * 0.32} ${r * 0.36} ${r * 0.56}-${r * 0.66}`} />`
  return html`<g class=${`dot ${how}`}><title>${title}</title>
    <circle cx=${x} cy=${y} r=${r} />
    ${how === 'gone' && html`<path d=${`M${x - r / 2} ${y - r / 2}l${r} ${r}M${x + r / 2} ${y - r / 2}l${-r} ${r}`} />`}
    ${how === 'came' && tick}
    ${how === 'awaited' && share > 0 && html`<circle class="part" cx=${x} cy=${y} r=${r * Math.sqrt(share)} />`}
  </g>`
}

export function Ring ({ members, edges, state, label }) {
  const shown = members.slice(0, mostDots)
  const at = useMemo(() => places(shown.length), [shown.length])
  const byIndex = useMemo(() => new Map(shown.map((m, i) => [m.index ?? -1 - i, i])), [members])
  const r = Math.max(2, Math.min(12, 320 / Math.max(1, shown.length)))
  return html`<svg class="ring" viewBox=${`0 0 ${size} ${size}`} role="img" aria-label=${label}>
    <circle class="orbit" cx=${middle} cy=${middle} r=${middle - 24} />
    ${(edges ?? []).map(([i, j]) => {
      const [a, b] = [at[byIndex.get(i)], at[byIndex.get(j)]]
      return a && b && html`<line class="edge" x1=${a[0]} y1=${a[1]} x2=${b[0]} y2=${b[1]} />`
    })}
    ${shown.map((m, i) => html`<${Dot} key=${m.participant} at=${at[i]} r=${r} how=${standing(m, state)} share=${m.bytes_due ? m.bytes / m.bytes_due : 0} title=${`${nameOf(m)}: ${t(`member.${m.state}`)}`} />`)}
  </svg>`
}

export function Legend ({ members, state }) {
  const count = how => members.filter(m => standing(m, state) === how).length
  return html`<ul class="legend">${['came', 'awaited', 'gone', 'past'].filter(how => count(how)).map(how => html`<li>
    <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><${Dot} at=${[12, 12]} r=${9} how=${how} /></svg>
    <span>${t(`standing.${how === 'came' && state.phase === 'done' ? 'past' : how}`, { n: count(how) })}</span></li>`)}</ul>`
}
