/*
 * Reports of clusters: the text, each field at its limit and beyond it, who
 * may sign which, and what the writer makes of texts that do not fit.
 */
#include "config.h"

#include <stdlib.h>

#include "schema/base/mem.h"
#include "schema/cluster-report.h"
#include "schema/limits.h"
#include "schema/sshsig.h"
#include "t/unit/softkey.h"
#include "t/unit/tap.h"

#define HEX40 "0123456789abcdef0123456789abcdef01234567"
#define LABEL63 "a23456789012345678901234567890123456789012345678901234567890123"

static const char text[] =
	"windlass-report 1\n"
	"channel prod\n"
	"channel-id 0123456789abcdef0123456789abcdef\n"
	"cluster eu-1\n"
	"counter 1764459000123\n"
	"issued 2026-11-29T23:30:00Z\n"
	"epoch 1\n"
	"sequence 42\n"
	"bundle " HEX40 "\n"
	"phase failed\n"
	"since 2026-11-29T23:29:58Z\n"
	"applied 1.41 89abcdef0123456789abcdef0123456701234567\n"
	"objects 118 110 4 3 1 2\n"
	"stale no\n"
	"reason HealthTimeout\n"
	"message 2 objects are not ready\n"
	"failures 2\n"
	"failure Deployment.apps demo/web\n"
	"at deploy/prod/web.yaml:12\n"
	"reason ImagePullBackOff\n"
	"message Back-off pulling image \"registry/web:2\" \xc3\xbc\n"
	"failure Namespace demo\n"
	"at -\n"
	"reason Forbidden\n"
	"message -\n";

/* Replaces the first `from` of a text; "" when it is not there. */
static char *swap(const char *in, const char *from, const char *to)
{
	const char *at = strstr(in, from);

	if (!at)
		return xstrdup("");
	return xasprintf("%.*s%s%s", (int)(at - in), in, to,
			 at + strlen(from));
}

/* n times the character */
static char *many(char c, size_t n)
{
	char *s = xcalloc(n + 1, 1);

	memset(s, c, n);
	return s;
}

static char *written(const struct cluster_report *r)
{
	struct buf b = BUF_INIT(LIMIT_REPORT_BYTES);

	cluster_report_write(r, &b);
	if (!buf_ok(&b))
		buf_reset(&b);
	return buf_detach(&b, NULL);
}

static int parse(const char *in, struct cluster_report *r, struct err *err)
{
	return cluster_report_parse(in, strlen(in), r, err);
}

static void test_parse(void)
{
	struct cluster_report r = CLUSTER_REPORT_INIT;
	struct buf line = BUF_INIT(LIMIT_REPORT_BYTES);
	struct err err = ERR_INIT;
	char *again;

	if (!ok(!parse(text, &r, &err), "a report is read %s", err.msg))
		return;
	is_str(r.cluster, "eu-1", "its cluster");
	ok(r.counter == 1764459000123 && r.epoch == 1 && r.sequence == 42 &&
	   r.issued - r.since == 2 && r.phase == CLUSTER_FAILED && !r.stale,
	   "its numbers and times");
	ok(r.applied_epoch == 1 && r.applied_sequence == 41 &&
	   !strncmp(r.applied_bundle, "89abcdef", 8), "what is applied");
	ok(r.total == 118 && r.ready == 110 && r.progressing == 4 &&
	   r.failed == 3 && r.drifted == 1 && r.fighting == 2, "its counts");
	is_int(r.n_failures, 2, "its failures");
	is_str(r.failures[0].source, "deploy/prod/web.yaml:12", "with lines");
	is_str(r.failures[1].source, "", "or without");
	is_str(r.failures[1].message, "", "and nothing said");
	cluster_failure_line(&r.failures[0], &line);
	is_str(line.data, "deploy/prod/web.yaml:12: Deployment.apps demo/web: "
	       "ImagePullBackOff: Back-off pulling image \"registry/web:2\" "
	       "\xc3\xbc", "a failure as one line");
	buf_reset(&line);
	cluster_failure_line(&r.failures[1], &line);
	is_str(line.data, "(source unknown): Namespace demo: Forbidden",
	       "without what is not known");
	buf_release(&line);
	again = written(&r);
	is_str(again, text, "and written again");
	free(again);
	cluster_report_release(&r);
}

/* The same without failures. */
static char *flawless(const char *in)
{
	return xasprintf("%.*sfailures 0\n",
			 (int)(strstr(in, "failures") - in), in);
}

