// SPDX-License-Identifier: Apache-2.0
// The form of a new model: from a table, by keyboard, two people on one draft.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

const button = (tab, name) => tab.page.getByRole('button', { name, exact: typeof name === 'string' })
const field = (tab, name) => tab.page.getByLabel(name, { exact: true })
const named = (tab, path) => tab.page.locator(`[name="${path}"]`)

// Everything that left the browser since.
function watch (tab) {
  const sent = []
  tab.page.on('request', r => { if (r.method() !== 'GET') sent.push(`${r.url()} ${r.postData() ?? ''}`) })
  return sent
}

const saved = tab => tab.sees('Saved as a draft')
const ready = tab => tab.sees('This can be trained')

// German credit's table becomes a model; gives what was sent for it.
export async function fromTable (tab, { csv, name }) {
  const sent = watch(tab)
  await tab.go('/new')
  await tab.inspect('new-begin')
  await named(tab, 'table').setInputFiles(csv)
  await tab.page.locator('#table').waitFor()
  assert.equal(await named(tab, 'spec.target').inputValue(), 'credit_risk')
  assert.match(await tab.text(), /20 columns to learn from/)
  await named(tab, 'spec.name').fill(name)
  await named(tab, 'spec.purpose').fill('Say whether a loan is likely to be repaid.')
  await ready(tab)
  await field(tab, 'Count groups apart by').selectOption('personal_status_sex')
  await named(tab, 'spec.positive').selectOption('good')
  await ready(tab)
  await saved(tab)
  await tab.inspect('new-form')
  await button(tab, 'Create the model').click()
  await tab.page.waitForURL('**/new?made=*')
  await tab.ready()
  await tab.inspect('new-made')
  const rows = readFileSync(csv, 'utf8').trim().split('\n').slice(1)
  for (const row of rows.slice(0, 50)) assert.ok(!sent.some(body => body.includes(row)), 'a row was sent')
  return { slug: new URL(tab.page.url()).searchParams.get('made'), bytes: Math.max(...sent.map(body => body.length)) }
}

// Each change is answered by the server: overflow, anonymity, time.
export async function consequences (tab) {
  await tab.go('/new')
  await button(tab, 'German Credit').click()
  await ready(tab)
  const panel = tab.page.locator('.panel')
  const reads = text => panel.getByText(text).first().waitFor()
  await named(tab, 'spec.cohort.minimum').fill('7')
  await reads('fewer than 7 people')
  await tab.page.getByText('Arithmetic and audit').click()
  await named(tab, 'spec.ring_bits').selectOption('16')
  await reads('The sum would not fit into the ring.')
  await button(tab, 'Go there').click()
  assert.equal(await tab.page.evaluate(() => document.activeElement.name), 'spec.ring_bits')
  await named(tab, 'spec.ring_bits').selectOption('40')
  await ready(tab)
  await reads('40 bits')
  await named(tab, 'spec.deadlines.upload').fill('2')
  await named(tab, 'spec.deadlines.upload unit').selectOption('hour')
  await reads(/at most/)
  const words = await panel.innerText()
  await named(tab, 'spec.training.rate').fill('0,050') // as a German types it
  await ready(tab)
  return words
}

// A wrong field: what was typed stays, the cursor goes there, the words say why.
export async function wrongField (tab) {
  await tab.go('/new')
  await button(tab, 'Iris flowers').click()
  await ready(tab)
  await named(tab, 'model').fill('Not A Slug!')
  await named(tab, 'spec.purpose').fill('Typed before the error.')
  await button(tab, 'Create the model').click()
  await tab.page.locator('[name="model"][aria-invalid="true"]').waitFor()
  assert.equal(await tab.page.evaluate(() => document.activeElement.name), 'model')
  assert.equal(await named(tab, 'model').inputValue(), 'Not A Slug!')
  assert.equal(await named(tab, 'spec.purpose').inputValue(), 'Typed before the error.')
  return tab.text()
}

