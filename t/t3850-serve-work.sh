#!/bin/bash
# windlass-hook serve: publishing what no hook did, keeping heads fresh, and
# publishing for hooks that cannot read the key
. "$(dirname "$0")/lib.sh"

git init -q --bare --shared=group r.git
windlass-hook init prod --repo r.git --key "$TRASH/keys/prod" --path deploy \
	--ref refs/heads/main >/dev/null || bail "init"
git init -q work
manifest() {
	mkdir -p work/deploy
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {text: "%s"}\n' \
		"$1" >work/deploy/web.yaml
	git -C work add -A && git -C work commit -q -m "$1"
}
push() { git -C work push -q ../r.git HEAD:main 2>push.log; }
# a push that no hook sees
push_silently() {
	git -C r.git config core.hooksPath /dev/null
	push
	git -C r.git config --unset core.hooksPath
}
field() { sed -n "s/^$1 //p" r.git/windlass/public/prod/head; }
is_current() {
	git -C r.git cat-file commit "$(field bundle)" |
		grep -q "^Source-Commit: $(git -C work rev-parse HEAD)$"
}
serve() {
	start serve windlass-hook serve --repo r.git --listen 127.0.0.1:0 \
		--check-interval 1s --verbose "$@"
	wait_line 5 serve.log '^listening' || bail "serve does not start"
}
# but those that make its page
children() { grep 'debug job-started' serve.log | grep -vc 'record-reports'; }

# ---- catching up

manifest one
push_silently
not_ok "nothing is published before" test -e r.git/windlass/public/prod/head
serve
ok "at its start serve publishes what was pushed" wait_for 10 is_current
manifest two
push_silently
ok "and later what no hook published" wait_for 10 is_current
# a look of serve's may fall between the push and its publishing: not always
for text in three "three again" "three once more"; do
	before=$(children)
	manifest "$text"
	push || break
	is_current || break
	sleep 2.5
	after=$(children)
	[ "$after" != "$before" ] || break
done
ok "a push that its hook publishes is published by it" is_current
is "$after" "$before" "serve starts nothing for that"
sleep 2.5
is "$(children)" "$after" "nor at rest"
# packs that git has replaced since are not held
for text in four five six; do
	git -C r.git repack -q -a -d
	manifest $text
	push
	sleep 1.5
done
git -C r.git repack -q -a -d
is "$(ls -l "/proc/$pid_serve/fd" | grep -c 'deleted\|\.pack')" 0 \
	"nor does it keep packs open"
echo 'kind: [' >work/deploy/web.yaml
git -C work commit -q -a -m broken
push_silently
ok "a tip that is refused is reported" wait_line 10 serve.log \
	'warn job-failed .*status=1'
before=$(children)
sleep 2.5
is "$(children)" "$before" "and not tried again and again"
kill -HUP "$pid_serve"
retried() { [ "$(children)" -gt "$before" ]; }
ok "but after SIGHUP" wait_for 5 retried
manifest four
push_silently
ok "a better tip is published at once" wait_for 10 is_current
windlass-hook init dev --repo r.git --key "$TRASH/keys/dev" --path deploy \
	--ref refs/heads/dev >/dev/null
git -C work push -q ../r.git HEAD:dev 2>/dev/null
port=$(sed -n 's/^listening on //p' serve.log)
dev() { curl -sf -o /dev/null "$port/dev/head"; }
ok "a channel that is made meanwhile is served" wait_for 10 dev

# ---- jobs that end in the same turn

# what is used after it was freed shows: the C library overwrites it
stop serve
manifest "four more"
push_silently
git -C r.git update-ref refs/heads/dev "$(git -C work rev-parse HEAD)"
for channel in prod dev; do
	start "holder_$channel" flock "r.git/windlass/$channel/lock" sleep 60
	eval "held() { ! flock -n r.git/windlass/$channel/lock true; }"
	wait_for 10 held
