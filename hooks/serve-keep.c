/*
 * Writing reports down, apart from serving: a report that is taken is on the
 * disk before its cluster hears so, and a disk takes its time. A few threads
 * do nothing else, several at once, because the file system then makes their
 * files durable together. Everything else is the loop's: a thread has the
 * paths and the bytes of one report until it hands them back.
 */
#include "config.h"
#include "hooks/serve.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "schema/base/mem.h"

/* that write at the same time */
#define WRITERS 8
#define WRITER_STACK_BYTES (256 * 1024)

struct line {
	struct keeping *first, **end;
};

struct keepers {
	struct source written;		/* an eventfd: some are done */
	pthread_t threads[WRITERS];
	size_t n;
	pthread_mutex_t lock;
	pthread_cond_t news;
	/* under the lock */
	struct line todo, done;
	bool end;
};

static void put(struct line *l, struct keeping *k)
{
	k->next = NULL;
	*l->end = k;
	l->end = &k->next;
}

static struct keeping *take(struct line *l)
{
	struct keeping *k = l->first;

	if (k) {
		l->first = k->next;
		if (!l->first)
			l->end = &l->first;
	}
	return k;
}

static void *work(void *arg)
{
	struct keepers *ks = arg;
	const uint64_t one = 1;
	struct keeping *k;

	pthread_mutex_lock(&ks->lock);
	for (;;) {
		k = take(&ks->todo);
		if (!k && ks->end)
			break;
		if (!k) {
			pthread_cond_wait(&ks->news, &ks->lock);
			continue;
		}
		pthread_mutex_unlock(&ks->lock);
		k->rc = kept_write_do(&k->write, &k->err);
		pthread_mutex_lock(&ks->lock);
		put(&ks->done, k);
		(void)!write(ks->written.fd, &one, sizeof(one));
	}
	pthread_mutex_unlock(&ks->lock);
	return NULL;
}

/* Hands on all that are done. */
static void finish(struct serve *s)
{
	struct keepers *ks = s->keepers;
	struct keeping *k;

	for (;;) {
		pthread_mutex_lock(&ks->lock);
		k = take(&ks->done);
		pthread_mutex_unlock(&ks->lock);
		if (!k)
			return;
		serve_report_kept(s, k);
	}
}

static void written_ready(struct serve *s, struct source *src, uint32_t events)
{
	uint64_t n;

	(void)events;
	while (read(src->fd, &n, sizeof(n)) < 0 && errno == EINTR)
		;
	finish(s);
}

/* As many as can be had; they are there for good, and sleep. */
static void start_threads(struct keepers *ks)
{
	pthread_attr_t attr;

	if (pthread_attr_init(&attr))
		return;
	pthread_attr_setstacksize(&attr, WRITER_STACK_BYTES);
	while (ks->n < WRITERS &&
	       !pthread_create(&ks->threads[ks->n], &attr, work, ks))
		ks->n++;
	pthread_attr_destroy(&attr);
}

static int start(struct serve *s, struct err *err)
{
	struct keepers *ks = xcalloc(1, sizeof(*ks));

	ks->written.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ks->written.ready = written_ready;
	if (ks->written.fd < 0 ||
	    serve_watch(s, &ks->written, EPOLLIN, err) < 0) {
		err_sys(err, "cannot make an eventfd");
		goto fail;
	}
	ks->todo.end = &ks->todo.first;
	ks->done.end = &ks->done.first;
	pthread_mutex_init(&ks->lock, NULL);
	pthread_cond_init(&ks->news, NULL);
	/* our signals are blocked by now, and so they are for these */
	start_threads(ks);
	s->keepers = ks;
	if (ks->n)
		return 0;
	err_set(err, ERR_INTERNAL, "cannot start a thread");
	serve_keep_stop(s);
	return -1;
fail:
	if (ks->written.fd >= 0)
		close(ks->written.fd);
	free(ks);
	return -1;
}

int serve_keep(struct serve *s, struct keeping *k, struct err *err)
{
	struct keepers *ks;

	if (!s->keepers && start(s, err) < 0)
		return -1;
	ks = s->keepers;
	pthread_mutex_lock(&ks->lock);
	put(&ks->todo, k);
	pthread_cond_signal(&ks->news);
	pthread_mutex_unlock(&ks->lock);
	return 0;
}

void serve_keep_stop(struct serve *s)
{
	struct keepers *ks = s->keepers;
	int fd;

	if (!ks)
		return;
	/* what was handed over is written before they end */
	pthread_mutex_lock(&ks->lock);
	ks->end = true;
	pthread_cond_broadcast(&ks->news);
	pthread_mutex_unlock(&ks->lock);
	for (size_t i = 0; i < ks->n; i++)
		pthread_join(ks->threads[i], NULL);
	finish(s);
	fd = ks->written.fd;
	serve_unwatch(s, &ks->written);
	close(fd);
	pthread_cond_destroy(&ks->news);
	pthread_mutex_destroy(&ks->lock);
	free(ks);
	s->keepers = NULL;
}
