// SPDX-License-Identifier: Apache-2.0
// Paying into the vault what a model's rewards are paid from, with an injected wallet or by command.
import { t } from '../core/i18n.js'
import { html, useState } from '../core/view.js'
import { Command } from './basic.js'
import { Field, Form } from './form.js'
import { currencyOf, isToken, moneyText } from './public.js'
import { connectToChain, useWalletAct, WalletState } from './wallet.js'

async function deposit (tell, model, amount) {
  const { wallet, provider, account, registry } = await connectToChain(tell)
  const vault = await wallet.contractOf(provider, registry, 'vault')
  const currency = currencyOf(model)
  const send = call => wallet.sendCall(provider, { from: account, ...call }, hash => tell('mining', hash))
  const token = isToken(currency)
  if (token && await wallet.allowanceOf(provider, currency, account, vault) < amount) {
    tell('allow')
    await send({ to: currency, data: wallet.encodeApprove(vault, amount) })
  }
  tell('confirm')
  const value = token ? {} : { value: '0x' + amount.toString(16) }
  const receipt = await send({ to: vault, data: wallet.encodeDeposit(model.model, amount), ...value })
  return { ...receipt, funds: String(await wallet.fundsOf(provider, vault, model.model)) }
}

export function Deposit ({ model }) {
  const [amount, setAmount] = useState('')
  const [problem, setProblem] = useState(null)
  const act = useWalletAct(deposit)
  const currency = currencyOf(model)
  const name = `amount-${model.model}`
  const good = /^[1-9][0-9]{0,76}$/.test(amount)
  const pay = async () => {
    setProblem(good ? null : { field: name, title: t('deposit.amount.wrong'), detail: t('deposit.amount.hint') })
    if (good && await act.run(model, BigInt(amount))) setAmount('')
  }
  return html`<details><summary>${t('deposit.title')}</summary><div class="stack">
    <p>${t('deposit.lead')}</p>
    <${Form} act=${{ busy: act.busy, problem }} onSubmit=${pay} submit=${t('deposit.do')}>
      <${Field} name=${name} label=${t('deposit.amount')} hint=${good ? moneyText(amount, currency) : t('deposit.amount.hint')} value=${amount} onValue=${setAmount} problem=${problem}
        inputmode="numeric" required autocomplete="off" /></${Form}>
    <${WalletState} act=${act} done=${act.done && t('deposit.done', { block: act.done.block, funds: moneyText(act.done.funds, currency) })} />
    <p>${t('deposit.command')}</p>
    <${Command}>${`chorus deposit ${model.model} AMOUNT --key KEYSTORE`}</${Command}></div></details>`
}
