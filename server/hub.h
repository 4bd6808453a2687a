/* SPDX-License-Identifier: Apache-2.0
 * The hub of event streams: who listens to what, and what is on its way to them. What is
 * sent is made once, a frame, and shared by all who get it. The streams belong to the
 * HTTP threads; the one thread of feed.c makes the frames with a connection of its own.
 *
 * A channel is one filter with all its subscriptions. A subscription is fresh until the
 * feed has greeted it, behind while entries of the log from before are read for it, and
 * then live. Its queue is bounded: who is live and has no room for an entry falls behind,
 * and who takes nothing for a while is ended; it may come again with the last leaf that
 * it has. */
#ifndef SERVER_HUB_H
#define SERVER_HUB_H

#include <pthread.h>

#include "core/message.h"

struct MHD_Connection;
struct MHD_Response;
struct server;
struct db;

#define HUB_FRAMES_MAX 200u               /* queued for one stream */
#define HUB_BYTES_MAX ((size_t)128 << 10) /* of them; a longer frame goes alone */
#define HUB_CATCH_FRAMES 100u             /* queued while it is behind */
#define HUB_BEAT 15.0                     /* seconds of silence until a comment */

/* Of the last three only the newest counts: in a queue it takes the place of those
 * before. */
enum frame_kind { FRAME_COMMENT, FRAME_ENTRY, FRAME_ROUND, FRAME_MODEL, FRAME_HEAD };

struct frame {
  unsigned refs;
  enum frame_kind kind;
  uint64_t leaf; /* of an entry */
  size_t len;
  char text[];
};

struct filter {
  enum { FILTER_ALL, FILTER_ROUND, FILTER_MODEL } kind;
  struct digest ctx;
  char model[SLUG_MAX + 1];
};

enum subscription_state { SUB_FRESH, SUB_BEHIND, SUB_LIVE, SUB_ENDED };

struct subscription {
  struct hub *hub;
  struct channel *channel;
  struct subscription *newer, *older; /* of the channel */
  struct subscription *ready;         /* to be resumed */
  struct MHD_Connection *connection;
  enum subscription_state state;
  bool suspended;
  bool resumes;  /* wants entries from `next` on; else from now on */
  bool stuck;    /* no room for the page that is being read for it */
  uint64_t next; /* leaf; while it is fresh or behind */
  double moved;  /* when a whole frame had left the queue last, or it was empty */
  double spoken; /* when a frame was queued last */
  struct frame **queue;
  unsigned len, room;
  size_t bytes, sent; /* of the queue; of its first frame */
};

struct channel {
  struct channel *next; /* changed by the feed only, but for new ones in front */
  struct filter filter;
  struct digest current; /* of a model: its newest attempt */
  bool has_current;
  bool round_dirty, model_dirty; /* to be made anew */
  struct snapshot {
    struct frame *frame; /* NULL: there is nothing to show */
    char *same;          /* what it says, but for the clock */
    double made;
  } round, model;
  struct subscription *newest;
};

struct hub {
  struct server *server;
  unsigned max;    /* streams */
  double patience; /* seconds with a queue that does not move */
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  pthread_t thread;
  bool runs, closed;
  bool wanted, log_dirty;
  bool hungry; /* somebody who is behind has room again */
  unsigned count;
  struct channel *channels;
  struct subscription *ready;

  /* the feed's own */
  struct db *db;
  uint64_t at;        /* all entries before this leaf were given to the live ones */
  struct frame *head; /* the newest */
  struct frame *beat, *hello;
  double stepped; /* when it did something last */
  bool again;     /* more is to be done at once */
  bool failing;
};

/* Opens the feed's connection and starts it. */
enum err hub_start(struct hub **out, struct server *server, const char *conninfo,
                   unsigned max, unsigned patience, struct why *why) MUST_USE;
/* Something named by the topic has changed; NULL: everything may have. Where that is who
 * may see what ("sight"), the streams of models and rounds end. Any thread. */
void hub_heard(struct hub *h, const char *topic);
/* Ends all streams; there will be no more. */
void hub_close(struct hub *h);
/* Once no stream exists any more. NULL is fine. */
void hub_free(struct hub *h);
unsigned hub_streams(struct hub *h);

/* A new stream, NULL when there are too many. `from`: the first leaf wanted, or NULL. */
struct subscription *hub_subscribe(struct hub *h, const struct filter *filter,
                                   const uint64_t *from, struct MHD_Connection *c);
void subscription_free(struct subscription *s);
/* The response that sends it; the response then owns it. */
struct MHD_Response *subscription_response(struct subscription *s);

/* ---- for the feed, with the mutex held ---- */

/* One reference, the caller's. The data is one line; id: NULL, or the leaf. */
struct frame *frame_new(enum frame_kind kind, const char *event, const uint64_t *id,
                        struct bytes data);
void frame_drop(struct frame *f);
void channel_free(struct channel *c);
void subscription_end(struct subscription *s);
void subscription_push(struct subscription *s, struct frame *f);
/* Whether more may be read for one that is behind. */
bool subscription_room(const struct subscription *s);
/* Gives the mutex back and resumes those who have something to send. */
void hub_unlock(struct hub *h);

/* ---- feed.c ---- */

void *feed_run(void *hub);

#endif
