/*
 * URLs of the API server, and what its answers mean: the texts are those
 * that a Kubernetes 1.36 gave (drift-matrix, section 8g).
 */
#include "config.h"

#include "engine/kube-internal.h"
#include "engine/kube.h"
#include "schema/base/mem.h"
#include "t/unit/tap.h"

static void is_path(struct kube_target t, const char *want)
{
	struct buf b = BUF_INIT(4096);

	kube_path(&t, &b);
	is_str(b.data, want, want);
	buf_release(&b);
}

static void test_urls(void)
{
	struct buf q = BUF_INIT(4096);

	is_path((struct kube_target){ .group = "", .version = "v1",
				      .plural = "namespaces" },
		"/api/v1/namespaces");
	is_path((struct kube_target){ .group = "apps", .version = "v1",
				      .plural = "deployments",
				      .namespace = "demo", .name = "web",
				      .subresource = "status" },
		"/apis/apps/v1/namespaces/demo/deployments/web/status");
	is_path((struct kube_target){ .group = "rbac.authorization.k8s.io",
				      .version = "v1",
				      .plural = "clusterroles",
				      .name = "system:a b%2F/../x?#" },
		"/apis/rbac.authorization.k8s.io/v1/clusterroles/"
		"system%3Aa%20b%252F%2F..%2Fx%3F%23");
	is_path((struct kube_target){ .group = "", .version = "v1",
				      .plural = "pods", .namespace = "..",
				      .name = "." },
		"/api/v1/namespaces/%2E%2E/pods/%2E");
	kube_query(&q, "labelSelector", "a in (b,c),d=e");
	kube_query(&q, "limit", "5");
	is_str(q.data, "labelSelector=a%20in%20%28b%2Cc%29%2Cd%3De&limit=5",
	       "a query");
	buf_release(&q);
}

struct answer {
	long code;
	const char *body;
	enum kube_why why;
	enum err_class class;
};

#define STATUS(reason, message, details) \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{}," \
	"\"status\":\"Failure\",\"message\":\"" message "\",\"reason\":\"" \
	reason "\",\"details\":" details ",\"code\":0}"

