/*
 * Public keys and private key files.
 */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/keyfile.h"
#include "t/unit/softkey.h"
#include "t/unit/tap.h"

/* made by ssh-keygen 9.2 */
#define STOCK "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINF9xGkj3HU5aKL7fk/tWiGU" \
	      "ONJ1kY5E+gzPZhFVFr/s"

static int parse(const char *text, struct sshkey *k)
{
	struct err err = ERR_INIT;
	int rc = sshkey_parse_text(text, strlen(text), k, &err);

	if (rc && err.class != ERR_DENIED)
		return -2;
	return rc;
}

static void test_text(void)
{
	static const char *const bad[] = {
		"", "ssh-ed25519", "ssh-ed25519 ", "ssh-ed25519  AAAA",
		" " STOCK, STOCK "=", STOCK "\r\n", STOCK "\n\n",
		STOCK " a\nb", STOCK "\t", "SSH-ED25519 AAAA",
		"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQ==",
		"ssh-ed25519-cert-v01@openssh.com AAAA",
		"sk-ssh-ed25519@openssh.com AAAAC3NzaC1lZDI1NTE5AAAAINF9xGkj3H"
		"U5aKL7fk/tWiGUONJ1kY5E+gzPZhFVFr/s",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINF9xGkj3HU5aKL7fk/tWiGU"
		"ONJ1kY5E+gzPZhFVFr/sAA==",
	};
	struct buf b = BUF_INIT(1000);
	struct sshkey k = { 0 };

	ok(!parse(STOCK, &k) && k.type == SSHKEY_ED25519 && k.pk[0] == 0xd1,
	   "a stock public key is read");
	sshkey_write_text(&k, &b);
	is_str(b.data, STOCK, "and written again");
	buf_reset(&b);
	sshkey_fingerprint(&k, &b);
	is_str(b.data, "SHA256:mEQfqNsOTvVf9J758tbh9o9+e7sK2rkdvBSwUWYcdcU",
	       "with ssh-keygen's fingerprint");
	ok(!parse(STOCK " some one@example\n", &k), "a comment is fine");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		is_int(parse(bad[i], &k), -1, "a bad public key");
	buf_release(&b);
}

/* Puts 32 bytes where a key's are; true if that is taken as a key. */
static bool taken(const uint8_t pk[32])
{
	struct sshkey k = { .type = SSHKEY_ED25519 }, out;
	struct buf b = BUF_INIT(200);
	struct err err = ERR_INIT;
	bool good;

	memcpy(k.pk, pk, 32);
	sshkey_write_blob(&k, &b);
	good = !sshkey_parse_blob((uint8_t *)b.data, b.len, &out, &err);
	buf_release(&b);
	return good;
}

