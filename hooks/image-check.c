/*
 * What doctor says of images. See image-update.h. It asks each registry as a
 * run would, by the same credentials, and looks at the markers of each
 * channel's tip: a typo in a name is no error of a run, and nothing would ever
 * come of it.
 */
#include "config.h"
#include "hooks/image-update.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/edit.h"
#include "hooks/image-marker.h"
#include "hooks/registry.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/limits.h"
#include "schema/manifest-files.h"

#define CHECK "images"
/* of each channel's markers, that are named */
#define FAULTS_TOLD 20
/* registries that do not answer cost no more than this, all together */
#define ASKING_MS (60 * 1000)

struct examination {
	const struct host *host;
	const struct tag_policies *ps;
	struct doctor *d;
	struct registries *registries;
	bool *used;		/* of each policy: a marker has its name */
};

/* ---- policies ---- */

static void tell_tags(const struct examination *x, const struct tag_policy *p,
		      const struct strvec *tags)
{
	const char *tag = tag_policy_select(p, tags);
	char digest[IMAGE_DIGEST_SIZE];
	struct err err = ERR_INIT;

	if (!tag)
		doctor_say(x->d, FINDING_WARN, CHECK, NULL, "'%s': %s has %zu "
			   "tag%s, and none of which the policy says that it "
			   "is one: look at semver, numeric or alphabetical, "
			   "and filter of [" IMAGE_SECTION " \"%s\"]", p->name,
			   p->image, tags->n, plural(tags->n), p->name);
	else if (p->pin_digest && registry_digest(x->registries, p, tag,
						  digest, &err) < 0)
		doctor_say(x->d, FINDING_FAIL, CHECK, NULL, "'%s': no digest "
			   "of %s:%s: %s", p->name, p->image, tag, err.msg);
	else
		doctor_say(x->d, FINDING_OK, CHECK, NULL, "'%s': %s has %zu "
			   "tag%s, the newest is %s", p->name, p->image,
			   tags->n, plural(tags->n), tag);
}

static void check_policy(const struct examination *x,
			 const struct tag_policy *p, int64_t end)
{
	struct strvec tags = STRVEC_INIT;
	struct err err = ERR_INIT;

	if (p->suspend)
		doctor_say(x->d, FINDING_OK, CHECK, NULL, "'%s' is suspended",
			   p->name);
	else if (clock_mono_ms() > end)
		doctor_say(x->d, FINDING_WARN, CHECK, NULL, "'%s' was not "
			   "asked for: the registries before it took a minute",
			   p->name);
	else if (registry_tags(x->registries, p, &tags, &err) < 0)
		doctor_say(x->d, err.class == ERR_TRANSIENT ? FINDING_WARN
							    : FINDING_FAIL,
			   CHECK, NULL, "'%s': %s", p->name, err.msg);
	else
		tell_tags(x, p, &tags);
	for (size_t i = 0; i < x->registries->warnings.n; i++)
		doctor_say(x->d, FINDING_WARN, CHECK, NULL, "%s",
			   x->registries->warnings.v[i]);
	strvec_release(&x->registries->warnings);
	strvec_release(&tags);
}

static void check_unused(const struct examination *x)
{
	for (size_t i = 0; i < x->ps->n; i++)
		if (!x->used[i])
			doctor_say(x->d, FINDING_WARN, CHECK, NULL, "no marker "
				   "in a channel's source names '%s': write # "
				   "{\"$imagepolicy\": \"%s\"} behind the value "
				   "that it sets, or remove [" IMAGE_SECTION
				   " \"%s\"]", x->ps->v[i].name,
				   x->ps->v[i].name, x->ps->v[i].name);
}

/* ---- markers ---- */

/* The source of one channel. */
struct source {
	const struct examination *x;
	const struct channel_config *ch;
	size_t markers, faults;
	struct strvec unknown;	/* policies; each is told of once */
};

__attribute__((format(printf, 2, 3)))
static void fault(struct source *s, const char *fmt, ...)
{
	struct buf text = BUF_INIT(LIMIT_PATH_BYTES + 4096);
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	if (s->faults++ < FAULTS_TOLD)
		doctor_say(s->x->d, FINDING_WARN, CHECK, s->ch->name, "%s",
			   text.data);
	buf_release(&text);
}

