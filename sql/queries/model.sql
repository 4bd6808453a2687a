-- SPDX-License-Identifier: Apache-2.0
-- Models and their versions.

-- name: model_version :maybe
SELECT spec, spec_hash, initial FROM model_versions WHERE model = $1 AND version = $2

-- name: model_set_initial :exec
UPDATE model_versions SET initial = $3 WHERE model = $1 AND version = $2

-- name: model_initial_holdout :exec
UPDATE model_versions SET initial_loss = $3, initial_accuracy = $4, initial_rows = $5
WHERE model = $1 AND version = $2

-- name: model_holdout :maybe
SELECT holdout FROM models WHERE slug = $1
