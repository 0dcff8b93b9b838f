/*
 * Inside the judgement of health: what the rules for built-in kinds
 * (health.c) and for custom resources (health-custom.c) share. For others:
 * health.h.
 */
#ifndef ENGINE_HEALTH_JUDGED_H
#define ENGINE_HEALTH_JUDGED_H

#include <stdbool.h>

#include "engine/health.h"

/* One object under judgement; its parts may be NULL, or of any type. */
struct judged {
	const struct node *object, *spec, *status;
	int64_t generation;		/* -1: none */
	bool has_conditions;		/* see health_judge */
	const char *group, *kind;
	char *reason;			/* HEALTH_REASON_MAX bytes */
};

/* Sets the reason; returns h. */
enum health health_say(const struct judged *j, enum health h,
		       const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* What a condition says for people: its message, or else its reason. */
const char *health_why(const struct node *condition);

/* A custom resource: by the table of health-kinds.c, or else by what most
 * controllers do. */
enum health health_judge_custom(const struct judged *j);

/*
 * What a word in a field such as `phase` means: "UpdateFailed" is
 * HEALTH_FAILED, "IN_PROGRESS" HEALTH_PROGRESSING, "Ready" HEALTH_HEALTHY;
 * HEALTH_UNKNOWN when it says nothing.
 */
enum health health_of_word(const char *word);

/*
 * A kind whose words mean something of its own. Lists are words between "|",
 * compared as a whole and without regard to case; "*": any; NULL: none.
 */
struct health_kind {
	const char *group;		/* "*.x": any group that ends in .x */
	const char *kind;		/* "*": any */
	const char *path;		/* "status.phase"; in a list of
					   conditions, by type; "*": the first
					   of a map */
	const char *failed, *progressing, *suspended, *healthy;
	enum health missing;		/* without the field; UNKNOWN: the
					   general rules go on */
};

/* The rows of a kind one after the other: `at` starts at 0; NULL: no more */
const struct health_kind *health_kind_next(const char *group,
					   const char *kind, size_t *at);

#endif
