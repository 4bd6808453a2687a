// SPDX-License-Identifier: Apache-2.0
// What the pages around an account share: codes from addresses, new passwords, secrets shown once.
import { t } from '../core/i18n.js'
import { place } from '../core/router.js'
import { html, useEffect, useRef, useState } from '../core/view.js'
import { Copy, Notice } from './basic.js'
import { Field } from './form.js'
import { download } from './table.js'

// The code of an address …#NAME=CODE; the part behind # never reaches the server.
export const takeCode = name => place.hash.startsWith(`#${name}=`) ? decodeURIComponent(place.hash.slice(name.length + 2)) : ''

export const lengthOf = text => new TextEncoder().encode(text).length
const leastBytes = 12

// A new password with what is still missing in words, and a look at what was typed.
export function NewPassword ({ name = 'password', label = t('password.new'), value, onValue, problem }) {
  const [seen, setSeen] = useState(false)
  const missing = leastBytes - lengthOf(value)
  const hint = missing <= 0 ? t('password.good') : value ? t('password.more', { n: missing }) : t('password.hint', { n: leastBytes })
  return html`<div class="stack">
    <${Field} name=${name} kind=${seen ? 'text' : 'password'} label=${label} hint=${hint} value=${value} onValue=${onValue} problem=${problem} required autocomplete="new-password" spellcheck="false" />
    <${Field} name="seen" kind="check" label=${t('password.show')} value=${seen} onValue=${setSeen} /></div>`
}

// A secret that is shown this once: to copy or to save.
export function Once ({ title, text, hint, file, children }) {
  const box = useRef()
  useEffect(() => { box.current.focus() }, [text])
  return html`<section class="once" tabindex="-1" ref=${box} aria-label=${title}>
    <${Notice} kind="wait" title=${title}>${hint}</${Notice}>
    <div class="command"><pre tabindex="0"><code>${text}</code></pre><${Copy} text=${text} label=${t('once.copy')} /></div>
    <div class="actions">
      ${file && html`<button type="button" onClick=${() => download(file, 'text/plain', text + '\n')}>${t('once.save')}</button>`}
      ${children}</div>
  </section>`
}
