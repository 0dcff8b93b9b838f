/*
 * Reading back what was signed. See current.h. Trusts the repository to hold
 * what was put there only as far as the signature goes: somebody may have
 * moved the ref by hand, or restored another repository over this one.
 */
#include "config.h"
#include "hooks/current.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/sshsig.h"

char *current_ref(const struct channel_config *ch)
{
	return xasprintf(BUNDLE_REF_PREFIX "%s", ch->name);
}

char *current_epoch_ref(const struct channel_config *ch, uint64_t epoch)
{
	return xasprintf(BUNDLE_EPOCHS_PREFIX "%s/%" PRIu64, ch->name, epoch);
}

/* An id of "" is any. */
static int check_owner(const struct channel_config *ch,
		       const struct bundle *b, struct err *err)
{
	if (strcmp(b->channel, ch->name))
		return err_set(err, ERR_DENIED,
			       "it is of channel '%s'", b->channel);
	if (*ch->id && strcmp(b->channel_id, ch->id))
		return err_set(err, ERR_DENIED, "it is of channel id %s, but "
			       "windlass.%s.id is %s: put the id back that the "
			       "clusters know", b->channel_id, ch->name,
			       ch->id);
	return 0;
}

static int read_verified(git_repository *repo,
			 const struct channel_config *ch, const char *id,
			 struct current *ret, struct err *err)
{
	struct buf armour = BUF_INIT(LIMIT_ARMOUR_BYTES);
	struct buf payload = BUF_INIT(LIMIT_COMMIT_BYTES);
	struct current c = CURRENT_INIT;
	int rc = -1;

	memcpy(c.id, id, GIT_HEX_SIZE);
	if (repo_read_bundle(repo, id, &c.commit, &armour, &payload, err) < 0 ||
	    check_owner(ch, &c.commit.bundle, err) < 0 ||
	    sshsig_verify(armour.data, armour.len, "git", payload.data,
			  payload.len, &c.key, NULL, err) < 0)
		goto out;
	if (git_oid_fromstr(&c.tree, c.commit.tree) < 0) {
		repo_err(err, ERR_INTERNAL, "tree %s", c.commit.tree);
		goto out;
	}
	*ret = c;
	rc = 0;
out:
	buf_release(&armour);
	buf_release(&payload);
	return rc;
}

int current_read_id(git_repository *repo, const struct channel_config *ch,
		    const char *id, struct current *ret, struct err *err)
{
	if (read_verified(repo, ch, id, ret, err) < 0)
		return err_wrap(err, "bundle %.12s", id);
	return 0;
}

int current_read_any(git_repository *repo, const char *channel,
		     struct current *ret, struct err *err)
{
	struct channel_config any = { .epoch = LIMIT_SEQUENCE };

	snprintf(any.name, sizeof(any.name), "%s", channel);
	return current_read(repo, &any, ret, err);
}

int current_read(git_repository *repo, const struct channel_config *ch,
		 struct current *ret, struct err *err)
{
	struct current c = CURRENT_INIT;
	char *ref = current_ref(ch);
	char id[GIT_HEX_SIZE];
	int rc = repo_ref(repo, ref, id, err);

	if (!rc && *id)
		rc = read_verified(repo, ch, id, &c, err);
	if (!rc && *id && c.commit.bundle.epoch > ch->epoch)
		rc = err_set(err, ERR_DENIED, "it is of epoch %" PRIu64 ", but "
			     "windlass.%s.epoch is %" PRIu64 ": an epoch never "
			     "goes back", c.commit.bundle.epoch, ch->name,
			     ch->epoch);
	if (rc < 0)
		err_wrap(err, "the bundle at %s", ref);
	else
		*ret = c;
	free(ref);
	return rc;
}
