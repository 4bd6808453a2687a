/* SPDX-License-Identifier: Apache-2.0
 * Leaderboards in memory: who contributed what, over all public models or of one, over
 * all time or the last days. A board is read from the database when its version has
 * moved, which is looked at before it is a second old; what everybody may see of it is
 * kept as prepared answers, that the HTTP threads send by themselves. */
#ifndef SERVER_LEADERBOARD_H
#define SERVER_LEADERBOARD_H

#include "db/db.h"
#include "server/request.h"

struct leaderboard;
struct leaderboard *leaderboard_new(void);
/* After the HTTP threads have ended. */
void leaderboard_free(struct leaderboard *lb);

/* A place in the order of all boards. */
struct board_place {
  uint64_t rounds, joined;
  struct identity id;
};

/* What a request asks for. */
struct board_ask {
  char model[SLUG_MAX + 1]; /* empty: all that are public */
  unsigned days;            /* 0: all time */
  unsigned limit;           /* 0: no end */
  bool csv, behind;         /* only those behind `cursor` */
  struct board_place cursor;
};
/* E_FIELD_VALUE names what cannot be. leaderboard.c */
enum err board_ask_read(struct request *rq, struct board_ask *out) MUST_USE;

struct board_line {
  struct board_place place;
  uint64_t rank;
  int64_t samples; /* below 0: none were declared */
  uint8_t organisation[16];
  bool name_shown;     /* to everybody */
  char *name, *earned; /* "currency:amount,…" or NULL */
};

struct board {
  int64_t version;
  bool open; /* everybody may see it */
  const struct board_line *lines;
  size_t len;
};

/* The board as it was less than a second ago. Shared: not to be changed, and given back.
 * E_NOT_FOUND. */
enum err board_get(struct leaderboard *lb, struct db *db, const struct board_ask *ask,
                   const struct board **out) MUST_USE;
void board_give(struct leaderboard *lb, const struct board *b);

/* Keeps what everybody is answered who asks this of the board. */
void board_prepare(const struct request *rq, const struct board *b,
                   const struct board_ask *ask, const struct reply *rp);

#endif
