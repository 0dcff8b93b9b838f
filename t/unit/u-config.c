/*
 * The Git host's settings: what is read, in which form, and each way in
 * which a value can be wrong.
 */
#include "config.h"
#include "hooks/host-config.h"

#include <fcntl.h>
#include <git2.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks/config-value.h"
#include "hooks/share.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "t/unit/tap.h"

#define ID_A "0123456789abcdef0123456789abcdef"
#define ID_B "fedcba9876543210fedcba9876543210"
#define KEY "signingKey = /etc/windlass/key\n"
#define PROD "[windlass \"prod\"]\nid = " ID_A "\nref = refs/heads/main\n" \
	     "path = deploy\n" KEY

static char *folder;
static git_repository *repo;

/* Reads the repository with this text behind its own settings. */
static int read_text(const char *text, struct host_config *ret,
		     struct err *err)
{
	char *path = xasprintf("%s/config", folder);
	char *all = xasprintf("[core]\nrepositoryformatversion = 0\n"
			      "bare = true\n%s", text);
	struct err ignored = ERR_INIT;
	int rc;

	*err = (struct err)ERR_INIT;
	unlink(path);
	if (fs_write(AT_FDCWD, path, all, strlen(all), 0644, &ignored) < 0)
		printf("Bail out! %s\n", ignored.msg);
	git_repository_free(repo);
	repo = NULL;
	if (git_repository_open_bare(&repo, folder) < 0)
		printf("Bail out! cannot open\n");
	rc = config_read(repo, ret, err);
	free(path);
	free(all);
	return rc;
}

/* Must be refused, with a message that holds `part`. */
static void refused(const char *text, const char *part)
{
	struct host_config c = { 0 };
	struct err err;
	int rc = read_text(text, &c, &err);

	ok(rc < 0 && err.class == ERR_INVALID && strstr(err.msg, part),
	   "refused: %s", part);
	if (rc < 0 && !strstr(err.msg, part))
		printf("# %s\n", err.msg);
	if (!rc)
		config_release(&c);
}

/* A line of channel prod that must be refused. */
static void bad(const char *line, const char *part)
{
	char *text = xasprintf(PROD "%s\n", line);

	refused(text, part);
	free(text);
}

static void test_defaults(void)
{
	struct host_config c;
	struct err err;
	char *want;

	ok(!read_text(PROD, &c, &err), "a short channel is read");
	is_int(c.n, 1, "one channel");
	is_str(c.git_dir, folder, "git_dir has no slash at its end");
	want = xasprintf("%s/windlass/public", folder);
	is_str(c.publish_dir, want, "publish folder by default");
	free(want);
	ok(!c.serve, "no serve");
	is_str(c.channels[0].name, "prod", "name");
	is_str(c.channels[0].id, ID_A, "id");
	is_int(c.channels[0].epoch, 1, "epoch 1 by default");
	is_str(c.channels[0].ref, "refs/heads/main", "ref");
	is_str(c.channels[0].paths.v[0], "deploy", "path");
	is_int(c.channels[0].delete_limit, DELETE_LIMIT_DEFAULT,
	       "delete limit by default");
	is_int(c.channels[0].head_lifetime, 86400, "a day by default");
	is_str(c.channels[0].kubernetes, "1.36", "Kubernetes by default");
	is_str(c.channels[0].default_namespace, "", "no default namespace");
	ok(!c.channels[0].allow_secrets, "no Secrets by default");
	ok(!strncmp(c.channels[0].publisher, "windlass <prod@", 15),
	   "publisher by default");
	ok(config_channel(&c, "prod") == &c.channels[0], "found by name");
	ok(!config_channel(&c, "dev"), "another is not found");
	config_release(&c);
	config_release(&c);
}

