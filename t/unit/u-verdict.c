/*
 * What a refusal means for an object. The answers are those of a real API
 * server (1.36).
 */
#include "config.h"

#include "engine/kube-internal.h"
#include "engine/verdict.h"
#include "t/unit/tap.h"

#define NOW 1000000

#define STATUS(code, reason, message, details) \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\"," \
	"\"code\":" #code ",\"reason\":\"" reason "\",\"message\":\"" message \
	"\",\"details\":" details "}"
#define CONFLICT "{\"causes\":[{\"reason\":\"FieldManagerConflict\"," \
	"\"field\":\".data.a\",\"message\":\"conflict with \\\"x\\\"\"}]}"
#define ENDING "{\"kind\":\"configmaps\",\"causes\":[{\"reason\":" \
	"\"NamespaceTerminating\",\"field\":\"metadata.namespace\"}]}"

static char name[] = "Widget", group[] = "example.org";
static struct kind builtin = { .group = group, .name = name };

static enum verdict judge_as(long code, const char *body,
			     const struct verdict_context *ctx,
			     const char **ret_reason)
{
	static struct arena arena;
	static struct kube_status s;
	struct err err = ERR_INIT;

	kube_judge(code, body, strlen(body), false, false, &arena, &s, &err);
	if (ret_reason)
		*ret_reason = verdict_reason(&s);
	return verdict_of(&s, ctx);
}

static enum verdict judge(long code, const char *body, const char **ret_reason)
{
	struct verdict_context ctx = { .kind = &builtin, .now = NOW };

	return judge_as(code, body, &ctx, ret_reason);
}

