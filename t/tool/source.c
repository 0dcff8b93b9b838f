/*
 * The parent's side of the fetching child (engine/source.h) as a program:
 * one channel, commands on stdin, events on stdout, a line each. Tests drive
 * it from a shell, with real servers and real processes.
 *
 *   source --state DIR --url URL --channel NAME --id ID --publishers FILE
 *          [--interval SECONDS] [--floor EPOCH] [--header 'Name: value']...
 *          [--ca FILE] [--accepted PIN] [--applied PIN] [--auto]
 *          [--approvers FILE]
 *
 * PIN is "EPOCH SEQUENCE BUNDLE CONTENT HEAD-ISSUED". With --auto every
 * candidate is accepted and applied.
 *
 * Commands: accept, accept-before (the candidate before the last), applied,
 * list BUNDLE, diff FROM|none TO, object BUNDLE PATH SHA256 FILE, origins BUNDLE PATH..., poll,
 * publishers FILE, approvers FILE, touch yes|no, floor EPOCH, kill, pid,
 * quit.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "engine/role.h"
#include "engine/source.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/strvec.h"

static struct loop *loop;
static struct sources *sources;
static struct source *source;
static struct source_settings settings = { .interval = 1 };
static struct strvec headers;
static struct source_candidate candidate, before;
static struct source_pin accepted;
static bool automatic;
static struct buf input = BUF_INIT(1 << 20);
static char *body_file;
static size_t items_seen;

static void die(const char *what)
{
	fprintf(stderr, "source: %s\n", what);
	exit(129);
}

static char *read_file(const char *path)
{
	struct buf b = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;

	if (fs_read(AT_FDCWD, path, &b, &err) < 0)
		die(err.msg);
	return buf_detach(&b, NULL);
}

static uint64_t number(const char *s)
{
	uint64_t n;

	if (parse_u64(s, 0, INT64_MAX, &n) < 0)
		die("not a number");
	return n;
}

static struct source_pin parse_pin(char *text)
{
	struct source_pin p = { 0 };
	char *w[5], *save = NULL;

	for (int i = 0; i < 5; i++) {
		w[i] = strtok_r(i ? NULL : text, " ", &save);
		if (!w[i])
			die("a pin has five words");
	}
	p.epoch = number(w[0]);
	p.sequence = number(w[1]);
	snprintf(p.bundle, sizeof(p.bundle), "%s", w[2]);
	if (sha256_parse(w[3], strlen(w[3]), &p.content) < 0 ||
	    clock_parse(w[4], &p.head_issued) < 0)
		die("a bad pin");
	return p;
}

static void print_pin(const char *what, const struct source_pin *p)
{
	char hex[SHA256_HEX_SIZE], issued[CLOCK_TEXT_SIZE];

	sha256_hex(&p->content, hex);
	clock_format(p->head_issued, issued);
	if (p->bundle[0])
		printf("%s %" PRIu64 " %" PRIu64 " %s %s %s\n", what, p->epoch,
		       p->sequence, p->bundle, hex, issued);
	else
		printf("%s none\n", what);
}

/* ---- events ---- */

static void on_opened(void *arg, const struct source_pin *pin)
{
	print_pin("opened", pin);
}

static void on_state(void *arg, const struct source_state *s)
{
	static const char *const names[] = {
		"fetched", "verified", "stale", "forked", "clock",
	};

	printf("state");
	for (int i = 0; i < SOURCE_CONDITIONS; i++)
		printf(" %s=%s", names[i],
		       source_reason_name((enum source_condition)i,
					  s->v[i].reason));
	printf(" head=%" PRIu64 ".%" PRIu64 " long=%s\n", s->epoch,
	       s->sequence, s->long_poll ? "yes" : "no");
	for (int i = 0; i < SOURCE_CONDITIONS; i++)
		if (s->v[i].message[0])
			printf("because %s: %s\n", names[i],
			       s->v[i].message);
}

static void accept_candidate(void)
{
	accepted = candidate.pin;
	source_accept(source, &accepted);
}

