/*
 * Completion at a shell's prompt, out of what the program reads anyway: the
 * table of commands, the tables of options, and the usage texts for what an
 * argument is. A shell asks by running
 *
 *	windlass --complete [WORD]...
 *
 * with the words behind the program's name up to the cursor; the last one is
 * what was typed of the word to complete, perhaps nothing. The answer is a
 * line for each word that is possible: the word, and behind a tab what it
 * means. A line ":files" or ":folders" says that the shell knows them.
 * Nothing is done otherwise: a command ends where its options are read.
 *
 * In a usage text, a line "  --repo DIR   the repository" says what the
 * argument of --repo is, and the synopsis the other arguments. FILE, PATH
 * and DIRECTORY, DIR, REPOSITORY are the shell's; a word in lower case
 * ("json") is meant as it is; all else the program is asked, and then the
 * description is looked at: "text, json or sarif" lists what there is.
 */
#ifndef SCHEMA_BASE_COMPLETE_H
#define SCHEMA_BASE_COMPLETE_H

#include <stdbool.h>

struct option_spec;

struct completion;

/*
 * Adds the values of what ("CHANNEL", of the usage text) that the program can
 * find out quickly; errors are nobody's, they add nothing. False if it does
 * not know that what: then it may be the shell's.
 */
typedef bool complete_fn(struct completion *c, const char *what);

/* A possible word, with what it means or NULL. It is printed if it fits. */
void completion_add(struct completion *c, const char *word,
		    const char *meaning);
/* What was typed of it. */
const char *completion_prefix(const struct completion *c);
/* Whether the command has that option; what it was given, or NULL. */
bool completion_has(const struct completion *c, const char *option);
const char *completion_option(const struct completion *c,
			      const char *option);

/*
 * The next options_parse answers instead of parsing: argv[0] is the command,
 * argv[argc - 1] the word to complete. values may be NULL.
 */
void complete_begin(int argc, char **argv, complete_fn *values);
/* For options_parse: whether to answer, and the answer. */
bool complete_asked(void);
void complete_answer(const struct option_spec *specs, const char *usage);
/* For a list of words that is no command's: those that fit. */
void complete_word(const char *prefix, const char *word, const char *meaning);

#endif
