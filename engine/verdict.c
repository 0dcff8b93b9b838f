/*
 * Judging refusals. See verdict.h. Where the API server's codes do not tell,
 * its words do; those that are matched here were seen on a real one (1.36).
 */
#include "config.h"
#include "engine/verdict.h"

#include <string.h>

static bool says(const struct kube_status *s, const char *words)
{
	return strstr(s->message, words) != NULL;
}

static bool schema_is_fresh(const struct verdict_context *ctx)
{
	return ctx->kind->custom && ctx->kind->schema_changed &&
	       ctx->now - ctx->kind->schema_changed < GRACE_SCHEMA_MS;
}

static enum verdict judge_forbidden(const struct kube_status *s,
				    const struct verdict_context *ctx)
{
	/* "error looking up service account demo/default: ... not found" */
	if (says(s, "error looking up service account"))
		return VERDICT_LATER;
	if (ctx->roles_changed &&
	    ctx->now - ctx->roles_changed < GRACE_ROLES_MS)
		return VERDICT_LATER;
	if (ctx->tries < GRACE_FORBIDDEN_TRIES)
		return VERDICT_LATER;
	return VERDICT_FAILED;
}

enum verdict verdict_of(const struct kube_status *s,
			const struct verdict_context *ctx)
{
	switch (s->why) {
	case KUBE_DONE:
		break;
	case KUBE_NO_ANSWER:
		return VERDICT_AGAIN;
	case KUBE_BUSY:
		return s->code == 429 ? VERDICT_AGAIN : VERDICT_LATER;
	case KUBE_UNAUTHORIZED:
	case KUBE_TERMINATING:
	case KUBE_EXPIRED:
		return VERDICT_LATER;
	case KUBE_STALE:
	case KUBE_EXISTS:
		return VERDICT_LATER;
	case KUBE_CONFLICT:
		return VERDICT_CONFLICT;
	case KUBE_FORBIDDEN:
		return judge_forbidden(s, ctx);
	case KUBE_NO_RESOURCE:
		return VERDICT_NO_KIND;
	case KUBE_NOT_FOUND:
		/* of a PATCH that creates: its namespace is missing */
		return VERDICT_LATER;
	case KUBE_UNDECLARED:
		return schema_is_fresh(ctx) ? VERDICT_LATER : VERDICT_FAILED;
	case KUBE_INVALID:
		/* the same object may be refused by a schema that is not the
		 * one its CRD has by now */
		return schema_is_fresh(ctx) && s->code >= 500 ?
		       VERDICT_LATER : VERDICT_FAILED;
	}
	return VERDICT_FAILED;
}

/* "may not patch" comes before any look at the object, "may not create" and
 * what admission says (quotas, policies, webhooks) after that at its
 * namespace: all of them are 403. */
bool verdict_tells_of_namespace(enum verdict v, long status,
				const char *message)
{
	if (v == VERDICT_NO_KIND || status == 400 || status == 401 ||
	    status == 429)
		return false;
	return status >= 400 && status < 500 &&
	       (status != 403 || !strstr(message, "cannot patch resource"));
}

const char *verdict_reason(const struct kube_status *s)
{
	switch (s->why) {
	case KUBE_NO_ANSWER:
		return "NoAnswer";
	case KUBE_NO_RESOURCE:
		return KIND_NOT_SERVED;
	case KUBE_UNDECLARED:
		return "FieldNotDeclared";
	case KUBE_TERMINATING:
		return "NamespaceTerminating";
	default:
		return *s->reason ? s->reason : "Refused";
	}
}
