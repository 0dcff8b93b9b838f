/*
 * kubeconfig files: several, merged, and one context of them chosen. Only
 * kube-config.c uses this.
 */
#ifndef ENGINE_KUBE_CONFIG_FILE_H
#define ENGINE_KUBE_CONFIG_FILE_H

#include <stddef.h>

#include "schema/base/err.h"

struct kube_config;
struct kube_config_files;

struct kube_config_files *kube_config_files_new(void);
/* Wipes what was read. NULL is fine. */
void kube_config_files_free(struct kube_config_files *f);

/* One more file, behind the others. ERR_INVALID with its path. */
int kube_config_files_add(struct kube_config_files *f, const char *path,
			  const char *text, size_t len, struct err *err);
/* Fills ret by the context; NULL: by current-context. On failure ret is
 * half-filled and to be freed. */
int kube_config_files_choose(struct kube_config_files *f, const char *context,
			     struct kube_config *ret, struct err *err);

#endif
