// SPDX-License-Identifier: Apache-2.0
// The public log: whether it only ever grew, as this browser finds, and what stands in it.
import { all, get, query, useData } from '../core/api.js'
import { checkPrefix } from '../core/audit.js'
import { hex } from '../core/bytes.js'
import { number, short } from '../core/format.js'
import { t } from '../core/i18n.js'
import { useLive } from '../core/live.js'
import { recall, remember } from '../core/memory.js'
import { cosigned, eventHash, openCheckpoint } from '../core/proof.js'
import { navigate } from '../core/router.js'
import { html, useEffect, useRef, useState } from '../core/view.js'
import { Card, Command, Empty, Facts, Hash, Loaded, Notice, Page, State, Time } from '../parts/basic.js'
import { serverSource } from '../parts/checks.js'
import { Entries } from '../parts/entries.js'
import { useNames } from '../parts/public.js'
import { Table } from '../parts/table.js'

const page = 25

// ---- the checkpoint, checked here ----

// {head, kept, outcome}: 'first', 'grew', or what is wrong: 'signature', 'other', 'smaller', 'rewritten'.
async function checkHead () {
  const source = serverSource()
  const instance = await source.instance()
  const hash = await eventHash(instance)
  const head = await openCheckpoint(await source.checkpoint(), instance)
  const kept = recall()
  if (!head) return { instance, hash, kept, outcome: 'signature' }
  if (kept && kept.instance !== hash) return { instance, hash, head, kept, outcome: 'other' }
  const found = kept ? await checkPrefix('history', kept.size, kept.root, head, source.consistency) : null
  if (found?.outcome === 'fails') return { instance, hash, head, kept, outcome: found.why === 'smaller' ? 'smaller' : 'rewritten' }
  remember({ instance: hash, size: head.size, root: hex(head.root) })
  return { instance, hash, head, kept, outcome: kept ? 'grew' : 'first' }
}

const headVars = ({ head, kept }) => ({ size: number(head?.size ?? 0), from: number(kept?.size ?? 0), n: (head?.size ?? 0) - (kept?.size ?? 0) })

function Head ({ found }) {
  const { head, hash, instance, kept, outcome } = found
  const good = outcome === 'first' || outcome === 'grew'
  return html`<${Card} title=${t('head.title')}>
    ${good ? html`<div class="row"><${State} kind="done">${t('head.checked')}</${State}></div>` : html`<${Notice} kind="failed" title=${t(`head.${outcome}`, headVars(found))}>${t('head.do')}</${Notice}>`}
    <${Facts} items=${[
      [t('head.size'), number(head?.size ?? 0)],
      head && [t('head.root'), html`<${Hash} value=${hex(head.root)} />`],
      [t('head.instance'), html`<${Hash} value=${hash} />`],
      [t('head.key'), html`<${Hash} value=${instance.coordinator} />`],
      kept && [t('head.kept'), html`<${Time} at=${kept.time} relative />`]
    ]} />
    <p class="quiet">${t('head.watch')}</p>
    <${Command}>${`chorus log monitor --server ${location.origin}`}</${Command}></${Card}>`
}

function leadText (found) {
  const same = found.outcome === 'grew' && found.head.size === found.kept.size
  const good = found.outcome === 'first' || found.outcome === 'grew'
  return t(`head.lead.${same ? 'same' : good ? found.outcome : 'wrong'}`, headVars(found))
}

// ---- witnesses ----

async function judged (witnesses) {
  return Promise.all(witnesses.map(async w => ({ ...w, sound: w.checkpoint ? Boolean(await cosigned(w.checkpoint, w.key)) : null, size: w.checkpoint ? Number(w.checkpoint.split('\n')[1]) : null })))
}

