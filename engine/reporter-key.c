/*
 * The reporter's key. See reporter-key.h. Whoever can write the Secret could
 * put a key of their own there, and whoever can read it can sign reports:
 * both have the engine's namespace. What stands in it is read as strictly as
 * a key file, and never overwritten: a Git host lists its public half, and
 * what is damaged may be repaired.
 *
 * Of two engines that find the Secret empty one comes first: a patch names
 * the version that it was made from, and who is late reads again.
 */
#include "config.h"
#include "engine/reporter-key.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "engine/channel.h"
#include "engine/kube.h"
#include "schema/base/digest.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/keyfile.h"
#include "schema/object.h"
#include "schema/trust.h"

/* until one that is not there, or of no use, is read again */
#define RETRY_MIN_MS 2000
#define RETRY_MAX_MS (5 * 60 * 1000)
#define PATCH_BYTES (4 * KEYFILE_TEXT_BYTES)
#define KEY_TEXT_BYTES 128

struct reporter_key {
	struct engine *engine;
	void (*on_known)(void *arg);
	void *arg;
	bool named;			/* the cluster's name was given */
	char cluster[LIMIT_CHANNEL_BYTES + 1];
	struct signer *signer;
	char text[KEY_TEXT_BYTES];	/* its public half */
	struct err problem;
	struct kube_call *call;
	struct timer timer;
	int64_t pause;
};

static void read_secret(void *arg);

struct reporter_key *reporter_key_new(struct engine *e, const char *cluster,
				      void (*on_known)(void *arg), void *arg)
{
	struct reporter_key *k = xcalloc(1, sizeof(*k));

	k->engine = e;
	k->on_known = on_known;
	k->arg = arg;
	k->named = cluster != NULL;
	if (cluster)
		snprintf(k->cluster, sizeof(k->cluster), "%s", cluster);
	timer_init(&k->timer, e->loop, read_secret, k);
	return k;
}

void reporter_key_free(struct reporter_key *k)
{
	if (!k)
		return;
	kube_cancel(k->call);
	timer_stop(&k->timer);
	signer_free(k->signer);
	free(k);
}

struct signer *reporter_key_signer(const struct reporter_key *k)
{
	return k ? k->signer : NULL;
}

const char *reporter_key_cluster(const struct reporter_key *k)
{
	return k && k->signer ? k->cluster : "";
}

const char *reporter_key_text(const struct reporter_key *k)
{
	return k ? k->text : "";
}

const char *reporter_key_problem(const struct reporter_key *k)
{
	return k && k->problem.class != ERR_NONE ? k->problem.msg : "";
}

int reporter_take_cluster(void *target, const char *text, struct err *err)
{
	const char **cluster = target;

	if (!is_dns_label(text))
		return err_set(err, ERR_INVALID, "must be a DNS label: at most "
			       "63 lower-case letters, digits and -");
	*cluster = text;
	return 0;
}

void reporter_line(const char *cluster, const char *key, struct buf *out)
{
	buf_addf(out, "%s namespaces=\"" TRUST_REPORTERS "\" %s", cluster,
		 key);
}

static struct kube_target target_of(const struct reporter_key *k)
{
	return (struct kube_target){
		.group = "", .version = "v1", .plural = "secrets",
		.namespace = k->engine->namespace, .name = REPORTER_SECRET,
	};
}

/* ---- what comes of it ---- */

static void try_again(struct reporter_key *k)
{
	k->pause = k->pause ? k->pause * 2 : RETRY_MIN_MS;
	if (k->pause > RETRY_MAX_MS)
		k->pause = RETRY_MAX_MS;
	timer_set(&k->timer, k->pause);
}

/* `what` goes on after the Secret's name. Once for each that is new. */
static void fail(struct reporter_key *k, const char *what)
{
	struct err err = ERR_INIT;

	try_again(k);
	err_set(&err, ERR_TRANSIENT, "Secret '%s/" REPORTER_SECRET "'%s",
		k->engine->namespace, what);
	if (k->problem.class != ERR_NONE && !strcmp(k->problem.msg, err.msg))
		return;
	k->problem = err;
	log_warn("reporter-key-missing", LOG_S("error", err.msg));
	k->on_known(k->arg);
}

static void name_cluster(struct reporter_key *k, const struct sshkey *key)
{
	struct buf blob = BUF_INIT(KEY_TEXT_BYTES);
	struct sha256 d;

	sshkey_write_blob(key, &blob);
	sha256_of(blob.data, blob.len, &d);
	snprintf(k->cluster, sizeof(k->cluster), "cluster-%02x%02x%02x%02x",
		 d.b[0], d.b[1], d.b[2], d.b[3]);
	buf_release(&blob);
}

static void take_key(struct reporter_key *k, struct signer *s)
{
	struct buf text = BUF_INIT(KEY_TEXT_BYTES - 1), line = BUF_INIT(512);

	k->pause = 0;
	err_clear(&k->problem);
	/* it is read each time that we begin to lead */
	if (k->signer && sshkey_equal(signer_key(s), signer_key(k->signer))) {
		signer_free(s);
		return;
	}
	signer_free(k->signer);
	k->signer = s;
	sshkey_write_text(signer_key(s), &text);
	snprintf(k->text, sizeof(k->text), "%s", text.data);
	if (!k->named)
		name_cluster(k, signer_key(s));
	reporter_line(k->cluster, k->text, &line);
	log_info("reporter", LOG_S("cluster", k->cluster),
		 LOG_S("reporters", line.data));
	buf_release(&text);
	buf_release(&line);
	k->on_known(k->arg);
}

