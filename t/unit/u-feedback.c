/*
 * What the pusher reads: plain lines, a bound, and never a hang, whoever is
 * at the other end of the pipe.
 */
#include "config.h"
#include "hooks/feedback.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "t/unit/tap.h"

/* far beyond what waiting for one full pipe may take */
#define HANG_MS 5000

static char *read_back(int fd)
{
	static char text[LIMIT_FEEDBACK_BYTES + 65536];
	struct buf all = BUF_INIT(sizeof(text) - 1);
	struct err err = ERR_INIT;

	if (fs_read_fd(fd, "the pipe", &all, &err) < 0)
		printf("# %s\n", err.msg);
	memcpy(text, all.data, all.len + 1);
	buf_release(&all);
	return text;
}

/* A pipe that holds everything that may be written. */
static void make_pipe(int fds[2])
{
	if (pipe(fds) < 0 || fcntl(fds[1], F_SETPIPE_SZ, 1 << 20) < 0) {
		printf("Bail out! no pipe\n");
		exit(1);
	}
}

static void test_lines(void)
{
	struct feedback f;
	int fds[2];

	make_pipe(fds);
	feedback_init(&f, fds[1]);
	feedback_line(&f, "%s %d", "one", 1);
	feedback_line(&f, "esc \033[31m bell \a \303\244 tab \t nl \n end");
	close(fds[1]);
	is_str(read_back(fds[0]), "one 1\n"
	       "esc \\x1b[31m bell \\x07 \\xc3\\xa4 tab \\x09 nl \\x0a end\n",
	       "printable ASCII, one line a call");
	ok(!f.closed, "still open");
	close(fds[0]);
}

static void test_flags_stay(void)
{
	struct feedback f;
	int fds[2];

	make_pipe(fds);
	feedback_init(&f, fds[1]);
	feedback_line(&f, "x");
	ok(!(fcntl(fds[1], F_GETFL) & O_NONBLOCK),
	   "the descriptor, which others share, blocks again");
	close(fds[0]);
	close(fds[1]);
}

static void test_bound(void)
{
	struct feedback f;
	char *text;
	int fds[2];

	make_pipe(fds);
	feedback_init(&f, fds[1]);
	for (int i = 0; i < 2000; i++)
		feedback_line(&f, "%0100d", i);
	close(fds[1]);
	text = read_back(fds[0]);
	ok(strlen(text) <= LIMIT_FEEDBACK_BYTES, "no more than the limit");
	ok(strlen(text) > LIMIT_FEEDBACK_BYTES - 200, "and nearly all of it");
	ok(f.closed, "closed then");
	is_int(f.written, strlen(text), "it knows how much it wrote");
	ok(strstr(text, "\n... (the rest is not shown)\n"), "and says so");
	close(fds[0]);
}

/* Exactly the limit fits; one byte more does not. */
static void test_limit(size_t over)
{
	size_t room = LIMIT_FEEDBACK_BYTES - 28;
	char *fill = xmalloc(1001);
	struct feedback f;
	int fds[2];

	make_pipe(fds);
	memset(fill, 'a', 1000);
	fill[1000] = '\0';
	feedback_init(&f, fds[1]);
	while (room > 2000) {
		feedback_line(&f, "%.999s", fill);
		room -= 1000;
	}
	feedback_line(&f, "%.*s", 999, fill);
	room -= 1000;
	fill[room - 1] = '\0';
	feedback_line(&f, "%s%s", fill, over ? "b" : "");
	is_int(f.closed, over, over ? "one byte beyond the limit"
				    : "at the limit");
	close(fds[0]);
	close(fds[1]);
	free(fill);
}

static void test_closed(void)
{
	int64_t start = clock_mono_ms();
	struct feedback f;
	int fds[2];

	make_pipe(fds);
	close(fds[0]);
	feedback_init(&f, fds[1]);
	for (int i = 0; i < 100; i++)
		feedback_line(&f, "to nobody");
	ok(f.closed, "a closed pipe is noticed and survived");
	ok(clock_mono_ms() - start < HANG_MS, "at once");
	close(fds[1]);
}

static void test_full(void)
{
	int64_t start = clock_mono_ms();
	struct feedback f;
	char block[4096];
	int fds[2];

	make_pipe(fds);
	memset(block, 'x', sizeof(block));
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	while (write(fds[1], block, sizeof(block)) > 0)
		;
	fcntl(fds[1], F_SETFL, 0);
	feedback_init(&f, fds[1]);
	for (int i = 0; i < 100; i++)
		feedback_line(&f, "into a full pipe");
	ok(f.closed, "a full pipe that nobody reads is given up");
	ok(clock_mono_ms() - start < HANG_MS, "once, not line by line");
	close(fds[0]);
	close(fds[1]);
}

static void test_problems(void)
{
	struct problems ps = PROBLEMS_INIT;
	struct mark at = { 3, 7 }, before = { 2, 1 };
	struct feedback f;
	int fds[2];

	make_pipe(fds);
	problem_error(&ps, "b.yaml", at, "yaml-syntax", "no \033 good");
	problem_error(&ps, "a.yaml", at, "object-kind", "second");
	problem_warning(&ps, "a.yaml", before, "object-kind", "first");
	feedback_init(&f, fds[1]);
	feedback_problems(&f, &ps, NULL);
	close(fds[1]);
	is_str(read_back(fds[0]),
	       "a.yaml:3:7: error: second [object-kind]\n"
	       "b.yaml:3:7: error: no \\x1b good [yaml-syntax]\n"
	       "a.yaml:2:1: warning: first [object-kind]\n"
	       "2 errors, 1 warning\n",
	       "problems, errors first, sorted and counted");
	close(fds[0]);
	problems_release(&ps);
}

static void test_many_problems(void)
{
	struct problems ps = PROBLEMS_INIT;
	struct feedback f;
	char *text;
	int fds[2];

	make_pipe(fds);
	for (uint32_t i = 1; i <= 5000; i++)
		problem_error(&ps, "some/longer/path/to/a/file.yaml",
			      ((struct mark){ i, 1 }), "yaml-syntax",
			      "a message of the usual length, number %u", i);
	feedback_init(&f, fds[1]);
	feedback_problems(&f, &ps, NULL);
	feedback_line(&f, "and what comes behind is seen");
	close(fds[1]);
	text = read_back(fds[0]);
	ok(strstr(text, ":1:1: error:"), "the first is shown");
	ok(strstr(text, "\n... and "), "that there are more");
	ok(strstr(text, "\n5000 errors\n"), "how many in all");
	ok(strstr(text, "\nand what comes behind is seen\n"),
	   "room is left for the rest");
	ok(strlen(text) <= LIMIT_FEEDBACK_BYTES, "no more than the limit");
	close(fds[0]);
	problems_release(&ps);
}

int main(void)
{
	test_lines();
	test_flags_stay();
	test_bound();
	test_limit(0);
	test_limit(1);
	test_closed();
	test_full();
	test_problems();
	test_many_problems();
	return tap_done();
}
