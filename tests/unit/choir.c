/* SPDX-License-Identifier: Apache-2.0
 * Participants in memory. */
#include "choir.h"

#include <check.h>
#include <sodium.h>
#include <string.h>

#include "test_client.h"
#include "util/field.h"
#include "util/text.h"

const char choir_small[] =
    "{\"name\":\"Toy\",\"purpose\":\"A test.\",\"consent\":\"None.\",\"kind\":\"vector\","
    "\"dimension\":300,\"quantisation\":{\"bits\":12,\"range\":\"1\",\"clip\":\"9\","
    "\"weight_cap\":10},\"ring_bits\":32,\"cohort\":{\"minimum\":3,\"maximum\":8,"
    "\"corrupt_bp\":1000,\"dropout_bp\":1000},\"deadlines\":{\"join\":60,\"share\":60,"
    "\"upload\":60,\"unmask\":60},\"server\":{\"kind\":\"fedavg\",\"rate\":\"1\"},"
    "\"reward\":{\"scheme\":\"none\",\"budget\":\"0\"}}";
const char choir_large[] =
    "{\"name\":\"Toy\",\"purpose\":\"A test.\",\"consent\":\"None.\",\"kind\":\"vector\","
    "\"dimension\":600000,\"quantisation\":{\"bits\":12,\"range\":\"1\",\"clip\":\"9\","
    "\"weight_cap\":10},\"ring_bits\":32,\"cohort\":{\"minimum\":3,\"maximum\":8,"
    "\"corrupt_bp\":1000,\"dropout_bp\":1000},\"deadlines\":{\"join\":60,\"share\":60,"
    "\"upload\":60,\"unmask\":60},\"server\":{\"kind\":\"fedavg\",\"rate\":\"1\"},"
    "\"reward\":{\"scheme\":\"none\",\"budget\":\"0\"}}";

static const struct enrolment somebody = {"Somebody", NULL, NULL};

static enum err agree(void *arg, const struct spec *s, struct why *why)
{
  ((struct human *)arg)->asked++;
  return OK;
}

static enum err update(void *arg, const struct spec *s, const float *base, struct ring x,
                       struct why *why)
{
  struct human *u = arg;
  int64_t q = quantiser_max(&s->quantiser);
  for (size_t i = 0; i < s->d; i++)
    ring_put(x, i, (int64_t)randombytes_uniform((uint32_t)(2 * q + 1)) - q);
  ring_put(x, s->d, 1);
  u->x_bytes = ring_bytes(x.bits, x.len);
  u->x = must_realloc(u->x, u->x_bytes, 1);
  memcpy(u->x, x.data, u->x_bytes);
  u->trained++;
  return OK;
}

enum err human_start(struct human *u, struct why *why)
{
  struct drive_hooks hooks = {.arg = u, .agree = agree, .update = update};
  char hex[65];
  ck_assert_int_eq(home_open(&u->home, u->folder, true, why), OK);
  ck_assert_int_eq(self_load(&u->self, u->home, why), OK);
  u->api = (struct api){.http = &u->host->http};
  ck_assert_int_eq(
      pin_load(&u->pin, u->home, hex_encode(hex, u->host->instance_hash.b, 32), why), OK);
  TRY(pin_confirm(&u->pin, &u->api, why));
  if (u->node)
    TRY(chain_view_open(&u->view, u->home, &u->pin, u->node->url, why));
  u->options.view = u->node ? &u->view : NULL;
  return drive_new(&u->drive, u->home, &u->self, &u->pin, &u->api, "toy", &u->options,
                   &hooks, why);
}

void human_stop(struct human *u)
{
  drive_free(u->drive);
  u->drive = NULL;
  chain_view_done(&u->view);
  pin_done(&u->pin);
  home_close(u->home);
  u->home = NULL;
}

