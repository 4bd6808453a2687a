/* SPDX-License-Identifier: Apache-2.0
 * What the files that read events share. */
#ifndef CORE_MESSAGE_INTERNAL_H
#define CORE_MESSAGE_INTERNAL_H

#include "core/message.h"
#include "util/field.h"

#define INTEGER_MAX 9007199254740991.0

/* The members that events share. A coordinator's round event has the first four. */
#define COORDINATOR_FIELDS(type_, h)                                                     \
  FIELD_CONST("type", type_), FIELD_HEX("instance", (h).instance.b),                     \
      FIELD_ANY("sig", &sig)
#define ROUND_FIELDS(type_, h) COORDINATOR_FIELDS(type_, h), FIELD_HEX("ctx", (h).ctx.b)
#define PARTICIPANT_FIELDS(type_, h)                                                     \
  COORDINATOR_FIELDS(type_, h), FIELD_HEX("participant", (h).participant.b),             \
      FIELD_OBJECT("seen", &seen)

/* The member `seen` of a participant's event. */
enum err seen_read(struct seen *out, const json_t *seen, struct why *why) MUST_USE;

#endif
