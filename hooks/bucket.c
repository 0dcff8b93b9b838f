/*
 * The settings of buckets. See bucket.h. Refuses a URL that could be signed
 * in two ways: what is signed are the bytes of the path, and where client and
 * store would have to agree how to escape or to sort, they do not (libcurl
 * 7.88 does neither). It also refuses to speak in the clear with other
 * machines: what is signed there is not the answer.
 */
#include "config.h"
#include "hooks/bucket.h"

#include <stdlib.h>
#include <string.h>

#include "hooks/config-value.h"
#include "hooks/setting.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"

#define LETTERS_DIGITS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define HOST_CHARS LETTERS_DIGITS ".-_:[]"
#define PATH_CHARS LETTERS_DIGITS "._-/"
#define URL_FORM "must be https://HOST/BUCKET, or the bucket's own host " \
	"(https://BUCKET.HOST), and may go on with a path of letters, " \
	"digits and ._-"

static void keep(char **to, const char *v)
{
	free(*to);
	*to = xstrdup(v);
}

/* Components that neither side could drop or resolve. */
static bool is_plain_path(const char *path)
{
	while (*path) {
		size_t len = strcspn(path + 1, "/");

		if (*path != '/' || !len || path[1] == '.')
			return false;
		path += 1 + len;
	}
	return true;
}

static int set_url(void *target, const char *v, struct err *err)
{
	struct bucket *b = target;
	bool tls = !strncmp(v, "https://", 8);
	const char *host = v + (tls ? 8 : 7);
	size_t len = strlen(v), host_len;
	char *url;

	if (!tls && strncmp(v, "http://", 7))
		return err_set(err, ERR_INVALID, URL_FORM);
	if (len > LIMIT_BUCKET_URL_BYTES)
		return err_set(err, ERR_INVALID, "must be at most %d bytes",
			       LIMIT_BUCKET_URL_BYTES);
	while (v[len - 1] == '/' && v + len > host)
		len--;
	url = xstrndup(v, len);
	host = url + (tls ? 8 : 7);
	host_len = strcspn(host, "/");
	if (!host_len || strspn(host, HOST_CHARS) < host_len ||
	    strspn(host + host_len, PATH_CHARS) < strlen(host + host_len) ||
	    !is_plain_path(host + host_len)) {
		free(url);
		return err_set(err, ERR_INVALID, URL_FORM);
	}
	if (!tls && !value_is_loopback(host, host_len)) {
		free(url);
		return err_set(err, ERR_INVALID, "must be https://: without "
			       "TLS only this machine is spoken to");
	}
	free(b->url);
	b->url = url;
	return 0;
}

static int set_region(void *target, const char *v, struct err *err)
{
	struct bucket *b = target;

	/* libcurl has room for 64 */
	if (!*v || strlen(v) > 63 ||
	    v[strspn(v, LETTERS_DIGITS "-_")])
		return err_set(err, ERR_INVALID, "must be a region's name, as "
			       "eu-central-1");
	keep(&b->region, v);
	return 0;
}

static int set_credentials(void *target, const char *v, struct err *err)
{
	struct bucket *b = target;

	return value_host_path(v, NULL, &b->credentials, err);
}

static int set_profile(void *target, const char *v, struct err *err)
{
	struct bucket *b = target;

	if (!*v || strpbrk(v, "[]\r\n"))
		return err_set(err, ERR_INVALID, "must be the name of a "
			       "section of the credentials file");
	keep(&b->profile, v);
	return 0;
}

static int set_ca_file(void *target, const char *v, struct err *err)
{
	struct bucket *b = target;

	return value_host_path(v, NULL, &b->ca_file, err);
}

static int set_channel(void *target, const char *v, struct err *err)
{
	struct bucket *b = target;

	if (!is_channel_name(v))
		return err_set(err, ERR_INVALID, "must be a channel's name");
	if (!strvec_has(&b->channels, v))
		strvec_push(&b->channels, v);
	return 0;
}

static int set_keep(void *target, const char *v, struct err *err)
{
	struct bucket *b = target;
	int64_t seconds;

	if (parse_duration(v, &seconds) < 0 || seconds < 1 ||
	    seconds > LIMIT_BUCKET_KEEP)
		return err_set(err, ERR_INVALID,
			       "must be a duration from 1s to %dd, as 1h",
			       LIMIT_BUCKET_KEEP / 86400);
	b->keep = seconds;
	return 0;
}

static const struct setting settings[] = {
	{ "url", set_url },
	{ "region", set_region },
	{ "credentials", set_credentials },
	{ "profile", set_profile },
	{ "caFile", set_ca_file },
	{ "channel", set_channel },
	{ "keep", set_keep },
	{ NULL, NULL },
};

static struct bucket *bucket_of(struct host_config *c, const char *name)
{
	struct bucket *b;

	for (size_t i = 0; i < c->n_buckets; i++)
		if (!strcmp(c->buckets[i].name, name))
			return &c->buckets[i];
	c->buckets = xreallocarray(c->buckets, c->n_buckets + 1,
				   sizeof(*c->buckets));
	b = &c->buckets[c->n_buckets++];
	*b = (struct bucket){
		.name = xstrdup(name), .keep = BUCKET_KEEP_DEFAULT,
	};
	return b;
}

int bucket_setting(struct host_config *c, const char *name, const char *key,
		   const char *value, struct err *err)
{
	char *section;
	int rc;

	/* it is a file's name too */
	if (!is_channel_name(name))
		return err_set(err, ERR_INVALID, "'%s' cannot be the name of a "
			       "section " BUCKET_SECTION ": use lower-case "
			       "letters, digits and -, at most %d", name,
			       LIMIT_CHANNEL_BYTES);
	section = xasprintf(BUCKET_SECTION ".%s", name);
	rc = setting_apply(settings, bucket_of(c, name), section, key, value,
			   err);
	free(section);
	return rc;
}

int bucket_complete(struct host_config *c, struct err *err)
{
	for (size_t i = 0; i < c->n_buckets; i++) {
		struct bucket *b = &c->buckets[i];

		if (!b->url)
			return err_set(err, ERR_INVALID, BUCKET_SECTION ".%s "
				       "has no url; set it with `git config "
				       BUCKET_SECTION ".%s.url "
				       "https://HOST/BUCKET`", b->name,
				       b->name);
		if (!b->region)
			b->region = xstrdup(BUCKET_REGION_DEFAULT);
		if (!b->profile)
			b->profile = xstrdup("default");
		for (size_t j = 0; j < i; j++)
			if (!strcmp(c->buckets[j].url, b->url))
				return err_set(err, ERR_INVALID, "sections "
					       BUCKET_SECTION ".%s and .%s "
					       "have one url",
					       c->buckets[j].name, b->name);
	}
	return 0;
}

void bucket_release(struct bucket *b)
{
	free(b->name);
	free(b->url);
	free(b->region);
	free(b->credentials);
	free(b->profile);
	free(b->ca_file);
	strvec_release(&b->channels);
}

bool bucket_takes(const struct bucket *b, const struct channel_config *ch)
{
	return strvec_has(&b->channels, ch->name) ||
	       (!b->channels.n && !ch->allow_secrets);
}

bool bucket_any(const struct host_config *c, const struct channel_config *ch)
{
	for (size_t i = 0; i < c->n_buckets; i++)
		if (bucket_takes(&c->buckets[i], ch))
			return true;
	return false;
}
