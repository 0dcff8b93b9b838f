/*
 * The protocol between windlassd and its fetching child: frames of
 * engine/ipc.h, with these payloads. Every message but HELLO and READY
 * belongs to a channel, whose handle the parent chose in OPEN and never uses
 * again after CLOSE. A message for a handle that is closed is dropped (it
 * crossed the CLOSE); anything else that is not as written here is a
 * protocol error, and the parent kills and restarts the child.
 */
#ifndef ENGINE_SOURCE_MSG_H
#define ENGINE_SOURCE_MSG_H

#include "engine/consent.h"
#include "engine/ipc.h"
#include "engine/source-types.h"

#define SOURCE_PROTOCOL 6

/* items, paths or places in one frame: keeps a frame under 1 MB */
#define SOURCE_BATCH 512

enum source_msg {
	/* ---- parent to child ---- */

	/* first of all: u32 SOURCE_PROTOCOL, str state directory, u8 log level */
	SOURCE_HELLO = 1,
	/* begin with a channel: settings */
	SOURCE_OPEN,
	/* other settings for it, or other pins: settings */
	SOURCE_UPDATE,
	/* forget it; nothing more comes for this handle */
	SOURCE_CLOSE,
	/* the parent persisted this bundle as accepted: pin */
	SOURCE_ACCEPT,
	/* the parent applied all of it: pin */
	SOURCE_APPLIED,
	/* look for a new head now; empty */
	SOURCE_POLL,
	/* u32 request, str from ("": nothing), str to */
	SOURCE_DIFF,
	/* u32 request, str bundle, str path, digest */
	SOURCE_OBJECT,
	/* u32 request, str bundle, u32 n, n * str path */
	SOURCE_ORIGINS,
	/* u32 request: nothing more about it is wanted */
	SOURCE_CANCEL,
	/* u32 request, str url ("": below spec.url), bool credentials, bytes:
	 * to be posted there */
	SOURCE_REPORT,

	/* ---- child to parent ---- */

	/* the answer to HELLO: u32 ABI of the Landlock that confines the
	 * child (engine/confine.h), 0 for none */
	SOURCE_READY = 64,
	/* the answer to OPEN: pin, the maximum of what OPEN said and of the
	 * state directory's record */
	SOURCE_OPENED,
	/* a condition moved or a head was seen: state */
	SOURCE_STATE,
	/* candidate */
	SOURCE_CANDIDATE,
	/* whose consent to the candidate of next, or to the accepted bundle,
	 * counts just now: str bundle, consents */
	SOURCE_CONSENTS,
	/* this bundle is verified and at hand for requests: str bundle */
	SOURCE_AT_HAND,
	/* the applied bundle can be had from no pack any more: str bundle */
	SOURCE_LOST,
	/* ACCEPT is on disk: str bundle */
	SOURCE_ACCEPTED,
	/* part of a DIFF's answer: u32 request, u32 n, n items */
	SOURCE_ITEMS,
	/* the answer to OBJECT: u32 request, bytes */
	SOURCE_BODY,
	/* part of ORIGINS's answer: u32 request, u32 n, n * (str path,
	 * str "file:line" or "") */
	SOURCE_PLACES,
	/* DIFF or ORIGINS is complete: u32 request */
	SOURCE_DONE,
	/* it could not be answered: u32 request, u8 class, str message */
	SOURCE_FAILED,
	/* the answer to REPORT: u32 request, reply */
	SOURCE_REPLY,
};

/* "OPEN", for messages; "?" for a type that is none. */
const char *source_msg_name(uint16_t type);

/* Encode and decode pairs; a decoder's faults are seen by ipc_in_end. */

void source_put_pin(struct buf *b, const struct source_pin *p);
void source_get_pin(struct ipc_in *in, struct source_pin *ret);

#define SOURCE_STRINGS 10

/* Settings as the child keeps them: every string is owned. */
struct source_config {
	struct source_settings s;	/* points into what follows */
	char *strings[SOURCE_STRINGS];
	char **headers;			/* NULL-terminated */
};

/*
 * Within what the other side takes? ERR_INVALID names the setting. Settings
 * come from Channels and Secrets, so the parent asks before it sends any: a
 * field that is too long would end the child, and every channel with it.
 */
int source_check_settings(const struct source_settings *s, struct err *err);
void source_put_settings(struct buf *b, const struct source_settings *s);
/* Fills ret also when the frame is bad; release it in both cases. */
void source_get_settings(struct ipc_in *in, struct source_config *ret);
/* Makes an owned copy. */
void source_config_copy(struct source_config *ret,
			const struct source_settings *s);
/* Wipes: tokens and keys are in there. */
void source_config_release(struct source_config *c);

void source_put_state(struct buf *b, const struct source_state *s);
void source_get_state(struct ipc_in *in, struct source_state *ret);

void source_put_candidate(struct buf *b, const struct source_candidate *c);
void source_get_candidate(struct ipc_in *in, struct source_candidate *ret);

void source_put_consents(struct buf *b, const struct consents *cs);
void source_get_consents(struct ipc_in *in, struct consents *ret);

void source_put_reply(struct buf *b, const struct source_reply *r);
void source_get_reply(struct ipc_in *in, struct source_reply *ret);

void source_put_item(struct buf *b, const struct source_item *item);
/* ret->path is put into the given array. */
void source_get_item(struct ipc_in *in, char path[SOURCE_PATH_SIZE],
		     struct source_item *ret);

#endif
