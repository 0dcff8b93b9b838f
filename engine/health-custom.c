/*
 * Health of custom resources. No schema says what a status means, but most
 * controllers follow the same few habits: conditions, a word in a field such
 * as `phase`, a generation that was looked at, a switch that pauses. We read
 * these, and trust none to be there or of the right type.
 *
 * A word that we do not know says nothing. What claims a failure counts more
 * than what claims success; but only plain words of failure make one: a false
 * alarm is worse than one that comes late.
 */
#include "config.h"
#include "engine/health-judged.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "schema/base/mem.h"

#define WORD_MAX 64	/* of a phase, a reason or a condition's type */

/* ---- words */

static const char failing[] =
	" failed failure fail error errors errored err degraded invalid "
	"unhealthy stalled denied aborted rejected conflict conflicted "
	"unreachable exceeded unsupported broken crashed terminal violation "
	"violations unknownhost dead fatal ";
static const char moving[] =
	" pending progressing progress waiting creating provisioning "
	"initializing initialising init installing updating upgrading "
	"reconciling deploying deleting terminating starting stopping scaling "
	"restarting running scheduling configuring applying migrating "
	"restoring importing cloning queued building preparing syncing "
	"rolling promoting finalising finalizing processing inprogress "
	"expanding new resuming unknown unavailable ";
static const char pausing[] =
	" paused pause suspended suspend hibernated hibernation hibernating "
	"stopped disabled ";
static const char doing[] =
	" ready running active succeeded success successful healthy available "
	"complete completed bound deployed synced valid green ok online "
	"installed provisioned enabled operational established normal ";
/* at the end of a condition's type: true while it goes on */
static const char changing[] =
	" updating upgrading creating deleting provisioning installing "
	"migrating restoring reconciling ";
/* after a "not": of a reference */
static const char refused[] =
	" found permitted allowed supported matching ";
static const char not[] = " not no non un without never ";

static bool listed(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; len && (p = strstr(p, word)); p += len)
		if (p[-1] == ' ' && p[len] == ' ')
			return true;
	return false;
}

/* The next part of a word, in lower case: "InstallFailed", "IN_PROGRESS" and
 * "not-ready" have two. Returns where the next starts, NULL at the end. */
static const char *next_part(const char *p, char part[WORD_MAX])
{
	size_t n = 0;

	while (*p && !isalnum((unsigned char)*p))
		p++;
	if (!*p)
		return NULL;
	for (; isalnum((unsigned char)*p) && n < WORD_MAX - 1; p++) {
		if (n && isupper((unsigned char)*p) &&
		    (islower((unsigned char)p[-1]) ||
		     (isupper((unsigned char)p[-1]) &&
		      islower((unsigned char)p[1]))))
			break;
		part[n++] = (char)tolower((unsigned char)*p);
	}
	part[n] = '\0';
	return p;
}

struct parts {
	bool failing, moving, pausing, doing, not, last_failing, first_failing,
	     last_doing, running, refused, last_changing;
	size_t n;
};

static struct parts parts_of(const char *word)
{
	struct parts r = { 0 };
	char part[WORD_MAX];

	if (!word || strlen(word) >= WORD_MAX)
		return r;
	for (const char *p = word; (p = next_part(p, part)); r.n++) {
		r.last_failing = listed(failing, part);
		r.last_doing = listed(doing, part);
		r.last_changing = listed(changing, part);
		r.first_failing |= !r.n && r.last_failing;
		r.failing |= r.last_failing;
		r.moving |= listed(moving, part);
		r.pausing |= listed(pausing, part);
		r.doing |= r.last_doing;
		r.not |= listed(not, part);
		r.running |= !strcmp(part, "running");
		r.refused |= listed(refused, part);
	}
	return r;
}

enum health health_of_word(const char *word)
{
	const struct parts p = parts_of(word);

	if (p.not)
		return p.doing ? HEALTH_PROGRESSING : HEALTH_UNKNOWN;
	if (p.failing)
		return HEALTH_FAILED;
	if (p.pausing)
		return HEALTH_SUSPENDED;
	if (p.last_doing && p.n <= 2)
		return HEALTH_HEALTHY;
	return p.moving ? HEALTH_PROGRESSING : HEALTH_UNKNOWN;
}

/* ---- conditions */

/* Types, in lower case, without which an object is not there yet. */
static const char chiefs[] =
	" ready available healthy synced succeeded accepted programmed "
	"resolvedrefs established deployed applied reconciled valid admitted "
	"installed ";

