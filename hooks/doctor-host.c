/*
 * Checks of the repository as a whole: what git does with a push, the hooks,
 * the published folder, the disk, the server. See doctor.h.
 */
#include "config.h"
#include "hooks/doctor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "hooks/ask.h"
#include "hooks/current.h"
#include "hooks/host-check.h"
#include "hooks/init.h"
#include "hooks/install.h"
#include "hooks/listen.h"
#include "hooks/share.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"

#define MIB (1024ull * 1024)
#define SPACE_WARN (1024 * MIB)
#define FILES_WARN 10000
/* for a server on this machine */
#define ANSWER_MS 2000
/* of a lock that nobody holds any more */
#define LOCK_OLD_S 60

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool get_bool(git_config *c, const char *name, bool fallback)
{
	int value;

	return git_config_get_bool(&value, c, name) < 0 ? fallback : value;
}

static int note_value(const git_config_entry *e, void *arg)
{
	strvec_push(arg, e->value ? e->value : "");
	return 0;
}

static void check_hidden(struct doctor *d, git_config *c)
{
	struct strvec now = STRVEC_INIT;
	size_t missing = 0;

	git_config_get_multivar_foreach(c, "receive.hideRefs", NULL,
					note_value, &now);
	for (const char *const *ref = init_hidden_refs; *ref; ref++)
		missing += !strvec_has(&now, *ref);
	if (missing)
		doctor_say(d, FINDING_WARN, "hidden-refs", NULL,
			   "receive.hideRefs lacks %zu of windlass' own; "
			   "pre-receive still refuses pushes to them; run "
			   "`windlass-hook init` again", missing);
	else
		doctor_say(d, FINDING_OK, "hidden-refs", NULL,
			   "windlass' own refs are hidden from pushes");
	strvec_release(&now);
}

/* Without a seed git takes no `git push --signed` at all. */
static void check_signed_push(struct doctor *d, git_config *c,
			      const struct host_config *host)
{
	git_buf seed = GIT_BUF_INIT;
	bool needed = false;

	for (size_t i = 0; i < host->n; i++)
		needed |= host->channels[i].require_signed_push;
	if (!needed)
		return;
	if (git_config_get_string_buf(&seed, c, "receive.certNonceSeed") < 0 ||
	    !seed.size)
		doctor_say(d, FINDING_FAIL, "signed-push", NULL,
			   "receive.certNonceSeed is not set, so nobody can "
			   "sign a push, and nothing else is taken; set it to "
			   "what `openssl rand -hex 32` says");
	else
		doctor_say(d, FINDING_OK, "signed-push", NULL,
			   "git push --signed is offered");
	git_buf_dispose(&seed);
}

static void check_receive(struct doctor *d, git_repository *repo,
			  const struct host_config *host)
{
	git_config *c = NULL;
	bool fsck;

	if (git_repository_config_snapshot(&c, repo) < 0) {
		doctor_say(d, FINDING_FAIL, "receive", NULL,
			   "the configuration cannot be read");
		return;
	}
	fsck = get_bool(c, "receive.fsckObjects",
			get_bool(c, "transfer.fsckObjects", false));
	if (!get_bool(c, "receive.advertisePushOptions", false))
		doctor_say(d, FINDING_WARN, "receive", NULL,
			   "receive.advertisePushOptions is off, so no push "
			   "can say -o allow-deletes; set it to true");
	else if (!fsck)
		doctor_say(d, FINDING_WARN, "receive", NULL,
			   "transfer.fsckObjects is off, so malformed objects "
			   "come in; set it to true");
	else if (get_bool(c, "receive.shallowUpdate", false))
		doctor_say(d, FINDING_WARN, "receive", NULL,
			   "receive.shallowUpdate lets shallow histories in; "
			   "set it to false");
	else
		doctor_say(d, FINDING_OK, "receive", NULL,
			   "push options are on, objects are checked");
	check_hidden(d, c);
	check_signed_push(d, c, host);
	git_config_free(c);
}

static void check_hook(struct doctor *d, git_repository *repo,
		       const struct host_config *host, const char *name,
		       const char *check)
{
	struct err err = ERR_INIT;
	struct hook_place p;

	hook_place_find(repo, host, name, &p);
	if (hook_check(&p, share_of(repo), &err) < 0)
		doctor_say(d, FINDING_FAIL, check, NULL, "%s", err.msg);
	else
		doctor_say(d, FINDING_OK, check, NULL, "%s", p.file);
	hook_place_release(&p);
}

