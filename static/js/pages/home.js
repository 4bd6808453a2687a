// SPDX-License-Identifier: Apache-2.0
// What is trained here, with how many, how well, and what comes next.
import { all, get, may, useData } from '../core/api.js'
import { duration, number, percent } from '../core/format.js'
import { t } from '../core/i18n.js'
import { setServerTime, useLive } from '../core/live.js'
import { ended } from '../core/round.js'
import { html, useEffect, useRef } from '../core/view.js'
import { Card, Countdown, Empty, Facts, Loaded, Page, State } from '../parts/basic.js'
import { awaitText, failureTitle, Phase } from '../parts/public.js'

const live = 24 // models whose newest round is asked for

// The newest result and the newest attempt of each model; again whenever the log grows.
async function details (models, signal) {
  return Object.fromEntries(await Promise.all(models.slice(0, live).map(async m => {
    const [round, results] = await Promise.all([
      m.current ? get(`/rounds/${m.current}`, { signal }).catch(() => null) : null,
      m.rounds ? get(`/models/${m.model}/results?limit=1&cursor=${m.rounds - 1}`, { signal }).catch(() => null) : null])
    return [m.model, { round, result: results?.results.at(-1) }]
  })))
}

function measure (result) {
  if (!result) return t('home.card.none')
  const accuracy = result.holdout?.accuracy ?? result.accuracy
  const loss = result.holdout?.loss ?? result.loss
  if (accuracy !== null && accuracy !== undefined) return t('model.right', { share: percent(accuracy) })
  if (loss !== null && loss !== undefined) return t('model.loss', { loss: number(loss, { maximumSignificantDigits: 3 }) })
  return t('model.sums')
}

export function nextText (model, round) {
  if (model.status === 'retired') return t('home.next.retired')
  if (round && !ended(round)) return awaitText(round)
  if (model.schedule) return t('home.next.scheduled', { every: duration(model.schedule.every) })
  if (!round) return t(model.current ? 'home.next.look' : 'home.next.first')
  if (round.phase === 'failed') return t('home.next.failed', { why: failureTitle(round.failure) })
  return t('home.next.ended')
}

const ModelCard = ({ model, round, result }) => {
  const going = round && !ended(round)
  return html`<article class="card model-card">
    <header class="card-head"><h2><a href=${`/models/${model.model}`}>${model.name}</a></h2>
      ${model.status === 'retired' ? html`<${State} kind="idle">${t('home.retired')}</${State}>` : going && html`<${Phase} phase=${round.phase} />`}</header>
    <p class="purpose">${model.purpose}</p>
    <${Facts} items=${[[t('home.card.members'), number(model.members)], [t('home.card.rounds'), number(model.rounds)], [t('home.card.last'), measure(result)]]} />
    <p class="next">${nextText(model, round)}
      ${going && round.deadline_at && html` <span class="quiet"><${Countdown} until=${round.deadline_at} /> ${t('await.left')}.</span>`}</p>
    ${going && html`<div class="actions"><a class="button" href=${`/rounds/${round.ctx}`}>${t('home.watch', { round: round.round })}</a></div>`}
  </article>`
}

export const How = () => html`<${Card} title=${t('how.title')}><ol class="how">${[1, 2, 3].map(i => html`<li>${t(`how.${i}`)}</li>`)}</ol></${Card}>`

const NothingYet = () => html`<${Empty} title=${t('home.empty')}>
  <p>${t('home.empty.what')}</p>
  ${may('operator') && html`<p>${t('home.empty.admin')}</p><a class="button main" href="/new">${t('home.empty.button')}</a>`}</${Empty}>`

// Again when something was written into the log, at most every two seconds.
function useFresh (reload) {
  const timer = useRef(null)
  const soon = () => { timer.current ??= setTimeout(() => { timer.current = null; reload() }, 2000) }
  useLive({}, { head: soon }, reload)
  useEffect(() => () => clearTimeout(timer.current), [])
}

async function load (signal) {
  const models = await all('/models', 'models', { signal })
  const more = await details(models, signal)
  for (const { round } of Object.values(more)) if (round) setServerTime(round.now_at)
  return { models, more }
}

export default function Home () {
  const found = useData(load, 'models')
  useFresh(async () => { if (!document.hidden) found.reload() })
  if (!found.data) return html`<${Page} title=${t('home.title')}><${Loaded} from=${found} height=${32}>${() => ''}</${Loaded}></${Page}>`
  const { models, more } = found.data
  return html`<${Page} title=${t('home.title')} lead=${models.length ? t('home.lead', { n: models.length }) : t('home.lead.none')}
    actions=${may('operator') && models.length ? html`<a class="button main" href="/new">${t('model.new')}</a>` : null}>
    ${models.length
      ? html`<div class="cards">${models.map(m => html`<${ModelCard} key=${m.model} model=${m} round=${more[m.model]?.round} result=${more[m.model]?.result} />`)}</div>`
      : html`<${NothingYet} />`}
    <${How} />
  </${Page}>`
}
