-- SPDX-License-Identifier: Apache-2.0
-- What a round pays.

-- $2: [{"amount","participant"}…]
-- name: reward_store :exec
INSERT INTO rewards (ctx, member, participant, amount)
SELECT $1, j.member, j.participant, (e ->> 'amount')::numeric
FROM json_array_elements($2::text::json) e
JOIN joins j ON j.ctx = $1 AND j.participant = decode(e ->> 'participant', 'hex')
