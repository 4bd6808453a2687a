// SPDX-License-Identifier: Apache-2.0
// One's own account: password, second factor, where one is logged in, tokens.
import { send, session, setSession, useAct, useSession } from '../core/api.js'
import { t } from '../core/i18n.js'
import { html, useState } from '../core/view.js'
import { NewPassword } from '../parts/account.js'
import { Card, Notice, Page } from '../parts/basic.js'
import { Field, Form } from '../parts/form.js'
import { SecondFactor } from '../parts/secondfactor.js'
import { Sessions, useSessions } from '../parts/sessions.js'
import { Tokens } from '../parts/tokens.js'

function Password ({ onDone }) {
  const [old, setOld] = useState('')
  const [fresh, setFresh] = useState('')
  const [done, setDone] = useState(false)
  const act = useAct(async () => {
    setDone(false)
    setSession(await send('PUT', '/session/password', { old, new: fresh }))
    setOld('')
    setFresh('')
    setDone(true)
    onDone()
  })
  return html`<${Card} title=${t('account.password')}>
    ${done && html`<${Notice} kind="done">${t('account.password.done')}</${Notice}>`}
    <${Form} act=${act} onSubmit=${() => act.run()} submit=${t('account.password.submit')}>
      <input class="unseen" type="text" autocomplete="username" value=${session.name} readonly tabindex="-1" aria-hidden="true" />
      <${Field} name="old" kind="password" label=${t('account.password.old')} value=${old} onValue=${setOld} problem=${act.problem} required autocomplete="current-password" />
      <${NewPassword} name="new" label=${t('password.new')} value=${fresh} onValue=${setFresh} problem=${act.problem} />
    </${Form}>
    <p class="hint">${t('account.password.hint')}</p>
  </${Card}>`
}

export default function Account () {
  useSession()
  const list = useSessions()
  const own = list.data?.filter(row => row.user === session.name).length
  const lead = `${t('account.lead', { name: session.name, role: t(`role.${session.role}`), may: t(`role.may.${session.role}`) })} ${session.totp ? t('account.safe') : t('account.unsafe')} ${own ? t('account.places', { n: own }) : ''}`
  return html`<${Page} title=${t('account.title')} lead=${lead}>
    <div class="columns"><${SecondFactor} /><${Password} onDone=${list.reload} /></div>
    <${Sessions} list=${list} />
    <${Tokens} />
  </${Page}>`
}
