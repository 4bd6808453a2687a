/* SPDX-License-Identifier: Apache-2.0
 * CSV reading and the way from cells to inputs. */
#include "model/dataset.h"

#include <string.h>

#include "test_model.h"

static enum err parse(struct dataset **d, const struct spec *s, const char *text,
                      enum dataset_use use, struct why *why)
{
  return dataset_parse(d, s, BYTES(text, strlen(text)), use, &CSV_LIMITS_DEFAULT, why);
}

/* All cells of a text, records ended by '/' and cells by '|'; or the error's name. */
static const char *cells(struct buf *out, const char *text, size_t len)
{
  struct csv c;
  struct why why = {0};
  bool more = true;
  enum err e = csv_init(&c, BYTES(text, len), &CSV_LIMITS_DEFAULT, &why);
  while (e == OK && more) {
    e = csv_next(&c, &more, &why);
    for (size_t i = 0; e == OK && more && i < c.count; i++)
      ck_assert_int_eq(buf_printf(out, "%s|", csv_cell(&c, i)), OK);
    if (e == OK && more)
      ck_assert_int_eq(buf_puts(out, "/"), OK);
  }
  if (e != OK) {
    out->len = 0;
    ck_assert_int_eq(buf_printf(out, "%s: %s", why.field, why.detail), OK);
  }
  csv_done(&c);
  return buf_text(out);
}

START_TEST(tokens)
{
  static const struct {
    const char *text, *want;
  } cases[] = {
      {"", ""},
      {"a", "a|/"},
      {"a,b\n", "a|b|/"},
      {"a,b\r\nc,d\r\n", "a|b|/c|d|/"},
      {"\xef\xbb\xbf"
       "a,b",
       "a|b|/"},
      {"a,\n,b", "a||/|b|/"},
      {"\"a,b\",\"say \"\"hi\"\"\"\n", "a,b|say \"hi\"|/"},
      {"\"two\nlines\",x\n", "two\nlines|x|/"},
      {"\"\",\"\"\n", "||/"},
      {"\n\na\n\r\n\nb\n\n", "a|/b|/"},
      {" a , b ", " a | b |/"},
      {"\xc3\xa9,\xf0\x9f\x8c\xb8\n", "\xc3\xa9|\xf0\x9f\x8c\xb8|/"},
      {"a\n\"b\n\nc", "row 2: opens a quote that is never closed"},
      {"a\n\"b\"c", "row 2: has text behind a closing quote"},
      {"a\nb\"c", "row 2: has a quote inside a cell that is not quoted"},
      {"a\rb", "row 1: has a carriage return without a newline; save the file with CRLF "
               "or LF line ends"},
      {"a\nb\xe9", "row 2: is not UTF-8; save the file in that encoding"},
      {"\xed\xa0\x80", "row 1: is not UTF-8; save the file in that encoding"},
      {"\xc0\x80", "row 1: is not UTF-8; save the file in that encoding"},
  };
  for (size_t i = 0; i < LENGTH(cases); i++) {
    AUTO(buf_done) struct buf out = {0};
    ck_assert_str_eq(cells(&out, cases[i].text, strlen(cases[i].text)), cases[i].want);
  }
  AUTO(buf_done) struct buf out = {0};
  ck_assert_str_eq(cells(&out, "a\0b", 3), "row 1: holds a NUL byte");
}
END_TEST

START_TEST(limits)
{
  static const struct csv_limits small = {.bytes = 19, .columns = 4, .rows = 2};
  static const struct {
    const char *text;
    enum err e;
  } cases[] = {
      {"a,b,sex,t\n0,5,m,no\n", OK},
      {"a,b,sex,t\n0,5,m,yes\n", E_TOO_LARGE},
      {"a,b,sex,t,u\n", E_CSV},
  };
  AUTO(spec_drop) struct spec *s = spec_of(spec_with("{}"));
  for (size_t i = 0; i < LENGTH(cases); i++) {
    AUTO(dataset_drop) struct dataset *d = NULL;
    struct bytes text = BYTES(cases[i].text, strlen(cases[i].text));
    ck_assert_int_eq(dataset_parse(&d, s, text, DATASET_TRAIN, &small, NULL), cases[i].e);
  }
  AUTO(dataset_drop) struct dataset *d = NULL;
  static const struct csv_limits two = {.bytes = 100, .columns = 4, .rows = 2};
  static const char rows[] = "a,b,sex,t\n0,5,m,no\n0,5,m,no\n0,5,m,no\n";
  struct why why = {0};
  ck_assert_int_eq(
      dataset_parse(&d, s, BYTES(rows, sizeof rows - 1), DATASET_TRAIN, &two, &why),
      E_TOO_LARGE);
  ck_assert_str_eq(why.field, "row 4");
}
END_TEST

