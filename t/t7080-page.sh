#!/bin/bash
# The page of a channel, by serve: what is live where, since which commit, who
# signed and approved it, what fails, the chain; and who may read it
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
. "$TEST_DIR/lib-approve.sh"
. "$TEST_DIR/lib-page.sh"

page_host || bail "no host"
bundle_at() { git -C $host rev-parse "refs/windlass/prod~$1"; }
source_at() { git -C work rev-parse "HEAD~$1"; }
file=$host/windlass/public/prod/index.html

# ---- the chain, and nobody has reported

rm -f "$file"
page_serve
ok "serve makes the page when it starts" wait_for 20 page_says '^prod$'
says() { like "$(cat page.text)" "$@"; }
date='20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{8} UTC'
says '^2 clusters: 2 not heard yet$' "who may report, and has not"
says '^prod: eu-1 not heard$' "also in the title"
says "^Bundle: 1\.3 $(bundle_at 0)\$" "the newest bundle"
says "^Source: $(source_at 0 | cut -c1-12) Add an API by Ada Developer, $date on refs/heads/main\$" \
	"its commit: id, subject, author, date, ref"
says '^Objects: 2, \+1 ~0 .0$' "what it changed"
print=$(ssh-keygen -lf keys/prod.pub | cut -d' ' -f2)
ok "who signed it, as ssh-keygen prints the key" grep -qxF \
	"Signed by: windlass prod, ssh-ed25519 $print" page.text
says '^Approved by: alice$' "who approved it"
says '^The last 3 bundles, the newest first$' "the chain"
says "^1\.3 \| $date \| $(source_at 0 | cut -c1-12) Add an API by Ada Developer, $date \| \| alice \| \+1 ~0 .0" \
	"the last of it"
says "^1\.1 \| .*$(source_at 2 | cut -c1-12) Begin with a shop " "and the first"
is "$(ls $host/windlass/public/prod)" "head
index.html
packs" "the page stands beside the head, and nothing else"
is "$(stat -c %a "$file")" 640 "with a mode like its"

# ---- what clusters say

failure 'Deployment.apps shop/web' deploy/prod/web.yaml:12 ImagePullBackOff \
	'pod web-1: no such image'
failure 'Job.batch shop/migrate' - BackoffLimitExceeded -
is "$(r_cluster=us-1 r_phase=failed r_objects="9 5 1 2 1 1" r_reason=Failed \
	r_message="2 objects failed" r_applied="1.1 $(bundle_at 2)" \
	r_since=2026-11-29T10:00:00Z r_issued=2026-11-29T11:00:00Z send)" 204 \
	"a report"
truth
ok "the page tells what fails" wait_for 20 page_says '^us-1 failed$'
says '^prod: us-1 failed$' "in the title too"
says '^2 clusters: 1 failed, 1 not heard yet$' "and among all"
says '^Since: 2026-11-29 10:00:00 UTC$' "since when"
says '^Last heard: 2026-11-29 11:00:00 UTC$' "and when it was heard of last"
unlike "$(cat page.text)" 'Silent|ago' "what depends on the time is not in it"
says '^Bundle: 1\.3, the newest$' "with which bundle"
says "^Applied: 1\.1: $(source_at 2 | cut -c1-12) Begin with a shop by Ada" \
	"what is applied, and its commit"
says '^Objects: 5 of 9 ready, 1 on their way, 2 failed, 1 drifted, 1 changed back again and again by others$' \
	"of its objects, which drift and who fights"
says '^Failed: 2 objects failed$' "the reason"
says '^deploy/prod/web.yaml:12 \| Deployment.apps shop/web \| ImagePullBackOff \| pod web-1: no such image$' \
	"file and line, object, reason, message"
says '^not known \| Job.batch shop/migrate \| BackoffLimitExceeded' \
	"a failure of which the line is not known"
says '^1\.3 \|.*\| us-1 \(failed\)$' "the chain says where a bundle is"
says '^1\.1 \|.*\| us-1 \(applied\)$' "and what is still applied"

is "$(r_bundle=$(bundle_at 1) r_sequence=2 r_stale=yes r_objects="2 2 0 0 0 0" \
	r_applied="1.2 $(bundle_at 1)" send)" 204 "another one, of an older bundle"
truth
ok "says how far it is behind" wait_for 20 page_says \
	'^Bundle: 1\.2, 1 behind the newest, 1\.3$'
says '^Stale: the newest head' "and that it hears of nothing newer"
says '^2 clusters: 1 failed, 1 healthy with an older bundle$' "is no good news"
is "$(r_phase=waiting r_reason=Waiting r_applied="1.2 $(bundle_at 1)" \
	r_message="1 of 2 approvals; missing: bob" send)" 204 "it waits"
truth
ok "for whom is with the approvals" wait_for 20 page_says \
	'^eu-1 waits: 1 of 2 approvals; missing: bob$'
says '^2 clusters: 1 failed, 1 waiting for approvals$' "and above"
ok "bob rejects it" approve work keys/bob bob reject "$(bundle $host prod)"
ok "and that is told" wait_for 20 page_says '^Rejected by: bob$'
is "$(send)" 204 "healthy"
ok "it is" wait_for 20 page_says '^eu-1 healthy$'
says '^Objects: 1, all ready$' "all of it"

# ---- a push renews it, and nothing else does

put work deploy/prod/api.yaml ConfigMap api shop two
commit_push work 'Mend the API' || bail "push"
ok "a push is on it" wait_for 20 page_says '^1\.4 \|.*Mend the API'
says '^2 clusters: 1 failed, 1 healthy with an older bundle$' \
	"and clusters are behind"
