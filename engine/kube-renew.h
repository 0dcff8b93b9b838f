/*
 * Asking an exec plugin again while the engine runs: as a child beside the
 * loop, so that a plugin that takes its time delays nothing.
 */
#ifndef ENGINE_KUBE_RENEW_H
#define ENGINE_KUBE_RENEW_H

#include <stdbool.h>

#include "engine/kube-config.h"
#include "engine/loop.h"
#include "schema/base/err.h"

struct kube_renew;

/* on_cert is called when a new client certificate was taken into c. Both
 * must live longer than this. */
struct kube_renew *kube_renew_new(struct loop *l, struct kube_config *c,
				  void (*on_cert)(void *arg), void *arg);
/* Ends the child. NULL is fine. */
void kube_renew_free(struct kube_renew *r);

/*
 * A request is about to be sent (refused: was answered 401). Starts the
 * plugin if its credential is due, or was refused; not more often than each
 * 10 s, and after failures more seldom, up to a minute. True if it runs: a
 * new credential may be there soon.
 */
bool kube_renew_ask(struct kube_renew *r, bool refused);
/* Why the last run gave nothing; NULL if it gave something. */
const struct err *kube_renew_error(const struct kube_renew *r);

#endif
