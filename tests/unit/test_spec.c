/* SPDX-License-Identifier: Apache-2.0
 * Specs: what is accepted, what is refused and where, canonical bytes, tail, overflow. */
#include <string.h>

#include "test_model.h"
#include "util/field.h"
#include "util/text.h"

/* The hashes come from an independent program, tests/vectors/model.py. */
START_TEST(examples)
{
  AUTO(json_drop) json_t *golden = source_json("tests/vectors/spec.json");
  const char *name;
  json_t *want;
  ck_assert_uint_eq(json_object_size(golden), 4);
  json_object_foreach (golden, name, want) {
    AUTO(spec_drop) struct spec *s = example_spec(name);
    char hex[65];
    ck_assert_str_eq(hex_encode(hex, s->hash.b, 32),
                     json_string_value(json_object_get(want, "hash")));
    ck_assert_str_eq(buf_text(&s->canonical),
                     json_string_value(json_object_get(want, "canonical")));
    ck_assert_int_eq((json_int_t)s->d, json_integer_value(json_object_get(want, "d")));
    AUTO(json_drop) json_t *tail = spec_tail_json(s);
    ck_assert(json_equal(tail, json_object_get(want, "tail")));
  }
}
END_TEST

START_TEST(members)
{
  AUTO(spec_drop)
  struct spec *s = spec_of(
      spec_with("{'kind':'mlp','hidden':[7,3],'missing':'?','groups':[{'name':'women',"
                "'feature':'sex','values':['w','x']}],'positive':'yes','holdout':true,"
                "'server':{'kind':'fedyogi','rate':'0.5','beta1':'0.9','beta2':'0.99',"
                "'epsilon':'0.001'},'reward':{'scheme':'samples','budget':'"
                "1000000000000000000'}}"));
  ck_assert_int_eq(s->kind, SPEC_MLP);
  ck_assert_uint_eq(s->inputs, 5);
  ck_assert_uint_eq(s->outputs, 2);
  ck_assert_uint_eq(s->layer_count, 3);
  ck_assert_uint_eq(s->layers[1].weights, 5 * 7 + 7);
  ck_assert_uint_eq(s->layers[2].biases, 5 * 7 + 7 + 7 * 3 + 3 + 3 * 2);
  ck_assert_uint_eq(s->d, 5 * 7 + 7 + 7 * 3 + 3 + 3 * 2 + 2);
  ck_assert_uint_eq(s->features[2].first, 2);
  ck_assert_uint_eq(s->features[2].width, 3);
  ck_assert(s->features[0].bounded && !s->features[1].bounded);
  ck_assert_double_eq(s->features[0].centre, 5);
  ck_assert_double_eq(s->features[0].scale, 5);
  ck_assert(!s->groups[0].member[0] && s->groups[0].member[1] && s->groups[0].member[2]);
  ck_assert_uint_eq(s->positive, 1);
  ck_assert_str_eq(s->missing, "?");
  ck_assert(s->holdout);
  ck_assert_int_eq(s->optimiser.kind, OPTIMISER_FEDYOGI);
  ck_assert_double_eq(s->optimiser.beta2, 0.99);
  ck_assert_int_eq(s->optimiser.quantum, 32767);
  ck_assert_int_eq(s->reward.scheme, REWARD_SAMPLES);
  ck_assert(!s->audit_members && s->audit_window == 604800);
  ck_assert_uint_eq(s->tail_count, 9);
  ck_assert_int_eq(s->tail[5].kind, TAIL_TRUE_POSITIVE);
  ck_assert_str_eq(s->tail[5].name, "women");
  ck_assert_uint_eq(spec_weight(s, 12), 12);
  ck_assert_uint_eq(spec_weight(s, 5000), 1000);
}
END_TEST

#define VECTOR                                                                           \
  "'kind':'vector','features':null,'target':null,'training':null,'dimension':1000000"

START_TEST(vector)
{
  AUTO(spec_drop) struct spec *s = spec_of(spec_with("{" VECTOR "}"));
  ck_assert_uint_eq(s->d, 1000000);
  ck_assert_uint_eq(s->tail_count, 1);
  ck_assert_int_eq(s->tail[0].kind, TAIL_WEIGHT);
  ck_assert_uint_eq(s->tail[0].max, 1000);
  ck_assert_uint_eq(s->layer_count, 0);
}
END_TEST

