// SPDX-License-Identifier: Apache-2.0
// What changes while one looks: server-sent events, and polling where they do not get through.
import { useEffect, useRef, useState } from 'preact/hooks'
import { get, query } from './api.js'

const pollEvery = 3000
const patience = 6000 // without a word from the stream after opening it

// Calls handlers[type](data, id) for each event of GET /events?…; `poll` is called instead
// every few seconds while no stream gets through. Gives 'live', 'polling' or 'connecting'.
// A stream of a round or a model begins with a snapshot: until that is here it does not count as
// live, since something between may hold it back.
export function useLive (filter, handlers, poll) {
  const [state, setState] = useState('connecting')
  const latest = useRef()
  latest.current = { handlers, poll }
  const key = JSON.stringify(filter)
  useEffect(() => {
    let source
    let last = null
    let timer
    let stopped = false
    const polling = () => {
      if (stopped) return
      setState('polling')
      latest.current.poll?.()
      clearTimeout(timer)
      timer = setTimeout(polling, pollEvery)
    }
    const open = () => {
      source = new EventSource(query('/api/v1/events', { ...filter, after: last }))
      timer = setTimeout(polling, patience)
      for (const type of ['round', 'model', 'entry', 'head']) {
        source.addEventListener(type, event => {
          clearTimeout(timer)
          setState('live')
          if (event.lastEventId) last = event.lastEventId
          latest.current.handlers[type]?.(JSON.parse(event.data), event.lastEventId)
        })
      }
      source.onopen = () => {
        if (filter.ctx || filter.model) return
        clearTimeout(timer)
        setState('live')
      }
      source.onerror = () => {
        clearTimeout(timer)
        timer = setTimeout(polling, 1000)
        if (source.readyState === EventSource.CLOSED && !stopped) setTimeout(() => !stopped && open(), 5000)
      }
    }
    if (filter !== null) open()
    return () => { stopped = true; clearTimeout(timer); source?.close() }
  }, [key])
  return state
}

// The server's clock as ours goes: STATE.now_at says how far apart they are.
const skew = { seconds: 0 }
export const setServerTime = now => { skew.seconds = now - Date.now() / 1000 }
export const serverNow = () => Date.now() / 1000 + skew.seconds

// Now, in the server's seconds, every `every` milliseconds.
export function useNow (every = 1000) {
  const [now, setNow] = useState(serverNow())
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), every)
    return () => clearInterval(timer)
  }, [every])
  return now
}

export const newestRound = model => get(`/models/${model}/round`)
