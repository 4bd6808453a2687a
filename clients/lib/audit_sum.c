/* SPDX-License-Identifier: Apache-2.0
 * The sum: every chunk of every masked vector against its manifest, summed, the masks
 * taken off. Split over threads by chunk position; a thread holds one chunk and one
 * accumulator, and has a source of its own. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "clients/lib/audit_state.h"
#include "clients/lib/audit_sum.h"
#include "clients/lib/parallel.h"
#include "core/merkle.h"
#include "util/text.h"

/* ---- one position, without I/O ---- */

enum err chunk_sum(struct ring acc, uint64_t position, const struct chunk_reader *from,
                   unsigned count, const struct mask_list *masks, unsigned *bad,
                   struct why *why)
{
  uint64_t first = position * ring_chunk_len(acc.bits);
  memset(acc.data, 0, ring_bytes(acc.bits, acc.len));
  *bad = 0;
  for (unsigned m = 0; m < count; m++) {
    struct bytes chunk;
    struct digest is, expected;
    TRY(from->read(from->arg, m, position, &chunk, &expected, why));
    merkle_leaf(&is, chunk);
    if (memcmp(&is, &expected, sizeof is) != 0 || ring_add(acc, chunk) != OK) {
      from->wrong(from->arg, m, position);
      ++*bad;
    }
  }
  return *bad ? OK : mask_apply(acc, first, masks);
}

/* ---- as it is served ---- */

static void sum_path(char out[128], const struct audit *a)
{
  snprintf(out, 128, "rounds/%s/sum", a->hex);
}

enum err audit_sum_served(struct audit *a, struct why *why)
{
  char path[128];
  struct why inner = {0};
  struct digest is;
  sum_path(path, a);
  report_checked(a->report, CHECK_SUM_SERVED, 1);
  enum err e = spool_fetch(&a->sum, a->source, path, open_bytes(a->round->open), &inner);
  if (e == OK)
    e = spool_hash(&a->sum, &is, &inner);
  if (e == OK && memcmp(&is, &a->result.sum, sizeof is) != 0)
    e = why_set(&inner, E_HASH, "", "has another hash than the result says");
  a->sum_known = e == OK;
  return audit_judge(a, CHECK_SUM_SERVED, "the sum", e, &inner, why);
}

/* ---- recomputing ---- */

struct lane {
  struct source *source;
  struct buf chunk;
  uint8_t *acc;
};

struct summing {
  struct audit *audit;
  struct draw draw;     /* of chunk positions */
  uint32_t *members;    /* U2 by index */
  unsigned count;       /* of them */
  struct lane *lanes;   /* by thread */
  struct spool *out;    /* where the sum goes when it can't be compared at once */
  atomic_int unserved;  /* enum err: why a vector can't be had; OK: all can */
  struct why missing;   /* the particulars of that, */
  struct subject where; /* and of which chunk */
  atomic_bool mismatch; /* something was found that leaves the sum unknown */
};

struct reading {
  struct summing *summing;
  struct lane *lane;
  uint32_t member; /* whose chunk was read last */
};

static enum err read_chunk(void *arg, unsigned m, uint64_t position, struct bytes *chunk,
                           struct digest *expected, struct why *why)
{
  struct reading *r = arg;
  const struct audit *a = r->summing->audit;
  uint32_t i = r->summing->members[m];
  char path[256], id[65];
  snprintf(path, sizeof path, "rounds/%s/updates/%s/chunks/%llu", a->hex,
           hex_encode(id, a->round->members[i].id.b, 32), (unsigned long long)position);
  r->member = i;
  r->lane->chunk.len = 0;
  TRY(source_get(r->lane->source, path, CHUNK_BYTES, &r->lane->chunk, why));
  memcpy(expected, a->updates[i]->data.data + position * sizeof *expected,
         sizeof *expected);
  *chunk = buf_bytes(&r->lane->chunk);
  return OK;
}

static struct subject at_position(const struct audit *a, uint32_t i, uint64_t position)
{
  char what[32];
  snprintf(what, sizeof what, "chunk %llu of", (unsigned long long)position);
  return audit_subject(what, &a->round->members[i].id);
}

