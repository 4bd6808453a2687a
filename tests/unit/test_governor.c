/* SPDX-License-Identifier: Apache-2.0
 * Proposals: their log is read back from what was proposed, and nothing else is taken for
 * one. That the encoding is the contract's, tests/scenario/test_chain_client.py shows. */
#include <string.h>

#include "chain/governor.h"
#include "test_chain.h"
#include "util/text.h"

#define MUST(call) ck_assert_int_eq(call, OK)
#define WORD sizeof(struct word)
#define HEAD 9 /* words of the log before its lists */

static const char text[] = "toy: minimum 5 to 4, for it is a small town";

static void put(struct buf *out, struct word w)
{
  MUST(buf_put(out, w.b, sizeof w.b));
}

static void put_bytes(struct buf *out, struct bytes b)
{
  static const uint8_t zeros[WORD];
  put(out, word_of(b.len));
  MUST(buf_put(out, b.data, b.len));
  MUST(buf_put(out, zeros, (WORD - b.len % WORD) % WORD));
}

/* The data of ProposalCreated, as Solidity lays it out. */
static void make_log(struct buf *out, const struct proposal *p)
{
  struct buf tail[5] = {{0}}; /* targets … description */
  unsigned n = p->len;
  for (unsigned t = 0; t < 4; t++)
    put(&tail[t], word_of(n));
  uint64_t offset = n * WORD;
  for (unsigned i = 0; i < n; i++) {
    put(&tail[0], word_of_address(&p->calls[i].target));
    put(&tail[1], p->calls[i].value);
    put(&tail[2], word_of(n * WORD + i * WORD)); /* signatures: all empty */
    put(&tail[3], word_of(offset));
    offset += WORD + (p->calls[i].data.len + WORD - 1) / WORD * WORD;
  }
  for (unsigned i = 0; i < n; i++) {
    put(&tail[2], word_of(0));
    put_bytes(&tail[3], p->calls[i].data);
  }
  put_bytes(&tail[4], p->description);
  uint64_t at[5], next = HEAD * WORD;
  for (unsigned t = 0; t < 5; t++) {
    at[t] = next;
    next += tail[t].len;
  }
  put(out, p->id);
  put(out, word_of_address(&p->proposer));
  for (unsigned t = 0; t < 4; t++)
    put(out, word_of(at[t]));
  put(out, word_of(p->vote_start));
  put(out, word_of(p->vote_end));
  put(out, word_of(at[4]));
  for (unsigned t = 0; t < 5; t++) {
    MUST(buf_put(out, tail[t].data, tail[t].len));
    buf_done(&tail[t]);
  }
}

/* Two calls: a policy, and something with money and an odd length. */
struct sample {
  struct buf data[2], log;
  struct proposed_call calls[2];
  struct proposal p;
  struct policy policy;
};

static void sample_init(struct sample *s)
{
  *s = (struct sample){.policy = {4, 100, 7, {.b = {[31] = 9}}}};
  MUST(policy_call(&s->data[0], "toy", &s->policy));
  MUST(buf_puts(&s->data[1], "odd"));
  for (unsigned i = 0; i < 2; i++)
    s->calls[i] = (struct proposed_call){.target = {.b = {(uint8_t)(1 + i)}},
                                         .value = word_of(i),
                                         .data = buf_bytes(&s->data[i])};
  s->p = (struct proposal){.proposer = {.b = {7}},
                           .calls = s->calls,
                           .len = 2,
                           .description = BYTES(text, sizeof text - 1),
                           .vote_start = 1700000000,
                           .vote_end = 1700000600};
  MUST(governor_id(&s->p.id, &s->p));
  make_log(&s->log, &s->p);
}

static void sample_done(struct sample *s)
{
  buf_done(&s->data[0]);
  buf_done(&s->data[1]);
  buf_done(&s->log);
}

START_TEST(test_proposal_read)
{
  struct sample s;
  struct proposal p;
  struct policy policy;
  struct digest spec;
  struct word model, toy;
  struct why why = {0};
  AUTO(free_drop) struct proposed_call *calls = NULL;
  sample_init(&s);
  enum err e = proposal_read(&p, &calls, buf_bytes(&s.log), &why);
  ck_assert_msg(e == OK, "%s %s", why.field, why.detail);
  ck_assert_uint_eq(p.len, 2);
  ck_assert_uint_eq(p.vote_start, 1700000000);
  ck_assert_uint_eq(p.vote_end, 1700000600);
  ck_assert(bytes_equal(p.description, s.p.description));
  ck_assert_mem_eq(&p.proposer, &s.p.proposer, sizeof p.proposer);
  for (unsigned i = 0; i < 2; i++) {
    ck_assert(bytes_equal(p.calls[i].data, s.calls[i].data));
    ck_assert_mem_eq(&p.calls[i].target, &s.calls[i].target, sizeof s.calls[i].target);
    ck_assert_int_eq(word_compare(&p.calls[i].value, &s.calls[i].value), 0);
  }
  chain_model(&toy, "toy");
  ck_assert(policy_call_read(&model, &policy, p.calls[0].data));
  ck_assert_int_eq(word_compare(&model, &toy), 0);
  ck_assert_uint_eq(policy.minimum, 4);
  ck_assert_uint_eq(policy.privacy_budget, 7);
  ck_assert(!spec_call_read(&model, &spec, p.calls[0].data));
  ck_assert(!policy_call_read(&model, &policy, p.calls[1].data));
  sample_done(&s);
}
END_TEST

/* Each word of the log made a wrong one, and each length cut off: nothing is read beyond
 * the end, and nothing is shown but what the number stands for. */
START_TEST(test_proposal_refused)
{
  static const uint64_t wrong[] = {0, 1, 31, 33, 1u << 20, UINT64_MAX};
  struct sample s;
  sample_init(&s);
  for (size_t len = 0; len < s.log.len; len++) {
    AUTO(free_drop) struct proposed_call *calls = NULL;
    AUTO(free_drop) uint8_t *cut = must_calloc(MAX(len, 1u), 1); /* for a sanitizer */
    struct proposal p;
    memcpy(cut, s.log.data, len);
    enum err e = proposal_read(&p, &calls, BYTES(cut, len), NULL);
    ck_assert(e == E_REPLY || (e == OK && s.log.len - len < WORD)); /* its last zeros */
  }
  for (size_t at = 0; at + WORD <= s.log.len; at += WORD)
    for (unsigned k = 0; k <= LENGTH(wrong); k++) {
      AUTO(free_drop) struct proposed_call *calls = NULL;
      AUTO(buf_done) struct buf bent = {0};
      struct proposal p;
      struct word w = {0};
      memset(w.b, 0xff, sizeof w.b);
      if (k < LENGTH(wrong))
        w = word_of(wrong[k]);
      MUST(buf_put(&bent, s.log.data, s.log.len));
      memcpy(bent.data + at, w.b, sizeof w.b);
      if (proposal_read(&p, &calls, buf_bytes(&bent), NULL) != OK)
        continue;
      ck_assert_int_eq(word_compare(&p.id, &s.p.id), 0);
      ck_assert(bytes_equal(p.description, s.p.description));
      ck_assert(bytes_equal(p.calls[0].data, s.calls[0].data));
    }
  sample_done(&s);
}
END_TEST

TCase *test_governor(void)
{
  TCase *t = tcase_create("governor");
  tcase_add_test(t, test_proposal_read);
  tcase_add_test(t, test_proposal_refused);
  return t;
}
