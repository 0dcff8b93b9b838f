/*
 * Landlock for the fetching child. See confine.h. Trusts the paths that are
 * compiled in, the environment that engine/role.h leaves, and the state
 * directory's name, which our parent says. libcurl and the C library open
 * files late, by name: whatever they need is on the list, or names are not
 * resolved and certificates not found any more.
 */
#include "config.h"
#include "engine/confine.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/role.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"

/*
 * linux/landlock.h, of which most systems have an old one. Numbers are the
 * same on every machine; a kernel refuses bits that it does not know.
 */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

#define CREATE_RULESET_VERSION	1U
#define RULE_PATH_BENEATH	1
#define FS_EXECUTE	(UINT64_C(1) << 0)
#define FS_WRITE_FILE	(UINT64_C(1) << 1)
#define FS_READ_FILE	(UINT64_C(1) << 2)
#define FS_READ_DIR	(UINT64_C(1) << 3)
#define FS_REMOVE_DIR	(UINT64_C(1) << 4)
#define FS_REMOVE_FILE	(UINT64_C(1) << 5)
#define FS_MAKE_DIR	(UINT64_C(1) << 7)
#define FS_MAKE_REG	(UINT64_C(1) << 8)
#define FS_FIRST	((UINT64_C(1) << 13) - 1)	/* all of ABI 1 */
#define FS_REFER	(UINT64_C(1) << 13)		/* 2 */
#define FS_TRUNCATE	(UINT64_C(1) << 14)		/* 3 */
#define FS_IOCTL_DEV	(UINT64_C(1) << 15)		/* 5 */
#define NET_BIND_TCP	(UINT64_C(1) << 0)		/* 4 */
#define NET_CONNECT_TCP	(UINT64_C(1) << 1)		/* 4 */
#define SCOPE_ABSTRACT_UNIX	(UINT64_C(1) << 0)	/* 6 */
#define SCOPE_SIGNAL		(UINT64_C(1) << 1)	/* 6 */

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct path_beneath_attr {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

#define READ	(FS_READ_FILE | FS_READ_DIR)
#define RUN	(FS_READ_FILE | FS_EXECUTE)
#define CHANGE	(READ | FS_WRITE_FILE | FS_TRUNCATE | FS_REMOVE_DIR | \
		 FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_REFER)
/* what can be said of a file that is no folder */
#define OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE)

/*
 * Not /etc as a whole, nor /etc/ssl: an engine that runs on a machine of its
 * own, as root, would find kubeconfigs and keys there. Folders where files
 * are replaced, files where they stand beside what is none of ours.
 */
static const char *const readable[] = {
	/* libraries, those too that are loaded when a name is looked up */
	"/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64",
	"/usr/local/lib", "/etc/ld.so.cache",
	/* authorities, and what they may be links to */
	"/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem",
	"/etc/ssl/openssl.cnf", "/etc/ca-certificates", "/etc/pki/tls/certs",
	"/etc/pki/tls/cert.pem", "/etc/pki/tls/openssl.cnf",
	"/etc/pki/ca-trust/extracted", "/etc/crypto-policies/back-ends",
	"/usr/share", "/usr/local/share", "/var/lib/ca-certificates",
	/* names of hosts */
	"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf",
	"/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services",
	"/etc/protocols", "/etc/networks", "/run/systemd/resolve",
	"/run/resolvconf",
	/* the machine */
	"/etc/localtime", "/dev/urandom", "/dev/random",
	"/sys/devices/system/cpu",
#ifdef ROLE_SANITIZED
	"/proc",
#endif
};

struct walls {
	struct confined *c;
	int ruleset;
	uint64_t handled;
	struct err *err;
	int rc;
};

static long create_ruleset(const struct ruleset_attr *a, size_t size,
			   unsigned flags)
{
	return syscall(SYS_landlock_create_ruleset, a, size, flags);
}

/* 0 or -1 with errno: what is asked for may be more than there is. */
static int ask_abi(void)
{
	return (int)create_ruleset(NULL, 0, CREATE_RULESET_VERSION);
}

static struct ruleset_attr all_of(int abi)
{
	struct ruleset_attr a = { .fs = FS_FIRST };

	if (abi >= 2)
		a.fs |= FS_REFER;
	if (abi >= 3)
		a.fs |= FS_TRUNCATE;
	if (abi >= 4)
		a.net = NET_BIND_TCP;
	if (abi >= 5)
		a.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		a.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	return a;
}

/* ---- places ---- */

static void identify(const char *path, dev_t *ret_dev, ino_t *ret_ino)
{
	struct stat st;
	bool there = stat(path, &st) == 0;

	*ret_dev = there ? st.st_dev : 0;
	*ret_ino = there ? st.st_ino : 0;
}

