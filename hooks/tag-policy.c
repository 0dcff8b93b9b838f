/*
 * The settings of images, and what they say of a tag. See tag-policy.h.
 * Trusts the admin who wrote them, and no tag: those come from a registry.
 * A filter that takes too long for a tag does not match it.
 */
#include "config.h"
#include "hooks/tag-policy.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hooks/config-value.h"
#include "hooks/setting.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/repo.h"

#define LETTERS_DIGITS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define IMAGE_CHARS LETTERS_DIGITS "._-/:"
#define KEY_BYTES 1024
#define MATCH_LIMIT 100000
#define MATCH_KIB 1024
#define GROUP_NAME_BYTES 32
#define MAX_GROUP 999

bool is_image_tag(const char *s, size_t len)
{
	if (!len || len > LIMIT_TAG_BYTES || *s == '.' || *s == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!s[i] || !strchr(LETTERS_DIGITS "._-", s[i]))
			return false;
	return true;
}

/* ---- one setting ---- */

/* No tag, no digest, no scheme; the registry's port may be there. */
static int check_image(const char *v, struct err *err)
{
	const char *slash = strrchr(v, '/');

	if (!*v || strlen(v) > LIMIT_IMAGE_BYTES || v[strspn(v, IMAGE_CHARS)] ||
	    strstr(v, "//") || strstr(v, "..") || *v == '/' ||
	    strchr(slash ? slash : v, ':') || (slash && !slash[1]) ||
	    strstr(v, "/.") || (slash && strchr(strchr(v, '/'), ':')))
		return err_set(err, ERR_INVALID, "must be an image without its "
			       "tag, as registry.example.org/shop/web");
	return 0;
}

static int set_image(void *target, const char *v, struct err *err)
{
	struct tag_policy *p = target;

	if (check_image(v, err) < 0)
		return -1;
	free(p->image);
	p->image = xstrdup(v);
	return 0;
}

static int set_mirror(void *target, const char *v, struct err *err)
{
	struct tag_policy *p = target;

	if (check_image(v, err) < 0)
		return -1;
	if (!strvec_has(&p->mirrors, v))
		strvec_push(&p->mirrors, v);
	return 0;
}

static int set_order(struct tag_policy *p, enum image_order order,
		     struct err *err)
{
	if (p->order != ORDER_NONE && p->order != order)
		return err_set(err, ERR_INVALID, "must be the only one of "
			       "semver, numeric and alphabetical");
	p->order = order;
	return 0;
}

static int set_semver(void *target, const char *v, struct err *err)
{
	struct tag_policy *p = target;
	struct version_range *range;

	if (set_order(p, ORDER_SEMVER, err) < 0 ||
	    version_range_parse(v, &range, err) < 0)
		return -1;
	version_range_free(p->range);
	p->range = range;
	return 0;
}

static int set_direction(struct tag_policy *p, enum image_order order,
			 const char *v, struct err *err)
{
	if (strcasecmp(v, "asc") && strcasecmp(v, "desc"))
		return err_set(err, ERR_INVALID, "must be asc (the greatest is "
			       "the newest) or desc");
	p->descending = !strcasecmp(v, "desc");
	return set_order(p, order, err);
}

static int set_numeric(void *target, const char *v, struct err *err)
{
	return set_direction(target, ORDER_NUMERIC, v, err);
}

static int set_alphabetical(void *target, const char *v, struct err *err)
{
	return set_direction(target, ORDER_ALPHABET, v, err);
}

static int set_filter(void *target, const char *v, struct err *err)
{
	struct tag_policy *p = target;
	PCRE2_UCHAR why[128];
	PCRE2_SIZE at;
	int code;
	pcre2_code *re = pcre2_compile((PCRE2_SPTR)v, PCRE2_ZERO_TERMINATED,
				       PCRE2_NEVER_BACKSLASH_C, &code, &at,
				       NULL);

	if (!re) {
		pcre2_get_error_message(code, why, sizeof(why));
		return err_set(err, ERR_INVALID, "must be a regular "
			       "expression: %s at %zu", (const char *)why, at);
	}
	pcre2_code_free(p->filter);
	p->filter = re;
	return 0;
}

