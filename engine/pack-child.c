/*
 * Work on whole packs in a process of its own. See pack-child.h. What it
 * reads was scanned (engine/packscan.h) and is still a stranger's: it opens
 * no connection, has no credentials, a limit on time and on memory, and nothing to
 * tell but a name.
 */
#include "config.h"
#include "engine/pack-child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/cache.h"
#include "engine/confine.h"
#include "engine/role.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/repo.h"

/* Processor seconds: the largest pack that the scan lets through needs less
 * than a third on a slow machine. */
#define CPU_S 900
/* the indexer keeps 100 bytes an object and maps windows of the pack */
#define MEMORY_BYTES (4ull * 1024 * 1024 * 1024)

/* ---- the child ---- */

static int do_index(char **argv, char name[CACHE_PACK_NAME_SIZE],
		    struct err *err)
{
	struct cache c;
	int rc;

	if (cache_open(argv[1], &c, err) < 0)
		return -1;
	rc = cache_index(&c, argv[2], name, err);
	cache_close(&c);
	return rc;
}

/* The commits from the first bundle back to the last, both included. */
static int insert_history(git_packbuilder *pb, git_repository *repo,
			  const char *from, const char *to, struct err *err)
{
	char id[GIT_HEX_SIZE];
	git_oid oid;

	memcpy(id, from, GIT_HEX_SIZE);
	for (int n = 0; n < LIMIT_EPOCH_BUNDLES && *id; n++) {
		git_commit *c = NULL;

		if (git_oid_fromstr(&oid, id) < 0 ||
		    git_packbuilder_insert(pb, &oid, NULL) < 0)
			return repo_err(err, ERR_INTERNAL,
					"cannot pack bundle %.12s", id);
		if (!strcmp(id, to))
			break;
		if (git_commit_lookup(&c, repo, &oid) < 0)
			return repo_err(err, ERR_INTERNAL,
					"cannot read bundle %.12s", id);
		id[0] = '\0';
		if (git_commit_parentcount(c) == 1)
			git_oid_tostr(id, sizeof(id), git_commit_parent_id(c, 0));
		git_commit_free(c);
		/* older history need not be at hand */
		if (*id && git_oid_fromstr(&oid, id) == 0) {
			git_odb *odb = NULL;
			bool there = git_repository_odb(&odb, repo) == 0 &&
				     git_odb_exists(odb, &oid) == 1;

			git_odb_free(odb);
			if (!there)
				break;
		}
	}
	return 0;
}

static int insert_bundle(git_packbuilder *pb, const char *id,
			 struct err *err)
{
	git_oid oid;

	if (git_oid_fromstr(&oid, id) < 0 ||
	    git_packbuilder_insert_commit(pb, &oid) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot pack bundle %.12s",
				id);
	return 0;
}

static int compact(const struct cache *from, const char *new, char **bundles,
		   int n, struct err *err)
{
	char *folder = xasprintf("%s/objects/pack", new);
	git_packbuilder *pb = NULL;
	int rc = -1;

	if (git_packbuilder_new(&pb, from->repo) < 0) {
		repo_err(err, ERR_INTERNAL, "cannot begin a pack");
		goto out;
	}
	for (int i = 0; i < n; i++)
		if (insert_bundle(pb, bundles[i], err) < 0)
			goto out;
	if (insert_history(pb, from->repo, bundles[0], bundles[n - 1],
			   err) < 0)
		goto out;
	if (git_packbuilder_write(pb, folder, 0, NULL, NULL) < 0)
		repo_err(err, ERR_INTERNAL, "cannot write the pack");
	else
		rc = 0;
out:
	git_packbuilder_free(pb);
	free(folder);
	return rc;
}

static int do_compact(int argc, char **argv, struct err *err)
{
	struct cache from = { 0 }, to = { 0 };
	int rc = -1;

	if (cache_open(argv[1], &from, err) == 0 &&
	    (!fs_exists(AT_FDCWD, argv[2]) ||
	     fs_remove_tree(argv[2], err) == 0) &&
	    cache_open(argv[2], &to, err) == 0)
		rc = compact(&from, argv[2], argv + 3, argc - 3, err);
	cache_close(&from);
	cache_close(&to);
	return rc;
}