static void wrong_chunk(void *arg, unsigned m, uint64_t position)
{
  const struct reading *r = arg;
  const struct audit *a = r->summing->audit;
  report_found(a->report, CHECK_CHUNKS,
               at_position(a, r->summing->members[m], position).text,
               "does not hash to what its manifest says");
}

/* Compares with the sum that is served, or keeps it for later. */
static enum err conclude(struct summing *s, struct lane *lane, struct ring acc,
                         uint64_t position, struct why *why)
{
  struct audit *a = s->audit;
  size_t bytes = ring_bytes(acc.bits, acc.len);
  uint64_t from = position * CHUNK_BYTES;
  char subject[48];
  if (s->out)
    return spool_write(s->out, from, BYTES(acc.data, bytes), why);
  lane->chunk.len = 0;
  TRY(buf_reserve(&lane->chunk, bytes));
  TRY(spool_read(&a->sum, from, lane->chunk.data, bytes, why));
  if (memcmp(acc.data, lane->chunk.data, bytes) != 0) {
    snprintf(subject, sizeof subject, "chunk %llu of the sum",
             (unsigned long long)position);
    report_found(a->report, CHECK_SUM, subject,
                 "is not the sum of the vectors without their masks");
    s->mismatch = true;
  }
  return OK;
}

/* The first of them stops all. */
static void note_unserved(struct summing *s, const struct reading *r, uint64_t position,
                          enum err e, const struct why *why)
{
  int none = OK;
  if (!atomic_compare_exchange_strong(&s->unserved, &none, (int)e))
    return;
  s->missing = *why;
  s->where = at_position(s->audit, r->member, position);
}

static enum err sum_position(void *arg, unsigned thread, uint64_t n, struct why *why)
{
  struct summing *s = arg;
  struct audit *a = s->audit;
  struct lane *lane = &s->lanes[thread];
  const struct open_event *o = a->round->open;
  uint64_t position = s->draw.numbers[n], first = position * ring_chunk_len(o->ring_bits);
  struct ring acc = {lane->acc, MIN(open_len(o) - first, ring_chunk_len(o->ring_bits)),
                     o->ring_bits};
  struct reading r = {s, lane, 0};
  struct chunk_reader from = {read_chunk, wrong_chunk, &r};
  struct why inner = {0};
  unsigned bad = 0;
  if (s->unserved != OK)
    return OK;
  enum err e =
      chunk_sum(acc, position, &from, s->count, &a->unmasking.masks, &bad, &inner);
  if (e != OK && !source_tells(e)) {
    *why = inner;
    return e;
  }
  if (e != OK) {
    note_unserved(s, &r, position, e, &inner);
    return OK;
  }
  report_checked(a->report, CHECK_CHUNKS, s->count);
  report_checked(a->report, CHECK_SUM, 1);
  if (bad) {
    s->mismatch = true;
    return OK;
  }
  return conclude(s, lane, acc, position, why);
}

static void tell_sum(void *arg, uint64_t done, uint64_t total)
{
  const struct summing *s = arg;
  audit_tell(s->audit, "recomputing the sum", done, total);
}

static enum err open_lanes(struct summing *s, struct why *why)
{
  struct audit *a = s->audit;
  s->lanes = must_calloc(a->threads, sizeof *s->lanes);
  for (unsigned t = 0; t < a->threads; t++) {
    s->lanes[t].acc = must_calloc(CHUNK_BYTES, 1);
    s->lanes[t].chunk.max = CHUNK_BYTES;
    TRY(a->source->again(a->source, &s->lanes[t].source, why));
  }
  return OK;
}

static void summing_done(struct summing *s)
{
  for (unsigned t = 0; s->lanes && t < s->audit->threads; t++) {
    source_drop(&s->lanes[t].source);
    buf_done(&s->lanes[t].chunk);
    free(s->lanes[t].acc);
  }
  free(s->lanes);
  free(s->members);
  free(s->draw.numbers);
}

static void take_members(struct summing *s)
{
  const struct round *r = s->audit->round;
  s->members = must_calloc(r->n, sizeof *s->members);
  for (uint32_t i = 0; i < r->n; i++)
    if (set_has(r->survivors, i))
      s->members[s->count++] = i;
}

