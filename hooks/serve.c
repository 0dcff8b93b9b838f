/*
 * windlass-hook serve: hands out heads and packs, holds back answers until
 * there is news, keeps heads fresh and publishes what no hook did. This file
 * is its command line and what it refuses to do: to be reached from beyond
 * this machine in the clear, or by everybody without being told so, and to
 * begin while others can get at a key.
 */
#include "config.h"
#include "hooks/serve.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hooks/consensus.h"
#include "hooks/receiver.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/num.h"
#include "schema/base/options.h"
#include "schema/object.h"
#include "schema/sshkey.h"

#define LISTEN_DEFAULT "127.0.0.1:8420"

static const char usage[] =
"usage: windlass-hook serve [--repo DIR] [OPTIONS]\n"
"\n"
"Serves the published heads and packs of a repository over HTTP, and a page of\n"
"each channel for people, keeps heads fresh, and publishes pushes that no hook\n"
"did.\n"
"\n"
"  --repo DIR            the bare repository (default: $GIT_DIR or .)\n"
"  --listen ADDR:PORT    where to listen; also [ADDR]:PORT or unix:/PATH\n"
"                        (default: windlass.serve, else " LISTEN_DEFAULT ")\n"
"  --tls-cert FILE       speak TLS with this certificate (PEM)\n"
"  --tls-key FILE        and its key\n"
"  --behind-proxy        a proxy in front speaks TLS\n"
"  --tokens FILE         answer only who bears one of these tokens\n"
"  --public              answer everybody\n"
"  --check-interval TIME how often to look for unpublished pushes (1m)\n"
"  --verbose             log every request\n"
"\n"
"A socket that systemd passes (LISTEN_FDS) is used instead of --listen.\n"
"Beyond loopback it wants --tls-cert or --behind-proxy, and --tokens or\n"
"--public. SIGHUP makes it read settings, tokens and certificate again; a\n"
"renewed certificate is also found at each --check-interval.\n";

static int take_interval(void *target, const char *value, struct err *err)
{
	int64_t *seconds = target;

	if (parse_duration(value, seconds) < 0 || *seconds < 1 ||
	    *seconds > 86400)
		return err_set(err, ERR_INVALID, "is no time from 1s to 1d");
	return 0;
}

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct serve_options *o)
{
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &o->repo),
		OPTION_TEXT("listen", &o->listen),
		OPTION_TEXT("tls-cert", &o->tls_cert),
		OPTION_TEXT("tls-key", &o->tls_key),
		OPTION_FLAG("behind-proxy", &o->behind_proxy),
		OPTION_TEXT("tokens", &o->tokens_file),
		OPTION_FLAG("public", &o->public),
		OPTION_TAKE("check-interval", take_interval,
			    &o->check_interval),
		{ .name = "verbose", .letter = 'v', .flag = &o->verbose },
		OPTION_END
	};
	int status;

	o->check_interval = CHECK_INTERVAL_DEFAULT;
	status = options_parse_alone(specs, usage, argc, argv);
	if (status >= 0)
		return status;
	if (!o->tls_cert != !o->tls_key)
		return usage_error(usage, "--tls-cert and --tls-key go "
				   "together");
	if (o->tokens_file && o->public)
		return usage_error(usage, "--tokens and --public exclude each "
				   "other");
	return -1;
}

/* What must not be public: the channel's name, or NULL. */
static const char *secret_channel(const struct host_config *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->channels[i].allow_secrets)
			return c->channels[i].name;
	return NULL;
}

static int check_policy(const struct serve_options *o,
			const struct listen_addr *addr,
			const struct host_config *config, struct err *err)
{
	const char *secret = o->public ? secret_channel(config) : NULL;

	if (secret)
		return err_set(err, ERR_INVALID, "channel '%s' holds Secrets "
			       "(secrets = allow), so --public is refused; "
			       "use --tokens FILE", secret);
	if (listen_is_local(addr))
		return 0;
	if (!o->tls_cert && !o->behind_proxy)
		return err_set(err, ERR_INVALID, "beyond loopback it needs "
			       "--tls-cert and --tls-key, or --behind-proxy "
			       "where a proxy speaks TLS");
	if (!o->tokens_file && !o->public)
		return err_set(err, ERR_INVALID, "beyond loopback it needs "
			       "--tokens FILE, or --public to answer "
			       "everybody");
	return 0;
}

/*
 * A key that others could have read has to be seen by an admin, who would not
 * look for it while heads are served as if nothing were. Of the others, which
 * may come back by themselves, only their own channel is behind.
 */
static int check_keys(const struct host_config *c, struct err *err)
{
	for (size_t i = 0; i < c->n; i++)
		if (signer_check(c->channels[i].signing_key, err) < 0)
			return err_wrap(err, "windlass.%s.signingKey",
					c->channels[i].name);
	return receiver_check_files(c, err);
}

static void log_certificate(const struct serve *s)
{
	char text[CLOCK_TEXT_SIZE] = "";
	const char *expires = text;
	int64_t t = tls_expires(s->tls);

	if (t >= 0 && t < CLOCK_TIME_END)
		clock_format(t, text);
	log_info("certificate-read", LOG_S("file", s->opts.tls_cert),
		 LOG_S("expires", expires));
}

