/*
 * Runs a fuzz target without libFuzzer, so that every compiler and every
 * sanitizer replays the corpus with the unit tests: each file as it is, cut
 * at each offset (a large one at 2000), and with a fixed number of changed bytes that are the same
 * in every run. A target that finds a fault aborts. With arguments it runs
 * just these files, which is how a crash is looked at.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/strvec.h"
#include "t/fuzz/fuzz.h"
#include "t/unit/tap.h"

#define FILE_MAX (16u << 20)
#define CHANGES 2000		/* of each file */
#define CUTS 2000		/* at most */

/* A copy of exactly this size, so that a sanitizer sees one byte too far. */
static void run(const char *data, size_t len)
{
	uint8_t *copy = xmemdup(len ? data : "", len ? len : 1);

	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;		/* xorshift32 */
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void run_changed(char *data, size_t len)
{
	uint32_t state = 2463534242u;

	for (size_t at = 0; at < len; at += len / CUTS + 1)
		run(data, at);
	for (int i = 0; len && i < CHANGES; i++) {
		size_t at = next(&state) % len;
		char was = data[at];

		data[at] = (char)next(&state);
		run(data, len);
		data[at] = was;
	}
}

static bool replay(const char *path)
{
	struct buf b = BUF_INIT(FILE_MAX);
	struct err err = ERR_INIT;

	if (fs_read(AT_FDCWD, path, &b, &err) < 0) {
		printf("# %s\n", err.msg);
		return false;
	}
	run(b.data, b.len);
	run_changed(b.data, b.len);
	buf_release(&b);
	return true;
}

static void list(const char *dir, struct strvec *ret)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			strvec_pushf(ret, "%s/%s", dir, e->d_name);
	if (d)
		closedir(d);
	strvec_sort(ret);
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	struct strvec files = STRVEC_INIT;
	char *dir;

	/* t/fuzz/fuzz-NAME replays t/fuzz/corpus/NAME */
	name = name ? name + 1 : argv[0];
	if (!strncmp(name, "fuzz-", 5))
		name += 5;
	dir = xasprintf("%s/%s", CORPUS, name);
	for (int i = 1; i < argc; i++)
		strvec_push(&files, argv[i]);
	if (argc < 2)
		list(dir, &files);
	ok(files.n > 0, "there is something to replay");
	for (size_t i = 0; i < files.n; i++)
		ok(replay(files.v[i]), "%s", strrchr(files.v[i], '/') ?
		   strrchr(files.v[i], '/') + 1 : files.v[i]);
	strvec_release(&files);
	free(dir);
	return tap_done();
}