#define PAYOUT(mode, threshold, every)                                                   \
  "{'reward':{'scheme':'equal','budget':'5','payout':{'mode':'" mode                     \
  "','threshold':'" threshold "','every':" every "}}}"

/* What one change makes of a good spec. */
static const struct {
  const char *more;
  enum err e;
  const char *field;
} refusals[] = {
    {"{'nmae':'x'}", E_FIELD_UNKNOWN, "nmae"},
    {"{'name':null}", E_FIELD_MISSING, "name"},
    {"{'name':7}", E_FIELD_TYPE, "name"},
    {"{'purpose':'two\\nlines'}", E_FIELD_VALUE, "purpose"},
    {"{'consent':'del \\u007f'}", E_FIELD_VALUE, "consent"},
    {"{'kind':'forest'}", E_FIELD_VALUE, "kind"},
    {"{'features':null}", E_FIELD_MISSING, "features"},
    {"{'features':[]}", E_FIELD_VALUE, "features"},
    {"{'features':[7]}", E_FIELD_TYPE, "features[0]"},
    {"{'features':[{'name':'a'}]}", E_FIELD_MISSING, "features[0].type"},
    {"{'features':[{'name':'a','type':'text'}]}", E_FIELD_VALUE, "features[0].type"},
    {"{'features':[{'name':'a','type':'numeric'}]}", E_SPEC, "features[0].minimum"},
    {"{'features':[{'name':'a','type':'numeric','minimum':'1'}]}", E_SPEC,
     "features[0].maximum"},
    {"{'features':[{'name':'a','type':'numeric','minimum':'2','maximum':'1'}]}", E_SPEC,
     "features[0].minimum"},
    {"{'features':[{'name':'a','type':'numeric','minimum':1,'maximum':'2'}]}",
     E_FIELD_TYPE, "features[0].minimum"},
    {"{'features':[{'name':'a','type':'numeric','minimum':'1.0','maximum':'2'}]}",
     E_FIELD_VALUE, "features[0].minimum"},
    {"{'features':[{'name':'a','type':'numeric','mean':'1','deviation':'0'}]}", E_SPEC,
     "features[0].deviation"},
    {"{'features':[{'name':'a','type':'numeric','mean':'1','deviation':'1','minimum':"
     "'1'}]}",
     E_SPEC, "features[0].mean"},
    {"{'features':[{'name':'a','type':'categorical','values':['u','v','u']}]}", E_SPEC,
     "features[0].values[2]"},
    {"{'features':[{'name':'a','type':'categorical','values':['u',3]}]}", E_FIELD_TYPE,
     "features[0].values[1]"},
    {"{'features':[{'name':'a','type':'categorical','values':['u','tab\\t']}]}",
     E_FIELD_VALUE, "features[0].values[1]"},
    {"{'features':[{'name':'a','type':'numeric','mean':'1','deviation':'1'},"
     "{'name':'a','type':'numeric','mean':'1','deviation':'1'}]}",
     E_SPEC, "features[1].name"},
    {"{'target':{'name':'a','type':'categorical','values':['no','yes']}}", E_SPEC,
     "target.name"},
    {"{'target':{'name':'t','type':'categorical','values':['no']}}", E_FIELD_VALUE,
     "target.values"},
    {"{'target':{'name':'t','type':'numeric','mean':'0','deviation':'1'}}", E_SPEC,
     "target.type"},
    {"{'kind':'linear'}", E_SPEC, "target.type"},
    {"{'missing':'w'}", E_SPEC, "features[2].values[1]"},
    {"{'missing':'yes'}", E_SPEC, "target.values[1]"},
    {"{'hidden':[3]}", E_SPEC, "hidden"},
    {"{'kind':'mlp'}", E_FIELD_MISSING, "hidden"},
    {"{'kind':'mlp','hidden':[]}", E_FIELD_VALUE, "hidden"},
    {"{'kind':'mlp','hidden':[3,0]}", E_FIELD_VALUE, "hidden[1]"},
    {"{'kind':'mlp','hidden':['3']}", E_FIELD_TYPE, "hidden[0]"},
    {"{'kind':'mlp','hidden':[65536,65536]}", E_SPEC, "hidden[1]"},
    {"{'dimension':3}", E_SPEC, "dimension"},
    {"{'kind':'vector'}", E_SPEC, "features"},
    {"{" VECTOR ",'missing':''}", E_SPEC, "missing"},
    {"{" VECTOR ",'dimension':0}", E_FIELD_VALUE, "dimension"},
    {"{'training':null}", E_FIELD_MISSING, "training"},
    {"{'training':{'epochs':5,'batch':4,'rate':'0','l2':'0','optimiser':'sgd'}}",
     E_FIELD_VALUE, "training.rate"},
    {"{'training':{'epochs':5,'batch':4,'rate':'1','l2':'0','optimiser':'lbfgs'}}",
     E_FIELD_VALUE, "training.optimiser"},
    {"{'groups':[{'name':'g','feature':'sex','values':['w']}]}", E_FIELD_MISSING,
     "positive"},
    {"{'positive':'yes'}", E_SPEC, "positive"},
    {"{'groups':[{'name':'g','feature':'sex','values':['w']}],'positive':'maybe'}",
     E_SPEC, "positive"},
    {"{'groups':[{'name':'g','feature':'a','values':['w']}],'positive':'yes'}", E_SPEC,
     "groups[0].feature"},
    {"{'groups':[{'name':'g','feature':'age','values':['w']}],'positive':'yes'}", E_SPEC,
     "groups[0].feature"},
    {"{'groups':[{'name':'g','feature':'sex','values':['q']}],'positive':'yes'}", E_SPEC,
     "groups[0].values[0]"},
    {"{'groups':[{'name':'é','feature':'sex','values':['w']}],'positive':'yes'}", E_SPEC,
     "groups[0].name"},
    {"{'quantisation':{'bits':32,'range':'1','clip':'1','weight_cap':1}}", E_FIELD_VALUE,
     "quantisation.bits"},
    {"{'quantisation':{'bits':16,'range':'0','clip':'1','weight_cap':1}}", E_FIELD_VALUE,
     "quantisation.range"},
    {"{'quantisation':{'bits':16,'range':'1','clip':'-1','weight_cap':1}}", E_FIELD_VALUE,
     "quantisation.clip"},
    {"{'ring_bits':33}", E_FIELD_VALUE, "ring_bits"},
    {"{'ring_bits':24}", E_OVERFLOW, "ring_bits"},
    {"{'cohort':{'minimum':2,'maximum':9,'corrupt_bp':0,'dropout_bp':0}}", E_FIELD_VALUE,
     "cohort.minimum"},
    {"{'cohort':{'minimum':9,'maximum':8,'corrupt_bp':0,'dropout_bp':0}}", E_SPEC,
     "cohort.minimum"},
    {"{'cohort':{'minimum':3,'maximum':8,'corrupt_bp':5000,'dropout_bp':4001}}", E_SPEC,
     "cohort.dropout_bp"},
    {"{'deadlines':{'join':60,'share':60,'upload':600}}", E_FIELD_MISSING,
     "deadlines.unmask"},
    {"{'server':{'kind':'sgd','rate':'1'}}", E_FIELD_VALUE, "server.kind"},
    {"{'server':{'rate':'1'}}", E_FIELD_MISSING, "server.kind"},
    {"{'server':{'kind':'fedavg','rate':'1','momentum':'0.9'}}", E_FIELD_UNKNOWN,
     "server.momentum"},
    {"{'server':{'kind':'fedavgm','rate':'1','momentum':'1'}}", E_FIELD_VALUE,
     "server.momentum"},
    {"{'reward':{'scheme':'none','budget':'5'}}", E_SPEC, "reward.budget"},
    {"{'reward':{'scheme':'equal','budget':'05'}}", E_FIELD_VALUE, "reward.budget"},
    {"{'reward':{'scheme':'samples','budget':'5'},'training':{'epochs':5,'batch':4,"
     "'rate':'0.1','l2':'0','optimiser':'sgd','weight':'equal'}}",
     E_SPEC, "reward.scheme"},
    {"{'reward':{'scheme':'equal','budget':'"
     "1000000000000000000000000000000000000000000000000000000000000'}}",
     E_FIELD_VALUE, "reward.budget"}, /* 10^60 */
    {"{'reward':{'scheme':'none','budget':'0','payout':'push'}}", E_FIELD_TYPE,
     "reward.payout"},
    {PAYOUT("pull", "0", "1"), E_FIELD_VALUE, "reward.payout.mode"},
    {PAYOUT("push", "01", "1"), E_FIELD_VALUE, "reward.payout.threshold"},
    {PAYOUT("push", "-1", "1"), E_FIELD_VALUE, "reward.payout.threshold"},
    {PAYOUT("push", "0", "0"), E_FIELD_VALUE, "reward.payout.every"},
    {PAYOUT("push", "0", "1001"), E_FIELD_VALUE, "reward.payout.every"},
    {PAYOUT("push", "0", "1,'more':1"), E_FIELD_UNKNOWN, "reward.payout.more"},
    {"{'reward':{'scheme':'none','budget':'0','payout':{'mode':'push','every':1}}}",
     E_FIELD_MISSING, "reward.payout.threshold"},
    {"{'audit':{'audience':'nobody','window':5}}", E_FIELD_VALUE, "audit.audience"},
    {"{'audit':{'audience':'public','window':315360001}}", E_FIELD_VALUE, "audit.window"},
    {"{'audit':{'audience':'members'}}", E_FIELD_MISSING, "audit.window"},
    {"{'holdout':'yes'}", E_FIELD_TYPE, "holdout"},
};

