// SPDX-License-Identifier: Apache-2.0
// A new model: a beginning, one form in which every choice shows what it means, and then invites.
import { all, call, get, may, send, useAct, useData, useSession } from '../core/api.js'
import { number } from '../core/format.js'
import { t } from '../core/i18n.js'
import { navigate } from '../core/router.js'
import { at, blank, fieldOf, ofSpec, requestOf, scheduleOf, withColumns } from '../core/specform.js'
import { html, useEffect, useMemo, useRef, useState } from '../core/view.js'
import { Card, Loaded, Notice, Page, Time, Trouble } from '../parts/basic.js'
import { DropTable } from '../parts/columns.js'
import { goTo, Panel, useCheck } from '../parts/consequences.js'
import { DraftState, listDrafts, useDraft } from '../parts/draft.js'
import { Field } from '../parts/form.js'
import { Invite } from '../parts/invite.js'
import { Cohort, Privacy, Purpose, Reward, Rules, Schedule, Table, Training } from '../parts/newsections.js'
import { Sheet } from '../parts/specfields.js'

const zero = '0x' + '0'.repeat(40)

// ---- where to begin ----

function Drafts () {
  const from = useData(listDrafts, 'drafts')
  const act = useAct(async draft => { await send('DELETE', `/drafts/${draft.id}`); await from.reload() })
  if (!from.data?.drafts.length) return null
  return html`<${Card} title=${t('new.drafts')}>
    <${Trouble} problem=${act.problem} />
    <ul class="rows">${from.data.drafts.map(draft => html`<li key=${draft.id}><span><a href=${`/new?draft=${draft.id}`}><strong>${draft.name}</strong></a> <span class="quiet">${t('new.drafts.by', { name: draft.changed_by })} <${Time} at=${draft.changed_at} relative /></span></span>
      <button type="button" aria-label=${t('new.drafts.delete', { name: draft.name })} onClick=${() => act.run(draft)}>${t('columns.remove')}</button></li>`)}</ul></${Card}>`
}

function Begin ({ onBegin }) {
  const models = useData(signal => all('/models', 'models', { signal }), 'models')
  const [model, setModel] = useState('')
  const act = useAct(onBegin)
  const example = name => act.run(async () => ofSpec((await import('../core/examples.js')).examples[name], name === 'german' ? 'german-credit' : name))
  return html`<${Page} title=${t('new.title')} lead=${t('new.begin.lead')}>
    <${Trouble} problem=${act.problem} />
    <${Card} title=${t('new.begin.table')}><${DropTable} onFound=${found => act.run(async () => withColumns(blank(t('new.consent.text')), found))} /></${Card}>
    <div class="columns">
      <${Card} title=${t('new.begin.example')}><p>${t('new.begin.example.lead')}</p><div class="actions">
        <button type="button" onClick=${() => example('german')}>${t('new.begin.german')}</button>
        <button type="button" onClick=${() => example('iris')}>${t('new.begin.iris')}</button>
        <button type="button" onClick=${() => act.run(async () => blank(t('new.consent.text')))}>${t('new.begin.empty')}</button></div></${Card}>
      ${models.data?.length > 0 && html`<${Card} title=${t('new.begin.clone')}><p>${t('new.begin.clone.lead')}</p>
        <form class="inline" onSubmit=${e => { e.preventDefault(); navigate(`/new?clone=${model || models.data[0].model}`) }}>
          <${Field} name="clone" kind="select" label=${t('new.begin.clone.which')} options=${models.data.map(m => [m.model, m.name])} value=${model || models.data[0].model} onValue=${setModel} />
          <button>${t('new.begin.clone.submit')}</button></form></${Card}>`}
    </div>
    <${Drafts} />
  </${Page}>`
}

// ---- the description as text ----

