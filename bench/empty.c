/* SPDX-License-Identifier: Apache-2.0
 * The least that libmicrohttpd can do: the same few bytes for everybody, with as many
 * threads and the same kind of polling as chorusd. bench/pages.py measures against it.
 *
 *   empty_http THREADS   prints its port, and ends with its standard input */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>

static enum MHD_Result answer(void *cls, struct MHD_Connection *connection,
                              const char *url, const char *method, const char *version,
                              const char *upload_data, size_t *upload_data_size,
                              void **con_cls)
{
  static int seen;
  if (!*con_cls) { /* as any handler that may be sent a body: answer at the second call */
    *con_cls = &seen;
    return MHD_YES;
  }
  return MHD_queue_response(connection, MHD_HTTP_OK, cls);
}

int main(int argc, char **argv)
{
  static char text[] = "hello";
  unsigned threads = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2;
  struct MHD_Response *response =
      MHD_create_response_from_buffer(sizeof text - 1, text, MHD_RESPMEM_PERSISTENT);
  struct MHD_Daemon *daemon = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, response,
      MHD_OPTION_THREAD_POOL_SIZE, threads > 1 ? threads : 0, MHD_OPTION_END);
  const union MHD_DaemonInfo *info =
      daemon ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
  if (!info) {
    fputs("empty_http: cannot listen\n", stderr);
    return 1;
  }
  printf("%u\n", (unsigned)info->port);
  fflush(stdout);
  while (getchar() != EOF)
    ;
  MHD_stop_daemon(daemon);
  MHD_destroy_response(response);
  return 0;
}
