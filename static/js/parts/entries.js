// SPDX-License-Identifier: Apache-2.0
// What stands in the log, in words.
import { ofParticipants } from '../core/events.js'
import { short } from '../core/format.js'
import { has, t } from '../core/i18n.js'
import { html } from '../core/view.js'

// names: {participant: display name}, as far as they are known.
export function entryText (event, names = {}) {
  const who = event.participant ? names[event.participant] || t('name.hidden', { id: short(event.participant) }) : ''
  const key = event.type === 'open' ? `event.open${event.attempt > 1 ? '.again' : ''}` : `event.${event.type}`
  if (!has(key)) return event.type
  const act = event.type === 'act' && `act.${event.action.replace('/api/v1', '')}`
  if (act && has(act)) return t(act, { model: event.model ?? '' })
  return t(key, {
    ...event,
    who,
    model: event.model ?? '',
    action: event.action ?? '',
    reason: has(`failure.${event.reason}`) ? t(`failure.${event.reason}`) : event.reason ?? '',
    n: event.n ?? event.count ?? event.vectors ?? 0
  })
}

export const byCoordinator = event => !ofParticipants.includes(event.type)

export const Entries = ({ entries, names, fresh }) => html`<ol class="entries">${entries.map(({ leaf, event }) => html`<li key=${leaf ?? event.sig} class=${fresh?.has(leaf) ? 'fresh' : ''}>
  ${leaf === null || leaf === undefined ? html`<span class="quiet numbers">${t('entry.soon')}</span>` : html`<a class="numbers" href=${`/log/${leaf}`}>${t('entry.number', { leaf })}</a>`}
  <span>${entryText(event, names)}</span></li>`)}</ol>`
