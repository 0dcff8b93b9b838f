/*
 * The engine's state directory: what is written is read back, whatever a
 * crash or a person left there is refused or cleaned up, and two processes
 * cannot share it.
 */
#include "config.h"
#include "engine/state.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "t/unit/tap.h"

#define ID "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"

static struct err err;
static char root[] = "/tmp/u-state-XXXXXX";

static struct source_pin a_pin(void)
{
	struct source_pin p = {
		.epoch = 1, .sequence = 42, .head_issued = 1700000000,
	};

	memset(p.bundle, 'a', 40);
	memset(p.content.b, 0x5a, sizeof(p.content.b));
	return p;
}

static bool same_pin(const struct source_pin *a, const struct source_pin *b)
{
	return a->epoch == b->epoch && a->sequence == b->sequence &&
	       !strcmp(a->bundle, b->bundle) &&
	       sha256_equal(&a->content, &b->content) &&
	       a->head_issued == b->head_issued;
}

static void test_record(void)
{
	struct source_pin p = a_pin(), got = { 0 };
	struct buf text = BUF_INIT(4096);
	int64_t clock = 0;
	int accepted = 0;
	char *copy;

	state_record_write(ID, &p, 1700000600, &text);
	ok(!state_record_parse(text.data, text.len, ID, &got, &clock, &err) &&
	   same_pin(&p, &got) && clock == 1700000600, "a record comes back");
	for (size_t n = 0; n < text.len; n++)
		accepted += !state_record_parse(text.data, n, ID, &got, &clock,
						&err);
	is_int(accepted, 0, "one that is cut off anywhere is refused");
	ok(state_record_parse(text.data, text.len, OTHER, &got, &clock,
			      &err) < 0 && strstr(err.msg, "channel id"),
	   "one of another channel is refused");
	buf_addc(&text, '\n');
	ok(state_record_parse(text.data, text.len, ID, &got, &clock, &err) < 0,
	   "one with a line too many is refused");
	buf_truncate(&text, text.len - 1);
	copy = xmemdup(text.data, text.len);
	for (size_t i = 0; i < text.len; i++) {
		copy[i] ^= 0x80;
		accepted += !state_record_parse(copy, text.len, ID, &got,
						&clock, &err);
		copy[i] ^= 0x80;
	}
	is_int(accepted, 0, "one with a bit flipped is refused");
	free(copy);

	p.epoch = p.sequence = LIMIT_SEQUENCE;
	buf_reset(&text);
	state_record_write(ID, &p, 0, &text);
	ok(!state_record_parse(text.data, text.len, ID, &got, &clock, &err) &&
	   same_pin(&p, &got), "the highest sequence");
	p.sequence++;
	buf_reset(&text);
	state_record_write(ID, &p, 0, &text);
	ok(state_record_parse(text.data, text.len, ID, &got, &clock, &err) < 0,
	   "and one beyond");
	buf_release(&text);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 ? 0 : st.st_mode & 0777;
}

static void test_folder(void)
{
	struct state s = STATE_INIT, again = STATE_INIT;
	struct source_pin p = a_pin(), got;
	int64_t clock = 7;
	char *path;

	ok(state_open(root, "../../etc", &s, &err) < 0, "no channel id");
	ok(!state_open(root, ID, &s, &err), "a new folder");
	is_int(mode_of(s.dir), 0700, "is ours alone");
	ok(!state_read_accepted(&s, &got, &clock, &err) && !got.bundle[0] &&
	   clock == 0, "with no record");
	ok(state_open(root, ID, &again, &err) < 0 &&
	   err.class == ERR_TRANSIENT && strstr(err.msg, ID),
	   "a second process is refused");
	ok(!state_write_accepted(&s, &p, 5, &err) &&
	   !state_read_accepted(&s, &got, &clock, &err) &&
	   same_pin(&p, &got) && clock == 5, "a record on disk");
	path = state_path(&s, "accepted");
	is_int(mode_of(path), 0600, "is ours alone");
	ok(!fs_write(AT_FDCWD, path, "nonsense\n", 9, 0600, &err) &&
	   state_read_accepted(&s, &got, &clock, &err) < 0 &&
	   err.class == ERR_INVALID && strstr(err.msg, path) &&
	   strstr(err.msg, "deleted"), "a damaged record says what to do");
	unlink(path);
	ok(symlink("/etc/passwd", path) == 0 &&
	   state_read_accepted(&s, &got, &clock, &err) < 0,
	   "a symbolic link is not followed");
	unlink(path);
	free(path);

	path = state_path(&s, "tmp/left-over");
	ok(!fs_write(AT_FDCWD, path, "x", 1, 0600, &err), "a left-over");
	state_close(&s);
	ok(!state_open(root, ID, &s, &err) && !fs_exists(AT_FDCWD, path),
	   "is gone after the next start");
	free(path);
	state_close(&s);
}

