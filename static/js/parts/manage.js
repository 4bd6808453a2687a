// SPDX-License-Identifier: Apache-2.0
// What operators and administrators do with a model.
import { call, get, may, send, useAct } from '../core/api.js'
import { number } from '../core/format.js'
import { t } from '../core/i18n.js'
import { navigate } from '../core/router.js'
import { html, useId, useState } from '../core/view.js'
import { Card, Notice } from './basic.js'
import { Confirm, Field, Form } from './form.js'

export function OpenRound ({ model, label }) {
  const act = useAct(() => send('POST', `/models/${model.model}/rounds`, {}))
  const run = async () => {
    const state = await act.run()
    if (state) navigate(`/rounds/${state.ctx}`)
  }
  return html`<button type="button" class="main" disabled=${act.busy} onClick=${run}>${act.busy ? t('working') : label ?? t('manage.open')}</button>
    ${act.problem && html`<${Notice} kind="failed" title=${act.problem.title}>${act.problem.detail ?? ''} ${act.problem.help}</${Notice}>`}`
}

const units = { minutes: 60, hours: 3600, days: 86400 }

function Schedule ({ model, onChange }) {
  const [every, setEvery] = useState('1')
  const [unit, setUnit] = useState('days')
  const [rounds, setRounds] = useState(String(model.rounds + 10))
  const [target, setTarget] = useState('')
  const set = useAct(() => send('PUT', `/models/${model.model}/schedule`, { every: Math.round(Number(every) * units[unit]), rounds: Number(rounds), target: target.trim() || null }))
  const stop = useAct(() => send('DELETE', `/models/${model.model}/schedule`).then(() => true))
  const after = act => async () => { if (await act.run()) onChange() }
  return html`<section class="stack"><h3>${t('manage.schedule')}</h3>
    ${model.schedule && html`<div class="row"><span>${t('manage.schedule.on')}</span><button type="button" onClick=${after(stop)} disabled=${stop.busy}>${t('manage.schedule.stop')}</button></div>`}
    <${Form} act=${set} onSubmit=${after(set)} submit=${t('manage.schedule.set')} inline>
      <${Field} label=${t('manage.every')} name="every" kind="number" min="1" value=${every} onValue=${setEvery} problem=${set.problem} />
      <${Field} label=${t('manage.unit')} name="unit" kind="select" value=${unit} onValue=${setUnit} options=${Object.keys(units).map(u => [u, t(`unit.${u}`)])} />
      <${Field} label=${t('manage.rounds')} name="rounds" kind="number" min="1" value=${rounds} onValue=${setRounds} problem=${set.problem} />
      <${Field} label=${t('manage.target')} hint=${t('manage.target.hint')} name="target" value=${target} onValue=${setTarget} problem=${set.problem} />
    </${Form}></section>`
}

function Holdout ({ model, onChange }) {
  const [files, setFiles] = useState(null)
  const [rows, setRows] = useState(null)
  const act = useAct(async () => (await call('PUT', `/models/${model.model}/holdout`, { body: files[0], type: 'text/csv' })).json())
  const put = async () => {
    if (!files?.length) return
    const said = await act.run()
    if (said) { setRows(said.rows); onChange() }
  }
  return html`<section class="stack"><h3>${t('manage.holdout')}</h3><p class="quiet">${t('manage.holdout.what')}</p>
    <${Form} act=${act} onSubmit=${put} submit=${t('manage.holdout.put')}>
      <${Field} label=${t('manage.holdout.file')} name="file" kind="file" accept=".csv,text/csv" onValue=${setFiles} problem=${act.problem} /></${Form}>
    ${rows !== null && html`<${Notice} kind="done">${t('manage.holdout.done', { n: rows })}</${Notice}>`}</section>`
}

function NewVersion ({ model, onChange }) {
  const [text, setText] = useState(null)
  const act = useAct(() => {
    let spec
    try { spec = JSON.parse(text) } catch (e) { throw Object.assign(e, { title: t('manage.version.json'), detail: e.message, help: '', field: 'spec' }) }
    return send('POST', `/models/${model.model}/versions`, { spec })
  })
  const begin = async () => setText(JSON.stringify(await get(`/models/${model.model}/spec`), null, 2))
  const put = async () => { if (await act.run()) { setText(null); onChange() } }
  return html`<section class="stack"><h3>${t('manage.version')}</h3><p class="quiet">${t('manage.version.what')}</p>
    ${text === null
      ? html`<div class="actions"><button type="button" onClick=${begin}>${t('manage.version.begin')}</button></div>`
      : html`<${Form} act=${act} onSubmit=${put} submit=${t('manage.version.put')}>
        <${Field} label=${t('manage.version.spec')} name="spec" kind="area" class="code" rows="16" spellcheck="false" value=${text} onValue=${setText} problem=${act.problem} /></${Form}>`}</section>`
}

function Visibility ({ model, onChange }) {
  const [wanted, setWanted] = useState(model.visibility)
  const act = useAct(() => send('PUT', `/models/${model.model}/visibility`, { visibility: wanted }))
  const put = async () => { if (await act.run()) onChange() }
  return html`<section class="stack"><h3>${t('manage.visibility')}</h3>
    <${Form} act=${act} onSubmit=${put} submit=${t('manage.visibility.set')} inline>
      <${Field} label=${t('manage.visibility.who')} hint=${t('manage.visibility.hint')} name="visibility" kind="select" value=${wanted} onValue=${setWanted} options=${['public', 'members'].map(v => [v, t(`visibility.${v}`)])} problem=${act.problem} /></${Form}></section>`
}

function Retire ({ model, onChange }) {
  const [asked, setAsked] = useState(false)
  const id = useId()
  const act = useAct(() => send('POST', `/models/${model.model}/retire`, {}))
  const confirm = async () => { if (await act.run()) { setAsked(false); onChange() } }
  return html`<section class="stack" aria-labelledby=${id}><h3 id=${id}>${t('manage.retire')}</h3><p class="quiet">${t('manage.retire.what')}</p>
    <div class="actions"><button type="button" class="danger" onClick=${() => setAsked(true)}>${t('manage.retire.do')}</button></div>
    ${asked && html`<${Confirm} title=${t('manage.retire.title', { name: model.name })} name=${model.model} submit=${t('manage.retire.do')} act=${act} onConfirm=${confirm} onClose=${() => setAsked(false)}>
      <p>${t('manage.retire.warn', { n: number(model.rounds) })}</p></${Confirm}>`}</section>`
}

export const Manage = ({ model, spec, onChange }) => html`<${Card} title=${t('manage.title')} id="manage" actions=${html`
    <a class="button" href=${`/models/${model.model}/members`}>${t('manage.members')}</a><a class="button" href=${`/new?clone=${model.model}`}>${t('manage.clone')}</a>`}>
  <div class="columns">
    ${model.status === 'active' && html`<${Schedule} model=${model} onChange=${onChange} />`}
    ${may('admin') && spec?.kind !== 'vector' && html`<${Holdout} model=${model} onChange=${onChange} />`}
    ${may('admin') && model.visibility && html`<${Visibility} key=${model.visibility} model=${model} onChange=${onChange} />`}
    ${may('admin') && model.status === 'active' && html`<${NewVersion} model=${model} onChange=${onChange} />`}
    ${may('admin') && model.status === 'active' && html`<${Retire} model=${model} onChange=${onChange} />`}
  </div></${Card}>`