static const char *type_of(const struct node *condition)
{
	return node_text(node_get(condition, "type"));
}

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), e = strlen(end);

	return n >= e && !strcmp(text + n - e, end);
}

/* "AllReplicasReady"; but "Active" and "Running" may be false for good */
static bool tells_readiness(const char *type)
{
	return ends_in(type, "Ready") || ends_in(type, "Healthy");
}

/* Whether a message opens with words that leave no doubt. */
static bool tells_failure(const struct node *c)
{
	const char *message = node_text(node_get(c, "message"));

	return message && (!strncasecmp(message, "error:", 6) ||
			   !strncasecmp(message, "failed to ", 10));
}

/* What `status` means for this type; UNKNOWN: nothing, or all is well. */
static enum health judge_positive(const struct judged *j,
				  const struct node *c, const char *status,
				  const char *type)
{
	const struct parts reason =
		parts_of(node_text(node_get(c, "reason")));
	bool chief = listed(chiefs, type);

	if (!strcmp(status, "False") && !reason.not &&
	    (reason.failing || (chief && tells_failure(c))))
		return health_say(j, HEALTH_FAILED, "%s", health_why(c));
	if (!strcmp(status, "False") && reason.not && reason.refused &&
	    listed(" accepted programmed resolvedrefs ", type))
		return health_say(j, HEALTH_FAILED, "%s", health_why(c));
	/* that standard has "Pending"; all its other reasons are mistakes */
	if (!strcmp(status, "False") && !reason.moving &&
	    !strcmp(j->group, "gateway.networking.k8s.io") &&
	    listed(" accepted resolvedrefs ", type))
		return health_say(j, HEALTH_FAILED, "%s", health_why(c));
	if (!strcmp(status, "False") && reason.pausing && chief)
		return health_say(j, HEALTH_SUSPENDED, "%s", health_why(c));
	/* "Unknown" */
	if (strcmp(status, "True") && strcmp(status, "False"))
		chief |= ends_in(type_of(c), "Ready");
	if (strcmp(status, "True") && chief)
		return health_say(j, HEALTH_PROGRESSING, "%s", health_why(c));
	if (!strcmp(status, "False") && parts_of(type_of(c)).last_doing &&
	    ((reason.moving && !reason.running) ||
	     (reason.not && tells_readiness(type_of(c)))))
		return health_say(j, HEALTH_PROGRESSING, "%s", health_why(c));
	return HEALTH_UNKNOWN;
}

static enum health judge_condition(const struct judged *j,
				   const struct node *c)
{
	const char *type = type_of(c);
	const char *status = node_text(node_get(c, "status"));
	const struct parts t = parts_of(type), reason =
		parts_of(node_text(node_get(c, "reason")));
	int64_t seen = node_path_int(c, -1, "observedGeneration", NULL);
	char lower[WORD_MAX] = "";

	if (type && seen >= 0 && seen < j->generation)
		return health_say(j, HEALTH_PROGRESSING,
				  "%s is about what was before the change",
				  type);
	if (!type || !status || !t.n)
		return HEALTH_UNKNOWN;
	for (size_t i = 0; type[i]; i++)
		lower[i] = (char)tolower((unsigned char)type[i]);
	if (t.not && !(t.n == 2 && t.last_doing))
		return HEALTH_UNKNOWN;
	if (t.not)
		return strcmp(status, "True") ? HEALTH_UNKNOWN :
			health_say(j, reason.failing ? HEALTH_FAILED :
				   HEALTH_PROGRESSING, "%s", health_why(c));
	if (t.first_failing || t.last_failing)
		return strcmp(status, "True") || reason.last_doing ||
			reason.not ? HEALTH_UNKNOWN :
			health_say(j, HEALTH_FAILED, "%s", health_why(c));
	if (t.n == 1 && t.pausing)
		return strcmp(status, "True") ? HEALTH_UNKNOWN :
			health_say(j, HEALTH_SUSPENDED, "%s", health_why(c));
	/* operators made of playbooks are "Running" for good, but for the
	 * reason: "Running" or "Successful" */
	if (!strcmp(status, "True") && (t.last_changing ||
	    (!strcmp(lower, "running") && reason.running)))
		return health_say(j, HEALTH_PROGRESSING, "%s", health_why(c));
	if (!strcmp(lower, "progressing")) {
		if (!strcmp(status, "False") && reason.failing)
			return health_say(j, HEALTH_FAILED, "%s",
					  health_why(c));
		return strcmp(status, "True") || reason.doing ?
			HEALTH_UNKNOWN : health_say(j, HEALTH_PROGRESSING,
						    "%s", health_why(c));
	}
	return judge_positive(j, c, status, lower);
}