static void renew_certificate(struct serve *s)
{
	struct err err = ERR_INIT;
	bool renewed = false;

	if (tls_renew(s->tls, &renewed, &err) < 0)
		log_error("certificate-refused", LOG_S("error", err.msg));
	else if (renewed)
		log_certificate(s);
}

void serve_reload(struct serve *s, bool all)
{
	struct host_config config = { 0 };
	struct tokens tokens = TOKENS_INIT;
	struct err err = ERR_INIT;

	if (s->tls)
		renew_certificate(s);
	if (config_read(s->host.repo, &config, &err) < 0) {
		log_error("settings-refused", LOG_S("error", err.msg));
		return;
	}
	config_release(&s->host.config);
	s->host.config = config;
	serve_heads_update(s);
	if (check_policy(&s->opts, &s->addr, &config, &err) < 0) {
		log_error("must-not-serve", LOG_S("error", err.msg));
		s->stop = true;
		s->status = EXIT_REFUSED;
		return;
	}
	if (!all || !s->opts.tokens_file)
		return;
	if (tokens_read(s->opts.tokens_file, &tokens, &err) < 0) {
		log_error("tokens-refused", LOG_S("error", err.msg));
		return;
	}
	tokens_release(&s->tokens);
	s->tokens = tokens;
	log_info("tokens-read", LOG_N("tokens", s->tokens.n));
}

/* one look a second, and some at once */
#define LOOK_MS 1000
#define LOOKS_AT_ONCE 5

struct served *serve_look_again(struct serve *s, struct looks *looks,
				const char *name, size_t len)
{
	int64_t now = clock_mono_ms();
	char text[LIMIT_CHANNEL_BYTES + 1] = "";

	if (len >= sizeof(text))
		return NULL;
	memcpy(text, name, len);
	if (!is_channel_name(text))
		return NULL;
	if (looks->until < now)
		looks->until = now;
	if (looks->until - now > (LOOKS_AT_ONCE - 1) * LOOK_MS)
		return NULL;
	looks->until += LOOK_MS;
	log_debug("settings-read-again");
	serve_reload(s, false);
	return serve_find(s, name, len);
}

/* The address that the kernel gave, for port 0. */
static void announce(struct serve *s)
{
	struct listen_addr a = { .len = sizeof(a.sa) };
	struct buf name = BUF_INIT(256);

	if (listen_is_unix(&s->addr) ||
	    getsockname(s->listen_fd, (struct sockaddr *)&a.sa, &a.len) < 0)
		a = s->addr;
	listen_format(&a, &name);
	printf("listening on %s%s\n", listen_is_unix(&a) ? "" :
	       s->opts.tls_cert ? "https://" : "http://", name.data);
	fflush(stdout);
	buf_release(&name);
}

static void begin_anew(const struct serve *s)
{
	struct err err = ERR_INIT;

	if (consensus_anew(&s->host.config, &err) < 0)
		log_warn("start-not-noted", LOG_S("error", err.msg));
}

static int start(struct serve *s, struct err *err)
{
	const char *text = s->opts.listen;

	if (activate_take(&s->given, err) < 0 ||
	    host_open(s->opts.repo, false, &s->host, err) < 0)
		return -1;
	if (!text)
		text = s->host.config.serve;
	if (s->given.http >= 0)
		s->addr = s->given.http_addr;
	else if (listen_parse(text ? text : LISTEN_DEFAULT, &s->addr, err) < 0)
		return -1;
	if (check_policy(&s->opts, &s->addr, &s->host.config, err) < 0 ||
	    check_keys(&s->host.config, err) < 0)
		return -1;
	if (s->opts.tokens_file &&
	    tokens_read(s->opts.tokens_file, &s->tokens, err) < 0)
		return -1;
	if (serve_loop_init(s, err) < 0 || serve_ask_start(s, err) < 0 ||
	    serve_heads_init(s, err) < 0)
		return -1;
	if (s->given.http >= 0)
		s->listen_fd = s->given.http;
	else if (listen_open(&s->addr, 0660, &s->listen_fd, err) < 0)
		return -1;
	if (serve_http_start(s, err) < 0)
		return -1;
	s->began = clock_mono_ms();
	begin_anew(s);
	return 0;
}

static void stop(struct serve *s)
{
	s->stop = true;
	serve_http_stop(s);
	serve_work_stop(s);
	serve_ask_stop(s);
	serve_heads_release(s);
	if (s->listen_fd >= 0 && s->given.http < 0 &&
	    listen_is_unix(&s->addr))
		listen_remove(&s->addr);
	serve_loop_release(s);
	tokens_release(&s->tokens);
	host_close(&s->host);
}

int cmd_serve(int argc, char **argv)
{
	struct serve s = {
		.listen_fd = -1, .epoll = -1, .signals.fd = -1, .http.fd = -1,
		.inotify.fd = -1, .publish_wd = -1, .ask.fd = -1,
		.given = ACTIVATED_INIT,
	};
	struct err err = ERR_INIT;
	int status = parse_options(argc, argv, &s.opts);

	if (status >= 0)
		return status;
	if (s.opts.verbose)
		log_set_level(LOG_DEBUG);
	status = 0;
	if (start(&s, &err) < 0) {
		status = command_fail(&err);
	} else {
		announce(&s);
		status = serve_loop_run(&s, &err) < 0 ? command_fail(&err)
						      : s.status;
	}
	stop(&s);
	return status;
}
