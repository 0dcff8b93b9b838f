/*
 * From a Channel object to its settings. See channel-spec.h. Who may edit a
 * Channel decides what runs in the cluster; this file trusts them to mean
 * what they wrote, and refuses what cannot be meant: a key in two roles, an
 * empty trust file, a URL with credentials in it.
 */
#include "config.h"
#include "engine/channel-spec.h"

#include <stdlib.h>
#include <string.h>

#include "engine/http.h"
#include "schema/base/digest.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"

static const char *text(const struct node *spec, const char *field)
{
	return node_text(node_get(spec, field));
}

static bool flag(const struct node *spec, const char *field, bool fallback)
{
	const struct node *n = node_get(spec, field);

	return n && n->type == NODE_BOOL ? n->boolean : fallback;
}

static int check_url(const char *field, const char *url, struct err *err)
{
	const char *host;

	if (!url || (strncmp(url, "https://", 8) && strncmp(url, "http://", 7)))
		return err_set(err, ERR_INVALID, "spec.%s must begin with "
			       "https:// or http://", field);
	host = strstr(url, "://") + 3;
	if (memchr(host, '@', strcspn(host, "/")))
		return err_set(err, ERR_INVALID, "spec.%s must not hold a "
			       "user or password; put a token into the Secret "
			       "that spec.secretRef names", field);
	if (strpbrk(url, "?#"))
		return err_set(err, ERR_INVALID, "spec.%s must not have a "
			       "query or a fragment", field);
	if (http_check_url(url, err) < 0)
		return err_wrap(err, "spec.%s", field);
	return 0;
}

static int read_url(const struct node *spec, struct channel_spec *s,
		    struct err *err)
{
	const char *url = text(spec, "url");
	size_t len;

	if (check_url("url", url, err) < 0)
		return -1;
	len = strlen(url);
	while (len && url[len - 1] == '/')
		len--;
	s->url = xstrndup(url, len);
	return 0;
}

/* The whole URL to post to, or "none". */
static int read_report_to(const struct node *spec, struct channel_spec *s,
			  struct err *err)
{
	const char *to = text(spec, "reportTo");

	if (!to || !*to)
		return 0;
	if (strlen(to) > LIMIT_URL_BYTES)
		return err_set(err, ERR_INVALID, "spec.reportTo is longer "
			       "than %d bytes", LIMIT_URL_BYTES);
	if (strcmp(to, "none") && check_url("reportTo", to, err) < 0)
		return -1;
	s->report_to = xstrdup(to);
	return 0;
}

static int read_seconds(const struct node *spec, const char *field,
			const char *fallback, int64_t *ret, struct err *err)
{
	const char *value = text(spec, field);

	if (parse_duration(value ? value : fallback, ret) < 0 || *ret < 1)
		return err_set(err, ERR_INVALID, "spec.%s is \"%s\"; write a "
			       "time of at least a second, such as %s", field,
			       value, fallback);
	return 0;
}

static int read_count(const struct node *map, const char *name,
		      const char *field, uint64_t fallback, uint64_t *ret,
		      struct err *err)
{
	const struct node *n = node_get(map, field);

	if (n && (n->type != NODE_INT || n->integer < 0))
		return err_set(err, ERR_INVALID, "%s must be a whole number, "
			       "not below 0", name);
	*ret = n ? (uint64_t)n->integer : fallback;
	return 0;
}

static int read_strings(const struct node *spec, const char *field,
			struct strvec *ret, struct err *err)
{
	const struct node *list = node_get(spec, field);

	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++) {
		const char *s = node_text(list->items[i]);

		if (!s || !*s)
			return err_set(err, ERR_INVALID, "spec.%s[%u] must be "
				       "a string", field, i);
		strvec_push(ret, s);
	}
	return 0;
}

static int read_trust(const struct node *spec, struct channel_spec *s,
		      struct err *err)
{
	const char *publishers = text(spec, "publishers");
	const char *approvers = node_path_str(spec, "approvals", "approvers",
					      NULL);
	struct trust p = TRUST_INIT, a = TRUST_INIT;
	int rc = -1;

