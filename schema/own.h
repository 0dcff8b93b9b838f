/*
 * What windlass itself consists of in a cluster: no channel may have it. Who
 * could write it by a push could give the engine or a channel other rights,
 * another image or another publisher. Hook and engine judge by this.
 */
#ifndef SCHEMA_OWN_H
#define SCHEMA_OWN_H

#include "schema/object.h"

/* Where windlass lives. */
#define OWN_NAMESPACE "windlass-system"

enum own {
	OWN_NOT,
	OWN_CHANNEL,	/* the channel's own Channel, or the CRD of Channels */
	OWN_PLACE,	/* in OWN_NAMESPACE, or that namespace */
	OWN_PART,	/* elsewhere: rights, and what install --protect makes */
};

enum own own_judge(const struct object_id *id, const char *channel);

#endif