static void check_hooks_folder(struct doctor *d, git_repository *repo,
			       const struct host_config *host)
{
	struct err err = ERR_INIT;

	if (hook_check_git(repo, host, &err) < 0)
		doctor_say(d, FINDING_FAIL, "hooks-folder", NULL, "%s",
			   err.msg);
	else
		doctor_say(d, FINDING_OK, "hooks-folder", NULL,
			   "git looks for hooks where ours are");
}

static void check_modes(struct doctor *d, const struct host_config *host)
{
	struct err err = ERR_INIT;

	if (host_check_modes(host->git_dir, NULL, &err) < 0)
		doctor_say(d, FINDING_FAIL, "modes", NULL, "%s", err.msg);
	else
		doctor_say(d, FINDING_OK, "modes", NULL, "nobody but owner "
			   "and group can write");
}

/* What the kernel knows of its clock; another's it cannot know. */
static void check_clock(struct doctor *d)
{
	struct timex t = { .modes = 0 };
	struct err err = ERR_INIT;

	if (host_check_clock(&err) < 0)
		doctor_say(d, FINDING_FAIL, "machine-clock", NULL, "%s",
			   err.msg);
	else if (adjtimex(&t) == TIME_ERROR || (t.status & STA_UNSYNC))
		doctor_say(d, FINDING_WARN, "machine-clock", NULL, "nothing "
			   "keeps the clock right, and clusters refuse what "
			   "is signed %d min ahead of theirs; run chrony or "
			   "systemd-timesyncd", LIMIT_HEAD_AHEAD / 60);
	else
		doctor_say(d, FINDING_OK, "machine-clock", NULL,
			   "is kept in time");
}

static void check_folder(struct doctor *d, const struct host_config *host)
{
	const char *dir = host->publish_dir;
	struct err err = ERR_INIT;
	struct stat st;

	if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
		doctor_say(d, FINDING_FAIL, "publish-folder", NULL,
			   "'%s' is no folder; run `windlass-hook init` again",
			   dir);
	else if (host_check_writable(dir, &err) < 0)
		doctor_say(d, FINDING_FAIL, "publish-folder", NULL, "%s",
			   err.msg);
	else if (access(dir, R_OK | W_OK | X_OK) < 0)
		doctor_say(d, FINDING_FAIL, "publish-folder", NULL,
			   "'%s' cannot be written by user %u; give it to the "
			   "user that the hooks run as", dir,
			   (unsigned)geteuid());
	else if (st.st_mode & S_IWOTH)
		doctor_say(d, FINDING_FAIL, "publish-folder", NULL,
			   "'%s' can be written by everybody; run chmod o-w "
			   "on it", dir);
	else
		doctor_say(d, FINDING_OK, "publish-folder", NULL, "%s", dir);
}

static void check_space(struct doctor *d, const char *dir, const char *check)
{
	struct err err = ERR_INIT;
	struct statvfs s;
	uint64_t free;

	if (statvfs(dir, &s) < 0)
		return;
	free = (uint64_t)s.f_bavail * s.f_frsize;
	if (host_check_space(dir, &err) < 0)
		doctor_say(d, FINDING_FAIL, check, NULL, "%s", err.msg);
	else if (free < SPACE_WARN)
		doctor_say(d, FINDING_WARN, check, NULL, "only %" PRIu64
			   " MiB are free at '%s'; make room",
			   (uint64_t)(free / MIB), dir);
	else if (s.f_files && s.f_favail < FILES_WARN)
		doctor_say(d, FINDING_WARN, check, NULL, "only %" PRIu64
			   " files can be made at '%s'; make room",
			   (uint64_t)s.f_favail, dir);
	else
		doctor_say(d, FINDING_OK, check, NULL, "%" PRIu64
			   " MiB are free at '%s'", (uint64_t)(free / MIB),
			   dir);
}

/* ---- what git left, or lost ---- */

static void check_lock(struct doctor *d, const char *file)
{
	struct stat st;

	/* a git that works holds one for moments */
	if (stat(file, &st) < 0 || clock_now() - st.st_mtime < LOCK_OLD_S)
		return;
	doctor_say(d, FINDING_FAIL, "git-locks", NULL, "'%s' is there for %"
		   PRId64 " min, so what it locks cannot change; if no git "
		   "command works there any more, remove that file", file,
		   (int64_t)((clock_now() - st.st_mtime) / 60));
}

/* Left by a git that was killed; of those on our own refs see repo.h. */
static void check_locks(struct doctor *d, const struct host_config *host)
{
	static const char *const names[] = {
		"config", "packed-refs", "HEAD",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *file = xasprintf("%s/%s.lock", host->git_dir, names[i]);

		check_lock(d, file);
		free(file);
	}
}

/* One that is gone is passed over by git and libgit2 both, and objects are
 * missing that were only there. */
