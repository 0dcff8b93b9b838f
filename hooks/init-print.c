/*
 * What an admin does after `windlass-hook init`: the commands to go on with,
 * the cluster's one with the public key in it.
 */
#include "config.h"
#include "hooks/init.h"

#include <stdio.h>
#include <string.h>

#include "schema/sshkey.h"
#include "schema/trust.h"

#define SERVE_DEFAULT "127.0.0.1:8420"

/* The public key as text: "ssh-ed25519 AAAA..." */
static int public_key(const char *spec, struct buf *out, struct err *err)
{
	struct signer *signer = NULL;

	if (signer_open(spec, &signer, err) < 0)
		return -1;
	sshkey_write_text(signer_key(signer), out);
	signer_free(signer);
	return 0;
}

static void print_install(const struct host_config *host,
			  const struct channel_config *ch, const char *key)
{
	const char *serve = host->serve ? host->serve : SERVE_DEFAULT;

	printf("    windlass install %s --cluster-admin \\\n"
	       "        --url http://%s \\\n"
	       "        --id %s \\\n"
	       "        --publisher-key '%s'\n",
	       ch->name, strncmp(serve, "unix:", 5) ? serve : SERVE_DEFAULT,
	       ch->id, key);
}

static void print_check(const struct channel_config *ch, const char *repo,
			const char *key)
{
	printf("\n4. Whoever wants to check bundles, with stock git or with "
	       "ours, keeps this line\n   in a file, here 'publishers':\n\n"
	       "    %s namespaces=\"" TRUST_PUBLISHERS "\" %s\n\n"
	       "    GIT_NO_REPLACE_OBJECTS=1 git -C %s \\\n"
	       "        -c gpg.ssh.allowedSignersFile=$PWD/publishers \\\n"
	       "        verify-commit refs/windlass/%s\n"
	       "    windlass verify %s --repo %s --publishers publishers\n",
	       ch->name, key, repo, ch->name, ch->name, repo);
}

int init_print_next(const struct host_config *host,
		    const struct channel_config *ch, struct err *err)
{
	struct buf key = BUF_INIT(1024), word = BUF_INIT(LIMIT_WORD_BYTES);
	const char *repo;
	int rc = public_key(ch->signing_key, &key, err);

	buf_add_word(&word, host->git_dir);
	repo = word.data;
	if (!rc) {
		printf("\nNext:\n\n"
		       "1. Let this run all the time (there is a systemd unit "
		       "in contrib):\n\n"
		       "    windlass-hook serve --repo %s\n\n"
		       "2. In the cluster, as its admin (prints what it would "
		       "apply; --apply does it,\n   --namespaces A,B instead "
		       "of --cluster-admin gives less):\n\n", repo);
		print_install(host, ch, key.data);
		printf("\n3. Push to %s and see what it says. If in doubt:\n\n"
		       "    windlass-hook doctor --repo %s\n", ch->ref,
		       repo);
		print_check(ch, repo, key.data);
	}
	buf_release(&key);
	buf_release(&word);
	return rc;
}
