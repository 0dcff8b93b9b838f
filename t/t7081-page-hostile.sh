#!/bin/bash
# What strangers write is text in the page of a channel, and bounded: subjects,
# authors, refs, reports; and what cannot be read is told as that
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
. "$TEST_DIR/lib-approve.sh"
. "$TEST_DIR/lib-page.sh"

page_host || bail "no host"
page_serve
file=$host/windlass/public/prod/index.html
say_as() { like "$(cat page.text)" "$@"; }
# what an HTML parser finds is ours alone (page-text.py), and nothing turns text
# around or ends a line
is_safe() {
	ok "$1: none of it is markup" page_text page
	is "$(grep -c '<script' page) $(grep -c '</script' page)" "1 1" \
		"$1: there is one script"
	not_ok "$1: nothing turns text around" grep -qP \
		'[\x00-\x08\x0b-\x1f\x7f\x{80}-\x{9f}\x{061c}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}\x{feff}]' page
}

# ---- commits

# of any bytes, which git itself would not write so; the tree is the newest one
hostile_commit() {
	local id
	{
		printf 'tree %s\nparent %s\n' "$(git -C work rev-parse HEAD^{tree})" \
			"$(git -C work rev-parse HEAD)"
		printf 'author %s <%s> 1700000000 +0000\ncommitter %s <%s> 1700000000 +0000\n\n' \
			"$1" "$2" "$1" "$2"
		cat
	} >raw
	id=$(git -C work hash-object -t commit -w --stdin <raw) &&
		git -C work reset -q --hard "$id"
}
publish_commit() {
	put work deploy/prod/web.yaml ConfigMap web shop "$1"
	git -C work add -A
	git -C work commit -q -m tree
	hostile_commit "$2" "$3" && push work
}
evil=$(printf '<script>alert(1)</script> "a\x27 & <b onload=alert(1)> \xe2\x80\xae\xd7\x90 \x1b[31m \xff')
ok "a commit of hostile texts is published" publish_commit one \
	'Eve "x" onload=alert(1) &amp; '$'\xe2\x80\xae' "'\"onload=alert(1)" <<<"$evil"
ok "the page has it" wait_for 20 page_says '^1\.4 \|'
say_as '^Source: [0-9a-f]{12} <script>alert\(1\)</script> "a'\'' & <b onload=alert\(1\)> \\xe2\\x80\\xae.* \\x1b\[31m \\xff by Eve "x" onload=alert\(1\) &amp; \\xe2\\x80\\xae, 2023-11-14 22:13:20 UTC on' \
	"as text, and what is not printable as bytes"
is_safe commit
# a line of a megabyte, and a commit of more
ok "a subject of a megabyte" publish_commit two Long l@example.org \
	< <(head -c 1000000 /dev/zero | tr '\0' '"')
ok "is published" wait_for 20 page_says '^1\.5 \|'
quotes=$(printf '%0200d' 0 | tr 0 '"')
say_as "^Source: [0-9a-f]{12} $quotes… by Long" "is cut"
ok "a commit of two" publish_commit three Long l@example.org \
	< <(printf '<i>short\n\n'; head -c 2000000 /dev/zero | tr '\0' x)
ok "is published too" wait_for 20 page_says '^1\.6 \|'
say_as "^Source: [0-9a-f]{12} on" "and not looked into"
ok "the page is small" [ "$(stat -c %s "$file")" -lt 40000 ]
is_safe "large commits"
# characters of several bytes are not cut in two
ok "one at the limit" publish_commit four Long l@example.org \
	< <(printf '%0199dé%0100d' 0 0)
ok "of bytes" wait_for 20 page_says '^1\.7 \|'
say_as "^Source: [0-9a-f]{12} 0{199}… by Long" "a character is shown or not"

# ---- a ref

ref='refs/heads/<img/src=x>&"'\''a'
set_channel $host prod ref "$ref"
put work deploy/prod/web.yaml ConfigMap web shop five
git -C work add -A
git -C work commit -q -m five
ok "a ref with a strange name" git -C work push -q origin "HEAD:$ref"
ok "is told" wait_for 20 page_says '^1\.8 \|'
say_as "on <img/src=x>&\"'a\$|on refs/heads/<img/src=x>&\"'a\$" "as it is called"
is_safe ref

# ---- reports

failure '<svg/onload=alert(1)> "a/b"' '"><script>alert(1)</script>:1' \
	Reason '<img src=x onerror=alert(1)> & &lt; '\''"'
is "$(r_phase=failed r_reason=Failed \
	r_message='</p></section><script>alert(1)</script>' \
	r_objects="2 1 0 1 0 0" send)" 204 "a hostile report is taken"
truth
ok "and told" wait_for 20 page_says '^eu-1 failed$'
say_as '^Failed: </p></section><script>alert\(1\)</script>$' "as text"
say_as '^"><script>alert\(1\)</script>:1 \| <svg/onload=alert\(1\)> "a/b" \| Reason \| <img src=x onerror=alert\(1\)> & &lt; '\''"$' \
	"all of it"
is_safe report

# many clusters that say as much as they may
long=$(printf '%01000d' 0 | tr 0 '&')
for ((i = 10; i < 70; i++)); do
	new_reporter "c-$i"
done
taken=0
for ((i = 10; i < 70; i++)); do
	truth
	for ((n = 1; n <= 20; n++)); do
		failure "Kind.group a/$n" "a.yaml:$n" Reason "$long"
	done
	status=$(r_cluster=c-$i r_phase=failed r_reason=Failed \
		r_message=$long r_objects="20 0 0 20 0 0" send)
	[ "$status" = 204 ] && taken=$((taken + 1))
done
truth
is "$taken" 60 "sixty clusters with twenty long failures each"
ok "all are in the page" wait_for 60 page_says '^62 clusters: 61 failed, 1 not heard yet$'
is "$(grep -c '^c-[0-9]* failed$' page.text)" 60 "each of them"
say_as '^20 failures, which are not shown here: the page is full\.$' \
	"but not all that they say"
ok "which is bounded" [ "$(stat -c %s "$file")" -lt $((2 * 1024 * 1024)) ]

# ---- what cannot be read

stop serve
reports=$host/windlass/prod/reports
rm -f $reports/c-*
make_page() { hook $host record-reports >made 2>&1; }
renewed() { make_page; cp "$file" page && page_text >page.text; }
echo '<script>alert(1)</script>' >$reports/eu-1
ok "a file that is no report" renewed
not_ok "is a failure of the record" make_page
say_as '^eu-1 unreadable$' "and told"
say_as '^Its last report cannot be read: ' "with the reason"
is_safe "no report"
rm $reports/eu-1
echo '<b>nobody' >>reporters
ok "a list of reporters that is wrong" renewed
say_as '^The list of reporters cannot be used: .*line 63' "is told"
is_safe reporters
git -C $host update-ref refs/windlass/prod "$(git -C work rev-parse HEAD)"
ok "what is no bundle" renewed
say_as '^[0-9a-f]{12} cannot be told: ' "is not believed"
unlike "$(cat page.text)" 'Signed by' "nor anything behind it"
is_safe "no bundle"
git -C $host update-ref -d refs/windlass/prod
ok "no bundle at all" renewed
say_as '^Nothing was published yet\.$' "is told too"
done_testing
