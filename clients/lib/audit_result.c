/* SPDX-License-Identifier: Apache-2.0
 * What follows from the sum: its bounds, the totals, the new model, the rewards; who is
 * named, and when the vectors were erased. */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "clients/lib/audit_state.h"
#include "core/pvss.h"
#include "util/field.h"
#include "util/text.h"

#define REWARDS_LIST "rewards"

/* ---- reading S ---- */

/* One chunk position of S as numbers; *len coordinates. */
static enum err read_sums(const struct audit *a, uint64_t position, uint8_t *packed,
                          int64_t *sums, size_t *len, struct why *why)
{
  const struct open_event *o = a->round->open;
  size_t full = ring_chunk_len(o->ring_bits);
  struct ring r = {packed, MIN(open_len(o) - position * full, full), o->ring_bits};
  TRY(spool_read(&a->sum, position * CHUNK_BYTES, packed, ring_bytes(r.bits, r.len),
                 why));
  for (size_t i = 0; i < r.len; i++)
    sums[i] = ring_get(r, i);
  *len = r.len;
  return OK;
}

static enum err measure(struct audit *a, struct sum_check *check, struct why *why)
{
  const struct open_event *o = a->round->open;
  AUTO(free_drop) uint8_t *packed = must_calloc(CHUNK_BYTES, 1);
  AUTO(free_drop)
  int64_t *sums = must_calloc(ring_chunk_len(o->ring_bits), sizeof *sums);
  a->tail = must_calloc(o->tail_len, sizeof *a->tail);
  for (uint64_t at = 0, position = 0; at < open_len(o); position++) {
    size_t len;
    TRY(read_sums(a, position, packed, sums, &len, why));
    size_t update = at < o->d ? MIN(len, o->d - at) : 0;
    sum_check_add(check, sums, update);
    for (size_t i = update; i < len; i++)
      a->tail[at + i - o->d] = sums[i];
    at += len;
  }
  return OK;
}

/* Whether there is a sum to go on with; otherwise the check says why not. */
static bool have_sum(struct audit *a, enum check c)
{
  if (a->sum_known && report_verdict(a->report, CHECK_SUM) != VERDICT_BROKEN)
    return true;
  report_skip(a->report, c, "there is no sum that holds");
  return false;
}

enum err audit_bounds(struct audit *a, struct why *why)
{
  struct sum_check check = {0};
  struct why inner = {0};
  if (!have_sum(a, CHECK_BOUNDS))
    return OK;
  TRY(measure(a, &check, why));
  report_checked(a->report, CHECK_BOUNDS, open_len(a->round->open));
  enum err e = sum_check_finish(&check, a->round->open, a->tail,
                                set_count(a->round->survivors, a->round->n), &inner);
  return audit_judge(a, CHECK_BOUNDS, "the sum", e, &inner, why);
}

enum err audit_totals(struct audit *a, struct why *why)
{
  const struct open_event *o = a->round->open;
  const char *subject = a->one[TYPE_RESULT]->subject;
  unsigned count = set_count(a->round->survivors, a->round->n);
  if (a->result.count != count)
    report_found(a->report, CHECK_TOTALS, subject, "count: %llu is said, it is %u",
                 (unsigned long long)a->result.count, count);
  report_checked(a->report, CHECK_TOTALS, 1);
  if (!a->tail) {
    report_skip(a->report, CHECK_TOTALS, "there is no sum that holds");
    return OK;
  }
  if (json_array_size(a->result.totals) != o->tail_len)
    report_found(a->report, CHECK_TOTALS, subject, "totals: there must be %u",
                 o->tail_len);
  for (unsigned i = 0; i < o->tail_len; i++) {
    char is[24];
    const char *said = json_string_value(json_array_get(a->result.totals, i));
    snprintf(is, sizeof is, "%lld", (long long)a->tail[i]);
    if (!said || strcmp(said, is) != 0)
      report_found(a->report, CHECK_TOTALS, subject, "totals[%u]: the sum says %s", i,
                   is);
    report_checked(a->report, CHECK_TOTALS, 1);
  }
  return OK;
}

