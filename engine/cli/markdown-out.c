/*
 * Bounded markdown. See markdown-out.h. What comes here is scrubbed.
 */
#include "config.h"
#include "engine/cli/markdown-out.h"

#include <stdio.h>
#include <string.h>

/* for the words around the list */
#define WORDS_BYTES 200

static void move_all(struct strvec *from, struct strvec *to)
{
	for (size_t i = 0; i < from->n; i++)
		strvec_push(to, from->v[i]);
	strvec_release(from);
	*from = (struct strvec)STRVEC_INIT;
}

void markdown_add(struct markdown *m, const char *line, const char *text,
		  size_t len)
{
	size_t limit = m->over ? MARKDOWN_SHOWN_BYTES : MARKDOWN_BYTES;

	if (m->all) {
		fwrite(text, 1, len, stdout);
		return;
	}
	if (m->text.len + len > limit) {
		/* room for the names of what was held to fit */
		if (!m->over)
			buf_truncate(&m->text, m->sure);
		m->over = true;
		move_all(&m->later, &m->listed);
		strvec_push(&m->listed, line);
		return;
	}
	buf_add(&m->text, text, len);
	if (m->text.len <= MARKDOWN_SHOWN_BYTES)
		m->sure = m->text.len;
	else
		strvec_push(&m->later, line);
}

void markdown_end(struct markdown *m)
{
	size_t used = m->text.len + WORDS_BYTES, i = 0;

	fwrite(m->text.data, 1, m->text.len, stdout);
	if (m->listed.n && !m->names)
		puts("Not shown, since this would be too long:\n");
	for (; i < m->listed.n; i++) {
		used += strlen(m->listed.v[i]);
		if (used > MARKDOWN_BYTES)
			break;
		fputs(m->listed.v[i], stdout);
	}
	if (i < m->listed.n)
		printf("\nand %zu more\n",
		       m->listed.n - i);
	buf_release(&m->text);
	strvec_release(&m->later);
	strvec_release(&m->listed);
}