static void test_everything(void)
{
	struct host_config c;
	struct err err;
	char *want;

	ok(!read_text("[WINDLASS]\nPublish = windlass/lic\nserve = [::1]:80\n"
		      "[windlass \"zoo\"]\nID = " ID_B "\nEPOCH = 7\n"
		      "ref = refs/tags/live\npath = ./a//b/\npath = c\n"
		      "path = a/b\nkubernetes = 1.33\n"
		      "signingkey = ~/keys/zoo\n"
		      "publisher = Zoo Keeper <zoo@example.org>\n"
		      "deletelimit = 0\nheadlifetime = 1h30m\n"
		      "defaultnamespace = animals\nsecrets = Allow\n"
		      "crds = crds/\ncrds = /etc/crds\n"
		      "approvers = /etc/approvers\n"
		      "Reporters = /etc/reporters\n" PROD, &c, &err),
	   "all settings, keys in any case");
	is_int(c.n, 2, "two channels");
	is_str(c.channels[0].name, "prod", "sorted by name");
	is_str(c.channels[1].name, "zoo", "sorted by name");
	want = xasprintf("%s/windlass/lic", folder);
	is_str(c.publish_dir, want, "publish is relative to the repository");
	free(want);
	is_str(c.serve, "[::1]:80", "serve");
	is_int(c.channels[1].epoch, 7, "epoch");
	is_int(c.channels[1].paths.n, 2, "a path that is twice there is one");
	is_str(c.channels[1].paths.v[0], "a/b", "path in its one form");
	is_str(c.channels[1].paths.v[1], "c", "second path");
	want = xasprintf("%s/keys/zoo", getenv("HOME"));
	is_str(c.channels[1].signing_key, want, "~ is the home folder");
	free(want);
	is_str(c.channels[1].publisher, "Zoo Keeper <zoo@example.org>",
	       "publisher");
	is_int(c.channels[1].delete_limit, 0, "delete limit 0");
	is_int(c.channels[1].head_lifetime, 5400, "head lifetime");
	is_str(c.channels[1].default_namespace, "animals", "namespace");
	ok(c.channels[1].allow_secrets, "secrets");
	is_str(c.channels[1].crds.v[0], "crds", "crds in the tree");
	is_str(c.channels[1].crds.v[1], "/etc/crds", "crds on the host");
	is_str(c.channels[1].approvers, "/etc/approvers", "approvers");
	is_str(c.channels[1].reporters, "/etc/reporters", "reporters");
	ok(!c.channels[0].reporters, "nobody reports by default");
	config_release(&c);
}

static void test_last_wins(void)
{
	struct host_config c;
	struct err err;

	ok(!read_text(PROD "ref = refs/heads/other\nepoch = 2\nepoch = 3\n",
		      &c, &err), "a setting that is twice there");
	is_str(c.channels[0].ref, "refs/heads/other", "the last one wins");
	is_int(c.channels[0].epoch, 3, "for numbers too");
	config_release(&c);
	bad("path = /", "lies inside path ''");
	ok(!read_text("[windlass \"prod\"]\nid = " ID_A
		      "\nref = refs/heads/main\npath = .\n" KEY, &c, &err),
	   "the whole tree");
	is_str(c.channels[0].paths.v[0], "", "is the empty path");
	config_release(&c);
	ok(!read_text("[user]\nname = x\n[windlassx]\ny = z\n", &c, &err),
	   "other sections are not ours");
	is_int(c.n, 0, "no channel is no error");
	config_release(&c);
}

static void test_names(void)
{
	bad("deleteLimt = 5", "the nearest known one is "
	    "'windlass.prod.deleteLimit'");
	bad("paths = x", "'windlass.prod.path'");
	refused("[windlass]\nserver = x\n", "'windlass.serve'");
	refused("[windlass \"Prod\"]\nid = " ID_A "\n",
		"'Prod' cannot be a channel's name");
	refused("[windlass \"a.b\"]\nid = " ID_A "\n", "'a.b' cannot be");
	refused("[windlass \"-a\"]\nid = " ID_A "\n", "'-a' cannot be");
	refused("[windlass \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaa\"]\nid = " ID_A "\n", "cannot be");
	bad("secrets", "has no value");
}

