/*
 * The bundles of a channel's page. See page.h. A bundle without a good
 * signature is told as that and nothing of it is believed; the texts of
 * source commits are anybody's.
 */
#include "config.h"
#include "hooks/page.h"

#include <inttypes.h>
#include <string.h>

#include "hooks/html.h"
#include "schema/base/num.h"

/* of a commit's id */
#define SHORT_ID 12

static void add_line(struct buf *out, const char *s)
{
	buf_adds(out, "<bdi>");
	html_text(out, s, strlen(s), PAGE_LINE_BYTES);
	buf_adds(out, "</bdi>");
}

/* "Ada" of "Ada <ada@example.org>"; the address of who has no name */
static void add_person(struct buf *out, const char *who)
{
	const char *end = strstr(who, " <");
	size_t len = end && end > who ? (size_t)(end - who)
				      : bundle_ident_person(who);

	buf_adds(out, "<bdi>");
	html_text(out, who, len, PAGE_LINE_BYTES);
	buf_adds(out, "</bdi>");
}

void page_source_html(const struct page_source *s, struct buf *out)
{
	if (!*s->id) {
		buf_adds(out, "not known");
		return;
	}
	buf_addf(out, "<code title=\"%s\">%.*s</code>", s->id, SHORT_ID,
		 s->id);
	if (s->subject) {
		buf_addc(out, ' ');
		add_line(out, s->subject);
	}
	if (s->author) {
		buf_adds(out, " <span class=\"by\">by ");
		add_person(out, s->author);
		if (s->when >= 0) {
			buf_adds(out, ", ");
			html_time(out, NULL, s->when);
		}
		buf_adds(out, "</span>");
	}
}

/* A name that stands there twice, of a consent that was renewed, is told
 * once; they are sorted by their refs, so by name. */
static void add_names(struct buf *out, const struct strvec *names,
		      const char *none)
{
	const char *before = NULL;

	for (size_t i = 0; i < names->n; i++) {
		if (before && !strcmp(before, names->v[i]))
			continue;
		if (before)
			buf_adds(out, ", ");
		html_string(out, names->v[i]);
		before = names->v[i];
	}
	if (!before)
		buf_adds(out, none);
}

static void add_pushers(struct buf *out, const struct pushers *p,
			const char *none)
{
	for (size_t i = 0; i < p->n; i++) {
		buf_adds(out, i ? ", " : "");
		html_string(out, p->v[i]);
	}
	if (!p->n)
		buf_adds(out, none);
}

static void add_changes(struct buf *out, const struct bundle *b)
{
	buf_addf(out, "+%" PRIu64 " ~%" PRIu64 " &#8722;%" PRIu64, b->created,
		 b->changed, b->deleted);
}

/* ---- the newest ---- */

static void add_row(struct buf *out, const char *name)
{
	buf_addf(out, "<div><dt>%s</dt><dd>", name);
}

static void end_row(struct buf *out)
{
	buf_adds(out, "</dd></div>\n");
}

static void add_signer(const struct page_bundle *n, struct buf *out)
{
	struct buf print = BUF_INIT(128);

	add_row(out, "Signed by");
	add_person(out, n->commit.committer);
	sshkey_fingerprint(&n->key, &print);
	buf_addf(out, ", <code>%s %s</code>", sshkey_type_name(n->key.type),
		 print.data);
	buf_release(&print);
	end_row(out);
}

/* Whose consent is missing is known to the clusters: they have the lists. */
static void add_waiting(const struct page *p, struct buf *out)
{
	for (size_t i = 0; i < p->n_clusters; i++) {
		const struct page_cluster *c = &p->clusters[i];
		const char *message = c->report.message;

		if (!c->reported || c->report.phase != CLUSTER_WAITING ||
		    strcmp(c->report.bundle, p->chain[0].id))
			continue;
		buf_adds(out, "<br><strong>");
		html_string(out, c->name);
		buf_adds(out, " waits</strong>: ");
		add_line(out, message);
	}
}

