/*
 * Requests by libcurl, as far as they are all alike. See http-client.h.
 * Trusts TLS for who answers, and refuses to be sent elsewhere: credentials
 * that are meant for one host get to no other.
 */
#include "config.h"
#include "hooks/http-client.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "schema/base/authorities.h"
#include "schema/base/mem.h"

#define CONNECT_MS 10000L

/* An authority of the caller's is the only one: not the system's as well. */
static bool set_authorities(CURL *c, const char *ca_file)
{
	struct authorities a = { .file = ca_file };

	return (!ca_file && !authorities_named(&a)) ||
	       (HTTP_SET(c, CURLOPT_CAINFO, a.file) &&
		HTTP_SET(c, CURLOPT_CAPATH, a.dir));
}

bool http_client_set(CURL *c, const struct http_request *r)
{
	curl_easy_reset(c);
	r->why[0] = '\0';
	return HTTP_SET(c, CURLOPT_ERRORBUFFER, r->why) &&
	       HTTP_SET(c, CURLOPT_URL, r->url) &&
	       HTTP_SET(c, CURLOPT_NOSIGNAL, 1L) &&
	       HTTP_SET(c, CURLOPT_NOPROGRESS, 1L) &&
	       HTTP_SET(c, CURLOPT_PROTOCOLS_STR, "http,https") &&
	       HTTP_SET(c, CURLOPT_FOLLOWLOCATION, 0L) &&
	       HTTP_SET(c, CURLOPT_USERAGENT, "windlass/" PACKAGE_VERSION) &&
	       HTTP_SET(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) &&
	       HTTP_SET(c, CURLOPT_WRITEFUNCTION, r->on_body) &&
	       HTTP_SET(c, CURLOPT_WRITEDATA, r->arg) &&
	       HTTP_SET(c, CURLOPT_HEADERFUNCTION, r->on_header) &&
	       HTTP_SET(c, CURLOPT_HEADERDATA, r->arg) &&
	       set_authorities(c, r->ca_file);
}

bool http_client_header(const char *line, size_t n, const char *name,
			char *ret, size_t size)
{
	size_t len = strlen(name);

	if (n <= len || strncasecmp(line, name, len) || line[len] != ':')
		return false;
	line += len + 1;
	n -= len + 1;
	while (n && (*line == ' ' || *line == '\t')) {
		line++;
		n--;
	}
	while (n && strchr("\r\n \t", line[n - 1]))
		n--;
	if (n >= size || memchr(line, '\0', n))
		return false;
	memcpy(ret, line, n);
	ret[n] = '\0';
	return true;
}

void http_client_add(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (!longer)
		BUG("out of memory");
	*list = longer;
}

void http_client_pause(uint64_t ms)
{
	const struct timespec t = { (time_t)(ms / 1000),
				    (long)(ms % 1000) * 1000000L };

	nanosleep(&t, NULL);
}