static void test_values(void)
{
	bad("id = " ID_A "0", "windlass.prod.id = ");
	bad("id = 0123456789ABCDEF0123456789ABCDEF", "hex");
	bad("epoch = 0", "must be a number from 1");
	bad("epoch = -1", "must be a number from 1");
	bad("epoch = 9223372036854775808", "must be a number from 1");
	bad("ref = main", "full ref name");
	bad("ref = refs/heads/a..b", "full ref name");
	bad("ref = refs/windlass/prod", "keeps for itself");
	bad("ref = refs/notes/windlass", "keeps for itself");
	bad("ref = refs/heads/\303\244", "printable ASCII");
	bad("path = a/../b", "must be a path in the repository");
	bad("path = a\\tb", "must be a path in the repository");
	bad("path = deploy/prod", "lies inside path 'deploy'");
	bad("kubernetes = 1.36.3", "must be a Kubernetes version");
	bad("kubernetes = 2.0", "must be a Kubernetes version");
	bad("signingKey = keys/prod", "must be an absolute path");
	bad("signingKey = key::ssh-rsa AAAA", "windlass.prod.signingKey");
	bad("publisher = nobody", "must be Name <mail>");
	bad("publisher = <a@b>", "must be Name <mail>");
	bad("publisher = A <a@b> c", "must be Name <mail>");
	bad("publisher = A <a b>", "must be Name <mail>");
	bad("publisher = A <>", "must be Name <mail>");
	bad("publisher = A > <a@b>", "must be Name <mail>");
	bad("deleteLimit = ten", "must be a number from 0");
	bad("deleteLimit = 010", "must be a number from 0");
	bad("headLifetime = 24", "must be a duration");
	bad("headLifetime = 0s", "must be a duration");
	bad("headLifetime = 604801s", "must be a duration");
	bad("defaultNamespace = A", "must be a namespace's name");
	bad("secrets = yes", "must be allow or refuse");
	bad("crds = ../x", "must be a path in the repository");
	bad("approvers = x", "must be an absolute path");
	bad("reporters = x", "must be an absolute path");
	refused("[windlass]\nserve = example.org:80\n", "no address");
	refused("[windlass]\nserve = 127.0.0.1:65536\n", "no address");
	refused("[windlass]\nserve = unix:relative\n", "must begin with /");
	refused("[windlass]\npublish = \n", "must be a path");
}

static void test_limits(void)
{
	char name[SOURCE_REF_MAX + 2], identity[LIMIT_IDENTITY_BYTES + 2];
	struct err err = ERR_INIT;
	char *got = NULL, *line;

	memset(name, 'a', sizeof(name));
	memcpy(name, "refs/heads/", 11);
	name[SOURCE_REF_MAX] = '\0';
	ok(!value_ref(name, &got, &err), "a ref as long as may be");
	name[SOURCE_REF_MAX] = 'a';
	name[SOURCE_REF_MAX + 1] = '\0';
	ok(value_ref(name, &got, &err) < 0, "one byte more");

	memset(identity, 'a', sizeof(identity));
	memcpy(identity + LIMIT_IDENTITY_BYTES - 5, " <b@c>", 7);
	ok(value_identity(identity, &got, &err) < 0, "an identity too long");
	ok(!value_identity(identity + 1, &got, &err), "one byte less");

	line = xasprintf("headLifetime = %ds", LIMIT_HEAD_LIFE);
	free(got);
	got = xasprintf(PROD "%s\n", line);
	{
		struct host_config c;

		ok(!read_text(got, &c, &err), "the longest life of a head");
		config_release(&c);
	}
	free(got);
	free(line);
}

static void test_channels(void)
{
	refused("[windlass \"prod\"]\nref = refs/heads/main\n", "has no id");
	refused("[windlass \"prod\"]\nid = " ID_A "\n", "has no ref");
	refused("[windlass \"prod\"]\nid = " ID_A "\nref = refs/heads/main\n",
		"has no path");
	refused("[windlass \"prod\"]\nid = " ID_A "\nref = refs/heads/main\n"
		"path = x\n", "has no signingKey");
	refused(PROD "[windlass \"dev\"]\nid = " ID_A
		"\nref = refs/heads/dev\npath = x\n" KEY, "have one id");
	refused(PROD "[windlass \"dev\"]\nid = " ID_B
		"\nref = refs/heads/main\npath = x\npath = deploy/\n" KEY,
		"both read path 'deploy'");
}

/* Channel prod and another one, with this folder for what is published. */
static void together(const char *channel, const char *publish,
		     const char *part)
{
	char *text = xasprintf(PROD "[windlass \"%s\"]\nid = " ID_B
			       "\nref = refs/heads/dev\npath = x\n" KEY
			       "%s%s\n", channel, *publish ?
			       "[windlass]\npublish = " : "", publish);
	struct host_config c;
	struct err err;

	if (part) {
		refused(text, part);
	} else {
		ok(!read_text(text, &c, &err), "channel '%s' and '%s'",
		   channel, publish);
		config_release(&c);
	}
	free(text);
}