static bool remember(struct confined *c, const char *path)
{
	struct confined_place *p;

	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->places[i].path, path))
			return false;
	if (c->n == c->alloc) {
		c->alloc = c->alloc ? 2 * c->alloc : 64;
		c->places = xreallocarray(c->places, c->alloc,
					  sizeof(*c->places));
	}
	p = &c->places[c->n++];
	p->path = xstrdup(path);
	identify(path, &p->dev, &p->ino);
	return true;
}

/* What is not there cannot be reached, and need not be. */
static void allow(struct walls *w, const char *path, uint64_t may)
{
	struct path_beneath_attr rule = { .allowed = may & w->handled };
	struct stat st;

	if (w->rc || !remember(w->c, path))
		return;
	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return;
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed &= OF_FILES;
	/* EBADFD: of a file system that Landlock lets everybody use */
	if (syscall(SYS_landlock_add_rule, w->ruleset, RULE_PATH_BENEATH,
		    &rule, 0) < 0 && errno != EBADFD)
		w->rc = err_sys(w->err, "Landlock refuses '%s'", path);
	close(rule.parent_fd);
}

static void allow_folder_of(struct walls *w, const char *file)
{
	const char *slash = strrchr(file, '/');
	char *folder;

	if (*file != '/' || slash == file)
		return;
	folder = xstrndup(file, (size_t)(slash - file));
	allow(w, folder, READ);
	free(folder);
}

/* Each library, and of the program, which comes first, its loader. */
static int allow_object(struct dl_phdr_info *o, size_t size, void *arg)
{
	struct walls *w = arg;

	(void)size;
	for (size_t i = 0; i < o->dlpi_phnum; i++)
		if (o->dlpi_phdr[i].p_type == PT_INTERP)
			allow(w, (const char *)(uintptr_t)(o->dlpi_addr +
					o->dlpi_phdr[i].p_vaddr), RUN);
	allow_folder_of(w, o->dlpi_name ? o->dlpi_name : "");
	return 0;
}

/* A list of paths, as of PATH. */
static void allow_list(struct walls *w, const char *list)
{
	while (list && *list) {
		size_t len = strcspn(list, ":");
		char *path = xstrndup(list, len);

		if (*path == '/')
			allow(w, path, READ);
		free(path);
		list += len + (list[len] == ':');
	}
}

static void allow_all(struct walls *w, const char *state_root)
{
	const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);

	allow(w, state_root, CHANGE);
	allow(w, "/proc/self/exe", RUN);
	dl_iterate_phdr(allow_object, w);
	allow(w, "/dev/null", FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE);
	for (size_t i = 0; i < ARRAY_SIZE(readable); i++)
		allow(w, readable[i], READ);
	allow_list(w, curl->cainfo);
	allow_list(w, curl->capath);
	allow_list(w, getenv("SSL_CERT_FILE"));
	allow_list(w, getenv("SSL_CERT_DIR"));
}

/* ---- the whole ---- */

static int enforce(int ruleset, struct err *err)
{
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return err_sys(err, "Landlock is refused");
	return 0;
}

int confine(const char *state_root, struct confined *ret, struct err *err)
{
	struct walls w = { .c = ret, .err = err };
	struct ruleset_attr a;
	int abi;

	*ret = (struct confined)CONFINED_INIT;
	if (fs_mkdirs(state_root, 0700, err) < 0) {
		/* whoever makes it there will be noticed */
		remember(ret, state_root);
		return -1;
	}
	abi = ask_abi();
	if (abi < 1)
		return err_sys(err, "this kernel has no Landlock for us");
	a = all_of(abi);
	w.handled = a.fs;
	w.ruleset = (int)create_ruleset(&a, sizeof(a), 0);
	if (w.ruleset < 0)
		return err_sys(err, "Landlock refuses its rules");
	allow_all(&w, state_root);
	if (!w.rc)
		w.rc = enforce(w.ruleset, err);
	close(w.ruleset);
	if (w.rc)
		confined_release(ret);
	else
		ret->landlock = abi;
	return w.rc;
}

const char *confined_stale(const struct confined *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct confined_place *p = &c->places[i];
		dev_t dev;
		ino_t ino;

		identify(p->path, &dev, &ino);
		if (dev != p->dev || ino != p->ino)
			return p->path;
	}
	return NULL;
}

void confined_release(struct confined *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->places[i].path);
	free(c->places);
	*c = (struct confined)CONFINED_INIT;
}

void confine_more(void)
{
	struct ruleset_attr a = { .fs = FS_EXECUTE };
	struct err ignored = ERR_INIT;
	int abi = ask_abi(), ruleset;

	if (abi < 1)
		return;
	if (abi >= 4)
		a.net = NET_BIND_TCP | NET_CONNECT_TCP;
	ruleset = (int)create_ruleset(&a, sizeof(a), 0);
	if (ruleset < 0)
		return;
	enforce(ruleset, &ignored);
	close(ruleset);
}
