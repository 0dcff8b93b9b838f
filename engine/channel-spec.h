/*
 * The spec of a Channel object (engine/install/channels-crd.yaml), read and
 * checked. The API server has checked types against the CRD; what a schema
 * cannot say is checked here, so that a Channel with a fault changes nothing
 * in the cluster and says why in its Ready condition.
 */
#ifndef ENGINE_CHANNEL_SPEC_H
#define ENGINE_CHANNEL_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/err.h"
#include "schema/base/strvec.h"
#include "schema/bundle.h"
#include "schema/node.h"
#include "schema/object.h"
#include "schema/own.h"
#include "schema/trust.h"
#include "schema/wishes.h"

enum deletion_policy { DELETION_ORPHAN, DELETION_PRUNE };

struct channel_spec {
	char *url;			/* no trailing slash */
	int64_t interval;		/* seconds, at least 1 */
	char channel_id[CHANNEL_ID_SIZE];
	uint64_t epoch_floor;
	char *publishers;		/* the text, parsed once to check it */
	uint64_t approvals_required;
	bool require_touch;		/* only security keys approve */
	bool not_by_pusher;		/* and nobody who pushed it */
	char *approvers;		/* NULL if there is none */
	struct strvec namespaces;
	struct strvec cluster_scoped;
	char *account_namespace, *account_name;
	bool suspend, prune;
	bool has_delete_limit;
	uint64_t delete_limit;
	enum deletion_policy deletion_policy;
	enum wish_drift drift;		/* CORRECT or REPORT: of objects that
					   do not say it themselves */
	int64_t health_timeout;		/* seconds */
	char *secret_name;		/* NULL if there is none */
	char *report_to;		/* where reports are posted; "none":
					   nowhere; NULL: below url */
};

/*
 * Reads the spec of a whole Channel object. ERR_INVALID names the field.
 * *ret is released by the caller after success only.
 */
int channel_spec_read(const struct node *channel, struct channel_spec *ret,
		      struct err *err);
void channel_spec_release(struct channel_spec *s);

/* May the channel have this object? ERR_DENIED says what to allow. */
int channel_spec_allows(const struct channel_spec *s, const char *channel,
			const struct object_id *id, struct err *err);

/* What accounts of channels in OWN_NAMESPACE are called: this and the
 * channel's name. */
#define OWN_ACCOUNT_PREFIX "channel-"

#endif
