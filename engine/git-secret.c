/*
 * The Secret for the Git host. See git-secret.h. Its values are checked where
 * they are used, in the child that fetches; nothing of them is ever quoted.
 */
#include "config.h"
#include "engine/git-secret.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "engine/channel-private.h"
#include "engine/channel.h"
#include "engine/http.h"
#include "engine/machine.h"
#include "schema/base/clock.h"
#include "schema/base/digest.h"
#include "schema/base/mem.h"

/* until one that could not be read, or was, is read again */
#define RETRY_MS 10000
#define AGAIN_MS 300000

static void wipe(char **s)
{
	if (*s)
		sodium_memzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

static void wipe_all(struct git_secret *s)
{
	wipe(&s->header);
	wipe(&s->ca);
	wipe(&s->cert);
	wipe(&s->key);
	wipe(&s->proxy);
	wipe(&s->url);
}

/* A value of the Secret as text; NULL if there is none or it is no text. */
static char *value(const struct node *object, const char *key)
{
	const char *text = node_path_str(object, "data", key, NULL);
	struct buf out = BUF_INIT(1024 * 1024);
	char *copy = NULL;

	if (text && base64_decode(&out, text, strlen(text)) == 0 &&
	    strlen(out.data) == out.len)
		copy = xstrdup(out.data);
	buf_wipe(&out);
	return copy;
}

/* The same for what is one line: a file that was made with an editor ends in
 * a newline. */
static char *line(const struct node *object, const char *key)
{
	char *text = value(object, key);
	size_t len = text ? strlen(text) : 0;

	while (len && strchr("\r\n ", text[len - 1]))
		text[--len] = '\0';
	return text;
}

static void take(struct git_secret *s, const struct node *object)
{
	const char *type = node_path_str(object, "type", NULL);
	char *token = line(object, "token");

	wipe_all(s);
	s->ca = value(object, "ca.crt");
	s->cert = value(object, "tls.crt");
	s->key = value(object, "tls.key");
	s->proxy = line(object, "proxy");
	s->url = line(object, "url");
	s->is_account = type &&
			!strcmp(type, "kubernetes.io/service-account-token");
	if (token)
		s->header = xasprintf("Authorization: Bearer %s", token);
	wipe(&token);
}

static void say(struct git_secret *s, const char *message)
{
	const struct channel *c = s->channel;

	err_set(&s->err, ERR_TRANSIENT, "Secret '%s/%s'%s",
		c->engine->namespace, c->spec.secret_name, message);
}

static void fail(struct git_secret *s, const char *message)
{
	char *why = xasprintf(": %s", message);

	say(s, why);
	free(why);
	timer_set(&s->timer, RETRY_MS);
	settle_touch(s->channel);
}

bool git_secret_fits(struct git_secret *s)
{
	if (!s->known)
		return false;
	err_clear(&s->err);
	if (s->is_account)
		say(s, " is a service account's token, which is for the API "
		    "server alone; make one with what the Git host wants");
	else if (!s->url)
		say(s, " does not say where it may be sent: add the key url, "
		    "the address of the Git host that it is for; until then "
		    "nothing of it is used");
	else if (!http_url_is_below(s->channel->spec.url, s->url))
		say(s, " is for another address than spec.url, by its key "
		    "url; nothing of it is used");
	return s->err.class == ERR_NONE;
}

bool git_secret_suspect(const struct source_state *state)
{
	return state->v[SOURCE_FETCHED].reason == SOURCE_UNREACHABLE ||
	       state->v[SOURCE_VERIFIED].reason == SOURCE_SETTINGS;
}

static void on_answer(void *arg, const struct kube_answer *a)
{
	struct git_secret *s = arg;
	struct arena scratch = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *object;

	s->call = NULL;
	if (a->err) {
		fail(s, a->err->msg);
	} else if (kube_answer_object(a, &scratch, &object, &err) < 0) {
		fail(s, "the answer makes no sense");
	} else {
		take(s, object);
		s->known = true;
		timer_set(&s->timer, !git_secret_fits(s) ||
			  git_secret_suspect(&s->channel->private->state) ?
			  RETRY_MS : AGAIN_MS);
		s->on_known(s->channel);
	}
	arena_wipe(&scratch);
}

void git_secret_read(struct git_secret *s)
{
	struct channel *c = s->channel;
	struct kube_request q = {
		.method = "GET",
		.target = {
			.group = "", .version = "v1", .plural = "secrets",
			.namespace = c->engine->namespace,
			.name = c->spec.secret_name,
		},
		.on_done = on_answer, .arg = s,
	};
	struct err err = ERR_INIT;

	if (s->call || !c->spec_ok || !c->spec.secret_name)
		return;
	s->read_at = clock_mono_ms();
	if (kube_send(c->engine->kube, &q, &s->call, &err) < 0)
		fail(s, err.msg);
}

void git_secret_doubt(struct git_secret *s)
{
	int64_t wait = s->read_at + RETRY_MS - clock_mono_ms();

	if (s->known && !s->call)
		timer_set(&s->timer, wait > 0 ? wait : 0);
}

static void on_timer(void *arg)
{
	git_secret_read(arg);
}

void git_secret_init(struct git_secret *s, struct channel *c,
		     void (*on_known)(struct channel *c))
{
	*s = (struct git_secret){ .channel = c, .on_known = on_known };
	timer_init(&s->timer, c->engine->loop, on_timer, s);
}

void git_secret_forget(struct git_secret *s)
{
	kube_cancel(s->call);
	s->call = NULL;
	timer_stop(&s->timer);
	s->known = false;
	err_clear(&s->err);
	wipe_all(s);
}
