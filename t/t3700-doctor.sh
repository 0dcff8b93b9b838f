#!/bin/bash
# windlass-hook doctor: says ok when all is well, and finds each fault
. "$(dirname "$0")/lib.sh"

git init -q --bare r.git
init() {
	windlass-hook init prod --repo r.git --key "$TRASH/keys/prod" \
		--path deploy --ref refs/heads/main "$@"
}
doctor() { windlass-hook doctor --repo r.git "$@"; }

# sick DESCRIPTION CHECK REGEX: doctor fails by just this check
sick() {
	local out
	out=$(doctor)
	is "$?" 1 "found: $1"
	like "$out" "^FAIL  (prod: )?$2: .*$3" "by '$2', with what to do"
}
# uneasy DESCRIPTION CHECK REGEX: it warns
uneasy() {
	local out
	out=$(doctor)
	is "$?" 0 "warned of: $1"
	like "$out" "^warn  (prod: )?$2: .*$3" "by '$2', with what to do"
}
well() { ok "$1" doctor; }

manifest() {
	mkdir -p work/deploy
	cat >"work/deploy/$1.yaml" <<YAML
apiVersion: v1
kind: ConfigMap
metadata: {name: $1, namespace: shop}
data: {text: "$2"}
YAML
}
push() {
	git -C work add -A && git -C work commit -q --allow-empty -m change &&
	git -C work push -q ../r.git HEAD:main 2>push.log
}

# ---- before init

out=$(doctor)
is "$?" 1 "no channel"
like "$out" "^FAIL  settings: .*windlass-hook init" "is a fault"
out=$(windlass-hook doctor --repo "$TRASH")
like "$out" "^FAIL  repository: .*no Git repository" "no repository"
git init -q --bare --object-format=sha256 sha256.git
out=$(windlass-hook doctor --repo sha256.git)
is "$?" 1 "a repository that libgit2 cannot read"
like "$out" "^FAIL  repository: .*SHA-256" "says why"
is "$(windlass-hook doctor --output yaml 2>/dev/null; echo $?)" 129 \
	"another output than json is wrong usage"

# ---- all is well

init >/dev/null || bail "init"
well "right after init"
for lock in config packed-refs HEAD; do
	touch "r.git/$lock.lock"
	well "a lock on $lock that may be in use"
	touch -d '10 minutes ago' "r.git/$lock.lock"
	sick "a lock on $lock that a killed git left" git-locks \
		"'.*r.git/$lock.lock' is there for 10 min.*remove that file"
	rm "r.git/$lock.lock"
done
mkdir r.git/more
printf '# ours\n%s\n../more\n\n' "$TRASH/r.git/objects" >r.git/objects/info/alternates
well "objects of another repository"
rmdir r.git/more
sick "one that is gone" alternates "'.*objects/info/alternates' names '.*/objects/../more', which is not there"
echo "$TRASH/none" >r.git/objects/info/alternates
sick "by its full path" alternates "names '$TRASH/none'"
rm r.git/objects/info/alternates
git init -q work
manifest web one
push || { test_show push.log; bail "the first push"; }
well "after a push"
out=$(doctor)
for check in repository settings receive hidden-refs hook-pre-receive \
	hook-post-receive publish-folder space key kubernetes lock bundle epoch head \
	head-life clock packs source
do
	like "$out" "^(ok|warn)    ?(prod: )?$check: " "checks $check"
done
doctor --output json >report.json
ok "JSON" python3 - report.json <<'PYTHON'
import json, sys
report = json.load(open(sys.argv[1]))
assert report["failed"] == 0, report
names = [c["check"] for c in report["checks"]]
assert "source" in names and "space" in names, names
assert all(c["result"] in ("ok", "warn") for c in report["checks"])
assert [c["channel"] for c in report["checks"] if c["check"] == "key"] == ["prod"]
PYTHON

# ---- hooks

chmod -x r.git/hooks/pre-receive
sick "a hook that is not executable" hook-pre-receive "chmod"
chmod +x r.git/hooks/pre-receive
rm r.git/hooks/post-receive
sick "a hook that is missing" hook-post-receive "windlass-hook init"
init >/dev/null
git -C r.git config core.hooksPath /dev/null
sick "hooks that are turned off" hook-pre-receive "core.hooksPath"
git -C r.git config --unset core.hooksPath
sed -i "s|'[^']*/windlass-hook'|'/gone/windlass-hook'|" r.git/hooks/p*-receive
sick "a program that is gone" hook-pre-receive "/gone/windlass-hook"
tip=$(git -C r.git rev-parse -q --verify main)
not_ok "a push then" push
like "$(cat push.log)" "^remote: windlass: /gone/windlass-hook is gone from this Git host, so no push is taken" \
	"is told why"
