/*
 * The status ref of one cluster. See record.h. Its tree has the report as it
 * came, for who wants to check the signature, and status.json, for programs.
 * What stands there before is windlass's own, and if it cannot be read it is
 * built upon and not believed.
 */
#include "config.h"
#include "hooks/record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/kept-report.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/json.h"

/* a report as JSON, each byte of its texts escaped */
#define STATUS_BYTES (8u * LIMIT_REPORT_BYTES)

static char *ref_of(const char *channel, const char *cluster)
{
	return xasprintf(CLUSTER_STATUS_REF "%s/%s", channel, cluster);
}

/* ---- what is there ---- */

static int read_blob(git_repository *repo, const git_oid *tree,
		     const char *path, struct buf *ret, struct err *err)
{
	char hex[GIT_HEX_SIZE];
	unsigned mode;
	git_oid id;
	int rc = repo_tree_entry(repo, tree, path, &id, &mode, err);

	if (rc)
		return -1;
	git_oid_tostr(hex, sizeof(hex), &id);
	return repo_read(repo, hex, GIT_OBJECT_BLOB, ret, err);
}

/* How many commits there are of its bundle; too many where that cannot be
 * read, so that none is added. */
static uint64_t read_changes(git_repository *repo, const char *commit)
{
	struct buf text = BUF_INIT(STATUS_BYTES);
	struct arena arena = ARENA_INIT;
	struct err none = ERR_INIT;
	int64_t changes = 0;
	struct node *n;
	git_oid tree;

	if (repo_commit_tree(repo, commit, &tree, &none) == 0 &&
	    read_blob(repo, &tree, CLUSTER_STATUS_FILE, &text, &none) == 0 &&
	    json_read(text.data, text.len, &arena, &n, &none) == 0)
		changes = node_path_int(n, 0, "changes", NULL);
	arena_release(&arena);
	buf_release(&text);
	return changes > 0 ? (uint64_t)changes : RECORD_CHANGES;
}

/* When a commit was heard of first, and the one before it; "": there is none,
 * or it cannot be read. */
static int64_t step_back(git_repository *repo, char id[GIT_HEX_SIZE])
{
	git_commit *c = NULL;
	int64_t since = 0;
	git_oid oid;

	if (git_oid_fromstr(&oid, id) == 0 &&
	    git_commit_lookup(&c, repo, &oid) == 0)
		since = git_commit_author(c)->when.time;
	if (c && git_commit_parentcount(c))
		git_oid_tostr(id, GIT_HEX_SIZE, git_commit_parent_id(c, 0));
	else
		id[0] = '\0';
	git_commit_free(c);
	return since;
}

int status_tip_read(git_repository *repo, const char *channel,
		    const char *cluster, struct status_tip *ret,
		    struct err *err)
{
	struct status_tip tip = { .id = "" };
	struct err unread = ERR_INIT;
	char *ref = ref_of(channel, cluster);
	int rc = repo_ref(repo, ref, tip.id, err);

	free(ref);
	if (rc < 0)
		return -1;
	if (*tip.id && cluster_status_read(repo, tip.id, &tip.report,
					   &unread) == 0) {
		char at[GIT_HEX_SIZE];

		memcpy(at, tip.id, sizeof(at));
		tip.readable = true;
		tip.first = step_back(repo, at);
		tip.changes = read_changes(repo, tip.id);
	}
	*ret = tip;
	return 0;
}

int64_t status_longest_health(git_repository *repo, const char *channel,
			      const char *cluster, const char *bundle,
			      int64_t until)
{
	char *ref = ref_of(channel, cluster), id[GIT_HEX_SIZE];
	int64_t longest = 0;
	struct err none = ERR_INIT;

	if (repo_ref(repo, ref, id, &none) < 0)
		id[0] = '\0';
	for (int i = 0; i <= RECORD_CHANGES && *id; i++) {
		struct cluster_report r;
		bool same, well;
		int64_t since;

		if (cluster_status_read(repo, id, &r, &none) < 0)
			break;
		same = !strcmp(r.bundle, bundle);
		well = same && r.phase == CLUSTER_HEALTHY;
		cluster_report_release(&r);
		if (!same)
			break;
		since = step_back(repo, id);
		if (well && until - since > longest)
			longest = until - since;
		until = since;
	}
	free(ref);
	return longest;
}

