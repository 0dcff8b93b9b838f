/*
 * Annotations of a pod that Kubernetes itself reads.
 */
#include "config.h"

#include <string.h>

#include "schema/base/num.h"
#include "schema/values/common.h"
#include "schema/values/pod.h"

#define COST "controller.kubernetes.io/pod-deletion-cost"
#define MIRROR "kubernetes.io/config.mirror"
#define APP_ARMOR "container.apparmor.security.beta.kubernetes.io/"
#define SECCOMP_POD "seccomp.security.alpha.kubernetes.io/pod"
#define SECCOMP "container.seccomp.security.alpha.kubernetes.io/"

static bool begins(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static bool is_int32(const char *s)
{
	bool negative = *s == '-';
	uint64_t v;

	s += negative;
	/* "-007" is one */
	while (negative && s[0] == '0' && s[1])
		s++;
	return !parse_u64(s, 0, (uint64_t)INT32_MAX + negative, &v);
}

static void judge_app_armor(struct judge *j, const struct place *p,
			    const char *value)
{
	const char *name = p->key + strlen(APP_ARMOR);

	if (!lookup_find(&j->pod->containers, name) &&
	    !lookup_find(&j->pod->init_containers, name))
		at_key_error(j, p, "value-reference", "names the container "
			     "'%s', but the pod has none of that name", name);
	if (*value && strcmp(value, "runtime/default") &&
	    strcmp(value, "unconfined") && !begins(value, "localhost/"))
		at_error(j, p, "value-enum", "cannot be '%s': it is one of "
			 "runtime/default, unconfined, localhost/<PROFILE>",
			 value);
}

static void judge_seccomp(struct judge *j, const struct place *p,
			  const char *value)
{
	if (strcmp(value, "runtime/default") &&
	    strcmp(value, "docker/default") && strcmp(value, "unconfined") &&
	    !begins(value, "localhost/"))
		at_error(j, p, "value-enum", "cannot be '%s': it is one of "
			 "runtime/default, unconfined, localhost/<PROFILE>",
			 value);
}

static void judge_annotation(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);

	if (!s)
		return;
	if (!strcmp(p->key, COST) && !is_int32(s))
		at_error(j, p, "value-format", "must be a number of 32 bits, "
			 "not '%s'", s);
	else if (!strcmp(p->key, MIRROR) &&
		 !at_filled(&j->pod->spec, "nodeName"))
		at_key_error(j, p, "value-forbidden", "cannot be set without "
			     "spec.nodeName");
	else if (begins(p->key, APP_ARMOR))
		judge_app_armor(j, p, s);
	else if (begins(p->key, SECCOMP) || !strcmp(p->key, SECCOMP_POD))
		judge_seccomp(j, p, s);
}

void judge_pod_annotations(struct judge *j, const struct place *p)
{
	at_values(j, p, judge_annotation);
}
