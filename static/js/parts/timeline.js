// SPDX-License-Identifier: Apache-2.0
// The five steps of a round in their order, each with its clock.
import { clock, duration } from '../core/format.js'
import { t } from '../core/i18n.js'
import { here, steps, stepStates } from '../core/round.js'
import { html } from '../core/view.js'
import { Bar, Countdown, State } from './basic.js'

const stamps = { join: 'joined_at', share: 'shared_at', upload: 'uploaded_at', unmask: 'answered_at' }
const kinds = { over: 'done', now: 'live', later: 'idle', failed: 'failed', never: 'idle' }

// When the last message of each step came.
const lastOf = (members, step) => members.reduce((last, m) => Math.max(last, m[stamps[step]] ?? 0), 0)
const countOf = (state, step) => ({ join: state.joined, share: state.shared, upload: state.uploaded, unmask: state.answered })[step]

function Now ({ state }) {
  const counts = here(state)
  return html`
    ${counts && counts.of > 0 && html`<${Bar} share=${counts.here / counts.of} label=${t('step.count', counts)} /><span class="numbers">${t('step.count', counts)}</span>`}
    ${state.deadline_at && html`<span class="numbers">${t('step.left')} <${Countdown} until=${state.deadline_at} /></span>`}
    ${!counts && html`<span>${t(`step.${state.chain ? 'chain' : 'computing'}`)}</span>`}`
}

export function Timeline ({ state, members, terms, failedIn }) {
  const states = stepStates(state, failedIn)
  return html`<ol class="timeline">${steps.map(step => {
    const how = states[step]
    const last = lastOf(members, step)
    return html`<li class=${how} aria-current=${how === 'now' ? 'step' : null}>
      <strong>${t(`step.${step}`)}</strong>
      <${State} kind=${kinds[how]}>${t(`step.is.${how}`)}</${State}>
      ${how === 'now' && html`<${Now} state=${state} />`}
      ${how === 'over' && step !== 'final' && html`<span class="numbers">${t('step.came', { n: countOf(state, step) })}</span>`}
      ${how === 'over' && last > 0 && html`<span class="quiet numbers">${t('step.last', { time: clock(last) })}</span>`}
      ${how === 'failed' && html`<span>${t('step.stopped')}</span>`}
      ${how === 'later' && terms?.deadlines[step] && html`<span class="quiet">${t('step.most', { time: duration(terms.deadlines[step]) })}</span>`}
      <span class="quiet step-what">${t(`step.${step}.what`)}</span>
    </li>`
  })}</ol>`
}
