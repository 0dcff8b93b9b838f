/*
 * What the Git host says of a channel. See channel-record.h. It comes from
 * whatever repository was fetched from: texts are taken only where they are
 * of the kind that the Git host writes.
 */
#include "config.h"
#include "schema/channel-record.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/bundle.h"
#include "schema/json.h"
#include "schema/object.h"

void channel_record_release(struct channel_record *s)
{
	free(s->ref);
	free(s->after);
	strvec_release(&s->paths);
	strvec_release(&s->clusters);
	*s = (struct channel_record)CHANNEL_RECORD_INIT;
}

/* ---- writing ---- */

static struct node *list_node(struct arena *a, const struct strvec *v)
{
	struct node *list = node_seq(a);

	for (size_t i = 0; i < v->n; i++)
		node_append(a, list, node_str_clean(a, v->v[i]));
	return list;
}

static struct node *taken_node(struct arena *a, const struct channel_record *s)
{
	struct node *n = node_map(a);

	if (!*s->taken)
		return node_null(a);
	node_set(a, n, "sourceCommit", node_str(a, s->taken));
	node_set(a, n, "bundle", node_str(a, s->bundle));
	return n;
}

static struct node *waiting_node(struct arena *a,
				 const struct channel_record *s)
{
	struct node *n = node_map(a);

	if (!*s->waiting)
		return node_null(a);
	node_set(a, n, "commit", node_str(a, s->waiting));
	node_set(a, n, "after", node_str_clean(a, s->after));
	return n;
}

struct node *channel_record_node(struct arena *a, const char *channel,
				 const struct channel_record *s)
{
	struct node *n = node_map(a);

	node_set(a, n, "version", node_int(a, 1));
	node_set(a, n, "channel", node_str(a, channel));
	node_set(a, n, "sourceRef", node_str_clean(a, s->ref));
	node_set(a, n, "paths", list_node(a, &s->paths));
	node_set(a, n, "taken", taken_node(a, s));
	node_set(a, n, "clusters", s->listed ? list_node(a, &s->clusters)
					     : node_null(a));
	node_set(a, n, "waiting", waiting_node(a, s));
	return n;
}

/* ---- reading ---- */

static bool take_id(const struct node *map, const char *key,
		    char ret[GIT_HEX_SIZE])
{
	const char *id = node_text(node_get(map, key));

	if (!map || map->type == NODE_NULL)
		return true;
	if (!id || !is_hex(id, strlen(id), GIT_HEX_SIZE - 1))
		return false;
	memcpy(ret, id, GIT_HEX_SIZE);
	return true;
}

static bool take_list(const struct node *list, bool labels,
		      struct strvec *ret)
{
	if (!list || list->type != NODE_SEQ)
		return false;
	for (uint32_t i = 0; i < list->n; i++) {
		const char *s = node_text(list->items[i]);

		if (!s || strlen(s) != list->items[i]->n ||
		    (labels && !is_dns_label(s)))
			return false;
		strvec_push(ret, s);
	}
	return true;
}

static char *text_copy(const struct node *n)
{
	const char *s = node_text(n);

	return s && strlen(s) == n->n ? xstrdup(s) : NULL;
}

static bool take_all(const struct node *n, const char *channel,
		     struct channel_record *s)
{
	const struct node *taken = node_get(n, "taken");
	const struct node *waiting = node_get(n, "waiting");
	const struct node *clusters = node_get(n, "clusters");
	const char *name = node_text(node_get(n, "channel"));

	if (node_path_int(n, 0, "version", NULL) != 1 || !name ||
	    strcmp(name, channel))
		return false;
	s->ref = text_copy(node_get(n, "sourceRef"));
	s->listed = clusters && clusters->type != NODE_NULL;
	if (!s->ref || !bundle_source_ref_ok(s->ref, strlen(s->ref)) ||
	    !take_list(node_get(n, "paths"), false, &s->paths) ||
	    (s->listed && !take_list(clusters, true, &s->clusters)) ||
	    !take_id(taken, "sourceCommit", s->taken) ||
	    !take_id(taken, "bundle", s->bundle) ||
	    !take_id(waiting, "commit", s->waiting))
		return false;
	if (*s->waiting)
		s->after = text_copy(node_get(waiting, "after"));
	return !*s->waiting || s->after;
}

static int read_text(git_repository *repo, const char *commit,
		     struct buf *ret, struct err *err)
{
	char hex[GIT_HEX_SIZE];
	git_oid tree, id;
	unsigned mode;
	int rc = repo_commit_tree(repo, commit, &tree, err);

	if (!rc)
		rc = repo_tree_entry(repo, &tree, CHANNEL_RECORD_FILE, &id,
				     &mode, err);
	if (rc > 0)
		return err_set(err, ERR_INVALID, "it has no "
			       CHANNEL_RECORD_FILE);
	if (rc < 0)
		return -1;
	git_oid_tostr(hex, sizeof(hex), &id);
	return repo_read(repo, hex, GIT_OBJECT_BLOB, ret, err);
}

int channel_record_read(git_repository *repo, const char *channel,
			struct channel_record *ret, struct err *err)
{
	char *ref = xasprintf(CLUSTER_STATUS_REF "%s/" CHANNEL_RECORD_NAME,
			      channel);
	struct channel_record s = CHANNEL_RECORD_INIT;
	struct buf text = BUF_INIT(CHANNEL_RECORD_BYTES);
	struct arena arena = ARENA_INIT;
	struct node *n;
	int rc = repo_ref(repo, ref, s.id, err);

	if (rc || !*s.id) {
		rc = rc ? -1 : 1;
		goto out;
	}
	if (read_text(repo, s.id, &text, err) < 0 ||
	    json_read(text.data, text.len, &arena, &n, err) < 0) {
		rc = -1;
	} else if (!take_all(n, channel, &s)) {
		rc = err_set(err, ERR_INVALID, CHANNEL_RECORD_FILE " is not "
			     "as this windlass knows it");
	}
	if (rc)
		err_wrap(err, "%s", ref);
out:
	if (rc)
		channel_record_release(&s);
	else
		*ret = s;
	arena_release(&arena);
	buf_release(&text);
	free(ref);
	return rc;
}
