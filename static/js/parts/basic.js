// SPDX-License-Identifier: Apache-2.0
// The smallest parts: titles, states, times, hashes with their copy button, notices.
import { t } from '../core/i18n.js'
import { ago, clock, dateTime, duration, short } from '../core/format.js'
import { useNow } from '../core/live.js'
import { html, useEffect, useId, useRef, useState } from '../core/view.js'
import { Icon } from './icons.js'

// A page: its title (also the window's), one sentence that answers its question, and the rest.
export function Page ({ title, lead, actions, trail = [], children }) {
  useEffect(() => { document.title = title ? `${title} · Chorus` : 'Chorus' }, [title])
  return html`<div class="page">
    ${trail.length > 0 && html`<nav class="trail" aria-label=${t('page.trail')}>
      ${trail.map(([words, to]) => html`<a href=${to}>${words}</a><span aria-hidden="true"> / </span>`)}</nav>`}
    <header class="page-head">
      <h1 tabindex="-1">${title}</h1>
      ${actions && html`<div class="actions">${actions}</div>`}
    </header>
    ${lead && html`<p class="lead">${lead}</p>`}
    ${children}
  </div>`
}

export const Card = ({ title, id, actions, children, tone }) => html`<section class=${`card ${tone ?? ''}`} id=${id}>
  ${title && html`<header class="card-head"><h2>${title}</h2>${actions && html`<div class="actions">${actions}</div>`}</header>`}
  ${children}
</section>`

// A state has a colour, a sign and a word, so that none of them is alone.
// kind: wait, done, failed, idle, live
const signs = { wait: '◔', done: '✓', failed: '✕', idle: '○', live: '●' }
export const State = ({ kind, children }) => html`<span class=${`state ${kind}`}><span aria-hidden="true" class="sign">${signs[kind]}</span>${children}</span>`

// In the reader's zone; the exact time on hover and for readers.
export const Time = ({ at, relative = false }) => at === null || at === undefined
  ? html`<span class="quiet">–</span>`
  : html`<time datetime=${new Date(at * 1000).toISOString()} title=${dateTime(at)}>${relative ? ago(at) : clock(at)}</time>`

// Counts down to `until`; says so when the time has passed.
export function Countdown ({ until }) {
  const left = until - useNow()
  return html`<span class="numbers" role="timer" aria-live="off">${left > 0 ? duration(left) : t('time.over')}</span>`
}

// `words`: a button with words instead of the small sign.
export function Copy ({ text, label, words }) {
  const [done, setDone] = useState(false)
  const copy = async () => {
    try { await navigator.clipboard.writeText(text) } catch {
      const area = document.createElement('textarea')
      area.value = text
      document.body.append(area)
      area.select()
      document.execCommand('copy')
      area.remove()
    }
    setDone(true)
    setTimeout(() => setDone(false), 2000)
  }
  return html`<button type="button" class=${words ? '' : 'copy'} onClick=${copy} aria-label=${words ? null : label ?? t('copy.label', { text: short(text) })}>
    <${Icon} name=${done ? 'done' : 'copy'} size=${16} />${words}<span class="unseen" role="status">${done ? t('copy.done') : ''}</span></button>`
}

// Shortened, the whole behind it.
export const Hash = ({ value, to }) => value
  ? html`<span class="hash"><code title=${value}>${to ? html`<a href=${to}>${short(value)}</a>` : short(value)}</code><${Copy} text=${value} /></span>`
  : html`<span class="quiet">–</span>`

// A command that works as it stands.
export const Command = ({ children }) => {
  const text = [children].flat().join('')
  return html`<div class="command"><pre tabindex="0"><code>${text}</code></pre><${Copy} text=${text} label=${t('copy.command')} /></div>`
}

// kind: info, wait, failed, done
export const Notice = ({ kind = 'info', title, children }) => html`<div class=${`notice ${kind}`} role=${kind === 'failed' ? 'alert' : 'note'} tabindex=${kind === 'failed' ? '-1' : null}>
  ${title && html`<strong>${title}</strong> `}${children}</div>`

// What went wrong, what it means, what to do: as the server says it.
export const Trouble = ({ problem, retry }) => problem && html`<${Notice} kind="failed" title=${problem.title}>
  ${problem.detail && html`<span>${problem.field ? `${problem.field}: ` : ''}${problem.detail}. </span>`}
  ${problem.help && html`<span>${problem.help}</span>`}
  ${retry && html` <button type="button" onClick=${retry}>${t('again')}</button>`}</${Notice}>`

// What goes here, and the one thing that puts it there.
export const Empty = ({ title, children }) => html`<div class="empty"><p><strong>${title}</strong></p>${children}</div>`

// A word with its explanation one press away.
export function Tip ({ word, children }) {
  const id = useId()
  return html`<span class="tip"><button type="button" popovertarget=${id} class="tip-word">${word}</button>
    <span popover id=${id} class="tip-text">${children}</span></span>`
}

// What a loader gives: trouble, a calm placeholder of a stated height, or the rest.
export function Loaded ({ from, height = 12, children }) {
  if (from.data !== undefined && from.data !== null) return children(from.data)
  if (from.problem) return html`<${Trouble} problem=${from.problem} retry=${from.reload} />`
  // of a key of its own: another element in its place would keep its height
  return html`<div key="loading" class="loading" aria-busy="true" ref=${el => el?.style.setProperty('min-height', `${height}rem`)}><span class="unseen">${t('loading')}</span></div>`
}

// A row of figures with what each means.
export const Facts = ({ items }) => html`<dl class="facts">${items.filter(Boolean).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`

// A bar of a share from 0 to 1 with its words beside it.
export function Bar ({ share, label, kind = '' }) {
  const inner = useRef()
  useEffect(() => { inner.current.style.inlineSize = `${Math.max(0, Math.min(1, share)) * 100}%` })
  return html`<span class="bar" role="img" aria-label=${label}><span class=${`bar-fill ${kind}`} ref=${inner}></span></span>`
}