/* Points of small order, by libsodium's own list. */
static const char *const small[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

static void test_points(void)
{
	struct softkey k;
	uint8_t p[32], q[32];
	size_t bad = 0, mixed = 0;

	softkey_make(&k, 1, NULL);
	ok(taken(k.key.pk), "an honest point is taken");
	for (size_t i = 0; i < ARRAY_SIZE(small); i++) {
		sodium_hex2bin(p, 32, small[i], 64, NULL, NULL, NULL);
		bad += taken(p);
		if (i != 1 && !crypto_core_ed25519_add(q, k.key.pk, p)) {
			mixed++;
			bad += taken(q);
		}
		p[31] |= 0x80;
		bad += taken(p);
	}
	ok(!bad && mixed >= 2, "no point of small order is, nor one with "
	   "such a part");
	bad = 0;
	for (int y = 0; y < 19; y++) {		/* y + p, both signs */
		memset(p, 0xff, 32);
		p[0] = (uint8_t)(0xed + y);
		p[31] = 0x7f;
		bad += taken(p);
		p[31] = 0xff;
		bad += taken(p);
	}
	is_int(bad, 0, "attack-26 no second encoding of a point is");
	memset(p, 0, 32);
	p[0] = 2;
	ok(!taken(p), "nor a y that is not on the curve");
}

static void test_blob(void)
{
	struct softkey k;
	struct buf b = BUF_INIT(200), wrong = BUF_INIT(400);
	struct sshkey out;
	struct err err = ERR_INIT;
	size_t bad = 0;

	softkey_make(&k, 2, "ssh:");
	sshkey_write_blob(&k.key, &b);
	is_int(b.len, 74, "an SK blob has its length");
	ok(!sshkey_parse_blob((uint8_t *)b.data, b.len, &out, &err) &&
	   sshkey_equal(&out, &k.key), "and is read");
	for (size_t i = 0; i < b.len; i++)
		bad += !sshkey_parse_blob((uint8_t *)b.data, i, &out, &err);
	is_int(bad, 0, "but not when cut");
	buf_addc(&b, 0);
	ok(sshkey_parse_blob((uint8_t *)b.data, b.len, &out, &err),
	   "nor with a byte more");
	memset(k.key.application, 'a', sizeof(k.key.application) - 1);
	buf_reset(&b);
	sshkey_write_blob(&k.key, &b);
	ok(!sshkey_parse_blob((uint8_t *)b.data, b.len, &out, &err),
	   "an application of 63 bytes");
	sshw_text(&wrong, "sk-ssh-ed25519@openssh.com");
	sshw_string(&wrong, k.key.pk, 32);
	sshw_string(&wrong, b.data, 64);
	ok(sshkey_parse_blob((uint8_t *)wrong.data, wrong.len, &out, &err),
	   "one of 64");
	buf_truncate(&wrong, 66);
	sshw_text(&wrong, "");
	ok(sshkey_parse_blob((uint8_t *)wrong.data, wrong.len, &out, &err),
	   "one of none");
	buf_truncate(&wrong, 66);
	sshw_string(&wrong, "ssh:\0", 5);
	ok(sshkey_parse_blob((uint8_t *)wrong.data, wrong.len, &out, &err),
	   "one with a NUL");
	softkey_make(&k, 2, "ssh:other");
	ok(!sshkey_equal(&out, &k.key), "another application, another key");
	buf_release(&wrong);
	buf_release(&b);
}

/* ---- private key files ---- */

/* What a key file is made of; zero is an honest one. */
struct keyfile {
	const char *cipher, *kdf, *options, *type;
	uint32_t keys, check;	/* added to 1 key, to the second check */
	uint8_t pub, pk, sk;	/* put into a byte of each */
	const char *padding;
	const char *begin, *end;
};

static char dir[] = "/tmp/windlass-u-sshkey-XXXXXX";
static char path[64];

static void make_private(const struct keyfile *f, const struct softkey *k,
			 struct buf *out)
{
	struct softkey x = *k;

	x.key.pk[5] ^= f->pk;
	x.secret[40] ^= f->sk;
	sshw_u32(out, 0x12345678);
	sshw_u32(out, 0x12345678 + f->check);
	sshw_text(out, f->type ? f->type : "ssh-ed25519");
	sshw_string(out, x.key.pk, 32);
	sshw_string(out, x.secret, 64);
	sshw_text(out, "someone");
	buf_adds(out, f->padding ? f->padding : "\1\2\3\4\5\6");
}

static void make_text(const struct keyfile *f, struct buf *out)
{
	struct buf bin = BUF_INIT(4096), private = BUF_INIT(4096);
	struct buf blob = BUF_INIT(4096), b64 = BUF_INIT(8192);
	struct softkey k;

	softkey_make(&k, 3, NULL);
	make_private(f, &k, &private);
	k.key.pk[3] ^= f->pub;
	sshkey_write_blob(&k.key, &blob);
	buf_add(&bin, "openssh-key-v1", 15);
	sshw_text(&bin, f->cipher ? f->cipher : "none");
	sshw_text(&bin, f->kdf ? f->kdf : "none");
	sshw_text(&bin, f->options ? f->options : "");
	sshw_u32(&bin, 1 + f->keys);
	sshw_string(&bin, blob.data, blob.len);
	sshw_string(&bin, private.data, private.len);
	base64_encode(&b64, bin.data, bin.len);
	buf_adds(out, f->begin ? f->begin :
		 "-----BEGIN OPENSSH PRIVATE KEY-----\n");
	for (size_t i = 0; i < b64.len; i += 70)
		buf_addf(out, "%.*s\n", 70, b64.data + i);
	buf_adds(out, f->end ? f->end :
		 "-----END OPENSSH PRIVATE KEY-----\n");
	buf_release(&b64);
	buf_release(&blob);
	buf_release(&private);
	buf_release(&bin);
}

static void put(const char *name, const void *data, size_t len, mode_t mode)
{
	struct err err = ERR_INIT;

	if (fs_write(AT_FDCWD, name, data, len, mode, &err))
		printf("# %s\n", err.msg);
}

/* Opens the key file; returns the error's text, "" when there is none. */
static const char *try_open(const char *spec)
{
	static struct err err;
	struct signer *s = NULL;

	err_clear(&err);
	if (!signer_open(spec, &s, &err))
		signer_free(s);
	else if (err.class != ERR_INVALID)
		return "wrong class";
	return err.msg;
}

static const char *try_file(const struct keyfile *f)
{
	struct buf text = BUF_INIT(8192);
	const char *msg;

	make_text(f, &text);
	put(path, text.data, text.len, 0600);
	msg = try_open(path);
	buf_release(&text);
	return msg;
}

static void test_keyfile_content(void)
{
	static const struct {
		struct keyfile f;
		const char *error;
	} bad[] = {
		{ { .cipher = "aes256-ctr" }, "passphrase" },
		{ { .kdf = "bcrypt" }, "passphrase" },
		{ { .options = "x" }, "passphrase" },
		{ { .keys = 1 }, "exactly one key" },
		{ { .keys = UINT32_MAX }, "exactly one key" },
		{ { .check = 1 }, "malformed private" },
		{ { .type = "ssh-rsa" }, "malformed private" },
		{ { .padding = "\1\2\3\4\5" }, "malformed private" },
		{ { .padding = "\1\2\3\4\5\7" }, "malformed private" },
		{ { .padding = "\1\2\3\4\5\6\7\10\11\12\13\14\15\16" },
		  "malformed private" },
		{ { .pub = 1 }, "" },
		{ { .pk = 1 }, "do not belong together" },
		{ { .sk = 1 }, "do not belong together" },
		{ { .begin = "-----BEGIN RSA PRIVATE KEY-----\n" },
		  "is not an OpenSSH private key" },
		{ { .begin = " -----BEGIN OPENSSH PRIVATE KEY-----\n" },
		  "is not an OpenSSH private key" },
		{ { .end = "-----END OPENSSH PRIVATE KEY-----\nx\n" },
		  "text after it" },
		{ { .end = "-----END OPENSSH PRIVATE KEY-----" },
		  "no END line" },
		{ { .end = "*\n-----END OPENSSH PRIVATE KEY-----\n" },
		  "not base64" },
	};
	const struct keyfile good = { 0 };

	is_str(try_file(&good), "", "an honest key file is taken");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *msg = try_file(&bad[i].f);

		ok(*msg && strstr(msg, bad[i].error), "bad key file %zu: %s",
		   i, msg);
	}
}

