#!/bin/bash
# What both programs of commands have in common: help, version, what is wrong.
. "$(dirname "$0")/lib.sh"

# said STATUS PATTERN COMMAND...: that exit status, and that on stderr alone
said() {
	local status=$1 pattern=$2
	shift 2
	"$@" >out 2>err
	is "$? $(wc -c <out)" "$status 0" "$*: exit status, nothing on stdout"
	like "$(cat err)" "$pattern" "$*: says '$pattern'"
}

for program in windlass windlass-hook; do
	"$program" --help >help
	is "$?" 0 "$program --help"
	like "$(head -n 1 help)" "^usage: $program COMMAND" "begins with a synopsis"
	for way in -h help; do
		is "$("$program" $way)" "$(cat help)" "$program $way says the same"
	done
	said 129 "^usage: $program COMMAND" "$program"
	like "$("$program" --version)" "^$program [0-9]+\.[0-9]+" "--version"
	said 129 "^$program: no command 'prod'; .$program --help. lists" \
		"$program" prod
	said 129 "^$program: no command 'prod'" "$program" help prod
	for command in $(sed -n '/^commands:$/,/^$/s/^  \([a-z-]*\) .*/\1/p' help)
	do
		"$program" "$command" --help >out 2>err
		is "$? $(wc -c <err)" "0 0" "$program $command --help"
		like "$(head -n 1 out)" "^usage: $program $command" "its synopsis"
		is "$("$program" help "$command")" "$(cat out)" \
			"$program help $command says the same"
		said 129 "^usage: $program $command" "$program" "$command" \
			--no-such-option
	done
done

# a program without commands
like "$(windlassd --help)" "^usage: windlassd " "windlassd --help"
is "$(windlassd -h)" "$(windlassd --help)" "windlassd -h says the same"
is "$(windlassd --version)" "$(windlass --version | sed 's/ /d /')" \
	"windlassd --version, in the same form"
said 129 "^.windlassd --help. says more" windlassd --no-such-option
said 129 "^windlassd: no argument is taken: 'prod'" windlassd prod
said 129 "^windlassd: --log-level 'x' must be debug, info, warn or error" \
	windlassd --log-level x

# as git runs a hook
ln -s "$WINDLASS_BUILD/windlass-hook" pre-receive
like "$(./pre-receive --help)" "^usage: windlass-hook pre-receive" \
	"a link with a command's name is that command"
said 129 "^usage: windlass-hook pre-receive" ./pre-receive --no-such-option

done_testing
