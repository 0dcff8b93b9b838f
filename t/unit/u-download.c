/*
 * What is fetched by its digest, an index, a pack or the approvals, from a
 * real server that changes each byte and cuts at each: no such file is taken,
 * by whatever reads it. (What a good digest does not save from, u-packscan,
 * u-index and u-approval have.)
 */
#include "config.h"
#include "engine/fetch.h"

#include <sodium.h>
#include <stdlib.h>

#include "schema/index.h"
#include "t/unit/http-server.h"
#include "t/unit/tap.h"

#define HEX40 "0123456789abcdef0123456789abcdef01234567"
#define HEX64 "0123456789abcdef0123456789abcdef" \
	      "0123456789abcdef0123456789abcdef"

static struct loop *l;
static struct http *h;
static struct downloads *all;
static int port;

struct got {
	bool done, good, whole;
	size_t bytes;
	struct err err;
};

static int on_data(void *arg, const char *data, size_t len, struct err *err)
{
	struct got *g = arg;

	g->bytes += len;
	return 0;
}

static void on_done(void *arg, const struct err *err)
{
	struct got *g = arg;

	g->done = true;
	g->good = !err;
	if (err)
		g->err = *err;
	loop_stop(l);
}

static void give_up(void *arg)
{
	loop_stop(l);
}

/* The file, by what is stated about it, from where `how` says. */
static void get(const char *how, const struct pack_ref *what, struct got *g)
{
	struct download_ops ops = { on_data, on_done, g };
	struct source_settings s = { .name = "prod" };
	struct download *d = NULL;
	struct timer t;
	char url[64];

	*g = (struct got){ .err = ERR_INIT };
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/%s", port, how);
	s.url = url;
	if (download_start(all, &s, what, &ops, &d, &g->err) < 0)
		return;
	timer_init(&t, l, give_up, NULL);
	timer_set(&t, 10000);
	if (loop_run(l, &g->err) < 0)
		printf("Bail out! %s\n", g->err.msg);
	timer_stop(&t);
	if (!g->done)
		download_cancel(d);
}

/* Every byte of server_file by nine other values, and every cut. */
static void test_file(const char *what)
{
	size_t taken = 0, cut = 0, odd = 0;
	struct pack_ref ref = { .bytes = server_file.len };
	struct err err = ERR_INIT;
	struct got g;
	char how[32];
	pid_t pid = server_start(&port);

	if (http_new(l, 10, &h, &err) < 0)
		printf("Bail out! %s\n", err.msg);
	all = downloads_new(l, h);
	sha256_of(server_file.data, server_file.len, &ref.digest);
	get("flip/0/0", &ref, &g);
	ok(g.good && g.bytes == ref.bytes, "%s, as it is stated %s", what,
	   g.err.msg);
	for (size_t i = 0; i < server_file.len; i++) {
		for (int bit = 0; bit < 9; bit++) {
			snprintf(how, sizeof(how), "flip/%zu/%d", i,
				 bit < 8 ? 1 << bit : 0x55);
			get(how, &ref, &g);
			taken += g.good;
			odd += g.err.class != ERR_DENIED;
		}
		snprintf(how, sizeof(how), "cut/%zu", i);
		get(how, &ref, &g);
		cut += g.good;
		odd += g.err.class != ERR_DENIED;
	}
	ok(!taken && !cut, "attack-01 %s: %zu changed and %zu cut ones are "
	   "taken", what, taken, cut);
	is_int(odd, 0, "each is refused as what it is");
	downloads_free(all);
	http_free(h);
	server_stop(pid);
}

static void make_index(void)
{
	buf_adds(&server_file, "base " HEX40 " sha256:" HEX64 " 1000\n"
		 "delta " HEX40 " 89abcdef0123456789abcdef0123456701234567 "
		 "sha256:" HEX64 " 10\n");
}

/* A pack of one blob, as git writes it; the indexer is never asked. */
static void make_pack(void)
{
	static const uint8_t pack[] = {
		'P', 'A', 'C', 'K', 0, 0, 0, 2, 0, 0, 0, 1, 0x36, 0x78, 0x9c,
		0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xe7, 0x02, 0x00, 0x08, 0x4b,
		0x02, 0x1f,
	};
	uint8_t id[crypto_hash_sha256_BYTES];

	buf_add(&server_file, pack, sizeof(pack));
	crypto_hash_sha256(id, pack, sizeof(pack));
	buf_add(&server_file, id, 20);
}

int main(void)
{
	struct err err = ERR_INIT;

	if (sodium_init() < 0 || loop_new(&l, &err) < 0) {
		printf("Bail out! %s\n", err.msg);
		return 1;
	}
	make_index();
	test_file("an index");
	buf_reset(&server_file);
	make_pack();
	test_file("a pack");
	loop_free(l);
	buf_release(&server_file);
	return tap_done();
}
