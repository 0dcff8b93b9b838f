/*
 * windlass-hook doctor: whether pushes will be checked, published and kept
 * fresh, one line a check. Reads only.
 */
#include "config.h"
#include "hooks/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/commands.h"
#include "schema/base/mem.h"
#include "schema/base/options.h"
#include "schema/json.h"

#define FINDINGS_BYTES (4u * 1024 * 1024)

static const char usage[] =
"usage: windlass-hook doctor [--repo DIR] [--output json]\n"
"\n"
"Checks everything that publishing depends on; a line for each check says\n"
"ok, warn or FAIL, and what to do. Exits with 1 if any check failed.\n"
"\n"
"  --repo DIR      the bare repository (default: $GIT_DIR or .)\n"
"  --output json   one JSON object with all checks\n";

static const char *const level_names[] = { "ok", "warn", "FAIL" };

void doctor_say(struct doctor *d, enum finding_level level, const char *check,
		const char *channel, const char *fmt, ...)
{
	struct buf text = BUF_INIT(2048), message = BUF_INIT(8192);
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	buf_add_scrubbed(&message, text.data, text.len);
	d->v = xreallocarray(d->v, d->n + 1, sizeof(*d->v));
	d->v[d->n++] = (struct finding){
		.level = level, .check = check,
		.channel = xstrdup(channel ? channel : ""),
		.message = buf_detach(&message, NULL),
	};
	d->failed += level == FINDING_FAIL;
	d->warned += level == FINDING_WARN;
	buf_release(&text);
}

void doctor_release(struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].channel);
		free(d->v[i].message);
	}
	free(d->v);
	*d = (struct doctor)DOCTOR_INIT;
}

static void print_text(const struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct finding *f = &d->v[i];

		printf("%-4s  %s%s%s: %s\n", level_names[f->level], f->channel,
		       *f->channel ? ": " : "", f->check, f->message);
	}
	printf("%zu check%s, %zu failed, %zu warning%s\n", d->n,
	       d->n == 1 ? "" : "s", d->failed, d->warned,
	       d->warned == 1 ? "" : "s");
}

static void print_json(const struct doctor *d, const char *repository)
{
	struct buf out = BUF_INIT(FINDINGS_BYTES);
	struct arena a = ARENA_INIT;
	struct node *root = node_map(&a), *checks = node_seq(&a);

	for (size_t i = 0; i < d->n; i++) {
		const struct finding *f = &d->v[i];
		struct node *n = node_map(&a);

		node_set(&a, n, "check", node_str(&a, f->check));
		if (*f->channel)
			node_set(&a, n, "channel", node_str(&a, f->channel));
		node_set(&a, n, "result", node_str(&a, f->level ==
			 FINDING_FAIL ? "fail" : level_names[f->level]));
		node_set(&a, n, "message", node_str(&a, f->message));
		node_append(&a, checks, n);
	}
	node_set(&a, root, "checks", checks);
	node_set(&a, root, "failed", node_int(&a, (int64_t)d->failed));
	node_set(&a, root, "warnings", node_int(&a, (int64_t)d->warned));
	node_set(&a, root, "repository", node_str(&a, repository));
	json_write_canonical(root, &out);
	fputs(out.data, stdout);
	buf_release(&out);
	arena_release(&a);
}

void doctor_put_lines(const struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++)
		printf("%s\t%s\t%s\n", level_names[d->v[i].level],
		       d->v[i].channel, d->v[i].message);
}

/* Repository and settings; 0 when the other checks can be made. */
static int check_open(struct doctor *d, const char *dir, struct host *ret)
{
	struct err err = ERR_INIT;

	if (repo_open(dir, false, &ret->repo, &err) < 0) {
		doctor_say(d, FINDING_FAIL, "repository", NULL, "%s", err.msg);
		return -1;
	}
	doctor_say(d, FINDING_OK, "repository", NULL, "%s can be read",
		   git_repository_path(ret->repo));
	if (config_read(ret->repo, &ret->config, &err) < 0) {
		doctor_say(d, FINDING_FAIL, "settings", NULL, "%s", err.msg);
		return -1;
	}
	if (!ret->config.n) {
		doctor_say(d, FINDING_FAIL, "settings", NULL, "no channel is "
			   "configured; run `windlass-hook init`");
		return -1;
	}
	doctor_say(d, FINDING_OK, "settings", NULL, "%zu channel%s",
		   ret->config.n, ret->config.n == 1 ? "" : "s");
	return 0;
}

static int run(const char *dir, bool json)
{
	struct doctor d = DOCTOR_INIT;
	struct host host = HOST_INIT;
	int status;

	if (!dir)
		dir = getenv("GIT_DIR");
	if (!dir)
		dir = ".";
	if (!check_open(&d, dir, &host)) {
		doctor_check_host(&d, host.repo, &host.config);
		for (size_t i = 0; i < host.config.n; i++) {
			doctor_check_channel(&d, host.repo, &host.config,
					     &host.config.channels[i]);
			doctor_check_notify(&d, &host.config,
					    &host.config.channels[i]);
		}
		doctor_check_buckets(&d, &host.config);
		doctor_check_images(&d, host.repo, &host.config);
	}
	if (json)
		print_json(&d, dir);
	else
		print_text(&d);
	status = d.failed ? EXIT_REFUSED : 0;
	doctor_release(&d);
	host_close(&host);
	return status;
}

static int take_output(void *target, const char *value, struct err *err)
{
	bool *json = target;

	if (strcmp(value, "json"))
		return err_set(err, ERR_INVALID, "must be json");
	*json = true;
	return 0;
}

int cmd_doctor(int argc, char **argv)
{
	const char *dir = NULL;
	bool json = false;
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &dir),
		OPTION_TAKE("output", take_output, &json),
		OPTION_END
	};
	int status = options_parse_alone(specs, usage, argc, argv);

	if (status >= 0)
		return status;
	return run(dir, json);
}