START_TEST(refused)
{
  AUTO(json_drop) json_t *root = spec_with(refusals[_i].more);
  AUTO(free_drop) char *text = json_dumps(root, 0);
  struct spec *s = NULL;
  struct why why = {0};
  enum err e = spec_parse(&s, BYTES(text, strlen(text)), &why);
  ck_assert_msg(e == refusals[_i].e && strcmp(why.field, refusals[_i].field) == 0,
                "%s: %s %s %s", refusals[_i].more, err_info(e)->name, why.field,
                why.detail);
  ck_assert_ptr_null(s);
}
END_TEST

START_TEST(not_json)
{
  static const char *const texts[] = {
      "", "{", "[]", "{} {}", "{\"a\":1,\"a\":2}", "{\"name\":\"\xff\"}"};
  for (size_t i = 0; i < LENGTH(texts); i++) {
    struct spec *s = NULL;
    ck_assert_int_eq(spec_parse(&s, BYTES(texts[i], strlen(texts[i])), NULL), E_JSON);
  }
}
END_TEST

/* Order and white space of the text do not matter, every value does. */
START_TEST(canonical)
{
  AUTO(json_drop) json_t *root = spec_with("{}");
  AUTO(free_drop) char *loose = json_dumps(root, JSON_INDENT(3) | JSON_ENSURE_ASCII);
  AUTO(free_drop) char *tight = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
  AUTO(spec_drop) struct spec *a = NULL, *b AUTO(spec_drop) = NULL;
  ck_assert_int_eq(spec_parse(&a, BYTES(loose, strlen(loose)), NULL), OK);
  ck_assert_str_eq(buf_text(&a->canonical), tight);
  ck_assert_int_eq(spec_parse(&b, buf_bytes(&a->canonical), NULL), OK);
  ck_assert_mem_eq(a->hash.b, b->hash.b, 32);
  AUTO(spec_drop) struct spec *c = spec_of(spec_with("{'name':'Grusse'}"));
  ck_assert_mem_ne(a->hash.b, c->hash.b, 32);
}
END_TEST

