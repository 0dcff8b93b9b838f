/*
 * Tidying up. See tidy.h. Everything here can be killed or left out at any
 * time: it changes how fast things are, never what they are. The long work
 * (a base pack, a repack) is done without the channel's lock.
 */
#include "config.h"
#include "hooks/tidy.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hooks/announce.h"
#include "hooks/background.h"
#include "hooks/git.h"
#include "hooks/job.h"
#include "hooks/pack.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"

/* unneeded files are looked for at every so many bundles */
#define SWEEP_EVERY 16
/* packs of the repository at which they are put together; what a geometric
 * repack leaves grows with the logarithm of the objects */
#define PACKS_MANY 24
/* and loose objects in one of 256 folders: some 2,500 in all, half of what
 * makes git's own gc rewrite everything */
#define LOOSE_MANY 10
#define LOOSE_SAMPLE "17"
#define TIDY_NICE 10

/* Files of a folder whose name ends so; 0 if it cannot be read. */
static size_t count_files(const char *dir, const char *suffix)
{
	size_t len = strlen(suffix), n = 0;
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		size_t name = strlen(e->d_name);

		n += e->d_name[0] != '.' && name >= len &&
		     !strcmp(e->d_name + name - len, suffix);
	}
	if (d)
		closedir(d);
	return n;
}

static bool repack_due(const struct host_config *host)
{
	char *packs = xasprintf("%s/objects/pack", host->git_dir);
	char *loose = xasprintf("%s/objects/" LOOSE_SAMPLE, host->git_dir);
	bool due = count_files(packs, ".pack") >= PACKS_MANY ||
		   count_files(loose, "") >= LOOSE_MANY;

	free(packs);
	free(loose);
	return due;
}

static bool base_due(const struct host_config *host,
		     const struct channel_config *ch, const struct head *h)
{
	struct shelf s;
	bool due;

	shelf_open(host, ch, h, h->epoch, &s);
	due = shelf_distance(&s, h->bundle) >= SHELF_BASE_EVERY;
	shelf_release(&s);
	return due;
}

bool tidy_due(const struct host_config *host, const struct channel_config *ch)
{
	struct err unread = ERR_INIT;
	struct head h;

	if (repack_due(host))
		return true;
	return announce_read(host, ch, &h, NULL, &unread) == 0 &&
	       (h.sequence % SWEEP_EVERY == 0 || base_due(host, ch, &h));
}

void tidy_start(const struct host_config *host,
		const struct channel_config *ch)
{
	const char *const words[] = {
		"publish", "--tidy", "--repo", host->git_dir, ch->name, NULL,
	};

	background_start(words, -1);
}

/* ---- the work ---- */

static int add_base(git_repository *repo, const struct host_config *host,
		    const struct channel_config *ch, const char *bundle,
		    const struct pack_ref *pack, struct err *err)
{
	struct shelf s;
	struct job j;
	int rc = job_begin(repo, host, ch, -1, &j, err);

	if (rc < 0)
		goto out;
	if (!j.has_head || strcmp(j.head.bundle, j.current.id)) {
		rc = err_set(err, ERR_TRANSIENT, "channel '%s' is not wholly "
			     "published", ch->name);
		goto out;
	}
	shelf_open(host, ch, &j.head, j.head.epoch, &s);
	rc = shelf_add_base(repo, &s, &j.current, bundle, pack, err);
	if (!rc)
		rc = job_announce(&j, &s);
	shelf_release(&s);
out:
	job_end(&j);
	return rc;
}

static int make_base(git_repository *repo, const struct host_config *host,
		     const struct channel_config *ch, struct err *err)
{
	struct pack_ref pack;
	struct head h;
	int rc = announce_read(host, ch, &h, NULL, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	if (!base_due(host, ch, &h))
		return 0;
	if (pack_make_base(repo, host, ch, h.bundle, &pack, err) < 0)
		return -1;
	return add_base(repo, host, ch, h.bundle, &pack, err);
}

static void keep(struct map *m, const struct pack_ref *ref)
{
	static char kept[] = "kept";
	char hex[SHA256_HEX_SIZE];

	sha256_hex(&ref->digest, hex);
	map_put(m, hex, kept);
}

/* Under the lock, so that nothing is added that we do not know of. */
static int sweep(const struct host_config *host,
		 const struct channel_config *ch, struct err *err)
{
	struct map kept = MAP_INIT;
	struct shelf s = { .host = host };
	struct head h;
	int lock = -1, rc = job_lock(host, ch, -1, &lock, err);

	if (!rc)
		rc = announce_read(host, ch, &h, NULL, err);
	if (rc)
		goto out;
	shelf_open(host, ch, &h, h.epoch, &s);
	keep(&kept, &h.index);
	if (h.has_delta)
		keep(&kept, &h.delta);
	if (h.has_approvals)
		keep(&kept, &h.approvals);
	for (size_t i = 0; i < s.ix.n; i++)
		keep(&kept, &s.ix.v[i].pack);
	/* an index that cannot be read says nothing of what is needed */
	if (s.ix.n)
		rc = pack_sweep(host, ch, &kept, err);
	shelf_release(&s);
out:
	map_release(&kept, NULL);
	if (lock >= 0)
		close(lock);
	return rc < 0 ? -1 : 0;
}

static int repack(const struct host_config *host, struct err *err)
{
	static const char *const argv[] = {
		"repack", "--geometric=2", "-d", "-q", NULL,
	};

	if (!repack_due(host))
		return 0;
	return git_run(host, argv, NULL, 0, 0, err);
}

/* Only one at a time: they would do the same. 1 if another one is at it. */
static int take_turn(const struct host_config *host, int *ret_fd,
		     struct err *err)
{
	char *path = xasprintf("%s/tidy.lock", host->state_dir);
	int rc = fs_mkdirs(host->state_dir, 0750, err);

	if (!rc && fs_lock(AT_FDCWD, path, 0, ret_fd, err) < 0)
		rc = err->class == ERR_TRANSIENT ? 1 : -1;
	free(path);
	return rc;
}

int tidy_channel(git_repository *repo, const struct host_config *host,
		 const struct channel_config *ch, struct err *err)
{
	int turn, rc = take_turn(host, &turn, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	setpriority(PRIO_PROCESS, 0, TIDY_NICE);
	rc = make_base(repo, host, ch, err);
	if (!rc)
		rc = sweep(host, ch, err);
	if (!rc)
		rc = repack(host, err);
	close(turn);
	return rc;
}
