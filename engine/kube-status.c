/*
 * What an answer of the API server means for whoever asked. See kube.h; the
 * codes and texts were measured (drift-matrix.md section 8g). Bodies are
 * hostile bytes like any others: bounded, parsed strictly, and where they
 * are no Status object only their first line is quoted.
 */
#include "config.h"
#include "engine/kube-internal.h"

#include <string.h>

#include "schema/base/mem.h"
#include "schema/json.h"

/* a Status with a hundred causes is 20 KB */
#define STATUS_BYTES (1024u * 1024)
#define QUOTE_BYTES 200

static const char *str(const struct node *map, const char *key)
{
	const char *s = node_text(node_get(map, key));

	return s ? s : "";
}

static void read_causes(const struct node *details, struct kube_status *s)
{
	const struct node *list = node_get(details, "causes");

	if (!list || list->type != NODE_SEQ)
		return;
	for (uint32_t i = 0; i < list->n && s->n_causes < KUBE_CAUSES; i++)
		s->causes[s->n_causes++] = (struct kube_cause){
			.reason = str(list->items[i], "reason"),
			.field = str(list->items[i], "field"),
			.message = str(list->items[i], "message"),
		};
}

static void read_status(const struct node *n, struct kube_status *s)
{
	const struct node *details = node_get(n, "details");
	int64_t seconds = node_path_int(details, 0, "retryAfterSeconds",
					NULL);

	snprintf(s->reason, sizeof(s->reason), "%s", str(n, "reason"));
	s->message = str(n, "message");
	s->details_kind = str(details, "kind");
	s->details_name = str(details, "name");
	s->continue_token = str(node_get(n, "metadata"), "continue");
	if (seconds > 0 && seconds < 3600)
		s->retry_after_ms = seconds * 1000;
	read_causes(details, s);
}

static bool has_cause(const struct kube_status *s, const char *reason)
{
	for (size_t i = 0; i < s->n_causes; i++)
		if (!strcmp(s->causes[i].reason, reason))
			return true;
	return false;
}

/* 500 with no reason: a retry cannot cure these. */
static enum kube_why why_of_500(const struct kube_status *s)
{
	static const char *const permanent[] = {
		"failed to create typed patch object",
		"failed to create typed live object",
		"unable to convert unstructured object",
		"duplicate entries for key",
		"etcdserver: request is too large",
	};

	if (strstr(s->message, "field not declared in schema"))
		return KUBE_UNDECLARED;
	for (size_t i = 0; i < ARRAY_SIZE(permanent); i++)
		if (strstr(s->message, permanent[i]))
			return KUBE_INVALID;
	return KUBE_BUSY;
}

static enum kube_why why_of_409(const struct kube_status *s)
{
	if (has_cause(s, "FieldManagerConflict"))
		return KUBE_CONFLICT;
	if (!strcmp(s->reason, "AlreadyExists"))
		return KUBE_EXISTS;
	return KUBE_STALE;
}

static enum kube_why why_of(const struct kube_status *s)
{
	switch (s->code) {
	case 400:
		return strstr(s->message, "unknown field \"") ?
		       KUBE_UNDECLARED : KUBE_INVALID;
	case 401:
		return KUBE_UNAUTHORIZED;
	case 403:
		return has_cause(s, "NamespaceTerminating") ?
		       KUBE_TERMINATING : KUBE_FORBIDDEN;
	case 404:
		return *s->details_kind ? KUBE_NOT_FOUND : KUBE_NO_RESOURCE;
	case 408:
	case 429:
		return KUBE_BUSY;
	case 409:
		return why_of_409(s);
	case 410:
		return KUBE_EXPIRED;
	case 500:
		return why_of_500(s);
	default:
		return s->code > 500 ? KUBE_BUSY : KUBE_INVALID;
	}
}

static enum err_class class_of(enum kube_why why, bool fresh_token)
{
	switch (why) {
	case KUBE_DONE:
		return ERR_NONE;
	case KUBE_NO_ANSWER:
	case KUBE_BUSY:
	case KUBE_TERMINATING:
	case KUBE_STALE:
	case KUBE_EXPIRED:
		return ERR_TRANSIENT;
	case KUBE_UNAUTHORIZED:
		return fresh_token ? ERR_TRANSIENT : ERR_DENIED;
	case KUBE_FORBIDDEN:
		return ERR_DENIED;
	case KUBE_NOT_FOUND:
	case KUBE_NO_RESOURCE:
	case KUBE_EXISTS:
	case KUBE_CONFLICT:
	case KUBE_UNDECLARED:
	case KUBE_INVALID:
		return ERR_INVALID;
	}
	return ERR_INTERNAL;
}

/* May the texts of this answer quote values of the object that was sent? */
static bool may_quote(const struct kube_status *s)
{
	switch (s->why) {
	case KUBE_UNDECLARED:
	case KUBE_INVALID:
		return true;
	case KUBE_FORBIDDEN:
		/* RBAC and quota quote names only */
		return strstr(s->message, "admission") != NULL;
	default:
		return false;
	}
}

/* Only what is wrong with which field stays. */
static void hide_texts(struct kube_status *s, struct arena *a)
{
	char *fields = arena_strdup(a, "");

	for (size_t i = 0; i < s->n_causes; i++) {
		fields = arena_printf(a, "%s%s%s (%s)", fields,
				      i ? ", " : ": ", s->causes[i].field,
				      s->causes[i].reason);
		s->causes[i].message = "";
	}
	s->message = arena_printf(a, "the API server refuses the Secret%s",
				  s->why == KUBE_UNDECLARED ?
				  ": its schema has no such field" : fields);
}

static void set_error(struct kube_status *s, bool fresh_token,
		      struct err *err)
{
	enum err_class class = class_of(s->why, fresh_token);

	if (*s->message)
		err_set(err, class, "%s (%ld%s%s)", s->message, s->code,
			*s->reason ? " " : "", s->reason);
	else
		err_set(err, class, "the API server answers %ld", s->code);
}

static void clear_status(struct kube_status *s, long code)
{
	*s = (struct kube_status){
		.code = code, .message = "", .details_kind = "",
		.details_name = "", .continue_token = "",
	};
}

void kube_judge(long code, const char *body, size_t len, bool hide,
		bool fresh_token, struct arena *a, struct kube_status *ret,
		struct err *err)
{
	struct err ignored = ERR_INIT;
	struct node *n = NULL;

	clear_status(ret, code);
	if (len <= STATUS_BYTES && len && body[0] == '{' &&
	    json_read(body, len, a, &n, &ignored) == 0 &&
	    !strcmp(str(n, "kind"), "Status")) {
		read_status(n, ret);
	} else if (len) {
		size_t line = strcspn(body, "\r\n");

		ret->message = arena_strndup(a, body, line < QUOTE_BYTES ?
					     line : QUOTE_BYTES);
	}
	ret->why = why_of(ret);
	if (hide && may_quote(ret))
		hide_texts(ret, a);
	set_error(ret, fresh_token, err);
}

int kube_status_of(const struct node *status, struct arena *arena,
		   struct kube_status *ret, struct err *err)
{
	clear_status(ret, (long)node_path_int(status, 500, "code", NULL));
	if (status && status->type == NODE_MAP)
		read_status(node_copy(arena, status), ret);
	ret->why = why_of(ret);
	set_error(ret, false, err);
	return -1;
}
