/*
 * The parent's side of the fetching child. See source.h. What comes from the
 * child is not trusted further than its frames: a child that breaks the
 * protocol is killed and replaced, bodies are hashed once more, and nothing
 * that it says makes the parent allocate more than a bounded amount.
 */
#include "config.h"
#include "engine/source.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/role.h"
#include "engine/source-private.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/limits.h"

/* Address space: two maps of packs, the largest trees, sums of a bundle. */
#define MEMORY_BYTES (6ull * 1024 * 1024 * 1024)
/* a lock and a few packs for each channel, connections */
#define CHILD_FILES (16 * LIMIT_CHANNELS)
#define RESTART_MIN_MS 100
#define RESTART_MAX_MS 30000
/* a child that lived so long was not killed by what it does first */
#define HEALTHY_MS 60000
/* until a child that lost its connection must have ended */
#define PATIENCE_MS 500

static void start_child(void *arg);

/* ---- channels as they are told to a child ---- */

static void send_settings(struct source *s, enum source_msg type)
{
	struct buf b = BUF_INIT(LIMIT_IPC_FRAME);

	if (s->sources->ipc) {
		source_put_settings(&b, &s->config.s);
		ipc_send(s->sources->ipc, (uint16_t)type, s->handle, &b);
	}
	buf_wipe(&b);
}

static void send_pin(struct source *s, enum source_msg type,
		     const struct source_pin *pin)
{
	struct buf b = BUF_INIT(256);

	if (!s->sources->ipc || !s->told)
		return;
	source_put_pin(&b, pin);
	ipc_send(s->sources->ipc, (uint16_t)type, s->handle, &b);
	buf_release(&b);
}

static void send_empty(struct source *s, enum source_msg type)
{
	if (s->sources->ipc && s->told)
		ipc_send(s->sources->ipc, (uint16_t)type, s->handle, NULL);
}

static size_t count_told(const struct sources *ss)
{
	size_t n = 0;

	for (const struct source *s = ss->first; s; s = s->next)
		n += s->told;
	return n;
}

static void tell_state(void *arg)
{
	struct source *s = arg;

	if (s->events.on_state)
		s->events.on_state(s->events.arg, &s->state);
}

/* The settings are such that no child is to see them. */
static void keep_back(struct source *s, const struct err *err)
{
	struct source_finding *f = &s->state.v[SOURCE_VERIFIED];

	send_empty(s, SOURCE_CLOSE);
	s->told = false;
	requests_fail(s);
	f->reason = SOURCE_SETTINGS;
	snprintf(f->message, sizeof(f->message), "%s", err->msg);
	loop_defer(s->sources->loop, &s->tell);
}

/* New settings, or a first time. A handle is never used twice. */
static void tell_child(struct source *s)
{
	struct err err = ERR_INIT;

	if (source_check_settings(&s->config.s, &err) < 0) {
		keep_back(s, &err);
		return;
	}
	if (s->told) {
		send_settings(s, SOURCE_UPDATE);
		return;
	}
	if (count_told(s->sources) >= LIMIT_CHANNELS) {
		err_set(&err, ERR_INVALID, "one engine takes at most %d "
			"channels", LIMIT_CHANNELS);
		keep_back(s, &err);
		return;
	}
	s->told = true;
	s->handle = s->sources->next_handle++;
	send_settings(s, SOURCE_OPEN);
}

/* ---- what the child says ---- */

static struct source *find_source(struct sources *ss, uint32_t handle)
{
	for (struct source *s = ss->first; s; s = s->next)
		if (s->told && s->handle == handle)
			return s;
	return NULL;
}

static bool is_bundle_id(const char *s)
{
	return is_hex(s, strlen(s), GIT_HEX_SIZE - 1);
}

static int on_bundle_frame(struct source *s, const struct ipc_frame *f,
			   struct ipc_in *in, struct err *err)
{
	char id[GIT_HEX_SIZE];

	ipc_get_str(in, id, sizeof(id));
	if (ipc_in_end(in, source_msg_name(f->type), err) < 0)
		return -1;
	if (!is_bundle_id(id))
		return err_set(err, ERR_INVALID, "protocol error: %s",
			       source_msg_name(f->type));
	if (f->type == SOURCE_AT_HAND && s->events.on_at_hand)
		s->events.on_at_hand(s->events.arg, id);
	else if (f->type == SOURCE_LOST && s->events.on_lost)
		s->events.on_lost(s->events.arg, id);
	else if (f->type == SOURCE_ACCEPTED && s->events.on_accepted)
		s->events.on_accepted(s->events.arg, id);
	return 0;
}

static int on_opened(struct source *s, struct ipc_in *in, struct err *err)
{
	struct source_pin pin;

	source_get_pin(in, &pin);
	if (ipc_in_end(in, "OPENED", err) < 0)
		return -1;
	if (s->events.on_opened)
		s->events.on_opened(s->events.arg, &pin);
	return 0;
}

