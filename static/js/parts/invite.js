// SPDX-License-Identifier: Apache-2.0
// Inviting people to a model: one with a message ready to send, or many from a file of names. Names stay
// in this browser: the server makes links, and who gets which is only known here.
import { send, useAct } from '../core/api.js'
import { parseCsv } from '../core/csv.js'
import { date, number, short } from '../core/format.js'
import { t } from '../core/i18n.js'
import { html, useEffect, useRef, useState } from '../core/view.js'
import { Command, Copy, Notice } from './basic.js'
import { Field, Form } from './form.js'
import { csvOf, download } from './table.js'

const day = 86400
const most = 500 // links of one request

// A word of a POSIX shell.
const quoted = text => `'${text.replaceAll("'", "'\\''")}'`
export const enrolCommand = (link, name) => `chorus enroll ${quoted(link)} --name ${quoted(name || t('invite.name.example'))}`

const messageOf = ({ link, expires_at: until }, name, model) => t(name ? 'invite.message' : 'invite.message.nobody', {
  name, model: model.name, purpose: model.purpose, until: date(until), enrol: enrolCommand(link, name), take: `chorus participate ${model.model} --data FILE.csv`
})

function Made ({ made, name, model, onDone }) {
  const text = messageOf(made, name, model)
  const box = useRef()
  useEffect(() => { box.current.focus() }, [made])
  return html`<section class="once" tabindex="-1" ref=${box} aria-label=${t('invite.made')}>
    <${Notice} kind="done" title=${t('invite.made')}>${t('invite.made.hint')}</${Notice}>
    <p><strong>${t('invite.command')}</strong></p>
    <${Command}>${enrolCommand(made.link, name)}</${Command}>
    <p><strong>${t('invite.text')}</strong></p>
    <div class="message"><pre tabindex="0">${text}</pre></div>
    <div class="actions">
      <${Copy} text=${text} words=${t('invite.copy')} />
      <button type="button" onClick=${onDone}>${t('invite.another')}</button></div>
  </section>`
}

function organisationOptions (organisations) {
  return [['', t('invite.organisation.new')], ...organisations.map(o => [o.organisation, t('invite.organisation.of', { name: o.label, id: short(o.organisation) })])]
}

const Terms = ({ terms, set, problem }) => html`
  <${Field} name="expires_in" kind="select" label=${t('invite.span')} options=${[1, 7, 14, 30, 90].map(n => [String(n), t('tokens.days', { n })])} value=${String(terms.days)} onValue=${n => set('days')(Number(n))} problem=${problem} />
  <${Field} name="admit" kind="check" label=${t('invite.admit')} hint=${terms.admit ? t('invite.admit.yes') : t('invite.admit.no')} value=${terms.admit} onValue=${set('admit')} problem=${problem} />`

function One ({ model, organisations, onMade }) {
  const [terms, setTerms] = useState({ name: '', organisation: '', days: 14, admit: true })
  const [made, setMade] = useState(null)
  const set = key => value => setTerms(old => ({ ...old, [key]: value }))
  const act = useAct(async () => {
    const { invites } = await send('POST', '/invites', { model: model.model, organisation: terms.organisation || null, count: 1, expires_in: terms.days * day, admit: terms.admit })
    setMade(invites[0])
    onMade()
  })
  if (made) return html`<${Made} made=${made} name=${terms.name.trim()} model=${model} onDone=${() => { setMade(null); set('name')('') }} />`
  return html`<${Form} act=${act} onSubmit=${() => act.run()} submit=${t('invite.submit')}>
    <div class="fields">
      <${Field} name="name" label=${t('invite.name')} hint=${t('invite.name.hint')} value=${terms.name} onValue=${set('name')} maxlength="200" autocomplete="off" />
      <${Field} name="organisation" kind="select" label=${t('invite.organisation')} hint=${t('invite.organisation.hint')} options=${organisationOptions(organisations)} value=${terms.organisation} onValue=${set('organisation')} problem=${act.problem} />
      <${Terms} terms=${terms} set=${set} problem=${act.problem} />
    </div></${Form}>`
}

// ---- from a file ----