/* ---- the commit ---- */

static int add_blob(git_repository *repo, git_treebuilder *tree,
		    const char *name, const struct buf *data, struct err *err)
{
	git_oid id;

	if (git_blob_create_from_buffer(&id, repo, data->data,
					data->len) < 0 ||
	    git_treebuilder_insert(NULL, tree, name, &id,
				   GIT_FILEMODE_BLOB) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot keep '%s'", name);
	return 0;
}

static int write_tree(const struct record *r, uint64_t changes, git_oid *ret,
		      struct err *err)
{
	struct buf json = BUF_INIT(STATUS_BYTES);
	struct arena arena = ARENA_INIT;
	git_treebuilder *tree = NULL;
	struct node *status;
	int rc = -1;

	status = cluster_status_node(&arena, r->report, &r->from);
	node_set(&arena, status, "changes", node_int(&arena, (int64_t)changes));
	json_write_canonical(status, &json);
	if (buf_check(&json, CLUSTER_STATUS_FILE, err) < 0)
		goto out;
	if (git_treebuilder_new(&tree, r->repo, NULL) < 0) {
		repo_err(err, ERR_INTERNAL, "cannot make a tree");
		goto out;
	}
	if (add_blob(r->repo, tree, CLUSTER_STATUS_FILE, &json, err) < 0 ||
	    add_blob(r->repo, tree, CLUSTER_REPORT_FILE, r->raw, err) < 0)
		goto out;
	if (git_treebuilder_write(ret, tree) < 0)
		repo_err(err, ERR_INTERNAL, "cannot keep a tree");
	else
		rc = 0;
out:
	git_treebuilder_free(tree);
	arena_release(&arena);
	buf_release(&json);
	return rc;
}

static void write_subject(const struct cluster_report *c, struct buf *out)
{
	buf_addf(out, "%s@%s: %s (%" PRIu64 ".%" PRIu64 ", ", c->channel,
		 c->cluster, cluster_phase_name(c->phase), c->epoch,
		 c->sequence);
	if (c->ready == c->total)
		buf_addf(out, "%" PRIu64 " objects)\n", c->total);
	else
		buf_addf(out, "%" PRIu64 " of %" PRIu64 " objects ready)\n",
			 c->ready, c->total);
}

/* As it was written here once, also where the file of that is gone since. */
static int64_t heard_first(const struct record *r,
			   const struct status_tip *tip)
{
	int64_t first = kept_report_first(r->host, r->ch, r->report);

	if (!first)
		first = clock_now();
	if (tip->readable && !strcmp(tip->report.bundle, r->report->bundle) &&
	    tip->report.phase == r->report->phase &&
	    tip->report.since == r->report->since &&
	    tip->first > 0 && tip->first < first)
		first = tip->first;
	return first;
}

int status_write_tip(const struct record *r, const struct status_tip *tip,
		     uint64_t changes, bool replace, struct err *err)
{
	char *ref = ref_of(r->ch->name, r->report->cluster);
	struct buf message = BUF_INIT(1024);
	char id[GIT_HEX_SIZE];
	git_oid tree;
	int rc = write_tree(r, changes, &tree, err);

	write_subject(r->report, &message);
	if (!rc)
		rc = record_commit(r, &tree, heard_first(r, tip), tip->id,
				   replace, message.data, id, err);
	if (!rc)
		rc = repo_ref_update(r->repo, ref, tip->id, id,
				     "windlass: report", err);
	buf_release(&message);
	free(ref);
	return rc;
}
