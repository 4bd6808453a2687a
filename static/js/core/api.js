// SPDX-License-Identifier: Apache-2.0
// The HTTP interface (docs/api.md). Every failure is a Problem, also a connection that is away.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { hex } from './bytes.js'
import { t } from './i18n.js'
import { notify, useStore } from './store.js'

const base = '/api/v1'

// RFC 9457, in words: title, detail (what exactly), help (what to do), field (of a form).
export class Problem extends Error {
  constructor (fields, status) {
    super(fields.title)
    Object.assign(this, fields, { status, slug: (fields.type ?? '').split(':').pop() })
  }
}

const away = () => new Problem({ type: 'away', title: t('problem.away'), help: t('problem.away.help') }, 0)

async function problemOf (reply) {
  const type = reply.headers.get('content-type') ?? ''
  const fields = type.includes('json') ? await reply.json().catch(() => ({})) : {}
  const retryAfter = Number(reply.headers.get('retry-after')) || null
  return new Problem({ title: t('problem.status', { status: reply.status }), ...fields, retryAfter }, reply.status)
}

// The Response itself. Paths begin after /api/v1.
export async function call (method, path, { body, headers = {}, signal, type, cache } = {}) {
  const options = { method, signal, cache, headers: { Accept: 'application/json, application/problem+json, */*;q=0.5', ...headers } }
  if (body !== undefined) {
    options.headers['Content-Type'] = type ?? 'application/json'
    options.body = type ? body : JSON.stringify(body)
  }
  if (method !== 'GET' && session.csrf) options.headers['X-Chorus-Csrf'] = session.csrf
  let reply
  try {
    reply = await fetch(base + path, options)
  } catch (e) {
    if (e.name === 'AbortError') throw e
    throw away()
  }
  if (!reply.ok) throw await problemOf(reply)
  return reply
}

const json = async reply => reply.status === 204 ? null : reply.json()

export const get = async (path, options) => json(await call('GET', path, options))

// A change. A POST carries an Idempotency-Key, so that pressing twice or a lost reply does it once.
export async function send (method, path, body, options = {}) {
  const headers = { ...options.headers }
  if (method === 'POST' && session.name && !path.startsWith('/session')) {
    headers['Idempotency-Key'] = hex(crypto.getRandomValues(new Uint8Array(16)))
  }
  return json(await call(method, path, { ...options, headers, body }))
}

export function query (path, values) {
  const pairs = Object.entries(values).filter(([, v]) => v !== null && v !== undefined && v !== '')
  return pairs.length ? `${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams(pairs)}` : path
}

// All pages of a list, at most `most` rows.
export async function all (path, key, { most = 10000, signal } = {}) {
  const rows = []
  let cursor = null
  do {
    const page = await get(query(path, { limit: 200, cursor }), { signal })
    rows.push(...page[key])
    cursor = page.next
  } while (cursor !== null && cursor !== undefined && rows.length < most)
  return rows
}

// ---- in components ----

// {data, problem, loading, reload}: what `load(signal)` gives, again whenever `key` changes.
// `load` may be a path.
export function useData (load, key = typeof load === 'string' ? load : '') {
  const [state, setState] = useState({ loading: true })
  const latest = useRef(load)
  latest.current = load
  const reload = useCallback(async signal => {
    try {
      const from = latest.current
      const data = from === null ? null : await (typeof from === 'string' ? get(from, { signal }) : from(signal))
      if (!signal?.aborted) setState({ data, loading: false })
    } catch (problem) {
      if (problem.name === 'AbortError') return
      setState(old => ({ ...old, problem, loading: false }))
    }
  }, [])
  useEffect(() => {
    const stop = new AbortController()
    setState({ loading: true })
    reload(stop.signal)
    return () => stop.abort()
  }, [key])
  return { ...state, reload: () => reload() }
}

// {run, busy, problem, clear}: an act that a button begins; a second press while it runs is nothing.
export function useAct (act) {
  const [state, setState] = useState({ busy: false })
  const running = useRef(false)
  const run = async (...args) => {
    if (running.current) return
    running.current = true
    setState({ busy: true })
    try {
      const result = await act(...args)
      setState({ busy: false })
      return result
    } catch (problem) {
      setState({ busy: false, problem })
    } finally {
      running.current = false
    }
  }
  return { ...state, run, clear: () => setState({ busy: false }) }
}

// ---- who we are ----

// name, role ("viewer", "operator", "admin" or "participant"), csrf …; role null: nobody.
export const session = { role: null, known: false }
const roles = ['participant', 'viewer', 'operator', 'admin']

export function setSession (given) {
  for (const key of Object.keys(session)) delete session[key]
  Object.assign(session, given ?? { role: null }, { known: true })
  notify(session)
}

export async function loadSession () {
  try {
    setSession(await get('/session'))
  } catch {
    setSession(null)
  }
}

export const useSession = () => useStore(session)
// Whether the caller has at least this role: 'viewer', 'operator' or 'admin'.
export const may = role => roles.indexOf(session.role) >= roles.indexOf(role)
