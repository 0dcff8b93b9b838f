/*
 * The parts of `windlass doctor`. schema/doctor.h has the list of what they
 * find.
 */
#ifndef ENGINE_CLI_DOCTOR_H
#define ENGINE_CLI_DOCTOR_H

#include "engine/cli/cli.h"
#include "engine/cli/cluster.h"
#include "schema/doctor.h"

struct examination {
	struct cluster cluster;
	struct doctor found;
	bool installed;			/* the engine's account is here */
	bool may_ask;			/* about the rights of others */
	size_t asked;			/* how many questions of rights */
};

#define examine_say(c, ...) doctor_say(&(c)->found, __VA_ARGS__)

/*
 * True, and *ret_allowed, if the API server could be asked whether a service
 * account has a right. `resource` may have a subresource: "channels/status".
 */
struct doctor_right {
	const char *namespace_of, *account;	/* whose */
	const char *verb, *group, *resource;
	const char *namespace, *name;		/* "": any */
};
bool doctor_may(struct examination *c, const struct doctor_right *r,
		bool *ret_allowed);
/* FAIL unless it has it. */
void doctor_check_right(struct examination *c, const char *channel,
			const struct doctor_right *r);

/* All of one Channel object. */
void doctor_channel(struct examination *c, const struct node *channel);

#endif
