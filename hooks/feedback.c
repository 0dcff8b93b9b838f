/*
 * What the pusher reads. See feedback.h. The other end is a stranger's
 * client through git's sideband: it may be slow, gone, or never have looked.
 * Git keeps the pipe of a vanished client open, so a hook that writes more
 * than the pipe holds would hang for good; everything here is bounded.
 * Texts come from pushed files: only printable ASCII goes out as it is.
 */
#include "config.h"
#include "hooks/feedback.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/limits.h"
#include "schema/quote.h"

/* one line: a path, a place and a message; longer ones are cut */
#define LINE_MAX_BYTES 4000
/* how long a reader that is there may let a full pipe stand */
#define FULL_PIPE_MS 1000
/* kept free for what is said after a long list of problems */
#define RESERVED_BYTES (8u * 1024)

static const char last_line[] = "... (the rest is not shown)\n";

void feedback_init(struct feedback *f, int fd)
{
	signal(SIGPIPE, SIG_IGN);
	*f = (struct feedback){ .fd = fd };
}

/* True where a blocking write could wait for a reader for ever. */
static bool is_pipe(int fd)
{
	struct stat st;

	return !fstat(fd, &st) &&
	       (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

/* Waits until the deadline for room. False: nobody makes any. */
static bool wait_writable(int fd, int64_t deadline)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	int64_t left = deadline - clock_mono_ms();

	if (left <= 0)
		return false;
	return poll(&pfd, 1, (int)left) >= 0 || errno == EINTR;
}

static bool write_bounded(int fd, const char *data, size_t len)
{
	int64_t deadline = clock_mono_ms() + FULL_PIPE_MS;

	while (len) {
		ssize_t n = write(fd, data, len);

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			if (!wait_writable(fd, deadline))
				return false;
		} else if (n < 0 && errno != EINTR) {
			return false;
		}
	}
	return true;
}

/*
 * O_NONBLOCK belongs to the pipe's open description, which others may share:
 * it is set for our write only.
 */
static bool write_all(int fd, const char *data, size_t len)
{
	int flags = is_pipe(fd) ? fcntl(fd, F_GETFL) : -1;
	bool done;

	if (flags < 0 || (flags & O_NONBLOCK))
		return write_bounded(fd, data, len);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	done = write_bounded(fd, data, len);
	fcntl(fd, F_SETFL, flags);
	return done;
}

static void send_line(struct feedback *f, const struct buf *line)
{
	size_t room = LIMIT_FEEDBACK_BYTES - (sizeof(last_line) - 1);

	if (f->closed)
		return;
	if (f->written + line->len > room) {
		write_all(f->fd, last_line, sizeof(last_line) - 1);
		f->written += sizeof(last_line) - 1;
		f->closed = true;
		return;
	}
	if (!write_all(f->fd, line->data, line->len))
		f->closed = true;
	f->written += line->len;
}

/* Appends the text as printable ASCII, cut where a line gets too long. */
static void add_escaped(struct buf *out, const char *s)
{
	for (; *s && out->len < LINE_MAX_BYTES - 8; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c > 0x7e)
			buf_addf(out, "\\x%02x", c);
		else
			buf_addc(out, (char)c);
	}
	if (*s)
		buf_adds(out, "...");
	buf_addc(out, '\n');
}

static void say(struct feedback *f, const char *text)
{
	struct buf line = BUF_INIT(LINE_MAX_BYTES);

	add_escaped(&line, text);
	send_line(f, &line);
	buf_release(&line);
}

void feedback_line(struct feedback *f, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say(f, text);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

/* The file of the last problem; they are sorted by path. */
struct shown {
	const struct feedback_source *source;
	const char *path;
	struct buf text;
	struct quotes quotes;
};

static void open_file(struct shown *s, const char *path)
{
	struct err unread = ERR_INIT;

	s->path = path;
	quotes_release(&s->quotes);
	buf_reset(&s->text);
	if (*path && !s->source->read(s->source->arg, path, &s->text, &unread))
		quotes_read(&s->quotes, s->text.data, s->text.len);
	s->quotes.ascii = true;
}

static void say_line(struct feedback *f, struct shown *s,
		     const struct problem *p)
{
	struct buf line = BUF_INIT(QUOTE_BYTES), caret = BUF_INIT(QUOTE_BYTES);

	if (!s->source || !p->mark.line)
		return;
	if (!s->path || strcmp(s->path, p->path))
		open_file(s, p->path);
	if (quotes_line(&s->quotes, p->mark, &line, &caret)) {
		feedback_line(f, "    %s", line.data);
		feedback_line(f, "    %s", caret.data);
	}
	buf_release(&line);
	buf_release(&caret);
}

void feedback_problems(struct feedback *f, struct problems *ps,
		       const struct feedback_source *source)
{
	struct shown file = {
		.source = source, .text = BUF_INIT(LIMIT_FILE_BYTES),
	};
	struct buf text = BUF_INIT(LIMIT_PATH_BYTES + 4096);
	size_t found = ps->errors + ps->warnings, shown = 0;
	bool room = true;

	problems_sort(ps);
	/* errors first: there may be no room for all warnings */
	for (size_t i = 0; i < 2 * ps->n && room && !f->closed; i++) {
		const struct problem *p = &ps->v[i % ps->n];

		if ((p->severity == SEVERITY_ERROR) != (i < ps->n))
			continue;
		buf_reset(&text);
		problem_format(p, &text);
		room = f->written + text.len + RESERVED_BYTES <=
		       LIMIT_FEEDBACK_BYTES;
		if (!room)
			break;
		say(f, text.data);
		say_line(f, &file, p);
		shown++;
	}
	if (shown < found)
		feedback_line(f, "... and %zu more", found - shown);
	if (ps->errors && ps->warnings)
		feedback_line(f, "%zu error%s, %zu warning%s", ps->errors,
			      plural(ps->errors), ps->warnings,
			      plural(ps->warnings));
	else if (ps->errors)
		feedback_line(f, "%zu error%s", ps->errors,
			      plural(ps->errors));
	else if (ps->warnings)
		feedback_line(f, "%zu warning%s", ps->warnings,
			      plural(ps->warnings));
	if (ps->unchecked)
		feedback_line(f, "not checked here: %zu rule%s",
			      ps->unchecked, plural(ps->unchecked));
	buf_release(&text);
	quotes_release(&file.quotes);
	buf_release(&file.text);
}
