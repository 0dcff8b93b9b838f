/*
 * Walls round the fetching child: what reads a stranger's bytes, and may one
 * day be made to run them, reaches few files and can start little. Landlock
 * does it, from inside, for the process and all that it starts:
 *
 *   read, write    the state directory
 *   read           libraries, the authorities of TLS, how names are resolved,
 *                  the time zone; /dev/null is written too
 *   run            our own binary (engine/pack-child.h) and its loader
 *
 * and nothing else: no token or kubeconfig, no home, no /proc. Where the
 * kernel knows how, neither TCP ports are bound, nor devices spoken to, nor
 * abstract sockets or processes outside reached. It can still connect: to
 * whom is for the Channel, and for a NetworkPolicy, to say.
 *
 * A kernel that knows less is asked for what it knows (ABI 1 is Linux 5.13;
 * ABI 1 cannot move packs between folders, which only delays engine/compact.c)
 * and one that refuses is reported: all else goes on.
 */
#ifndef ENGINE_CONFINE_H
#define ENGINE_CONFINE_H

#include <stddef.h>
#include <sys/types.h>

#include "schema/base/err.h"

struct confined_place {
	char *path;
	dev_t dev;
	ino_t ino;		/* 0: there was none */
};

struct confined {
	int landlock;		/* ABI of what is in force; 0: nothing */
	struct confined_place *places;
	size_t n, alloc;
};

#define CONFINED_INIT { 0 }

/*
 * Confines this thread, and those that it starts from now on, for ever; it
 * must be the only one, with no_new_privs. state_root is made if it is not
 * there. -1: it is not confined, and err says why; ret is filled then too.
 */
int confine(const char *state_root, struct confined *ret, struct err *err);

/*
 * Landlock lets files be reached, not names: where another file took the
 * place of one that may be read (a new resolv.conf, a state directory that
 * was deleted and made again), the process is shut out, and only a new one
 * can be let in. The first such path, or NULL. Costs a stat for each place,
 * so it is for when something failed.
 */
const char *confined_stale(const struct confined *c);

void confined_release(struct confined *c);

/*
 * Walls inside these, for the child that works on a pack: it starts no
 * program and speaks TCP to nobody. Where the kernel cannot, it is as it was.
 */
void confine_more(void);

#endif