static int set_extract(void *target, const char *v, struct err *err)
{
	struct tag_policy *p = target;

	if (!strchr(v, '$') || strlen(v) > KEY_BYTES / 2)
		return err_set(err, ERR_INVALID, "must name a group of the "
			       "filter, as $ts");
	free(p->extract);
	p->extract = xstrdup(v);
	return 0;
}

static int set_pin_digest(void *target, const char *v, struct err *err)
{
	struct tag_policy *p = target;

	return value_bool(v, &p->pin_digest, err);
}

static int set_suspend(void *target, const char *v, struct err *err)
{
	struct tag_policy *p = target;

	return value_bool(v, &p->suspend, err);
}

static int set_credentials(void *target, const char *v, struct err *err)
{
	struct tag_policy *p = target;

	return value_host_path(v, NULL, &p->credentials, err);
}

static int set_ca_file(void *target, const char *v, struct err *err)
{
	struct tag_policy *p = target;

	return value_host_path(v, NULL, &p->ca_file, err);
}

static const struct setting image_settings[] = {
	{ "image", set_image },
	{ "semver", set_semver },
	{ "numeric", set_numeric },
	{ "alphabetical", set_alphabetical },
	{ "filter", set_filter },
	{ "extract", set_extract },
	{ "pinDigest", set_pin_digest },
	{ "suspend", set_suspend },
	{ "mirror", set_mirror },
	{ "credentials", set_credentials },
	{ "caFile", set_ca_file },
	{ NULL, NULL },
};

/* ---- all of them ---- */

static struct tag_policy *add_policy(struct tag_policies *ps,
				       const char *name)
{
	for (size_t i = 0; i < ps->n; i++)
		if (!strcmp(ps->v[i].name, name))
			return &ps->v[i];
	ps->v = xreallocarray(ps->v, ps->n + 1, sizeof(*ps->v));
	ps->v[ps->n] = (struct tag_policy){ .name = xstrdup(name) };
	return &ps->v[ps->n++];
}

/* "windlass-image.<name>.<key>" */
static int read_entry(struct tag_policies *ps, const git_config_entry *e,
		      struct err *err)
{
	const char *rest = e->name + strlen(IMAGE_SECTION ".");
	const char *dot = strrchr(rest, '.');
	size_t len = dot ? (size_t)(dot - rest) : 0;
	char *name, *section;
	int rc;

	if (!len || len > LIMIT_TAG_POLICY_BYTES ||
	    strspn(rest, LETTERS_DIGITS ".-:") < len)
		return err_set(err, ERR_INVALID, "'%s': a policy's name is as "
			       "in markers; write [" IMAGE_SECTION " "
			       "\"flux-system:NAME\"]", e->name);
	name = xstrndup(rest, len);
	section = xasprintf(IMAGE_SECTION ".%s", name);
	rc = setting_apply(image_settings, add_policy(ps, name), section,
			   dot + 1, e->value, err);
	free(section);
	free(name);
	return rc;
}

static int complete(const struct tag_policy *p, struct err *err)
{
	if (!p->image)
		return err_set(err, ERR_INVALID, "policy '%s' has no image; "
			       "set it with `git config " IMAGE_SECTION
			       ".%s.image registry.example.org/shop/web`",
			       p->name, p->name);
	if (p->order == ORDER_NONE)
		return err_set(err, ERR_INVALID, "policy '%s' does not say "
			       "which tag is the newest; set semver, numeric "
			       "or alphabetical, as `git config " IMAGE_SECTION
			       ".%s.semver 1.x`", p->name, p->name);
	if (p->extract && !p->filter)
		return err_set(err, ERR_INVALID, "policy '%s' has extract, and "
			       "no filter whose groups it could name",
			       p->name);
	return 0;
}

int tag_policies_read(git_repository *repo, struct tag_policies *ret,
			struct err *err)
{
	struct tag_policies ps = TAG_POLICIES_INIT;
	git_config *config = NULL;
	git_config_iterator *it = NULL;
	git_config_entry *e;
	int rc = 0, more = 0;