settled() {
	grep -q ' job-done .*record-reports' serve.log && [ "$(grep -c ' job-started .*record-reports' serve.log)" = \
		"$(grep -c ' job-done .*record-reports' serve.log)" ]
}
ok "all that is to be done is done" wait_for 20 settled
before=$(stat -c '%i %y' "$file")
ok "made again" hook $host record-reports
is "$(stat -c '%i %y' "$file")" "$before" \
	"a page that would say the same is left alone"

# ---- HTTP

tag() { tr -d '\r' <page.headers | sed -n 's/^ETag: //p'; }
has() { like "$(tr -d '\r' <page.headers)" "^$1" "$2"; }
is "$(page_get /prod/index.html)" 200 "by its other name"
ok "it is the file" cmp page "$file"
etag=$(tag)
is "$(page_get /prod/ -H "If-None-Match: $etag")" 304 "which is not sent twice"
is "$(page_get /prod/ -H 'If-None-Match: "other"')" 200 "unless it is another"
is "$(page_get /prod/ -I)" 200 "HEAD"
is "$(tag)" "$etag" "has the same tag"
has "Content-Length: $(stat -c %s "$file")\$" "and length"
is "$(page_get /prod)" 302 "without the slash"
has 'Location: prod/$' "leads to it"
has_policy() {
	has "Content-Security-Policy: default-src 'none'; .*frame-ancestors 'none'\$" \
		"$1: nothing from elsewhere may be in it"
	unlike "$(grep -i '^Content-Security' page.headers)" 'unsafe|\*|http' \
		"$1: nor anything that is not named"
	has 'X-Content-Type-Options: nosniff$' "$1: it is no other thing"
	has 'Referrer-Policy: no-referrer$' "$1: says nothing to others"
	has 'Content-Type: text/html; charset=utf-8$' "$1: is HTML"
	has 'Cache-Control: private, no-cache$' "$1: is asked for each time"
}
page_get >/dev/null
has_policy page
for part in style script; do
	hash=$(python3 -c '
import base64, hashlib, re, sys
text = open("page").read()
(body,) = re.findall("<%s>(.*?)</%s>" % (sys.argv[1], sys.argv[1]), text, re.S)
print(base64.b64encode(hashlib.sha256(body.encode()).digest()).decode())' $part)
	ok "the $part is the one that may be" grep -qF "$part-src 'sha256-$hash';" \
		page.headers
	ok "in the file too" grep -qF "$part-src 'sha256-$hash';" "$file"
done
is "$(page_get /)" 200 "the list of channels"
ok "is well formed" page_text
like "$(page_text)" "^prod \| 1 failed, 1 healthy with an older bundle \| 1\.4 \| $date\$" \
	"names the channel, and says how it is"
has_policy list
is "$(page_get / -H "If-None-Match: $(tag)")" 304 "and is not sent twice"
is "$(page_get /prod/ -X POST -d x)" 405 "nothing is taken"

# ---- who may

stop serve
token=$(openssl rand -hex 16)
other=$(openssl rand -hex 16)
printf '%s\n' "$token" >tokens
chmod 600 tokens
page_serve --tokens tokens
for path in / /prod /prod/ /prod/index.html /none/; do
	is "$(page_get $path)" 401 "without a token: $path"
	has 'WWW-Authenticate: Basic realm="windlass", charset="UTF-8"$' \
		"a browser is told to ask"
	is "$(page_get $path -u "ada:$other")" 401 "with another one"
done
unlike "$(cat page)" prod "and hears of no channel"
is "$(page_get / -u "ada:$token")" 200 "with a token as password"
is "$(page_get /prod/ -u ":$token")" 200 "of any user"
is "$(page_get /prod/ -H "Authorization: Bearer $token")" 200 "or as engines do"
is "$(page_get /none/ -u "ada:$token")" 404 "what is not there is not"
is "$(page_get /prod/head -u "ada:$token")" 401 "a password is for pages only"
has 'WWW-Authenticate: Bearer realm="windlass"$' "which engines are told"
for header in "Basic $token" "Basic $(printf %s "$token" | base64 -w0)" \
	"Basic" "Basic ====" "basic $(printf 'a:%s\n' "$token" | base64 -w0)" \
	"Basic $(printf "%0500d:%s" 0 "$token" | base64 -w0)" \
	"Digest $(printf 'a:%s' "$token" | base64 -w0)"; do
	is "$(page_get /prod/ -H "Authorization: $header")" 401 \
		"no password: ${header:0:30}"
done
is "$(page_get /prod/ -H "Authorization: basic $(printf 'a:%s' "$token" |
	base64 -w0)")" 200 "a password: the scheme in small letters"
unlike "$(cat serve.log)" "$token" "the token is in no log"
stop serve
page_serve --public
is "$(page_get /)$(page_get /prod/)" 404200 \
	"everybody may read a page, and is not told which there are"

# ---- without

set_channel $host prod page false
gone() { [ "$(page_get)" = 404 ] && [ ! -e "$file" ]; }
put work deploy/prod/api.yaml ConfigMap api shop three
commit_push work 'No page' || bail "push"
ok "a channel that is to have none" wait_for 90 gone
set_channel $host prod page maybe
not_ok "what is no answer" hook $host publish
set_channel $host prod page true
stop serve
ok "publish, for who has no serve" hook $host publish
ok "makes it" grep -q '<th scope="row">1\.5</th>' "$file"
rm "$file"
ok "and refresh" hook $host refresh
ok "does" test -s "$file"
page_serve
ok "all is done" wait_for 20 settled
ln -sf ../../../config "$file"
is "$(page_get)" 404 "a link is not followed"
ok "but replaced" hook $host record-reports
is "$(page_get)" 200 "by the page"
done_testing
