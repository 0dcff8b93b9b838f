/*
 * The client of the API server: requests for typed resources, and answers
 * told apart by what a caller has to do about them (kubernetes.md section 6,
 * drift-matrix.md section 8g).
 *
 * Two sets of connections: one for calls, one for streams (watches, at most
 * 90 on a connection; the API server allows 100). Everything is begun here
 * and ends in a callback from the loop; nothing blocks, nothing is retried:
 * that is for those who know what the request was for. Only a 401 makes us
 * read our token again, or ask the exec plugin for one, so that the next try
 * has a chance.
 */
#ifndef ENGINE_KUBE_H
#define ENGINE_KUBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/http.h"
#include "engine/kube-config.h"
#include "engine/loop.h"
#include "schema/base/arena.h"
#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/node.h"

struct kube;
struct kube_call;

/* The kube takes the config, also if it fails. */
int kube_new(struct loop *l, struct kube_config *config, struct kube **ret,
	     struct err *err);
/* Cancels what runs, without callbacks. NULL is fine. */
void kube_free(struct kube *k);
struct loop *kube_loop(const struct kube *k);
/* The context's or the pod's namespace. */
const char *kube_namespace(const struct kube *k);
/* "https://127.0.0.1:6443", for messages. */
const char *kube_server(const struct kube *k);

/*
 * may_write is asked when the body of a request goes out, by which it
 * changes something; false ends the request as KUBE_NO_ANSWER. A request may
 * have waited for long between kube_send and that moment, in a process that
 * was stopped. NULL: everything may.
 */
void kube_set_permit(struct kube *k, bool (*may_write)(void *arg), void *arg);

/* ---- somebody else's rights ---- */

/*
 * A service account to impersonate: Impersonate-User and the three groups
 * that its own token would have. NULL in a request: our own account.
 */
struct kube_account *kube_account_new(const char *namespace,
				      const char *name);
/* For as long as one more holds it: freed once for each of these, too. */
struct kube_account *kube_account_hold(struct kube_account *a);
void kube_account_free(struct kube_account *a);

/* ---- requests ---- */

/* A resource as it stands in a URL. Strings are percent-encoded for you. */
struct kube_target {
	const char *group;		/* "" is the core group */
	const char *version;
	const char *plural;
	const char *namespace;		/* NULL or "": none, or all */
	const char *name;		/* NULL: the collection */
	const char *subresource;	/* NULL; "status" */
};

enum kube_as {
	KUBE_AS_IS,		/* the object, whole */
	KUBE_AS_METADATA,	/* PartialObjectMetadata, also for PATCH */
	KUBE_AS_METADATA_LIST,	/* the same for a list */
};

/* Content types of bodies. */
#define KUBE_JSON "application/json"
#define KUBE_APPLY "application/apply-patch+yaml"
#define KUBE_MERGE_PATCH "application/merge-patch+json"
#define KUBE_JSON_PATCH "application/json-patch+json"

struct kube_answer;

struct kube_request {
	const char *method;
	struct kube_target target;
	const char *path;		/* instead of a target: "/version" */
	const char *query;		/* encoded: kube_query; NULL: none */
	enum kube_as as;
	const char *accept;		/* instead of `as`; NULL */
	const char *etag;		/* If-None-Match; NULL: none */
	const char *content_type;	/* of the body; NULL: KUBE_JSON */
	const void *body;		/* copied unless body_keep */
	size_t body_len;
	bool body_keep;
	const struct kube_account *account;	/* kept by the caller */
	bool any_time;			/* kube_set_permit is not for it */
	int total_ms;			/* 0: KUBE_CALL_MS (streams: none) */
	size_t max_bytes;		/* 0: LIMIT_KUBE_ANSWER_BYTES */

	/*
	 * If on_data is set the request is a stream: it has a connection for
	 * watches, and the body of a 2xx answer comes in pieces and is not
	 * counted against max_bytes. -1 from on_data ends it with that error.
	 * idle_ms: longest silence; 0: no limit.
	 */
	int (*on_data)(void *arg, const char *data, size_t len,
		       struct err *err);
	int idle_ms;

	/* Once, unless cancelled. The answer is gone afterwards. */
	void (*on_done)(void *arg, const struct kube_answer *a);
	void *arg;
};

/* A call that is no stream: the server's own limit for one is 60 s. */
#define KUBE_CALL_MS 70000

int kube_send(struct kube *k, const struct kube_request *r,
	      struct kube_call **ret, struct err *err);
/* No callback. Fine in any callback, and for NULL. */
void kube_cancel(struct kube_call *c);

/* "/apis/apps/v1/namespaces/demo/deployments/web" */
void kube_path(const struct kube_target *t, struct buf *out);
/* Appends "key=value" to a query, with an & if it is not the first. */
void kube_query(struct buf *query, const char *key, const char *value);