	if (!publishers)
		return err_set(err, ERR_INVALID, "spec.publishers is missing");
	if (trust_parse(publishers, strlen(publishers), TRUST_PUBLISHERS, &p,
			err) < 0) {
		err_wrap(err, "spec.publishers");
		goto out;
	}
	if (p.n == 0) {
		err_set(err, ERR_INVALID, "spec.publishers names no key");
		goto out;
	}
	if (approvers && trust_parse(approvers, strlen(approvers),
				     TRUST_APPROVERS, &a, err) < 0) {
		err_wrap(err, "spec.approvals.approvers");
		goto out;
	}
	if (trust_disjoint(&p, &a, err) < 0)
		goto out;
	if (s->approvals_required > trust_people(&a)) {
		err_set(err, ERR_INVALID, "spec.approvals.required is %llu, "
			"but approvers names %zu people",
			(unsigned long long)s->approvals_required,
			trust_people(&a));
		goto out;
	}
	s->publishers = xstrdup(publishers);
	s->approvers = approvers ? xstrdup(approvers) : NULL;
	rc = 0;
out:
	trust_release(&p);
	trust_release(&a);
	return rc;
}

/* In windlass's own namespace each channel has an account of its own, so who
 * may make a Channel does not get the rights of another one by naming it. */
static bool is_anothers(const char *ns, const char *name, const char *channel)
{
	const char prefix[] = OWN_ACCOUNT_PREFIX;
	size_t len = strlen(prefix);

	return !strcmp(ns, OWN_NAMESPACE) &&
	       (strncmp(name, prefix, len) || strcmp(name + len, channel));
}

static int read_account(const struct node *spec, const char *channel,
			struct channel_spec *s, struct err *err)
{
	const struct node *account = node_get(spec, "serviceAccount");
	const char *ns = text(account, "namespace");
	const char *name = text(account, "name");

	if (!ns || !is_dns_label(ns) || !name || !is_dns_subdomain(name))
		return err_set(err, ERR_INVALID, "spec.serviceAccount must "
			       "have the namespace and name of the account "
			       "that writes for this channel");
	if (is_anothers(ns, name, channel))
		return err_set(err, ERR_INVALID, "spec.serviceAccount: in "
			       OWN_NAMESPACE " this channel's account is '"
			       OWN_ACCOUNT_PREFIX "%s', which `windlass "
			       "install` makes, and none other", channel);
	s->account_namespace = xstrdup(ns);
	s->account_name = xstrdup(name);
	return 0;
}

static int read_policy(const struct node *spec, struct channel_spec *s,
		       struct err *err)
{
	const struct node *approvals = node_get(spec, "approvals");
	const char *policy = text(spec, "deletionPolicy");
	const char *secret = node_path_str(spec, "secretRef", "name", NULL);
	const char *mode = node_path_str(spec, "drift", "mode", NULL);

	if (policy && strcmp(policy, "Orphan") && strcmp(policy, "Prune"))
		return err_set(err, ERR_INVALID,
			       "spec.deletionPolicy must be Orphan or Prune");
	s->deletion_policy = policy && !strcmp(policy, "Prune") ?
			     DELETION_PRUNE : DELETION_ORPHAN;
	if (mode && strcmp(mode, "Correct") && strcmp(mode, "Report"))
		return err_set(err, ERR_INVALID,
			       "spec.drift.mode must be Correct or Report");
	s->drift = mode && !strcmp(mode, "Report") ? WISH_DRIFT_REPORT :
		   WISH_DRIFT_CORRECT;
	s->require_touch = flag(approvals, "requireTouch", false);
	s->not_by_pusher = flag(approvals, "notByPusher", false);
	s->suspend = flag(spec, "suspend", false);
	s->prune = flag(spec, "prune", true);
	s->has_delete_limit = node_get(spec, "deleteLimit") != NULL;
	s->secret_name = secret ? xstrdup(secret) : NULL;
	if (read_count(spec, "spec.deleteLimit", "deleteLimit", 0,
		       &s->delete_limit, err) < 0 ||
	    read_count(spec, "spec.epochFloor", "epochFloor", 1,
		       &s->epoch_floor, err) < 0 ||
	    read_count(approvals, "spec.approvals.required", "required", 0,
		       &s->approvals_required, err) < 0)
		return -1;
	if (s->epoch_floor < 1)
		return err_set(err, ERR_INVALID,
			       "spec.epochFloor must be at least 1");
	return 0;
}

