/*
 * Pages for people: of a channel as page.h writes it, and the list of the
 * channels. They are read by who may read heads and packs, and change nothing.
 * Browsers are told to take nothing else for a part of them.
 */
#include "config.h"
#include "hooks/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hooks/http-value.h"
#include "hooks/page.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"

/* so far down is the state of a channel in its page */
#define BEGIN_BYTES 4096

bool serve_page_path(const char *url)
{
	size_t len;

	if (url[0] != '/')
		return false;
	len = strcspn(url + 1, "/");
	url += 1 + len;
	return !*url || (len && (!strcmp(url, "/") ||
				 !strcmp(url, "/" PAGE_FILE)));
}

static bool has_tag(struct request *r, const char *etag)
{
	const char *known = MHD_lookup_connection_value(
		r->connection, MHD_HEADER_KIND, "If-None-Match");

	return known && etag_matches(known, etag);
}

static enum MHD_Result reply_page(struct request *r, const char *etag,
				  struct MHD_Response *res)
{
	struct buf policy = BUF_INIT(1024);
	enum MHD_Result ok;

	page_policy(&policy);
	MHD_add_response_header(res, "ETag", etag);
	MHD_add_response_header(res, "Content-Security-Policy", policy.data);
	MHD_add_response_header(res, "Content-Type",
				"text/html; charset=utf-8");
	MHD_add_response_header(res, "Cache-Control", "private, no-cache");
	MHD_add_response_header(res, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(res, "Cross-Origin-Resource-Policy",
				"same-origin");
	MHD_add_response_header(res, "X-Frame-Options", "DENY");
	ok = serve_reply(r, has_tag(r, etag) ? MHD_HTTP_NOT_MODIFIED :
			 MHD_HTTP_OK, res);
	buf_release(&policy);
	return ok;
}

/* What is relative in a page stands below its folder. */
static enum MHD_Result go_to_folder(struct request *r, const char *name)
{
	char *to = xasprintf("%s/", name);
	enum MHD_Result ok = serve_reply_text(r, MHD_HTTP_FOUND, "Location",
					      to, "it is a folder\n");

	free(to);
	return ok;
}

/* Another file is of another inode or time: it is only ever replaced. */
static void tag_of(const struct stat *st, char ret[ETAG_SIZE])
{
	snprintf(ret, ETAG_SIZE, "\"%" PRIx64 "-%" PRIx64 ".%lx-%" PRIx64 "\"",
		 (uint64_t)st->st_ino, (uint64_t)st->st_mtim.tv_sec,
		 st->st_mtim.tv_nsec, (uint64_t)st->st_size);
}

static enum MHD_Result send_page(struct serve *s, struct request *r, int fd,
				 const struct stat *st)
{
	struct MHD_Response *res;
	char etag[ETAG_SIZE];

	tag_of(st, etag);
	res = MHD_create_response_from_fd64((uint64_t)st->st_size, fd);
	if (!res) {
		close(fd);
		return MHD_NO;
	}
	serve_client_state(s, r->client, CLIENT_KEPT);
	return reply_page(r, etag, res);
}

enum MHD_Result serve_page(struct serve *s, struct request *r,
			   const struct served *ch, const char *url)
{
	const struct channel_config *cfg = config_channel(&s->host.config,
							  ch->name);
	struct stat st;
	char *path;
	int fd, sys;

	if (!cfg || cfg->no_page)
		return serve_not_found(r);
	if (!strchr(url + 1, '/'))
		return go_to_folder(r, ch->name);
	if (!serve_hold_file(s, r))
		return serve_not_now(r);
	path = xasprintf("%s/" PAGE_FILE, ch->folder);
	fd = serve_open_file(path, &st);
	sys = errno;
	free(path);
	if (fd >= 0)
		return send_page(s, r, fd, &st);
	if (sys == ENOENT)
		return serve_not_found(r);
	log_warn("page-unreadable", LOG_S("channel", ch->name),
		 LOG_S("error", strerror(sys)));
	return serve_not_now(r);
}

/* ---- the list of channels ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct page_channel *)a)->name,
		      ((const struct page_channel *)b)->name);
}

/* Of the page that its folder has. */
static void read_state(const struct served *ch, char ret[PAGE_STATE_BYTES])
{
	char *path = xasprintf("%s/" PAGE_FILE, ch->folder);
	char begin[BEGIN_BYTES + 1];
	struct stat st;
	ssize_t n = -1;
	int fd = serve_open_file(path, &st);

	if (fd >= 0) {
		n = pread(fd, begin, BEGIN_BYTES, 0);
		close(fd);
	}
	begin[n > 0 ? n : 0] = '\0';
	page_state_find(begin, ret);
	free(path);
}

static void write_list(const struct serve *s, struct buf *out)
{
	struct page_channel *v = xcalloc(s->n + 1, sizeof(*v));

	for (size_t i = 0; i < s->n; i++) {
		const struct served *ch = s->channels[i];
		const struct channel_config *cfg =
			config_channel(&s->host.config, ch->name);

		v[i] = (struct page_channel){
			.name = ch->name, .has_page = cfg && !cfg->no_page,
			.published = *ch->bundle, .epoch = ch->epoch,
			.sequence = ch->sequence, .issued = ch->issued,
		};
		if (v[i].has_page)
			read_state(ch, v[i].state);
	}
	qsort(v, s->n, sizeof(*v), by_name);
	page_list_html(v, s->n, out);
	free(v);
}

/*
 * To everybody a channel is what is known by its name: which there are, they
 * are not told.
 */
enum MHD_Result serve_index(struct serve *s, struct request *r)
{
	struct buf out = BUF_INIT(LIMIT_PAGE_BYTES);
	struct MHD_Response *res;
	struct sha256 digest;
	char hex[SHA256_HEX_SIZE], etag[ETAG_SIZE];
	char *data;
	size_t len;

	if (s->opts.public)
		return serve_not_found(r);
	write_list(s, &out);
	sha256_of(out.data, out.len, &digest);
	sha256_hex(&digest, hex);
	snprintf(etag, sizeof(etag), "\"%s\"", hex);
	data = buf_detach(&out, &len);
	res = MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
	if (!res) {
		free(data);
		return MHD_NO;
	}
	return reply_page(r, etag, res);
}