int pack_child_main(int argc, char **argv, int fd)
{
	char name[CACHE_PACK_NAME_SIZE] = "";
	struct err err = ERR_INIT;
	struct buf line = BUF_INIT(PACK_CHILD_LINE);
	int rc = -1;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	confine_more();
	if (cache_setup(&err) == 0) {
		if (argc == 3 && !strcmp(argv[0], "index"))
			rc = do_index(argv, name, &err);
		else if (argc >= 4 && !strcmp(argv[0], "compact"))
			rc = do_compact(argc, argv, &err);
		else
			err_set(&err, ERR_INTERNAL, "unknown work");
	}
	if (rc == 0)
		buf_addf(&line, "ok %s\n", name);
	else
		buf_addf(&line, "%d %s\n", (int)err.class, err.msg);
	if (fs_write_fd(fd, "the answer", line.data, line.len, &err) < 0)
		rc = -1;
	buf_release(&line);
	return rc == 0 ? 0 : 1;
}

/* ---- the side that waits for it ---- */

struct pack_job {
	pid_t pid;
	int fd;
	void (*done)(void *arg, const char *name, const struct err *err);
	void *arg;
};

/* What it said, as an error or a name. */
static int parse_answer(const char *text, int status, char *ret_name,
			struct err *err)
{
	size_t len = strcspn(text, "\n");

	if (text[len] && !strncmp(text, "ok ", 3) && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0 && len - 3 < CACHE_PACK_NAME_SIZE) {
		memcpy(ret_name, text + 3, len - 3);
		ret_name[len - 3] = '\0';
		return 0;
	}
	if (text[len] && *text >= '1' && *text <= '4' && text[1] == ' ')
		return err_set(err, (enum err_class)(*text - '0'), "%.*s",
			       (int)(len - 2), text + 2);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return err_set(err, ERR_DENIED, "the pack takes more than %d s "
			       "to index", CPU_S);
	return err_set(err, ERR_DENIED, "indexing the pack ended with %s %d",
		       WIFSIGNALED(status) ? "signal" : "status",
		       WIFSIGNALED(status) ? WTERMSIG(status) :
					     WEXITSTATUS(status));
}

static void on_exit_status(void *arg, int status)
{
	struct pack_job *j = arg;
	struct buf text = BUF_INIT(PACK_CHILD_LINE);
	char name[CACHE_PACK_NAME_SIZE] = "";
	struct err err = ERR_INIT;
	int rc = 0;

	if (j->done) {
		rc = fs_read_fd(j->fd, "the pack child's answer", &text, &err);
		if (!rc)
			rc = parse_answer(text.data, status, name, &err);
		j->done(j->arg, name, rc ? &err : NULL);
	}
	buf_release(&text);
	close(j->fd);
	free(j);
}

int pack_job_start(struct loop *l, const char *const *args,
		   void (*done)(void *arg, const char *name,
				const struct err *err),
		   void *arg, struct pack_job **ret, struct err *err)
{
	static const struct role_limits limits = {
		.memory = MEMORY_BYTES, .cpu = CPU_S, .files = 128,
		.file = 3 * LIMIT_PACK_BYTES,
	};
	struct pack_job *j;
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_sys(err, "cannot make a socketpair");
	if (role_spawn(ROLE_PACK, args, fds[1], &limits, &pid, err) < 0) {
		close(fds[0]);
		return -1;
	}
	j = xcalloc(1, sizeof(*j));
	*j = (struct pack_job){ pid, fds[0], done, arg };
	if (loop_on_exit(l, pid, on_exit_status, j, err) < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(j->fd);
		free(j);
		return -1;
	}
	*ret = j;
	return 0;
}

void pack_job_cancel(struct pack_job *j)
{
	if (!j)
		return;
	j->done = NULL;
	kill(j->pid, SIGKILL);
}
