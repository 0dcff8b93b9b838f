"""page-text.py FILE: the words of a page of HTML, a block a line.

Stands for a reader without style and script. Cells of a row are parted by
" | ", a term and what it says by ": ". Exits with 1 where tags do not match,
an id stands there twice, an attribute is not quoted, or there is an element
that the page is not to have.
"""
import html.parser
import re
import sys

VOID = {"meta", "link", "br"}
BLOCKS = {"p", "h1", "h2", "h3", "div", "tr", "caption", "title", "section",
          "table", "main", "footer", "dl"}
KNOWN = VOID | BLOCKS | {
    "html", "head", "body", "style", "script", "noscript", "span", "code",
    "strong", "bdi", "time", "a", "dt", "dd", "thead", "tbody", "th", "td"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.wrong = [], set(), []
        self.line, self.lines = "", []

    def complain(self, what):
        self.wrong.append("%d: %s" % (self.getpos()[0], what))

    def flush(self):
        text = " ".join(self.line.split())
        text = re.sub(r"^(\| )+|( \|)+$", "", text)
        if text:
            self.lines.append(text)
        self.line = ""

    def handle_starttag(self, tag, attributes):
        if tag not in KNOWN:
            self.complain("<%s> is not ours" % tag)
        names = [name for name, _ in attributes]
        if len(names) != len(set(names)):
            self.complain("an attribute stands there twice")
        for name, value in attributes:
            if name.startswith("on") or name == "style":
                self.complain("%s=" % name)
            if name == "id" and value in self.ids:
                self.complain("id %s stands there twice" % value)
            if name == "id":
                self.ids.add(value)
            if name in ("href", "src") and not re.match(
                    r"data:,$|[a-z0-9-]+/$", value):
                self.complain("%s leads to %s" % (name, value))
        if tag in BLOCKS:
            self.flush()
        if tag in ("td", "th"):
            self.line += " | "
        if tag == "br":
            self.flush()
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.complain("</%s> within %s" % (tag, self.open))
        else:
            self.open.pop()
        if tag in BLOCKS:
            self.flush()
        if tag == "dt":
            self.line += ": "

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.line += data

    def handle_comment(self, data):
        self.complain("a comment")


def main():
    data = open(sys.argv[1], "rb").read().decode("utf-8", "strict")
    page = Page()
    page.feed(data)
    page.close()
    page.flush()
    if page.open:
        page.complain("left open: %s" % page.open)
    if not data.startswith("<!DOCTYPE html>\n<html lang="):
        page.complain("no HTML in a language")
    if len(re.findall("<h1>", data)) != 1:
        page.complain("not one <h1>")
    print("\n".join(page.lines))
    for what in page.wrong:
        print("%s:%s" % (sys.argv[1], what), file=sys.stderr)
    return 1 if page.wrong else 0


sys.exit(main())
