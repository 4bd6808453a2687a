// SPDX-License-Identifier: Apache-2.0
// A list of the server that is read page by page as the reader asks for more.
import { get, query } from '../core/api.js'
import { useEffect, useState } from '../core/view.js'

// {rows, data, problem, next, busy, more, reload}: rows of `key` in GET path.
export function useList (path, key, limit = 50) {
  const [state, setState] = useState({ rows: [], busy: true })
  const load = async (cursor, before, signal) => {
    setState(old => ({ ...old, busy: true }))
    try {
      const page = await get(query(path, { limit, cursor }), { signal })
      const rows = [...before, ...page[key]]
      setState({ rows, data: rows, next: page.next, busy: false })
    } catch (problem) {
      if (problem.name !== 'AbortError') setState(old => ({ ...old, problem, busy: false }))
    }
  }
  useEffect(() => {
    const stop = new AbortController()
    setState({ rows: [], busy: true })
    load(null, [], stop.signal)
    return () => stop.abort()
  }, [path])
  return { ...state, more: () => load(state.next, state.rows), reload: () => load(null, []) }
}