like "$(cat push.log)" "^remote: windlass: its admin installs windlass-hook again, or removes the hook hooks/pre-receive" \
	"and what to do"
is "$(git -C r.git rev-parse -q --verify main)" "$tip" "and is refused"
sed -i '/^exec/i true' r.git/hooks/pre-receive
sick "a hook with something more in it" hook-pre-receive "not as it was written"
mkdir -p "it's"
ln -sf "$WINDLASS_BUILD/windlass-hook" "it's/windlass-hook"
for hook in pre-receive post-receive; do
	printf "#!/bin/sh\n# Written by \`windlass-hook init\`; \`windlass-hook doctor\` checks it.\nexec '%s/it'\\\\''s/windlass-hook' %s\n" \
		"$TRASH" $hook >r.git/hooks/$hook
done
well "a hook of an earlier version"
init >/dev/null
mv r.git/hooks/pre-receive r.git/hooks/ours
printf '#!/bin/sh\nexit 0\n' >r.git/hooks/pre-receive
chmod +x r.git/hooks/pre-receive
init >/dev/null
sick "another program's hook that does not call ours" hook-pre-receive \
	"does not call"
mv r.git/hooks/ours r.git/hooks/pre-receive
rm r.git/hooks/pre-receive.windlass
well "mended"

# ---- what git does with a push

git -C r.git config receive.advertisePushOptions false
uneasy "push options that are off" receive "allow-deletes"
git -C r.git config receive.advertisePushOptions true
git -C r.git config transfer.fsckObjects false
uneasy "objects that are not checked" receive "fsckObjects"
git -C r.git config transfer.fsckObjects true
git -C r.git config receive.fsckObjects false
uneasy "objects that are not checked after all" receive "fsckObjects"
git -C r.git config --unset receive.fsckObjects
git -C r.git config receive.shallowUpdate true
uneasy "shallow pushes" receive "shallowUpdate"
git -C r.git config --unset receive.shallowUpdate
git -C r.git config --unset receive.hideRefs refs/replace
uneasy "refs that are not hidden" hidden-refs "windlass-hook init"
init >/dev/null

# ---- settings, key, trust

git -C r.git config windlass.prod.kubernetes 1.2
sick "a Kubernetes of which nothing is known" kubernetes \
	"does not know Kubernetes 1\.2, but .*1\.36.*windlass\.prod\.kubernetes"
git -C r.git config windlass.prod.kubernetes 1.36

git -C r.git config windlass.prod.deleteLimt 5
sick "settings that are wrong" settings "deleteLimit"
git -C r.git config --unset windlass.prod.deleteLimt
chmod 644 keys/prod
sick "a key that others can read" key "keys/prod"
chmod 600 keys/prod
mv keys/prod keys/gone
sick "a key that is missing" key "keys/prod"
mv keys/gone keys/prod
ssh-keygen -q -t ed25519 -N '' -f keys/other
git -C r.git config windlass.prod.signingKey "$TRASH/keys/other"
uneasy "a key that did not sign the bundle" bundle "windlass-hook publish"
git -C r.git config windlass.prod.signingKey "$TRASH/keys/prod"
echo nonsense >approvers
git -C r.git config windlass.prod.approvers "$TRASH/approvers"
sick "approvers that cannot be read" approvers "line 1"
printf 'ada@example.org namespaces="git" %s\n' \
	"$(cut -d' ' -f1,2 keys/other.pub)" >approvers
well "approvers that can"
git -C r.git config --unset windlass.prod.approvers

# ---- what is published

head=r.git/windlass/public/prod/head
cp "$head" good-head
sed -i 's/^sequence 1$/sequence 2/' "$head"
sick "a head that was changed" head "not to be trusted"
# by the key of somebody who can write here, and is no publisher
sed '/^-----BEGIN/,$d' good-head >other
ssh-keygen -q -Y sign -n head-v1@windlass.dev -f keys/other other 2>/dev/null
cat other other.sig >"$head"
not_ok "a head that another key signed is not replaced" \
	windlass-hook publish --repo r.git prod
like "$(windlass-hook publish --repo r.git prod 2>&1)" \
	"signed by a key that never signed a bundle of it" "and it says so"
