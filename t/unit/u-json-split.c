/*
 * Cutting streams into values, whatever the pieces they arrive in.
 */
#include "config.h"

#include <stdlib.h>

#include "engine/json-split.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "t/unit/tap.h"

static struct buf got = BUF_INIT(16 << 20);

static int collect(void *arg, const char *json, size_t len, struct err *err)
{
	buf_add(&got, json, len);
	buf_addc(&got, '|');
	if (arg && got.len > 20)
		return err_set(err, ERR_DENIED, "enough");
	return 0;
}

/* Feeds text in pieces of n bytes; 0 if all of it was taken, and ended. */
static int feed(enum json_split_mode mode, size_t max, const char *text,
		size_t n, struct buf *rest, struct err *err)
{
	struct json_split s;
	size_t len = strlen(text);
	int rc = 0;

	buf_reset(&got);
	json_split_init(&s, mode, max, collect, NULL);
	for (size_t i = 0; i < len && rc == 0; i += n) {
		/* a copy of exact size: reading past it is an error */
		size_t piece = len - i < n ? len - i : n;
		char *copy = xmemdup(text + i, piece);

		rc = json_split_feed(&s, copy, piece, err);
		free(copy);
	}
	if (rc == 0)
		rc = json_split_end(&s, err);
	if (rest)
		buf_add(rest, s.rest.data, s.rest.len);
	json_split_release(&s);
	return rc;
}

static void all_pieces(enum json_split_mode mode, const char *text,
		       const char *want, const char *want_rest,
		       const char *what)
{
	int good = 0, tries = 0;

	for (size_t n = 1; n <= strlen(text) + 1; n++) {
		struct buf rest = BUF_INIT(4096);
		struct err err = ERR_INIT;

		tries++;
		if (feed(mode, 100, text, n, &rest, &err) == 0 &&
		    !strcmp(got.data, want) && !strcmp(rest.data, want_rest))
			good++;
		else
			printf("# pieces of %zu: %s\n#  got: %s\n#   want: %s"
			       "\n# rest: %s\n", n, err.msg, got.data, want,
			       rest.data);
		buf_release(&rest);
	}
	is_int(good, tries, what);
}

static void refused(enum json_split_mode mode, const char *text,
		    enum err_class class, const char *what)
{
	struct err err = ERR_INIT;

	is_int(feed(mode, 100, text, 3, NULL, &err), -1, what);
	is_int(err.class, class, err.msg);
}

static void test_frames(void)
{
	all_pieces(SPLIT_FRAMES, "", "", "", "nothing");
	all_pieces(SPLIT_FRAMES, "{\"a\":1}\n{\"b\":{}}\n", "{\"a\":1}|"
		   "{\"b\":{}}|", "", "frames by line");
	all_pieces(SPLIT_FRAMES, " {}{}\r\n\t{} ", "{}|{}|{}|", "",
		   "frames without lines");
	all_pieces(SPLIT_FRAMES, "{\"a\":\"}{\\\"]\\\\\",\"b\":[{},[\"]\"]]}"
		   "{}", "{\"a\":\"}{\\\"]\\\\\",\"b\":[{},[\"]\"]]}|{}|", "",
		   "brackets and quotes in strings");
	refused(SPLIT_FRAMES, "{}x{}", ERR_INVALID, "text between frames");
	refused(SPLIT_FRAMES, "[]", ERR_INVALID, "a list as a frame");
	refused(SPLIT_FRAMES, "{}}", ERR_INVALID, "one bracket too many");
	refused(SPLIT_FRAMES, "{\"a\":\"", ERR_TRANSIENT, "cut in a string");
	refused(SPLIT_FRAMES, "{}\n{\"a\":1", ERR_TRANSIENT, "cut in a frame");
}