static void add_newest(const struct page *p, struct buf *out)
{
	const struct page_bundle *n = &p->chain[0];
	const struct bundle *b = &n->commit.bundle;

	buf_adds(out, "<dl>\n");
	add_row(out, "Bundle");
	buf_addf(out, "%" PRIu64 ".%" PRIu64 " <code>%s</code>", b->epoch,
		 b->sequence, n->id);
	end_row(out);
	add_row(out, "Published");
	html_time(out, NULL, b->issued);
	end_row(out);
	add_row(out, "Source");
	page_source_html(&n->source, out);
	buf_adds(out, " on <code>");
	html_string(out, b->source_ref);
	buf_adds(out, "</code>");
	end_row(out);
	add_row(out, "Objects");
	buf_addf(out, "%" PRIu64 ", ", b->objects);
	add_changes(out, b);
	end_row(out);
	add_row(out, "Pushed by");
	add_pushers(out, &b->pushers, "not recorded: the push was not signed");
	end_row(out);
	add_signer(n, out);
	add_row(out, "Approved by");
	add_names(out, &n->said.approved, "nobody");
	add_waiting(p, out);
	end_row(out);
	if (n->said.rejected.n) {
		add_row(out, "Rejected by");
		buf_adds(out, "<strong>");
		add_names(out, &n->said.rejected, "nobody");
		buf_adds(out, "</strong>");
		end_row(out);
	}
	buf_adds(out, "</dl>\n");
}

static void add_broken(const struct page_bundle *b, struct buf *out)
{
	buf_addf(out, "<strong>%.*s cannot be told</strong>: ", SHORT_ID,
		 b->id);
	add_line(out, b->broken);
}

void page_newest_html(const struct page *p, struct buf *out)
{
	buf_adds(out, "<section aria-labelledby=\"newest\">\n"
		 "<h2 id=\"newest\">Newest bundle</h2>\n");
	if (!p->n_chain) {
		buf_adds(out, "<p>Nothing was published yet.</p>\n");
	} else if (p->chain[0].broken) {
		buf_adds(out, "<p class=\"note\">");
		add_broken(&p->chain[0], out);
		buf_adds(out, "</p>\n");
	} else {
		add_newest(p, out);
	}
	buf_adds(out, "</section>\n");
}

/* ---- the chain ---- */

/* What clusters have of this bundle. */
static void add_live(const struct page *p, const struct page_bundle *b,
		     struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < p->n_clusters; i++) {
		const struct page_cluster *c = &p->clusters[i];
		const struct cluster_report *r = &c->report;
		bool about = c->reported && !strcmp(r->bundle, b->id);

		if (!about && (!c->reported ||
			       strcmp(r->applied_bundle, b->id)))
			continue;
		buf_adds(out, first ? "" : ", ");
		html_string(out, c->name);
		buf_addf(out, " (%s)", about ? cluster_phase_name(r->phase)
					     : "applied");
		first = false;
	}
}

static void add_bundle(const struct page *p, const struct page_bundle *n,
		       struct buf *out)
{
	const struct bundle *b = &n->commit.bundle;

	if (n->broken) {
		buf_adds(out, "<tr><td colspan=\"7\">");
		add_broken(n, out);
		buf_adds(out, "</td></tr>\n");
		return;
	}
	buf_addf(out, "<tr><th scope=\"row\">%" PRIu64 ".%" PRIu64 "</th><td>",
		 b->epoch, b->sequence);
	html_time(out, NULL, b->issued);
	buf_adds(out, "</td><td>");
	page_source_html(&n->source, out);
	buf_adds(out, "</td><td>");
	add_pushers(out, &b->pushers, "");
	buf_adds(out, "</td><td>");
	add_names(out, &n->said.approved, "");
	if (n->said.rejected.n) {
		buf_adds(out, n->said.approved.n ? "; " : "");
		buf_adds(out, "<strong>rejected</strong> by ");
		add_names(out, &n->said.rejected, "");
	}
	buf_adds(out, "</td><td class=\"changes\">");
	add_changes(out, b);
	buf_adds(out, "</td><td>");
	add_live(p, n, out);
	buf_adds(out, "</td></tr>\n");
}

void page_chain_html(const struct page *p, struct buf *out)
{
	if (!p->n_chain)
		return;
	buf_addf(out, "<section aria-labelledby=\"chain\">\n"
		 "<h2 id=\"chain\">Chain</h2>\n<div class=\"wide\" "
		 "tabindex=\"0\"><table>\n<caption>The last %zu bundle%s, the "
		 "newest first</caption>\n<thead><tr>", p->n_chain,
		 plural(p->n_chain));
	buf_adds(out, "<th scope=\"col\">Bundle</th>"
		 "<th scope=\"col\">Published</th>"
		 "<th scope=\"col\">Source</th>"
		 "<th scope=\"col\">Pushed by</th>"
		 "<th scope=\"col\">Approved by</th>"
		 "<th scope=\"col\">Changes</th>"
		 "<th scope=\"col\">In</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < p->n_chain; i++)
		add_bundle(p, &p->chain[i], out);
	buf_adds(out, "</tbody></table></div>\n</section>\n");
}
