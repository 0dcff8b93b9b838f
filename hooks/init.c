/*
 * windlass-hook init: makes a bare repository publish a channel. Writes
 * settings, a key, hooks and folders, each only where it is not yet as it
 * should be. Everything that can be refused is refused before anything is
 * written, and the settings are written at once, before the hooks.
 */
#include "config.h"
#include "hooks/init.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hooks/commands.h"
#include "hooks/config-value.h"
#include "hooks/host-check.h"
#include "hooks/install.h"
#include "hooks/listen.h"
#include "hooks/share.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/options.h"
#include "schema/keyfile.h"
#include "schema/manifest-files.h"
#include "schema/object.h"
#include "schema/sshkey.h"

static const char usage[] =
"usage: windlass-hook init CHANNEL --ref REF --path PATH... [OPTIONS]\n"
"       windlass-hook init CHANNEL --remove [--force] [--repo DIR]\n"
"\n"
"Makes a bare repository publish a channel: writes its settings, makes its\n"
"key, installs the hooks and says what to do next. Run again, it changes\n"
"only what is asked for.\n"
"\n"
"  --repo DIR               the bare repository (default: $GIT_DIR or .)\n"
"  --ref REF                the ref to follow, as refs/heads/main\n"
"  --path PATH              what to read of its tree; may be repeated\n"
"  --key FILE|key::KEY      the publisher key; a FILE that does not exist is\n"
"                           made (default: NAME_ed25519 in /etc/windlass or\n"
"                           ~/.config/windlass)\n"
"  --publish DIR            where packs and heads go (default: in the\n"
"                           repository, windlass/public)\n"
"  --kubernetes VERSION     what to check against (default: " KUBERNETES_DEFAULT ")\n"
"  --default-namespace NS   for objects that name none\n"
"  --delete-limit N         deletions that a push may make unasked\n"
"  --allow-secrets          let Secrets in\n"
"  --developers FILE        whose signatures count, as OpenSSH's allowed_signers\n"
"  --require-signed-commits every new commit must have one of theirs\n"
"  --require-signed-push    every push must, too\n"
"  --serve ADDRESS:PORT     where `windlass-hook serve` listens\n"
"\n"
"  --remove                 take the channel out again, with all that was\n"
"                           written for it; its key file is left. With the\n"
"                           last one go all settings of windlass, those of\n"
"                           images and buckets, too\n"
"  --force                  and the bundles that it signed\n";

/* A path of the command line begins where the command was run. */
static int from_cwd(const char *v, char **ret, struct err *err)
{
	char *cwd = getcwd(NULL, 0);
	int rc;

	if (!cwd)
		return err_sys(err, "cannot find the current folder");
	rc = value_host_path(v, cwd, ret, err);
	free(cwd);
	return rc;
}

/* ---- the arguments of options, each judged as it is read ---- */

static int take_ref(void *to, const char *v, struct err *err)
{
	return value_ref(v, to, err);
}

static int take_path(void *to, const char *v, struct err *err)
{
	return manifest_path_take(v, to, err);
}

static int take_host_path(void *to, const char *v, struct err *err)
{
	return from_cwd(v, to, err);
}

static int take_key(void *to, const char *v, struct err *err)
{
	if (!strncmp(v, "key::", 5))
		return value_signing_key(v, to, err);
	if (*v && v[strlen(v) - 1] == '/')
		return err_set(err, ERR_INVALID, "must be the key's file, as "
			       "%sprod_ed25519, not its folder", v);
	return from_cwd(v, to, err);
}

static int take_kubernetes(void *to, const char *v, struct err *err)
{
	return value_kubernetes(v, to, err);
}

static int take_as_it_is(char **to, const char *v)
{
	free(*to);
	*to = xstrdup(v);
	return 0;
}

static int take_number(void *to, const char *v, struct err *err)
{
	uint64_t n;

	if (parse_u64(v, 0, LIMIT_BUNDLE_OBJECTS, &n) < 0)
		return err_set(err, ERR_INVALID, "must be a number from 0");
	return take_as_it_is(to, v);
}

