/*
 * How a channel's page is written: the frame, and the clusters. See page.h.
 * It is whole without a script and without its style, so for any browser and
 * any reader; the script renews it and counts how long ago things were. Every
 * text that is not ours goes through html.h.
 */
#include "config.h"
#include "hooks/page.h"

#include <inttypes.h>
#include <string.h>

#include "hooks/after.h"
#include "hooks/html.h"
#include "schema/base/digest.h"
#include "schema/base/num.h"

/* what is shown of a message */
#define MESSAGE_BYTES 1024
/* beyond this, messages and failures are left out: a page that is larger is
 * of no use, and hundreds of clusters may have 64 KiB each to say */
#define FULL_BYTES (1024u * 1024)
/* seconds between two looks of a browser without a script */
#define RELOAD "60"

static const char style[] =
#include "hooks/page/page-css.inc"
;
static const char script[] =
#include "hooks/page/page-js.inc"
;

/* ---- what may be in it ---- */

static void add_hash(struct buf *out, const char *text)
{
	struct sha256 digest;

	sha256_of(text, strlen(text), &digest);
	buf_adds(out, "'sha256-");
	base64_encode(out, &digest, sizeof(digest));
	buf_adds(out, "'");
}

/* In the page itself, for other web servers than ours; there browsers want no
 * frame-ancestors. */
static void add_policy(struct buf *out)
{
	buf_adds(out, "default-src 'none'; style-src ");
	add_hash(out, style);
	buf_adds(out, "; script-src ");
	add_hash(out, script);
	buf_adds(out, "; connect-src 'self'; img-src data:; base-uri 'none'; "
		 "form-action 'none'");
}

void page_policy(struct buf *out)
{
	add_policy(out);
	buf_adds(out, "; frame-ancestors 'none'");
}

/* ---- one cluster ---- */

static const char *state_name(const struct page_cluster *c)
{
	return c->broken ? "unreadable" : !c->reported ? "not heard" :
	       cluster_phase_name(c->report.phase);
}

static void add_row(struct buf *out, const char *name)
{
	buf_addf(out, "<div><dt>%s</dt><dd>", name);
}

static void end_row(struct buf *out)
{
	buf_adds(out, "</dd></div>\n");
}

static void add_place(const struct page *p, const struct cluster_report *r,
		      struct buf *out)
{
	const struct page_bundle *newest = &p->chain[0];
	const struct bundle *b = &newest->commit.bundle;

	add_row(out, "Bundle");
	buf_addf(out, "%" PRIu64 ".%" PRIu64, r->epoch, r->sequence);
	if (!p->n_chain || newest->broken)
		;
	else if (!strcmp(r->bundle, newest->id))
		buf_adds(out, ", the newest");
	else if (r->epoch == b->epoch && r->sequence < b->sequence)
		buf_addf(out, ", <strong>%" PRIu64 " behind</strong> the "
			 "newest, %" PRIu64 ".%" PRIu64,
			 b->sequence - r->sequence, b->epoch, b->sequence);
	else
		buf_addf(out, ", <strong>not</strong> the newest, %" PRIu64
			 ".%" PRIu64, b->epoch, b->sequence);
	end_row(out);
}

static void add_applied(const struct page_cluster *c, struct buf *out)
{
	const struct cluster_report *r = &c->report;

	if (!strcmp(r->applied_bundle, r->bundle))
		return;
	add_row(out, "Applied");
	if (*r->applied_bundle)
		buf_addf(out, "%" PRIu64 ".%" PRIu64, r->applied_epoch,
			 r->applied_sequence);
	else
		buf_adds(out, "nothing yet");
	if (*c->applied.id) {
		buf_adds(out, ": ");
		page_source_html(&c->applied, out);
	}
	end_row(out);
}

static void add_count(struct buf *out, uint64_t n, const char *what)
{
	if (n)
		buf_addf(out, ", <strong>%" PRIu64 " %s</strong>", n, what);
}

static void add_objects(const struct cluster_report *r, struct buf *out)
{
	add_row(out, "Objects");
	if (r->ready == r->total)
		buf_addf(out, "%" PRIu64 ", all ready", r->total);
	else
		buf_addf(out, "%" PRIu64 " of %" PRIu64 " ready", r->ready,
			 r->total);
	if (r->progressing)
		buf_addf(out, ", %" PRIu64 " on their way", r->progressing);
	add_count(out, r->failed, "failed");
	add_count(out, r->drifted, "drifted");
	add_count(out, r->fighting, "changed back again and again by others");
	end_row(out);
}

