/*
 * Signing an approval by somebody's own git, and pushing it. See approve.h.
 * What that git made is read again: nothing is pushed but a good signature on
 * the text that was shown.
 */
#include "config.h"
#include "engine/cli/approve.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/git-run.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/sshsig.h"

/* ---- by whom ---- */

int approve_find_name(const struct approve *a, char **ret, struct err *err)
{
	int rc = 0;

	*ret = a->as ? xstrdup(a->as) : NULL;
	if (!*ret)
		rc = git_setting(a->dir, "windlass.approver", ret, err);
	if (rc == 0 && !*ret)
		rc = git_setting(a->dir, "user.email", ret, err);
	if (rc < 0)
		return -1;
	return *ret ? 0 : err_set(err, ERR_INVALID, "what does the Git host "
				  "call you? Give --as NAME, or set it once: "
				  "git config windlass.approver NAME");
}

/* Whether a signature by this key has to be touched for. */
enum touch { TOUCH_NO, TOUCH_YES, TOUCH_MAYBE };

static enum touch touch_of(const char *public)
{
	return strncmp(public, "sk-ssh-", strlen("sk-ssh-")) ? TOUCH_NO
							     : TOUCH_YES;
}

/* A public key in words, as git knows one; else it names a file. */
static const char *in_words(const char *key)
{
	if (!strncmp(key, "key::", 5))
		return key + 5;
	return strncmp(key, "ssh-", 4) ? NULL : key;
}

static bool ends_in_pub(const char *path)
{
	size_t len = strlen(path), end = strlen(".pub");

	return len > end && !strcmp(path + len - end, ".pub");
}

/* key: user.signingKey; NULL: git asks a command for one. */
static enum touch find_touch(const char *key)
{
	struct buf text = BUF_INIT(LIMIT_TRUST_BYTES);
	struct err unread = ERR_INIT;
	enum touch ret = TOUCH_MAYBE;
	char *public;

	if (!key)
		return TOUCH_MAYBE;
	if (in_words(key))
		return touch_of(in_words(key));
	public = xasprintf("%s%s", key, ends_in_pub(key) ? "" : ".pub");
	if (!fs_read_follow(public, &text, &unread))
		ret = touch_of(text.data);
	free(public);
	buf_release(&text);
	return ret;
}

/* True for a public key, in words or as a file without its private half,
 * whose signatures need no touch: an agent makes them. */
static bool agent_signs(const char *key)
{
	char *private;
	bool alone;

	if (!in_words(key)) {
		if (!ends_in_pub(key))
			return false;
		private = xstrndup(key, strlen(key) - strlen(".pub"));
		alone = !fs_exists(AT_FDCWD, private);
		free(private);
		if (!alone)
			return false;
	}
	return find_touch(key) == TOUCH_NO;
}

/*
 * An agent that somebody forwarded signs for whoever is root on this machine:
 * without a touch nobody would notice. key NULL: git takes one of the agent.
 */
static int check_agent(const struct approve *a, const char *key,
		       struct err *err)
{
	if (a->forwarded || !getenv("SSH_CONNECTION") ||
	    !getenv("SSH_AUTH_SOCK") || (key && !agent_signs(key)))
		return 0;
	return err_set(err, ERR_INVALID, "user.signingKey is held by an agent "
		       "that seems to be forwarded to this machine, and wants "
		       "no touch: whoever is root here can sign with it. Use a "
		       "security key, approve on your own machine, or say "
		       "--forwarded-agent");
}

int approve_check_signing(const struct approve *a, struct err *err)
{
	char *format = NULL, *key = NULL, *command = NULL;
	int rc = git_setting(a->dir, "gpg.format", &format, err);

	if (rc == 0)
		rc = git_setting(a->dir, "user.signingKey", &key, err);
	if (rc == 0)
		rc = git_setting(a->dir, "gpg.ssh.defaultKeyCommand",
				 &command, err);
	if (rc == 0 && (!format || strcmp(format, "ssh") ||
			(!key && !command)))
		rc = err_set(err, ERR_INVALID, "git signs with no SSH key here "
			     "yet: git config --global gpg.format ssh; git "
			     "config --global user.signingKey FILE");
	if (rc == 0)
		rc = check_agent(a, key, err);
	free(format);
	free(key);
	free(command);
	return rc;
}

/* ---- the tag ---- */

/* The id of the tag that was made. It lives at the Git host, under another
 * name: here it goes, or is the one again that they had made by hand. */
static int take_tag(const struct approve *a, const char *ref,
		    const char *before, char id[GIT_HEX_SIZE], struct err *err)
{
	const char *const parse[] = { "rev-parse", ref, NULL };
	const char *const drop[] = { "update-ref", "-d", ref, NULL };
	const char *const restore[] = { "update-ref", ref, before, NULL };
	struct buf line = BUF_INIT(256);
	int rc = git_line(a->dir, parse, &line, err) ? -1 : 0;

	if (rc == 0)
		rc = git_attended(a->dir, *before ? restore : drop, NULL, err);
	if (rc == 0 && !is_git_id(line.data, line.len))
		rc = err_set(err, ERR_INTERNAL, "git names no tag '%s'", ref);
	if (rc == 0)
		memcpy(id, line.data, GIT_HEX_SIZE);
	buf_release(&line);
	return rc;
}