function Witnesses () {
  const found = useData(async signal => judged(await all('/log/witnesses', 'witnesses', { signal })), 'witnesses')
  const columns = [
    { key: 'name', title: t('witness.name'), show: w => html`<span title=${w.key}>${short(w.name)}</span>` },
    { key: 'size', title: t('witness.size'), value: w => w.size ?? 0, show: w => w.size === null ? '–' : number(w.size), number: true },
    { key: 'when', title: t('witness.when'), value: w => w.cosigned_at ?? 0, show: w => html`<${Time} at=${w.cosigned_at} relative />` },
    { key: 'sound', title: t('witness.sound'), value: w => String(w.sound), show: w => w.sound === null ? html`<${State} kind="idle">${t('witness.none')}</${State}>` : html`<${State} kind=${w.sound ? 'done' : 'failed'}>${t(w.sound ? 'witness.holds' : 'witness.fails')}</${State}>` }
  ]
  return html`<${Card} title=${t('witness.title')}><p class="quiet">${t('witness.what')}</p>
    <${Loaded} from=${found} height=${6}>${rows => rows.length
      ? html`<${Table} columns=${columns} rows=${rows} rowKey=${w => w.key} caption=${t('witness.title')} />`
      : html`<${Empty} title=${t('witness.empty')}><p>${t('witness.empty.what')}</p><${Command}>${'chorus witness --name YOUR-NAME'}</${Command}></${Empty}>`}</${Loaded}></${Card}>`
}

// ---- the entries ----

// The newest first; of one model or round from the beginning, as the server can give them.
function useEntries (filter, size) {
  const [state, setState] = useState({ entries: null, left: null })
  const key = JSON.stringify(filter)
  const filtered = Boolean(filter.model || filter.ctx)
  const read = async cursor => {
    const found = await get(query('/log/entries', { ...filter, cursor: cursor || null, limit: page }))
    setState(old => filtered
      ? { entries: [...cursor ? old.entries : [], ...found.entries], left: found.next }
      : { entries: [...found.entries.reverse(), ...(old.entries ?? [])].sort((a, b) => b.leaf - a.leaf), left: cursor > 0 ? Math.max(0, cursor - page) : null })
  }
  useEffect(() => {
    setState({ entries: null, left: null })
    if (filtered) read(null).catch(() => setState({ entries: [], left: null }))
    else if (size !== undefined) read(Math.max(0, size - page)).catch(() => setState({ entries: [], left: null }))
  }, [key, size === undefined])
  const add = entry => {
    if (!filtered) setState(old => old.entries?.some(e => e.leaf === entry.leaf) ? old : { ...old, entries: [entry, ...(old.entries ?? [])] })
  }
  return { ...state, filtered, more: () => read(state.left), add }
}

function Filter ({ filter }) {
  const models = useData(signal => all('/models', 'models', { signal }), 'models').data ?? []
  return html`<div class="row"><label class="row"><span>${t('log.model')}</span><select class="choice" value=${filter.model ?? ''} onChange=${e => navigate(e.target.value ? `/log?model=${e.target.value}` : '/log', { replace: true })}>
      <option value="" selected=${!filter.model}>${t('log.every')}</option>
      ${models.map(m => html`<option value=${m.model} selected=${m.model === filter.model}>${m.name}</option>`)}</select></label>
    ${filter.ctx && html`<span>${t('log.ctx')} <${Hash} value=${filter.ctx} to=${`/rounds/${filter.ctx}`} /></span><a href="/log">${t('log.every')}</a>`}</div>`
}

export default function Log ({ query: asked }) {
  const filter = { model: asked.get('model'), ctx: asked.get('ctx') }
  const head = useData(checkHead, 'head')
  const list = useEntries(filter, head.data ? head.data.head?.size ?? 0 : undefined)
  const fresh = useRef(new Set())
  const names = useNames()
  const again = useRef(null)
  const soon = () => { again.current ??= setTimeout(() => { again.current = null; head.reload() }, 3000) }
  useEffect(() => () => clearTimeout(again.current), [])
  useLive({}, { entry: e => { fresh.current.add(e.leaf); list.add(e) }, head: soon }, soon)
  const lead = head.data ? leadText(head.data) : t('head.lead.checking')
  return html`<${Page} title=${t('log.title')} lead=${lead}>
    <div class="columns"><${Loaded} from=${head} height=${20}>${found => html`<${Head} found=${found} />`}</${Loaded}><${Witnesses} /></div>
    <${Card} title=${t('log.entries')}><${Filter} filter=${filter} />
      ${list.filtered && html`<p class="quiet">${t('log.oldest')}</p>`}
      <${Loaded} from=${{ data: list.entries, problem: head.problem, reload: head.reload }} height=${20}>${rows => html`<${Entries} entries=${rows} names=${names} fresh=${fresh.current} />`}</${Loaded}>
      ${list.left !== null && html`<div class="actions"><button type="button" onClick=${list.more}>${t('more')}</button></div>`}</${Card}>
  </${Page}>`
}