	if (git_repository_config_snapshot(&config, repo) < 0 ||
	    git_config_iterator_new(&it, config) < 0)
		rc = repo_err(err, ERR_INTERNAL, "cannot read the settings");
	while (!rc && (more = git_config_next(&e, it)) == 0)
		if (!strncmp(e->name, IMAGE_SECTION ".",
			     strlen(IMAGE_SECTION ".")))
			rc = read_entry(&ps, e, err);
	if (!rc && more != GIT_ITEROVER)
		rc = repo_err(err, ERR_INTERNAL, "cannot read the settings");
	for (size_t i = 0; !rc && i < ps.n; i++)
		rc = complete(&ps.v[i], err);
	git_config_iterator_free(it);
	git_config_free(config);
	if (rc < 0)
		tag_policies_release(&ps);
	else
		*ret = ps;
	return rc;
}

const struct tag_policy *tag_policies_find(const struct tag_policies *p,
					       const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->v[i].name, name))
			return &p->v[i];
	return NULL;
}

void tag_policies_release(struct tag_policies *ps)
{
	for (size_t i = 0; i < ps->n; i++) {
		struct tag_policy *p = &ps->v[i];

		free(p->name);
		free(p->image);
		version_range_free(p->range);
		pcre2_code_free(p->filter);
		free(p->extract);
		strvec_release(&p->mirrors);
		free(p->credentials);
		free(p->ca_file);
	}
	free(ps->v);
	*ps = (struct tag_policies)TAG_POLICIES_INIT;
}

/* ---- what of a tag is compared ---- */

/* A group by its name or number; nothing where there is no such, as in Go. */
static void add_group(const struct tag_policy *p, pcre2_match_data *match,
		      const char *name, size_t len, const char *tag,
		      struct buf *out)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(match);
	char text[GROUP_NAME_BYTES];
	uint64_t number;
	int n;

	if (!len || len >= sizeof(text))
		return;
	memcpy(text, name, len);
	text[len] = '\0';
	if (strspn(text, "0123456789") == len)
		n = parse_u64(text, 0, MAX_GROUP, &number) < 0 ? -1
							       : (int)number;
	else
		n = pcre2_substring_number_from_name(p->filter,
						     (PCRE2_SPTR)text);
	if (n >= 0 && (uint32_t)n < pcre2_get_ovector_count(match) &&
	    at[2 * n] != PCRE2_UNSET && at[2 * n] <= at[2 * n + 1])
		buf_add(out, tag + at[2 * n], at[2 * n + 1] - at[2 * n]);
}

/* "$1", "$ts", "${ts}", "$$": as Go's Regexp.Expand. */
static void expand(const struct tag_policy *p, pcre2_match_data *match,
		   const char *tag, struct buf *out)
{
	for (const char *s = p->extract; *s; s++) {
		size_t len;

		if (*s != '$') {
			buf_addc(out, *s);
		} else if (s[1] == '$') {
			buf_addc(out, *s++);
		} else if (s[1] == '{') {
			len = strcspn(s + 2, "}");
			add_group(p, match, s + 2, len, tag, out);
			s += 1 + len + (s[2 + len] != '\0');
		} else {
			len = strspn(s + 1, LETTERS_DIGITS "_");
			add_group(p, match, s + 1, len, tag, out);
			s += len;
		}
	}
}

static bool apply_filter(const struct tag_policy *p, const char *tag,
			 struct buf *out)
{
	pcre2_match_data *match;
	pcre2_match_context *context;
	int rc;

	if (!p->filter) {
		buf_adds(out, tag);
		return true;
	}
	match = pcre2_match_data_create_from_pattern(p->filter, NULL);
	context = pcre2_match_context_create(NULL);
	if (!match || !context)
		BUG("out of memory");
	pcre2_set_match_limit(context, MATCH_LIMIT);
	pcre2_set_heap_limit(context, MATCH_KIB);
	rc = pcre2_match(p->filter, (PCRE2_SPTR)tag, strlen(tag), 0, 0, match,
			 context);
	if (rc > 0 && p->extract)
		expand(p, match, tag, out);
	else if (rc > 0)
		buf_adds(out, tag);
	pcre2_match_context_free(context);
	pcre2_match_data_free(match);
	return rc > 0;
}

