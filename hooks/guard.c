/*
 * The deletion guard. See guard.h. Trusts the plan; push options, trailers
 * and what lies in the state folder are texts of strangers: only an exact
 * number in the exact form allows anything.
 */
#include "config.h"
#include "hooks/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"

/* deleting one of these takes more with it than itself */
static const struct {
	const char *group, *kind;
} guarded[] = {
	{ "", "Namespace" },
	{ "apiextensions.k8s.io", "CustomResourceDefinition" },
	{ "", "PersistentVolumeClaim" },
	{ "", "PersistentVolume" },
};

int allow_parse(const char *text, struct allowances *ret, struct err *err)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	struct allowed a = { .channel = "" };

	if (len <= LIMIT_CHANNEL_BYTES)
		memcpy(a.channel, text, len);
	if (len > LIMIT_CHANNEL_BYTES || (colon && !len) ||
	    (colon && !is_channel_name(a.channel)) ||
	    parse_u64(colon ? colon + 1 : text, 1, LIMIT_BUNDLE_OBJECTS,
		      &a.n) < 0)
		return err_set(err, ERR_INVALID, "'%.100s' is no number of "
			       "deletions; it must be N or <channel>:N", text);
	if (ret->n == ARRAY_SIZE(ret->v))
		return err_set(err, ERR_INVALID, "more than %d numbers of "
			       "deletions", LIMIT_PUSH_OPTIONS);
	ret->v[ret->n++] = a;
	return 0;
}

static int take_option(unsigned i, struct allowances *ret, struct err *err)
{
	char name[sizeof("GIT_PUSH_OPTION_4294967295")];
	size_t key = strlen(ALLOW_OPTION);
	const char *v;

	snprintf(name, sizeof(name), "GIT_PUSH_OPTION_%u", i);
	v = getenv(name);
	if (!v)
		return 0;
	if (strlen(v) > LIMIT_PUSH_OPTION_BYTES)
		return err_set(err, ERR_INVALID, "a push option is longer than "
			       "%d bytes", LIMIT_PUSH_OPTION_BYTES);
	if (strncmp(v, ALLOW_OPTION, key) || (v[key] && v[key] != '='))
		return 0;
	if (!v[key])
		return err_set(err, ERR_INVALID, "push option '" ALLOW_OPTION
			       "' needs a number: -o " ALLOW_OPTION "=N");
	if (allow_parse(v + key + 1, ret, err) < 0)
		return err_wrap(err, "push option '" ALLOW_OPTION "'");
	return 0;
}

int allow_options(struct allowances *ret, struct err *err)
{
	const char *count = getenv("GIT_PUSH_OPTION_COUNT");
	uint64_t n;

	if (!count || !*count)
		return 0;
	if (parse_u64(count, 0, LIMIT_PUSH_OPTIONS, &n) < 0)
		return err_set(err, ERR_INVALID, "more than %d push options",
			       LIMIT_PUSH_OPTIONS);
	for (unsigned i = 0; i < n; i++)
		if (take_option(i, ret, err) < 0)
			return -1;
	return 0;
}

int allow_trailers(git_repository *repo, const char *commit,
		   struct allowances *ret, struct err *err)
{
	git_message_trailer_array trailers = { 0 };
	git_commit *c = NULL;
	git_oid id;
	int rc = -1;

	if (git_oid_fromstr(&id, commit) < 0 ||
	    git_commit_lookup(&c, repo, &id) < 0 ||
	    git_message_trailers(&trailers, git_commit_message(c)) < 0) {
		repo_err(err, ERR_INTERNAL, "cannot read the message of %s",
			 commit);
		goto out;
	}
	for (size_t i = 0; i < trailers.count; i++) {
		struct err malformed = ERR_INIT;

		if (!strcasecmp(trailers.trailers[i].key, ALLOW_TRAILER))
			allow_parse(trailers.trailers[i].value, ret,
				    &malformed);
	}
	rc = 0;
out:
	git_message_trailer_array_free(&trailers);
	git_commit_free(c);
	return rc;
}