/* No prefix of the binary form, and no text cut anywhere, is a key. */
static void test_keyfile_cut(void)
{
	const struct keyfile good = { 0 };
	struct buf text = BUF_INIT(8192);
	size_t taken_cut = 0;

	make_text(&good, &text);
	for (size_t i = 0; i < text.len; i++) {
		put(path, text.data, i, 0600);
		taken_cut += !*try_open(path);
	}
	is_int(taken_cut, 0, "attack-50 no key file that was cut is taken");
	buf_release(&text);
}

/*
 * Where the base64 of the comment stands in the text: no byte of a key file
 * but these may change without a difference to what is signed with, and by.
 */
static void comment_place(const struct buf *text, size_t *ret_from,
			  size_t *ret_to)
{
	const size_t begin = strlen("-----BEGIN OPENSSH PRIVATE KEY-----\n");
	/* magic, none, none, "", 1, the public half, the private section's
	 * length, its checks, type, public half, secret, the length of the
	 * comment */
	const size_t at = 15 + 8 + 8 + 4 + 4 + (4 + 51) + 4 + 8 + 15 + 36 +
			  68 + 4;
	size_t from = at * 8 / 6, to = ((at + strlen("someone")) * 8 + 5) / 6;

	*ret_from = begin + from + from / 70;
	*ret_to = begin + to + to / 70;
	if (*ret_to > text->len)
		printf("Bail out! a key file of another layout\n");
}

