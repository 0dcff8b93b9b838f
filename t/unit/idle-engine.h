/*
 * An engine without a cluster, for tests of parts that only ask it for the
 * time and for kinds: its loop never runs, so no request is ever sent.
 */
#ifndef T_UNIT_IDLE_ENGINE_H
#define T_UNIT_IDLE_ENGINE_H

#include <stdlib.h>
#include <unistd.h>

#include "engine/channel.h"
#include "engine/kube.h"
#include "schema/base/fs.h"

static struct engine idle;

__attribute__((unused))
static void idle_engine_begin(void)
{
	static const char config[] =
		"apiVersion: v1\nkind: Config\ncurrent-context: c\n"
		"contexts: [{name: c, context: {cluster: c, user: u}}]\n"
		"clusters: [{name: c, cluster: {server: http://127.0.0.1:1}}]\n"
		"users: [{name: u, user: {}}]\n";
	char path[] = "/tmp/windlass-unit-XXXXXX";
	struct kube_config_options o = { .path = path };
	struct kube_config *kube;
	struct err err = ERR_INIT;
	int fd = mkstemp(path);

	if (fd < 0 ||
	    write(fd, config, sizeof(config) - 1) !=
		    (ssize_t)sizeof(config) - 1 ||
	    loop_new(&idle.loop, &err) < 0 ||
	    kube_config_load(&o, &kube, &err) < 0 ||
	    kube_new(idle.loop, kube, &idle.kube, &err) < 0) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	close(fd);
	unlink(path);
	kinds_init(&idle.kinds, &idle);
}

__attribute__((unused))
static void idle_engine_end(void)
{
	kinds_release(&idle.kinds);
	kube_free(idle.kube);
	loop_free(idle.loop);
}

#endif