static int on_state(struct source *s, struct ipc_in *in, struct err *err)
{
	struct source_state state;

	source_get_state(in, &state);
	if (ipc_in_end(in, "STATE", err) < 0)
		return -1;
	s->state = state;
	if (s->events.on_state)
		s->events.on_state(s->events.arg, &s->state);
	return 0;
}

static int on_candidate(struct source *s, struct ipc_in *in, struct err *err)
{
	struct source_candidate c;

	source_get_candidate(in, &c);
	if (ipc_in_end(in, "CANDIDATE", err) < 0)
		return -1;
	/* it crossed our UPDATE: judged by lists that are no more */
	if (c.serial != s->config.s.serial)
		return 0;
	if (s->events.on_candidate)
		s->events.on_candidate(s->events.arg, &c);
	return 0;
}

static int on_consents(struct source *s, struct ipc_in *in, struct err *err)
{
	char bundle[GIT_HEX_SIZE];
	struct consents cs;
	int rc;

	ipc_get_str(in, bundle, sizeof(bundle));
	source_get_consents(in, &cs);
	rc = ipc_in_end(in, "CONSENTS", err);
	if (!rc && s->events.on_consents)
		s->events.on_consents(s->events.arg, bundle, &cs);
	consents_release(&cs);
	return rc;
}

static int on_frame(void *arg, const struct ipc_frame *f, struct err *err)
{
	struct sources *ss = arg;
	struct source *s = find_source(ss, f->channel);
	struct ipc_in in;

	ipc_in_init(&in, f);
	if (f->type == SOURCE_READY) {
		ss->landlock = ipc_get_u32(&in);
		return ipc_in_end(&in, "READY", err);
	}
	if (!s) {
		/* it crossed our CLOSE */
		if (f->channel < ss->next_handle)
			return 0;
		return err_set(err, ERR_INVALID, "protocol error: %s for no "
			       "channel", source_msg_name(f->type));
	}
	switch (f->type) {
	case SOURCE_OPENED:
		return on_opened(s, &in, err);
	case SOURCE_STATE:
		return on_state(s, &in, err);
	case SOURCE_CANDIDATE:
		return on_candidate(s, &in, err);
	case SOURCE_CONSENTS:
		return on_consents(s, &in, err);
	case SOURCE_AT_HAND:
	case SOURCE_LOST:
	case SOURCE_ACCEPTED:
		return on_bundle_frame(s, f, &in, err);
	default:
		return request_frame(s, f, err);
	}
}

/* ---- the child's life ---- */

/* Its process is gone, or is to go: questions to it have no answer. */
static void drop_child(struct sources *ss)
{
	ipc_free(ss->ipc);
	ss->ipc = NULL;
	if (ss->pid)
		kill(ss->pid, SIGKILL);
	for (struct source *s = ss->first; s; s = s->next)
		requests_fail(s);
}

static void on_closed(void *arg, const struct err *err)
{
	struct sources *ss = arg;

	if (err)
		log_error("fetch-child", LOG_S("error", err->msg));
	drop_child(ss);
}

static void on_exit_status(void *arg, int status)
{
	struct sources *ss = arg;
	int64_t lived = clock_mono_ms() - ss->started;

	ss->pid = 0;
	ss->landlock = 0;
	log_error("fetch-child-ended", LOG_N("status", status),
		  LOG_N("lived-ms", lived));
	drop_child(ss);
	if (lived > HEALTHY_MS)
		ss->backoff = RESTART_MIN_MS;
	timer_set(&ss->restart, ss->backoff);
	ss->backoff *= 2;
	if (ss->backoff > RESTART_MAX_MS)
		ss->backoff = RESTART_MAX_MS;
}

static int spawn(struct sources *ss, struct err *err)
{
	static const struct role_limits limits = {
		.memory = MEMORY_BYTES, .files = CHILD_FILES,
		.file = 3 * LIMIT_PACK_BYTES,
	};
	struct ipc_ops ops = { on_frame, NULL, on_closed, ss };
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_sys(err, "cannot make a socketpair");
	if (role_spawn(ROLE_FETCH, NULL, fds[1], &limits, &ss->pid, err) < 0) {
		close(fds[0]);
		return -1;
	}
	ss->started = clock_mono_ms();
	if (loop_on_exit(ss->loop, ss->pid, on_exit_status, ss, err) < 0) {
		kill(ss->pid, SIGKILL);
		waitpid(ss->pid, NULL, 0);
		ss->pid = 0;
		close(fds[0]);
		return -1;
	}
	return ipc_new(ss->loop, fds[0], &ops, &ss->ipc, err);
}

static void say_hello(struct sources *ss)
{
	struct buf b = BUF_INIT(LIMIT_PATH_BYTES + 64);

	ipc_put_u32(&b, SOURCE_PROTOCOL);
	ipc_put_str(&b, ss->state_dir);
	ipc_put_u8(&b, (uint8_t)ss->level);
	ipc_send(ss->ipc, SOURCE_HELLO, 0, &b);
	buf_release(&b);
	for (struct source *s = ss->first; s; s = s->next)
		if (s->told)
			send_settings(s, SOURCE_OPEN);
}

