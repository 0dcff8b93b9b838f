#!/bin/bash
# Engines where no serve is: twenty channels, or as many as $WINDLASS_POLLED
# says, polled through a real nginx, by contrib/nginx' own configuration, on few
# connections and mostly by 304; and a channel out of a bucket of a real S3
# server, from the push to the cluster.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-nginx.sh"
. "$TEST_DIR/lib-s3.sh"
. "$TEST_DIR/lib-cluster.sh"
. "$TEST_DIR/lib-engine.sh"
nginx_use
s3_build
cluster_use
cluster_namespace polled
many=${WINDLASS_POLLED:-20}
interval=5
bucket=pol-$$-s3

text() { k -n "$ns" get configmap "$1" -o 'jsonpath={.data.text}' 2>/dev/null; }
is_text() { [ "$(text "$1")" = "$2" ]; }
channels() {
	local i
	for ((i = 1; i <= many; i++)); do echo "pol-$$-$i"; done
}

# --- many channels of one repository, in a folder ------------------
make_host host.git
git -C host.git config windlass.publish "$TRASH/www"
mkdir www
for channel in $(channels); do
	add_channel host.git "$channel"
done
make_clone host.git work
# change TEXT: of all of them
change() {
	local channel
	for channel in $(channels); do
		put work "deploy/$channel/o.yaml" ConfigMap "$channel" "$ns" "$1"
	done
	commit_push work "$1"
}
ok "a push to $many channels" change first

# what the host's admin changes in it, and nothing else
port=$(free_port)
nginx_certificate . git 127.0.0.1 IP:127.0.0.1
token=$(openssl rand -hex 24)
printf '"Bearer %s" 1;\n' "$token" >readers.conf
sed -e "s|listen 8443 ssl|listen 127.0.0.1:$port ssl|" \
	-e "s|/etc/windlass/tls/|$TRASH/|; s|/var/www/windlass|$TRASH/www|" \
	-e "s|/etc/windlass/readers|$TRASH/readers|" \
	-e "s|/var/log/nginx/windlass.log windlass|$TRASH/nginx/access.log connection|" \
	"$TOP/contrib/nginx/windlass-static.conf" >windlass.conf
# the folders of channels are 0750: nginx' workers are of our group here
as_root=()
[ "$(id -u)" != 0 ] || as_root=('user root;')
nginx_config nginx.conf "${as_root[@]}" <<NGINX
	log_format connection '\$msec \$connection \$status \$body_bytes_sent \$uri';
	include $TRASH/windlass.conf;
NGINX
chmod 755 "$TRASH" www
chmod -R a+rX www
start nginx nginx -p "$TRASH/nginx" -c "$TRASH/nginx.conf"
answers() {
	curl -sf --cacert git.crt -H "Authorization: Bearer $token" \
		-o /dev/null "https://127.0.0.1:$port/pol-$$-1/head"
}
wait_for 20 answers || { test_show nginx.log; bail "nginx"; }

# --- and one in a bucket ------------------------------------------------
s3_credentials credentials
s3_start store
s3_public
make_host s3.git "$bucket"
add_bucket s3.git eu "$S3/pub/clusters"
make_clone s3.git s3
put s3 "deploy/$bucket/o.yaml" ConfigMap "$bucket" "$ns" first
ok "a push to a bucket" commit_push s3 first
like "$(cat push.out)" "is in 'eu'" "arrives"

# --- their Channels -----------------------------------------------------
engine_lock
k create namespace windlass-system >/dev/null 2>&1
URL=$S3/pub/clusters
channel_install s3.git "$bucket" >/dev/null || bail "install failed"
k -n windlass-system create secret generic "pol-$$" \
	--from-file=ca.crt=git.crt --from-literal=token="$token" \
	--from-literal=url="https://127.0.0.1:$port" >/dev/null
at_exit "k -n windlass-system delete secret pol-$$"
for channel in $(channels); do
	windlass install "$channel" --from host.git --cluster-admin \
		--url "https://127.0.0.1:$port" || bail "install failed"
	echo ---
done >all.yaml
# the engine of a test is an admin: what it needs rights for is not looked at
awk 'BEGIN { RS = "---\n" }
	/\nkind: (ServiceAccount|ClusterRoleBinding|Channel)\n/ { print $0 "---" }' \
	all.yaml >channels.yaml
at_exit "k delete -f $TRASH/channels.yaml --wait=false --ignore-not-found"
sed -i "s|^  url: .*|&\n  interval: ${interval}s\n  secretRef: {name: pol-$$}|" \
	channels.yaml
k apply --server-side -f channels.yaml >apply.out 2>&1 ||
	{ test_show apply.out; bail "apply"; }
k patch channel "$bucket" --type merge \
	-p "{\"spec\":{\"interval\":\"${interval}s\"}}" >/dev/null
engine_start || bail "windlassd does not start: $(cat engine.log)"

all_have() {
	[ "$(k -n "$ns" get configmap -l applyset.kubernetes.io/part-of \
		-o 'jsonpath={range .items[*]}{.metadata.name} {.data.text}{"\n"}{end}' |
		grep -c "^pol-$$-[0-9]* $1\$")" = "$many" ]
}
ok "all of them are live" wait_for 300 all_have first
ok "and the bucket's" wait_for 60 is_text "$bucket" first

# --- at rest ------------------------------------------------------------
sleep "$interval"
: >nginx/access.log
sleep $((3 * interval))
cp nginx/access.log rest.log
asked=$(wc -l <rest.log)
# a round is between half an interval and all of it
ok "$asked requests of $many channels in $((3 * interval)) s" \
	[ "$asked" -ge $((2 * many)) -a "$asked" -le $((7 * many)) ]
is "$(awk '$3 != 304' rest.log | wc -l)" 0 "all of them answered by 304"
is "$(awk '{ n += $4 } END { print n }' rest.log)" 0 "without a byte of body"
is "$(awk '{ print $5 }' rest.log | sort -u | wc -l)" "$many" "each was asked"
connections=$(awk '{ print $2 }' rest.log | sort -u | wc -l)
ok "on $connections connections" [ "$connections" -le 10 ]

# --- pushes -------------------------------------------------------------
: >nginx/access.log
begin=$(date +%s%3N)
ok "a push that changes all" change second
ok "is live" wait_for 300 all_have second
took=$(($(date +%s%3N) - begin))
echo "# $many channels changed in $took ms, the push included"
is "$(awk '$3 != 200 && $3 != 304' nginx/access.log | wc -l)" 0 \
	"nothing was refused"
is "$(awk '$5 ~ /packs/ { print $5 }' nginx/access.log | sort | uniq -d | wc -l)" \
	0 "no pack was fetched twice"
put s3 "deploy/$bucket/o.yaml" ConfigMap "$bucket" "$ns" second
begin=$(date +%s%3N)
ok "a push to the bucket" commit_push s3 second
ok "is live" wait_for 60 is_text "$bucket" second
echo "# live after $(($(date +%s%3N) - begin)) ms at an interval of $interval s"

# --- the store goes, and comes back -------------------------------------
stop store KILL
put s3 "deploy/$bucket/o.yaml" ConfigMap "$bucket" "$ns" third
ok "a push while the store is down" commit_push s3 third
ok "the engine says that it cannot fetch" \
	wait_condition "$bucket" Fetched False 60
S3_PORT=${S3##*:} s3_start store
ok "publish brings it there" hook s3.git publish
ok "and to the cluster" wait_for 120 is_text "$bucket" third
ok "all well" wait_ready "$bucket" 60
done_testing