static void test_items(void)
{
	all_pieces(SPLIT_ITEMS, "{\"kind\":\"L\",\"metadata\":{\"items\":[1]},"
		   "\"items\":[{\"a\":1},\n{\"items\":[{}]}],\"z\":0}\n",
		   "{\"a\":1}|{\"items\":[{}]}|",
		   "{\"kind\":\"L\",\"metadata\":{\"items\":[1]},"
		   "\"items\":[],\"z\":0}", "the items of a list");
	all_pieces(SPLIT_ITEMS, "{\"items\":[]}", "", "{\"items\":[]}",
		   "no items");
	all_pieces(SPLIT_ITEMS, "{\"items\":null,\"a\":[{}]}", "",
		   "{\"items\":null,\"a\":[{}]}", "items that are null");
	all_pieces(SPLIT_ITEMS, "{\"kind\":\"items\",\"b\":[{}]}", "",
		   "{\"kind\":\"items\",\"b\":[{}]}",
		   "a value that is called items");
	all_pieces(SPLIT_ITEMS, "{\"items2\":[{}],\"xitems\":[{}]}", "",
		   "{\"items2\":[{}],\"xitems\":[{}]}", "names like it");
	refused(SPLIT_ITEMS, "{\"items\":[1]}", ERR_INVALID,
		"an item that is no object");
	refused(SPLIT_ITEMS, "{\"items\":[{}", ERR_TRANSIENT,
		"cut between items");
	refused(SPLIT_ITEMS, "{\"a\":1", ERR_TRANSIENT, "cut in the rest");
	refused(SPLIT_ITEMS, "", ERR_TRANSIENT, "no list at all");
	refused(SPLIT_ITEMS, "{}{}", ERR_INVALID, "two lists");
	refused(SPLIT_ITEMS, "<html>", ERR_INVALID, "no JSON");
}

static void test_limits(void)
{
	struct err err = ERR_INIT;
	char text[256], *big;

	/* {"a":"xxx"} of exactly 100 and 101 bytes */
	snprintf(text, sizeof(text), "{\"a\":\"%092d\"}{}", 0);
	is_int(feed(SPLIT_FRAMES, 100, text, 7, NULL, &err), 0,
	       "a value at its limit");
	is_int(feed(SPLIT_FRAMES, 100, text, 256, NULL, &err), 0,
	       "in one piece, too");
	snprintf(text, sizeof(text), "{\"a\":\"%093d\"}{}", 0);
	is_int(feed(SPLIT_FRAMES, 100, text, 7, NULL, &err), -1,
	       "one byte beyond");
	is_int(feed(SPLIT_FRAMES, 100, text, 256, NULL, &err), -1,
	       "in one piece, too");
	is_int(err.class, ERR_INVALID, err.msg);

	/* the real limit, in pieces as they come */
	big = malloc(LIMIT_KUBE_OBJECT_BYTES + 2);
	memset(big, ' ', LIMIT_KUBE_OBJECT_BYTES + 2);
	big[0] = '{';
	big[LIMIT_KUBE_OBJECT_BYTES - 1] = '}';
	big[LIMIT_KUBE_OBJECT_BYTES] = '\0';
	is_int(feed(SPLIT_FRAMES, LIMIT_KUBE_OBJECT_BYTES, big, 16384, NULL,
		    &err), 0, "an object at its limit");
	big[LIMIT_KUBE_OBJECT_BYTES - 1] = ' ';
	big[LIMIT_KUBE_OBJECT_BYTES] = '}';
	big[LIMIT_KUBE_OBJECT_BYTES + 1] = '\0';
	is_int(feed(SPLIT_FRAMES, LIMIT_KUBE_OBJECT_BYTES, big, 16384, NULL,
		    &err), -1, "one byte beyond");
	free(big);

	big = malloc(70000);
	memset(big, ' ', 69999);
	big[69999] = '\0';
	memcpy(big, "{\"a\":", 5);
	is_int(feed(SPLIT_ITEMS, 100, big, 1000, NULL, &err), -1,
	       "a list with too much around its items");
	is_int(err.class, ERR_INVALID, err.msg);
	free(big);
}

static void test_stop(void)
{
	static const char text[] = "{\"a\":1}{\"a\":2}{\"a\":3}{\"a\":4}";
	struct err err = ERR_INIT;
	struct json_split s;

	buf_reset(&got);
	json_split_init(&s, SPLIT_FRAMES, 100, collect, &s);
	is_int(json_split_feed(&s, text, strlen(text), &err), -1,
	       "on_value ends it");
	is_str(err.msg, "enough", "with its error");
	is_str(got.data, "{\"a\":1}|{\"a\":2}|{\"a\":3}|", "at once");
	json_split_release(&s);
}

int main(void)
{
	test_frames();
	test_items();
	test_limits();
	test_stop();
	buf_release(&got);
	return tap_done();
}