/* The gravest: a failure, then a pause, then what is on its way. */
static int weight(enum health h)
{
	switch (h) {
	case HEALTH_FAILED:
		return 4;
	case HEALTH_SUSPENDED:
		return 3;
	case HEALTH_PROGRESSING:
		return 2;
	case HEALTH_HEALTHY:
		return 1;
	case HEALTH_UNKNOWN:
		break;
	}
	return 0;
}

static void take(const struct judged *j, enum health *worst, enum health h,
		 const char *reason)
{
	if (weight(h) <= weight(*worst))
		return;
	*worst = h;
	health_say(j, h, "%s", reason);
}

static enum health judge_conditions(const struct judged *j,
				    const struct node *list)
{
	enum health worst = HEALTH_UNKNOWN;
	char reason[HEALTH_REASON_MAX] = "";
	struct judged one = *j;

	one.reason = reason;
	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++)
		take(j, &worst, judge_condition(&one, list->items[i]), reason);
	return worst;
}

/* Gateways and routes have conditions per listener and per parent. */
static enum health judge_all_conditions(const struct judged *j)
{
	static const char *const lists[] = {
		"listeners", "parents", "ancestors", "ingress",
	};
	char reason[HEALTH_REASON_MAX] = "";
	struct judged one = *j;
	enum health worst = judge_conditions(j,
					     node_get(j->status, "conditions"));

	one.reason = reason;
	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		const struct node *list = node_get(j->status, lists[l]);

		for (uint32_t i = 0; list && list->type == NODE_SEQ &&
		     i < list->n; i++) {
			const struct node *of = node_get(list->items[i],
							 "conditions");

			take(j, &worst, of && of->type == NODE_SEQ && !of->n ?
				health_say(&one, HEALTH_PROGRESSING,
					   "no conditions in %s yet",
					   lists[l]) :
				judge_conditions(&one, of), reason);
		}
	}
	return worst;
}

/* Workloads of strangers count what they run as built-in ones do. */
static enum health judge_counts(const struct judged *j)
{
	static const struct {
		const char *want, *have;
	} counts[] = {
		{ "replicas", "readyReplicas" },
		{ "desiredNumberScheduled", "numberReady" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		int64_t want = node_path_int(j->status, 0, counts[i].want,
					     NULL);
		int64_t have = node_path_int(j->status, want, counts[i].have,
					     NULL);

		if (have < want)
			return health_say(j, HEALTH_PROGRESSING,
					  "%lld of %lld replicas are ready",
					  (long long)have, (long long)want);
	}
	return HEALTH_UNKNOWN;
}

/* ---- the switch that pauses */

static bool is_on(const struct node *n)
{
	const char *text = node_text(n);

	if (n && n->type == NODE_BOOL)
		return n->boolean;
	return text && (!strcasecmp(text, "true") || !strcasecmp(text, "on"));
}

static bool is_paused(const struct judged *j)
{
	static const char *const fields[] = {
		"paused", "suspend", "suspended", "hibernated", "pause",
	};
	static const char *const annotations[] = {
		"autoscaling.keda.sh/paused", "cnpg.io/hibernation",
		"crossplane.io/paused", "cluster.x-k8s.io/paused",
		"strimzi.io/pause-reconciliation",
	};
	static const char *const loops[] = {
		"cnpg.io/reconciliationLoop",
		"kustomize.toolkit.fluxcd.io/reconcile",
	};
	const struct node *notes = node_path(j->object, "metadata",
					     "annotations", NULL);

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (is_on(node_get(j->spec, fields[i])))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(annotations); i++)
		if (is_on(node_get(notes, annotations[i])))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(loops); i++) {
		const char *text = node_text(node_get(notes, loops[i]));

		if (text && !strcmp(text, "disabled"))
			return true;
	}
	return false;
}

/* ---- words of the status */

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	if (list && !strcmp(list, "*"))
		return true;
	for (const char *p = list; p && *p; p += strcspn(p, "|")) {
		p += *p == '|';
		if (!strncasecmp(p, word, len) && (p[len] == '|' || !p[len]))
			return true;
	}
	return false;
}

/* One step down: into a map, or to the condition of a type. */
static const struct node *step(const struct node *n, const char *key,
			       size_t len)
{
	if (n && n->type == NODE_MAP && n->n && len == 1 && *key == '*')
		return n->pairs[0].value;
	if (!n || n->type != NODE_SEQ)
		return node_getn(n, key, len);
	for (uint32_t i = 0; i < n->n; i++) {
		const char *type = type_of(n->items[i]);

		if (type && strlen(type) == len && !memcmp(type, key, len))
			return n->items[i];
	}
	return NULL;
}

