// SPDX-License-Identifier: Apache-2.0
// Forms: what was typed stays after an error, and the cursor goes to the first wrong field.
import { t } from '../core/i18n.js'
import { html, useEffect, useId, useRef } from '../core/view.js'
import { Trouble } from './basic.js'

// A labelled field with a hint and, when `problem.field` is its name (or lies below it), what is wrong.
// `describedBy`: the id of a hint elsewhere. `kind`: text, password, number, select, area, check, file. Further properties go to the element.
export function Field ({ label, hint, name, kind = 'text', problem, options, value, onValue, describedBy, ...rest }) {
  const id = useId()
  const wrong = problem && problem.field && (problem.field === name || problem.field.endsWith(`.${name}`))
  const described = [hint && `${id}-hint`, describedBy, wrong && `${id}-wrong`].filter(Boolean).join(' ') || null
  const shared = { id, name, 'aria-describedby': described, 'aria-invalid': wrong ? 'true' : null, ...rest }
  const take = event => onValue?.(kind === 'check' ? event.target.checked : kind === 'file' ? event.target.files : event.target.value)
  const element = kind === 'select'
    ? html`<select ...${shared} value=${value} onChange=${take}>${options.map(([v, words]) => html`<option value=${v} selected=${v === value}>${words}</option>`)}</select>`
    : kind === 'area'
      ? html`<textarea ...${shared} value=${value} onInput=${take}></textarea>`
      : kind === 'check'
        ? html`<input type="checkbox" ...${shared} checked=${value} onChange=${take} />`
        : html`<input type=${kind} ...${shared} value=${kind === 'file' ? undefined : value} onInput=${take} />`
  return html`<div class=${kind === 'check' ? 'field check' : 'field'}>
    ${kind === 'check' ? html`<label for=${id}>${element}<span>${label}</span></label>` : html`<label for=${id}>${label}</label>${element}`}
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    ${wrong && html`<p class="wrong" id=${`${id}-wrong`}>${problem.detail ?? problem.title}</p>`}
  </div>`
}

// The form of an act of useAct: sends on Enter, cannot be sent twice, shows what went wrong.
export function Form ({ act, onSubmit, submit, children, inline = false }) {
  const form = useRef()
  useEffect(() => {
    if (act.problem) (form.current.querySelector('[aria-invalid=true]') ?? form.current.querySelector('[role=alert]'))?.focus?.()
  }, [act.problem])
  return html`<form ref=${form} class=${inline ? 'inline' : ''} noValidate onSubmit=${event => { event.preventDefault(); onSubmit(event) }}>
    ${children}
    <${Trouble} problem=${act.problem} />
    <div class="actions"><button class="main" disabled=${act.busy} aria-busy=${act.busy}>${act.busy ? t('working') : submit}</button></div>
  </form>`
}

// A destructive act: a dialog that says what cannot be undone and, where `name` is given, asks for it.
export function Confirm ({ title, children, name, act, onConfirm, onClose, submit }) {
  const dialog = useRef()
  const typed = useRef('')
  const id = useId()
  useEffect(() => { dialog.current.showModal() }, [])
  const confirm = async event => {
    event.preventDefault()
    if (name && typed.current !== name) {
      dialog.current.querySelector('input').setCustomValidity(t('confirm.differs'))
      dialog.current.querySelector('input').reportValidity()
      return
    }
    await onConfirm()
  }
  return html`<dialog ref=${dialog} aria-labelledby=${id} onClose=${onClose}>
    <form onSubmit=${confirm}>
      <h2 id=${id}>${title}</h2>
      ${children}
      ${name && html`<div class="field"><label for=${`${id}-name`}>${t('confirm.name', { name })}</label>
        <input id=${`${id}-name`} autocomplete="off" onInput=${e => { typed.current = e.target.value; e.target.setCustomValidity('') }} /></div>`}
      <${Trouble} problem=${act?.problem} />
      <div class="actions">
        <button type="button" onClick=${() => dialog.current.close()}>${t('cancel')}</button>
        <button class="danger" disabled=${act?.busy}>${submit}</button>
      </div>
    </form>
  </dialog>`
}
