#!/bin/bash
# Completions: what the programs say is possible, and bash, zsh and fish as
# somebody sees them who presses the tab key.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-git.sh"

# says PROGRAM WORD...: the words that are possible
says() {
	local program=$1
	shift
	"$program" --complete "$@" 2>&1 | cut -f 1
}
# options PROGRAM [COMMAND]: those that --help shows, but --help
options() {
	"$@" --help | grep -oE '^  --?[a-zA-Z][a-z-]*' | tr -d ' ' |
		grep -vx -e --help | LC_ALL=C sort -u
}

# ---- the programs ----

for program in windlass windlass-hook; do
	commands=$("$program" --help |
		sed -n '/^commands:$/,/^$/s/^  \([a-z-]*\) .*/\1/p')
	is "$(says $program '')" "$commands
help" "$program: its commands"
	is "$(says $program help '')" "$commands" "and those that help knows"
	for command in $commands; do
		"$program" --complete "$command" - >out 2>err
		is "$? $(wc -c <err)" "0 0" "$program $command answers"
		is "$(cut -f 1 out | grep -vx -e --help | LC_ALL=C sort)" \
			"$(options $program "$command")" \
			"with the options that its --help describes"
		is "$("$program" --complete "$command" '' </dev/null 2>&1 |
			grep -E '^(usage|windlass)')" "" "and does nothing else"
	done
done
is "$(says windlassd - | grep -vxE -e '--(help|version)' | LC_ALL=C sort)" \
	"$(options windlassd | grep -vx -e --version)" "windlassd: its options"
is "$(says windlass ch)" check "only what begins so"
is "$(says windlass no-such '')" "" "no command, nothing"
is "$(windlass --complete; echo $?)" 0 "no word, nothing"
like "$(says windlass check --output '' | xargs)" '^text json sarif' \
	"words that a description lists"
like "$(windlass --complete check --name)" \
	"^--namespace	for namespaced objects that name none$" "what it means"

is "$(says windlass check '')" :files "FILE|DIRECTORY is the shell's"
is "$(says windlass check --crds '')" :files "so is PATH"
is "$(says windlass log --repo '')" :folders "DIR is, without files"
is "$(says windlass log --repo=)" :folders "behind = too"
is "$(says windlass render -o '')" :folders "and of an option of one letter"
is "$(says windlass log --output '')" json "a word is meant as it is"
is "$(says windlass log --output=j)" --output=json "with what was typed"
is "$(says windlassd --log-level '' | xargs)" "debug info warn error" "levels"
is "$(says windlassd --log-level=e)" --log-level=error "of one sign less"
like "$(says windlass check --kubernetes '')" '^1\.[0-9]+$' \
	"versions that there are schemas of"
is "$(says windlass check --output json --out)" "" \
	"an option that was given is not offered again"
is "$(says windlass check --crds a --cr)" --crds "but if it may be repeated"
is "$(says windlass check --channel '')" "" "a name is anybody's"
is "$(says windlass check -- -)" :files "behind -- there are no options"
like "$(says windlass log prod '')" '^--repo$' "options where nothing else is"

# ---- names in a repository ----

git init -q --bare shop.git
windlass-hook init prod --repo shop.git --ref refs/heads/main --path deploy \
	--key "$TRASH/keys/prod" >/dev/null 2>&1 || bail "init"
windlass-hook init stage --repo shop.git --ref refs/heads/next --path deploy \
	--key "$TRASH/keys/stage" >/dev/null 2>&1 || bail "init"
git init -q work
mkdir work/deploy
for text in one two; do
	cat >work/deploy/web.yaml <<-END
		apiVersion: v1
		kind: ConfigMap
		metadata: {name: web, namespace: shop}
		data: {text: "$text"}
	END
	git -C work add -A
	git -C work commit -q -m "$text"
	git -C work push -q ../shop.git HEAD:refs/heads/main 2>push.log ||
		test_show push.log
done
is "$(says windlass log --repo shop.git '')" prod \
	"bundles of the channels that have some"
is "$(cd shop.git && says windlass diff '')" prod "in this folder"
is "$(says windlass show --repo=shop.git prod@ | xargs)" "prod@2 prod@1" \
	"by number, the newest first"
like "$(windlass --complete show --repo shop.git prod@2)" \
	'^prod@2	20..-.*Z \+0 ~1 -0$' "with when and what"
is "$(says windlass-hook publish --repo shop.git '' | xargs)" "prod stage" \
	"channels of windlass-hook"
is "$(says windlass-hook init app --repo shop.git --ref '')" \
	refs/heads/main "refs"
is "$(says windlass-hook publish --repo nowhere '')" "" \
	"what cannot be read says nothing"
is "$(KUBECONFIG=$TRASH/none says windlass status '')" "" \
	"nor a cluster that cannot be asked"

# a name that would be another thing on somebody's terminal
cp shop.git/refs/windlass/prod "shop.git/refs/windlass/bad"$'\e'"[2J" ||
	bail "no loose ref"
unlike "$(windlass --complete log --repo shop.git '')" $'\e' \
	"no control sequence out of a repository"
rm shop.git/refs/windlass/bad*

