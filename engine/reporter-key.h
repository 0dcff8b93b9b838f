/*
 * Who this engine is to Git hosts: the cluster's name and the key that
 * reports are signed with (DESIGN.md sections 5 and 6). The key is made once
 * and kept in a Secret of the engine's own namespace, in the form of
 * ssh-keygen's files. `windlass install` makes that Secret, empty, and lets
 * the engine get and patch it and no other: who may create Secrets can have
 * any account's token made. The engine that leads fills it.
 *
 * The private half is in this process alone, in guarded memory; not in the
 * child that speaks with the world, nor in any message.
 */
#ifndef ENGINE_REPORTER_KEY_H
#define ENGINE_REPORTER_KEY_H

#include <stdbool.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/limits.h"
#include "schema/sshkey.h"

struct engine;
struct reporter_key;

/* The Secret, and its key that holds the private one. */
#define REPORTER_SECRET "windlassd-reporter"
#define REPORTER_SECRET_KEY "ssh-privatekey"

/*
 * cluster: the name, a DNS label; NULL: it is made of the key's fingerprint,
 * so that two clusters never share one by accident. on_known is called when
 * the key is known, and when why it is not changes.
 */
struct reporter_key *reporter_key_new(struct engine *e, const char *cluster,
				      void (*on_known)(void *arg), void *arg);
/* Wipes the key. NULL is fine. */
void reporter_key_free(struct reporter_key *k);
/* engine->leading changed: who leads reads the Secret, and again until it has
 * a key. */
void reporter_key_lead(struct reporter_key *k);

/* Of what follows NULL is an engine without a key. */

/* NULL: it is not known (yet). */
struct signer *reporter_key_signer(const struct reporter_key *k);
/* "" as long as it is not known. */
const char *reporter_key_cluster(const struct reporter_key *k);
/* "ssh-ed25519 AAAA...", or "". */
const char *reporter_key_text(const struct reporter_key *k);
/* Why there is no key, and what to do; "" if nothing is wrong. */
const char *reporter_key_problem(const struct reporter_key *k);

/* Of an option that names the cluster, as OPTION_TAKE wants it. */
int reporter_take_cluster(void *target, const char *text, struct err *err);

/* A line of the file `reporters` of a Git host, without a LF. */
void reporter_line(const char *cluster, const char *key, struct buf *out);

#endif