static void test_least(void)
{
	struct cluster_report r = CLUSTER_REPORT_INIT;
	struct err err = ERR_INIT;
	char *none = swap(text, "applied 1.41 89abcdef0123456789abcdef01234567"
			  "01234567", "applied none");
	char *in = flawless(none), *again;

	ok(!parse(in, &r, &err) && !r.n_failures && !*r.applied_bundle,
	   "nothing applied, nothing wrong %s", err.msg);
	again = written(&r);
	is_str(again, in, "and written again");
	cluster_report_release(&r);
	free(again);
	free(in);
	free(none);
}

static const struct {
	const char *from, *to, *line;
} bad[] = {
	{ "report 1", "report 2", "report: line 1:" },
	{ "windlass", "\xef\xbb\xbfwindlass", "report: line 1:" },
	{ "channel prod", "channel prod.x", "report: line 2:" },
	{ "channel-id 0", "channel-id ", "report: line 3:" },
	{ "channel-id 0", "channel-id A", "report: line 3:" },
	{ "cluster eu-1", "cluster eu_1", "report: line 4:" },
	{ "cluster eu-1", "cluster EU-1", "report: line 4:" },
	{ "cluster eu-1", "cluster ../1", "report: line 4:" },
	{ "cluster eu-1", "cluster -", "report: line 4:" },
	{ "cluster eu-1", "cluster " LABEL63 "4", "report: line 4:" },
	{ "counter 1764459000123", "counter 0", "report: line 5:" },
	/* LIMIT_REPORT_COUNTER is good, as below */
	{ "counter 1764459000123", "counter 9007199254740992",
	  "report: line 5:" },
	{ "counter 1764459000123", "counter 01", "report: line 5:" },
	{ "23:30:00Z", "23:30:60Z", "report: line 6:" },
	{ "epoch 1", "epoch 0", "report: line 7:" },
	{ "sequence 42", "sequence 9223372036854775808", "report: line 8:" },
	{ "bundle 0", "bundle ", "report: line 9:" },
	{ "bundle " HEX40, "bundle 0000000000000000000000000000000000000000",
	  "report: line 9:" },
	{ "phase failed", "phase Failed", "report: line 10:" },
	{ "phase failed", "phase broken", "report: line 10:" },
	{ "23:29:58Z", "23:29:58+00:00", "report: line 11:" },
	{ "applied 1.41 ", "applied 1.41", "report: line 12:" },
	{ "applied 1.41", "applied 1.0", "report: line 12:" },
	{ "applied 1.41", "applied 1", "report: line 12:" },
	{ "applied 1.41", "applied .41", "report: line 12:" },
	{ "applied 1.41 8", "applied 1.41 ", "report: line 12:" },
	{ "applied 1.41 8", "applied 1.41  8", "report: line 12:" },
	{ "applied 1.41 ", "applied none ", "report: line 12:" },
	{ "objects 118", "objects", "report: line 13:" },
	{ "objects 118", "objects 118 1", "report: line 13:" },
	{ "objects 118", "objects +118", "report: line 13:" },
	{ "objects 118 ", "objects 118  ", "report: line 13:" },
	{ "3 1 2\n", "3 1 2 \n", "report: line 13:" },
	/* LIMIT_REPORT_OBJECTS is good, as below */
	{ "objects 118", "objects 2000001", "report: line 13:" },
	{ "stale no", "stale NO", "report: line 14:" },
	{ "stale no", "stale", "report: line 14:" },
	{ "HealthTimeout", "Health Timeout", "report: line 15:" },
	{ "HealthTimeout", "1HealthTimeout", "report: line 15:" },
	{ "HealthTimeout", "-", "report: line 15:" },
	{ "message 2 objects", "message  2 objects", "report: line 16:" },
	{ "not ready\n", "not ready \n", "report: line 16:" },
	{ "not ready\n", "not\xffready\n", "report: line 16:" },
	{ "not ready\n", "not\xe2\x80\xaeready\n", "report: line 16:" },
	{ "not ready\n", "not\xc2\x9bready\n", "report: line 16:" },
	{ "not ready\n", "not\x1bready\n", "report: line 16:" },
	{ "message 2 objects are not ready\n", "message \n",
	  "report: line 16:" },
	{ "failures 2", "failures 1", "report: line 22:" },
	{ "failures 2", "failures 3", "report: line 26:" },
	{ "failures 2", "failures 21", "report: line 17:" },
	{ "failures 2", "failures -1", "report: line 17:" },
	{ "Deployment.apps", "D\xc3\xa9ployment.apps", "report: line 18:" },
	{ "web.yaml:12", "web.yaml", "report: line 19:" },
	{ "web.yaml:12", "web.yaml:0", "report: line 19:" },
	{ "deploy/prod/web.yaml:12", ":12", "report: line 19:" },
	{ "ImagePullBackOff", "ImagePullBackOff!", "report: line 20:" },
	{ "message -\n", "message -", "report: line 25:" },
	{ "message -\n", "message -\n\n", "report: line 26:" },
	{ "message -\n", "message -\r\n", "report: line 25:" },
	{ "epoch 1\nsequence 42\n", "sequence 42\nepoch 1\n",
	  "report: line 7:" },
	{ "stale no\n", "stale no\nstale no\n", "report: line 15:" },
	{ "stale no\n", "", "report: line 14:" },
};

