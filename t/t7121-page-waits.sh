#!/bin/bash
# The page of a channel that waits for another one says so, and the list of
# channels says in few words how each is, made anew by serve without a hand.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
. "$TEST_DIR/lib-page.sh"
host=host.git

make_host $host prod staging other
make_clone $host work
new_reporter eu-1
for channel in prod staging; do
	set_channel $host $channel reporters "$TRASH/reporters"
done
set_channel $host prod after 'staging for 1s'
set_channel $host other page false
files() {
	local channel
	for channel in prod staging other; do
		put work "deploy/$channel/web.yaml" ConfigMap web shop "$1"
	done
}
says() { # CHANNEL PHASE
	r_channel=$1 r_phase=$2 r_objects=${3:-1 1 0 0 0 0} send "$1" >/dev/null
}
files one
commit work 'Begin with a <shop>'
push work || bail "$(cat push.out)"
page_serve --check-interval 1s
lists() { [ "$(page_get /)" = 200 ] && page_text >list.text && grep -qE -- "$1" list.text; }
is "$(trailer $host prod Sequence)" "" "prod is not published yet"
ok "the list says so" wait_for 30 lists '^prod \| \| nothing published'
ok "of staging too what nobody has said" wait_for 30 lists '^staging \| 1 not heard yet \| 1\.1 \| '
ok "and of one without a page only its bundle" lists '^other \| \| 1\.1 \| '

says staging healthy
ok "staging is live" wait_for 30 lists '^staging \| live \| 1\.1 \| '
ok "prod is published" wait_for 30 lists '^prod \| 1 not heard yet \| 1\.1 \| '
says prod healthy
ok "and live" wait_for 30 lists '^prod \| live \| 1\.1 \| '
ok "which is its page's title" page_says '^prod: healthy$'
unlike "$(cat page.text)" 'Waits' "it waits for nothing"

files two
commit_push work 'Sell <more>' || bail "$(cat push.out)"
two=$(git -C work rev-parse HEAD)
ok "what waits for staging is on the page" wait_for 30 page_says \
	"^Waits for staging, which must be healthy for 1s with it: ${two:0:12} Sell <more> by Ada Developer"
ok "in its title" grep -qx 'prod: waits for staging' page.text
ok "and in the list" wait_for 30 lists '^prod \| live; waits for staging \| 1\.1 \| '
staging=$(bundle $host staging)
git -C $host update-ref refs/windlass/staging main
hook $host record-reports prod >/dev/null
ok "where staging is damaged, its page says that it cannot be told" page_says \
	'^Whether anything waits for another channel cannot be told: '
git -C $host update-ref refs/windlass/staging "$staging"
hook $host record-reports prod >/dev/null
ok "until it is mended" page_says \
	"^Waits for staging, which must be healthy for 1s with it: ${two:0:12} "
says staging failed '1 0 0 1 0 0'
ok "staging fails" wait_for 30 lists '^staging \| 1 failed \| 1\.2 \| '
ok "prod waits" lists '^prod \| live; waits for staging \| 1\.1 \| '
says staging healthy
ok "staging is mended, and prod published" wait_for 30 lists '^prod \| 1 healthy with an older bundle \| 1\.2 \| '
ok "it waits no more" page_says "${two:0:12} Sell <more>"
unlike "$(cat page.text)" 'Waits' "says its page"
says prod healthy
ok "it is live" wait_for 30 lists '^prod \| live \| 1\.2 \| '
printf 'torn <meta name="description" content="<b>' >$host/windlass/public/prod/index.html
ok "a page that is torn" lists '^prod \| \| 1\.2 \| '
done_testing
