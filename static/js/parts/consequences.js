// SPDX-License-Identifier: Apache-2.0
// What a description means: asked of the server at every change, never computed here.
import { call } from '../core/api.js'
import { bytes, duration, number } from '../core/format.js'
import { t } from '../core/i18n.js'
import { fieldOf, specOf } from '../core/specform.js'
import { html, useEffect, useRef, useState } from '../core/view.js'
import { Notice, State } from './basic.js'
import { Field } from './form.js'
import { moneyText } from './public.js'

const pause = 250

// {problem, consequences, hash, away} of POST /specs/check; the last answer stays until the next one comes.
export function useCheck (state, members) {
  const [shown, setShown] = useState({})
  const text = state && JSON.stringify([specOf(state), members])
  useEffect(() => {
    if (!text) return
    const stop = new AbortController()
    const timer = setTimeout(async () => {
      const [spec, n] = JSON.parse(text)
      try {
        const given = await (await call('POST', '/specs/check', { body: { spec, members: n }, signal: stop.signal })).json()
        setShown(old => ({ problem: given.problem, consequences: given.consequences ?? old.consequences, stale: !given.consequences, hash: given.spec_hash }))
      } catch (problem) {
        if (problem.name === 'AbortError') return
        setShown(old => problem.status === 400 ? { ...old, stale: true, problem } : { ...old, stale: true, away: problem })
      }
    }, pause)
    return () => { clearTimeout(timer); stop.abort() }
  }, [text])
  return shown
}

// Goes to the field of that name, or to the nearest around it, and opens what hides it.
export function goTo (path) {
  for (let name = path; name; name = name.replace(/[.[]?[^.[]*$/, '')) {
    const found = [...document.querySelectorAll('main [name]')].find(e => e.getAttribute('name') === name)
    if (!found) continue
    for (let e = found.closest('details'); e; e = e.parentElement.closest('details')) e.open = true
    found.focus()
    found.scrollIntoView({ block: 'center' })
    return true
  }
  return false
}

// Sentences about one part of the form; they fade while an answer is out of date.
export function Means ({ check, say, needs = 'consequences' }) {
  const c = check[needs]
  return html`<p class=${check.stale ? 'means stale' : 'means'}>${c ? say(c) : t('means.later')}</p>`
}

export const says = {
  privacy: c => `${t('means.anonymity', { n: c.anonymity })} ${t('means.threshold', { n: c.threshold, k: c.neighbours })}`,
  cohort: c => t('means.cohort', { n: c.members, least: c.minimum }),
  arithmetic: c => t('means.arithmetic', { ring: c.ring_bits, n: c.headroom_bits }),
  size: c => t('means.size', { d: number(c.d), n: c.d }),
  time: c => t('means.time', { least: duration(c.round_seconds.least), most: duration(c.round_seconds.most) }),
  bytes: c => t('means.bytes', { up: bytes(c.upload_bytes), down: bytes(c.download_bytes) }),
  reward: currency => c => c.reward_per_member === null ? t('means.reward.none') : t('means.reward', { amount: moneyText(c.reward_per_member, currency), n: c.members }),
  gas: c => t('means.gas', { anchors: number(c.gas.anchors), push: number(c.gas.push_per_member), claim: number(c.gas.claim_per_member) })
}

// Beside the form there is room for all of it; above it there is not.
const wide = matchMedia('(min-width: 1181px)').matches

export function Panel ({ check, members, setMembers, currency }) {
  const { consequences: c, problem, stale, away } = check
  const box = useRef()
  const field = fieldOf(problem)
  return html`<section class="panel" ref=${box} aria-labelledby="means">
    <h2 id="means">${t('means.title')}</h2>
    <div role="status" class="stack">
      ${away ? html`<${Notice} kind="wait" title=${away.title}>${away.help}</${Notice}>`
        : problem
          ? html`<p><${State} kind="wait">${t('means.open')}</${State}></p><p><strong>${problem.title}</strong> ${problem.detail ? `${wordOf(field)}: ${problem.detail}.` : ''}</p>
            ${field && html`<div><button type="button" onClick=${() => goTo(field)}>${t('means.go')}</button></div>`}`
          : c ? html`<p><${State} kind="done">${t('means.good')}</${State}></p>` : html`<p class="quiet">${t('loading')}</p>`}
    </div>
    <${Field} name="members" label=${t('means.members')} hint=${t('means.members.hint')} value=${members ?? ''} onValue=${text => setMembers(/^\d+$/.test(text) && Number(text) > 0 ? Number(text) : null)} inputmode="numeric" autocomplete="off" />
    ${c && html`<details open=${wide}><summary>${t('means.all')}</summary><dl class=${stale ? 'means-list stale' : 'means-list'}>
      <dt>${t('means.privacy')}</dt><dd>${says.privacy(c)}</dd>
      <dt>${t('means.who')}</dt><dd>${says.cohort(c)}</dd>
      <dt>${t('means.model')}</dt><dd>${says.size(c)} ${says.arithmetic(c)}</dd>
      <dt>${t('means.traffic')}</dt><dd>${says.bytes(c)}</dd>
      <dt>${t('means.clock')}</dt><dd>${says.time(c)}</dd>
      <dt>${t('means.pay')}</dt><dd>${says.reward(currency)(c)}</dd>
      ${c.gas && html`<dt>${t('means.chain')}</dt><dd>${says.gas(c)}</dd>`}
    </dl></details>`}
  </section>`
}

// A field's address as people know it: 'spec.features[3].minimum' is column 4.
export function wordOf (path) {
  if (!path) return ''
  const column = /^spec\.features\[(\d+)\]/.exec(path)
  return column ? t('columns.one', { name: Number(column[1]) + 1 }) : path.replace(/^spec\./, '')
}
