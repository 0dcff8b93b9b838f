/*
 * An expression, parsed: a tree in the program's arena. Macros are nodes of
 * their own (CEL_FOLD), not the comprehensions that they stand for.
 */
#ifndef SCHEMA_CEL_AST_H
#define SCHEMA_CEL_AST_H

#include "schema/cel/value.h"

enum cel_op {
	CEL_LITERAL,
	CEL_IDENT,	/* name */
	CEL_SELECT,	/* args[0].name, or args[0].?name */
	CEL_HAS,	/* has(args[0].name) */
	CEL_INDEX,	/* args[0][args[1]], or args[0][?args[1]] */
	CEL_LIST,	/* args */
	CEL_MAP,	/* args: key, value, key, value... */
	CEL_MESSAGE,	/* Name{...}: parsed, never evaluated */
	CEL_CALL,	/* name(args), or args[0].name(args) if member */
	CEL_AND,
	CEL_OR,
	CEL_IF,		/* args[0] ? args[1] : args[2] */
	CEL_NOT,
	CEL_NEGATE,
	CEL_EQ,
	CEL_NE,
	CEL_LT,
	CEL_LE,
	CEL_GT,
	CEL_GE,
	CEL_IN,
	CEL_ADD,
	CEL_SUB,
	CEL_MUL,
	CEL_DIV,
	CEL_MOD,
	CEL_FOLD,	/* args[0]: what is walked; args[1...]: for each */
};

enum cel_fold {
	FOLD_ALL,
	FOLD_EXISTS,
	FOLD_EXISTS_ONE,
	FOLD_MAP,		/* map() and transformList() */
	FOLD_FILTER,
	FOLD_TRANSFORM_MAP,
	FOLD_TRANSFORM_ENTRY,
	FOLD_SORT_BY,
	FOLD_OPT_MAP,
	FOLD_OPT_FLAT_MAP,
};

struct cel_expr {
	uint8_t op;		/* enum cel_op */
	uint8_t fold;		/* enum cel_fold */
	bool optional;		/* SELECT, INDEX: with a question mark */
	bool member;		/* CALL */
	uint32_t n;		/* args */
	uint32_t column;	/* of its first token, from 1 */
	struct cel_expr **args;
	bool *optionals;	/* LIST: of each item, MAP: of each pair;
				   NULL: none is */
	const char *name;	/* in the program's arena */
	const char *var[2];	/* FOLD; var[1] may be NULL */
	struct cel_value value;			/* LITERAL */
	const struct cel_function **functions;	/* CALL: of that name and
						   style, NULL behind the last;
						   NULL: none are known */
	struct pattern *pattern;	/* CALL: the compiled constant regular
					   expression, or NULL */
	struct cel_expr *next_pattern;	/* another one of the program */
};

struct cel_program {
	struct arena arena;
	const char *text;
	size_t len;
	struct cel_expr *root;
	bool old_self;
	struct cel_expr *patterns;	/* all that have one */
};

/* ---- tokens ---- */

enum cel_token_type {
	TOKEN_END,
	TOKEN_IDENT,
	TOKEN_INT,
	TOKEN_UINT,
	TOKEN_FLOAT,
	TOKEN_STRING,
	TOKEN_BYTES,
	TOKEN_PUNCT,		/* text[0], and text[1] if len is 2 */
};

struct cel_token {
	enum cel_token_type type;
	const char *text;
	size_t len;
	uint32_t column;	/* in characters, from 1 */
};

struct cel_lexer {
	const char *next, *end;
	uint32_t column;
};

/* The next token: 0, or -1 with an error that begins with the column. */
int cel_lex(struct cel_lexer *l, struct cel_token *ret, struct err *err);
/* The value of a literal; sign is '-' or 0. */
int cel_literal(struct arena *a, const struct cel_token *t, char sign,
		struct cel_value *ret, struct err *err);

/* ---- names ---- */

/* A type's name that can stand for a value: "int", "google.protobuf.Duration".
 * NULL if it is none. */
const char *cel_type_named(const char *name);
/* Functions of this name in the style of the call, NULL behind the last; or
 * NULL. */
const struct cel_function **cel_functions(struct arena *a, const char *name,
					  bool member);

/* After parsing: 0, or -1 with an error. An expression that is too deep to be
 * evaluated loses its root. */
int cel_resolve(struct cel_program *p, struct err *err);
void cel_patterns_free(struct cel_program *p);

/* ---- evaluation, between its files ---- */

struct cel_scope {
	const char *name;
	struct cel_value value;
	struct cel_scope *up;
};

struct cel_value cel_run(struct cel_run *r, const struct cel_expr *e);
struct cel_value cel_run_fold(struct cel_run *r, const struct cel_expr *e);
struct cel_value cel_run_call(struct cel_run *r, const struct cel_expr *e);
/* Sorted as by sort(): fold.c */
struct cel_value cel_sort(struct cel_run *r, const struct cel_list *l);
/* Fields and indexes: access.c */
struct cel_value cel_run_access(struct cel_run *r, const struct cel_expr *e);
struct cel_value cel_run_has(struct cel_run *r, const struct cel_expr *e);
/* + - * / % and unary -: arith.c */
struct cel_value cel_arith(struct cel_run *r, enum cel_op op,
			   struct cel_value a, struct cel_value b);
struct cel_value cel_negate(struct cel_value v);

#endif