/* The widest that fits and the narrowest that does not, on both sides of 2^(b-1). */
START_TEST(overflow)
{
  static const struct {
    const char *more;
    enum err e;
  } cases[] = {
      /* 3 * 1 * 127 = 381; 2^15 */
      {"{'ring_bits':16,'cohort':{'minimum':3,'maximum':3,'corrupt_bp':0,'dropout_bp':0}"
       ",'quantisation':{'bits':8,'range':'1','clip':'1','weight_cap':86}}",
       OK}, /* 32766 */
      {"{'ring_bits':16,'cohort':{'minimum':3,'maximum':4,'corrupt_bp':0,'dropout_bp':0}"
       ",'quantisation':{'bits':8,'range':'1','clip':'1','weight_cap':65}}",
       E_OVERFLOW}, /* 33020 */
      /* 2^14 * 1e9 * (2^30 - 1) is about 2^74: only 128 bits tell */
      {"{'ring_bits':64,'cohort':{'minimum':3,'maximum':16384,'corrupt_bp':0,"
       "'dropout_bp':0},'quantisation':{'bits':31,'range':'1','clip':'1',"
       "'weight_cap':1000000000}}",
       E_OVERFLOW},
      {"{'ring_bits':64,'cohort':{'minimum':3,'maximum':8,'corrupt_bp':0,"
       "'dropout_bp':0},'quantisation':{'bits':31,'range':'1','clip':'1',"
       "'weight_cap':1000000000}}",
       OK},
  };
  for (size_t i = 0; i < LENGTH(cases); i++) {
    AUTO(json_drop) json_t *root = spec_with(cases[i].more);
    AUTO(free_drop) char *text = json_dumps(root, 0);
    AUTO(spec_drop) struct spec *s = NULL;
    struct why why = {0};
    enum err e = spec_parse(&s, BYTES(text, strlen(text)), &why);
    ck_assert_msg(e == cases[i].e, "%zu: %s %s", i, err_info(e)->name, why.detail);
    if (e == E_OVERFLOW)
      ck_assert_str_eq(why.field, "ring_bits");
  }
}
END_TEST

