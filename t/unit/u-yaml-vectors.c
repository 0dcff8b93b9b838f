/*
 * The golden vectors: an input stream, and what the Kubernetes client
 * libraries made of it. Reads a JSON-lines file (argument, or
 * $WINDLASS_VECTORS); by default our own sample in t/fixtures/yaml.
 */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>

#include "schema/base/digest.h"
#include "schema/base/fs.h"
#include "schema/json.h"
#include "schema/yaml.h"
#include "t/unit/tap.h"

/* Reads the input and compares; what is wrong goes into why. */
static bool check(const struct node *v, struct arena *a, struct buf *why)
{
	const char *b64 = node_path_str(v, "input_b64", NULL);
	const char *policy = node_path_str(v, "policy", NULL);
	const char *error = node_path_str(v, "error", NULL);
	const struct node *expect = node_get(v, "expect");
	struct buf input = BUF_INIT(1 << 24), text = BUF_INIT(1 << 24);
	struct problems ps = PROBLEMS_INIT;
	struct documents docs = { 0 };
	bool refuse = policy || (error && *error), good;
	int rc;

	if (!b64 || base64_decode(&input, b64, strlen(b64)) < 0)
		return false;
	rc = yaml_read("input.yaml", input.data, input.len, a, &docs, &ps);
	good = (rc < 0) == refuse;
	if (!good)
		buf_addf(why, "%s: %s", rc < 0 ? "refused" : "accepted",
			 ps.n ? ps.v[0].message : "");
	if (rc < 0 && ps.errors == 0) {
		buf_adds(why, "refused without a problem");
		good = false;
	}
	if (good && !refuse && docs.n != expect->n) {
		buf_addf(why, "%zu documents", docs.n);
		good = false;
	}
	for (uint32_t i = 0; good && !refuse && i < expect->n; i++) {
		const char *want = node_text(expect->items[i]);
		struct buf again = BUF_INIT(1 << 24);
		struct err err = ERR_INIT;
		struct node *n;

		/* the same values, in our way of escaping them */
		buf_reset(&text);
		json_write_compact(docs.v[i], &text);
		if (json_read(want, strlen(want), a, &n, &err) == 0)
			json_write_compact(n, &again);
		if (strcmp(text.data, want) && strcmp(text.data, again.data)) {
			buf_addf(why, "got %s want %s", text.data,
				 want);
			good = false;
		}
		buf_release(&again);
	}
	buf_release(&input);
	buf_release(&text);
	problems_release(&ps);
	return good;
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : getenv("WINDLASS_VECTORS");
	struct buf lines = BUF_INIT(64u << 20);
	struct err err = ERR_INIT;

	if (!path || !*path)
		path = FIXTURES "/yaml/vectors.jsonl";
	if (fs_read(AT_FDCWD, path, &lines, &err) < 0) {
		printf("Bail out! %s\n", err.msg);
		return 1;
	}
	for (char *p = lines.data; *p; ) {
		size_t len = strcspn(p, "\n");
		struct arena a = ARENA_INIT;
		struct buf why = BUF_INIT(1 << 20);
		struct node *v;

		if (json_read(p, len, &a, &v, &err) < 0) {
			printf("Bail out! %s\n", err.msg);
			return 1;
		}
		if (!ok(check(v, &a, &why), "%s",
			node_path_str(v, "name", NULL))) {
			printf("# ");
			for (size_t i = 0; i < why.len && i < 300; i++)
				putchar(why.data[i] == '\n' ? ' ' : why.data[i]);
			printf("\n");
		}
		arena_release(&a);
		buf_release(&why);
		p += len + (p[len] == '\n');
	}
	buf_release(&lines);
	return tap_done();
}