bool allow_covers(const struct allowances *as, const char *channel,
		  uint64_t deletions)
{
	for (size_t i = 0; i < as->n; i++)
		if (as->v[i].n == deletions &&
		    (!*as->v[i].channel || !strcmp(as->v[i].channel, channel)))
			return true;
	return false;
}

static bool is_guarded(const struct plan_item *item)
{
	if (item->op != PLAN_DELETE)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(guarded); i++)
		if (!strcmp(item->id.kind, guarded[i].kind) &&
		    !strcmp(item->id.group, guarded[i].group))
			return true;
	return false;
}

bool guard_applies(const struct channel_config *ch, const struct plan *plan)
{
	if (plan->deleted > ch->delete_limit)
		return true;
	for (size_t i = 0; i < plan->n; i++)
		if (is_guarded(&plan->v[i]))
			return true;
	return false;
}

void guard_explain(const struct channel_config *ch, const struct plan *plan,
		   struct feedback *fb)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n; i++)
		n += is_guarded(&plan->v[i]);
	feedback_line(fb, "windlass: %s: refused, this would delete %" PRIu64
		      " object%s:", ch->name, plan->deleted,
		      plan->deleted == 1 ? "" : "s");
	plan_show_deleted(plan, fb);
	if (plan->deleted > ch->delete_limit)
		feedback_line(fb, "windlass: %s: more than deleteLimit, which "
			      "is %" PRIu64, ch->name, ch->delete_limit);
	if (n)
		feedback_line(fb, "windlass: %s: %zu of them take more with "
			      "them: a Namespace, CustomResourceDefinition, "
			      "PersistentVolumeClaim or PersistentVolume",
			      ch->name, n);
	feedback_line(fb, "windlass: if that is meant, say how many, with");
	feedback_line(fb, "    git push -o " ALLOW_OPTION "=%s:%" PRIu64,
		      ch->name, plan->deleted);
	feedback_line(fb, "or by this trailer in the message of the last "
		      "commit:");
	feedback_line(fb, "    " ALLOW_TRAILER ": %" PRIu64, plan->deleted);
}

static int allow_path(const struct host_config *host,
		      const struct channel_config *ch, const char *tip,
		      struct buf *path, struct err *err)
{
	if (config_channel_file(host, ch, "allow", path, err) < 0)
		return -1;
	if (tip)
		buf_addf(path, "/%s", tip);
	return buf_check(path, "a path", err);
}

int allow_keep(const struct host_config *host,
	       const struct channel_config *ch, const char *tip,
	       uint64_t deletions, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES), text = BUF_INIT(64);
	int rc = allow_path(host, ch, NULL, &path, err);

	if (!rc)
		rc = fs_mkdirs(path.data, 0750, err);
	buf_reset(&path);
	if (!rc)
		rc = allow_path(host, ch, tip, &path, err);
	buf_addf(&text, "%" PRIu64 "\n", deletions);
	if (!rc)
		rc = fs_write(AT_FDCWD, path.data, text.data, text.len, 0640,
			      err);
	buf_release(&path);
	buf_release(&text);
	return rc;
}

int allow_read(const struct host_config *host,
	       const struct channel_config *ch, const char *tip,
	       uint64_t *ret, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES), text = BUF_INIT(64);
	int rc = allow_path(host, ch, tip, &path, err);

	if (rc < 0)
		goto out;
	if (!fs_exists(AT_FDCWD, path.data)) {
		rc = 1;
		goto out;
	}
	rc = fs_read(AT_FDCWD, path.data, &text, err);
	if (!rc && (!text.len || text.data[text.len - 1] != '\n' ||
		    parse_u64n(text.data, text.len - 1, 1, UINT64_MAX,
			       ret) < 0))
		rc = err_set(err, ERR_INVALID, "'%s' is no allowance of "
			     "pre-receive; remove it", path.data);
out:
	buf_release(&path);
	buf_release(&text);
	return rc;
}

int allow_drop(const struct host_config *host,
	       const struct channel_config *ch, const char *tip,
	       struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = allow_path(host, ch, tip, &path, err);

	if (!rc && unlink(path.data) < 0 && errno != ENOENT)
		rc = err_sys(err, "cannot remove '%s'", path.data);
	buf_release(&path);
	return rc;
}
