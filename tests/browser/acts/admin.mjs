// SPDX-License-Identifier: Apache-2.0
// What people who run the instance do in their browser: accounts, second factor, invites, everything else.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import jsQR from 'jsqr'

const button = (tab, name) => tab.page.getByRole('button', { name, exact: typeof name === 'string' })
const field = (tab, name) => tab.page.getByLabel(name, { exact: true })

// ---- authenticators, written again (RFC 6238) ----

function base32 (text) {
  let bits = ''
  for (const c of text) bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')
  return Buffer.from(bits.match(/.{8}/g).map(b => parseInt(b, 2)))
}

export function totp (secret, step = Math.floor(Date.now() / 30000)) {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', base32(secret)).update(counter).digest()
  const at = mac[19] & 15
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1000000).padStart(6, '0')
}

// What a phone reads off the screen.
async function readQr (tab) {
  const png = await tab.page.locator('svg.qr').screenshot()
  const { data, width, height } = await tab.page.evaluate(async base64 => {
    const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0))
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }))
    const canvas = new OffscreenCanvas(image.width, image.height)
    const pen = canvas.getContext('2d')
    pen.drawImage(image, 0, 0)
    return { data: [...pen.getImageData(0, 0, image.width, image.height).data], width: image.width, height: image.height }
  }, png.toString('base64'))
  return jsQR(Uint8ClampedArray.from(data), width, height)?.data
}

// ---- logging in ----

export async function setup (tab, { link, name, password }) {
  await tab.go(link)
  await tab.page.waitForURL(url => !url.hash, { timeout: 5000 })
  if (name) await field(tab, 'Name').fill(name)
  await field(tab, 'New password').fill('short')
  await button(tab, 'Set the password').click()
  await tab.page.getByRole('alert').waitFor()
  await tab.page.waitForFunction(() => document.activeElement.name === 'password') // the first wrong field
  await field(tab, 'New password').fill(password)
  await tab.inspect('setup')
  await button(tab, 'Set the password').click()
  await tab.sees('That is done')
  return tab.text()
}

export async function login (tab, { name, password, to = '/account', totpSecret, step, recovery }) {
  await tab.go(to)
  await tab.page.waitForURL('**/login**')
  await tab.ready()
  await field(tab, 'Name').fill(name)
  await field(tab, 'Password').fill(password)
  await button(tab, 'Log in').click()
  if (totpSecret || recovery) {
    await field(tab, 'Code').waitFor()
    if (recovery) {
      await button(tab, 'Use a recovery code instead').click()
      await field(tab, 'Recovery code').fill(recovery)
    } else await field(tab, 'Code').fill(totp(totpSecret, step))
    await button(tab, 'Log in').click()
  }
  await tab.page.waitForURL(url => url.pathname === to)
  await tab.ready()
  return tab.text()
}

export async function wrongPassword (tab, { name }) {
  await tab.go('/login')
  await field(tab, 'Name').fill(name)
  await field(tab, 'Password').fill('this is not it, surely')
  await button(tab, 'Log in').click()
  await tab.page.getByRole('alert').waitFor()
  assert.equal(await field(tab, 'Name').inputValue(), name, 'what was typed stays')
  await tab.page.waitForFunction(() => document.activeElement.name === 'password')
  return tab.text()
}

export async function logout (tab) {
  await button(tab, 'Log out').first().click()
  await tab.page.getByRole('link', { name: 'Log in' }).waitFor()
}

// ---- one's own account ----

// Adds an authenticator by what the screen shows; gives its secret and the recovery codes as saved.
export async function addTotp (tab) {
  await tab.go('/account')
  await button(tab, 'Add an authenticator').click()
  const uri = await readQr(tab)
  const secret = new URL(uri).searchParams.get('secret')
  assert.equal((await tab.page.locator('code.secret').innerText()).replaceAll(' ', ''), secret, 'the picture holds what is written beside it')
  await tab.inspect('account-scan')
  await field(tab, 'Code').fill('000000')
  await button(tab, 'Confirm').click()
  await tab.page.getByRole('alert').waitFor()
  const step = Math.floor(Date.now() / 30000)
  await field(tab, 'Code').fill(totp(secret, step))
  await button(tab, 'Confirm').click()
  await tab.sees('Your ten recovery codes')
  await tab.inspect('account-codes')
  const waiting = tab.page.waitForEvent('download')
  await button(tab, 'Save as a file').click()
  const codes = (await readFile(await (await waiting).path(), 'utf8')).trim().split('\n')
  await button(tab, 'I have kept them').click()
  await tab.sees('10 recovery codes are left.')
  return { secret, step, codes }
}

export async function token (tab, { name }) {
  await tab.go('/account')
  await tab.page.getByRole('textbox', { name: 'Name', exact: true }).fill(name)
  await button(tab, 'Make the token').click()
  await tab.sees('Your new token.')
  const text = await tab.page.locator('.once code').innerText()
  await button(tab, 'I have kept it').click()
  await tab.page.getByRole('row').filter({ hasText: name }).waitFor()
  return text
}

