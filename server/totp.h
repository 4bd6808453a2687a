/* SPDX-License-Identifier: Apache-2.0
 * Codes of an authenticator: RFC 6238 with SHA-1, 30 seconds and 6 digits, which is what
 * all authenticators know. */
#ifndef SERVER_TOTP_H
#define SERVER_TOTP_H

#include "util/buf.h"

#define TOTP_STEP 30u
#define TOTP_DIGITS 6

struct totp_secret {
  uint8_t b[20];
};

/* The code of one step before it is cut to its digits: 31 bits (RFC 4226 section 5.3). */
uint32_t totp_value(const struct totp_secret *secret, uint64_t step);
/* Whether the text is the code of the step of this time, the one before or the one behind
 * it, as far as they come later than `after`; *step: of which. */
bool totp_match(const struct totp_secret *secret, uint64_t time, uint64_t after,
                const char *text, uint64_t *step);

/* RFC 4648 section 6, without padding; out has room for 8*len/5 rounded up, and a NUL. */
void base32_encode(char *out, const uint8_t *data, size_t len);
/* otpauth://totp/ISSUER:NAME?secret=…&issuer=ISSUER, as authenticators read it. */
enum err totp_uri(struct buf *out, const struct totp_secret *secret, const char *issuer,
                  const char *name) MUST_USE;

#endif
