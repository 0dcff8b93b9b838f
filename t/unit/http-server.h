/*
 * A small HTTP/1.1 server for the tests of the client: its own process, one
 * process a connection. What it does is in the path:
 *   /hello        200 "hello\n"
 *   /bytes/N      200, N bytes, with a Content-Length
 *   /chunks/N     200, N chunks "chunk\n", 10 ms apart
 *   /stall        200, "some\n", then silence
 *   /hang         no answer at all
 *   /drop         the connection is closed without an answer
 *   /status/N     that status, body "status\n"
 *   /redirect     302 to /hello
 *   /echo         200, the request as it came
 *   /connection   200, a number that differs for each connection
 *   /close        200, and the connection is closed
 *   /api/v1/as    200, a List of two pages with one item each, whose name is
 *                 who asked for that page (Impersonate-User)
 *   /flip/AT/X/...   200, server_file with byte AT xor X
 *   /cut/N/...    200, the first N bytes of server_file
 */
#ifndef T_UNIT_HTTP_SERVER_H
#define T_UNIT_HTTP_SERVER_H

#include <sys/types.h>

#include "schema/base/buf.h"

/* What the server has as a file when it starts. */
extern struct buf server_file;

/* Starts it on a free loopback port. Ends the program if that fails. */
pid_t server_start(int *ret_port);
void server_stop(pid_t pid);

#endif