static const struct answer answers[] = {
	{ 400, STATUS("BadRequest", "error strict decoding patch: yaml: "
		      "line 2: key \\\"a\\\" already set in map", "{}"),
	  KUBE_INVALID, ERR_INVALID },
	{ 400, STATUS("BadRequest", "strict decoding error: unknown field "
		      "\\\"spec.foo\\\"", "{}"),
	  KUBE_UNDECLARED, ERR_INVALID },
	{ 401, STATUS("Unauthorized", "Unauthorized", "{}"),
	  KUBE_UNAUTHORIZED, ERR_DENIED },
	{ 403, STATUS("Forbidden", "exceeded quota: q", "{}"),
	  KUBE_FORBIDDEN, ERR_DENIED },
	{ 403, STATUS("Forbidden", "unable to create new content in namespace"
		      " x because it is being terminated", "{\"causes\":[{"
		      "\"reason\":\"NamespaceTerminating\",\"field\":"
		      "\"metadata.namespace\"}]}"),
	  KUBE_TERMINATING, ERR_TRANSIENT },
	{ 404, STATUS("NotFound", "namespaces \\\"nope\\\" not found",
		      "{\"name\":\"nope\",\"kind\":\"namespaces\"}"),
	  KUBE_NOT_FOUND, ERR_INVALID },
	{ 404, "404 page not found\n", KUBE_NO_RESOURCE, ERR_INVALID },
	{ 404, STATUS("NotFound", "the server could not find the requested "
		      "resource", "{}"), KUBE_NO_RESOURCE, ERR_INVALID },
	{ 409, STATUS("Conflict", "Operation cannot be fulfilled on "
		      "configmaps \\\"x\\\": the object has been modified",
		      "{\"kind\":\"configmaps\"}"),
	  KUBE_STALE, ERR_TRANSIENT },
	{ 409, STATUS("Conflict", "Apply failed with 1 conflict", "{\"causes\""
		      ":[{\"reason\":\"FieldManagerConflict\",\"message\":"
		      "\"conflict with \\\"zed\\\"\",\"field\":\".data.a\"}]}"
		      ), KUBE_CONFLICT, ERR_INVALID },
	{ 409, STATUS("AlreadyExists", "leases \\\"x\\\" already exists",
		      "{}"), KUBE_EXISTS, ERR_INVALID },
	{ 410, STATUS("Expired", "The provided continue parameter is too old",
		      "{}"), KUBE_EXPIRED, ERR_TRANSIENT },
	{ 413, STATUS("RequestEntityTooLarge", "limit is 3145728", "{}"),
	  KUBE_INVALID, ERR_INVALID },
	{ 422, STATUS("Invalid", "Deployment.apps \\\"x\\\" is invalid",
		      "{\"causes\":[{\"reason\":\"FieldValueInvalid\","
		      "\"field\":\"spec.replicas\",\"message\":\"m\"}]}"),
	  KUBE_INVALID, ERR_INVALID },
	{ 429, STATUS("TooManyRequests", "please try again later",
		      "{\"retryAfterSeconds\":3}"),
	  KUBE_BUSY, ERR_TRANSIENT },
	{ 500, "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":"
	  "\"failed to create typed patch object (/qe; apps/v1, Kind="
	  "Deployment): .spec.foo: field not declared in schema\","
	  "\"code\":500}", KUBE_UNDECLARED, ERR_INVALID },
	{ 500, "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":"
	  "\"failed to create typed patch object (/qe; apps/v1, Kind="
	  "Deployment): .spec.replicas: expected numeric (int or float), got "
	  "string\",\"code\":500}", KUBE_INVALID, ERR_INVALID },
	{ 500, "{\"kind\":\"Status\",\"message\":\"failed to convert new "
	  "object (/s; /v1, Kind=Secret) to proper version: unable to convert "
	  "unstructured object to /v1, Kind=Secret: error decoding from json: "
	  "illegal base64 data at input byte 3\"}", KUBE_INVALID,
	  ERR_INVALID },
	{ 500, STATUS("", "etcdserver: request is too large", "{}"),
	  KUBE_INVALID, ERR_INVALID },
	{ 500, STATUS("InternalError", "failed calling webhook", "{}"),
	  KUBE_BUSY, ERR_TRANSIENT },
	{ 503, "apiserver is shutting down", KUBE_BUSY, ERR_TRANSIENT },
	{ 504, STATUS("Timeout", "Too large resource version", "{}"),
	  KUBE_BUSY, ERR_TRANSIENT },
	{ 302, "", KUBE_BUSY, ERR_TRANSIENT },
	{ 405, "{\"kind\":\"Other\"}", KUBE_INVALID, ERR_INVALID },
	{ 500, "{\"kind\":\"Status\",", KUBE_BUSY, ERR_TRANSIENT },
	{ 404, "[1]", KUBE_NO_RESOURCE, ERR_INVALID },
};

static void test_answers(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		const struct answer *a = &answers[i];
		struct arena arena = ARENA_INIT;
		struct kube_status s;
		struct err err = ERR_INIT;

		kube_judge(a->code, a->body, strlen(a->body), false, false,
			   &arena, &s, &err);
		ok(s.why == a->why && err.class == a->class,
		   "%ld: %s, %s", a->code, err.msg,
		   err_class_name(err.class));
		arena_release(&arena);
	}
}

static void test_details(void)
{
	struct arena arena = ARENA_INIT;
	struct kube_status s;
	struct err err = ERR_INIT;
	struct buf many = BUF_INIT(1 << 20);

	kube_judge(401, "", 0, false, true, &arena, &s, &err);
	is_int(err.class, ERR_TRANSIENT, "401 with a new token: try again");
	is_str(err.msg, "the API server answers 401", "no body, a message");
	kube_judge(409, answers[9].body, strlen(answers[9].body), false,
		   false, &arena, &s, &err);
	is_int(s.n_causes, 1, "a cause");
	is_str(s.causes[0].reason, "FieldManagerConflict", "its reason");
	is_str(s.causes[0].field, ".data.a", "its field");
	is_str(s.causes[0].message, "conflict with \"zed\"", "its message");
	kube_judge(429, answers[14].body, strlen(answers[14].body), false,
		   false, &arena, &s, &err);
	is_int(s.retry_after_ms, 3000, "Retry-After from the details");
	kube_judge(500, "line one\nline two", 17, false, false, &arena, &s,
		   &err);
	is_str(s.message, "line one", "a text: its first line");

	buf_adds(&many, "{\"kind\":\"Status\",\"details\":{\"causes\":[");
	for (int i = 0; i < 50; i++)
		buf_addf(&many, "%s{\"field\":\"f%d\"}", i ? "," : "", i);
	buf_adds(&many, "]}}");
	kube_judge(422, many.data, many.len, false, false, &arena, &s, &err);
	is_int(s.n_causes, KUBE_CAUSES, "fifty causes: some are kept");
	is_str(s.causes[KUBE_CAUSES - 1].field, "f19", "the first ones");
	is_str(s.causes[0].reason, "", "what is missing is \"\"");
	buf_release(&many);
	arena_release(&arena);
}

