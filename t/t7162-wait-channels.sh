#!/bin/bash
# git push -o wait of more channels than one: each is told of when it has
# something to say, and none waits for another one's clusters
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"
. "$TEST_DIR/lib-report.sh"
host=host.git

make_host $host alpha beta
make_clone $host work
new_reporter eu-1
for channel in alpha beta; do
	set_channel $host $channel reporters "$TRASH/reporters"
	mkdir -p $host/windlass/$channel/reports
	put work deploy/$channel/web.yaml ConfigMap web shop one
done
commit_push work one || bail "push"
for channel in alpha beta; do
	put work deploy/$channel/web.yaml ConfigMap web shop two
done
commit work two
before=$(git -C $host rev-parse refs/windlass/beta)

# what a cluster says, where serve would keep it
says() {
	r_channel=$1 report "$TRASH/next"
	mv "$TRASH/next" "$host/windlass/$1/reports/eu-1"
}
is_published() { [ "$(git -C $host rev-parse refs/windlass/beta)" != "$before" ]; }

git -C work push -o wait=120 origin HEAD:refs/heads/main >out 2>&1 &
pusher=$!
wait_for 60 is_published || bail "beta is not published"
says beta
ok "the second is told of while the first is silent" \
	wait_line 60 out 'windlass: beta@eu-1: healthy'
ok "which is waited for" kill -0 $pusher
unlike "$(cat out)" 'alpha@eu-1' "and nothing is said of it"
says alpha
wait $pusher
is $? 0 "the push ends with the last of them"
like "$(cat out)" 'windlass: alpha@eu-1: healthy' "and tells of it"

put work deploy/alpha/web.yaml ConfigMap web shop three
put work deploy/beta/web.yaml ConfigMap web shop three
commit work three
git -C work push -o wait=1 origin HEAD:refs/heads/main >out 2>&1
is $? 0 "when the time is over"
is "$(grep -c 'eu-1: has said nothing of it after [0-9]* s' out)" 2 \
	"each is told of once, at the same time"

# ---- of which the push has something for

put work deploy/beta/web.yaml ConfigMap web shop four
commit work four
git -C work push -o wait=1 origin HEAD:refs/heads/main >out 2>&1
like "$(cat out)" 'beta@eu-1: has said nothing of it after' "one that it changes"
unlike "$(cat out)" 'alpha@' "is waited for, and another one is not"
echo '# no other object' >>work/deploy/alpha/web.yaml
commit work comment
git -C work push -o wait=1 origin HEAD:refs/heads/main >out 2>&1
like "$(cat out)" 'alpha@eu-1: has said nothing of it after' \
	"one of which it changes no object is"
echo words >work/README
commit work words
git -C work push -o wait=120 origin HEAD:refs/heads/main >out 2>&1
is "$? $(grep -c '@eu-1' out)" "0 0" "of other files nobody is waited for"
like "$(cat out)" 'windlass: -o wait: the push has nothing that clusters would be told' \
	"which is said"

key=$(git -C $host config windlass.beta.signingKey)
mv $host/hooks/pre-receive pre-receive
set_channel $host beta signingKey "$TRASH/none"
echo more >>work/README
commit work unpublished
git -C work push -o wait=120 origin HEAD:refs/heads/main >out 2>&1
like "$(cat out)" 'windlass: beta: not published: ' "where one is not published"
unlike "$(cat out)" 'the push has nothing' "that is not said"
set_channel $host beta signingKey "$key"
mv pre-receive $host/hooks/pre-receive

# ---- one of many channels that serve has published before the hook came to it

cp $host/config config
for i in $(seq 20); do
	printf '[windlass "c-%d"]\n\tid = %032x\n\tref = refs/heads/other\n\tpath = deploy/c-%d\n\tsigningKey = %s\n' \
		"$i" "$i" "$i" "$TRASH/keys/alpha"
done >>$host/config
mv $host/hooks/post-receive post-receive
cat >$host/hooks/post-receive <<END
#!/bin/sh
windlass-hook publish --repo . beta >"$TRASH/first" 2>&1
exec "$TRASH/post-receive"
END
chmod +x $host/hooks/post-receive
put work deploy/alpha/web.yaml ConfigMap web shop many
put work deploy/beta/web.yaml ConfigMap web shop many
commit work many
git -C work push -o wait=1 origin HEAD:refs/heads/main >out 2>&1
like "$(cat first)" 'beta 1\.[0-9]+ published' "serve publishes one of many"
is "$(grep -c 'windlass: beta .*published' out)" 0 "of which the hook says nothing"
is "$(grep -c '@eu-1: has said nothing of it after' out)" 2 \
	"it is waited for as the other one"
echo more >>work/README
commit work more
git -C work push -o wait=120 origin HEAD:refs/heads/main >out 2>&1
is "$? $(grep -c '@eu-1' out)" "0 0" "of other files nobody is, here too"
mv post-receive $host/hooks/post-receive
cp config $host/config

# ---- many clusters that say much: looked at now and then, and to the end. The
# limit is of processor time, so that a busy machine changes nothing.

clusters=100
rm reporters
for i in $(seq $clusters); do
	new_reporter "c-$i"
done
before=$(git -C $host rev-parse refs/windlass/beta)
put work deploy/beta/web.yaml ConfigMap web shop five
commit work five
(ulimit -t 2 && exec git -C work push -o wait=300 origin HEAD:refs/heads/main) \
	>out 2>&1 &
pusher=$!
wait_for 60 is_published || bail "beta is not published"
r_channel=beta report "$TRASH/said"
# for 8 seconds all that one cluster says, and then that each is healthy
perl -MTime::HiRes=time,sleep -e '
	my ($n, $dir, $said) = @ARGV;
	local $/;
	open(my $f, "<", $said) or die;
	my $text = <$f>;
	sub says {
		my ($cluster, $phase, $counter) = @_;
		my $t = $text;
		$t =~ s/^cluster .*/cluster $cluster/m;
		$t =~ s/^phase .*/phase $phase/m;
		$t =~ s/^counter .*/counter $counter/m;
		open(my $o, ">", "$dir/.next") or die;
		print $o $t;
		close $o;
		rename "$dir/.next", "$dir/$cluster" or die;
	}
	my ($end, $i) = (time + 8, 1);
	says("c-" . ($i % $n + 1), "applying", $i++), sleep 0.002 while time < $end;
	says("c-$_", "healthy", $i + $_) for 1 .. $n;
	' $clusters $host/windlass/beta/reports said
wait $pusher
is $? 0 "a push that waits for $clusters clusters"
is "$(grep -c 'windlass: beta@c-[0-9]*: healthy' out)" $clusters \
	"hears the last word of each"

done_testing