/* ---- vectors that can't be had ---- */

static void skip_sum(struct audit *a, const char *reason)
{
  report_skip(a->report, CHECK_VECTORS, "%s", reason);
  report_skip(a->report, CHECK_CHUNKS, "%s", reason);
  report_skip(a->report, CHECK_SUM, "%s", reason);
}

/* Whether the coordinator has said that it erased the vectors: after the transcript was
 * read, perhaps. */
static enum err erased(struct audit *a, bool *said, struct why *why)
{
  *said = a->one[TYPE_RETENTION] != NULL;
  if (*said || !a->source->live)
    return OK;
  struct audit again = {.source = a->source, .ctx = a->ctx};
  memcpy(again.hex, a->hex, sizeof again.hex);
  enum err e = audit_load(&again, why);
  for (size_t i = 0; e == OK && i < again.len; i++)
    *said |= again.items[i].type == TYPE_RETENTION &&
             event_verify(again.items[i].event, "retention",
                          &a->pin->instance.coordinator, NULL) == OK;
  audit_unload(&again);
  return e;
}

static enum err explain(const struct summing *s, enum err e, struct why *why)
{
  struct audit *a = s->audit;
  bool said = false;
  if ((e == E_UNAUTHENTICATED || e == E_FORBIDDEN || e == E_NOT_ADMITTED) &&
      a->round->open->audit_members) {
    skip_sum(a, "only members of the model may read the masked vectors");
    return OK;
  }
  if (e == E_ERASED || e == E_NOT_FOUND)
    TRY(erased(a, &said, why));
  if (said) {
    skip_sum(a, "the masked vectors were erased: the sum can no longer be recomputed");
    return OK;
  }
  report_found(a->report, CHECK_VECTORS, s->where.text,
               "is not served, and nothing says that it was erased: %s",
               *s->missing.detail ? s->missing.detail : err_info(e)->title);
  report_skip(a->report, CHECK_CHUNKS, "the masked vectors are not served");
  report_skip(a->report, CHECK_SUM, "the masked vectors are not served");
  return OK;
}

/* ---- all of it ---- */

static enum err run(struct summing *s, struct why *why)
{
  struct audit *a = s->audit;
  const struct parallel p = {sum_position, s, tell_sum, s};
  TRY(open_lanes(s, why));
  TRY(parallel_run(&p, a->threads, s->draw.count, why));
  if (s->unserved != OK)
    return explain(s, (enum err)s->unserved, why);
  report_checked(a->report, CHECK_VECTORS, s->count);
  return OK;
}

/* Nothing to compare with was served: the sum itself has to have the right hash. */
static enum err compare_whole(struct audit *a, struct spool *sum, struct why *why)
{
  struct digest is;
  TRY(spool_hash(sum, &is, why));
  if (memcmp(&is, &a->result.sum, sizeof is) != 0) {
    report_found(a->report, CHECK_SUM, "the sum",
                 "the vectors without their masks sum to something else");
    return OK;
  }
  spool_done(&a->sum);
  a->sum = *sum;
  a->sum_known = true;
  sum->open = false;
  return OK;
}

enum err audit_sum(struct audit *a, struct why *why)
{
  AUTO(summing_done) struct summing s = {.audit = a};
  AUTO(spool_done) struct spool own = {0};
  uint64_t bytes = open_bytes(a->round->open);
  if (!a->source->vectors) {
    skip_sum(a, "the archive was made without the masked vectors");
    return OK;
  }
  if (!a->sum_known && a->options->light) {
    skip_sum(a, "the sum that is served can't be compared with");
    return OK;
  }
  if (!a->sum_known) {
    TRY(spool_new(&own, bytes, why));
    s.out = &own;
  }
  take_members(&s);
  audit_draw(&s.draw, a->options->light, (bytes + CHUNK_BYTES - 1) / CHUNK_BYTES);
  TRY(run(&s, why));
  if (s.unserved == OK && !s.mismatch && s.out)
    return compare_whole(a, &own, why);
  if (report_verdict(a->report, CHECK_CHUNKS) == VERDICT_BROKEN)
    report_skip(a->report, CHECK_SUM, "a chunk is not the one that was signed");
  return OK;
}
