// SPDX-License-Identifier: Apache-2.0
// Words. The catalogues are words/LANGUAGE.js: {key: text} or {key: {one, other}}, chosen by `n`.
// {name} in a text is filled in. A page calls t with the key and them; nothing else shows words.
import { words as english } from '../words/en.js'
import { notify, useStore } from './store.js'

const catalogues = { en: () => Promise.resolve({ words: english }), de: () => import('../words/de.js') }
export const languages = { en: 'English', de: 'Deutsch' }

const state = { language: 'en', words: english, plural: new Intl.PluralRules('en') }

// A key that the build has seen; `has` is for keys that the server names, such as a reason.
export function t (key, vars = {}) {
  let text = state.words[key] ?? english[key] ?? key
  if (typeof text === 'object') text = text[state.plural.select(vars.n)] ?? text.other
  return text.replace(/\{(\w+)\}/g, (whole, name) => name in vars ? String(vars[name]) : whole)
}

export const has = key => key in state.words

export const language = () => state.language

export async function setLanguage (name) {
  const { words } = await catalogues[name]()
  Object.assign(state, { language: name, words, plural: new Intl.PluralRules(name) })
  document.documentElement.lang = name
  notify(state)
}

// A component that shows words calls this once, near the top of the tree: all below follows.
export const useLanguage = () => useStore(state).language

const remembered = () => {
  try { return localStorage.getItem('language') } catch { return null }
}

export function chooseLanguage (name) {
  try { localStorage.setItem('language', name) } catch { /* only for this visit then */ }
  return setLanguage(name)
}

export function startLanguage () {
  const wanted = [remembered(), ...(navigator.languages ?? [])]
    .map(tag => tag?.split('-')[0]).find(tag => tag in catalogues)
  return wanted && wanted !== 'en' ? setLanguage(wanted) : Promise.resolve()
}
