/*
 * Private key files. See keyfile.h. Trusted is the machine's administrator;
 * not trusted are other users of the machine, so a file that anybody else
 * could have read or replaced is refused, and so is one inside a repository,
 * from where a push or a clone could carry it away. Whatever held a part of
 * the secret is guarded memory and wiped. An engine's key comes from a Secret
 * in the same form, so that ssh-keygen reads it.
 */
#include "config.h"
#include "schema/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/sshwire.h"

#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----\n"
#define END "\n-----END OPENSSH PRIVATE KEY-----\n"
#define MAGIC "openssh-key-v1"	/* with its NUL */
#define BLOCK 8			/* padding goes to a multiple of this */
#define LINE_BYTES 48		/* 64 characters; a multiple of 3 */

/* ---- the file ---- */

static bool is_repository(const char *dir)
{
	static const char *const parts[] = { "HEAD", "objects", "refs" };
	char *path = xasprintf("%s/.git", dir);
	bool found = fs_exists(AT_FDCWD, path);
	size_t have = 0;

	free(path);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		path = xasprintf("%s/%s", dir, parts[i]);
		have += fs_exists(AT_FDCWD, path);
		free(path);
	}
	return found || have == ARRAY_SIZE(parts);
}

/* The real path of what there is of it. Malloced, or NULL. */
static char *existing(const char *path)
{
	char *part = xstrdup(path), *real, *slash;

	while (!(real = realpath(*part ? part : "/", NULL)) &&
	       errno == ENOENT && (slash = strrchr(part, '/')))
		*slash = '\0';
	free(part);
	return real;
}

int keyfile_check_place(const char *path, struct err *err)
{
	char *real = existing(path), *slash;
	struct stat st;
	int rc = 0;

	if (!real)
		return err_sys(err, "cannot resolve key file '%s'", path);
	/* a folder, where the file is not there yet, counts too */
	for (bool up = stat(real, &st) < 0 || !S_ISDIR(st.st_mode); !rc;
	     up = true) {
		slash = strrchr(real, '/');
		if (up && !slash)
			break;
		if (up)
			*slash = '\0';
		if (is_repository(real))
			rc = err_set(err, ERR_INVALID, "key file '%s' is "
				     "inside the Git repository '%s': keep it "
				     "where no push or clone can reach it",
				     path, *real ? real : "/");
	}
	free(real);
	return rc;
}

static int check_stat(const char *what, const char *path,
		      const struct stat *st, struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, ERR_INVALID,
			       "%s '%s' is not a regular file", what, path);
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return err_set(err, ERR_INVALID, "%s '%s' belongs to "
			       "another user (uid %u): chown it", what, path,
			       (unsigned)st->st_uid);
	if (st->st_mode & 077)
		return err_set(err, ERR_INVALID, "%s '%s' can be "
			       "accessed by others (mode %04o): chmod 600 it",
			       what, path, (unsigned)st->st_mode & 07777);
	if (st->st_size > LIMIT_KEY_FILE_BYTES)
		return err_set(err, ERR_INVALID,
			       "%s '%s' is larger than %d bytes", what, path,
			       LIMIT_KEY_FILE_BYTES);
	return 0;
}

int keyfile_open(const char *path, const char *what, int *ret_fd,
		 struct err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == ELOOP)
		return err_set(err, ERR_INVALID, "%s '%s' is a symbolic "
			       "link: name the file itself", what, path);
	if (fd < 0) {
		err_sys(err, "cannot open %s '%s'", what, path);
		err->class = ERR_INVALID;
		return -1;
	}
	if (fstat(fd, &st) < 0)
		err_sys(err, "cannot stat %s '%s'", what, path);
	else if (!check_stat(what, path, &st, err) &&
		 !keyfile_check_place(path, err)) {
		*ret_fd = fd;
		return 0;
	}
	close(fd);
	return -1;
}

/* Reads into guarded memory; not through a buffer that grows and copies. */
static int read_text(int fd, const char *path, char *text, size_t size,
		     size_t *ret_len, struct err *err)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, text + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "cannot read key file '%s'", path);
		if (n == 0) {
			*ret_len = len;
			return 0;
		}
		len += (size_t)n;
	}
	return err_set(err, ERR_INVALID,
		       "key file '%s' is larger than %d bytes", path,
		       LIMIT_KEY_FILE_BYTES);
}

