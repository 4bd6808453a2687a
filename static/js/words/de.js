// SPDX-License-Identifier: Apache-2.0
// The catalogue in German.
import { words as frame } from './de/frame.js'
import { words as common } from './de/public.js'
import { words as round } from './de/round.js'
import { words as model } from './de/model.js'
import { words as people } from './de/community.js'
import { words as log } from './de/log.js'
import { words as admin } from './de/admin.js'
import { words as fresh } from './de/new.js'
import { words as run } from './de/run.js'

export const words = { ...frame, ...common, ...round, ...model, ...people, ...log, ...admin, ...fresh, ...run }