// The description as text: changes go both ways.
export async function json (tab) {
  await tab.go('/new')
  await button(tab, 'Iris flowers').click()
  await ready(tab)
  await button(tab, 'See it as JSON').click()
  const area = named(tab, 'json')
  const given = JSON.parse(await area.inputValue())
  assert.equal(given.spec.kind, 'logistic')
  await area.fill('{"spec": ')
  await tab.sees('the form keeps what was there before')
  given.spec.cohort.minimum = 5
  await area.fill(JSON.stringify(given))
  await tab.page.locator('.panel').getByText('fewer than 5 people').first().waitFor()
  await tab.inspect('new-json')
  await button(tab, 'Back to the form').click()
  assert.equal(await named(tab, 'spec.cohort.minimum').inputValue(), '5')
}

export async function clone (tab, { model }) {
  await tab.go(`/new?clone=${model}`)
  await ready(tab)
  assert.equal(await named(tab, 'model').inputValue(), `${model}-2`)
  return named(tab, 'spec.name').inputValue()
}

// ---- drafts ----

export async function beginDraft (tab, { name }) {
  await tab.go('/new')
  await button(tab, 'Iris flowers').click()
  await named(tab, 'spec.name').fill(name)
  await saved(tab)
  await tab.page.waitForURL('**/new?draft=*')
  return new URL(tab.page.url()).searchParams.get('draft')
}

export async function openDraft (tab, { id }) {
  await tab.go(`/new?draft=${id}`)
  await named(tab, 'spec.name').waitFor()
  return named(tab, 'spec.name').inputValue()
}

export async function type (tab, { path, text }) {
  const done = tab.page.waitForResponse(r => r.url().includes('/drafts/') && r.request().method() === 'PUT')
  await named(tab, path).fill(text)
  assert.equal((await done).status(), 200)
  await saved(tab)
}

// Somebody else was faster: both versions are there, and one chooses.
export async function conflict (tab, { path, text, press }) {
  await named(tab, path).fill(text)
  await tab.sees('Somebody else changed this draft.')
  await tab.inspect('new-conflict')
  assert.equal(await named(tab, path).inputValue(), text, 'mine is still here')
  await button(tab, press).click()
  await saved(tab)
  return named(tab, path).inputValue()
}

export async function valueOf (tab, { path }) {
  return named(tab, path).inputValue()
}

// ---- by keyboard alone ----

// From the top of the page to a model, without a mouse: every stop is visible, and in order.
export async function keyboard (tab, { name }) {
  await tab.go('/new')
  const { keyboard: keys } = tab.page
  const focused = () => tab.page.evaluate(() => {
    const e = document.activeElement
    const shown = e.closest('.option') ?? e
    const { outlineStyle, outlineWidth } = getComputedStyle(shown)
    return { name: e.getAttribute('name'), text: e.innerText?.trim() ?? '', ring: outlineStyle !== 'none' && outlineWidth !== '0px' }
  })
  const reach = async (fits, most = 150) => {
    for (let i = 0; i < most; i++) {
      await keys.press('Tab')
      const at = await focused()
      assert.ok(at.ring, `no visible focus on ${JSON.stringify(at)}`)
      if (fits(at)) return at
    }
    throw new Error('the keyboard does not get there')
  }
  await reach(at => at.text === 'Iris flowers')
  await keys.press('Enter')
  await named(tab, 'spec.name').waitFor()
  await ready(tab)
  await reach(at => at.name === 'spec.name')
  await keys.press('Control+A')
  await keys.type(name)
  await reach(at => at.name === 'spec.kind')
  await reach(at => at.name === 'spec.cohort.minimum')
  await reach(at => at.name === 'spec.reward.scheme')
  await keys.press('ArrowDown')
  await reach(at => at.name === 'spec.reward.budget')
  await keys.press('Control+A')
  await keys.type('900')
  await reach(at => at.text === 'Create the model')
  await ready(tab)
  await keys.press('Enter')
  await tab.page.waitForURL('**/new?made=*')
  await tab.ready()
  assert.equal(await tab.page.evaluate(() => document.activeElement.tagName), 'H1')
  return new URL(tab.page.url()).searchParams.get('made')
}
