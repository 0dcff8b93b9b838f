#!/bin/bash
# Manual pages: that they are sound mdoc, and that they and --help know the
# same commands and options.
. "$(dirname "$0")/lib.sh"

mapfile -t pages < <(cd "$TOP" && find schema hooks engine contrib -type f \
	-name '*.[1-8]' | LC_ALL=C sort)
ok "there are manual pages" [ ${#pages[@]} -gt 8 ]

# help PROGRAM [COMMAND]: its options, one a line
help() {
	"$@" --help | grep -oE '(^|[[:space:][|(])--?[a-zA-Z][a-z-]*' |
		grep -oE -e '-.*' | known
}
# manual PAGE: those that it has
manual() {
	grep -oE '\bFl -?[a-zA-Z][a-z-]*' "$TOP/$1" | sed 's/Fl /-/' | known
}
known() {
	grep -vxE -e '--(help|version)|-h' | LC_ALL=C sort -u
}
# commands PROGRAM: those that its --help lists
commands() {
	"$1" --help | sed -n '/^commands:$/,/^$/s/^  \([a-z-]*\) .*/\1/p'
}
is "$(printf '.It Fl -one Ar x , Fl t\n.Op Fl -help\n' >"$TRASH/a.1"
	TOP=$TRASH manual a.1 | tr '\n' ' ')" "--one -t " "options are found"

# ---- the pages themselves ----

if command -v mandoc >/dev/null; then
	for page in "${pages[@]}"; do
		# which other manuals are here is the machine's matter
		is "$(mandoc -T lint "$TOP/$page" 2>&1 |
			grep -vE 'mandoc\.db|referenced manual not found')" "" \
			"mandoc takes $page"
	done
else
	skip ${#pages[@]} "mandoc is not installed"
fi
is "$(for page in "${pages[@]}"; do
	name=${page##*/}
	grep -qx ".Dt $(echo "${name%.*}" | tr a-z A-Z) ${name##*.}" \
		"$TOP/$page" || echo "$page: its title is another name"
done)" "" "each is titled as its file"
is "$(for page in "${pages[@]}"; do
	sed -n 's/^\.Xr \(windlass[a-z-]*\) \([1-8]\).*/\1.\2/p' "$TOP/$page" |
		while read -r name; do
			printf '%s\n' "${pages[@]}" | grep -q "/$name$" ||
				echo "$page: refers to $name"
		done
done)" "" "what they refer to is there"
is "$(for page in "${pages[@]}"; do
	grep -qF "$page" "$TOP"/*/*.mk || echo "$page: is not installed"
done)" "" "each is installed"

# ---- every command and option, both ways ----

for command in $(commands windlass); do
	page=engine/cli/windlass-$command.1
	if [ -e "$TOP/$page" ]; then
		is "$(manual "$page")" "$(help windlass "$command")" \
			"the options of windlass $command"
	else
		fail "windlass $command has a manual"
	fi
	ok "windlass(1) knows it" \
		grep -q "^\.It Xr windlass-$command 1$" "$TOP/engine/cli/windlass.1"
done
is "$(find "$TOP/engine/cli" -name 'windlass-*.1' -printf '%f\n' |
	sed 's/windlass-\(.*\)\.1/\1/' | LC_ALL=C sort)" \
	"$(commands windlass | LC_ALL=C sort)" "no manual without a command"

page=hooks/windlass-hook.8
is "$(manual $page)" "$(for command in $(commands windlass-hook); do
	help windlass-hook "$command"
done | LC_ALL=C sort -u)" "the options of windlass-hook"
for command in $(commands windlass-hook); do
	ok "windlass-hook(8) knows $command" \
		grep -qE "^\.Ss .*\b$command\b" "$TOP/$page"
done

if [ -x "$WINDLASS_BUILD/windlassd" ]; then
	is "$(manual engine/windlassd.8)" "$(help windlassd)" \
		"the options of windlassd"
else
	skip 1 "windlassd is not built"
fi
# Events whose reason stands in the call, and those that the manual explains
posted() {
	perl -0777 -ne 'while (/event_post\([^"]*?EVENT_[^"]*?"([A-Z]\w+)"/g) {
		print "$1\n" }' "$TOP"/engine/*.c | LC_ALL=C sort -u
}
explained() {
	sed -n '/^\.Ss Events/,/^\.El/s/^\.It Ic //p' "$TOP/engine/windlassd.8" |
		tr -d ' ' | tr , '\n' | LC_ALL=C sort -u
}
ok "Events are found" [ "$(posted | wc -l)" -gt 10 ]
is "$(LC_ALL=C comm -23 <(posted) <(explained))" "" \
	"windlassd(8) explains every Event"

# ---- every event of a log, both ways ----

# events FOLDER: the names that its programs log. A name that is chosen stands
# in an array named events.
events() {
	perl -0777 -ne '
		print "$1\n" while /\blog_(?:debug|info|warn|error)\(\s*"([^"]*)"/g;
		if (/\blog_(?:debug|info|warn|error)\(\s*events\[/) {
			/\bevents\[[A-Z_]*\] = \{(.*?)\};/s or die "$ARGV: no events[]";
			my $names = $1;
			print "$1\n" while $names =~ /"([^"]*)"/g;
		}
		my $file = $ARGV =~ s|.*/||r;
		print "$file: $1\n" while
			/\blog_(?:debug|info|warn|error)\(\s*+((?!"|events\[)[^,)]*)/g;
	' "$TOP/$1"/*.c | LC_ALL=C sort -u
}
# told PAGE SECTION: those that it lists there
told() {
	sed -n "/^\.Ss $2\$/,/^\.S[sh] /{ /^\.S/d; p; }" "$TOP/$1" |
		sed -n '/logs* one line an event\|^One line an event/,$s/^\.It Ic //p' |
		sed 's/ , /\n/g' | LC_ALL=C sort -u
}
is "$(printf '.Ss a\nOne line an event\n.It Ic b , c-d\n.Ss e\n.It Ic f\n' \
	>"$TRASH/a.8"; TOP=$TRASH told a.8 a | tr '\n' ' ')" "b c-d " \
	"events of a page are found"
mkdir -p "$TRASH/src"
printf 'log_warn("b");\nlog_info(\n\t"a", x);\nlog_info(events[i]);\nevents[N_X] = {\n"c" };\nlog_info(x, 1);' \
	>"$TRASH/src/a.c"
is "$(TOP=$TRASH events src | tr '\n' ' ')" "a a.c: x b c " \
	"and those of a source"
is "$(told engine/windlassd.8 Log)" "$(events engine)" \
	"windlassd(8) lists each event, and no other"
is "$(told hooks/windlass-hook.8 serve)" "$(events hooks)" \
	"so does windlass-hook(8)"

done_testing