static void on_candidate(void *arg, const struct source_candidate *c)
{
	printf("candidate %" PRIu64 ".%" PRIu64 " %s objects=%" PRIu64
	       " commits=%" PRIu64 " since=%s +%" PRIu64 " ~%" PRIu64 " -%"
	       PRIu64 " at-hand=%s crossed=%s publisher=%s ref=%s "
	       "source=%s ms=%" PRId64 "\n", c->pin.epoch, c->pin.sequence,
	       c->pin.bundle, c->objects, c->commits,
	       c->since[0] ? c->since : "none", c->created, c->changed,
	       c->deleted, c->since_at_hand ? "yes" : "no",
	       c->epoch_crossed ? "yes" : "no", c->publisher, c->source_ref,
	       c->source_commit, clock_mono_ms());
	printf("votes %u by=%s missing=%s rejected=%s%s%s%s\n",
	       c->votes.approved, c->votes.names, c->votes.missing,
	       c->votes.rejected_by, c->votes.unread ? " unread" : "",
	       *c->votes.problem ? " because " : "", c->votes.problem);
	before = candidate;
	candidate = *c;
	if (automatic) {
		accept_candidate();
		source_applied(source, &accepted);
	}
}

static void on_consents(void *arg, const char *bundle,
			const struct consents *cs)
{
	printf("consents %s", bundle);
	for (size_t i = 0; i < cs->n; i++)
		printf(" %s %s", cs->v[i].principal, cs->v[i].key);
	putchar('\n');
}

static void on_at_hand(void *arg, const char *bundle)
{
	printf("at-hand %s\n", bundle);
}

static void on_accepted(void *arg, const char *bundle)
{
	printf("accepted %s\n", bundle);
}

/* ---- requests ---- */

static void on_items(void *arg, const struct source_item *v, size_t n)
{
	static const char *const ops[] = { "create", "change", "delete" };
	char hex[SHA256_HEX_SIZE];

	items_seen += n;
	for (size_t i = 0; i < n; i++) {
		sha256_hex(&v[i].digest, hex);
		printf("item %s %s %s %" PRIu64 "\n", ops[v[i].op], v[i].path,
		       hex, v[i].size);
	}
}

static void on_done(void *arg, const struct err *err)
{
	if (err)
		printf("failed %s %s\n", err_class_name(err->class), err->msg);
	else
		printf("done %zu\n", items_seen);
	items_seen = 0;
}

static void on_body(void *arg, const char *body, size_t len,
		    const struct err *err)
{
	struct err failed = ERR_INIT;

	if (err)
		printf("failed %s %s\n", err_class_name(err->class), err->msg);
	else if (fs_write(AT_FDCWD, body_file, body, len, 0600, &failed) < 0)
		die(failed.msg);
	else
		printf("body %zu\n", len);
}

static void on_place(void *arg, const char *path, const char *place)
{
	printf("place %s %s\n", path, place);
}

/* ---- commands ---- */

static void ask_object(char **w, size_t n)
{
	struct sha256 digest;

	if (n != 5 || sha256_parse(w[3], strlen(w[3]), &digest) < 0)
		die("object BUNDLE PATH SHA256 FILE");
	free(body_file);
	body_file = xstrdup(w[4]);
	source_object(source, w[1], w[2], &digest, on_body, NULL);
}

static void command(char **w, size_t n)
{
	if (!strcmp(w[0], "accept")) {
		accept_candidate();
	} else if (!strcmp(w[0], "accept-before")) {
		candidate = before;
		accept_candidate();
	} else if (!strcmp(w[0], "applied")) {
		source_applied(source, &accepted);
	} else if (!strcmp(w[0], "list") && n == 2) {
		source_list(source, w[1], on_items, on_done, NULL);
	} else if (!strcmp(w[0], "diff") && n == 3) {
		source_diff(source, strcmp(w[1], "none") ? w[1] : "", w[2],
			    on_items, on_done, NULL);
	} else if (!strcmp(w[0], "object")) {
		ask_object(w, n);
	} else if (!strcmp(w[0], "origins") && n >= 2) {
		source_origins(source, w[1], (const char *const *)w + 2, n - 2,
			       on_place, on_done, NULL);
	} else if (!strcmp(w[0], "poll")) {
		source_poll(source);
	} else if (!strcmp(w[0], "publishers") && n == 2) {
		settings.publishers = read_file(w[1]);
		source_update(source, &settings);
	} else if (!strcmp(w[0], "approvers") && n == 2) {
		settings.approvers = read_file(w[1]);
		source_update(source, &settings);
	} else if (!strcmp(w[0], "touch") && n == 2) {
		settings.require_touch = !strcmp(w[1], "yes");
		source_update(source, &settings);
	} else if (!strcmp(w[0], "pusher") && n == 2) {
		settings.not_by_pusher = !strcmp(w[1], "no");
		source_update(source, &settings);
	} else if (!strcmp(w[0], "floor") && n == 2) {
		settings.epoch_floor = number(w[1]);
		source_update(source, &settings);
	} else if (!strcmp(w[0], "kill")) {
		kill(sources_stats(sources).pid, SIGKILL);
	} else if (!strcmp(w[0], "pid")) {
		printf("pid %d\n", (int)sources_stats(sources).pid);
	} else if (!strcmp(w[0], "quit")) {
		loop_stop(loop);
	} else {
		die("unknown command");
	}
}