/* The tail's maxima are made to fit, and spec_check_overflow notices when they do not. */
START_TEST(tail_fits)
{
  AUTO(spec_drop)
  struct spec *s = spec_of(spec_with("{'ring_bits':16,'quantisation':{'bits':4,'range':'"
                                     "1','clip':'1','weight_cap':9}}"));
  ck_assert_uint_eq(s->tail[1].max, 3276);
  ck_assert_uint_eq(s->tail[2].max, 3276);
  ck_assert_int_eq(spec_check_overflow(s, NULL), OK);
  s->tail[2].max = 3277;
  ck_assert_int_eq(spec_check_overflow(s, NULL), E_OVERFLOW);
}
END_TEST

/* The members that a round adds make an event that the core takes, for every example. */
START_TEST(open_parses)
{
  static const char *const names[] = {"iris", "breast_cancer", "german_credit", "digits"};
  static const uint8_t zero[64] = {0};
  for (size_t i = 0; i < LENGTH(names); i++) {
    AUTO(spec_drop) struct spec *s = example_spec(names[i]);
    AUTO(json_drop)
    json_t *open = json_pack(
        "{s:s, s:o, s:o, s:s, s:i, s:i, s:i, s:{s:s, s:o, s:n}, s:i, s:[], s:i}", "type",
        "open", "instance", json_hex(zero, 32), "sig", json_hex(zero, 64), "model", "m",
        "version", 1, "round", 1, "attempt", 1, "base", "source", "init", "sha256",
        json_hex(zero, 32), "event", "beacon_distance", 0, "excluded", "time", 0);
    ck_assert_ptr_nonnull(open);
    spec_open_fill(open, s);
    AUTO(open_drop) struct open_event *o = NULL;
    struct why why = {0};
    enum err e = open_parse(&o, open, false, &why);
    ck_assert_msg(e == OK, "%s %s: %s", err_info(e)->name, why.field, why.detail);
    ck_assert_uint_eq(o->d, s->d);
    ck_assert_uint_eq(o->tail_len, s->tail_count);
    ck_assert_mem_eq(o->spec.b, s->hash.b, 32);
    ck_assert_uint_eq(o->deadline[DEADLINE_UPLOAD], 600);
    ck_assert(!o->audit_members && o->audit_window == 604800);
    ck_assert_int_eq(o->reward.scheme, REWARD_NONE);
  }
}
END_TEST

