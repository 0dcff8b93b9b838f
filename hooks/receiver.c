/*
 * The settings of receivers. See receiver.h. Trusts the admin who wrote them:
 * this machine connects to wherever they say, also to what only it can reach,
 * so no pusher and no cluster has a say in it. Refuses urls with a password,
 * which would be shown by whatever shows a url, and to speak in the clear
 * with other machines.
 */
#include "config.h"
#include "hooks/receiver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "hooks/config-value.h"
#include "hooks/host-config.h"
#include "hooks/setting.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/keyfile.h"

#define LETTERS_DIGITS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static const char *const forms[RECEIVER_FORMS] = {
	"generic", "slack", "gitea", "github", "gitlab",
};

static const char *const events[NEWS_EVENTS] = {
	"failed", "waiting", "fighting", "stale", "recovered", "held",
	"rollback",
};

const char *news_name(enum news_event event)
{
	return events[event];
}

bool receiver_is_forge(const struct receiver *r)
{
	return r->form >= RECEIVER_GITEA;
}

/* ---- urls ---- */

/* How many names a path of a repository's url has; 0 where it cannot be one. */
static size_t count_names(const char *path)
{
	size_t n = 0;

	while (*path) {
		size_t len = strcspn(path + 1, "/");

		if (*path != '/' || !len || path[1] == '.' ||
		    strspn(path + 1, LETTERS_DIGITS "._-") < len)
			return 0;
		n++;
		path += 1 + len;
	}
	return n;
}

static int check_repository(const struct receiver *r, const char *url,
			    struct err *err)
{
	const char *path = strstr(url, "://") + 3;
	size_t n;

	path += strcspn(path, "/");
	n = count_names(path);
	if (n < 2 || (r->form == RECEIVER_GITHUB && n > 2))
		return err_set(err, ERR_INVALID, "must be that of a repository "
			       "as a browser shows it, as "
			       "https://HOST/OWNER/REPOSITORY");
	return 0;
}

int receiver_check_url(const struct receiver *r, const char *url,
		       struct err *err)
{
	if (strlen(url) > LIMIT_RECEIVER_URL_BYTES)
		return err_set(err, ERR_INVALID, "must be at most %d bytes",
			       LIMIT_RECEIVER_URL_BYTES);
	for (const char *s = url; *s; s++)
		if (*s <= ' ' || *s > '~' || *s == '#')
			return err_set(err, ERR_INVALID, "must be a url in "
				       "printable ASCII, without a fragment");
	if (!value_is_safe_url(url))
		return err_set(err, ERR_INVALID, "must be https://HOST/..., "
			       "without a user or password (a token goes into "
			       RECEIVER_SECTION ".NAME.tokenFile); http:// "
			       "only to this machine");
	return receiver_is_forge(r) ? check_repository(r, url, err) : 0;
}

void receiver_title(const struct receiver *r, struct buf *ret)
{
	const char *host;

	if (r->name) {
		buf_adds(ret, r->name);
		return;
	}
	host = strstr(r->url, "://") + 3;
	buf_add(ret, r->url, (size_t)(host - r->url) + strcspn(host, "/?"));
	buf_adds(ret, "/...");
}

/* ---- one setting ---- */

static void keep(char **to, const char *v)
{
	free(*to);
	*to = xstrdup(v);
}

static int set_form(void *target, const char *v, struct err *err)
{
	struct receiver *r = target;

	for (int i = 0; i < RECEIVER_FORMS; i++)
		if (!strcasecmp(v, forms[i])) {
			r->form = (enum receiver_form)i;
			return 0;
		}
	if (!strcasecmp(v, "forgejo")) {
		r->form = RECEIVER_GITEA;
		return 0;
	}
	return err_set(err, ERR_INVALID, "must be generic, slack, gitea, "
		       "forgejo, github or gitlab");
}

/* Looked at when all is read: what it must be depends on the form, and what
 * is refused here would be quoted, with a password that it may hold. */
static int set_url(void *target, const char *v, struct err *err)
{
	struct receiver *r = target;

	(void)err;
	keep(&r->url, v);
	return 0;
}

static int set_url_file(void *target, const char *v, struct err *err)
{
	struct receiver *r = target;

	return value_host_path(v, NULL, &r->url_file, err);
}

