// SPDX-License-Identifier: Apache-2.0
// Signs of the places and of small buttons: strokes on a field of 20 by 20. They stand beside a word, never alone.
import { html } from '../core/view.js'

const strokes = {
  copy: 'M7 7V3.5h9.5V13H13M3.5 7H13v9.5H3.5z',
  done: 'M4 10.5l4 4 8-9',
  models: 'M3 6.5 10 3l7 3.5-7 3.5zM3 10l7 3.5 7-3.5M3 13.5 10 17l7-3.5',
  leaderboard: 'M4 16v-5M10 16V4M16 16V8',
  governance: 'M4 10.5l4 4 8-9',
  log: 'M5 3.5h10v13H5zM8 7h4M8 10h4M8 13h2',
  me: 'M10 10a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3.5 17a6.5 6.5 0 0 1 13 0',
  money: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 6.5v7M12.2 8c-.6-.7-1.3-1-2.2-1-1.2 0-2.2.6-2.2 1.6 0 2.1 4.5.8 4.5 3 0 1-1 1.6-2.3 1.6-1 0-1.8-.4-2.3-1.1',
  people: 'M7 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM1.5 16a5.5 5.5 0 0 1 11 0M13 9.5a2.5 2.5 0 1 0-.8-4.9M14.5 16h4a5 5 0 0 0-4.2-4.9',
  system: 'M3 5.5h8M15 5.5h2M13 3.5v4M3 10h2M9 10h8M7 8v4M3 14.5h8M15 14.5h2M13 12.5v4'
}

export const Icon = ({ name, size = 20 }) => html`<svg class="icon" viewBox="0 0 20 20" width=${size} height=${size} aria-hidden="true" focusable="false"><path d=${strokes[name]} fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" /></svg>`
