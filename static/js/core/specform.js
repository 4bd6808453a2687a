// SPDX-License-Identifier: Apache-2.0
// The form of a new model: what is typed and what is sent. Its state has the shape of the request,
// {model, spec, policy, schedule, members}, but keeps what was typed and what another kind would need,
// so that nothing is lost on the way. docs/spec.md says what it all means; the server judges it.

// ---- addresses in the state: 'spec.features[3].minimum' ----

const steps = path => path.match(/[^.[\]]+/g) ?? []

export const at = (state, path) => steps(path).reduce((node, key) => node?.[key], state)

// A copy in which `path` holds `value`; undefined takes it away.
export function put (state, path, value) {
  const [key, ...rest] = steps(path)
  if (key === undefined) return value
  const copy = Array.isArray(state) ? [...state] : { ...state }
  const next = rest.length ? put(copy[key] ?? (/^\d+$/.test(rest[0]) ? [] : {}), rest.join('.'), value) : value
  if (next === undefined && !Array.isArray(copy)) delete copy[key]
  else copy[key] = next
  return copy
}

// The server names fields from the description or from the whole request.
export const fieldOf = problem => !problem?.field
  ? null
  : /^(model|spec|policy|members|name|content)\b/.test(problem.field) && !/^name$/.test(problem.field) ? problem.field : `spec.${problem.field}`

// ---- beginnings ----

export const blank = consent => ({
  model: '',
  spec: {
    name: '', purpose: '', consent, kind: 'logistic', features: [],
    training: { epochs: 3, batch: 16, rate: '0.05', l2: '0.001', optimiser: 'sgd' },
    quantisation: { bits: 16, range: '1', clip: '4', weight_cap: 1000 },
    ring_bits: 32,
    cohort: { minimum: 3, maximum: 20, corrupt_bp: 1000, dropout_bp: 1000 },
    deadlines: { join: 600, share: 600, upload: 3600, unmask: 600 },
    server: { kind: 'fedavg', rate: '1' },
    reward: { scheme: 'none', budget: '0' }
  }
})

export const ofSpec = (spec, model) => ({ model, spec })

// Columns of a table become features; its last column is what is predicted until somebody says otherwise.
export function withColumns (state, { columns, missing }) {
  const features = columns.slice(0, -1)
  const spec = { ...state.spec, features }
  for (const key of ['target', 'missing', 'groups', 'positive']) delete spec[key]
  if (missing !== undefined) spec.missing = missing
  return withTarget({ ...state, spec }, columns[columns.length - 1])
}

// The kind follows from the target where only one fits.
export function withTarget (state, target) {
  const spec = { ...state.spec, target }
  if (target?.type === 'numeric' && spec.kind === 'logistic') spec.kind = 'linear'
  if (target?.type === 'categorical' && spec.kind === 'linear') spec.kind = 'logistic'
  if (spec.groups) spec.positive = target?.values?.includes(spec.positive) ? spec.positive : target?.values?.at(-1)
  return { ...state, spec }
}

// Another column is predicted; the one before becomes a feature again.
export function chooseTarget (state, name) {
  const { features, target } = state.spec
  const chosen = features.find(f => f.name === name)
  if (!chosen) return state
  const groups = state.spec.groups?.filter(g => g.feature !== name)
  const rest = [...features.filter(f => f !== chosen), ...target ? [target] : []]
  const spec = { ...state.spec, features: rest }
  if (groups?.length) spec.groups = groups
  else { delete spec.groups; delete spec.positive }
  return withTarget({ ...state, spec }, chosen)
}

export const groupsOf = feature => (feature.values ?? []).slice(0, 16).map(value => ({ name: value.replace(/[^ -~]/g, '?').slice(0, 64) || '?', feature: feature.name, values: [value] }))

export const slugOf = name => name.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replace(/ß/g, 'ss').replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 40).replace(/-+$/, '')

// ---- what is sent ----

