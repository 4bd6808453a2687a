// SPDX-License-Identifier: Apache-2.0
// Reading an OpenAPI 3.1 document: references, examples, commands.

const methods = ['get', 'post', 'put', 'delete', 'patch', 'head']

// What a $ref names, with what stands beside it.
export function resolve (doc, node) {
  if (!node?.$ref) return node
  const { $ref, ...beside } = node
  const found = $ref.replace(/^#\//, '').split('/').reduce((at, key) => at?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], doc)
  return { ...resolve(doc, found), ...beside }
}

export const refName = node => node?.$ref?.split('/').pop()

// [{id, method, path, tag, …}] in the document's order.
export function operations (doc) {
  return Object.entries(doc.paths).flatMap(([path, item]) => methods.filter(method => item[method]).map(method => {
    const op = item[method]
    const parameters = [...item.parameters ?? [], ...op.parameters ?? []].map(p => resolve(doc, p))
    return { id: op.operationId, method: method.toUpperCase(), path, tag: op.tags?.[0] ?? '', op, parameters }
  }))
}

export function bodyOf (doc, op) {
  const body = resolve(doc, op.requestBody)
  const [type, content] = Object.entries(body?.content ?? {})[0] ?? []
  return type ? { type, content, required: body.required } : null
}

const firstExample = (doc, examples) => resolve(doc, Object.values(examples)[0])?.value

// A value of that shape, from its examples where it has some.
export function sample (doc, given, depth = 0) {
  const schema = resolve(doc, given) ?? {}
  if ('example' in schema) return schema.example
  if (Array.isArray(schema.examples) && schema.examples.length) return schema.examples[0]
  if ('const' in schema) return schema.const
  if ('default' in schema) return schema.default
  if (schema.enum) return schema.enum[0]
  const one = schema.oneOf ?? schema.anyOf
  if (one) return sample(doc, one.find(s => s.type !== 'null') ?? one[0], depth + 1)
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map(s => sample(doc, s, depth + 1)))
  const type = [schema.type].flat().find(name => name !== 'null')
  if (type === 'object') return depth > 5 ? {} : Object.fromEntries(Object.entries(schema.properties ?? {}).map(([key, s]) => [key, sample(doc, s, depth + 1)]))
  if (type === 'array') return depth > 5 ? [] : [sample(doc, schema.items, depth + 1)]
  if (type === 'integer' || type === 'number') return schema.minimum ?? 0
  if (type === 'boolean') return false
  return type === 'string' ? 'text' : null
}

export const exampleOf = (doc, content) => 'example' in content
  ? content.example
  : content.examples ? firstExample(doc, content.examples) : content.schema ? sample(doc, content.schema) : undefined

const quoted = text => `'${text.replaceAll("'", "'\\''")}'`

// A command that works as it stands once the words in capitals are filled in.
export function curl (doc, { method, path, op, parameters }, origin) {
  const wanted = parameters.filter(p => p.in === 'query' && p.required).map(p => `${p.name}=${encodeURIComponent(p.example ?? p.name.toUpperCase())}`)
  const place = path.replace(/\{(\w+)\}/g, (_, name) => {
    const p = parameters.find(q => q.name === name)
    return p?.example ?? resolve(doc, p?.schema)?.example ?? name.toUpperCase()
  })
  const lines = [`curl ${method === 'GET' ? '' : `-X ${method} `}${quoted(`${origin}${place}${wanted.length ? `?${wanted.join('&')}` : ''}`)}`]
  const roles = ['viewer', 'operator', 'admin']
  if (roles.includes(op['x-role'])) lines.push('-H "Authorization: Bearer $CHORUS_TOKEN"')
  const body = bodyOf(doc, op)
  if (body) {
    lines.push(`-H ${quoted(`Content-Type: ${body.type}`)}`)
    if (body.type.includes('json')) lines.push(`-d ${quoted(JSON.stringify(exampleOf(doc, body.content) ?? {}))}`)
    else if (body.type.startsWith('text/plain') && typeof exampleOf(doc, body.content) === 'string') lines.push(`--data-binary ${quoted(exampleOf(doc, body.content))}`)
    else lines.push('--data-binary @FILE')
  }
  return lines.join(' \\\n  ')
}

// "array of Model", "string, 1–64 characters", "one of: a, b"
export function typeText (doc, given, words) {
  const name = refName(given)
  const schema = resolve(doc, given) ?? {}
  if ('const' in schema) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map(v => JSON.stringify(v)).join(words.or)
  const one = schema.oneOf ?? schema.anyOf
  if (one) return [...new Set(one.map(s => typeText(doc, s, words)))].join(words.or)
  const kinds = [schema.type ?? (schema.properties ? 'object' : 'any')].flat()
  return kinds.map(kind => {
    if (kind === 'array') return words.arrayOf.replace('{type}', typeText(doc, schema.items ?? {}, words))
    if (kind === 'object' && name) return name
    if (kind === 'integer' || kind === 'number') return schema.minimum !== undefined || schema.maximum !== undefined ? `${kind} ${schema.minimum ?? '…'}–${schema.maximum ?? '…'}` : kind
    return kind
  }).join(words.or)
}

// The properties to show below a schema: its own, or those of what it is a list of.
export function inner (doc, given) {
  const schema = resolve(doc, given) ?? {}
  if (schema.properties) return { schema, name: refName(given) }
  if (schema.items) return inner(doc, schema.items)
  const one = (schema.oneOf ?? schema.anyOf ?? schema.allOf)?.map(s => inner(doc, s)).find(Boolean)
  return one ?? null
}