static int take_namespace(void *to, const char *v, struct err *err)
{
	if (!is_dns_label(v))
		return err_set(err, ERR_INVALID, "must be a namespace's name");
	return take_as_it_is(to, v);
}

static int take_address(void *to, const char *v, struct err *err)
{
	struct listen_addr a;
	struct err why = ERR_INIT;

	/* which names the value, as whoever reports this does too */
	if (listen_parse(v, &a, &why) < 0)
		return err_set(err, ERR_INVALID, "must be an address to listen "
			       "on: 127.0.0.1:8420, [::1]:8420 or unix:/PATH");
	return take_as_it_is(to, v);
}

/* True if the options go together. */
static bool fit(const struct init_options *o)
{
	bool sets = o->ref || o->paths.n || o->key || o->publish ||
		    o->serve || o->kubernetes || o->default_namespace ||
		    o->delete_limit || o->allow_secrets || o->developers ||
		    o->signed_commits || o->signed_push;

	return o->remove ? !sets : !o->force;
}

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct init_options *o)
{
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &o->repo),
		OPTION_TAKE("ref", take_ref, &o->ref),
		OPTION_TAKE("path", take_path, &o->paths),
		OPTION_TAKE("key", take_key, &o->key),
		OPTION_TAKE("publish", take_host_path, &o->publish),
		OPTION_TAKE("kubernetes", take_kubernetes, &o->kubernetes),
		OPTION_TAKE("default-namespace", take_namespace,
			    &o->default_namespace),
		OPTION_TAKE("delete-limit", take_number, &o->delete_limit),
		OPTION_FLAG("allow-secrets", &o->allow_secrets),
		OPTION_TAKE("developers", take_host_path, &o->developers),
		OPTION_FLAG("require-signed-commits", &o->signed_commits),
		OPTION_FLAG("require-signed-push", &o->signed_push),
		OPTION_TAKE("serve", take_address, &o->serve),
		OPTION_FLAG("remove", &o->remove),
		OPTION_FLAG("force", &o->force),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	if (status >= 0)
		return status;
	if (argc - optind != 1)
		return usage_error(usage, "name one channel");
	o->channel = argv[optind];
	if (!is_channel_name(o->channel))
		return usage_error(usage, "'%s' cannot be a channel's name: "
				   "use lower-case letters, digits and -, at "
				   "most %d", o->channel, LIMIT_CHANNEL_BYTES);
	if (!fit(o))
		return usage_error(usage, "--remove goes with --repo and "
				   "--force only, and --force with it");
	return -1;
}

static void options_release(struct init_options *o)
{
	free(o->ref);
	strvec_release(&o->paths);
	free(o->key);
	free(o->publish);
	free(o->serve);
	free(o->kubernetes);
	free(o->default_namespace);
	free(o->delete_limit);
	free(o->developers);
}

/*
 * Without settings: a mirror of a repository whose bundles are here goes on
 * with them, since their id is what the clusters know.
 */
static int new_id(git_repository *repo, struct init_options *o,
		  struct err *err)
{
	uint8_t random[16];

	if (current_read_any(repo, o->channel, &o->found, err) < 0)
		return -1;
	if (*o->found.id) {
		memcpy(o->id, o->found.commit.bundle.channel_id,
		       sizeof(o->id));
		return 0;
	}
	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(o->id, sizeof(o->id), random, sizeof(random));
	return 0;
}

/* The id that is there, or a new one: made once, never changed. */
static int choose_id(git_repository *repo, struct init_options *o,
		     const struct init_settings *s, struct err *err)
{
	char *now = init_settings_get(s, o->channel, "id");
	int rc = 0;

	if (!now) {
		rc = new_id(repo, o, err);
	} else if (!is_hex(now, strlen(now), CHANNEL_ID_SIZE - 1)) {
		rc = err_set(err, ERR_INVALID, "windlass.%s.id = '%s': must "
			     "be 32 lower-case hex digits", o->channel, now);
	} else {
		memcpy(o->id, now, CHANNEL_ID_SIZE);
	}
	free(now);
	return rc;
}