// "0,050" is meant as 0.05; what is no number is left for the server to name.
export function decimalText (typed) {
  const match = /^\s*([+-]?)0*(\d*)(?:[.,](\d*?)0*)?\s*$/.exec(typed)
  if (!match || !(match[2] || match[3] || /0/.test(typed))) return typed
  const [, sign, whole, fraction] = match
  const text = `${whole || '0'}${fraction ? `.${fraction}` : ''}`
  return sign === '-' && text !== '0' ? `-${text}` : text
}

const decimals = new Set(['minimum', 'maximum', 'mean', 'deviation', 'rate', 'l2', 'range', 'clip', 'momentum', 'beta1', 'beta2', 'epsilon'])
const foreign = {
  linear: ['hidden', 'dimension', 'groups', 'positive'],
  logistic: ['hidden', 'dimension'],
  mlp: ['dimension'],
  vector: ['features', 'target', 'missing', 'hidden', 'training', 'groups', 'positive']
}

function cleaned (node, key) {
  if (typeof node === 'string') return decimals.has(key) ? decimalText(node) : node
  if (Array.isArray(node)) return node.map(item => cleaned(item))
  if (node && typeof node === 'object') return Object.fromEntries(Object.entries(node).map(([k, v]) => [k, cleaned(v, k)]))
  return node
}

const columnKeys = { range: ['name', 'type', 'minimum', 'maximum'], mean: ['name', 'type', 'mean', 'deviation'], values: ['name', 'type', 'values'] }
const only = (object, keys) => Object.fromEntries(keys.filter(key => key in object).map(key => [key, object[key]]))
export const scaling = column => column.type === 'categorical' ? 'values' : column.scale ?? ('mean' in column ? 'mean' : 'range')
const columnSent = column => column && typeof column === 'object' ? only(column, columnKeys[scaling(column)]) : column

const serverKeys = { fedavg: ['kind', 'rate'], fedavgm: ['kind', 'rate', 'momentum'], fedadam: ['kind', 'rate', 'beta1', 'beta2', 'epsilon'], fedyogi: ['kind', 'rate', 'beta1', 'beta2', 'epsilon'] }

// The description as the server takes it, without what this kind has no use for.
export function specOf (state) {
  const spec = cleaned(state.spec)
  for (const key of foreign[spec.kind] ?? []) delete spec[key]
  if (Array.isArray(spec.features)) spec.features = spec.features.map(columnSent)
  if (spec.target) spec.target = columnSent(spec.target)
  if (spec.target?.type === 'numeric') { delete spec.groups; delete spec.positive }
  if (spec.server && serverKeys[spec.server.kind]) spec.server = only(spec.server, serverKeys[spec.server.kind])
  if (spec.reward?.scheme === 'none') spec.reward = { ...spec.reward, budget: '0' }
  return spec
}

export function requestOf (state) {
  const request = { model: state.model, spec: specOf(state) }
  const policy = Object.fromEntries(Object.entries(state.policy ?? {}).filter(([, v]) => v !== '' && v !== undefined))
  if (Object.keys(policy).length) request.policy = policy
  return request
}

export function scheduleOf ({ schedule }) {
  return schedule ? { every: schedule.every, rounds: schedule.rounds, target: schedule.target ? decimalText(schedule.target) : null } : null
}

// ---- amounts: whole text in the smallest unit, shown in units of 10^digits ----

export function unitsOf (typed, digits) {
  const match = /^\s*(\d*)(?:[.,](\d*))?\s*$/.exec(typed)
  if (!match || !(match[1] || match[2]) || (match[2] ?? '').replace(/0+$/, '').length > digits) return null
  return `${match[1] || '0'}${(match[2] ?? '').slice(0, digits).padEnd(digits, '0')}`.replace(/^0+(?=\d)/, '')
}

export function typedOf (units, digits) {
  if (!/^\d+$/.test(units ?? '')) return units ?? ''
  const text = units.padStart(digits + 1, '0')
  const fraction = digits ? text.slice(-digits).replace(/0+$/, '') : ''
  return `${digits ? text.slice(0, -digits) : text}${fraction ? `.${fraction}` : ''}`
}
