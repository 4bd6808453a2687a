// SPDX-License-Identifier: Apache-2.0
// A one-time link (/#setup=CODE): the first administrator, a new person, or somebody's new password.
import { send, useAct } from '../core/api.js'
import { t } from '../core/i18n.js'
import { navigate, place } from '../core/router.js'
import { html, useEffect, useState } from '../core/view.js'
import { Card, Notice, Page } from '../parts/basic.js'
import { Field, Form } from '../parts/form.js'
import { NewPassword, takeCode } from '../parts/account.js'

function Done ({ done }) {
  useEffect(() => { document.querySelector('main h1')?.focus() }, [])
  return html`<${Page} title=${t('setup.done.title')} lead=${t('setup.done.lead', { name: done.name, role: t(`role.${done.role}`) })}>
    <p><a class="button main" href=${`/login?name=${encodeURIComponent(done.name)}`}>${t('login')}</a></p></${Page}>`
}

export default function Setup () {
  const [code, setCode] = useState(() => takeCode('setup'))
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [first, setFirst] = useState(false)
  const [done, setDone] = useState(null)
  const act = useAct(async () => {
    const body = { code: code.trim(), password }
    if (name.trim()) body.name = name.trim()
    try {
      setDone(await send('POST', '/setup', body))
    } catch (problem) {
      if (problem.field === 'name') setFirst(true)
      throw problem
    }
  })
  useEffect(() => { if (place.hash) navigate(place.path, { replace: true }) }, [])
  if (done) return html`<${Done} done=${done} />`
  const spent = act.problem?.slug === 'bad-invite'
  return html`<${Page} title=${t('setup.title')} lead=${t('setup.lead')}>
    <${Card} title=${t('setup.card')}>
      <${Form} act=${act} onSubmit=${() => act.run()} submit=${t('setup.submit')}>
        <${Field} name="code" label=${t('setup.code')} hint=${t('setup.code.hint')} value=${code} onValue=${setCode} problem=${spent ? { ...act.problem, field: 'code' } : act.problem} required autocomplete="off" spellcheck="false" />
        <${Field} name="name" label=${t('setup.name')} hint=${t('setup.name.hint')} value=${name} onValue=${setName} problem=${act.problem} autocomplete="username" required=${first} maxlength="64" />
        <${NewPassword} value=${password} onValue=${setPassword} problem=${act.problem} />
      </${Form}>
    </${Card}>
    <${Notice}>${t('setup.where')}</${Notice}>
  </${Page}>`
}