static void test_bad(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *in = swap(text, bad[i].from, bad[i].to);
		struct cluster_report r = { .epoch = 99 };
		struct err err = ERR_INIT;

		if (!ok(*in && parse(in, &r, &err) == -1 && r.epoch == 99 &&
			err.class == ERR_INVALID &&
			!strncmp(err.msg, bad[i].line, strlen(bad[i].line)),
			"bad report %zu: %s", i, err.msg))
			printf("# '%s' for '%s'\n", bad[i].to, bad[i].from);
		free(in);
	}
}

static void good(const char *from, const char *to)
{
	char *in = swap(text, from, to);
	struct cluster_report r = CLUSTER_REPORT_INIT;
	struct err err = ERR_INIT;
	char *again;

	ok(*in && !parse(in, &r, &err), "'%.30s' is fine %s", to, err.msg);
	again = written(&r);
	ok(!strcmp(again, in), "and written again");
	cluster_report_release(&r);
	free(again);
	free(in);
}

static void test_numbers(void)
{
	char at[64];

	snprintf(at, sizeof(at), "counter %llu", LIMIT_REPORT_COUNTER);
	is_str(at, "counter 9007199254740991", "the counter is what it is");
	good("counter 1764459000123", at);
	good("counter 1764459000123", "counter 1");
	snprintf(at, sizeof(at), "objects %u", LIMIT_REPORT_OBJECTS);
	good("objects 118", at);
	good("objects 118 110 4 3 1 2", "objects 0 0 0 0 0 0");
	good("sequence 42", "sequence 9223372036854775807");
	good("applied 1.41", "applied 9223372036854775807.9223372036854775807");
	good("stale no", "stale yes");
	good("cluster eu-1", "cluster " LABEL63);
	for (int i = 0; i < CLUSTER_PHASES; i++) {
		snprintf(at, sizeof(at), "phase %s",
			 cluster_phase_name((enum cluster_phase)i));
		good("phase failed", at);
	}
}

/* A text of `max` bytes in place of `from` is good, one more is not. */
static void at_and_beyond(const char *from, const char *before, size_t max,
			  const char *after)
{
	char *fill = many('x', max - strlen(after));
	char *at = xasprintf("%s%s%s", before, fill, after);
	char *beyond = xasprintf("%sx%s%s", before, fill, after);
	char *in = swap(text, from, beyond);
	struct cluster_report r = { .epoch = 99 };
	struct err err = ERR_INIT;

	good(from, at);
	ok(*in && parse(in, &r, &err) < 0 && r.epoch == 99,
	   "one more is not: %s", err.msg);
	free(fill);
	free(at);
	free(beyond);
	free(in);
}

static void test_texts(void)
{
	at_and_beyond("reason HealthTimeout", "reason ",
		      LIMIT_REPORT_REASON_BYTES, "");
	at_and_beyond("message 2 objects are not ready", "message ",
		      LIMIT_REPORT_MESSAGE_BYTES, "");
	at_and_beyond("failure Namespace demo", "failure ",
		      LIMIT_REPORT_OBJECT_BYTES, "");
	at_and_beyond("at -", "at ", LIMIT_REPORT_SOURCE_BYTES, ":12");
	at_and_beyond("message -", "message ", LIMIT_REPORT_MESSAGE_BYTES,
		      "");
}

/* ---- what the writer makes fit ---- */

static void says(const char *message, const char *want)
{
	struct cluster_report r = CLUSTER_REPORT_INIT;

	cluster_report_set_reason(&r, "Fine", message);
	is_str(r.message, want, "a message is made to fit");
}

