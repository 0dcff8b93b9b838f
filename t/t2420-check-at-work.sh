#!/bin/bash
# windlass check where people use it: as a hook of git, under the framework
# of pre-commit.com, and in the CI files of contrib/ci, whose scripts are run.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-guide.sh"
guide checks


# manifest NAME: a ConfigMap that needs --namespace
manifest() {
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n' "$1"
}
new_repo() {
	git init -q -b main "$1"
	mkdir -p "$1/deploy/prod"
	manifest a >"$1/deploy/prod/a.yaml"
	git -C "$1" add .
	git -C "$1" commit -q -m first
}
# commit REPO: exit status, output in out
commit() { git -C "$1" commit -m x >out 2>&1; }

# ---- plain git ----

mkdir tmp
export TMPDIR=$TRASH/tmp

new_repo plain
in_plain() { (cd plain && bash -e "$1"); }
run_block "At a terminal" 1 in_plain
sed -n 's/^    //p' "$page" | sed -n '/^\[windlass "prod"\]/,/^    strict/p' \
	>plain/windlass.config
run_block "At a terminal" 2 in_plain
cp "$TOP/contrib/pre-commit/pre-commit" plain/.git/hooks/
run_block "At each commit" 1 in_plain
guide_done
manifest b >plain/deploy/prod/b.yaml
git -C plain add .
ok "a good manifest is committed" commit plain
manifest B_B >plain/deploy/prod/b.yaml
git -C plain add .
not_ok "a bad one is not" commit plain
like "$(cat out)" 'deploy/prod/b.yaml:3:18: error: .*name-malformed' \
	"and the place is the one in the work tree"
manifest b2 >plain/deploy/prod/b.yaml
not_ok "what is staged counts, not what lies there" commit plain
git -C plain add .
manifest B_B >plain/deploy/prod/b.yaml
ok "the other way round, too" commit plain
git -C plain checkout -q .
manifest b2 >plain/deploy/prod/c.yaml
git -C plain add .
not_ok "a duplicate in a file that did not change" commit plain
like "$(cat out)" 'is defined at deploy/prod/b.yaml:1 already' "is found"
git -C plain rm -q -f deploy/prod/c.yaml
echo text >plain/README
git -C plain add .
mkdir bin
for program in git sh mktemp rm; do
	ln -s "$(command -v $program)" bin/
done
(PATH=$TRASH/bin; commit plain)
like "$(cat out)" 'windlass is not in PATH' "without windlass it says so"
git -C plain commit -q -m x --no-verify
echo more >>plain/README
git -C plain add .
manifest B_B >"plain/deploy/prod/unstaged.yaml"
ok "a commit of other files is not held up" commit plain
rm plain/deploy/prod/unstaged.yaml

mkdir plain/crds
cat >plain/crds/web.yaml <<'EOF'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: webs.example.org}
spec:
  group: example.org
  names: {kind: Web, plural: webs}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object}}
EOF
printf 'apiVersion: example.org/v1\nkind: Web\nmetadata: {name: a}\n' \
	>"plain/deploy/prod/a web.yaml"
git -C plain add .
not_ok "a custom resource" commit plain
git -C plain config windlass.checkCrds crds
ok "with its definition" commit plain
is "$(ls tmp)" "" "nothing is left behind"

# ---- pre-commit.com ----

if command -v pre-commit >/dev/null; then
	export PRE_COMMIT_HOME=$TRASH/pre-commit PRE_COMMIT_COLOR=never
	git init -q -b main hooks
	cp "$TOP/.pre-commit-hooks.yaml" hooks/
	git -C hooks add .
	git -C hooks commit -q -m hooks
	new_repo framed
	cat >framed/.pre-commit-config.yaml <<-EOF
	repos:
	- repo: file://$TRASH/hooks
	  rev: $(git -C hooks rev-parse HEAD)
	  hooks:
	  - id: windlass-check
	    args: [--namespace=shop, deploy/prod]
	EOF
	git -C framed add .
	git -C framed commit -q -m config
	ok "pre-commit installs itself" \
		sh -c 'cd framed && pre-commit install'
	manifest b >framed/deploy/prod/b.yaml
	git -C framed add .
	ok "pre-commit: a good manifest" commit framed
	manifest B_B >framed/deploy/prod/b.yaml
	git -C framed add .
	not_ok "pre-commit: a bad one" commit framed
	like "$(cat out)" 'deploy/prod/b.yaml:3:18: error: ' \
		"pre-commit: is shown"
else
	skip 4 "pre-commit is not installed"
fi

# ---- CI: what the files run ----

# steps FILE: its scripts, one after the other, as a runner has them in a merge
# request, where nothing is rolled out
steps() {
	windlass yaml "$1" | perl -MJSON::PP -e '
		my $d = decode_json(join "", <STDIN>);
		my @run;
		my %env = %{$d->{env} // {}};
		my $jobs = $d->{jobs} // $d;
		for my $job (@$jobs{grep { /^(check|windlass)$/ } keys %$jobs}) {
			my $base = $jobs->{$job->{extends} // ""} // {};
			%env = (%env, %{$base->{variables} // {}});
			push @run, grep { defined } map { $_->{run} }
				grep { $_->{name} ne "rollout" }
				map { { name => "", %$_ } } @{$job->{steps} // []};
			push @run, @{$base->{before_script} // []},
				@{$job->{script} // []};
		}
		die "no scripts\n" if !@run;
		for (sort keys %env) {
			next if $env{$_} =~ /\$/;
			print "export $_=\"$env{$_}\"\n";
		}
		for (@run) {
			s/\n\z//;
			print "(\n$_\n) || failed=\$?\n";
		}
		print "exit \${failed:-0}\n"'
}
for ci in github forgejo gitlab; do
	steps "$TOP/contrib/ci/$ci.yaml" >$ci.sh
	is "$?" 0 "$ci: is YAML that means what it says"
	new_repo $ci
	ok "$ci: its scripts take a good repository" \
		sh -c "cd $ci && sh ../$ci.sh"
	manifest B_B >$ci/deploy/prod/b.yaml
	(cd $ci && sh ../$ci.sh) >out 2>&1
	is "$?" 1 "$ci: and fail with a bad one"
done
like "$(cd forgejo && sh ../forgejo.sh)" '\[name-malformed\]' \
	"forgejo: the finding is in the log"
like "$(cd github && sh ../github.sh)" \
	'^::error file=deploy/prod/b.yaml,line=3,col=18,title=name-malformed::' \
	"github: annotations"
like "$(cat github/windlass.sarif)" '"ruleId": "name-malformed"' \
	"github: a file for code scanning"
like "$(cat gitlab/windlass.xml)" '<failure type="name-malformed"' \
	"gitlab: a file for the merge request"

done_testing