/* ---- its content; errors have no path yet ---- */

static int broken(struct err *err, const char *what)
{
	return err_set(err, ERR_INVALID, "%s", what);
}

/* The text between BEGIN and END, to bytes in guarded memory. */
static int decode(const char *text, size_t len, uint8_t *bin, size_t size,
		  size_t *ret_len, struct err *err)
{
	const size_t begin = strlen(BEGIN), end = strlen(END);

	if (len < begin + end || memcmp(text, BEGIN, begin))
		return broken(err, "is not an OpenSSH private key: make one "
			      "with ssh-keygen -t ed25519 -N ''");
	if (memcmp(text + len - end, END, end))
		return broken(err, "has no END line or text after it");
	if (sodium_base642bin(bin, size, text + begin, len - begin - end,
			      "\n", ret_len, NULL,
			      sodium_base64_VARIANT_ORIGINAL))
		return broken(err, "is not base64 between BEGIN and END");
	return 0;
}

static bool padding_ok(const struct sshr *r, size_t total)
{
	if (total % BLOCK || r->len >= BLOCK)
		return false;
	for (size_t i = 0; i < r->len; i++)
		if (r->p[i] != i + 1)
			return false;
	return true;
}

/* The private section: two equal check numbers, the key, comment, padding. */
static int read_private(struct sshr r, const struct sshkey *key,
			uint8_t *secret, struct err *err)
{
	const size_t total = r.len;
	uint32_t one = sshr_u32(&r), two = sshr_u32(&r);
	bool type = sshr_expect(&r, sshkey_type_name(key->type));
	const uint8_t *pk = sshr_fixed(&r, sizeof(key->pk));
	const uint8_t *sk = sshr_fixed(&r, KEYFILE_SECRET_BYTES);
	uint8_t again[32];

	sshr_string(&r);
	if (r.bad || !type || one != two || !padding_ok(&r, total))
		return broken(err, "has a malformed private section");
	/* a wrong public half would leak the secret with the first signature */
	crypto_sign_seed_keypair(again, secret, sk);
	if (memcmp(again, pk, 32) || memcmp(again, key->pk, 32) ||
	    sodium_memcmp(secret, sk, KEYFILE_SECRET_BYTES))
		return broken(err, "has public and private halves that do not "
			      "belong together");
	return 0;
}

static int read_key(const uint8_t *bin, size_t len, struct sshkey *ret_key,
		    uint8_t *secret, struct err *err)
{
	struct sshr r = SSHR_INIT(bin, len);
	const uint8_t *magic = sshr_bytes(&r, sizeof(MAGIC));
	struct sshr cipher = sshr_string(&r), kdf = sshr_string(&r);
	struct sshr options = sshr_string(&r), pub, private;
	uint32_t n = sshr_u32(&r);

	if (!magic || memcmp(magic, MAGIC, sizeof(MAGIC)) || r.bad)
		return broken(err, "is not in the format openssh-key-v1");
	if (!sshr_is(&cipher, "none") || !sshr_is(&kdf, "none") ||
	    options.len)
		return broken(err, "is protected by a passphrase: add it to "
			      "ssh-agent (ssh-add) and use key::ssh-ed25519 "
			      "with its public half, or make one without");
	pub = sshr_string(&r);
	private = sshr_string(&r);
	if (n != 1 || !sshr_done(&r))
		return broken(err, "does not hold exactly one key");
	if (sshkey_parse_blob(pub.p, pub.len, ret_key, err) < 0) {
		err->class = ERR_INVALID;
		return -1;
	}
	if (ret_key->type != SSHKEY_ED25519)
		return broken(err, "belongs to a security key: add it to "
			      "ssh-agent (ssh-add) and use key:: with its "
			      "public half");
	return read_private(private, ret_key, secret, err);
}