static void test_fit(void)
{
	char *at = many('m', LIMIT_REPORT_MESSAGE_BYTES);
	char *beyond = xasprintf("%sx", at);
	char *wide = xasprintf("%s\xc3\xbc", at + 1);
	struct cluster_report r = CLUSTER_REPORT_INIT;

	says("two\nlines\tand \x1b[31m red", "two lines and  [31m red");
	says("  spaces  ", "spaces");
	says(NULL, "");
	says("-", "");
	says("\xff\xfe", "");
	says("a\xe2\x80\xae" "b\xff" "c", "a b c");
	says(at, at);
	says(beyond, at);
	says(wide, at + 1);
	cluster_report_set_reason(&r, "2 Bad-reason", NULL);
	is_str(r.reason, "Badreason", "so is a reason");
	cluster_report_set_reason(&r, "", NULL);
	is_str(r.reason, "Unknown", "and one that nobody gave");
	free(at);
	free(beyond);
	free(wide);
}

static void test_fit_failures(void)
{
	struct cluster_report r = CLUSTER_REPORT_INIT;
	char *path = many('p', LIMIT_REPORT_SOURCE_BYTES - 2);
	char *at = xasprintf("%s:1", path), *beyond = xasprintf("x%s", at);

	cluster_report_add_failure(&r, "Pod d\xc3\xa9mo/x", at, NULL, "a\nb");
	is_str(r.failures[0].object, "Pod d??mo/x", "an object is ASCII");
	is_str(r.failures[0].source, at, "the longest source is taken");
	is_str(r.failures[0].reason, "Unknown", "a reason is there");
	is_str(r.failures[0].message, "a b", "a message is one line");
	cluster_report_add_failure(&r, NULL, beyond, "A", NULL);
	is_str(r.failures[1].source, "", "one that is longer is left out");
	cluster_report_add_failure(&r, "x", "no line", "A", "");
	is_str(r.failures[2].source, "", "and one without a line");
	for (int i = 0; i < LIMIT_REPORT_FAILURES; i++)
		cluster_report_add_failure(&r, "x", "", "A", "");
	is_int(r.n_failures, LIMIT_REPORT_FAILURES, "no more than 20");
	cluster_report_release(&r);
	free(path);
	free(at);
	free(beyond);
}

/* Everything as long as it may be has room beside any signature. */
static void test_largest(void)
{
	char *long_text = many('x', LIMIT_PATH_BYTES);
	char *path = many('p', LIMIT_REPORT_SOURCE_BYTES - 5);
	char *source = xasprintf("%s:1234", path), *in = flawless(text), *out;
	struct cluster_report r = CLUSTER_REPORT_INIT, back;
	struct err err = ERR_INIT;

	if (!ok(!parse(in, &r, &err), "a report without failures"))
		return;
	memcpy(r.channel, LABEL63, sizeof(LABEL63));
	memcpy(r.cluster, LABEL63, sizeof(LABEL63));
	r.counter = LIMIT_REPORT_COUNTER;
	r.epoch = r.sequence = LIMIT_SEQUENCE;
	r.applied_epoch = r.applied_sequence = LIMIT_SEQUENCE;
	r.total = r.ready = r.progressing = r.failed = UINT64_MAX;
	r.drifted = r.fighting = UINT64_MAX;
	cluster_report_set_reason(&r, long_text, long_text);
	for (int i = 0; i < LIMIT_REPORT_FAILURES; i++)
		cluster_report_add_failure(&r, long_text, source, long_text,
					   long_text);
	out = written(&r);
	ok(*out && strlen(out) + LIMIT_ARMOUR_BYTES <= LIMIT_REPORT_BYTES,
	   "the largest report has %zu bytes", strlen(out));
	ok(!parse(out, &back, &err), "and is read %s", err.msg);
	is_int(back.total, LIMIT_REPORT_OBJECTS, "counts are cut");
	cluster_report_release(&back);
	cluster_report_release(&r);
	free(out);
	free(in);
	free(long_text);
	free(path);
	free(source);
}

/* ---- the signature ---- */

static void sign(const struct softkey *k, const char *namespace,
		 const char *msg, struct buf *out)
{
	struct buf blob = BUF_INIT(4096);

	buf_adds(out, msg);
	softkey_blob(k, &(struct softsig){ 0 }, namespace, msg, strlen(msg),
		     &blob);
	softkey_armour(&blob, 70, out);
	buf_release(&blob);
}

static void trust_line(struct buf *out, const char *principal,
		       const char *options, const struct softkey *k)
{
	buf_addf(out, "%s namespaces=\"" TRUST_REPORTERS "\"%s ", principal,
		 options);
	sshkey_write_text(&k->key, out);
	buf_addc(out, '\n');
}

/* 0, or the class of what is wrong. */
static int open_signed(const struct trust *t, const struct softkey *k,
		       const char *namespace, const char *msg, int64_t now,
		       struct err *err)
{
	struct buf b = BUF_INIT(2 * LIMIT_REPORT_BYTES);
	struct cluster_report r;
	int rc;

