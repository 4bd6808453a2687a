// SPDX-License-Identifier: Apache-2.0
// The columns of a new model: read from the first rows of a table that stays in this browser, or written
// by hand; what is predicted; for which groups of people the results are counted apart.
import { inferColumns, readStart } from '../core/csv.js'
import { list, number } from '../core/format.js'
import { t } from '../core/i18n.js'
import { chooseTarget, fieldOf, groupsOf, put, scaling, withColumns } from '../core/specform.js'
import { html, useRef, useState } from '../core/view.js'
import { Notice, Trouble } from './basic.js'
import { Field } from './form.js'
import { In, useAt, useSheet } from './specfields.js'

const shownColumns = 150

// ---- from a table ----

async function columnsOf (file) {
  const start = await readStart(file)
  if (start.rows.length < 2) throw Object.assign(new Error(), { title: t('columns.file.empty'), help: t('columns.file.empty.help') })
  const found = inferColumns(start.rows)
  if (found.columns.length < 2) throw Object.assign(new Error(), { title: t('columns.file.few'), help: t('columns.file.few.help') })
  return { ...found, whole: start.whole, separator: start.separator, name: file.name }
}

const foundText = found => [
  t('columns.found', { name: found.name, n: found.columns.length, rows: number(found.rows) }),
  found.whole ? '' : t('columns.found.part'),
  found.skipped.length ? t('columns.found.skipped', { names: list(found.skipped.slice(0, 5)) }) : '',
  found.missing !== undefined ? t('columns.found.missing', { mark: found.missing === '' ? t('columns.nothing') : found.missing }) : '',
  found.separator !== ',' ? t('columns.found.separator') : ''
].filter(Boolean).join(' ')

// A place to drop a table; `onFound` gets what inferColumns gives.
export function DropTable ({ onFound }) {
  const [state, setState] = useState({})
  const [over, setOver] = useState(false)
  const input = useRef()
  const read = async file => {
    if (!file) return
    try {
      const found = await columnsOf(file)
      setState({ found })
      onFound(found)
    } catch (problem) {
      setState({ problem: problem.title ? problem : { title: t('columns.file.unread'), help: String(problem.message ?? '') } })
    }
  }
  const drop = event => { event.preventDefault(); setOver(false); read(event.dataTransfer.files[0]) }
  return html`<div class=${over ? 'drop over' : 'drop'} onDragOver=${e => { e.preventDefault(); setOver(true) }} onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <${Field} name="table" kind="file" label=${t('columns.drop')} hint=${t('columns.drop.hint')} accept=".csv,.tsv,.txt,text/csv" ref=${input} onValue=${files => read(files[0])} />
    <${Trouble} problem=${state.problem} />
    ${state.found && html`<div role="status"><${Notice} kind="done">${foundText(state.found)}</${Notice}></div>`}
  </div>`
}

// ---- one column ----

function Values ({ path }) {
  const [values, set] = useAt(`${path}.values`)
  const [typed, setTyped] = useState(null)
  const lines = text => [...new Set(text.split('\n').map(line => line.trim()).filter(Boolean))]
  const shown = typed !== null && JSON.stringify(lines(typed)) === JSON.stringify(values) ? typed : (values ?? []).join('\n')
  return html`<${In} path=${`${path}.values`} kind="area" label=${t('columns.values')} hint=${t('columns.values.hint', { n: values?.length ?? 0 })} value=${shown} onValue=${text => { setTyped(text); set(lines(text)) }} rows="3" />`
}

const fresh = {
  range: c => ({ name: c.name, type: 'numeric', scale: 'range', minimum: c.minimum ?? '0', maximum: c.maximum ?? '1' }),
  mean: c => ({ name: c.name, type: 'numeric', scale: 'mean', mean: c.mean ?? '0', deviation: c.deviation ?? '1', minimum: c.minimum, maximum: c.maximum }),
  values: c => ({ name: c.name, type: 'categorical', values: c.values ?? [], minimum: c.minimum, maximum: c.maximum })
}

function Column ({ path, onRemove, title }) {
  const [column, set] = useAt(path)
  const kind = scaling(column)
  return html`<fieldset class="column"><legend class="unseen">${title}</legend>
    <${In} path=${`${path}.name`} label=${t('columns.name')} maxlength="200" />
    <${Field} name=${`${path}.type`} kind="select" label=${t('columns.type')} value=${kind} onValue=${k => set(fresh[k](column))}
      options=${[['range', t('columns.type.range')], ['mean', t('columns.type.mean')], ['values', t('columns.type.values')]]} />
    ${kind === 'range' && html`<${In} path=${`${path}.minimum`} kind="decimal" label=${t('columns.minimum')} /><${In} path=${`${path}.maximum`} kind="decimal" label=${t('columns.maximum')} />`}
    ${kind === 'mean' && html`<${In} path=${`${path}.mean`} kind="decimal" label=${t('columns.mean')} /><${In} path=${`${path}.deviation`} kind="decimal" label=${t('columns.deviation')} />`}
    ${kind === 'values' && html`<${Values} path=${path} />`}
    ${onRemove && html`<button type="button" class="remove" aria-label=${t('columns.remove.label', { name: column.name })} onClick=${onRemove}>${t('columns.remove')}</button>`}
  </fieldset>`
}

const summaryOf = column => {
  const kind = scaling(column)
  if (kind === 'values') return t('columns.is.values', { n: column.values?.length ?? 0, values: (column.values ?? []).slice(0, 4).join(', ') + ((column.values?.length ?? 0) > 4 ? ', …' : '') })
  return kind === 'range' ? t('columns.is.range', column) : t('columns.is.mean', column)
}

