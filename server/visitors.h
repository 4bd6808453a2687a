/* SPDX-License-Identifier: Apache-2.0
 * Connections that send the headers of a request so slowly that they never end.
 * libmicrohttpd closes a connection that is silent; one that sends a byte now and then it
 * would keep for ever. */
#ifndef SERVER_VISITORS_H
#define SERVER_VISITORS_H

#include <microhttpd.h>

#include "util/err.h"

struct visitors;

/* limit: seconds that a connection may be without a request whose headers are there, from
 * its beginning or from the end of the request before. */
enum err visitors_start(struct visitors **out, double limit) MUST_USE;
/* Ends the thread; NULL is fine. */
void visitors_stop(struct visitors *v);
/* After the daemon has ended. NULL is fine. */
void visitors_free(struct visitors *v);

/* For MHD_OPTION_NOTIFY_CONNECTION; cls is the visitors. */
void visitors_notify(void *cls, struct MHD_Connection *connection, void **context,
                     enum MHD_ConnectionNotificationCode code);
/* The headers of a request are there; it is answered, or given up. */
void visitor_busy(struct MHD_Connection *connection);
void visitor_idle(struct MHD_Connection *connection);

#endif
