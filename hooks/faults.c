/*
 * Dying on purpose. See faults.h. SIGKILL, so that no handler, no buffer
 * flush and no atexit tidies up what a power cut would leave behind.
 */
#include "config.h"
#include "hooks/faults.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef ENABLE_FAULTS
static const char *const names[] = {
#define FAULT_NAME(name) #name,
	FAULT_STEPS(FAULT_NAME)
	UPLOAD_STEPS(FAULT_NAME)
	AFTER_STEPS(FAULT_NAME)
#undef FAULT_NAME
};

void fault_step(enum fault_step step)
{
	const char *at = getenv("WINDLASS_CRASH_AT");

	if (at && !strcmp(at, names[step]))
		kill(getpid(), SIGKILL);
}
#endif
