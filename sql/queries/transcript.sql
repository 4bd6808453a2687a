-- SPDX-License-Identifier: Apache-2.0
-- The transcript of an ended round.

-- At most $3 items after place $2: the model (place 1), for each member by index enrolment,
-- change of address and its adoption if one counted when the result was made, and admission,
-- and from place 2^20 on what was said in the round, as accepted. The page ends with the item
-- that brings it to $4 bytes. The last column: how many items there are after $2, at most $3.
-- name: transcript_page :many
WITH members AS (
  SELECT 4 * row_number() OVER (ORDER BY j.participant) AS place, p.enroll, j.admit,
         c.event AS change, c.adopt
  FROM joins j JOIN participants p ON p.id = j.participant
  LEFT JOIN LATERAL (
    SELECT x.event, x.adopt FROM payout_changes x
    WHERE x.participant = p.id AND x.adopt < (SELECT seq FROM events
      WHERE ctx = $1 AND type = 'result' AND participant IS NULL)
    ORDER BY x.adopt DESC LIMIT 1) c ON true
  WHERE j.ctx = $1
), places AS (
  SELECT 1::bigint AS place, v.event
  FROM rounds r JOIN model_versions v USING (model, version) WHERE r.ctx = $1
  UNION ALL
  SELECT m.place + i, e FROM members m
  CROSS JOIN LATERAL (VALUES (0, m.enroll), (1, m.change), (2, m.adopt), (3, m.admit)) v (i, e)
  WHERE e IS NOT NULL
  UNION ALL
  SELECT 1048576 + seq, seq FROM events WHERE ctx = $1
), page AS (
  SELECT place, event FROM places WHERE place > $2 ORDER BY place LIMIT $3::bigint
), sized AS (
  SELECT p.place, l.leaf, e.bytes, s.deals, u.leaves, u.member,
         coalesce(sum(octet_length(e.bytes) + coalesce(octet_length(s.deals), 0)
                      + coalesce(octet_length(u.leaves), 0) * 4 / 3)
           OVER (ORDER BY p.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
           AS before
  FROM page p JOIN events e ON e.seq = p.event
  LEFT JOIN log_entries l ON l.event = e.seq
  LEFT JOIN shares s ON s.ctx = $1 AND s.event = e.seq
  LEFT JOIN updates u ON u.ctx = $1 AND u.event = e.seq)
SELECT place, leaf, bytes, deals, leaves, member, (SELECT count(*) FROM page)
FROM sized WHERE before < $4 ORDER BY place
