/* SPDX-License-Identifier: Apache-2.0
 * The swarm: command line, model, invites, enrolment, threads. One round is in
 * swarm_round.c. */
#include "swarm.h"

#include <getopt.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clients/lib/work.h"
#include "model/net.h"
#include "util/field.h"
#include "util/text.h"

static const char help[] =
    "swarm --server ADDRESS --model SLUG [--n N] [options]\n"
    "  --token-file FILE   an administrator's token: the swarm makes invites, opens "
    "rounds\n"
    "  --invites FILE      or a file of invite links, one a line\n"
    "  --spec FILE         create the model from this description first\n"
    "  --data FILE.csv     train on shards of this file; else random updates\n"
    "  --rounds N          one after the other (1)\n"
    "  --threads N         (2)\n"
    "  --no-open           somebody else opens the rounds\n"
    "  --drop-join K --drop-share K --drop-upload K --drop-unmask K\n"
    "                      so many fall silent before that message\n"
    "  --rpc URL[,URL]    where the instance has a chain\n"
    "  --trust-simulated-chain\n"
    "Prints one JSON object a round; exits with 0 when every sum was exact.\n";

double seconds_now(void)
{
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- threads ---- */

struct run {
  struct swarm *s;
  swarm_job job;
  unsigned count;
  atomic_uint next;
  pthread_mutex_t lock;
  enum err e;
  struct why why;
};

struct worker {
  struct run *run;
  unsigned thread;
  pthread_t id;
};

static void *work_loop(void *arg)
{
  struct worker *w = arg;
  struct run *r = w->run;
  for (unsigned i; (i = atomic_fetch_add(&r->next, 1)) < r->count;) {
    struct why why = {0};
    enum err e = r->job(r->s, w->thread, i, &why);
    if (e == OK)
      continue;
    pthread_mutex_lock(&r->lock);
    if (r->e == OK) {
      r->e = e;
      r->why = why;
    }
    pthread_mutex_unlock(&r->lock);
    atomic_store(&r->next, r->count);
  }
  return NULL;
}

enum err swarm_run(struct swarm *s, unsigned count, swarm_job job, struct why *why)
{
  struct run r = {.s = s, .job = job, .count = count, .lock = PTHREAD_MUTEX_INITIALIZER};
  struct worker workers[THREADS_MAX];
  unsigned started = 0;
  for (unsigned t = 0; t < s->o.threads; t++) {
    workers[t] = (struct worker){.run = &r, .thread = t};
    if (pthread_create(&workers[t].id, NULL, work_loop, &workers[t]) != 0)
      break;
    started++;
  }
  for (unsigned t = 0; t < started; t++)
    pthread_join(workers[t].id, NULL);
  if (r.e != OK)
    *why = r.why;
  return started ? r.e : E_INTERNAL;
}

/* ---- model, invites, enrolment ---- */

static enum err create_model(struct swarm *s, struct why *why)
{
  AUTO(buf_done) struct buf text = {0};
  AUTO(json_drop) json_t *spec = NULL, *reply = NULL;
  TRY(work_read_file(&text, s->o.spec, SPEC_BYTES_MAX, why));
  TRY(json_parse(&spec, buf_bytes(&text), SPEC_BYTES_MAX, why));
  AUTO(json_drop)
  json_t *body = json_pack("{s:s,s:O}", "model", s->o.model, "spec", spec);
  return api_admin(&s->api[0], "POST", "models", body, true, &reply, why);
}

static enum err fetch_spec(struct swarm *s, struct why *why)
{
  AUTO(buf_done) struct buf text = {0};
  TRY(api_spec(&s->api[0], s->o.model, 0, &text, why));
  return spec_parse(&s->spec, buf_bytes(&text), why);
}

static enum err make_invites(struct swarm *s, struct why *why)
{
  for (unsigned have = 0; have < s->o.n;) {
    AUTO(json_drop) json_t *reply = NULL;
    AUTO(json_drop)
    json_t *body =
        json_pack("{s:s,s:n,s:i,s:i,s:b}", "model", s->o.model, "organisation", "count",
                  (int)MIN(500, s->o.n - have), "expires_in", 3600, "admit", 1);
    size_t i;
    json_t *invite;
    TRY(api_admin(&s->api[0], "POST", "invites", body, true, &reply, why));
    json_array_foreach (json_object_get(reply, "invites"), i, invite) {
      const char *link = json_string_value(json_object_get(invite, "link"));
      if (link && have < s->o.n)
        s->links[have++] = must_strdup(link);
    }
    if (i == 0)
      return why_set(why, E_REPLY, "invites", "none were made");
  }
  return OK;
}

static enum err read_invites(struct swarm *s, struct why *why)
{
  AUTO(buf_done) struct buf text = {0};
  unsigned have = 0;
  char *save = NULL;
  TRY(work_read_file(&text, s->o.invites, (size_t)16 << 20, why));
  for (char *line = strtok_r((char *)text.data, "\r\n", &save); line && have < s->o.n;
       line = strtok_r(NULL, "\r\n", &save))
    s->links[have++] = must_strdup(line);
  if (have < s->o.n)
    return why_set(why, E_INVITE, s->o.invites, "holds %u links, %u are needed", have,
                   s->o.n);
  return OK;
}

static enum err enroll(struct swarm *s, unsigned thread, unsigned i, struct why *why)
{
  struct invite_link link;
  struct singer *one = &s->singers[i];
  uint8_t invite[32], salt[16] = {0};
  char name[32];
  struct digest hash;
  bool admitted;
  AUTO(json_drop) json_t *receipt = NULL;
  AUTO(buf_done) struct buf salted = {0};
  TRY(link_parse(&link, s->links[i], why));
  identity_make(&one->self.id, &one->self.key);
  snprintf(name, sizeof name, "Singer %u", i + 1);
  crypto_auth_hmacsha256_state mac;
  crypto_auth_hmacsha256_init(&mac, link.code, sizeof link.code);
  crypto_auth_hmacsha256_update(&mac, one->self.id.b, 32);
  crypto_auth_hmacsha256_final(&mac, invite);
  TRY(buf_put(&salted, salt, sizeof salt));
  TRY(buf_puts(&salted, name));
  crypto_hash_sha256(hash.b, salted.data, salted.len);
  one->enroll = message_start("enroll", &s->pin.hash, NULL, NULL, &one->self.id);
  json_object_set_new(one->enroll, "organisation", json_hex(link.organisation.b, 16));
  json_object_set_new(one->enroll, "payout", json_null());
  json_object_set_new(one->enroll, "invite", json_hex(invite, 32));
  json_object_set_new(one->enroll, "name", json_hex(hash.b, 32));
  TRY(event_sign(one->enroll, &one->self.key));
  TRY(api_enroll(&s->api[thread], one->enroll, name, salt, &receipt, &admitted, why));
  if (!admitted)
    return why_set(why, E_NOT_ADMITTED, "invite", "does not admit at once");
  return OK;
}

/* Every n-th row to each. */
static enum err deal_rows(struct swarm *s, struct why *why)
{
  AUTO(dataset_drop) struct dataset *all = NULL;
  TRY(work_dataset(&all, s->spec, s->o.data, DATASET_TRAIN, why));
  if (all->rows < s->o.n)
    return why_set(why, E_CSV, s->o.data, "has fewer rows than there are participants");
  AUTO(free_drop) size_t *rows = must_calloc(all->rows, sizeof *rows);
  for (unsigned i = 0; i < s->o.n; i++) {
    size_t len = 0;
    for (size_t r = i; r < all->rows; r += s->o.n)
      rows[len++] = r;
    s->singers[i].rows = dataset_take(all, rows, len);
  }
  return OK;
}

static enum err connect_all(struct swarm *s, struct why *why)
{
  if (s->o.token_file)
    TRY(work_read_file(&s->token, s->o.token_file, 4096, why));
  while (s->token.len && strchr(" \r\n", s->token.data[s->token.len - 1]))
    s->token.data[--s->token.len] = '\0';
  for (unsigned t = 0; t < s->o.threads; t++) {
    struct http_options o = {.address = s->o.server, .patience = 60};
    TRY(http_new(&s->api[t].http, &o, why));
    s->api[t].token = s->token.len ? buf_text(&s->token) : NULL;
  }
  AUTO(json_drop) json_t *event = NULL;
  TRY(api_instance(&s->api[0], &event, why));
  TRY(instance_parse(&s->pin.instance, event, why));
  TRY(event_verify(event, "instance", &s->pin.instance.coordinator, why));
  TRY(event_hash(&s->pin.hash, event));
  s->pin.event = STEAL(event);
  for (unsigned t = 0; t < s->o.threads; t++) {
    s->api[t].pinned = true;
    s->api[t].instance = s->pin.hash;
    s->api[t].coordinator = s->pin.instance.coordinator;
  }
  hex_encode(s->pin.hex, s->pin.hash.b, sizeof s->pin.hash.b);
  if (chain_view_needed(&s->pin))
    TRY(chain_view_open(&s->view, NULL, &s->pin, s->o.rpc, why));
  if (s->pin.instance.simulated && !s->o.trust_simulated)
    return why_set(why, E_CONSENT, "instance", "--trust-simulated-chain");
  return OK;
}

static enum err play(struct swarm *s, struct why *why)
{
  s->singers = must_calloc(s->o.n, sizeof *s->singers);
  s->links = must_calloc(s->o.n, sizeof *s->links);
  TRY(connect_all(s, why));
  if (s->o.spec)
    TRY(create_model(s, why));
  TRY(fetch_spec(s, why));
  if (s->o.data)
    TRY(deal_rows(s, why));
  else if (s->spec->kind != SPEC_VECTOR)
    return why_set(why, E_USAGE, "--data", "is needed for a model that learns from rows");
  TRY(s->o.invites ? read_invites(s, why) : make_invites(s, why));
  double start = seconds_now();
  TRY(swarm_run(s, s->o.n, enroll, why));
  double enrolled = seconds_now() - start;
  for (unsigned r = 0; r < s->o.rounds; r++) {
    AUTO(json_drop) json_t *report = NULL;
    TRY(swarm_round(s, &report, why));
    json_object_set_new(report, "enroll_s", json_real(enrolled));
    json_dumpf(report, stdout, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(6));
    putchar('\n');
    fflush(stdout);
  }
  return OK;
}

static void swarm_done(struct swarm *s)
{
  for (unsigned i = 0; s->singers && i < s->o.n; i++) {
    json_decref(s->singers[i].enroll);
    party_free(s->singers[i].party);
    dataset_free(s->singers[i].rows);
    free(s->links[i]);
  }
  free(s->singers);
  free(s->links);
  for (unsigned t = 0; t < THREADS_MAX; t++) {
    api_done(&s->api[t]);
    free(s->plain[t]);
  }
  state_done(&s->state);
  round_free(s->round);
  free(s->base);
  json_decref(s->shares);
  json_decref(s->updates);
  spec_free(s->spec);
  chain_view_done(&s->view);
  pin_done(&s->pin);
  buf_done(&s->token);
}

/* ---- the command line ---- */

enum {
  O_SERVER = 1,
  O_MODEL,
  O_TOKEN,
  O_INVITES,
  O_SPEC,
  O_DATA,
  O_N,
  O_ROUNDS,
  O_THREADS,
  O_NO_OPEN,
  O_DROP_JOIN,
  O_DROP_SHARE,
  O_DROP_UPLOAD,
  O_DROP_UNMASK,
  O_TRUST,
  O_RPC
};

static void read_one(struct swarm_options *o, int option, const char *value)
{
  const struct {
    int option;
    const char **text;
    unsigned *number;
    bool *flag;
  } table[] = {
      {O_SERVER, &o->server, NULL, NULL},
      {O_MODEL, &o->model, NULL, NULL},
      {O_TOKEN, &o->token_file, NULL, NULL},
      {O_INVITES, &o->invites, NULL, NULL},
      {O_SPEC, &o->spec, NULL, NULL},
      {O_RPC, &o->rpc, NULL, NULL},
      {O_DATA, &o->data, NULL, NULL},
      {O_N, NULL, &o->n, NULL},
      {O_ROUNDS, NULL, &o->rounds, NULL},
      {O_THREADS, NULL, &o->threads, NULL},
      {O_NO_OPEN, NULL, NULL, &o->no_open},
      {O_DROP_JOIN, NULL, &o->drop_join, NULL},
      {O_DROP_SHARE, NULL, &o->drop_share, NULL},
      {O_DROP_UPLOAD, NULL, &o->drop_upload, NULL},
      {O_DROP_UNMASK, NULL, &o->drop_unmask, NULL},
      {O_TRUST, NULL, NULL, &o->trust_simulated},
  };
  for (size_t i = 0; i < LENGTH(table); i++) {
    if (table[i].option != option)
      continue;
    if (table[i].text)
      *table[i].text = value;
    else if (table[i].number)
      *table[i].number = (unsigned)strtoul(value, NULL, 10);
    else
      *table[i].flag = true;
  }
}

static bool read_options(struct swarm_options *o, int argc, char **argv)
{
  static const struct option rows[] = {{"server", 1, NULL, O_SERVER},
                                       {"model", 1, NULL, O_MODEL},
                                       {"token-file", 1, NULL, O_TOKEN},
                                       {"invites", 1, NULL, O_INVITES},
                                       {"spec", 1, NULL, O_SPEC},
                                       {"rpc", 1, NULL, O_RPC},
                                       {"data", 1, NULL, O_DATA},
                                       {"n", 1, NULL, O_N},
                                       {"rounds", 1, NULL, O_ROUNDS},
                                       {"threads", 1, NULL, O_THREADS},
                                       {"no-open", 0, NULL, O_NO_OPEN},
                                       {"drop-join", 1, NULL, O_DROP_JOIN},
                                       {"drop-share", 1, NULL, O_DROP_SHARE},
                                       {"drop-upload", 1, NULL, O_DROP_UPLOAD},
                                       {"drop-unmask", 1, NULL, O_DROP_UNMASK},
                                       {"trust-simulated-chain", 0, NULL, O_TRUST},
                                       {NULL, 0, NULL, 0}};
  *o = (struct swarm_options){.n = 3, .rounds = 1, .threads = 2};
  for (int c; (c = getopt_long(argc, argv, "", rows, NULL)) != -1;) {
    if (c == '?')
      return false;
    read_one(o, c, optarg);
  }
  unsigned dropped = o->drop_join + o->drop_share + o->drop_upload + o->drop_unmask;
  return o->server && o->model && optind == argc && o->n >= 3 && dropped < o->n &&
         o->threads >= 1 && o->threads <= THREADS_MAX && o->rounds >= 1 &&
         (o->token_file || (o->invites && o->no_open));
}

int main(int argc, char **argv)
{
  struct swarm s = {0};
  struct why why = {0};
  if (sodium_init() < 0 || http_init() != OK)
    return 1;
  model_init();
  if (!read_options(&s.o, argc, argv)) {
    fputs(help, stderr);
    return 2;
  }
  enum err e = play(&s, &why);
  if (e != OK)
    fprintf(stderr, "swarm: %s %s: %s\n", err_info(e)->name, why.field, why.detail);
  swarm_done(&s);
  return e == OK ? 0 : 1;
}
