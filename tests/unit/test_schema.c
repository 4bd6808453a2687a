/* SPDX-License-Identifier: Apache-2.0
 * docs/spec.schema.json against the example specs, by a validator for exactly those
 * keywords that the schema uses; an unknown keyword fails the test. */
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "test_model.h"
#include "util/field.h"

static const json_t *schema_root;

static bool valid(const json_t *schema, const json_t *v);

static bool type_is(const char *type, const json_t *v)
{
  return strcmp(type, "object") == 0    ? json_is_object(v)
         : strcmp(type, "array") == 0   ? json_is_array(v)
         : strcmp(type, "string") == 0  ? json_is_string(v)
         : strcmp(type, "integer") == 0 ? json_is_integer(v)
         : strcmp(type, "boolean") == 0 ? json_is_boolean(v)
                                        : false;
}

static bool has_all(const json_t *names, const json_t *v)
{
  size_t i;
  json_t *name;
  json_array_foreach (names, i, name)
    if (!json_object_get(v, json_string_value(name)))
      return false;
  return true;
}

static bool properties_fit(const json_t *schema, const json_t *v)
{
  json_t *properties = json_object_get(schema, "properties"), *member;
  bool closed = json_is_false(json_object_get(schema, "additionalProperties"));
  const char *name;
  json_object_foreach ((json_t *)v, name, member) {
    json_t *sub = json_object_get(properties, name);
    if (sub ? !valid(sub, member) : closed)
      return false;
  }
  return true;
}

static size_t count_valid(const json_t *schemas, const json_t *v)
{
  size_t i, n = 0;
  json_t *sub;
  json_array_foreach (schemas, i, sub)
    n += valid(sub, v);
  return n;
}

static bool one_of(const json_t *list, const json_t *v)
{
  size_t i;
  json_t *entry;
  json_array_foreach (list, i, entry)
    if (json_equal(entry, v))
      return true;
  return false;
}

static bool matches(const char *pattern, const json_t *v)
{
  regex_t r;
  ck_assert_int_eq(regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB), 0);
  bool yes = regexec(&r, json_string_value(v), 0, NULL, 0) == 0;
  regfree(&r);
  return yes;
}

static const json_t *reference(const char *ref)
{
  ck_assert(strncmp(ref, "#/$defs/", 8) == 0);
  return json_object_get(json_object_get(schema_root, "$defs"), ref + 8);
}

static bool all_entries(const json_t *schema, const json_t *v)
{
  size_t i;
  json_t *entry;
  json_array_foreach (v, i, entry)
    if (!valid(schema, entry))
      return false;
  return true;
}

static bool dependent(const json_t *rules, const json_t *v)
{
  const char *name;
  json_t *needs;
  json_object_foreach ((json_t *)rules, name, needs)
    if (json_object_get(v, name) && !has_all(needs, v))
      return false;
  return true;
}

/* One keyword; those about objects (strings, ...) do not concern other values. */
static bool keyword(const char *k, const json_t *arg, const json_t *schema,
                    const json_t *v)
{
  json_int_t number = json_integer_value(arg);
  bool string = json_is_string(v), object = json_is_object(v);
  static const char *const silent[] = {"$schema",
                                       "$id",
                                       "title",
                                       "description",
                                       "$defs",
                                       "default",
                                       "additionalProperties",
                                       "uniqueItems"};
  for (size_t i = 0; i < LENGTH(silent); i++)
    if (strcmp(k, silent[i]) == 0)
      return true;
  if (strcmp(k, "$ref") == 0)
    return valid(reference(json_string_value(arg)), v);
  if (strcmp(k, "type") == 0)
    return type_is(json_string_value(arg), v);
  if (strcmp(k, "const") == 0)
    return json_equal(arg, v);
  if (strcmp(k, "enum") == 0)
    return one_of(arg, v);
  if (strcmp(k, "oneOf") == 0)
    return count_valid(arg, v) == 1;
  if (strcmp(k, "required") == 0)
    return !object || has_all(arg, v);
  if (strcmp(k, "properties") == 0)
    return !object || properties_fit(schema, v);
  if (strcmp(k, "dependentRequired") == 0)
    return !object || dependent(arg, v);
  if (strcmp(k, "items") == 0)
    return !json_is_array(v) || all_entries(arg, v);
  if (strcmp(k, "minItems") == 0)
    return !json_is_array(v) || (json_int_t)json_array_size(v) >= number;
  if (strcmp(k, "maxItems") == 0)
    return !json_is_array(v) || (json_int_t)json_array_size(v) <= number;
  if (strcmp(k, "minLength") == 0)
    return !string || (json_int_t)json_string_length(v) >= number;
  if (strcmp(k, "maxLength") == 0)
    return !string || (json_int_t)json_string_length(v) <= number;
  if (strcmp(k, "pattern") == 0)
    return !string || matches(json_string_value(arg), v);
  if (strcmp(k, "minimum") == 0)
    return !json_is_integer(v) || json_integer_value(v) >= number;
  if (strcmp(k, "maximum") == 0)
    return !json_is_integer(v) || json_integer_value(v) <= number;
  ck_abort_msg("the schema uses \"%s\", which this test does not know", k);
}

