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
		/* nobody who redirects is an API server: it may be back */
		return s->code > 500 || s->code < 400 ? KUBE_BUSY
						      : KUBE_INVALID;
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

/*
 * Who refused it in admission, "" for somebody that cannot be named; NULL if
 * it was not refused there. Webhooks and policies choose status, reason and
 * words as they like, so only the server's own words before theirs count.
 */
static const char *who_denied(const char *message, struct arena *a)
{
	static const char *const who[] = {
		"admission webhook \"", "failed calling webhook \"",
		"ValidatingAdmissionPolicy '", "MutatingAdmissionPolicy '",
	};
	static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";

	for (size_t i = 0; i < ARRAY_SIZE(who); i++) {
		const char *p = strstr(message, who[i]);
		size_t len = strlen(who[i]);

		if (!p)
			continue;
		len += strspn(p + len, name);
		return arena_strndup(a, p, len + (p[len] == '"' ||
						  p[len] == '\''));
	}
	return strcasestr(message, "admission") ||
	       strcasestr(message, "webhook") ||
	       strcasestr(message, "denied") ? "" : NULL;
}

/* May the texts of this answer quote values of the object that was sent? */
static bool may_quote(const struct kube_status *s)
{
	return s->why == KUBE_UNDECLARED || s->why == KUBE_INVALID;
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

/* Whoever refuses in admission may put a value into any of its texts. */
static void hide_denied(struct kube_status *s, const char *who,
			struct arena *a)
{
	s->reason[0] = '\0';
	s->n_causes = 0;
	s->details_kind = s->details_name = "";
	s->message = arena_printf(a, "%s: the Secret is refused (in words "
				  "that may quote its values: hidden)",
				  *who ? who : "admission");
}

static void hide(struct kube_status *s, bool is_status, struct arena *a)
{
	const char *who = is_status ? who_denied(s->message, a) : NULL;

	if (!is_status)
		s->message = "";
	else if (who)
		hide_denied(s, who, a);
	else if (may_quote(s))
		hide_texts(s, a);
}

static void set_error(struct kube_status *s, bool fresh_token,
		      struct err *err)
{
	enum err_class class = class_of(s->why, fresh_token);

	if (*s->message)
		err_set(err, class, "%s (%ld%s%s)", s->message, s->code,
			*s->reason ? " " : "", s->reason);
	else if (s->code >= 300 && s->code < 400)
		err_set(err, class, "instead of the API server something "
			"answers %ld, as what wants a login does", s->code);
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

void kube_judge(long code, const char *body, size_t len, bool secret,
		bool fresh_token, struct arena *a, struct kube_status *ret,
		struct err *err)
{
	struct err ignored = ERR_INIT;
	struct node *n = NULL;
	bool is_status = false;

	clear_status(ret, code);
	if (len <= STATUS_BYTES && len && body[0] == '{' &&
	    json_read(body, len, a, &n, &ignored) == 0 &&
	    !strcmp(str(n, "kind"), "Status")) {
		read_status(n, ret);
		is_status = true;
	} else if (len) {
		size_t line = strcspn(body, "\r\n");

		ret->message = arena_strndup(a, body, line < QUOTE_BYTES ?
					     line : QUOTE_BYTES);
	}
	ret->why = why_of(ret);
	if (secret)
		hide(ret, is_status, a);
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
