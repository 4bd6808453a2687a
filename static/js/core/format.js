// SPDX-License-Identifier: Apache-2.0
// Numbers, times and names as people read them, in their language and time zone.
import { language, t } from './i18n.js'

// The reader's own kind of the language, such as en-GB, where the browser says so.
export const locale = () => navigator.languages?.find(tag => tag.split('-')[0] === language()) ?? language()

const cache = new Map()
function made (Kind, options) {
  const key = Kind.name + language() + JSON.stringify(options)
  if (!cache.has(key)) cache.set(key, new Kind(locale(), options))
  return cache.get(key)
}

export const number = (n, options = {}) => made(Intl.NumberFormat, options).format(n)
export const percent = (x, digits = 1) => x === null || x === undefined
  ? '–'
  : number(x, { style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits })
export const list = items => made(Intl.ListFormat, { type: 'conjunction' }).format(items)

export function bytes (n) {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte']
  let i = 0
  while (n >= 1000 && i < units.length - 1) { n /= 1000; i++ }
  return number(n, { style: 'unit', unit: units[i], unitDisplay: i ? 'short' : 'long', maximumFractionDigits: n < 10 && i ? 1 : 0 })
}

// ---- times: Unix seconds ----

export const dateTime = s => made(Intl.DateTimeFormat, { dateStyle: 'medium', timeStyle: 'medium' }).format(s * 1000)
export const date = s => made(Intl.DateTimeFormat, { dateStyle: 'medium' }).format(s * 1000)
// Today only the time of day.
const sameDay = s => new Date(s * 1000).toDateString() === new Date().toDateString()
export const clock = s => made(Intl.DateTimeFormat, sameDay(s) ? { timeStyle: 'medium' } : { dateStyle: 'short', timeStyle: 'short' }).format(s * 1000)
// Without seconds, unless it is less than ten minutes away from now.
export const untilClock = (s, now = Date.now() / 1000) => Math.abs(s - now) < 600
  ? clock(s)
  : made(Intl.DateTimeFormat, sameDay(s) ? { timeStyle: 'short' } : { dateStyle: 'short', timeStyle: 'short' }).format(s * 1000)

export function duration (seconds) {
  const s = Math.max(0, Math.round(seconds))
  const show = (n, unit) => number(n, { style: 'unit', unit, unitDisplay: 'short' })
  if (s < 90) return show(s, 'second')
  if (s < 5400) return s % 60 && s < 600 ? `${show(Math.floor(s / 60), 'minute')} ${show(s % 60, 'second')}` : show(Math.round(s / 60), 'minute')
  if (s < 129600) return show(Math.round(s / 3600), 'hour')
  return show(Math.round(s / 86400), 'day')
}

export function ago (s, now = Date.now() / 1000) {
  const d = s - now
  const steps = [['second', 1, 90], ['minute', 60, 5400], ['hour', 3600, 129600], ['day', 86400, Infinity]]
  const [unit, size] = steps.find(([,, most]) => Math.abs(d) < most)
  return made(Intl.RelativeTimeFormat, { numeric: 'auto' }).format(Math.round(d / size), unit)
}

// ---- names ----

export const short = hex => hex ? (hex.length > 14 ? `${hex.slice(0, hex.startsWith('0x') ? 8 : 6)}…${hex.slice(-4)}` : hex) : '–'
export const nameOf = member => member.name || t('name.hidden', { id: short(member.participant) })

// An amount in the smallest unit (decimal text) with the unit's digits: exact, never a float.
export function amount (text, digits = 18) {
  const negative = text.startsWith('-')
  const whole = text.replace('-', '').padStart(digits + 1, '0')
  const left = digits ? whole.slice(0, -digits) : whole
  const right = digits ? whole.slice(-digits).replace(/0+$/, '') : ''
  const shown = right ? `${number(BigInt(left))}${(1.1).toLocaleString(locale())[1]}${right}` : number(BigInt(left))
  return negative ? `−${shown}` : shown
}