/* Webhooks and policies choose their own status, and what they say. */
static void test_denied(void)
{
	static const char *const denied[] = {
		STATUS("Forbidden", "secrets \\\"s\\\" is forbidden: "
		       "ValidatingAdmissionPolicy 'pol' with binding 'b' "
		       "denied request: it is hunter2", "{}"),
		STATUS("hunter2", "admission webhook \\\"a.example.org\\\" "
		       "denied the request: hunter2", "{\"name\":\"hunter2\","
		       "\"kind\":\"hunter2\",\"causes\":[{\"reason\":"
		       "\"hunter2\",\"field\":\"hunter2\"}]}"),
		STATUS("InternalError", "Internal error occurred: failed "
		       "calling webhook \\\"b\\\": hunter2", "{}"),
		"hunter2 is what I do not like",
	};
	static const long codes[] = { 400, 401, 403, 404, 409, 422, 429, 500 };
	struct arena arena = ARENA_INIT;
	struct kube_status s;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(denied) * ARRAY_SIZE(codes); i++) {
		const char *body = denied[i / ARRAY_SIZE(codes)];
		long code = codes[i % ARRAY_SIZE(codes)];

		kube_judge(code, body, strlen(body), true, false, &arena, &s,
			   &err);
		ok(!strstr(err.msg, "hunter2") &&
		   !strstr(s.message, "hunter2") &&
		   !strstr(s.reason, "hunter2") &&
		   !strstr(s.details_name, "hunter2") &&
		   !strstr(s.details_kind, "hunter2") &&
		   (!s.n_causes || !strstr(s.causes[0].field, "hunter2")),
		   "%ld: %s", code, err.msg);
	}
	kube_judge(403, denied[0], strlen(denied[0]), true, false, &arena, &s,
		   &err);
	ok(strstr(err.msg, "ValidatingAdmissionPolicy 'pol'"),
	   "who refused is said");
	arena_release(&arena);
}

static void test_secrets(void)
{
	static const char bad[] = STATUS("Invalid", "Secret \\\"s\\\" is "
		"invalid: data[a]: Invalid value: \\\"hunter2\\\"",
		"{\"causes\":[{\"reason\":\"FieldValueInvalid\",\"field\":"
		"\"data[a]\",\"message\":\"hunter2\"}]}");
	static const char webhook[] = STATUS("Forbidden", "admission webhook "
		"\\\"x\\\" denied the request: hunter2", "{}");
	static const char rbac[] = STATUS("Forbidden", "User x cannot patch "
		"secrets", "{}");
	struct arena arena = ARENA_INIT;
	struct kube_status s;
	struct err err = ERR_INIT;

	kube_judge(422, bad, strlen(bad), true, false, &arena, &s, &err);
	ok(!strstr(err.msg, "hunter2") && !strstr(s.message, "hunter2") &&
	   !strstr(s.causes[0].message, "hunter2"),
	   "a Secret that is refused: no value");
	ok(strstr(err.msg, "data[a] (FieldValueInvalid)"), "%s", err.msg);
	kube_judge(403, webhook, strlen(webhook), true, false, &arena, &s,
		   &err);
	ok(!strstr(err.msg, "hunter2"), "by admission: no value");
	ok(strstr(err.msg, "admission webhook"), "%s", err.msg);
	test_denied();
	kube_judge(403, rbac, strlen(rbac), true, false, &arena, &s, &err);
	ok(strstr(err.msg, "cannot patch"), "by RBAC: the reason");
	kube_judge(500, answers[16].body, strlen(answers[16].body), true,
		   false, &arena, &s, &err);
	ok(!strstr(err.msg, "expected numeric"), "500: no text");
	kube_judge(409, answers[9].body, strlen(answers[9].body), true,
		   false, &arena, &s, &err);
	is_str(s.causes[0].message, "conflict with \"zed\"",
	       "a conflict: the other manager");
	arena_release(&arena);
}

int main(void)
{
	test_urls();
	test_answers();
	test_details();
	test_secrets();
	return tap_done();
}