function Json ({ state, onState, onClose }) {
  const [text, setText] = useState(() => JSON.stringify({ ...requestOf(state), ...scheduleOf(state) ? { schedule: scheduleOf(state) } : {} }, null, 2))
  const [problem, setProblem] = useState(null)
  const take = next => {
    setText(next)
    try {
      const given = JSON.parse(next)
      if (!given || typeof given !== 'object' || Array.isArray(given)) throw new Error(t('new.json.object'))
      const whole = given.spec && typeof given.spec === 'object' ? given : { ...state, spec: given }
      setProblem(null)
      onState({ ...whole, model: String(whole.model ?? '') })
    } catch (e) { setProblem({ field: 'json', detail: e.message }) }
  }
  return html`<${Card} title=${t('new.json')} actions=${html`<button type="button" onClick=${onClose}>${t('new.json.close')}</button>`}>
    <p>${t('new.json.lead')}</p>
    <div class="json"><${Field} name="json" kind="area" label=${t('new.json.label')} hint=${problem ? t('new.json.kept') : t('new.json.taken')} value=${text} onValue=${take} problem=${problem} rows="30" spellcheck="false" /></div></${Card}>`
}

// ---- the form ----

async function create (state) {
  const made = await send('POST', '/models', requestOf(state))
  const schedule = scheduleOf(state)
  if (schedule) {
    try { await send('PUT', `/models/${made.model}/schedule`, schedule) } catch (problem) { return { made, unscheduled: problem } }
  }
  return { made }
}

function useForm (state, setState) {
  const [touched, setTouched] = useState(() => new Set())
  const [asked, setAsked] = useState(false)
  const [members, setMembers] = useState(null)
  const [answer, setAnswer] = useState(null) // what creating it said, until something changes
  const check = useCheck(state, members)
  const problem = answer ?? check.problem
  const change = fn => { setAnswer(null); setState(fn) }
  const touch = path => setTouched(old => old.has(path) ? old : new Set(old).add(path))
  return { state, change, touched, touch, asked, setAsked, members, setMembers, check, problem, setAnswer }
}

function Sections ({ chain, digits, currency, kind }) {
  const parts = [Purpose, ...kind === 'vector' ? [Training] : [Table, Training], Cohort, Privacy, ...chain ? [Rules] : [], Reward, Schedule]
  return parts.map((Part, i) => html`<${Part} key=${Part.name} number=${i + 1} chain=${chain} digits=${digits} currency=${currency} />`)
}

function Editor ({ state, setState, draft, chain }) {
  const form = useForm(state, setState)
  const [json, setJson] = useState(false)
  const token = chain && state.policy?.currency && state.policy.currency !== zero ? state.policy.currency : null
  const digits = chain && !token ? 18 : 0
  const currency = chain ? token : undefined
  const act = useAct(async () => {
    form.setAsked(true)
    try {
      const { made, unscheduled } = await create(state)
      await draft.forget()
      navigate(`/new?made=${made.model}${unscheduled ? '&unscheduled=1' : ''}`, { replace: true })
    } catch (problem) {
      form.setAnswer(problem)
      show(problem)
      throw problem
    }
  })
  const show = problem => setTimeout(() => { const field = fieldOf(problem); if (field) goTo(field) })
  const admin = may('admin')
  const begun = at(state, 'spec.name')
  return html`<${Sheet.Provider} value=${form}>
    <${Page} title=${begun ? t('new.title.named', { name: begun }) : t('new.title')} trail=${[[t('nav.models'), '/'], [t('new.title'), '/new']]} lead=${t('new.lead')}
        actions=${!json && html`<button type="button" onClick=${() => setJson(true)}>${t('new.json.open')}</button>`}>
      <${DraftState} draft=${draft} />
      <div class="with-panel">
        <form class="stack sections" noValidate onSubmit=${e => { e.preventDefault(); act.run() }}>
          ${json
            ? html`<${Json} state=${state} onState=${next => form.change(() => next)} onClose=${() => setJson(false)} />`
            : html`<${Sections} chain=${chain} digits=${digits} currency=${currency} kind=${state.spec.kind} />`}
          <${Card} title=${t('new.create')}>
            <p>${admin ? t('new.create.lead') : t('new.create.operator')}</p>
            <${Trouble} problem=${act.problem} />
            ${admin && html`<div class="actions"><button class="main" disabled=${act.busy} aria-busy=${act.busy}>${act.busy ? t('working') : t('new.create.submit')}</button></div>`}
          </${Card}>
        </form>
        <${Panel} check=${form.check} members=${form.members} setMembers=${form.setMembers} currency=${currency} />
      </div>
    </${Page}></${Sheet.Provider}>`
}

