/* SPDX-License-Identifier: Apache-2.0
 * Runs the suites of src/model. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "model/net.h"
#include "test_model.h"
#include "util/field.h"

struct buf source_file(const char *path)
{
  char full[4096];
  const char *root = getenv("CHORUS_SRCDIR");
  struct buf b = {0};
  snprintf(full, sizeof full, "%s/%s", root ? root : ".", path);
  FILE *f = fopen(full, "rb");
  ck_assert_msg(f != NULL, "%s", full);
  uint8_t block[65536];
  for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
    ck_assert_int_eq(buf_put(&b, block, n), OK);
  fclose(f);
  return b;
}

json_t *source_json(const char *path)
{
  AUTO(buf_done) struct buf b = source_file(path);
  json_t *root = json_loadb((const char *)b.data, b.len, JSON_REJECT_DUPLICATES, NULL);
  ck_assert_msg(root != NULL, "%s", path);
  return root;
}

struct spec *example_spec(const char *name)
{
  char path[128];
  snprintf(path, sizeof path, "tests/data/%s.spec.json", name);
  return spec_of(source_json(path));
}

struct spec *spec_of(json_t *root)
{
  struct spec *s = NULL;
  struct why why = {0};
  char *text = json_dumps(root, 0);
  enum err e = spec_parse(&s, BYTES(text, strlen(text)), &why);
  ck_assert_msg(e == OK, "%s %s: %s", err_info(e)->name, why.field, why.detail);
  free(text);
  json_decref(root);
  return s;
}

static json_t *quoted(const char *text)
{
  char *copy = must_strdup(text);
  for (char *p = copy; *p; p++)
    if (*p == '\'')
      *p = '"';
  json_error_t bad;
  json_t *v = json_loads(copy, JSON_DECODE_ANY, &bad);
  ck_assert_msg(v != NULL, "%s: %s", copy, bad.text);
  free(copy);
  return v;
}

json_t *spec_with(const char *more)
{
  json_t *root = quoted(
      "{'name':'Grüße','purpose':'p','consent':'c','kind':'logistic',"
      "'features':[{'name':'a','type':'numeric','minimum':'0','maximum':'10'},"
      "{'name':'b','type':'numeric','mean':'5','deviation':'2'},"
      "{'name':'sex','type':'categorical','values':['m','w','x']}],"
      "'target':{'name':'t','type':'categorical','values':['no','yes']},"
      "'training':{'epochs':5,'batch':4,'rate':'0.1','l2':'0','optimiser':'sgd'},"
      "'quantisation':{'bits':16,'range':'0.5','clip':'2','weight_cap':1000},"
      "'ring_bits':32,'cohort':{'minimum':3,'maximum':10,'corrupt_bp':1000,"
      "'dropout_bp':1000},'deadlines':{'join':60,'share':60,'upload':600,'unmask':60},"
      "'server':{'kind':'fedavg','rate':'1'},'reward':{'scheme':'none','budget':'0'}}");
  json_t *extra = quoted(more), *value;
  const char *name;
  json_object_foreach (extra, name, value) {
    if (json_is_null(value))
      json_object_del(root, name);
    else
      json_object_set(root, name, value);
  }
  json_decref(extra);
  return root;
}

int main(void)
{
  if (sodium_init() < 0)
    return 1;
  model_init();
  Suite *s = suite_create("model");
  suite_add_tcase(s, test_spec());
  suite_add_tcase(s, test_schema());
  suite_add_tcase(s, test_dataset());
  suite_add_tcase(s, test_net());
  suite_add_tcase(s, test_metrics());
  suite_add_tcase(s, test_optimiser());
  suite_add_tcase(s, test_outlook());
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
