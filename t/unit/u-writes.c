/*
 * Places for writes: they grow, halve, pause, and are shared fairly.
 */
#include "config.h"

#include "engine/writes.h"
#include "schema/base/mem.h"
#include "t/unit/tap.h"

struct client {
	struct writer writer;
	unsigned left, begun;
};

static struct loop *loop;
static struct writes *writes;

static bool next(void *arg)
{
	struct client *c = arg;

	if (!c->left)
		return false;
	c->left--;
	c->begun++;
	writes_begin(&c->writer);
	return true;
}

static void on_stop(void *arg)
{
	loop_stop(loop);
}

/* Lets the loop turn for some milliseconds. */
static void turn(int64_t ms)
{
	struct timer t;
	struct err err = ERR_INIT;

	timer_init(&t, loop, on_stop, NULL);
	timer_set(&t, ms);
	if (loop_run(loop, &err) < 0)
		printf("Bail out! %s\n", err.msg);
}

static void end(struct client *c, unsigned n, enum kube_why why, long code,
		int64_t retry_after, int64_t ms)
{
	const struct kube_status s = { .why = why, .code = code,
				       .retry_after_ms = retry_after };

	while (n--)
		writes_end(&c->writer, &s, ms);
}

static void begin(struct client *c, unsigned n)
{
	*c = (struct client){ .left = n };
	writer_init(&c->writer, writes, next, c);
	writer_wake(&c->writer);
}

static void test_grow(void)
{
	struct client c;

	begin(&c, 100000);
	turn(5);
	is_int(writes_running(writes), WRITES_FIRST, "it begins with few");
	for (int i = 0; i < 40; i++) {
		end(&c, c.writer.running, KUBE_DONE, 200, 0, 3);
		turn(1);
	}
	is_int(writes_limit(writes), WRITES_MAX, "and grows to the most");
	is_int(writes_running(writes), WRITES_MAX, "which then run");
	end(&c, c.writer.running, KUBE_BUSY, 429, 200, 3);
	is_int(writes_limit(writes), WRITES_MAX / 2,
	       "a burst of 429 halves it once");
	turn(100);
	is_int(writes_running(writes), 0, "Retry-After is waited for");
	turn(150);
	is_int(writes_running(writes), WRITES_MAX / 2, "and no longer");
	end(&c, c.writer.running, KUBE_DONE, 200, 0, 3);
	writer_stop(&c.writer);
}

static void test_refusals(void)
{
	struct client c;
	unsigned before;

	begin(&c, 100000);
	turn(5);
	before = writes_limit(writes);
	for (int i = 0; i < 40; i++) {
		end(&c, c.writer.running, KUBE_BUSY, 503, 0, 3);
		turn(1);
	}
	is_int(writes_limit(writes), before, "refusals by 5xx do not make it "
	       "grow, nor fewer: some objects may be refused, others not");
	is_int(writes_running(writes), before, "as many run");
	end(&c, c.writer.running, KUBE_DONE, 200, 0, 3);
	writer_stop(&c.writer);
}

static void test_down(void)
{
	struct client c;

	begin(&c, 100);
	turn(5);
	end(&c, c.writer.running, KUBE_NO_ANSWER, 0, 0, 3);
	turn(10);
	is_int(writes_running(writes), 0, "no answer: a pause");
	turn(150);
	is_int(writes_running(writes), 1, "then one that tries");
	end(&c, 1, KUBE_DONE, 200, 0, 3);
	turn(5);
	is_int(writes_running(writes), WRITES_FIRST, "and all again");
	end(&c, c.writer.running, KUBE_DONE, 200, 0, 3);
	writer_stop(&c.writer);
}

static void test_share(void)
{
	struct client a, b;

	begin(&a, 1000);
	begin(&b, 0);
	turn(5);
	is_int(a.writer.running, WRITES_FIRST - WRITES_FIRST / 4,
	       "one channel has not all the places");
	b.left = 1;
	writer_wake(&b.writer);
	turn(5);
	is_int(b.begun, 1, "another one need not wait");
	end(&b, 1, KUBE_DONE, 200, 0, 3);
	end(&a, a.writer.running, KUBE_DONE, 200, 0, 3);
	a.left = b.left = 1000;
	a.begun = b.begun = 0;
	writer_wake(&b.writer);
	turn(5);
	ok(a.begun >= 3 && b.begun >= 3, "two that have much take turns");
	end(&a, a.writer.running, KUBE_DONE, 200, 0, 3);
	end(&b, b.writer.running, KUBE_DONE, 200, 0, 3);
	writer_stop(&a.writer);
	writer_stop(&b.writer);
}

/* What hangs in a webhook is no sign of an API server that has too much to do,
 * and must not keep the others waiting. */
static void test_hanging(void)
{
	struct client a, b, c;

	begin(&a, 1000);
	begin(&b, 1000);
	begin(&c, 0);
	turn(5);
	is_int(writes_running(writes), WRITES_FIRST - WRITES_FIRST / 4,
	       "two channels that have much leave some places free");
	c.left = 1;
	writer_wake(&c.writer);
	turn(5);
	is_int(c.begun, 1, "for a third one");
	end(&c, 1, KUBE_DONE, 200, 0, 3);
	for (int i = 0; i < 4; i++) {
		end(&a, a.writer.running, KUBE_BUSY, 500, 0, 10000);
		turn(1100);
	}
	is_int(writes_limit(writes), WRITES_FIRST,
	       "webhooks that time out do not make it fewer");
	for (int i = 0; i < 4; i++) {
		end(&a, a.writer.running, KUBE_DONE, 200, 0, 10000);
		turn(1100);
	}
	is_int(writes_limit(writes), WRITES_FIRST,
	       "nor do slow ones make it fewer than it began with");
	a.left = b.left = 0;
	end(&a, a.writer.running, KUBE_DONE, 200, 0, 3);
	end(&b, b.writer.running, KUBE_DONE, 200, 0, 3);
	writer_stop(&a.writer);
	writer_stop(&b.writer);
	writer_stop(&c.writer);
}

int main(void)
{
	struct err err = ERR_INIT;

	if (loop_new(&loop, &err) < 0) {
		printf("Bail out! %s\n", err.msg);
		return 1;
	}
	for (int i = 0; i < 5; i++) {
		static void (*const tests[])(void) = {
			test_grow, test_refusals, test_down, test_share,
			test_hanging,
		};

		writes_new(loop, &writes);
		tests[i]();
		is_int(writes_running(writes), 0, "all ended");
		writes_free(writes);
	}
	loop_free(loop);
	return tap_done();
}
