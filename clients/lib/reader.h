/* SPDX-License-Identifier: Apache-2.0
 * Who reads: a participant's signature on what is fetched from its instance, for what is
 * shown to members only (docs/protocol.md section 2). One is made and used for hours, as
 * the server takes each for a day. */
#ifndef CLIENTS_READER_H
#define CLIENTS_READER_H

#include "clients/lib/http.h"
#include "core/types.h"

/* The default, all zero, is nobody: nothing is signed. A copy reads for itself. */
struct reader {
  const struct identity *id;         /* borrowed; NULL: nobody */
  const struct secret_identity *key; /* borrowed */
  struct digest instance;
  int64_t made; /* when `header` was signed, by this computer's clock */
  bool refused; /* the server did not take it: no more is sent until the next is due */
  char header[256];
};

/* Signs label ‖ instance ‖ `time` in decimal: what a participant asks for that is about
 * no round. label: with its final "\n". */
void reader_sign(struct signature *out, const char *label, const struct digest *instance,
                 uint64_t time, const struct secret_identity *key);

/* As http_call. A GET that has no authorization of its own carries the reader's; when the
 * server does not take that (its clock may be wrong), it is asked once more without, as
 * by anybody. E_NOT_FOUND then says so, for what is not shown to anybody seems not to be
 * there. */
enum err reader_call(struct reader *r, struct http *h, const struct http_request *rq,
                     struct http_reply *rp, struct why *why) MUST_USE;

#endif
