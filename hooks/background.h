/*
 * Work that a push need not wait for: another run of this program, in a
 * session of its own, which goes on when its parent is gone.
 */
#ifndef HOOKS_BACKGROUND_H
#define HOOKS_BACKGROUND_H

/*
 * Starts `windlass-hook WORD...`, words up to a NULL. What it prints goes to
 * out, which stays the caller's; -1: nowhere. Nobody has to reap it. What
 * cannot be started is left to the next one who comes by.
 */
void background_start(const char *const *words, int out);

#endif
