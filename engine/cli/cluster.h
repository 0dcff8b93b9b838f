/*
 * Talking to a cluster from a command: one request at a time, waited for.
 */
#ifndef ENGINE_CLI_CLUSTER_H
#define ENGINE_CLI_CLUSTER_H

#include "engine/kube.h"

struct discovery;

struct cluster {
	struct loop *loop;
	struct kube *kube;
	int64_t date;		/* the server's clock at its last answer, from
				   the answer's header; 0: it did not say */
	bool insecure;		/* its certificate is not looked at */
};

#define CLUSTER_INIT { 0 }

/* kubeconfig and context may be NULL, as for kubectl. Warns on stderr of a
 * kubeconfig by which anybody may be the server. */
int cluster_open(struct cluster *c, const char *kubeconfig,
		 const char *context, struct err *err);
void cluster_close(struct cluster *c);

/*
 * Sends the request (its on_done and arg are ours) and waits for the answer.
 * 0 and the parsed body, in the arena; ret may be NULL. -1 with the error of
 * the answer, ERR_INTERNAL where the server did not answer or let us in;
 * *ret_why says what kind it is, unless that is NULL.
 */
int cluster_call(struct cluster *c, const struct kube_request *r,
		 struct arena *a, struct node **ret, enum kube_why *ret_why,
		 struct err *err);

/* The channels resource; name NULL: all of them. */
struct kube_target cluster_channels(const char *name);
/* cluster_call of Channels: -1 with what to do where there is none, or no
 * such kind (ERR_INVALID). */
int cluster_channel_call(struct cluster *c, const struct kube_request *r,
			 struct arena *a, struct node **ret, struct err *err);
/* One Channel as it is. ERR_INVALID if there is none, or no such kind. */
int cluster_channel(struct cluster *c, const char *name, struct arena *a,
		    struct node **ret, struct err *err);
/* Merges a JSON text into it; as it is then. */
int cluster_channel_patch(struct cluster *c, const char *name,
			  const char *patch, struct arena *a,
			  struct node **ret, struct err *err);
/*
 * A condition's status ("True"), reason and message; "" where there is none,
 * and also while the engine has not seen the newest spec. ret_message and
 * ret_reason may be NULL.
 */
const char *cluster_condition(const struct node *channel, const char *type,
			      const char **ret_reason,
			      const char **ret_message);

/*
 * Follows a resource for ever, or until an error that no retry cures (-1) or
 * until stdout is closed (0). fn gets each object as it is and as it becomes;
 * `again`: it may have been told before. Errors that pass are told on stderr.
 */
int cluster_watch(struct cluster *c, const struct kube_target *target,
		  const char *field_selector,
		  void (*fn)(void *arg, const struct node *object, bool gone,
			     bool again),
		  void *arg, struct err *err);

/* The kinds that the cluster has. *ret is freed by discovery_free. */
int cluster_discover(struct cluster *c, struct discovery **ret,
		     struct err *err);

#endif
