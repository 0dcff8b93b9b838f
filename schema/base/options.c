/* Options by a table. See options.h. */
#include "config.h"
#include "schema/base/options.h"

#include <getopt.h>

#include "schema/base/complete.h"
#include "schema/base/mem.h"
#include "schema/base/program.h"

/* values that getopt_long returns: behind all letters */
#define FIRST 256

const struct option_spec options_none[] = { OPTION_END };

static int take(const struct option_spec *s, const char *usage)
{
	struct err err = ERR_INIT;

	if (s->flag) {
		*s->flag = !s->off;
	} else if (s->text) {
		*s->text = optarg;
	} else if (s->take(s->target, optarg, &err) < 0) {
		char letter[2] = { s->letter, '\0' };

		return usage_error(usage, "%s%s '%s' %s", s->name ? "--" : "-",
				   s->name ? s->name : letter, optarg,
				   err.msg);
	}
	return -1;
}

/* What getopt_long wants to know of them. */
static void describe(const struct option_spec *specs, struct option *longs,
		     char *letters)
{
	size_t n = 0;

	*letters++ = 'h';
	for (size_t i = 0; specs[i].name || specs[i].letter; i++) {
		const struct option_spec *s = &specs[i];
		bool argument = !s->flag;

		if (i >= OPTIONS_MAX)
			BUG("more options than OPTIONS_MAX");
		if (s->name)
			longs[n++] = (struct option){
				s->name, argument ? required_argument :
						    no_argument,
				NULL, FIRST + (int)i };
		if (s->letter) {
			*letters++ = s->letter;
			if (argument)
				*letters++ = ':';
		}
	}
	longs[n] = (struct option){ "help", no_argument, NULL, 'h' };
}

static const struct option_spec *find(const struct option_spec *specs, int c)
{
	if (c >= FIRST)
		return &specs[c - FIRST];
	while (specs->letter != (char)c)
		specs++;
	return specs;
}

int options_parse(const struct option_spec *specs, const char *usage,
		  int argc, char **argv)
{
	struct option longs[OPTIONS_MAX + 2] = { 0 };
	char letters[2 * OPTIONS_MAX + 2] = "";
	int c;

	if (complete_asked()) {
		complete_answer(specs, usage);
		return EXIT_OK;
	}
	describe(specs, longs, letters);
	optind = 1;
	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		int status = c == 'h' ? usage_help(usage) :
			     c == '?' ? usage_error(usage, NULL) :
			     take(find(specs, c), usage);

		if (status >= 0)
			return status;
	}
	return -1;
}

int options_parse_alone(const struct option_spec *specs, const char *usage,
			int argc, char **argv)
{
	int status = options_parse(specs, usage, argc, argv);

	if (status < 0 && optind < argc)
		return usage_error(usage, "no argument is taken: '%s'",
				   argv[optind]);
	return status;
}
