/*
 * The fetching child of windlassd: reads what strangers serve, holds no
 * Kubernetes credential, and speaks to its parent by engine/source-msg.h.
 */
#ifndef ENGINE_FETCH_CHILD_H
#define ENGINE_FETCH_CHILD_H

/*
 * The role: fd is the parent's end of a socketpair. Runs until the parent
 * closes it. The exit status: 0 then, 1 after a fault of our own.
 */
int fetch_child_main(int fd);

#endif