done
MALLOC_PERTURB_=165 serve
both() { [ "$(children)" = 2 ]; }
ok "two channels are published at a time" wait_for 10 both
ended() { [ "$(ps -o stat= --ppid "$pid_serve" | grep -c Z)" = "$1" ]; }
paged() { [ "$(grep -c 'debug job-done command=record-reports' serve.log)" = 2 ]; }
ok "their pages are made" wait_for 20 paged
kill -STOP "$pid_serve"
stop holder_prod
ok "one ends while serve is busy" wait_for 20 ended 1
stop holder_dev
ok "and the other" wait_for 20 ended 2
kill -CONT "$pid_serve"
job_done() { [ "$(grep -c 'info job-done' serve.log)" -ge 2 ]; }
ok "serve takes both" wait_for 20 job_done
ok "and lives" kill -0 "$pid_serve"
ok "they are published" wait_for 10 is_current

# ---- fresh heads

git -C r.git config windlass.prod.headLifetime 6s
windlass-hook refresh --repo r.git --force prod >/dev/null
sequence=$(field sequence)
first=$(field issued)
refreshed() { [ "$(field issued)" != "$first" ]; }
sleep 1
not_ok "a head is left alone while it is young" refreshed
ok "and signed again when a third of its life is over" wait_for 4 refreshed
is "$(field sequence)" "$sequence" "it is the same bundle"
second=$(field issued)
again() { [ "$(field issued)" != "$second" ]; }
ok "again and again" wait_for 5 again
echo 'kind: [' >work/deploy/web.yaml
git -C work commit -q -a -m broken
push_silently
sleep 1.5
second=$(field issued)
ok "even while the tip is refused" wait_for 5 again
manifest five
push_silently
ok "and it is over" wait_for 10 is_current
git -C r.git config --unset windlass.prod.headLifetime
windlass-hook refresh --repo r.git --force prod >/dev/null
stop serve

# ---- requests over the socket

ask() {
	perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Peer => shift) or die "connect: $!";
		print $s shift; $s->flush; alarm 20; local $/; print <$s>;' \
		r.git/windlass/publish.sock "$1"
}
start serve windlass-hook serve --repo r.git --listen 127.0.0.1:0 \
	--check-interval 1d
wait_line 5 serve.log '^listening'
is "$(stat -c %a r.git/windlass/publish.sock)" 660 "the socket's mode"
manifest six
push_silently
like "$(ask $'publish prod\n')" '^say prod .*published' \
	"who asks is told what was published"
ok "and it is" is_current
is "$(ask $'publish prod\n' | tail -n 1)" "end 0" "asking again is no fault"
like "$(ask $'publish nothing\n')" '^end 1$' "a channel that is not there"
like "$(ask $'publish ../prod\n')" '^end 1$' "attack-49 a name that is none"
like "$(ask $'refresh prod\n')" '^end 1$' "attack-49 another request"
is "$(ask "$(printf 'publish %080d\n' 0)")" "" "one that is too long"
like "$(ask $'publish prod\npublish prod\n')" '^end 1$' "two at once"
echo 'kind: [' >work/deploy/web.yaml
git -C work commit -q -a -m broken
push_silently
out=$(ask $'publish prod\n')
like "$out" '^say deploy/web.yaml:[0-9]+:[0-9]+: error: ' \
	"a refusal says where"
like "$out" '^end 1$' "and is one"
manifest seven
push_silently
for i in 1 2 3 4 5 6 7 8; do
	ask $'publish prod\n' >"asked.$i" &
	askers[i]=$!
done
wait "${askers[@]}"
is "$(cat asked.* | grep -c '^end 0$')" 8 "many who ask are all told"
(perl -MIO::Socket::UNIX -e 'my @s = map { IO::Socket::UNIX->new(
	Peer => shift @ARGV) or die } (1 .. 40); sleep 60' \
	$(yes r.git/windlass/publish.sock | head -n 40)) &