ok "it stays as it was" cmp "$head" <(cat other other.sig)
rm "$head"
sick "a head that is missing" head "windlass-hook publish"
cp good-head "$head"
mv r.git/windlass/public/prod/packs packs
mkdir r.git/windlass/public/prod/packs
sick "packs that are missing" packs "windlass-hook refresh"
rmdir r.git/windlass/public/prod/packs
mv packs r.git/windlass/public/prod/packs
pack=$(ls -S r.git/windlass/public/prod/packs | head -n 1)
mv "r.git/windlass/public/prod/packs/$pack" pack
sick "one pack that is missing" packs "windlass-hook"
mv pack "r.git/windlass/public/prod/packs/$pack"
first=$(git -C r.git rev-parse refs/windlass/prod)
manifest web two
push
well "after another push"
cp "$head" good-head
second=$(git -C r.git rev-parse refs/windlass/prod)
git -C r.git update-ref refs/windlass/prod "$first"
sick "a repository from a backup" head "epoch"
git -C r.git update-ref -d refs/windlass/prod
sick "without any bundle" head "epoch"
git -C r.git update-ref refs/windlass/prod "$second"
blob=$(echo x | git -C r.git hash-object -w --stdin)
forged=$(git -C r.git commit-tree -m "windlass prod 1.3" -p "$second" \
	"$(printf '100644 blob %s\tx\n' "$blob" | git -C r.git mktree)")
git -C r.git update-ref refs/windlass/prod "$forged"
sick "a bundle that nobody signed" bundle "refs/windlass/prod"
git -C r.git update-ref refs/windlass/prod "$second"
chmod o+w r.git/windlass/public
sick "a folder that everybody can write" publish-folder "chmod"
chmod o-w r.git/windlass/public
mv r.git/windlass/public moved
sick "a folder that is missing" publish-folder "windlass-hook init"
mv moved r.git/windlass/public
well "all put back"

# ---- pushes that no hook saw

git -C r.git config core.hooksPath /dev/null
manifest web three
push
git -C r.git config --unset core.hooksPath
sick "a tip that is not published" source "windlass-hook publish prod"
ok "publish" windlass-hook publish --repo r.git
well "mends it"
git -C r.git config core.hooksPath /dev/null
echo 'kind: [' >work/deploy/web.yaml
push
git -C r.git config --unset core.hooksPath
sick "a tip that is refused" source "deploy/web.yaml:"
manifest web four
push
mkdir -p work/docs
echo text >work/docs/text
push
well "a change elsewhere in the tree needs no bundle"

# ---- time

git -C r.git config windlass.prod.headLifetime 9s
windlass-hook refresh --repo r.git --force >/dev/null
sleep 7.1
sick "a head that nobody renews" head-life "windlass-hook serve"
sleep 2
sick "a head that is over" head-life "windlass-hook refresh"
git -C r.git config --unset windlass.prod.headLifetime
windlass-hook refresh --repo r.git --force >/dev/null
well "refreshed"

# ---- the lock

start holder flock r.git/windlass/prod/lock sleep 60
held() { ! flock -n r.git/windlass/prod/lock true; }
wait_for 30 held
uneasy "a lock that is held" lock "fuser"
stop holder

# ---- the server

git -C r.git config windlass.serve "127.0.0.1:$(free_port)"
sick "a server that does not run" serve "windlass-hook serve"
start serve windlass-hook serve --repo r.git
wait_line 30 serve.log "^listening"
well "a server that runs"
stop serve
git -C r.git config windlass.serve "unix:$TRASH/http"
sick "no server at a unix socket" serve "windlass-hook serve"
start serve windlass-hook serve --repo r.git
wait_line 30 serve.log "^listening"
well "a server at a unix socket"
stop serve
start mute perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(
	LocalAddr => "127.0.0.1", Listen => 5); $| = 1;
	print $s->sockport, "\n"; sleep 60'
wait_line 30 mute.log '^[0-9]+$'
git -C r.git config windlass.serve "127.0.0.1:$(cat mute.log)"
sick "a server that does not answer" serve "restart"
stop mute
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
	-keyout tls.key -out tls.crt -days 2 -subj /CN=localhost 2>/dev/null
port=$(free_port)
git -C r.git config windlass.serve "127.0.0.1:$port"
start tls windlass-hook serve --repo r.git --tls-cert tls.crt --tls-key tls.key
wait_line 30 tls.log "^listening"
well "a server that speaks TLS"
stop tls
git -C r.git config --unset windlass.serve

# ---- the disk

if [ "$(id -u)" -eq 0 ] && mkdir small && mount -t tmpfs -o size=32m none small
then
	at_exit "umount $TRASH/small"
	cp -a r.git/windlass/public small/
	git -C r.git config windlass.publish "$TRASH/small/public"
	sick "a disk that is nearly full" publish-space "MiB"
	git -C r.git config --unset windlass.publish
else
	skip 2 "no small file system can be mounted"
fi
well "at last"

done_testing
