/*
 * The main of the fetching child. See fetch-child.h. The parent is trusted
 * to say what is to be fetched and what was accepted, but its frames are
 * read as strictly as it reads ours.
 */
#include "config.h"
#include "engine/fetch-child.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/answer.h"
#include "engine/post.h"
#include "engine/pull.h"
#include "schema/base/fs.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/limits.h"

/* HTTP/2 streams of one connection */
#define STREAMS 100

struct main {
	struct child child;
	struct answers *answers;
	struct posts *posts;		/* reports on their way */
	struct map pulls;		/* handle, as text -> struct pull */
	bool failed;
};

/* The key of a handle. */
struct handle_key {
	char text[16];
};

static struct handle_key key_of(uint32_t handle)
{
	struct handle_key k;

	snprintf(k.text, sizeof(k.text), "%" PRIu32, handle);
	return k;
}

static struct pull *find(struct main *m, uint32_t handle)
{
	return map_get(&m->pulls, key_of(handle).text);
}

static void free_pull(void *arg)
{
	pull_free(arg);
}

/* Before anything of a stranger is read: no channel is open yet, and
 * libcurl has no thread. */
static void enter_walls(struct main *m)
{
	struct child *c = &m->child;
	struct buf b = BUF_INIT(16);
	struct err why = ERR_INIT;

	if (confine(c->state_root, &c->walls, &why) < 0)
		log_warn("not-confined", LOG_S("because", why.msg));
	else
		log_info("confined", LOG_N("landlock", c->walls.landlock));
	ipc_put_u32(&b, (uint32_t)c->walls.landlock);
	ipc_send(c->ipc, SOURCE_READY, 0, &b);
	buf_release(&b);
}

void child_look(struct child *c)
{
	const char *path = c->ending ? NULL : confined_stale(&c->walls);

	if (!path)
		return;
	log_warn("shut-out", LOG_S("path", path));
	c->ending = true;
	loop_stop(c->loop);
}

static int on_hello(struct main *m, struct ipc_in *in, struct err *err)
{
	uint32_t version = ipc_get_u32(in);
	char *root = ipc_get_strdup(in, LIMIT_PATH_BYTES);
	uint8_t level = ipc_get_u8(in);
	int rc = ipc_in_end(in, "HELLO", err);

	if (!rc && (version != SOURCE_PROTOCOL || m->child.state_root ||
		    level > LOG_ERROR || *root != '/'))
		rc = err_set(err, ERR_INVALID, "protocol error: HELLO");
	if (rc) {
		free(root);
		return -1;
	}
	m->child.state_root = root;
	log_set_level((enum log_level)level);
	enter_walls(m);
	return 0;
}

static int on_open(struct main *m, uint32_t handle, struct ipc_in *in,
		   struct err *err)
{
	struct source_config config;
	int rc;

	source_get_settings(in, &config);
	rc = ipc_in_end(in, "OPEN", err);
	if (!rc && (find(m, handle) || m->pulls.count >= LIMIT_CHANNELS))
		rc = err_set(err, ERR_INVALID, "protocol error: OPEN");
	if (!rc)
		map_put(&m->pulls, key_of(handle).text,
			pull_new(&m->child, handle, &config));
	source_config_release(&config);
	return rc;
}

static int on_update(struct main *m, struct pull *p, struct ipc_in *in,
		     struct err *err)
{
	struct source_config config;
	int rc;

	source_get_settings(in, &config);
	rc = ipc_in_end(in, "UPDATE", err);
	/* they stand on the settings as they were */
	if (!rc)
		posts_stop(m->posts, p);
	if (!rc)
		rc = pull_update(p, &config, err);
	source_config_release(&config);
	return rc;
}

static void on_close(struct main *m, struct pull *p)
{
	answers_forget(m->answers, p);
	posts_forget(m->posts, p);
	map_del(&m->pulls, key_of(p->handle).text);
	pull_free(p);
}

static int on_pin(struct pull *p, uint16_t type, struct ipc_in *in,
		  struct err *err)
{
	struct source_pin pin;

	source_get_pin(in, &pin);
	if (ipc_in_end(in, source_msg_name(type), err) < 0)
		return -1;
	if (type == SOURCE_APPLIED) {
		pull_applied(p, &pin);
		return 0;
	}
	if (!pin.bundle[0] || !pin.epoch || !pin.sequence)
		return err_set(err, ERR_INVALID, "protocol error: ACCEPT");
	pull_accept(p, &pin);
	return 0;
}