static void add_failures(const struct cluster_report *r, struct buf *out)
{
	if (!r->n_failures)
		return;
	buf_adds(out, "<div class=\"wide\" tabindex=\"0\"><table class="
		 "\"failures\">\n<caption>What fails</caption>\n<thead><tr>"
		 "<th scope=\"col\">Where</th><th scope=\"col\">Object</th>"
		 "<th scope=\"col\">Reason</th><th scope=\"col\">Message</th>"
		 "</tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < r->n_failures; i++) {
		const struct cluster_failure *f = &r->failures[i];

		buf_adds(out, "<tr><th scope=\"row\"><code>");
		html_string(out, *f->source ? f->source : "not known");
		buf_adds(out, "</code></th><td><code>");
		html_string(out, f->object);
		buf_adds(out, "</code></td><td>");
		html_string(out, f->reason);
		buf_adds(out, "</td><td><bdi>");
		html_text(out, f->message, strlen(f->message), MESSAGE_BYTES);
		buf_adds(out, "</bdi></td></tr>\n");
	}
	buf_adds(out, "</tbody></table></div>\n");
}

static void add_details(const struct cluster_report *r, struct buf *out)
{
	if (out->len > FULL_BYTES) {
		buf_addf(out, "<p>%zu failure%s, which %s not shown here: the "
			 "page is full.</p>\n", r->n_failures,
			 plural(r->n_failures),
			 r->n_failures == 1 ? "is" : "are");
		return;
	}
	if (r->phase != CLUSTER_HEALTHY && r->phase != CLUSTER_APPLYING) {
		buf_adds(out, "<p class=\"message\"><strong>");
		html_string(out, r->reason);
		buf_adds(out, "</strong>");
		if (*r->message)
			buf_adds(out, ": <bdi>");
		html_text(out, r->message, strlen(r->message), MESSAGE_BYTES);
		buf_adds(out, *r->message ? "</bdi></p>\n" : "</p>\n");
	}
	add_failures(r, out);
}

static void add_report(const struct page *p, const struct page_cluster *c,
		       struct buf *out)
{
	const struct cluster_report *r = &c->report;

	buf_adds(out, "<dl>\n");
	add_row(out, "Since");
	html_time(out, NULL, r->since);
	end_row(out);
	add_place(p, r, out);
	add_row(out, "Source");
	page_source_html(&c->source, out);
	end_row(out);
	add_applied(c, out);
	add_objects(r, out);
	add_row(out, "Last heard");
	html_time(out, "heard", r->issued);
	end_row(out);
	buf_adds(out, "</dl>\n");
	if (r->stale)
		buf_adds(out, "<p class=\"note\"><strong>Stale</strong>: the "
			 "newest head that this cluster could get has expired. "
			 "It does not hear of newer bundles.</p>\n");
	add_details(r, out);
}

static void add_cluster(const struct page *p, const struct page_cluster *c,
			struct buf *out)
{
	const char *state = state_name(c);

	/* both are of our own grammars */
	buf_adds(out, "<section class=\"cluster\" aria-labelledby=\"cluster-");
	html_string(out, c->name);
	buf_adds(out, "\">\n<h3 id=\"cluster-");
	html_string(out, c->name);
	buf_adds(out, "\">");
	html_string(out, c->name);
	buf_addf(out, " <span class=\"phase %s\">%s</span></h3>\n",
		 c->broken ? "failed" : !c->reported ? "unheard" : state,
		 state);
	if (c->broken) {
		buf_adds(out, "<p>Its last report cannot be read: ");
		html_text(out, c->broken, strlen(c->broken), MESSAGE_BYTES);
		buf_adds(out, "</p>\n");
	} else if (c->reported) {
		add_report(p, c, out);
	} else {
		buf_adds(out, "<p>It may report, and has not yet.</p>\n");
	}
	buf_adds(out, "</section>\n");
}

/* ---- all of them ---- */

static bool is_ill(enum page_state s)
{
	return s != PAGE_HEALTHY && s != PAGE_APPLYING;
}

/* "1 failed, 1 healthy" */
static void add_states(const struct page *p, struct buf *out)
{
	static const char *const names[] = {
		"unreadable", "failed", "refused", "waiting for approvals",
		"suspended", "healthy with an older bundle", "applying",
		"not heard yet", "healthy",
	};
	bool first = true;

	for (int state = PAGE_BROKEN; state <= PAGE_HEALTHY; state++) {
		size_t n = 0;

		for (size_t i = 0; i < p->n_clusters; i++)
			n += (int)page_state(p, &p->clusters[i]) == state;
		if (!n)
			continue;
		buf_addf(out, "%s%zu %s", first ? "" : ", ", n, names[state]);
		first = false;
	}
}

/* "2 clusters: 1 failed, 1 healthy" */
static void add_summary(const struct page *p, struct buf *out)
{
	if (!p->n_clusters)
		return;
	buf_addf(out, "<p class=\"summary\">%zu cluster%s: ", p->n_clusters,
		 plural(p->n_clusters));
	add_states(p, out);
	buf_adds(out, "</p>\n");
}