	sign(k, namespace, msg, &b);
	rc = cluster_report_open(b.data, b.len, t, now, &r, err);
	if (!rc)
		cluster_report_release(&r);
	buf_release(&b);
	return rc ? (int)err->class : 0;
}

static void test_open(void)
{
	struct softkey eu, us, stranger;
	struct buf file = BUF_INIT(LIMIT_TRUST_BYTES);
	struct trust t = TRUST_INIT;
	struct err err = ERR_INIT;
	char *other = swap(text, "cluster eu-1", "cluster us-1");

	softkey_make(&eu, 1, NULL);
	softkey_make(&us, 2, NULL);
	softkey_make(&stranger, 3, NULL);
	trust_line(&file, "eu-1", "", &eu);
	trust_line(&file, "us-1", ",valid-before=\"20270101000000Z\"", &us);
	if (!ok(!trust_parse(file.data, file.len, TRUST_REPORTERS, &t, &err),
		"a list of reporters %s", err.msg))
		return;
	is_int(open_signed(&t, &eu, TRUST_REPORTERS, text, 1, &err), 0,
	       "a cluster's own report");
	is_int(open_signed(&t, &us, TRUST_REPORTERS, other, 1, &err), 0,
	       "and that of another one");
	is_int(open_signed(&t, &us, TRUST_REPORTERS, other, 1798761601, &err),
	       ERR_DENIED, "whose key has expired by then");
	is_int(open_signed(&t, &us, TRUST_REPORTERS, other, TRUST_ANY_TIME,
			   &err), 0, "which does not matter at any time");
	is_int(open_signed(&t, &us, TRUST_REPORTERS, text, 1, &err), ERR_DENIED,
	       "a cluster that speaks for another one");
	is_str(err.msg, "report of 'eu-1' is signed by the key of 'us-1'",
	       "is told so");
	is_int(open_signed(&t, &stranger, TRUST_REPORTERS, text, 1, &err), ERR_DENIED,
	       "a key that is not listed");
	is_int(open_signed(&t, &eu, "git", text, 1, &err), ERR_DENIED,
	       "a signature for something else");
	is_int(open_signed(&t, &eu, TRUST_REPORTERS, "x\n", 1, &err), ERR_INVALID,
	       "something else that is signed");
	trust_release(&t);
	buf_release(&file);
	free(other);
}

static void test_split(void)
{
	static const char sig[] = SSHSIG_BEGIN "\nAAAA\n" SSHSIG_END "\n";
	char *big = many('x', LIMIT_REPORT_BYTES + 1);
	size_t len = 7;
	struct err err = ERR_INIT;

	big[LIMIT_REPORT_BYTES - strlen(sig)] = '\n';
	memcpy(big + LIMIT_REPORT_BYTES + 1 - strlen(sig), sig, strlen(sig));
	is_int(cluster_report_split(big, LIMIT_REPORT_BYTES + 1, &len, &err),
	       -1, "one byte beyond the limit");
	is_str(err.msg, "report is larger than 65536 bytes", "is told so");
	is_int(cluster_report_split(big + 1, LIMIT_REPORT_BYTES, &len, &err),
	       0, "a report at the limit");
	is_int(cluster_report_split(text, strlen(text), &len, &err), -1,
	       "one without a signature");
	free(big);
}

/* What is accepted of a changed text is written back to the same bytes. */
static void test_every_byte(void)
{
	size_t len = strlen(text), cut = 0, lossy = 0, accepted = 0;
	char *in = xstrdup(text), *again;
	struct cluster_report r;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < len; i++) {
		if (!cluster_report_parse(in, i, &r, &err)) {
			cut++;
			cluster_report_release(&r);
		}
		for (int x = 1; x < 256; x++) {
			in[i] = (char)((unsigned char)text[i] ^ x);
			if (cluster_report_parse(in, len, &r, &err))
				continue;
			accepted++;
			again = written(&r);
			lossy += strlen(again) != len ||
				 memcmp(again, in, len);
			free(again);
			cluster_report_release(&r);
		}
		in[i] = text[i];
	}
	ok(accepted && !lossy, "%zu changed reports are read, each back to "
	   "its bytes", accepted);
	is_int(cut, 0, "no truncated report is read");
	free(in);
}

int main(void)
{
	test_parse();
	test_least();
	test_bad();
	test_numbers();
	test_texts();
	test_fit();
	test_fit_failures();
	test_largest();
	test_open();
	test_split();
	test_every_byte();
	return tap_done();
}
