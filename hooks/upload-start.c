/*
 * Starting uploads. See upload-start.h. A run that nobody waits for any more
 * goes on in a session of its own; where that is killed too, the record
 * says that an upload is due, and serve, a timer or the next push sees to it.
 */
#include "config.h"
#include "hooks/upload-start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hooks/background.h"
#include "hooks/upload-record.h"
#include "schema/base/clock.h"
#include "schema/base/program.h"

/* as messages of a run begin */
#define PROGRAM "windlass-hook: "

static void start(const struct host_config *host,
		  const struct channel_config *ch, int out)
{
	const char *const words[] = {
		"upload", "--repo", host->git_dir, ch ? ch->name : NULL, NULL,
	};

	background_start(words, out);
}

void upload_in_background(const struct host_config *host,
			  const struct channel_config *ch)
{
	bool any = ch && bucket_any(host, ch);

	for (size_t i = 0; !ch && i < host->n; i++)
		any |= bucket_any(host, &host->channels[i]);
	if (any)
		start(host, ch, -1);
}

/* ---- of a push ---- */

/* Takes what there is, until the end of it or of the time. False: time. */
static bool listen_to(int fd, struct buf *text)
{
	int64_t deadline = clock_mono_ms() + UPLOAD_PUSH_MS;

	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - clock_mono_ms();
		char chunk[1024];
		ssize_t n;

		if (left <= 0)
			return false;
		if (poll(&pfd, 1, (int)left) <= 0)
			continue;
		n = read(fd, chunk, sizeof(chunk));
		if (n > 0)
			buf_add(text, chunk, (size_t)n);
		else if (n == 0 || errno != EINTR)
			return true;
	}
}

/* Whole lines of it. */
static void pass_on(const char *text, struct feedback *fb)
{
	const char *end;

	for (; (end = strchr(text, '\n')); text = end + 1) {
		if (!strncmp(text, PROGRAM, strlen(PROGRAM)))
			text += strlen(PROGRAM);
		feedback_line(fb, "windlass: %.*s", (int)(end - text), text);
	}
}

void upload_after_push(const struct host_config *host,
		       const struct channel_config *ch, struct feedback *fb)
{
	struct buf text = BUF_INIT(LIMIT_FEEDBACK_BYTES);
	int fds[2];
	bool over;

	if (!bucket_any(host, ch))
		return;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		start(host, ch, -1);
		return;
	}
	start(host, ch, fds[1]);
	close(fds[1]);
	over = listen_to(fds[0], &text);
	close(fds[0]);
	pass_on(text.data, fb);
	if (!over)
		feedback_line(fb, "windlass: %s: is still being uploaded, and "
			      "that goes on by itself", ch->name);
	buf_release(&text);
}

/* ---- by hand ---- */

int upload_now(const struct host_config *host,
	       const struct channel_config *ch)
{
	char *const argv[] = {
		(char *)"windlass-hook", (char *)"upload", (char *)"--repo",
		host->git_dir, (char *)(uintptr_t)ch->name, NULL,
	};
	int status = 0;
	pid_t pid;

	if (!bucket_any(host, ch))
		return EXIT_OK;
	pid = fork();
	if (pid == 0) {
		execv("/proc/self/exe", argv);
		_exit(EXIT_TROUBLE);
	}
	if (pid < 0)
		return EXIT_TROUBLE;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_TROUBLE;
}

/* ---- again ---- */

static bool any_due(const struct host_config *host)
{
	for (size_t i = 0; i < host->n_buckets; i++)
		for (size_t j = 0; j < host->n; j++)
			if (bucket_takes(&host->buckets[i],
					 &host->channels[j]) &&
			    upload_is_due(host, &host->channels[j],
					  &host->buckets[i]))
				return true;
	return false;
}

int64_t upload_retry(const struct host_config *host, int64_t *at, int64_t now)
{
	if (now < *at)
		return *at;
	*at = now + UPLOAD_LOOK_MS;
	if (any_due(host))
		upload_in_background(host, NULL);
	return *at;
}
