/*
 * Matching by PCRE2. See pattern.h. Takes any bytes as expression and as
 * text. What is handed to PCRE2 is made by re2.c of nothing but literals,
 * classes, groups, repetitions and four assertions, so none of its own
 * syntax can be reached; its work is bounded by steps and memory.
 */
#include "config.h"
#include "schema/crd/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "schema/base/mem.h"
#include "schema/crd/re2.h"
#include "schema/limits.h"

/* of LIMIT_PATTERN_STEPS, what a match has at first */
#define PATTERN_STEPS_FIRST 100
/* of them, and bytes that are looked at, what takes as long as one of ours */
#define MATCHES_A_STEP 4
#define BYTES_A_STEP 16

struct pattern {
	pcre2_code *code;		/* NULL: every verdict is unknown */
	pcre2_match_data *data;
	pcre2_match_context *context;
	bool ascii_only;
};

/* Without code where PCRE2 refuses: a surrogate, a size beyond its own. */
static void compile(struct pattern *p, const struct re2 *re)
{
	int code;
	PCRE2_SIZE at;

	p->code = pcre2_compile((PCRE2_SPTR)re->out.data, re->out.len,
				PCRE2_UTF | PCRE2_DOTALL |
				PCRE2_DOLLAR_ENDONLY | PCRE2_NO_AUTO_CAPTURE |
				PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
	if (!p->code)
		return;
	p->data = pcre2_match_data_create(1, NULL);
	p->context = pcre2_match_context_create(NULL);
	if (!p->data || !p->context)
		BUG("out of memory");
	pcre2_set_depth_limit(p->context, LIMIT_PATTERN_STEPS);
	pcre2_set_heap_limit(p->context, LIMIT_PATTERN_HEAP / 1024);
}

int pattern_compile(const char *s, size_t len, struct pattern **ret,
		    struct err *err)
{
	struct pattern *p;
	struct re2 re;

	if (re2_translate(s, len, &re, err) < 0) {
		re2_release(&re);
		return -1;
	}
	p = xcalloc(1, sizeof(*p));
	p->ascii_only = re.ascii_only;
	if (!re.undecided)
		compile(p, &re);
	re2_release(&re);
	*ret = p;
	return 0;
}

int pattern_check(const char *s, size_t len, struct err *err)
{
	struct re2 re;
	int rc = re2_translate(s, len, &re, err);

	re2_release(&re);
	return rc;
}

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	pcre2_match_context_free(p->context);
	pcre2_match_data_free(p->data);
	pcre2_code_free(p->code);
	free(p);
}

static bool is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] >= 0x80)
			return false;
	return true;
}

/*
 * PCRE2 stops at a limit but does not tell how far from it an answer was. So
 * a match has few steps first, then ten times as many: what is counted is no
 * more than ten times what was done, and no less.
 */
enum pattern_verdict pattern_match(const struct pattern *p, const char *text,
				   size_t len, uint64_t *steps)
{
	uint32_t limit = PATTERN_STEPS_FIRST;
	int rc;

	*steps += 1 + len / BYTES_A_STEP;
	if (!p->code || (p->ascii_only && !is_ascii(text, len)))
		return PATTERN_UNKNOWN;
	for (;; limit = limit < LIMIT_PATTERN_STEPS / 10 ? limit * 10 :
							LIMIT_PATTERN_STEPS) {
		pcre2_set_match_limit(p->context, limit);
		rc = pcre2_match(p->code, (PCRE2_SPTR)text, len, 0, 0,
				 p->data, p->context);
		*steps += limit / MATCHES_A_STEP;
		if (rc != PCRE2_ERROR_MATCHLIMIT ||
		    limit == LIMIT_PATTERN_STEPS)
			break;
	}
	if (rc == PCRE2_ERROR_NOMATCH)
		return PATTERN_NO;
	return rc >= 0 ? PATTERN_YES : PATTERN_UNKNOWN;
}