static void test_places(void)
{
	char *above = xstrdup(folder), *link, *through;

	*strrchr(above, '/') = '\0';
	together("public", "", "give the channel another name");
	together("public", "windlass/./public", "another name");
	together("public", "windlass/public/deeper", "another name");
	together("public", "windlass/other", NULL);
	together("public", "windlass/publication", NULL);
	together("public", "/srv/windlass/public", NULL);
	together("other", "windlass/prod", "channel 'prod' keeps");
	together("other", "windlass/prod/allow", "channel 'prod' keeps");
	together("other", "windlass", "the repository's own files");
	together("other", "windlass/", "the repository's own files");
	together("other", "windlass/x/../../refs", "must be a path without");
	together("other", ".", "the repository's own files");
	together("other", "objects", "the repository's own files");
	together("other", "..", NULL);
	together("other", "../..", NULL);
	together("host", "../..", "which is where the repository is");

	/* the same folder by another name */
	link = xasprintf("%s/link", above);
	through = xasprintf("%s/windlass", link);
	ok(!symlink(folder, link), "a symlink to the repository");
	together("other", through, "the repository's own files");
	free(through);
	through = xasprintf("%s/windlass/public/", link);
	together("public", through, "another name");
	unlink(link);
	free(through);
	free(link);
	free(above);
}

static void test_distance(void)
{
	is_int(value_distance("path", "path"), 0, "equal");
	is_int(value_distance("path", "PATHS"), 1, "one added, case apart");
	is_int(value_distance("", "abc"), 3, "from nothing");
	is_int(value_distance("kitten", "sitting"), 3, "the usual example");
}

static void test_folder(void)
{
	struct buf path = BUF_INIT(4096);
	struct host_config c;
	struct stat st;
	struct err err;
	char *want;

	ok(!read_text(PROD, &c, &err), "read again");
	want = xasprintf("%s/windlass/prod", folder);
	ok(!config_channel_dir(&c, "prod", &path, &err), "a channel's folder");
	is_str(path.data, want, "is in the repository");
	ok(!stat(want, &st) && (st.st_mode & 07777) == 0750,
	   "and was made for us alone");
	chmod(folder, 0770);
	buf_reset(&path);
	ok(!config_channel_dir(&c, "prod", &path, &err) &&
	   !stat(want, &st) && (st.st_mode & 07777) == 02770,
	   "or for the group, where that shares the repository");
	free(want);
	buf_release(&path);
	config_release(&c);
}

static void test_share(void)
{
	ok(share_rights("group") == 0070 && share_rights("True") == 0070 &&
	   share_rights("1") == 0070, "shared by the group");
	ok(share_rights("everybody") == 0075 && share_rights("2") == 0075,
	   "readable by everybody");
	ok(share_rights("0660") == 0070 && share_rights("0640") == 0050 &&
	   share_rights("0664") == 0075, "an octal mode, and x where r is");
	ok(share_rights("umask") == 0 && share_rights("false") == 0 &&
	   share_rights("0") == 0 && share_rights("0600") == 0 &&
	   share_rights("") == 0 && share_rights("0668") == 0 &&
	   share_rights("0000660") == 0, "all else gives nothing");
}

int main(void)
{
	char template[] = "/tmp/u-config-XXXXXX";
	struct err err = ERR_INIT;
	char real[4096];

	if (sodium_init() < 0 || git_libgit2_init() < 0 ||
	    !mkdtemp(template) || !realpath(template, real))
		return 1;
	setenv("HOME", real, 1);
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL,
			 real);
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_XDG, real);
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_SYSTEM,
			 real);
	folder = xasprintf("%s/host/r.git", real);
	if (git_repository_init(&repo, folder, 1) < 0)
		return 1;
	test_defaults();
	test_everything();
	test_last_wins();
	test_names();
	test_values();
	test_limits();
	test_channels();
	test_places();
	test_distance();
	test_folder();
	test_share();
	git_repository_free(repo);
	fs_remove_tree(real, &err);
	free(folder);
	git_libgit2_shutdown();
	return tap_done();
}