// Rows of {name, organisation}: the columns of these names, else the first and the second one.
export function readNames (text) {
  const [head = [], ...rows] = parseCsv(text).rows.filter(row => row.some(cell => cell.trim()))
  const at = words => head.findIndex(cell => words.includes(cell.trim().toLowerCase()))
  const name = at(['name', 'names', 'member', 'mitglied'])
  const organisation = at(['organisation', 'organization', 'organisation name', 'firma', 'company'])
  const body = name < 0 ? [head, ...rows] : rows
  const [a, b] = name < 0 ? [0, 1] : [name, organisation]
  return body.map(row => ({ name: (row[a] ?? '').trim(), organisation: (row[b] ?? '').trim() })).filter(row => row.name)
}

// Those of one organisation get links of one organisation: the first link draws its number.
async function makeLinks (people, model, terms) {
  const order = (count, organisation) => send('POST', '/invites', { model, organisation, count, expires_in: terms.days * day, admit: terms.admit }).then(made => made.invites)
  const groups = new Map()
  for (const person of people) if (person.organisation) groups.set(person.organisation, [...groups.get(person.organisation) ?? [], person])
  const alone = people.filter(person => !person.organisation)
  const made = new Map()
  for (let i = 0; i < alone.length; i += most) {
    const part = alone.slice(i, i + most)
    for (const [j, invite] of (await order(part.length, null)).entries()) made.set(part[j], invite)
  }
  for (const members of groups.values()) {
    const [first] = await order(1, null)
    made.set(members[0], first)
    for (let i = 1; i < members.length; i += most) {
      const part = members.slice(i, i + most)
      for (const [j, invite] of (await order(part.length, first.organisation)).entries()) made.set(part[j], invite)
    }
  }
  return people.map(person => ({ ...person, ...made.get(person), label: person.organisation }))
}

function save (links, model) {
  const rows = [['name', 'organisation', 'link', 'command', 'expires'], ...links.map(row => [row.name, row.label, row.link, enrolCommand(row.link, row.name), new Date(row.expires_at * 1000).toISOString()])]
  download(`invites-${model.model}.csv`, 'text/csv', csvOf(rows))
}

function Many ({ model, onMade }) {
  const [terms, setTerms] = useState({ days: 14, admit: true })
  const [people, setPeople] = useState(null)
  const [links, setLinks] = useState(null)
  const [problem, setProblem] = useState(null)
  const set = key => value => setTerms(old => ({ ...old, [key]: value }))
  const act = useAct(async () => { setLinks(await makeLinks(people, model.model, terms)); onMade() })
  const read = async ([file]) => {
    setLinks(null)
    const found = file ? readNames(await file.text()) : []
    setPeople(found.length ? found : null)
    setProblem(file && !found.length ? { field: 'file', detail: t('invite.file.empty') } : null)
  }
  if (links) {
    return html`<div class="stack"><${Notice} kind="done" title=${t('invite.file.made', { n: links.length })}>${t('invite.file.made.hint')}</${Notice}>
      <div class="actions"><button type="button" class="main" onClick=${() => save(links, model)}>${t('invite.file.save')}</button>
      <button type="button" onClick=${() => { setLinks(null); setPeople(null) }}>${t('invite.another')}</button></div></div>`
  }
  const organisations = new Set(people?.map(row => row.organisation).filter(Boolean)).size
  return html`<${Form} act=${act} onSubmit=${() => people ? act.run() : setProblem({ field: 'file', detail: t('invite.file.none') })} submit=${people ? t('invite.file.submit', { n: people.length }) : t('invite.submit')}>
    <${Field} name="file" kind="file" label=${t('invite.file')} hint=${t('invite.file.hint')} accept=".csv,text/csv,text/plain" onValue=${read} problem=${problem} />
    ${people && html`<p role="status">${t('invite.file.found', { n: people.length, names: people.slice(0, 3).map(row => row.name).join(', '), organisations: number(organisations) })}</p>`}
    <div class="fields"><${Terms} terms=${terms} set=${set} problem=${act.problem} /></div></${Form}>`
}

// organisations: [{organisation, label}] that are known already.
export function Invite ({ model, organisations = [], onMade = () => {} }) {
  const [many, setMany] = useState(false)
  return html`<div class="stack">
    <div class="choice" role="group" aria-label=${t('invite.how')}>
      <button type="button" aria-pressed=${String(!many)} onClick=${() => setMany(false)}>${t('invite.one')}</button>
      <button type="button" aria-pressed=${String(many)} onClick=${() => setMany(true)}>${t('invite.many')}</button></div>
    ${many ? html`<${Many} model=${model} onMade=${onMade} />` : html`<${One} model=${model} organisations=${organisations} onMade=${onMade} />`}
  </div>`
}