export async function endToken (tab, { name }) {
  await button(tab, `End the token ${name}`).click()
  await tab.page.getByRole('dialog').getByRole('button', { name: 'End' }).click()
  await tab.page.getByRole('row').filter({ hasText: name }).waitFor({ state: 'detached' })
}

export async function endSessionOf (tab, { n }) {
  await tab.go('/account')
  await tab.page.getByRole('button', { name: /^Log out .* of / }).nth(n).click()
  await tab.page.waitForFunction(() => !document.querySelector('main [disabled]'))
}

export async function changePassword (tab, { old, fresh }) {
  await tab.go('/account')
  await field(tab, 'Your password now').fill(old)
  await field(tab, 'New password').fill(fresh)
  await button(tab, 'Change the password').click()
  await tab.sees('Your password is changed')
}

// ---- people ----

export async function addUser (tab, { name, role }) {
  await tab.go('/people')
  await field(tab, 'Name').fill(name)
  await field(tab, 'Role').selectOption(role)
  await button(tab, 'Make a link').click()
  await tab.sees(`A link for ${name}.`)
  const message = await tab.page.locator('.once pre').innerText()
  await button(tab, 'I have kept it').click()
  return /\S+#setup=\S+/.exec(message)[0]
}

export async function disableUser (tab, { name }) {
  await tab.go('/people')
  const row = tab.page.getByRole('row').filter({ hasText: name })
  await row.getByRole('button', { name: 'Disable' }).click()
  const dialog = tab.page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Disable' }).click() // without its name: nothing
  assert.ok(await dialog.isVisible())
  await dialog.getByRole('textbox').fill(name)
  await dialog.getByRole('button', { name: 'Disable' }).click()
  await row.getByText('disabled').waitFor()
}

// ---- members ----

// Invites one person; gives the command and the message as they stand.
export async function invite (tab, { model, name, admit = true }) {
  await tab.go(`/models/${model}/members`)
  await field(tab, 'Name').fill(name)
  if (!admit) await field(tab, 'May take part at once').uncheck()
  await button(tab, 'Make the invite').click()
  await tab.sees('The invite is ready.')
  const command = await tab.page.locator('.once .command code').innerText()
  await button(tab, 'Copy the message').click()
  const message = await tab.page.evaluate(() => navigator.clipboard.readText())
  assert.ok(message.includes(command) && message.includes(name), 'the message holds the command')
  return { command, message }
}

// From a file of names to a file of links; no name may reach the server.
export async function inviteMany (tab, { model, csv, names }) {
  const sent = []
  tab.page.on('request', r => { if (r.method() !== 'GET') sent.push(r.postData() ?? '') })
  await tab.go(`/models/${model}/members`)
  await button(tab, 'Many, from a file').click()
  await field(tab, 'File of names').setInputFiles({ name: 'names.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) })
  await button(tab, /^Make \d+ links$/).click()
  await tab.sees('links are ready.')
  const waiting = tab.page.waitForEvent('download')
  await button(tab, 'Save the file of links').click()
  for (const name of names) assert.ok(!sent.some(body => body.includes(name)), `${name} was sent`)
  return readFile(await (await waiting).path(), 'utf8')
}

export async function approve (tab, { model, name }) {
  if (new URL(tab.page.url()).pathname !== `/models/${model}/members`) await tab.go(`/models/${model}/members`)
  await button(tab, `Approve ${name}`).click({ timeout: 15000 }) // it appears by itself
  await tab.page.getByRole('row').filter({ hasText: name }).getByText('may take part').waitFor()
  return tab.text()
}

export async function suspend (tab, { model, name }) {
  await tab.go(`/models/${model}/members`)
  await button(tab, `Suspend ${name}`).click()
  await tab.page.getByRole('dialog').getByRole('button', { name: 'Suspend' }).click()
  await button(tab, `Readmit ${name}`).click()
  await button(tab, `Suspend ${name}`).waitFor()
}

// ---- the interface for programs ----

export async function api (tab) {
  await tab.go('/api')
  await tab.page.getByRole('searchbox').fill('witness')
  const found = await tab.page.locator('details.operation').count()
  assert.ok(found >= 1 && found < 10, `${found} operations found`)
  await tab.page.getByRole('searchbox').fill('')
  await tab.go('/api#createModel')
  const open = tab.page.locator('details.operation[open]')
  await open.waitFor()
  assert.equal(await open.count(), 1)
  const words = await open.innerText()
  for (const part of ['POST', '/models', 'against-policy', '201', 'curl', 'spec']) assert.ok(words.includes(part), `${part} is missing`)
  return open.locator('.command code').first().innerText()
}

// What a page says once it shows these words, in a heading, a field or the text.
export async function text (tab, { path, wait }) {
  await tab.go(path)
  await tab.page.waitForFunction(words => document.querySelector('main').innerText.includes(words) || [...document.querySelectorAll('main input, main textarea')].some(e => e.value.includes(words)), wait)
  assert.equal(await tab.page.evaluate(() => document.querySelectorAll('main img').length), 0)
  return (await tab.text()) + (await tab.page.evaluate(() => [...document.querySelectorAll('main input, main textarea')].map(e => e.value).join('\n')))
}
