// SPDX-License-Identifier: Apache-2.0
// The interface for programs, as it describes itself (GET /api/v1/openapi.json): searchable, every
// operation with an address of its own (/api#NAME) and a command to try it.
import { useData } from '../core/api.js'
import { language, t } from '../core/i18n.js'
import { bodyOf, curl, exampleOf, inner, operations, resolve, typeText } from '../core/openapi.js'
import { usePlace } from '../core/router.js'
import { html, useEffect, useMemo, useRef, useState } from '../core/view.js'
import { Card, Command, Copy, Loaded, Page } from '../parts/basic.js'

const words = () => ({ or: ` ${t('apidoc.or')} `, arrayOf: t('apidoc.list') })
const foreign = () => language() === 'en' ? null : 'en'

// `code` and **strong** of a description; everything else is text.
function Prose ({ text = '' }) {
  const parts = text.split(/(`[^`]+`|\*\*[^*]+\*\*)/)
  return html`${parts.map(part => part.startsWith('`') ? html`<code>${part.slice(1, -1)}</code>` : part.startsWith('**') ? html`<strong>${part.slice(2, -2)}</strong>` : part)}`
}
const Paragraphs = ({ text = '' }) => text.split(/\n\s*\n/).filter(Boolean).map(part => html`<p lang=${foreign()}><${Prose} text=${part} /></p>`)

function Properties ({ doc, schema, depth = 0 }) {
  const found = inner(doc, schema)
  if (!found || depth > 3) return null
  const required = new Set(found.schema.required ?? [])
  return html`<ul class="properties">${Object.entries(found.schema.properties).map(([name, s]) => {
    const below = inner(doc, s)
    const about = resolve(doc, s)?.description
    return html`<li key=${name}><code class="property">${name}</code> <span class="quiet">${typeText(doc, s, words())}${required.has(name) ? '' : ` · ${t('apidoc.optional')}`}</span>
      ${about && html` <span lang=${foreign()}><${Prose} text=${about} /></span>`}
      ${below && depth < 3 && html`<details><summary>${t('apidoc.members', { name })}</summary><${Properties} doc=${doc} schema=${s} depth=${depth + 1} /></details>`}</li>`
  })}</ul>`
}

const Parameters = ({ doc, parameters }) => html`<h4>${t('apidoc.parameters')}</h4>
  <ul class="properties">${parameters.map(p => html`<li><code class="property">${p.name}</code> <span class="quiet">${t(`apidoc.in.${p.in}`)} · ${typeText(doc, p.schema, words())}${p.required ? '' : ` · ${t('apidoc.optional')}`}</span>
    ${p.description && html` <span lang=${foreign()}><${Prose} text=${p.description} /></span>`}</li>`)}</ul>`

const Example = ({ value }) => html`<div class="command"><pre tabindex="0"><code>${typeof value === 'string' ? value : JSON.stringify(value, null, 2)}</code></pre><${Copy} text=${typeof value === 'string' ? value : JSON.stringify(value, null, 2)} label=${t('apidoc.copy')} /></div>`

function Answer ({ doc, status, given }) {
  const answer = resolve(doc, given)
  const [type, content] = Object.entries(answer.content ?? {})[0] ?? []
  const good = status.startsWith('2')
  return html`<li><span class=${`status ${good ? 'good' : 'bad'}`}>${status}</span> <span lang=${foreign()}><${Prose} text=${answer.description} /></span> ${good && type && html`<code class="quiet">${type}</code>`}
    ${good && content?.schema && type.includes('json') && html`<${Properties} doc=${doc} schema=${content.schema} />
      <details><summary>${t('apidoc.example')}</summary><${Example} value=${exampleOf(doc, content)} /></details>`}</li>`
}

function Operation ({ doc, item, open, onToggle }) {
  const { op, parameters } = item
  const body = bodyOf(doc, op)
  const box = useRef()
  return html`<details class="operation" id=${item.id} ref=${box} open=${open} onToggle=${e => e.currentTarget === e.target && onToggle(item.id, e.currentTarget.open)}>
    <summary><span class=${`method ${item.method.toLowerCase()}`}>${item.method}</span> <code class="route">${item.path.replace('/api/v1', '')}</code> <span class="summary" lang=${foreign()}>${op.summary}</span></summary>
    ${open && html`<div class="stack">
      <p class="row"><span class="quiet">${t(`apidoc.role.${op['x-role']}`)}</span> <a href=${`/api#${item.id}`}>${t('apidoc.link')}</a></p>
      <${Paragraphs} text=${op.description} />
      <${Command}>${curl(doc, item, location.origin)}</${Command}>
      ${parameters.length > 0 && html`<${Parameters} doc=${doc} parameters=${parameters} />`}
      ${body && html`<h4>${t('apidoc.body')} <code class="quiet">${body.type}</code></h4>${body.content.schema && html`<${Properties} doc=${doc} schema=${body.content.schema} />`}`}
      <h4>${t('apidoc.answers')}</h4>
      <ul class="answers">${Object.entries(op.responses).map(([status, given]) => html`<${Answer} key=${status} doc=${doc} status=${status} given=${given} />`)}</ul>
    </div>`}
  </details>`
}

const fits = (item, needle) => !needle || [item.method, item.path, item.id, item.op.summary, item.op.description, item.tag].some(text => text?.toLowerCase().includes(needle))

function Body ({ doc }) {
  const place = usePlace()
  const items = useMemo(() => operations(doc), [doc])
  const [open, setOpen] = useState(() => new Set([decodeURIComponent(place.hash.slice(1))]))
  const [wanted, setWanted] = useState('')
  const turn = (id, on) => setOpen(old => { if (old.has(id) === on) return old; const next = new Set(old); next[on ? 'add' : 'delete'](id); return next })
  const visit = () => {
    const id = decodeURIComponent(location.hash.slice(1))
    if (!items.some(item => item.id === id)) return
    setWanted('')
    turn(id, true)
    setTimeout(() => { const at = document.getElementById(id); at?.scrollIntoView(); at?.querySelector('summary')?.focus({ preventScroll: true }) })
  }
  useEffect(() => {
    visit()
    addEventListener('hashchange', visit)
    return () => removeEventListener('hashchange', visit)
  }, [items])
  const needle = wanted.trim().toLowerCase()
  const found = items.filter(item => fits(item, needle))
  return html`<${Card} title=${t('apidoc.first.title')}>
      <p>${t('apidoc.first')} <a href="/account">${t('apidoc.first.token')}</a></p>
      <${Command}>${`export CHORUS_TOKEN=TOKEN\ncurl -H "Authorization: Bearer $CHORUS_TOKEN" ${location.origin}/api/v1/models`}</${Command}>
      <${Paragraphs} text=${doc.info.description} />
      <p><a href="/api/v1/openapi.json" download="chorus-openapi.json">openapi.json</a> · <a href="/api/v1/openapi.yaml" download="chorus-openapi.yaml">openapi.yaml</a> <span class="quiet">${t('apidoc.first.files')}</span></p>
    </${Card}>
    <div class="api-tools"><label class="search"><span class="unseen">${t('apidoc.search')}</span><input type="search" placeholder=${t('apidoc.search')} value=${wanted} onInput=${e => setWanted(e.target.value)} /></label>
      <span role="status" class="quiet">${t('apidoc.found', { n: found.length })}</span></div>
    ${doc.tags.filter(tag => found.some(item => item.tag === tag.name)).map(tag => html`<section key=${tag.name} class="tag" aria-labelledby=${`tag-${tag.name}`}>
      <h2 id=${`tag-${tag.name}`}>${tag.name} <span class="quiet" lang=${foreign()}>${tag.description}</span></h2>
      ${found.filter(item => item.tag === tag.name).map(item => html`<${Operation} key=${item.id} doc=${doc} item=${item} open=${open.has(item.id)} onToggle=${turn} />`)}
    </section>`)}
    ${found.length === 0 && html`<p class="quiet">${t('apidoc.none')}</p>`}`
}

export default function Api () {
  const from = useData('/openapi.json')
  return html`<${Page} title=${t('apidoc.title')} lead=${t('apidoc.lead')}><${Loaded} from=${from} height=${60}>${doc => html`<${Body} doc=${doc} />`}</${Loaded}></${Page}>`
}