/* What a new channel cannot do without. */
static int check_needed(const struct init_options *o,
			const struct init_settings *s, struct err *err)
{
	char *ref = init_settings_get(s, o->channel, "ref");
	char *path = init_settings_get(s, o->channel, "path");
	int rc = 0;

	if (!o->ref && !ref)
		rc = err_set(err, ERR_INVALID, "channel '%s' is new: say which "
			     "ref it follows, as --ref refs/heads/main",
			     o->channel);
	else if (!o->paths.n && !path)
		rc = err_set(err, ERR_INVALID, "channel '%s' is new: say what "
			     "it reads, as --path deploy/%s (or --path / for "
			     "everything)", o->channel, o->channel);
	free(ref);
	free(path);
	return rc;
}

/* Makes the key if it is a file that is missing, then proves it is usable. */
static int prepare_key(struct init_options *o, const struct init_settings *s,
		       bool *ret_made, struct err *err)
{
	struct signer *signer = NULL;
	bool agent;

	if (!o->key)
		o->key = init_settings_get(s, o->channel, "signingKey");
	if (!o->key)
		o->key = init_key_default(o->channel, o->id, err);
	if (!o->key)
		return -1;
	agent = !strncmp(o->key, "key::", 5);
	if (!agent && keyfile_check_place(o->key, err) < 0)
		return -1;
	if (!agent && !fs_exists(AT_FDCWD, o->key)) {
		if (init_key_generate(o->key, o->channel, err) < 0)
			return -1;
		*ret_made = true;
	}
	if (signer_open(o->key, &signer, err) < 0)
		return -1;
	o->found_key = sshkey_equal(signer_key(signer), &o->found.key);
	signer_free(signer);
	return 0;
}

static void remove_key(const char *file)
{
	char *public = xasprintf("%s.pub", file);

	unlink(file);
	unlink(public);
	free(public);
}

static int make_folders(const struct host_config *host, const char *channel,
			struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES * 2);
	int rc = config_channel_dir(host, channel, &path, err);

	if (!rc)
		rc = fs_mkdirs(host->publish_dir, 0750, err);
	buf_release(&path);
	return rc;
}

/* gitolite links its hooks anew: ours must come from its configuration. */
static void print_gitolite(const struct hook_place *p)
{
	struct buf script = BUF_INIT(16384), word = BUF_INIT(LIMIT_WORD_BYTES);
	struct err err = ERR_INIT;

	if (hook_script(p->name, &script, &err) < 0)
		return;
	buf_add_quoted(&word, p->file);
	printf("hook     gitolite's driver runs the %s hooks of this "
	       "repository, and links\n         them anew at each change of "
	       "its configuration. As gitolite's user:\n\n"
	       "cat >%s <<'EOF'\n%sEOF\nchmod +x %s\n\n"
	       "         and in gitolite.conf, at this repository, last in "
	       "the list:\n\n    option hook.%s = windlass-%s\n\n", p->name,
	       word.data, script.data, word.data, p->name, p->name);
	buf_release(&word);
	buf_release(&script);
}

static int install_hook(git_repository *repo, const struct host_config *host,
			const char *name, struct err *err)
{
	struct buf line = BUF_INIT(16384);
	struct hook_place place;
	struct err why = ERR_INIT;
	bool changed = false;
	int rc;

	hook_place_find(repo, host, name, &place);
	rc = hook_install(&place, &changed, err);
	if (rc < 0)
		goto out;
	if (place.layout != HOOK_ELSEWHERE && place.layout != HOOK_GITOLITE)
		printf("hook     %s%s\n", place.file,
		       changed ? " (written)" : "");
	if (!hook_check(&place, share_of(repo), &why))
		goto out;
	if (place.layout == HOOK_BESIDE) {
		hook_chain_line(&place, &line);
		printf("         '%s' is another program's. Where it is a "
		       "shell script, put this\n         line at its top; "
		       "until then nothing is %s:\n\n%s\n\n", place.main,
		       strcmp(name, "pre-receive") ? "published" : "checked",
		       line.data);
	} else if (place.layout == HOOK_GITOLITE) {
		print_gitolite(&place);
	} else {
		printf("         %s\n", why.msg);
	}
out:
	hook_place_release(&place);
	buf_release(&line);
	return rc;
}

