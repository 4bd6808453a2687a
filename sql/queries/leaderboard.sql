-- SPDX-License-Identifier: Apache-2.0
-- Who contributed what. $1: a model, or null for all that are public.

-- What a board is made of now: its version, the day that a period is counted back from,
-- and whether everybody may see it. No row: there is no such model.
-- name: leaderboard_version :maybe
SELECT (SELECT coalesce(sum(version), 0)::bigint FROM board_versions
        WHERE $1::text IS NULL OR model IN ($1, '')),
       floor(extract(epoch FROM clock_timestamp()) / 86400)::bigint,
       coalesce((SELECT visibility = 'public' FROM models WHERE slug = $1), true)
WHERE $1::text IS NULL OR EXISTS (SELECT FROM models WHERE slug = $1)

-- $2: counted from this day (since 1970, UTC) on. earned: "currency:amount,…".
-- name: leaderboard_lines :many
WITH parts AS (
  SELECT c.participant, nullif(x.currency, decode(repeat('00', 20), 'hex')) AS currency,
         count(*) FILTER (WHERE c.counted) AS rounds, count(*) AS joined,
         sum(c.samples) AS samples, sum(c.amount) AS earned
  FROM contributions c JOIN models m ON m.slug = c.model
  LEFT JOIN chain_models x ON x.model = c.model
  WHERE CASE WHEN $1::text IS NULL THEN m.visibility = 'public' ELSE c.model = $1 END
    AND c.ended_at >= to_timestamp($2::bigint * 86400)
  GROUP BY 1, 2
), lines AS (
  SELECT participant, sum(rounds)::bigint AS rounds, sum(joined)::bigint AS joined,
         sum(samples)::bigint AS samples,
         string_agg(coalesce(encode(currency, 'hex'), '') || ':' || earned, ','
                    ORDER BY currency NULLS FIRST) FILTER (WHERE earned > 0) AS earned
  FROM parts GROUP BY participant
)
SELECT p.id, p.name, member_name(p, false) IS NOT NULL, p.organisation, l.rounds, l.joined, l.samples, l.earned
FROM lines l JOIN participants p ON p.id = l.participant
ORDER BY l.rounds DESC, l.joined, p.id
