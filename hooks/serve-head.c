/*
 * The heads that are served, one a channel: read when their file is replaced
 * and kept in memory, so that a thousand waiting clients cost one read. The
 * folders are watched by inotify; one that is not there yet is looked for
 * again until it is. Nothing is verified here: clients do that, and a head
 * that does not parse is served all the same, for them to complain about.
 */
#include "config.h"
#include "hooks/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/head.h"

#define CHANNEL_EVENTS (IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | \
			IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define PUBLISH_EVENTS (IN_MOVED_TO | IN_CREATE | IN_DELETE_SELF | \
			IN_MOVE_SELF | IN_ONLYDIR)

struct served *serve_find(struct serve *s, const char *name, size_t len)
{
	return map_getn(&s->by_name, name, len);
}

/* ---- watches, by their number ---- */

/* The key of a watch. */
struct wd_key {
	char text[16];
};

static struct wd_key wd_key(int wd)
{
	struct wd_key k;

	snprintf(k.text, sizeof(k.text), "%d", wd);
	return k;
}

static void set_wd(struct serve *s, struct served *ch, int wd)
{
	if (ch->wd >= 0)
		map_del(&s->by_wd, wd_key(ch->wd).text);
	ch->wd = wd;
	if (wd >= 0)
		map_put(&s->by_wd, wd_key(wd).text, ch);
}

/* What serve-work.c goes by; nothing if the text is no head. */
static void note_contents(struct served *ch)
{
	struct err ignored = ERR_INIT;
	struct head h;
	size_t text_len;

	if (head_split(ch->head, ch->head_len, &text_len, &ignored) < 0 ||
	    head_parse(ch->head, text_len, &h, &ignored) < 0)
		return;
	ch->issued = h.issued;
	ch->expires = h.expires;
	memcpy(ch->bundle, h.bundle, sizeof(ch->bundle));
	ch->epoch = h.epoch;
	ch->sequence = h.sequence;
}

static void head_gone(struct served *ch)
{
	free(ch->head);
	ch->head = NULL;
	ch->head_len = 0;
	ch->there = false;
	ch->etag[0] = ch->bundle[0] = '\0';
	ch->issued = ch->expires = 0;
}

static void head_read(struct served *ch, const char *path)
{
	struct buf data = BUF_INIT(LIMIT_HEAD_BYTES);
	struct err err = ERR_INIT;
	struct sha256 digest;
	char hex[SHA256_HEX_SIZE];

	head_gone(ch);
	if (fs_read(AT_FDCWD, path, &data, &err) < 0) {
		if (err.sys != ENOENT)
			log_warn("head-unreadable", LOG_S("channel", ch->name),
				 LOG_S("error", err.msg));
		buf_release(&data);
		return;
	}
	sha256_of(data.data, data.len, &digest);
	sha256_hex(&digest, hex);
	snprintf(ch->etag, sizeof(ch->etag), "\"%s\"", hex);
	ch->head = buf_detach(&data, &ch->head_len);
	ch->there = true;
	note_contents(ch);
}

void serve_head_check(struct serve *s, struct served *ch)
{
	char *path = xasprintf("%s/head", ch->folder);
	struct stat st;

	if (lstat(path, &st) < 0) {
		if (ch->there)
			head_gone(ch);
	} else if (!ch->there || st.st_dev != ch->dev ||
		   st.st_ino != ch->ino ||
		   st.st_mtim.tv_sec != ch->mtime.tv_sec ||
		   st.st_mtim.tv_nsec != ch->mtime.tv_nsec) {
		head_read(ch, path);
		ch->dev = st.st_dev;
		ch->ino = st.st_ino;
		ch->mtime = st.st_mtim;
		ch->record_due = true;
		s->next_record = 0;
		if (s->next_check > 0)
			s->next_check = 0;
	}
	free(path);
	if (ch->wishes)
		serve_wait_wake(s, ch);
}

static void unwatch_folder(struct serve *s, struct served *ch)
{
	if (ch->wd >= 0)
		inotify_rm_watch(s->inotify.fd, ch->wd);
	set_wd(s, ch, -1);
	s->unwatched = true;
}

static void publish_event(struct serve *s, const struct inotify_event *e,
			  bool gone)
{
	s->unwatched = true;
	/* a folder that we do not know: a new channel was published */
	if (e->len && (e->mask & IN_ISDIR) &&
	    !serve_find(s, e->name, strlen(e->name)))
		s->next_check = 0;
	if (!gone)
		return;
	if (s->publish_wd >= 0)
		inotify_rm_watch(s->inotify.fd, s->publish_wd);
	s->publish_wd = -1;
	/* what was in it may have moved away with it, without a word */
	for (size_t i = 0; i < s->n; i++)
		unwatch_folder(s, s->channels[i]);
}