static bool valid(const json_t *schema, const json_t *v)
{
  const char *k;
  json_t *arg;
  ck_assert_ptr_nonnull(schema);
  if (json_is_boolean(schema))
    return json_is_true(schema);
  json_object_foreach ((json_t *)schema, k, arg)
    if (!keyword(k, arg, schema, v))
      return false;
  return true;
}

/* Every object inside v refuses a member more. */
static void refuse_strangers(json_t *root, json_t *v)
{
  const char *name;
  size_t i;
  json_t *below;
  json_array_foreach (v, i, below)
    refuse_strangers(root, below);
  if (!json_is_object(v))
    return;
  json_object_foreach (v, name, below)
    refuse_strangers(root, below);
  json_object_set_new(v, "stranger", json_true());
  ck_assert(!valid(schema_root, root));
  json_object_del(v, "stranger");
}

/* Every member that the program needs, the schema needs, and the other way round. */
static void agree_on_required(json_t *root)
{
  const char *name;
  json_t *value;
  AUTO(json_drop) json_t *names = json_copy(root);
  json_object_foreach (names, name, value) {
    AUTO(json_drop) json_t *less = json_copy(root);
    json_object_del(less, name);
    AUTO(free_drop) char *text = json_dumps(less, 0);
    AUTO(spec_drop) struct spec *s = NULL;
    enum err e = spec_parse(&s, BYTES(text, strlen(text)), NULL);
    ck_assert_msg(valid(schema_root, less) == (e == OK), "without %s", name);
  }
}

START_TEST(examples_fit)
{
  static const char *const names[] = {"iris", "breast_cancer", "german_credit", "digits"};
  AUTO(json_drop) json_t *schema = source_json("docs/spec.schema.json");
  schema_root = schema;
  for (size_t i = 0; i < LENGTH(names); i++) {
    char path[64];
    snprintf(path, sizeof path, "tests/data/%s.spec.json", names[i]);
    AUTO(json_drop) json_t *root = source_json(path);
    ck_assert_msg(valid(schema, root), "%s", names[i]);
    refuse_strangers(root, root);
    agree_on_required(root);
  }
}
END_TEST

START_TEST(others_fit)
{
  static const struct {
    const char *more;
    bool good;
  } cases[] = {
      {"{}", true},
      {"{'kind':'mlp','hidden':[4],'holdout':true,'missing':''}", true},
      {"{'kind':'vector','features':null,'target':null,'training':null,'dimension':9}",
       true},
      {"{'kind':'linear','target':{'name':'t','type':'numeric','mean':'0',"
       "'deviation':'1'}}",
       true},
      {"{'server':{'kind':'fedyogi','rate':'1','beta1':'0','beta2':'0','epsilon':'1'}}",
       true},
      {"{'kind':'linear'}", false},
      {"{'kind':'vector','dimension':9}", false},
      {"{'hidden':[4]}", false},
      {"{'ring_bits':20}", false},
      {"{'positive':'yes'}", false},
      {"{'name':'two\\nlines'}", false},
      {"{'reward':{'scheme':'equal','budget':'01'}}", false},
      {"{'reward':{'scheme':'equal','budget':'5','payout':{'mode':'claim','threshold':'9'"
       ","
       "'every':1000}}}",
       true},
      {"{'reward':{'scheme':'equal','budget':'5','payout':{'mode':'claim','threshold':'9'"
       ","
       "'every':0}}}",
       false},
      {"{'reward':{'scheme':'equal','budget':'5','payout':{'mode':'claim','every':1}}}",
       false},
      {"{'server':{'kind':'fedavg','rate':'0.10'}}", false},
      {"{'audit':{'audience':'members','window':315360000}}", true},
      {"{'audit':{'audience':'all','window':5}}", false},
      {"{'audit':{'audience':'public','window':315360001}}", false},
      {"{'audit':{'audience':'public','window':5,'more':1}}", false},
  };
  AUTO(json_drop) json_t *schema = source_json("docs/spec.schema.json");
  schema_root = schema;
  for (size_t i = 0; i < LENGTH(cases); i++) {
    AUTO(json_drop) json_t *root = spec_with(cases[i].more);
    AUTO(free_drop) char *text = json_dumps(root, 0);
    AUTO(spec_drop) struct spec *s = NULL;
    ck_assert_msg(valid(schema, root) == cases[i].good, "%s", cases[i].more);
    ck_assert_msg((spec_parse(&s, BYTES(text, strlen(text)), NULL) == OK) ==
                      cases[i].good,
                  "%s", cases[i].more);
  }
}
END_TEST

TCase *test_schema(void)
{
  TCase *t = tcase_create("schema");
  tcase_add_test(t, examples_fit);
  tcase_add_test(t, others_fit);
  return t;
}