static void print_found(const struct init_options *o)
{
	const struct bundle *b = &o->found.commit.bundle;

	if (!*o->found.id)
		return;
	printf("bundles  are here up to %llu.%llu, and it goes on with them; "
	       "`windlass-hook\n         publish %s` brings them out again\n",
	       (unsigned long long)b->epoch, (unsigned long long)b->sequence,
	       o->channel);
	if (!o->found_key)
		printf("         The key is not the one that signed the last: "
		       "clusters take nothing by it\n         before they are "
		       "told to (windlass install, runbook lost-key).\n");
}

static int finish(git_repository *repo, const struct host_config *host,
		  const char *channel, size_t changes, bool key_made,
		  struct err *err)
{
	const struct channel_config *ch = config_channel(host, channel);

	printf("channel  %s, id %s, epoch %llu\n", ch->name, ch->id,
	       (unsigned long long)ch->epoch);
	printf("settings %s/config%s\n", host->git_dir,
	       changes ? " (written)" : "");
	printf("key      %s%s\n", ch->signing_key, key_made ? " (made)" : "");
	printf("publish  %s\n", host->publish_dir);
	if (install_hook(repo, host, "pre-receive", err) < 0 ||
	    install_hook(repo, host, "post-receive", err) < 0)
		return -1;
	return init_print_next(host, ch, err);
}

/* What speaks against writing anything here. */
static int check_machine(git_repository *repo, const struct init_options *o,
			 struct err *err)
{
	char *git_dir = xstrdup(git_repository_path(repo));
	size_t len = strlen(git_dir);
	int rc = -1;

	while (len > 1 && git_dir[len - 1] == '/')
		git_dir[--len] = '\0';
	if (!host_check_owner(git_dir, err) &&
	    !host_check_modes(git_dir, o->publish, err) &&
	    !host_check_clock(err) && !host_check_space(git_dir, err))
		rc = o->publish ? host_check_space(o->publish, err) : 0;
	free(git_dir);
	return rc;
}

/* Everything that may fail before the settings are final, and these. */
static int configure(git_repository *repo, struct init_options *o,
		     struct init_settings *s, struct host_config *host,
		     bool *ret_key_made, struct err *err)
{
	if (choose_id(repo, o, s, err) < 0 || check_needed(o, s, err) < 0 ||
	    prepare_key(o, s, ret_key_made, err) < 0 ||
	    init_settings_write(s, o, err) < 0 ||
	    config_read_draft(repo, s->draft, host, err) < 0 ||
	    init_settings_commit(s, err) < 0) {
		if (*ret_key_made)
			remove_key(o->key);
		*ret_key_made = false;
		return -1;
	}
	return 0;
}

static int run(struct init_options *o, struct err *err)
{
	struct init_settings s = { .before = BUF_INIT(0) };
	struct host_config host = { 0 };
	git_repository *repo = NULL;
	const char *dir = o->repo ? o->repo : getenv("GIT_DIR");
	bool key_made = false;
	int lock = -1, rc = -1;

	if (repo_open(dir ? dir : ".", false, &repo, err) < 0 ||
	    config_check_place(repo, err) < 0 ||
	    check_machine(repo, o, err) < 0 ||
	    init_lock(repo, &lock, err) < 0)
		goto out;
	if (o->remove) {
		rc = init_remove(repo, o, err);
		goto out;
	}
	if (init_settings_open(repo, &s, err) < 0)
		goto out;
	share_umask(repo);
	if (configure(repo, o, &s, &host, &key_made, err) < 0)
		goto out;
	if (make_folders(&host, o->channel, err) < 0)
		goto out;
	print_found(o);
	rc = finish(repo, &host, o->channel, s.changes, key_made, err);
out:
	config_release(&host);
	init_settings_release(&s);
	git_repository_free(repo);
	if (lock >= 0)
		close(lock);
	return rc;
}

int cmd_init(int argc, char **argv)
{
	struct init_options o = { 0 };
	struct err err = ERR_INIT;
	int status = parse_options(argc, argv, &o);

	if (status < 0)
		status = run(&o, &err) < 0 ? command_fail(&err) : 0;
	options_release(&o);
	return status;
}