static void folder_event(struct serve *s, const struct inotify_event *e)
{
	bool gone = e->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF);

	struct served *ch;

	if (e->wd == s->publish_wd)
		publish_event(s, e, gone);
	ch = map_get(&s->by_wd, wd_key(e->wd).text);
	if (!ch)
		return;
	if (gone)
		unwatch_folder(s, ch);
	if (gone || !strcmp(e->len ? e->name : "", "head"))
		serve_head_check(s, ch);
}

static void inotify_ready(struct serve *s, struct source *src,
			  uint32_t events)
{
	char data[16384]
		__attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n;

	(void)events;
	while ((n = read(src->fd, data, sizeof(data))) > 0) {
		for (char *p = data; p < data + n;) {
			struct inotify_event *e = (void *)p;

			if (e->mask & IN_Q_OVERFLOW)
				for (size_t i = 0; i < s->n; i++)
					serve_head_check(s, s->channels[i]);
			folder_event(s, e);
			p += sizeof(*e) + e->len;
		}
	}
}

bool serve_heads_watch(struct serve *s)
{
	bool all = true;

	if (s->publish_wd < 0)
		s->publish_wd = inotify_add_watch(s->inotify.fd,
						  s->host.config.publish_dir,
						  PUBLISH_EVENTS);
	for (size_t i = 0; i < s->n; i++) {
		struct served *ch = s->channels[i];

		if (ch->wd < 0) {
			set_wd(s, ch, inotify_add_watch(s->inotify.fd,
							ch->folder,
							CHANNEL_EVENTS));
			serve_head_check(s, ch);
		}
		all = all && (ch->wd >= 0 || s->publish_wd >= 0);
	}
	return all && s->publish_wd >= 0;
}

static struct served *served_new(const struct host_config *c,
				 const char *name)
{
	struct served *ch = xcalloc(1, sizeof(*ch));

	memcpy(ch->name, name, strlen(name) + 1);
	ch->folder = xasprintf("%s/%s", c->publish_dir, name);
	ch->wd = -1;
	return ch;
}

static void served_free(struct serve *s, struct served *ch)
{
	while (ch->wishes)
		serve_wait_end(s, ch->wishes->request);
	if (ch->wd >= 0)
		inotify_rm_watch(s->inotify.fd, ch->wd);
	set_wd(s, ch, -1);
	map_del(&s->by_name, ch->name);
	map_release(&ch->reporters, free);
	free(ch->head);
	free(ch->folder);
	free(ch);
}

/* One that is still configured, or has a child that runs, stays. */
static void drop_old(struct serve *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct served *ch = s->channels[i];
		char *folder = xasprintf("%s/%s", s->host.config.publish_dir,
					 ch->name);

		if (ch->job || ch->recorder || ch->notifier || ch->undoer ||
		    (config_channel(&s->host.config, ch->name) &&
		     !strcmp(folder, ch->folder)))
			s->channels[kept++] = ch;
		else
			served_free(s, ch);
		free(folder);
	}
	s->n = kept;
}

void serve_heads_update(struct serve *s)
{
	const struct host_config *c = &s->host.config;
	bool more = false;

	drop_old(s);
	for (size_t i = 0; i < c->n; i++) {
		const char *name = c->channels[i].name;

		if (serve_find(s, name, strlen(name)))
			continue;
		s->channels = xreallocarray(s->channels, s->n + 1,
					    sizeof(*s->channels));
		s->channels[s->n] = served_new(c, name);
		/* what came before this process began */
		s->channels[s->n]->record_due = true;
		s->next_record = 0;
		map_put(&s->by_name, name, s->channels[s->n++]);
		more = true;
		log_debug("channel-served", LOG_S("channel", name));
		s->unwatched = true;
	}
	if (more)
		serve_wait_wake_unknown(s);
}

int serve_heads_init(struct serve *s, struct err *err)
{
	s->publish_wd = -1;
	s->inotify.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	s->inotify.ready = inotify_ready;
	/* few by default, and of all programs of the user together */
	if (s->inotify.fd < 0 && errno == EMFILE)
		return err_set(err, ERR_TRANSIENT, "cannot watch folders: this "
			       "user has no inotify instance left: end "
			       "programs that watch files, or raise "
			       "fs.inotify.max_user_instances by sysctl(8)");
	if (s->inotify.fd < 0)
		return err_sys(err, "cannot watch folders");
	if (serve_watch(s, &s->inotify, EPOLLIN, err) < 0)
		return -1;
	serve_heads_update(s);
	s->unwatched = !serve_heads_watch(s);
	return 0;
}

void serve_heads_release(struct serve *s)
{
	for (size_t i = 0; i < s->n; i++)
		served_free(s, s->channels[i]);
	free(s->channels);
	map_release(&s->by_name, NULL);
	map_release(&s->by_wd, NULL);
	s->channels = NULL;
	s->n = 0;
	if (s->inotify.fd >= 0)
		close(s->inotify.fd);
}