static void test_plain(void)
{
	static const struct {
		long code;
		const char *body;
		enum verdict verdict;
		const char *reason, *what;
	} cases[] = {
		{ 429, "", VERDICT_AGAIN, "Refused", "too many requests" },
		{ 503, "", VERDICT_LATER, "Refused", "not available" },
		{ 500, STATUS(500, "InternalError", "etcdserver: leader "
			      "changed", "{}"),
		  VERDICT_LATER, "InternalError", "an error of the server" },
		{ 500, STATUS(500, "", "failed to create typed patch object "
			      "(a/b; /v1, Kind=Service): .spec.ports: "
			      "duplicate entries for key", "{}"),
		  VERDICT_FAILED, "Refused", "a list with a key twice" },
		{ 401, "", VERDICT_LATER, "Refused", "unauthorized" },
		{ 403, STATUS(403, "Forbidden", "is being terminated", ENDING),
		  VERDICT_LATER, "NamespaceTerminating",
		  "a namespace that goes" },
		{ 404, STATUS(404, "NotFound", "namespaces \\\"a\\\" not found",
			      "{\"kind\":\"namespaces\",\"name\":\"a\"}"),
		  VERDICT_LATER, "NotFound", "a namespace that is missing" },
		{ 404, "404 page not found\n", VERDICT_NO_KIND,
		  "KindNotServed", "a kind that is missing" },
		{ 409, STATUS(409, "Conflict", "Apply failed", CONFLICT),
		  VERDICT_CONFLICT, "Conflict", "fields of another manager" },
		{ 409, STATUS(409, "Conflict", "the object has been modified",
			      "{}"),
		  VERDICT_LATER, "Conflict", "written at the same time" },
		{ 409, STATUS(409, "AlreadyExists", "exists", "{}"),
		  VERDICT_LATER, "AlreadyExists", "made at the same time" },
		{ 410, STATUS(410, "Expired", "too old", "{}"),
		  VERDICT_LATER, "Expired", "too old" },
		{ 413, "", VERDICT_FAILED, "Refused", "too large" },
		{ 422, STATUS(422, "Invalid", "spec.x: Invalid value", "{}"),
		  VERDICT_FAILED, "Invalid", "an invalid object" },
		{ 500, STATUS(500, "", ".spec.x: field not declared in schema",
			      "{}"),
		  VERDICT_FAILED, "FieldNotDeclared", "an unknown field" },
		{ 400, STATUS(400, "BadRequest", "strict decoding error: "
			      "unknown field \\\"spec.x\\\"", "{}"),
		  VERDICT_FAILED, "FieldNotDeclared",
		  "an unknown field, strictly" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *reason = NULL;

		is_int(judge(cases[i].code, cases[i].body, &reason),
		       cases[i].verdict, cases[i].what);
		is_str(reason, cases[i].reason, "its reason");
	}
}

static void test_no_answer(void)
{
	struct kube_status s = {
		.why = KUBE_NO_ANSWER, .message = "cut",
	};
	struct verdict_context ctx = { .kind = &builtin, .now = NOW };

	is_int(verdict_of(&s, &ctx), VERDICT_AGAIN, "no answer: once more");
	is_str(verdict_reason(&s), "NoAnswer", "its reason");
}

static void test_forbidden(void)
{
	static const char body[] = STATUS(403, "Forbidden",
		"configmaps is forbidden: User \\\"x\\\" cannot patch", "{}");
	static const char account[] = STATUS(403, "Forbidden",
		"pods \\\"a\\\" is forbidden: error looking up service account "
		"a/default: serviceaccount \\\"default\\\" not found", "{}");
	struct verdict_context ctx = { .kind = &builtin, .now = NOW };

	is_int(judge_as(403, body, &ctx, NULL), VERDICT_LATER,
	       "forbidden, for the first time: a server that just started");
	ctx.tries = GRACE_FORBIDDEN_TRIES - 1;
	is_int(judge_as(403, body, &ctx, NULL), VERDICT_LATER,
	       "the last one of these");
	ctx.tries = GRACE_FORBIDDEN_TRIES;
	is_int(judge_as(403, body, &ctx, NULL), VERDICT_FAILED,
	       "one more: somebody must do something");
	ctx.roles_changed = NOW - GRACE_ROLES_MS + 1;
	is_int(judge_as(403, body, &ctx, NULL), VERDICT_LATER,
	       "but not right after a change of roles");
	ctx.roles_changed = NOW - GRACE_ROLES_MS;
	is_int(judge_as(403, body, &ctx, NULL), VERDICT_FAILED,
	       "a while after that");
	ctx.tries = 200;
	is_int(judge_as(403, account, &ctx, NULL), VERDICT_LATER,
	       "an account that Kubernetes is about to make");
}

static void test_schema(void)
{
	static const char undeclared[] = STATUS(500, "",
		".spec.x: field not declared in schema", "{}");
	static const char invalid[] = STATUS(422, "Invalid", "bad", "{}");
	struct kind custom = { .group = group, .name = name, .custom = true };
	struct verdict_context ctx = { .kind = &custom, .now = NOW };

	is_int(judge_as(500, undeclared, &ctx, NULL), VERDICT_FAILED,
	       "a custom resource, its definition is old");
	custom.schema_changed = NOW - GRACE_SCHEMA_MS + 1;
	is_int(judge_as(500, undeclared, &ctx, NULL), VERDICT_LATER,
	       "its definition is new: the old schema may still be served");
	is_int(judge_as(422, invalid, &ctx, NULL), VERDICT_FAILED,
	       "but what is invalid is");
	custom.schema_changed = NOW - GRACE_SCHEMA_MS;
	is_int(judge_as(500, undeclared, &ctx, NULL), VERDICT_FAILED,
	       "half a minute later it is its author's fault");
	custom.schema_changed = NOW;
	custom.custom = false;
	is_int(judge_as(500, undeclared, &ctx, NULL), VERDICT_FAILED,
	       "a built-in kind has no such grace");
}

static void test_namespace(void)
{
#define AS "configmaps \"a\" is forbidden: User \"x\" cannot "
	static const struct {
		enum verdict verdict;
		long status;
		const char *message;
		bool tells;
		const char *what;
	} cases[] = {
		{ VERDICT_FAILED, 422, "", true,
		  "what is judged is of a namespace that is there" },
		{ VERDICT_CONFLICT, 409, "", true, "so is what is in the way" },
		{ VERDICT_LATER, 403, "configmaps \"a\" is forbidden: "
		  "exceeded quota: q", true, "and what has no room" },
		{ VERDICT_LATER, 403, AS "create resource \"configmaps\" in "
		  "API group \"\" in the namespace \"b\"", true,
		  "and what may not be made there" },
		{ VERDICT_LATER, 403, AS "patch resource \"configmaps\" in "
		  "API group \"\" in the namespace \"b\"", false,
		  "not what may not be written at all" },
		{ VERDICT_AGAIN, 0, "", false, "nor what nobody sent" },
		{ VERDICT_NO_KIND, 404, "", false,
		  "nor what is of an unknown kind" },
		{ VERDICT_FAILED, 400, "", false, "nor what nobody can read" },
		{ VERDICT_LATER, 401, "", false, "nor of nobody" },
		{ VERDICT_AGAIN, 429, "", false, "nor of too many" },
		{ VERDICT_LATER, 503, "", false, "nor by who knows nothing" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		is_int(verdict_tells_of_namespace(cases[i].verdict,
						  cases[i].status,
						  cases[i].message),
		       cases[i].tells, cases[i].what);
}

int main(void)
{
	test_plain();
	test_no_answer();
	test_forbidden();
	test_schema();
	test_namespace();
	return tap_done();
}