// A line that opens into its fields.
function Feature ({ i, column, remove, open }) {
  const path = `spec.features[${i}]`
  return html`<details class="feature" open=${open}><summary><strong>${column.name || t('columns.unnamed')}</strong> <span class="quiet">${summaryOf(column)}</span></summary>
    <${Column} path=${path} title=${t('columns.one', { name: column.name || i + 1 })} onRemove=${remove} /></details>`
}

// ---- groups ----

function Groups () {
  const { state, change } = useSheet()
  const { features = [], groups = [], target } = state.spec
  const categorical = features.filter(f => f.type === 'categorical')
  if (target?.type !== 'categorical') return html`<p class="hint">${t('groups.numeric')}</p>`
  const chosen = groups[0]?.feature ?? ''
  const choose = name => change(old => {
    const spec = { ...old.spec }
    if (!name) { delete spec.groups; delete spec.positive } else {
      spec.groups = groupsOf(spec.features.find(f => f.name === name))
      spec.positive = spec.positive ?? spec.target.values?.at(-1)
    }
    return { ...old, spec }
  })
  const values = features.find(f => f.name === chosen)?.values ?? []
  const turn = (i, value) => on => change(old => put(old, `spec.groups[${i}].values`, on ? values.filter(v => v === value || groups[i].values.includes(v)) : groups[i].values.filter(v => v !== value)))
  const setGroups = next => change(old => ({ ...old, spec: { ...old.spec, groups: next } }))
  return html`<div class="fields">
      <${Field} name="spec.groups" kind="select" label=${t('groups.column')} hint=${t('groups.hint')} options=${[['', t('groups.none')], ...categorical.map(f => [f.name, f.name])]} value=${chosen} onValue=${choose} />
      ${chosen && html`<${In} path="spec.positive" kind="select" label=${t('groups.positive')} hint=${t('groups.positive.hint')} options=${(target.values ?? []).map(v => [v, v])} />`}</div>
    ${chosen && html`<div class="groups">${groups.map((group, i) => html`<fieldset key=${i}><legend>${t('groups.one', { n: i + 1 })}</legend>
      <${In} path=${`spec.groups[${i}].name`} label=${t('groups.name')} maxlength="64" />
      <div class="ticks">${values.slice(0, 50).map(value => html`<${Field} key=${value} name=${`group ${i} ${value}`} kind="check" label=${value} value=${group.values.includes(value)} onValue=${turn(i, value)} />`)}</div>
      <div><button type="button" aria-label=${t('groups.remove.label', { name: group.name })} onClick=${() => groups.length > 1 ? setGroups(groups.filter((_, j) => j !== i)) : choose('')}>${t('columns.remove')}</button></div></fieldset>`)}</div>
      ${groups.length < 16 && html`<div><button type="button" onClick=${() => setGroups([...groups, { name: t('groups.new', { n: groups.length + 1 }), feature: chosen, values: values.slice(0, 1) }])}>${t('groups.add')}</button></div>`}`}`
}

// ---- all of it ----

export function Columns () {
  const { state, change, problem } = useSheet()
  const { features = [], target } = state.spec
  const setFeatures = next => change(old => ({ ...old, spec: { ...old.spec, features: next } }))
  const wrong = /^spec\.features\[(\d+)\]/.exec(fieldOf(problem) ?? '')?.[1]
  const [added, setAdded] = useState(null)
  const add = () => { setAdded(features.length); setFeatures([...features, { name: '', type: 'numeric', minimum: '0', maximum: '1' }]) }
  const targetOptions = [...target ? [] : [['', t('columns.target.none')]], ...[...features, ...target ? [target] : []].map(f => [f.name, f.name || t('columns.unnamed')])]
  return html`
    <${DropTable} onFound=${found => change(old => withColumns(old, found))} />
    <h3>${t('columns.target')}</h3>
    <p class="hint">${t('columns.target.hint')}</p>
    ${features.length + (target ? 1 : 0) > 0 && html`<${Field} name="spec.target" kind="select" label=${t('columns.target.choose')} options=${targetOptions} value=${target?.name ?? ''} onValue=${name => change(old => chooseTarget(old, name))} />`}
    ${target
      ? html`<${Column} path="spec.target" title=${t('columns.target')} />`
      : html`<div><button type="button" onClick=${() => change(old => ({ ...old, spec: { ...old.spec, target: { name: '', type: 'categorical', values: [] } } }))}>${t('columns.target.add')}</button></div>`}
    <h3>${t('columns.features', { n: features.length })}</h3>
    <p class="hint">${t('columns.features.hint')}</p>
    <div class="features">${features.slice(0, shownColumns).map((column, i) => html`<${Feature} key=${i} i=${i} column=${column} open=${i === added || String(i) === wrong} remove=${() => setFeatures(features.filter((_, j) => j !== i))} />`)}</div>
    ${features.length > shownColumns && html`<p class="hint">${t('columns.more', { n: features.length - shownColumns })}</p>`}
    <div><button type="button" onClick=${add}>${t('columns.add')}</button></div>
    <div class="fields"><${Missing} /></div>
    <h3>${t('groups.title')}</h3>
    <${Groups} />`
}

function Missing () {
  const { change } = useSheet()
  const [mark] = useAt('spec.missing')
  const set = on => change(old => put(old, 'spec.missing', on ? '' : undefined))
  return html`<${Field} name="has missing" kind="check" label=${t('columns.missing')} hint=${t('columns.missing.hint')} value=${mark !== undefined} onValue=${set} />
    ${mark !== undefined && html`<${In} path="spec.missing" label=${t('columns.missing.mark')} hint=${t('columns.missing.mark.hint')} maxlength="64" />`}`
}