/* ---- the new model ---- */

struct stepping {
  uint8_t *packed, *state;
  int64_t *sums;
  float *w;
  size_t state_bytes; /* per coordinate */
  EVP_MD_CTX *model_hash, *state_hash;
};

static void stepping_done(struct stepping *s)
{
  free(s->packed);
  free(s->state);
  free(s->sums);
  free(s->w);
  EVP_MD_CTX_free(s->model_hash);
  EVP_MD_CTX_free(s->state_hash);
}

static enum err stepping_init(struct stepping *s, const struct audit *a)
{
  size_t most = ring_chunk_len(a->round->open->ring_bits);
  s->state_bytes = optimiser_state_bytes(a->spec->optimiser.kind);
  s->packed = must_calloc(CHUNK_BYTES, 1);
  s->state = must_calloc(most, MAX(s->state_bytes, 1u));
  s->sums = must_calloc(most, sizeof *s->sums);
  s->w = must_calloc(most, sizeof *s->w);
  s->model_hash = EVP_MD_CTX_new();
  s->state_hash = EVP_MD_CTX_new();
  bool good = s->model_hash && s->state_hash &&
              EVP_DigestInit_ex(s->model_hash, EVP_sha256(), NULL) == 1 &&
              EVP_DigestInit_ex(s->state_hash, EVP_sha256(), NULL) == 1;
  return good ? OK : E_INTERNAL;
}

/* Coordinates [at, at+len), whose sums were read. */
static enum err step_part(const struct audit *a, struct stepping *s, uint64_t at,
                          size_t len, struct why *why)
{
  size_t weights = len * sizeof *s->w, states = len * s->state_bytes;
  TRY(spool_read(&a->base, at * sizeof *s->w, s->w, weights, why));
  if (a->state.open)
    TRY(spool_read(&a->state, at * s->state_bytes, s->state, states, why));
  else
    memset(s->state, 0, states);
  enum err e = optimiser_step(&a->spec->optimiser, s->w, s->state, s->sums, len,
                              (uint64_t)a->tail[0]);
  if (e != OK)
    return why_set(why, e, "", "the new model is not finite");
  return EVP_DigestUpdate(s->model_hash, s->w, weights) == 1 &&
                 EVP_DigestUpdate(s->state_hash, s->state, states) == 1
             ? OK
             : E_INTERNAL;
}

static enum err step_all(const struct audit *a, struct digest *model,
                         struct digest *state, struct why *why)
{
  const struct open_event *o = a->round->open;
  AUTO(stepping_done) struct stepping s = {0};
  TRY(stepping_init(&s, a));
  for (uint64_t at = 0, position = 0; at < o->d; position++) {
    size_t len;
    TRY(read_sums(a, position, s.packed, s.sums, &len, why));
    len = MIN(len, o->d - at);
    TRY(step_part(a, &s, at, len, why));
    at += len;
  }
  return EVP_DigestFinal_ex(s.model_hash, model->b, NULL) == 1 &&
                 EVP_DigestFinal_ex(s.state_hash, state->b, NULL) == 1
             ? OK
             : E_INTERNAL;
}

enum err audit_model(struct audit *a, struct why *why)
{
  const char *subject = a->one[TYPE_RESULT]->subject;
  struct digest model, state;
  struct why inner = {0};
  if (!have_sum(a, CHECK_MODEL))
    return OK;
  bool stateful = optimiser_state_bytes(a->spec->optimiser.kind) > 0;
  report_checked(a->report, CHECK_MODEL, a->round->open->d);
  enum err e = step_all(a, &model, &state, &inner);
  TRY(audit_judge(a, CHECK_MODEL, subject, e, &inner, why));
  if (e != OK)
    return OK;
  if (memcmp(&model, &a->result.model, sizeof model) != 0)
    report_found(a->report, CHECK_MODEL, subject, "model: the step gives another one");
  if (stateful != a->result.has_state ||
      (stateful && memcmp(&state, &a->result.state, sizeof state) != 0))
    report_found(a->report, CHECK_MODEL, subject,
                 "optimiser_state: the step gives another one");
  return OK;
}

