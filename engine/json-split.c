/*
 * A bracket counter that knows strings. See json-split.h. A value that lies
 * within one piece of input is handed on from there, without a copy; only
 * those that straddle pieces are collected.
 */
#include "config.h"
#include "engine/json-split.h"

#include <string.h>

/* a list without its items: its metadata */
#define REST_BYTES (64u * 1024)

void json_split_init(struct json_split *s, enum json_split_mode mode,
		     size_t max,
		     int (*on_value)(void *arg, const char *json, size_t len,
				     struct err *err), void *arg)
{
	*s = (struct json_split){ .mode = mode, .on_value = on_value,
				  .arg = arg };
	buf_init(&s->value, max);
	buf_init(&s->rest, REST_BYTES);
}

void json_split_release(struct json_split *s)
{
	buf_release(&s->value);
	buf_release(&s->rest);
}

/* The depth at which the objects that are cut out stand. */
static unsigned value_depth(const struct json_split *s)
{
	return s->mode == SPLIT_FRAMES ? 0 : 2;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static int bad(const struct json_split *s, char c, struct err *err)
{
	return err_set(err, ERR_INVALID, "the API server sends what is no "
		       "%s: byte 0x%02x where a value should begin",
		       s->mode == SPLIT_FRAMES ? "watch" : "list", c & 0xff);
}

/* A byte inside a string. */
static void string_byte(struct json_split *s, char c)
{
	if (s->escaped)
		s->escaped = false;
	else if (c == '\\')
		s->escaped = true;
	else if (c == '"')
		s->in_string = false;
	if (s->in_string && s->depth == 1 && s->name_len < sizeof(s->name))
		s->name[s->name_len++] = c;
}

/* A byte outside of strings that opens, closes or separates. */
static void structure_byte(struct json_split *s, char c)
{
	switch (c) {
	case '"':
		s->in_string = true;
		s->name_len = 0;
		break;
	case ':':
		if (s->depth == 1)
			s->key_is_items = s->name_len == 5 &&
					  !memcmp(s->name, "items", 5);
		break;
	case '[':
		if (s->depth == 1 && s->mode == SPLIT_ITEMS &&
		    s->key_is_items)
			s->in_items = true;
		s->depth++;
		break;
	case '{':
		s->depth++;
		break;
	case ']':
	case '}':
		s->depth--;
		break;
	}
}

/* Between values: true if one begins here. */
static int between(struct json_split *s, char c, bool *ret_begins,
		   struct err *err)
{
	*ret_begins = false;
	if (is_space(c))
		return 0;
	if (c == '{') {
		*ret_begins = true;
		return 0;
	}
	if (s->mode == SPLIT_ITEMS && c == ',')
		return 0;
	if (s->mode == SPLIT_ITEMS && c == ']') {
		s->depth--;
		s->in_items = false;
		s->key_is_items = false;
		buf_addc(&s->rest, ']');
		return 0;
	}
	return bad(s, c, err);
}

/* SPLIT_ITEMS, outside of the list of items. */
static int around(struct json_split *s, char c, struct err *err)
{
	if (s->done || (s->depth == 0 && c != '{')) {
		if (is_space(c))
			return 0;
		return bad(s, c, err);
	}
	buf_addc(&s->rest, c);
	if (s->in_string)
		string_byte(s, c);
	else
		structure_byte(s, c);
	s->done = s->depth == 0;
	return buf_check(&s->rest, "a list's own data", err);
}

/*
 * Goes on inside a value from data[i]; returns the index behind its end, or
 * len if it does not end here.
 */
static size_t through(struct json_split *s, const char *data, size_t i,
		      size_t len)
{
	unsigned end = value_depth(s);

	for (; i < len; i++) {
		char c = data[i];

		if (s->in_string) {
			string_byte(s, c);
		} else if (c == '"' || c == '{' || c == '[' || c == ']' ||
			   c == '}') {
			structure_byte(s, c);
			if (s->depth == end) {
				s->in_value = false;
				return i + 1;
			}
		}
	}
	return len;
}

/* data[from..to) belongs to the current value, which may end there. */
static int take(struct json_split *s, const char *data, size_t len,
		struct err *err)
{
	int rc;

	if (s->in_value || s->value.len || len > s->value.max) {
		buf_add(&s->value, data, len);
		if (buf_check(&s->value, "an object of the API server",
			      err) < 0)
			return -1;
	}
	if (s->in_value)
		return 0;
	if (!s->value.len)
		return s->on_value(s->arg, data, len, err);
	rc = s->on_value(s->arg, s->value.data, s->value.len, err);
	/* a rare giant does not keep its memory for ever */
	if (s->value.alloc > 64 * 1024)
		buf_release(&s->value);
	else
		buf_reset(&s->value);
	return rc;
}

int json_split_feed(struct json_split *s, const char *data, size_t len,
		    struct err *err)
{
	for (size_t i = 0; i < len;) {
		bool begins = s->in_value;
		size_t end;

		if (!begins && s->mode == SPLIT_ITEMS && !s->in_items) {
			if (around(s, data[i++], err) < 0)
				return -1;
			continue;
		}
		if (!begins && between(s, data[i], &begins, err) < 0)
			return -1;
		if (!begins) {
			i++;
			continue;
		}
		s->in_value = true;
		end = through(s, data, i, len);
		if (take(s, data + i, end - i, err) < 0)
			return -1;
		i = end;
	}
	return 0;
}

int json_split_end(const struct json_split *s, struct err *err)
{
	if (s->in_value || (s->mode == SPLIT_ITEMS && !s->done))
		return err_set(err, ERR_TRANSIENT,
			       "the API server's answer is cut off");
	return 0;
}