static void human_init(struct human *u, struct host *host, unsigned number,
                       const struct node *node)
{
  struct why why = {0};
  struct invite_link link = {.address = "http://test", .model = "toy"};
  AUTO(membership_done) struct membership m = {0};
  AUTO(json_drop) json_t *receipt = NULL;
  uint8_t salt[16];
  bool before, admitted;
  *u = (struct human){.host = host, .node = node};
  temporary_make(u->folder);
  link.instance = host->instance_hash;
  link.organisation.b[0] = (uint8_t)number;
  ck_assert_int_eq(home_open(&u->home, u->folder, true, &why), OK);
  ck_assert_int_eq(self_make(&u->self, u->home, &why), OK);
  u->api = (struct api){.http = &host->http};
  ck_assert_int_eq(
      pin_make(&u->pin, u->home, &u->api, link.address, &link.instance, &why), OK);
  ck_assert_int_eq(pin_confirm(&u->pin, &u->api, &why), OK);
  ck_assert_int_eq(
      membership_make(&m, &before, u->home, &u->self, &link, &somebody, &why), OK);
  ck_assert_int_eq(
      hex_decode(salt, 16, json_string_value(json_object_get(m.json, "salt"))), OK);
  ck_assert_int_eq(api_enroll(&u->api, json_object_get(m.json, "event"), "Somebody", salt,
                              &receipt, &admitted, &why),
                   OK);
  json_object_set(m.json, "receipt", receipt);
  ck_assert_int_eq(membership_save(u->home, &m, &why), OK);
  human_stop(u);
  ck_assert_int_eq(human_start(u, &why), OK);
}

static void human_done(struct human *u)
{
  human_stop(u);
  temporary_remove(u->folder);
  free(u->x);
}

enum err human_step(struct human *u, struct drive_report *r, struct why *why)
{
  AUTO(state_done) struct state s = {0};
  TRY(api_newest(&u->api, "toy", 0, NULL, &s, why));
  return drive_step(u->drive, &s, r, why);
}

void human_steps(struct human *u, const char *did)
{
  struct drive_report r;
  struct why why = {0};
  enum err e = human_step(u, &r, &why);
  ck_assert_msg(e == OK, "%s: %s %s", err_info(e)->name, why.field, why.detail);
  ck_assert_int_eq(r.outcome, DRIVE_DID);
  ck_assert_str_eq(r.did, did);
}

static const char *const dids[] = {"joined", "shared", "uploaded", "answered"};

void choir_init_on(struct choir *c, unsigned n, const char *spec, const struct node *node)
{
  char contract[ADDRESS_TEXT] = "0x";
  c->n = n;
  if (node)
    hex_encode(contract + 2, node->registry.b, sizeof node->registry.b);
  host_init(&c->host, spec, node ? contract : NULL, node ? node->chain_id : 0);
  for (unsigned i = 0; i < n; i++)
    human_init(&c->u[i], &c->host, i + 1, node);
}

void choir_init(struct choir *c, unsigned n, const char *spec)
{
  choir_init_on(c, n, spec, NULL);
}

void choir_done(struct choir *c)
{
  for (unsigned i = 0; i < c->n; i++)
    human_done(&c->u[i]);
  host_done(&c->host);
}

void choir_step(struct choir *c, unsigned skip, unsigned phase)
{
  for (unsigned i = skip; i < c->n; i++)
    human_steps(&c->u[i], dids[phase]);
}

void choir_sum_is_exact(struct choir *c, unsigned first)
{
  size_t bytes = c->host.sum.len;
  uint8_t *plain = must_calloc(bytes, 1);
  struct ring acc = {plain, bytes / 4, 32};
  for (unsigned i = first; i < c->n; i++)
    ck_assert_int_eq(ring_add(acc, BYTES(c->u[i].x, c->u[i].x_bytes)), OK);
  ck_assert_mem_eq(plain, c->host.sum.data, bytes);
  free(plain);
}

void human_ends(struct human *u, const char *outcome)
{
  struct drive_report r;
  struct why why = {0};
  char path[160], ctx[65];
  enum err e = human_step(u, &r, &why);
  ck_assert_msg(e == OK, "%s: %s %s", err_info(e)->name, why.field, why.detail);
  ck_assert_int_eq(r.outcome, DRIVE_ENDED);
  ck_assert_str_eq(json_string_value(json_object_get(r.record, "outcome")), outcome);
  hex_encode(ctx, u->host->round->open->ctx.b, 32);
  snprintf(path, sizeof path, "rounds/%s/party.json", ctx);
  ck_assert(!home_has(u->home, path));
  snprintf(path, sizeof path, "rounds/%s/y.bin", ctx);
  ck_assert(!home_has(u->home, path));
}

void choir_round(struct choir *c)
{
  host_open(&c->host, NULL);
  for (unsigned phase = 0; phase < 4; phase++) {
    choir_step(c, 0, phase);
    host_close(&c->host);
  }
  for (unsigned i = 0; i < c->n; i++)
    human_ends(&c->u[i], "done");
}
