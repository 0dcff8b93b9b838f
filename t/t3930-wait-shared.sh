#!/bin/bash
# git push -o wait where several users share a repository: who pushes cannot
# read the key, and reads what the publisher's serve was told
. "$(dirname "$0")/lib-users.sh"
. "$TEST_DIR/lib-report.sh"

groupadd devs
make_user windlass devs
make_user ada devs
mkdir /srv/git
chown windlass:devs /srv/git
chmod 2775 /srv/git
host=/srv/git/app.git
as windlass git init -q --bare --shared=group "$host"
git config --system --add safe.directory "$host"
as windlass windlass-hook init prod --repo "$host" --ref refs/heads/main \
	--path deploy --key /srv/people/windlass/keys/prod >/dev/null ||
	bail "init"
new_reporter eu-1
install -d -m 755 /etc/windlass
install -m 644 reporters /etc/windlass/reporters
as windlass git -C "$host" config windlass.prod.reporters \
	/etc/windlass/reporters
start_as serve windlass bash -c 'umask 077; exec "$@"' - \
	windlass-hook serve --repo "$host" --listen 127.0.0.1:0
wait_line 20 serve.log '^listening' || bail "serve does not start"
url=$(sed -n 's/^listening on //p' serve.log)

as ada bash -c 'umask 077; git init -q ~/clone && cd ~/clone &&
	git remote add origin "$1" && mkdir deploy &&
	printf "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\n" >deploy/web.yaml &&
	git add -A && git commit -q -m one' - "$host" || bail "commit"
as ada git -C /srv/people/ada/clone push -o wait=60 origin HEAD:main \
	>push.out 2>&1 &
pusher=$!
wait_line 30 push.out 'prod 1\.1 published' || bail "$(cat push.out)"
is "$(r_phase=applying r_applied=none r_objects='1 0 1 0 0 0' send)" 204 \
	"a cluster applies what somebody else published"
wait_line 20 push.out 'prod@eu-1: applying, 0 of 1 objects ready'
judge $? "who pushed is told"
is "$(send)" 204 "it is healthy"
wait "$pusher"
is $? 0 "the push returns"
like "$(cat push.out)" 'prod@eu-1: healthy' "with the verdict"
is "$(stat -c '%U %a' "$host/windlass/prod/reports/eu-1")" "windlass 640" \
	"what is kept is the publisher's"
not_ok "and ada cannot write it" as ada bash -c 'echo x >>"$1"' - \
	"$host/windlass/prod/reports/eu-1"
not_ok "nor put one there" as ada touch "$host/windlass/prod/reports/us-1"

done_testing
