// SPDX-License-Identifier: Apache-2.0
// Fields of the form of a new model: each is bound to an address in its state ('spec.cohort.minimum') and
// shows what the server says of exactly that address.
import { at, fieldOf, put, typedOf, unitsOf } from '../core/specform.js'
import { createContext, html, useContext, useId, useState } from '../core/view.js'
import { t } from '../core/i18n.js'
import { Field } from './form.js'

export const Sheet = createContext() // {state, change(state => state), problem, touched, touch(path), members…}

export const useSheet = () => useContext(Sheet)

// The problem when it is about this address and the person has been here, or has tried to send.
function problemAt ({ problem, touched, asked }, path) {
  return problem && fieldOf(problem) === path && (asked || touched.has(path)) ? { ...problem, field: path } : null
}

// [value, set]: what stands at the address.
export function useAt (path) {
  const { state, change, touch } = useSheet()
  return [at(state, path), value => { touch(path); change(old => put(old, path, value)) }]
}

const whole = typed => /^\d{1,15}$/.test(typed.trim()) ? Number(typed) : typed

// kind: text, area, check, select, integer (a number in the request), decimal (text in it).
export function In ({ path, kind = 'text', onValue, ...rest }) {
  const sheet = useSheet()
  const [value, set] = useAt(path)
  const typed = { integer: 'text', decimal: 'text' }[kind] ?? kind
  const take = onValue ?? (given => set(kind === 'integer' ? whole(given) : given))
  return html`<${Field} name=${path} kind=${typed} value=${kind === 'check' ? Boolean(value) : String(value ?? '')} onValue=${take} problem=${problemAt(sheet, path)}
    inputmode=${{ integer: 'numeric', decimal: 'decimal' }[kind]} autocomplete="off" spellcheck=${kind === 'area' ? null : 'false'} ...${rest} />`
}

// A share that is kept in basis points and typed in percent.
export function PercentIn ({ path, ...rest }) {
  const sheet = useSheet()
  const [value, set] = useAt(path)
  const [typed, setTyped] = useState(null)
  const shown = typed ?? (typeof value === 'number' ? String(value / 100) : value ?? '')
  const take = text => {
    setTyped(text)
    const number = Number(text.replace(',', '.'))
    set(text.trim() && Number.isFinite(number) ? Math.round(number * 100) : text)
  }
  return html`<${Field} name=${path} value=${shown} onValue=${take} problem=${problemAt(sheet, path)} inputmode="decimal" autocomplete="off" ...${rest} />`
}

const units = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]]
const unitOf = seconds => (typeof seconds === 'number' && seconds > 0 ? units.find(([, size]) => seconds % size === 0) : null)?.[0] ?? 'minute'

// A length of time: a number and its unit; seconds in the request.
export function SpanIn ({ path, label, hint }) {
  const sheet = useSheet()
  const [value, set] = useAt(path)
  const id = useId()
  const [unit, setUnit] = useState(() => unitOf(value))
  const [typed, setTyped] = useState(null)
  const size = units.find(([name]) => name === unit)[1]
  const shown = typed !== null && whole(typed) * size === value ? typed : typeof value === 'number' ? String(value / size) : value ?? ''
  const take = (text, of) => {
    setTyped(text)
    const n = Number(text.replace(',', '.'))
    set(text.trim() && Number.isFinite(n) ? Math.round(n * of) : text)
  }
  return html`<div class="span-in">
    <${Field} name=${path} label=${label} describedBy=${hint && id} value=${shown} onValue=${text => take(text, size)} problem=${problemAt(sheet, path)} inputmode="decimal" autocomplete="off" />
    <${Field} name=${`${path} unit`} kind="select" label=${html`<span class="unseen">${t('new.unit', { label })}</span>`} options=${units.map(([name]) => [name, t(`unit.${name}`)])} value=${unit}
      onValue=${name => { setUnit(name); if (typeof value === 'number') take(String(value / size), units.find(([u]) => u === name)[1]) }} />
    ${hint && html`<p class="hint" id=${id}>${hint}</p>`}</div>`
}

// An amount that is kept in the smallest unit and typed in ether (`digits` 18) or as it is (0).
export function AmountIn ({ path, digits, ...rest }) {
  const sheet = useSheet()
  const [value, set] = useAt(path)
  const [typed, setTyped] = useState(null)
  const shown = typed !== null && (unitsOf(typed, digits) ?? typed) === value ? typed : typedOf(value ?? '', digits)
  return html`<${Field} name=${path} value=${shown} onValue=${text => { setTyped(text); set(text.trim() === '' ? '' : unitsOf(text, digits) ?? text) }} problem=${problemAt(sheet, path)} inputmode="decimal" autocomplete="off" ...${rest} />`
}

// One of a few, each with a sentence: cards that are radio buttons.
export function Choice ({ path, legend, options, onValue }) {
  const [value, set] = useAt(path)
  return html`<fieldset class="choices"><legend>${legend}</legend>
    ${options.map(([v, words, about]) => html`<label class="option"><input type="radio" name=${path} value=${v} checked=${v === value} onChange=${() => (onValue ?? set)(v)} />
      <span><strong>${words}</strong><span class="hint">${about}</span></span></label>`)}</fieldset>`
}