/* Opens the key file; true if that is taken. */
static bool try_secret(const struct softkey *want, size_t *other)
{
	uint8_t *secret = NULL;
	struct err err = ERR_INIT;
	struct sshkey k;

	if (keyfile_read(path, &k, &secret, &err))
		return false;
	if (!sshkey_equal(&k, &want->key) ||
	    memcmp(secret, want->secret, KEYFILE_SECRET_BYTES))
		++*other;
	sodium_free(secret);
	return true;
}

/*
 * A changed byte is refused, but for the comment, which is inside the base64,
 * names nobody and is not read.
 */
static void test_keyfile_bytes(void)
{
	const struct keyfile good = { 0 };
	struct buf text = BUF_INIT(8192);
	size_t outside = 0, inside = 0, other = 0, from, to;
	struct softkey want;
	int fd;

	make_text(&good, &text);
	put(path, text.data, text.len, 0600);
	softkey_make(&want, 3, NULL);
	comment_place(&text, &from, &to);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	for (size_t i = 0; i < text.len; i++) {
		for (int bit = 0; bit < 9; bit++) {
			char c = (char)(text.data[i] ^
					(bit < 8 ? 1 << bit : 0x55));

			if (pwrite(fd, &c, 1, (off_t)i) != 1)
				printf("Bail out! pwrite\n");
			if (try_secret(&want, &other) && (i < from || i >= to))
				outside++;
			else if (i >= from && i < to)
				inside++;
		}
		if (pwrite(fd, text.data + i, 1, (off_t)i) != 1)
			printf("Bail out! pwrite\n");
	}
	close(fd);
	is_int(outside, 0, "attack-50 no byte of a key file can be another "
	       "one");
	ok(inside && !other, "but of its comment, which changes no key");
	ok(try_secret(&want, &other) && !other, "and whole it is good");
	buf_release(&text);
}

static void test_keyfile_size(void)
{
	char *big = xmalloc(LIMIT_KEY_FILE_BYTES + 1);

	memset(big, 'x', LIMIT_KEY_FILE_BYTES + 1);
	put(path, big, LIMIT_KEY_FILE_BYTES + 1, 0600);
	ok(strstr(try_open(path), "larger than 16384"), "a file too large");
	put(path, big, LIMIT_KEY_FILE_BYTES, 0600);
	ok(strstr(try_open(path), "is not an OpenSSH"), "one at the limit is "
	   "looked at");
	free(big);
}

static int sh(const char *command)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* What is written is read again, and by stock ssh-keygen. */
static void test_keyfile_written(void)
{
	char text[KEYFILE_TEXT_BYTES], *command;
	struct buf public = BUF_INIT(200);
	struct signer *s = NULL;
	struct err err = ERR_INIT;
	struct softkey want;
	uint8_t *secret = NULL;
	struct sshkey k;

	softkey_make(&want, 9, NULL);
	for (size_t i = 0; i < 9; i++) {
		/* each length of the padding */
		keyfile_write(want.secret, &"a comment"[i], text);
		ok(!keyfile_parse(text, strlen(text), &k, &secret, &err) &&
		   sshkey_equal(&k, &want.key) &&
		   !memcmp(secret, want.secret, KEYFILE_SECRET_BYTES),
		   "a key is written and read (%zu)", i);
		sodium_free(secret);
		secret = NULL;
	}
	put(path, text, strlen(text), 0600);
	sshkey_write_text(&want.key, &public);
	command = xasprintf("[ \"$(ssh-keygen -y -f '%s' | cut -d' ' -f1,2)\""
			    " = '%s' ]", path, public.data);
	is_int(sh(command), 0, "stock ssh-keygen reads it");
	ok(!signer_from_text(text, strlen(text), &s, &err) &&
	   sshkey_equal(signer_key(s), &want.key), "and so does a signer");
	signer_free(s);
	ok(signer_from_text(text, strlen(text) - 1, &s, &err) < 0 &&
	   strstr(err.msg, "END"), "one that is cut is none");
	free(command);
	buf_release(&public);
}