// ---- afterwards ----

function Holdout ({ model }) {
  const [rows, setRows] = useState(null)
  const act = useAct(async file => {
    setRows((await (await call('PUT', `/models/${model.model}/holdout`, { body: file, type: 'text/csv' })).json()).rows)
  })
  return html`<${Card} title=${t('new.holdout.title')}><p>${t('new.holdout.lead')}</p>
    <${Field} name="holdout" kind="file" label=${t('new.holdout.file')} accept=".csv,text/csv" onValue=${files => files[0] && act.run(files[0])} />
    <${Trouble} problem=${act.problem} />
    ${rows !== null && html`<div role="status"><${Notice} kind="done">${t('new.holdout.done', { n: rows, rows: number(rows) })}</${Notice}></div>`}</${Card}>`
}

function Made ({ slug, unscheduled }) {
  const from = useData(async signal => ({ model: await get(`/models/${slug}`, { signal }), spec: await get(`/models/${slug}/spec`, { signal }) }), slug)
  useEffect(() => { document.querySelector('main h1')?.focus() }, [Boolean(from.data)])
  return html`<${Page} title=${t('new.made.title', { name: from.data?.model.name ?? slug })} trail=${[[t('nav.models'), '/'], [from.data?.model.name ?? slug, `/models/${slug}`]]} lead=${t('new.made.lead')}>
    ${unscheduled && html`<${Notice} kind="wait">${t('new.made.unscheduled')}</${Notice}>`}
    <${Loaded} from=${from} height=${24}>${({ model, spec }) => html`
      <${Card} title=${t('invite.title')}><p>${t('invite.lead')}</p><${Invite} model=${model} /></${Card}>
      ${spec.holdout && html`<${Holdout} model=${model} />`}
      <p class="actions"><a class="button" href=${`/models/${slug}/members`}>${t('new.made.members')}</a><a class="button" href=${`/models/${slug}`}>${t('new.made.model')}</a></p>`}</${Loaded}></${Page}>`
}

// ---- which of them ----

function useStart (query, draft, setState) {
  const [problem, setProblem] = useState(null)
  const wanted = useMemo(() => ({ draft: query.get('draft'), clone: query.get('clone') }), [])
  const begin = async () => {
    try {
      if (wanted.draft) await draft.load(wanted.draft)
      else if (wanted.clone) {
        const spec = await get(`/models/${wanted.clone}/spec`)
        setState({ ...ofSpec(spec, `${wanted.clone}-2`.slice(0, 63)) })
      }
    } catch (e) { setProblem(e) }
  }
  useEffect(() => { begin() }, [])
  return { waiting: Boolean(wanted.draft || wanted.clone), problem, retry: begin }
}

function Workbench ({ query }) {
  const [state, setState] = useState(null)
  const draft = useDraft(state, state?.spec?.name, setState)
  const start = useStart(query, draft, setState)
  const instance = useData('/instance')
  if (state && instance.data) return html`<${Editor} state=${state} setState=${setState} draft=${draft} chain=${instance.data.instance.chain} />`
  if (start.problem || instance.problem) return html`<${Page} title=${t('new.title')}><${Trouble} problem=${start.problem ?? instance.problem} retry=${start.problem ? start.retry : instance.reload} /><p><a href="/new">${t('new.anew')}</a></p></${Page}>`
  if (start.waiting || state) return html`<div class="page loading" aria-busy="true"></div>`
  return html`<${Begin} onBegin=${async make => setState(await make())} />`
}

// Another draft, clone or beginning is another visit; a draft's first number is not.
export default function New ({ query }) {
  useSession()
  const visit = useRef({ n: 0, key: null })
  const key = query.get('made') ? 'made' : query.get('draft') ?? query.get('clone') ?? ''
  const first = /^\d+$/.test(key) && visit.current.key === ''
  if (key !== visit.current.key && !first) visit.current.n++
  visit.current.key = key
  const made = query.get('made')
  return made ? html`<${Made} key=${made} slug=${made} unscheduled=${query.get('unscheduled')} />` : html`<${Workbench} key=${visit.current.n} query=${query} />`
}