static void run_line(char *line)
{
	char *save = NULL, *w[64];
	size_t n = 0;

	for (char *p = strtok_r(line, " ", &save); p && n < 63;
	     p = strtok_r(NULL, " ", &save))
		w[n++] = p;
	w[n] = NULL;
	if (n)
		command(w, n);
}

static void on_stdin(void *arg, uint32_t events)
{
	char chunk[4096];
	ssize_t n = read(STDIN_FILENO, chunk, sizeof(chunk));
	char *lf;

	if (n <= 0) {
		loop_stop(loop);
		return;
	}
	buf_add(&input, chunk, (size_t)n);
	while ((lf = memchr(input.data, '\n', input.len))) {
		size_t used = (size_t)(lf - input.data) + 1;
		char *line = xstrndup(input.data, used - 1);

		memmove(input.data, lf + 1, input.len - used);
		buf_truncate(&input, input.len - used);
		run_line(line);
		free(line);
	}
}

static const char *parse_options(int argc, char **argv)
{
	const char *state = NULL;

	for (int i = 1; i < argc; i++) {
		const char *o = argv[i];

		if (!strcmp(o, "--auto")) {
			automatic = true;
			continue;
		}
		if (++i == argc)
			die("an option without its value");
		if (!strcmp(o, "--state"))
			state = argv[i];
		else if (!strcmp(o, "--url"))
			settings.url = argv[i];
		else if (!strcmp(o, "--channel"))
			settings.name = argv[i];
		else if (!strcmp(o, "--id"))
			settings.channel_id = argv[i];
		else if (!strcmp(o, "--publishers"))
			settings.publishers = read_file(argv[i]);
		else if (!strcmp(o, "--approvers"))
			settings.approvers = read_file(argv[i]);
		else if (!strcmp(o, "--interval"))
			settings.interval = (int64_t)number(argv[i]);
		else if (!strcmp(o, "--floor"))
			settings.epoch_floor = number(argv[i]);
		else if (!strcmp(o, "--header"))
			strvec_push(&headers, argv[i]);
		else if (!strcmp(o, "--ca"))
			settings.ca_pem = read_file(argv[i]);
		else if (!strcmp(o, "--accepted"))
			settings.accepted = parse_pin(argv[i]);
		else if (!strcmp(o, "--applied"))
			settings.applied = parse_pin(argv[i]);
		else
			die("unknown option");
	}
	settings.headers = (const char *const *)headers.v;
	if (!state || !settings.url || !settings.name ||
	    !settings.channel_id || !settings.publishers)
		die("--state, --url, --channel, --id and --publishers are needed");
	return state;
}

int main(int argc, char **argv)
{
	struct source_events events = {
		.on_opened = on_opened, .on_state = on_state,
		.on_candidate = on_candidate, .on_consents = on_consents,
		.on_at_hand = on_at_hand,
		.on_accepted = on_accepted,
	};
	struct err err = ERR_INIT;
	const char *state;
	int status;

	if (role_play(argc, argv, &status))
		return status;
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	state = parse_options(argc, argv);
	accepted = settings.accepted;
	if (loop_new(&loop, &err) < 0 ||
	    sources_new(loop, state, LOG_INFO, &sources, &err) < 0)
		die(err.msg);
	source = source_open(sources, &settings, &events);
	loop_add_fd(loop, STDIN_FILENO, EPOLLIN, on_stdin, NULL);
	if (loop_run(loop, &err) < 0)
		die(err.msg);
	sources_free(sources);
	loop_free(loop);
	buf_release(&input);
	strvec_release(&headers);
	free(body_file);
	return 0;
}