static int set_token_file(void *target, const char *v, struct err *err)
{
	struct receiver *r = target;

	return value_host_path(v, NULL, &r->token_file, err);
}

static int set_ca_file(void *target, const char *v, struct err *err)
{
	struct receiver *r = target;

	return value_host_path(v, NULL, &r->ca_file, err);
}

static int set_event(void *target, const char *v, struct err *err)
{
	struct receiver *r = target;

	for (int i = 0; i < NEWS_EVENTS; i++)
		if (!strcasecmp(v, events[i])) {
			r->events |= 1u << i;
			return 0;
		}
	return err_set(err, ERR_INVALID, "must be failed, recovered, waiting, "
		       "fighting, stale, held or rollback");
}

/* It is only shown. */
static int set_link(void *target, const char *v, struct err *err)
{
	struct receiver *r = target;
	bool good = !strncmp(v, "https://", 8) || !strncmp(v, "http://", 7);

	for (const char *s = v; *s; s++)
		good &= *s > ' ' && *s <= '~' && !strchr("<>|\"", *s);
	if (!good || strlen(v) > LIMIT_RECEIVER_URL_BYTES)
		return err_set(err, ERR_INVALID, "must be a url that people "
			       "can open");
	keep(&r->link, v);
	return 0;
}

static const struct setting settings[] = {
	{ "caFile", set_ca_file },
	{ "event", set_event },
	{ "form", set_form },
	{ "link", set_link },
	{ "tokenFile", set_token_file },
	{ "url", set_url },
	{ "urlFile", set_url_file },
	{ NULL, NULL },
};

static struct receiver *find(const struct host_config *c, const char *name)
{
	for (size_t i = 0; i < c->n_receivers; i++)
		if (!strcmp(c->receivers[i].name, name))
			return &c->receivers[i];
	return NULL;
}

static struct receiver *find_or_add(struct host_config *c, const char *name)
{
	struct receiver *r = find(c, name);

	if (r)
		return r;
	c->receivers = xreallocarray(c->receivers, c->n_receivers + 1,
				     sizeof(*c->receivers));
	r = &c->receivers[c->n_receivers++];
	*r = (struct receiver){ .name = xstrdup(name) };
	return r;
}

int receiver_setting(struct host_config *c, const char *name, const char *key,
		     const char *value, struct err *err)
{
	char *section;
	int rc;

	/* it is a file's name too */
	if (!is_channel_name(name))
		return err_set(err, ERR_INVALID, "'%s' cannot be the name of a "
			       "section " RECEIVER_SECTION ": use lower-case "
			       "letters, digits and -, at most %d", name,
			       LIMIT_CHANNEL_BYTES);
	section = xasprintf(RECEIVER_SECTION ".%s", name);
	rc = setting_apply(settings, find_or_add(c, name), section, key,
			   value, err);
	free(section);
	return rc;
}

/* ---- all of them ---- */

static int complete(struct receiver *r, struct err *err)
{
	if (!r->url == !r->url_file)
		return err_set(err, ERR_INVALID, RECEIVER_SECTION ".%s has %s; "
			       "set one of them with `git config "
			       RECEIVER_SECTION ".%s.url https://HOST/...`, or "
			       "urlFile where the url is a secret", r->name,
			       r->url ? "both url and urlFile" :
			       "neither url nor urlFile", r->name);
	if (r->events && receiver_is_forge(r))
		return err_set(err, ERR_INVALID, RECEIVER_SECTION ".%s.event: "
			       "commit statuses say all that is so; event is "
			       "for generic and slack", r->name);
	if (!r->events)
		r->events = NEWS_ALL;
	if (receiver_is_forge(r) && !r->token_file)
		return err_set(err, ERR_INVALID, RECEIVER_SECTION ".%s has no "
			       "tokenFile, without which %s takes no commit "
			       "status", r->name, forms[r->form]);
	if (r->form == RECEIVER_SLACK && r->token_file)
		return err_set(err, ERR_INVALID, RECEIVER_SECTION ".%s."
			       "tokenFile: what is secret of slack is its url; "
			       "set urlFile", r->name);
	if (r->url && receiver_check_url(r, r->url, err) < 0)
		return err_wrap(err, RECEIVER_SECTION ".%s.url", r->name);
	return 0;
}

