// SPDX-License-Identifier: Apache-2.0
// The catalogue in English: every word that the pages show.
import { words as frame } from './en/frame.js'
import { words as common } from './en/public.js'
import { words as round } from './en/round.js'
import { words as model } from './en/model.js'
import { words as people } from './en/community.js'
import { words as log } from './en/log.js'
import { words as admin } from './en/admin.js'
import { words as fresh } from './en/new.js'
import { words as run } from './en/run.js'

export const words = { ...frame, ...common, ...round, ...model, ...people, ...log, ...admin, ...fresh, ...run }
