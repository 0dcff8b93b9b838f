/*
 * What `windlass install` was asked for, checked as far as the command line
 * itself goes; what the files and the repository it names say is not read yet.
 */
#ifndef ENGINE_CLI_INSTALL_OPTIONS_H
#define ENGINE_CLI_INSTALL_OPTIONS_H

#include <stdbool.h>

#include "engine/cli/install.h"
#include "schema/base/strvec.h"

struct install_options {
	struct install in;
	const char *from, *publishers_file, *publisher_key, *approvers_file;
	bool has_approvals;
	const char *namespaces, *kinds, *cluster_scoped, *rbac_from;
	const char *kubeconfig, *context;
	struct strvec crds;
	bool apply;
	size_t done;			/* manifests that were applied */
};

/* -1, or the exit status of --help or of a usage error, which was said. The
 * texts are argv's. */
int install_options_parse(int argc, char **argv, struct install_options *o);

/* Cuts the first of names with commas between them off *names: malloced, ""
 * at the end. */
char *install_next_name(const char **names);

#endif
