/*
 * Where a container has the volumes of its pod.
 */
#include "config.h"

#include <string.h>

#include "schema/values/common.h"
#include "schema/values/pod.h"

/* ---- mounts ---- */

static void judge_volume_name(struct judge *j, const struct place *p)
{
	const struct pod *pod = j->pod;
	const char *name = at_text(p);
	const struct node *volume, *near;

	if (!name || pod_has_volume(pod, name, &volume))
		return;
	near = lookup_near(j, &pod->volumes, name);
	if (!near && pod->is_set)
		near = lookup_near(j, &pod->claimed, name);
	if (near)
		at_error(j, p, "value-reference", "is '%s', but the pod has "
			 "no such volume: did you mean '%s' (in line %u)?",
			 name, near->str, near->mark.line);
	else
		at_error(j, p, "value-reference", "is '%s', but the pod has "
			 "no such volume", name);
}

static bool is_privileged(const struct place *container)
{
	struct place context;

	return at(container, "securityContext", &context) &&
	       at_key_true(&context, "privileged");
}

static void judge_propagation(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);

	/* p: a field of an item of the list of a container */
	if (s && !strcmp(s, "Bidirectional") && !is_privileged(p->up->up->up))
		at_error(j, p, "value-forbidden", "can be Bidirectional only "
			 "in a container whose securityContext is privileged");
}

static void judge_recursive(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);
	const char *propagation = at_key_text(p->up, "mountPropagation",
					      "None");

	JUDGE_WORDS(j, p, "Disabled", "Enabled", "IfPossible");
	if (!s || (strcmp(s, "Enabled") && strcmp(s, "IfPossible")))
		return;
	if (!at_key_true(p->up, "readOnly"))
		at_error(j, p, "value-forbidden", "can be %s only where "
			 "readOnly is true", s);
	else if (strcmp(propagation, "None"))
		at_error(j, p, "value-forbidden", "can be %s only where "
			 "mountPropagation is None", s);
}

static void judge_sub_path_expr(struct judge *j, const struct place *p)
{
	if (at_filled(p->up, "subPath"))
		at_key_error(j, p, "value-conflict", "cannot be set beside "
			     "'subPath': only one of the two can be");
	judge_descending(j, p);
}

static void judge_mount(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "mountPath", NULL, FILLED },
		{ "mountPropagation", judge_propagation, FILLED },
		{ "name", judge_volume_name, FILLED },
		{ "recursiveReadOnly", judge_recursive, FILLED },
		{ "subPath", judge_descending, OR_EMPTY },
		{ "subPathExpr", judge_sub_path_expr, OR_EMPTY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_mounts(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_mount);
}

/* ---- block devices ---- */

static bool has(const struct node *volume, const char *source)
{
	const struct node *n = node_get(volume, source);

	return n && n->type != NODE_NULL;
}

static void judge_device_name(struct judge *j, const struct place *p)
{
	const char *name = at_text(p);
	const struct node *volume = NULL;

	judge_volume_name(j, p);
	if (name && pod_has_volume(j->pod, name, &volume) && volume &&
	    !has(volume, "persistentVolumeClaim") && !has(volume, "ephemeral"))
		at_error(j, p, "value-reference", "is '%s', which is no "
			 "persistentVolumeClaim or ephemeral volume: no other "
			 "is a device", name);
}

static void judge_device(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "devicePath", judge_no_backsteps, FILLED },
		{ "name", judge_device_name, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* Names and paths that the mounts have, too. */
static void judge_both(struct judge *j, const struct place *devices,
		       const struct place *mounts, const char *key,
		       const char *mount_key)
{
	struct lookup by;
	struct place item, p;

	lookup_init(&by, mounts, mount_key);
	for (uint32_t i = 0; i < devices->node->n; i++)
		if (at_item(devices, i, &item) && at(&item, key, &p) &&
		    at_text(&p) && lookup_find(&by, at_text(&p)))
			at_error(j, &p, "value-conflict", "is '%s', which "
				 "volumeMounts has, too: a volume is mounted "
				 "or a device", at_text(&p));
	lookup_release(&by);
}

void judge_devices(struct judge *j, const struct place *p)
{
	struct place mounts;

	if (!at_is_list(p))
		return;
	at_items(j, p, judge_device);
	at_unique(j, p, "name");
	if (!at(p->up, "volumeMounts", &mounts))
		return;
	judge_both(j, p, &mounts, "name", "name");
	judge_both(j, p, &mounts, "devicePath", "mountPath");
}
