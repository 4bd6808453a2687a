// SPDX-License-Identifier: Apache-2.0
// What follows from a round's state, its terms (the `open` event) and its graph: who is awaited, and
// what happens when they do not come. The conditions are those of docs/protocol.md sections 4 to 8.

// What people see as five steps; with a chain two of them end with an anchor.
export const steps = ['join', 'share', 'upload', 'unmask', 'final']
const stepOf = { join: 'join', roster: 'share', share: 'share', upload: 'upload', survivors: 'unmask', unmask: 'unmask', final: 'final', done: 'final', failed: null }
const order = ['join', 'roster', 'share', 'upload', 'survivors', 'unmask', 'final', 'done']

export const ended = state => state.phase === 'done' || state.phase === 'failed'
export const open = state => !ended(state)

// Each step as 'over', 'now', 'later', or for a failed attempt 'failed' (`failedIn`: its phase) and 'never'.
export function stepStates (state, failedIn) {
  if (state.phase === 'done') return Object.fromEntries(steps.map(s => [s, 'over']))
  const now = steps.indexOf(stepOf[state.phase === 'failed' ? failedIn ?? 'join' : state.phase])
  const [here, after] = state.phase === 'failed' ? ['failed', 'never'] : ['now', 'later']
  return Object.fromEntries(steps.map((s, i) => [s, i < now ? 'over' : i === now ? here : after]))
}

// How many have done what the present phase asks, and of how many.
export function here (state) {
  switch (state.phase) {
    case 'join': return { here: state.joined, of: state.joined + state.awaited_count }
    case 'share': return { here: state.shared, of: state.joined }
    case 'upload': return { here: state.uploaded, of: state.shared }
    case 'unmask': return { here: state.answered, of: state.uploaded }
    default: return null
  }
}

// Least number of members who must come through `share` and `upload`, as far as numbers alone say it.
export function least (state, terms, graph, anchored) {
  const m = state.minimum
  if (!graph) return m
  const n = state.joined
  const alive = graph.k === n - 1 ? 0 : n - Math.floor(n * (terms?.dropout_bp ?? 0) / 10000)
  if (state.phase === 'share') return Math.max(m, alive, graph.t + 1)
  const u1 = state.shared
  let most = u1 // that may be missing
  if (!anchored) while (most > 0 && n * most >= graph.t * (u1 - m + 1)) most--
  return Math.max(m, alive, graph.k === n - 1 ? graph.t + 1 : 0, u1 - most)
}

// What comes at the deadline when nobody else does: {kind, here, of, least}. kind: 'on' (it goes on
// with those who are here), 'fails', 'open' (unmask never ends by a clock), null where nobody is awaited.
export function outlook (state, terms, graph, anchored) {
  const counts = here(state)
  if (!counts || (!state.awaited_count && state.phase !== 'join')) return null
  if (state.phase === 'unmask') {
    const wanted = graph && graph.k === state.joined - 1 ? graph.t + 1 : null
    return { kind: 'open', ...counts, least: wanted }
  }
  const wanted = state.phase === 'join' ? state.minimum : least(state, terms, graph, anchored)
  return { kind: counts.here >= wanted ? 'on' : 'fails', ...counts, least: wanted }
}

// What a member's state means while the round is in `phase`: 'awaited', 'came', 'gone' or 'past'.
const doneIn = { join: ['joined', 'shared', 'uploading', 'uploaded', 'answered'], share: ['shared', 'uploading', 'uploaded', 'answered'], upload: ['uploaded', 'answered'], unmask: ['answered'] }
export function standing (member, state) {
  if (member.state === 'gone') return 'gone'
  if (state.phase === 'done') return 'came'
  const phase = state.phase === 'roster' ? 'join' : state.phase === 'survivors' ? 'upload' : state.phase
  if (!doneIn[phase]) return 'past'
  return doneIn[phase].includes(member.state) ? 'came' : 'awaited'
}

export const since = member => member.answered_at ?? member.uploaded_at ?? member.shared_at ?? member.joined_at
export const before = (a, b) => order.indexOf(a) < order.indexOf(b)