enum err audit_model_served(struct audit *a, struct why *why)
{
  const struct open_event *o = a->round->open;
  char path[160];
  AUTO(spool_done) struct spool model = {0};
  struct digest is;
  struct why inner = {0};
  snprintf(path, sizeof path, "models/%s/weights?round=%llu", o->model,
           (unsigned long long)o->round);
  report_checked(a->report, CHECK_MODEL_SERVED, 1);
  enum err e = spool_fetch(&model, a->source, path, o->d * sizeof(float), &inner);
  if (e == OK)
    e = spool_hash(&model, &is, &inner);
  if (e == OK && memcmp(&is, &a->result.model, sizeof is) != 0)
    e = why_set(&inner, E_HASH, "", "has another hash than the result says");
  return audit_judge(a, CHECK_MODEL_SERVED, "the new model", e, &inner, why);
}

/* ---- rewards ---- */

enum err audit_earned(const struct audit *a, struct reward **out, unsigned *count,
                      bool *paid)
{
  const struct round *r = a->round;
  AUTO(free_drop) struct reward *list = must_calloc(r->n, sizeof *list);
  *count = 0;
  for (uint32_t i = 0; i < r->n; i++) {
    if (!set_has(r->survivors, i))
      continue;
    struct reward *one = &list[(*count)++];
    one->id = r->members[i].id;
    one->samples = a->manifests[i].samples;
    for (size_t k = 0; k < json_array_size(a->result.named); k++) {
      struct named n;
      TRY(named_parse(&n, json_array_get(a->result.named, k), "named", NULL));
      one->named |= memcmp(&n.participant, &one->id, sizeof one->id) == 0;
    }
  }
  TRY(reward_amounts(list, *count, &r->open->reward, (uint64_t)a->tail[0], paid));
  *out = STEAL(list);
  return OK;
}

enum err audit_rewards(struct audit *a, struct why *why)
{
  const char *subject = a->one[TYPE_RESULT]->subject;
  AUTO(free_drop) struct reward *list = NULL;
  struct digest root;
  unsigned count;
  bool paid;
  if (!a->tail) {
    report_skip(a->report, CHECK_REWARDS, "there is no sum that holds");
    return OK;
  }
  TRY(audit_earned(a, &list, &count, &paid));
  TRY(reward_root(&root, list, count));
  if (a->round->open->reward.scheme != REWARD_NONE)
    report_checked(a->report, CHECK_REWARDS, count);
  if (paid != a->result.has_rewards)
    report_found(a->report, CHECK_REWARDS, subject, "rewards: %s",
                 paid ? "there are some, and none are said"
                      : "some are said, and there are none");
  else if (paid && memcmp(&root, &a->result.rewards, sizeof root) != 0)
    report_found(a->report, CHECK_REWARDS, subject,
                 "rewards: those of the scheme have another root");
  return OK;
}

static void compare_reward(struct audit *a, const json_t *served, size_t at,
                           const struct reward *r)
{
  char hex[65];
  const json_t *one = json_array_get(served, at);
  const char *who = json_string_value(json_object_get(one, "participant"));
  const char *amount = json_string_value(json_object_get(one, "amount"));
  if (!who || !amount || strcmp(who, hex_encode(hex, r->id.b, 32)) != 0 ||
      strcmp(amount, r->amount) != 0)
    report_found(a->report, CHECK_REWARDS_SERVED,
                 audit_subject("participant", &r->id).text, "%s are due", r->amount);
}

