/*
 * What `windlass doctor` finds, a line each, and its parts.
 */
#ifndef ENGINE_CLI_DOCTOR_H
#define ENGINE_CLI_DOCTOR_H

#include "engine/cli/cli.h"
#include "engine/cli/cluster.h"

enum finding_level { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct finding {
	enum finding_level level;
	const char *check;		/* static: "lease" */
	char *channel;			/* "" of the cluster itself */
	char *message;			/* without control bytes */
};

struct doctor {
	struct cluster cluster;
	struct finding *v;
	size_t n, failed, warned;
	bool installed;			/* the engine's account is here */
	bool may_ask;			/* about the rights of others */
	size_t asked;			/* how many questions of rights */
};

void doctor_say(struct doctor *d, enum finding_level level, const char *check,
		const char *channel, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/*
 * True, and *ret_allowed, if the API server could be asked whether a service
 * account has a right. `resource` may have a subresource: "channels/status".
 */
struct doctor_right {
	const char *namespace_of, *account;	/* whose */
	const char *verb, *group, *resource;
	const char *namespace, *name;		/* "": any */
};
bool doctor_may(struct doctor *d, const struct doctor_right *r,
		bool *ret_allowed);
/* FAIL unless it has it. */
void doctor_check_right(struct doctor *d, const char *channel,
			const struct doctor_right *r);

/* All of one Channel object. */
void doctor_channel(struct doctor *d, const struct node *channel);

#endif