static void add_broken(const char *what, const char *why, struct buf *out)
{
	buf_addf(out, "<p class=\"note\">%s: ", what);
	html_text(out, why, strlen(why), MESSAGE_BYTES);
	buf_adds(out, "</p>\n");
}

/* What was pushed and may not be published yet. */
static void add_waits(const struct page *p, struct buf *out)
{
	if (p->waits_broken)
		add_broken("Whether anything waits for another channel cannot "
			   "be told", p->waits_broken, out);
	if (!*p->waits.id)
		return;
	buf_addf(out, "<p class=\"note\"><strong>Waits for %s</strong>, which "
		 "must be healthy for ", p->ch->after);
	after_duration(p->ch->after_seconds, out);
	buf_adds(out, " with it: ");
	page_source_html(&p->waits, out);
	buf_adds(out, "</p>\n");
}

static void add_clusters(const struct page *p, struct buf *out)
{
	buf_adds(out, "<section aria-labelledby=\"clusters\">\n"
		 "<h2 id=\"clusters\">Clusters</h2>\n");
	add_summary(p, out);
	add_waits(p, out);
	if (!p->ch->reporters)
		buf_addf(out, "<p>Reports are not taken: "
			 "<code>windlass.%s.reporters</code> is not set.</p>\n",
			 p->ch->name);
	else if (!p->n_clusters)
		buf_adds(out, "<p>No cluster has reported yet.</p>\n");
	if (p->reporters_broken)
		add_broken("The list of reporters cannot be used",
			   p->reporters_broken, out);
	buf_adds(out, "<div class=\"clusters\">\n");
	for (size_t i = 0; i < p->n_clusters; i++)
		add_cluster(p, &p->clusters[i], out);
	buf_adds(out, "</div>\n</section>\n");
}

/* ---- the frame ---- */

/* What a tab shows: the worst that is. */
static void add_title(const struct page *p, struct buf *out)
{
	const struct page_cluster *c = p->clusters;

	buf_addf(out, "<title>%s", p->ch->name);
	if (p->n_clusters && is_ill(page_state(p, c))) {
		buf_adds(out, ": ");
		html_string(out, c->name);
		buf_addf(out, " %s", page_state(p, c) == PAGE_BEHIND ?
			 "behind" : state_name(c));
	} else if (*p->waits.id) {
		buf_addf(out, ": waits for %s", p->ch->after);
	} else if (p->n_clusters) {
		buf_addf(out, ": %s", state_name(c));
	}
	buf_adds(out, "</title>\n");
}

/* In few words, for the list of channels. */
static void add_description(const struct page *p, struct buf *out)
{
	size_t live = 0;

	for (size_t i = 0; i < p->n_clusters; i++)
		live += page_state(p, &p->clusters[i]) == PAGE_HEALTHY;
	buf_adds(out, PAGE_DESCRIPTION);
	if (!p->n_clusters)
		buf_adds(out, "no cluster reports");
	else if (live == p->n_clusters)
		buf_adds(out, "live");
	else
		add_states(p, out);
	if (*p->waits.id)
		buf_addf(out, "; waits for %s", p->ch->after);
	buf_adds(out, "\">\n");
}

void page_begin_html(struct buf *out)
{
	buf_adds(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		 "<meta charset=\"utf-8\">\n"
		 "<meta http-equiv=\"Content-Security-Policy\" content=\"");
	add_policy(out);
	buf_adds(out, "\">\n<meta name=\"viewport\" content=\"width=device-"
		 "width, initial-scale=1\">\n"
		 "<meta name=\"referrer\" content=\"no-referrer\">\n"
		 "<meta name=\"robots\" content=\"noindex\">\n"
		 "<meta name=\"color-scheme\" content=\"light dark\">\n"
		 "<noscript><meta http-equiv=\"refresh\" content=\"" RELOAD
		 "\"></noscript>\n<link rel=\"icon\" href=\"data:,\">\n");
}

void page_begin_main_html(struct buf *out)
{
	buf_addf(out, "<style>%s</style>\n</head>\n<body>\n<main>\n", style);
}

void page_end_html(struct buf *out)
{
	buf_addf(out, "</main>\n<footer>\n<p>windlass " PACKAGE_VERSION
		 ". Times are UTC. <span id=\"link\" role=\"status\"></span>"
		 "</p>\n</footer>\n<script>%s</script>\n</body>\n</html>\n",
		 script);
}

void page_html(const struct page *p, struct buf *out)
{
	page_begin_html(out);
	add_title(p, out);
	add_description(p, out);
	page_begin_main_html(out);
	buf_addf(out, "<h1>%s</h1>\n", p->ch->name);
	add_clusters(p, out);
	page_newest_html(p, out);
	page_chain_html(p, out);
	page_end_html(out);
}
