#!/bin/bash
# A repository that several users share: each pusher has an own uid, none of
# them can read the key, and the publisher's serve makes the bundles
. "$(dirname "$0")/lib-users.sh"

groupadd devs
make_user windlass devs
make_user ada devs
make_user bob devs
make_user eve
mkdir /srv/git
chown windlass:devs /srv/git
chmod 2775 /srv/git
repo=/srv/git/app.git
as windlass git init -q --bare --shared=group "$repo"

init() {
	as windlass windlass-hook init prod --repo "$repo" \
		--ref refs/heads/main --path deploy --key \
		/srv/people/windlass/keys/prod "$@"
}
doctor() { as windlass windlass-hook doctor --repo "$repo" "$@"; }
field() { sed -n "s/^$1 //p" "$repo/windlass/public/prod/head"; }
tip() { as windlass git -C "$repo" rev-parse "${1:-main}"; }
is_current() {
	[ -n "$(field bundle)" ] &&
	as windlass git -C "$repo" cat-file commit "$(field bundle)" |
		grep -q "^Source-Commit: $(tip)$"
}
served() {
	start_as serve windlass bash -c 'umask 077; exec "$@"' - \
		windlass-hook serve --repo "$repo" --listen 127.0.0.1:0 \
		--check-interval 1d
	wait_line 20 serve.log '^listening' || { test_show serve.log; bail serve; }
}
# change USER TEXT: commits, with the strictest umask
change() {
	as "$1" bash -c 'umask 077; cd ~/clone && git pull -q origin main 2>/dev/null
		mkdir -p deploy && printf "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: $2, namespace: shop}\ndata: {text: \"$1\"}\n" >"deploy/$2.yaml" &&
		git add -A && git commit -q -m "$1"' - "$2" "${3:-$1}"
}
push() {
	local user=$1
	shift
	as "$user" bash -c 'umask 077; cd ~/clone && git push "$@" origin HEAD:main' \
		- "$@"
}

ok "init by the publisher" init
not_ok "the key is not ada's to read" as ada cat /srv/people/windlass/keys/prod
is "$(stat -c %a "$repo/windlass/prod" "$repo/windlass/prod/allow" | xargs)" \
	"2770 2770" "the group may lock, and leave allowances"

# ---- git and libgit2 want to be told that a foreign repository is meant

as ada bash -c 'git init -q ~/clone && git -C ~/clone remote add origin "$1"' - "$repo"
as bob bash -c 'git init -q ~/clone && git -C ~/clone remote add origin "$1"' - "$repo"
change ada one
not_ok "a push into a repository that is not known to be safe" push ada
like "$(cat .output)" "safe.directory" "says what to do"
not_ok "main" tip
git config --system --add safe.directory "$repo"

# ---- without serve

ok "a push while serve is down is taken" push ada
like "$(cat .output)" 'windlass: prod: not published: nobody answers' \
	"and says that it is not published"
not_ok "nothing is published" test -e "$repo/windlass/public/prod/head"
out=$(doctor)
like "$out" '^FAIL  (prod: )?source: .*windlass-hook publish prod' \
	"doctor sees it"
like "$out" '^warn  shared: .*let serve run' "and what would help"

# ---- with serve

served
ok "serve publishes it when it starts" wait_for 30 is_current
change ada two
ok "ada pushes" push ada
like "$(cat .output)" 'prod .*published' "and sees that it was published"
ok "and it is" is_current
change bob three
ok "bob, with another uid, pushes" push bob
like "$(cat .output)" 'prod .*published' "and sees that it was published"
ok "and it is" is_current
for user in ada bob; do
	like "$(cat serve.log)" "info asked channel=prod uid=$(id -u $user)" \
		"serve knows that it was $user"
done
change ada four
ok "ada again, on what bob pushed" push ada
ok "and it is published" is_current

# a bad push is refused by the hook under the pusher's uid
as bob bash -c 'cd ~/clone && git pull -q origin main &&
	echo "kind: [" >deploy/bad.yaml && git add -A && git commit -q -m bad'
before=$(tip)
not_ok "a bad push" push bob
like "$(cat .output)" 'deploy/bad.yaml:[0-9]+:[0-9]+: error: ' "says where"
is "$(tip)" "$before" "and changes nothing"
as bob git -C /srv/people/bob/clone reset -q --hard origin/main

# deletions: ada's hook leaves the allowance, the publisher takes it
as windlass git -C "$repo" config windlass.prod.deleteLimit 0
as ada bash -c 'cd ~/clone && git pull -q origin main && git rm -q deploy/bob.yaml &&
	git commit -q -m "remove bob"'