enum err audit_rewards_served(struct audit *a, struct why *why)
{
  char path[128];
  AUTO(json_drop) json_t *reply = NULL;
  AUTO(free_drop) struct reward *list = NULL;
  struct why inner = {0};
  unsigned count;
  bool paid;
  TRY(audit_earned(a, &list, &count, &paid));
  snprintf(path, sizeof path, "rounds/%s/rewards", a->hex);
  enum err e = source_json(a->source, path, &reply, &inner);
  TRY(audit_judge(a, CHECK_REWARDS_SERVED, "the rewards", e, &inner, why));
  if (e != OK)
    return OK;
  const json_t *served = json_object_get(reply, REWARDS_LIST);
  count = paid ? count : 0;
  report_checked(a->report, CHECK_REWARDS_SERVED, count);
  if (json_array_size(served) != count)
    report_found(a->report, CHECK_REWARDS_SERVED, "the rewards",
                 "%zu are served, %u are due", json_array_size(served), count);
  else
    for (unsigned i = 0; i < count; i++)
      compare_reward(a, served, i, &list[i]);
  return OK;
}

/* ---- who is named ---- */

/* Whether i's answer holds a share that does not fit what was dealt. */
static bool wrong_share(const struct audit *a, uint32_t i)
{
  const struct round *r = a->round;
  AUTO(free_drop) uint32_t *near = must_calloc(r->graph.p.k, sizeof *near);
  AUTO(free_drop) uint32_t *theirs = must_calloc(r->graph.p.k, sizeof *theirs);
  AUTO(unmask_done) struct unmask_event u = {0};
  unsigned len = round_neighbours_in(r, i, r->sharers, near);
  if (unmask_parse(&u, a->unmasks[i]->event, NULL) != OK || u.len != len)
    return false;
  for (unsigned c = 0; c < len; c++) {
    struct point dealt;
    unsigned place = 0;
    graph_neighbours(&r->graph, near[c], theirs);
    while (place < r->graph.p.k && theirs[place] != i)
      place++;
    const struct buf *leaves = &a->shares[near[c]]->data;
    if (!u.given[c] || (place + 1) * (size_t)LEAF_BYTES > leaves->len)
      continue;
    memcpy(dealt.b,
           leaves->data + place * (size_t)LEAF_BYTES +
               (set_has(r->survivors, near[c]) ? 32 : 0),
           32);
    if (pvss_check_share(&u.shares[c], &dealt) != OK)
      return true;
  }
  return false;
}

static bool same_named(const struct named *x, const struct named *y)
{
  return x->reason == y->reason && memcmp(&x->event, &y->event, sizeof x->event) == 0 &&
         memcmp(&x->participant, &y->participant, sizeof x->participant) == 0;
}

/* Of several pieces of evidence that with the lowest hash is named. */
static bool superseded(const struct audit *a, const struct named *n)
{
  for (size_t c = 0; c < a->convicted; c++)
    if (memcmp(&a->convictions[c].participant, &n->participant, 32) == 0 &&
        memcmp(&a->convictions[c].event, &n->event, 32) < 0)
      return true;
  return false;
}

static bool proved(const struct audit *a, const struct named *n)
{
  if (superseded(a, n))
    return false;
  for (size_t c = 0; c < a->convicted; c++)
    if (same_named(&a->convictions[c], n))
      return true;
  if (n->reason != NAMED_BAD_SHARE || !a->round || !a->round->survivors)
    return false;
  int64_t i = round_index(a->round, &n->participant);
  return i >= 0 && a->unmasks[i] &&
         memcmp(&a->unmasks[i]->hash, &n->event, sizeof n->event) == 0 &&
         wrong_share(a, (uint32_t)i);
}

