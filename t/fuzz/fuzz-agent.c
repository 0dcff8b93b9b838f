/*
 * An ssh-agent that answers anything: over a real socket, as the client
 * expects it. The answer is a frame, or an error that is none of ours; and
 * what is taken for a signature is what stands in it.
 */
#include "config.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "schema/agent.h"
#include "schema/limits.h"
#include "t/fuzz/fuzz.h"

#define MSG "a chain"
/* length and number of the frame, length of the signature in it */
#define BEFORE (4 + 1 + 4)

static char path[64];
static const uint8_t *answer;
static size_t answer_len;
static sem_t answered;
static int listener = -1;

static void answer_one(int fd)
{
	char request[4096];
	size_t done = 0;

	if (recv(fd, request, sizeof(request), 0) < 0)
		abort();
	while (done < answer_len) {
		ssize_t n = send(fd, answer + done, answer_len - done,
				 MSG_NOSIGNAL);

		if (n < 0)
			return;	/* it has read enough */
		done += (size_t)n;
	}
}

static void *serve(void *arg)
{
	(void)arg;
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			return NULL;
		answer_one(fd);
		close(fd);
		sem_post(&answered);
	}
}

static void clean_up(void)
{
	unlink(path);
}

static void begin(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	pthread_t t;

	snprintf(path, sizeof(path), "/tmp/windlass-fuzz-agent-%d",
		 (int)getpid());
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(path);
	if (listener < 0 ||
	    bind(listener, (struct sockaddr *)(void *)&sa, sizeof(sa)) ||
	    listen(listener, 8) || sem_init(&answered, 0, 0) ||
	    pthread_create(&t, NULL, serve, NULL))
		abort();
	atexit(clean_up);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sshkey key = { .type = SSHKEY_ED25519 };
	struct buf inner = BUF_INIT(LIMIT_ARMOUR_BYTES);
	struct err err = ERR_INIT;

	if (listener < 0)
		begin();
	answer = data;
	answer_len = size;
	if (agent_sign(path, &key, MSG, sizeof(MSG) - 1, &inner, &err)) {
		if (err.class == ERR_NONE || err.class == ERR_INTERNAL)
			abort();
	} else if (size < BEFORE + inner.len || data[4] != 14 ||
		   memcmp(data + BEFORE, inner.data ? inner.data : "",
			  inner.len)) {
		abort();
	}
	while (sem_wait(&answered))
		;
	buf_release(&inner);
	return 0;
}