static void check_alternates(struct doctor *d, const struct host_config *host)
{
	char *objects = xasprintf("%s/objects", host->git_dir);
	char *file = xasprintf("%s/info/alternates", objects);
	struct buf text = BUF_INIT(LIMIT_FILE_BYTES);
	struct err err = ERR_INIT;
	char *line, *rest;

	if (fs_read(AT_FDCWD, file, &text, &err) < 0) {
		if (err.sys != ENOENT)
			doctor_say(d, FINDING_FAIL, "alternates", NULL, "%s",
				   err.msg);
		goto out;
	}
	for (line = strtok_r(text.data, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *dir = line[0] == '/' ? xstrdup(line)
				: xasprintf("%s/%s", objects, line);

		/* a quoted one is rare, and not unquoted here */
		if (!strchr("#\"", line[0]) && !is_folder(dir))
			doctor_say(d, FINDING_FAIL, "alternates", NULL,
				   "'%s' names '%s', which is not there: bring "
				   "it back, or objects are missing", file,
				   dir);
		free(dir);
	}
out:
	buf_release(&text);
	free(file);
	free(objects);
}

/* An address that stands for all of them is reached by loopback. */
static void reachable(struct listen_addr *a)
{
	struct sockaddr_in *in = (void *)&a->sa;
	struct sockaddr_in6 *in6 = (void *)&a->sa;

	if (a->sa.ss_family == AF_INET && !in->sin_addr.s_addr)
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (a->sa.ss_family == AF_INET6 &&
	    IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
		in6->sin6_addr = in6addr_loopback;
}

static bool ready_for(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, ANSWER_MS) == 1;
}

/* The first bytes that it says to a request. */
static ssize_t ask(int fd, char *answer, size_t size)
{
	static const char request[] = "HEAD / HTTP/1.0\r\n\r\n";

	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0 ||
	    !ready_for(fd, POLLIN))
		return -1;
	return recv(fd, answer, size, MSG_DONTWAIT);
}

static void check_answer(struct doctor *d, int fd, const char *where)
{
	char answer[5];
	ssize_t n = ask(fd, answer, sizeof(answer));

	if (n == 5 && !memcmp(answer, "HTTP/", 5))
		doctor_say(d, FINDING_OK, "serve", NULL, "answers at '%s'",
			   where);
	else if (n == 0 || (n > 0 && answer[0] == 0x15))
		/* closed, or a TLS alert: it wants no plain request */
		doctor_say(d, FINDING_OK, "serve", NULL, "is there at '%s' "
			   "and takes no plain HTTP, only TLS", where);
	else
		doctor_say(d, FINDING_FAIL, "serve", NULL, "something listens "
			   "at '%s' and does not answer; restart "
			   "`windlass-hook serve`", where);
}

static void check_serve(struct doctor *d, const struct host_config *host)
{
	struct err err = ERR_INIT;
	struct listen_addr a;
	int fd;

	if (!host->serve)
		return;
	if (listen_parse(host->serve, &a, &err) < 0)
		return;
	reachable(&a);
	fd = socket(a.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC |
		    SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&a.sa, a.len) < 0 &&
	    (errno != EINPROGRESS || !ready_for(fd, POLLOUT)))
		doctor_say(d, FINDING_FAIL, "serve", NULL, "nothing answers "
			   "at '%s'; start `windlass-hook serve`, or unset "
			   "windlass.serve", host->serve);
	else
		check_answer(d, fd, host->serve);
	close(fd);
}

/* Pushers who are not the publisher have nobody else to publish for them. */
static void check_shared(struct doctor *d, git_repository *repo,
			 const struct host_config *host)
{
	if (!share_of(repo))
		return;
	if (ask_is_served(host))
		doctor_say(d, FINDING_OK, "shared", NULL, "serve publishes "
			   "for those who cannot read the key");
	else
		doctor_say(d, FINDING_WARN, "shared", NULL, "pushes of those "
			   "who cannot read the key are not published before "
			   "`windlass-hook serve` or `windlass-hook publish` "
			   "runs; let serve run");
}

void doctor_check_host(struct doctor *d, git_repository *repo,
		       const struct host_config *host)
{
	check_clock(d);
	check_modes(d, host);
	check_receive(d, repo, host);
	check_locks(d, host);
	check_alternates(d, host);
	check_hooks_folder(d, repo, host);
	check_hook(d, repo, host, "pre-receive", "hook-pre-receive");
	check_hook(d, repo, host, "post-receive", "hook-post-receive");
	check_folder(d, host);
	check_space(d, host->git_dir, "space");
	check_space(d, host->publish_dir, "publish-space");
	check_serve(d, host);
	check_shared(d, repo, host);
}
