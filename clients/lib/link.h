/* SPDX-License-Identifier: Apache-2.0
 * An invite as it travels: ADDRESS/#invite=CODE.ORGANISATION.INSTANCE.MODEL
 * (docs/protocol.md section 2). The part behind # is never sent to a server. */
#ifndef CLIENTS_LINK_H
#define CLIENTS_LINK_H

#include "core/message.h"

#define ADDRESS_MAX 500u

struct invite_link {
  char address[ADDRESS_MAX + 1]; /* without a slash at the end */
  uint8_t code[16];              /* secret until it is used */
  struct organisation organisation;
  struct digest instance;
  char model[SLUG_MAX + 1];
};

/* E_INVITE, with what is wrong in why. */
enum err link_parse(struct invite_link *out, const char *text, struct why *why) MUST_USE;

#endif