static void check_marker(struct source *s, const char *path,
			 const struct image_marker *m)
{
	const struct tag_policy *p = tag_policies_find(s->x->ps, m->policy);

	s->markers++;
	if (p)
		s->x->used[p - s->x->ps->v] = true;
	if (!m->is_value)
		fault(s, "%s:%" PRIu32 ": the marker follows no value that it "
		      "could set", path, m->line);
	if (p || strvec_has(&s->unknown, m->policy))
		return;
	strvec_push(&s->unknown, m->policy);
	fault(s, "%s:%" PRIu32 ": no policy '%s' is configured: add "
	      "[" IMAGE_SECTION " \"%s\"], or correct the marker", path,
	      m->line, m->policy, m->policy);
}

static int check_file(struct source *s, const struct manifest_file *mf,
		      struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_FILE_BYTES);
	struct image_markers ms = IMAGE_MARKERS_INIT;
	struct err unread = ERR_INIT;
	char hex[GIT_HEX_SIZE];
	int rc;

	git_oid_tostr(hex, sizeof(hex), &mf->new_id);
	rc = repo_read(s->x->host->repo, hex, GIT_OBJECT_BLOB, &text, err);
	if (!rc && image_markers_maybe(text.data, text.len)) {
		if (image_markers_find(text.data, text.len, &ms, &unread) < 0)
			fault(s, "%s: %s", mf->path, unread.msg);
		for (size_t i = 0; i < ms.n; i++)
			check_marker(s, mf->path, &ms.v[i]);
	}
	image_markers_release(&ms);
	buf_release(&text);
	return rc;
}

static int check_files(struct source *s, struct err *err)
{
	git_repository *repo = s->x->host->repo;
	struct manifest_files files = MANIFEST_FILES_INIT;
	struct problems ps = PROBLEMS_INIT;
	char tip[GIT_HEX_SIZE];
	git_oid tree;
	int rc = repo_ref(repo, s->ch->ref, tip, err);

	if (rc || !*tip)
		return rc;
	rc = repo_commit_tree(repo, tip, &tree, err);
	if (!rc)
		rc = manifest_files_diff(repo, s->ch->name, &s->ch->paths,
					 NULL, &tree, &files, &ps, err);
	for (size_t i = 0; !rc && i < files.n; i++)
		if (files.v[i].has_new)
			rc = check_file(s, &files.v[i], err);
	manifest_files_release(&files);
	problems_release(&ps);
	return rc;
}

static void check_channel(const struct examination *x,
			  const struct channel_config *ch)
{
	struct source s = { .x = x, .ch = ch };
	struct err err = ERR_INIT;

	if (check_files(&s, &err) < 0)
		doctor_say(x->d, FINDING_FAIL, CHECK, ch->name, "%s", err.msg);
	else if (s.faults > FAULTS_TOLD)
		doctor_say(x->d, FINDING_WARN, CHECK, ch->name, "and %zu more "
			   "markers like these", s.faults - FAULTS_TOLD);
	else if (ch->suspend_images)
		doctor_say(x->d, FINDING_OK, CHECK, ch->name, "suspended");
	else if (s.markers && edit_check(ch, &err) < 0)
		doctor_say(x->d, FINDING_FAIL, CHECK, ch->name, "no update can "
			   "be committed: %s", err.msg);
	else if (s.markers)
		doctor_say(x->d, FINDING_OK, CHECK, ch->name, "%zu marker%s in "
			   "its source", s.markers, plural(s.markers));
	strvec_release(&s.unknown);
}

void image_check(const struct host *host, const struct tag_policies *ps,
		 struct doctor *d)
{
	struct registries registries = REGISTRIES_INIT;
	struct examination x = { .host = host, .ps = ps, .d = d,
				 .registries = &registries };
	const int64_t end = clock_mono_ms() + ASKING_MS;

	x.used = xcalloc(ps->n + 1, sizeof(*x.used));
	for (size_t i = 0; i < ps->n; i++)
		check_policy(&x, &ps->v[i], end);
	for (size_t i = 0; i < host->config.n; i++)
		check_channel(&x, &host->config.channels[i]);
	check_unused(&x);
	registries_release(&registries);
	free(x.used);
}
