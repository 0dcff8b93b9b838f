/* What engine/source.c and engine/source-request.c share. */
#ifndef ENGINE_SOURCE_PRIVATE_H
#define ENGINE_SOURCE_PRIVATE_H

#include "engine/ipc.h"
#include "engine/source-msg.h"
#include "engine/source.h"
#include "schema/base/map.h"

struct sources {
	struct loop *loop;
	char *state_dir;
	enum log_level level;
	struct source *first;
	uint32_t next_handle;
	struct ipc *ipc;		/* NULL: no child to speak to */
	pid_t pid;
	int64_t started, backoff;
	struct timer restart;
	uint64_t restarts;
	uint32_t landlock;		/* as the child says */
};

struct source {
	struct sources *sources;
	struct source *next;
	uint32_t handle;		/* in the child; valid while told */
	bool told;			/* the child knows it, or will */
	struct work tell;		/* a state that we made ourselves */
	struct source_config config;
	struct source_events events;
	struct source_state state;
	/* of engine/source-request.c */
	struct map by_number;		/* every request under way */
	struct source_request *failed, **failed_tail;	/* to be told so */
	uint32_t next_request;
	struct work fail;
	/* callbacks under way that come back to it, and whether one of them
	 * closed it: the last one to leave frees it */
	int busy;
	bool closed;
};

void source_enter(struct source *s);
/* False if it was closed meanwhile, and is gone now. */
bool source_leave(struct source *s);

void requests_init(struct source *s);
/* A frame that answers a request. -1 with ERR_INVALID if it is malformed. */
int request_frame(struct source *s, const struct ipc_frame *f,
		  struct err *err);
/* The child is gone: every request fails, from the loop. */
void requests_fail(struct source *s);
void requests_release(struct source *s);

#endif
