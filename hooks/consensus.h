/*
 * What all clusters of a channel say of one bundle: each that `reporters`
 * lists, by its last report, whose signature is verified once more. One that
 * was not heard of for the channel's silentAfter says nothing.
 */
#ifndef HOOKS_CONSENSUS_H
#define HOOKS_CONSENSUS_H

#include "hooks/host-config.h"
#include "schema/cluster-report.h"

/*
 * For how many seconds all of them have been in that phase with that bundle,
 * by the clock of this machine (kept_report_held): of the one that has been
 * for the shortest. -1 where one of them is not, or has said nothing, or it
 * cannot be told; why is appended to ret_why, in a few words: "staging@eu-1 is
 * applying it".
 */
int64_t consensus_held(const struct host_config *host,
		       const struct channel_config *ch, const char *bundle,
		       enum cluster_phase phase, struct buf *ret_why);

/*
 * Nobody listened until now (serve starts): what clusters said before counts
 * no more until each of them is heard of again, as it is within some minutes.
 */
int consensus_anew(const struct host_config *host, struct err *err);

#endif