silent=$!
sleep 0.2
like "$(ask $'publish prod\n')" '^end 0$' \
	"those that connect and say nothing are in nobody's way"
kill "$silent" 2>/dev/null

# a channel that was made while serve runs, and will not look by itself
windlass-hook init new --repo r.git --key "$TRASH/keys/new" --path deploy \
	--ref refs/heads/new >/dev/null
git -C work push -q ../r.git HEAD:refs/heads/kept 2>/dev/null
git -C r.git update-ref refs/heads/new refs/heads/kept
like "$(ask $'publish new\n')" '^end 0$' "a channel that is new is published"
ok "and there" test -e r.git/windlass/public/new/head
stop serve
start serve windlass-hook serve --repo r.git --listen 127.0.0.1:0 \
	--check-interval 1d --verbose
wait_line 5 serve.log '^listening'
windlass-hook init newer --repo r.git --key "$TRASH/keys/newer" --path deploy \
	--ref refs/heads/newer >/dev/null
git -C work push -q ../r.git HEAD:refs/heads/newer 2>/dev/null
ok "one that a hook publishes is known without a question" \
	wait_line 30 serve.log 'channel-served channel=newer'
stop serve
not_ok "the socket goes with serve" test -e r.git/windlass/publish.sock

# ---- a pusher who is not the publisher

# as_pusher COMMAND...: another user, who shares the repository by its group
as_pusher() {
	setpriv --reuid=54321 --regid=54321 --groups="$group" \
		env HOME="$TRASH/pusher" GIT_CONFIG_GLOBAL="$TRASH/pusher/.gitconfig" "$@"
}
group=54320
if [ "$(id -u)" -ne 0 ] || ! setpriv --reuid=54321 --regid=54321 \
	--groups=54320 true
then
	skip 10 "only root can be two users"
	done_testing
fi
chmod 755 "$TRASH"
chgrp -R "$group" r.git
chmod -R g+w r.git/objects r.git/refs
mkdir pusher
git config --file pusher/.gitconfig user.name Pusher
git config --file pusher/.gitconfig user.email pusher@example.org
git config --file pusher/.gitconfig --add safe.directory "$TRASH/r.git"
chown -R 54321:54321 pusher
ok "the repository's group may use its folder" \
	windlass-hook init prod --repo r.git
as_pusher git clone -q r.git pusher/work -b main 2>/dev/null
change() {
	as_pusher sh -c 'cd "$1" && printf "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {text: \"%s\"}\n" "$2" >deploy/web.yaml && git commit -q -a -m change' \
		- "$TRASH/pusher/work" "$1"
}
theirs() {
	git -C r.git cat-file commit refs/windlass/prod | grep -q \
		"^Source-Commit: $(git -C r.git rev-parse main)$"
}
not_ok "the pusher cannot read the key" as_pusher cat keys/prod
change one
ok "a push while serve is down is taken" \
	as_pusher git -C pusher/work push origin main
like "$(cat .output)" 'windlass: prod: not published: nobody answers' \
	"and says that it is not published"
serve
ok "serve publishes it when it starts" wait_for 10 theirs
stop serve
start serve windlass-hook serve --repo r.git --listen 127.0.0.1:0 \
	--check-interval 1d
wait_line 5 serve.log '^listening'
change two
ok "a push while serve runs" as_pusher git -C pusher/work push origin main
like "$(cat .output)" '^remote: prod .*published|^remote: .*prod .*published' \
	"is published while the pusher looks on"
ok "and it is" theirs
like "$(cat serve.log)" 'info asked channel=prod uid=54321' \
	"serve knows who asked"
not_ok "attack-49 who is not in the group cannot ask" setpriv --reuid=54322 \
	--regid=54322 --clear-groups perl -MIO::Socket::UNIX -e \
	'IO::Socket::UNIX->new(Peer => shift) or exit 1' \
	"$TRASH/r.git/windlass/publish.sock"
stop serve

done_testing