static int check_channel(const struct host_config *c,
			 const struct channel_config *ch, struct err *err)
{
	const struct receiver any = { .form = RECEIVER_GENERIC };

	if (ch->notify.n > LIMIT_RECEIVERS)
		return err_set(err, ERR_INVALID, "windlass.%s.notify: at most "
			       "%d are told", ch->name, LIMIT_RECEIVERS);
	for (size_t i = 0; i < ch->notify.n; i++) {
		const char *v = ch->notify.v[i];

		if (!strstr(v, "://") && !find(c, v))
			return err_set(err, ERR_INVALID, "windlass.%s.notify "
				       "is '%s', which is neither a url nor "
				       "the name of a section "
				       RECEIVER_SECTION, ch->name, v);
		/* a bad one may hold a password, so it is not quoted */
		if (strstr(v, "://") && receiver_check_url(&any, v, err) < 0)
			return err_wrap(err, "windlass.%s.notify", ch->name);
	}
	return 0;
}

int receiver_complete(struct host_config *c, struct err *err)
{
	for (size_t i = 0; i < c->n_receivers; i++)
		if (complete(&c->receivers[i], err) < 0)
			return -1;
	for (size_t i = 0; i < c->n; i++)
		if (check_channel(c, &c->channels[i], err) < 0)
			return -1;
	return 0;
}

void receiver_release(struct receiver *r)
{
	free(r->name);
	free(r->url);
	free(r->url_file);
	free(r->token_file);
	free(r->ca_file);
	free(r->link);
}

const struct receiver *receiver_of(const struct host_config *c,
				   const struct channel_config *ch, size_t i,
				   struct receiver *own)
{
	char *v = ch->notify.v[i];

	if (!strstr(v, "://"))
		return find(c, v);
	*own = (struct receiver){ .url = v, .events = NEWS_ALL };
	return own;
}

/* ---- what is in files ---- */

/* One line of printable characters, without blanks. */
static int read_secret(const char *path, const char *what, struct buf *ret,
		       struct err *err)
{
	int fd, rc;

	if (keyfile_open(path, what, &fd, err) < 0)
		return -1;
	/* at once, so that no copy is left behind as it grows */
	buf_reserve(ret, ret->max);
	rc = fs_read_fd(fd, path, ret, err);
	close(fd);
	if (rc)
		return -1;
	while (ret->len && strchr("\r\n", ret->data[ret->len - 1]))
		buf_truncate(ret, ret->len - 1);
	for (size_t i = 0; i < ret->len; i++)
		if (ret->data[i] <= ' ' || ret->data[i] > '~')
			rc = -1;
	if (rc || !ret->len)
		return err_set(err, ERR_INVALID, "%s '%s' must be one line of "
			       "printable characters without blanks", what,
			       path);
	return 0;
}

int receiver_open(const struct receiver *r, struct buf *ret_url,
		  struct buf *ret_token, struct err *err)
{
	if (!r->url_file)
		buf_adds(ret_url, r->url);
	else if (read_secret(r->url_file, "url file", ret_url, err) < 0)
		return -1;
	else if (receiver_check_url(r, ret_url->data, err) < 0)
		return err_wrap(err, "the url in '%s'", r->url_file);
	if (!r->token_file)
		return 0;
	return read_secret(r->token_file, "token file", ret_token, err);
}

static int check_file(const char *path, const char *what, struct err *err)
{
	int fd, rc;

	if (!path || access(path, F_OK) < 0)
		return 0;
	rc = keyfile_open(path, what, &fd, err);
	if (!rc)
		close(fd);
	/* what cannot be opened is found, and said, when it is needed */
	if (rc < 0 && err->sys) {
		err_clear(err);
		rc = 0;
	}
	return rc;
}

int receiver_check_files(const struct host_config *c, struct err *err)
{
	for (size_t i = 0; i < c->n_receivers; i++) {
		const struct receiver *r = &c->receivers[i];

		if (check_file(r->url_file, "url file", err) < 0)
			return err_wrap(err, RECEIVER_SECTION ".%s.urlFile",
					r->name);
		if (check_file(r->token_file, "token file", err) < 0)
			return err_wrap(err, RECEIVER_SECTION ".%s.tokenFile",
					r->name);
	}
	return 0;
}