static void test_keyfile_place(void)
{
	const struct keyfile good = { 0 };
	struct buf text = BUF_INIT(8192);
	char other[96];

	make_text(&good, &text);
	put(path, text.data, text.len, 0600);
	for (unsigned mode = 0601; mode < 0700; mode++) {
		if (mode != 0604 && mode != 0640 && mode != 0620 &&
		    mode != 0610 && mode != 0601 && mode != 0602)
			continue;
		chmod(path, mode);
		ok(strstr(try_open(path), "chmod 600"), "attack-50 mode %o", mode);
	}
	chmod(path, 0400);
	is_str(try_open(path), "", "mode 400 is fine");
	snprintf(other, sizeof(other), "%s/link", dir);
	if (symlink(path, other))
		printf("# no symlink\n");
	ok(strstr(try_open(other), "symbolic link"), "attack-50 a symbolic link");
	ok(strstr(try_open(dir), "not a regular file"), "a folder");
	ok(strstr(try_open("/dev/null"), "not a regular file"), "a device");
	snprintf(other, sizeof(other), "%s/none", dir);
	ok(strstr(try_open(other), "No such file"), "no file");
	ok(*try_open(""), "no name");
	if (geteuid() == 0) {
		if (chown(path, 12345, 12345))
			printf("# no chown\n");
		ok(strstr(try_open(path), "uid 12345"), "another's file");
	} else {
		ok(true, "another's file # SKIP needs root");
	}
	buf_release(&text);
}

static void test_keyfile_in_repository(void)
{
	const struct keyfile good = { 0 };
	static const char *const made[] = { "objects", "refs", "HEAD", ".git" };
	char deep[128], key[160], part[160];
	struct buf text = BUF_INIT(8192);
	struct err err = ERR_INIT;

	make_text(&good, &text);
	snprintf(deep, sizeof(deep), "%s/repo/a/b", dir);
	snprintf(key, sizeof(key), "%s/key", deep);
	fs_mkdirs(deep, 0700, &err);
	put(key, text.data, text.len, 0600);
	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		is_str(try_open(key), "", "no repository yet");
		snprintf(part, sizeof(part), "%s/repo/%s", dir, made[i]);
		fs_mkdirs(part, 0700, &err);
		if (i < 2)
			continue;
		ok(strstr(try_open(key), "inside the Git repository"),
		   "with %s it is one", made[i]);
		rmdir(part);
	}
	buf_release(&text);
}

/* The secret cannot be written to: a child that tries does not survive. */
static void test_guarded(void)
{
	const struct keyfile good = { 0 };
	struct buf text = BUF_INIT(8192);
	struct err err = ERR_INIT;
	struct softkey want;
	uint8_t *secret = NULL;
	struct sshkey k;
	int status = 0;
	pid_t pid;

	make_text(&good, &text);
	put(path, text.data, text.len, 0600);
	softkey_make(&want, 3, NULL);
	if (!ok(!keyfile_read(path, &k, &secret, &err) &&
		sshkey_equal(&k, &want.key) &&
		!memcmp(secret, want.secret, 64), "the secret is read"))
		return;
	pid = fork();
	if (pid == 0) {
		fclose(stderr);
		((volatile uint8_t *)secret)[0] ^= 1;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ok(pid > 0 && status != 0, "into memory that cannot be written");
	sodium_free(secret);
	buf_release(&text);
}

static void test_agent_spec(void)
{
	setenv("SSH_AUTH_SOCK", "/nonexistent", 1);
	is_str(try_open("key::" STOCK " me"), "", "a key in an agent");
	ok(strstr(try_open("key::ssh-rsa AAAA"), "ssh-rsa"), "an RSA key");
	ok(*try_open("key::"), "no key");
	unsetenv("SSH_AUTH_SOCK");
	ok(strstr(try_open("key::" STOCK), "SSH_AUTH_SOCK"), "no agent");
}

int main(void)
{
	struct err err = ERR_INIT;

	if (sodium_init() < 0 || !mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/key", dir);
	test_text();
	test_points();
	test_blob();
	test_keyfile_content();
	test_keyfile_cut();
	test_keyfile_bytes();
	test_keyfile_size();
	test_keyfile_written();
	test_keyfile_place();
	test_keyfile_in_repository();
	test_guarded();
	test_agent_spec();
	fs_remove_tree(dir, &err);
	return tap_done();
}