# what a shell would run, when somebody ends the line
for ref in '$(id)' '`id`' 'a;id' 'a|id' 'a&' 'a>b' "it's" 'a"' '{a,b}' '!id'; do
	git -C shop.git update-ref "refs/heads/x$ref" main || bail "no ref"
done
is "$(says windlass-hook init app --repo shop.git --ref '')" \
	refs/heads/main "no ref that is a command"
is "$(says windlass-hook init app --repo shop.git --ref=refs/heads/x)" "" \
	"behind = neither"
git -C shop.git for-each-ref --format='delete %(refname)' 'refs/heads/x*' |
	git -C shop.git update-ref --stdin

# ---- the shells ----

mkdir -p share/bash-completion/completions share/zsh fish
for program in windlass windlass-hook windlassd; do
	cp "$TOP/contrib/completion/windlass.bash" \
		"share/bash-completion/completions/$program"
	cp "$TOP/contrib/completion/windlass.fish" "fish/$program.fish"
done
cp "$TOP/contrib/completion/_windlass" share/zsh
touch manifest.yaml
mkdir folder
export TERM=vt100

# What is typed: each line ends by going to its start, and becomes words of a
# function that prints them; or is taken away, and what was listed is seen.
show=$'\001show \005'
kill=$'\025show '
cat >typed <<END
show ready
windlass stat\\t$show
windlass log --out\\tjs\\t$show
windlass log --output=\\t$show
windlass check mani\\t$show
windlass log --repo fol\\t$show
windlass log --repo=shop\\t$show
windlass show --repo shop.git prod@1\\t$show
windlass-hook publish --repo shop.git st\\t$show
windlassd --log-level=w\\t$show
windlass s\\t\\t\\?suspend?$kill
END
# what the words are then, one line of `typed` each
want="<ready>
<windlass|status>
<windlass|log|--output|json>
<windlass|log|--output=json>
<windlass|check|manifest.yaml>
<windlass|log|--repo|folder/>
<windlass|log|--repo=shop.git/>
<windlass|show|--repo|shop.git|prod@1>
<windlass-hook|publish|--repo|shop.git|stage>
<windlassd|--log-level=warn>
<>"

bash_completion=/usr/share/bash-completion/bash_completion
if [ -r $bash_completion ]; then
	cat >bashrc <<-END
		PS1= PS2= count=0
		bind 'set enable-bracketed-paste off' 'set bell-style none'
		bind 'set page-completions off'
		. $bash_completion
		show() { local IFS='|'; echo; echo "<\$*>"; echo "<done \$((++count))>"; }
	END
	XDG_DATA_DIRS=$TRASH/share "$TEST_DIR/typist.py" 60 \
		bash --noprofile --rcfile bashrc -i <typed >bash.out
	is "$? $(grep '^<' bash.out | grep -v '^<done')" "0 $want" \
		"bash completes" || test_show bash.out
	like "$(cat bash.out)" 'show +status +suspend' "and lists"
else
	skip 2 "no bash-completion: contrib/packages shells"
fi

if command -v zsh >/dev/null; then
	mkdir zdot
	cat >zdot/.zshrc <<-END
		PS1= PS2= PROMPT_EOL_MARK= count=0 RPS1=
		unsetopt prompt_sp prompt_cr beep list_beep auto_remove_slash
		unset zle_bracketed_paste
		bindkey -e
		setopt list_ambiguous
		fpath=($TRASH/share/zsh \$fpath)
		autoload -Uz compinit && compinit -u -D
		show() { local IFS='|'; echo; echo "<\$*>"; echo "<done \$((++count))>"; }
	END
	ZDOTDIR=$TRASH/zdot "$TEST_DIR/typist.py" 60 zsh -d -i <typed >zsh.out
	is "$? $(grep '^<' zsh.out | grep -v '^<done')" "0 $want" \
		"zsh completes" || test_show zsh.out
	like "$(cat zsh.out)" 'suspend +-- have the engine leave' \
		"and lists, with what it means"
else
	skip 2 "no zsh: contrib/packages shells"
fi

if command -v fish >/dev/null; then
	# asks FISH-STRING: what fish offers for that command line
	asks() {
		fish --no-config -c "set -p fish_complete_path $TRASH/fish
			complete -C '$1'" 2>&1
	}
	is "$(asks 'windlass stat')" \
		"status	show what is live, and what failed" "fish completes"
	is "$(asks 'windlass log --output=' | cut -f 1)" --output=json \
		"fish: what is behind ="
	is "$(asks 'windlass check mani' | cut -f 1)" manifest.yaml \
		"fish: files"
	is "$(asks 'windlass log --repo fol' | cut -f 1)" folder/ \
		"fish: folders"
	is "$(asks 'windlass log --repo=fol' | cut -f 1)" --repo=folder/ \
		"fish: folders behind ="
	is "$(asks 'windlass show --repo shop.git prod@' | cut -f 1 | xargs)" \
		"prod@2 prod@1" "fish: bundles, in their order"
	is "$(asks 'windlass-hook publish --repo shop.git st')" \
		"stage	refs/heads/next" "fish: windlass-hook's"
	is "$(asks 'windlassd --log-level w')" warn "fish: windlassd's"
else
	skip 8 "no fish: contrib/packages shells"
fi

done_testing
