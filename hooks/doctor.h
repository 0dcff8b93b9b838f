/*
 * The parts of `windlass-hook doctor`: the checks of the repository as a whole,
 * and those of one channel. schema/doctor.h has the list of what they find.
 */
#ifndef HOOKS_DOCTOR_H
#define HOOKS_DOCTOR_H

#include "hooks/host-config.h"
#include "schema/doctor.h"

void doctor_check_host(struct doctor *d, git_repository *repo,
		       const struct host_config *host);
void doctor_check_channel(struct doctor *d, git_repository *repo,
			  const struct host_config *host,
			  const struct channel_config *ch);
/* Who is told what its clusters report. */
void doctor_check_notify(struct doctor *d, const struct host_config *host,
			 const struct channel_config *ch);
/*
 * By `upload --check` and `images --check`, a program that is linked with what
 * that needs, where there are buckets or policies of images.
 */
void doctor_check_buckets(struct doctor *d, const struct host_config *host);
void doctor_check_images(struct doctor *d, git_repository *repo,
			 const struct host_config *host);
/* What such a program prints: one finding a line, for doctor to read. */
void doctor_put_lines(const struct doctor *d);

#endif
