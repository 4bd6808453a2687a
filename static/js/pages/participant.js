// SPDX-License-Identifier: Apache-2.0
// A participant, as everybody sees them.
import { useData } from '../core/api.js'
import { nameOf } from '../core/format.js'
import { t } from '../core/i18n.js'
import { html } from '../core/view.js'
import { Card, Loaded, Page } from '../parts/basic.js'
import { Balances, Line, lineOf, Membership, modelsOf, personLead, Statement, useStandings } from '../parts/person.js'

const Waiting = ({ from }) => html`<${Page} title=${t('person.some')} trail=${[[t('nav.leaderboard'), '/leaderboard']]}><${Loaded} from=${from} height=${40}>${() => ''}</${Loaded}></${Page}>`

function Known ({ found, line }) {
  const models = modelsOf(found)
  const standings = useStandings(found.participant, models)
  const name = nameOf({ participant: found.participant, name: found.name ?? line?.name })
  if (standings.loading) return html`<${Waiting} from=${{}} />`
  return html`<${Page} title=${name} trail=${[[t('nav.leaderboard'), '/leaderboard']]} lead=${personLead(line, false)}>
    ${line && html`<${Line} line=${line} />`}
    ${models.length > 0 && html`<${Card} title=${t('balance.title')}><${Loaded} from=${standings} height=${8}>${rows => html`<${Balances} rows=${rows} />`}</${Loaded}></${Card}>`}
    <${Membership} found=${found} />
    <${Statement} id=${found.participant} models=${standings.data} /></${Page}>`
}

export default function Participant ({ id }) {
  const found = useData(`/participants/${id}`)
  const line = useData(signal => lineOf(id, signal), `line ${id}`)
  return found.data && !line.loading ? html`<${Known} found=${found.data} line=${line.data} />` : html`<${Waiting} from=${found.data ? {} : found} />`
}
