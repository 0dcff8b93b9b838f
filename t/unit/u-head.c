/*
 * Heads: the frame, the text, every byte of both.
 */
#include "config.h"

#include <stdlib.h>

#include "schema/base/mem.h"
#include "schema/head.h"
#include "schema/limits.h"
#include "schema/sshsig.h"
#include "t/unit/tap.h"

#define HEX40 "0123456789abcdef0123456789abcdef01234567"
#define HEX64 "0123456789abcdef0123456789abcdef" \
	      "0123456789abcdef0123456789abcdef"

static const char text[] =
	"windlass-head 1\n"
	"channel prod\n"
	"channel-id 0123456789abcdef0123456789abcdef\n"
	"epoch 1\n"
	"sequence 42\n"
	"bundle " HEX40 "\n"
	"content sha256:" HEX64 "\n"
	"issued 2026-11-23T10:00:00Z\n"
	"expires 2026-11-24T10:00:00Z\n"
	"index sha256:" HEX64 " 1048576\n"
	"delta 89abcdef0123456789abcdef0123456701234567 sha256:" HEX64
	" 2147483648\n"
	"approvals sha256:" HEX64 " 262720\n";

static const char sig[] = SSHSIG_BEGIN "\nAAAA\n" SSHSIG_END "\n";

/* Replaces the first `from` of a text; "" when it is not there. */
static char *swap(const char *in, const char *from, const char *to)
{
	const char *at = strstr(in, from);

	if (!at)
		return xstrdup("");
	return xasprintf("%.*s%s%s", (int)(at - in), in, to,
			 at + strlen(from));
}

static void test_parse(void)
{
	struct buf b = BUF_INIT(LIMIT_HEAD_BYTES);
	struct head h = { 0 };
	struct err err = ERR_INIT;
	char *none, *both;

	ok(!head_parse(text, strlen(text), &h, &err), "a head is read %s",
	   err.msg);
	ok(h.epoch == 1 && h.sequence == 42 && h.has_delta &&
	   h.has_approvals && h.index.bytes == 1048576 &&
	   h.delta.bytes == 2147483648 &&
	   h.approvals.bytes == LIMIT_APPROVALS_BYTES &&
	   h.expires - h.issued == 86400 && !strcmp(h.bundle, HEX40),
	   "with its fields");
	head_write(&h, &b);
	is_str(b.data, text, "and written again");
	none = swap(text, "delta 89abcdef0123456789abcdef0123456701234567 "
		    "sha256:" HEX64 " 2147483648", "delta none");
	both = swap(none, "approvals sha256:" HEX64 " 262720",
		    "approvals none");
	ok(!head_parse(both, strlen(both), &h, &err) && !h.has_delta &&
	   !h.has_approvals, "a head without delta and approvals is read");
	buf_reset(&b);
	head_write(&h, &b);
	is_str(b.data, both, "and written again");
	buf_release(&b);
	free(none);
	free(both);
}

static const struct {
	const char *from, *to, *line;
} bad[] = {
	{ "head 1", "head 2", "head: line 1:" },
	{ "windlass", "\xef\xbb\xbfwindlass", "head: line 1:" },
	{ "channel prod", "channel prod.x", "head: line 2:" },
	{ "channel prod", "channel prod\r", "head: line 2:" },
	{ "channel-id 0", "channel-id ", "head: line 3:" },
	{ "epoch 1", "epoch 0", "head: line 4:" },
	{ "epoch 1", "epoch 9223372036854775808", "head: line 4:" },
	{ "sequence 42", "sequence 0", "head: line 5:" },
	{ "sequence 42", "sequence 042", "head: line 5:" },
	{ "sequence 42", "sequence 9223372036854775808", "head: line 5:" },
	{ "sequence 42", "sequence 1e3", "head: line 5:" },
	{ "sequence 42", "sequence +42", "head: line 5:" },
	{ "sequence 42", "sequence 11111111111111111111", "head: line 5:" },
	{ "sequence 42", "sequence 1", "head: line 11:" },
	{ "bundle 0", "bundle ", "head: line 6:" },
	{ "content sha256:0", "content sha256:", "head: line 7:" },
	{ "content sha256:", "content sha512:", "head: line 7:" },
	{ "2026-11-24", "2026-11-23", "head: line 9:" },
	{ "2026-11-24T10:00:00Z", "2026-11-30T10:00:01Z", "head: line 9:" },
	{ "2026-11-24", "2026-11-31", "head: line 9:" },
	{ "1048576", "1048577", "head: line 10:" },
	{ "1048576", "0", "head: line 10:" },
	{ "1048576", "01", "head: line 10:" },
	{ "1048576", "", "head: line 10:" },
	{ " 1048576", "", "head: line 10:" },
	{ "1048576", "1 ", "head: line 10:" },
	{ "delta 89abcdef0123456789abcdef0123456701234567", "delta " HEX40,
	  "head: line 11:" },
	{ "delta 89", "delta ", "head: line 11:" },
	{ "2147483648", "2147483649", "head: line 11:" },
	{ "delta 89abcdef0123456789abcdef0123456701234567 ", "delta ",
	  "head: line 11:" },
	{ "approvals sha256", "approvals none sha256", "head: line 12:" },
	/* LIMIT_APPROVALS_BYTES is good, as above */
	{ "262720", "262721", "head: line 12:" },
	{ "262720\n", "262720", "head: line 12:" },
	{ "262720\n", "262720\n\n", "head: line 13:" },
	{ "epoch 1\nsequence 42\n", "sequence 42\nepoch 1\n",
	  "head: line 4:" },
	{ "epoch 1\n", "epoch 1\nepoch 1\n", "head: line 5:" },
	{ "epoch 1\n", "", "head: line 4:" },
};