/* is_unknown: the error of a record that is there, whatever hides it */
static bool is_unknown(const struct state *s, const char *why)
{
	struct source_pin got;
	int64_t clock;

	err_clear(&err);
	return state_read_accepted(s, &got, &clock, &err) < 0 &&
	       strstr(err.msg, "what was accepted is not known: ") &&
	       strstr(err.msg, "/accepted") && strstr(err.msg, why);
}

/* What cannot be read is not what is not there. */
static void test_unreadable(void)
{
	struct state s = STATE_INIT;
	struct source_pin p = a_pin();
	char *path, *away = xasprintf("%s/away", root);
	uid_t was = geteuid();

	if (state_open(root, ID, &s, &err) < 0 ||
	    state_write_accepted(&s, &p, 0, &err) < 0)
		BUG(err.msg);
	path = state_path(&s, "accepted");
	if (was ? chmod(s.dir, 0) < 0 : seteuid(65534) < 0)
		BUG("cannot give up access");
	ok(is_unknown(&s, "Permission denied"),
	   "a record in a folder that is closed to us is an error");
	if (was ? chmod(s.dir, 0700) < 0 : seteuid(was) < 0)
		BUG("cannot get access back");
	ok(rename(s.dir, away) == 0 && symlink(ID, s.dir) == 0 &&
	   is_unknown(&s, "symbolic link"), "in one that links to itself");
	unlink(s.dir);
	ok(!fs_write(AT_FDCWD, s.dir, "x", 1, 0600, &err) &&
	   is_unknown(&s, "Not a directory"), "in one that is none");
	unlink(s.dir);
	ok(rename(away, s.dir) == 0 && unlink(path) == 0 &&
	   mkdir(path, 0700) == 0 && is_unknown(&s, "not a regular file"),
	   "one that is a folder itself");
	rmdir(path);
	free(path);
	free(away);
	state_close(&s);
}

static void test_evidence(void)
{
	struct state s = STATE_INIT;
	char bundle[41] = "", *path;
	size_t kept = 0;

	if (state_open(root, ID, &s, &err) < 0)
		BUG(err.msg);
	ok(!state_keep_head(&s, "old", 3, &err), "the accepted head is kept");
	memset(bundle, 'b', 40);
	ok(!state_keep_evidence(&s, 1, 42, bundle, "new", 3, &err),
	   "another one for its sequence");
	ok(!state_keep_head(&s, "newer", 5, &err), "a later head");
	path = state_path(&s, "forked-from");
	{
		struct buf text = BUF_INIT(100);

		ok(!fs_read(AT_FDCWD, path, &text, &err) &&
		   !strcmp(text.data, "old"), "does not replace the evidence");
		buf_release(&text);
	}
	free(path);
	for (int i = 0; i < 2 * LIMIT_EVIDENCE; i++) {
		memset(bundle, "0123456789abcdef"[i % 16], 40);
		if (state_keep_evidence(&s, 1, 100 + (uint64_t)i, bundle, "x",
					1, &err) < 0)
			BUG(err.msg);
		path = xasprintf("%s/forked-1-%d-%s", s.dir, 100 + i, bundle);
		kept += fs_exists(AT_FDCWD, path);
		free(path);
	}
	is_int(kept, LIMIT_EVIDENCE - 2, "LIMIT_EVIDENCE files in all");
	state_close(&s);
}

/* A state directory that cannot be written: one clear error. */
static void test_full(void)
{
	struct state s = STATE_INIT;
	struct source_pin p = a_pin();

	if (state_open(root, ID, &s, &err) < 0)
		BUG(err.msg);
	fs_remove_tree(s.dir, &err);
	ok(state_write_accepted(&s, &p, 0, &err) < 0 &&
	   err.class == ERR_INTERNAL && strstr(err.msg, "accepted"),
	   "a folder that went away");
	state_close(&s);
	ok(state_open("/proc/no-such-place", ID, &s, &err) < 0 &&
	   strstr(err.msg, "/proc/no-such-place"),
	   "a place where nothing can be made");
}

int main(void)
{
	if (!mkdtemp(root))
		BUG("mkdtemp");
	test_record();
	test_folder();
	test_unreadable();
	test_evidence();
	test_full();
	fs_remove_tree(root, &err);
	return tap_done();
}