/* ---- answers ---- */

/* What a failure means. The err's class says whether to try again. */
enum kube_why {
	KUBE_DONE,		/* 2xx, or 304 to an etag */
	KUBE_NO_ANSWER,		/* no connection, cut, timed out: TRANSIENT */
	KUBE_BUSY,		/* 429, 5xx: TRANSIENT; see retry_after_ms */
	KUBE_UNAUTHORIZED,	/* 401: TRANSIENT if we have another token
				   by now, else DENIED */
	KUBE_FORBIDDEN,		/* 403: RBAC, quota, admission: DENIED */
	KUBE_TERMINATING,	/* 403: its namespace is being deleted:
				   TRANSIENT */
	KUBE_NOT_FOUND,		/* 404: no such object (or namespace):
				   INVALID */
	KUBE_NO_RESOURCE,	/* 404: no such API: the CRD is gone, or not
				   served yet: INVALID */
	KUBE_EXISTS,		/* 409 to a POST: INVALID */
	KUBE_STALE,		/* 409: resourceVersion or uid differ: read
				   again: TRANSIENT */
	KUBE_CONFLICT,		/* 409: other field managers, in the causes:
				   INVALID */
	KUBE_EXPIRED,		/* 410: list or watch from the start:
				   TRANSIENT */
	KUBE_UNDECLARED,	/* 500 or 400: the schema has no such field.
				   INVALID, but right after a CRD changed it
				   may still be the old schema */
	KUBE_INVALID,		/* 400, 413, 422, other 4xx, and those 500s
				   that no retry cures: INVALID */
};

#define KUBE_CAUSES 20

struct kube_cause {
	const char *reason;	/* "FieldValueInvalid", "FieldManagerConflict" */
	const char *field;	/* ".spec.replicas"; "" */
	const char *message;
};

/*
 * A Status object, or what could be made of an answer that is none. Strings
 * are never NULL. Messages of the API server may quote values of the object:
 * do not print those for a Secret (print reason and field).
 */
struct kube_status {
	enum kube_why why;
	long code;			/* HTTP; 0: no answer */
	char reason[64];		/* "NotFound", ... */
	const char *message;
	int64_t retry_after_ms;		/* 0: the server did not say */
	struct kube_cause causes[KUBE_CAUSES];
	size_t n_causes;		/* at most KUBE_CAUSES are kept */
	const char *details_kind;	/* details.kind */
	const char *details_name;
	const char *continue_token;	/* of an expired list: the rest of it,
					   at another version */
};

struct kube_answer {
	long code;			/* HTTP; 0: none came */
	const struct err *err;		/* NULL: 2xx (or 304) */
	const struct kube_status *status;	/* never NULL */
	const char *body;		/* of a 2xx that was no stream */
	size_t len;
	struct http_call *http;		/* for http_header; NULL: no answer */
};

/* Parses the body, when somebody wants it. The tree is in the arena. */
int kube_answer_object(const struct kube_answer *a, struct arena *arena,
		       struct node **ret, struct err *err);

/*
 * Judges a Status object that came another way (an ERROR in a watch), with
 * its strings in the arena. Sets err too. Returns -1.
 */
int kube_status_of(const struct node *status, struct arena *arena,
		   struct kube_status *ret, struct err *err);

/* ---- for the metrics ---- */

enum kube_verb {
	KUBE_GET, KUBE_LIST, KUBE_WATCH, KUBE_CREATE, KUBE_UPDATE, KUBE_PATCH,
	KUBE_DELETE,
	KUBE_VERBS
};

/* Counts of calls that took up to 5, 10, 20, 50, 100, 200, 500, 1000, 2000,
 * 5000, 10000 ms, and longer. */
#define KUBE_BUCKETS 12
extern const int kube_bucket_ms[KUBE_BUCKETS - 1];

struct kube_stats {
	/* answers 1xx..5xx by [code / 100]; [0]: none */
	uint64_t answers[KUBE_VERBS][6];
	uint64_t throttled;	/* 429 */
	/* how long until the whole answer was there; not of watches */
	uint64_t took[KUBE_VERBS][KUBE_BUCKETS];
	uint64_t total_ms[KUBE_VERBS];
	/* of all watches, those that ended as well */
	uint64_t watches;		/* that there are now */
	uint64_t watch_starts;		/* streams that were opened */
	uint64_t watch_relists;		/* starts from the beginning */
	uint64_t watch_errors;		/* that were told */
};
const struct kube_stats *kube_stats(const struct kube *k);
const struct http_stats *kube_http_stats(const struct kube *k, bool streams);
/* Calls and streams that run. */
size_t kube_running(const struct kube *k, bool streams);

#endif
