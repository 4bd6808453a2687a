// SPDX-License-Identifier: Apache-2.0
// The authenticator of one's own account: begun, confirmed with a code, removed.
import { send, session, setSession, useAct } from '../core/api.js'
import { t } from '../core/i18n.js'
import { html, useState } from '../core/view.js'
import { Once } from './account.js'
import { Card, Copy, State, Trouble } from './basic.js'
import { Confirm, Field, Form } from './form.js'
import { QrCode } from './qr.js'

// SESSION comes back with each change; what does not belong to it stays out.
const take = ({ recovery, ...given }) => { setSession(given); return recovery }

const grouped = secret => secret.match(/.{1,4}/g)?.join(' ') ?? ''

function Scan ({ uri, onDone, onCancel }) {
  const [code, setCode] = useState('')
  const secret = new URL(uri).searchParams.get('secret') ?? ''
  const act = useAct(async () => onDone(take(await send('PUT', '/session/totp', { code: code.trim() }))))
  const problem = act.problem?.slug === 'wrong-login' ? { ...act.problem, field: 'code' } : act.problem
  return html`<div class="scan">
    <${QrCode} text=${uri} label=${t('totp.qr')} />
    <div class="stack">
      <p>${t('totp.scan')}</p>
      <p>${t('totp.type')} <code class="secret">${grouped(secret)}</code><${Copy} text=${secret} label=${t('totp.copy')} /></p>
      <${Form} act=${act} onSubmit=${() => act.run()} submit=${t('totp.confirm')}>
        <${Field} name="code" label=${t('totp.code')} hint=${t('totp.code.hint')} value=${code} onValue=${setCode} problem=${problem} inputmode="numeric" autocomplete="one-time-code" maxlength="16" required />
      </${Form}>
      <div><button type="button" onClick=${onCancel}>${t('cancel')}</button></div>
    </div></div>`
}

function Removal ({ onClose }) {
  const act = useAct(async () => { take(await send('DELETE', '/session/totp')); onClose() })
  return html`<${Confirm} title=${t('totp.remove.title')} act=${act} onConfirm=${act.run} onClose=${onClose} submit=${t('totp.remove')}>
    <p>${t('totp.remove.lead')}</p></${Confirm}>`
}

export function SecondFactor () {
  const [uri, setUri] = useState(null)
  const [codes, setCodes] = useState(null)
  const [removing, setRemoving] = useState(false)
  const begin = useAct(async () => setUri((await send('POST', '/session/totp')).uri))
  if (codes) {
    return html`<${Card} title=${t('totp.title')}>
      <${Once} title=${t('totp.codes.title')} hint=${t('totp.codes.hint')} text=${codes.join('\n')} file="chorus-recovery-codes.txt">
        <button type="button" class="main" onClick=${() => setCodes(null)}>${t('totp.codes.done')}</button></${Once}></${Card}>`
  }
  return html`<${Card} title=${t('totp.title')}>
    <p><${State} kind=${session.totp ? 'done' : 'wait'}>${session.totp ? t('totp.on') : t('totp.off')}</${State}></p>
    <p>${session.totp ? t('totp.left', { n: session.recovery_codes }) : t('totp.why')}</p>
    ${uri
      ? html`<${Scan} uri=${uri} onDone=${list => { setUri(null); setCodes(list) }} onCancel=${() => setUri(null)} />`
      : html`<${Trouble} problem=${begin.problem} /><div class="actions">
        <button type="button" class=${session.totp ? '' : 'main'} disabled=${begin.busy} onClick=${() => begin.run()}>${session.totp ? t('totp.again') : t('totp.begin')}</button>
        ${session.totp && html`<button type="button" onClick=${() => setRemoving(true)}>${t('totp.remove')}</button>`}</div>`}
    ${removing && html`<${Removal} onClose=${() => setRemoving(false)} />`}
  </${Card}>`
}
