/*
 * A kubeconfig user's `exec`: a program that prints the credentials
 * (kubernetes.md section 7; client.authentication.k8s.io, v1 and v1beta1).
 *
 * The program is trusted as much as the kubeconfig that names it, and no
 * further: its time and its output are bounded, it never gets our terminal,
 * and nothing of what it prints on stdout is ever shown.
 */
#ifndef ENGINE_KUBE_EXEC_H
#define ENGINE_KUBE_EXEC_H

#include <stdint.h>
#include <sys/types.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/node.h"

struct kube_config;
struct kube_exec;

/* How long the program may take, start to end. */
#define KUBE_EXEC_MS 30000

struct kube_credential {
	char *token;			/* secret; NULL: none */
	char *cert_pem;			/* both or none */
	char *key_pem;			/* secret */
	int64_t expires;		/* Unix seconds; 0: not said */
};
#define KUBE_CREDENTIAL_INIT { 0 }

void kube_credential_release(struct kube_credential *c);

/* Where the entry stands: for messages, and for relative paths. */
struct kube_exec_place {
	const char *path;		/* the kubeconfig */
	const char *dir;		/* its folder */
	const char *user;		/* the entry's name */
};

/*
 * Reads `exec` of a user. `cluster` is the cluster's entry, whose extension
 * client.authentication.k8s.io/exec the program may want, and c what was
 * read of it. ERR_INVALID says what is wrong with the entry.
 */
int kube_exec_read(const struct node *exec, const struct kube_exec_place *at,
		   const struct node *cluster, const struct kube_config *c,
		   struct kube_exec **ret, struct err *err);
void kube_exec_free(struct kube_exec *x);

/* Runs it to its end: for the start of a program, where nothing else waits. */
int kube_exec_run(const struct kube_exec *x, struct kube_credential *ret,
		  struct err *err);

/*
 * The same in two steps, for who must not wait. The caller reads ret_out and
 * ret_diag (the program's stdout and stderr; not blocking) to their ends,
 * closes them, and reaps the child; then kube_exec_judge says what it gave,
 * from the waitpid status. Of diag the beginning is enough.
 */
int kube_exec_start(const struct kube_exec *x, pid_t *ret_pid, int *ret_out,
		    int *ret_diag, struct err *err);
int kube_exec_judge(const struct kube_exec *x, int status,
		    const struct buf *out, const struct buf *diag,
		    struct kube_credential *ret, struct err *err);

#endif