static int on_channel_frame(struct main *m, struct pull *p,
			    const struct ipc_frame *f, struct err *err)
{
	struct ipc_in in;
	uint32_t request;

	ipc_in_init(&in, f);
	switch (f->type) {
	case SOURCE_UPDATE:
		return on_update(m, p, &in, err);
	case SOURCE_CLOSE:
		if (ipc_in_end(&in, "CLOSE", err) < 0)
			return -1;
		on_close(m, p);
		return 0;
	case SOURCE_ACCEPT:
	case SOURCE_APPLIED:
		return on_pin(p, f->type, &in, err);
	case SOURCE_POLL:
		if (ipc_in_end(&in, "POLL", err) < 0)
			return -1;
		pull_poll(p);
		return 0;
	case SOURCE_DIFF:
	case SOURCE_OBJECT:
	case SOURCE_ORIGINS:
		return answers_take(m->answers, p, f, err);
	case SOURCE_CANCEL:
		request = ipc_get_u32(&in);
		if (ipc_in_end(&in, "CANCEL", err) < 0)
			return -1;
		answers_cancel(m->answers, p, request);
		posts_cancel(m->posts, p, request);
		return 0;
	case SOURCE_REPORT:
		return posts_take(m->posts, p, f, err);
	}
	return err_set(err, ERR_INVALID, "protocol error: message %u",
		       f->type);
}

static int on_frame(void *arg, const struct ipc_frame *f, struct err *err)
{
	struct main *m = arg;
	struct ipc_in in;
	struct pull *p;

	ipc_in_init(&in, f);
	if (f->type == SOURCE_HELLO)
		return on_hello(m, &in, err);
	if (!m->child.state_root)
		return err_set(err, ERR_INVALID,
			       "protocol error: no HELLO");
	if (f->type == SOURCE_OPEN)
		return on_open(m, f->channel, &in, err);
	p = find(m, f->channel);
	if (!p)
		return err_set(err, ERR_INVALID, "protocol error: %s for no "
			       "channel", source_msg_name(f->type));
	return on_channel_frame(m, p, f, err);
}

static void on_room(void *arg)
{
	answers_go_on(((struct main *)arg)->answers);
}

static void on_closed(void *arg, const struct err *err)
{
	struct main *m = arg;

	if (err) {
		log_error("connection", LOG_S("error", err->msg));
		m->failed = true;
	}
	loop_stop(m->child.loop);
}

static int start(struct main *m, int fd, struct err *err)
{
	struct ipc_ops ops = { on_frame, on_room, on_closed, m };

	if (sodium_init() < 0)
		return err_set(err, ERR_INTERNAL, "libsodium does not start");
	if (cache_setup(err) < 0 || loop_new(&m->child.loop, err) < 0 ||
	    http_new(m->child.loop, STREAMS, &m->child.http, err) < 0 ||
	    ipc_new(m->child.loop, fd, &ops, &m->child.ipc, err) < 0)
		return -1;
	trim_init(&m->child.trim, m->child.loop);
	m->child.pollers = pollers_new(m->child.loop, m->child.http);
	m->child.downloads = downloads_new(m->child.loop, m->child.http);
	m->answers = answers_new(&m->child);
	m->posts = posts_new(&m->child);
	return 0;
}

int fetch_child_main(int fd)
{
	struct main m = { .failed = false };
	struct err err = ERR_INIT;
	struct stat st;

	log_set_role("fetch");
	signal(SIGPIPE, SIG_IGN);
	/* a terminal's Ctrl-C and systemd's stop mean our parent: it closes
	 * the connection, and that is our end */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	/* a file that may not grow is an error to report, as a full disk is */
	signal(SIGXFSZ, SIG_IGN);
	umask(077);
	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		log_error("start", LOG_S("error", "this is a child of "
					 "windlassd, not for use by hand"));
		return 1;
	}
	if (start(&m, fd, &err) < 0 || loop_run(m.child.loop, &err) < 0) {
		log_error("start", LOG_S("error", err.msg));
		m.failed = true;
	}
	answers_free(m.answers);
	posts_free(m.posts);
	map_release(&m.pulls, free_pull);
	pollers_free(m.child.pollers);
	downloads_free(m.child.downloads);
	ipc_free(m.child.ipc);
	trim_stop(&m.child.trim);
	http_free(m.child.http);
	loop_free(m.child.loop);
	confined_release(&m.child.walls);
	free(m.child.state_root);
	return m.failed ? 1 : 0;
}