not_ok "a deletion without a word" push ada
ok "a deletion that is allowed" push ada -o allow-deletes=1
ok "is published by the publisher" is_current
is "$(ls "$repo/windlass/prod/allow")" "" "and the allowance is gone"

# both at once
for n in 1 2 3; do
	change ada "ada $n" && change bob "bob $n"
	push ada >push.ada 2>&1 & a=$!
	push bob >push.bob 2>&1 & b=$!
	wait $a; wait $b
	as bob bash -c 'cd ~/clone && git pull -q --rebase origin main'
	push bob >/dev/null 2>&1
	as ada bash -c 'cd ~/clone && git pull -q --rebase origin main'
	push ada >/dev/null 2>&1
done
ok "two who push at once: all of it is published" wait_for 30 is_current
ok "each bundle is well signed, and doctor finds nothing" doctor
like "$(doctor)" '^ok    shared: ' "nor that serve is missing"
ok "all objects are there" as windlass git -C "$repo" fsck --strict

# ---- who may what

not_ok "eve, not of the group, cannot ask" as eve perl -MIO::Socket::UNIX \
	-e 'IO::Socket::UNIX->new(Peer => shift) or exit 1' \
	"$repo/windlass/publish.sock"
change ada forged
as ada bash -c 'cd ~/clone && git push -q origin HEAD:refs/heads/aside 2>/dev/null'
not_ok "ada cannot publish by herself" as ada windlass-hook publish \
	--repo "$repo"
like "$(cat .output)" "signingKey|key file" "for want of the key"
not_ok "nor write the head" as ada bash -c 'echo x >"$1"' - \
	"$repo/windlass/public/prod/head"
not_ok "nor put another in its place" as ada mv /srv/people/ada/clone/deploy/ada.yaml \
	"$repo/windlass/public/prod/head"

# ---- what clusters report, which only the owner writes

host=$repo
. "$TEST_DIR/lib-report.sh"
new_reporter eu-1
install -o windlass -m 0644 reporters /srv/reporters
as windlass git -C "$repo" config windlass.prod.reporters /srv/reporters
url=$(sed -n 's/^listening on //p' serve.log)
reports=$repo/windlass/prod/reports
git config --global --add safe.directory "$repo"
sends() { report sent; post sent; }
said() { doctor | sed -n 's/^[a-zA-Z]* *prod: reporters: //p' | sed -n 2p; }
ok "serve takes reports" wait_for 20 eval '[ "$(sends)" = 204 ]'
like "$(said)" "^'eu-1' said healthy" "which is heard"
not_ok "ada cannot write beside them" as ada cp "$reports/eu-1" "$reports/eu-2"
# the folder above is the group's
ok "but she can move them away" as ada bash -c \
	'mv "$1" "$1.was" && mkdir "$1" && cp "$1.was/eu-1" "$1"' - "$reports"
like "$(said)" "no report of 'eu-1' is taken: others than the owner of the repository can write into '$reports'.*move it away" \
	"what is there then counts for nothing"
is "$(sends)" 503 "nothing is added to it"
like "$(cat serve.log)" 'report-not-kept.*others than the owner' "which serve says"
ok "the owner moves it away" as windlass mv "$reports" "$reports.hers"
is "$(sends)" 204 "and reports are taken again"
as windlass chmod g+w "$reports"
like "$(said)" "others than the owner of the repository can write into" \
	"a folder that the group may write is none"
ok "where ada puts one of her own" as ada bash -c \
	'cp "$1/eu-1" ~/mine && chmod 644 ~/mine && mv -f ~/mine "$1/eu-1"' - "$reports"
as windlass chmod g-w "$reports"
like "$(said)" "no report of 'eu-1' is taken: '$reports/eu-1'.*: it is not of the owner of the repository" \
	"nor does it count later"
rm -r "$reports" "$reports.was" "$reports.hers"

# ---- a pusher who is killed while serve works

change ada killed
push ada >/dev/null 2>&1 &
pusher=$!
moved() { [ "$(tip)" = "$(as ada git -C /srv/people/ada/clone rev-parse HEAD)" ]; }
wait_for 20 moved
kill -KILL "$pusher" 2>/dev/null
wait "$pusher" 2>/dev/null
stop serve
served
ok "what a killed push and a killed serve left is published" \
	wait_for 30 is_current
stop serve

done_testing