int keyfile_parse(const char *text, size_t len, struct sshkey *ret_key,
		  uint8_t **ret_secret, struct err *err)
{
	const size_t size = LIMIT_KEY_FILE_BYTES + 1;
	uint8_t *bin = sodium_malloc(size);
	uint8_t *secret = sodium_malloc(KEYFILE_SECRET_BYTES);
	size_t bin_len = 0;
	struct sshkey key;
	int rc = -1;

	if (!bin || !secret) {
		err_set(err, ERR_INTERNAL, "no guarded memory for a key");
	} else if (decode(text, len, bin, size, &bin_len, err) == 0 &&
		   read_key(bin, bin_len, &key, secret, err) == 0) {
		sodium_mprotect_readonly(secret);
		*ret_key = key;
		*ret_secret = secret;
		secret = NULL;
		rc = 0;
	}
	sodium_free(secret);
	sodium_free(bin);
	return rc;
}

int keyfile_read(const char *path, struct sshkey *ret_key,
		 uint8_t **ret_secret, struct err *err)
{
	const size_t size = LIMIT_KEY_FILE_BYTES + 1;
	char *text;
	size_t len = 0;
	int fd = -1, rc;

	if (keyfile_open(path, "key file", &fd, err) < 0)
		return -1;
	text = sodium_malloc(size);
	rc = text ? read_text(fd, path, text, size, &len, err) :
	     err_set(err, ERR_INTERNAL, "no guarded memory for a key");
	if (!rc && keyfile_parse(text, len, ret_key, ret_secret, err) < 0)
		rc = err_wrap(err, "key file '%s'", path);
	sodium_free(text);
	close(fd);
	return rc;
}

/* ---- writing ---- */

/* The private section, after its length. */
static void write_private(const uint8_t *secret, const char *type,
			  const char *comment, struct buf *out)
{
	const size_t begin = out->len;
	uint32_t check = randombytes_random();

	sshw_u32(out, check);
	sshw_u32(out, check);
	sshw_text(out, type);
	/* libsodium's layout is OpenSSH's: the seed and the public half */
	sshw_string(out, secret + 32, 32);
	sshw_string(out, secret, KEYFILE_SECRET_BYTES);
	sshw_text(out, comment);
	for (char pad = 1; (out->len - begin) % BLOCK; pad++)
		buf_addc(out, pad);
}

void keyfile_write(const uint8_t *secret, const char *comment,
		   char ret_text[KEYFILE_TEXT_BYTES])
{
	struct sshkey key = { .type = SSHKEY_ED25519 };
	struct buf bin = BUF_INIT(KEYFILE_TEXT_BYTES);
	struct buf private = BUF_INIT(KEYFILE_TEXT_BYTES);
	struct buf public = BUF_INIT(KEYFILE_TEXT_BYTES);
	char *at = ret_text, *const end = ret_text + KEYFILE_TEXT_BYTES;

	memcpy(key.pk, secret + 32, sizeof(key.pk));
	/* all at once: a buffer that grows leaves copies behind */
	buf_reserve(&bin, bin.max);
	buf_reserve(&private, private.max);
	write_private(secret, sshkey_type_name(key.type), comment, &private);
	sshkey_write_blob(&key, &public);
	buf_add(&bin, MAGIC, sizeof(MAGIC));
	sshw_text(&bin, "none");
	sshw_text(&bin, "none");
	sshw_text(&bin, "");
	sshw_u32(&bin, 1);
	sshw_string(&bin, public.data, public.len);
	sshw_string(&bin, private.data, private.len);
	memcpy(at, BEGIN, strlen(BEGIN));
	at += strlen(BEGIN);
	for (size_t done = 0; done < bin.len; done += LINE_BYTES) {
		size_t n = bin.len - done < LINE_BYTES ? bin.len - done :
			   LINE_BYTES;

		if (end - at < 128)
			BUG("a comment of a key that is too long");
		sodium_bin2base64(at, (size_t)(end - at),
				  (uint8_t *)bin.data + done, n,
				  sodium_base64_VARIANT_ORIGINAL);
		at += strlen(at);
		*at++ = '\n';
	}
	memcpy(at - 1, END, sizeof(END));
	buf_wipe(&bin);
	buf_wipe(&private);
	buf_release(&public);
}
