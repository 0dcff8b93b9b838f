/*
 * Judges of values that many kinds have. Where OpenAPI wants a string or a
 * number, anything else is passed over. "" is malformed to all of them: a
 * field's table (at.h) says where it is as good as nothing.
 */
#ifndef SCHEMA_VALUES_COMMON_H
#define SCHEMA_VALUES_COMMON_H

#include "schema/values/at.h"

/* ---- names: value-format ---- */

/* Says "'x' is no <what>" unless the text is one. */
void judge_text(struct judge *j, const struct place *p,
		bool (*is)(const char *), const char *what);

judge_fn judge_dns_label;	/* RFC 1123, 63 bytes */
judge_fn judge_dns1035_label;	/* the same, beginning with a letter */
judge_fn judge_dns_subdomain;	/* 253 bytes */
judge_fn judge_segment;		/* of a URL's path: names of roles */
judge_fn judge_label_key;	/* "app.kubernetes.io/name" */
judge_fn judge_label_value;
judge_fn judge_port_name;	/* IANA service name: 15 of a-z 0-9 - */
judge_fn judge_env_name;	/* printable ASCII without = */
judge_fn judge_c_identifier;
judge_fn judge_config_key;	/* of a ConfigMap or Secret */
judge_fn judge_header_name;	/* of HTTP */
/* Whether a text is one, for those who say it in their own words. */
bool is_port_name(const char *s);
bool is_config_key(const char *s);
/* Whether a text is one once its capitals are small. */
bool is_in_lower(const char *s, bool (*is)(const char *));
/* Whether a DNS name is one, with or without the dot of the root behind it. */
bool is_without_dot(const char *s, bool (*is)(const char *));

/* ---- paths: value-format ---- */

/* No ".." among its parts. */
judge_fn judge_no_backsteps;
/* The same, and not absolute. */
judge_fn judge_descending;
judge_fn judge_absolute;

/* ---- numbers: value-range ---- */

judge_fn judge_not_negative;
judge_fn judge_positive;
judge_fn judge_port;			/* 1 to 65535 */
judge_fn judge_user_id;			/* 0 to 2^31 - 1; groups, too */
void judge_range(struct judge *j, const struct place *p, int64_t low,
		 int64_t high);
/* A port's number, or its name in a container. */
judge_fn judge_port_or_name;
/* An integer from 0, or "10%": value-range, value-format. */
judge_fn judge_count_or_percent;
/* The percentage of "10%", or -1. */
int64_t at_percent(const struct place *p);

/* ---- words: value-enum ---- */

/* Where OpenAPI does not list them; else the schema check has. */
void judge_words(struct judge *j, const struct place *p,
		 const char *const *words, size_t n);
#define JUDGE_WORDS(j, p, ...) do { \
	static const char *const words_[] = { __VA_ARGS__ }; \
	judge_words((j), (p), words_, ARRAY_SIZE(words_)); \
} while (0)

/* ---- labels and selectors (selector.c) ---- */

/* A map of labels: keys and values. */
judge_fn judge_labels;
/* metadata of a template: labels, annotations. */
judge_fn judge_template_metadata;
/* metav1.LabelSelector: matchLabels, matchExpressions. */
judge_fn judge_selector;
/* A LabelSelector without any requirement, or none at all: it selects
 * everything, or nothing. */
bool selector_is_empty(const struct place *selector);
/* Would it select an object with these labels (NULL: none)? */
bool selector_matches(const struct place *selector, const struct node *labels);
/* The labels are those of the pods that the object itself makes (NULL: none):
 * "selector-mismatch" at each requirement that they do not meet. */
void judge_matches(struct judge *j, const struct place *selector,
		   const struct node *labels);
/* The same of a selector that is nothing but labels. */
void judge_matches_labels(struct judge *j, const struct place *match,
			  const struct node *labels);

#endif
