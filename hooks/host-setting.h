/*
 * Every key of the Git host's configuration and what its value may be: the
 * tables of [windlass] and [windlass "<channel>"]. A new setting begins here,
 * with its field in host-config.h and its words in windlass-hook(8).
 */
#ifndef HOOKS_HOST_SETTING_H
#define HOOKS_HOST_SETTING_H

#include "hooks/setting.h"

/* Of [windlass]; the target is a struct host_config with its git_dir set. */
extern const struct setting host_settings[];
/* Of [windlass "<channel>"]; the target is a struct channel_config. */
extern const struct setting channel_settings[];

#endif
