/*
 * Findings of a push. See findings.h. The files are read once more, from the
 * quarantine if need be: what cannot be read is shown without its line.
 */
#include "config.h"
#include "hooks/findings.h"

#include "hooks/receive.h"
#include "schema/repo.h"

struct tip {
	git_repository *repo;
	const git_oid *tree;
};

static int read_file(void *arg, const char *path, struct buf *out,
		     struct err *err)
{
	const struct tip *tip = arg;
	char hex[GIT_HEX_SIZE];
	unsigned mode;
	git_oid id;
	int rc = repo_tree_entry(tip->repo, tip->tree, path, &id, &mode, err);

	if (rc)
		return -1;
	git_oid_tostr(hex, sizeof(hex), &id);
	return repo_read(tip->repo, hex, GIT_OBJECT_BLOB, out, err);
}

void findings_show(struct feedback *fb, git_repository *repo,
		   const git_oid *tree, struct problems *ps)
{
	struct tip tip = { repo, tree };
	const struct feedback_source source = { read_file, &tip };

	if (!ps->n && !ps->unchecked)
		return;
	problems_say_unjudged(ps);
	feedback_problems(fb, ps, receive_option(LINES_OPTION) ? &source :
							       NULL);
}