static void start_child(void *arg)
{
	struct sources *ss = arg;
	struct err err = ERR_INIT;

	ss->restarts++;
	if (spawn(ss, &err) < 0) {
		log_error("fetch-child", LOG_S("error", err.msg));
		/* if it runs, its end tries again */
		if (ss->pid)
			kill(ss->pid, SIGKILL);
		else
			timer_set(&ss->restart, RESTART_MAX_MS);
		return;
	}
	say_hello(ss);
}

int sources_new(struct loop *l, const char *state_dir, enum log_level level,
		struct sources **ret, struct err *err)
{
	struct sources *ss;

	if (*state_dir != '/' || strlen(state_dir) > LIMIT_PATH_BYTES)
		return err_set(err, ERR_INVALID, "state directory '%s' is no "
			       "absolute path", state_dir);
	if (fs_mkdirs(state_dir, 0700, err) < 0)
		return -1;
	ss = xcalloc(1, sizeof(*ss));
	ss->loop = l;
	ss->level = level;
	ss->state_dir = xstrdup(state_dir);
	ss->next_handle = 1;
	ss->backoff = RESTART_MIN_MS;
	timer_init(&ss->restart, l, start_child, ss);
	if (spawn(ss, err) < 0) {
		sources_free(ss);
		return -1;
	}
	say_hello(ss);
	*ret = ss;
	return 0;
}

void sources_free(struct sources *ss)
{
	if (!ss)
		return;
	while (ss->first)
		source_close(ss->first);
	timer_stop(&ss->restart);
	/* without a connection it ends by itself */
	ipc_free(ss->ipc);
	if (ss->pid)
		loop_end_child(ss->loop, ss->pid, PATIENCE_MS);
	free(ss->state_dir);
	free(ss);
}

struct sources_stats sources_stats(const struct sources *ss)
{
	return (struct sources_stats){ ss->restarts, ss->pid, ss->landlock };
}

/* ---- channels ---- */

struct source *source_open(struct sources *ss,
			   const struct source_settings *settings,
			   const struct source_events *events)
{
	struct source *s = xcalloc(1, sizeof(*s));

	s->sources = ss;
	s->events = *events;
	source_config_copy(&s->config, settings);
	work_init(&s->tell, tell_state, s);
	for (int i = 0; i < SOURCE_CONDITIONS; i++)
		s->state.v[i].reason = SOURCE_UNKNOWN;
	requests_init(s);
	s->next = ss->first;
	ss->first = s;
	tell_child(s);
	return s;
}

/* By their bytes on the wire: no field can be forgotten. */
static bool same_settings(const struct source_settings *a,
			  const struct source_settings *b)
{
	struct buf x = BUF_INIT(LIMIT_IPC_FRAME);
	struct buf y = BUF_INIT(LIMIT_IPC_FRAME);
	bool same;

	source_put_settings(&x, a);
	source_put_settings(&y, b);
	same = x.len == y.len && !memcmp(x.data, y.data, x.len);
	buf_wipe(&x);
	buf_wipe(&y);
	return same;
}

bool source_update(struct source *s, const struct source_settings *settings)
{
	struct source_settings new = *settings;
	struct err ignored = ERR_INIT;

	new.accepted = s->config.s.accepted;
	new.applied = s->config.s.applied;
	new.serial = s->config.s.serial;
	if (s->told && source_check_settings(&new, &ignored) == 0 &&
	    same_settings(&s->config.s, &new))
		return false;
	new.serial++;
	source_config_release(&s->config);
	source_config_copy(&s->config, &new);
	tell_child(s);
	return true;
}

void source_close(struct source *s)
{
	struct source **at;

	if (!s)
		return;
	for (at = &s->sources->first; *at != s; at = &(*at)->next)
		;
	*at = s->next;
	send_empty(s, SOURCE_CLOSE);
	loop_undefer(s->sources->loop, &s->tell);
	requests_release(s);
	source_config_release(&s->config);
	s->closed = true;
	source_enter(s);
	source_leave(s);
}

void source_enter(struct source *s)
{
	s->busy++;
}

bool source_leave(struct source *s)
{
	if (--s->busy || !s->closed)
		return !s->closed;
	free(s);
	return false;
}

void source_accept(struct source *s, const struct source_pin *pin)
{
	s->config.s.accepted = *pin;
	send_pin(s, SOURCE_ACCEPT, pin);
}

void source_applied(struct source *s, const struct source_pin *pin)
{
	s->config.s.applied = *pin;
	send_pin(s, SOURCE_APPLIED, pin);
}

void source_poll(struct source *s)
{
	send_empty(s, SOURCE_POLL);
}
