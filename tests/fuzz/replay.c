/* SPDX-License-Identifier: Apache-2.0
 * Runs a fuzz target over kept inputs, without a fuzzer: what `make check` does.
 * Arguments are files or folders. Fails when there was nothing to run. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned runs;

static int replay_file(const char *path)
{
  AUTO(buf_done) struct buf b = {0};
  uint8_t piece[4096];
  FILE *f = fopen(path, "rb");
  if (!f)
    return 1;
  for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
    if (buf_put(&b, piece, n) != OK)
      break;
  fclose(f);
  /* an exact-size copy, so that reading one byte too far is seen */
  uint8_t *exact = must_calloc(b.len, 1);
  if (b.len)
    memcpy(exact, b.data, b.len);
  LLVMFuzzerTestOneInput(exact, b.len);
  for (size_t cut = 0; cut < b.len; cut += 1 + b.len / 64) { /* and damaged ones */
    LLVMFuzzerTestOneInput(exact, cut);
    exact[cut] ^= 0x41;
    LLVMFuzzerTestOneInput(exact, b.len);
    exact[cut] ^= 0x41;
  }
  free(exact);
  runs++;
  return 0;
}

static int replay(const char *path)
{
  struct stat st;
  if (stat(path, &st) != 0)
    return 1;
  if (!S_ISDIR(st.st_mode))
    return replay_file(path);
  DIR *d = opendir(path);
  int bad = d == NULL;
  for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
    char full[4096];
    if (e->d_name[0] == '.')
      continue;
    snprintf(full, sizeof full, "%s/%s", path, e->d_name);
    bad |= replay(full);
  }
  if (d)
    closedir(d);
  return bad;
}

int main(int argc, char **argv)
{
  int bad = 0;
  for (int i = 1; i < argc; i++)
    bad |= replay(argv[i]);
  printf("%u inputs\n", runs);
  return bad || runs == 0;
}
