/*
 * Judges of names, paths, numbers and words. See common.h; the grammars are
 * those of apimachinery's util/validation and of core/validation.
 */
#include "config.h"
#include "schema/values/common.h"

#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

#define PORT_NAME_MAX 15
#define KEY_MAX 253
#define USER_ID_MAX INT32_MAX

static bool consists_of(const char *s, const char *letters)
{
	return *s && !s[strspn(s, letters)];
}

/* ---- names ---- */

void judge_text(struct judge *j, const struct place *p,
		bool (*is)(const char *), const char *what)
{
	const char *s = node_text(p->node);

	if (s && (!at_text(p) || !is(s)))
		at_error(j, p, "value-format", "'%s' is no %s", s, what);
}

void judge_dns_label(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_dns_label, "DNS label: at most 63 of a-z, 0-9 "
		   "and -, not at an end");
}

void judge_dns1035_label(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_dns1035_label, "DNS label that begins with a "
		   "letter: at most 63 of a-z, 0-9 and -, not at an end");
}

void judge_dns_subdomain(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_dns_subdomain, "DNS name: at most 253 of a-z, "
		   "0-9, - and ., each part beginning and ending with a "
		   "letter or digit");
}

void judge_segment(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_path_segment_name, "name: it must not be '.' or "
		   "'..' nor contain / or %");
}

void judge_label_key(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_qualified_name, "label key: a name of at most 63 "
		   "letters, digits, -, _ and ., with a DNS name and a / "
		   "before it if you like");
}

void judge_label_value(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_label_value, "label value: at most 63 letters, "
		   "digits, -, _ and ., the first and last a letter or "
		   "digit");
}

bool is_port_name(const char *s)
{
	size_t len = strlen(s);

	return len <= PORT_NAME_MAX && consists_of(s, LOWER DIGITS "-") &&
	       strpbrk(s, LOWER) && !strstr(s, "--") && s[0] != '-' &&
	       s[len - 1] != '-';
}

void judge_port_name(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_port_name, "name of a port: at most 15 of a-z, "
		   "0-9 and single -, not at an end, with at least one "
		   "letter");
}

static bool is_env_name(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (*s < ' ' || *s > '~' || *s == '=')
			return false;
	return true;
}

void judge_env_name(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_env_name, "name of an environment variable: "
		   "printable ASCII without =");
}

static bool is_c_identifier(const char *s)
{
	return consists_of(s, LOWER UPPER DIGITS "_") && !strchr(DIGITS, *s);
}

void judge_c_identifier(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_c_identifier, "identifier: letters, digits and "
		   "_, not beginning with a digit");
}

bool is_config_key(const char *s)
{
	return strlen(s) <= KEY_MAX &&
	       consists_of(s, LOWER UPPER DIGITS "-_.") && strcmp(s, ".") &&
	       strncmp(s, "..", 2);
}

bool is_in_lower(const char *s, bool (*is)(const char *))
{
	char lower[512];	/* longer than any name may be */
	size_t n = strlen(s);

	if (n >= sizeof(lower))
		return false;
	for (size_t i = 0; i <= n; i++)
		lower[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] | 0x20 :
							       s[i]);
	return is(lower);
}

bool is_without_dot(const char *s, bool (*is)(const char *))
{
	char name[256];
	size_t n = strlen(s);

	if (n && s[n - 1] == '.')
		n--;
	if (n >= sizeof(name))
		return false;
	memcpy(name, s, n);
	name[n] = '\0';
	return is(name);
}

void judge_config_key(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_config_key, "key of a ConfigMap or Secret: at "
		   "most 253 letters, digits, -, _ and ., not beginning with "
		   "..");
}

static bool is_header_name(const char *s)
{
	return consists_of(s, LOWER UPPER DIGITS "-");
}

void judge_header_name(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_header_name, "name of an HTTP header: letters, "
		   "digits and -");
}

/* ---- paths ---- */

static bool has_backstep(const char *s)
{
	for (;;) {
		size_t len = strcspn(s, "/");

		if (len == 2 && s[0] == '.' && s[1] == '.')
			return true;
		if (!s[len])
			return false;
		s += len + 1;
	}
}

void judge_no_backsteps(struct judge *j, const struct place *p)
{
	const char *s = node_text(p->node);

	if (s && has_backstep(s))
		at_error(j, p, "value-format", "must not have '..' among its "
			 "parts");
}

void judge_descending(struct judge *j, const struct place *p)
{
	const char *s = node_text(p->node);

	if (s && *s == '/')
		at_error(j, p, "value-format", "must be a relative path: '%s' "
			 "begins with /", s);
	judge_no_backsteps(j, p);
}

void judge_absolute(struct judge *j, const struct place *p)
{
	const char *s = node_text(p->node);

	if (s && *s != '/')
		at_error(j, p, "value-format", "must be an absolute path: "
			 "'%s' does not begin with /", s);
}

/* ---- numbers ---- */

void judge_range(struct judge *j, const struct place *p, int64_t low,
		 int64_t high)
{
	int64_t v;

	if (!at_int(p, &v) || (v >= low && v <= high))
		return;
	if (high == INT64_MAX)
		at_error(j, p, "value-range", "must be at least %lld, not "
			 "%lld", (long long)low, (long long)v);
	else
		at_error(j, p, "value-range", "must be between %lld and %lld, "
			 "not %lld", (long long)low, (long long)high,
			 (long long)v);
}

void judge_not_negative(struct judge *j, const struct place *p)
{
	judge_range(j, p, 0, INT64_MAX);
}

void judge_positive(struct judge *j, const struct place *p)
{
	judge_range(j, p, 1, INT64_MAX);
}

void judge_port(struct judge *j, const struct place *p)
{
	judge_range(j, p, 1, 65535);
}

void judge_user_id(struct judge *j, const struct place *p)
{
	judge_range(j, p, 0, USER_ID_MAX);
}

void judge_port_or_name(struct judge *j, const struct place *p)
{
	if (p->node->type == NODE_INT)
		judge_port(j, p);
	else
		judge_port_name(j, p);
}

int64_t at_percent(const struct place *p)
{
	const char *s = at_text(p);
	size_t n = s ? strspn(s, DIGITS) : 0;
	int64_t v = 0;

	if (!n || n > 18 || strcmp(s + n, "%"))
		return -1;
	for (; *s != '%'; s++)
		v = v * 10 + (*s - '0');
	return v;
}

static bool is_percent(const char *s)
{
	return strspn(s, DIGITS) && !strcmp(s + strspn(s, DIGITS), "%");
}

void judge_count_or_percent(struct judge *j, const struct place *p)
{
	if (p->node->type == NODE_INT)
		judge_not_negative(j, p);
	else
		judge_text(j, p, is_percent, "percentage such as 25%, and as "
			   "a number it must not be in quotes");
}

/* ---- words ---- */

void judge_words(struct judge *j, const struct place *p,
		 const char *const *words, size_t n)
{
	const char *s = node_text(p->node);

	for (size_t i = 0; s && i < n; i++)
		if (!strcmp(s, words[i]) && at_text(p))
			return;
	if (s)
		place_no_word(j, p, "value-enum", words, n);
}