/* The word at the end of a path; "" if there is none. */
static void word_at(const struct node *n, const char *path,
		    char word[HEALTH_REASON_MAX])
{
	word[0] = '\0';
	while (n && *path) {
		size_t len = strcspn(path, ".");

		n = step(n, path, len);
		path += len + (path[len] == '.');
	}
	if (n && n->type == NODE_BOOL)
		snprintf(word, HEALTH_REASON_MAX, "%s",
			 n->boolean ? "true" : "false");
	else if (n && n->type == NODE_INT)
		snprintf(word, HEALTH_REASON_MAX, "%lld",
			 (long long)n->integer);
	else if (n && (n->type == NODE_MAP || n->type == NODE_SEQ) && n->n)
		snprintf(word, HEALTH_REASON_MAX, "...");
	else if (node_text(n))
		snprintf(word, HEALTH_REASON_MAX, "%s", node_text(n));
}

static enum health judge_row(const struct judged *j,
			     const struct health_kind *row)
{
	char word[HEALTH_REASON_MAX];
	enum health h;

	word_at(j->object, row->path, word);
	if (!*word) {
		if (row->missing == HEALTH_PROGRESSING)
			return health_say(j, row->missing, "no %s yet",
					  row->path);
		return row->missing;
	}
	if (has_word(row->failed, word))
		h = HEALTH_FAILED;
	else if (has_word(row->progressing, word))
		h = HEALTH_PROGRESSING;
	else if (has_word(row->suspended, word))
		h = HEALTH_SUSPENDED;
	else if (!row->healthy || has_word(row->healthy, word))
		return row->healthy ? HEALTH_HEALTHY : HEALTH_UNKNOWN;
	else
		h = HEALTH_PROGRESSING;	/* a word that nobody told us */
	return health_say(j, h, "%s is %s", row->path, word);
}

static enum health judge_words(const struct judged *j)
{
	static const char *const fields[] = {
		"phase", "state", "status", "health", "currentStatus",
	};
	enum health worst = HEALTH_UNKNOWN;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const char *word = node_text(node_get(j->status, fields[i]));
		enum health h = word ? health_of_word(word) : HEALTH_UNKNOWN;
		char reason[HEALTH_REASON_MAX] = "";
		const struct judged one = { .reason = reason };

		if (h == HEALTH_UNKNOWN)
			continue;
		if (h != HEALTH_HEALTHY)
			health_say(&one, h, "%s is %s", fields[i], word);
		take(j, &worst, h, reason);
	}
	return worst;
}

/* Nobody has written a status, though others of the kind have one. */
static bool is_unseen(const struct judged *j)
{
	const struct node *conditions = node_get(j->status, "conditions");

	if (conditions && conditions->type == NODE_SEQ && conditions->n)
		return false;
	return j->has_conditions && !node_get(j->status, "observedGeneration");
}

/* The rows of the table that say something; *ret_any: there are rows. */
static enum health judge_rows(const struct judged *j, bool *ret_any)
{
	enum health worst = HEALTH_UNKNOWN;
	char reason[HEALTH_REASON_MAX] = "";
	const struct health_kind *row;
	struct judged one = *j;
	size_t at = 0;

	*ret_any = false;
	one.reason = reason;
	while ((row = health_kind_next(j->group, j->kind, &at))) {
		reason[0] = '\0';
		take(j, &worst, judge_row(&one, row), reason);
		*ret_any = true;
	}
	return worst;
}

enum health health_judge_custom(const struct judged *j)
{
	char reason[HEALTH_REASON_MAX] = "";
	struct judged one = *j;
	enum health worst, words;
	bool any;

	if (is_paused(j))
		return health_say(j, HEALTH_SUSPENDED, "it is paused");
	one.reason = reason;
	worst = judge_all_conditions(j);
	words = judge_rows(&one, &any);
	if (!any)
		words = judge_words(&one);
	take(j, &worst, words, reason);
	take(j, &worst, judge_counts(&one), reason);
	if (worst == HEALTH_UNKNOWN && is_unseen(j))
		return health_say(j, HEALTH_PROGRESSING,
				  "its controller has not looked at it yet");
	if (worst == HEALTH_UNKNOWN)
		worst = HEALTH_HEALTHY;
	if (worst == HEALTH_HEALTHY)
		j->reason[0] = '\0';
	return worst;
}