/* ---- an empty one is filled ---- */

static void on_filled(void *arg, const struct kube_answer *a)
{
	struct reporter_key *k = arg;

	k->call = NULL;
	if (a->status->why == KUBE_FORBIDDEN)
		fail(k, " is empty and may not be written: `windlass install` "
		     "of this version gives the engine the right to; until "
		     "then it sends no reports");
	else if (a->err && a->status->why != KUBE_STALE)
		fail(k, " cannot be written");
	else
		/* what counts is what is stored */
		read_secret(k);
}

/* The merge patch that puts a new key there, in guarded memory; NULL if there
 * is none. */
static char *make_patch(const char *version)
{
	uint8_t *secret = sodium_malloc(KEYFILE_SECRET_BYTES), pk[32];
	char *text = sodium_malloc(KEYFILE_TEXT_BYTES);
	char *b64 = sodium_malloc(2 * KEYFILE_TEXT_BYTES);
	char *patch = sodium_malloc(PATCH_BYTES);
	struct buf quoted = BUF_INIT(256);

	json_write_string(version, strlen(version), &quoted);
	if (secret && text && b64 && patch) {
		crypto_sign_keypair(pk, secret);
		keyfile_write(secret, REPORTER_SECRET, text);
		sodium_bin2base64(b64, 2 * KEYFILE_TEXT_BYTES,
				  (uint8_t *)text, strlen(text),
				  sodium_base64_VARIANT_ORIGINAL);
		snprintf(patch, PATCH_BYTES, "{\"metadata\":"
			 "{\"resourceVersion\":%s},\"data\":"
			 "{\"" REPORTER_SECRET_KEY "\":\"%s\"}}",
			 quoted.data, b64);
	} else {
		sodium_free(patch);
		patch = NULL;
	}
	sodium_free(secret);
	sodium_free(text);
	sodium_free(b64);
	buf_release(&quoted);
	return patch;
}

static void fill(struct reporter_key *k, const char *version)
{
	struct kube_request q = {
		.method = "PATCH", .target = target_of(k),
		.content_type = KUBE_MERGE_PATCH, .as = KUBE_AS_METADATA,
		.on_done = on_filled, .arg = k,
	};
	char *patch = make_patch(version);
	struct err err = ERR_INIT;

	q.body = patch;
	q.body_len = patch ? strlen(patch) : 0;
	if (!patch)
		fail(k, ": no guarded memory for a key");
	else if (kube_send(k->engine->kube, &q, &k->call, &err) < 0)
		fail(k, " cannot be written");
	sodium_free(patch);
}

/* ---- reading ---- */

static int parse(const char *b64, struct signer **ret, struct err *err)
{
	char *text = sodium_malloc(LIMIT_KEY_FILE_BYTES);
	size_t len;
	int rc;

	if (!text)
		return err_set(err, ERR_INTERNAL, "no guarded memory");
	if (sodium_base642bin((uint8_t *)text, LIMIT_KEY_FILE_BYTES, b64,
			      strlen(b64), NULL, &len, NULL,
			      sodium_base64_VARIANT_ORIGINAL))
		rc = err_set(err, ERR_INVALID, "is longer than a key");
	else
		rc = signer_from_text(text, len, ret, err);
	sodium_free(text);
	return rc;
}

static void take_secret(struct reporter_key *k, const struct node *object)
{
	const char *version = node_path_str(object, "metadata",
					    "resourceVersion", NULL);
	const struct node *data = node_get(object, "data");
	const char *b64 = node_path_str(object, "data", REPORTER_SECRET_KEY,
					NULL);
	struct err err = ERR_INIT;
	struct signer *s;
	char *why;

	if (!data || data->type != NODE_MAP || !data->n) {
		fill(k, version ? version : "");
		return;
	}
	if (b64 && parse(b64, &s, &err) == 0) {
		take_key(k, s);
		return;
	}
	why = xasprintf(" is damaged: its key " REPORTER_SECRET_KEY " %s; "
			"put the right one back, or take all keys out of the "
			"Secret so that a new one is made, which Git hosts "
			"must be told; until then no reports are sent",
			b64 ? err.msg : "is not there");
	fail(k, why);
	free(why);
}

static void on_read(void *arg, const struct kube_answer *a)
{
	struct reporter_key *k = arg;
	struct arena scratch = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *object;

	k->call = NULL;
	if (a->status->why == KUBE_NOT_FOUND)
		fail(k, " is not there: `windlass install` of this version "
		     "makes it; until then no reports are sent");
	else if (a->status->why == KUBE_FORBIDDEN)
		fail(k, " may not be read: `windlass install` gives the "
		     "engine the right to; until then no reports are sent");
	else if (a->err ||
		 kube_answer_object(a, &scratch, &object, &err) < 0)
		fail(k, " cannot be read");
	else
		take_secret(k, object);
	arena_wipe(&scratch);
}

static void read_secret(void *arg)
{
	struct reporter_key *k = arg;
	struct kube_request q = {
		.method = "GET", .target = target_of(k),
		.on_done = on_read, .arg = k,
	};
	struct err err = ERR_INIT;

	if (k->call || !k->engine->leading)
		return;
	if (kube_send(k->engine->kube, &q, &k->call, &err) < 0)
		fail(k, " cannot be read");
}

void reporter_key_lead(struct reporter_key *k)
{
	if (k->engine->leading) {
		k->pause = 0;
		read_secret(k);
		return;
	}
	kube_cancel(k->call);
	k->call = NULL;
	timer_stop(&k->timer);
}