START_TEST(scaling)
{
  AUTO(spec_drop)
  struct spec *s = spec_of(spec_with(
      "{'missing':'?','groups':[{'name':'g','feature':'sex','values':['w','x']},"
      "{'name':'h','feature':'sex','values':['m']}],'positive':'yes'}"));
  AUTO(dataset_drop) struct dataset *d = NULL;
  ck_assert_int_eq(parse(&d, s,
                         "t,extra,sex,b,a\n"
                         "yes,z,w,9,10\n"
                         "no,\"u,\nv\",m, 4.0 ,2.5e0\n"
                         "yes,,?,?,?\n",
                         DATASET_TRAIN, NULL),
                   OK);
  static const float want[] = {1, 2, 0, 1, 0, -0.5f, -0.5f, 1, 0, 0, 0, 0, 0, 0, 0};
  ck_assert_uint_eq(d->rows, 3);
  ck_assert_uint_eq(d->inputs, 5);
  for (size_t i = 0; i < LENGTH(want); i++)
    ck_assert_float_eq(d->x[i], want[i]);
  ck_assert_uint_eq(d->label[0], 1);
  ck_assert_uint_eq(d->label[1], 0);
  ck_assert_uint_eq(d->groups[0], 1);
  ck_assert_uint_eq(d->groups[1], 2);
  ck_assert_uint_eq(d->groups[2], 0);

  AUTO(dataset_drop)
  struct dataset *t = dataset_take(d, (const size_t[]){2, 0}, 2);
  ck_assert_uint_eq(t->rows, 2);
  ck_assert_float_eq(t->x[5], 1);
  ck_assert_uint_eq(t->groups[1], 1);
}
END_TEST

START_TEST(numeric_target)
{
  AUTO(spec_drop)
  struct spec *s = spec_of(spec_with("{'kind':'linear','target':{'name':'price','type':"
                                     "'numeric','mean':'100','deviation':'50'}}"));
  AUTO(dataset_drop) struct dataset *d = NULL;
  ck_assert_int_eq(parse(&d, s, "a,b,sex,price\n1,2,m,175\n", DATASET_TRAIN, NULL), OK);
  ck_assert_float_eq(d->value[0], 1.5f);
  ck_assert_ptr_null(d->label);
}
END_TEST

START_TEST(without_target)
{
  AUTO(spec_drop) struct spec *s = spec_of(spec_with("{}"));
  AUTO(dataset_drop) struct dataset *d = NULL;
  struct why why = {0};
  static const char text[] = "a,b,sex\n1,2,m\n";
  ck_assert_int_eq(parse(&d, s, text, DATASET_TRAIN, &why), E_CSV);
  ck_assert_str_eq(why.field, "row 1, column \"t\"");
  ck_assert_int_eq(parse(&d, s, text, DATASET_PREDICT, NULL), OK);
  ck_assert(!d->has_target);
}
END_TEST