static void test_bad(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *in = swap(text, bad[i].from, bad[i].to);
		struct head h = { .epoch = 99 };
		struct err err = ERR_INIT;

		if (!ok(*in && head_parse(in, strlen(in), &h, &err) == -1 &&
			h.epoch == 99 && err.class == ERR_DENIED &&
			!strncmp(err.msg, bad[i].line, strlen(bad[i].line)),
			"attack-24 bad head %zu: %s", i, err.msg))
			printf("# '%s' for '%s'\n", bad[i].to, bad[i].from);
		free(in);
	}
}

static void test_limits(void)
{
	static const char *const good[][2] = {
		{ "2026-11-24T10:00:00Z", "2026-11-30T10:00:00Z" },
		{ "2026-11-24T10:00:00Z", "2026-11-23T10:00:01Z" },
		{ "sequence 42", "sequence 9223372036854775807" },
		{ "1048576", "1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		char *in = swap(text, good[i][0], good[i][1]);
		struct head h;
		struct err err = ERR_INIT;

		ok(!head_parse(in, strlen(in), &h, &err), "'%s' is fine %s",
		   good[i][1], err.msg);
		free(in);
	}
}

static int split(const char *data, size_t *ret_len)
{
	struct err err = ERR_INIT;
	int rc = head_split(data, strlen(data), ret_len, &err);

	if (rc && err.class != ERR_DENIED)
		return -2;
	return rc;
}

static void test_split(void)
{
	static const char *const frames[] = {
		"", "\n", "x\n", "x",
		SSHSIG_BEGIN "\nAAAA\n" SSHSIG_END "\n",
		"x\n" SSHSIG_BEGIN "\nAAAA\n" SSHSIG_END,
		"x\n" SSHSIG_BEGIN "\nAAAA\n" SSHSIG_END "\n\n",
		"x\n" SSHSIG_BEGIN "\nAAAA\n" SSHSIG_END "\nx\n",
		"x\n" SSHSIG_BEGIN "\nAAAA\n" SSHSIG_END " \n",
		"x\n" SSHSIG_BEGIN "\r\nAAAA\n" SSHSIG_END "\n",
		"x\n " SSHSIG_BEGIN "\nAAAA\n" SSHSIG_END "\n",
		"x" SSHSIG_BEGIN "\nAAAA\n" SSHSIG_END "\n",
		"x\n-\n" SSHSIG_BEGIN "\nAAAA\n" SSHSIG_END "\n",
		"x\n" SSHSIG_BEGIN "\n",
		"x\n" SSHSIG_END "\n" SSHSIG_BEGIN "\n",
		"x\n-----BEGIN PGP SIGNATURE-----\nAAAA\n" SSHSIG_END "\n",
	};
	char *whole = xasprintf("%s%s", text, sig);
	char *big = xmalloc(LIMIT_HEAD_BYTES + 2);
	size_t len = 7;

	ok(!split(whole, &len) && len == strlen(text), "the frame is found");
	len = 7;
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++)
		ok(split(frames[i], &len) == -1 && len == 7, "attack-58 bad frame %zu",
		   i);
	memset(big, 'x', LIMIT_HEAD_BYTES + 1);
	big[LIMIT_HEAD_BYTES + 1] = '\0';
	big[LIMIT_HEAD_BYTES - strlen(sig)] = '\n';
	memcpy(big + LIMIT_HEAD_BYTES + 1 - strlen(sig), sig, strlen(sig));
	is_int(split(big, &len), -1, "one byte beyond the limit");
	is_int(split(big + 1, &len), 0, "a head at the limit");
	free(whole);
	free(big);
}

/* What is accepted of a changed text is written back to the same bytes. */
static void test_every_byte(void)
{
	struct buf b = BUF_INIT(LIMIT_HEAD_BYTES);
	size_t len = strlen(text), cut = 0, lossy = 0, accepted = 0;
	char *in = xstrdup(text);
	struct err err = ERR_INIT;
	struct head h;

	for (size_t i = 0; i < len; i++) {
		cut += !head_parse(in, i, &h, &err);
		for (int x = 1; x < 256; x++) {
			in[i] = (char)((unsigned char)text[i] ^ x);
			if (head_parse(in, len, &h, &err))
				continue;
			accepted++;
			buf_reset(&b);
			head_write(&h, &b);
			lossy += b.len != len || memcmp(b.data, in, len);
		}
		in[i] = text[i];
	}
	ok(accepted && !lossy, "%zu changed heads are read, each back to its "
	   "bytes", accepted);
	is_int(cut, 0, "no truncated head is read");
	buf_release(&b);
	free(in);
}

int main(void)
{
	test_parse();
	test_bad();
	test_limits();
	test_split();
	test_every_byte();
	return tap_done();
}