START_TEST(audit_terms)
{
  AUTO(spec_drop)
  struct spec *s = spec_of(spec_with("{'audit':{'audience':'members','window':0}}"));
  AUTO(json_drop) json_t *open = json_object();
  ck_assert(s->audit_members && s->audit_window == 0);
  spec_open_fill(open, s);
  const json_t *audit = json_object_get(open, "audit");
  bool closed = false;
  uint64_t window = 1;
  ck_assert_int_eq(audit_terms_read(&closed, &window, audit, NULL), OK);
  ck_assert(closed && window == 0);
}
END_TEST

/* How rewards are paid out is a promise of the description, no term of a round. */
START_TEST(payout_terms)
{
  AUTO(spec_drop) struct spec *plain = spec_of(spec_with("{}"));
  ck_assert(plain->payout.mode == PAYOUT_PUSH && plain->payout.every == 1);
  ck_assert_str_eq(plain->payout.threshold, "0");
  AUTO(spec_drop) struct spec *s = spec_of(spec_with(PAYOUT("claim", "70", "4")));
  ck_assert(s->payout.mode == PAYOUT_CLAIM && s->payout.every == 4);
  ck_assert_str_eq(s->payout.threshold, "70");
  ck_assert_int_eq(s->reward.scheme, REWARD_EQUAL);
  AUTO(json_drop) json_t *open = json_object();
  AUTO(json_drop) json_t *want = json_pack("{s:s,s:s}", "scheme", "equal", "budget", "5");
  spec_open_fill(open, s);
  ck_assert(json_equal(json_object_get(open, "reward"), want));
  ck_assert_int_eq(spec_open_check(open, s, NULL), OK);
  json_object_set(open, "reward", json_object_get(s->json, "reward"));
  ck_assert_int_eq(spec_open_check(open, s, NULL), E_SPEC);
}
END_TEST

START_TEST(open_event)
{
  AUTO(spec_drop) struct spec *s = example_spec("digits");
  AUTO(json_drop) json_t *open = json_object();
  struct why why = {0};
  spec_open_fill(open, s);
  ck_assert_int_eq(json_integer_value(json_object_get(open, "d")), 2410);
  ck_assert_str_eq(json_string_value(json_object_get(open, "range")), "2");
  json_object_set_new(open, "round", json_integer(3)); /* others may be there */
  json_object_set_new(json_object_get(open, "optimiser"), "state", json_string("ab"));
  ck_assert_int_eq(spec_open_check(open, s, &why), OK);
  json_object_set_new(json_object_get(open, "optimiser"), "momentum",
                      json_string("0.99"));
  ck_assert_int_eq(spec_open_check(open, s, &why), E_SPEC);
  ck_assert_str_eq(why.field, "optimiser");
  spec_open_fill(open, s);
  json_object_set_new(open, "minimum", json_integer(3));
  ck_assert_int_eq(spec_open_check(open, s, &why), E_SPEC);
  ck_assert_str_eq(why.field, "minimum");
  spec_open_fill(open, s);
  json_object_set_new(json_object_get(open, "audit"), "window", json_integer(0));
  ck_assert_int_eq(spec_open_check(open, s, &why), E_SPEC);
  ck_assert_str_eq(why.field, "audit");
  json_object_del(open, "minimum");
  ck_assert_int_eq(spec_open_check(open, s, &why), E_FIELD_MISSING);
}
END_TEST

TCase *test_spec(void)
{
  TCase *t = tcase_create("spec");
  tcase_add_test(t, examples);
  tcase_add_test(t, members);
  tcase_add_test(t, vector);
  tcase_add_loop_test(t, refused, 0, (int)LENGTH(refusals));
  tcase_add_test(t, not_json);
  tcase_add_test(t, canonical);
  tcase_add_test(t, overflow);
  tcase_add_test(t, tail_fits);
  tcase_add_test(t, open_parses);
  tcase_add_test(t, audit_terms);
  tcase_add_test(t, payout_terms);
  tcase_add_test(t, open_event);
  return t;
}
