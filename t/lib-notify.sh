# Those who are told what clusters report. Source it after lib.sh and lib-git.sh;
# it brings lib-report.sh, and lib-receiver.sh, whose receiver_start begins one in
# a folder of its name; FOLDER/answer is what it answers (report-receiver.py).
#
#   notify_host CLUSTER...     $host, its clone `work`, and these clusters of
#                              its channel prod, whose reports it takes
#   change TEXT                one more bundle, of $commit
#   set_receiver REPO NAME KEY VALUE   git config windlass-notify.NAME.KEY
#   serve_start                $host is served; $url is where
#   posts NAME                 how many came
#   came NAME N                so many came, soon
#   events NAME                of all messages: "EVENT CLUSTER EPOCH.SEQUENCE"
#   happened NAME LINE         that is one of them, soon
#   said_in NAME REGEX         a line of a message in Slack's form, soon
#   noted FILTER CHANNEL       jq's filter holds for what each receiver was told,
#                              soon: who is stopped between the post and the
#                              note tells it once more
#   later                      as if hours went by without a message
. "$TEST_DIR/lib-report.sh"
. "$TEST_DIR/lib-receiver.sh"

host=host.git
notify_host() {
	local cluster
	make_host $host prod
	make_clone $host work
	for cluster; do
		new_reporter "$cluster"
	done
	set_channel $host prod reporters "$TRASH/reporters"
}

change() {
	put work deploy/prod/web.yaml ConfigMap web shop "$1"
	commit_push work "$1" || bail "push"
	commit=$(git -C work rev-parse HEAD)
}

set_receiver() {
	git -C "$1" config "windlass-notify.$2.$3" "$4"
}

serve_start() {
	start serve windlass-hook serve --repo "$host" --listen 127.0.0.1:0
	wait_line 30 serve.log '^listening on ' || bail "serve does not start"
	url=$(sed -n 's/^listening on //p' serve.log)
}

posts() { reports_count "$1"; }
came_now() { [ "$(posts "$1")" -ge "$2" ]; }
came() { wait_for 20 came_now "$@"; }
bodies() { find "$TRASH/$1" -name '*.report' | sort | xargs -r cat; }
events() {
	bodies "$1" | jq -r '.events[] |
		"\(.event) \(.cluster) \(.epoch).\(.sequence)"'
}
happened_now() { events "$1" | grep -qxF "$2"; }
happened() { wait_for 30 happened_now "$@"; }
said_now() { bodies "$1" | jq -r .text | grep -qE -e "$2"; }
said_in() { wait_for 30 said_now "$@"; }
later() {
	local channel
	for channel in "$host"/windlass/*/notified; do
		# no run of serve may be between reading and writing
		flock "$channel.lock" sed -i 's/"until": [0-9]*/"until": 0/' \
			"$channel"/*
	done
}
noted_now() {
	local file
	for file in $host/windlass/"$2"/notified/*; do
		jq -e "$1" "$file" >/dev/null || return 1
	done
}
noted() { wait_for 60 noted_now "$@"; }
