/*
 * The parser's own state, shared with the file of macros.
 */
#ifndef SCHEMA_CEL_PARSE_H
#define SCHEMA_CEL_PARSE_H

#include "schema/cel/ast.h"

struct cel_parser {
	struct cel_program *program;
	struct cel_lexer lexer;
	struct cel_token token;		/* the next one */
	unsigned depth;
	bool deep;		/* stopped at LIMIT_CEL_DEPTH */
	struct err *err;
};

/* NULL, with the error set. */
struct cel_expr *cel_parse_error(struct cel_parser *p, uint32_t column,
				 const char *what);
struct cel_expr *cel_expr_new(struct cel_parser *p, enum cel_op op,
			      uint32_t column, uint32_t n);
/*
 * Makes a macro of a call that is one, in place: 1 if it did, 0 if it is no
 * macro, -1 with an error for a macro with wrong arguments.
 */
int cel_macro(struct cel_parser *p, struct cel_expr *call);

#endif