int channel_spec_read(const struct node *channel, struct channel_spec *ret,
		      struct err *err)
{
	const struct node *spec = node_get(channel, "spec");
	struct channel_spec s = { 0 };
	const char *name = node_path_str(channel, "metadata", "name", NULL);
	const char *id = text(spec, "channelID");

	if (!spec || spec->type != NODE_MAP)
		return err_set(err, ERR_INVALID, "spec is missing");
	if (!id || !is_hex(id, strlen(id), CHANNEL_ID_SIZE - 1)) {
		err_set(err, ERR_INVALID, "spec.channelID must be the 32 hex "
			"digits that windlass-hook init printed");
		goto fail;
	}
	memcpy(s.channel_id, id, CHANNEL_ID_SIZE);
	if (read_url(spec, &s, err) < 0 ||
	    read_report_to(spec, &s, err) < 0 ||
	    read_seconds(spec, "interval", "15s", &s.interval, err) < 0 ||
	    read_seconds(spec, "healthTimeout", "5m", &s.health_timeout,
			 err) < 0 ||
	    read_policy(spec, &s, err) < 0 ||
	    read_trust(spec, &s, err) < 0 ||
	    read_strings(spec, "namespaces", &s.namespaces, err) < 0 ||
	    read_strings(spec, "clusterScoped", &s.cluster_scoped, err) < 0 ||
	    read_account(spec, name ? name : "", &s, err) < 0)
		goto fail;
	*ret = s;
	return 0;
fail:
	channel_spec_release(&s);
	return -1;
}

void channel_spec_release(struct channel_spec *s)
{
	free(s->url);
	free(s->publishers);
	free(s->approvers);
	free(s->account_namespace);
	free(s->account_name);
	free(s->secret_name);
	free(s->report_to);
	strvec_release(&s->namespaces);
	strvec_release(&s->cluster_scoped);
	*s = (struct channel_spec){ 0 };
}

static bool kind_is_listed(const struct strvec *kinds,
			   const struct object_id *id)
{
	char full[2 * LIMIT_NAME_BYTES + 2];
	bool is_channel = !strcmp(id->group, "windlass.dev") &&
			  !strcmp(id->kind, "Channel");

	snprintf(full, sizeof(full), "%s.%s", id->kind, id->group);
	if (strvec_has(kinds, full))
		return true;
	if (!is_channel && strvec_has(kinds, "*"))
		return true;
	/* a bare kind is enough, but for Channels: they are named in full or
	 * as "Channel", never by the wildcard */
	return strvec_has(kinds, id->kind);
}

int channel_spec_allows(const struct channel_spec *s, const char *channel,
			const struct object_id *id, struct err *err)
{
	bool own = own_judge(id, channel) != OWN_NOT;
	bool outside = *id->namespace &&
		       !strvec_has(&s->namespaces, "*") &&
		       !strvec_has(&s->namespaces, id->namespace);
	struct buf what = BUF_INIT(4 * LIMIT_NAME_BYTES);
	int rc = 0;

	if (!own && !outside &&
	    (*id->namespace || kind_is_listed(&s->cluster_scoped, id)))
		return 0;
	object_describe(id, &what);
	if (own)
		rc = err_set(err, ERR_DENIED, "%s is windlass's own; no "
			     "channel may manage it", what.data);
	else if (outside)
		rc = err_set(err, ERR_DENIED, "%s: namespace '%s' is not in "
			     "spec.namespaces of the Channel", what.data,
			     id->namespace);
	else
		rc = err_set(err, ERR_DENIED, "%s: kind '%s' is not in "
			     "spec.clusterScoped of the Channel", what.data,
			     id->kind);
	buf_release(&what);
	return rc;
}
