/*
 * What an admin does after `windlass-hook init`: the Channel for the cluster,
 * with the public key in it, and the commands to go on with.
 */
#include "config.h"
#include "hooks/init.h"

#include <stdio.h>
#include <string.h>

#include "hooks/config-value.h"
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

/* The mail address of "Name <mail>", if it can be a principal. */
static void add_principal(const struct channel_config *ch, struct buf *out)
{
	const char *mail = strrchr(ch->publisher, '<') + 1;
	size_t len = strcspn(mail, ">");
	size_t good = strspn(mail, "abcdefghijklmnopqrstuvwxyz"
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@+-");

	if (good != len || len > LIMIT_PRINCIPAL_BYTES ||
	    strchr("._@+-", mail[0]) || mail[len - 1] == '.' ||
	    memmem(mail, len, "..", 2))
		buf_adds(out, ch->name);
	else
		buf_add(out, mail, len);
}

static void print_manifest(const struct host_config *host,
			   const struct channel_config *ch, const char *key)
{
	const char *serve = host->serve ? host->serve : SERVE_DEFAULT;
	struct buf principal = BUF_INIT(LIMIT_IDENTITY_BYTES);

	add_principal(ch, &principal);
	printf("    apiVersion: windlass.dev/v1alpha1\n"
	       "    kind: Channel\n"
	       "    metadata:\n"
	       "      name: %s\n"
	       "    spec:\n"
	       "      url: http://%s    # as the cluster reaches this host\n"
	       "      channelID: %s\n"
	       "      publishers: |\n"
	       "        %s namespaces=\"%s\" %s\n"
	       "      namespaces: [\"*\"]\n"
	       "      clusterScoped: [Namespace]\n"
	       "      serviceAccount:\n"
	       "        namespace: windlass\n"
	       "        name: %s\n",
	       ch->name, strncmp(serve, "unix:", 5) ? serve : SERVE_DEFAULT,
	       ch->id, principal.data, TRUST_PUBLISHERS, key, ch->name);
	buf_release(&principal);
}

int init_print_next(const struct host_config *host,
		    const struct channel_config *ch, struct err *err)
{
	struct buf key = BUF_INIT(1024);
	int rc = public_key(ch->signing_key, &key, err);

	if (!rc) {
		printf("\nNext:\n\n"
		       "1. Let this run all the time (there is a systemd unit "
		       "in contrib):\n\n"
		       "    windlass-hook serve --repo %s\n\n"
		       "2. Give the cluster this Channel (`windlass install` "
		       "brings the engine):\n\n", host->git_dir);
		print_manifest(host, ch, key.data);
		printf("\n3. Push to %s and see what it says. If in doubt:\n\n"
		       "    windlass-hook doctor --repo %s\n", ch->ref,
		       host->git_dir);
	}
	buf_release(&key);
	return rc;
}