/* ssh-keygen says that it waits for a touch, and git shows that to nobody. */
static int say_touch(const struct approve *a, struct err *err)
{
	char *key = NULL;
	int rc = git_setting(a->dir, "user.signingKey", &key, err);
	enum touch touch = find_touch(key);

	if (rc == 0 && touch != TOUCH_NO)
		fprintf(stderr, "windlass: %s\n", touch == TOUCH_YES ?
			"touch your security key when it blinks" :
			"if your key is a security key, touch it when it "
			"blinks");
	free(key);
	return rc;
}

/* By their git: it finds the key, asks for a passphrase or a touch. */
static int make_tag(const struct approve *a, char id[GIT_HEX_SIZE],
		    struct err *err)
{
	/* no line is a comment, whatever core.commentChar says */
	const char *argv[] = {
		"tag", "-f", "-s", "--cleanup=verbatim", "-F", "-", NULL,
		a->tip.id, NULL,
	};
	struct buf name = BUF_INIT(APPROVAL_NAME_BYTES);
	struct buf text = BUF_INIT(LIMIT_APPROVAL_BYTES);
	char before[GIT_HEX_SIZE], *ref;
	int rc;

	approval_tag_name(&a->said, &name);
	approval_message_write(&a->said, a->message, &text);
	argv[6] = name.data;
	ref = xasprintf("refs/tags/%s", name.data);
	rc = repo_ref(a->repo, ref, before, err);
	if (rc == 0)
		rc = say_touch(a, err);
	if (rc == 0)
		rc = git_attended(a->dir, argv, text.data, err);
	if (rc == 0)
		rc = take_tag(a, ref, before, id, err);
	free(ref);
	buf_release(&name);
	buf_release(&text);
	return rc;
}

/* What was made says what was shown, and is signed. */
static int check_tag(const struct approve *a, const struct buf *raw,
		     struct err *err)
{
	const struct approval *want = &a->said;
	struct buf print = BUF_INIT(128);
	struct approval is;
	struct sshkey key;
	size_t payload;

	if (approval_parse(raw->data, raw->len, &is, &payload, err) < 0 ||
	    sshsig_verify(raw->data + payload, raw->len - payload,
			  APPROVAL_NAMESPACE, raw->data, payload, &key, NULL,
			  err) < 0)
		return err_wrap(err, "what git signed is no approval");
	if (strcmp(is.bundle, want->bundle) || is.reject != want->reject ||
	    is.not_after != want->not_after ||
	    !sha256_equal(&is.content, &want->content))
		return err_set(err, ERR_INTERNAL, "git signed another text "
			       "than it was given");
	sshkey_fingerprint(&key, &print);
	printf("signed by %s key %s\n", sshkey_type_name(key.type),
	       print.data);
	buf_release(&print);
	return 0;
}

static int push(const struct approve *a, const char *id, const struct buf *raw,
		struct err *err)
{
	struct buf ref = BUF_INIT(APPROVAL_NAME_BYTES + GIT_HEX_SIZE);
	char *name = NULL;
	int rc = approve_find_name(a, &name, err);

	if (rc == 0) {
		/* nothing of theirs goes along, and of a mirror not all */
		char *mirror = xasprintf("remote.%s.mirror=false", a->remote);
		const char *argv[] = {
			"-c", mirror, "push", "-q", "--no-follow-tags",
			"--recurse-submodules=no", "--end-of-options",
			a->remote, NULL, NULL,
		};

		buf_addf(&ref, "%s:", id);
		approval_ref(&a->said, name, raw->data, raw->len, &ref);
		argv[8] = ref.data;
		rc = buf_check(&ref, "--as", err);
		if (rc == 0)
			rc = git_attended(a->dir, argv, NULL, err);
		free(mirror);
		if (rc)
			err_wrap(err, "it is signed, but not pushed as '%s'; "
				 "if the Git host calls you something else, "
				 "give --as", name);
	}
	buf_release(&ref);
	free(name);
	return rc;
}

int approve_sign(const struct approve *a, struct err *err)
{
	struct buf raw = BUF_INIT(LIMIT_APPROVAL_BYTES);
	char id[GIT_HEX_SIZE];
	int rc = make_tag(a, id, err);

	if (rc == 0)
		rc = repo_read(a->repo, id, GIT_OBJECT_TAG, &raw, err);
	if (rc == 0)
		rc = check_tag(a, &raw, err);
	if (rc == 0)
		rc = push(a, id, &raw, err);
	if (rc == 0)
		rc = approve_remember(a, err);
	buf_release(&raw);
	return rc;
}
