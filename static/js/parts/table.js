// SPDX-License-Identifier: Apache-2.0
// Tables that sort, filter and export.
import { language, t } from '../core/i18n.js'
import { html, useMemo, useState } from '../core/view.js'

const text = value => value === null || value === undefined ? '' : String(value)

// What starts like a formula would run in a spreadsheet.
const cell = value => {
  const plain = /^[=+\-@\t\r]/.test(text(value)) && !/^-?[\d.]+$/.test(text(value)) ? `'${text(value)}` : text(value)
  return /[",\n\r]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}

export const csvOf = rows => rows.map(row => row.map(cell).join(',')).join('\r\n') + '\r\n'

export function download (name, type, content) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([content], { type }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10000)
}

// columns: [{key, title, value(row) (to sort, filter, export), show(row) (what is seen; default value), number}]
// rowKey(row) tells rows apart. `file`: the name of the CSV, without which there is no export.
export function Table ({ columns, rows, rowKey, caption, file, filter = rows.length > 8, sort }) {
  const [order, setOrder] = useState(sort ?? null) // {key, down}
  const [wanted, setWanted] = useState('')
  const valueOf = (column, row) => column.value ? column.value(row) : row[column.key]
  const shown = useMemo(() => {
    const needle = wanted.trim().toLowerCase()
    const left = needle
      ? rows.filter(row => columns.some(c => text(valueOf(c, row)).toLowerCase().includes(needle)))
      : [...rows]
    const column = order && columns.find(c => c.key === order.key)
    if (column) {
      const collator = new Intl.Collator(language(), { numeric: true })
      left.sort((a, b) => {
        const [x, y] = [valueOf(column, a), valueOf(column, b)]
        const d = typeof x === 'number' && typeof y === 'number' ? x - y : collator.compare(text(x), text(y))
        return order.down ? -d : d
      })
    }
    return left
  }, [rows, order, wanted, columns])
  const turn = key => setOrder(old => ({ key, down: old?.key === key ? !old.down : false }))
  const save = () => download(`${file}.csv`, 'text/csv', csvOf([columns.map(c => c.title), ...shown.map(row => columns.map(c => valueOf(c, row)))]))
  return html`<div class="table">
    ${(filter || file) && html`<div class="table-tools">
      ${filter && html`<label class="search"><span class="unseen">${t('table.filter')}</span>
        <input type="search" placeholder=${t('table.filter')} value=${wanted} onInput=${e => setWanted(e.target.value)} /></label>`}
      ${file && html`<button type="button" onClick=${save}>${t('table.save')}</button>`}</div>`}
    <div class="table-scroll" tabindex="0" role="region" aria-label=${caption}>
      <table>
        <caption class="unseen">${caption}</caption>
        <thead><tr>${columns.map(c => html`<th scope="col" class=${c.number ? 'number' : ''}
          aria-sort=${order?.key === c.key ? (order.down ? 'descending' : 'ascending') : 'none'}>
          ${c.title ? html`<button type="button" onClick=${() => turn(c.key)}>${c.title}<span aria-hidden="true">${order?.key === c.key ? (order.down ? ' ▾' : ' ▴') : ''}</span></button>` : html`<span class="unseen">${t('table.acts')}</span>`}</th>`)}</tr></thead>
        <tbody>${shown.map(row => html`<tr key=${rowKey(row)}>${columns.map(c => html`<td class=${c.number ? 'number' : ''} data-title=${c.title}>${c.show ? c.show(row) : valueOf(c, row)}</td>`)}</tr>`)}</tbody>
      </table>
    </div>
    ${shown.length === 0 && html`<p class="quiet">${t('table.nothing')}</p>`}
    <p class="unseen" role="status">${wanted ? t('table.found', { n: shown.length }) : ''}</p>
  </div>`
}

// A list that comes by pages: `list` of useList.
export const More = ({ list }) => list.next !== null && list.next !== undefined && html`<div class="actions"><button type="button" disabled=${list.busy} onClick=${list.more}>${t('more')}</button></div>`