static bool names(const json_t *named, const struct identity *id)
{
  for (size_t i = 0; i < json_array_size(named); i++) {
    struct named n;
    if (named_parse(&n, json_array_get(named, i), "named", NULL) == OK &&
        memcmp(&n.participant, id, sizeof *id) == 0)
      return true;
  }
  return false;
}

enum err audit_named(struct audit *a, struct why *why)
{
  const struct item *it = a->failed ? a->one[TYPE_FAILED] : a->one[TYPE_RESULT];
  const json_t *list = json_object_get(it->event, "named");
  for (size_t i = 0; i < json_array_size(list); i++) {
    struct named n = {0};
    TRY(named_parse(&n, json_array_get(list, i), "named", why));
    report_checked(a->report, CHECK_NAMED, 1);
    if (!proved(a, &n))
      report_found(a->report, CHECK_NAMED,
                   audit_subject("participant", &n.participant).text,
                   "is named, but what is given for it proves nothing");
  }
  for (size_t c = 0; c < a->convicted && json_array_size(list) < NAMED_MAX; c++)
    if (!names(list, &a->convictions[c].participant))
      report_found(a->report, CHECK_NAMED,
                   audit_subject("participant", &a->convictions[c].participant).text,
                   "is convicted by a complaint, but not named");
  return OK;
}

/* ---- retention and failure ---- */

enum err audit_retention(struct audit *a, struct why *why)
{
  const struct item *it = a->one[TYPE_RETENTION];
  struct retention_event r;
  json_int_t opened =
      json_integer_value(json_object_get(a->one[TYPE_OPEN]->event, "time"));
  TRY(retention_parse(&r, it->event, why));
  report_checked(a->report, CHECK_RETENTION, 1);
  uint64_t least = (uint64_t)opened + a->round->open->audit_window;
  if (!a->failed && r.time < least)
    report_found(a->report, CHECK_RETENTION, it->subject,
                 "they were erased at least %llu seconds before the audit window ended",
                 (unsigned long long)(least - r.time));
  return OK;
}

/* The phase that the attempt was in, by what the coordinator had said. */
static const char *phase_reached(const struct audit *a)
{
  if (!a->one[TYPE_GRAPH])
    return "join";
  if (!a->one[TYPE_SHARERS])
    return "share";
  return a->one[TYPE_SURVIVORS] ? "unmask" : "upload";
}

static void check_too_few(struct audit *a, const struct failed_event *f)
{
  const struct item *it = a->one[TYPE_FAILED];
  const struct open_event *o = a->round->open;
  struct graph_params p;
  unsigned joins = 0;
  for (size_t i = 0; i < a->len; i++)
    joins += a->items[i].type == TYPE_JOIN;
  if (strcmp(f->reason, err_info(E_THRESHOLD)->slug) != 0 ||
      strcmp(f->phase, "join") != 0 || joins < o->minimum ||
      graph_params_find(&p, joins, o->corrupt_bp, o->dropout_bp, a->round->anchored) !=
          OK)
    return;
  report_found(a->report, CHECK_FAILURE, it->subject,
               "reason: %u joined, which was enough", joins);
}

enum err audit_failure(struct audit *a, struct why *why)
{
  const struct item *it = a->one[TYPE_FAILED];
  const char *phase = phase_reached(a);
  struct failed_event f;
  TRY(failed_parse(&f, it->event, why));
  report_checked(a->report, CHECK_FAILURE, 1);
  bool final = strcmp(f.phase, "final") == 0 && strcmp(phase, "unmask") == 0;
  if (strcmp(f.phase, phase) != 0 && !final)
    report_found(a->report, CHECK_FAILURE, it->subject,
                 "phase: %s is said, the attempt was in %s", f.phase, phase);
  if (strcmp(f.reason, "cancelled") != 0 && err_by_slug(f.reason) == ERR_COUNT)
    report_found(a->report, CHECK_FAILURE, it->subject, "reason: %.64s is none",
                 f.reason);
  check_too_few(a, &f);
  return OK;
}