START_TEST(messages)
{
  static const struct {
    const char *text, *field, *detail;
  } cases[] = {
      {"", "row 1", "the file is empty; a header row is expected"},
      {"a,b,sex,t\n", "row 2", "there is no data below the header"},
      {"a,b,t\n1,2,no\n", "row 1, column \"sex\"",
       "is not in the header, which has 3 columns beginning with \"a\""},
      {"a;b;sex;t\n1;2;m;no\n", "row 1, column \"a\"",
       "is not in the header, which has 1 columns beginning with \"a;b;sex;t\"; cells "
       "must be separated by commas"},
      {"a,b,sex,t,b\n1,2,m,no,3\n", "row 1, column \"b\"", "stands in the header twice"},
      {"a,b,sex,t\n1,2,m\n", "row 2", "expected 4 cells as in the header, found 3"},
      {"a,b,sex,t\n1,2,m,no\n\nold,2,m,no\n", "row 4, column \"a\"",
       "expected a number, found \"old\""},
      {"a,b,sex,t\n1,2,m,no\n,2,m,no\n", "row 3, column \"a\"",
       "expected a number, found \"\""},
      {"a,b,sex,t\n10.5,2,m,no\n", "row 2, column \"a\"",
       "expected a number from 0 to 10, found \"10.5\""},
      {"a,b,sex,t\n1,nan,m,no\n", "row 2, column \"b\"",
       "expected a number, found \"nan\""},
      {"a,b,sex,t\n1,-inf,m,no\n", "row 2, column \"b\"",
       "expected a number, found \"-inf\""},
      {"a,b,sex,t\n1,1e999,m,no\n", "row 2, column \"b\"",
       "expected a number, found \"1e999\""},
      {"a,b,sex,t\n1,0x10,m,no\n", "row 2, column \"b\"",
       "expected a number, found \"0x10\""},
      {"a,b,sex,t\n1,\"1,5\",m,no\n", "row 2, column \"b\"",
       "expected a number, found \"1,5\""},
      {"a,b,sex,t\n1,1e300,m,no\n", "row 2, column \"b\"",
       "expected a number nearer to the column's mean, found \"1e300\""},
      {"a,b,sex,t\n1,2,M,no\n", "row 2, column \"sex\"",
       "expected one of \"m\", \"w\", \"x\", found \"M\""},
      {"a,b,sex,t\n1,2,m,\n", "row 2, column \"t\"",
       "expected one of \"no\", \"yes\", found \"\""},
      {"\"x\ny\",a,b,sex,t\n0,1,2,m,no\n0,1,2,q,no\n", "row 4, column \"sex\"",
       "expected one of \"m\", \"w\", \"x\", found \"q\""},
  };
  AUTO(spec_drop) struct spec *s = spec_of(spec_with("{}"));
  for (size_t i = 0; i < LENGTH(cases); i++) {
    struct dataset *d = NULL;
    struct why why = {0};
    ck_assert_msg(parse(&d, s, cases[i].text, DATASET_TRAIN, &why) == E_CSV, "%zu", i);
    ck_assert_str_eq(why.field, cases[i].field);
    ck_assert_str_eq(why.detail, cases[i].detail);
    ck_assert_ptr_null(d);
  }
}
END_TEST

/* A long cell is cut between characters, and control characters do not reach a terminal.
 */
START_TEST(excerpts)
{
  char out[12];
  ck_assert_str_eq(csv_excerpt(out, sizeof out, "short\x1b[0m"), "short [0m");
  ck_assert_str_eq(csv_excerpt(out, sizeof out, "1234567\xc3\xa9\xc3\xa9\xc3\xa9"),
                   "1234567...");
  ck_assert_str_eq(csv_excerpt(out, sizeof out, "123456\xc3\xa9\xc3\xa9\xc3\xa9"),
                   "123456\xc3\xa9...");
}
END_TEST

START_TEST(real_files)
{
  static const struct {
    const char *name, *csv;
    size_t rows, inputs, classes;
  } cases[] = {
      {"iris", "tests/data/iris.csv", 150, 4, 3},
      {"breast_cancer", "tests/data/breast_cancer.csv", 569, 30, 2},
      {"german_credit", "tests/data/german_credit.csv", 1000, 63, 2},
      {"digits", "tests/data/digits.csv", 1797, 64, 10},
  };
  for (size_t i = 0; i < LENGTH(cases); i++) {
    AUTO(spec_drop) struct spec *s = example_spec(cases[i].name);
    AUTO(buf_done) struct buf text = source_file(cases[i].csv);
    AUTO(dataset_drop) struct dataset *d = NULL;
    struct why why = {0};
    enum err e =
        dataset_parse(&d, s, buf_bytes(&text), DATASET_TRAIN, &CSV_LIMITS_DEFAULT, &why);
    ck_assert_msg(e == OK, "%s: %s", why.field, why.detail);
    ck_assert_uint_eq(d->rows, cases[i].rows);
    ck_assert_uint_eq(d->inputs, cases[i].inputs);
    ck_assert_uint_eq(s->outputs, cases[i].classes);
    size_t women = 0;
    for (size_t r = 0; r < d->rows; r++)
      women += d->groups[r] & 1;
    ck_assert_uint_eq(women, s->group_count ? 310 : 0);
  }
}
END_TEST

TCase *test_dataset(void)
{
  TCase *t = tcase_create("dataset");
  tcase_add_test(t, tokens);
  tcase_add_test(t, limits);
  tcase_add_test(t, scaling);
  tcase_add_test(t, numeric_target);
  tcase_add_test(t, without_target);
  tcase_add_test(t, messages);
  tcase_add_test(t, excerpts);
  tcase_add_test(t, real_files);
  return t;
}
