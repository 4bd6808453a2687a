# SPDX-License-Identifier: Apache-2.0
# Turns SQL files into C tables. `-v make=` says which:
#   queries.h   enum query, one constant per "-- name: round_lock :one" head
#   queries.c   db_queries[]: name, kind, text
#   migrations  db_migrations[]: number, file name, text
# Kinds: exec (no rows), one (exactly one row), maybe (at most one), many.

function base(path) { sub(/^.*\//, "", path); return path }
function fail(text) {
  print FILENAME ":" FNR ": " text > "/dev/stderr"
  failed = 1
  exit 1
}
function quoted(text) {
  gsub(/\\/, "&&", text)
  gsub(/"/, "\\\"", text)
  return "\"" text "\\n\""
}
function close_entry() {
  if (!open_entry)
    return
  if (make == "queries.c")
    print "  },"
  open_entry = 0
}

BEGIN {
  print "/* Made by sql/generate.awk. */"
  if (make == "queries.h")
    print "#ifndef DB_QUERIES_H\n#define DB_QUERIES_H\nenum query {"
  else
    print "#include \"db/tables.h\""
  if (make == "queries.c")
    print "const struct db_query_info db_queries[] = {"
}

FNR == 1 { close_entry() }

make == "migrations" {
  if (FNR == 1) {
    if (count)
      print "  ;"
    count++
    name = base(FILENAME)
    if (name !~ /^[0-9][0-9][0-9][0-9]-[a-z0-9-]+\.sql$/)
      fail("a migration is called NNNN-name.sql")
    if (substr(name, 1, 4) + 0 != count)
      fail("migrations are numbered from 0001 without gaps")
    names[count] = name
    printf "static const char migration_%d[] =\n", count
  }
  print "  " quoted($0)
  next
}

/^-- name: / {
  close_entry()
  if (NF != 4 || $3 !~ /^[a-z][a-z0-9_]*$/ || $4 !~ /^:(exec|one|maybe|many)$/)
    fail("a head reads \"-- name: noun_verb :exec|one|maybe|many\"")
  if ($3 in seen)
    fail("two statements are called " $3)
  seen[$3] = 1
  open_entry = 1
  count++
  if (make == "queries.h")
    print "  Q_" toupper($3) ","
  else
    printf "  {\"%s\", DB_%s,\n", $3, toupper(substr($4, 2))
  next
}
/^--/ || /^[ \t]*$/ { next }
{
  if (!open_entry)
    fail("text before the first head")
  if (make == "queries.c")
    print "   " quoted($0)
}

END {
  if (failed)
    exit 1
  close_entry()
  if (make == "queries.h")
    print "  QUERY_COUNT\n};\n#endif"
  if (make == "queries.c")
    print "};"
  if (make == "migrations") {
    print "  ;\nconst struct db_migration db_migrations[] = {"
    for (i = 1; i <= count; i++)
      printf "  {%d, \"%s\", migration_%d},\n", i, names[i], i
    printf "};\nconst unsigned db_migration_count = %d;\n", count
  }
}
