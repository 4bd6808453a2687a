// SPDX-License-Identifier: Apache-2.0
// A draft that saves itself: every pause in typing is a PUT with the ETag of what was read, so that two
// people never overwrite each other unseen. A conflict keeps both and lets the person choose.
import { call, get, send } from '../core/api.js'
import { t } from '../core/i18n.js'
import { navigate } from '../core/router.js'
import { html, useEffect, useRef, useState } from '../core/view.js'
import { Notice, State, Time, Trouble } from './basic.js'

const pause = 800

async function write (method, path, body, etag) {
  const reply = await call(method, path, { body, headers: etag ? { 'If-Match': etag } : {} })
  return { draft: await reply.json(), etag: reply.headers.get('etag') }
}

async function read (id) {
  const reply = await call('GET', `/drafts/${id}`)
  return { draft: await reply.json(), etag: reply.headers.get('etag') }
}

// {status, problem, theirs, load, keepMine, takeTheirs, saveAnother, forget}; status: none, saving, saved,
// failed or conflict. `content` is what stands in the form now, null before it is begun.
export function useDraft (content, name, onContent) {
  const [shown, setShown] = useState({ status: 'none' })
  const draft = useRef({ id: null, etag: null, saved: null, busy: false, over: false })
  const latest = useRef()
  latest.current = { content, name }
  const text = content && JSON.stringify(content)

  const save = async ({ force = false } = {}) => {
    const d = draft.current
    const { content: now, name: called } = latest.current
    const wanted = now && JSON.stringify(now)
    if (d.over || d.busy || !wanted || (wanted === d.saved && !force)) return
    d.busy = true
    setShown(old => old.status === 'conflict' ? old : { status: 'saving' })
    try {
      const body = { name: called || t('draft.unnamed'), content: now }
      const done = d.id ? await write('PUT', `/drafts/${d.id}`, body, d.etag) : await write('POST', '/drafts', body)
      const fresh = !d.id
      Object.assign(d, { id: done.draft.id, etag: done.etag, saved: wanted })
      if (fresh && location.pathname === '/new') navigate(`/new?draft=${d.id}`, { replace: true })
      setShown({ status: 'saved', at: done.draft.changed_at })
    } catch (problem) {
      if (problem.slug === 'precondition-failed') setShown({ status: 'conflict', theirs: await read(d.id).catch(() => null) })
      else setShown({ status: 'failed', problem })
    } finally {
      d.busy = false
    }
    if (draft.current.saved === wanted && JSON.stringify(latest.current.content) !== wanted) save()
  }

  useEffect(() => {
    if (!text || text === draft.current.saved || shown.status === 'conflict') return
    const timer = setTimeout(save, pause)
    return () => clearTimeout(timer)
  }, [text, name, shown.status === 'conflict'])
  useEffect(() => () => { if (!draft.current.over && latest.current.content) save() }, [])

  const adopt = ({ draft: given, etag }) => {
    Object.assign(draft.current, { id: given.id, etag, saved: JSON.stringify(given.content) })
    onContent(given.content)
    setShown({ status: 'saved', at: given.changed_at })
  }
  return {
    ...shown,
    load: async id => adopt(await read(id)),
    takeTheirs: () => adopt(shown.theirs),
    keepMine: () => { draft.current.etag = shown.theirs.etag; setShown({ status: 'saving' }); return save({ force: true }) },
    saveAnother: () => { Object.assign(draft.current, { id: null, etag: null }); setShown({ status: 'saving' }); return save({ force: true }) },
    retry: () => save({ force: true }),
    // After the model was made, or to begin anew.
    forget: async () => {
      const { id } = draft.current
      draft.current.over = true
      if (id) await send('DELETE', `/drafts/${id}`).catch(() => {})
    }
  }
}

function Conflict ({ draft }) {
  const box = useRef()
  useEffect(() => { box.current.focus() }, [])
  const theirs = draft.theirs?.draft
  return html`<div class="conflict" tabindex="-1" ref=${box} role="alert"><${Notice} kind="wait" title=${t('draft.conflict')}>
    <p>${theirs ? html`${t('draft.conflict.who', { name: theirs.changed_by })} <${Time} at=${theirs.changed_at} />. ` : ''}${t('draft.conflict.lead')}</p>
    <div class="actions">
      ${theirs && html`<button type="button" onClick=${draft.takeTheirs}>${t('draft.theirs')}</button>
      <button type="button" onClick=${draft.keepMine}>${t('draft.mine')}</button>`}
      <button type="button" class="main" onClick=${draft.saveAnother}>${t('draft.another')}</button></div>
  </${Notice}></div>`
}

export function DraftState ({ draft }) {
  if (draft.status === 'conflict') return html`<${Conflict} draft=${draft} />`
  if (draft.status === 'failed') return html`<${Trouble} problem=${draft.problem} retry=${draft.retry} />`
  const words = { none: t('draft.none'), saving: t('draft.saving'), saved: t('draft.saved') }
  return html`<p class="draft-state" role="status"><${State} kind=${draft.status === 'saved' ? 'done' : 'idle'}>${words[draft.status]}</${State}></p>`
}

export const listDrafts = signal => get('/drafts?limit=50', { signal })