/* "-12.50": as many digits as there are. */
static bool is_decimal(const char *s)
{
	size_t n;

	s += *s == '-';
	n = strspn(s, "0123456789");
	s += n;
	if (n && *s == '.') {
		n = strspn(s + 1, "0123456789");
		s += 1 + n;
	}
	return n && !*s;
}

bool tag_policy_key(const struct tag_policy *p, const char *tag,
		      struct buf *ret)
{
	struct version v;

	buf_reset(ret);
	if (!apply_filter(p, tag, ret) || !buf_ok(ret))
		return false;
	switch (p->order) {
	case ORDER_SEMVER:
		return !version_parse(ret->data, ret->len, &v);
	case ORDER_NUMERIC:
		return is_decimal(ret->data);
	default:
		return ret->len > 0;
	}
}

/* ---- which is newer ---- */

/* Both without a sign. */
static int compare_magnitudes(const char *a, const char *b)
{
	size_t n, m;
	int c;

	a += strspn(a, "0");
	b += strspn(b, "0");
	n = strcspn(a, ".");
	m = strcspn(b, ".");
	if (n != m)
		return n < m ? -1 : 1;
	c = strncmp(a, b, n);
	if (c)
		return c;
	a += n + (a[n] == '.');
	b += m + (b[m] == '.');
	for (; *a || *b; a += *a != '\0', b += *b != '\0') {
		char x = *a ? *a : '0', y = *b ? *b : '0';

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

static int compare_decimals(const char *a, const char *b)
{
	bool x = *a == '-', y = *b == '-';
	int c = compare_magnitudes(a + x, b + y);

	if (x == y)
		return x ? -c : c;
	/* -0 is 0 */
	if (!c && !compare_magnitudes(a + x, "0"))
		return 0;
	return x ? -1 : 1;
}

int tag_policy_compare(const struct tag_policy *p, const char *a,
			 const char *b)
{
	struct version v, w;
	int c;

	if (p->order == ORDER_SEMVER) {
		if (version_parse(a, strlen(a), &v) < 0 ||
		    version_parse(b, strlen(b), &w) < 0)
			BUG("compares what is no version");
		return version_compare(&v, &w);
	}
	c = p->order == ORDER_NUMERIC ? compare_decimals(a, b) : strcmp(a, b);
	return p->descending ? -c : c;
}

static bool is_allowed(const struct tag_policy *p, const char *key)
{
	struct version v;

	return p->order != ORDER_SEMVER ||
	       (!version_parse(key, strlen(key), &v) &&
		version_range_has(p->range, &v));
}

const char *tag_policy_select(const struct tag_policy *p,
				const struct strvec *tags)
{
	struct buf key = BUF_INIT(KEY_BYTES), best = BUF_INIT(KEY_BYTES);
	const char *newest = NULL;

	for (size_t i = 0; i < tags->n; i++) {
		int c;

		if (!tag_policy_key(p, tags->v[i], &key) ||
		    !is_allowed(p, key.data))
			continue;
		c = newest ? tag_policy_compare(p, key.data, best.data) : 1;
		/* of two that are the same: one of them, in any order */
		if (c < 0 || (!c && strcmp(tags->v[i], newest) <= 0))
			continue;
		newest = tags->v[i];
		buf_reset(&best);
		buf_add(&best, key.data, key.len);
	}
	buf_release(&key);
	buf_release(&best);
	return newest;
}

/* A version that the filter does not know is a version all the same. */
static bool key_of_present(const struct tag_policy *p, const char *tag,
			   struct buf *ret)
{
	struct version v;

	if (tag_policy_key(p, tag, ret))
		return true;
	buf_reset(ret);
	buf_adds(ret, tag);
	return p->order == ORDER_SEMVER &&
	       !version_parse(tag, strlen(tag), &v);
}

int tag_policy_newer(const struct tag_policy *p, const char *tag,
		       const char *than)
{
	struct buf a = BUF_INIT(KEY_BYTES), b = BUF_INIT(KEY_BYTES);
	int c = strcmp(tag, than) ? 1 : 0;

	if (tag_policy_key(p, tag, &a) && key_of_present(p, than, &b))
		c = tag_policy_compare(p, a.data, b.data);
	buf_release(&a);
	buf_release(&b);
	return c;
}
